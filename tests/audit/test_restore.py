"""A ledger out of its archive, on a real Kafka: the same bytes at the same places, and it goes on."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from audit.archive.claim import RestoreRunning
from audit.archive.folder import About
from audit.archive.reader import ArchiveSource
from audit.archive.restore import DeciderAtWork, Restore, RestoreInterrupted, TopicNotEmpty
from audit.archive.writer import ArchiveWriter
from consumers.archiver import catch_up
from neraca.stack.topics import check_topics, ensure_topics
from schemas.errors import ArchiveDamaged, TopicMismatch
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.topics import ALL_TOPICS
from tests.audit.ledgers import SmallLedger, files, keep, small_ledger
from tests.faults.journals import Ledger, decide_again
from tests.faults.services import crew, eventually
from tests.running import RunningStack

RECORDS = 600
UNDECIDED = 5


@pytest.fixture(scope="module")
def history() -> SmallLedger:
    """Actions, and records that are none."""
    return small_ledger(RECORDS + 50, holes=False)


@pytest.fixture(scope="module")
def original(
    stack: RunningStack, tmp_path_factory: pytest.TempPathFactory, history: SmallLedger
) -> Iterator[tuple[str, Path]]:
    """A ledger whose topic has markers of every kind, records that are none, and a backlog; its archive.

    The prefix of its topics, and the folder: not to be changed, copy it.
    """
    prefix = f"t{uuid.uuid4().hex[:10]}."
    ensure_topics(stack.kafka, prefix)
    ledger = Ledger(stack.bootstrap, prefix)
    values = [action.value for action in history.actions[:RECORDS]]
    ledger.abort(ledger.actions_topic, [b"first of all"])
    ledger.send(values[:100])
    ledger.abort(ledger.actions_topic, [b"nobody sees this"] * 7)
    ledger.send(values[100:200])
    commit(ledger, values[200:203])
    commit(ledger, values[203:204])
    ledger.send(values[204:-1])
    commit(ledger, values[-1:])
    decided = decide_again(ledger.read(ledger.actions_topic))[:-UNDECIDED]
    head = built_in_ids().decision_id
    # One of them twice, as after a crash.
    ledger.forge([frame(head, value) for value in [*decided[:300], *decided[299:]]])
    root = tmp_path_factory.mktemp("original") / "archive"
    archive_topics(stack, prefix, root)
    yield prefix, root
    ledger.close()
    client = AdminClient({**stack.kafka, "log_level": 0})
    for future in client.delete_topics([topic.under(prefix) for topic in ALL_TOPICS]).values():
        future.result()


@pytest.fixture
def archive(original: tuple[str, Path], tmp_path: Path) -> Path:
    """A copy of its archive."""
    shutil.copytree(original[1], tmp_path / "archive")
    return tmp_path / "archive"


def commit(ledger: Ledger, values: list[bytes | None]) -> None:
    """Write records in a transaction that is committed: its marker takes an offset."""
    before = ledger.end(ledger.actions_topic)
    producer = Producer({**ledger.kafka, "transactional.id": ledger.actions_topic, "log_level": 0})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(ledger.actions_topic, value, partition=0)
    producer.commit_transaction(30)
    eventually("the marker", lambda: ledger.end(ledger.actions_topic) == before + len(values) + 1)


def archive_topics(stack: RunningStack, prefix: str, root: Path) -> None:
    """Bring an archive up to date."""
    with ArchiveWriter(root, About("actions", "decisions"), built_in_ids()) as writer:
        catch_up(stack.kafka, prefix, writer)
        writer.checkpoint()


def restore(stack: RunningStack, prefix: str, archive: Path, stop_at: str = "") -> None:
    """Restore, or stop at that step as if killed."""

    def advance(what: str, _done: int, _total: int) -> None:
        if what == stop_at:
            raise KeyboardInterrupt

    work = Restore(ArchiveSource(archive), stack.kafka, prefix, advance)
    try:
        work.run()
    finally:
        work.close()


def without_place(root: Path) -> dict[str, bytes]:
    """The files of an archive; where the last decision stands on its topic is nobody's promise."""
    found = files(root)
    position = json.loads(found["position.json"])
    del position["journal_offset"]
    return {**found, "position.json": json.dumps(position).encode()}


def test_the_same_bytes_at_the_same_places(
    stack: RunningStack, new_topics: Callable[[], str], archive: Path, tmp_path: Path
) -> None:
    """Offsets, append times, keys, headers, values and decisions: an archive of the copy is the same files.

    The topics are as designed afterwards, and were not while the restore went on.
    """
    prefix = new_topics()
    seen = []

    def advance(what: str, _done: int, _total: int) -> None:
        if what.startswith("restoring"):
            with pytest.raises(TopicMismatch):
                check_topics(stack.kafka, prefix)
            seen.append(what)

    work = Restore(ArchiveSource(archive), stack.kafka, prefix, advance)
    restored = work.run()
    work.close()
    assert {"restoring actions", "restoring decisions"} == set(seen)
    assert (RECORDS, RECORDS - UNDECIDED, 0, 0) == (
        restored.actions,
        restored.decisions,
        restored.actions_found,
        restored.decisions_found,
    )
    check_topics(stack.kafka, prefix)
    archive_topics(stack, prefix, tmp_path / "copy")
    assert without_place(archive) == without_place(tmp_path / "copy")
    # The archive goes on with the restored ledger, whose decisions stand at other offsets.
    archive_topics(stack, prefix, archive)
    assert files(tmp_path / "copy").keys() == files(archive).keys()


def test_a_ledger_of_years_ago(stack: RunningStack, new_topics: Callable[[], str], tmp_path: Path) -> None:
    """Times of long ago, keys, headers and records without a value come back as they were."""
    ledger = small_ledger(260)
    keep(ledger, tmp_path / "archive")
    prefix = new_topics()
    restore(stack, prefix, tmp_path / "archive")
    archive_topics(stack, prefix, tmp_path / "copy")
    assert ledger.actions == [one for batch in ArchiveSource(tmp_path / "copy").records() for one in batch]
    assert ledger.values() == [one for batch in ArchiveSource(tmp_path / "copy").decisions() for one in batch]


def test_the_decider_goes_on(
    stack: RunningStack,
    new_topics: Callable[[], str],
    archive: Path,
    tmp_path: Path,
    history: SmallLedger,
) -> None:
    """A decider on the restored topics decides what was waiting and what comes, on the same chain."""
    prefix = new_topics()
    restore(stack, prefix, archive)
    ledger = Ledger(stack.bootstrap, prefix)
    before = [value for batch in ArchiveSource(archive).decisions() for value in batch]
    with crew(stack.bootstrap, prefix, tmp_path) as services:
        services.start()
        ledger.send([action.value for action in history.actions[RECORDS:]])
        eventually("the new actions are decided", ledger.is_decided)
        with pytest.raises(DeciderAtWork):
            restore(stack, prefix, archive)
    verdict = ledger.judge()
    ledger.close()
    assert RECORDS + 50 == len(verdict.decisions)
    assert before == verdict.values[: len(before)]
    assert (0, 0) == (verdict.passed_over, verdict.repeats)


@pytest.mark.parametrize("step", ["restoring actions", "restoring decisions", "reading back"])
def test_an_interrupted_restore_goes_on(
    stack: RunningStack, new_topics: Callable[[], str], archive: Path, tmp_path: Path, step: str
) -> None:
    """Stopped at any step, it goes on when run again and ends the same; no service starts before."""
    prefix = new_topics()
    with pytest.raises(KeyboardInterrupt):
        restore(stack, prefix, archive, stop_at=step)
    with pytest.raises(TopicMismatch):
        check_topics(stack.kafka, prefix)
    restore(stack, prefix, archive)
    archive_topics(stack, prefix, tmp_path / "copy")
    assert without_place(archive) == without_place(tmp_path / "copy")


# A restore that has claimed the topics and is in the middle of its work, until it is killed.
HALF_WAY = """
import sys, time
from pathlib import Path
from audit.archive.reader import ArchiveSource
from audit.archive.restore import Restore

def advance(what, done, total):
    if what == "restoring actions":
        print(what, flush=True)
        time.sleep(600)

Restore(ArchiveSource(Path(sys.argv[1])), {"bootstrap.servers": sys.argv[2]}, sys.argv[3], advance).run()
"""


def test_two_restores_at_once(
    stack: RunningStack, new_topics: Callable[[], str], archive: Path, tmp_path: Path
) -> None:
    """While one restores, another is told so and changes nothing; the first one killed, it bars nobody."""
    prefix = new_topics()
    first = subprocess.Popen(
        [sys.executable, "-c", HALF_WAY, archive, stack.bootstrap, prefix], stdout=subprocess.PIPE
    )
    with first, contextlib.ExitStack() as ending:
        ending.callback(first.kill)
        assert first.stdout is not None
        assert b"restoring actions\n" == first.stdout.readline()
        second = Restore(ArchiveSource(archive), stack.kafka, prefix)
        ending.callback(second.close)
        for step in (second.run, second.start_over):
            with pytest.raises(RestoreRunning, match="another `neraca restore` is at work"):
                step()
        assert first.poll() is None
    restore(stack, prefix, archive)
    archive_topics(stack, prefix, tmp_path / "copy")
    assert without_place(archive) == without_place(tmp_path / "copy")


def test_only_into_empty_topics(
    stack: RunningStack, original: tuple[str, Path], new_topics: Callable[[], str], archive: Path
) -> None:
    """A ledger that is there is not touched, nor are topics on which no restore began."""
    prefix, _ = original
    with pytest.raises(TopicNotEmpty, match="holds something already"):
        restore(stack, prefix, archive)
    check_topics(stack.kafka, prefix)
    empty = new_topics()
    work = Restore(ArchiveSource(archive), stack.kafka, empty)
    with pytest.raises(TopicNotEmpty, match="no restore was begun"):
        work.start_over()
    work.close()


def test_a_restore_that_cannot_go_on_starts_over(
    stack: RunningStack, new_topics: Callable[[], str], archive: Path, tmp_path: Path
) -> None:
    """Where something else stands on the topic, that is told; both topics are then deleted when asked."""
    prefix = new_topics()
    with pytest.raises(KeyboardInterrupt):
        restore(stack, prefix, archive, stop_at="restoring actions")
    ledger = Ledger(stack.bootstrap, prefix)
    ledger.send([b"a stranger"])
    ledger.close()
    with pytest.raises(RestoreInterrupted, match="holds another record"):
        restore(stack, prefix, archive)
    work = Restore(ArchiveSource(archive), stack.kafka, prefix)
    work.start_over()
    work.close()
    ensure_topics(stack.kafka, prefix)
    restore(stack, prefix, archive)
    archive_topics(stack, prefix, tmp_path / "copy")
    assert without_place(archive) == without_place(tmp_path / "copy")


def test_a_hole_that_no_transaction_leaves_is_not_filled(
    stack: RunningStack, new_topics: Callable[[], str], archive: Path
) -> None:
    """A position far behind the last record is told before anything is written, and fills no disk."""
    position = json.loads((archive / "position.json").read_text())
    position["next_action_offset"] = 10**12
    (archive / "position.json").write_text(json.dumps(position))
    prefix = new_topics()
    with pytest.raises(ArchiveDamaged, match="no transaction is that large"):
        restore(stack, prefix, archive)
    # Nothing was begun.
    check_topics(stack.kafka, prefix)


def test_a_damaged_archive_is_not_restored(
    stack: RunningStack, new_topics: Callable[[], str], archive: Path
) -> None:
    """The archive is read whole before the first record is written."""
    prefix = new_topics()
    path = archive / "decisions/000000000000.avro"
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveDamaged):
        restore(stack, prefix, archive)
    check_topics(stack.kafka, prefix)
    ledger = Ledger(stack.bootstrap, prefix)
    assert (0, 0) == (ledger.end(ledger.actions_topic), ledger.end(ledger.decisions_topic))
    ledger.close()
