"""When things happen: the two instants of the letter, working days, office hours, and the stream of
arrivals.

All instants here are whole milliseconds since 1970-01-01T00:00Z. This module knows the calendar and nothing
of candidates or permits. It draws no random numbers of its own: callers hand theirs in.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000

WIB_MS: Final = 7 * HOUR_MS
"""What WIB is ahead of UTC."""


def instant_ms(year: int, month: int, day: int, hour: int = 0) -> int:
    """Milliseconds since 1970 of a moment told in WIB."""
    return int(datetime(year, month, day, hour, tzinfo=timezone(timedelta(hours=7))).timestamp()) * 1000


LIMIT_MS: Final = instant_ms(2023, 2, 17)
"""T_R: from here on SISKOTKLN takes no registration [L3]."""
CLOSURE_MS: Final = instant_ms(2023, 7, 17)
"""T_0: SISKOTKLN is closed for every stage [L1]."""
LICENSING_MS: Final = instant_ms(2021, 11, 1)
"""The first licence is entered here; the history knows nothing earlier."""
OPENING_MS: Final = instant_ms(2022, 1, 3)
"""The first candidate comes after this."""
HORIZON_MS: Final = instant_ms(2024, 1, 1)
"""The history stops here: whoever is under way stays under way."""

FIRST_DAY: Final = date(2021, 10, 1).toordinal() - date(1970, 1, 1).toordinal()
"""First day, counted from 1970, that the tables below know: before anything happens."""
_LAST_DAY: Final = date(2027, 12, 31).toordinal() - date(1970, 1, 1).toordinal()
"""Last one: longer than a permit of this history, twice extended, can be valid."""

DAYS: Final[tuple[str, ...]] = tuple(
    date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()
    for day in range(FIRST_DAY, _LAST_DAY + 1)
)
"""`2023-07-17` and so on; the entry of a day is at `day - FIRST_DAY`."""

_HOLIDAYS: Final = frozenset(
    {
        *(
            date(2022, 4, 29) + timedelta(days=days) for days in range(8)
        ),  # Idul Fitri and the days off around it
        *(date(2023, 4, 19) + timedelta(days=days) for days in range(7)),
        date(2022, 8, 17),
        date(2023, 8, 17),
    }
)


def _next_working_days() -> tuple[int, ...]:
    """For each day the first working day that is not before it."""
    epoch = date(1970, 1, 1).toordinal()
    following: list[int] = []
    working = _LAST_DAY
    for day in range(_LAST_DAY, FIRST_DAY - 1, -1):
        on = date.fromordinal(epoch + day)
        if on.weekday() < 5 and on not in _HOLIDAYS:
            working = day
        following.append(working)
    return tuple(reversed(following))


WORKING_DAYS: Final[tuple[int, ...]] = _next_working_days()
"""The first working day at or after a day; the entry of a day is at `day - FIRST_DAY`."""


def in_office_hours(not_before_ms: int, zone_ms: int, fraction: float) -> int:
    """A whole second between 08:00 and 16:00 of the office's zone, on the first working day that leaves room.

    `fraction` (0 ≤ fraction < 1) chooses the second, so that the same day is not everybody's 08:00.
    """
    day = WORKING_DAYS[(not_before_ms + zone_ms) // DAY_MS - FIRST_DAY]
    at_ms = day * DAY_MS + (28_800 + int(fraction * 28_800)) * 1000 - zone_ms
    if at_ms < not_before_ms:
        day = WORKING_DAYS[day + 1 - FIRST_DAY]
        at_ms = day * DAY_MS + (28_800 + int(fraction * 28_800)) * 1000 - zone_ms
    return at_ms


def wib_day(at_ms: int) -> int:
    """The WIB date of an instant, as days since 1970: what a permit's validity is compared with."""
    return (at_ms + WIB_MS) // DAY_MS


_ARRIVALS_PER_MONTH: Final[tuple[tuple[int, int, float], ...]] = (
    # Invented in detail, after two sums of the sources: 200,761 placed in 2022, 274,965 in 2023. The rush
    # before
    # the limit and the slack after it are invented too.
    *((2022, month, 0.60 + 0.035 * month) for month in range(1, 13)),
    (2023, 1, 1.15),
    (2023, 2, 1.05),
    (2023, 3, 0.85),
    (2023, 4, 0.80),
    *((2023, month, 1.00) for month in range(5, 10)),
    (2023, 10, 0.70),
)
"""How many candidates come in a month, relative to one another. Nobody new from November 2023 on."""


def arrivals(candidates: int, random: Callable[[], float]) -> Iterator[int]:
    """The instants at which candidates come, rising, one at a time: no list of them is ever held."""
    bounds = [OPENING_MS]
    for year, month, _ in _ARRIVALS_PER_MONTH[1:]:
        bounds.append(instant_ms(year, month, 1))
    bounds.append(instant_ms(2023, 11, 1))
    weights = [
        weight * (end - start)
        for (_, _, weight), start, end in zip(_ARRIVALS_PER_MONTH, bounds, bounds[1:], strict=False)
    ]
    scale = sum(weights) / candidates
    month = 0
    before = 0.0
    for number in range(candidates):
        # The n-th of N stands anywhere inside the n-th of N equal shares: rising, yet irregular.
        reached = (number + random()) * scale
        while reached >= before + weights[month] and month < len(weights) - 1:
            before += weights[month]
            month += 1
        start, end = bounds[month], bounds[month + 1]
        yield start + min(int((reached - before) / weights[month] * (end - start)), end - start - 1)
