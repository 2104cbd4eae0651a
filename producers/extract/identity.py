"""Who is who, without saying it: keyed hashes of personal cells, and the ids of actions.

The key is handed in and never shown. What leaves this module cannot be turned back, nor tried out by
anybody who lacks the key: sixteen structured digits could be enumerated behind a plain hash.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

KEY_BYTES: Final = 32
PERSON_BYTES: Final = 16
HASH_BYTES: Final = 16
# Separates these ids from any other that is made of hashes; a change would make every second import a first.
_ACTION_ID: Final = b"neraca extract action id v1\x00"
ACTION_ID_BYTES: Final = 16


class Pseudonyms:
    """Keyed hashes under one key (HMAC-SHA256), each for one purpose."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) < KEY_BYTES:
            raise ValueError(f"a key has at least {KEY_BYTES} bytes")
        self._key: Final = key

    def person(self, nik: str) -> bytes:
        """Give the 16 bytes that stand for the owner of a NIK."""
        return self._of(b"person\x00", nik)

    def passport(self, number: str) -> bytes:
        """Give what stands for a passport number."""
        return self._of(b"passport\x00", number)

    def name(self, words: str) -> bytes:
        """Give what stands for a name, to find it in a text that should not have it."""
        return self._of(b"name\x00", words)

    def birth(self, day: int) -> bytes:
        """Give what stands for a birth date, for the same."""
        return self._of(b"birth\x00", str(day))

    def officer(self, name: str) -> bytes:
        """Give what stands for an officer whom the extract calls by name."""
        return self._of(b"officer\x00", name)

    def row(self, cells: list[str]) -> bytes:
        """Give what stands for a whole row, to tell whether another says the same."""
        return self._of(b"row\x00", "\x1f".join(cells))

    def _of(self, purpose: bytes, text: str) -> bytes:
        message = purpose + text.encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, message, "sha256")[:HASH_BYTES]

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Pseudonyms()"


def uuid_of(raw: bytes) -> bytes:
    """Give 16 bytes the marks of a UUID of version 8: made by rules of one's own (RFC 9562)."""
    marked = bytearray(raw[:16])
    marked[6] = marked[6] & 0x0F | 0x80
    marked[8] = marked[8] & 0x3F | 0x80
    return bytes(marked)


def person_id(raw: bytes) -> str:
    """Write what stands for a person as a UUID."""
    text = uuid_of(raw).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def with_action_id(avro: bytes) -> bytes:
    """Give an action's Avro bytes the id that follows from all the others.

    The id is the first field, sixteen bytes of fixed place. What a row says, not how it is spelled, is its
    identity: an id stands for everything in the action, `entered_at` with it, so the same row gives the same
    id in every extract and a corrected row another.
    """
    rest = avro[ACTION_ID_BYTES:]
    return uuid_of(hashlib.sha256(_ACTION_ID + rest).digest()) + rest


def renewed(avro: bytes, attempt: int) -> bytes:
    """Give an action that was refused another id, so that it is judged anew; the same one for each attempt.

    A refused action is remembered as refused for ever. Where a corrected extract brings what it lacked, the
    row itself has not changed, and must not be answered with the old refusal.
    """
    old, rest = avro[:ACTION_ID_BYTES], avro[ACTION_ID_BYTES:]
    return uuid_of(hashlib.sha256(_ACTION_ID + old + attempt.to_bytes(4, "big")).digest()) + rest
