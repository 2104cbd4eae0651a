"""A whole extract: read file by file, judged, and given back as actions in the order in which they go in.

Memory does not grow with the number of candidates: what is many stands in the scratch file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from producers.extract.candidates import Candidates
from producers.extract.cells import Cells
from producers.extract.countries import Countries
from producers.extract.csv_rows import BrokenRow, CsvFile
from producers.extract.defects import Defect
from producers.extract.files import (
    AGENCIES,
    CANDIDATES,
    FILES,
    OFFICES,
    PERMIT_LINES,
    PERMITS,
    STAGES,
    TRAININGS,
    FileOfExtract,
    file_and_line,
)
from producers.extract.identity import ACTION_ID_BYTES, Pseudonyms, renewed
from producers.extract.lives import Lives
from producers.extract.people import PeopleOfExtract, Row
from producers.extract.reference import Agencies, Offices, Permits
from producers.extract.scratch import Scratch
from producers.extract.sink import Sink
from producers.extract.stages import REGISTERED, Cutover, Stages
from producers.extract.trainings import Trainings
from producers.sealing import People

# Rows between two looks at the progress.
_ROWS_PER_STEP: Final = 2_000


class ExtractAction:
    """An action, and the row that it comes from.

    Attributes:
        avro: Its Avro bytes.
        place: File and line in one number (`files.file_and_line`).
        sub: Which action of that row.

    """

    __slots__ = ("avro", "place", "sub")

    def __init__(self, avro: bytes, place: int, sub: int) -> None:
        self.avro = avro
        self.place = place
        self.sub = sub

    def __repr__(self) -> str:
        """Show where it comes from."""
        file, line = file_and_line(self.place)
        return f"ExtractAction({file} line {line}, {self.sub})"


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """A line of a permit as the extract has it; `remaining` is `sisa_kuota`, None where it cannot be read."""

    permit_id: str
    line: int
    units: int
    remaining: int | None
    agency_id: str
    file_line: int


@dataclass(frozen=True, slots=True)
class FileCount:
    """What became of the rows of one file."""

    file: str
    rows: int
    repeated: int
    only_reported: int


class Extract:
    """One folder with the seven files.

    Attributes:
        agencies: By code.
        permits: By number.
        scratch: What it holds on disk.

    """

    def __init__(
        self, folder: Path, pseudonyms: Pseudonyms, people: People, cutover: Cutover, scratch: Scratch
    ) -> None:
        """Open every file and read its header; `people` is where candidates are found.

        Raises:
            ExtractUnusable: a file or a column is missing.

        """
        self.scratch: Final = scratch
        self._files: Final = {file.name: CsvFile(folder, file) for file in FILES}
        self._sink: Final = Sink(scratch)
        self._countries: Final = Countries()
        self._offices: Final = Offices()
        self.agencies: Final = Agencies()
        self.permits: Final = Permits()
        self._people: Final = PeopleOfExtract(scratch, people, pseudonyms.run_key)
        self._candidates: Final = Candidates(
            self._sink, pseudonyms, self._people, self.agencies, self.permits
        )
        self._stages: Final = Stages(self._sink, self._offices, self._candidates, pseudonyms, cutover)
        self._lives: Final = Lives(self._sink, self._candidates, cutover)
        self._trainings: Final = Trainings(self._sink, self._offices, self._candidates, pseudonyms)

    @property
    def bytes_total(self) -> int:
        """How much there is to read."""
        return sum(file.bytes_total for file in self._files.values())

    @property
    def bytes_read(self) -> int:
        """How much of it was read."""
        return sum(min(file.bytes_read, file.bytes_total) for file in self._files.values())

    def read(self, advance: Callable[[], None]) -> None:
        """Read and judge every row; `advance` is called now and then.

        Raises:
            ExtractUnusable: a file can no longer be read.

        """
        sink = self._sink
        self._each(OFFICES, lambda row: self._offices.take(row, sink), advance)
        self._each(AGENCIES, lambda row: self.agencies.take(row, sink), advance)
        self._each(PERMITS, lambda row: self.permits.take(row, sink, self.agencies), advance)
        self._each(PERMIT_LINES, lambda row: self.permits.take_line(row, sink), advance)
        self.permits.write(sink)
        self._each(CANDIDATES, self._candidates.take, advance)
        self._people.find_all(advance)
        self._each(STAGES, self._stages.take, advance)
        self._lives.judge()
        self._each(TRAININGS, self._trainings.take, advance)
        if sink.earliest is not None:
            self.agencies.write(sink, sink.earliest - 1)
        sink.flush()
        self._candidates.check_passports()
        self._candidates.check_open_registrations()

    def actions(self) -> Iterator[ExtractAction]:
        """Give the actions in their order, each once: rows that say the same are one action.

        What is personal is sealed in them.
        """
        for row in self._people.sealed(self._actions()):
            yield ExtractAction(row.avro, row.place, row.sub)

    def _actions(self) -> Iterator[Row]:
        found = self.scratch.db.cursor().execute(
            "SELECT a.occurred, a.rank, a.place, a.sub, a.registration, a.avro FROM actions a"
            " LEFT JOIN held h ON h.place = a.place WHERE h.place IS NULL ORDER BY 1, 2, 3, 4"
        )
        moment: tuple[int, int] | None = None
        given: set[bytes] = set()
        for occurred, rank, place, sub, registration, avro in found:
            # Two rows that say the same say it of the same moment.
            if (occurred, rank) != moment:
                moment = (occurred, rank)
                given.clear()
            action_id = avro[:ACTION_ID_BYTES]
            if action_id in given:
                if sub == 0:
                    self._sink.repeated(place, registration)
                continue
            given.add(action_id)
            yield Row(avro, place, sub, registration if rank == REGISTERED else None)

    def actions_again(self, attempt: int) -> Iterator[ExtractAction]:
        """Give those actions in their order that are to be decided again, under the ids of that attempt."""
        found = self.scratch.db.cursor().execute(
            "SELECT a.place, a.sub, a.rank, a.registration, a.avro"
            " FROM actions a JOIN again n ON n.place = a.place AND n.sub = a.sub"
            " ORDER BY a.occurred, a.rank, a.place, a.sub"
        )
        rows = (
            Row(renewed(avro, attempt), place, sub, registration if rank == REGISTERED else None)
            for place, sub, rank, registration, avro in found.fetchall()
        )
        for row in self._people.sealed(rows):
            yield ExtractAction(row.avro, row.place, row.sub)

    def actions_count(self) -> int:
        """Give about how many actions there are, for a progress bar."""
        count: int = self.scratch.db.execute("SELECT count(*) FROM actions").fetchone()[0]
        return count

    def defects(self) -> Iterator[Defect]:
        """Give every defect, worst first."""
        return self.scratch.defects()

    def counts(self) -> list[FileCount]:
        """Give what became of the rows of each file; right only when every action was given."""
        reported = dict(
            self.scratch.db.execute(
                "SELECT file, count(DISTINCT line) FROM defects WHERE only_reported = 1 GROUP BY file"
            ).fetchall()
        )
        return [
            FileCount(
                file.name,
                self._sink.counts[file.name].rows,
                self._sink.counts[file.name].repeated,
                reported.get(file.rank, 0),
            )
            for file in FILES
        ]

    def quota_lines(self) -> Iterator[QuotaLine]:
        """Give every line of every permit, in the order of the file."""
        lines = [
            QuotaLine(permit.permit_id, row.number, row.units, row.remaining, permit.agency_id, row.line)
            for permit in self.permits.by_number.values()
            for row in permit.lines
        ]
        lines += [
            QuotaLine(number, row.number, row.units, row.remaining, agency_id, row.line)
            for number, agency_id, row in self.permits.lines_without
        ]
        return iter(sorted(lines, key=lambda line: line.file_line))

    def _each(self, file: FileOfExtract, take: Callable[[Cells], None], advance: Callable[[], None]) -> None:
        sink = self._sink
        count = sink.counts[file.name]
        countries = self._countries
        for row in self._files[file.name].rows():
            count.rows += 1
            if count.rows % _ROWS_PER_STEP == 0:
                advance()
            if isinstance(row, BrokenRow):
                sink.report(file, row.line, "", "row_unreadable", row.reason, is_only_reported=True)
                continue
            cells = Cells(file, row, countries)
            take(cells)
            for day in cells.days:
                sink.saw(day)
        advance()

    def __repr__(self) -> str:
        """Show how far it was read."""
        return f"Extract({self.bytes_read} of {self.bytes_total} bytes)"
