"""Files that no operator should send: a clear report or a clear error, never a crash, never a row lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.extract import ExtractUnusable
from producers.extract.csv_rows import ROW_BYTES_MAX, ROW_LINES_MAX
from tests.extract.small import COLUMNS, SmallExtract, read

HEADER = ";".join(COLUMNS["tahapan.csv"]) + "\n"
GOOD = "R-1;VERIFIKASI;02/03/2022;09.00;LTSA-1;o-1;02/03/2022;10.00;;\n"


def ready(folder: Path, candidates: int = 1) -> Path:
    """A good extract, with a registration for each candidate."""
    extract = SmallExtract.ready()
    for number in range(1, candidates + 1):
        extract.life(number, stages=0)
    return extract.write(folder)


def stages(folder: Path, text: bytes) -> Path:
    """The same, with other bytes below its registrations."""
    path = ready(folder) / "tahapan.csv"
    path.write_bytes(path.read_bytes() + text)
    return folder


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        pytest.param(b"R-1;OPP\x00;02/03/2022;09.00;LTSA-1;o-1;02/03/2022;10.00;;\n", "tahap", id="NUL"),
        pytest.param(b"R-1;OPP;02/03/2022;09.00;LTSA-1;o\xe9;02/03/2022;10.00;;\n", "petugas", id="latin-1"),
        pytest.param(b"R-1;OPP;02/03/2022;09.00\n", "", id="too few cells"),
        pytest.param(GOOD.strip().encode() + b"x;y;z\n", "", id="too many cells"),
        pytest.param(b'R-1;"OPP;02/03/2022;09.00;LTSA-1;o-1;02/03/2022;10.00;;\n', "", id="open quote"),
        pytest.param(
            b'R-1;"OPP"x;02/03/2022;09.00;LTSA-1;o-1;02/03/2022;10.00;;\n', "", id="text after quote"
        ),
        pytest.param(b"R-1;OPP;" + b"9" * (ROW_BYTES_MAX + 5) + b"\n", "", id="very long row"),
        pytest.param(
            b"R-1;OPP;02/03/2022;09.00;LTSA-1;" + b"o" * 201 + b";02/03/2022;10.00;;\n",
            "petugas",
            id="long cell",
        ),
    ],
)
def test_a_bad_row_is_reported_and_the_next_is_read(bad: bytes, column: str, tmp_path: Path) -> None:
    """One bad row costs one row: the one below goes in, and the lines below it keep their numbers."""
    folder = stages(tmp_path, bad + GOOD.encode() + b"R-1;LAIN;;;;;;;;\n")
    reading = read(folder)
    assert "documents_verified" == reading.kinds[-1]
    assert (3, column) in {(line, column) for _, line, column, _ in reading.defects}
    assert {3, 5} == {line for _, line, _, _ in reading.defects}


def test_quotes_hold_separators_and_line_ends(tmp_path: Path) -> None:
    """A row is counted by the line where it begins."""
    folder = stages(
        tmp_path,
        b'R-1;VERIFIKASI;02/03/2022;09.00;LTSA-1;"o;1";02/03/2022;10.00;;"dua\nbaris; ""ya"""\n'
        b"R-1;LAIN;;;;;;;;\n",
    )
    reading = read(folder)
    assert "o;1" == reading.lines[-1]["officer"]
    assert {5} == {line for _, line, _, _ in reading.defects}


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("kantor.csv", "nama"),
        ("p3mi.csv", "nama"),
        ("cpmi.csv", "nama"),
        ("cpmi.csv", "jabatan"),
        ("tahapan.csv", "petugas"),
    ],
)
def test_bytes_that_are_not_utf8_on_the_second_line_of_a_cell(file: str, column: str, tmp_path: Path) -> None:
    """They are told by their column, as on the first line, and cost no other row."""
    path = ready(tmp_path, candidates=2) / file
    *rows, last = path.read_bytes().splitlines()
    cells = last.split(b";")
    cells[COLUMNS[file].index(column)] = b'"Jalan\nM\xfcller"'
    path.write_bytes(b"\n".join([*rows, b";".join(cells), b""]))
    assert (file, len(rows) + 1, column, "not_utf8") in read(tmp_path).defects


@pytest.mark.parametrize("word", ["h", "kata, 1.2"])
def test_a_cell_of_300_000_characters(word: str, tmp_path: Path) -> None:
    """In any column it is told, and is read no slower than its size asks: this test ends."""
    extract = SmallExtract.ready()
    extract.life(1)
    planted = set()
    for name, rows in extract.rows.items():
        # `keterangan` of a REGISTRASI is not looked at.
        for column in [each for each in COLUMNS[name] if rows and each != "keterangan"]:
            line = extract.add(name, **{**rows[0], column: word * (300_000 // len(word)) + "1"})
            planted.add((name, line))
    assert planted <= {(file, line) for file, line, _, _ in read(extract.write(tmp_path)).defects}


def test_an_open_quote_swallows_nothing(tmp_path: Path) -> None:
    """However many rows follow, with quotes of their own or without."""
    rows = [
        f'R-{number};REGISTRASI;01/03/2022;09.00;LTSA-1;"o;1";01/03/2022;10.00;;\n'
        for number in range(2, 303)
    ]
    folder = ready(tmp_path, candidates=302)
    lines = (folder / "tahapan.csv").read_text().splitlines(keepends=True)
    bad = 'R-1;"VERIFIKASI;02/03/2022;09.00;LTSA-1;o-1;02/03/2022;10.00;;\n'
    (folder / "tahapan.csv").write_text(lines[0] + lines[1] + bad + "".join(rows))
    reading = read(folder)
    assert [("tahapan.csv", 3, "", "row_unreadable")] == reading.defects
    assert 302 > ROW_LINES_MAX
    assert 302 == reading.kinds.count("registered")


def test_a_line_too_long_behind_an_open_quote_is_told(tmp_path: Path) -> None:
    """It was met while looking for the end of the quote: it is a row of its own, and counts as a line."""
    folder = stages(
        tmp_path,
        b'R-1;"VERIFIKASI\n' + b"9" * (ROW_BYTES_MAX + 5) + b"\n" + GOOD.encode() + b"R-1;LAIN;;;;;;;;\n",
    )
    reading = read(folder)
    assert {3, 4, 6} == {line for _, line, _, _ in reading.defects}
    assert "documents_verified" == reading.kinds[-1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_blank_lines_are_no_rows(end: str, tmp_path: Path) -> None:
    """Nor are lines of separators alone, as spreadsheets leave them; the last line may lack its end."""
    folder = stages(tmp_path, f"{end};;;;;;;;;{end}{end}{GOOD.strip()}".encode())
    reading = read(folder)
    assert [] == reading.defects
    assert (2, 0, 0) == reading.counts["tahapan.csv"]


def test_trailing_empty_cells_are_left_alone(tmp_path: Path) -> None:
    """A spreadsheet adds them to rows that are right."""
    reading = read(stages(tmp_path, GOOD.strip().encode() + b";;;\n"))
    assert ([], "documents_verified") == (reading.defects, reading.kinds[-1])


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_missing_file_is_an_error(name: str, tmp_path: Path) -> None:
    """It names the file."""
    (ready(tmp_path) / name).unlink()
    with pytest.raises(ExtractUnusable, match=name):
        read(tmp_path)


def test_a_missing_column_is_an_error(tmp_path: Path) -> None:
    """It names every column that is missing."""
    path = ready(tmp_path) / "tahapan.csv"
    path.write_text(path.read_text().replace("jam;", "pukul;").replace("bukti", "dokumen"))
    with pytest.raises(ExtractUnusable, match="columns jam, bukti"):
        read(tmp_path)


def test_a_column_twice_is_an_error(tmp_path: Path) -> None:
    """Nobody can tell which of the two is meant."""
    path = ready(tmp_path) / "cpmi.csv"
    path.write_text(path.read_text().replace("nama;", "nik;nama;", 1))
    with pytest.raises(ExtractUnusable, match="nik twice"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n", b"\xff\xfek\x00", b"\x00" * 100])
def test_a_file_without_a_header_is_an_error(content: bytes, tmp_path: Path) -> None:
    """Empty, a mark alone, blank, UTF-16, zeros."""
    (ready(tmp_path) / "kantor.csv").write_bytes(content)
    with pytest.raises(ExtractUnusable, match=r"kantor\.csv"):
        read(tmp_path)


def test_headers_alone(tmp_path: Path) -> None:
    """An extract of nothing is an extract."""
    reading = read(SmallExtract().write(tmp_path))
    assert ([], []) == (reading.actions, reading.defects)


def test_names_of_files_and_columns_in_capitals(tmp_path: Path) -> None:
    """A system that shouts is understood."""
    for path in list(ready(tmp_path).iterdir()):
        header, _, rest = path.read_text().partition("\n")
        path.rename(path.with_name(path.name.upper())).write_text(header.upper() + "\n" + rest)
    assert 3 == len(read(tmp_path).actions)


def test_one_file_twice_in_different_case(tmp_path: Path) -> None:
    """Which of the two counts is not for the importer to guess: it names both, and takes none."""
    path = ready(tmp_path) / "cpmi.csv"
    path.with_name("CPMI.CSV").write_text(path.read_text())
    with pytest.raises(ExtractUnusable, match=r"cpmi\.csv more than once: CPMI\.CSV, cpmi\.csv"):
        read(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    """It says what a folder should hold."""
    with pytest.raises(ExtractUnusable, match="no folder"):
        read(tmp_path / "nothing")
