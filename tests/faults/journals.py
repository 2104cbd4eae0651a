"""One ledger on Kafka as a test sees it: what went in, what came out, and the judgement whether it is whole.

The judge shares with the decider only the rules (`ledger/`) and the acceptance rule: it reads both topics
from their beginnings, decides every action again, and compares bytes.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from consumers.journal import Acceptance, JournalReader
from ledger.engine import Engine
from ledger.invariants import Books
from schemas.codec import decode_decision
from schemas.errors import UnreadableRecord
from schemas.framing import decode_action_value
from schemas.ids import built_in_ids
from schemas.records import Decision
from schemas.topics import ACTIONS, DEAD_LETTERS, DECISIONS

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Record:
    """A record of a topic, whole."""

    offset: int
    timestamp_ms: int
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)


def _record(message: Message) -> Record:
    headers = {
        name: value or b"" for name, value in cast("list[tuple[str, bytes | None]]", message.headers() or [])
    }
    return Record(message.offset() or 0, message.timestamp()[1], message.value(), headers)


@dataclass(frozen=True)
class Verdict:
    """A journal that was found whole: its decisions, and what stands between them on the topic."""

    decisions: list[Decision]
    values: list[bytes]
    repeats: int
    passed_over: int

    def outcomes(self) -> dict[str, int]:
        """Count decisions by outcome."""
        counts: dict[str, int] = {}
        for decision in self.decisions:
            counts[decision.outcome] = counts.get(decision.outcome, 0) + 1
        return counts


class Ledger:
    """The three topics of one prefix."""

    def __init__(self, bootstrap: str, topic_prefix: str) -> None:
        self.kafka: dict[str, str | int] = {"bootstrap.servers": bootstrap}
        self.topic_prefix = topic_prefix
        self.actions_topic = ACTIONS.under(topic_prefix)
        self.decisions_topic = DECISIONS.under(topic_prefix)
        self.dead_letters_topic = DEAD_LETTERS.under(topic_prefix)
        self._producer = Producer(
            {
                **self.kafka,
                "enable.idempotence": True,
                "linger.ms": 5,
                "message.max.bytes": 2 * 1024 * 1024,
                "log_level": 0,
            }
        )
        self._sent_offset = -1
        self._decided_offset = -1
        self._progress = self.reader()
        self._watcher = Consumer({**self.kafka, "group.id": "a-test", "log_level": 0})

    def __repr__(self) -> str:
        return f"Ledger({self.actions_topic})"

    def close(self) -> None:
        """Let go of the broker."""
        self._watcher.close()
        self._progress.close()
        self._producer.flush(5)

    def send(self, values: Iterable[bytes | None]) -> None:
        """Append to the actions, and wait until the broker has them all."""
        self._append(self.actions_topic, values)

    def forge(self, values: Iterable[bytes | None]) -> None:
        """Append to the decisions what no decider wrote."""
        self._append(self.decisions_topic, values)

    def _append(self, topic: str, values: Iterable[bytes | None]) -> None:
        failures: list[str] = []

        def note(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                failures.append(error.str())
            elif topic == self.actions_topic:
                self._sent_offset = max(self._sent_offset, message.offset() or 0)

        for value in values:
            while True:
                try:
                    self._producer.produce(topic, value, partition=0, on_delivery=note)
                except BufferError:
                    self._producer.poll(0.05)
                else:
                    break
            self._producer.poll(0)
        assert 0 == self._producer.flush(60)
        assert [] == failures

    def abort(self, topic: str, values: Sequence[bytes]) -> None:
        """Write records in a transaction that is aborted: they and a marker take offsets, and nobody sees
        them.
        """
        before = self.end(topic)
        producer = Producer({**self.kafka, "transactional.id": topic, "log_level": 0})
        producer.init_transactions(30)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=0)
        producer.flush(30)
        producer.abort_transaction(30)
        # The coordinator answers first and writes the marker then.
        while self.end(topic) <= before + len(values):
            time.sleep(0.01)

    def end(self, topic: str) -> int:
        """Give the offset up to which the topic can be read: where the next record goes, but for
        transactions.
        """
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            try:
                _, high = self._watcher.get_watermark_offsets(TopicPartition(topic, 0), timeout=5)
            except KafkaException:  # The client asks where the topic was, or the broker is away.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
                with contextlib.suppress(KafkaException):
                    self._watcher.list_topics(topic, timeout=5)
            else:
                end: int = high
                return end

    def read(self, topic: str) -> list[Record]:
        """Give every record of the topic that a reader of committed records sees."""
        consumer = Consumer(
            {
                **self.kafka,
                "group.id": "a-test",
                "enable.partition.eof": True,
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "fetch.queue.backoff.ms": 10,
                "log_level": 0,
            }
        )
        consumer.assign([TopicPartition(topic, 0, 0)])
        records: list[Record] = []
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        try:
            while time.monotonic() < deadline:
                for message in consumer.consume(10_000, 0.2):
                    error = message.error()
                    if error is None:
                        records.append(_record(message))
                    elif error.code() == KafkaError._PARTITION_EOF:
                        return records
        finally:
            consumer.close()
        raise AssertionError(f"{topic} could not be read to its end")

    def reader(self, *, last_seq: int = -1, last_sha256: bytes = bytes(32), offset: int = 0) -> JournalReader:
        """A reader of the journal as every consumer has one."""
        return JournalReader(
            {**self.kafka, "log_level": 0},
            self.decisions_topic,
            last_seq=last_seq,
            last_sha256=last_sha256,
            offset=offset,
        )

    def is_decided(self) -> bool:
        """Whether the decision on the last action that was sent from here stands in the journal."""
        for entry in self._progress.poll(10_000, 0.02):
            self._decided_offset = int(decode_decision(entry.value).action_offset)
        return self._decided_offset >= self._sent_offset

    def accepted(self) -> list[tuple[int, bytes]]:
        """Give the offset and the bytes of every decision that the acceptance rule takes."""
        acceptance = Acceptance(-1, bytes(32))
        accepted = []
        for record in self.read(self.decisions_topic):
            avro = acceptance.offer(record.value)
            if avro is not None:
                accepted.append((record.offset, avro))
        return accepted

    def judge(self, *, rules_hold: bool = True) -> Verdict:
        """Find the journal whole, or fail: gapless, chained, one decision an action, the same bytes again.

        Without `rules_hold` the decisions are not made again: one of them was forged.
        """
        acceptance = Acceptance(-1, bytes(32))
        values = []
        for record in self.read(self.decisions_topic):
            avro = acceptance.offer(record.value)
            if avro is not None:
                values.append(avro)
        decisions = [decode_decision(value) for value in values]
        actions = self.read(self.actions_topic)
        assert list(range(len(values))) == [int(decision.seq) for decision in decisions]
        assert [action.offset for action in actions] == [int(d.action_offset) for d in decisions]
        if rules_hold:
            books = Books()
            for decision in decisions:
                books.check(decision)
            for number, (again, value) in enumerate(zip(decide_again(actions), values, strict=True)):
                assert again == value, f"decision {number} is not what its action gives: {decisions[number]}"
        return Verdict(decisions, values, int(acceptance.repeats), int(acceptance.passed_over))


def decide_again(actions: Iterable[Record]) -> list[bytes]:
    """Run the rules over the records of an action topic, from nothing: the decisions' Avro bytes."""
    engine = Engine.start()
    ids = built_in_ids()
    values = []
    for action in actions:
        recorded_at = action.timestamp_ms * 1000
        try:
            record = decode_action_value(action.value, ids)
        except UnreadableRecord:
            engine.decide_unreadable(action.value or b"", action.offset, recorded_at, 0)
        else:
            engine.decide(record.action, record.avro, record.digest, action.offset, recorded_at, 0)
        values.append(engine.last_bytes)
    return values
