"""Rows in PostgreSQL's binary COPY format, cut apart, and the rows of registrations beside their decisions.

Runs for every row of every table, so mypyc compiles it. Must not talk to a database.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter, write_i16_be, write_i32_be
from mypy_extensions import i64

from projections import registrations
from projections.batch import Batch
from projections.registrations import ChangedRegistration, RegistrationRows

HEADER_BYTES: Final = 19
TRAILER_BYTES: Final = 2
REGISTRATION_COLUMNS: Final = registrations.NEW_COLUMNS
# Of those columns: `seq` stands first.
_REGISTRATION_ID: Final = registrations.NEW_COLUMNS.split(", ").index("registration_id")
_OFFICE_SHIFT: Final = 44
_SEQ_MASK: Final = (1 << 44) - 1
_SEQ_SHIFT: Final = 2
_LATE_BIT: Final = 2

Fields = list[bytes | None]


def body(copy: bytes) -> bytes:
    """Give the rows of a whole COPY, without its header and its trailer."""
    return copy[HEADER_BYTES : len(copy) - TRAILER_BYTES]


def row_end(data: bytes, at: i64) -> i64:
    """Give where the row that begins there ends; -1 where its end is not there yet."""
    size: i64 = len(data)
    if at + 2 > size:
        return -1
    columns: i64 = int.from_bytes(data[at : at + 2], "big")
    at += 2
    for _ in range(columns):
        if at + 4 > size:
            return -1
        length: i64 = _int4(data, at)
        at += 4
        if length > 0:
            at += length
    return at if at <= size else -1


def _int4(data: bytes, at: i64) -> i64:
    """Give the signed big-endian number in the four bytes there."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    last: i64 = data[at + 3]
    value: i64 = (first << 24) | (second << 16) | (third << 8) | last
    return value - 0x1_0000_0000 if first >= 128 else value  # noqa: PLR2004 - the sign


def split(data: bytes) -> list[bytes]:
    """Cut whole rows apart."""
    rows: list[bytes] = []
    at: i64 = 0
    size: i64 = len(data)
    while at < size:
        end = row_end(data, at)
        rows.append(data[at:end])
        at = end
    return rows


def fields(row: bytes) -> Fields:
    """Give the fields of a row as they stand; None for NULL."""
    found: Fields = []
    at: i64 = 2
    size: i64 = len(row)
    while at < size:
        length: i64 = _int4(row, at)
        at += 4
        if length < 0:
            found.append(None)
        else:
            found.append(row[at : at + length])
            at += length
    return found


def joined(values: Fields) -> bytes:
    """Make a row of fields."""
    out = BytesWriter()
    write_i16_be(out, len(values))
    for value in values:
        if value is None:
            write_i32_be(out, -1)
        else:
            write_i32_be(out, len(value))
            out.write(value)
    return out.getvalue()


@final
class RowDifference:
    """A row that is not what the journal gives; one of the two is None where there is none."""

    __slots__ = ("expected", "found", "seq")

    def __init__(self, seq: i64, expected: bytes | None, found: bytes | None) -> None:
        self.seq: Final[i64] = seq
        self.expected: Final = expected
        self.found: Final = found

    def __repr__(self) -> str:
        """Show which is there."""
        return f"RowDifference(seq={self.seq}, {self.expected is not None}, {self.found is not None})"


@final
class RegistrationRowsBeside:
    """The rows of registrations, by the `seq` that changed them last, beside the decisions as they come.

    The whole row is made again where a row of the table claims that a decision left it so; of a registration
    itself only four things are kept in one number: the office that registered it, its last `seq`, whether it
    departed late, and whether the table has a row that says the same. Some 200 bytes each, its row has 600.
    """

    __slots__ = ("_last", "_office_numbers", "_offices", "_writer", "strays")

    def __init__(self) -> None:
        self._last: Final[dict[str, int]] = {}
        self._offices: Final[list[tuple[bytes | None, bytes | None]]] = []
        self._office_numbers: Final[dict[tuple[bytes | None, bytes | None], int]] = {}
        self._writer: RegistrationRows = RegistrationRows(0)
        # Rows that no decision has left so, by registration: told at the end, with what was due.
        self.strays: Final[dict[str, bytes]] = {}

    def __len__(self) -> int:
        """Count the registrations."""
        return len(self._last)

    def take(self, batch: Batch, rows: list[bytes]) -> list[RowDifference]:
        """Take a batch of decisions, and the rows whose `seq` is one of theirs."""
        changed = batch.registrations.changed
        for key, one in changed.items():
            late = _LATE_BIT if one.is_late else 0
            if one.is_new:
                office = self._office_number(one.office_type, one.office_code)
            else:
                known = self._last.get(key, 0)
                office = known >> _OFFICE_SHIFT
                late |= known & _LATE_BIT
            self._last[key] = (office << _OFFICE_SHIFT) | (int(one.seq) << _SEQ_SHIFT) | late
        differences: list[RowDifference] = []
        for row in rows:
            values = fields(row)
            seq = _int8(values[0])
            key = _text(values[_REGISTRATION_ID])
            there = changed.get(key)
            if there is None or there.seq != seq:
                self.strays[key] = row
                continue
            self._last[key] |= 1
            expected = self._row(there, self._last[key])
            if expected != row:
                differences.append(RowDifference(seq, expected, row))
        return differences

    def missing(self) -> list[tuple[str, int]]:
        """Give the registrations without a row of their last decision, with its `seq`, in that order."""
        found = [(key, _seq(packed)) for key, packed in self._last.items() if packed & 1 == 0]
        found.sort(key=_second)
        return found

    def last_seq(self, registration_id: str) -> int:
        """Give the decision that changed it last; -1 where none ever did."""
        packed = self._last.get(registration_id)
        return -1 if packed is None else _seq(packed)

    def _office_number(self, office_type: bytes | None, office_code: bytes | None) -> int:
        office = (office_type, office_code)
        number = self._office_numbers.get(office)
        if number is None:
            number = len(self._offices)
            self._office_numbers[office] = number
            self._offices.append(office)
        return number

    def _row(self, changed: ChangedRegistration, packed: int) -> bytes:
        """Make the whole row of a registration as that decision left it."""
        office_type, office_code = self._offices[packed >> _OFFICE_SHIFT]
        whole = ChangedRegistration(True, office_type, office_code)  # noqa: FBT003 - as the projector calls it
        whole.seq = changed.seq
        whole.is_late = packed & _LATE_BIT != 0
        whole.value = changed.value
        writer = RegistrationRows(0)
        writer.write(whole)
        return body(writer.new.finish())

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"RegistrationRowsBeside({len(self._last)} registrations, {len(self.strays)} strays)"


def _seq(packed: int) -> int:
    return (packed & _SEQ_MASK) >> _SEQ_SHIFT


def _second(entry: tuple[str, int]) -> int:
    return entry[1]


def _int8(value: bytes | None) -> int:
    return -1 if value is None else int.from_bytes(value, "big", signed=True)


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "replace")
