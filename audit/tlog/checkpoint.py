"""Checkpoints of C2SP: the origin, the size and the root of the log, in three lines that a key signs.

Making and reading one as text. Whether there is a tree behind it is for others to see.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.tlog.merkle import EMPTY_ROOT, HASH_BYTES
from audit.tlog.note import (
    COSIGNATURE,
    LOG_SIGNATURE,
    Note,
    Signature,
    Signer,
    Verifier,
    decoded_base64,
    signed_by,
)
from schemas.errors import ProofInvalid

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one moment.

    Attributes:
        origin: The log's name.
        size: How many decisions it has.
        root: The root over them.

    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Give the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a note as a checkpoint.

        Raises:
            ProofInvalid: it is none.

        """
        lines = text.split("\n")
        # Extension lines are lawful and not recommended; ours has none, and what nobody reads is not taken.
        if len(lines) != _LINES + 1 or lines[-1] or not all(lines[:-1]):
            raise ProofInvalid("the checkpoint does not have its three lines: origin, size and root")
        origin, size, root = lines[:_LINES]
        made = cls(origin, decimal(size, "the size of the checkpoint"), _root(root))
        if made.size == 0 and made.root != EMPTY_ROOT:
            raise ProofInvalid("the checkpoint names a root of a log that holds nothing, and a wrong one")
        return made


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose signatures by known keys were verified.

    Attributes:
        checkpoint: What it says.
        note: The whole note, other signatures included.
        log_key: The log's key that signed.
        witnesses: The known witnesses that co-signed, with their signatures.

    """

    checkpoint: Checkpoint
    note: Note
    log_key: Verifier
    witnesses: tuple[tuple[Verifier, Signature], ...]


def sign(checkpoint: Checkpoint, *signers: Signer) -> str:
    """Give the signed note of a checkpoint."""
    text = checkpoint.text()
    return str(Note(text, tuple(signer.sign(text) for signer in signers)))


def read(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Read a signed checkpoint that one of the log's keys vouches for.

    Raises:
        ProofInvalid: it is none, no key that is listed signed it, or a signature does not fit.

    """
    return read_signed(note, verifiers).checkpoint


def read_signed(note: str, verifiers: Sequence[Verifier]) -> SignedCheckpoint:
    """As `read`, with who signed.

    `verifiers` holds keys of logs and of witnesses. A log's key counts only under the log's own name.
    """
    parsed = Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    found = signed_by(parsed, verifiers)
    of_the_log = [
        verifier
        for verifier, _ in found
        if verifier.kind == LOG_SIGNATURE and verifier.name == checkpoint.origin
    ]
    if not of_the_log:
        raise ProofInvalid(
            f"the checkpoint of {checkpoint.origin} at size {checkpoint.size} is not signed by a key that is "
            f"listed: {_signers(parsed)}",
            advice="Is the verifier key the one that the log published for this size? Keys are rotated; "
            "each signs from a certain size on.",
        )
    witnesses = tuple((one, signature) for one, signature in found if one.kind == COSIGNATURE)
    return SignedCheckpoint(checkpoint, parsed, of_the_log[0], witnesses)


def decimal(text: str, what: str) -> int:
    """Read a whole number in its one spelling.

    Raises:
        ProofInvalid: it is none; `what` names it.

    """
    if not _DECIMAL.fullmatch(text):
        raise ProofInvalid(f"{what} is no whole number")
    return int(text)


def _root(text: str) -> bytes:
    root = decoded_base64(text, "the root of the checkpoint")
    if len(root) != HASH_BYTES:
        raise ProofInvalid(f"the root of the checkpoint has {len(root)} bytes, not {HASH_BYTES}")
    return root


def _signers(note: Note) -> str:
    return "signed by " + ", ".join(f"{one.name} (key {one.key_id.hex()})" for one in note.signatures)
