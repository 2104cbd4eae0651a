"""Puts `sealed` into an action's Avro bytes, and takes it out. Nothing else of the action changes, so neither
its id nor its content does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from librt.strings import BytesWriter

from producers.sealing.envelope import ACTION_ID_BYTES, seal_fields
from schemas.binary import Cursor, write_string
from schemas.codec import read_action

_ABSENT: Final = b"\x00"
_PRESENT: Final = b"\x02"


def with_sealed(avro: bytes, sealed: str) -> bytes:
    """Give an action the object `sealed`, which it must not have yet."""
    at = _place_of_sealed(avro)
    if avro[at : at + 1] != _ABSENT:
        raise ValueError("the action is sealed already")
    text = BytesWriter()
    write_string(text, sealed)
    # Fields that a later version of the contract put behind it stay as they are.
    return avro[:at] + _PRESENT + text.getvalue() + avro[at + 1 :]


def sealed_of(avro: bytes) -> str | None:
    """Give the object `sealed` of an action."""
    return read_action(Cursor(avro)).sealed


def seal_of(avro: bytes, key: bytes, fields: Mapping[str, str]) -> bytes:
    """Seal a person's fields into an action, for this action alone.

    Raises:
        SealedWrong: a field cannot be sealed.

    """
    return with_sealed(avro, seal_fields(key, avro[:ACTION_ID_BYTES], fields))


def _place_of_sealed(avro: bytes) -> int:
    """Find the union of `sealed`: behind the content stand `entered_at`, its offset, and then this."""
    cursor = Cursor(avro)
    read_action(cursor)
    cursor.at = cursor.content_end
    cursor.long()
    cursor.long()
    return int(cursor.at)
