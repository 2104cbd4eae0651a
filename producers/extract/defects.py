"""What can be wrong with an extract: the kinds, worst first, each with its words in two languages.

Data and words only. A reason names files, lines, columns and what was expected; it never repeats a cell,
because any cell of an extract may hold personal data, also one in the wrong column.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class DefectKind:
    """A kind of defect.

    Attributes:
        name: As in the report for programs.
        title: A heading, in English.
        judul: The same in Bahasa Indonesia.
        advice: What to do about it, in English.
        saran: The same in Bahasa Indonesia.

    """

    name: str
    title: str
    judul: str
    advice: str
    saran: str


# The order is the order of the report: what can place two people on one unit comes first, what only costs a
# row later, what follows from another row last.
_ALL: Final = (
    DefectKind(
        "nik_on_several_open_registrations",
        "One NIK on several open registrations",
        "Satu NIK pada beberapa pendaftaran terbuka",
        "Ask the agency which registration stands, and let the office cancel the other: each holds a unit.",
        "Tanyakan kepada P3MI pendaftaran mana yang berlaku, lalu kantor membatalkan yang lain: "
        "masing-masing memegang kuota.",
    ),
    DefectKind(
        "passport_of_two_people",
        "Two people on one passport",
        "Dua orang dengan satu paspor",
        "Compare both passports with the originals; one of the numbers, or one of the NIKs, is wrong.",
        "Cocokkan kedua paspor dengan dokumen asli; salah satu nomor paspor atau NIK keliru.",
    ),
    DefectKind(
        "nik_contradicts",
        "A NIK that contradicts birth date or sex",
        "NIK tidak sesuai tanggal lahir atau jenis kelamin",
        "Compare NIK, birth date and sex with the identity card, and correct the one that is wrong.",
        "Cocokkan NIK, tanggal lahir, dan jenis kelamin dengan KTP, lalu perbaiki yang keliru.",
    ),
    DefectKind(
        "registered_from_limit",
        "Registered in SISKOTKLN from 17 February 2023 on",
        "Terdaftar di SISKOTKLN sejak 17 Februari 2023",
        "The ledger refuses it: let the candidate register in SIAPKerja, or correct the date if it is wrong.",
        "Ditolak oleh neraca: daftarkan calon PMI melalui SIAPKerja, atau perbaiki tanggal bila keliru.",
    ),
    DefectKind(
        "departure_without_evidence",
        "Departure entered after the closure without evidence",
        "Keberangkatan dientri setelah penutupan tanpa bukti",
        "Ask the agency for evidence of the departure, such as the boarding pass, and put it into `bukti`.",
        "Minta bukti keberangkatan kepada P3MI, misalnya pas naik pesawat, lalu isikan pada `bukti`.",
    ),
    DefectKind(
        "stage_out_of_order",
        "Stages out of order",
        "Tahapan tidak berurutan",
        "Ask the office for the missing stage or the right date, and correct the row.",
        "Tanyakan kepada kantor tahap yang kurang atau tanggal yang benar, lalu perbaiki baris ini.",
    ),
    DefectKind(
        "contradicts_decided",
        "Correction that contradicts what was decided",
        "Koreksi yang bertentangan dengan keputusan",
        "What was decided stands: if the new row is right, BP2MI has to rule, for nothing is ever edited.",
        "Keputusan tetap berlaku: bila baris baru yang benar, BP2MI perlu memutuskan, karena catatan tidak "
        "pernah diubah.",
    ),
    DefectKind(
        "number_used_twice",
        "One number on two different rows",
        "Satu nomor pada dua baris berbeda",
        "Only the first row counts: find out which of the two is right, and remove the other.",
        "Hanya baris pertama yang dipakai: pastikan baris yang benar, lalu hapus yang lain.",
    ),
    DefectKind(
        "office_unknown",
        "Unknown office",
        "Kantor tidak dikenal",
        "Correct the code, or add the office with its type and zone to kantor.csv.",
        "Perbaiki kode, atau tambahkan kantor beserta jenis dan zonanya ke kantor.csv.",
    ),
    DefectKind(
        "country_unknown",
        "Unknown country",
        "Negara tidak dikenal",
        "Write the country's name in Indonesian or English, or its two-letter code.",
        "Tuliskan nama negara dalam bahasa Indonesia atau Inggris, atau kode dua hurufnya.",
    ),
    DefectKind(
        "date_unreadable",
        "Missing or unreadable date",
        "Tanggal kosong atau tidak terbaca",
        "Write dates as dd/mm/yyyy, dd-mm-yyyy or yyyy-mm-dd.",
        "Tuliskan tanggal sebagai dd/mm/yyyy, dd-mm-yyyy, atau yyyy-mm-dd.",
    ),
    DefectKind(
        "hour_unreadable",
        "Missing or unreadable hour",
        "Jam kosong atau tidak terbaca",
        "Write times as HH.MM or HH:MM, with or without seconds, up to 24.00.",
        "Tuliskan jam sebagai HH.MM atau HH:MM, dengan atau tanpa detik, hingga 24.00.",
    ),
    DefectKind(
        "value_missing",
        "Missing value",
        "Isian kosong",
        "Fill in the column.",
        "Lengkapi kolom ini.",
    ),
    DefectKind(
        "value_unreadable",
        "Unreadable value",
        "Isian tidak terbaca",
        "Correct the value; docs/extract.md lists what each column takes.",
        "Perbaiki isian; docs/extract.md memuat isian yang diterima tiap kolom.",
    ),
    DefectKind(
        "row_unreadable",
        "Row that cannot be read",
        "Baris tidak terbaca",
        "Export the row again, as UTF-8, with quotes in pairs and one cell for each column.",
        "Ekspor ulang baris ini sebagai UTF-8, tanda kutip berpasangan, satu isian tiap kolom.",
    ),
    DefectKind(
        "not_utf8",
        "Text that is not UTF-8",
        "Teks bukan UTF-8",
        "Export the file as UTF-8.",
        "Ekspor berkas sebagai UTF-8.",
    ),
    DefectKind(
        "personal_data_in_text",
        "Personal data in a text column",
        "Data pribadi pada kolom keterangan",
        "It was left out of the action; write the text without names, NIK, passport or birth date.",
        "Bagian itu tidak diteruskan; tuliskan keterangan tanpa nama, NIK, paspor, atau tanggal lahir.",
    ),
    DefectKind(
        "reference_missing",
        "Row that names what no other file has",
        "Baris merujuk data yang tidak ada",
        "Add the missing row to the file named, or correct the number.",
        "Tambahkan baris yang kurang pada berkas tersebut, atau perbaiki nomornya.",
    ),
    DefectKind(
        "registration_missing",
        "Candidate without a REGISTRASI row",
        "Calon PMI tanpa baris REGISTRASI",
        "Export the REGISTRASI row of this registration as well.",
        "Ekspor juga baris REGISTRASI pendaftaran ini.",
    ),
    DefectKind(
        "depends_on_reported_row",
        "Held back because of another row",
        "Ditahan karena baris lain",
        "Correct the row named; this one needs nothing of its own.",
        "Perbaiki baris yang disebut; baris ini sendiri tidak perlu diubah.",
    ),
)

KINDS: Final = MappingProxyType({kind.name: kind for kind in _ALL})
SEVERITY: Final = MappingProxyType({kind.name: place for place, kind in enumerate(_ALL)})


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is wrong.

    Attributes:
        file: The file of the extract.
        line: Where the row begins; the header is line 1.
        column: The column, empty for the whole row.
        kind: A name of `KINDS`.
        reason: What is wrong there, free of the cell's text.
        is_only_reported: Whether the row became no action because of it.
        registration_id: The registration it is about, where one is known.
        permit_id: The permit it is about, likewise.
        agency_id: The agency it is about, likewise.

    """

    file: str
    line: int
    column: str
    kind: str
    reason: str
    is_only_reported: bool
    registration_id: str | None = None
    permit_id: str | None = None
    agency_id: str | None = None

    @property
    def advice(self) -> str:
        """What to do about it."""
        return KINDS[self.kind].advice
