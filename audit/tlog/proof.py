"""Proofs as one text file: that a decision is in the log, or that one checkpoint continues another.

The first is a C2SP tlog-proof with the decision's Avro bytes in its `extra` line. For the second C2SP has no
file of its own: ours is the older checkpoint in a line, and then, from the line `old` on, exactly what a C2SP
witness is sent. Whoever checks needs the file and the log's verifier key.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from audit.tlog.checkpoint import SignedCheckpoint, decimal, read_signed
from audit.tlog.merkle import HASH_BYTES, leaf_hash, verify_consistency, verify_inclusion
from audit.tlog.note import Verifier, decoded_base64
from schemas.errors import ProofInvalid

INCLUSION_HEADER: Final = "c2sp.org/tlog-proof@v1"
CONSISTENCY_HEADER: Final = "neraca-consistency-proof@v1"
# A log of 2**63 decisions needs no more.
HASHES_MAX: Final = 63
_EXTRA: Final = "extra "
_INDEX: Final = "index "
_CHECKPOINT: Final = "checkpoint "
_OLD: Final = "old "


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That a decision is in the log.

    Attributes:
        index: Its `seq`.
        hashes: From its neighbour up to below the root.
        checkpoint: The signed checkpoint, verbatim.
        entry: The decision's Avro bytes.

    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    entry: bytes

    def __str__(self) -> str:
        """Give the file's text."""
        lines = [INCLUSION_HEADER, _EXTRA + _base64(self.entry), f"{_INDEX}{self.index}"]
        return "\n".join([*lines, *map(_base64, self.hashes)]) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> InclusionProof:
        """Read the file's text, strictly.

        Raises:
            ProofInvalid: it is no such proof, or one without the entry.

        """
        lines, checkpoint = _head_and_checkpoint(text, INCLUSION_HEADER)
        if not lines or not lines[0].startswith(_EXTRA):
            raise ProofInvalid(
                "the proof holds no decision: it has no line `extra`",
                advice="`neraca prove` writes it; a proof without it needs the decision from elsewhere.",
            )
        entry = decoded_base64(lines[0].removeprefix(_EXTRA), "the decision in the proof")
        if len(lines) == 1 or not lines[1].startswith(_INDEX):
            raise ProofInvalid("the proof does not say which decision it is about: it has no line `index`")
        index = decimal(lines[1].removeprefix(_INDEX), "the index of the proof")
        return cls(index, _hashes(lines[2:]), checkpoint, entry)


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That one checkpoint of a log continues another.

    Attributes:
        old: The older signed checkpoint, verbatim.
        old_size: Its size.
        hashes: RFC 6962, 2.1.2.
        new: The newer signed checkpoint, verbatim.

    """

    old: str
    old_size: int
    hashes: tuple[bytes, ...]
    new: str

    def __str__(self) -> str:
        """Give the file's text."""
        head = f"{CONSISTENCY_HEADER}\n{_CHECKPOINT}{_base64(self.old.encode())}\n"
        return head + self.request()

    def request(self) -> str:
        """Give what a C2SP witness is sent (`add-checkpoint`)."""
        return "\n".join([f"{_OLD}{self.old_size}", *map(_base64, self.hashes)]) + "\n\n" + self.new

    @classmethod
    def parse(cls, text: str) -> ConsistencyProof:
        """Read the file's text, strictly.

        Raises:
            ProofInvalid: it is no such proof.

        """
        lines, new = _head_and_checkpoint(text, CONSISTENCY_HEADER)
        if not lines or not lines[0].startswith(_CHECKPOINT):
            raise ProofInvalid("the proof does not hold the older checkpoint: it has no line `checkpoint`")
        encoded = decoded_base64(lines[0].removeprefix(_CHECKPOINT), "the older checkpoint in the proof")
        try:
            old = encoded.decode("utf-8")
        except UnicodeDecodeError:
            raise ProofInvalid("the older checkpoint in the proof is no text") from None
        if len(lines) == 1 or not lines[1].startswith(_OLD):
            raise ProofInvalid("the proof does not say where it begins: it has no line `old`")
        return cls(old, decimal(lines[1].removeprefix(_OLD), "the old size"), _hashes(lines[2:]), new)


def check_inclusion(proof: InclusionProof, verifiers: Sequence[Verifier]) -> SignedCheckpoint:
    """See that the decision in a proof is in the log whose checkpoint one of the keys signed.

    Raises:
        ProofInvalid: it is not shown; the message says which part does not hold.

    """
    signed = read_signed(proof.checkpoint, verifiers)
    said = signed.checkpoint
    if proof.index >= said.size:
        raise ProofInvalid(
            f"decision {proof.index} lies behind the checkpoint, which is of {said.size} decisions"
        )
    if not verify_inclusion(leaf_hash(proof.entry), proof.index, said.size, proof.hashes, said.root):
        raise ProofInvalid(
            f"the decision in the file is not decision {proof.index} of the log {said.origin}: its hash and "
            f"those of the proof do not make the root of the checkpoint at size {said.size}",
            advice="The decision, its number or a hash was changed, or it was never in that log.",
        )
    return signed


def check_consistency(
    proof: ConsistencyProof, verifiers: Sequence[Verifier]
) -> tuple[SignedCheckpoint, SignedCheckpoint]:
    """See that the newer checkpoint of a proof continues the older one; both, verified.

    Raises:
        ProofInvalid: it is not shown; the message says which part does not hold.

    """
    old = _read("the older checkpoint", proof.old, verifiers)
    new = _read("the newer checkpoint", proof.new, verifiers)
    before, after = old.checkpoint, new.checkpoint
    if before.origin != after.origin:
        raise ProofInvalid(f"the checkpoints are of two logs, {before.origin} and {after.origin}")
    if proof.old_size != before.size:
        raise ProofInvalid(
            f"the proof begins at size {proof.old_size}, but the older checkpoint is of {before.size}"
        )
    if before.size > after.size:
        raise ProofInvalid(
            f"the log went back: the older checkpoint is of {before.size}, the newer of {after.size}"
        )
    if not verify_consistency(before.size, after.size, before.root, after.root, proof.hashes):
        raise ProofInvalid(
            f"it is not shown that the log of {after.size} decisions begins with the log of {before.size}",
            advice="The log forgot or changed something, or a hash of the proof was changed.",
        )
    return old, new


def _read(which: str, note: str, verifiers: Sequence[Verifier]) -> SignedCheckpoint:
    try:
        return read_signed(note, verifiers)
    except ProofInvalid as error:
        raise ProofInvalid(f"{which} does not hold: {error}", advice=error.advice) from error


def _head_and_checkpoint(text: str, header: str) -> tuple[list[str], str]:
    if text.startswith("\ufeff") or "\r" in text:
        raise ProofInvalid(
            "the file was changed on its way: its line ends or its first bytes are another program's",
            advice="Send it as a file, not as text; no editor and no mail program may rewrite it.",
        )
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != header:
        raise ProofInvalid(f"the file is no such proof: its first line is not {header}")
    if not blank:
        raise ProofInvalid("the proof has no checkpoint: a blank line and then one is expected")
    return lines[1:], checkpoint


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    if len(lines) > HASHES_MAX:
        raise ProofInvalid(f"the proof has {len(lines)} hashes, more than any log needs")
    hashes = tuple(decoded_base64(line, f"hash {place} of the proof") for place, line in enumerate(lines, 1))
    if wrong := [place for place, one in enumerate(hashes, 1) if len(one) != HASH_BYTES]:
        raise ProofInvalid(f"hash {wrong[0]} of the proof does not have {HASH_BYTES} bytes")
    return hashes


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
