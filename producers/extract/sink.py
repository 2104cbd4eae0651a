"""Where rows end: as actions to be sorted, or in the report. Nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, TypeVar

from producers.extract.cells import Cells
from producers.extract.defects import Defect
from producers.extract.files import FILES, FileOfExtract, file_and_line, place_of
from producers.extract.personal import may_be_personal
from producers.extract.scratch import Scratch

_Key = TypeVar("_Key", bound=Hashable)
# Rows inserted at once: enough for SQLite, and a few hundred kilobytes.
_BATCH_ROWS: Final = 500


class Count:
    """What became of the rows of one file.

    Attributes:
        rows: All below the header.
        repeated: Those that say what an earlier row said: one action together.

    """

    __slots__ = ("repeated", "rows")

    def __init__(self) -> None:
        self.rows = 0
        self.repeated = 0

    def __repr__(self) -> str:
        """Show the counts."""
        return f"Count(rows={self.rows}, repeated={self.repeated})"


class Sink:
    """Takes what the readers of the files make of each row.

    Attributes:
        counts: What became of the rows, by file.
        earliest: The earliest date seen, as days since 1970; None before the first.

    """

    def __init__(self, scratch: Scratch) -> None:
        self.scratch: Final = scratch
        self.counts: Final = {file.name: Count() for file in FILES}
        self.earliest: int | None = None
        self._waiting: Final[list[tuple[object, ...]]] = []

    def saw(self, day: int) -> None:
        """Take a date of the extract into account for when the licences are dated."""
        if self.earliest is None or day < self.earliest:
            self.earliest = day

    def write(
        self,
        occurred: int,
        rank: int,
        place: int,
        sub: int,
        avro: bytes,
        *,
        registration: str | None = None,
        office: str | None = None,
    ) -> None:
        """Keep an action; `sub` orders those of one row, `office` is the code of a registration's office."""
        self._waiting.append((occurred, rank, place, sub, registration, office, avro))
        if len(self._waiting) >= _BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Put what waits into the file."""
        self.scratch.db.executemany("INSERT INTO actions VALUES (?,?,?,?,?,?,?)", self._waiting)
        self._waiting.clear()

    def report(
        self,
        file: FileOfExtract,
        line: int,
        column: str,
        kind: str,
        reason: str,
        *,
        is_only_reported: bool,
        registration_id: str | None = None,
        permit_id: str | None = None,
        agency_id: str | None = None,
    ) -> None:
        """Keep a defect."""
        self.scratch.report(
            Defect(
                file.name,
                line,
                column,
                kind,
                reason,
                is_only_reported,
                registration_id,
                permit_id,
                agency_id,
            )
        )

    def is_useless(
        self,
        file: FileOfExtract,
        row: Cells,
        *,
        registration_id: str | None = None,
        permit_id: str | None = None,
        agency_id: str | None = None,
    ) -> bool:
        """Report everything that was wrong with a row; tell whether that makes it no action."""
        if row.findings:
            # The columns may have shifted: what names nothing else in this extract is not repeated.
            registration_id, permit_id, agency_id = (
                None if text is not None and may_be_personal(text) else text
                for text in (registration_id, permit_id, agency_id)
            )
        about = {
            "registration_id": registration_id or None,
            "permit_id": permit_id or None,
            "agency_id": agency_id or None,
        }
        for kind, column, reason in row.remarks:
            self.report(file, row.line, column, kind, reason, is_only_reported=False, **about)
        for kind, column, reason in row.findings:
            self.report(file, row.line, column, kind, reason, is_only_reported=True, **about)
        return bool(row.findings)

    def depends(
        self,
        file: FileOfExtract,
        line: int,
        column: str,
        on: int,
        *,
        registration_id: str | None = None,
        permit_id: str | None = None,
        agency_id: str | None = None,
    ) -> None:
        """Report a row that is held back because of another one."""
        other, other_line = file_and_line(on)
        self.report(
            file,
            line,
            column,
            "depends_on_reported_row",
            f"it depends on {other} line {other_line}, which is only reported",
            is_only_reported=True,
            registration_id=registration_id,
            permit_id=permit_id,
            agency_id=agency_id,
        )

    def is_first(
        self,
        file: FileOfExtract,
        row: Cells,
        known: dict[_Key, tuple[int, bytes]],
        key: _Key,
        column: str,
    ) -> bool:
        """Tell whether this is the first row of that key; a repetition is counted, any other reported."""
        earlier = known.get(key)
        if earlier is None:
            known[key] = (row.line, row.digest())
            return True
        if earlier[1] == row.digest():
            self.repeated(place_of(file, row.line))
        else:
            self.differs(file, row.line, column, earlier[0])
        return False

    def repeated(self, place: int, registration: str | None = None) -> None:
        """Count a row that says what an earlier one said; once, however often this is called."""
        inserted = self.scratch.db.execute(
            "INSERT OR IGNORE INTO repeats VALUES (?,?)", (place, registration)
        )
        self.counts[file_and_line(place)[0]].repeated += inserted.rowcount

    def differs(
        self, file: FileOfExtract, line: int, column: str, first_line: int, registration_id: str | None = None
    ) -> None:
        """Report a row under the number of an earlier one, saying something else."""
        self.report(
            file,
            line,
            column,
            "number_used_twice",
            f"line {first_line} has the same number and says something else; that line counts",
            is_only_reported=True,
            registration_id=registration_id,
        )

    def __repr__(self) -> str:
        """Show the counts."""
        return f"Sink({self.counts})"
