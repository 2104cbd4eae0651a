"""Puts a ledger back on empty topics: the same bytes, the actions at the same offsets with the same times.

A topic of ours stamps every record with the time of the append. While a ledger is restored, the topic of
actions takes the times that are given (`CreateTime`), and is set back as the very last step: until then it is
plain that it is not finished, and no service starts on it. Holes, which markers of transactions left, are
made again by transactions: a hole of one behind a record, by writing that record in one; a larger one, by
one that is aborted. Must not run while somebody decides, or another one restores (`claim.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined] # typed, but not listed as exported
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from audit.archive.claim import Claim, members_of
from audit.archive.reader import ArchiveSource
from consumers.action_topic import ActionReader, TopicRecord, ask_end
from consumers.journal import CLIENT_LOG_LEVEL, SHA256_BYTES, JournalReader
from schemas.errors import BrokerUnavailable, NeracaError
from schemas.framing import frame
from schemas.topics import ACTIONS, DECISION_BYTES_MAX, DECISIONS

TIMESTAMP_TYPE: Final = "message.timestamp.type"
GIVEN_TIMES: Final = "CreateTime"
REQUEST_SECONDS: Final = 15.0
# A broker that takes nothing for so long will not take the rest.
SILENCE_SECONDS_MAX: Final = 60.0
POLL_SECONDS: Final = 0.1
LOOK_AGAIN_SECONDS: Final = 0.005
SETTLE_SECONDS: Final = 0.3
READ_RECORDS: Final = 8_192
# What a client holds at most, on its way there or back.
QUEUE_KIB: Final = 65_536
_MARKER: Final = 1
_ABORTED_AT_ONCE: Final = 10_000
_OVERHEAD_BYTES: Final = 4_096


class TopicNotEmpty(NeracaError):
    """A ledger is restored into empty topics only; nothing was changed."""


class DeciderAtWork(NeracaError):
    """Somebody decides on the topics that a ledger should be restored into."""


class RestoreInterrupted(NeracaError):
    """An earlier restore left the topics so that this one cannot go on there."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        actions: Records of the action topic that are there now.
        decisions: Decisions that are there now.
        actions_found: Of them, those that an interrupted restore had left.
        decisions_found: The same of decisions.
        holes: Holes in the offsets that were made again.

    """

    actions: int
    decisions: int
    actions_found: int
    decisions_found: int
    holes: int


# Told what is being done, how far it is, and how far it goes.
Advance = Callable[[str, int, int], None]


class Restore:
    """One ledger on its way back to its topics."""

    def __init__(
        self,
        source: ArchiveSource,
        kafka: Mapping[str, str | int],
        topic_prefix: str,
        advance: Advance = lambda _what, _done, _total: None,
    ) -> None:
        """Change nothing yet.

        Args:
            source: The archive.
            kafka: Client settings that reach the broker.
            topic_prefix: Put before every topic's name.
            advance: Told how far it is.

        """
        self._source: Final = source
        self._clients: Final = {"log_level": CLIENT_LOG_LEVEL, **kafka}
        self._kafka: Final = {
            "log_level": CLIENT_LOG_LEVEL,
            "queued.max.messages.kbytes": QUEUE_KIB,
            **kafka,
        }
        self._actions: Final = ACTIONS.under(topic_prefix)
        self._decisions: Final = DECISIONS.under(topic_prefix)
        self._decider_group: Final = f"{topic_prefix}neraca-decider"
        self._advance: Final = advance
        self._admin: Final = AdminClient({"log_level": CLIENT_LOG_LEVEL, **kafka})
        self._claim: Final = Claim(kafka, topic_prefix, self._admin)
        self._watcher: Final = Consumer(
            {**self._kafka, "group.id": "neraca-end", "isolation.level": "read_uncommitted"}
        )
        self._failures: Final[list[KafkaError]] = []
        self._holes = 0

    def run(self) -> Restored:
        """Check the archive, write both topics, read them back, and open them for services.

        Interrupted at any moment, it goes on where it was when run again.

        Raises:
            RestoreRunning: another process restores into these topics.
            TopicNotEmpty: there is a ledger already.
            RestoreInterrupted: an earlier restore was cut in the middle of a transaction.
            ArchiveDamaged: the archive is not what was written; nothing was changed.
            BrokerUnavailable: Kafka does not answer, or refuses.

        """
        self._claim.take()
        self._require_no_decider()
        is_begun = self.is_begun()
        if not is_begun:
            self._require_empty()
        self._check_archive()
        self._set_timestamps(GIVEN_TIMES)
        actions_found = self._write_actions(self._check_actions() if is_begun else 0)
        decisions_found = self._write_decisions(self._check_decisions() if is_begun else 0)
        self._read_back()
        # Last: it says that the ledger is whole.
        self._set_timestamps(ACTIONS.config[TIMESTAMP_TYPE])
        extent = self._source.extent()
        return Restored(extent.actions, extent.decisions, actions_found, decisions_found, self._holes)

    def close(self) -> None:
        """Let go of the topics and of the broker."""
        self._claim.close()
        self._watcher.close()

    def is_begun(self) -> bool:
        """Whether the topic of actions takes times that are given: a restore began there and did not end."""
        return self._timestamp_type() == GIVEN_TIMES

    def _timestamp_type(self) -> str:
        resource = ConfigResource(ResourceType.TOPIC, self._actions)
        (answer,) = self._admin.describe_configs([resource], request_timeout=REQUEST_SECONDS).values()
        with _asked(self._actions):
            return str(answer.result()[TIMESTAMP_TYPE].value)

    def start_over(self) -> None:
        """Delete both topics of a restore that did not end. Whoever calls makes them anew.

        Raises:
            RestoreRunning: another process restores into these topics.
            TopicNotEmpty: no restore began there: what they hold is a ledger.

        """
        self._claim.take()
        self._require_no_decider()
        if not self.is_begun():
            raise TopicNotEmpty(
                f"no restore was begun on {self._actions}, so nothing of it is deleted",
                advice="Leave --start-over out.",
            )
        names = [self._actions, self._decisions]
        for future in self._admin.delete_topics(names, request_timeout=REQUEST_SECONDS).values():
            with _asked(self._actions):
                future.result()
        deadline = time.monotonic() + REQUEST_SECONDS
        while set(names) & set(self._admin.list_topics(timeout=REQUEST_SECONDS).topics):
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"the broker did not delete {self._actions} in time")
            time.sleep(POLL_SECONDS)

    # -- before ----------------------------------------------------------------------------------------------

    def _require_no_decider(self) -> None:
        if members_of(self._admin, self._decider_group):
            raise DeciderAtWork(
                f"a decider is at work on {self._actions}",
                advice="Stop the services first: `neraca down`; this command starts what it needs.",
            )

    def _require_empty(self) -> None:
        for topic in (self._actions, self._decisions):
            if (end := self._end(topic)) > 0:
                raise TopicNotEmpty(
                    f"the topic {topic} holds something already: it ends at offset {end}",
                    advice="A ledger is restored into empty topics: give a new home, or another prefix.",
                )

    def _check_archive(self) -> None:
        """Read the whole archive once: what is damaged is to be told before anything is written."""
        extent = self._source.extent()
        total, done = extent.decisions + extent.actions, 0
        for decisions in self._source.decisions():
            done += len(decisions)
            self._advance("checking the archive", done, total)
        for records in self._source.records():
            done += len(records)
            self._advance("checking the archive", done, total)

    def _set_timestamps(self, value: str) -> None:
        """Say whose times the topic of actions takes: those that are given, or the broker's."""
        entry = ConfigEntry(TIMESTAMP_TYPE, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, self._actions, incremental_configs=[entry])
        (answer,) = self._admin.incremental_alter_configs(
            [resource], request_timeout=REQUEST_SECONDS
        ).values()
        with _asked(self._actions):
            answer.result()
        deadline = time.monotonic() + REQUEST_SECONDS
        while self._timestamp_type() != value:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"{self._actions} did not take {TIMESTAMP_TYPE}={value} in time")
            time.sleep(LOOK_AGAIN_SECONDS)
        # A broker tells the new setting a moment before its log follows it. Were that moment longer, the
        # comparison at the end would find it.
        time.sleep(SETTLE_SECONDS)

    # -- what an interrupted restore left --------------------------------------------------------------------

    def _check_actions(self) -> int:
        """Compare what is on the topic of actions with the archive; up to which offset it is there."""
        end = self._end(self._actions)
        wanted = self._records_before(end)
        reader = ActionReader(self._kafka, self._actions, offset=0)
        try:
            for found in self._until(reader, end):
                if next(wanted, None) != found:
                    raise self._interrupted(f"offset {found.offset} of {self._actions} holds another record")
        finally:
            reader.close()
        if (missing := next(wanted, None)) is not None:
            raise self._interrupted(f"offset {missing.offset} of {self._actions} holds no record")
        return end

    def _check_decisions(self) -> int:
        """Compare what is on the journal's topic with the archive; how many decisions are there."""
        end = self._end(self._decisions)
        reader = JournalReader(
            self._kafka, self._decisions, last_seq=-1, last_sha256=bytes(SHA256_BYTES), offset=0
        )
        try:
            self._read_journal(reader, end)
        finally:
            reader.close()
        last_seq = int(reader.acceptance.last_seq)
        if last_seq < 0:
            return 0
        kept = self._source.decision(last_seq)
        # What a decision names as the one before, it names for all that came before.
        if kept is None or not reader.acceptance.is_last(frame(0, kept)):
            raise self._interrupted(f"decision {last_seq} on {self._decisions} is another")
        return last_seq + 1

    def _interrupted(self, why: str) -> RestoreInterrupted:
        return RestoreInterrupted(
            f"an earlier restore was interrupted, and cannot be continued: {why}",
            advice="Run it again with --start-over, which deletes both topics and makes them anew.",
        )

    # -- writing ---------------------------------------------------------------------------------------------

    def _write_actions(self, start: int) -> int:
        """Write the records from that offset on; how many were there before it."""
        total = self._source.extent().actions
        found = sum(1 for _ in self._records_before(start))
        plain = self._producer({"enable.idempotence": True})
        in_transaction: Producer | None = None
        expected, done = start, found
        for batch in self._with_followers(start):
            run: list[TopicRecord] = []
            for record, follower in batch:
                if record.offset == expected and follower != record.offset + 1 + _MARKER:
                    run.append(record)
                    expected += 1
                    continue
                self._send(plain, run)
                self._flush(plain)
                run = []
                in_transaction = in_transaction or self._transactional()
                self._fill(in_transaction, expected, record)
                if follower == record.offset + 1 + _MARKER:
                    self._send_in_transaction(in_transaction, record)
                    expected = follower
                else:
                    run.append(record)
                    expected = record.offset + 1
            self._send(plain, run)
            done += len(batch)
            self._advance("restoring actions", done, total)
        self._flush(plain)
        if (end := self._source.position.next_action_offset) > expected:
            in_transaction = in_transaction or self._transactional()
            self._fill(in_transaction, expected, None, end)
        return found

    def _with_followers(self, start: int) -> Iterator[list[tuple[TopicRecord, int]]]:
        """Give each record from that offset on with the offset of the next one, or of the end."""
        waiting: TopicRecord | None = None
        for batch in self._source.records():
            pairs = []
            for record in batch:
                if record.offset < start:
                    continue
                if waiting is not None:
                    pairs.append((waiting, record.offset))
                waiting = record
            yield pairs
        if waiting is not None:
            yield [(waiting, self._source.position.next_action_offset)]

    def _fill(
        self, producer: Producer, expected: int, record: TopicRecord | None, end: int | None = None
    ) -> None:
        """Make the hole before a record, or before the end of the topic."""
        upto = record.offset if record is not None else (end or expected)
        hole = upto - expected
        if hole == 0:
            return
        if hole == _MARKER:
            raise self._interrupted(
                f"a single marker belongs at offset {expected} of {self._actions}, behind no record"
            )
        self._holes += 1
        with _asked(self._actions):
            producer.begin_transaction()
            for number in range(hole - _MARKER):
                self._produce(producer, TopicRecord(expected + number, int(time.time() * 1000), b""))
                if number % _ABORTED_AT_ONCE == 0:
                    self._flush(producer)
            self._flush(producer)
            producer.abort_transaction(SILENCE_SECONDS_MAX)
        self._wait_for_end(upto)

    def _send_in_transaction(self, producer: Producer, record: TopicRecord) -> None:
        """Write a record and the marker behind it."""
        self._holes += 1
        with _asked(self._actions):
            producer.begin_transaction()
            self._produce(producer, record)
            producer.commit_transaction(SILENCE_SECONDS_MAX)
        self._wait_for_end(record.offset + 1 + _MARKER)

    def _wait_for_end(self, offset: int) -> None:
        """Wait for a marker, which the coordinator writes after it has answered."""
        deadline = time.monotonic() + SILENCE_SECONDS_MAX
        while (end := self._end(self._actions)) < offset:
            if time.monotonic() > deadline:
                raise BrokerUnavailable(f"{self._actions} ends at {end} and should at {offset}")
            time.sleep(LOOK_AGAIN_SECONDS)
        if end > offset:
            raise self._interrupted(
                f"{self._actions} ends at {end} and should at {offset}: who writes there?"
            )

    def _write_decisions(self, found: int) -> int:
        """Write the decisions from that number on."""
        total = self._source.extent().decisions
        producer = self._producer({"enable.idempotence": True})
        if found < total:
            for block in self._source.decision_blocks(found):
                head = frame(block.schema_id or 0, b"")
                new = block.records[max(0, found - block.first) :]
                self._send_values(producer, self._decisions, [{"value": head + value} for value in new])
                self._advance("restoring decisions", block.first + len(block.records), total)
        self._flush(producer)
        return found

    def _send(self, producer: Producer, records: list[TopicRecord]) -> None:
        """Hand records to the client, in order. Its quick way for many takes no times."""
        for record in records:
            self._produce(producer, record)
        producer.poll(0)
        self._raise_failures()

    def _send_values(self, producer: Producer, topic: str, messages: list[dict[str, Any]]) -> None:
        while messages:
            taken = producer.produce_batch(topic, messages, partition=0, on_delivery=self._on_delivery)
            # The client's queue is full: what it did not take comes again, without its mark.
            messages = [
                {name: value for name, value in message.items() if name != "_error"}
                for message in messages[taken:]
            ]
            producer.poll(POLL_SECONDS if messages else 0)
            self._raise_failures()

    def _produce(self, producer: Producer, record: TopicRecord) -> None:
        headers: list[tuple[str, str | bytes | None]] = [*record.headers]
        while True:
            try:
                producer.produce(
                    self._actions,
                    record.value,
                    record.key,
                    partition=0,
                    timestamp=record.recorded_at_ms,
                    headers=headers or None,
                    on_delivery=self._on_delivery,
                )
            except BufferError:
                producer.poll(POLL_SECONDS)
            else:
                return

    def _flush(self, producer: Producer) -> None:
        left = producer.flush(SILENCE_SECONDS_MAX)
        self._raise_failures()
        if left:
            raise BrokerUnavailable(f"the broker did not take {left} records in time")

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error)

    def _raise_failures(self) -> None:
        if self._failures:
            raise BrokerUnavailable(
                f"the broker refused a record: {self._failures[0].str()}",
                advice="Run it again: it goes on behind what is there.",
            )

    # -- after -----------------------------------------------------------------------------------------------

    def _read_back(self) -> None:
        """Read both topics to their ends and compare them with the archive.

        Raises:
            RestoreInterrupted: they are not the same.

        """
        end = self._source.position.next_action_offset
        if (found := self._end(self._actions)) != end:
            raise self._interrupted(f"{self._actions} ends at {found}, and should at {end}")
        self._advance("reading back", 0, 2)
        self._check_actions()
        self._advance("reading back", 1, 2)
        decisions = self._source.extent().decisions
        if (count := self._check_decisions()) != decisions:
            raise self._interrupted(f"{self._decisions} has {count} decisions, and should have {decisions}")
        self._advance("reading back", 2, 2)

    def _records_before(self, offset: int) -> Iterator[TopicRecord]:
        for batch in self._source.records():
            for record in batch:
                if record.offset >= offset:
                    return
                yield record

    def _until(self, reader: ActionReader, end: int) -> Iterator[TopicRecord]:
        silent_since = time.monotonic()
        while reader.next_offset < end:
            before = reader.next_offset
            yield from reader.poll(READ_RECORDS, POLL_SECONDS)
            silent_since = self._patience(silent_since, reader.next_offset != before)

    def _read_journal(self, reader: JournalReader, end: int) -> None:
        silent_since = time.monotonic()
        while reader.next_offset < end:
            before = reader.next_offset
            reader.poll(READ_RECORDS, POLL_SECONDS)
            silent_since = self._patience(silent_since, reader.next_offset != before)

    @staticmethod
    def _patience(silent_since: float, got_on: bool) -> float:  # noqa: FBT001 - what it says
        now = time.monotonic()
        if not got_on and now - silent_since > SILENCE_SECONDS_MAX:
            raise BrokerUnavailable(f"Kafka gave nothing for {SILENCE_SECONDS_MAX:.0f} seconds")
        return now if got_on else silent_since

    def _end(self, topic: str) -> int:
        """Where a topic ends, whatever transaction is open on it."""
        return ask_end(self._watcher, topic, REQUEST_SECONDS)

    def _transactional(self) -> Producer:
        producer = self._producer({"transactional.id": f"neraca-restore {self._actions}"})
        with _asked(self._actions):
            producer.init_transactions(SILENCE_SECONDS_MAX)
        return producer

    def _producer(self, more: Mapping[str, str | int | bool]) -> Producer:
        return Producer(
            {
                "linger.ms": 5,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 100_000,
                "queue.buffering.max.kbytes": QUEUE_KIB,
                "message.max.bytes": DECISION_BYTES_MAX + _OVERHEAD_BYTES,
                "delivery.report.only.error": True,
                **self._clients,
                "acks": "all",
                **more,
            }
        )

    def __repr__(self) -> str:
        """Show what is restored, and where to."""
        return f"Restore({self._source!r}, {self._actions}, {self._decisions})"


@contextmanager
def _asked(topic: str) -> Iterator[None]:
    """Say what the client refuses in our terms."""
    try:
        yield
    except KafkaException as error:
        raise BrokerUnavailable(
            f"the broker refused a request about {topic}: {error.args[0].str()}",
            advice="Is it up (`neraca status`), and has this user the right to alter topics?",
        ) from error
