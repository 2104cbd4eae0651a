"""Rows of cpmi.csv: who registers for what. What is personal is hashed, judged or sealed here, and goes no
further in the clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from producers.extract.actions import Wish
from producers.extract.cells import Cells, Finding
from producers.extract.files import CANDIDATES, place_of
from producers.extract.identity import Pseudonyms
from producers.extract.people import PeopleOfExtract
from producers.extract.personal import (
    contradiction,
    is_personal,
    is_rounded,
    marks_of,
    may_be_personal,
    misplaced,
    plain_passport,
)
from producers.extract.reference import Agencies, Permits
from producers.extract.sink import Sink
from producers.sealing import FIELD_BYTES_MAX
from producers.sealing.clear import plain_nik
from schemas.instants import format_date

SCHEMES: Final = {
    "P TO P": "P_TO_P",
    "G TO G": "G_TO_G",
    "G TO P": "G_TO_P",
    "UKPS": "UKPS",
    "PERSEORANGAN": "INDIVIDUAL",
}
SEXES: Final = {"L": "M", "P": "F"}
# Where the fields that are sealed stand, in the order of `sealing.FIELDS`.
_COLUMNS: Final = ("nik", "nama", "tgl_lahir", "no_paspor")
NIK_CHARACTERS_MAX: Final = 64
HOLDS_PERSONAL_DATA: Final = "it holds personal data, which must stand in no action"


class Candidate:
    """What is kept of a row.

    Attributes:
        line: Of cpmi.csv.
        is_usable: Whether a registration can be made of it.
        person: Stands for the owner of the NIK.
        marks: Hashes by which personal data is known again in a text.
        wish: What the registration is for; None where the row is not usable.

    """

    __slots__ = ("is_usable", "line", "marks", "person", "wish")

    def __init__(
        self, line: int, *, is_usable: bool, person: bytes | None, marks: bytes | None, wish: Wish | None
    ) -> None:
        self.line = line
        self.is_usable = is_usable
        self.person = person
        self.marks = marks
        self.wish = wish

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Candidate(line {self.line}, is_usable={self.is_usable}, {self.wish})"


class Candidates:
    """The candidates, on disk, by registration number."""

    def __init__(
        self,
        sink: Sink,
        pseudonyms: Pseudonyms,
        people: PeopleOfExtract,
        agencies: Agencies,
        permits: Permits,
    ) -> None:
        self._sink: Final = sink
        self._people: Final = people
        self._pseudonyms: Final = pseudonyms
        self._agencies: Final = agencies
        self._permits: Final = permits
        self._find: Final = sink.scratch.db.cursor()

    def take(self, row: Cells) -> None:
        """Take a row of cpmi.csv."""
        registration = row.identifier("no_registrasi")
        nik = plain_nik(row.raw("nik"))
        sex = row.choice("jenis_kelamin", SEXES)
        scheme = row.choice("skema", SCHEMES)
        destination = row.country("negara")
        position = row.identifier("jabatan")
        agency_id, permit_id, line = self._line(row, scheme)
        self._check_nik(row, nik)
        birth_day = row.birth_day_if_any("tgl_lahir")
        if not row.findings and (contradicts := contradiction(nik, birth_day, sex)):
            row.remarks.append(Finding("nik_contradicts", "nik", f"it contradicts {contradicts}"))
        number = plain_passport(row.raw("no_paspor"))
        passport = self._pseudonyms.passport(number) if number else None
        person = self._pseudonyms.person(nik) if nik else None
        marks = marks_of(self._pseudonyms, row.raw("nama"), passport, birth_day)
        personal = {column: row.raw(column) for column in _COLUMNS}
        shifted = self._shifted((registration, agency_id, permit_id, position), personal, person, marks)
        for column in shifted:
            row.add("value_unreadable", column, HOLDS_PERSONAL_DATA)
        registration = "" if "no_registrasi" in shifted else registration
        position = "" if "jabatan" in shifted else position
        born = row.raw("tgl_lahir") if birth_day is None else format_date(birth_day)
        fields = self._fields(
            row, {"nik": nik, "name": row.raw("nama"), "birth_date": born, "passport": number}
        )
        sink = self._sink
        about = {
            "permit_id": permit_id if permit_id in self._permits.by_number else None,
            "agency_id": agency_id if agency_id in self._agencies.by_code else None,
        }
        if not row.findings:
            earlier = self._repeat(registration, row)
            if earlier is not None:
                line_of_first, is_same = earlier
                if is_same:
                    sink.repeated(place_of(CANDIDATES, row.line), registration)
                else:
                    sink.differs(CANDIDATES, row.line, "no_registrasi", line_of_first, registration)
                return
        is_usable = not sink.is_useless(CANDIDATES, row, registration_id=registration, **about)
        if is_usable:
            blocked_by = self._blocked_by(agency_id, permit_id)
            if blocked_by is not None:
                column = "nomor_sip2mi" if permit_id in self._permits.reported else "kode_p3mi"
                sink.depends(CANDIDATES, row.line, column, blocked_by, registration_id=registration, **about)
                is_usable = False
        if not registration or (row.findings and may_be_personal(registration)):
            return
        sink.scratch.db.execute(
            "INSERT OR IGNORE INTO candidates VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                registration,
                row.line,
                self._pseudonyms.row(row.all()),
                int(is_usable),
                person,
                passport,
                marks,
                scheme,
                agency_id if is_usable else about["agency_id"],
                destination,
                permit_id if is_usable else about["permit_id"],
                line if is_usable or about["permit_id"] else None,
                position if is_usable else "",
                sex,
                self._people.kept(registration, fields) if is_usable else None,
            ),
        )

    def find(self, registration: str) -> Candidate | None:
        """Give the candidate of a registration."""
        found = self._find.execute(
            "SELECT c.line, c.usable, c.person, c.marks, c.scheme, c.agency, c.destination, c.permit,"
            " c.permit_line, c.position, c.sex, p.person_id"
            " FROM candidates c LEFT JOIN people p ON p.person = c.person WHERE c.registration = ?",
            (registration,),
        ).fetchone()
        if found is None:
            return None
        line, usable, person, marks, *wished, person_id = found
        wish = Wish(person_id, *wished) if usable else None
        return Candidate(line, is_usable=bool(usable), person=person, marks=marks, wish=wish)

    def _shifted(
        self,
        identifiers: tuple[str, str | None, str | None, str],
        personal: Mapping[str, str],
        person: bytes | None,
        marks: bytes,
    ) -> list[str]:
        """Give the columns of identifiers that hold this candidate's own data."""
        registration, agency_id, permit_id, position = identifiers
        is_trade = position in self._permits.positions
        # What is the number of an agency or a permit of this extract is nobody's name.
        shifted = [
            column
            for column, text, is_known in (
                ("no_registrasi", registration, False),
                ("kode_p3mi", agency_id, agency_id in self._agencies.by_code),
                ("nomor_sip2mi", permit_id, permit_id in self._permits.by_number),
            )
            if text
            and not is_known
            and (misplaced(text, personal) or is_personal(text, self._pseudonyms, person, marks))
        ]
        if is_personal(position, self._pseudonyms, person, marks, is_trade=True) or (
            position and not is_trade and self._is_misplaced_position(position, personal)
        ):
            shifted.append("jabatan")
        return shifted

    def _is_misplaced_position(self, position: str, personal: Mapping[str, str]) -> bool:
        """Tell whether somebody's data stands where the position should; it is the position of no permit."""
        return personal["nama"] in self._permits.positions or misplaced(position, personal)

    def _line(self, row: Cells, scheme: str) -> tuple[str | None, str | None, int | None]:
        """Give agency, permit and line: all under P TO P, none under another scheme."""
        if scheme == "P_TO_P":
            agency_id = row.identifier("kode_p3mi")
            permit_id = row.identifier_if_any("nomor_sip2mi")
            line = row.whole("no_urut") if row.raw("no_urut") else None
            if line is not None and line < 1:
                row.add("value_unreadable", "no_urut", "lines count from 1")
            if (permit_id is None) != (line is None):
                empty = "nomor_sip2mi" if permit_id is None else "no_urut"
                row.add("value_missing", empty, "it is empty, though nomor_sip2mi and no_urut go together")
            return agency_id, permit_id, line
        if scheme:
            for column in ("kode_p3mi", "nomor_sip2mi", "no_urut"):
                if row.raw(column) not in {"", "-"}:
                    row.add("value_unreadable", column, "only P TO P has an agency, a permit and a line")
        return None, None, None

    def _check_nik(self, row: Cells, nik: str) -> None:
        if not nik:
            row.add("value_missing", "nik", "it is empty: nobody can be matched")
        elif is_rounded(nik):
            row.add("value_unreadable", "nik", "a spreadsheet rounded it: nobody can be matched")
        elif len(nik) > NIK_CHARACTERS_MAX:
            row.add("value_unreadable", "nik", "it is far longer than a NIK: nobody can be matched")

    def _fields(self, row: Cells, given: dict[str, str]) -> dict[str, str]:
        """Give what is to be sealed; what is too long for any name is told, and left out."""
        fields = {}
        for (name, value), column in zip(given.items(), _COLUMNS, strict=True):
            if len(value.encode("utf-8")) <= FIELD_BYTES_MAX:
                fields[name] = value
            elif column != "nik":
                row.remarks.append(Finding("value_unreadable", column, "it is too long, and is not sealed"))
        return fields

    def _blocked_by(self, agency_id: str | None, permit_id: str | None) -> int | None:
        """Give the place of the row that this one depends on and that is only reported."""
        if permit_id is not None and permit_id in self._permits.reported:
            return self._permits.reported[permit_id]
        if agency_id is not None and agency_id not in self._agencies.by_code:
            return self._agencies.reported.get(agency_id)
        return None

    def _repeat(self, registration: str, row: Cells) -> tuple[int, bool] | None:
        """Give an earlier row of that number: its line, and whether it says the same; None for the first."""
        found = self._find.execute(
            "SELECT line, row FROM candidates WHERE registration = ?", (registration,)
        ).fetchone()
        return None if found is None else (found[0], found[1] == self._pseudonyms.row(row.all()))

    def check_passports(self) -> None:
        """Report two people on one passport, on each of the rows."""
        rows = self._sink.scratch.db.cursor().execute(
            "SELECT passport, registration, line FROM candidates WHERE passport IN"
            " (SELECT passport FROM candidates WHERE passport IS NOT NULL"
            "  GROUP BY passport HAVING count(DISTINCT person) > 1)"
            " ORDER BY passport, line"
        )
        group: list[tuple[str, int]] = []
        last: bytes | None = None
        for passport, registration, line in rows:
            if passport != last:
                self._tell_passport(group)
                group, last = [], passport
            group.append((registration, line))
        self._tell_passport(group)

    def _tell_passport(self, group: list[tuple[str, int]]) -> None:
        for registration, line in group:
            others = _listed([other for _, other in group if other != line])
            self._sink.report(
                CANDIDATES,
                line,
                "no_paspor",
                "passport_of_two_people",
                f"{others} has the same passport and another NIK",
                is_only_reported=False,
                registration_id=registration,
            )

    def check_open_registrations(self) -> None:
        """Report one NIK on registrations that were open at the same time, on each of the rows."""
        rows = self._sink.scratch.db.cursor().execute(
            "SELECT c.person, c.registration, c.line, l.started, l.ended"
            " FROM candidates c JOIN lives l ON l.registration = c.registration"
            " WHERE l.started IS NOT NULL AND c.person IN"
            " (SELECT person FROM candidates GROUP BY person HAVING count(*) > 1)"
            " ORDER BY c.person, l.started, c.line"
        )
        for _, group in groupby(rows, key=itemgetter(0)):
            lives = [_Open(*row[1:]) for row in group]
            for life in lives:
                others = [other.line for other in lives if other is not life and life.overlaps(other)]
                if others:
                    self._sink.report(
                        CANDIDATES,
                        life.line,
                        "nik",
                        "nik_on_several_open_registrations",
                        f"{_listed(others)} has the same NIK, and was open at the same time",
                        is_only_reported=False,
                        registration_id=life.registration,
                    )

    def __repr__(self) -> str:
        """Show where they are kept."""
        return f"Candidates({self._sink.scratch!r})"


class _Open(NamedTuple):
    """A registration from its beginning to its end; no end is still open."""

    registration: str
    line: int
    started: int
    ended: int | None

    def overlaps(self, other: _Open) -> bool:
        """Tell whether both were open at one moment."""
        return (self.ended is None or other.started < self.ended) and (
            other.ended is None or self.started < other.ended
        )


def _listed(lines: list[int]) -> str:
    """Name lines in a sentence, and not more than a person reads."""
    shown = ", ".join(str(line) for line in lines[:5])
    more = f" and {len(lines) - 5} more" if len(lines) > 5 else ""
    return f"line {shown}{more}" if len(lines) == 1 else f"lines {shown}{more}"
