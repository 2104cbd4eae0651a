"""Nothing personal leaves an import: not in an action, a report, an error or a file left behind."""

from __future__ import annotations

import os
import sqlite3
from itertools import product
from pathlib import Path

import pytest

from producers.extract import Pseudonyms
from schemas.action_json import action_json
from schemas.framing import read_action_record
from tests.commands.console import neraca
from tests.extract.small import KEY, SmallExtract, nik_of, opened, read

SECRETS = (
    "Perempuan Rahasia",
    "Rahasia",
    "3501014503901234",
    "3501 0145 0390 1234",
    "X7654321",
    "05/03/1990",
    "1990-03-05",
    "05-03-1990",
    "X 7654321",
    "X-7654321",
    "05.03.1990",
    "5 Maret 1990",
    "05-Mar-1990",
    "05031990",
    "1990/03/05",
)

# A candidate's own data as people write it into a text.
TEXTS = (
    "paspor X 7654321 hlm 2",
    "paspor no. X-7654321",
    "lahir 05.03.1990",
    "lahir 5 Maret 1990",
    "born 05-Mar-1990, 2023",
    "scan_05031990.pdf",
    "1990/03/05",
    "a.n. perempuan_rahasia/X7654321",
)


def planted() -> SmallExtract:
    """An extract with secrets in every personal column, and in others that should have none."""
    extract = SmallExtract.ready(units=9, remaining=2)
    personal = {
        "nik": "3501 0145 0390 1234",
        "nama": "Perempuan Rahasia",
        "tgl_lahir": "05/03/1990",
        "no_paspor": "X7654321",
    }
    for number in range(1, 8):
        extract.life(number, stages=1, month=number)
        extract.rows["cpmi.csv"][-1] |= personal
    rows = extract.rows["cpmi.csv"]
    rows[1] |= {"tgl_lahir": "05-03-1990x", "jenis_kelamin": "Perempuan Rahasia"}
    rows[2] |= {"negara": "Perempuan Rahasia", "skema": "3501014503901234"}
    rows[3] |= {"no_urut": "3501014503901234", "kode_p3mi": "P-1", "nik": nik_of(4, "L")}
    rows[4] |= {"no_registrasi": "R-1", "jabatan": "operator"}
    rows[5] |= {"no_registrasi": "3501014503901234"}
    stages = extract.rows["tahapan.csv"]
    stages[2] |= {"tahap": "Perempuan Rahasia", "tanggal": "05/03/1990 x", "kode_kantor": "X7654321"}
    extract.stage(
        1,
        "BATAL",
        "20/03/2022",
        keterangan="PEREMPUAN RAHASIA (NIK 3501.0145.0390.1234, lahir 05-03-1990) paspor X7654321",
    )
    for number, position in enumerate(("Perempuan Rahasia", "X7654321", "perawat 3501014503901234"), 8):
        extract.life(number, stages=1)
        rows[-1] |= {**personal, "skema": "UKPS", "jabatan": position}
    for registration, training, provider in (
        ("R-1", "3501014503901234", "L-1"),
        ("R-7", "T-2", "perempuan rahasia"),
    ):
        extract.add(
            "pelatihan.csv",
            no_pelatihan=training,
            no_registrasi=registration,
            jenis="LPK",
            kode_lembaga=provider,
            tgl_permohonan="20/07/2022",
            tgl_selesai="",
        )
    extract.stage(7, "BIOMETRIK", "20/07/2022", keterangan="3501014503901234", bukti="paspor x7654321")
    for number, column, cell in (
        (11, "no_registrasi", "X7654321"),
        (12, "no_registrasi", "Perempuan Rahasia"),
        (13, "no_registrasi", "R-13 3501014503901234"),
        (14, "kode_p3mi", "Perempuan Rahasia"),
        (15, "nomor_sip2mi", "05/03/1990"),
        (16, "nomor_sip2mi", "x-7654321"),
    ):
        # Columns have shifted, in both files where the registration is meant.
        first = len(stages)
        extract.life(number, stages=2, month=6)
        rows[-1] |= {**personal, column: cell}
        for stage in stages[first:] if column == "no_registrasi" else ():
            stage["no_registrasi"] = cell
    for number, said in enumerate(TEXTS, 17):
        extract.life(number, stages=1, month=number % 12 + 1)
        rows[-1] |= personal
        extract.stage(number, "BATAL", "20/07/2022", keterangan=said, bukti=said)
    return extract


IDENTIFIERS = {"no_registrasi", "kode_p3mi", "nomor_sip2mi", "jabatan", "no_pelatihan", "kode_lembaga"}


def assert_clean(text: str) -> None:
    """No secret stands in the text, whatever the case."""
    found = [secret for secret in SECRETS if secret.casefold() in text.casefold()]
    assert [] == found


def test_no_action_and_no_defect_holds_a_secret(tmp_path: Path) -> None:
    """Read as bytes, as JSON, and as the words of the report."""
    reading = read(planted().write(tmp_path))
    assert len(reading.defects) > 10
    assert_clean(reading.texts)
    for action in reading.actions:
        assert_clean(action.avro.decode("latin-1"))
        assert_clean(action_json(read_action_record(action.avro).action))


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_output_holds_a_secret(options: list[str], tmp_path: Path) -> None:
    """Terminal, JSON, the page, standard error; and the folder of temporary files is empty afterwards."""
    folder = planted().write(tmp_path / "extract")
    page = tmp_path / "page.html"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(temporary)
    try:
        said = neraca("import", folder, "--dry-run", "--html", page, "--home", tmp_path / "home", *options)
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before
    assert 0 == said.code
    assert_clean(said.out.decode() + said.err + page.read_text(encoding="utf-8"))
    assert [] == list(temporary.iterdir())


def test_the_scratch_file_holds_no_secret(tmp_path: Path) -> None:
    """While it runs, nothing personal is on disk either: every table, and the bytes of the file."""
    with opened(planted().write(tmp_path)) as extract:
        extract.read(lambda: None)
        dump = "\n".join(extract.scratch.db.iterdump())
        assert_clean(dump)
        extract.scratch.db.execute("COMMIT")
        for *_, path in extract.scratch.db.execute("PRAGMA database_list").fetchall():
            assert_clean(Path(path).read_bytes().decode("latin-1"))
        # Not a test that would pass on an empty file.
        assert "R-7" in dump
        assert isinstance(extract.scratch.db, sqlite3.Connection)


def test_a_row_with_personal_data_for_an_identifier_is_only_reported(tmp_path: Path) -> None:
    """File, line and column are told; a name of one word may be a trade, and keeps nobody out."""
    extract = planted()
    extract.life(99, stages=0, month=9)
    extract.rows["cpmi.csv"][-1] |= {"nama": "Caregiver"}
    reading = read(extract.write(tmp_path))
    told = [
        (file, line, column)
        for file, line, column, kind in reading.defects
        if kind == "value_unreadable" and column in IDENTIFIERS
    ]
    # Rows 9 to 11 name another scheme, which has no agency and no permit.
    other_scheme = [
        ("cpmi.csv", line, column) for line in (9, 10, 11) for column in ("kode_p3mi", "nomor_sip2mi")
    ]
    assert [
        ("cpmi.csv", 7, "no_registrasi"),
        ("cpmi.csv", 9, "jabatan"),
        ("cpmi.csv", 10, "jabatan"),
        ("cpmi.csv", 11, "jabatan"),
        ("cpmi.csv", 12, "no_registrasi"),
        ("cpmi.csv", 13, "no_registrasi"),
        ("cpmi.csv", 14, "no_registrasi"),
        ("cpmi.csv", 15, "kode_p3mi"),
        ("cpmi.csv", 16, "nomor_sip2mi"),
        ("cpmi.csv", 17, "nomor_sip2mi"),
        ("pelatihan.csv", 2, "no_pelatihan"),
        ("pelatihan.csv", 3, "kode_lembaga"),
    ] == [place for place in told if place not in other_scheme]
    assert "R-99" in [line.get("registration_id") for line in reading.lines]


def test_two_cells_that_changed_places(tmp_path: Path) -> None:
    """A NIK in the column of permits, a name in that of positions …: neither in an action nor on the page."""
    extract = SmallExtract.ready()
    personal = {
        "nik": "3501014503901234",
        "nama": "Perempuan Rahasia",
        "tgl_lahir": "05/03/1990",
        "no_paspor": "X7654321",
    }
    for number, (one, other) in enumerate(
        product(personal, ("no_registrasi", "kode_p3mi", "nomor_sip2mi", "jabatan")), 1
    ):
        extract.life(number, stages=1)
        row = {**extract.rows["cpmi.csv"][-1], **personal}
        extract.rows["cpmi.csv"][-1] = {**row, one: row[other], other: row[one]}
    reading = read(extract.write(tmp_path / "extract"))
    assert_clean(reading.texts)
    for action in reading.actions:
        assert_clean(action_json(read_action_record(action.avro).action))
    page = tmp_path / "page.html"
    said = neraca("import", tmp_path / "extract", "--dry-run", "--json", "--html", page)
    assert 0 == said.code
    assert_clean(said.out.decode() + said.err + page.read_text(encoding="utf-8"))


def test_a_nik_typed_wrong_makes_no_other_number_personal(tmp_path: Path) -> None:
    """A registration number of sixteen digits goes in, whether its candidate's NIK has sixteen or not."""
    extract = SmallExtract.ready()
    lines = extract.life(1, stages=0)
    extract.rows["cpmi.csv"][0] |= {"no_registrasi": "2022030100000017", "nik": "350101450390123"}
    extract.rows["tahapan.csv"][lines["REGISTRASI"] - 2]["no_registrasi"] = "2022030100000017"
    registered = [line.get("registration_id") for line in read(extract.write(tmp_path)).lines]
    assert "2022030100000017" in registered


@pytest.mark.parametrize(
    ("officer", "is_kept"),
    [
        ("o-4711", True),
        ("petugas1", True),
        ("P 17", True),
        ("Budi Rahasia", False),
        ("Dr. Budi Rahasia, M.Si.", False),
        ("3501014503901234", False),
        ("Rahasia", False),
        ("Siti-Aminah", False),
        ("Budi Rahasia 2", False),
        ("198507172010011002", False),
        ("19850717 201001 1 002", False),
    ],
)
def test_officers(officer: str, is_kept: bool, tmp_path: Path) -> None:  # noqa: FBT001 (a column of the table)
    """A code stays as it is; a name or a NIK becomes a keyed hash, the same for the same officer."""
    extract = SmallExtract.ready()
    lines = extract.life(1, stages=1)
    for line in lines.values():
        extract.rows["tahapan.csv"][line - 2]["petugas"] = officer
    officers = {line["officer"] for line in read(extract.write(tmp_path)).lines[2:]}
    assert 1 == len(officers)
    assert is_kept == (officers == {officer})
    assert is_kept or officers.pop().startswith("officer-")


def test_nobody_shows_the_key() -> None:
    """Neither in `repr` nor in an error."""
    assert "Pseudonyms()" == repr(Pseudonyms(KEY))
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Pseudonyms(b"too short")
