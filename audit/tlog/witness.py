"""A witness: remembers the last checkpoint that it saw of each log, and co-signs only what continues it.

It has a folder and a key of its own, and trusts nothing of the log but its verifier key. What it refuses it
keeps: two roots of one size that the log signed convict it, whoever shows them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.tlog.checkpoint import Checkpoint, SignedCheckpoint, read_signed
from audit.tlog.files import read_text, write_durably
from audit.tlog.merkle import verify_consistency
from audit.tlog.note import COSIGNATURE, Note, Signer, Verifier
from schemas.errors import ProofInvalid

KEY_FILE: Final = "key"
SEEN_FOLDER: Final = "seen"
REFUSED_FOLDER: Final = "refused"
_LOCK_FILE: Final = ".lock"
_KEY_MODE: Final = 0o600
_SHORT: Final = 16

_FORKED: Final = "The log signed both: whoever is shown the two can see that it lied to somebody."
_WENT_BACK: Final = (
    "A copy of the log from before looks the same: give the newest one. If the log itself has no more, it "
    "forgot what it had signed."
)
_CHANGED: Final = (
    "Give the log's folder as it is now, or the proof of `neraca prove --from-size {size}`. If it stays, the "
    "log signed two histories: ask it, and other witnesses, for its checkpoint of that size."
)

# Gives the hashes that lead from an older size to the size of the checkpoint at hand.
ConsistencySource = Callable[[int, int], Sequence[bytes]]


class WitnessRefused(ProofInvalid):
    """A checkpoint that does not continue what the witness saw. `evidence` is where both are kept."""

    def __init__(self, message: str, *, evidence: Path, advice: str) -> None:
        super().__init__(message, advice=f"Both checkpoints are kept in {evidence}. {advice}")
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class Cosigned(SignedCheckpoint):
    """A checkpoint that the witness co-signed.

    Attributes:
        continues: The size at which it saw this log last; None: never, so there was nothing to compare.

    """

    continues: int | None


class Witness:
    """A witness and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def create(self, name: str) -> Verifier:
        """Make the witness's key.

        Raises:
            ProofInvalid: there is one already.

        """
        path = self.folder / KEY_FILE
        if path.exists():
            raise ProofInvalid(f"there is a key in {path} already: {self.signer().verifier}")
        signer = Signer.generate(name, COSIGNATURE)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with the key: where it is missing later, what the witness saw was lost.
        (self.folder / SEEN_FOLDER).mkdir(exist_ok=True)
        write_durably(path, (signer.private_text() + "\n").encode(), mode=_KEY_MODE)
        return signer.verifier

    def signer(self) -> Signer:
        """Give the key.

        Raises:
            ProofInvalid: there is none, none of a witness, or one that others can read.

        """
        path = self.folder / KEY_FILE
        if not path.exists():
            raise ProofInvalid(
                f"there is no key of a witness in {self.folder}", advice="Make one with --create NAME."
            )
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ProofInvalid(
                f"{path} can be read by others than its owner", advice=f"Close it: chmod 600 {path}"
            )
        signer = Signer.parse(read_text(path).strip())
        if signer.verifier.kind != COSIGNATURE:
            raise ProofInvalid(f"the key in {path} is not one of a witness")
        return signer

    def last_seen(self, origin: str) -> SignedCheckpoint | None:
        """Give the last checkpoint of a log that this witness co-signed; None where it saw none.

        Raises:
            ProofInvalid: the file is not what this witness wrote, or all that it saw is gone.

        """
        path = self._seen_file(origin)
        if not path.parent.is_dir():
            raise ProofInvalid(
                f"there is no {path.parent}: what this witness saw is lost, and it would co-sign anything",
                advice="Put the folder back from a copy. If there is none, make a new witness, in a new "
                "folder and under a new name.",
            )
        if not path.exists():
            return None
        try:
            note = Note.parse(read_text(path))
            checkpoint = Checkpoint.parse(note.text)
        except ProofInvalid as error:
            raise ProofInvalid(
                f"{path} is not what this witness wrote: {error}", advice="Put it back from a copy."
            ) from error
        own = self.signer().verifier
        for signature in note.signatures:
            if (signature.name, signature.key_id) == (own.name, own.key_id):
                if checkpoint.origin != origin or not own.verifies(note.text, signature.payload):
                    break
                return SignedCheckpoint(checkpoint, note, own, ((own, signature),))
        raise ProofInvalid(f"{path} is not what this witness wrote: it was changed")

    def consider(
        self, note: str, verifiers: Sequence[Verifier], proof: ConsistencySource, *, at_seconds: int
    ) -> Cosigned:
        """Co-sign a checkpoint that continues the last one of its log; it is remembered before that is told.

        Args:
            note: The signed checkpoint.
            verifiers: The log's keys that are trusted.
            proof: Where the hashes come from that lead from the last size to this one.
            at_seconds: The time, POSIX.

        Raises:
            WitnessRefused: it does not continue it.
            ProofInvalid: it is not signed by such a key, or a file of the witness was changed.
            ArchiveDamaged: the log's tiles do not hold the proof.

        """
        signed = read_signed(note, verifiers)
        new = signed.checkpoint
        with self._locked():
            signer = self.signer()
            last = self.last_seen(new.origin)
            if last is not None:
                self._check(last, signed, proof)
            cosignature = signer.sign(signed.note.text, at_seconds=at_seconds)
            others = [
                one
                for one in signed.note.signatures
                if (one.name, one.key_id) != (cosignature.name, cosignature.key_id)
            ]
            cosigned = Note(signed.note.text, (*others, cosignature))
            write_durably(self._seen_file(new.origin), str(cosigned).encode())
        seen = None if last is None else last.checkpoint.size
        return Cosigned(new, cosigned, signed.log_key, ((signer.verifier, cosignature),), seen)

    def _check(self, last: SignedCheckpoint, signed: SignedCheckpoint, proof: ConsistencySource) -> None:
        old, new = last.checkpoint, signed.checkpoint
        if new.size < old.size:
            message = f"the log {new.origin} went back: it had {old.size} decisions, now {new.size}"
            raise self._refused(last, signed, message, _WENT_BACK)
        if new.size == old.size:
            if new.root != old.root:
                message = f"the log {new.origin} has forked: two roots at size {new.size}"
                raise self._refused(last, signed, message, _FORKED)
            return
        hashes = proof(old.size, new.size)
        if not verify_consistency(old.size, new.size, old.root, new.root, hashes):
            raise self._refused(
                last,
                signed,
                f"the log {new.origin} of {new.size} decisions does not begin with the {old.size} that it "
                "had: something was changed or taken out, or the proof is of other sizes",
                _CHANGED.format(size=old.size),
            )

    def _refused(
        self, last: SignedCheckpoint, signed: SignedCheckpoint, message: str, advice: str
    ) -> WitnessRefused:
        digest = hashlib.sha256(str(signed.note).encode()).hexdigest()[:_SHORT]
        folder = self.folder / REFUSED_FOLDER / f"{signed.checkpoint.size}-{digest}"
        write_durably(folder / "seen", str(last.note).encode())
        write_durably(folder / "refused", str(signed.note).encode())
        return WitnessRefused(message, evidence=folder, advice=advice)

    def _seen_file(self, origin: str) -> Path:
        return self.folder / SEEN_FOLDER / hashlib.sha256(origin.encode()).hexdigest()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep two judgements apart: the second must see what the first co-signed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _KEY_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
