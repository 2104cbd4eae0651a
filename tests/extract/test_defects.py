"""Everything that §9 lists, planted once: each is found where it stands, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from producers.extract import KINDS
from tests.extract.small import SmallExtract, nik_of, read

Found = list[tuple[str, int, str, str]]


def one_nik_on_two_open(extract: SmallExtract) -> Found:
    """The same NIK on a second registration while the first is open; a third after its end is no defect."""
    extract.life(1, stages=5)
    extract.life(2, stages=0, month=4)
    extract.rows["cpmi.csv"][1]["nik"] = nik_of(1, "P")
    return [("cpmi.csv", line, "nik", "nik_on_several_open_registrations") for line in (2, 3)]


def one_nik_one_after_the_other(extract: SmallExtract) -> Found:
    """Registered again after a cancellation: no defect."""
    extract.life(1, stages=1)
    extract.stage(1, "BATAL", "20/03/2022")
    extract.life(2, stages=0, month=4)
    extract.rows["cpmi.csv"][1]["nik"] = nik_of(1, "P")
    return []


def nik_contradicts_birth_date(extract: SmallExtract) -> Found:
    """Born on another day than the NIK says."""
    extract.life(1)
    extract.rows["cpmi.csv"][0]["tgl_lahir"] = "06/03/1990"
    return [("cpmi.csv", 2, "nik", "nik_contradicts")]


def nik_contradicts_sex(extract: SmallExtract) -> Found:
    """A woman under the NIK of a man."""
    extract.life(1)
    extract.rows["cpmi.csv"][0]["nik"] = nik_of(1, "L")
    return [("cpmi.csv", 2, "nik", "nik_contradicts")]


def nik_of_no_day(extract: SmallExtract) -> Found:
    """Forty added twice, which is no woman's fifth of March."""
    extract.life(1)
    extract.rows["cpmi.csv"][0]["nik"] = "3501018503900001"
    return [("cpmi.csv", 2, "nik", "nik_contradicts")]


def two_people_on_one_passport(extract: SmallExtract) -> Found:
    """Spelled differently; and the same person twice is no defect."""
    for number in range(1, 4):
        extract.life(number)
    extract.rows["cpmi.csv"][1]["no_paspor"] = "b 0000001"
    extract.rows["cpmi.csv"][2]["no_paspor"] = "B-0000001"
    return [("cpmi.csv", line, "no_paspor", "passport_of_two_people") for line in (2, 3, 4)]


def departed_without_orientation(extract: SmallExtract) -> Found:
    """A stage that is needed stands nowhere: the column is `tahap`."""
    lines = extract.life(1)
    del extract.rows["tahapan.csv"][lines["OPP"] - 2]
    return [("tahapan.csv", lines["BERANGKAT"] - 1, "tahap", "stage_out_of_order")]


def agreement_before_verification(extract: SmallExtract) -> Found:
    """A stage that is needed comes later: the column is `tanggal`, and what follows is not blamed."""
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["PERJANJIAN"] - 2]["tanggal"] = "02/03/2022"
    return [("tahapan.csv", lines["PERJANJIAN"], "tanggal", "stage_out_of_order")]


def dated_before_the_registration(extract: SmallExtract) -> Found:
    """A stage before the registration."""
    lines = extract.life(1, stages=1)
    extract.rows["tahapan.csv"][lines["VERIFIKASI"] - 2]["tanggal"] = "28/02/2022"
    return [("tahapan.csv", lines["VERIFIKASI"], "tanggal", "stage_out_of_order")]


def a_stage_twice(extract: SmallExtract) -> Found:
    """The same stage on two days."""
    extract.life(1, stages=1)
    line = extract.stage(1, "VERIFIKASI", "09/03/2022")
    return [("tahapan.csv", line, "tahap", "stage_out_of_order")]


def after_the_end(extract: SmallExtract) -> Found:
    """A stage after the cancellation."""
    extract.life(1, stages=0)
    extract.stage(1, "BATAL", "02/03/2022")
    line = extract.stage(1, "VERIFIKASI", "09/03/2022")
    return [("tahapan.csv", line, "tanggal", "stage_out_of_order")]


def no_agreement_under_ukps(extract: SmallExtract) -> Found:
    """UKPS needs no agreement: no defect."""
    lines = extract.life(1)
    extract.rows["cpmi.csv"][0] |= {"skema": "UKPS", "kode_p3mi": "", "nomor_sip2mi": "", "no_urut": ""}
    del extract.rows["tahapan.csv"][lines["PERJANJIAN"] - 2]
    return []


def registered_at_the_limit(extract: SmallExtract) -> Found:
    """00:00 WIB of 17 February 2023 is too late; 00:59 WITA of it is in time."""
    for number, office, at in ((1, "LTSA-1", "00.00"), (2, "BP3MI-NTB", "00.59")):
        extract.candidate(number)
        extract.stage(number, "REGISTRASI", "17/02/2023", at, kode_kantor=office)
    return [("tahapan.csv", 2, "tanggal", "registered_from_limit")]


def departed_late_without_evidence(extract: SmallExtract) -> Found:
    """Entered at the closure without evidence, or with a dash; with it, or a minute before, is no defect."""
    found: Found = []
    for number, entered, evidence in (
        (1, "00.00", ""),
        (2, "00.00", "BP-2"),
        (3, "23.59", ""),
        (4, "00.00", "-"),
    ):
        lines = extract.life(number)
        departure = extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2]
        on = "17/07/2023" if entered == "00.00" else "16/07/2023"
        departure |= {"tgl_entri": on, "jam_entri": entered, "bukti": evidence}
        if number in {1, 4}:
            found.append(("tahapan.csv", lines["BERANGKAT"], "bukti", "departure_without_evidence"))
    return found


def unknown_office(extract: SmallExtract) -> Found:
    """Of the last stage: only that row is left out."""
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2]["kode_kantor"] = "LTSA-9"
    return [("tahapan.csv", lines["BERANGKAT"], "kode_kantor", "office_unknown")]


def no_office(extract: SmallExtract) -> Found:
    """An empty code is an office that nobody knows."""
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2]["kode_kantor"] = " "
    return [("tahapan.csv", lines["BERANGKAT"], "kode_kantor", "office_unknown")]


def office_without_zone(extract: SmallExtract) -> Found:
    """An office whose own row cannot be used is unknown to the rows that name it."""
    extract.add("kantor.csv", kode_kantor="D-1", jenis="DINAS", nama="Dinas", zona="WIBB")
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2]["kode_kantor"] = "D-1"
    return [
        ("tahapan.csv", lines["BERANGKAT"], "kode_kantor", "office_unknown"),
        ("kantor.csv", 4, "zona", "value_unreadable"),
    ]


def unknown_country_of_a_candidate(extract: SmallExtract) -> Found:
    """Everything of the candidate is held back, and told so."""
    extract.life(1, stages=1)
    extract.rows["cpmi.csv"][0]["negara"] = "Taiwaan"
    extract.add(
        "pelatihan.csv",
        no_pelatihan="T-1",
        no_registrasi="R-1",
        jenis="LPK",
        kode_lembaga="L-1",
        tgl_permohonan="02/03/2022",
    )
    return [
        ("cpmi.csv", 2, "negara", "country_unknown"),
        ("tahapan.csv", 2, "no_registrasi", "depends_on_reported_row"),
        ("tahapan.csv", 3, "no_registrasi", "depends_on_reported_row"),
        ("pelatihan.csv", 2, "no_registrasi", "depends_on_reported_row"),
    ]


def unknown_country_of_a_permit(extract: SmallExtract) -> Found:
    """The permit, its lines and its candidates are held back."""
    extract.rows["sip2mi.csv"][0]["negara"] = ""
    extract.life(1, stages=0)
    return [
        ("sip2mi.csv", 2, "negara", "country_unknown"),
        ("sip2mi_jabatan.csv", 2, "nomor_sip2mi", "depends_on_reported_row"),
        ("cpmi.csv", 2, "nomor_sip2mi", "depends_on_reported_row"),
        ("tahapan.csv", 2, "no_registrasi", "depends_on_reported_row"),
    ]


def agency_without_date(extract: SmallExtract) -> Found:
    """The agency, its permit and everything below are held back."""
    extract.rows["p3mi.csv"][0]["tgl_status"] = "31/11/2021"
    return [
        ("p3mi.csv", 2, "tgl_status", "date_unreadable"),
        ("sip2mi.csv", 2, "kode_p3mi", "depends_on_reported_row"),
        ("sip2mi_jabatan.csv", 2, "nomor_sip2mi", "depends_on_reported_row"),
    ]


def line_without_units(extract: SmallExtract) -> Found:
    """A permit waits until all its lines can be read: none can be added later."""
    extract.add(
        "sip2mi_jabatan.csv",
        nomor_sip2mi="SIP-1",
        no_urut="2",
        jabatan="worker",
        jenis_kelamin="L/P",
        kuota="lima",
        sisa_kuota="5",
    )
    return [
        ("sip2mi_jabatan.csv", 3, "kuota", "value_unreadable"),
        ("sip2mi.csv", 2, "nomor_sip2mi", "depends_on_reported_row"),
        ("sip2mi_jabatan.csv", 2, "nomor_sip2mi", "depends_on_reported_row"),
    ]


def remaining_that_is_no_number(extract: SmallExtract) -> Found:
    """`sisa_kuota` is in no action: the permit goes in."""
    extract.rows["sip2mi_jabatan.csv"][0]["sisa_kuota"] = "?"
    extract.life(1)
    return [("sip2mi_jabatan.csv", 2, "sisa_kuota", "value_unreadable")]


def no_date(extract: SmallExtract) -> Found:
    """30 February."""
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2]["tanggal"] = "30/02/2022"
    return [("tahapan.csv", lines["BERANGKAT"], "tanggal", "date_unreadable")]


def no_hour(extract: SmallExtract) -> Found:
    """24.01, and none at all."""
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2] |= {"jam": "24.01", "jam_entri": ""}
    return [("tahapan.csv", lines["BERANGKAT"], column, "hour_unreadable") for column in ("jam", "jam_entri")]


def a_stage_in_the_middle(extract: SmallExtract) -> Found:
    """What needs a stage that is only reported is held back; what does not goes in."""
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["PERJANJIAN"] - 2]["jam"] = "pagi"
    return [
        ("tahapan.csv", lines["PERJANJIAN"], "jam", "hour_unreadable"),
        *(
            ("tahapan.csv", lines[stage], "no_registrasi", "depends_on_reported_row")
            for stage in ("PEMENUHAN DOKUMEN", "OPP", "BERANGKAT")
        ),
    ]


def no_registration_row(extract: SmallExtract) -> Found:
    """A candidate without REGISTRASI; the other stages go in, and the ledger judges them."""
    lines = extract.life(1, stages=2)
    del extract.rows["tahapan.csv"][lines["REGISTRASI"] - 2]
    return [("cpmi.csv", 2, "no_registrasi", "registration_missing")]


def nobody_of_that_number(extract: SmallExtract) -> Found:
    """A registration that cpmi.csv does not have: what comes after depends on it."""
    extract.stage(7, "REGISTRASI", "01/03/2022")
    extract.stage(7, "VERIFIKASI", "02/03/2022")
    return [
        ("tahapan.csv", 2, "no_registrasi", "reference_missing"),
        ("tahapan.csv", 3, "no_registrasi", "depends_on_reported_row"),
    ]


def one_number_on_two_people(extract: SmallExtract) -> Found:
    """The first row counts."""
    extract.life(1)
    line = extract.candidate(1, nama="Lain", nik=nik_of(9, "P"))
    return [("cpmi.csv", line, "no_registrasi", "number_used_twice")]


def no_nik(extract: SmallExtract) -> Found:
    """Nobody can be matched: an empty one, and one that a spreadsheet rounded."""
    for number, nik in ((1, ""), (2, "3,50101E+15")):
        extract.life(number, stages=0)
        extract.rows["cpmi.csv"][-1]["nik"] = nik
    return [
        ("cpmi.csv", 2, "nik", "value_missing"),
        ("cpmi.csv", 3, "nik", "value_unreadable"),
        ("tahapan.csv", 2, "no_registrasi", "depends_on_reported_row"),
        ("tahapan.csv", 3, "no_registrasi", "depends_on_reported_row"),
    ]


def a_short_nik(extract: SmallExtract) -> Found:
    """A flag, not a refusal."""
    extract.life(1)
    extract.rows["cpmi.csv"][0]["nik"] = "350101450390000"
    return [("cpmi.csv", 2, "nik", "nik_contradicts")]


def no_birth_date(extract: SmallExtract) -> Found:
    """A birth date is in no action: the candidate goes in."""
    extract.life(1)
    extract.rows["cpmi.csv"][0]["tgl_lahir"] = "tak tahu"
    return [("cpmi.csv", 2, "tgl_lahir", "date_unreadable")]


def agency_of_another_scheme(extract: SmallExtract) -> Found:
    """Under G TO G there is no agency: the action would break the shape."""
    extract.life(1, stages=0)
    extract.rows["cpmi.csv"][0] |= {"skema": "G TO G", "nomor_sip2mi": "", "no_urut": ""}
    return [
        ("cpmi.csv", 2, "kode_p3mi", "value_unreadable"),
        ("tahapan.csv", 2, "no_registrasi", "depends_on_reported_row"),
    ]


def personal_data_in_a_reason(extract: SmallExtract) -> Found:
    """It is left out of the action."""
    extract.life(1, stages=0)
    line = extract.stage(1, "BATAL", "02/03/2022", keterangan="Siti RAHASIA 1 menikah")
    return [("tahapan.csv", line, "keterangan", "personal_data_in_text")]


PLANTED: list[Callable[[SmallExtract], Found]] = [
    one_nik_on_two_open,
    one_nik_one_after_the_other,
    nik_contradicts_birth_date,
    nik_contradicts_sex,
    nik_of_no_day,
    two_people_on_one_passport,
    departed_without_orientation,
    agreement_before_verification,
    dated_before_the_registration,
    a_stage_twice,
    after_the_end,
    no_agreement_under_ukps,
    registered_at_the_limit,
    departed_late_without_evidence,
    unknown_office,
    no_office,
    office_without_zone,
    unknown_country_of_a_candidate,
    unknown_country_of_a_permit,
    agency_without_date,
    line_without_units,
    remaining_that_is_no_number,
    no_date,
    no_hour,
    a_stage_in_the_middle,
    no_registration_row,
    nobody_of_that_number,
    one_number_on_two_people,
    no_nik,
    a_short_nik,
    no_birth_date,
    agency_of_another_scheme,
    personal_data_in_a_reason,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_each_defect_is_found_and_nothing_else(
    plant: Callable[[SmallExtract], Found], tmp_path: Path
) -> None:
    """File, line, column and kind of each; and every row is an action, a part of one, or reported."""
    extract = SmallExtract.ready()
    expected = plant(extract)
    reading = read(extract.write(tmp_path))
    assert sorted(expected) == sorted(reading.defects)
    reported = {(file, line) for file, line, _, kind in reading.defects if kind in _ONLY_REPORTED}
    of_stages = sum(kind not in _NOT_OF_STAGES for kind in reading.kinds)
    rows, repeated, only_reported = reading.counts["tahapan.csv"]
    assert rows == of_stages + repeated + only_reported
    assert only_reported == sum(file == "tahapan.csv" for file, _ in reported)


_NOT_OF_STAGES = {
    "agency_licensed",
    "agency_suspended",
    "permit_issued",
    "permit_revoked",
    "training_requested",
    "training_completed",
}
_ONLY_REPORTED = set(KINDS) - {
    "nik_on_several_open_registrations",
    "passport_of_two_people",
    "nik_contradicts",
    "registered_from_limit",
    "departure_without_evidence",
    "stage_out_of_order",
    "personal_data_in_text",
}


def test_worst_first(tmp_path: Path) -> None:
    """Defects come in the order of their kinds, then by file and line."""
    extract = SmallExtract.ready()
    lines = extract.life(1)
    extract.rows["tahapan.csv"][lines["BERANGKAT"] - 2]["jam"] = ""
    extract.life(2, stages=2, month=5)
    extract.life(3, stages=0, month=6)
    extract.rows["cpmi.csv"][2]["nik"] = nik_of(2, "P")
    kinds = [kind for *_, kind in read(extract.write(tmp_path)).defects]
    assert ["nik_on_several_open_registrations"] * 2 + ["hour_unreadable"] == kinds


def test_every_kind_has_words_in_both_languages() -> None:
    """A title and an advice, in English and in Bahasa Indonesia."""
    for kind in KINDS.values():
        assert all((kind.title, kind.judul, kind.advice, kind.saran))
        assert kind.title != kind.judul
