"""`neraca import --dry-run` as a user runs it: its one JSON object, its page, its exit codes, its silence."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.commands.console import neraca
from tests.extract.small import WHOLE, SmallExtract, nik_of


def report(folder: Path, *options: str | Path) -> dict[str, Any]:
    """The object that `--json` prints."""
    said = neraca("import", folder, "--dry-run", "--json", "--home", folder / "home", *options)
    assert (0, "") == (said.code, said.err)
    found: dict[str, Any] = json.loads(said.out)
    return found


class _Page(HTMLParser):
    """What a page fetches or runs, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep names of tags and attributes."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


def test_the_one_object(tmp_path: Path) -> None:
    """Exactly the keys of §9; counts add up; a difference is `sisa_kuota` less what is available."""
    extract = SmallExtract.ready(units=10, remaining=7)
    extract.life(1)
    extract.life(2, stages=2)
    found = report(extract.write(tmp_path))
    assert ["actions", "outcomes", "defects", "lines"] == list(found)
    actions = 2 + 1 + len(WHOLE) + 1 + 2
    assert (actions, {"ACCEPTED": actions}, []) == (found["actions"], found["outcomes"], found["defects"])
    expected = {
        "permit_id": "SIP-1",
        "line": 1,
        "sisa_kuota": 7,
        "granted": 10,
        "available": 8,
        "reserved": 1,
        "departed": 1,
        "forfeited": 0,
        "difference": -1,
    }
    assert [expected] == found["lines"]
    assert list(expected) == list(found["lines"][0])


def test_a_defect_in_the_object(tmp_path: Path) -> None:
    """File, line, column, kind, reason, advice; refusals are counted by code."""
    extract = SmallExtract.ready(remaining=9)
    extract.life(1, stages=1)
    extract.life(2, stages=0, month=4)
    extract.rows["cpmi.csv"][1]["nik"] = nik_of(1, "P")
    found = report(extract.write(tmp_path))
    assert {"ACCEPTED": 4, "REFUSED OPEN_REGISTRATION_EXISTS": 1} == found["outcomes"]
    assert ["file", "line", "column", "kind", "reason", "advice"] == list(found["defects"][0])
    assert all(all(defect.values()) for defect in found["defects"])


def _difference(extract: SmallExtract, tmp_path: Path) -> str:
    page = tmp_path / "report.html"
    report(extract.write(tmp_path / "extract"), "--html", page)
    parser = _Page()
    parser.feed(page.read_text(encoding="utf-8"))
    return re.sub(r"\s+", " ", parser.text)


def test_a_refusal_explains_a_difference(tmp_path: Path) -> None:
    """The old system took a unit that the ledger refused."""
    extract = SmallExtract.ready(units=5, remaining=3)
    extract.life(1, stages=0)
    extract.life(2, stages=0, month=4)
    extract.rows["cpmi.csv"][1]["nik"] = nik_of(1, "P")
    text = _difference(extract, tmp_path)
    assert "-1: The old system took a unit for a registration that the ledger refuses." in text
    assert "cpmi.csv line 3 (R-2, OPEN_REGISTRATION_EXISTS)" in text
    assert "no row explains it" not in text


def test_a_cancellation_explains_a_difference(tmp_path: Path) -> None:
    """The old system kept the unit of a cancelled registration."""
    extract = SmallExtract.ready(units=5, remaining=4)
    extract.life(1, stages=0)
    extract.stage(1, "BATAL", "09/03/2022")
    assert "-1: The old system did not give the unit of a cancelled registration back." in _difference(
        extract, tmp_path
    )


def test_a_cancellation_that_did_not_go_in(tmp_path: Path) -> None:
    """The old system gave a unit back, the ledger holds it still: the difference is above zero."""
    extract = SmallExtract.ready(units=5, remaining=5)
    extract.life(1, stages=0)
    extract.stage(1, "BATAL", "09/03/2022", jam="")
    text = _difference(extract, tmp_path)
    assert "+1: The old system gave a unit back for a cancellation that is refused or only reported." in text


def test_a_row_exported_twice_explains_a_difference(tmp_path: Path) -> None:
    """Counted twice by the old system."""
    extract = SmallExtract.ready(units=5, remaining=3)
    extract.life(1, stages=0)
    extract.rows["tahapan.csv"] *= 2
    text = _difference(extract, tmp_path)
    assert "-1: A candidate whose row was exported twice may have been counted twice." in text


def test_a_registration_held_back_explains_a_difference(tmp_path: Path) -> None:
    """Only reported, so the ledger took no unit."""
    extract = SmallExtract.ready(units=5, remaining=4)
    extract.life(1, stages=0)
    extract.rows["tahapan.csv"][0]["tanggal"] = ""
    text = _difference(extract, tmp_path)
    assert "-1: The old system took a unit for a registration that is only reported." in text


def test_what_no_row_explains_is_said(tmp_path: Path) -> None:
    """Nothing is made up."""
    extract = SmallExtract.ready(units=5, remaining=2)
    extract.life(1, stages=0)
    assert "-2: no row explains it" in _difference(extract, tmp_path)


def test_a_permit_that_is_not_in_the_ledger(tmp_path: Path) -> None:
    """Its lines stand in the report, with nothing in the ledger."""
    extract = SmallExtract.ready(units=5)
    extract.rows["sip2mi.csv"][0]["kode_p3mi"] = "P-9"
    text = _difference(extract, tmp_path)
    assert "+5: The permit is not in the ledger" in text
    assert "UNKNOWN_AGENCY" in text


def test_a_permit_whose_own_row_is_only_reported(tmp_path: Path) -> None:
    """Every line of the extract is compared: the ledger has zeros, and the page names the permit's row."""
    extract = SmallExtract.ready()
    extract.permit("SIP-2", units=5, remaining=4, country="ATLANTIS")
    accounts = dict.fromkeys(("granted", "available", "reserved", "departed", "forfeited"), 0)
    line = {"permit_id": "SIP-2", "line": 1, "sisa_kuota": 4, **accounts, "difference": 4}
    assert line == report(extract.write(tmp_path / "extract"))["lines"][1]
    assert "+4: The permit is not in the ledger" in _difference(extract, tmp_path)


def test_the_page_needs_nothing_and_runs_nothing(tmp_path: Path) -> None:
    """No script, nothing fetched; what an extract says is text, also what looks like HTML or a formula."""
    hostile = "<script>alert(1)</script>"
    extract = SmallExtract.ready(units=5, remaining=1)
    extract.rows["p3mi.csv"][0]["nama"] = f'=cmd|"/c calc"!A1 {hostile}'
    extract.rows["sip2mi.csv"][0]["nomor_sip2mi"] = hostile
    extract.rows["sip2mi_jabatan.csv"][0]["nomor_sip2mi"] = hostile
    extract.life(1, stages=0)
    extract.rows["cpmi.csv"][0] |= {"nomor_sip2mi": hostile, "no_registrasi": hostile, "tgl_lahir": "x"}
    extract.rows["tahapan.csv"][0] |= {"no_registrasi": hostile}
    page = tmp_path / "report.html"
    report(extract.write(tmp_path / "extract"), "--html", page)
    parser = _Page()
    parser.feed(page.read_text(encoding="utf-8"))
    assert hostile in parser.text
    assert not parser.tags & {"script", "link", "img", "iframe", "form"}
    assert not {name for name in parser.attributes if name.startswith("on") or name in {"src", "href"}}


def test_whom_to_call(tmp_path: Path) -> None:
    """Rows stand under their agency, by its name, with words to say in both languages."""
    extract = SmallExtract.ready(units=5, remaining=3)
    extract.life(1, stages=0)
    extract.rows["cpmi.csv"][0]["tgl_lahir"] = "06/03/1990"
    text = _difference(extract, tmp_path)
    assert "PT Satu P-1 – 1 row, 1 line of permits" in text
    assert "Mohon periksa pendaftaran di bawah ini" in text


def test_for_a_person(tmp_path: Path) -> None:
    """The terminal tells the counts, each kind once with advice, and the lines that differ."""
    extract = SmallExtract.ready(units=5, remaining=3)
    extract.life(1, stages=0)
    extract.rows["cpmi.csv"][0]["tgl_lahir"] = "06/03/1990"
    said = neraca("import", extract.write(tmp_path), "--dry-run", "--home", tmp_path / "home")
    out = re.sub(r"\s+", " ", said.out.decode())
    assert (0, "") == (said.code, said.err)
    assert "3 actions from" in out
    assert "cpmi.csv line 2 nik: it contradicts the birth date" in out
    assert "0 of 1 lines agree" in out


@pytest.mark.parametrize("name", ["kantor.csv", "tahapan.csv"])
def test_a_missing_file_ends_with_2(name: str, tmp_path: Path) -> None:
    """Two lines: what and where, and what to do; nothing on standard output."""
    (SmallExtract.ready().write(tmp_path) / name).unlink()
    said = neraca("import", tmp_path, "--dry-run", "--json", "--home", tmp_path / "home")
    assert (2, b"") == (said.code, said.out)
    assert [f"neraca: {tmp_path} has no {name}", 2] == [said.err.splitlines()[0], len(said.err.splitlines())]


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path) -> None:
    """No home folder, no key, nothing beside the extract."""
    folder = SmallExtract.ready().write(tmp_path / "extract")
    report(folder)
    assert ["extract"] == [path.name for path in tmp_path.iterdir()]
    assert 7 == len(list(folder.iterdir()))


def test_two_rows_that_contradict_each_other(tmp_path: Path) -> None:
    """A training asked for on two days: the ledger takes the first, and the second is told."""
    extract = SmallExtract.ready(remaining=9)
    extract.life(1, stages=0)
    for on in ("05/03/2022", "06/03/2022"):
        line = extract.add(
            "pelatihan.csv",
            no_pelatihan="T-1",
            no_registrasi="R-1",
            jenis="LPK",
            kode_lembaga="L-1",
            tgl_permohonan=on,
            tgl_selesai="09/03/2022",
        )
    found = report(extract.write(tmp_path))
    assert {"ACCEPTED": 5, "REFUSED TRAINING_EXISTS": 1} == found["outcomes"]
    assert [("pelatihan.csv", line, "contradicts_decided")] == [
        (each["file"], each["line"], each["kind"]) for each in found["defects"]
    ]


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    """Two lines that name it, and exit code 2."""
    folder = SmallExtract.ready().write(tmp_path / "extract")
    said = neraca("import", folder, "--dry-run", "--html", tmp_path / "nowhere" / "page.html")
    assert (2, b"") == (said.code, said.out)
    assert "page.html cannot be written: No such file or directory" in said.err
