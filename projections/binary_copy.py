"""Rows in PostgreSQL's binary COPY format, written straight into one buffer.

Knows types, not tables: a read model calls one method a column, in the order of its COPY statement. Written
for mypyc: no closures, no generators, fixed-width integers (PostgreSQL manual, COPY, "Binary Format").
Must not talk to a database.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter, write_i16_be, write_i32_be, write_i64_be
from mypy_extensions import i16, i32, i64

# Signature, flags, length of the header's extension: the same 19 bytes for every COPY.
_HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)

# PostgreSQL counts from 2000-01-01, Avro from 1970-01-01.
_EPOCH_MICROS: Final = 946_684_800_000_000
_EPOCH_DAYS: Final = 10_957

_TEXT_ARRAY_OID: Final = 25  # pg_type: text, fixed for ever


@final
class CopyRows:
    """A growing buffer of rows of one table, each of the same number of columns."""

    def __init__(self, columns: i64) -> None:
        self.columns: Final[i64] = columns
        self.rows: i64 = 0
        self.ended: bool = False
        self.out: Final[BytesWriter] = BytesWriter()
        self.out.write(_HEADER)

    def begin_row(self) -> None:
        """Open the next row; exactly `columns` fields must follow."""
        self.rows += 1
        write_i16_be(self.out, i16(self.columns))

    def null(self) -> None:
        """Write NULL."""
        write_i32_be(self.out, -1)

    def int2(self, value: i64) -> None:
        """Write a smallint."""
        write_i32_be(self.out, 2)
        write_i16_be(self.out, i16(value))

    def int4(self, value: i64) -> None:
        """Write an integer."""
        write_i32_be(self.out, 4)
        write_i32_be(self.out, i32(value))

    def int8(self, value: i64) -> None:
        """Write a bigint."""
        write_i32_be(self.out, 8)
        write_i64_be(self.out, value)

    def boolean(self, value: bool) -> None:  # noqa: FBT001 - it is the value
        """Write a boolean."""
        write_i32_be(self.out, 1)
        self.out.append(1 if value else 0)

    def binary(self, value: bytes) -> None:
        """Write a bytea, or a uuid given as its 16 bytes: the two look alike."""
        write_i32_be(self.out, len(value))
        self.out.write(value)

    def text(self, value: str) -> None:
        """Write a text. The contract's shape rules keep U+0000 out, which PostgreSQL has no room for."""
        encoded = value.encode("utf-8")
        write_i32_be(self.out, len(encoded))
        self.out.write(encoded)

    def timestamptz(self, micros: i64) -> None:
        """Write an instant given in microseconds since 1970, UTC."""
        write_i32_be(self.out, 8)
        write_i64_be(self.out, micros - _EPOCH_MICROS)

    def date(self, days: i64) -> None:
        """Write a date given in days since 1970."""
        write_i32_be(self.out, 4)
        write_i32_be(self.out, i32(days - _EPOCH_DAYS))

    def optional_int2(self, value: int | None) -> None:
        """Write a smallint or NULL."""
        if value is None:
            write_i32_be(self.out, -1)
        else:
            self.int2(i64(value))

    def optional_int8(self, value: int | None) -> None:
        """Write a bigint or NULL."""
        if value is None:
            write_i32_be(self.out, -1)
        else:
            self.int8(i64(value))

    def optional_binary(self, value: bytes | None) -> None:
        """Write a bytea or uuid, or NULL."""
        if value is None:
            write_i32_be(self.out, -1)
        else:
            self.binary(value)

    def optional_text(self, value: str | None) -> None:
        """Write a text or NULL."""
        if value is None:
            write_i32_be(self.out, -1)
        else:
            self.text(value)

    def optional_timestamptz(self, micros: int | None) -> None:
        """Write an instant or NULL."""
        if micros is None:
            write_i32_be(self.out, -1)
        else:
            self.timestamptz(i64(micros))

    def text_array(self, values: list[str]) -> None:
        """Write a text[] of one dimension, counted from 1."""
        encoded = [value.encode("utf-8") for value in values]
        size: i64 = 12 if not encoded else 20
        for item in encoded:
            size += 4 + len(item)
        write_i32_be(self.out, i32(size))
        write_i32_be(self.out, 0 if not encoded else 1)
        write_i32_be(self.out, 0)
        write_i32_be(self.out, _TEXT_ARRAY_OID)
        if encoded:
            write_i32_be(self.out, len(encoded))
            write_i32_be(self.out, 1)
        for item in encoded:
            write_i32_be(self.out, len(item))
            self.out.write(item)

    def jsonb(self, json_text: bytes) -> None:
        """Write a jsonb given as UTF-8 JSON (its wire form: version 1, then the text)."""
        write_i32_be(self.out, i32(len(json_text) + 1))
        self.out.append(1)
        self.out.write(json_text)

    def finish(self) -> bytes:
        """Give header, rows and trailer; the buffer takes no more rows afterwards."""
        if not self.ended:
            self.ended = True
            write_i16_be(self.out, -1)
        return self.out.getvalue()

    def __repr__(self) -> str:
        """Show how much has gathered."""
        return f"CopyRows(columns={self.columns}, rows={self.rows}, bytes={len(self.out)})"
