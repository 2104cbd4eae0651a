"""The decider: actions in, one decision each out, durable and in order. One is active, others stand by.

A loop around pure parts: `deciding.py` decides, `journal.py` says what the journal holds. The consumer group
on the one partition of actions elects the active decider; a standby follows the journal, and goes on where it
stops. No transaction is used: decisions are a pure function of the actions, so a repeat is identical and
every reader drops it (docs/ARCHITECTURE.md, "The journal").
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter, Gauge, Histogram

from consumers.deciding import DeadLetter, Decided, Deciding, Superseded
from consumers.journal import CLIENT_LOG_LEVEL, FETCH_WAIT_MAX_MS, PASSING, JournalReader
from consumers.monitoring import Monitoring
from consumers.seen_actions import FRESH_IDS_MAX, DamagedRunError, StoredSeenActions, forget_stored_ids
from consumers.snapshot import DamagedSnapshotError, Snapshot, read_snapshot, write_snapshot
from ledger.engine import Engine
from ledger.state import State
from schemas.binary import Cursor
from schemas.errors import BrokerUnavailable, InvariantViolation, JournalMismatch, NeracaError
from schemas.framing import FRAME_BYTES
from schemas.ids import SchemaIds, load_ids
from schemas.topics import ACTIONS, DEAD_LETTERS, DECISIONS

# Actions of one batch: enough to spread the cost of a call, few enough for the first not to wait for the
# last.
BATCH_ACTIONS_MAX: Final = 2_000
# Decisions on their way to the broker and back: bounds memory, and what a takeover has to compare.
PENDING_DECISIONS_MAX: Final = 40_000
READ_BACK_MAX: Final = 10_000
IDLE_WAIT_SECONDS: Final = 0.05
# While decisions are on their way back, how long the next action may keep them waiting.
PENDING_WAIT_SECONDS: Final = 0.001
# What was taken is not told, only what was not: so it is looked whether anything is left.
PRODUCER_WAIT_SECONDS: Final = 0.005
# Nothing came back for so long: the broker is asked for the topic. The producer would wait for minutes.
ASK_WHY_SECONDS: Final = 3.0
# Nothing came back for so long: the broker does not write. The decider starts again, with a new producer.
CONFIRM_TIMEOUT_SECONDS: Final = 60.0
SNAPSHOT_EVERY_DECISIONS: Final = 1_000_000
# Fewer decisions than this are followed from the journal faster than a snapshot is worth.
SNAPSHOT_AT_STOP_DECISIONS: Final = 10_000
COMMIT_EVERY_SECONDS: Final = 5.0
TELL_EVERY_SECONDS: Final = 1.0
TELL_TROUBLE_EVERY_SECONDS: Final = 10.0
# How long the broker may take to say where the journal ends.
BROKER_TIMEOUT_SECONDS: Final = 10.0
# Between two lives, the second of which did not get a decision into the journal: doubled each time.
RESTART_WAIT_SECONDS_MIN: Final = 0.25
RESTART_WAIT_SECONDS_MAX: Final = 10.0
# The automatic collector walks the whole ledger again and again, which costs more than deciding does (13
# instead of 5 microseconds an action). The ledger has no cycles; what has is young, and collected by hand.
GARBAGE_EVERY_TURNS: Final = 200
SNAPSHOT_FILE: Final = "state.snapshot"
SESSION_TIMEOUT_MS: Final = 6_000

log = structlog.get_logger("decider")


@dataclass(frozen=True, slots=True)
class DeciderConfig:
    """What a decider needs to know.

    Attributes:
        kafka: Client settings that reach the broker.
        topic_prefix: Put before every topic's name.
        state_folder: Where snapshots and seen ids are kept; several deciders may share it.
        metrics_port: Of the metrics and health endpoint; 0: any free one.
        metrics_host: Address of that endpoint.
        schema_ids_file: Lock file of the deployment's schema ids; None: the built-in ones.
        snapshot_every_decisions: A snapshot is taken when so many were made since the last.
        fresh_ids_max: Of how many action ids on they are moved from memory to a file.

    """

    kafka: Mapping[str, str | int]
    topic_prefix: str
    state_folder: Path
    metrics_port: int
    metrics_host: str = "127.0.0.1"
    schema_ids_file: Path | None = None
    snapshot_every_decisions: int = SNAPSHOT_EVERY_DECISIONS
    fresh_ids_max: int = FRESH_IDS_MAX


_STATE_FOLDER_ADVICE: Final = "See that the state folder can be written and has room."
# Why a snapshot is dropped, and the journal read from its beginning instead.
_UNFIT_SNAPSHOT: Final = (DamagedRunError, DamagedSnapshotError, InvariantViolation, JournalMismatch)


_TOPIC_GONE_ADVICE: Final = (
    "The topic is gone. Restore it from an archive, or let `neraca up` make it: all is decided anew."
)
_REFUSED_ADVICE: Final = {
    KafkaError.MSG_SIZE_TOO_LARGE: (
        "Set its max.message.bytes back to {max_message_bytes}; the decider goes on by itself then."
    ),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "Let the user that the decider logs in as write there; the decider goes on by itself then."
    ),
    KafkaError.UNKNOWN_TOPIC_OR_PART: _TOPIC_GONE_ADVICE,
    KafkaError._UNKNOWN_TOPIC: _TOPIC_GONE_ADVICE,
}
_REFUSED_ADVICE_ELSE: Final = "The broker's log may tell more. The decider tries again and again."


class DecisionRefused(NeracaError):
    """The broker does not take a decision. It stays undecided, and so does all behind it, until it does."""

    retryable = True


class _StopRequestedError(Exception):
    """Told to stop while the journal was still being read: nothing to tidy up."""


class Metrics:
    """What a decider tells of itself."""

    def __init__(self, monitoring: Monitoring) -> None:
        registry = monitoring.registry
        self.decisions: Final = Counter(
            "neraca_decisions", "Decisions made, by outcome and code.", ["outcome", "code"], registry=registry
        )
        self.batch_seconds: Final = Histogram(
            "neraca_decide_batch_seconds",
            "Time to decide one batch, without the broker.",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
            registry=registry,
        )
        self.latency_seconds: Final = Histogram(
            "neraca_decision_latency_seconds",
            "From the append of an action to its decision read back; the last of each batch.",
            buckets=(0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
            registry=registry,
        )
        self.invariant_violations: Final = Counter(
            "neraca_invariant_violations", "Broken invariants: each is a bug.", registry=registry
        )
        self.dead_letters: Final = Counter(
            "neraca_dead_letters", "Unreadable records sent to dead letters.", registry=registry
        )
        self.active: Final = Gauge(
            "neraca_decider_active", "1 where this decider decides, 0 where it stands by.", registry=registry
        )
        self.restarts: Final = Counter(
            "neraca_decider_restarts", "Starts again from the journal, after the first.", registry=registry
        )
        self.state_failures: Final = Counter(
            "neraca_state_failures",
            "Snapshots and files of ids that could not be written: is the disk full?",
            registry=registry,
        )
        self.registrations: Final = Gauge(
            "neraca_registrations", "Registrations in the ledger.", registry=registry
        )

    def count(self, decided: Decided) -> None:
        """Count a batch by outcome and code."""
        for name, count in decided.outcomes.items():
            outcome, _, code = name.partition(" ")
            self.decisions.labels(outcome, code).inc(count)
        self.dead_letters.inc(len(decided.dead_letters))


def run(config: DeciderConfig, stop: Event) -> None:
    """Decide until told to stop.

    What passes (another decider at work, a broker that restarts, a full disk) ends one life of the decider
    and not the service: it starts again from the journal, after a pause that grows while nothing gets better.

    Raises:
        JournalMismatch: the journal on the broker is not whole.

    """
    monitoring = Monitoring("decider", config.metrics_port, config.metrics_host)
    metrics = Metrics(monitoring)
    folder, lock = _claim_folder(config.state_folder)
    gc.disable()
    pause_seconds = RESTART_WAIT_SECONDS_MIN
    try:
        while not stop.is_set():
            reason, got_on = _live(config, folder, lock, monitoring, metrics, stop)
            # The client refers back to its decider: only the collector frees the ledger that was dropped.
            gc.collect()
            if reason:
                metrics.restarts.inc()
                monitoring.ready(False, reason)
                if got_on:
                    pause_seconds = RESTART_WAIT_SECONDS_MIN
                stop.wait(pause_seconds)
                pause_seconds = min(RESTART_WAIT_SECONDS_MAX, 2 * pause_seconds)
    finally:
        gc.enable()
        lock.close()
        monitoring.close()


def _live(
    config: DeciderConfig,
    folder: Path,
    lock: IO[bytes],
    monitoring: Monitoring,
    metrics: Metrics,
    stop: Event,
) -> tuple[str, bool]:
    """Give why this life of the decider ended (empty: told to stop), and whether it got anything done."""
    monitoring.new_reader()
    decider: _Decider | None = None
    try:
        decider = _Decider(config, folder, lock, monitoring, metrics, stop)
        decider.work()
    except _StopRequestedError:
        return "", False
    except InvariantViolation as error:
        # The state in memory is not to be trusted: it is dropped, and made again from the journal.
        metrics.invariant_violations.inc()
        log.error("invariant_violated", error=str(error))  # noqa: TRY400 - the message has both numbers
        return f"an invariant is broken: {error}", False
    except NeracaError as error:
        if not error.retryable:
            raise
        log.warning("starts_again", reason=str(error), advice=error.advice)
        reason = f"{error}. {error.advice}" if error.advice else str(error)
        # Said before the farewell to the broker, which may take its time.
        monitoring.ready(False, reason)
        return reason, decider is not None and decider.got_on
    except (KafkaException, OSError) as error:
        log.warning("starts_again", reason=str(error), error=type(error).__name__)
        return str(error), False
    finally:
        if monitoring.not_ready_because is None:
            monitoring.ready(False, "it starts again from the journal")
        metrics.active.set(0)
        if decider is not None:
            decider.close()
    return "", True


def _claim_folder(folder: Path) -> tuple[Path, IO[bytes]]:
    """Give a subfolder of its own to each decider that shares the folder, the first that nobody holds."""
    number = 0
    while True:
        own = folder / str(number)
        own.mkdir(parents=True, exist_ok=True)
        lock = (own / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            number += 1
        else:
            return own, lock


class _Decider:
    """One life of a decider, from the journal's end to a stop or to the notice that it was replaced."""

    def __init__(
        self,
        config: DeciderConfig,
        folder: Path,
        lock: IO[bytes],
        monitoring: Monitoring,
        metrics: Metrics,
        stop: Event,
    ) -> None:
        self._config: Final = config
        self._kafka: Final = dict(config.kafka)
        self._folder: Final = folder
        self._lock: Final = lock
        self._monitoring: Final = monitoring
        self._metrics: Final = metrics
        self._stop: Final = stop
        self._ids: Final[SchemaIds] = load_ids(config.schema_ids_file)
        self._actions_topic: Final = ACTIONS.under(config.topic_prefix)
        self._decisions_topic: Final = DECISIONS.under(config.topic_prefix)
        self._dead_letters_topic: Final = DEAD_LETTERS.under(config.topic_prefix)
        self._group: Final = f"{config.topic_prefix}neraca-decider"
        self.got_on = False
        self._turns = 0
        self._is_active = False
        self._failure: BaseException | None = None
        self._snapshot_pid: int | None = None
        self._committed_at = 0.0
        self._told_at = 0.0
        self._trouble_told_at = float("-inf")
        self._confirmed_at = time.monotonic()
        self._asked_why_at = 0.0
        self._reader, self._deciding, self._snapshot_seq = self._load()
        self._producer: Final = Producer(
            {
                "linger.ms": 0,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 2 * PENDING_DECISIONS_MAX,
                # What the topic takes is for the broker to say, which names what it refused.
                "message.max.bytes": int(DECISIONS.config["max.message.bytes"]),
                "log_level": CLIENT_LOG_LEVEL,
                **self._kafka,
                "enable.idempotence": True,
                "acks": "all",
                # Once one is refused, nothing behind it is written: every reader would have to pass it over.
                "enable.gapless.guarantee": True,
                # What was written is known by reading it back; only a refusal is worth a call.
                "delivery.report.only.error": True,
            }
        )
        self._consumer: Final = Consumer(
            {
                "fetch.wait.max.ms": FETCH_WAIT_MAX_MS,
                "fetch.queue.backoff.ms": 10,
                "session.timeout.ms": SESSION_TIMEOUT_MS,
                "heartbeat.interval.ms": SESSION_TIMEOUT_MS // 3,
                "log_level": CLIENT_LOG_LEVEL,
                "error_cb": self._on_trouble,
                **self._kafka,
                "group.id": self._group,
                # A decider that joins must not stop the one that decides.
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
                "fetch.message.max.bytes": 2 * 1024 * 1024,
            }
        )

    # -- from the journal to a state -------------------------------------------------------------------------

    def _load(self) -> tuple[JournalReader, Deciding, int]:
        """Rebuild the ledger: from the snapshot and the journal behind it, or from the journal alone."""
        started = time.monotonic()
        with contextlib.ExitStack() as opened:
            try:
                reader, deciding, snapshot_seq = self._load_from_snapshot(opened)
            except (*_UNFIT_SNAPSHOT, OSError) as error:
                if not isinstance(error, FileNotFoundError):
                    log.warning("snapshot_dropped", reason=str(error))
                opened.close()
                reader, deciding = self._load_from_start(opened)
                snapshot_seq = -1
            opened.pop_all()
        state: State = deciding.engine.state
        log.info(
            "loaded",
            seq=state.next_seq - 1,
            snapshot_seq=snapshot_seq,
            registrations=len(state.registrations),
            seconds=round(time.monotonic() - started, 3),
        )
        return reader, deciding, snapshot_seq

    def _load_from_snapshot(self, opened: contextlib.ExitStack) -> tuple[JournalReader, Deciding, int]:
        seen = StoredSeenActions(self._folder / "seen", self._config.fresh_ids_max)
        opened.callback(seen.close)
        snapshot = read_snapshot(self._folder / SNAPSHOT_FILE, seen)
        last_seq: int = snapshot.state.next_seq - 1
        if seen.stored_seq < last_seq:
            raise DamagedRunError(
                f"ids are stored up to decision {seen.stored_seq}, the state is of {last_seq}"
            )
        if seen.stored_seq == last_seq and seen.stored_sha256 != snapshot.last_sha256:
            raise DamagedRunError(f"ids and state are of two journals, which differ in decision {last_seq}")
        reader = self._journal_reader(last_seq, snapshot.last_sha256, snapshot.offset)
        opened.callback(reader.close)
        self._require_in_journal(reader, snapshot)
        deciding = self._deciding_at(reader, Engine(snapshot.state, snapshot.last_sha256), seen)
        deciding.next_action_offset = snapshot.action_offset + 1
        deciding.last_offset = snapshot.offset
        self._follow_to_end(reader, deciding)
        if deciding.engine.state.next_seq <= seen.stored_seq:
            raise JournalMismatch(f"it ends before decision {seen.stored_seq}, up to which ids are stored")
        return reader, deciding, last_seq

    def _load_from_start(self, opened: contextlib.ExitStack) -> tuple[JournalReader, Deciding]:
        forget_stored_ids(self._folder / "seen")
        (self._folder / SNAPSHOT_FILE).unlink(missing_ok=True)
        seen = StoredSeenActions(self._folder / "seen", self._config.fresh_ids_max)
        opened.callback(seen.close)
        engine = Engine.start(seen=seen)
        reader = self._journal_reader(-1, engine.last_sha256, 0)
        opened.callback(reader.close)
        deciding = self._deciding_at(reader, engine, seen)
        self._follow_to_end(reader, deciding)
        return reader, deciding

    def _journal_reader(self, last_seq: int, last_sha256: bytes, offset: int) -> JournalReader:
        return JournalReader(
            self._kafka, self._decisions_topic, last_seq=last_seq, last_sha256=last_sha256, offset=offset
        )

    def _deciding_at(self, reader: JournalReader, engine: Engine, seen: StoredSeenActions) -> Deciding:
        return Deciding(engine, seen, self._ids, reader.acceptance, next_action_offset=0, last_offset=-1)

    def _require_in_journal(self, reader: JournalReader, snapshot: Snapshot) -> None:
        """Read the decision that the snapshot was made after, and compare.

        Raises:
            JournalMismatch: it is not there: another journal, or one that lost its tail.

        """
        reader.ask_end(BROKER_TIMEOUT_SECONDS)
        while not reader.at_end:
            if self._stop.is_set():
                raise _StopRequestedError
            for entry in reader.messages(1, IDLE_WAIT_SECONDS):
                if reader.acceptance.is_last(entry.value()):
                    return
                raise JournalMismatch(f"another decision stands at offset {snapshot.offset} of the journal")
        raise JournalMismatch(f"it has no offset {snapshot.offset}, where the snapshot was taken")

    def _follow_to_end(self, reader: JournalReader, deciding: Deciding) -> None:
        """Follow the journal to its end, as it is now.

        Raises:
            JournalMismatch: it is not the journal that the stored ids belong to.

        """
        reader.ask_end(BROKER_TIMEOUT_SECONDS)
        while not reader.at_end:
            if self._stop.is_set():
                raise _StopRequestedError
            for entry in reader.poll(READ_BACK_MAX, IDLE_WAIT_SECONDS):
                self._follow(deciding, entry.value, entry.offset)
            self._store_ids(deciding)

    def _follow(self, deciding: Deciding, avro: bytes, offset: int) -> None:
        """Take one decision; the reader has accepted further ones already, which do not count here."""
        deciding.follow(avro, offset)
        seen = deciding.seen
        engine = deciding.engine
        seq = engine.state.next_seq - 1
        if seq == seen.stored_seq and engine.last_sha256 != seen.stored_sha256:
            raise JournalMismatch(f"decision {seq} is not the one that the stored ids end with")

    # -- standing by, and deciding ---------------------------------------------------------------------------

    def work(self) -> None:
        """Stand by until elected, then decide, until told to stop.

        Raises:
            Superseded: another decider wrote, or was elected.

        """
        self._consumer.subscribe(
            [self._actions_topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )
        self._monitoring.ready(True)
        while not self._stop.is_set():
            if self._is_active:
                self._decide_some()
            else:
                self._stand_by()
            if self._failure is not None:
                raise self._failure
        self._stop_gracefully()

    def _stand_by(self) -> None:
        """Follow the journal, and take part in the election."""
        messages = self._take_actions(0.0)
        if self._is_active:
            # What came in the very call that elected this decider is not given a second time.
            self._decide(messages)
            return
        for entry in self._reader.poll(READ_BACK_MAX, IDLE_WAIT_SECONDS):
            self._follow(self._deciding, entry.value, entry.offset)
        self._tell_position()
        self._store_ids(self._deciding)
        self._keep_house()

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Elected: read the journal to its end, and go on with the action behind it."""
        try:
            if partitions:
                self._follow_to_end(self._reader, self._deciding)
                consumer.incremental_assign(
                    [TopicPartition(self._actions_topic, 0, self._deciding.next_action_offset)]
                )
                self._is_active = True
                self._confirmed_at = time.monotonic()
                self._metrics.active.set(1)
                log.info("active", next_action_offset=self._deciding.next_action_offset)
        except Exception as error:  # noqa: BLE001 - raised in a callback it would lose the records of that call.
            self._failure = error

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Another was elected. What was written is in the journal or is not: the journal tells."""
        if partitions:
            if self._is_active and not self._stop.is_set():
                self._failure = Superseded(
                    "it is not the elected decider any more: it was silent for too long, or had to give way"
                )
            self._is_active = False
            consumer.incremental_unassign(partitions)

    def _on_trouble(self, error: KafkaError) -> None:
        """Tell, now and then, that the broker cannot be reached: the client tries again by itself."""
        now = time.monotonic()
        if now - self._trouble_told_at > TELL_TROUBLE_EVERY_SECONDS:
            self._trouble_told_at = now
            log.warning("broker_trouble", error=error.str())

    def _decide_some(self) -> None:
        """One turn: decide what came, write it, compare what came back."""
        pending = len(self._deciding.pending)
        if pending < PENDING_DECISIONS_MAX and not self._snapshot_is_due():
            self._decide(self._take_actions(PENDING_WAIT_SECONDS if pending else IDLE_WAIT_SECONDS))
        self._read_back(0.0 if len(self._deciding.pending) < PENDING_DECISIONS_MAX else IDLE_WAIT_SECONDS)
        self._hear_refusals()
        self._store_ids(self._deciding)
        if not self._deciding.pending:
            self._keep_house()
        self._turns += 1
        if self._turns % GARBAGE_EVERY_TURNS == 0:
            gc.collect(1)

    def _take_actions(self, timeout_seconds: float) -> list[Message]:
        """Give the records that are there, waiting only for the first.

        Raises:
            Superseded: another decider was elected, which the client told meanwhile.

        """
        found = self._consumer.consume(1, timeout_seconds)
        if found:
            found += self._consumer.consume(BATCH_ACTIONS_MAX - 1, 0)
        if self._failure is not None:
            raise self._failure
        messages = []
        for message in found:
            error = message.error()
            if error is None:
                messages.append(message)
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise JournalMismatch(
                    f"{self._actions_topic} has no offset {self._deciding.next_action_offset}, "
                    "where the journal stops",
                    advice="Restore the topic of actions; nothing was decided in between.",
                )
            elif error.code() not in PASSING:
                raise BrokerUnavailable(f"{self._actions_topic} cannot be read: {error.str()}")
        return messages

    def _decide(self, messages: list[Message]) -> None:
        if not messages:
            return
        with self._metrics.batch_seconds.time():
            decided = self._deciding.decide(messages)
        if decided.dead_letters:
            self._send_dead_letters(decided.dead_letters)
        taken = self._producer.produce_batch(
            self._decisions_topic,
            [{"value": value} for value in decided.values],
            partition=0,
            on_delivery=self._on_refused,
        )
        if taken != len(decided.values):
            # Its queue holds twice what can be pending, so something is wrong; order must not depend on a
            # retry.
            self._hear_refusals()
            raise self._failure or Superseded(f"the client took {taken} of {len(decided.values)} decisions")
        self._metrics.count(decided)

    def _hear_refusals(self) -> None:
        """Let the client tell what the broker refused: the first refusal ends this producer."""
        try:
            self._producer.poll(0)
        except KafkaException as error:
            # It says once that it has ended, and with the next call, in a moment, which decision it was.
            self._producer.poll(BROKER_TIMEOUT_SECONDS)
            if self._failure is None:
                self._failure = DecisionRefused(
                    f"{self._decisions_topic} takes no more decisions: {error.args[0].str()}",
                    advice=_REFUSED_ADVICE_ELSE,
                )

    def _wait_for_producer(self, timeout_seconds: float) -> bool:
        """Wait until nothing is on its way any more; tell whether that came in time.

        `flush` would go on calling back after the client has said that it ended, which Python does not allow.

        Raises:
            KafkaException: a refusal ended the producer.

        """
        deadline = time.monotonic() + timeout_seconds
        while len(self._producer) and time.monotonic() < deadline:
            self._producer.poll(PRODUCER_WAIT_SECONDS)
        return not len(self._producer)

    def _on_refused(self, error: KafkaError | None, message: Message) -> None:
        """Note the first decision that did not get to the journal: those behind it hang in the air."""
        if (
            error is None
            or self._failure is not None
            or error.code() in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
        ):
            return
        seq = Cursor((message.value() or b"")[FRAME_BYTES:]).long()
        self._failure = self._refused(error, f"decision {seq}")

    def _refused(self, error: KafkaError, what: str) -> DecisionRefused:
        advice = _REFUSED_ADVICE.get(error.code(), _REFUSED_ADVICE_ELSE)
        return DecisionRefused(
            f"{self._decisions_topic} does not take {what}: {error.str()}",
            advice=advice.format(max_message_bytes=DECISIONS.config["max.message.bytes"]),
        )

    def _ask_why(self) -> None:
        """Ask the broker for the topic of decisions.

        Raises:
            DecisionRefused: it has none of that name, or not for us.

        """
        try:
            found = self._producer.list_topics(self._decisions_topic, timeout=1)
        except KafkaException:
            return  # The broker is away: what is on its way waits for it.
        error = found.topics[self._decisions_topic].error
        if error is not None and error.code() not in PASSING:
            raise self._refused(error, f"decision {self._deciding.acceptance.last_seq + 1}")

    def _send_dead_letters(self, letters: list[DeadLetter]) -> None:
        """Make sure that the broker has them before the decisions that account for them are written."""
        failed: list[str] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failed.append(error.str())

        for letter in letters:
            value = letter.value or b""
            # A letter points at the record and does not copy it: whatever somebody sent in the clear by
            # mistake stands in one place, not two.
            self._producer.produce(
                self._dead_letters_topic,
                None,
                partition=0,
                headers={
                    "neraca-reason": letter.reason.encode()[:1000],
                    "neraca-topic": self._actions_topic.encode(),
                    "neraca-partition": b"0",
                    "neraca-offset": str(letter.action_offset).encode(),
                    "neraca-seq": str(letter.seq).encode(),
                    "neraca-bytes": str(len(value)).encode(),
                    "neraca-sha256": hashlib.sha256(value).hexdigest().encode(),
                },
                on_delivery=delivered,
            )
        try:
            silent = not self._wait_for_producer(CONFIRM_TIMEOUT_SECONDS)
        except KafkaException as error:
            # A refusal ended this producer: of a letter, or of a decision before it.
            self._producer.poll(BROKER_TIMEOUT_SECONDS)
            silent, failed = False, failed or [error.args[0].str()]
        if self._failure is not None:
            raise self._failure
        if silent or failed:
            raise DecisionRefused(
                f"{self._dead_letters_topic} takes no letter, without which nothing unreadable is decided: "
                f"{', '.join(failed) or 'the broker is silent'}",
                advice=_REFUSED_ADVICE_ELSE,
            )
        for letter in letters:
            log.warning(
                "unreadable", seq=letter.seq, action_offset=letter.action_offset, reason=letter.reason
            )

    def _read_back(self, timeout_seconds: float) -> None:
        messages = self._reader.messages(READ_BACK_MAX, timeout_seconds)
        confirmed = self._deciding.read_back(messages) if messages else 0
        now = time.monotonic()
        if confirmed:
            self.got_on = True
            self._metrics.latency_seconds.observe(
                max(0.0, time.time() - int(self._deciding.confirmed_at) / 1e6)
            )
        if confirmed or now - self._told_at > TELL_EVERY_SECONDS:
            self._told_at = now
            self._tell_position()
        if confirmed or not self._deciding.pending:
            self._confirmed_at = now
        elif now - self._confirmed_at > CONFIRM_TIMEOUT_SECONDS:
            raise Superseded(f"nothing that was written came back for {CONFIRM_TIMEOUT_SECONDS:.0f} seconds")
        elif now - max(self._confirmed_at, self._asked_why_at) > ASK_WHY_SECONDS:
            self._asked_why_at = now
            self._ask_why()

    def _tell_position(self) -> None:
        """Show `seq` and lag."""
        deciding = self._deciding
        acceptance = deciding.acceptance
        try:
            _, high = self._consumer.get_watermark_offsets(
                TopicPartition(self._actions_topic, 0), cached=True
            )
        except KafkaException:
            high = -1
        undecided = max(0, high - deciding.next_action_offset) if self._is_active else 0
        self._monitoring.seq(acceptance.last_seq)
        self._monitoring.lag(
            undecided + len(deciding.pending), max(0.0, time.time() - int(deciding.confirmed_at) / 1e6)
        )
        self._monitoring.acceptance(acceptance.passed_over, acceptance.repeats)
        self._metrics.registrations.set(len(self._deciding.engine.state.registrations))

    # -- snapshots -------------------------------------------------------------------------------------------

    def _snapshot_is_due(self) -> bool:
        """Tell whether it is time for one: the next action waits until all that was written has come back."""
        return (
            self._snapshot_pid is None
            and self._deciding.acceptance.last_seq - self._snapshot_seq
            >= self._config.snapshot_every_decisions
        )

    def _keep_house(self) -> None:
        """With nothing on its way: take a snapshot, tell the group how far it is."""
        self._collect_snapshot(os.WNOHANG)
        if self._snapshot_is_due():
            self._snapshot_beside()
        now = time.monotonic()
        if self._is_active and now - self._committed_at > COMMIT_EVERY_SECONDS:
            # For Kafka's own tools, which show lag by it. The decider itself never reads it.
            self._committed_at = now
            self._consumer.commit(
                offsets=[TopicPartition(self._actions_topic, 0, self._deciding.next_action_offset)],
                asynchronous=True,
            )

    def _snapshot_beside(self) -> None:
        """Write a snapshot from a copy of this process, so that deciding does not wait for it."""
        self._snapshot_seq = self._deciding.acceptance.last_seq
        if not self._flush_ids():
            return  # The next one is due in its time; a state without its ids would be worth nothing.
        pid = os.fork()
        if pid == 0:  # The copy: it has none of the client's threads, writes one file, and is gone.
            code = 1
            try:
                self._let_go_of_what_is_shared()
                self._write_snapshot()
                code = 0
            finally:
                os._exit(code)
        self._snapshot_pid = pid

    def _store_ids(self, deciding: Deciding) -> None:
        """Go on with moving ids from memory to a file. A full disk costs memory, and never a decision."""
        try:
            deciding.seen.store(deciding.acceptance.last_seq)
        except OSError as error:
            self._tell_not_stored(error)

    def _flush_ids(self) -> bool:
        """Move all ids to files, and wait for it; tell whether they are there."""
        acceptance = self._deciding.acceptance
        try:
            self._deciding.seen.flush(acceptance.last_seq, acceptance.last_sha256)
        except OSError as error:
            self._tell_not_stored(error)
            return False
        return True

    def _tell_not_stored(self, error: OSError) -> None:
        self._metrics.state_failures.inc()
        log.error("ids_not_stored", error=str(error), advice=_STATE_FOLDER_ADVICE)

    def _let_go_of_what_is_shared(self) -> None:
        """In the copy: close every connection and port, so that they end with the decider, also by SIGKILL.

        The folder's lock stays: nobody else may use the folder while a snapshot is written there.
        """
        kept = {0, 1, 2, self._lock.fileno()}
        for number in {int(path.name) for path in Path("/dev/fd").iterdir()} - kept:
            with contextlib.suppress(OSError):  # The listing itself had one, which is closed already.
                os.close(number)

    def _collect_snapshot(self, how: int) -> None:
        """Take the exit status of the copy that writes the snapshot, if it has ended or is waited for."""
        if self._snapshot_pid is not None:
            done, status = os.waitpid(self._snapshot_pid, how)
            if done:
                self._snapshot_pid = None
                if status != 0:
                    self._metrics.state_failures.inc()
                    log.error("snapshot_failed", advice=_STATE_FOLDER_ADVICE)

    def _write_snapshot(self) -> None:
        deciding = self._deciding
        write_snapshot(
            self._folder / SNAPSHOT_FILE,
            Snapshot(
                deciding.engine.state,
                deciding.acceptance.last_sha256,
                deciding.last_offset,
                deciding.next_action_offset - 1,
            ),
        )

    def _stop_gracefully(self) -> None:
        """Wait for what is on its way, and leave a snapshot for the next start."""
        deadline = time.monotonic() + CONFIRM_TIMEOUT_SECONDS
        while self._deciding.pending and self._failure is None and time.monotonic() < deadline:
            self._read_back(IDLE_WAIT_SECONDS)
            self._hear_refusals()
        acceptance = self._deciding.acceptance
        is_worth_it = acceptance.last_seq - self._snapshot_seq >= SNAPSHOT_AT_STOP_DECISIONS
        # One that is being written beside would write the same file.
        self._collect_snapshot(0)
        if is_worth_it and not self._deciding.pending and self._flush_ids():
            self._write_snapshot()
        log.info("stopped", seq=acceptance.last_seq)

    def close(self) -> None:
        """Leave the group, and let go of the broker."""
        self._collect_snapshot(0)
        self._is_active = False
        self._consumer.close()
        self._reader.close()
        self._producer.purge()
        with contextlib.suppress(KafkaException):  # It may have ended by a refusal, which was told.
            self._wait_for_producer(1.0)
        self._deciding.seen.close()
