"""The archiver: what stands on the two topics is kept, in order, where no broker is needed to read it.

A loop around a port: `Archive` keeps the records (audit/archive), this module reads the topics. It keeps the
decisions that every reader accepts, and every record of the action topic up to at least the last one that was
decided. Must not decide, and must not know what a file looks like.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Final, NamedTuple, Protocol

import structlog
from prometheus_client import Counter, Gauge

from consumers.action_topic import ActionReader, TopicRecord, end_of
from consumers.journal import SHA256_BYTES, JournalReader
from consumers.monitoring import Monitoring
from schemas.binary import Cursor
from schemas.errors import BrokerUnavailable, FolderUnusable, JournalMismatch, NeracaError
from schemas.framing import FRAME_BYTES
from schemas.topics import ACTIONS, DECISIONS

# Of one turn: enough to spread the cost of a call, few enough to bound memory (some 10 MB).
BATCH_RECORDS: Final = 8_192
# Of each topic: the client fetches so much ahead. The archiver runs beside others and is in no hurry.
FETCH_AHEAD_KIB: Final = 32_768
POLL_SECONDS: Final = 0.1
# What a crash repeats, and how far the files are behind; each commit waits for the disk some ten times.
COMMIT_EVERY_SECONDS: Final = 1.0
BROKER_TIMEOUT_SECONDS: Final = 15.0
# With nothing read and no end in sight for so long, something is wrong that waiting does not mend.
SILENCE_SECONDS_MAX: Final = 30.0
RETRY_SECONDS_MIN: Final = 0.25
RETRY_SECONDS_MAX: Final = 10.0
CHECKPOINT_EVERY_SECONDS: Final = 60.0

log = structlog.get_logger("archiver")


class Kept(NamedTuple):
    """How far an archive goes.

    Attributes:
        next_seq: `seq` of the next decision.
        last_sha256: Hash of the last one; zeros before the first.
        journal_offset: Where the last one stood on its topic; -1 before the first.
        next_action_offset: Up to where the action topic is kept.

    """

    next_seq: int
    last_sha256: bytes
    journal_offset: int
    next_action_offset: int


class KeptDecision(NamedTuple):
    """An accepted decision to be kept.

    Attributes:
        seq: Its number.
        value: Its bytes with their frame.
        sha256: Of its Avro bytes.
        offset: Where it stands on its topic.

    """

    seq: int
    value: bytes
    sha256: bytes
    offset: int


class Archive(Protocol):
    """What keeps the records."""

    @property
    def kept(self) -> Kept:
        """How far it goes, what was not committed included."""
        ...

    def keep_decisions(self, decisions: list[KeptDecision]) -> None:
        """Take the next decisions.

        Raises:
            FolderUnusable: the disk is full or fails.

        """
        ...

    def keep_actions(self, records: list[TopicRecord], next_offset: int) -> None:
        """Take the next records of the action topic, and where the one behind them will stand.

        Raises:
            FolderUnusable: the disk is full or fails.

        """
        ...

    def commit(self) -> None:
        """Make good what was taken: it is there after a crash.

        Raises:
            FolderUnusable: the disk is full or fails.

        """
        ...

    def checkpoint(self) -> int:
        """Sign what was committed, and give of how many decisions the last checkpoint speaks.

        Raises:
            FolderUnusable: the disk is full or fails.
            BrokerUnavailable: the checkpoint could not be published.

        """
        ...

    @property
    def size_bytes(self) -> int:
        """Bytes of its files of records."""
        ...

    def close(self) -> None:
        """Let go of the archive."""
        ...


@dataclass(frozen=True, slots=True)
class ArchiverConfig:
    """What an archiver needs to know.

    Attributes:
        kafka: Client settings that reach the broker.
        topic_prefix: Put before every topic's name.
        metrics_port: Of the metrics and health endpoint; 0: any free one.
        metrics_host: Address of that endpoint.
        commit_every_seconds: How long what was read may wait for the disk.
        checkpoint_every_seconds: How often a checkpoint is signed, if anything was added.

    """

    kafka: Mapping[str, str | int]
    topic_prefix: str
    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"
    commit_every_seconds: float = COMMIT_EVERY_SECONDS
    checkpoint_every_seconds: float = CHECKPOINT_EVERY_SECONDS


class Metrics:
    """What an archiver tells of itself, beside what every service tells."""

    def __init__(self, monitoring: Monitoring) -> None:
        registry = monitoring.registry
        self.bytes: Final = Gauge(
            "neraca_archive_bytes", "Bytes of records in the archive, with their index.", registry=registry
        )
        self.next_action_offset: Final = Gauge(
            "neraca_archive_next_action_offset",
            "Offset up to which the action topic is archived.",
            registry=registry,
        )
        self.checkpoint_size: Final = Gauge(
            "neraca_archive_checkpoint_size",
            "Decisions that the last signed checkpoint speaks of.",
            registry=registry,
        )
        self.checkpoint_at: Final = Gauge(
            "neraca_archive_checkpoint_timestamp_seconds",
            "When the last checkpoint was signed; 0: none since the start.",
            registry=registry,
        )
        self.failures: Final = Counter(
            "neraca_archive_failures",
            "Times that the archive had to be opened anew: a full disk, or a broker that was away.",
            registry=registry,
        )


def run(config: ArchiverConfig, open_archive: Callable[[], Archive], stop: Event) -> None:
    """Keep what comes until told to stop.

    What passes (a broker that restarts, a full disk) ends one life of the archiver and not the service: it
    opens the archive anew and goes on behind what counts.

    Raises:
        JournalMismatch: the archive is of another journal, or the topic has lost what was not archived yet.
        ArchiveDamaged: less is there than the archive says of itself.

    """
    with Monitoring("archiver", config.metrics_port, config.metrics_host) as monitoring:
        metrics = Metrics(monitoring)
        pause_seconds = RETRY_SECONDS_MIN
        while not stop.is_set():
            began_seq = -1
            archiver: _Archiver | None = None
            try:
                archiver = _Archiver(config, open_archive(), monitoring, metrics)
                began_seq = archiver.archive.kept.next_seq
                archiver.work(stop)
            except FolderUnusable as error:
                reason = f"{error} {error.advice}"
            except NeracaError as error:
                if not error.retryable:
                    raise
                reason = str(error)
            else:
                return
            finally:
                if archiver is not None:
                    archiver.close()
            log.warning("starts_again", reason=reason, pause_seconds=pause_seconds)
            metrics.failures.inc()
            monitoring.ready(False, reason)
            if archiver is not None and archiver.archive.kept.next_seq > began_seq:
                pause_seconds = RETRY_SECONDS_MIN
            stop.wait(pause_seconds)
            pause_seconds = min(RETRY_SECONDS_MAX, 2 * pause_seconds)


def catch_up(
    kafka: Mapping[str, str | int],
    topic_prefix: str,
    archive: Archive,
    *,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
    batch_records: int = BATCH_RECORDS,
    commit_every_seconds: float = COMMIT_EVERY_SECONDS,
) -> None:
    """Bring an archive to where both topics end now, commit, and return.

    Args:
        kafka: Client settings that reach the broker.
        topic_prefix: Put before every topic's name.
        archive: What keeps the records.
        advance: Told how far it is, and how far it goes, in offsets of both topics.
        batch_records: Records of one turn.
        commit_every_seconds: How long what was read may wait for the disk.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        JournalMismatch: the archive is of another journal, or the topic has lost what was not archived yet.
        FolderUnusable: the disk is full or fails.

    """
    # Decisions first: every one of them then has its action within the other end.
    decisions_end = end_of(kafka, DECISIONS.under(topic_prefix), BROKER_TIMEOUT_SECONDS)
    actions_end = end_of(kafka, ACTIONS.under(topic_prefix), BROKER_TIMEOUT_SECONDS)
    topics = _Topics(kafka, topic_prefix, archive, batch_records)
    committed_at = silent_since = time.monotonic()
    try:
        while topics.decisions_offset < decisions_end or topics.actions_offset < actions_end:
            before = topics.decisions_offset, topics.actions_offset
            topics.turn(POLL_SECONDS)
            now = time.monotonic()
            if (topics.decisions_offset, topics.actions_offset) != before:
                silent_since = now
            elif now - silent_since > SILENCE_SECONDS_MAX:
                raise _silent(topics.decisions_offset)
            if now - committed_at >= commit_every_seconds:
                archive.commit()
                committed_at = now
                advance(topics.decisions_offset + topics.actions_offset, decisions_end + actions_end)
        archive.commit()
    finally:
        topics.close()


class _Archiver:
    """One life of an archiver: from an archive just opened to a stop, or to the first failure."""

    def __init__(
        self, config: ArchiverConfig, archive: Archive, monitoring: Monitoring, metrics: Metrics
    ) -> None:
        self.archive: Final = archive
        self._config: Final = config
        self._monitoring: Final = monitoring
        self._metrics: Final = metrics
        self._topics: _Topics | None = None
        self._committed_seq = archive.kept.next_seq - 1
        self._committed_at = 0.0
        # The first is signed as soon as anything was committed.
        self._checkpoint_at = float("-inf")
        self._checkpoint_size = 0

    def work(self, stop: Event) -> None:
        """Keep what comes until told to stop; then commit and sign what is there."""
        topics = _Topics(
            self._config.kafka,
            self._config.topic_prefix,
            self.archive,
            BATCH_RECORDS,
            searching=lambda seq: log.info("looking_for_the_last_decision", seq=seq),
        )
        self._topics = topics
        kept = self.archive.kept
        log.info("archiving", next_seq=kept.next_seq, next_action_offset=kept.next_action_offset)
        self._monitoring.new_reader()
        self._monitoring.ready(True)
        is_waiting = False
        while not stop.is_set():
            taken = topics.turn(POLL_SECONDS)
            is_waiting = is_waiting or taken > 0
            now = time.monotonic()
            if is_waiting and (taken == 0 or now - self._committed_at >= self._config.commit_every_seconds):
                self._commit(now)
                is_waiting = False
            if now - self._checkpoint_at >= self._config.checkpoint_every_seconds and not is_waiting:
                self._checkpoint(now)
            self._report(topics)
        self._commit(time.monotonic())
        self._checkpoint(time.monotonic())

    def close(self) -> None:
        """Let go of topics and archive."""
        self._monitoring.ready(False, "it starts again behind what is archived")
        if self._topics is not None:
            self._topics.close()
        self.archive.close()

    def _commit(self, now: float) -> None:
        self.archive.commit()
        self._committed_at = now
        self._committed_seq = self.archive.kept.next_seq - 1

    def _checkpoint(self, now: float) -> None:
        if self._committed_seq + 1 != self._checkpoint_size:
            self._checkpoint_at = now
            self._checkpoint_size = self.archive.checkpoint()
            self._metrics.checkpoint_size.set(self._checkpoint_size)
            self._metrics.checkpoint_at.set_to_current_time()

    def _report(self, topics: _Topics) -> None:
        self._monitoring.seq(self._committed_seq)
        self._monitoring.lag(topics.waiting(), topics.age_seconds())
        self._monitoring.acceptance(topics.passed_over, topics.repeats)
        self._metrics.bytes.set(self.archive.size_bytes)
        self._metrics.next_action_offset.set(topics.actions_offset)


class _Topics:
    """Both topics, read on from where an archive stands, into it."""

    def __init__(
        self,
        kafka: Mapping[str, str | int],
        topic_prefix: str,
        archive: Archive,
        batch_records: int,
        searching: Callable[[int], None] = lambda _seq: None,
    ) -> None:
        """Find the archive's last decision on the topic; `searching` is told which, where that takes time.

        Raises:
            BrokerUnavailable: Kafka does not answer.
            JournalMismatch: another decision stands there, or the topic ends before it.

        """
        self._archive: Final = archive
        self._batch_records: Final = batch_records
        kafka = {"queued.max.messages.kbytes": FETCH_AHEAD_KIB, **kafka}
        self._journal: Final = _journal_behind(kafka, DECISIONS.under(topic_prefix), archive.kept, searching)
        self._actions: Final = ActionReader(
            kafka, ACTIONS.under(topic_prefix), offset=archive.kept.next_action_offset
        )
        self._last_timestamp_ms = 0

    @property
    def decisions_offset(self) -> int:
        """The offset of the journal to read next."""
        return int(self._journal.next_offset)

    @property
    def actions_offset(self) -> int:
        """The offset of the action topic to read next."""
        return self._actions.next_offset

    @property
    def passed_over(self) -> int:
        """Records of the journal that nobody accepts."""
        return int(self._journal.acceptance.passed_over)

    @property
    def repeats(self) -> int:
        """Records of the journal that are identical to an accepted one."""
        return int(self._journal.acceptance.repeats)

    def turn(self, wait_seconds: float) -> int:
        """Read some of both and give it to the archive; how many records that were.

        A decision is given together with its action or after it, never before.
        """
        decisions = self._next_decisions(wait_seconds)
        records = self._actions.poll(self._batch_records, 0)
        if decisions:
            wanted = _action_offset(decisions[-1]) + 1
            silent_since = time.monotonic()
            while self._actions.next_offset < wanted:
                self._keep_actions(records)
                records = self._actions.poll(self._batch_records, POLL_SECONDS)
                if records:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                    raise _silent(self._actions.next_offset)
        self._keep_actions(records)
        self._archive.keep_decisions(decisions)
        return len(decisions) + len(records)

    def waiting(self) -> int:
        """Records of both topics that were not read yet, as far as the client knows."""
        behind = self._actions.end_offset() - self._actions.next_offset
        return behind + self._journal.end_offset() - int(self._journal.next_offset)

    def age_seconds(self) -> float:
        """Age of the last decision that was read."""
        return time.time() - self._last_timestamp_ms / 1000 if self._last_timestamp_ms else 0.0

    def close(self) -> None:
        """Let go of the broker."""
        self._journal.close()
        self._actions.close()

    def _keep_actions(self, records: list[TopicRecord]) -> None:
        if records or self._actions.next_offset != self._archive.kept.next_action_offset:
            self._archive.keep_actions(records, self._actions.next_offset)

    def _next_decisions(self, wait_seconds: float) -> list[KeptDecision]:
        decisions = []
        acceptance = self._journal.acceptance
        for message in self._journal.messages(self._batch_records, wait_seconds):
            value = message.value()
            if value is not None and acceptance.offer(value) is not None:
                seq = int(acceptance.last_seq)
                decisions.append(KeptDecision(seq, value, acceptance.last_sha256, message.offset() or 0))
                self._last_timestamp_ms = message.timestamp()[1]
        return decisions


def _journal_behind(
    kafka: Mapping[str, str | int], topic: str, kept: Kept, searching: Callable[[int], None]
) -> JournalReader:
    """Give a reader of the journal that stands behind the archive's last decision.

    That one is looked for where it stood when it was archived; in a topic that was restored it stands
    elsewhere, and the journal is read from its beginning to there.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        JournalMismatch: another decision stands there, or the topic ends before it.

    """
    if kept.next_seq == 0:
        return JournalReader(kafka, topic, last_seq=-1, last_sha256=bytes(SHA256_BYTES), offset=0)
    last_seq = kept.next_seq - 1
    end = end_of(kafka, topic, BROKER_TIMEOUT_SECONDS)
    if kept.journal_offset < end:
        reader = JournalReader(
            kafka, topic, last_seq=last_seq, last_sha256=kept.last_sha256, offset=kept.journal_offset
        )
        if _first_message_is_last(reader):
            return reader
        reader.close()
    searching(last_seq)
    reader = JournalReader(kafka, topic, last_seq=-1, last_sha256=bytes(SHA256_BYTES), offset=0)
    with contextlib.ExitStack() as opened:
        opened.callback(reader.close)
        _read_up_to(reader, last_seq, end)
        _require_last(reader, kept)
        opened.pop_all()
    return reader


def _read_up_to(reader: JournalReader, seq: int, end: int) -> None:
    """Read the journal up to that decision and not beyond, or to that offset where it does not come."""
    silent_since = time.monotonic()
    while reader.next_offset < end and reader.acceptance.last_seq < seq:
        before = reader.next_offset
        # Never more than are missing, so that the reader stands right behind it.
        reader.poll(min(BATCH_RECORDS, seq - int(reader.acceptance.last_seq)), POLL_SECONDS)
        if reader.next_offset != before:
            silent_since = time.monotonic()
        elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
            raise _silent(int(before))


def _require_last(reader: JournalReader, kept: Kept) -> None:
    """See to it that the last decision that was read is the archive's last one."""
    acceptance = reader.acceptance
    last_seq = kept.next_seq - 1
    if acceptance.last_seq == last_seq and acceptance.last_sha256 == kept.last_sha256:
        return
    is_other = acceptance.last_seq == last_seq
    raise JournalMismatch(
        f"the archive goes up to decision {last_seq}, and the journal {reader.topic} "
        + ("has another one there" if is_other else f"ends with decision {acceptance.last_seq}"),
        seq=last_seq,
        advice="Is this the archive of another ledger? If the topics lost something: `neraca restore`.",
    )


def _first_message_is_last(reader: JournalReader) -> bool:
    """Read one record, and tell whether it is the decision that the reader starts behind."""
    deadline = time.monotonic() + BROKER_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for message in reader.messages(1, POLL_SECONDS):
            return reader.acceptance.is_last(message.value())
        if reader.at_end:
            return False
    raise _silent(int(reader.next_offset))


def _action_offset(decision: KeptDecision) -> int:
    cursor = Cursor(decision.value[FRAME_BYTES:])
    cursor.long()
    cursor.raw(SHA256_BYTES)
    return int(cursor.long())


def _silent(offset: int) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"Kafka gave nothing at offset {offset} for {SILENCE_SECONDS_MAX:.0f} seconds",
        advice="Is the broker up, and has every transaction on the topic ended?",
    )
