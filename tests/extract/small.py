"""Small extracts, written row by row: everything is right until a test makes it wrong."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger.engine import Engine
from ledger.policy import default_policy
from producers.extract import Cutover, Extract, ExtractAction, Pseudonyms, Scratch
from producers.extract.files import FILES
from producers.sealing import Strangers
from schemas.action_json import action_json
from schemas.framing import read_action_record

KEY = bytes(range(32))
Row = dict[str, str]
COLUMNS = {file.name: file.columns for file in FILES}
# The stages of a whole life, with the days after the registration on which they come.
WHOLE = (
    ("VERIFIKASI", 2),
    ("PERJANJIAN", 4),
    ("ID CPMI", 5),
    ("PEMENUHAN DOKUMEN", 30),
    ("OPP", 40),
    ("BERANGKAT", 50),
)


def nik_of(number: int, sex: str, day: int = 5, month: int = 3, year: int = 90) -> str:
    """A NIK that fits somebody born on that day."""
    return f"350101{day + (40 if sex == 'P' else 0):02d}{month:02d}{year:02d}{number:04d}"


@dataclass
class SmallExtract:
    """Rows by file, in the order in which they are written."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    @classmethod
    def ready(cls, *, units: int = 10, remaining: int | None = None) -> SmallExtract:
        """Two offices, an agency, a permit for Taiwan with one line; nobody yet."""
        made = cls()
        made.add("kantor.csv", kode_kantor="LTSA-1", jenis="LTSA", nama="LTSA Satu", zona="WIB")
        made.add("kantor.csv", kode_kantor="BP3MI-NTB", jenis="BP3MI", nama="BP3MI Mataram", zona="WITA")
        made.add("p3mi.csv", kode_p3mi="P-1", nama="PT Satu", status="AKTIF", tgl_status="01/11/2021")
        made.permit("SIP-1", units=units, remaining=units if remaining is None else remaining)
        return made

    def add(self, file: str, **cells: str) -> int:
        """Add a row and give its line, as long as no cell holds a line end."""
        self.rows[file].append(cells)
        return len(self.rows[file]) + 1

    def permit(self, number: str, *, units: int, remaining: int, country: str = "TAIWAN") -> None:
        """Add a permit with one line."""
        self.add(
            "sip2mi.csv",
            nomor_sip2mi=number,
            kode_p3mi="P-1",
            negara=country,
            tgl_terbit="01/12/2021",
            tgl_berlaku="01/12/2021",
            tgl_berakhir="30/11/2023",
            tgl_dicabut="",
        )
        self.add(
            "sip2mi_jabatan.csv",
            nomor_sip2mi=number,
            no_urut="1",
            jabatan="caregiver",
            jenis_kelamin="P",
            kuota=str(units),
            sisa_kuota=str(remaining),
        )

    def candidate(self, number: int, **cells: str) -> int:
        """Add a woman who goes to Taiwan under the permit, and give her line in cpmi.csv."""
        return self.add(
            "cpmi.csv",
            **{
                "no_registrasi": f"R-{number}",
                "nik": nik_of(number, "P"),
                "nama": f"Siti Rahasia {number}",
                "tgl_lahir": "05/03/1990",
                "jenis_kelamin": "P",
                "no_paspor": f"B{number:07d}",
                "skema": "P TO P",
                "kode_p3mi": "P-1",
                "negara": "TAIWAN",
                "nomor_sip2mi": "SIP-1",
                "no_urut": "1",
                "jabatan": "caregiver",
                **cells,
            },
        )

    def stage(self, number: int, stage: str, on: str, at: str = "09.00", **cells: str) -> int:
        """Add a stage of a candidate, entered an hour later, and give its line in tahapan.csv."""
        hour = int(at[:2])
        return self.add(
            "tahapan.csv",
            **{
                "no_registrasi": f"R-{number}",
                "tahap": stage,
                "tanggal": on,
                "jam": at,
                "kode_kantor": "LTSA-1",
                "petugas": "o-1",
                "tgl_entri": on,
                "jam_entri": f"{min(hour + 1, 23):02d}:59",
                "bukti": "",
                "keterangan": "",
                **cells,
            },
        )

    def life(self, number: int, stages: int = len(WHOLE), month: int = 3) -> dict[str, int]:
        """Add a candidate with a registration and so many stages; gives the lines by stage."""
        self.candidate(number)
        lines = {"REGISTRASI": self.stage(number, "REGISTRASI", f"01/{month:02d}/2022")}
        for name, days in WHOLE[:stages]:
            on = f"{1 + days % 25:02d}/{month + days // 25:02d}/2022"
            lines[name] = self.stage(number, name, on)
        return lines

    def write(
        self,
        folder: Path,
        *,
        separator: str = ";",
        bom: bool = False,
        columns: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple,
    ) -> Path:
        """Write the seven files and give the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.rows.items():
            text = io.StringIO(newline="")
            writer = csv.DictWriter(
                text, columns(COLUMNS[name]), delimiter=separator, restval="", lineterminator="\n"
            )
            writer.writeheader()
            writer.writerows(rows)
            (folder / name).write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.getvalue().encode("utf-8"))
        return folder


@dataclass
class Reading:
    """What an extract came to."""

    actions: list[ExtractAction]
    defects: list[tuple[str, int, str, str]]
    texts: str
    counts: dict[str, tuple[int, int, int]]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The actions as JSON objects."""
        return [json.loads(action_json(read_action_record(action.avro).action)) for action in self.actions]

    @property
    def kinds(self) -> list[str]:
        """The kinds of the actions, in order."""
        return [str(line["kind"]) for line in self.lines]


@contextmanager
def opened(folder: Path, key: bytes = KEY) -> Iterator[Extract]:
    """An extract, not read yet."""
    policy = default_policy()
    cutover = Cutover(
        policy.registration_limit.at, policy.closure.at, frozenset(policy.agreement_not_required)
    )
    with Scratch() as scratch:
        yield Extract(folder, Pseudonyms(key, key), Strangers(key), cutover, scratch)


def read(folder: Path, key: bytes = KEY) -> Reading:
    """Read an extract whole."""
    with opened(folder, key) as extract:
        extract.read(lambda: None)
        actions = list(extract.actions())
        defects = list(extract.defects())
        return Reading(
            actions,
            [(each.file, each.line, each.column, each.kind) for each in defects],
            "\n".join(f"{each.reason} {each.advice}" for each in defects),
            {each.file: (each.rows, each.repeated, each.only_reported) for each in extract.counts()},
        )


def decided(engine: Engine, actions: list[ExtractAction], first_offset: int = 0) -> list[str]:
    """Have actions decided; gives the outcome or the code of each."""
    given = []
    for offset, action in enumerate(actions, first_offset):
        record = read_action_record(action.avro)
        decision = engine.decide(
            record.action, record.avro, record.digest, offset, record.action.entered_at, 0
        )
        given.append(decision.code or decision.outcome)
    return given
