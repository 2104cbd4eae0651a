"""Where the journal ends: found among its last records, whatever stands between the accepted ones."""

from __future__ import annotations

import hashlib
from typing import Any

from confluent_kafka import Producer

from consumers.journal_end import JournalEnd, find_journal_end, longest_chain
from schemas.codec import encode_decision
from schemas.framing import frame
from schemas.topics import DECISIONS
from tests.running import RunningStack
from tests.schemas.test_decision_json import minimal


def chain(number: int, first_seq: int = 0, previous: bytes = bytes(32), **changes: Any) -> list[bytes]:
    """The values of decisions that continue each other."""
    values = []
    for seq in range(first_seq, first_seq + number):
        avro = encode_decision(minimal(seq=seq, previous_sha256=previous, **changes))
        values.append(frame(2, avro))
        previous = sha256(values[-1])
    return values


def sha256(value: bytes) -> bytes:
    """The hash that the next decision names."""
    return hashlib.sha256(value[5:]).digest()


def found(values: list[bytes]) -> JournalEnd:
    """The end among records at offsets from 100 on."""
    return longest_chain(list(enumerate(values, 100)))


def test_the_last_of_a_whole_journal() -> None:
    """Without strangers it is the last record, from the middle of a journal on as well."""
    values = chain(10)
    assert JournalEnd(9, sha256(values[9]), 110) == found(values)
    assert JournalEnd(9, sha256(values[9]), 104) == found(values[6:])


def test_what_was_passed_over_is_no_end() -> None:
    """Repeats, bad bytes, and what a replaced decider appended: the chain of the others goes on."""
    values = chain(10)
    stray = chain(2, 5, sha256(values[4]), action_offset=77)
    mixed = [
        *values[:7],
        b"",
        b"\x00nonsense",
        stray[0],
        values[5],
        values[6],
        stray[1],
        *values[7:],
        values[9],
        stray[0],
    ]
    assert sha256(values[9]) == found(mixed).sha256
    assert values[9] == mixed[found(mixed).offset - 101]


def test_nothing_that_is_a_journal() -> None:
    """An empty journal, or one of nonsense, ends before its first decision."""
    assert JournalEnd(-1, bytes(32), 0) == found([])
    assert JournalEnd(-1, bytes(32), 102) == found([b"", b"nonsense"])


def test_the_end_on_a_real_topic(stack: RunningStack, topic_prefix: str) -> None:
    """An empty topic, and one of many records, of which only the last are read."""
    topic = DECISIONS.under(topic_prefix)
    assert JournalEnd(-1, bytes(32), 0) == find_journal_end(stack.kafka, topic, 10)
    values = chain(3000)
    producer = Producer({**stack.kafka, "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0
    assert JournalEnd(2999, sha256(values[-1]), 3000) == find_journal_end(stack.kafka, topic, 10)
