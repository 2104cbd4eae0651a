"""The cells of one row as values: each asked for by its column, each thing that is wrong kept with it.

Gives a value in any case, so that everything wrong with a row is found at once; whoever asks looks at
`findings` at the end. Must not put the text of a cell into a finding.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from producers.extract.countries import Countries
from producers.extract.csv_rows import CsvRow
from producers.extract.files import FileOfExtract
from producers.extract.moments import parse_day, parse_time
from schemas.shape import ID_BYTES_MAX, TEXT_BYTES_MAX

# Beyond any count of people, so that a telephone number in the column is told as what it is.
WHOLE_MAX: Final = 2**31 - 1
_WHOLE: Final = re.compile(r"-?\d{1,10}", re.ASCII)
_NO_DATE: Final = "it is no date of the calendar from 1900 to 2199"
_SPACES: Final = re.compile(r"\s+")
_WORD_BREAKS: Final = re.compile(r"[\s_-]+")


class Finding(NamedTuple):
    """Something wrong in one cell: its kind, its column, and why."""

    kind: str
    column: str
    reason: str


class Cells:
    """One row, asked for column by column.

    Attributes:
        line: Where the row begins.
        findings: What was wrong so far and makes the row useless as an action.
        remarks: What was wrong in columns that reach no action.
        days: Every date read, but for birth dates.

    """

    __slots__ = ("_cells", "_countries", "_file", "days", "findings", "line", "remarks")

    def __init__(self, file: FileOfExtract, row: CsvRow, countries: Countries) -> None:
        self.line = row.line
        self.findings: list[Finding] = []
        self.remarks: list[Finding] = []
        self.days: list[int] = []
        self._file = file
        self._cells = dict(zip(file.columns, row.cells, strict=True))
        self._countries = countries
        if not row.is_utf8:
            for column, cell in self._cells.items():
                if any("\udc80" <= letter <= "\udcff" for letter in cell):
                    where = self.remarks if column in file.beside else self.findings
                    where.append(Finding("not_utf8", column, "it has bytes that are not UTF-8"))
                    self._cells[column] = cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def add(self, kind: str, column: str, reason: str) -> None:
        """Keep something wrong."""
        self.findings.append(Finding(kind, column, reason))

    def raw(self, column: str) -> str:
        """Give a cell as it stands, without spaces around it."""
        return self._cells[column]

    def all(self) -> list[str]:
        """Give every cell, in the contract's order."""
        return list(self._cells.values())

    def digest(self) -> bytes:
        """Give what tells this row from any other. Not for rows of people: the hash has no key."""
        return hashlib.blake2b("\x1f".join(self._cells.values()).encode("utf-8"), digest_size=16).digest()

    def identifier(self, column: str) -> str:
        """Give an opaque identifier, which must be there."""
        return self._text(column, ID_BYTES_MAX, is_needed=True)

    def identifier_if_any(self, column: str) -> str | None:
        """Give an opaque identifier, or None for an empty cell."""
        return self._text(column, ID_BYTES_MAX, is_needed=False) or None

    def text_if_any(self, column: str) -> str | None:
        """Give a text, or None for an empty cell."""
        return self._text(column, TEXT_BYTES_MAX, is_needed=False) or None

    def choice(self, column: str, choices: dict[str, str]) -> str:
        """Give what a word of a closed list stands for; case, spaces, dashes and underlines do not matter."""
        word = _WORD_BREAKS.sub(" ", self._cells[column].upper())
        found = choices.get(word)
        if found is not None:
            return found
        if not word:
            self.add("value_missing", column, "it is empty")
        else:
            self.add("value_unreadable", column, f"it is none of {', '.join(dict.fromkeys(choices))}")
        return ""

    def whole(self, column: str) -> int:
        """Give a whole number, whatever spaces it carries."""
        text = _SPACES.sub("", self._cells[column])
        if _WHOLE.fullmatch(text) and -WHOLE_MAX <= int(text) <= WHOLE_MAX:
            return int(text)
        if text:
            self.add("value_unreadable", column, "it is no whole number")
        else:
            self.add("value_missing", column, "it is empty")
        return 0

    def day(self, column: str) -> int:
        """Give a date as days since 1970, which must be there."""
        day = self.day_if_any(column)
        if day is None:
            if not self._cells[column]:
                self.add("date_unreadable", column, "it is empty")
            return 0
        return day

    def day_if_any(self, column: str) -> int | None:
        """Give a date, or None for an empty cell."""
        text = self._cells[column]
        if not text:
            return None
        day = parse_day(text)
        if day is None:
            self.add("date_unreadable", column, _NO_DATE)
        else:
            self.days.append(day)
        return day

    def birth_day_if_any(self, column: str) -> int | None:
        """Give a birth date; one that is missing or wrong is a remark, for no action holds it."""
        day = parse_day(self._cells[column])
        if day is None:
            reason = _NO_DATE if self._cells[column] else "it is empty"
            self.remarks.append(Finding("date_unreadable", column, reason))
        return day

    def seconds(self, column: str) -> int:
        """Give a time of day in seconds, which must be there."""
        text = self._cells[column]
        seconds = parse_time(text)
        if seconds is None:
            self.add("hour_unreadable", column, "it is no time of day" if text else "it is empty")
            return 0
        return seconds

    def country(self, column: str) -> str:
        """Give the code of a country."""
        text = self._cells[column]
        code = self._countries.find(text)
        if code is not None:
            return code
        if not text:
            self.add("country_unknown", column, "it is empty")
        else:
            near = self._countries.nearest(text)
            hint = f"; it is nearest to {near}" if near else ""
            self.add("country_unknown", column, f"no country has this name or code{hint}")
        return ""

    def _text(self, column: str, bytes_max: int, *, is_needed: bool) -> str:
        text = self._cells[column]
        if not text:
            if is_needed:
                self.add("value_missing", column, "it is empty")
        elif "\x00" in text:
            self.add("value_unreadable", column, "it holds the character U+0000")
        elif len(text) * 4 > bytes_max and len(text.encode("utf-8", "surrogateescape")) > bytes_max:
            self.add("value_unreadable", column, f"it is longer than {bytes_max} bytes")
        return text

    def __repr__(self) -> str:
        """Show where the row is and what is wrong, never what it holds."""
        return f"Cells({self._file.name} line {self.line}, {self.findings})"
