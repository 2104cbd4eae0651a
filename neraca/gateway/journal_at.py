"""Reads single decisions out of the journal, each told by its `seq` and its hash.

There is no index from `seq` to offset, and none is needed: an accepted decision stands at an offset not below
its `seq`, both rise together, and all that lies between are markers and records that no reader accepts. So
one look at the record behind `seq` commonly finds it, and otherwise says how far to go. The hash, which the
next decision (or the tables' position) holds, tells the accepted record from any other.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.journal import CLIENT_LOG_LEVEL, FRAME_BYTES, PASSING
from schemas.binary import Cursor, MalformedRecordError
from schemas.errors import BrokerUnavailable, JournalMismatch

READ_SECONDS: Final = 5.0
CHUNK_RECORDS: Final = 64
# Enough for one decision of the common size, few enough bytes that a hundred looks are cheap.
FETCH_BYTES: Final = 64 * 1024


class JournalAt:
    """One consumer for all who ask, one after another."""

    def __init__(self, kafka: Mapping[str, str | int], topic: str) -> None:
        self._topic: Final = topic
        self._lock: Final = threading.Lock()
        self._config: Final[dict[str, str | int | bool]] = {
            "fetch.wait.max.ms": 100,
            "fetch.message.max.bytes": FETCH_BYTES,
            "fetch.queue.backoff.ms": 10,
            "queued.min.messages": 1,
            "log_level": CLIENT_LOG_LEVEL,
            **kafka,
            # Never used for commits; the client wants one to be made.
            "group.id": "neraca-journal-at",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
        }
        self._consumer: Consumer | None = None

    def __repr__(self) -> str:
        return f"JournalAt({self._topic})"

    async def read(self, wanted: Sequence[tuple[int, bytes]]) -> list[bytes]:
        """Give the Avro bytes of decisions.

        Raises:
            BrokerUnavailable: Kafka does not answer in time.
            JournalMismatch: the journal has no such decision.

        """
        return await asyncio.to_thread(self._read, wanted)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

    def _read(self, wanted: Sequence[tuple[int, bytes]]) -> list[bytes]:
        deadline = time.monotonic() + READ_SECONDS
        with self._lock:
            if self._consumer is None:
                self._consumer = Consumer(self._config)
            try:
                partition = TopicPartition(self._topic, 0)
                _, end = self._consumer.get_watermark_offsets(partition, timeout=READ_SECONDS, cached=False)
                by_seq: dict[int, bytes] = {}
                ahead = 0
                for seq, sha256 in sorted(wanted):
                    by_seq[seq], offset = self._find(self._consumer, seq, sha256, seq + ahead, end, deadline)
                    # What lies between is as much for the next one, at least.
                    ahead = offset - seq
            except KafkaException as error:
                raise BrokerUnavailable(f"the journal cannot be read: {error.args[0].str()}") from error
        return [by_seq[seq] for seq, _ in wanted]

    def _find(
        self, consumer: Consumer, seq: int, sha256: bytes, start: int, end: int, deadline: float
    ) -> tuple[bytes, int]:
        low, high, position = seq, end, min(start, end - 1)
        while low < high:
            chunk = self._chunk(consumer, position, deadline)
            first: int | None = None
            last = -1
            for offset, avro in chunk:
                found = _seq_of(avro)
                if found == seq and hashlib.sha256(avro).digest() == sha256:
                    return avro, offset
                if found is not None:
                    first = found if first is None else first
                    last = max(last, found)
            if chunk and first is not None and first > seq:
                # Too far: somewhere before.
                high = position
                position = (low + high) // 2
                continue
            after = chunk[-1][0] + 1 if chunk else position + 1
            low = max(low, after)
            position = max(after, min(after + max(0, seq - last - 1), high - 1))
        raise JournalMismatch(
            f"the journal {self._topic} does not hold decision {seq} as the tables know it",
            seq=seq,
            advice="Compare the tables with the journal.",
        )

    def _chunk(self, consumer: Consumer, position: int, deadline: float) -> list[tuple[int, bytes]]:
        """Give what stands from that offset on: at least one record, or none at the end."""
        consumer.assign([TopicPartition(self._topic, 0, position)])
        while time.monotonic() < deadline:
            records: list[tuple[int, bytes]] = []
            is_end = False
            found = consumer.consume(1, 0.2)
            for message in found + (consumer.consume(CHUNK_RECORDS - 1, 0) if found else []):
                error = message.error()
                if error is None:
                    records.append((message.offset() or 0, (message.value() or b"")[FRAME_BYTES:]))
                elif error.code() == KafkaError._PARTITION_EOF:
                    is_end = True
                elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                    raise JournalMismatch(f"the journal {self._topic} has no offset {position} any more")
                elif error.code() not in PASSING:
                    raise BrokerUnavailable(f"the journal cannot be read: {error.str()}")
            if records or is_end:
                return records
        raise BrokerUnavailable("the journal did not answer in time")


def _seq_of(avro: bytes) -> int | None:
    try:
        seq: int = Cursor(avro).long()
    except MalformedRecordError:
        return None
    return seq
