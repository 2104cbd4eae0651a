"""Signed notes of C2SP: a text, and below it lines by which keys vouch for it; Ed25519 keys and their forms.

Two kinds of signature are known: a log's (`0x01`), and a witness's, which says when (`0x04`).
This module must not know what a text means.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.errors import ProofInvalid

LOG_SIGNATURE: Final = 0x01
COSIGNATURE: Final = 0x04
KEY_ID_BYTES: Final = 4
KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
TIMESTAMP_BYTES: Final = 8
TIMESTAMP_MAX: Final = 2**63 - 1
PRIVATE_PREFIX: Final = "PRIVATE+KEY+"
# The specification wants at least 16 to be taken; a note with thousands only costs whoever verifies it.
SIGNATURES_MAX: Final = 100
# Ample for three lines and that many signatures.
NOTE_BYTES_MAX: Final = 1 << 20
_LINE_START: Final = "— "
_KEY_ID_DIGITS: Final = 8
_SPACE: Final = 0x20


class KeyUnreadable(ProofInvalid):
    """A text that should be a key and is none; the message never repeats a private one."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name that it signs under: `name+key id+base64`.

    Attributes:
        name: The name in its signature lines.
        kind: `LOG_SIGNATURE` or `COSIGNATURE`.
        public_key: 32 bytes.

    """

    name: str
    kind: int
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart."""
        data = self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key
        return hashlib.sha256(data).digest()[:KEY_ID_BYTES]

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read a verifier key.

        Raises:
            KeyUnreadable: it is none, or one of a kind that is not known here.

        """
        parts = text.split("+", 2)
        if len(parts) != len(("name", "id", "key")) or text.startswith(PRIVATE_PREFIX):
            raise KeyUnreadable(
                "the text is no verifier key",
                advice="A verifier key is written name+hash+base64, in one line.",
            )
        name, digits, encoded = parts
        made = cls(_checked_name(name), *_kind_and_key(encoded, "verifier"))
        if digits != made.key_id.hex():
            raise KeyUnreadable(
                f"the verifier key of {name} is damaged: its hash is not {digits}",
                advice="Copy it again, whole, from where the log publishes it.",
            )
        return made

    def verifies(self, text: str, payload: bytes) -> bool:
        """Tell whether the payload of a signature line is this key's signature of that text."""
        message = text.encode()
        signature = payload
        if self.kind == COSIGNATURE:
            if len(payload) != TIMESTAMP_BYTES + SIGNATURE_BYTES:
                return False
            message = cosigned_message(text, int.from_bytes(payload[:TIMESTAMP_BYTES], "big"))
            signature = payload[TIMESTAMP_BYTES:]
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def __str__(self) -> str:
        """Give the form in which it is published."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(bytes([self.kind]) + self.public_key)}"


class Signer:
    """A private key with the name that it signs under."""

    def __init__(self, name: str, kind: int, seed: bytes) -> None:
        self._key: Final = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier: Final = Verifier(_checked_name(name), kind, self._key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str, kind: int = LOG_SIGNATURE) -> Signer:
        """Make a new key."""
        return cls(name, kind, secrets.token_bytes(KEY_BYTES))

    @classmethod
    def parse(cls, text: str) -> Signer:
        """Read a private key in the form of Go's `note` package: `PRIVATE+KEY+name+key id+base64`.

        Raises:
            KeyUnreadable: it is none; the message does not repeat it.

        """
        parts = text.removeprefix(PRIVATE_PREFIX).split("+", 2)
        if not text.startswith(PRIVATE_PREFIX) or len(parts) != len(("name", "id", "key")):
            raise KeyUnreadable("the text is no private key", advice="It begins with PRIVATE+KEY+.")
        name, digits, encoded = parts
        kind, seed = _kind_and_key(encoded, "private")
        signer = cls(name, kind, seed)
        if digits != signer.verifier.key_id.hex():
            raise KeyUnreadable(f"the private key of {name} is damaged: its hash does not fit")
        return signer

    def private_text(self) -> str:
        """Give the private key as text: never for a log line."""
        verifier = self.verifier
        secret = _base64(bytes([verifier.kind]) + self._key.private_bytes_raw())
        return f"{PRIVATE_PREFIX}{verifier.name}+{verifier.key_id.hex()}+{secret}"

    def sign(self, text: str, *, at_seconds: int = 0) -> Signature:
        """Vouch for a text; a witness's key says at which POSIX time it did."""
        verifier = self.verifier
        if verifier.kind == COSIGNATURE:
            stamp = at_seconds.to_bytes(TIMESTAMP_BYTES, "big")
            payload = stamp + self._key.sign(cosigned_message(text, at_seconds))
        else:
            payload = self._key.sign(text.encode())
        return Signature(verifier.name, verifier.key_id, payload)

    def __repr__(self) -> str:
        """Show the public half only."""
        return f"Signer({self.verifier})"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line of a note.

    Attributes:
        name: Who signed, by name.
        key_id: With which key of that name.
        payload: The signature; of a witness, eight bytes of time before it.

    """

    name: str
    key_id: bytes
    payload: bytes

    def line(self) -> str:
        """Give the line as it stands in a note, with its line end."""
        return f"{_LINE_START}{self.name} {_base64(self.key_id + self.payload)}\n"

    @property
    def at_seconds(self) -> int:
        """When a witness signed, POSIX time; of another kind of signature it means nothing."""
        return int.from_bytes(self.payload[:TIMESTAMP_BYTES], "big")


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, not yet verified.

    Attributes:
        text: With its last line end.
        signatures: In their order.

    """

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: str) -> Note:
        """Read a note, strictly: one text has one form.

        Raises:
            ProofInvalid: it is no signed note; the message says why.

        """
        if len(data) > NOTE_BYTES_MAX:
            raise ProofInvalid(f"a signed note of {len(data)} characters is longer than any of ours")
        if any(ord(character) < _SPACE and character != "\n" for character in data):
            raise ProofInvalid("the signed note holds a control character")
        head, blank, tail = data.rpartition("\n\n")
        if not blank or not tail.endswith("\n"):
            raise ProofInvalid(
                "the signed note has no signatures: a blank line and then a line for each is expected"
            )
        lines = tail[:-1].split("\n")
        if len(lines) > SIGNATURES_MAX:
            raise ProofInvalid(
                f"the signed note has {len(lines)} signatures; at most {SIGNATURES_MAX} are read"
            )
        return cls(head + "\n", tuple(_signature(line) for line in lines))

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """Add signatures; one that is there already is not repeated."""
        return Note(self.text, tuple(dict.fromkeys((*self.signatures, *more))))

    def __str__(self) -> str:
        """Give the note as it is published."""
        return self.text + "\n" + "".join(signature.line() for signature in self.signatures)


def signed_by(note: Note, verifiers: Sequence[Verifier]) -> list[tuple[Verifier, Signature]]:
    """Give the known keys that vouch for a note. Lines of unknown keys are passed over.

    Raises:
        ProofInvalid: the line of a known key does not verify.

    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    found: dict[Verifier, Signature] = {}
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        if not verifier.verifies(note.text, signature.payload):
            raise ProofInvalid(
                f"the signature of {verifier.name} (key {verifier.key_id.hex()}) does not fit the text: "
                "one of the two was changed"
            )
        found.setdefault(verifier, signature)
    return list(found.items())


def cosigned_message(text: str, at_seconds: int) -> bytes:
    """Give what a witness signs: when, and the whole text of the checkpoint."""
    return f"cosignature/v1\ntime {at_seconds}\n{text}".encode()


def decoded_base64(text: str, what: str) -> bytes:
    """Decode base64, in its one canonical spelling.

    Raises:
        ProofInvalid: it is none; `what` names it.

    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ProofInvalid(f"{what} is no base64") from None
    # Spare bits would let one value have several spellings, and a changed proof pass.
    if _base64(data) != text:
        raise ProofInvalid(f"{what} is no canonical base64")
    return data


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_LINE_START).partition(" ")
    if not line.startswith(_LINE_START) or not space:
        raise ProofInvalid("a line below the text of the signed note is no signature line")
    if not is_key_name(name):
        raise ProofInvalid("a signature line of the note names no key")
    data = decoded_base64(encoded, f"the signature line of {name}")
    if len(data) <= KEY_ID_BYTES:
        raise ProofInvalid(f"the signature line of {name} is cut short")
    return Signature(name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def is_key_name(name: str) -> bool:
    """Tell whether a text may name a key: not empty, no space, no plus sign, no control character."""
    return bool(name) and "+" not in name and not any(c.isspace() or ord(c) < _SPACE for c in name)


def _checked_name(name: str) -> str:
    if not is_key_name(name):
        raise KeyUnreadable(
            f"{name!r} cannot name a key",
            advice="Name it like example.org/ledger: no space and no plus sign.",
        )
    return name


def _kind_and_key(encoded: str, which: str) -> tuple[int, bytes]:
    try:
        data = decoded_base64(encoded, "it")
    except ProofInvalid as error:
        raise KeyUnreadable(f"the {which} key is damaged: its last part is no base64") from error
    if len(data) != 1 + KEY_BYTES or data[0] not in (LOG_SIGNATURE, COSIGNATURE):
        raise KeyUnreadable(
            f"the {which} key is none that is known here",
            advice="Ed25519 keys of logs (type 1) and of witnesses (type 4) are.",
        )
    return data[0], data[1:]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
