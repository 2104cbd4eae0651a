"""What goes wrong in an extract: each mishap comes to one candidate, and is told to the truth.

A mishap writes the candidate's rows itself. `unseen` counts the units that the old system counts and the
ledger does not (or the reverse), so that the truth knows the difference on the line.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from producers.workload.registrations import CLOSURE, Life, day_of

if TYPE_CHECKING:
    from producers.workload.extract import ExtractWriter

_LIMIT: Final = day_of(2023, 2, 17)


class Mishaps:
    """Lets mishaps come to a share of the candidates, each kind in its turn."""

    def __init__(self, writer: ExtractWriter, random: Random, share: float) -> None:
        self._writer: Final = writer
        self._random: Final = random.random
        self._share: Final = share
        self._turn = 0
        self._kinds: Final[tuple[Callable[[Life], bool], ...]] = (
            self._two_open,
            self._nik_contradicts,
            self._one_passport,
            self._out_of_order,
            self._after_limit,
            self._without_evidence,
            self._unknown_office,
            self._unknown_country,
            self._no_date,
            self._no_hour,
            self._twice_the_same,
            self._short_row,
            self._number_twice,
            self._not_returned,
            self._nik_in_text,
        )

    def befall(self, life: Life) -> bool:
        """Write this life with a mishap, or say that none came to it."""
        if self._share and self._random() < self._share and not life.is_return:
            for tried in range(len(self._kinds)):
                kind = self._kinds[(self._turn + tried) % len(self._kinds)]
                if kind(life):
                    # Whoever comes again would bring this mishap along.
                    self._writer.forget(life.person)
                    # The kind whose turn it was comes next time, if this life had no use for it.
                    self._turn += 1 if tried == 0 else 0
                    if tried:
                        self._skip(tried)
                    return True
        return False

    def _skip(self, tried: int) -> None:
        """Now and then give up waiting for a fitting life, so that one rare kind does not stop the others."""
        if self._random() < 0.3:
            self._turn += tried + 1

    def _found(self, file: str, line: int, column: str, kind: str) -> None:
        self._writer.truth.defects.append((file, line, column, kind))

    def _refused(self, code: str, count: int = 1) -> None:
        if count:
            self._writer.truth.refused[code] += count

    def _two_open(self, life: Life) -> bool:
        """Registered once more while the first registration is open."""
        if life.permit is None or life.line is None or life.line.taken >= life.line.units:
            return False
        line, _ = self._writer.write_life(life)
        again = Life(
            f"{life.registration}-B",
            life.person,
            life.destination,
            life.scheme,
            life.job,
            life.office,
            life.permit,
            life.line,
        )
        first = life.stages[0]
        again.stages.append(self._writer.stage(again, "REGISTRASI", first.day))
        again.stages[0].second = first.second - first.second % 60 + 60
        again.stages[0].entered_second = again.stages[0].second + 900
        life.line.taken += 1
        life.line.unseen += 1
        other, _ = self._writer.write_life(again)
        for each in (line, other):
            self._found("cpmi.csv", each, "nik", "nik_on_several_open_registrations")
        self._refused("OPEN_REGISTRATION_EXISTS")
        return True

    def _nik_contradicts(self, life: Life) -> bool:
        """The sex typed wrong in the NIK."""
        nik = life.person.nik
        day = int(nik[6:8])
        life.spelled["nik"] = f"{nik[:6]}{(day + 40) % 80:02d}{nik[8:]}"
        line, _ = self._writer.write_life(life)
        self._found("cpmi.csv", line, "nik", "nik_contradicts")
        return True

    def _one_passport(self, life: Life) -> bool:
        """The passport of somebody else; both rows are found."""
        other = Life(
            f"{life.registration}-C",
            self._writer.somebody(life.person.sex, life.stages[0].day),
            life.destination,
            "G_TO_G",
            life.job,
            life.office,
        )
        if not life.person.passport:
            return False
        other.person.passport = life.person.passport
        other.stages.append(self._writer.stage(other, "REGISTRASI", life.stages[0].day))
        for each in (life, other):
            line, _ = self._writer.write_life(each)
            self._found("cpmi.csv", line, "no_paspor", "passport_of_two_people")
        return True

    def _out_of_order(self, life: Life) -> bool:
        """Departed without an orientation."""
        names = [stage.name for stage in life.stages]
        if "BERANGKAT" not in names:
            return False
        life.stages = [stage for stage in life.stages if stage.name != "OPP"]
        _, lines = self._writer.write_life(life)
        self._found("tahapan.csv", lines[-1], "tahap", "stage_out_of_order")
        self._refused("STAGE_OUT_OF_ORDER")
        return True

    def _after_limit(self, life: Life) -> bool:
        """Registered when SISKOTKLN took none any more."""
        if life.line is None or self._is_cancelled(life):
            return False
        life.stages = life.stages[:1]
        life.training = None
        life.stages[0].day = life.stages[0].entered_day = _LIMIT + 3
        life.line.unseen += 1
        _, lines = self._writer.write_life(life)
        self._found("tahapan.csv", lines[0], "tanggal", "registered_from_limit")
        self._refused("REGISTERED_AFTER_LIMIT")
        return True

    def _without_evidence(self, life: Life) -> bool:
        """Departed in time, entered after the closure, and nobody kept the boarding pass."""
        last = life.stages[-1]
        if last.name != "BERANGKAT":
            return False
        last.entered_day, last.entered_second, last.evidence = CLOSURE + 2, 36_000, ""
        _, lines = self._writer.write_life(life)
        self._found("tahapan.csv", lines[-1], "bukti", "departure_without_evidence")
        self._refused("EVIDENCE_MISSING")
        return True

    def _last_row(self, life: Life, spelled: dict[str, str], column: str, kind: str) -> bool:
        """Spoil the last row: nothing follows that depends on it."""
        if len(life.stages) < 2 or self._is_cancelled(life):
            return False
        life.stages[-1].spelled.update(spelled)
        _, lines = self._writer.write_life(life)
        self._writer.truth.actions -= 1
        self._found("tahapan.csv", lines[-1], column, kind)
        return True

    def _unknown_office(self, life: Life) -> bool:
        return self._last_row(life, {"kode_kantor": "KANTOR-X"}, "kode_kantor", "office_unknown")

    def _no_date(self, life: Life) -> bool:
        return self._last_row(life, {"tanggal": "31/02/2023"}, "tanggal", "date_unreadable")

    def _no_hour(self, life: Life) -> bool:
        return self._last_row(life, {"jam": ""}, "jam", "hour_unreadable")

    def _unknown_country(self, life: Life) -> bool:
        """Nothing of this candidate can go in: the other rows are held back."""
        life.spelled["negara"] = "NEGERI ANTAH BERANTAH"
        actions = self._writer.truth.actions
        line = self._writer.write_candidate(life)
        lines = [self._writer.write_stage(life, stage) for stage in life.stages]
        training = self._writer.write_training(life)
        self._writer.truth.actions = actions
        self._found("cpmi.csv", line, "negara", "country_unknown")
        for each in lines:
            self._found("tahapan.csv", each, "no_registrasi", "depends_on_reported_row")
        if training is not None:
            self._found("pelatihan.csv", training, "no_registrasi", "depends_on_reported_row")
        if life.line is not None and not self._is_cancelled(life):
            life.line.unseen += 1
        return True

    def _twice_the_same(self, life: Life) -> bool:
        """A registration exported twice, and counted twice by the old system."""
        if life.line is None or life.line.taken >= life.line.units:
            return False
        cells = self._writer.stage_cells(life, life.stages[0])
        life.stages[0].spelled.update(cells)
        self._writer.write_life(life)
        self._writer.write_stage(life, life.stages[0])
        self._writer.truth.repeated += 1
        life.line.miscounted += 1
        return True

    def _short_row(self, life: Life) -> bool:
        """The last row was cut."""
        if len(life.stages) < 2 or self._is_cancelled(life):
            return False
        last = life.stages.pop()
        self._writer.write_life(life)
        line = self._writer.tables["tahapan.csv"].write_short(self._writer.stage_cells(life, last))
        self._found("tahapan.csv", line, "", "row_unreadable")
        return True

    def _number_twice(self, life: Life) -> bool:
        """Another row under the same registration number."""
        self._writer.write_life(life)
        life.spelled["jabatan"] = "operator"
        line = self._writer.write_candidate(life)
        self._found("cpmi.csv", line, "no_registrasi", "number_used_twice")
        return True

    def _not_returned(self, life: Life) -> bool:
        """Cancelled, and the old system kept the unit."""
        if life.line is None or not self._is_cancelled(life):
            return False
        self._writer.write_life(life)
        life.line.miscounted += 1
        return True

    def _nik_in_text(self, life: Life) -> bool:
        """A clerk typed the NIK into the reason."""
        if not self._is_cancelled(life):
            return False
        life.stages[-1].text = f"batal atas permintaan {life.person.nik}"
        _, lines = self._writer.write_life(life)
        self._found("tahapan.csv", lines[-1], "keterangan", "personal_data_in_text")
        return True

    def _is_cancelled(self, life: Life) -> bool:
        return life.stages[-1].name == "BATAL"

    def __repr__(self) -> str:
        return f"Mishaps({self._share}, turn {self._turn})"
