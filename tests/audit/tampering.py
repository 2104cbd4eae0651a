"""Ledgers to verify: a small history as actions and decisions in lists, and ways to tamper with them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from audit.reexecution import Reexecution
from audit.source import Extent, RecordedAction
from schemas.action_json import read_action_line
from schemas.avro import load_schema
from schemas.codec import decode_decision, encode_decision
from schemas.errors import ShapeError
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.records import Decision
from tests.projections.told import lines

FIRST_AT_MS = 1_700_000_000_000


@dataclass(frozen=True)
class Ledger:
    """A ledger in memory, behind the port that audit reads through. It judges nothing, as no source does."""

    journal: list[bytes]
    records: list[RecordedAction] = field(repr=False)
    batch: int = 97
    name: str = "lists of a test"

    def extent(self) -> Extent:
        """How much there is."""
        return Extent(len(self.journal), len(self.records))

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions."""
        for at in range(0, len(self.journal), self.batch):
            yield self.journal[at : at + self.batch]

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The actions, in batches of another size."""
        for at in range(0, len(self.records), self.batch + 4):
            yield self.records[at : at + self.batch + 4]

    def with_journal(self, journal: list[bytes]) -> Ledger:
        """The same actions beside another journal."""
        return replace(self, journal=journal)


def recorded(values: Sequence[bytes | None]) -> list[RecordedAction]:
    """Values as the broker would keep them: with times, and a hole where a transaction left its marker."""
    return [
        RecordedAction(number if number < 100 else number + 3, FIRST_AT_MS + number, value)
        for number, value in enumerate(values)
    ]


def ledger_of(values: Sequence[bytes | None]) -> Ledger:
    """Those actions, and what the rules make of them."""
    records = recorded(values)
    return Ledger(Reexecution(built_in_ids()).run(records), records)


@functools.cache
def small_ledger() -> Ledger:
    """Every kind of record of a small workload, and records that are none; the same one each time."""
    schema_id = built_in_ids().action_id
    values: list[bytes | None] = []
    for line in lines():
        try:
            values.append(frame(schema_id, read_action_line(line.encode()).avro))
        except ShapeError:
            values.append(line.encode())
    values[50:50] = [None, b"no frame"]
    return ledger_of(values)


def flipped(value: bytes, bit: int) -> bytes:
    """The bytes with one bit turned round."""
    at, place = divmod(bit, 8)
    return value[:at] + bytes([value[at] ^ (1 << place)]) + value[at + 1 :]


def changed(value: bytes, **fields: object) -> bytes:
    """The decision with some of its fields changed."""
    decision = decode_decision(value)
    # A compiled record does not tell its own fields; the contract does.
    names = [field["name"] for field in load_schema("Decision")["fields"]]
    values: list[Any] = [fields.get(name, getattr(decision, name)) for name in names]
    return encode_decision(Decision(*values))


def chained(journal: list[bytes], first: int = 0) -> list[bytes]:
    """The journal numbered and chained anew from that place on, as somebody would who covers his tracks."""
    made = journal[:first]
    previous = hashlib.sha256(made[-1]).digest() if made else bytes(32)
    for seq, value in enumerate(journal[first:], first):
        made.append(changed(value, seq=seq, previous_sha256=previous))
        previous = hashlib.sha256(made[-1]).digest()
    return made
