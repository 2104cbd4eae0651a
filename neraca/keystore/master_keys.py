"""The master keys that wrap every other key of the store, in a file of the home folder.

`MasterKeys` is the seam for a key management service: it wraps and unwraps, and never needs to show a key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from neraca.stack.home import write_atomically
from producers.sealing import KEY_BYTES, NONCE_BYTES
from schemas.errors import FolderUnusable, NeracaError

MASTER_KEY_FILE: Final = "master.key"
KEY_ID_BYTES: Final = 8
_MARK: Final = "neraca-master-key-1"
_HEADER: Final = (
    "# Master keys of a Neraca key store, the last line in use. Keep a copy, apart from every copy of the\n"
    "# database: without this file nobody opens personal data again; with both, anybody does.\n"
)


class MasterKeyMissing(NeracaError):
    """The master key that something was wrapped by is not there, or is another one."""


class MasterKeys(Protocol):
    """What wraps keys. The store says by which key; ids tell keys apart."""

    def newest_id(self) -> bytes:
        """Give the key that was added last."""
        ...

    def wrap(self, master_key_id: bytes, key: bytes, aad: bytes) -> bytes:
        """Wrap a key; it is unwrapped only by the same master key and with the same associated data.

        Raises:
            MasterKeyMissing: that master key is not there.

        """
        ...

    def unwrap(self, master_key_id: bytes, wrapped: bytes, aad: bytes) -> bytes:
        """Give a key that was wrapped.

        Raises:
            MasterKeyMissing: its master key is not there, or it was not wrapped so.

        """
        ...

    def add(self) -> bytes:
        """Make one more master key, and give its id."""
        ...

    def keep_only(self, master_key_id: bytes) -> None:
        """Destroy every other master key."""
        ...


class MasterKeyFile:
    """Master keys in a file, each a line. Read again where a key is asked for that it did not hold before."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            MasterKeyMissing: it is not there, cannot be read, is no such file, or others can read it.

        """
        self.path: Final = path
        self._keys: dict[bytes, bytes] = {}
        self._ciphers: dict[bytes, AESGCM] = {}
        self._load()

    @classmethod
    def make(cls, path: Path) -> MasterKeyFile:
        """Make a file with a new key, unless somebody else was quicker; give the one that stands there.

        Raises:
            FolderUnusable: it cannot be written.

        """
        partial = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(partial, _text([secrets.token_bytes(KEY_BYTES)]))
            with contextlib.suppress(FileExistsError):
                # A link, and not a move: it never replaces a key that stands there.
                path.hardlink_to(partial)
            partial.unlink()
        except OSError as error:
            raise FolderUnusable(
                f"cannot write {path}: {error.strerror}",
                advice="Give another folder with --home, or another file with NERACA_MASTER_KEY_FILE.",
            ) from error
        return cls(path)

    def newest_id(self) -> bytes:
        """Give the key of the last line."""
        return list(self._keys)[-1]

    def wrap(self, master_key_id: bytes, key: bytes, aad: bytes) -> bytes:
        """Wrap a key.

        Raises:
            MasterKeyMissing: the file does not hold that master key.

        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher(master_key_id).encrypt(nonce, key, aad)

    def unwrap(self, master_key_id: bytes, wrapped: bytes, aad: bytes) -> bytes:
        """Give a key that was wrapped.

        Raises:
            MasterKeyMissing: its master key is not in the file, or it was not wrapped so.

        """
        try:
            return self._cipher(master_key_id).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], aad)
        except InvalidTag:
            raise MasterKeyMissing(
                "a key of the store was changed, or belongs to another row",
                advice="Restore the key store from a backup.",
            ) from None

    def add(self) -> bytes:
        """Make one more key, and give its id.

        Raises:
            FolderUnusable: the file cannot be written.

        """
        self._load()
        key = secrets.token_bytes(KEY_BYTES)
        self._write([*self._keys.values(), key])
        return _id_of(key)

    def keep_only(self, master_key_id: bytes) -> None:
        """Take every other key out of the file.

        Raises:
            MasterKeyMissing: the file does not hold that one.
            FolderUnusable: the file cannot be written.

        """
        self._cipher(master_key_id)
        self._write([self._keys[master_key_id]])

    def _cipher(self, master_key_id: bytes) -> AESGCM:
        if master_key_id not in self._ciphers:
            self._load()
        cipher = self._ciphers.get(master_key_id)
        if cipher is None:
            raise MasterKeyMissing(
                f"{self.path} does not hold master key {master_key_id.hex()}",
                advice="Restore the file that belongs to this key store: nothing opens without it.",
            )
        return cipher

    def _load(self) -> None:
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except OSError as error:
            raise MasterKeyMissing(
                f"{self.path} cannot be read: {error.strerror}",
                advice="Restore it from its backup, and run as the user who owns it.",
            ) from error
        if mode & 0o077:
            raise MasterKeyMissing(
                f"{self.path} can be read by others than its owner", advice=f"Run `chmod 600 {self.path}`."
            )
        lines = [line for line in text.split(b"\n") if line.strip() and not line.startswith(b"#")]
        keys = [_key_of(line) for line in lines]
        found = [key for key in keys if key is not None]
        if not found or len(found) != len(keys):
            raise MasterKeyMissing(
                f"{self.path} is no file of master keys",
                advice="Restore it from its backup: nothing that it wrapped opens without it.",
            )
        self._keys = {_id_of(key): key for key in found}
        self._ciphers = {key_id: AESGCM(key) for key_id, key in self._keys.items()}

    def _write(self, keys: list[bytes]) -> None:
        try:
            write_atomically(self.path, _text(keys))
        except OSError as error:
            raise FolderUnusable(
                f"cannot write {self.path}: {error.strerror}", advice="Make room, and run this again."
            ) from error
        self._load()

    def __repr__(self) -> str:
        """Show ids, and nothing of the keys."""
        return f"MasterKeyFile({', '.join(key_id.hex() for key_id in self._keys)})"


def _id_of(key: bytes) -> bytes:
    """Tell one key from another without telling it: of 256 random bits a hash gives nothing away."""
    return hashlib.sha256(b"neraca master key id\x00" + key).digest()[:KEY_ID_BYTES]


def _text(keys: list[bytes]) -> bytes:
    lines = [f"{_MARK} {_id_of(key).hex()} {base64.b64encode(key).decode('ascii')}\n" for key in keys]
    return (_HEADER + "".join(lines)).encode("ascii")


def _key_of(line: bytes) -> bytes | None:
    parts = line.split()
    if len(parts) != 3 or parts[0] != _MARK.encode("ascii"):  # noqa: PLR2004 (mark, id, key)
        return None
    try:
        key = base64.b64decode(parts[2], validate=True)
    except (ValueError, binascii.Error):
        return None
    # The id tells a line that was damaged from a key that wraps nothing here.
    return key if len(key) == KEY_BYTES and _id_of(key).hex().encode("ascii") == parts[1] else None
