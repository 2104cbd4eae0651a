"""The files of an extract and their columns (contract §9). Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FileOfExtract:
    """One file: its name, its place in the order of the contract, and its columns.

    Attributes:
        name: Of the file.
        rank: Its place: among actions of one moment, rows go in by file and line.
        columns: All that must be there.
        beside: Columns that reach no action: what is wrong in them is told, and the row still counts.

    """

    name: str
    rank: int
    columns: tuple[str, ...]
    beside: frozenset[str] = frozenset()


OFFICES: Final = FileOfExtract("kantor.csv", 0, ("kode_kantor", "jenis", "nama", "zona"), frozenset({"nama"}))
AGENCIES: Final = FileOfExtract(
    "p3mi.csv", 1, ("kode_p3mi", "nama", "status", "tgl_status"), frozenset({"nama"})
)
PERMITS: Final = FileOfExtract(
    "sip2mi.csv",
    2,
    ("nomor_sip2mi", "kode_p3mi", "negara", "tgl_terbit", "tgl_berlaku", "tgl_berakhir", "tgl_dicabut"),
)
PERMIT_LINES: Final = FileOfExtract(
    "sip2mi_jabatan.csv",
    3,
    ("nomor_sip2mi", "no_urut", "jabatan", "jenis_kelamin", "kuota", "sisa_kuota"),
)
CANDIDATES: Final = FileOfExtract(
    "cpmi.csv",
    4,
    (
        "no_registrasi",
        "nik",
        "nama",
        "tgl_lahir",
        "jenis_kelamin",
        "no_paspor",
        "skema",
        "kode_p3mi",
        "negara",
        "nomor_sip2mi",
        "no_urut",
        "jabatan",
    ),
    frozenset({"nama", "tgl_lahir", "no_paspor"}),
)
STAGES: Final = FileOfExtract(
    "tahapan.csv",
    5,
    (
        "no_registrasi",
        "tahap",
        "tanggal",
        "jam",
        "kode_kantor",
        "petugas",
        "tgl_entri",
        "jam_entri",
        "bukti",
        "keterangan",
    ),
)
TRAININGS: Final = FileOfExtract(
    "pelatihan.csv",
    6,
    ("no_pelatihan", "no_registrasi", "jenis", "kode_lembaga", "tgl_permohonan", "tgl_selesai"),
)

FILES: Final = (OFFICES, AGENCIES, PERMITS, PERMIT_LINES, CANDIDATES, STAGES, TRAININGS)
FILE_OF_RANK: Final = tuple(file.name for file in FILES)

# A place in the extract as one number: the file's rank above, the line below. No file has more lines.
_LINES_BITS: Final = 40


def place_of(file: FileOfExtract, line: int) -> int:
    """Give file and line as one number that sorts as they do."""
    return file.rank << _LINES_BITS | line


def file_and_line(place: int) -> tuple[str, int]:
    """Give the file's name and the line of a place."""
    return FILE_OF_RANK[place >> _LINES_BITS], place & ((1 << _LINES_BITS) - 1)
