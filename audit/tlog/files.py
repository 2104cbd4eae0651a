"""Small text files that are whole or absent, also after a power cut; words for those that cannot be."""

from __future__ import annotations

import os
from pathlib import Path

from schemas.errors import FolderUnusable, ProofInvalid


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
        ProofInvalid: it is no text, or cannot be read.

    """
    try:
        return path.read_bytes().decode("utf-8")
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
