"""The one reader of the journal, shared by all consumers: what is accepted, and in which order.

The rule (docs/ARCHITECTURE.md, "The journal"): the next record is accepted if its `seq` is the last accepted
plus one and its `previous_sha256` is the hash of the last accepted. A record identical to an accepted one is
a repeat and dropped: a retry after a crash. Anything else is passed over and counted: a second decider that
did not notice that it was replaced, or one that runs other rules. All readers see the same order, so all
accept the same journal. This module must not decide or apply anything.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Final, final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from mypy_extensions import i64

from schemas.binary import Cursor, MalformedRecordError
from schemas.errors import BrokerUnavailable, JournalMismatch
from schemas.hashing import sha256

# Of how many accepted records the hashes are kept, to tell a repeat from a stranger: more than any decider
# has in flight. An older repeat counts as passed over, which only rings the bell once too often.
HASHES_KEPT: Final = 65_536
FRAME_BYTES: Final = 5
SHA256_BYTES: Final = 32
# Behind every offset.
END_OF_TIME: Final = 2**63 - 1
ASK_AGAIN_SECONDS: Final = 0.1
# The broker answers as soon as there is something; this is how long it holds a fetch while there is nothing,
# and anything else that is asked on that connection waits behind it. At 5 ms an idle consumer cost the broker
# a tenth of a core, and no record came sooner.
FETCH_WAIT_MAX_MS: Final = 100
# While a broker is away the client would write a line every 50 ms, in a form of its own. What matters comes
# as an error of a call, and is told by whoever made it.
CLIENT_LOG_LEVEL: Final = 2
# What the client tells of a broker that restarts, moves, or cannot be reached: it goes on by itself. Its own
# mark, `KafkaError.retriable`, is set for transactions only.
PASSING: Final = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._WAIT_COORD,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
PASSING_FOR_A_TOPIC: Final = PASSING | {KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}


@final
class Acceptance:
    """The acceptance rule, applied record by record.

    Attributes:
        last_seq: `seq` of the last accepted decision; -1 before the first.
        last_sha256: Its hash; zeros before the first.
        repeats: Records dropped as identical to an accepted one, since the start.
        passed_over: Records passed over, since the start.

    """

    def __init__(self, last_seq: i64, last_sha256: bytes) -> None:
        self.last_seq: i64 = last_seq
        self.last_sha256: bytes = last_sha256
        self.repeats: i64 = 0
        self.passed_over: i64 = 0
        # A ring: the hash of decision `seq` stands at `seq` modulo its size.
        self._hashes: Final[list[bytes]] = [b""] * HASHES_KEPT
        self._first_known: Final[i64] = last_seq + 1

    def offer(self, value: bytes | None) -> bytes | None:
        """Give the decision's Avro bytes, without their frame, if the record is the next one; else None."""
        if value is None or len(value) < FRAME_BYTES:
            self.passed_over += 1
            return None
        avro = value[FRAME_BYTES:]
        cursor = Cursor(avro)
        try:
            seq: i64 = cursor.long()
            previous = cursor.raw(SHA256_BYTES)
        except MalformedRecordError:
            self.passed_over += 1
            return None
        if seq == self.last_seq + 1 and previous == self.last_sha256:
            self.accept(seq, sha256(avro))
            return avro
        is_known = self._first_known <= seq <= self.last_seq and seq > self.last_seq - HASHES_KEPT
        if is_known and self._hashes[seq % HASHES_KEPT] == sha256(avro):
            self.repeats += 1
        else:
            self.passed_over += 1
        return None

    def accept(self, seq: i64, sha256: bytes) -> None:
        """Go on to a decision that is known to be the next one, by its hash.

        The decider calls this itself for what it wrote and read back byte for byte.
        """
        self.last_seq = seq
        self.last_sha256 = sha256
        self._hashes[seq % HASHES_KEPT] = sha256

    def is_last(self, value: bytes | None) -> bool:
        """Tell whether this record is the last accepted decision: the place that a reader starts behind."""
        return value is not None and sha256(value[FRAME_BYTES:]) == self.last_sha256

    def __repr__(self) -> str:
        """Show where the journal stands."""
        return (
            f"Acceptance(last_seq={self.last_seq}, last_sha256={self.last_sha256.hex()}, "
            f"repeats={self.repeats}, passed_over={self.passed_over})"
        )


@final
class Entry:
    """An accepted decision as it stands on its topic.

    Attributes:
        value: Its Avro bytes, without the frame.
        offset: Where it stands.
        timestamp_ms: When the broker appended it, milliseconds since 1970.

    """

    __slots__ = ("offset", "timestamp_ms", "value")

    def __init__(self, value: bytes, offset: i64, timestamp_ms: i64) -> None:
        self.value: Final = value
        self.offset: Final[i64] = offset
        self.timestamp_ms: Final[i64] = timestamp_ms

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Entry(offset={self.offset}, timestamp_ms={self.timestamp_ms}, {len(self.value)} bytes)"


@final
class JournalReader:
    """Reads the one partition of the journal by hand, from an offset on, and applies the acceptance rule.

    Attributes:
        acceptance: The rule, and how far it has come.
        next_offset: The offset to read next: behind the last record, accepted or not, and its markers.
        at_end: Whether everything that the topic held, when it was last asked or told, has been read.
        last_offset: Where the last decision stands that `take` gave; -1 before the first.
        last_timestamp_ms: When the broker appended it, milliseconds since 1970.
        passed_before: Records that `take` passed over before it.
        behind_offset: Where the first record stands that it passed over behind it; -1 where there is none.

    """

    def __init__(
        self, kafka: Mapping[str, str | int], topic: str, *, last_seq: int, last_sha256: bytes, offset: int
    ) -> None:
        """Start after the decision of that `seq` and hash (-1 and zeros: from the beginning), there."""
        self.acceptance: Final = Acceptance(last_seq, last_sha256)
        self.next_offset: i64 = offset
        self.at_end: bool = False
        self.last_offset: i64 = -1
        self.last_timestamp_ms: i64 = 0
        self.passed_before: i64 = 0
        self.behind_offset: i64 = -1
        self.topic: Final = topic
        self._consumer: Final = Consumer(
            {
                "fetch.wait.max.ms": FETCH_WAIT_MAX_MS,
                "fetch.queue.backoff.ms": 10,  # The default of a second starves a fast reader (peers.md).
                "queued.min.messages": 200_000,
                "queued.max.messages.kbytes": 131_072,
                "log_level": CLIENT_LOG_LEVEL,
                **kafka,
                # Never used for commits; the client wants one to be made.
                "group.id": "neraca-journal-reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                # Where the offset is gone, so is a part of the journal: stop, never skip.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign([TopicPartition(topic, 0, offset)])

    def messages(self, max_records: int, timeout_seconds: float) -> list[Message]:
        """Give what the topic holds next, unjudged: at least one record where one comes in time.

        Raises:
            JournalMismatch: the journal's beginning, or this place in it, is gone from the topic.
            BrokerUnavailable: Kafka does not answer, for good.

        """
        found: list[Message] = self._consumer.consume(1, timeout_seconds)
        if found and max_records > 1:
            found += self._consumer.consume(max_records - 1, 0)
        records: list[Message] = []
        for message in found:
            error = message.error()
            if error is None:
                records.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self.at_end = True
                end: i64 = message.offset() or 0
                self.next_offset = max(self.next_offset, end)
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                raise JournalMismatch(
                    f"the journal {self.topic} has no offset {self.next_offset} any more",
                    advice="Restore the topic from the archive, or rebuild from where it begins now.",
                )
            elif error.code() not in PASSING:
                raise BrokerUnavailable(f"the journal {self.topic} cannot be read: {error.str()}")
        if records:
            after: i64 = (records[-1].offset() or 0) + 1
            self.next_offset = max(self.next_offset, after)
            # An end that was seen before these records is the end no more; one behind them still is.
            last_error = found[-1].error()
            self.at_end = last_error is not None and last_error.code() == KafkaError._PARTITION_EOF
        return records

    def poll(self, max_records: int, timeout_seconds: float) -> list[Entry]:
        """Give the next accepted decisions; an empty list says only that none came in time."""
        entries: list[Entry] = []
        acceptance = self.acceptance
        for message in self.messages(max_records, timeout_seconds):
            avro = acceptance.offer(message.value())
            if avro is not None:
                entries.append(Entry(avro, message.offset() or 0, message.timestamp()[1]))
        return entries

    def take(self, max_records: int, timeout_seconds: float, end_offset: i64 = END_OF_TIME) -> list[bytes]:
        """Give the Avro bytes of the next accepted decisions that stand before an offset.

        For whoever reads a whole journal: `poll` without an object a decision. What stands at `end_offset` or
        behind it is not judged, and not given again.
        """
        messages = self.messages(max_records, timeout_seconds)
        if messages and (messages[-1].offset() or 0) >= end_offset:
            messages = [message for message in messages if (message.offset() or 0) < end_offset]
        acceptance = self.acceptance
        values: list[bytes] = []
        last: Message | None = None
        for message in messages:
            passed: i64 = acceptance.passed_over
            avro = acceptance.offer(message.value())
            if avro is not None:
                values.append(avro)
                last = message
                self.passed_before = passed
                self.behind_offset = -1
            elif acceptance.passed_over > passed and self.behind_offset < 0:
                self.behind_offset = message.offset() or 0
        if last is not None:
            self.last_offset = last.offset() or 0
            self.last_timestamp_ms = last.timestamp()[1]
        return values

    def ask_end(self, timeout_seconds: float) -> None:
        """Ask the broker where the topic ends now, so that `at_end` is true again only there.

        Raises:
            BrokerUnavailable: it does not answer in time.

        """
        partition = TopicPartition(self.topic, 0)
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                _, high = self._consumer.get_watermark_offsets(partition, timeout=timeout_seconds)
            except KafkaException as error:
                # A topic just made, one that moves, a broker that has just started: the client asks the wrong
                # one, or nobody, until it looks again, which it does not do for this question by itself.
                if error.args[0].code() not in PASSING_FOR_A_TOPIC or time.monotonic() > deadline:
                    raise BrokerUnavailable(
                        f"the journal {self.topic} cannot be read: {error.args[0].str()}",
                        advice="Is Kafka running, and is the topic there? `neraca up` makes what is missing.",
                    ) from error
                time.sleep(ASK_AGAIN_SECONDS)
                with contextlib.suppress(KafkaException):
                    self._consumer.list_topics(self.topic, timeout=timeout_seconds)
            else:
                end: i64 = high
                self.at_end = self.next_offset >= end
                return

    def end_offset(self) -> int:
        """Give the offset that the next record will get, as the broker last told."""
        _, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, 0), cached=True)
        end: int = high
        return max(self.next_offset, end)

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def __repr__(self) -> str:
        """Show where it reads."""
        return f"JournalReader({self.topic}, next_offset={self.next_offset}, {self.acceptance!r})"
