"""What was true of one thing at which moment: the "as of t" of contract §3."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final, final

from mypy_extensions import i64


@final
class Timeline:
    """Values of one property by `occurred_at`; of two at the same moment, the later decided one holds.

    Attributes:
        moments: Microseconds since 1970, ascending.
        values: The value from that moment on.

    """

    __slots__ = ("moments", "values")

    def __init__(self) -> None:
        self.moments: Final[list[int]] = []
        self.values: Final[list[int]] = []

    def record(self, at: i64, value: i64) -> None:
        """Add a value that holds from that moment on, decided after all that are there."""
        place = bisect_right(self.moments, at)
        self.moments.insert(place, at)
        self.values.insert(place, value)

    def as_of(self, at: i64, before: i64) -> i64:
        """Give the value at that moment, or `before` where nothing had been recorded by then."""
        place: i64 = bisect_right(self.moments, at)
        if place == 0:
            return before
        return self.values[place - 1]

    def __repr__(self) -> str:
        """Show the history."""
        return f"Timeline({dict(zip(self.moments, self.values, strict=True))})"
