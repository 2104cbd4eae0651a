"""The archive of a real ledger: made at once or while it runs, killed and going on, and always the same."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from audit.archive.folder import About
from audit.archive.reader import ArchiveSource
from audit.archive.writer import ArchiveWriter
from audit.tlog.publishing import CheckpointTopic, size_of
from audit.topics import TopicsSource
from consumers.archiver import catch_up
from neraca.archiving import home_archive
from schemas.errors import JournalMismatch
from schemas.ids import built_in_ids
from tests.audit.ledgers import SmallLedger, files, put, small_ledger
from tests.faults.services import crew, eventually
from tests.running import RunningStack

ABOUT = About("actions", "decisions")
RECORDS = 700


@pytest.fixture(scope="module")
def ledger() -> SmallLedger:
    """Actions, records that are none, and their decisions, without holes."""
    return small_ledger(RECORDS, holes=False)


def archive_topics(stack: RunningStack, prefix: str, root: Path, batch_records: int = 8_192) -> None:
    """Bring an archive up to date."""
    with ArchiveWriter(root, ABOUT, built_in_ids()) as writer:
        catch_up(stack.kafka, prefix, writer, batch_records=batch_records)
        writer.checkpoint()


def test_archive_holds_what_the_topics_hold(
    stack: RunningStack, topic_prefix: str, tmp_path: Path, ledger: SmallLedger
) -> None:
    """Every decision and every record of the action topic, byte for byte, at their offsets and times."""
    put(stack.kafka, topic_prefix, ledger)
    archive_topics(stack, topic_prefix, tmp_path / "a")
    live, kept = TopicsSource(stack.kafka, topic_prefix), ArchiveSource(tmp_path / "a")
    assert [v for batch in live.decisions() for v in batch] == [v for b in kept.decisions() for v in b]
    assert [(r.offset, r.recorded_at_ms, r.value) for batch in live.actions() for r in batch] == [
        (r.offset, r.recorded_at_ms, r.value) for batch in kept.actions() for r in batch
    ]
    assert [(r.key, r.headers) for r in ledger.actions] == [
        (r.key, r.headers) for batch in kept.records() for r in batch
    ]


def test_two_archives_of_one_journal(
    stack: RunningStack, topic_prefix: str, tmp_path: Path, ledger: SmallLedger
) -> None:
    """Made on another day and in other batches, and grown with the ledger: the same files, the same root."""
    root = tmp_path / "grown"
    for start in range(0, RECORDS, 300):
        put(stack.kafka, topic_prefix, ledger.part(start, start + 300))
        archive_topics(stack, topic_prefix, root, batch_records=37)
    archive_topics(stack, topic_prefix, tmp_path / "at-once")
    assert files(tmp_path / "at-once") == files(root)


def test_another_ledger_is_noticed(
    stack: RunningStack, new_topics: Callable[[], str], tmp_path: Path, ledger: SmallLedger
) -> None:
    """An archive does not go on with the journal of another ledger, nor with one that lost its tail."""
    here, shorter, other = new_topics(), new_topics(), new_topics()
    put(stack.kafka, here, ledger)
    put(stack.kafka, shorter, ledger.part(0, 500))
    put(stack.kafka, other, small_ledger(RECORDS, every_nth_is_no_action=5, holes=False))
    archive_topics(stack, here, tmp_path / "a")
    with pytest.raises(JournalMismatch, match="ends with decision 499"):
        archive_topics(stack, shorter, tmp_path / "a")
    with pytest.raises(JournalMismatch, match="has another one there"):
        archive_topics(stack, other, tmp_path / "a")


def test_the_service_survives_kills(
    stack: RunningStack, topic_prefix: str, tmp_path: Path, ledger: SmallLedger
) -> None:
    """Killed by SIGKILL again and again under load, it ends with the files of an archive made at once.

    Its last checkpoint is signed, stands on its topic as well, and speaks of the whole journal.
    """
    chance = random.Random(1)
    load = threading.Thread(target=slowly, args=(stack, topic_prefix, ledger))
    load.start()
    with crew(stack.bootstrap, topic_prefix, tmp_path) as services:
        root = home_archive(services.settings)
        for _ in range(3):
            service = services.start_archiver()
            time.sleep(chance.uniform(0.0, 0.5))
            service.kill()
        service = services.start_archiver()
        load.join()
        eventually("all is archived", lambda: service.metric("neraca_seq") == RECORDS - 1)
        assert 0 == service.stop()
        note = CheckpointTopic(stack.kafka, topic_prefix).latest()
    archive_topics(stack, topic_prefix, tmp_path / "at-once")
    assert (tmp_path / "at-once/log/tree").read_bytes() == (root / "log/tree").read_bytes()
    assert note == (root / "log/checkpoint").read_text(encoding="utf-8")
    assert RECORDS == size_of(note)
    shutil.rmtree(root / "log")
    shutil.rmtree(tmp_path / "at-once/log")
    wanted = files(tmp_path / "at-once")
    found = files(root)
    # The names of the topics are those that each was told.
    assert (wanted.pop("archive.json"), wanted) != (found.pop("archive.json"), found)
    assert wanted == found


def slowly(stack: RunningStack, topic_prefix: str, ledger: SmallLedger) -> None:
    """Put the ledger on its topics bit by bit."""
    for start in range(0, RECORDS, 70):
        put(stack.kafka, topic_prefix, ledger.part(start, start + 70))
