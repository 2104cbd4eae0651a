"""Who is who, without saying it: keyed hashes of personal cells, and the ids of actions.

The key is handed in and never shown. What leaves this module cannot be turned back, nor tried out by
anybody who lacks the key: sixteen structured digits could be enumerated behind a plain hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

KEY_BYTES: Final = 32
HASH_BYTES: Final = 16
# Separates these ids from any other that is made of hashes; a change would make every second import a first.
_ACTION_ID: Final = b"neraca extract action id v1\x00"
ACTION_ID_BYTES: Final = 16


class Pseudonyms:
    """Keyed hashes (HMAC-SHA256), each for one purpose.

    All but an officer's are made under a key of this run, and mean nothing in the next: they only tell cells
    apart. An officer's goes into actions, so its key must be the same in every import.

    Attributes:
        run_key: The key of this run.

    """

    __slots__ = ("_officers_key", "run_key")

    def __init__(self, officers_key: bytes, run_key: bytes | None = None) -> None:
        self.run_key: Final = secrets.token_bytes(KEY_BYTES) if run_key is None else run_key
        self._officers_key: Final = officers_key
        if min(len(officers_key), len(self.run_key)) < KEY_BYTES:
            raise ValueError(f"a key has at least {KEY_BYTES} bytes")

    def person(self, nik: str) -> bytes:
        """Give what stands for the owner of a NIK."""
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
        message = b"officer\x00" + name.encode("utf-8", "surrogateescape")
        return hmac.digest(self._officers_key, message, "sha256")[:HASH_BYTES]

    def row(self, cells: list[str]) -> bytes:
        """Give what stands for a whole row, to tell whether another says the same."""
        return self._of(b"row\x00", "\x1f".join(cells))

    def _of(self, purpose: bytes, text: str) -> bytes:
        message = purpose + text.encode("utf-8", "surrogateescape")
        return hmac.digest(self.run_key, message, "sha256")[:HASH_BYTES]

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "Pseudonyms()"


def uuid_of(raw: bytes) -> bytes:
    """Give 16 bytes the marks of a UUID of version 8: made by rules of one's own (RFC 9562)."""
    marked = bytearray(raw[:16])
    marked[6] = marked[6] & 0x0F | 0x80
    marked[8] = marked[8] & 0x3F | 0x80
    return bytes(marked)


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
