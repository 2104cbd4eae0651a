"""The rows that the ledger refused, kept on disk: by code, and by the registration that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from producers.extract.files import file_and_line
from producers.extract.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was refused, and the agency that it concerns where the extract tells."""

    code: str
    kind: str
    file: str
    line: int
    registration_id: str | None
    agency_id: str | None


class Refusals:
    """Takes refusals while decisions come in, and gives them for the report."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch: Final = scratch

    def add(self, place: int, sub: int, code: str, kind: str, registration_id: str | None) -> None:
        """Keep one: where its row stands, why it was refused, and what it was."""
        self._scratch.db.execute(
            "INSERT INTO refusals VALUES (?,?,?,?,?)", (place, sub, code, kind, registration_id)
        )

    def count_by_code(self) -> list[tuple[str, int]]:
        """Give how many there are of each code, the most first."""
        return self._scratch.db.execute(
            "SELECT code, count(*) FROM refusals GROUP BY code ORDER BY 2 DESC, 1"
        ).fetchall()

    def of_code(self, code: str, at_most: int) -> Iterator[Refused]:
        """Give the first ones of a code, in the order of the extract."""
        rows = self._scratch.db.cursor().execute(
            "SELECT r.code, r.kind, r.place, r.registration, c.agency FROM refusals r"
            " LEFT JOIN candidates c ON c.registration = r.registration"
            " WHERE r.code = ? ORDER BY r.place, r.sub LIMIT ?",
            (code, at_most),
        )
        for found, kind, place, registration, agency in rows:
            file, line = file_and_line(place)
            yield Refused(found, kind, file, line, registration, agency)

    def __repr__(self) -> str:
        """Show where they are."""
        return f"Refusals({self._scratch!r})"
