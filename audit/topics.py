"""A ledger read from its live topics. Reads beside whoever writes; must not commit, produce, or judge."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from audit.source import Extent, RecordedAction
from consumers.journal import (
    ASK_AGAIN_SECONDS,
    CLIENT_LOG_LEVEL,
    PASSING,
    PASSING_FOR_A_TOPIC,
    SHA256_BYTES,
    Entry,
    JournalReader,
)
from schemas.errors import BrokerUnavailable, JournalMismatch
from schemas.topics import ACTIONS, DECISIONS

BATCH_RECORDS: Final = 5_000
WAIT_SECONDS: Final = 1.0
# What the client may fetch ahead of its reader.
QUEUE_KIB_MAX: Final = 32_768
# With nothing read and no end in sight for so long, something is wrong that waiting does not mend.
SILENCE_SECONDS_MAX: Final = 30.0


class Strangers(NamedTuple):
    """What stands on the journal's topic and is no accepted decision.

    Attributes:
        repeats: Records identical to an accepted one: a retry.
        passed_over: Records that no reader accepts: foreign ones, or another decider's.
        behind_last: How many of those stand behind the last accepted decision.
        behind_last_offset: The offset of the first of them; -1: there is none.

    """

    repeats: int = 0
    passed_over: int = 0
    behind_last: int = 0
    behind_last_offset: int = -1


class TopicsSource:
    """The live topics up to where they end now.

    Attributes:
        name: The names of both topics.
        strangers: What was passed over; complete once `decisions` has been read to its end.

    """

    def __init__(
        self, kafka: Mapping[str, str | int], topic_prefix: str, *, timeout_seconds: float = 15.0
    ) -> None:
        """Ask both topics where they end.

        Raises:
            BrokerUnavailable: Kafka does not answer in time.

        """
        # Two topics are read at once by one process, which is never faster than this lasts.
        self._kafka: Final = {**kafka, "queued.max.messages.kbytes": QUEUE_KIB_MAX}
        self._actions: Final = ACTIONS.under(topic_prefix)
        self._decisions: Final = DECISIONS.under(topic_prefix)
        self.name: Final = f"{self._actions} and {self._decisions}"
        self.strangers = Strangers()
        # Decisions first: every one of them then has its action within the other end.
        self._decisions_end: Final = self._end(self._decisions, timeout_seconds)
        self._actions_end: Final = self._end(self._actions, timeout_seconds)

    def extent(self) -> Extent:
        """How many records both topics hold, markers of transactions included."""
        return Extent(decisions=self._decisions_end, actions=self._actions_end)

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions that every reader of the journal accepts, up to its end when this was opened."""
        for entries in self.entries():
            yield [entry.value for entry in entries]

    def entries(self) -> Iterator[list[Entry]]:
        """The same, with where they stand."""
        reader = JournalReader(
            self._kafka, self._decisions, last_seq=-1, last_sha256=bytes(SHA256_BYTES), offset=0
        )
        acceptance = reader.acceptance
        silent_since = time.monotonic()
        # Passed over up to the last accepted decision, and the first record behind it that was.
        passed_before, behind_offset = 0, -1
        try:
            while reader.next_offset < self._decisions_end:
                before = reader.next_offset
                batch = []
                for message in reader.messages(BATCH_RECORDS, WAIT_SECONDS):
                    offset = message.offset() or 0
                    if offset >= self._decisions_end:
                        break
                    passed = int(acceptance.passed_over)
                    value = acceptance.offer(message.value())
                    if value is not None:
                        batch.append(Entry(value, offset, message.timestamp()[1]))
                        passed_before, behind_offset = passed, -1
                    elif acceptance.passed_over > passed and behind_offset < 0:
                        behind_offset = offset
                self.strangers = Strangers(
                    int(acceptance.repeats),
                    int(acceptance.passed_over),
                    int(acceptance.passed_over) - passed_before,
                    behind_offset,
                )
                if reader.next_offset != before:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                    raise _silent(self._decisions, before)
                if batch:
                    yield batch
        finally:
            reader.close()

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The records of the action topic, up to its end when this was opened."""
        consumer = self._consumer("neraca-audit")
        next_offset = 0
        silent_since = time.monotonic()
        try:
            consumer.assign([TopicPartition(self._actions, 0, 0)])
            while next_offset < self._actions_end:
                before = next_offset
                found = consumer.consume(1, WAIT_SECONDS)
                found += consumer.consume(BATCH_RECORDS - 1, 0) if found else []
                batch = []
                for message in found:
                    offset = message.offset() or 0
                    error = message.error()
                    if error is None:
                        batch.append(RecordedAction(offset, message.timestamp()[1], message.value()))
                        next_offset = offset + 1
                    else:
                        self._see_no_harm(error)
                        next_offset = max(next_offset, offset)
                if next_offset != before:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                    raise _silent(self._actions, next_offset)
                if batch := [action for action in batch if action.offset < self._actions_end]:
                    yield batch
        finally:
            consumer.close()

    def _see_no_harm(self, error: KafkaError) -> None:
        """Pass over news of the client that only say how far it has come; raise what stops the reading."""
        code = error.code()
        if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise JournalMismatch(
                f"the beginning of the topic {self._actions} is gone",
                advice="Read the archive instead: it holds what the topic has lost.",
            )
        if code != KafkaError._PARTITION_EOF and code not in PASSING:
            raise BrokerUnavailable(f"the topic {self._actions} cannot be read: {error.str()}")

    def _end(self, topic: str, timeout_seconds: float) -> int:
        consumer = self._consumer("neraca-audit")
        deadline = time.monotonic() + timeout_seconds
        try:
            while True:
                try:
                    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout_seconds)
                except KafkaException as error:
                    # A topic just made, or one that moves: the client asks the wrong broker until it looks.
                    if error.args[0].code() not in PASSING_FOR_A_TOPIC or time.monotonic() > deadline:
                        raise BrokerUnavailable(
                            f"the topic {topic} cannot be read: {error.args[0].str()}",
                            advice="Is Kafka running (`neraca status`)? An archive needs none.",
                        ) from error
                    time.sleep(ASK_AGAIN_SECONDS)
                    with contextlib.suppress(KafkaException):
                        consumer.list_topics(topic, timeout=timeout_seconds)
                else:
                    return int(end)
        finally:
            consumer.close()

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 10,  # The default of a second starves a fast reader (peers.md).
                "queued.min.messages": 200_000,
                "log_level": CLIENT_LOG_LEVEL,
                **self._kafka,
                # Never used for commits; the client wants one to be made.
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                # Where the offset is gone, so is a part of the journal: stop, never skip.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
            }
        )

    def __repr__(self) -> str:
        """Show the topics and where they end."""
        return f"TopicsSource({self.name}, ends={self._decisions_end}, {self._actions_end})"


def _silent(topic: str, offset: int) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"the topic {topic} gave nothing at offset {offset} for {SILENCE_SECONDS_MAX:.0f} seconds",
        advice="Is the broker up, and has every transaction on the topic ended?",
    )
