"""A SISKOTKLN extract (contract §9), seeded and streamed, with the truth about it: clean, or with mishaps.

The people are invented, names and numbers with them. One life at a time is in memory; permits stay until the
end, because only then is known what the old system counted as left. What goes wrong is in `mishaps`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

from producers.workload.mishaps import Mishaps
from producers.workload.nation import DESTINATIONS, PROVINCES, Destination, Job
from producers.workload.registrations import (
    CLOSURE,
    Life,
    Line,
    Permit,
    Person,
    Stage,
    Truth,
    day_of,
)
from producers.workload.spelling import EPOCH, SCHEME_NAMES, Spelling
from producers.workload.tables import Table

COLUMNS: Final = {
    "kantor.csv": ("kode_kantor", "jenis", "nama", "zona"),
    "p3mi.csv": ("kode_p3mi", "nama", "status", "tgl_status"),
    "sip2mi.csv": (
        "nomor_sip2mi", "kode_p3mi", "negara", "tgl_terbit", "tgl_berlaku", "tgl_berakhir", "tgl_dicabut",
    ),
    "sip2mi_jabatan.csv": ("nomor_sip2mi", "no_urut", "jabatan", "jenis_kelamin", "kuota", "sisa_kuota"),
    "cpmi.csv": (
        "no_registrasi", "nik", "nama", "tgl_lahir", "jenis_kelamin", "no_paspor", "skema", "kode_p3mi",
        "negara", "nomor_sip2mi", "no_urut", "jabatan",
    ),
    "tahapan.csv": (
        "no_registrasi", "tahap", "tanggal", "jam", "kode_kantor", "petugas", "tgl_entri", "jam_entri",
        "bukti", "keterangan",
    ),
    "pelatihan.csv": (
        "no_pelatihan", "no_registrasi", "jenis", "kode_lembaga", "tgl_permohonan", "tgl_selesai",
    ),
}  # fmt: skip
_ZONES: Final = {7: "WIB", 8: "WITA", 9: "WIT"}
_GIVEN: Final = (
    "Siti", "Sri", "Dewi", "Nur", "Rina", "Wati", "Ayu", "Lestari", "Budi", "Agus", "Eko", "Joko", "Hadi",
    "Made", "Ketut", "Yosef", "Lalu", "Baiq",
)  # fmt: skip
_FAMILY: Final = (
    "Aminah", "Rahayu", "Handayani", "Susanti", "Lestari", "Santoso", "Wibowo", "Prasetyo", "Hidayat",
    "Saputra", "Wulandari", "Setiawan", "Kurniawan", "Astuti", "Maulida", "Suryani",
)  # fmt: skip


FIRST_ARRIVAL: Final = day_of(2022, 1, 3)
LAST_ARRIVAL: Final = day_of(2023, 2, 14)
"""The last registrations lie before T_R in every zone."""
DAY_SECONDS: Final = 86_400
_STAGES: Final = (
    ("VERIFIKASI", 0.05),
    ("ID CPMI", 0.06),
    ("PERJANJIAN", 0.10),
    ("PEMENUHAN DOKUMEN", 0.38),
    ("OPP", 0.20),
    ("BIOMETRIK", 0.06),
    ("BERANGKAT", 0.15),
)
"""Each with its share of the time from registration to departure, as in the history of actions."""


class ExtractWriter:
    """Writes the seven files and `truth.json`."""

    def __init__(self, folder: Path, seed: int, candidates: int, defects: float) -> None:
        """Say what is to be written; `defects` is the share of candidates to whom a mishap comes."""
        self._random: Final = Random(seed)
        self._folder: Final = folder
        self._seed: Final = seed
        self._candidates: Final = candidates
        self._defects: Final = defects
        self.spelling: Final = Spelling(self._random.random)
        self.tables: Final = {
            name: Table(folder / name, columns, self._random) for name, columns in COLUMNS.items()
        }
        self.truth: Final = Truth()
        self._permits: Final[list[Permit]] = []
        self._open: Final[dict[tuple[str, str, str, str], tuple[Permit, Line]]] = {}
        self._agencies: Final = [
            f"P3MI-{number:03d}" for number in range(1, max(3, min(424, candidates // 60)) + 1)
        ]
        # People whose registration was cancelled, with the day: some come again. Few are held.
        self._free: Final[deque[tuple[Person, int]]] = deque(maxlen=50)
        self._people = 0
        self._registrations = 0

    def write(self, advance: Callable[[int], None]) -> None:
        """Write everything; `advance` is told of each candidate."""
        mishaps = Mishaps(self, self._random, self._defects)
        self._write_offices()
        for number in range(self._candidates):
            arrival = FIRST_ARRIVAL + int(
                (number + self._random.random()) * (LAST_ARRIVAL - FIRST_ARRIVAL) / self._candidates
            )
            life = self.life(arrival)
            if not mishaps.befall(life):
                self.write_life(life)
            advance(1)
        self._write_agencies()
        self._write_permits()
        for table in self.tables.values():
            table.close()
        self._write_truth()

    # --- one life ---------------------------------------------------------------------------------------

    def life(self, arrival: int) -> Life:
        """Somebody comes on that day; gives the whole life, nothing of it written."""
        random = self._random.random
        destination = DESTINATIONS.at(random())
        job = destination.jobs.at(random())
        scheme = destination.schemes.at(random())
        sex = "P" if random() < job.women else "L"
        again = self._comes_again(arrival, sex)
        person = again or self.somebody(sex, arrival)
        self._registrations += 1
        office = PROVINCES.at(random()).offices.at(random())
        life = Life(f"REG-{self._registrations:07d}", person, destination, scheme, job, office)
        life.is_return = again is not None
        if scheme == "P_TO_P":
            life.permit, life.line = self._unit(destination, job, person.sex, arrival)
            life.line.taken += 1
        self._live(life, arrival)
        if life.stages[-1].name == "BATAL":
            if life.line is not None:
                life.line.returned += 1
            self._free.append((person, life.stages[-1].day + 2))
        if random() < 0.4:
            requested = arrival + 1 + int(20 * random())
            completed = requested + 20 + int(20 * random())
            number = f"PL-{self._registrations:07d}"
            life.training = (number, requested, completed if completed < CLOSURE - 1 else None)
        return life

    def _live(self, life: Life, arrival: int) -> None:
        random = self._random.random
        life.stages.append(self.stage(life, "REGISTRASI", arrival))
        lead = life.destination.lead_days * (0.7 + 0.6 * random())
        names = [
            (name, share)
            for name, share in _STAGES
            if (name != "PERJANJIAN" or life.scheme not in {"INDIVIDUAL", "UKPS"})
            and (name != "BIOMETRIK" or random() < 0.4)
        ]
        gives_up = int(random() * len(names)) if random() < 0.15 else -1
        reached = float(arrival)
        for number, (name, share) in enumerate(names):
            reached += max(1.5, share * lead)
            day = int(reached)
            if day >= CLOSURE - 1:
                return
            if number == gives_up:
                life.stages.append(self.stage(life, "BATAL", day))
                return
            life.stages.append(self.stage(life, name, day))

    def stage(self, life: Life, name: str, day: int) -> Stage:
        """A row, in office hours but for departures, entered the same day."""
        random = self._random.random
        second = 28_800 + int(random() * 25_200)
        if name == "BERANGKAT":
            second = DAY_SECONDS if random() < 0.03 else int(random() * 80_000)
        elif random() < 0.7:
            second -= second % 60
        entered_day, entered_second = day, second + 300 + int(random() * 1_500)
        if entered_second >= DAY_SECONDS:
            entered_day, entered_second = day + 1, 30_000
        stage = Stage(name, day, second, entered_day, entered_second, life.office)
        if name == "BERANGKAT":
            stage.evidence = f"BP-{life.registration}" if random() < 0.6 else ""
            if day > CLOSURE - 30 and random() < 0.3:
                stage.evidence = f"BP-{life.registration}"
                stage.entered_day, stage.entered_second = CLOSURE + 1 + int(random() * 9), 33_000
        elif name == "ID CPMI":
            stage.text = f"ID-{life.registration}" if random() < 0.95 else ""
        elif name == "BIOMETRIK":
            stage.text = f"FP-{life.registration}"
        elif name == "BATAL":
            stage.text = ("mengundurkan diri", "sakit; tidak layak", 'alasan "keluarga"', "")[
                int(random() * 4)
            ]
        return stage

    def somebody(self, sex: str, arrival: int) -> Person:
        """Make a person up, whose NIK and passport nobody else has."""
        random = self._random.random
        self._people += 1
        born = arrival - 365 * 20 - int(random() * 365 * 20)
        on = date.fromordinal(EPOCH.toordinal() + born)
        area = 350000 + self._people // 9999
        day = on.day + (40 if sex == "P" else 0)
        nik = f"{area:06d}{day:02d}{on.month:02d}{on.year % 100:02d}{1 + self._people % 9999:04d}"
        given, family = _GIVEN[int(random() * len(_GIVEN))], _FAMILY[int(random() * len(_FAMILY))]
        chance = random()
        name = f"{given} {family}"
        if chance < 0.02:
            name = f"{given}; {family}, {given}"
        elif chance < 0.025:
            name = f"{given}\n{family}"
        passport = f"C{self._people:07d}" if random() < 0.8 else ""
        return Person(nik, name, born, sex, passport)

    def forget(self, person: Person) -> None:
        """Let this person not come again."""
        if self._free and self._free[-1][0] is person:
            self._free.pop()

    def _comes_again(self, arrival: int, sex: str) -> Person | None:
        """Somebody of that sex who gave up before, one time in fifty."""
        if not self._free or self._random.random() >= 0.02:
            return None
        person, gone = self._free[0]
        return self._free.popleft()[0] if gone < arrival and person.sex == sex else None

    def _unit(self, destination: Destination, job: Job, sex: str, arrival: int) -> tuple[Permit, Line]:
        random = self._random.random
        # A heavy tail: few agencies place many.
        agency = self._agencies[int(random() ** 2 * len(self._agencies))]
        line_sex = "L/P" if 0.2 < job.women < 0.8 else sex
        key = (agency, destination.code, job.position, line_sex)
        found = self._open.get(key)
        if found is None or found[1].taken >= found[1].units:
            issued = arrival - 10 - int(random() * 30)
            permit = Permit(
                f"SIP-{len(self._permits) + 1:06d}/{destination.code}", agency, destination.code, issued
            )
            if random() < 0.02:
                permit.revoked = LAST_ARRIVAL + 20 + int(random() * 100)
            line = Line(1, job.position, line_sex, 5 + int(random() * 30))
            permit.lines.append(line)
            if random() < 0.3:
                permit.lines.append(Line(2, "worker", "L/P", 3 + int(random() * 10)))
            self._permits.append(permit)
            found = self._open[key] = (permit, line)
        return found

    # --- rows -------------------------------------------------------------------------------------------

    def write_life(self, life: Life) -> tuple[int, list[int]]:
        """Write its rows; gives their lines in cpmi.csv and tahapan.csv."""
        line = self.write_candidate(life)
        lines = [self.write_stage(life, stage) for stage in life.stages]
        self.truth.actions += len(lines)
        self.write_training(life)
        return line, lines

    def write_candidate(self, life: Life) -> int:
        """Write the row of cpmi.csv and give its line."""
        person, spelling = life.person, self.spelling
        cells = {
            "no_registrasi": life.registration,
            "nik": spelling.number(person.nik),
            "nama": person.name,
            "tgl_lahir": spelling.day(person.born),
            "jenis_kelamin": person.sex,
            "no_paspor": person.passport,
            "skema": SCHEME_NAMES[life.scheme],
            "negara": spelling.country(life.destination.code),
            "jabatan": life.job.position,
        }
        if life.permit is not None and life.line is not None:
            cells["kode_p3mi"] = life.permit.agency
            cells["nomor_sip2mi"] = life.permit.number
            cells["no_urut"] = str(life.line.number)
        return self.tables["cpmi.csv"].write(cells | life.spelled)

    def stage_cells(self, life: Life, stage: Stage) -> dict[str, str]:
        """The cells of a row of tahapan.csv."""
        spelling = self.spelling
        return {
            "no_registrasi": life.registration,
            "tahap": stage.name,
            "tanggal": spelling.day(stage.day),
            "jam": spelling.time(stage.second),
            "kode_kantor": stage.office.code,
            "petugas": f"o-{stage.office.code.lower()}-1",
            "tgl_entri": spelling.day(stage.entered_day),
            "jam_entri": spelling.time(stage.entered_second),
            "bukti": stage.evidence,
            "keterangan": stage.text,
        } | stage.spelled

    def write_stage(self, life: Life, stage: Stage) -> int:
        """Write the row and give its line."""
        return self.tables["tahapan.csv"].write(self.stage_cells(life, stage))

    def write_training(self, life: Life) -> int | None:
        """Write the row of pelatihan.csv, if there is one, count its actions, and give its line."""
        if life.training is None:
            return None
        number, requested, completed = life.training
        self.truth.actions += 1 if completed is None else 2
        return self.tables["pelatihan.csv"].write(
            {
                "no_pelatihan": number,
                "no_registrasi": life.registration,
                "jenis": "LPK" if requested % 3 else "BLKLN",
                "kode_lembaga": f"LPK-{1 + requested % 40:02d}",
                "tgl_permohonan": self.spelling.day(requested),
                "tgl_selesai": "" if completed is None else self.spelling.day(completed),
            }
        )

    def _write_offices(self) -> None:
        for province in PROVINCES.things:
            for office in province.offices.things:
                self.tables["kantor.csv"].write(
                    {
                        "kode_kantor": office.code,
                        "jenis": office.type,
                        "nama": f"Kantor {office.code}",
                        "zona": _ZONES[office.zone_ms // 3_600_000],
                    }
                )

    def _write_agencies(self) -> None:
        for number, code in enumerate(self._agencies):
            # Suspended when no registration can be made any more: nothing is refused for it.
            is_suspended = number % 17 == 5
            day = LAST_ARRIVAL + 30 + number if is_suspended else day_of(2021, 11, 15)
            self.tables["p3mi.csv"].write(
                {
                    "kode_p3mi": code,
                    "nama": f"PT Contoh {code[-3:]}",
                    "status": "SKORSING" if is_suspended else "AKTIF",
                    "tgl_status": self.spelling.day(day),
                }
            )
            self.truth.actions += 2 if is_suspended else 1

    def _write_permits(self) -> None:
        spelling = self.spelling
        for permit in self._permits:
            self.tables["sip2mi.csv"].write(
                {
                    "nomor_sip2mi": permit.number,
                    "kode_p3mi": permit.agency,
                    "negara": spelling.country(permit.country),
                    "tgl_terbit": spelling.day(permit.issued),
                    "tgl_berlaku": spelling.day(permit.issued),
                    "tgl_berakhir": spelling.day(permit.issued + 540),
                    "tgl_dicabut": "" if permit.revoked is None else spelling.day(permit.revoked),
                }
            )
            self.truth.actions += 1 if permit.revoked is None else 2
            for line in permit.lines:
                self.tables["sip2mi_jabatan.csv"].write(
                    {
                        "nomor_sip2mi": permit.number,
                        "no_urut": str(line.number),
                        "jabatan": line.position,
                        "jenis_kelamin": line.sex,
                        "kuota": str(line.units),
                        "sisa_kuota": str(line.remaining),
                    }
                )

    def _write_truth(self) -> None:
        truth = self.truth
        document = {
            "seed": self._seed,
            "candidates": self._candidates,
            "rows": {name: table.rows for name, table in self.tables.items()},
            "actions": truth.actions,
            "repeated": truth.repeated,
            "refused": dict(sorted(truth.refused.items())),
            "defects": [
                {"file": file, "line": line, "column": column, "kind": kind}
                for file, line, column, kind in sorted(truth.defects)
            ],
            "differences": [
                {
                    "permit_id": permit.number,
                    "line": line.number,
                    "difference": -line.unseen - line.miscounted,
                }
                for permit in self._permits
                for line in permit.lines
                if line.unseen + line.miscounted
            ],
        }
        text = json.dumps(document, indent=1) + "\n"
        (self._folder / "truth.json").write_text(text, encoding="utf-8")

    def __repr__(self) -> str:
        return f"ExtractWriter({self._registrations} registrations, {len(self._permits)} permits)"
