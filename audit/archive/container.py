"""Avro object container files as the archive writes them: bytes in, bytes out. Must not touch a file.

The format is the one of the Avro specification, so any Avro tool reads the files. Three things are fixed
beyond it, so that the same records always give the same bytes and a flipped bit of a header is found: the
codec is `null`, the metadata stand in one order, and the sync marker is derived from everything before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.binary import Cursor, MalformedRecordError

MAGIC: Final = b"Obj\x01"
SYNC_BYTES: Final = 16
SCHEMA_KEY: Final = "avro.schema"
CODEC_KEY: Final = "avro.codec"
NULL_CODEC: Final = b"null"
# Our largest contract takes 14 KB; a file whose header does not end within this was not written here.
HEADER_BYTES_MAX: Final = 1024 * 1024


class ContainerDamagedError(Exception):
    """Bytes that are no part of a container file of ours; the text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """The beginning of a file.

    Attributes:
        data: Its bytes, the sync marker included.
        sync: The marker that ends the header and every block.
        metadata: What stands in it, by key.

    """

    data: bytes
    sync: bytes
    metadata: Mapping[str, bytes]

    @property
    def schema_json(self) -> str:
        """The schema that wrote the records."""
        return self.metadata[SCHEMA_KEY].decode("utf-8", errors="replace")


def write_header(schema_json: str, about: Mapping[str, str]) -> Header:
    """Make the header of a file: the schema, the codec, and what else is to be said about the file."""
    metadata = {SCHEMA_KEY: schema_json.encode(), CODEC_KEY: NULL_CODEC}
    metadata |= {key: about[key].encode() for key in sorted(about)}
    parts = [MAGIC, encode_long(len(metadata))]
    for key, value in metadata.items():
        parts += [encode_long(len(key)), key.encode(), encode_long(len(value)), value]
    parts.append(encode_long(0))
    before = b"".join(parts)
    sync = _derived_sync(before)
    return Header(before + sync, sync, metadata)


def read_header(data: bytes) -> Header:
    """Give the header at the beginning of those bytes, which may go on behind it.

    Raises:
        ContainerDamagedError: there is none, it is cut, or a bit of it is not what was written.

    """
    if not data.startswith(MAGIC):
        raise ContainerDamagedError(f"it does not begin with {MAGIC!r}: it is no Avro container file")
    cursor = Cursor(data)
    cursor.at = len(MAGIC)
    metadata: dict[str, bytes] = {}
    try:
        while count := cursor.block():
            for _ in range(count):
                key = cursor.string()
                metadata[key] = cursor.raw(cursor.long())
        end = int(cursor.at)
        sync = cursor.raw(SYNC_BYTES)
    except MalformedRecordError as error:
        raise ContainerDamagedError(f"its header cannot be read: {error}") from error
    if sync != _derived_sync(data[:end]):
        raise ContainerDamagedError("its header is not what was written: the sync marker does not fit it")
    if SCHEMA_KEY not in metadata or metadata.get(CODEC_KEY) != NULL_CODEC:
        raise ContainerDamagedError("its header names no schema, or a codec that the archive does not use")
    return Header(data[: end + SYNC_BYTES], sync, metadata)


def block_head(records: int, size: int) -> bytes:
    """Give what stands before the records of a block: how many they are, and their bytes together."""
    return encode_long(records) + encode_long(size)


def encode_long(value: int) -> bytes:
    """Encode a number as Avro does: zigzag, seven bits a byte, the lowest first."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 127:  # noqa: PLR2004 - seven bits a byte
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _derived_sync(before: bytes) -> bytes:
    return hashlib.sha256(before).digest()[:SYNC_BYTES]
