"""What the reports in HTML share: one file each, nothing fetched; for paper, phones, and without script.

Every text is escaped on its way in. The one script sorts tables and hands them out as CSV; the page's own
policy (CSP) lets a browser run that script, by its hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import Final

from babel.numbers import format_decimal, format_percent

_HERE: Final = files("neraca.reports")
STYLE: Final = _HERE.joinpath("page.css").read_text(encoding="utf-8")
"""The sheet that every report begins with."""
_WIDE_STYLE: Final = STYLE + _HERE.joinpath("wide.css").read_text(encoding="utf-8")
_SCRIPT: Final = _HERE.joinpath("page.js").read_text(encoding="utf-8")

# Fills that stay apart in black and white.
_PATTERNS: Final = (
    "<svg class=defs aria-hidden=true><defs>"
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="pattern-paper" width="6" height="6"/>'
    '<line class="pattern-ink" x1="1" y1="0" x2="1" y2="6" stroke-width="2.4"/></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse">'
    '<rect class="pattern-paper" width="6" height="6"/>'
    '<circle class="pattern-ink" cx="2" cy="2" r="1"/></pattern></defs></svg>\n'
)


class Percent(float):
    """A share, from 0 to 1, shown in per cent."""

    __slots__ = ()


Cell = str | int | Percent | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        is_number: Whether its cells are numbers.
        is_text: Whether its cells are sentences, which may break.
        is_whole: Whether its cells are dates or numbers of things, which must not break.
        is_extra: Whether it is left out on paper.

    """

    title: str
    is_number: bool = False
    is_text: bool = False
    is_whole: bool = False
    is_extra: bool = False

    @property
    def kind(self) -> str:
        """Its classes in the style sheet, as an attribute."""
        flags = ((self.is_number, "n"), (self.is_text, "t"), (self.is_whole, "k"), (self.is_extra, "x"))
        names = " ".join(name for flag, name in flags if flag)
        return f' class="{names}"' if names else ""


@dataclass(frozen=True, slots=True)
class Furniture:
    """The words that stand on every page, in its language."""

    sort: str
    save: str
    more: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its language, and how numbers are written in it.

    Attributes:
        language: `id` or `en`.
        words: Furniture in that language.

    """

    language: str
    words: Furniture

    def number(self, value: int) -> str:
        """Write a whole number."""
        return format_decimal(value, locale=self.language)

    def percent(self, share: float) -> str:
        """Write a share from 0 to 1."""
        return format_percent(
            share, format="#,##0.0 %" if self.language == "id" else "#,##0.0%", locale=self.language
        )

    def head(self, title: str) -> str:
        """Give everything before the first heading."""
        policy = (
            "default-src 'none'; base-uri 'none'; form-action 'none'; "
            f"style-src 'sha256-{_sha256(_WIDE_STYLE)}'; script-src 'sha256-{_sha256(_SCRIPT)}'"
        )
        return (
            f'<!doctype html>\n<html lang="{self.language}">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>{escape(title)}</title>\n<style>{_WIDE_STYLE}</style>\n</head>\n"
            f'<body data-sort="{escape(self.words.sort)}" data-save="{escape(self.words.save)}">\n{_PATTERNS}'
        )

    def foot(self) -> str:
        """Give what ends the page."""
        return f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"

    def table(
        self,
        name: str,
        caption: str,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        *,
        foot: Sequence[Cell] | None = None,
        shown_max: int | None = None,
        printed_max: int = 60,
        is_printed: Callable[[Sequence[Cell]], bool] | None = None,
        every: Callable[[], Iterable[Sequence[Cell]]] | None = None,
    ) -> Iterator[str]:
        """Give a table that can be sorted and handed out; the first column names the row.

        Args:
            name: Of the file that it is handed out as; unique on the page.
            caption: Above it, and what a screen reader calls it.
            columns: Its columns.
            rows: Its rows, best order first.
            foot: A last row that sorting leaves alone.
            shown_max: Rows beyond are not on the page, but in the CSV.
            printed_max: Rows beyond are not on paper.
            is_printed: Tells of a row whether it is on paper, where that is not a matter of the first ones.
            every: Gives all rows for the CSV, where `rows` are some of them.

        """
        yield (
            f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}">'
            f'<table id="{escape(name)}" data-sort><caption>{escape(caption)}</caption>\n<thead><tr>'
        )
        for column in columns:
            yield f'<th scope="col"{column.kind}>{escape(column.title)}</th>'
        yield "</tr></thead>\n<tbody>\n"
        kept: list[Sequence[Cell]] = []
        count = printed = 0
        for row in rows:
            count += 1
            if shown_max is not None:
                kept.append(row)
                if count > shown_max:
                    continue
            on_paper = count <= printed_max if is_printed is None else is_printed(row)
            printed += on_paper
            rest = "" if on_paper else ' class="rest"'
            yield f"<tr{rest}>{self._cells(columns, row)}</tr>\n"
        yield "</tbody>"
        if foot is not None:
            yield f"\n<tfoot><tr>{self._cells(columns, foot)}</tr></tfoot>"
        yield "</table></div>\n"
        if shown_max is not None and count > shown_max:
            yield f"<p>{escape(self.words.more.format(self.number(count - shown_max)))}</p>\n"
        if every is not None or (shown_max is not None and count > shown_max):
            yield _data_block(name, columns, kept if every is None else every())
        on_page = count if shown_max is None else min(count, shown_max)
        if on_page > printed:
            text = self.words.more.format(self.number(count - printed))
            yield f'<p class="on-paper">{escape(text)}</p>\n'

    def _cells(self, columns: Sequence[Column], row: Sequence[Cell]) -> str:
        cells = []
        for index, (column, cell) in enumerate(zip(columns, row, strict=True)):
            open_, close = ('<th scope="row"', "</th>") if index == 0 else ("<td", "</td>")
            if isinstance(cell, Percent):
                value, text = f' data-v="{cell:.6g}"', self.percent(cell)
            elif isinstance(cell, int):
                value, text = f' data-v="{cell}"', self.number(cell)
            else:
                value, text = "", escape(cell or "")
            cells.append(f"{open_}{column.kind}{value}>{text}{close}")
        return "".join(cells)


def _data_block(name: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> str:
    """Give all rows as JSON that no browser runs, for the CSV."""
    every = [
        [column.title for column in columns],
        *([cell if cell is not None else "" for cell in row] for row in rows),
    ]
    text = json.dumps(every, ensure_ascii=False, separators=(",", ":"))
    text = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'<script type="application/json" id="csv-{escape(name)}">{text}</script>\n'


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
