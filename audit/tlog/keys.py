"""The keys of the log: one that signs, those that signed before it, and documents that tell them apart.

Beside the private key lie numbered documents, `1`, `2`, …, one more at each rotation. Each is a signed note
that lists every key with the first size that it signs; the key before and the new one vouch for it. So who
trusts one key can follow the documents to the next. The private key lies in a file that only its owner reads,
and beside it the last checkpoint that was signed, so that no other may contradict it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from audit.tlog.checkpoint import SignedCheckpoint, decimal, read_signed
from audit.tlog.files import read_text, write_durably
from audit.tlog.note import LOG_SIGNATURE, Note, Signer, Verifier, signed_by
from schemas.errors import NeracaError, ProofInvalid

HEADER: Final = "neraca-log-keys@v1"
KEY_FILE: Final = "key"
_NEXT_SUFFIX: Final = ".next"
_LOCK_FILE: Final = ".lock"
_LAST_FILE: Final = "last-signed"
_KEY_MODE: Final = 0o600
# The header, the origin, a key, and what comes behind the last line end.
_LINES_MIN: Final = 4


class LogKeyMissing(NeracaError):
    """There is no key to sign with."""


class LogKeyUnusable(NeracaError):
    """The key cannot be used: open to others, of another log, or no longer the one that signs."""


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of the log.

    Attributes:
        from_size: The size of the log from which on it signs checkpoints.
        verifier: The key.

    """

    from_size: int
    verifier: Verifier


@dataclass(frozen=True, slots=True)
class KeyList:
    """Every key that the log ever had, in their order.

    Attributes:
        origin: The log's name.
        keys: At least one; the last one signs.

    """

    origin: str
    keys: tuple[ListedKey, ...]

    @property
    def current(self) -> Verifier:
        """The key that signs."""
        return self.keys[-1].verifier

    @property
    def verifiers(self) -> list[Verifier]:
        """All keys."""
        return [key.verifier for key in self.keys]

    def signer_at(self, size: int) -> Verifier:
        """Tell which key signs a checkpoint of that size."""
        return next(key.verifier for key in reversed(self.keys) if key.from_size <= size)

    def text(self) -> str:
        """Write it as a document holds it."""
        lines = "".join(f"{key.from_size} {key.verifier}\n" for key in self.keys)
        return f"{HEADER}\n{self.origin}\n{lines}"

    @classmethod
    def parse(cls, text: str) -> KeyList:
        """Read it back.

        Raises:
            ProofInvalid: it is no list of keys.

        """
        lines = text.split("\n")
        if len(lines) < _LINES_MIN or lines[0] != HEADER or not lines[1] or lines[-1]:
            raise ProofInvalid("the document is no list of the keys of a log")
        origin = lines[1]
        keys = tuple(_listed_key(line) for line in lines[2:-1])
        sizes = [key.from_size for key in keys]
        if sizes[0] != 0 or sizes != sorted(set(sizes)) or len({key.verifier for key in keys}) != len(keys):
            raise ProofInvalid("the list of keys does not say for every size which one key signs it")
        if any(key.verifier.name != origin or key.verifier.kind != LOG_SIGNATURE for key in keys):
            raise ProofInvalid(f"the list of keys names one that is not a key of {origin}")
        return cls(origin, keys)


def read_listed(note: str, keys: KeyList, witnesses: Sequence[Verifier] = ()) -> SignedCheckpoint:
    """Read a checkpoint that the key listed for its size signed.

    Raises:
        ProofInvalid: it is none, nobody listed signed it, or a key did that signs other sizes.

    """
    signed = read_signed(note, [*keys.verifiers, *witnesses])
    size = signed.checkpoint.size
    expected = keys.signer_at(size)
    if expected not in [verifier for verifier, _ in signed_by(signed.note, keys.verifiers)]:
        raise ProofInvalid(
            f"the checkpoint at size {size} is signed by key {signed.log_key.key_id.hex()}, but key "
            f"{expected.key_id.hex()} signs at that size",
            advice="A key that was rotated out signs nothing any more: has somebody else got hold of it?",
        )
    return signed


def read_documents(folder: Path) -> KeyList:
    """Read the documents in a folder, each vouched for by the key before it and the new one.

    Raises:
        LogKeyMissing: there are none.
        ProofInvalid: one of them does not follow from the one before.

    """
    known: KeyList | None = None
    for number in range(1, 1 + len(document_paths(folder))):
        path = folder / str(number)
        try:
            known = _following(read_text(path), known)
        except ProofInvalid as error:
            raise ProofInvalid(f"the document of keys {path} does not hold: {error}") from error
    if known is None:
        raise LogKeyMissing(
            f"there are no documents of the log's keys in {folder}",
            advice="`neraca log-key create` makes the first key.",
        )
    return known


def document_paths(folder: Path) -> list[Path]:
    """Give the documents in a folder, the oldest first."""
    return sorted(
        (path for path in folder.glob("*") if path.name.isdecimal()), key=lambda path: int(path.name)
    )


def _following(document: str, before: KeyList | None) -> KeyList:
    note = Note.parse(document)
    keys = KeyList.parse(note.text)
    expected = keys.keys[:-1]
    if expected != (before.keys if before is not None else ()):
        raise ProofInvalid("it does not list the keys of the document before, and one more")
    if before is not None and keys.origin != before.origin:
        raise ProofInvalid("it is of another log")
    needed = {key.verifier for key in keys.keys[-2:]}
    if absent := needed - {verifier for verifier, _ in signed_by(note, list(needed))}:
        ids = ", ".join(sorted(key.key_id.hex() for key in absent))
        raise ProofInvalid(f"it is not signed by key {ids}")
    return keys


class LogKeys:
    """The folder of the documents, and the file of the private key: by default in the same folder."""

    def __init__(self, folder: Path, key_file: Path | None = None) -> None:
        self.folder: Final = folder
        self.key_file: Final = folder / KEY_FILE if key_file is None else key_file

    def made(self) -> bool:
        """Tell whether the first key was made."""
        return bool(document_paths(self.folder))

    def listed(self) -> KeyList:
        """Give every key.

        Raises:
            LogKeyMissing: none was made.
            ProofInvalid: a document does not hold.

        """
        return read_documents(self.folder)

    def create(self, origin: str, *, is_asked_for: bool = True) -> KeyList:
        """Make the first key. A key file that is there already is taken, so that it may come from elsewhere.

        Its name is then the log's, unless another one `is_asked_for`.

        Raises:
            LogKeyUnusable: keys were made before, or the key file is of another log.

        """
        with self.locked():
            if document_paths(self.folder):
                raise LogKeyUnusable(
                    f"there are keys in {self.folder} already",
                    advice="`neraca log-key rotate` makes a new one.",
                )
            if self.key_file.exists():
                signer = self._read_key(self.key_file)
                if not is_asked_for:
                    origin = signer.verifier.name
                elif signer.verifier.name != origin:
                    raise LogKeyUnusable(
                        f"the key in {self.key_file} is of {signer.verifier.name}, not of {origin}",
                        advice="Set NERACA_LOG_ORIGIN to that name, or name another key file.",
                    )
            else:
                signer = Signer.generate(origin)
                self._write_key(self.key_file, signer)
            keys = KeyList(origin, (ListedKey(0, signer.verifier),))
            self._write_document(keys, [signer])
            return keys

    def rotate(self) -> KeyList:
        """Make a new key that signs from behind the last checkpoint on; the old private key is gone after it.

        Raises:
            LogKeyMissing: there is no key to follow.
            LogKeyUnusable: the key cannot be read, or the last one would have signed nothing.

        """
        with self.locked():
            before = self.listed()
            old = self._current_signer(before)
            last = self.last_signed(before)
            if last is None or last.log_key != before.current:
                raise LogKeyUnusable(
                    f"key {before.current.key_id.hex()} has signed nothing yet",
                    advice="Rotate after the next checkpoint.",
                )
            from_size = last.checkpoint.size + 1
            new = Signer.generate(before.origin)
            keys = KeyList(before.origin, (*before.keys, ListedKey(from_size, new.verifier)))
            self._write_key(self._next_file, new)
            self._write_document(keys, [old, new])
            self._next_file.replace(self.key_file)
            return keys

    def signer(self) -> Signer:
        """Give the key that signs. Call it under `locked`, each time: it may be rotated meanwhile.

        Raises:
            LogKeyMissing: none was made, or the private key is not here.
            LogKeyUnusable: others may read it, or it is not the one that the documents name.

        """
        return self._current_signer(self.listed())

    def last_signed(self, keys: KeyList) -> SignedCheckpoint | None:
        """Give the last checkpoint that a key of this folder signed; None where none did."""
        note = self.last_note()
        return None if note is None else read_listed(note, keys)

    def last_note(self) -> str | None:
        """Give the note of it, unjudged."""
        path = self.folder / _LAST_FILE
        return read_text(path) if path.exists() else None

    def remember(self, note: str) -> None:
        """Keep what was signed, before anybody is told of it."""
        write_durably(self.folder / _LAST_FILE, note.encode(), mode=_KEY_MODE)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a rotation and a signature apart."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _KEY_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _current_signer(self, keys: KeyList) -> Signer:
        # A rotation that was cut between its document and the new key's place.
        with contextlib.suppress(LogKeyMissing):
            if self._read_key(self._next_file).verifier == keys.current:
                self._next_file.replace(self.key_file)
        signer = self._read_key(self.key_file)
        if signer.verifier != keys.current:
            raise LogKeyUnusable(
                f"the key in {self.key_file} is {signer.verifier.key_id.hex()}, "
                f"but {keys.current.key_id.hex()} signs now",
                advice="Is it the key of another log, or one from before a rotation?",
            )
        return signer

    @property
    def _next_file(self) -> Path:
        return self.key_file.with_name(self.key_file.name + _NEXT_SUFFIX)

    def _read_key(self, path: Path) -> Signer:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            raise LogKeyMissing(
                f"there is no private key of the log in {path}",
                advice="`neraca log-key create` makes one; or set NERACA_LOG_KEY_FILE.",
            ) from None
        if stat.S_IMODE(mode) & 0o077:
            raise LogKeyUnusable(
                f"{path} can be read by others than its owner", advice=f"Close it: chmod 600 {path}"
            )
        return Signer.parse(read_text(path).strip())

    def _write_key(self, path: Path, signer: Signer) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, (signer.private_text() + "\n").encode(), mode=_KEY_MODE)

    def _write_document(self, keys: KeyList, signers: Sequence[Signer]) -> None:
        text = keys.text()
        note = Note(text, tuple(signer.sign(text) for signer in signers))
        write_durably(self.folder / str(len(keys.keys)), str(note).encode(), mode=0o644)


def _listed_key(line: str) -> ListedKey:
    size, _, key = line.partition(" ")
    return ListedKey(decimal(size, "the size in a list of keys"), Verifier.parse(key))
