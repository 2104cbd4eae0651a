"""The first fill on real servers: the tables that following would have led to, whenever it is cut short."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from librt.strings import BytesWriter

from consumers import projector
from consumers.first_fill import FirstFill
from consumers.journal import JournalReader
from consumers.monitoring import Monitoring
from consumers.projector import ProjectorConfig
from projections import swapping, tables
from projections.building import NEXT, indexes_of
from projections.migrations import LIVE, migrate
from schemas.binary import write_long
from schemas.errors import JournalMismatch
from schemas.hashing import sha256
from schemas.topics import DECISIONS
from tests.projections.told import apply_all, dump, journal, produce
from tests.running import RunningStack

_PATIENCE_SECONDS = 60

_KILLED = """
import json, os, signal, sys, threading
from consumers import first_fill, projector
from projections.building import Building
config, moment = json.loads(sys.argv[1]), sys.argv[2]
def kill():
    os.kill(os.getpid(), signal.SIGKILL)
class Killed(Building):
    def complete(self):
        super().complete()
        if moment == "rows":
            kill()
    def finish(self, *arguments, **options):
        for done in super().finish(*arguments, **options):
            if moment in done:
                kill()
            yield done
first_fill.Building = Killed
hooks = {moment: kill} if moment.endswith("_commit") else {}
projector.run(projector.ProjectorConfig(**config), threading.Event(), **hooks)
"""


@pytest.fixture
def expected(new_database: Callable[[], str]) -> dict[str, str]:
    """The dump of tables that the whole journal was loaded into, without Kafka."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, journal(), 5000)
        return dump(connection)


def _follow(config: ProjectorConfig, last_seq: int) -> int:
    """Run a projector until the tables stand there; answers in how many commits."""
    stop, commits = threading.Event(), [0]

    def committed() -> None:
        commits[0] += 1

    thread = threading.Thread(target=projector.run, args=(config, stop), kwargs={"after_commit": committed})
    thread.start()
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _seq(config.postgres_dsn) < last_seq:
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.01)
    finally:
        stop.set()
        thread.join()
    return commits[0]


def _seq(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            return tables.read_position(connection).seq
        except psycopg.errors.UndefinedTable:
            return -1


def _schemas(dsn: str) -> list[str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(r"SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'neraca%'")
        return sorted(str(name) for (name,) in rows.fetchall())


def test_it_is_what_following_leads_to(
    stack: RunningStack,
    topic_prefix: str,
    database: str,
    new_database: Callable[[], str],
    expected: dict[str, str],
) -> None:
    """The same rows, position and indexes as a projector that followed, in one commit; then it follows on."""
    values, followed = journal(), new_database()
    produce(stack.kafka, topic_prefix, values[:-50])
    filling = ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=100)
    assert 1 == _follow(filling, len(values) - 51)
    assert ["neraca"] == _schemas(database)
    produce(stack.kafka, topic_prefix, values[-50:])
    _follow(filling, len(values) - 1)
    _follow(ProjectorConfig(stack.kafka, topic_prefix, followed), len(values) - 1)
    with (
        psycopg.connect(database, autocommit=True) as one,
        psycopg.connect(followed, autocommit=True) as other,
    ):
        assert expected == dump(one) == dump(other)
        assert tables.read_position(other) == tables.read_position(one)
        assert indexes_of(other, LIVE) == indexes_of(one, LIVE)


@pytest.mark.parametrize("decisions_min", [1, 1_000_000], ids=["filling", "following"])
def test_a_decision_that_cannot_be_read(
    stack: RunningStack, topic_prefix: str, database: str, decisions_min: int
) -> None:
    """The chain accepts it and this program cannot read it: it is named, with what to do; no table has it."""
    values = journal()[:10]
    begun = BytesWriter()
    write_long(begun, len(values))
    produce(stack.kafka, topic_prefix, [*values, begun.getvalue() + sha256(values[-1]) + b"\xff"])
    config = ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=decisions_min)
    with pytest.raises(
        JournalMismatch, match="decision 10 stands in the journal and cannot be read"
    ) as caught:
        projector.run(config, threading.Event())
    assert 10 == caught.value.seq
    assert "Run the version of neraca that wrote it, or a newer one." == caught.value.advice
    assert _seq(database) < 10


# Rows that nobody committed; committed without their indexes; with them, and no name yet; named.
@pytest.mark.parametrize("moment", ["rows", "index", "before_commit", "after_commit"])
def test_killed_at_any_moment(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str], moment: str
) -> None:
    """SIGKILL leaves no table, or all of them; whoever comes next ends with the same ones."""
    values = journal()
    produce(stack.kafka, topic_prefix, values)
    config = {
        "kafka": stack.kafka,
        "topic_prefix": topic_prefix,
        "postgres_dsn": database,
        "first_fill_decisions_min": 100,
    }
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, json.dumps(config), moment],
        check=False,
        timeout=_PATIENCE_SECONDS,
        capture_output=True,
    )
    assert done.returncode == -9, done.stderr.decode()
    assert _seq(database) == (len(values) - 1 if moment == "after_commit" else -1)
    _follow(
        ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=100), len(values) - 1
    )
    assert ["neraca"] == _schemas(database)
    with psycopg.connect(database, autocommit=True) as connection:
        assert expected == dump(connection)


def test_one_fills_and_the_other_stands_by(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str]
) -> None:
    """A second projector makes no tables while the first fills, and a rebuild has its place after it."""
    values = journal()
    produce(stack.kafka, topic_prefix, values)
    config = ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=100)
    stop, filled, commits = threading.Event(), threading.Event(), [0]
    started: list[Monitoring] = []
    second = threading.Thread(target=projector.run, args=(config, stop), kwargs={"on_start": started.append})

    def before_commit() -> None:
        # Its turn is now: there are no tables, and somebody leads.
        if second.ident is None:
            second.start()
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not started or "stands by" not in (started[0].not_ready_because or ""):
                assert time.monotonic() < deadline, "it does not stand by"
                time.sleep(0.01)

    def committed() -> None:
        commits[0] += 1
        filled.set()

    first = threading.Thread(
        target=projector.run,
        args=(config, stop),
        kwargs={"before_commit": before_commit, "after_commit": committed},
    )
    first.start()
    try:
        assert filled.wait(_PATIENCE_SECONDS)
        with _session(database) as session:
            assert len(values) - 1 == tables.read_position(session).seq
            assert expected == dump(session)
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not swapping.try_lock_rebuild(session):
                assert time.monotonic() < deadline, "the projector keeps the place of a rebuild"
                time.sleep(0.01)
    finally:
        stop.set()
        first.join()
        second.join()
    assert 1 == commits[0]


def _session(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(dsn, autocommit=True)


@pytest.mark.parametrize("told_at", [1, 3])
def test_told_to_stop(stack: RunningStack, topic_prefix: str, database: str, told_at: int) -> None:
    """A fill that is told to stop, at its first records or at its end, ends soon; half of it is not left."""
    produce(stack.kafka, topic_prefix, journal())
    stop, told = threading.Event(), [0]

    def tell(_: JournalReader) -> None:
        told[0] += 1
        if told[0] == told_at:
            stop.set()

    filling = FirstFill(stack.kafka, DECISIONS.under(topic_prefix), lambda: _session(database), stop, tell)
    with _session(database) as session:
        assert filling.is_worth_it(session, 100)
        assert filling.run(session) is None
    assert [] == _schemas(database)


def test_somebody_was_faster(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """Tables that somebody else made meanwhile stay, and what was built beside them goes."""
    produce(stack.kafka, topic_prefix, journal())

    def tell(_: JournalReader) -> None:
        with _session(database) as other:
            migrate(other)

    filling = FirstFill(
        stack.kafka, DECISIONS.under(topic_prefix), lambda: _session(database), threading.Event(), tell
    )
    with _session(database) as session:
        assert filling.run(session) is None
        assert ["neraca"] == _schemas(database)
        assert -1 == tables.read_position(session).seq
        assert not filling.is_worth_it(session, 100)


def test_the_session_that_leads_is_lost(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str]
) -> None:
    """Who builds and is no longer the active one is not joined by its successor in the same tables.

    The successor waits, finds them made, and follows; neither of the two ends by it.
    """
    produce(stack.kafka, topic_prefix, journal())
    lead, successors = _session(database), list[Future[int]]()
    config = ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=100)

    def tell(_: JournalReader) -> None:
        if not successors:
            lead.close()
            successors.append(pool.submit(_follow, config, len(journal()) - 1))
            while not _begins_to_build(database):
                time.sleep(0.05)

    first = FirstFill(
        stack.kafka, DECISIONS.under(topic_prefix), lambda: _session(database), threading.Event(), tell
    )
    with ThreadPoolExecutor() as pool:
        position = first.run(lead)
        successors[0].result(_PATIENCE_SECONDS)
    assert position is not None
    assert len(journal()) - 1 == position.seq
    assert ["neraca"] == _schemas(database)
    with _session(database) as session:
        assert expected == dump(session)


def _begins_to_build(database: str) -> bool:
    """Whether a projector opened its sessions for a first fill, beside the one by which it is active."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'neraca projector'"
    with psycopg.connect(database) as session:
        return session.execute(f"{query} AND datname = current_database()".encode()).fetchone() == (3,)


def test_a_rebuild_is_at_work(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str]
) -> None:
    """Where a rebuild has the place, the projector follows, and touches nothing of it."""
    produce(stack.kafka, topic_prefix, journal())
    config = ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=100)
    with psycopg.connect(database, autocommit=True) as rebuild:
        assert swapping.try_lock_rebuild(rebuild)
        rebuild.execute(f"CREATE SCHEMA {NEXT}")
        _follow(config, len(journal()) - 1)
        assert ["neraca", NEXT] == _schemas(database)
        assert expected == dump(rebuild)


def test_a_journal_without_its_beginning(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """Where the beginning is gone, it stops with the same words as one that follows, and makes no table."""
    produce(stack.kafka, topic_prefix, journal()[:200])
    partition = TopicPartition(DECISIONS.under(topic_prefix), 0, 150)
    client = AdminClient({**stack.kafka})  # It must outlive the answer.
    for future in client.delete_records([partition]).values():
        future.result(_PATIENCE_SECONDS)
    config = ProjectorConfig(stack.kafka, topic_prefix, database, first_fill_decisions_min=100)
    with pytest.raises(JournalMismatch, match=r"the tables are empty and .* begins at offset 150"):
        projector.run(config, threading.Event())
    assert [] == _schemas(database)
