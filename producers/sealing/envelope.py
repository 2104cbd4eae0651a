"""The envelope of a sealed field, and the object `sealed` that holds them (docs/personal-data.md).

AES-256-GCM (NIST SP 800-38D) under the person's key, with a fresh random nonce of 96 bits. The associated
data names action and field, so that a value opens in no other place. Pure but for the nonces: keys are handed
in.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.errors import NeracaError

# What is sealed, in the order in which it is shown.
FIELDS: Final = ("nik", "name", "birth_date", "passport")
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
ACTION_ID_BYTES: Final = 16
VERSION: Final = 1
# A name of a few letters must not be told from one of many by the length of what hides it.
PAD_BYTES: Final = 32
# Four fields of it, sealed and in base64, are a third of what `sealed` may have.
FIELD_BYTES_MAX: Final = 500
_ENVELOPE_BYTES_MIN: Final = NONCE_BYTES + PAD_BYTES + TAG_BYTES
_CONTEXT: Final = b"neraca sealed v1\x00"
_VERSION_NAME: Final = "v"
_PAD_MARK: Final = b"\x80"


class SealBroken(NeracaError):
    """A sealed value does not open: another key, another action, another field, or other bytes.

    `field` is which; the value itself is never told.
    """

    def __init__(self, field: str) -> None:
        super().__init__(
            f"the sealed field {field} does not open",
            advice="It was sealed under another key, for another action or field, or was changed since.",
        )
        self.field = field


class SealedWrong(NeracaError):
    """An object `sealed` that is not of this form, or a field that cannot be sealed; says which field."""


def seal_bytes(key: bytes, data: bytes, aad: bytes) -> bytes:
    """Give nonce, ciphertext and tag in one."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, aad)


def open_bytes(key: bytes, sealed: bytes, aad: bytes) -> bytes | None:
    """Give what was sealed under this key with this associated data; None where it was not."""
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], aad)
    except InvalidTag:
        return None


def seal_fields(key: bytes, action_id: bytes, fields: Mapping[str, str]) -> str:
    """Give the text of `sealed` for an action: a JSON object with one envelope for each field that is there.

    Raises:
        SealedWrong: a field has another name than `FIELDS`, or more than `FIELD_BYTES_MAX` bytes.

    """
    if unknown := [name for name in fields if name not in FIELDS]:
        raise SealedWrong(
            f"{len(unknown)} of the fields are not sealed here", advice=f"One of {', '.join(FIELDS)}."
        )
    envelopes: dict[str, object] = {_VERSION_NAME: VERSION}
    cipher = AESGCM(key)
    for name in FIELDS:
        value = fields.get(name)
        if value:
            nonce = os.urandom(NONCE_BYTES)
            sealed = nonce + cipher.encrypt(nonce, _padded(name, value), _aad(action_id, name))
            envelopes[name] = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")
    return json.dumps(envelopes, separators=(",", ":"))


def open_fields(key: bytes, action_id: bytes, sealed: str) -> dict[str, str]:
    """Give the fields of an object `sealed`, in the order of `FIELDS`.

    Raises:
        SealedWrong: it is not of the form that `seal_fields` makes.
        SealBroken: an envelope does not open with this key for this action.

    """
    envelopes = _envelopes(sealed)
    opened: dict[str, str] = {}
    for name in FIELDS:
        if name in envelopes:
            data = open_bytes(key, envelopes[name], _aad(action_id, name))
            if data is None:
                raise SealBroken(name)
            opened[name] = _unpadded(name, data)
    return opened


def is_ours(sealed: str) -> bool:
    """Tell whether an object `sealed` is of this form; a source may seal in its own way."""
    try:
        _envelopes(sealed)
    except (SealedWrong, SealBroken):
        return False
    return True


def says_it_is_ours(sealed: str) -> bool:
    """Tell whether an object `sealed` names the version of this form, whatever stands in it."""
    try:
        found = json.loads(sealed)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get(_VERSION_NAME) == VERSION


def _envelopes(sealed: str) -> dict[str, bytes]:
    try:
        found = json.loads(sealed)
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.pop(_VERSION_NAME, None) != VERSION:
        raise SealedWrong("it is no sealed object of this version", advice="Whoever sealed it can open it.")
    envelopes = {}
    for name, text in found.items():
        if name not in FIELDS or not isinstance(text, str):
            raise SealedWrong(
                "a sealed object has a field that is not sealed here", advice="Whoever sealed it can open it."
            )
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise SealBroken(name) from None
        if len(data) < _ENVELOPE_BYTES_MIN or (len(data) - _ENVELOPE_BYTES_MIN) % PAD_BYTES:
            raise SealBroken(name)
        envelopes[name] = data
    return envelopes


def _aad(action_id: bytes, name: str) -> bytes:
    """Action and field. Their lengths are fixed or last, so no two places give the same bytes."""
    if len(action_id) != ACTION_ID_BYTES:
        raise ValueError(f"an action id has {ACTION_ID_BYTES} bytes")
    return _CONTEXT + action_id + name.encode("ascii")


def _padded(name: str, value: str) -> bytes:
    """Fill up to a multiple of 32 bytes, as ISO/IEC 7816-4 does: 0x80, then zeros."""
    data = value.encode("utf-8")
    if len(data) > FIELD_BYTES_MAX:
        raise SealedWrong(
            f"{name} has {len(data)} bytes", advice=f"A field that is sealed has at most {FIELD_BYTES_MAX}."
        )
    data += _PAD_MARK
    return data + bytes(-len(data) % PAD_BYTES)


def _unpadded(name: str, data: bytes) -> str:
    value, mark, _ = data.rpartition(_PAD_MARK)
    if not mark:
        raise SealBroken(name)
    return value.decode("utf-8")
