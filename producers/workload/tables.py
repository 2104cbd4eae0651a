"""CSV files as an operator's export writes them: each with its own separator, mark, and order of columns."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Final, TextIO

_BOM: Final = "\ufeff"


class Table:
    """One file, written row by row; knows the line on which the next row will begin."""

    def __init__(self, path: Path, columns: tuple[str, ...], random: Random) -> None:
        """Write the header: columns shuffled, and one more that nobody asked for."""
        order = [*columns, "catatan"]
        random.shuffle(order)
        self.name: Final = path.name
        self.rows = 0
        self._order: Final = order
        self._separator: Final = ";" if random.random() < 0.7 else ","
        self._end: Final = "\r\n" if random.random() < 0.5 else "\n"
        self._file: TextIO = path.open("w", encoding="utf-8", newline="")
        if random.random() < 0.5:
            self._file.write(_BOM)
        self._file.write(self._separator.join(order) + self._end)
        self._next_line = 2

    def write(self, cells: dict[str, str]) -> int:
        """Write a row and give the line on which it begins; columns not named are empty."""
        return self._put([cells.get(column, "") for column in self._order])

    def write_short(self, cells: dict[str, str]) -> int:
        """Write a row that lacks its last two cells."""
        return self._put([cells.get(column, "") for column in self._order[:-2]])

    def _put(self, cells: list[str]) -> int:
        text = self._separator.join([self._cell(cell) for cell in cells])
        line = self._next_line
        self._file.write(text + self._end)
        self._next_line += 1 + text.count("\n")
        self.rows += 1
        return line

    def _cell(self, cell: str) -> str:
        if self._separator in cell or '"' in cell or "\n" in cell:
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __repr__(self) -> str:
        return f"Table({self.name}, {self.rows} rows)"
