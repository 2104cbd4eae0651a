"""Records on the wire: Confluent framing (0x00, 4-byte big-endian schema id, Avro), and who each id is.

Runs once for every record of the action topic, so mypyc compiles it. Must not know Kafka, nor judge an action
beyond its shape; hashes cover the Avro bytes, never the frame, so no proof depends on an id.
"""

from __future__ import annotations

from typing import Final, final

from librt.strings import BytesWriter, read_i32_be
from mypy_extensions import i64, mypyc_attr

from schemas.binary import Cursor, MalformedRecordError
from schemas.codec import (
    VERSION,
    action_version,
    added_action_content,
    read_action,
    write_action_beside,
    write_action_content,
)
from schemas.errors import UnreadableRecord
from schemas.hashing import sha256
from schemas.ids import SchemaIds
from schemas.records import Action
from schemas.shape import problems

FRAME_BYTES: Final = 5
MAGIC: Final = 0
# An action may not be larger than an entry of a C2SP log bundle, as no decision is; whatever is larger on the
# topic came from no producer of ours.
ACTION_BYTES_MAX: Final = 65535
DIGEST_BYTES: Final = 16


@mypyc_attr(acyclic=True)
@final
class ActionRecord:
    """An action as it stands on the topic.

    Attributes:
        action: The action, its shape in order.
        avro: Its Avro bytes exactly as produced, without the frame.
        digest: First half of the SHA-256 of its content in canonical form.

    """

    __slots__ = ("action", "avro", "digest")

    def __init__(self, action: Action, avro: bytes, digest: bytes) -> None:
        self.action: Final = action
        self.avro: Final = avro
        self.digest: Final = digest

    def __repr__(self) -> str:
        """Show the action and its digest."""
        return f"ActionRecord({self.action!r}, {len(self.avro)} bytes, digest {self.digest.hex()})"


def frame(schema_id: int, avro: bytes) -> bytes:
    """Put the frame before the Avro bytes of one record."""
    return schema_id.to_bytes(FRAME_BYTES, "big") + avro


def frame_action(record: ActionRecord, ids: SchemaIds) -> bytes:
    """Put an action of ours into the frame of the oldest version that says all of it.

    So what needs nothing new is read by every program, however old, and stays the same bytes for ever.
    """
    return frame(ids.action_id_of(action_version(record.action)), record.avro)


def unframe(value: bytes) -> tuple[int, bytes]:
    """Give the schema id and the Avro bytes of a framed record.

    Raises:
        UnreadableRecord: there is no frame.

    """
    if len(value) < FRAME_BYTES:
        raise UnreadableRecord(f"it has {len(value)} bytes, fewer than a frame")
    magic: i64 = value[0]
    if magic != MAGIC:
        raise UnreadableRecord(f"it has no frame: its first byte is {magic}, not {MAGIC}")
    schema_id = i64(read_i32_be(value, 1))
    return schema_id & 0xFFFFFFFF, value[FRAME_BYTES:]


def decode_action_value(value: bytes | None, ids: SchemaIds) -> ActionRecord:
    """Give the action behind the value of one record of the action topic.

    Raises:
        UnreadableRecord: the value is none, has no frame or an id that is not an action's, is no whole Avro
            record or a larger one than any action, or breaks the shape.

    """
    if value is None:
        raise UnreadableRecord("it has no value")
    schema_id, avro = unframe(value)
    version: i64 = ids.action_version(schema_id)
    if version == 0:
        name = ids.name_of(schema_id)
        if name is None:
            raise UnreadableRecord(f"nobody knows schema id {schema_id}")
        raise UnreadableRecord(f"it is no Action: schema id {schema_id} is {name}")
    return read_action_record(avro, version)


def read_action_record(avro: bytes, version: i64 = VERSION) -> ActionRecord:
    """Give the action behind its Avro bytes, written with that version of the contract.

    Raises:
        UnreadableRecord: as `decode_action_value`.

    """
    size: i64 = len(avro)
    if size > ACTION_BYTES_MAX:
        raise UnreadableRecord(f"it has {size} bytes; an action has at most {ACTION_BYTES_MAX}")
    cursor = Cursor(avro, version)
    try:
        action = read_action(cursor)
        cursor.end()
    except MalformedRecordError as error:
        raise UnreadableRecord(f"it is no Avro record of this schema: {error}") from None
    found = problems(action)
    if found:
        raise UnreadableRecord("it breaks the shape: " + "; ".join([f"{p.field}: {p.reason}" for p in found]))
    if cursor.canonical:
        return ActionRecord(action, avro, _digest(avro[: cursor.content_end] + added_action_content(action)))
    return ActionRecord(action, avro, content_digest(action))


def action_record(action: Action) -> ActionRecord:
    """Encode an action whose shape is in order; the size is for the caller to judge."""
    out = BytesWriter()
    write_action_content(out, action)
    content_end: i64 = len(out)
    write_action_beside(out, action)
    avro = out.getvalue()
    return ActionRecord(action, avro, _digest(avro[:content_end] + added_action_content(action)))


def content_digest(action: Action) -> bytes:
    """Give the first half of the SHA-256 of the action's content in canonical form.

    Content is every field but `entered_at` and `sealed` (contract §1).
    """
    out = BytesWriter()
    write_action_content(out, action)
    return _digest(out.getvalue() + added_action_content(action))


def _digest(content: bytes) -> bytes:
    return sha256(content)[:DIGEST_BYTES]
