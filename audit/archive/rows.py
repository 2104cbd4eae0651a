"""The rows that the archive keeps beside actions and decisions: their contracts, and their bytes.

Runs once for every record that is archived or read, so mypyc compiles it. Must not touch a file.
"""

from __future__ import annotations

import json
from typing import Any, Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64

from schemas.binary import Cursor, write_long, write_string
from schemas.errors import UnreadableRecord
from schemas.framing import FRAME_BYTES, decode_action_value
from schemas.ids import SchemaIds

SHA256_BYTES: Final = 32
NO_SCHEMA: Final = -1

_KEY: Final = {"name": "key", "type": ["null", "bytes"], "doc": "Key of the record; ours have none."}
_HEADERS: Final = {
    "name": "headers",
    "doc": "Headers of the record, in order; ours have none.",
    "type": {
        "type": "array",
        "items": {
            "type": "record",
            "name": "Header",
            "doc": "One header.",
            "fields": [
                {"name": "name", "type": "string", "doc": "Its name."},
                {"name": "value", "type": ["null", "bytes"], "doc": "Its value."},
            ],
        },
    },
}
_RECORDED_AT: Final = {
    "name": "recorded_at",
    "type": {"type": "long", "logicalType": "timestamp-millis"},
    "doc": "When the broker appended it, UTC.",
}

OFFSETS_SCHEMA: Final = json.dumps(
    {
        "type": "record",
        "name": "ActionPlace",
        "namespace": "neraca.archive",
        "doc": "One record of the action topic: where it stood, since when, and where its bytes are.",
        "fields": [
            {"name": "offset", "type": "long", "doc": "Where it stood. Offsets rise; markers leave holes."},
            _RECORDED_AT,
            {
                "name": "schema_id",
                "type": ["null", "int"],
                "doc": "Id in its frame: it is the next record of actions/ID. Null: of unreadable.",
            },
            _KEY,
            _HEADERS,
        ],
    },
    separators=(",", ":"),
)

UNREADABLE_SCHEMA: Final = json.dumps(
    {
        "type": "record",
        "name": "UnreadableRecord",
        "namespace": "neraca.archive",
        "doc": "A record of the action topic that is no action, as it stood there.",
        "fields": [
            {"name": "offset", "type": "long", "doc": "Where it stood."},
            _RECORDED_AT,
            _KEY,
            {"name": "value", "type": ["null", "bytes"], "doc": "Its bytes, whatever they are."},
            _HEADERS,
        ],
    },
    separators=(",", ":"),
)

BLOCKS_SCHEMA: Final = json.dumps(
    {
        "type": "record",
        "name": "Block",
        "namespace": "neraca.archive",
        "doc": "One block of a container file: where it stands, and what it must hold.",
        "fields": [
            {"name": "first", "type": "long", "doc": "Number of its first record, counted from 0."},
            {"name": "byte", "type": "long", "doc": "Where it begins in its file."},
            {
                "name": "sha256",
                "type": {"type": "fixed", "name": "Sha256", "size": SHA256_BYTES},
                "doc": "SHA-256 of its records' bytes, one after the other.",
            },
            {
                "name": "sizes",
                "type": {"type": "array", "items": "int"},
                "doc": "Bytes of each of its records, in order.",
            },
        ],
    },
    separators=(",", ":"),
)


@final
class Place:
    """Where a record of the action topic stood, and in which files its bytes are.

    Attributes:
        offset: Its offset.
        recorded_at_ms: When it was appended.
        schema_id: The id in its frame; -1: it is no action.
        key: Its key.
        headers: Its headers.

    """

    __slots__ = ("headers", "key", "offset", "recorded_at_ms", "schema_id")

    def __init__(
        self,
        offset: i64,
        recorded_at_ms: i64,
        schema_id: i64,
        key: bytes | None,
        headers: list[tuple[str, bytes | None]],
    ) -> None:
        self.offset: Final[i64] = offset
        self.recorded_at_ms: Final[i64] = recorded_at_ms
        self.schema_id: Final[i64] = schema_id
        self.key: Final = key
        self.headers: Final = headers

    def __repr__(self) -> str:
        """Show where it stood."""
        return f"Place(offset={self.offset}, schema_id={self.schema_id})"


@final
class Unreadable:
    """A record of the action topic that is no action.

    Attributes:
        offset: Where it stood.
        recorded_at_ms: When it was appended.
        key: Its key.
        value: Its bytes.
        headers: Its headers.

    """

    __slots__ = ("headers", "key", "offset", "recorded_at_ms", "value")

    def __init__(
        self,
        offset: i64,
        recorded_at_ms: i64,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes | None]],
    ) -> None:
        self.offset: Final[i64] = offset
        self.recorded_at_ms: Final[i64] = recorded_at_ms
        self.key: Final = key
        self.value: Final = value
        self.headers: Final = headers

    def __repr__(self) -> str:
        """Show where it stood, never what it holds."""
        return f"Unreadable(offset={self.offset})"


@final
class Block:
    """A row of the index of blocks.

    Attributes:
        first: Number of its first record.
        byte: Where it begins in its file.
        sha256: Of its records' bytes.
        sizes: Bytes of each record.

    """

    __slots__ = ("byte", "first", "sha256", "sizes")

    def __init__(self, first: i64, byte: i64, sha256: bytes, sizes: list[int]) -> None:
        self.first: Final[i64] = first
        self.byte: Final[i64] = byte
        self.sha256: Final = sha256
        self.sizes: Final = sizes

    def __repr__(self) -> str:
        """Show where it is."""
        return f"Block(first={self.first}, byte={self.byte}, {len(self.sizes)} records)"


@final
class Sorted:
    """Records of the action topic, each as the bytes that the archive keeps of it.

    Attributes:
        offsets: A row of `offsets` for each.
        actions: By schema id, the Avro bytes of those that are actions.
        unreadable: A row for each that is none.

    """

    __slots__ = ("actions", "offsets", "unreadable")

    def __init__(self) -> None:
        self.offsets: Final[list[bytes]] = []
        self.actions: Final[dict[int, list[bytes]]] = {}
        self.unreadable: Final[list[bytes]] = []


def sort_records(records: list[Any], ids: SchemaIds) -> Sorted:
    """Tell actions from what is none, exactly as the decider does, and encode what is kept beside them.

    Takes `TopicRecord`s. What the decider finds unreadable is kept as such: its bytes need not be Avro.
    """
    done = Sorted()
    for record in records:
        value: bytes | None = record.value
        offset: i64 = record.offset
        recorded_at_ms: i64 = record.recorded_at_ms
        try:
            avro = decode_action_value(value, ids).avro
        except UnreadableRecord:
            done.offsets.append(encode_place(offset, recorded_at_ms, NO_SCHEMA, None, []))
            done.unreadable.append(
                encode_unreadable(offset, recorded_at_ms, record.key, value, record.headers)
            )
            continue
        assert value is not None  # noqa: S101 - an action has a value; for the type checker
        schema_id = int.from_bytes(value[1:FRAME_BYTES], "big")
        done.offsets.append(encode_place(offset, recorded_at_ms, schema_id, record.key, record.headers))
        kept = done.actions.get(schema_id)
        if kept is None:
            done.actions[schema_id] = [avro]
        else:
            kept.append(avro)
    return done


def encode_place(
    offset: i64,
    recorded_at_ms: i64,
    schema_id: i64,
    key: bytes | None,
    headers: list[tuple[str, bytes | None]],
) -> bytes:
    """Encode a row of `offsets`."""
    out = BytesWriter()
    write_long(out, offset)
    write_long(out, recorded_at_ms)
    if schema_id == NO_SCHEMA:
        out.append(0)
    else:
        out.append(2)
        write_long(out, schema_id)
    _write_nullable(out, key)
    _write_headers(out, headers)
    return out.getvalue()


def decode_places(rows: list[bytes]) -> list[Place]:
    """Decode rows of `offsets`.

    Raises:
        MalformedRecordError: one is none.

    """
    places: list[Place] = []
    for row in rows:
        c = Cursor(row)
        offset: i64 = c.long()
        recorded_at_ms: i64 = c.long()
        schema_id: i64 = NO_SCHEMA
        if c.present():
            schema_id = c.long()
        key = _read_nullable(c)
        headers = _read_headers(c)
        c.end()
        places.append(Place(offset, recorded_at_ms, schema_id, key, headers))
    return places


def encode_unreadable(
    offset: i64,
    recorded_at_ms: i64,
    key: bytes | None,
    value: bytes | None,
    headers: list[tuple[str, bytes | None]],
) -> bytes:
    """Encode a row of `unreadable`."""
    out = BytesWriter()
    write_long(out, offset)
    write_long(out, recorded_at_ms)
    _write_nullable(out, key)
    _write_nullable(out, value)
    _write_headers(out, headers)
    return out.getvalue()


def decode_unreadable(row: bytes) -> Unreadable:
    """Decode a row of `unreadable`.

    Raises:
        MalformedRecordError: it is none.

    """
    c = Cursor(row)
    offset: i64 = c.long()
    recorded_at_ms: i64 = c.long()
    key = _read_nullable(c)
    value = _read_nullable(c)
    headers = _read_headers(c)
    c.end()
    return Unreadable(offset, recorded_at_ms, key, value, headers)


def encode_block(first: i64, byte: i64, sha256: bytes, sizes: list[int]) -> bytes:
    """Encode a row of the index of blocks."""
    out = BytesWriter()
    write_long(out, first)
    write_long(out, byte)
    out.write(sha256)
    if sizes:
        write_long(out, len(sizes))
        for size in sizes:
            write_long(out, size)
    out.append(0)
    return out.getvalue()


def decode_block(c: Cursor) -> Block:
    """Decode a row of the index of blocks, and leave the cursor behind it.

    Raises:
        MalformedRecordError: it is none.

    """
    first: i64 = c.long()
    byte: i64 = c.long()
    sha256 = c.raw(SHA256_BYTES)
    sizes: list[int] = []
    count: i64 = c.block()
    while count != 0:
        while count > 0:
            sizes.append(c.long())
            count -= 1
        count = c.block()
    return Block(first, byte, sha256, sizes)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    """Cut the bytes of a block into its records; they must add up."""
    records: list[bytes] = []
    at: i64 = 0
    for one in sizes:
        size: i64 = one
        records.append(data[at : at + size])
        at += size
    return records


def _write_nullable(out: BytesWriter, value: bytes | None) -> None:
    if value is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, len(value))
        out.write(value)


def _read_nullable(c: Cursor) -> bytes | None:
    if not c.present():
        return None
    return c.raw(c.long())


def _write_headers(out: BytesWriter, headers: list[tuple[str, bytes | None]]) -> None:
    if headers:
        write_long(out, len(headers))
        for name, value in headers:
            write_string(out, name)
            _write_nullable(out, value)
    out.append(0)


def _read_headers(c: Cursor) -> list[tuple[str, bytes | None]]:
    headers: list[tuple[str, bytes | None]] = []
    count: i64 = c.block()
    while count != 0:
        while count > 0:
            name = c.string()
            headers.append((name, _read_nullable(c)))
            count -= 1
        count = c.block()
    return headers
