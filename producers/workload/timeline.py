"""The one clock of a history: lives asleep in a heap, woken in the order of time, each writing when it is
awake.

A life is an iterator of instants (milliseconds). It yields the next moment at which it has something to do;
woken then, it writes what it has to write, and yields again. Only lives under way are held, which is what
bounds the memory: about one kilobyte for each of them, whatever the length of the history.
"""

from __future__ import annotations

from heapq import heappop, heappush, heapreplace
from typing import TYPE_CHECKING

from producers.workload.timetable import HORIZON_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from producers.workload.records import Records


class Timeline:
    """Wakes lives until none has anything left to do before the horizon."""

    __slots__ = ("_asleep", "_now", "_records", "_started", "peak")

    def __init__(self, records: Records) -> None:
        self._records = records
        # The number in the middle decides between lives that wake in the same millisecond: the elder goes
        # first.
        self._asleep: list[tuple[int, int, Iterator[int]]] = []
        self._started = 0
        self._now = 0
        self.peak = 0
        """The most lives that were ever under way at once."""

    def __repr__(self) -> str:
        return f"Timeline({len(self._asleep)} lives asleep of {self._started} started)"

    def start(self, life: Iterator[int]) -> None:
        """Begin a life: it says at once when it wants to wake. One that wants nothing before the horizon is
        let go.
        """
        wake = next(life, HORIZON_MS)
        self._started += 1
        if wake < self._now:
            raise RuntimeError(f"life {self._started} wants to wake at {wake}, which is before {self._now}")
        if wake < HORIZON_MS:
            heappush(self._asleep, (wake, self._started, life))
            self.peak = max(self.peak, len(self._asleep))

    def lines(self) -> Iterator[str]:
        """Everything that the lives write, in order. `RuntimeError`: a life wants to wake in the past."""
        asleep = self._asleep
        written = self._records.lines
        while asleep:
            now, number, life = asleep[0]
            self._now = now
            wake = next(life, HORIZON_MS)
            # It may have started others meanwhile. It is still first in the heap: they wake later or are
            # younger.
            if wake >= HORIZON_MS:
                heappop(asleep)
            elif wake < now:
                raise RuntimeError(f"life {number} wants to wake at {wake}, which is before {now}")
            else:
                heapreplace(asleep, (wake, number, life))
            if written:
                yield from written
                written.clear()
