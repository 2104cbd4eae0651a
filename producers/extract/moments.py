"""Dates and times as offices write them, and the instants that they mean in the office's zone.

Gives days since 1970 and seconds of the day; None where a text is neither. Must not know a zone by its
place: an office has one, and the extract says which.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from schemas.instants import MICROSECONDS_PER_SECOND, ORDINAL_1970, SECONDS_PER_DAY

WIB_OFFSET_MINUTES: Final = 7 * 60
OFFSET_MINUTES: Final = MappingProxyType({"WIB": 7 * 60, "WITA": 8 * 60, "WIT": 9 * 60})
# A year outside is a slip of the hand (0203, 20223), not a date of any placement.
YEAR_MIN: Final = 1900
YEAR_MAX: Final = 2199
# More different dates than an extract of many years has; each is worked out once.
_CACHE: Final = 1 << 16
# What is longer is neither, and must not fill the memory of those that were worked out.
_CHARACTERS_MAX: Final = len("dd/mm/yyyy")

_DAY_FIRST: Final = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})", re.ASCII)
_ISO: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_TIME: Final = re.compile(r"(\d{1,2})([.:])(\d{2})(?:\2(\d{2}))?", re.ASCII)


def parse_day(text: str) -> int | None:
    """Give the days since 1970 of `dd/mm/yyyy`, `dd-mm-yyyy` or `yyyy-mm-dd`, or None."""
    return _day(text) if len(text) <= _CHARACTERS_MAX else None


@lru_cache(_CACHE)
def _day(text: str) -> int | None:
    match = _DAY_FIRST.fullmatch(text)
    if match is not None:
        day, month, year = int(match[1]), int(match[3]), int(match[4])
    else:
        match = _ISO.fullmatch(text)
        if match is None:
            return None
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not YEAR_MIN <= year <= YEAR_MAX:
        return None
    try:
        return date(year, month, day).toordinal() - ORDINAL_1970
    except ValueError:
        return None


def parse_time(text: str) -> int | None:
    """Give the seconds since midnight of `HH.MM` or `HH:MM`, maybe with seconds, up to `24.00`, or None."""
    return _seconds(text) if len(text) <= _CHARACTERS_MAX else None


@lru_cache(_CACHE)
def _seconds(text: str) -> int | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[3]), int(match[4] or 0)
    if hour == 24:
        return SECONDS_PER_DAY if minute == 0 and second == 0 else None
    if hour > 23 or minute > 59 or second > 59:
        return None
    return hour * 3600 + minute * 60 + second


def instant_of(day: int, seconds: int, offset_minutes: int) -> int:
    """Give the microseconds since 1970, UTC, of a local date and time."""
    return (day * SECONDS_PER_DAY + seconds - offset_minutes * 60) * MICROSECONDS_PER_SECOND


def midnight_wib(day: int) -> int:
    """Give the instant of a date without a time: 00:00 WIB."""
    return instant_of(day, 0, WIB_OFFSET_MINUTES)
