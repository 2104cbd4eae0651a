"""The projector: the journal's decisions become rows in PostgreSQL, each exactly once.

Where there are no tables and a long journal, `first_fill.py` builds them. From then on, a loop around pure
parts: `journal.py` says what is accepted, `projections/batch.py` turns decisions into rows,
`projections/tables.py` commits rows and position together. One path serves the live event and the replay:
while PostgreSQL works on one batch, the next one grows, so batches are as large as it is behind.

One projector of a database is active, by an advisory lock; others stand by. Even two that both believed
themselves active would do no harm: whoever finds the position moved writes nothing.
Must not commit offsets to Kafka, nor judge a decision.
"""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from prometheus_client import Counter, Histogram

from consumers import first_fill
from consumers.first_fill import FirstFill
from consumers.journal import CLIENT_LOG_LEVEL, JournalReader
from consumers.monitoring import Monitoring
from projections import tables
from projections.batch import Batch, unreadable
from projections.connecting import first_line
from projections.migrations import migrate
from projections.tables import Position, PreparedBatch
from schemas.binary import MalformedRecordError
from schemas.errors import BrokerUnavailable, DatabaseUnavailable, JournalMismatch, NeracaError
from schemas.framing import FRAME_BYTES
from schemas.topics import DECISIONS

# A batch grows while PostgreSQL works on the one before it, up to here: this bounds memory (some 2 KB a
# decision) and what a crash repeats. The larger, the fewer states of a registration are written: at 5,000
# PostgreSQL works 11.2 µs a decision, at 20,000 7.9, at 50,000 6.7, at 100,000 6.1, at 150,000 5.7.
BATCH_DECISIONS_MAX: Final = 100_000
BATCH_BYTES_MAX: Final = 64 * 1024 * 1024

# Decisions handled between two chances for the loading thread to run. Compiled code keeps the interpreter to
# itself until it returns, and PostgreSQL must not wait for its next bytes.
_SLICE_DECISIONS: Final = 128
_SWITCH_INTERVAL_SECONDS: Final = 0.0005

_POLL_RECORDS_MAX: Final = 4_096
_POLL_IDLE_SECONDS: Final = 0.1
# While PostgreSQL works and the journal is at its end: short, because the next commit must not wait for it.
_POLL_BUSY_SECONDS: Final = 0.002
_STANDBY_SECONDS: Final = 0.5
_REPORT_SECONDS: Final = 0.25
_COLLECT_SECONDS: Final = 60.0
_RETRY_SECONDS_MIN: Final = 0.2
_RETRY_SECONDS_MAX: Final = 5.0
_KAFKA_TIMEOUT_SECONDS: Final = 15.0
# Asked between two attempts, which must not wait for it.
_LAG_TIMEOUT_SECONDS: Final = 2.0
_CHECK_GROUP: Final = "neraca-projector-check"
_CONNECT_TIMEOUT_SECONDS: Final = 10

# Errors that another try may not meet: the server went away, or chose this transaction to give way.
_PASSING: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)

_STANDS_BY: Final = "it stands by: another projector of this database is active"
_WRONG_JOURNAL: Final = (
    "Point the projector at the journal that these tables came from, or at an empty database."
)
_JOURNAL_GONE: Final = "Restore the topic from the archive; it must be kept for ever."

log = structlog.get_logger("projector")

Hook = Callable[[], None]


class ProjectionFailed(NeracaError):
    """PostgreSQL refuses what the journal says: a bug of ours, or tables that somebody else changed."""


class _Superseded(NeracaError):
    """Another projector moved the position, or a rebuild swapped the tables; this one begins again there."""

    retryable = True


@dataclass(frozen=True, slots=True)
class ProjectorConfig:
    """What a projector needs to know.

    Attributes:
        kafka: Client settings that reach the broker.
        topic_prefix: Put before every topic's name.
        postgres_dsn: Connection string of the database.
        metrics_port: Of the metrics and health endpoint; 0: any free one.
        metrics_host: Address of that endpoint.
        batch_decisions_max: Decisions committed together at most.
        first_fill_decisions_min: How long a journal has to be, so that tables which are not there yet are
            built from it rather than followed into being.

    """

    kafka: Mapping[str, str | int]
    topic_prefix: str
    postgres_dsn: str
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"
    batch_decisions_max: int = BATCH_DECISIONS_MAX
    first_fill_decisions_min: int = first_fill.DECISIONS_MIN


class Metrics:
    """What a projector tells of itself, beside what every service tells."""

    def __init__(self, monitoring: Monitoring) -> None:
        self.rows: Final = Counter(
            "neraca_projection_rows",
            "Rows written, by table; a row that changes twice in a batch is written once.",
            ["table"],
            registry=monitoring.registry,
        )
        self.commit_seconds: Final = Histogram(
            "neraca_projection_commit_seconds",
            "Time to load one batch and commit it with its position.",
            buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
            registry=monitoring.registry,
        )
        self.batch_decisions: Final = Histogram(
            "neraca_projection_batch_decisions",
            "Decisions committed together.",
            buckets=(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 131072),
            registry=monitoring.registry,
        )


def run(
    config: ProjectorConfig,
    stop: threading.Event,
    *,
    before_commit: Hook | None = None,
    after_commit: Hook | None = None,
    on_start: Callable[[Monitoring], None] | None = None,
) -> None:
    """Follow the journal until told to stop.

    What passes (a lost connection, a broker that restarts) is tried again for ever, with growing pauses.
    `before_commit` and `after_commit` are called around each commit, in the loading thread; tests end the
    process there. `on_start` is given the endpoint that was opened.

    Raises:
        JournalMismatch: the tables do not belong to this journal, or a part of it is gone.
        ProjectionFailed: PostgreSQL refuses a row.
        MigrationEdited, DatabaseNewer: the schema is not this program's.

    """
    with Monitoring("projector", config.metrics_port, config.metrics_host) as monitoring, _quick_switches():
        if on_start is not None:
            on_start(monitoring)
        metrics = Metrics(monitoring)
        pause = _RETRY_SECONDS_MIN
        stood: _Projector | None = None
        while not stop.is_set():
            projector = _Projector(config, stop, monitoring, metrics, before_commit, after_commit)
            try:
                projector.work()
            except NeracaError as error:
                if not error.retryable:
                    raise
                reason = str(error)
            else:
                continue
            finally:
                monitoring.ready(False, "it is starting")
                projector.close()
            if projector.committed:
                pause = _RETRY_SECONDS_MIN
            if projector.follows:
                stood = projector
            log.warning("trying_again", reason=reason, pause_seconds=pause)
            monitoring.ready(False, reason)
            if stood is not None:
                stood.report_while_away()
            stop.wait(pause)
            pause = min(pause * 2, _RETRY_SECONDS_MAX)


class _Projector:
    """One attempt: a connection to each side, from the position read to the first failure."""

    def __init__(
        self,
        config: ProjectorConfig,
        stop: threading.Event,
        monitoring: Monitoring,
        metrics: Metrics,
        before_commit: Hook | None,
        after_commit: Hook | None,
    ) -> None:
        self._config: Final = config
        self._topic: Final = DECISIONS.under(config.topic_prefix)
        self._stop: Final = stop
        self._monitoring: Final = monitoring
        self._metrics: Final = metrics
        self._before_commit: Final = before_commit
        self._after_commit: Final = after_commit
        self._loader: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="projector load")
        self._loading: Future[None] | None = None
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._reader: JournalReader | None = None
        self._applied: Position = Position()
        self._applied_timestamp_ms: int = 0
        self._reported_at: float = 0.0
        self._collected_at: float = time.monotonic()
        self.committed: bool = False
        self.follows: bool = False

    def work(self) -> None:
        """Follow the journal until told to stop or something fails."""
        connection = self._connect()
        if not self._fill_first(connection):
            return
        self._open(connection)
        if not self._wait_to_lead(connection):
            return
        with _as_neraca_errors():
            self._applied = tables.read_position(connection)
        check_position(self._config.kafka, self._topic, self._applied)
        log.info("following", topic=self._topic, seq=self._applied.seq, journal_offset=self._applied.offset)
        self._reader = JournalReader(
            self._config.kafka,
            self._topic,
            last_seq=self._applied.seq,
            last_sha256=self._applied.sha256,
            offset=self._applied.offset + 1,
        )
        self.follows = True
        self._monitoring.new_reader()
        self._monitoring.ready(True)
        self._follow(connection, self._reader)

    def close(self) -> None:
        """Let the batch under way end, and let go of both sides."""
        self._loader.shutdown()
        if self._reader is not None:
            self._reader.close()
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        with _as_neraca_errors():
            self._connection = self._session()
        return self._connection

    def _session(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            self._config.postgres_dsn,
            autocommit=True,
            application_name="neraca projector",
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        )

    def _open(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        with _as_neraca_errors():
            for name in migrate(connection):
                log.info("migrated", migration=name)
            tables.open_session(connection)

    def _fill_first(self, connection: psycopg.Connection[tuple[object, ...]]) -> bool:
        """Build the tables where there are none and a long journal; False when told to stop meanwhile."""
        filling = FirstFill(
            self._config.kafka, self._topic, self._session, self._stop, self._report, self._before_commit
        )
        while True:
            with _as_neraca_errors():
                if not filling.is_worth_it(connection, self._config.first_fill_decisions_min):
                    return True
                if tables.try_lead(connection):
                    break
            # To make tables now would be to take the place of those that the active one builds.
            self._monitoring.ready(False, _STANDS_BY)
            if self._stop.wait(_STANDBY_SECONDS):
                return False
        check_position(self._config.kafka, self._topic, Position())
        log.info("filling", topic=self._topic, reason="there are no tables yet, and the journal is long")
        self._monitoring.new_reader()
        self._monitoring.ready(False, "it fills the tables for the first time")
        with _as_neraca_errors():
            position = filling.run(connection)
        if position is not None:
            self.committed = True
            log.info("filled", seq=position.seq)
            self._metrics.batch_decisions.observe(position.seq + 1)
            if self._after_commit is not None:
                self._after_commit()
        return not self._stop.is_set()

    def _wait_to_lead(self, connection: psycopg.Connection[tuple[object, ...]]) -> bool:
        """Become the active projector of this database; False when told to stop before."""
        standing_by = False
        while not self._stop.is_set():
            with _as_neraca_errors():
                if tables.try_lead(connection):
                    return True
                position = tables.read_position(connection)
            if not standing_by:
                standing_by = True
                log.info("standing_by", reason="another projector of this database is active")
            self._monitoring.ready(False, _STANDS_BY)
            self._monitoring.seq(position.seq)
            self._stop.wait(_STANDBY_SECONDS)
        return False

    def _follow(self, connection: psycopg.Connection[tuple[object, ...]], reader: JournalReader) -> None:
        batch = Batch(self._applied.seq + 1)
        batch_bytes = 0
        batch_max = self._config.batch_decisions_max
        while not self._stop.is_set():
            empty = batch.next_seq == batch.first_seq
            room = batch_max - (batch.next_seq - batch.first_seq)
            patience = self._patience(reader, batch_is_empty=empty)
            values = reader.take(min(_POLL_RECORDS_MAX, room), patience)
            batch_bytes += _add(batch, values)
            full = batch.next_seq - batch.first_seq >= batch_max or batch_bytes >= BATCH_BYTES_MAX
            if batch.next_seq > batch.first_seq and (full or self._is_idle()):
                prepared = tables.prepare(batch, reader.last_offset)
                self._finish_loading()
                self._loading = self._loader.submit(
                    self._load, connection, prepared, reader.last_timestamp_ms
                )
                batch = Batch(batch.next_seq)
                batch_bytes = 0
            elif self._is_idle():
                self._finish_loading()
                self._collect_now_and_then()
            self._report(reader)
        self._finish_loading()
        self._report(reader, now=True)

    def _is_idle(self) -> bool:
        return self._loading is None or self._loading.done()

    def _patience(self, reader: JournalReader, *, batch_is_empty: bool) -> float:
        """Say how long a poll may wait for a record."""
        if self._is_idle():
            return _POLL_IDLE_SECONDS if batch_is_empty else 0.0
        return _POLL_BUSY_SECONDS if reader.at_end or not batch_is_empty else _POLL_IDLE_SECONDS

    def _finish_loading(self) -> None:
        """Wait for the batch under way, and raise what stopped it."""
        loading, self._loading = self._loading, None
        if loading is not None:
            with _as_neraca_errors():
                loading.result()

    def _load(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        prepared: PreparedBatch,
        timestamp_ms: int,
    ) -> None:
        """Commit one batch; runs in the loading thread, one batch at a time."""
        started = time.perf_counter()
        tables.apply(connection, prepared, self._before_commit)
        self._metrics.commit_seconds.observe(time.perf_counter() - started)
        # The position only ever says what was applied, so it moves after the commit and nowhere else.
        self._applied = prepared.position
        self._applied_timestamp_ms = timestamp_ms
        self.committed = True
        self._metrics.batch_decisions.observe(prepared.decisions)
        for load in prepared.loads:
            self._metrics.rows.labels(load.table).inc(load.rows)
        if self._after_commit is not None:
            self._after_commit()

    def _report(self, reader: JournalReader, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment - self._reported_at < _REPORT_SECONDS:
            return
        self._reported_at = moment
        applied = self._applied
        age_seconds = time.time() - self._applied_timestamp_ms / 1000 if self._applied_timestamp_ms else 0.0
        self._monitoring.seq(applied.seq)
        waiting = reader.acceptance.last_seq - applied.seq + reader.end_offset() - reader.next_offset
        self._monitoring.lag(waiting, age_seconds)
        self._monitoring.acceptance(reader.acceptance.passed_over, reader.acceptance.repeats)

    def report_while_away(self) -> None:
        """Tell what waits while PostgreSQL is away: the journal goes on, and this is when lag is looked at.

        Where the broker cannot be asked either, the last figures stand: nothing says that they are better.
        """
        consumer = Consumer({"log_level": CLIENT_LOG_LEVEL, **self._config.kafka, "group.id": _CHECK_GROUP})
        try:
            _, high = consumer.get_watermark_offsets(
                TopicPartition(self._topic, 0), timeout=_LAG_TIMEOUT_SECONDS
            )
        except KafkaException:
            return
        finally:
            consumer.close()
        age_seconds = time.time() - self._applied_timestamp_ms / 1000 if self._applied_timestamp_ms else 0.0
        self._monitoring.lag(high - self._applied.offset - 1, age_seconds)

    def _collect_now_and_then(self) -> None:
        """Collect garbage while nothing waits: `_quick_switches` turned the automatic collector off."""
        moment = time.monotonic()
        if moment - self._collected_at >= _COLLECT_SECONDS:
            self._collected_at = moment
            gc.collect()


def check_position(kafka: Mapping[str, str | int], topic: str, position: Position) -> None:
    """Make sure that the journal holds the decision that the tables stand at, at the offset that they name.

    Raises:
        JournalMismatch: the tables are ahead of the journal, follow another one, or its beginning is gone.
        BrokerUnavailable: Kafka does not answer.

    """
    consumer = Consumer(
        {
            **kafka,
            "group.id": _CHECK_GROUP,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
        }
    )
    try:
        try:
            low, high = consumer.get_watermark_offsets(
                TopicPartition(topic, 0), timeout=_KAFKA_TIMEOUT_SECONDS
            )
        except KafkaException as error:
            raise BrokerUnavailable(f"{topic} cannot be read: {error.args[0].str()}") from error
        if position.seq < 0:
            if low > 0:
                raise JournalMismatch(
                    f"the tables are empty and {topic} begins at offset {low}: what came before is gone",
                    advice=_JOURNAL_GONE,
                )
            return
        place = f"offset {position.offset}, {position.sha256.hex()[:16]}…"
        stands = f"the tables stand at seq {position.seq} ({place})"
        if position.offset >= high:
            raise JournalMismatch(
                f"{stands}, which is ahead of {topic}: it ends before offset {high}",
                seq=position.seq,
                advice=_WRONG_JOURNAL,
            )
        if position.offset < low:
            raise JournalMismatch(
                f"{stands}, and {topic} begins only at offset {low}: a part of the journal is gone",
                seq=position.seq,
                advice=_JOURNAL_GONE,
            )
        found = _sha256_at(consumer, topic, position.offset)
        if found != position.sha256:
            raise JournalMismatch(
                f"{stands}, and {topic} has {found.hex()[:16]}… there: another journal",
                seq=position.seq,
                advice=_WRONG_JOURNAL,
            )
    finally:
        consumer.close()


def _sha256_at(consumer: Consumer, topic: str, offset: int) -> bytes:
    """Give the hash of the decision at that offset; of what stands after it, where there is none."""
    from hashlib import sha256  # noqa: PLC0415

    consumer.assign([TopicPartition(topic, 0, offset)])
    deadline = time.monotonic() + _KAFKA_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None:
            return sha256((message.value() or b"")[FRAME_BYTES:]).digest()
        if error.code() == KafkaError.OFFSET_OUT_OF_RANGE:
            break
    raise BrokerUnavailable(f"{topic} did not give the record at offset {offset} in time")


def _add(batch: Batch, taken: list[bytes]) -> int:
    """Give decisions to the batch in slices; answers how many bytes they have."""
    size = 0
    for start in range(0, len(taken), _SLICE_DECISIONS):
        values = taken[start : start + _SLICE_DECISIONS]
        size += sum(map(len, values))
        try:
            batch.add_values(values)
        except MalformedRecordError as error:
            raise unreadable(batch.next_seq, error) from error
    return size


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let the loading thread have the interpreter as soon as it asks, and no garbage collector in between.

    The loop makes no cycles, but keeps hundreds of thousands of objects alive, which the collector would walk
    through over and over: that cost more than a third of the time.
    """
    interval = sys.getswitchinterval()
    collecting = gc.isenabled()
    sys.setswitchinterval(_SWITCH_INTERVAL_SECONDS)
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if collecting:
            gc.enable()


@contextmanager
def _as_neraca_errors() -> Iterator[None]:
    """Say what psycopg raises in our terms: what may pass, and what will not."""
    try:
        yield
    except tables.PositionMovedError as error:
        raise _Superseded(f"{error}: another projector is at work, or `neraca rebuild`") from error
    except _PASSING as error:
        raise DatabaseUnavailable(f"PostgreSQL does not answer: {first_line(error)}") from error
    except psycopg.Error as error:
        raise ProjectionFailed(
            f"PostgreSQL refuses what the journal says: {first_line(error)}",
            advice="Nothing was written. If nobody changed the tables by hand, report this with the message.",
        ) from error
