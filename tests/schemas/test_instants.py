"""Instants and dates: what RFC 3339 and contract §1 take, to the microsecond, and what they do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.instants import (
    BadInstantError,
    format_date,
    format_instant,
    parse_date,
    parse_instant,
    parse_instant_slowly,
)
from tests.schemas.strategies import DAYS, MOMENTS, OFFSETS, patient

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(text: str) -> int:
    """The same instant by the standard library."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "same", "offset_minutes"),
    [
        ("2023-02-17T01:30:00+09:00", "2023-02-16T23:30:00+07:00", 540),
        ("2023-07-16T24:00:00+07:00", "2023-07-17T00:00:00+07:00", 420),
        ("2023-07-16T24:00+07:00", "2023-07-17T00:00:00+07:00", 420),
        ("2023-07-16T24:00:00.000+07:00", "2023-07-17T00:00:00+07:00", 420),
        ("2023-12-31T24:00:00Z", "2024-01-01T00:00:00+00:00", 0),
        ("2023-07-16t23:59:59z", "2023-07-16T23:59:59+00:00", 0),
        ("2023-07-16T23:59:59-00:00", "2023-07-16T23:59:59+00:00", 0),
        ("2023-07-16T23:59:59.1+07:00", "2023-07-16T23:59:59.100000+07:00", 420),
        ("2023-07-16T23:59:59.123456000+07:00", "2023-07-16T23:59:59.123456+07:00", 420),
        ("2024-02-29T00:00:00-03:30", "2024-02-29T03:30:00+00:00", -210),
        ("2023-07-16T00:00:00+23:59", "2023-07-15T00:01:00+00:00", 1439),
        ("1969-12-31T23:59:59.999999+00:00", "1969-12-31T23:59:59.999999+00:00", 0),
    ],
)
def test_spellings_of_an_instant(text: str, same: str, offset_minutes: int) -> None:
    """Every spelling that the contract takes gives the instant in UTC, and the offset that was written."""
    assert (micros(same), offset_minutes) == parse_instant(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2023-02-17T01:30:00", "has no offset"),
        ("2023-02-17T24:00", "has no offset"),
        ("2023-02-17T01:30+07:00", "has no seconds"),
        ("2023-02-17T23:59:60+07:00", "leap second"),
        ("2023-02-17T24:00:01+07:00", "after 24:00"),
        ("2023-02-17T24:01+07:00", "after 24:00"),
        ("2023-02-17T25:00:00+07:00", "no time of day"),
        ("2023-02-17T01:60:00+07:00", "no time of day"),
        ("2023-02-30T01:30:00+07:00", "in no calendar"),
        ("2023-02-29T24:00:00+07:00", "in no calendar"),
        ("0000-01-01T00:00:00+07:00", "in no calendar"),
        ("2023-02-17T01:30:00.1234567+07:00", "finer than a microsecond"),
        ("2023-02-17T01:30:00+24:00", "no offset"),
        ("2023-02-17T01:30:00+07:60", "no offset"),
        ("2023-02-17T01:30:00+0700", "no instant"),
        ("2023-02-17T01:30:00+07", "no instant"),
        ("2023-02-17 01:30:00+07:00", "no instant"),
        ("20230217T013000+07:00", "no instant"),
        ("2023-02-17T01:30:00,5+07:00", "no instant"),
        ("2023-02-17T01:30:00.+07:00", "no instant"),
        ("2023-W07-5T01:30:00+07:00", "no instant"),
        ("+2023-02-17T01:30:00+07:00", "no instant"),
        ("2023-02-17", "no instant"),
        ("٢٠٢٣-02-17T01:30:00+07:00", "no instant"),
        ("2023-02-17T01:30:00+07:00\n", "no instant"),
        (" 2023-02-17T01:30:00+07:00", "no instant"),
        ("", "no instant"),
        ("x" * 1000, "no instant"),
    ],
)
def test_what_is_no_instant(text: str, reason: str) -> None:
    """Anything else is refused with its own reason, and a long value is not repeated."""
    with pytest.raises(BadInstantError) as caught:
        parse_instant(text)
    assert reason in caught.value.reason
    assert caught.value.advice
    assert len(str(caught.value)) < 250


@patient
@given(MOMENTS, OFFSETS)
def test_an_instant_survives_its_text(at: int, offset_minutes: int) -> None:
    """Formatting and parsing give the same instant and offset, as the standard library reads them."""
    text = format_instant(at, offset_minutes)
    assert (at, offset_minutes) == parse_instant(text) == parse_instant_slowly(text)
    zone = timezone(timedelta(minutes=offset_minutes))
    assert (EPOCH + timedelta(microseconds=at)).astimezone(zone).isoformat() == text


@patient
@given(
    st.from_regex(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\Z")
    | st.text("0123456789-+:TZ. W", min_size=25, max_size=25)
)
@example("2023-02-17T24:00:00+07:00")
@example("2023-02-17T01:30:00-00:00")
@example("2023-W07-5T01:30:00+07:00")
@example("2023-02-17T01:30:00+24:00")
def test_the_quick_way_is_the_grammar(text: str) -> None:
    """The quick way gives what the grammar gives, for what is an instant and for what is none."""
    try:
        expected: tuple[int, int] | str = parse_instant_slowly(text)
    except BadInstantError as error:
        expected = str(error)
    try:
        actual: tuple[int, int] | str = parse_instant(text)
    except BadInstantError as error:
        actual = str(error)
    assert expected == actual


@patient
@given(DAYS)
def test_a_date_survives_its_text(days: int) -> None:
    """Formatting and parsing give the same day."""
    assert days == parse_date(format_date(days))


def test_days_count_from_1970() -> None:
    """Avro's date: day 0 is 1970-01-01."""
    assert (0, -1, 19555) == (parse_date("1970-01-01"), parse_date("1969-12-31"), parse_date("2023-07-17"))


@pytest.mark.parametrize(
    "text",
    [
        "2023-7-17",
        "20230717",
        "2023-02-29",
        "2023-07-17T00:00:00Z",
        "17-07-2023",
        "",
        "٢٠٢٣-07-17",
        "2023-W29-1",
    ],
)
def test_what_is_no_date(text: str) -> None:
    """Only `YYYY-MM-DD`, and only days that exist."""
    with pytest.raises(BadInstantError) as caught:
        parse_date(text)
    assert "YYYY-MM-DD" in caught.value.advice
