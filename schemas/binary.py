"""Avro's binary encoding, as far as the contracts use it: numbers, texts, unions with null, arrays.

The generated codec is made of these. Runs for every byte that is read or written, so mypyc compiles it.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64, mypyc_attr, u8

# A varint of more bytes than this could leave the 63 bits that the codec computes in.
VARINT_BYTES_MAX: Final = 9
# The record that a topic may carry is far smaller; a count beyond this is nonsense and must not be allocated.
ARRAY_ITEMS_MAX: Final = 65536
# Later than any: whoever names no version has records that have every field.
NEWEST: Final[i64] = 1 << 30


class MalformedRecordError(Exception):
    """The bytes are no record of this schema; the text says at which byte and why."""


@mypyc_attr(acyclic=True)
@final
class Cursor:
    """A position in the bytes of one record, and whether they are in the one canonical form."""

    def __init__(self, data: bytes, version: i64 = NEWEST) -> None:
        self.data: Final[bytes] = data
        # Of the contract that the record was written with: what came later is not in these bytes.
        self.version: Final[i64] = version
        self.size: i64 = len(data)
        self.at: i64 = 0
        self.canonical: bool = True
        # Where the content of an action ended; its reader sets it.
        self.content_end: i64 = 0

    def long(self) -> i64:
        """Read a zigzag varint (Avro specification, binary encoding)."""
        at: i64 = self.at
        if at >= self.size:
            raise MalformedRecordError(f"it ends at byte {self.size}, in the middle of a number")
        byte: i64 = self.data[at]
        at += 1
        if byte < 128:
            self.at = at
            return (byte >> 1) ^ -(byte & 1)
        value: i64 = byte & 127
        shift: i64 = 7
        while True:
            if at >= self.size:
                raise MalformedRecordError(f"it ends at byte {self.size}, in the middle of a number")
            if shift >= 7 * VARINT_BYTES_MAX:
                raise MalformedRecordError(f"the number before byte {at} is too large")
            byte = self.data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        if byte == 0:
            self.canonical = False
        self.at = at
        return (value >> 1) ^ -(value & 1)

    def raw(self, size: i64) -> bytes:
        """Read that many bytes as they are."""
        start: i64 = self.at
        end: i64 = start + size
        if size < 0 or end > self.size:
            raise MalformedRecordError(f"{size} bytes are announced at byte {start} of {self.size}")
        self.at = end
        return self.data[start:end]

    def string(self) -> str:
        """Read a string."""
        start: i64 = self.at
        raw = self.raw(self.long())
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedRecordError(f"the text at byte {start} is not UTF-8") from error

    def boolean(self) -> bool:
        """Read a boolean."""
        raw = self.raw(1)
        if raw == b"\x01":
            return True
        if raw == b"\x00":
            return False
        raise MalformedRecordError(f"byte {self.at - 1} is no boolean")

    def present(self) -> bool:
        """Read the branch of a union with null: whether a value follows."""
        branch: i64 = self.long()
        if branch == 0:
            return False
        if branch == 1:
            return True
        raise MalformedRecordError(f"there is no branch {branch} in the union before byte {self.at}")

    def block(self) -> i64:
        """Read the count of an array's next block; 0 ends the array."""
        count: i64 = self.long()
        if count < 0:
            # The other form of a block: its size in bytes follows, which a reader may skip by.
            self.long()
            self.canonical = False
            count = -count
        if count > ARRAY_ITEMS_MAX:
            raise MalformedRecordError(f"an array of {count} items is announced before byte {self.at}")
        return count

    def end(self) -> None:
        """Check that nothing follows."""
        if self.at != self.size:
            raise MalformedRecordError(
                f"{self.size - self.at} bytes follow the record, from byte {self.at} on"
            )


def write_long(out: BytesWriter, value: i64) -> None:
    """Write a zigzag varint."""
    rest: i64 = (value << 1) ^ (value >> 63)
    while rest > 127:
        out.append(u8((rest & 127) | 128))
        rest >>= 7
    out.append(u8(rest))


def write_string(out: BytesWriter, value: str) -> None:
    """Write a string."""
    raw = value.encode("utf-8")
    write_long(out, len(raw))
    out.write(raw)


def write_fixed(out: BytesWriter, value: bytes, size: i64) -> None:
    """Write bytes of a fixed size."""
    if len(value) != size:
        raise ValueError(f"{len(value)} bytes where the contract has {size}")
    out.write(value)


def read_symbol(c: Cursor, symbols: list[str], known: i64) -> str:
    """Read an enum, of which the record's version knows that many symbols."""
    number: i64 = c.long()
    if number < 0 or number >= known:
        raise MalformedRecordError(f"there is no symbol {number} in the enum before byte {c.at}")
    return symbols[number]
