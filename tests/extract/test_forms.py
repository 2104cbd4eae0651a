"""Dates, times, zones, numbers and countries, in every form that the contract allows."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.extract.countries import Countries
from producers.extract.csv_rows import BrokenRow, CsvFile
from producers.extract.files import OFFICES
from producers.extract.identity import Pseudonyms
from producers.extract.moments import OFFSET_MINUTES, instant_of, parse_day, parse_time
from producers.extract.personal import contradiction, without_personal_data
from tests.extract.small import KEY

DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31))


@given(DAYS)
def test_three_forms_of_a_date(on: date) -> None:
    """All are the same day."""
    days = (on - date(1970, 1, 1)).days
    forms = (f"{on:%d/%m/%Y}", f"{on:%d-%m-%Y}", on.isoformat(), f"{on.day}/{on.month}/{on.year}")
    assert [days] * 4 == [parse_day(form) for form in forms]


@given(st.text(max_size=12))
def test_other_texts_are_no_date(text: str) -> None:
    """What is taken for a date says one: nothing is guessed."""
    day = parse_day(text)
    if day is not None:
        on = date(1970, 1, 1) + timedelta(days=day)
        numbers = [int(part) for part in text.replace("/", "-").split("-")]
        assert numbers in ([on.day, on.month, on.year], [on.year, on.month, on.day])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "31/02/2023",
        "2023/02/01",
        "1-2/2023",
        "02/17/2023",
        "01/01/23",
        "01/01/0203",
        "\uff11/2/2023",
        "44927",
    ],
)
def test_no_date(text: str) -> None:
    """Days of no calendar, mixed marks, American order, short and slipped years, a spreadsheet's number."""
    assert parse_day(text) is None


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.sampled_from(".:"))
def test_forms_of_a_time(hour: int, minute: int, second: int, mark: str) -> None:
    """With a dot or a colon, with or without seconds."""
    assert hour * 3600 + minute * 60 + second == parse_time(f"{hour:02d}{mark}{minute:02d}{mark}{second:02d}")
    assert hour * 3600 + minute * 60 == parse_time(f"{hour}{mark}{minute:02d}")


@pytest.mark.parametrize(("text", "seconds"), [("24.00", 86_400), ("24:00:00", 86_400), ("00.00", 0)])
def test_midnight(text: str, seconds: int) -> None:
    """24.00 is the midnight at the end of the day."""
    assert seconds == parse_time(text)


@pytest.mark.parametrize(
    "text", ["", "24.01", "25.00", "9.3", "09.00:00", "0900", "09.60", "09.00.60", "9 pagi"]
)
def test_no_time(text: str) -> None:
    """Beyond a day, half a minute, mixed marks."""
    assert parse_time(text) is None


@given(DAYS, st.integers(0, 86_399), st.sampled_from(sorted(OFFSET_MINUTES)))
def test_an_instant_is_local_time_less_the_zone(on: date, seconds: int, zone: str) -> None:
    """As Python's own calendar has it."""
    minutes = OFFSET_MINUTES[zone]
    local = datetime(on.year, on.month, on.day, tzinfo=timezone(timedelta(minutes=minutes)))
    expected = local.timestamp() + seconds
    assert round(expected * 1_000_000) == instant_of((on - date(1970, 1, 1)).days, seconds, minutes)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TAIWAN", "TW"), ("Taiwan", "TW"), ("tw", "TW"), ("TWN", "TW"), ("HONGKONG", "HK"),
        ("Hong Kong", "HK"),
        ("hong-kong", "HK"), ("KOREA SELATAN", "KR"), ("South Korea", "KR"), ("Republic of Korea", "KR"),
        ("Korea", "KR"), ("BRUNAI", "BN"), ("Brunei Darussalam", "BN"), ("UEA", "AE"),
        ("Uni Emirat Arab", "AE"),
        ("ARAB SAUDI", "SA"), ("Saudi Arabia", "SA"), ("Turki", "TR"), ("Türkiye", "TR"), ("Turkey", "TR"),
        ("JEPANG", "JP"), ("Singapura", "SG"), ("MALAYSIA", "MY"), ("Yordania", "JO"),
        ("Selandia Baru", "NZ"),
        ("Italia", "IT"), ("Polandia", "PL"), ("Amerika Serikat", "US"), ("USA", "US"), ("Inggris", "GB"),
        ("Makau", "MO"), ("Macao", "MO"), ("Côte d'Ivoire", "CI"), ("Pantai Gading", "CI"), ("AS", "AS"),
    ],
)  # fmt: skip
def test_countries(name: str, code: str) -> None:
    """By Indonesian and English names and by codes, whatever the case."""
    assert code == Countries().find(name)


@pytest.mark.parametrize("name", ["", "XX", "NEGERI ANTAH", "ZZ", "EU", "001", "Asia"])
def test_no_country(name: str) -> None:
    """Regions and inventions are none."""
    assert Countries().find(name) is None


def test_a_slip_is_told_and_not_taken() -> None:
    """The name that is nearest is a hint."""
    countries = Countries()
    assert (None, "TAIWAN") == (countries.find("TAIWAAN"), countries.nearest("TAIWAAN"))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8)


@given(rows=st.lists(st.lists(CELLS, min_size=4, max_size=4), max_size=6), separator=st.sampled_from(";,"))
def test_csv_gives_back_what_was_written(
    rows: list[list[str]], separator: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the cells hold: separators, quotes, line ends; each row with the line where it begins."""
    folder = tmp_path_factory.mktemp("csv")
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(OFFICES.columns)
    begins = []
    for row in rows:
        begins.append(1 + text.getvalue().count("\n"))
        writer.writerow(row)
    (folder / "kantor.csv").write_bytes(text.getvalue().encode("utf-8"))
    found = [row for row in CsvFile(folder, OFFICES).rows() if not isinstance(row, BrokenRow)]
    kept = [
        ([cell.strip() for cell in row], begin)
        for row, begin in zip(rows, begins, strict=True)
        if any(cell.strip() for cell in row)
    ]
    assert kept == [(row.cells, row.line) for row in found]


@pytest.mark.parametrize(
    ("nik", "sex", "expected"),
    [
        ("3501014503900001", "F", ""),
        ("3501010503900001", "M", ""),
        ("3501010503900001", "F", "the sex"),
        ("3501014603900001", "F", "the birth date"),
        ("3501010603900001", "F", "the birth date and the sex"),
        ("350101450390000", "F", "its form: it has not sixteen digits"),
    ],
)
def test_what_a_nik_contradicts(nik: str, sex: str, expected: str) -> None:
    """Born on 5 March 1990; women have 40 added to the day."""
    assert expected == contradiction(nik, (date(1990, 3, 5) - date(1970, 1, 1)).days, sex)


@pytest.mark.parametrize(
    ("text", "is_free", "expected"),
    [
        ("batal, NIK 3501 0145 0390 0001.", True, "batal, NIK […]."),
        ("ref 1234567890123456", False, "ref 1234567890123456"),
        ("12345678901234567", True, "12345678901234567"),
    ],
)
def test_sixteen_digits_in_a_text(text: str, is_free: bool, expected: str) -> None:  # noqa: FBT001 (a column)
    """A NIK is taken out of a reason; a reference may have as many digits."""
    assert expected == without_personal_data(text, Pseudonyms(KEY), None, None, is_free=is_free)
