"""Each row of an extract as the action that contract §9 makes of it, and the order in which actions go in."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from ledger.engine import Engine
from tests.extract.small import COLUMNS, SmallExtract, decided, read


def test_one_life(tmp_path: Path) -> None:
    """Every field of every action of one candidate is what the rows say, and nothing else is there."""
    extract = SmallExtract.ready()
    extract.candidate(1, no_paspor="", negara="tw")
    extract.stage(
        1,
        "REGISTRASI",
        "2022-03-01",
        "24.00",
        kode_kantor="BP3MI-NTB",
        tgl_entri="02/03/2022",
        jam_entri="8:30",
    )
    extract.stage(1, "ID CPMI", "05-03-2022", "09.15.30")
    extract.stage(1, "BIOMETRIK", "06/03/2022", keterangan="FP-9", bukti="surat 12")
    extract.stage(1, "BATAL", "07/03/2022", keterangan="pindah ke negara lain")
    extract.add(
        "pelatihan.csv",
        no_pelatihan="T-1",
        no_registrasi="R-1",
        jenis="BLKLN",
        kode_lembaga="B-7",
        tgl_permohonan="03/03/2022",
        tgl_selesai="",
    )
    reading = read(extract.write(tmp_path))
    lines = reading.lines
    person = lines[2].get("person_id")
    hq = {"system": "BP2MI", "office": {"type": "HQ", "code": "HQ"}, "officer": "SISKOTKLN"}
    office = {"type": "BP3MI", "code": "BP3MI-NTB"}
    ltsa = {"system": "SISKOTKLN", "office": {"type": "LTSA", "code": "LTSA-1"}, "officer": "o-1"}
    expected: list[dict[str, Any]] = [
        {**hq, "kind": "agency_licensed", "agency_id": "P-1", "occurred_at": "2021-10-31T00:00:00+07:00"},
        {
            **hq,
            "kind": "permit_issued",
            "permit_id": "SIP-1",
            "agency_id": "P-1",
            "destination": "TW",
            "valid_from": "2021-12-01",
            "valid_to": "2023-11-30",
            "lines": [{"line": 1, "position": "caregiver", "sex": "F", "units": 10}],
            "occurred_at": "2021-12-01T00:00:00+07:00",
        },
        {
            "kind": "registered",
            "system": "SISKOTKLN",
            "office": office,
            "officer": "o-1",
            "occurred_at": "2022-03-02T00:00:00+08:00",
            "entered_at": "2022-03-02T08:30:00+08:00",
            "registration_id": "R-1",
            "person_id": person,
            "scheme": "P_TO_P",
            "agency_id": "P-1",
            "destination": "TW",
            "position": "caregiver",
            "sex": "F",
            "permit_id": "SIP-1",
            "line": 1,
        },
        {
            "kind": "training_requested",
            "system": "SISKOTKLN",
            "office": office,
            "officer": "SISKOTKLN",
            "occurred_at": "2022-03-03T00:00:00+07:00",
            "training_id": "T-1",
            "provider_id": "B-7",
            "provider_type": "BLKLN",
            "person_id": person,
        },
        {
            **ltsa,
            "kind": "candidate_id_issued",
            "registration_id": "R-1",
            "candidate_id": "R-1",
            "occurred_at": "2022-03-05T09:15:30+07:00",
            "entered_at": "2022-03-05T10:59:00+07:00",
        },
        {
            **ltsa,
            "kind": "biometrics_registered",
            "registration_id": "R-1",
            "reference": "FP-9",
            "evidence": [{"type": "bukti", "reference": "surat 12"}],
            "occurred_at": "2022-03-06T09:00:00+07:00",
            "entered_at": "2022-03-06T10:59:00+07:00",
        },
        {
            **ltsa,
            "kind": "cancelled",
            "registration_id": "R-1",
            "reason": "pindah ke negara lain",
            "occurred_at": "2022-03-07T09:00:00+07:00",
            "entered_at": "2022-03-07T10:59:00+07:00",
        },
    ]
    for line in expected:
        line.setdefault("entered_at", line["occurred_at"])
    assert expected == [
        {name: value for name, value in line.items() if name != "action_id"} for line in lines
    ]
    assert all(uuid.UUID(line["action_id"]).version == 8 for line in lines)
    assert person is not None
    assert uuid.UUID(person).version == 4


@pytest.mark.parametrize(
    ("status", "revoked", "expected"),
    [
        ("AKTIF", "", ["agency_licensed", "permit_issued"]),
        ("SKORSING", "", ["agency_licensed", "permit_issued", "agency_suspended"]),
        ("aktif", "01/07/2022", ["agency_licensed", "permit_issued", "permit_revoked"]),
    ],
)
def test_what_the_head_office_ruled(status: str, revoked: str, expected: list[str], tmp_path: Path) -> None:
    """A suspension is dated by `tgl_status`, a revocation by `tgl_dicabut`; both are rulings of HQ."""
    extract = SmallExtract.ready()
    extract.rows["p3mi.csv"][0] |= {"status": status, "tgl_status": "01/06/2022"}
    extract.rows["sip2mi.csv"][0]["tgl_dicabut"] = revoked
    reading = read(extract.write(tmp_path))
    assert (expected, []) == (reading.kinds, reading.defects)


def test_licences_are_a_day_older_than_anything(tmp_path: Path) -> None:
    """One day before the earliest date, also one on a row that is no action; birth dates aside."""
    extract = SmallExtract.ready()
    extract.life(1, stages=0)
    extract.stage(1, "OPP", "03/01/2020", kode_kantor="nowhere")
    assert "2020-01-02T00:00:00+07:00" == read(extract.write(tmp_path)).lines[0]["occurred_at"]


def test_schemes(tmp_path: Path) -> None:
    """Only P TO P has an agency and a line; the other schemes become theirs, without."""
    extract = SmallExtract.ready()
    names = ("P TO P", "g to g", "G-TO-P", "UKPS", "Perseorangan")
    for number, name in enumerate(names, 1):
        extract.life(number, stages=0)
        extract.rows["cpmi.csv"][-1]["skema"] = name
        if number > 1:
            extract.rows["cpmi.csv"][-1] |= {"kode_p3mi": "", "nomor_sip2mi": "", "no_urut": ""}
    registered = [line for line in read(extract.write(tmp_path)).lines if line["kind"] == "registered"]
    assert ["P_TO_P", "G_TO_G", "G_TO_P", "UKPS", "INDIVIDUAL"] == [line["scheme"] for line in registered]
    assert ["P-1", None, None, None, None] == [line.get("agency_id") for line in registered]


def test_order_within_one_moment(tmp_path: Path) -> None:
    """At one moment: BP2MI, then stages in the order of `tahap`, then trainings, then file and line."""
    extract = SmallExtract.ready()
    for number in (2, 1):
        extract.candidate(number)
    on, at = "01/12/2021", "00.00"
    extract.stage(1, "BATAL", on, at)
    extract.stage(1, "VERIFIKASI", on, at)
    extract.stage(2, "REGISTRASI", on, at)
    extract.stage(1, "REGISTRASI", on, at)
    for number in (1, 2):
        extract.add(
            "pelatihan.csv",
            no_pelatihan=f"T-{number}",
            no_registrasi=f"R-{number}",
            jenis="LPK",
            kode_lembaga="L-1",
            tgl_permohonan=on,
            tgl_selesai=on,
        )
    reading = read(extract.write(tmp_path))
    expected = [
        ("agency_licensed", None),
        ("permit_issued", None),
        ("registered", "R-2"),
        ("registered", "R-1"),
        ("documents_verified", "R-1"),
        ("cancelled", "R-1"),
        ("training_requested", "T-1"),
        ("training_completed", "T-1"),
        ("training_requested", "T-2"),
        ("training_completed", "T-2"),
    ]
    given = [(line["kind"], line.get("registration_id") or line.get("training_id")) for line in reading.lines]
    assert expected == given


def test_order_across_zones(tmp_path: Path) -> None:
    """What counts is the moment: 09.30 in WITA comes before 09.00 in WIB."""
    extract = SmallExtract.ready()
    for number, office, at in ((1, "LTSA-1", "09.00"), (2, "BP3MI-NTB", "09.30")):
        extract.candidate(number)
        extract.stage(number, "REGISTRASI", "01/03/2022", at, kode_kantor=office)
    registered = [line["registration_id"] for line in read(extract.write(tmp_path)).lines[2:]]
    assert ["R-2", "R-1"] == registered


@pytest.mark.parametrize("separator", [";", ","])
@pytest.mark.parametrize("mark", ["with a byte-order mark", ""])
@pytest.mark.parametrize("order", ["reversed", ""])
def test_how_the_file_is_written_does_not_matter(
    separator: str, mark: str, order: str, tmp_path: Path
) -> None:
    """Separator, byte-order mark and order of columns change no byte of any action."""
    extract = SmallExtract.ready()
    extract.life(1)
    plain = read(extract.write(tmp_path / "plain"))
    other = read(
        extract.write(
            tmp_path / "other",
            separator=separator,
            bom=bool(mark),
            columns=lambda names: names[::-1] if order else names,
        )
    )
    assert [each.avro for each in plain.actions] == [each.avro for each in other.actions]


def test_spelling_does_not_matter(tmp_path: Path) -> None:
    """Dates, times, countries, numbers and case spelled otherwise are the same actions, with the same ids."""
    extract = SmallExtract.ready()
    extract.life(1)
    plain = read(extract.write(tmp_path / "plain"))
    for row in extract.rows["tahapan.csv"]:
        day, month, year = row["tanggal"].split("/")
        row |= {"tanggal": f"{year}-{month}-{day}", "tgl_entri": f" {day}-{month}-{year}", "jam": "9:00:00"}
        row["tahap"] = row["tahap"].lower()
    extract.rows["cpmi.csv"][0] |= {
        "nik": " ".join(
            nik[i : i + 4] for nik in [extract.rows["cpmi.csv"][0]["nik"]] for i in range(0, 16, 4)
        ),
        "negara": "Taiwan",
        "jenis_kelamin": "p",
        "no_urut": " 1 ",
    }
    extract.rows["sip2mi_jabatan.csv"][0]["kuota"] = "1 0"
    other = read(extract.write(tmp_path / "other"))
    assert [each.avro for each in plain.actions] == [each.avro for each in other.actions]
    assert [] == other.defects


def test_identical_rows_are_one_action(tmp_path: Path) -> None:
    """In every file; they are counted, and are no defect."""
    extract = SmallExtract.ready()
    extract.life(1)
    extract.add(
        "pelatihan.csv",
        no_pelatihan="T-1",
        no_registrasi="R-1",
        jenis="LPK",
        kode_lembaga="L-1",
        tgl_permohonan="05/03/2022",
        tgl_selesai="09/03/2022",
    )
    once = read(extract.write(tmp_path / "once"))
    for rows in extract.rows.values():
        rows += [dict(row) for row in rows]
    twice = read(extract.write(tmp_path / "twice"))
    assert [each.avro for each in once.actions] == [each.avro for each in twice.actions]
    assert [] == twice.defects
    for name, (total, repeated, reported) in twice.counts.items():
        assert (name, total, total // 2, 0) == (name, total, repeated, reported)


def test_a_second_import_adds_nothing(tmp_path: Path) -> None:
    """The same extract again, spelled otherwise: every action is a duplicate of the first."""
    extract = SmallExtract.ready()
    for number in range(1, 4):
        extract.life(number)
    engine = Engine.start()
    first = read(extract.write(tmp_path / "first"))
    assert {"ACCEPTED"} == set(decided(engine, first.actions))
    second = read(extract.write(tmp_path / "second", separator=",", bom=True))
    assert {"DUPLICATE"} == set(decided(engine, second.actions, len(first.actions)))


def test_where_rows_stand_does_not_matter(tmp_path: Path) -> None:
    """An extract with every file sorted the other way round is the same, a permit's lines too."""
    extract = SmallExtract.ready()
    extract.rows["sip2mi_jabatan.csv"].append({**extract.rows["sip2mi_jabatan.csv"][0], "no_urut": "2"})
    for number in range(1, 4):
        extract.life(number)
    engine = Engine.start()
    first = read(extract.write(tmp_path / "first"))
    assert {"ACCEPTED"} == set(decided(engine, first.actions))
    for rows in extract.rows.values():
        rows.reverse()
    second = read(extract.write(tmp_path / "second"))
    assert {"DUPLICATE"} == set(decided(engine, second.actions, len(first.actions)))


def test_a_corrected_extract_adds_what_changed(tmp_path: Path) -> None:
    """A new row is accepted, one that contradicts what was decided is refused, the rest repeats."""
    extract = SmallExtract.ready()
    lines = extract.life(1, stages=5)
    engine = Engine.start()
    first = read(extract.write(tmp_path / "first"))
    decided(engine, first.actions)
    extract.rows["tahapan.csv"][lines["OPP"] - 2]["jam"] = "09.05"
    extract.stage(1, "BERANGKAT", "20/05/2022", bukti="BP-1")
    second = read(extract.write(tmp_path / "second"))
    outcomes = decided(engine, second.actions, len(first.actions))
    assert ["DUPLICATE"] * 7 + ["STAGE_ALREADY_PASSED", "ACCEPTED"] == outcomes


def test_personal_columns_do_not_make_another_action(tmp_path: Path) -> None:
    """A name, a birth date or a passport put right changes no action: none of them is in one."""
    extract = SmallExtract.ready()
    extract.life(1)
    before = read(extract.write(tmp_path / "before"))
    extract.rows["cpmi.csv"][0] |= {"nama": "Dewi", "no_paspor": "C1", "tgl_lahir": "06/03/1990"}
    after = read(extract.write(tmp_path / "after"))
    assert [each.avro for each in before.actions] == [each.avro for each in after.actions]


def test_people_are_matched_by_nik_under_a_key(tmp_path: Path) -> None:
    """One NIK is one person in two registrations, under another key another one, and never the NIK."""
    extract = SmallExtract.ready()
    extract.life(1)
    extract.life(2, stages=0, month=6)
    extract.rows["cpmi.csv"][1]["nik"] = extract.rows["cpmi.csv"][0]["nik"]
    folder = extract.write(tmp_path)
    people = {line["person_id"] for line in read(folder).lines if line["kind"] == "registered"}
    others = {line["person_id"] for line in read(folder, bytes(32)).lines if line["kind"] == "registered"}
    assert (1, 1) == (len(people), len(others))
    assert people != others
    assert extract.rows["cpmi.csv"][0]["nik"] not in str(people | others)


def test_unknown_columns_are_ignored(tmp_path: Path) -> None:
    """Whatever else an export holds."""
    extract = SmallExtract.ready()
    extract.life(1)
    plain = read(extract.write(tmp_path / "plain"))
    for name, rows in extract.rows.items():
        for row in rows:
            row["catatan"] = f"note on {name}"
    other = read(extract.write(tmp_path / "other", columns=lambda names: ("catatan", *names)))
    assert [each.avro for each in plain.actions] == [each.avro for each in other.actions]
    assert set(COLUMNS) == set(other.counts)
