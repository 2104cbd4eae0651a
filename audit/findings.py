"""What verification found: one thing that is wrong, said so that a person can act on it.

Holds no check. Findings travel between processes, so they are plain data.
"""

from __future__ import annotations

import io
import json
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fastavro import parse_schema, schemaless_reader
from fastavro.schema import to_parsing_canonical_form

from schemas.avro import load_schema
from schemas.binary import MalformedRecordError
from schemas.codec import decode_decision, encode_decision
from schemas.decision_json import decision_json
from schemas.records import Decision

# At most so many fields of one finding are told; a decision that is another altogether differs in all.
DIFFERENCES_MAX: Final = 12
ABSENT: Final = "nothing"
# At one place of the journal what names the cause comes before what follows from it.
CHECKS: Final = (
    "actions", "action_sha256", "reexecution", "numbering", "chain", "books", "checkpoints",
    "tiles", "tables", "source",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or column: what was expected, and what is there."""

    name: str
    expected: str
    found: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.name}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        check: The check that found it, one of `CHECKS`.
        place: Where in the journal: the number of the record, counted from 0; the journal's length where it
            stands behind the last.
        what: One sentence.
        differences: Field by field, where there are fields.
        advice: What to do.
        table: The table, where it is in one.
        key: The row in it.
        is_of_the_end: Whether it says that the journal ends too early: nothing new where reading it failed.

    """

    check: str
    place: int
    what: str
    differences: tuple[Difference, ...] = ()
    advice: str = ""
    table: str | None = None
    key: str | None = None
    is_of_the_end: bool = False

    @property
    def order(self) -> tuple[int, bool, int]:
        """Sort by place, and at one place causes before consequences."""
        return self.place, self.is_of_the_end, CHECKS.index(self.check)


class Found:
    """Findings as they come: of each check those that stand first in the journal, the others counted.

    Attributes:
        counts: How many there are, by check and by whether they say that the journal ends too early.

    """

    def __init__(self, each_max: int) -> None:
        self._each_max: Final = each_max
        self._kept: Final[dict[tuple[str, bool], list[Finding]]] = {}
        self.counts: Final[dict[tuple[str, bool], int]] = {}

    @property
    def findings(self) -> list[Finding]:
        """Those that are told one by one, in their order."""
        return sorted([each for kept in self._kept.values() for each in kept], key=_order)

    def note(self, finding: Finding) -> None:
        """Take one more."""
        kind = finding.check, finding.is_of_the_end
        self.counts[kind] = self.counts.get(kind, 0) + 1
        kept = self._kept.setdefault(kind, [])
        if len(kept) < self._each_max or finding.place < kept[-1].place:
            insort(kept, finding, key=_order)
            del kept[self._each_max :]

    def add(self, other: Found) -> None:
        """Take what somebody else found."""
        for kind, kept in other._kept.items():
            for finding in kept:
                self.note(finding)
            self.counts[kind] += other.counts[kind] - len(kept)

    def of(self, checks: frozenset[str], *, with_the_end: bool) -> Found:
        """Give what those checks found, with or without what says that the journal ends too early."""
        chosen = Found(self._each_max)
        for kind, count in self.counts.items():
            if kind[0] in checks and (with_the_end or not kind[1]):
                chosen.counts[kind] = count
                chosen._kept[kind] = self._kept[kind]
        return chosen

    def by_check(self) -> dict[str, int]:
        """Count by check."""
        counts: dict[str, int] = {}
        for (check, _), count in self.counts.items():
            counts[check] = counts.get(check, 0) + count
        return counts

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"Found({self.counts})"


def _order(finding: Finding) -> tuple[int, bool, int]:
    return finding.order


def decision_differences(expected: bytes, found: bytes) -> tuple[Difference, ...]:
    """Compare two decisions field by field; where one cannot be read or the fields are alike, the bytes."""
    try:
        wanted, there = decode_decision(expected), decode_decision(found)
    except MalformedRecordError as error:
        unreadable = Difference("decision", "one that can be read", str(error))
        return (*_bytes_difference(expected, found), unreadable)
    try:
        readable = json.loads(decision_json(wanted)), json.loads(decision_json(there))
    except (KeyError, ValueError, OverflowError):
        # A changed byte can make an instant of no year that anybody writes: the numbers as they stand.
        readable = _as_written(expected), _as_written(found)
    differences = list(_walk("", *readable))
    if not differences:
        # The same values, written in other bytes.
        return _bytes_difference(encode_decision(wanted), found)
    return tuple(differences[:DIFFERENCES_MAX])


def _as_written(avro: bytes) -> object:
    """Give a decision field by field, by the contract and without its logical types."""
    schema = parse_schema(json.loads(to_parsing_canonical_form(load_schema("Decision"))))
    return _plain(schemaless_reader(io.BytesIO(avro), schema, None))


def _plain(value: object) -> object:
    """Give bytes as hexadecimal, wherever they stand."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def _bytes_difference(expected: bytes, found: bytes) -> tuple[Difference, ...]:
    place = next(
        (at for at, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b),
        min(len(expected), len(found)),
    )
    return (
        Difference("bytes", f"{len(expected)}", f"{len(found)}"),
        Difference(
            f"byte {place}",
            expected[place : place + 1].hex() or ABSENT,
            found[place : place + 1].hex() or ABSENT,
        ),
    )


def _walk(path: str, expected: object, found: object) -> Iterator[Difference]:
    """Give what differs in two JSON values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in [*expected, *[name for name in found if name not in expected]]:
            inner = f"{path}.{name}" if path else name
            yield from _walk(inner, expected.get(name, _Absent), found.get(name, _Absent))
    elif isinstance(expected, list) and isinstance(found, list):
        for number in range(max(len(expected), len(found))):
            yield from _walk(
                f"{path}[{number}]",
                expected[number] if number < len(expected) else _Absent,
                found[number] if number < len(found) else _Absent,
            )
    elif expected != found or type(expected) is not type(found):
        yield Difference(path, _shown(expected), _shown(found))


class _Absent:
    """Stands for a value that is not there."""


def _shown(value: object) -> str:
    return ABSENT if value is _Absent else json.dumps(value, ensure_ascii=False)


def in_words(value: bytes) -> str:
    """Say a decision in one sentence, or that the bytes are none."""
    try:
        decision = decode_decision(value)
    except MalformedRecordError as error:
        return f"{len(value)} bytes that are no decision: {error}"
    return decision_in_words(decision)


def decision_in_words(d: Decision) -> str:
    """Say what a decision was about, and how it ended."""
    outcome = d.outcome if d.code is None else f"{d.outcome} {d.code}"
    if d.first_seq is not None:
        outcome += f" of decision {d.first_seq}"
    about = d.registration_id or d.permit_id or d.person_id
    what = d.kind or "a record that is no action"
    who = "" if d.system is None else f" by {d.system}"
    named = "" if about is None else f" on {about}"
    return f"decision {d.seq} on the action at offset {d.action_offset}: {what}{named}{who}, {outcome}"
