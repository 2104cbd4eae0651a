"""Instants and dates as text: RFC 3339 with an offset, to the microsecond, and days as `YYYY-MM-DD`.

An instant is a pair: microseconds since 1970 in UTC, and the minutes east of UTC of the local reading that
the source gave. Must not know a time zone by name, nor read a clock.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final

from mypy_extensions import i64

MICROSECONDS_PER_SECOND: Final = 1_000_000
SECONDS_PER_DAY: Final = 86_400
MICROSECONDS_PER_DAY: Final = 86_400_000_000
# The first and the last day of the years that a date can have.
DAY_MIN: Final = -719_162
DAY_MAX: Final = 2_932_896
# The ordinal of 1970-01-01 in the proleptic Gregorian calendar.
ORDINAL_1970: Final = 719_163

ADVICE: Final = "an instant with its offset, such as 2023-02-17T01:30:00+09:00"
DATE_ADVICE: Final = "a date as YYYY-MM-DD, such as 2023-07-17"

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local readings: the offset is kept beside them
_INSTANT: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2})(:(\d{2})(?:\.(\d+))?)?(?:([Zz])|([+-])(\d{2}):(\d{2}))?",
    re.ASCII,
)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


_TWO_DIGITS: Final = [f"{number:02}" for number in range(100)]


def _offset_text(minutes: int) -> str:
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours:02}:{rest:02}"


# Every offset that can be written, both ways: looking one up is cheaper than computing it, and checks it.
_OFFSET_MINUTES_MAX: Final = 23 * 60 + 59
_OFFSET_TEXTS: Final = {
    minutes: _offset_text(minutes) for minutes in range(-_OFFSET_MINUTES_MAX, _OFFSET_MINUTES_MAX + 1)
}
_OFFSETS: Final = {
    **{text: minutes for minutes, text in _OFFSET_TEXTS.items()},
    "-00:00": 0,
    "Z": 0,
    "z": 0,
}


class BadInstantError(ValueError):
    """The text is no instant, or no date; the arguments are what is wrong and what would be right.

    Attributes:
        reason: What is wrong.
        advice: What would be right.

    """

    def __init__(self, reason: str, advice: str = ADVICE) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason = reason
        self.advice = advice


def parse_instant(text: str) -> tuple[int, int]:
    """Give the microseconds since 1970 UTC and the offset in minutes of an RFC 3339 instant.

    `24:00` is midnight of the next day, with or without seconds. The result may lie outside the years that
    `shape.py` takes.

    Raises:
        BadInstantError: the text is no instant, or has no offset.

    """
    # What nearly every source writes. With dashes and colons in their places, and a known offset after
    # them, `fromisoformat` has nothing left to be lenient about.
    if len(text) == 25 and text[4] == "-" and text[7] == "-" and text[10] == "T" and text[13] == ":":
        offset = _OFFSETS.get(text[19:])
        if offset is not None and text[16] == ":":
            try:
                since = datetime.fromisoformat(text[:19]) - _EPOCH
            except ValueError:
                return parse_instant_slowly(text)
            seconds = since.days * SECONDS_PER_DAY + since.seconds - offset * 60
            return seconds * MICROSECONDS_PER_SECOND, offset
    return parse_instant_slowly(text)


def parse_instant_slowly(text: str) -> tuple[int, int]:
    """Give what `parse_instant` gives, by the grammar, and the reason where there is none.

    Raises:
        BadInstantError: the text is no instant, or has no offset.

    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise BadInstantError("it is no instant of RFC 3339")
    zulu, sign, offset_hour, offset_minute = match[9], match[10], match[11], match[12]
    if zulu is None and sign is None:
        raise BadInstantError("it has no offset: nobody knows which midnight it means")
    offset = 0
    if sign is not None:
        if int(offset_hour) > 23 or int(offset_minute) > 59:
            raise BadInstantError("it has an offset that is no offset")
        offset = int(offset_hour) * 60 + int(offset_minute)
        offset = -offset if sign == "-" else offset
    hour, minute, second = int(match[4]), int(match[5]), int(match[7] or "0")
    fraction = match[8] or ""
    if fraction[6:].strip("0"):
        raise BadInstantError("it is finer than a microsecond", "at most six digits of fraction")
    microsecond = int(fraction[:6].ljust(6, "0"))
    days = _days(int(match[1]), int(match[2]), int(match[3]))
    if hour == 24:
        if minute or second or microsecond:
            raise BadInstantError("it lies after 24:00", "24:00 alone, or an hour up to 23")
    elif match[6] is None:
        raise BadInstantError("it has no seconds")
    if second == 60:
        raise BadInstantError("it is a leap second", "seconds up to 59")
    if hour > 24 or minute > 59 or second > 59:
        raise BadInstantError("it is no time of day")
    seconds = days * SECONDS_PER_DAY + hour * 3600 + (minute - offset) * 60 + second
    return seconds * MICROSECONDS_PER_SECOND + microsecond, offset


def format_instant(at: i64, offset_minutes: i64) -> str:
    """Write an instant as its local reading: six digits of fraction, or none, and always a numeric offset.

    Raises:
        OverflowError: the local reading lies outside the years 0001 to 9999.
        KeyError: the offset is a day or more.

    """
    # By hand, because a decision has half a dozen of these: compiled, this costs a fifth of what `datetime`
    # does. A test compares the two.
    local: i64 = at + offset_minutes * 60_000_000
    days: i64 = local // MICROSECONDS_PER_DAY
    if days < DAY_MIN or days > DAY_MAX:
        raise OverflowError("the local reading lies outside the years 0001 to 9999")
    microseconds: i64 = local - days * MICROSECONDS_PER_DAY
    seconds: i64 = microseconds // 1_000_000
    microseconds -= seconds * 1_000_000
    text = (
        f"{_date_text(days)}T{_TWO_DIGITS[seconds // 3600]}:{_TWO_DIGITS[seconds // 60 % 60]}"
        f":{_TWO_DIGITS[seconds % 60]}"
    )
    if microseconds:
        text += f".{microseconds:06}"
    return text + _OFFSET_TEXTS[offset_minutes]


def _date_text(days: i64) -> str:
    """Write the date that lies so many days after 1970-01-01.

    Years are counted from March, so that the leap day is the last of its year: "chrono-Compatible Low-Level
    Date Algorithms", Howard Hinnant.
    """
    since: i64 = days + 719_468  # days since 0000-03-01
    era: i64 = since // 146_097
    day_of_era: i64 = since - era * 146_097
    year_of_era: i64 = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year: i64 = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month: i64 = (5 * day_of_year + 2) // 153
    day: i64 = day_of_year - (153 * month + 2) // 5 + 1
    year: i64 = year_of_era + era * 400
    if month < 10:
        month += 3
    else:
        month -= 9
        year += 1
    return f"{_TWO_DIGITS[year // 100]}{_TWO_DIGITS[year % 100]}-{_TWO_DIGITS[month]}-{_TWO_DIGITS[day]}"


def parse_date(text: str) -> int:
    """Give the days since 1970 of a date.

    Raises:
        BadInstantError: the text is no date as `YYYY-MM-DD`.

    """
    if _DATE.fullmatch(text) is None:
        raise BadInstantError("it is no date", DATE_ADVICE)
    try:
        return date.fromisoformat(text).toordinal() - ORDINAL_1970
    except ValueError:
        raise BadInstantError("it is in no calendar", DATE_ADVICE) from None


def format_date(days: i64) -> str:
    """Write a date given as days since 1970.

    Raises:
        OverflowError: it lies outside the years 0001 to 9999.

    """
    if days < DAY_MIN or days > DAY_MAX:
        raise OverflowError("the date lies outside the years 0001 to 9999")
    return _date_text(days)


def _days(year: int, month: int, day: int) -> int:
    try:
        return date(year, month, day).toordinal() - ORDINAL_1970
    except ValueError:
        raise BadInstantError("it is in no calendar") from None
