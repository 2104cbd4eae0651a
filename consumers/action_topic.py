"""Reads the one partition of the action topic by hand, whole records with their places and times.

For whoever keeps the records rather than decides them: it belongs to no group and commits nothing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Final, cast, final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from consumers.journal import (
    ASK_AGAIN_SECONDS,
    CLIENT_LOG_LEVEL,
    FETCH_WAIT_MAX_MS,
    PASSING,
    PASSING_FOR_A_TOPIC,
)
from schemas.errors import BrokerUnavailable, JournalMismatch

Headers = list[tuple[str, bytes | None]]


@final
class TopicRecord:
    """One record of the action topic, with everything that the broker keeps of it.

    Attributes:
        offset: Where it stands; markers of transactions leave holes.
        recorded_at_ms: When the broker appended it, milliseconds since 1970, UTC.
        key: Its key; None where it has none, as all records of our producers.
        value: Its bytes with their frame; None where it has no value.
        headers: Its headers, in order.

    """

    __slots__ = ("headers", "key", "offset", "recorded_at_ms", "value")

    def __init__(
        self,
        offset: int,
        recorded_at_ms: int,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> None:
        self.offset: Final = offset
        self.recorded_at_ms: Final = recorded_at_ms
        self.key: Final = key
        self.value: Final = value
        self.headers: Final[Headers] = headers or []

    def __eq__(self, other: object) -> bool:
        """Whether both are the same record at the same place, appended at the same time."""
        return isinstance(other, TopicRecord) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]  # it holds lists, and nobody needs it in a set

    def __repr__(self) -> str:
        """Show where it stands, never what it holds."""
        size = "no value" if self.value is None else f"{len(self.value)} bytes"
        return f"TopicRecord(offset={self.offset}, recorded_at_ms={self.recorded_at_ms}, {size})"


class ActionReader:
    """The action topic, from an offset on.

    Attributes:
        next_offset: The offset to read next: behind the last record and its markers.
        at_end: Whether everything that the topic held when the client last asked has been read.

    """

    def __init__(self, kafka: Mapping[str, str | int], topic: str, *, offset: int) -> None:
        self.topic: Final = topic
        self.next_offset = offset
        self.at_end = False
        self._consumer: Final = Consumer(
            {
                "fetch.wait.max.ms": FETCH_WAIT_MAX_MS,
                "fetch.queue.backoff.ms": 10,  # The default of a second starves a fast reader (peers.md).
                "queued.min.messages": 200_000,
                "queued.max.messages.kbytes": 65_536,
                "log_level": CLIENT_LOG_LEVEL,
                **kafka,
                # Never used for commits; the client wants one to be made.
                "group.id": "neraca-action-reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                # Where the offset is gone, so is a part of the ledger: stop, never skip.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, offset)])

    def messages(self, max_records: int, timeout_seconds: float) -> list[Message]:
        """Give what the topic holds next, as the client has it; empty says only that nothing came in time.

        Raises:
            JournalMismatch: the topic has lost this offset.
            BrokerUnavailable: Kafka does not answer, for good.

        """
        found: list[Message] = self._consumer.consume(1, timeout_seconds)
        if found and max_records > 1:
            found += self._consumer.consume(max_records - 1, 0)
        records = []
        for message in found:
            offset = message.offset() or 0
            if (error := message.error()) is None:
                records.append(message)
                self.next_offset = offset + 1
                self.at_end = False
            elif error.code() == KafkaError._PARTITION_EOF:
                self.next_offset = max(self.next_offset, offset)
                self.at_end = True
            else:
                self._judge(error)
        return records

    def poll(self, max_records: int, timeout_seconds: float) -> list[TopicRecord]:
        """Give the same as whole records.

        Raises:
            JournalMismatch: the topic has lost this offset.
            BrokerUnavailable: Kafka does not answer, for good.

        """
        return [_record(message) for message in self.messages(max_records, timeout_seconds)]

    def end_offset(self) -> int:
        """Give the offset that the next record will get, as the broker last told."""
        _, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, 0), cached=True)
        return max(self.next_offset, int(high))

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _judge(self, error: KafkaError) -> None:
        """Raise what does not pass by itself."""
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise JournalMismatch(
                f"the topic {self.topic} has no offset {self.next_offset} any more",
                advice="What came before is gone, or it is another topic. An archive may hold it.",
            )
        if error.code() not in PASSING:
            raise BrokerUnavailable(f"the topic {self.topic} cannot be read: {error.str()}")

    def __repr__(self) -> str:
        """Show where it reads."""
        return f"ActionReader({self.topic}, next_offset={self.next_offset})"


def end_of(kafka: Mapping[str, str | int], topic: str, timeout_seconds: float) -> int:
    """Ask where a topic's one partition ends, as a reader of committed records sees it.

    Raises:
        BrokerUnavailable: the broker does not answer in time.

    """
    consumer = Consumer(
        {
            "log_level": CLIENT_LOG_LEVEL,
            **kafka,
            "group.id": "neraca-end",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    try:
        return ask_end(consumer, topic, timeout_seconds)
    finally:
        consumer.close()


def ask_end(consumer: Consumer, topic: str, timeout_seconds: float) -> int:
    """Ask where a topic's one partition ends, with a consumer that is there already.

    Raises:
        BrokerUnavailable: the broker does not answer in time.

    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout_seconds)
        except KafkaException as error:
            # A topic just made, a broker that has just started: the client looks for it only when told.
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


def _record(message: Message) -> TopicRecord:
    headers = message.headers()
    return TopicRecord(
        message.offset() or 0,
        message.timestamp()[1],
        message.value(),
        message.key(),
        cast("Headers", list(headers)) if headers else None,
    )
