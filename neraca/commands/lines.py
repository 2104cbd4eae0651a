"""Lines of a file or of standard input, as they come: never the whole input, never a line held back.

What is read in one piece is given in one piece, so that a writer who waits for its answer gets it, and a
large file is read in large steps. Must not know what a line means, but that a blank one is none.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from schemas.errors import NeracaError, ShapeError

PIECE_BYTES: Final = 256 * 1024
STANDARD_INPUT: Final = "-"
_STDIN: Final = 0
_JSON_WHITESPACE: Final = b" \t\r\n"


class InputUnreadable(NeracaError):
    """The file that a command was told to read cannot be read."""


class Lines:
    """The lines of one input that are not blank, each with its number.

    Attributes:
        bytes_read: How many bytes were read so far.
        bytes_total: How many there are; None where nobody knows.
        is_seekable: Whether it can be read a second time.

    """

    def __init__(self, descriptor: int, *, name: str, piece_bytes: int = PIECE_BYTES) -> None:
        self._descriptor = descriptor
        self._piece_bytes = piece_bytes
        self.name = name
        self.bytes_read = 0
        self._start = _position(descriptor)
        self.is_seekable = self._start is not None
        size = os.fstat(descriptor).st_size
        self.bytes_total = size if self.is_seekable else None

    def pieces(self, idle: Callable[[], None] | None = None) -> Iterator[list[tuple[int, bytes]]]:
        """Give the lines of each piece that was read: numbers from 1, blank lines counted but left out.

        `idle` is called again and again while no input is there: it does what else there is to do, and must
        take a moment.
        """
        number = 0
        unfinished: list[bytes] = []
        while True:
            while idle is not None and not self._is_ready():
                idle()
            piece = self._read()
            self.bytes_read += len(piece)
            if not piece:
                break
            rows = piece.split(b"\n")
            unfinished.append(rows[0])
            if len(rows) == 1:
                continue
            rows[0] = b"".join(unfinished)
            unfinished = [rows.pop()]
            found = [
                (number + place, row) for place, row in enumerate(rows, 1) if row.strip(_JSON_WHITESPACE)
            ]
            number += len(rows)
            yield found
        last = b"".join(unfinished)
        if last.strip(_JSON_WHITESPACE):
            yield [(number + 1, last)]

    def rewind(self) -> None:
        """Begin again; only where it is seekable."""
        os.lseek(self._descriptor, self._start or 0, os.SEEK_SET)
        self.bytes_read = 0

    def _is_ready(self) -> bool:
        return self.is_seekable or bool(select.select([self._descriptor], [], [], 0)[0])

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, self._piece_bytes)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def __repr__(self) -> str:
        """Show how far it was read."""
        return f"Lines({self.name}, {self.bytes_read} of {self.bytes_total} bytes)"


@contextmanager
def open_lines(file: str) -> Iterator[Lines]:
    """Open a file by its name, or standard input for `-`.

    Raises:
        InputUnreadable: there is no such file, or it cannot be read.

    """
    if file == STANDARD_INPUT:
        try:
            lines = Lines(_STDIN, name="standard input")
        except OSError as error:
            raise _unreadable("standard input", error) from error
        yield lines
        return
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise _unreadable(file, error) from error
    try:
        if Path(file).is_dir():
            raise InputUnreadable(
                f"{file} is a folder", advice="Name a file of JSON lines, or - for standard input."
            )
        yield Lines(descriptor, name=file)
    finally:
        os.close(descriptor)


def told(error: ShapeError) -> list[str]:
    """Give a sentence for each thing that is wrong with a line: the field, what is wrong, what is right."""
    if not error.problems:
        return [f"{error.reason}; {error.advice}"]
    return [
        f"{problem.field}: {problem.reason}; {problem.advice}"
        if problem.field
        else f"{problem.reason}; {problem.advice}"
        for problem in error.problems
    ]


def _position(descriptor: int) -> int | None:
    """Where reading begins; None for a pipe or a terminal, which cannot go back there."""
    try:
        return os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return None


def _unreadable(name: str, error: OSError) -> InputUnreadable:
    return InputUnreadable(
        f"{name} cannot be read: {error.strerror}",
        advice="Name a file of actions, one JSON object a line, or - for standard input.",
    )
