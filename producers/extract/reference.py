"""Offices, agencies and permits: what the other rows refer to. Kept in memory, for a nation has few of them.

About 200 bytes an office or agency, and 1 KB a permit with its lines: 30 MB for 30,000 permits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from producers.extract.actions import agency_action, permit_issued, permit_revoked
from producers.extract.cells import Cells
from producers.extract.files import AGENCIES, OFFICES, PERMIT_LINES, PERMITS, file_and_line, place_of
from producers.extract.moments import OFFSET_MINUTES, midnight_wib
from producers.extract.sink import Sink
from schemas.records import PermitLine

_OFFICE_TYPES: Final = {"LTSA": "LTSA", "DINAS": "DINAS", "BP3MI": "BP3MI"}
_ZONES: Final = {name: name for name in OFFSET_MINUTES}
_STATUS: Final = {"AKTIF": "AKTIF", "SKORSING": "SKORSING"}
LINE_SEX: Final = {"L": "M", "P": "F", "L/P": "ANY", "P/L": "ANY", "L / P": "ANY", "P / L": "ANY"}
LINES_MAX: Final = 128


@dataclass(slots=True)
class Office:
    """An office: its type, and the minutes of its zone east of UTC."""

    type: str
    offset_minutes: int


@dataclass(slots=True)
class AgencyRow:
    """An agency; `suspended_on` is a day, where it is suspended. Its name is public, as no candidate's is."""

    name: str
    line: int
    suspended_on: int | None


@dataclass(slots=True)
class QuotaRow:
    """A row of sip2mi_jabatan.csv; `remaining` is what the old system counted, None where unreadable."""

    line: int
    number: int
    position: str
    sex: str
    units: int
    remaining: int | None


@dataclass(slots=True)
class PermitRow:
    """A permit; `blocked_by` is the place of the row because of which it is only reported."""

    permit_id: str
    line: int
    agency_id: str
    destination: str
    issued_on: int
    valid: tuple[int, int]
    revoked_on: int | None
    blocked_by: int | None = None
    lines: list[QuotaRow] = field(default_factory=list)


class Offices:
    """The offices, by code. A row that is wrong is reported, and its code stays unknown."""

    def __init__(self) -> None:
        self.by_code: Final[dict[str, Office]] = {}
        self.reported: Final[dict[str, int]] = {}
        self._lines: Final[dict[str, tuple[int, bytes]]] = {}

    def take(self, row: Cells, sink: Sink) -> None:
        """Take a row of kantor.csv."""
        code = row.identifier("kode_kantor")
        office_type = row.choice("jenis", _OFFICE_TYPES)
        zone = row.choice("zona", _ZONES)
        if sink.is_useless(OFFICES, row):
            self.reported.setdefault(code, place_of(OFFICES, row.line))
            return
        if not sink.is_first(OFFICES, row, self._lines, code, "kode_kantor"):
            return
        self.by_code[code] = Office(office_type, OFFSET_MINUTES[zone])

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"Offices({len(self.by_code)})"


class Agencies:
    """The agencies, by code."""

    def __init__(self) -> None:
        self.by_code: Final[dict[str, AgencyRow]] = {}
        self.reported: Final[dict[str, int]] = {}
        self._lines: Final[dict[str, tuple[int, bytes]]] = {}

    def take(self, row: Cells, sink: Sink) -> None:
        """Take a row of p3mi.csv."""
        code = row.identifier("kode_p3mi")
        status = row.choice("status", _STATUS)
        day = row.day("tgl_status")
        if sink.is_useless(AGENCIES, row, agency_id=code):
            self.reported.setdefault(code, place_of(AGENCIES, row.line))
            return
        if not sink.is_first(AGENCIES, row, self._lines, code, "kode_p3mi"):
            return
        self.by_code[code] = AgencyRow(row.raw("nama"), row.line, day if status == "SKORSING" else None)

    def write(self, sink: Sink, licensed_on: int) -> None:
        """Give the actions; every licence is of the same day."""
        licensed_at = midnight_wib(licensed_on)
        for code, agency in self.by_code.items():
            place = place_of(AGENCIES, agency.line)
            sink.write(licensed_at, 0, place, 0, agency_action("agency_licensed", code, licensed_at))
            if agency.suspended_on is not None:
                at = midnight_wib(agency.suspended_on)
                sink.write(at, 0, place, 1, agency_action("agency_suspended", code, at))

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"Agencies({len(self.by_code)})"


class Permits:
    """The permits with their lines, by number."""

    def __init__(self) -> None:
        self.by_number: Final[dict[str, PermitRow]] = {}
        self.reported: Final[dict[str, int]] = {}
        self.positions: Final[set[str]] = set()
        # Of permits whose own row is only reported: what the old system counted is compared all the same.
        self.lines_without: Final[list[tuple[str, str, QuotaRow]]] = []
        self._agencies_reported: Final[dict[str, str]] = {}
        self._rows: Final[dict[str, tuple[int, bytes]]] = {}
        self._line_rows: Final[dict[tuple[str, int], tuple[int, bytes]]] = {}

    def take(self, row: Cells, sink: Sink, agencies: Agencies) -> None:
        """Take a row of sip2mi.csv."""
        number = row.identifier("nomor_sip2mi")
        agency_id = row.identifier("kode_p3mi")
        destination = row.country("negara")
        issued, first, last = row.day("tgl_terbit"), row.day("tgl_berlaku"), row.day("tgl_berakhir")
        revoked = row.day_if_any("tgl_dicabut")
        if not row.findings and first > last:
            row.add("value_unreadable", "tgl_berakhir", "it lies before tgl_berlaku")
        place = place_of(PERMITS, row.line)
        if sink.is_useless(PERMITS, row, permit_id=number, agency_id=agency_id):
            self.reported.setdefault(number, place)
            self._agencies_reported.setdefault(number, agency_id)
            return
        if not sink.is_first(PERMITS, row, self._rows, number, "nomor_sip2mi"):
            return
        for day in (issued, first, last, revoked):
            if day is not None:
                permit = PermitRow(number, row.line, agency_id, destination, issued, (first, last), revoked)
        if agency_id not in agencies.by_code:
            permit.blocked_by = agencies.reported.get(agency_id)
        self.by_number[number] = permit

    def take_line(self, row: Cells, sink: Sink) -> None:
        """Take a row of sip2mi_jabatan.csv."""
        number = row.identifier("nomor_sip2mi")
        quota = _quota_of(row)
        permit = self.by_number.get(number)
        if permit is None and not row.findings:
            if number in self.reported:
                sink.depends(PERMIT_LINES, row.line, "nomor_sip2mi", self.reported[number], permit_id=number)
                self._keep_line_without(row, number, quota)
                return
            row.add("reference_missing", "nomor_sip2mi", "sip2mi.csv has no such permit")
        if permit is None:
            sink.is_useless(PERMIT_LINES, row, permit_id=number)
            return
        if len(permit.lines) == LINES_MAX:
            row.add("value_unreadable", "no_urut", f"a permit has at most {LINES_MAX} lines")
        is_counted = not sink.is_useless(PERMIT_LINES, row, permit_id=number, agency_id=permit.agency_id)
        if is_counted:
            known = self._line_rows.get((number, quota.number))
            if sink.is_first(PERMIT_LINES, row, self._line_rows, (number, quota.number), "no_urut"):
                permit.lines.append(quota)
                self.positions.add(quota.position)
            elif known is not None:
                is_counted = known[1] == row.digest()
        if not is_counted and permit.blocked_by is None:
            # A permit cannot be given another line later: it waits until all its lines can be read.
            permit.blocked_by = place_of(PERMIT_LINES, row.line)

    def _keep_line_without(self, row: Cells, number: str, quota: QuotaRow) -> None:
        if (number, quota.number) not in self._line_rows:
            self._line_rows[(number, quota.number)] = (row.line, row.digest())
            self.lines_without.append((number, self._agencies_reported[number], quota))

    def write(self, sink: Sink) -> None:
        """Give the actions, and hold back every permit that depends on a row which is only reported."""
        for permit in self.by_number.values():
            place = place_of(PERMITS, permit.line)
            about = {"permit_id": permit.permit_id, "agency_id": permit.agency_id}
            if not permit.lines and permit.blocked_by is None:
                sink.report(
                    PERMITS,
                    permit.line,
                    "nomor_sip2mi",
                    "reference_missing",
                    "sip2mi_jabatan.csv has no line of this permit",
                    is_only_reported=True,
                    **about,
                )
                self.reported[permit.permit_id] = place
                continue
            if permit.blocked_by is not None:
                column = (
                    "kode_p3mi" if file_and_line(permit.blocked_by)[0] == AGENCIES.name else "nomor_sip2mi"
                )
                sink.depends(PERMITS, permit.line, column, permit.blocked_by, **about)
                self.reported[permit.permit_id] = place
                for quota in permit.lines:
                    if place_of(PERMIT_LINES, quota.line) != permit.blocked_by:
                        sink.depends(PERMIT_LINES, quota.line, "nomor_sip2mi", place, **about)
                continue
            self.reported.pop(permit.permit_id, None)
            # Where rows stand is not what they say, and must not make another action of them.
            rows = sorted(permit.lines, key=attrgetter("number"))
            lines = [PermitLine(row.number, row.position, row.sex, row.units) for row in rows]
            issued_at = midnight_wib(permit.issued_on)
            sink.write(
                issued_at,
                0,
                place,
                0,
                permit_issued(
                    permit.permit_id, permit.agency_id, permit.destination, permit.valid, lines, issued_at
                ),
            )
            if permit.revoked_on is not None:
                at = midnight_wib(permit.revoked_on)
                sink.write(at, 0, place, 1, permit_revoked(permit.permit_id, at))
        self._rows.clear()
        self._line_rows.clear()

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"Permits({len(self.by_number)})"


def _quota_of(row: Cells) -> QuotaRow:
    """Give a line of a permit; what is wrong with it stands in the row's findings."""
    line = row.whole("no_urut")
    position = row.identifier("jabatan")
    sex = row.choice("jenis_kelamin", LINE_SEX)
    units = row.whole("kuota")
    if not row.findings:
        if line < 1:
            row.add("value_unreadable", "no_urut", "lines count from 1")
        if units < 1:
            row.add("value_unreadable", "kuota", "a line grants at least one unit")
    before = len(row.findings)
    remaining: int | None = row.whole("sisa_kuota")
    if len(row.findings) > before:
        # Only compared, never part of an action: the permit needs it not.
        row.remarks.append(row.findings.pop())
        remaining = None
    return QuotaRow(row.line, line, position, sex, units, remaining)
