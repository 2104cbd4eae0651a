"""Small text files that are whole or absent, also after a power cut; words for those that cannot be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from schemas.errors import FolderUnusable, ProofInvalid

# A proof holds one decision of 64 KiB at most, and a list of keys a line for each. Who is sent a file must
# not have to hold whatever it is in memory.
TEXT_BYTES_MAX: Final = 1024 * 1024


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file in one step; it is on the disk when this returns.

    Raises:
        FolderUnusable: no room, no right, or the disk fails.

    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        _sync(path.parent)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FolderUnusable(
            f"{path} cannot be written: {error.strerror or error}",
            advice="Name a place that you can write to, with room.",
        ) from error


def read_text(path: Path) -> str:
    """Read a text as it stands, line ends untouched.

    Raises:
        ProofInvalid: it is no text, cannot be read, or is larger than any that is written here.

    """
    try:
        with path.open("rb") as file:
            data = file.read(TEXT_BYTES_MAX + 1)
        if len(data) > TEXT_BYTES_MAX:
            raise ProofInvalid(f"{path} is larger than {TEXT_BYTES_MAX} bytes: it is no proof, note or key")
        return data.decode("utf-8")
    except OSError as error:
        raise ProofInvalid(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProofInvalid(f"{path} is no text: a byte of it is damaged") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
