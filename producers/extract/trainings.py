"""Rows of pelatihan.csv: a training asked for, and completed; at the office of the registration."""

from __future__ import annotations

from typing import Final

from producers.extract.actions import training
from producers.extract.candidates import HOLDS_PERSONAL_DATA, Candidates
from producers.extract.cells import Cells
from producers.extract.files import CANDIDATES, TRAININGS, place_of
from producers.extract.identity import Pseudonyms
from producers.extract.moments import midnight_wib
from producers.extract.personal import is_personal
from producers.extract.reference import Offices
from producers.extract.sink import Sink
from producers.extract.stages import TRAINED

_TYPES: Final = {"LPK": "LPK", "BLKLN": "BLKLN"}


class Trainings:
    """Turns rows into actions; what happened to the registrations must be known by then (`lives`)."""

    def __init__(self, sink: Sink, offices: Offices, candidates: Candidates, pseudonyms: Pseudonyms) -> None:
        self._sink: Final = sink
        self._offices: Final = offices
        self._candidates: Final = candidates
        self._pseudonyms: Final = pseudonyms
        self._find: Final = sink.scratch.db.cursor()

    def take(self, row: Cells) -> None:
        """Take a row of pelatihan.csv."""
        number = row.identifier("no_pelatihan")
        registration = row.identifier("no_registrasi")
        provider = (row.choice("jenis", _TYPES), row.identifier("kode_lembaga"))
        requested_on = row.day("tgl_permohonan")
        completed_on = row.day_if_any("tgl_selesai")
        person, office, blocked_by = self._registration(row, registration)
        if self._sink.is_useless(TRAININGS, row, registration_id=registration):
            return
        if blocked_by is not None:
            self._sink.depends(TRAININGS, row.line, "no_registrasi", blocked_by, registration_id=registration)
            return
        place = place_of(TRAININGS, row.line)
        days = (("training_requested", requested_on), ("training_completed", completed_on))
        for sub, (kind, day) in enumerate(days):
            if day is not None:
                at = midnight_wib(day)
                avro = training(kind, number, provider, person, office, at)
                self._sink.write(at, TRAINED, place, sub, avro, registration=registration)

    def _registration(self, row: Cells, registration: str) -> tuple[str, tuple[str, str], int | None]:
        """Give the person, the office, and the place of the row that keeps the registration out."""
        candidate = self._candidates.find(registration)
        if candidate is None:
            row.add("reference_missing", "no_registrasi", "cpmi.csv has no such registration")
            return "", ("", ""), None
        for column in ("no_pelatihan", "kode_lembaga"):
            if is_personal(
                row.raw(column), self._pseudonyms, candidate.person, candidate.marks, is_trade=True
            ):
                row.add("value_unreadable", column, HOLDS_PERSONAL_DATA)
        if candidate.wish is None:
            return "", ("", ""), place_of(CANDIDATES, candidate.line)
        code, blocked_by = self._find.execute(
            "SELECT office, blocked_by FROM lives WHERE registration = ?", (registration,)
        ).fetchone()
        if code is None:
            if blocked_by is None:
                row.add("reference_missing", "no_registrasi", "tahapan.csv has no REGISTRASI of it")
            return "", ("", ""), blocked_by
        return candidate.wish.person_id, (self._offices.by_code[code].type, code), blocked_by

    def __repr__(self) -> str:
        """Show what it writes to."""
        return f"Trainings({self._sink!r})"
