"""Rows of CSV as operators export it: read one at a time, each with the line where it begins, never a crash.

`csv` splits a row; what this adds is where a row ends, which one stray quote must not decide for the rest of
the file. Must not know what a column means.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from producers.extract.files import FileOfExtract
from schemas.errors import NeracaError

SEPARATORS: Final = (";", ",")
# A row of the widest file has a few hundred characters; this is what may be held while looking for its end.
ROW_BYTES_MAX: Final = 1024 * 1024
# A quoted cell over more lines than this is a quote that nobody closed.
ROW_LINES_MAX: Final = 100
_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
# A byte that was not UTF-8.
_LOST: Final = re.compile("[\udc80-\udcff]")


class ExtractUnusable(NeracaError):
    """A file of an extract is missing, unreadable, or lacks a column: nothing can be said of its rows."""


class BrokenRow:
    """A row that has no cells.

    Attributes:
        line: Where it begins.
        reason: Why it cannot be read.

    """

    __slots__ = ("line", "reason")

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        self.reason = reason

    def __repr__(self) -> str:
        """Show where and why."""
        return f"BrokenRow({self.line}, {self.reason!r})"


class CsvRow:
    """A row: its cells in the order of the contract's columns, without spaces around them.

    Attributes:
        line: Where it begins.
        cells: One for each column of the contract.
        is_utf8: Whether every byte was; otherwise the wrong ones stand as surrogates in the cells.

    """

    __slots__ = ("cells", "is_utf8", "line")

    def __init__(self, line: int, cells: list[str], *, is_utf8: bool) -> None:
        self.line = line
        self.cells = cells
        self.is_utf8 = is_utf8

    def __repr__(self) -> str:
        """Show where it is, and not what it holds: that may be personal."""
        return f"CsvRow({self.line}, {len(self.cells)} cells)"


class CsvFile:
    """One file of an extract, its header read.

    Attributes:
        path: Of the file.
        bytes_read: How far it was read.
        bytes_total: How large it is.

    """

    def __init__(self, folder: Path, file: FileOfExtract) -> None:
        """Find the file and read its header.

        Raises:
            ExtractUnusable: there is none, or it is not what the contract says.

        """
        self.file: Final = file
        self.path: Final = _find(folder, file.name)
        self.bytes_read = 0
        self.bytes_total: Final = self.path.stat().st_size
        with self._open() as source:
            header = next(_Lines(source, self), None)
        self._places, self._width, self._separator = _columns(file, header)

    def rows(self) -> Iterator[CsvRow | BrokenRow]:
        """Give every row below the header; blank lines, and lines of separators alone, are no rows.

        Raises:
            ExtractUnusable: the file can no longer be read.

        """
        try:
            with self._open() as source:
                yield from self._rows(_Lines(source, self))
        except OSError as error:
            raise _unreadable(self.path, error) from error

    def _rows(self, lines: _Lines) -> Iterator[CsvRow | BrokenRow]:
        next(lines, None)
        number = 1
        places, width, separator = self._places, self._width, self._separator
        for raw in lines:
            number += 1
            begin = number
            if raw is None:
                yield BrokenRow(begin, f"it is longer than {ROW_BYTES_MAX} bytes")
                continue
            try:
                text, is_utf8 = raw.decode("utf-8"), True
            except UnicodeDecodeError:
                text, is_utf8 = raw.decode("utf-8", "surrogateescape"), False
            if '"' in text:
                cells, taken, reason = self._quoted(text, lines)
                number += taken
                if cells is None:
                    yield BrokenRow(begin, reason)
                    continue
                # Of the lines below the first nobody has told yet.
                is_utf8 = is_utf8 and not (taken and any(map(_LOST.search, cells)))
            else:
                cells = text.rstrip("\r\n").split(separator)
            cells = [cell.strip() for cell in cells]
            if len(cells) != width:
                if not any(cells):
                    continue
                if len(cells) < width or any(cells[width:]):
                    more = "more" if len(cells) > width else "fewer"
                    yield BrokenRow(
                        begin, f"it has {len(cells)} cells, {more} than the {width} of the header"
                    )
                    continue
            elif not any(cells):
                continue
            yield CsvRow(begin, [cells[place] for place in places], is_utf8=is_utf8)

    def _quoted(self, text: str, lines: _Lines) -> tuple[list[str] | None, int, str]:
        """Give the cells of a row with quotes, how many more lines it took, and why there are none."""
        taken: list[bytes | None] = []
        parts = [text]
        size = len(text)
        is_open = text.count('"') % 2 == 1
        reason = "a quote that opens a cell is never closed"
        while is_open and len(taken) < ROW_LINES_MAX and size < ROW_BYTES_MAX:
            raw = next(lines, b"")
            if raw != b"":
                taken.append(raw)
            if not raw:
                # The end, or a line too long to hold, which is told when its turn comes.
                break
            more = raw.decode("utf-8", "surrogateescape")
            parts.append(more)
            size += len(more)
            is_open ^= more.count('"') % 2 == 1
        if not is_open:
            cells = _split("".join(parts), self._separator)
            if cells is not None and (not taken or len(cells) == self._width):
                return cells, len(taken), ""
            if not taken:
                reason = "its quotes do not stand around a whole cell"
        # One bad quote must not swallow the rows below: they are read again, each by itself.
        lines.push_back(taken)
        return None, 0, reason

    def _open(self) -> BinaryIO:
        try:
            source = self.path.open("rb")
        except OSError as error:
            raise _unreadable(self.path, error) from error
        begin = source.read(len(_BOM))
        if begin[:2] in _UTF16:
            source.close()
            raise ExtractUnusable(
                f"{self.path.name} is UTF-16, not UTF-8",
                advice="Export it as UTF-8 (CSV UTF-8 in a spreadsheet).",
            )
        if begin != _BOM:
            source.seek(0)
        return source

    def __repr__(self) -> str:
        """Show how far it was read."""
        return f"CsvFile({self.path.name}, {self.bytes_read} of {self.bytes_total} bytes)"


class _Lines:
    """Physical lines; None for one that is too long to hold. Lines can be pushed back."""

    def __init__(self, source: BinaryIO, owner: CsvFile) -> None:
        self._source = source
        self._owner = owner
        self._again: deque[bytes | None] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> bytes | None:
        if self._again:
            return self._again.popleft()
        raw = self._source.readline(ROW_BYTES_MAX)
        if not raw:
            raise StopIteration
        self._owner.bytes_read += len(raw)
        if len(raw) < ROW_BYTES_MAX or raw.endswith(b"\n"):
            return raw
        while raw and not raw.endswith(b"\n"):
            raw = self._source.readline(ROW_BYTES_MAX)
            self._owner.bytes_read += len(raw)
        return None

    def push_back(self, lines: list[bytes | None]) -> None:
        """Give these lines again, before the others."""
        self._again.extendleft(reversed(lines))


def _split(text: str, separator: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _columns(file: FileOfExtract, header: bytes | None) -> tuple[list[int], int, str]:
    """Give where the contract's columns stand, how many columns there are, and the separator."""
    text = "" if header is None else header.decode("utf-8", "replace").strip("\r\n")
    if not text.strip():
        raise ExtractUnusable(
            f"{file.name} has no header",
            advice=f"Its first line names the columns: {', '.join(file.columns)}.",
        )
    found: tuple[int, list[str], str] | None = None
    for separator in SEPARATORS:
        names = [name.strip().lower() for name in _split(text, separator) or []]
        known = sum(name in names for name in file.columns)
        if found is None or known > found[0]:
            found = (known, names, separator)
    _, names, separator = found if found is not None else (0, [], ";")
    missing = [name for name in file.columns if name not in names]
    if missing:
        raise ExtractUnusable(
            f"{file.name} lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            advice="The first line names the columns, separated by ; or , in any order.",
        )
    twice = [name for name in file.columns if names.count(name) > 1]
    if twice:
        raise ExtractUnusable(
            f"{file.name} has the column {twice[0]} twice", advice="Remove or rename one of the two."
        )
    return [names.index(name) for name in file.columns], len(names), separator


def _find(folder: Path, name: str) -> Path:
    try:
        # A file system that tells upper from lower case must not hide a KANTOR.CSV.
        found = sorted(
            each
            for each in (folder.iterdir() if folder.is_dir() else ())
            if each.name.lower() == name and each.is_file()
        )
    except OSError as error:
        raise _unreadable(folder, error) from error
    if len(found) > 1:
        raise ExtractUnusable(
            f"{folder} has {name} more than once: {', '.join(each.name for each in found)}",
            advice="Leave the one that counts, and move the others away.",
        )
    if found:
        return found[0]
    if not folder.is_dir():
        raise ExtractUnusable(
            f"{folder} is no folder", advice="Name the folder that holds the seven files of the extract."
        )
    raise ExtractUnusable(
        f"{folder} has no {name}", advice="An extract has seven files; docs/extract.md lists them."
    )


def _unreadable(path: Path, error: OSError) -> ExtractUnusable:
    return ExtractUnusable(
        f"{path.name} cannot be read: {error.strerror}", advice="Check the folder and its permissions."
    )
