"""Finds what was sealed for a person, through the tables and on the topic of actions, and opens it.

Reads single records at known offsets, never the whole topic. Must not print, log or keep what it opens.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from confluent_kafka import Consumer, KafkaError, TopicPartition
from psycopg import Connection

from neraca.keystore.store import KeyStore
from producers.sealing import open_fields
from producers.sealing.envelope import is_ours
from schemas.errors import BrokerUnavailable, JournalMismatch, UnreadableRecord
from schemas.framing import decode_action_value
from schemas.ids import SchemaIds

READ_SECONDS: Final = 30.0
# A person has a handful of registrations, each sent a few times at most.
ACTIONS_MAX: Final = 1_000

# By both indexes of the audit trail: actions that name the person, and steps of a registration of theirs.
_FIND: Final[LiteralString] = """
SELECT DISTINCT action_offset, action_sha256 FROM (
    SELECT action_offset, action_sha256 FROM neraca.decisions WHERE person_id = %(person_id)s
    UNION ALL
    SELECT d.action_offset, d.action_sha256 FROM neraca.registrations r
    JOIN neraca.decisions d USING (registration_id) WHERE r.person_id = %(person_id)s
) found ORDER BY action_offset LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """One action that carries sealed fields.

    Attributes:
        offset: Where the action stands on its topic.
        action_id: Its id.
        kind: Its kind.
        registration_id: The registration that it is about, if any.
        person_id: Whose key sealed it. Not the person asked for where a registration was reassigned since.
        occurred_at: When it occurred, as microseconds since 1970, UTC.
        occurred_offset_minutes: Its local reading, minutes east of UTC.
        text: The object `sealed`.

    """

    offset: int
    action_id: bytes
    kind: str
    registration_id: str | None
    person_id: str | None
    occurred_at: int
    occurred_offset_minutes: int
    text: str = field(repr=False)


def find(
    database: Connection[tuple[Any, ...]],
    kafka: Mapping[str, str | int],
    topic: str,
    ids: SchemaIds,
    person_id: str,
) -> list[Sealed]:
    """Give the actions that carry sealed fields of a person, in the order in which they were sent.

    What is sealed is no part of an action's content: the same one may come again with other sealed fields.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        JournalMismatch: an action is not on the topic any more.

    """
    rows = database.execute(_FIND, {"person_id": person_id, "limit": ACTIONS_MAX}).fetchall()
    found: list[Sealed] = []
    for offset, value in _read(kafka, topic, [int(row[0]) for row in rows]):
        try:
            action = decode_action_value(value, ids).action
        except UnreadableRecord:
            continue
        if action.sealed is not None:
            found.append(
                Sealed(
                    offset,
                    action.action_id,
                    action.kind,
                    action.registration_id,
                    action.person_id,
                    int(action.occurred_at),
                    int(action.occurred_offset_minutes),
                    action.sealed,
                )
            )
    return found


def open_sealed(store: KeyStore, sealed: Sealed, asked_for: str) -> dict[str, str] | None:
    """Give the fields of an action; None where its key is destroyed or not kept here, or the form is another.

    Raises:
        SealBroken: a field was changed.

    """
    owner = sealed.person_id or asked_for
    person = store.of_ids([owner]).get(owner)
    if person is None or person.key is None or not is_ours(sealed.text):
        return None
    return open_fields(person.key, sealed.action_id, sealed.text)


def _read(
    kafka: Mapping[str, str | int], topic: str, offsets: Sequence[int]
) -> Iterator[tuple[int, bytes | None]]:
    if not offsets:
        return
    consumer = Consumer(
        {
            "fetch.queue.backoff.ms": 10,
            # One record is wanted at a time, not what follows it.
            "fetch.message.max.bytes": 65_536,
            "queued.min.messages": 1,
            "log_level": 0,
            **kafka,
            "group.id": "neraca-reveal",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
        }
    )
    deadline = time.monotonic() + READ_SECONDS
    try:
        for offset in offsets:
            consumer.assign([TopicPartition(topic, 0, offset)])
            yield offset, _record_at(consumer, topic, offset, deadline)
    finally:
        consumer.close()


def _record_at(consumer: Consumer, topic: str, offset: int, deadline: float) -> bytes | None:
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        if error is None and message.offset() == offset:
            value: bytes | None = message.value()
            return value
        if error is None or error.code() in {KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET}:
            raise JournalMismatch(
                f"{topic} does not hold offset {offset} any more",
                advice="The action is in the archive; what was sealed in it is not read there.",
            )
        if not error.retriable():
            raise BrokerUnavailable(f"{topic} cannot be read: {error.str()}")
    raise BrokerUnavailable(
        f"{topic} gave nothing at offset {offset} for {READ_SECONDS:.0f} seconds",
        advice="See `neraca status`.",
    )
