"""Makes proofs: from the tiles on disk, or from a journal that is read whole where there are none.

Each proof is checked before it is given. Must not sign: it shows what was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from audit.tlog import merkle
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.keys import KeyList, read_listed
from audit.tlog.merkle import KeptTree, leaf_hash, leaf_hashes, verify_consistency, verify_inclusion
from audit.tlog.note import Note
from audit.tlog.proof import ConsistencyProof, InclusionProof
from audit.tlog.tiles import TileLog
from schemas.codec import decode_decision
from schemas.errors import ProofInvalid

BATCH_DECISIONS: Final = 4096

# Tells by its `seq` and its Avro bytes whether a decision is wanted.
Wanted = Callable[[int, bytes], bool]
Progress = Callable[[int], None]


class ProvingLog(Protocol):
    """A log that proofs can be made from."""

    @property
    def name(self) -> str:
        """What a message calls it."""
        ...

    @property
    def size(self) -> int:
        """How many decisions it has."""
        ...

    def root(self, size: int) -> bytes:
        """Give the root of the first `size` decisions."""
        ...

    def inclusion_proof(self, seq: int, size: int) -> list[bytes]:
        """Give the hashes that lead from a decision to that root."""
        ...

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Give the hashes that show one size to be the beginning of another."""
        ...

    def entry(self, seq: int) -> bytes:
        """Give one decision."""
        ...

    def found(self, wanted: Wanted, size: int) -> Iterator[tuple[int, bytes]]:
        """Give the wanted ones of the first `size` decisions, with their `seq`."""
        ...


class LogOnDisk:
    """A log in tiles."""

    def __init__(self, log: TileLog, progress: Progress) -> None:
        self._log: Final = log
        self._progress: Final = progress
        self.name: Final = str(log.folder)
        self.size: Final = log.size

    def root(self, size: int) -> bytes:
        """Give the root of the first `size` decisions."""
        return self._log.root(size)

    def inclusion_proof(self, seq: int, size: int) -> list[bytes]:
        """Give the hashes that lead from a decision to that root."""
        return self._log.inclusion_proof(seq, size)

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Give the hashes that show one size to be the beginning of another."""
        return self._log.consistency_proof(old_size, new_size)

    def entry(self, seq: int) -> bytes:
        """Give one decision."""
        return self._log.entries(seq, 1)[0]

    def found(self, wanted: Wanted, size: int) -> Iterator[tuple[int, bytes]]:
        """Read all of them, each checked."""
        for first in range(0, size, BATCH_DECISIONS):
            batch = self._log.entries(first, min(BATCH_DECISIONS, size - first))
            yield from ((seq, one) for seq, one in enumerate(batch, first) if wanted(seq, one))
            self._progress(len(batch))


class LogInMemory:
    """A log whose tree is computed from a journal: 64 bytes of memory a decision."""

    def __init__(
        self, name: str, decisions: Iterable[list[bytes]], wanted: Wanted, progress: Progress
    ) -> None:
        """Read the whole journal, batch by batch, and keep the decisions that are wanted."""
        self.name: Final = name
        self._tree: Final = KeptTree()
        self._kept: Final[dict[int, bytes]] = {}
        seq = 0
        for batch in decisions:
            for leaf in leaf_hashes(batch):
                self._tree.append(leaf)
            self._kept.update((place, one) for place, one in enumerate(batch, seq) if wanted(place, one))
            seq += len(batch)
            progress(len(batch))
        self.size: Final = seq

    def root(self, size: int) -> bytes:
        """Give the root of the first `size` decisions."""
        return self._tree.root(size)

    def inclusion_proof(self, seq: int, size: int) -> list[bytes]:
        """Give the hashes that lead from a decision to that root."""
        return merkle.inclusion_proof(seq, size, self._tree.node)

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Give the hashes that show one size to be the beginning of another."""
        return merkle.consistency_proof(old_size, new_size, self._tree.node)

    def entry(self, seq: int) -> bytes:
        """Give one decision, if it was kept when the journal was read.

        Raises:
            ProofInvalid: the journal is not as long.

        """
        if seq not in self._kept:
            raise ProofInvalid(f"there is no decision {seq} in {self.name}, which has {self.size}")
        return self._kept[seq]

    def found(self, wanted: Wanted, size: int) -> Iterator[tuple[int, bytes]]:
        """Give those that were kept when it was read."""
        return ((seq, one) for seq, one in self._kept.items() if seq < size and wanted(seq, one))


def with_seq(number: int) -> Wanted:
    """Want one decision by its number."""
    return lambda seq, _: seq == number


def nothing(_seq: int, _avro: bytes) -> bool:
    """Want none: only the tree counts."""
    return False


def changing(registration_id: str) -> Wanted:
    """Want the decisions that changed a registration."""
    needle = registration_id.encode()

    def wanted(_seq: int, avro: bytes) -> bool:
        # Most decisions do not even name it: to look for the bytes is a hundredth of decoding.
        return needle in avro and any(
            one.registration_id == registration_id for one in decode_decision(avro).registrations
        )

    return wanted


def checked_checkpoint(note: str, log: ProvingLog, keys: KeyList | None) -> Checkpoint:
    """Read a checkpoint and see that this log is the one that it speaks of.

    Raises:
        ProofInvalid: it is not; or, where keys are known, another one than the key for its size signed it.

    """
    try:
        said = Checkpoint.parse(Note.parse(note).text) if keys is None else read_listed(note, keys).checkpoint
    except ProofInvalid as error:
        raise ProofInvalid(
            f"the checkpoint of {log.name} does not hold: {error}", advice=error.advice
        ) from error
    if said.size > log.size:
        raise ProofInvalid(
            f"{log.name} has {log.size} decisions, but the checkpoint is of {said.size}: it forgot some",
            advice="Is it the same ledger, and is it whole?",
        )
    if log.root(said.size) != said.root:
        raise ProofInvalid(
            f"{log.name} is not what was signed at size {said.size}: a decision before it was changed",
            advice="`neraca verify` names the decision.",
        )
    return said


def inclusion(
    log: ProvingLog, note: str, keys: KeyList | None, decisions: Iterable[tuple[int, bytes]]
) -> Iterator[InclusionProof]:
    """Give a proof for each of these decisions, under one checkpoint.

    Raises:
        ProofInvalid: the log is not the one that the checkpoint speaks of, or such a decision is not in it.

    """
    said = checked_checkpoint(note, log, keys)
    for seq, entry in decisions:
        if seq >= said.size:
            raise ProofInvalid(
                f"decision {seq} lies behind the checkpoint, which is of {said.size} decisions"
            )
        hashes = tuple(log.inclusion_proof(seq, said.size))
        if not verify_inclusion(leaf_hash(entry), seq, said.size, hashes, said.root):
            raise ProofInvalid(f"{log.name} gives no proof for decision {seq}")
        yield InclusionProof(seq, hashes, note, entry)


def consistency(log: ProvingLog, old: str, new: str, keys: KeyList | None) -> ConsistencyProof:
    """Give the proof that one checkpoint continues another.

    Raises:
        ProofInvalid: it does not, or the log is not the one that they speak of.

    """
    before = checked_checkpoint(old, log, keys)
    after = checked_checkpoint(new, log, keys)
    if before.size > after.size:
        raise ProofInvalid(f"a log of {before.size} decisions is not the beginning of one of {after.size}")
    hashes = tuple(log.consistency_proof(before.size, after.size))
    if not verify_consistency(before.size, after.size, before.root, after.root, hashes):
        raise ProofInvalid(f"{log.name} gives no proof from {before.size} to {after.size}")
    return ConsistencyProof(old, before.size, hashes, new)
