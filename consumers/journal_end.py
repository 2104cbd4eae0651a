"""Where the journal ends now, for whoever only wants what comes next and need not read what came before.

It looks at the last records alone. Which of them every reader has accepted is told by the chain: the accepted
ones continue each other, and what was passed over stands beside it. A reader that must be certain reads the
journal from its start or from a snapshot, as the decider and the projector do.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.journal import FRAME_BYTES, SHA256_BYTES
from schemas.binary import Cursor, MalformedRecordError
from schemas.errors import BrokerUnavailable

# More than a decider has in flight when another takes its place: beyond them the chain is one.
LAST_RECORDS: Final = 2_000


@dataclass(frozen=True)
class JournalEnd:
    """The last accepted decision, as `JournalReader` wants it.

    `seq` is -1, and `sha256` zeros, where the journal is empty. `offset` is the first after it.
    """

    seq: int
    sha256: bytes
    offset: int


def find_journal_end(kafka: Mapping[str, str | int], topic: str, timeout_seconds: float) -> JournalEnd:
    """Find the last accepted decision among the last records of the journal.

    Raises:
        BrokerUnavailable: Kafka does not answer in time.

    """
    consumer = Consumer(
        {
            "fetch.wait.max.ms": 5,
            "fetch.queue.backoff.ms": 10,
            **kafka,
            # Never used for commits; the client wants one to be made.
            "group.id": "neraca-journal-end",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=timeout_seconds)
        if low == high:
            return JournalEnd(-1, bytes(SHA256_BYTES), high)
        consumer.assign([TopicPartition(topic, 0, max(low, high - LAST_RECORDS))])
        return longest_chain(_read_to_end(consumer, topic, timeout_seconds))
    except KafkaException as error:
        raise BrokerUnavailable(f"the journal {topic} cannot be read: {error.args[0].str()}") from error
    finally:
        consumer.close()


def longest_chain(records: Sequence[tuple[int, bytes]]) -> JournalEnd:
    """Give the end of the longest chain of decisions among records, given as offset and value.

    What continues nothing and is continued by nothing is shorter than any; of two equally long chains the one
    that was there first is the accepted one.
    """
    best = JournalEnd(-1, bytes(SHA256_BYTES), records[-1][0] + 1 if records else 0)
    longest = 0
    lengths: dict[tuple[int, bytes], int] = {}
    for offset, value in records:
        avro = value[FRAME_BYTES:]
        cursor = Cursor(avro)
        try:
            seq: int = cursor.long()
            previous = cursor.raw(SHA256_BYTES)
        except MalformedRecordError:
            continue
        link = (seq, hashlib.sha256(avro).digest())
        # A repeat continues nothing new.
        length = lengths.setdefault(link, lengths.get((seq - 1, previous), 0) + 1)
        if length > longest:
            longest = length
            best = JournalEnd(seq, link[1], offset + 1)
    return best


def _read_to_end(consumer: Consumer, topic: str, timeout_seconds: float) -> list[tuple[int, bytes]]:
    records: list[tuple[int, bytes]] = []
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        for message in [*consumer.consume(1, 0.1), *consumer.consume(LAST_RECORDS, 0)]:
            error = message.error()
            value = message.value()
            if error is None:
                records.append((message.offset() or 0, value or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                return records
    raise BrokerUnavailable(
        f"the journal {topic} could not be read to its end in {timeout_seconds:.0f} seconds"
    )
