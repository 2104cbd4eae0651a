"""The archive as files: the same ledger gives the same bytes, whatever happened while it was written."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from audit.archive.folder import (
    BLOCK_RECORDS,
    SEGMENT_RECORDS,
    ArchiveBusy,
    ArchiveFolder,
    StreamPosition,
)
from audit.archive.reader import ArchiveSource
from audit.archive.stream_reader import StreamReader
from audit.archive.stream_writer import StreamWriter
from audit.archive.writer import ArchiveWriter
from consumers.action_topic import TopicRecord
from schemas.codec import decode_decision
from schemas.errors import ArchiveDamaged, FolderUnusable
from schemas.ids import built_in_ids
from tests.audit.ledgers import ABOUT, SmallLedger, files, keep, small_ledger

DECISIONS = 1_100


@pytest.fixture(scope="module")
def ledger() -> SmallLedger:
    """Four full blocks of decisions and a part of a fifth."""
    return small_ledger(DECISIONS)


@pytest.fixture(scope="module")
def archive(ledger: SmallLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That ledger, archived in one go. Not to be changed: copy it."""
    root = tmp_path_factory.mktemp("archive") / "archive"
    keep(ledger, root, [DECISIONS])
    return root


def test_gives_back_what_was_kept(archive: Path, ledger: SmallLedger) -> None:
    """Decisions come back byte for byte; records with offset, time, key, value and headers."""
    source = ArchiveSource(archive)
    assert ledger.values() == [value for batch in source.decisions() for value in batch]
    assert ledger.actions == [record for batch in source.records() for record in batch]
    assert [(one.offset, one.recorded_at_ms, one.value) for one in ledger.actions] == [
        (one.offset, one.recorded_at_ms, one.value) for batch in source.actions() for one in batch
    ]
    assert (DECISIONS, DECISIONS) == source.extent()


@pytest.mark.parametrize("batches", [(1, 2, 300), (255,), (256,), (257,), (7, 511)])
def test_batches_leave_no_trace(
    archive: Path, ledger: SmallLedger, tmp_path: Path, batches: tuple[int, ...]
) -> None:
    """Two archives of one ledger, made in batches of other sizes, are the same files byte for byte."""
    keep(ledger, tmp_path / "other", batches)
    assert files(archive) == files(tmp_path / "other")


def test_goes_on_another_day(archive: Path, ledger: SmallLedger, tmp_path: Path) -> None:
    """An archive that was brought up to date many times is the one that was made at once."""
    for decisions in (1, 256, 300, 511, 512, 900, DECISIONS):
        keep(ledger.before(decisions), tmp_path / "other", [100])
    assert files(archive) == files(tmp_path / "other")


def test_any_avro_tool_reads_it(archive: Path, ledger: SmallLedger) -> None:
    """The files are plain Avro: fastavro reads the same decisions, and the blocks are the original bytes."""
    values = ledger.values()
    seqs: list[int] = []
    for path in sorted((archive / "decisions").glob("*.avro")):
        with path.open("rb") as file:
            blocks: Any = fastavro.block_reader(file)
            for block in blocks:
                first = len(seqs)
                read = list(block)
                seqs += [decision["seq"] for decision in read]
                assert b"".join(values[first : first + len(read)]) == block.bytes_.getvalue()
    assert list(range(DECISIONS)) == seqs
    actions = {folder.name: records_in(folder) for folder in (archive / "actions").iterdir()}
    assert {"1", "4"} == set(actions)
    unreadable = records_in(archive / "unreadable")
    # In their order, as docs/archive.md says how to find it.
    for row, record, value in zip(records_in(archive / "offsets"), ledger.actions, values, strict=True):
        assert record.offset == row["offset"]
        assert record.recorded_at_ms == round(row["recorded_at"].timestamp() * 1000)
        if row["schema_id"] is None:
            kept = next(unreadable)
            assert (record.value, record.key) == (kept["value"], kept["key"])
        else:
            action = next(actions[str(row["schema_id"])])
            assert decode_decision(value).action_id == action["action_id"]
    assert [None] * 3 == [next(rest, None) for rest in (unreadable, *actions.values())]


def records_in(folder: Path) -> Iterator[Any]:
    """Every record of a series of files, as fastavro reads it."""
    for path in sorted(folder.glob("*.avro")):
        with path.open("rb") as file:
            yield from fastavro.reader(file)


def test_every_crash_leaves_a_whole_archive(
    ledger: SmallLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at any write that reaches the disk: what counts is whole, and going on gives the same files."""
    small = ledger.before(600)
    keep(small, tmp_path / "whole", [300])
    sync = os.fsync
    countdown = [0]

    def cut_off(descriptor: int) -> None:
        countdown[0] -= 1
        if countdown[0] == 0:
            raise KeyboardInterrupt
        sync(descriptor)

    crashes = 0
    for number in range(1, 200, 3):
        root = tmp_path / "crashed"
        countdown[0] = number
        monkeypatch.setattr(os, "fsync", cut_off)
        try:
            keep(small, root, [300])
        except KeyboardInterrupt:
            crashes += 1
        monkeypatch.setattr(os, "fsync", sync)
        if (root / "archive.json").exists():
            # With the lock in hand, what the dead writer left behind the end is not judged.
            with ArchiveFolder(root).claim():
                kept = [value for batch in ArchiveSource(root).decisions() for value in batch]
            assert small.values()[: len(kept)] == kept
        keep(small, root, [300])
        assert files(tmp_path / "whole") == files(root), f"after a crash at write {number}"
        shutil.rmtree(root)
        if countdown[0] > 0:
            break
    assert crashes > 10


@pytest.mark.parametrize("limit_bytes", [20_000, 60_000, 150_000, 200_000])
def test_a_full_disk_is_told_and_nothing_is_believed(
    archive: Path, ledger: SmallLedger, tmp_path: Path, limit_bytes: int
) -> None:
    """Where the system takes no more bytes, writing ends with a clear error; with room again it goes on."""
    root = tmp_path / "archive"
    keep(ledger.before(100), root)
    before = (root / "position.json").read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        with pytest.raises(FolderUnusable, match="no room"):
            keep(ledger, root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert before == (root / "position.json").read_bytes()
    with ArchiveFolder(root).claim():
        assert ledger.values()[:100] == [one for batch in ArchiveSource(root).decisions() for one in batch]
    keep(ledger, root)
    assert files(archive) == files(root)


def test_one_writer_at_a_time(archive: Path, tmp_path: Path) -> None:
    """A second writer is refused; a reader beside the first is not."""
    root = tmp_path / "archive"
    shutil.copytree(archive, root)
    with ArchiveWriter(root, ABOUT, built_in_ids()):
        with pytest.raises(ArchiveBusy):
            ArchiveWriter(root, ABOUT, built_in_ids())
        assert DECISIONS == sum(map(len, ArchiveSource(root).decisions()))


def test_reading_beside_the_writer(ledger: SmallLedger, tmp_path: Path) -> None:
    """Whoever opened the archive reads it as it was then, while the writer fills its last block."""
    root = tmp_path / "archive"
    with ArchiveWriter(root, ABOUT, built_in_ids()) as writer:
        sources = []
        for start in range(0, 700, 100):
            part = ledger.actions[start : start + 100]
            writer.keep_actions(part, part[-1].offset + 1)
            writer.keep_decisions(ledger.decisions[start : start + 100])
            writer.commit()
            sources.append(ArchiveSource(root))
        beside = [read_as_opened(source) for source in sources]
    # And after the writer has gone, which has left the files longer than most of them were.
    assert beside == [read_as_opened(source) for source in sources]
    for number, (decisions, records) in enumerate(beside, start=1):
        assert ledger.values()[: 100 * number] == decisions
        assert ledger.actions[: 100 * number] == records


def read_as_opened(source: ArchiveSource) -> tuple[list[bytes], list[TopicRecord]]:
    """Everything that an archive held when it was opened."""
    return (
        [one for batch in source.decisions() for one in batch],
        [one for batch in source.records() for one in batch],
    )


def test_nothing_else_is_taken_for_an_archive(tmp_path: Path) -> None:
    """A folder with something else in it is neither written to nor read."""
    (tmp_path / "letter.txt").write_text("dear reader")
    with pytest.raises(FolderUnusable, match=r"letter\.txt"):
        ArchiveWriter(tmp_path, ABOUT, built_in_ids())
    with pytest.raises(ArchiveDamaged, match=r"no archive\.json"):
        ArchiveSource(tmp_path)


def test_one_decision_by_its_number(archive: Path, ledger: SmallLedger) -> None:
    """A decision is found by `seq` without reading those before it."""
    source = ArchiveSource(archive)
    for seq in (0, 255, 256, 1023, 1024, DECISIONS - 1):
        assert ledger.values()[seq] == source.decision(seq)
    assert (None, None) == (source.decision(-1), source.decision(DECISIONS))


def test_files_have_a_fixed_number_of_records(tmp_path: Path) -> None:
    """A file is finished at its last record, and the next begins with the one behind it."""
    folder = ArchiveFolder(tmp_path)
    writer = StreamWriter(folder, "rows", '"bytes"', 7, StreamPosition())
    records = [bytes([2 * len(text), *text]) for text in (str(n).encode() for n in range(70_000))]
    writer.extend(records[:65_000])
    writer.extend(records[65_000:])
    at = writer.commit()
    writer.close()
    assert [0, SEGMENT_RECORDS] == folder.segments("rows")
    assert 70_000 % BLOCK_RECORDS == len(at.tail.sizes if at.tail is not None else [])
    reader = StreamReader(folder, "rows", at)
    assert records == [one for block in reader.blocks() for one in block.records]
    (block,) = [block for block in reader.blocks(69_999) if block.first <= 69_999]
    assert records[69_999] in block.records


def test_another_contract_begins_another_file(tmp_path: Path) -> None:
    """Records that were written with another schema stand in files that name it."""
    folder = ArchiveFolder(tmp_path)
    writer = StreamWriter(folder, "rows", '"bytes"', 7, StreamPosition())
    writer.extend([b"\x02a"] * 300)
    writer.change_schema('"string"', 8)
    writer.extend([b"\x02b"] * 300)
    at = writer.commit()
    writer.close()
    assert [0, 300] == folder.segments("rows")
    again = StreamWriter(folder, "rows", '"null"', 9, at)
    assert 8 == again.schema_id
    again.close()
    found = [(b.first, len(b.records), b.schema_id) for b in StreamReader(folder, "rows", at).blocks()]
    assert [(0, 256, 7), (256, 44, 7), (300, 212, 8), (512, 88, 8)] == found
