"""Numbering and hash chain of a journal, from its bytes alone: shares nothing with whoever wrote them.

Runs for every decision, so mypyc compiles it. Must not decide or decode more than the head of a decision.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from schemas.binary import Cursor, MalformedRecordError
from schemas.hashing import sha256

SHA256_BYTES: Final = 32


@final
class Break:
    """A place where the journal does not continue itself.

    Attributes:
        place: The record's number, counted from 0.
        field: `seq`, `action_offset`, `previous_sha256`, or `record` where it cannot be read.
        expected: What should stand there.
        found: What does.

    """

    __slots__ = ("expected", "field", "found", "place")

    def __init__(self, place: i64, field: str, expected: str, found: str) -> None:
        self.place: Final[i64] = place
        self.field: Final = field
        self.expected: Final = expected
        self.found: Final = found

    def __repr__(self) -> str:
        """Say it in one line."""
        return f"Break({self.place}, {self.field}: expected {self.expected}, found {self.found})"


@final
class Sequence:
    """The head of each decision beside that of the one before it.

    After a break it goes on from what is there, so that one break is told once.

    Attributes:
        records: How many were taken.
        last_sha256: The hash of the last one; zeros before the first.

    """

    __slots__ = ("_last_offset", "_last_seq", "last_sha256", "records")

    def __init__(self) -> None:
        self.records: i64 = 0
        self.last_sha256: bytes = bytes(SHA256_BYTES)
        self._last_seq: i64 = -1
        self._last_offset: i64 = -1

    def take(self, values: list[bytes]) -> list[Break]:
        """Take the next decisions; give where they break."""
        breaks: list[Break] = []
        for value in values:
            place = self.records
            self.records += 1
            cursor = Cursor(value)
            try:
                seq = cursor.long()
                previous = cursor.raw(SHA256_BYTES)
                offset = cursor.long()
            except MalformedRecordError as error:
                breaks.append(Break(place, "record", "a decision", str(error)))
                # What follows is compared with the place that this one holds.
                self._last_seq += 1
                self._last_offset += 1
            else:
                if seq != self._last_seq + 1:
                    breaks.append(Break(place, "seq", str(self._last_seq + 1), str(seq)))
                if previous != self.last_sha256:
                    breaks.append(Break(place, "previous_sha256", self.last_sha256.hex(), previous.hex()))
                if offset <= self._last_offset:
                    breaks.append(
                        Break(place, "action_offset", f"more than {self._last_offset}", str(offset))
                    )
                self._last_seq = seq
                self._last_offset = offset
            self.last_sha256 = sha256(value)
        return breaks

    def __repr__(self) -> str:
        """Show how far it came."""
        return f"Sequence(records={self.records}, last_sha256={self.last_sha256.hex()})"
