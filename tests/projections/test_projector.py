"""The projector on real servers: followed, killed, cut off, doubled, and pointed at the wrong journal."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg import sql

from consumers import projector
from consumers.monitoring import MetricsPortTaken, Monitoring
from consumers.projector import ProjectorConfig
from projections import tables
from projections.migrations import migrate
from schemas.errors import JournalMismatch
from schemas.topics import DECISIONS
from tests.projections.told import apply_all, dump, journal, produce
from tests.running import RunningStack

_PATIENCE_SECONDS = 60

_KILLED = """
import json, os, signal, sys, threading
from consumers import projector
config, moment, number = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
commits = 0
def kill():
    global commits
    commits += 1
    if commits == number:
        os.kill(os.getpid(), signal.SIGKILL)
projector.run(projector.ProjectorConfig(**config), threading.Event(), **{moment: kill})
"""


class Running:
    """A projector in a thread of this process."""

    def __init__(self, config: ProjectorConfig, **hooks: Callable[[], None]) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self.monitoring: Monitoring | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(config, hooks))
        self._thread.start()
        assert self._started.wait(_PATIENCE_SECONDS)

    def _run(self, config: ProjectorConfig, hooks: dict[str, Callable[[], None]]) -> None:
        try:
            projector.run(config, self.stop, on_start=self._on_start, **hooks)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self._started.set()

    def _on_start(self, monitoring: Monitoring) -> None:
        self.monitoring = monitoring
        self._started.set()

    def get(self, path: str) -> tuple[int, str]:
        """What its endpoint answers."""
        assert self.monitoring is not None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.monitoring.port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, series: str) -> float:
        """The value of one series."""
        lines = self.get("/metrics")[1].splitlines()
        (value,) = [line.rpartition(" ")[2] for line in lines if line.startswith(series + " ")]
        return float(value)

    def join(self) -> None:
        """Stop it, and wait for its end."""
        self.stop.set()
        self._thread.join(_PATIENCE_SECONDS)
        assert not self._thread.is_alive()


@contextmanager
def running(config: ProjectorConfig, **hooks: Callable[[], None]) -> Iterator[Running]:
    """A projector that runs as long as the block, and must not fail."""
    started = Running(config, **hooks)
    try:
        yield started
    finally:
        started.join()
    if started.error is not None:
        raise started.error


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def _seq(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        try:
            return tables.read_position(connection).seq
        except psycopg.errors.UndefinedTable:
            return -1


def _dump(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return dump(connection)


@pytest.fixture
def expected(new_database: Callable[[], str]) -> dict[str, str]:
    """The dump of tables that the whole journal was loaded into, without Kafka."""
    with psycopg.connect(new_database(), autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, journal(), 5000)
        return dump(connection)


def test_catch_up_and_live_are_one(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str]
) -> None:
    """What stood in the journal before the start, and what comes later, ends in the same tables."""
    values = journal()
    produce(stack.kafka, topic_prefix, values[:-100])
    with running(ProjectorConfig(stack.kafka, topic_prefix, database)) as follower:
        _until(lambda: _seq(database) == len(values) - 101)
        for start in range(len(values) - 100, len(values), 10):
            produce(stack.kafka, topic_prefix, values[start : start + 10])
        _until(lambda: _seq(database) == len(values) - 1)
        _until(lambda: follower.metric('neraca_seq{service="projector"}') == len(values) - 1)
        assert follower.metric('neraca_lag_records{service="projector"}') == 0
        assert follower.metric('neraca_projection_rows_total{table="decisions"}') == len(values)
        assert (200, {"service": "projector", "ready": True}) == _json(follower.get("/health/ready"))
        assert (200, {"service": "projector", "live": True}) == _json(follower.get("/health/live"))
        assert follower.get("/nothing")[0] == 404
    assert expected == _dump(database)


def _json(answer: tuple[int, str]) -> tuple[int, object]:
    return answer[0], json.loads(answer[1])


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_killed_around_a_commit(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str], moment: str
) -> None:
    """SIGKILL between rows and commit, or right after the commit, doubles and loses nothing."""
    values = journal()
    produce(stack.kafka, topic_prefix, values)
    config = {
        "kafka": stack.kafka,
        "topic_prefix": topic_prefix,
        "postgres_dsn": database,
        "batch_decisions_max": 100,
    }
    for number in (1, 3):
        before = _seq(database)
        done = subprocess.run(
            [sys.executable, "-c", _KILLED, json.dumps(config), moment, str(number)],
            check=False,
            timeout=_PATIENCE_SECONDS,
            capture_output=True,
        )
        assert done.returncode == -9, done.stderr.decode()
        assert _seq(database) > before or moment == "before_commit"
        assert _seq(database) < len(values) - 1
    with running(ProjectorConfig(stack.kafka, topic_prefix, database, batch_decisions_max=100)):
        _until(lambda: _seq(database) == len(values) - 1)
    assert expected == _dump(database)


def test_two_at_once_are_harmless(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str]
) -> None:
    """One leads and the other stands by, says so, and takes over when the first ends."""
    values = journal()
    produce(stack.kafka, topic_prefix, values[:500])
    config = ProjectorConfig(stack.kafka, topic_prefix, database)
    with running(config) as first:
        _until(lambda: _seq(database) == 499)
        with running(config) as second:
            _until(lambda: "stands by" in second.get("/health/ready")[1])
            assert second.get("/health/ready")[0] == 503
            first.join()
            produce(stack.kafka, topic_prefix, values[500:])
            _until(lambda: _seq(database) == len(values) - 1)
            assert second.get("/health/ready")[0] == 200
    assert expected == _dump(database)


def test_a_lost_connection_is_made_again(
    stack: RunningStack, topic_prefix: str, database: str, expected: dict[str, str]
) -> None:
    """PostgreSQL ends the session in the middle of a batch: the rows go back, and come again."""
    values = journal()
    produce(stack.kafka, topic_prefix, values[:300])
    cut = threading.Event()

    def cut_once() -> None:
        if not cut.is_set():
            cut.set()
            with psycopg.connect(stack.dsn, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'neraca projector' AND datname = %s",
                    (database.split("dbname=")[1].split(maxsplit=1)[0],),
                )

    with running(ProjectorConfig(stack.kafka, topic_prefix, database), before_commit=cut_once):
        _until(lambda: _seq(database) == 299)
        produce(stack.kafka, topic_prefix, values[300:])
        _until(lambda: _seq(database) == len(values) - 1)
    assert cut.is_set()
    assert expected == _dump(database)


def test_postgresql_gives_up_a_projector_whom_a_silent_network_took(database: str) -> None:
    """Its session holds the lock that another waits for: the server asks after it, and waits no two hours."""
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        asked = [
            connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone()
            for name in ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
        ]
    assert [("15",), ("5",), ("3",)] == asked


def test_lag_grows_while_postgresql_is_away(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """The journal goes on while the database refuses connections: what waits is told, and caught up with."""
    values = journal()
    name = sql.Identifier(database.split("dbname=")[1].split(maxsplit=1)[0])
    lag = 'neraca_lag_records{service="projector"}'
    produce(stack.kafka, topic_prefix, values[:100])
    with (
        running(ProjectorConfig(stack.kafka, topic_prefix, database)) as follower,
        psycopg.connect(stack.dsn, autocommit=True) as other,
    ):
        _until(lambda: _seq(database) == 99 and follower.metric(lag) == 0)
        other.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(name))
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'neraca projector' AND datname = %s",
            (name.as_string(other).strip('"'),),
        )
        produce(stack.kafka, topic_prefix, values[100:])
        _until(lambda: follower.metric(lag) == len(values) - 100)
        other.execute(sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(name))
        _until(lambda: _seq(database) == len(values) - 1 and follower.metric(lag) == 0)


def test_the_position_is_only_what_was_applied(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """While a batch waits for its commit, however much was read since, nobody is told that it is there."""
    values = journal()
    produce(stack.kafka, topic_prefix, values[:100])
    reached, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        reached.set()
        assert go_on.wait(_PATIENCE_SECONDS)

    with running(ProjectorConfig(stack.kafka, topic_prefix, database), before_commit=wait) as follower:
        assert reached.wait(_PATIENCE_SECONDS)
        produce(stack.kafka, topic_prefix, values[100:])
        _until(lambda: follower.metric('neraca_lag_records{service="projector"}') == len(values))
        assert (follower.metric('neraca_seq{service="projector"}'), _seq(database)) == (-1, -1)
        go_on.set()
        _until(lambda: _seq(database) == len(values) - 1)


def test_what_nobody_accepts_is_passed_over(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """Repeats are dropped, strangers passed over, both counted; the rows are those of the journal alone."""
    values = journal()[:50]
    stranger = journal(20, 8)[30]
    produce(
        stack.kafka,
        topic_prefix,
        [*values[:20], *values[10:20], stranger, b"no decision", *values[20:], values[49]],
    )
    with running(ProjectorConfig(stack.kafka, topic_prefix, database)) as follower:
        _until(lambda: _seq(database) == 49)
        _until(lambda: follower.metric('neraca_journal_repeats_total{service="projector"}') == 11)
        assert follower.metric('neraca_journal_passed_over_total{service="projector"}') == 2
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*), max(seq) FROM neraca.decisions").fetchone() == (50, 49)
        # 30 passed over or repeated before it, and its own place from 0.
        assert connection.execute("SELECT journal_offset FROM neraca.projection_positions").fetchone() == (
            61,
        )


def _load(dsn: str, values: list[bytes]) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, values, 5000)


def _failure(config: ProjectorConfig) -> JournalMismatch:
    with pytest.raises(JournalMismatch) as caught:
        projector.run(config, threading.Event())
    return caught.value


def test_tables_ahead_of_the_journal(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """Tables that know more than the journal stop the projector, with both places named."""
    _load(database, journal()[:200])
    before = _dump(database)
    produce(stack.kafka, topic_prefix, journal()[:150])
    error = _failure(ProjectorConfig(stack.kafka, topic_prefix, database))
    assert "the tables stand at seq 199 (offset 199" in str(error)
    assert f"ahead of {DECISIONS.under(topic_prefix)}: it ends before offset 150" in str(error)
    assert "journal that these tables came from" in error.advice
    assert before == _dump(database)


def test_tables_of_another_journal(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """The same length is not the same journal: the hash of the last decision tells."""
    _load(database, journal()[:100])
    produce(stack.kafka, topic_prefix, journal(20, 8)[:120])
    error = _failure(ProjectorConfig(stack.kafka, topic_prefix, database))
    assert "another journal" in str(error)


@pytest.mark.parametrize("applied", [0, 100])
def test_a_truncated_journal(stack: RunningStack, topic_prefix: str, database: str, applied: int) -> None:
    """Where a part of the journal is gone, the projector stops; it never skips to what is left."""
    _load(database, journal()[:applied])
    produce(stack.kafka, topic_prefix, journal()[:200])
    partition = TopicPartition(DECISIONS.under(topic_prefix), 0, 150)
    client = AdminClient({**stack.kafka})  # It must outlive the answer.
    for future in client.delete_records([partition]).values():
        future.result(_PATIENCE_SECONDS)
    error = _failure(ProjectorConfig(stack.kafka, topic_prefix, database))
    assert "begins" in str(error)
    assert "offset 150" in str(error)
    assert _seq(database) == applied - 1


def test_a_refused_row_stops_it(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """Rows that stand where none can be are somebody else's doing: nothing is written, and it says so."""
    _load(database, [])
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("INSERT INTO neraca.agencies VALUES ('x', 'active', now(), 0)")
        connection.execute(
            "INSERT INTO neraca.postings VALUES"
            " (%s, now(), 1, 1, 1, 0, 0, 0, 0, 1, 'P', 'granted', 'available')",
            (_first_posting(),),
        )
    produce(stack.kafka, topic_prefix, journal()[:100])
    with pytest.raises(projector.ProjectionFailed, match="postings_pkey"):
        projector.run(ProjectorConfig(stack.kafka, topic_prefix, database), threading.Event())
    assert _seq(database) == -1


def _first_posting() -> int:
    from schemas.codec import decode_decision  # noqa: PLC0415

    return next(d.seq for d in map(decode_decision, journal()) if d.postings)


def test_a_port_that_is_taken() -> None:
    """Two services on one port: the second is told which port and what to do."""
    with Monitoring("first", 0) as first:
        with pytest.raises(MetricsPortTaken, match=f"127.0.0.1:{first.port}") as caught:
            Monitoring("second", first.port)
        assert "another port" in caught.value.advice
        first.ready(ready=True)
        assert repr(first) == f"Monitoring(first, port={first.port}, not ready because None)"
