"""Writes an action as its line of JSON (contract §1), and makes the ids that go with it.

It writes what it is told, right or wrong; whether an action makes sense is for others. JSON is put together
by hand for speed, so no text with a quote, a backslash or a letter outside ASCII may come in: the tests
parse every line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from producers.workload.timetable import DAY_MS, DAYS, FIRST_DAY

if TYPE_CHECKING:
    from random import Random

    from producers.workload.nation import Office

_MINUTES: Final[tuple[str, ...]] = tuple(
    f"T{hour:02d}:{minute:02d}:" for hour in range(24) for minute in range(60)
)
_SECONDS: Final[tuple[str, ...]] = tuple(f"{second:02d}" for second in range(60))


def instant(at_ms: int, office: Office) -> str:
    """An instant as an office writes it: RFC 3339 in its zone, the fraction only where there is one."""
    day, rest = divmod(at_ms + office.zone_ms, DAY_MS)
    minute, rest = divmod(rest, 60_000)
    second, fraction = divmod(rest, 1000)
    if fraction:
        return f"{DAYS[day - FIRST_DAY]}{_MINUTES[minute]}{_SECONDS[second]}.{fraction:03d}{office.zone}"
    return f"{DAYS[day - FIRST_DAY]}{_MINUTES[minute]}{_SECONDS[second]}{office.zone}"


def midnight(at_ms: int, office: Office) -> str:
    """A local midnight the way some sources write it: `24:00` of the day that ends."""
    day, rest = divmod(at_ms + office.zone_ms, DAY_MS)
    if rest:
        raise ValueError(f"not a midnight in {office.zone}: {instant(at_ms, office)}")
    return f"{DAYS[day - 1 - FIRST_DAY]}T24:00:00{office.zone}"


class Records:
    """The lines written and not yet taken away, in the order of `entered_at` as long as callers write in
    it.
    """

    __slots__ = ("_bits", "_random", "last_id", "lines")

    def __init__(self, random: Random) -> None:
        self._bits = random.getrandbits
        self._random = random.random
        self.lines: list[str] = []
        self.last_id = ""
        """The id of the action written last."""

    def __repr__(self) -> str:
        return f"Records({len(self.lines)} lines waiting, last id {self.last_id})"

    def action_id(self, entered_ms: int) -> str:
        """A UUID, version 7 (RFC 9562): the milliseconds of `entered_at`, then seeded random bits."""
        time = f"{entered_ms:012x}"
        bits = self._bits(74)
        tail = f"{0x8000000000000000 | (bits & 0x3FFFFFFFFFFFFFFF):016x}"
        return f"{time[:8]}-{time[8:]}-7{bits >> 62:03x}-{tail[:4]}-{tail[4:]}"

    def person_id(self) -> str:
        """A UUID, version 4: random, and nothing else, so that nothing can be read from it."""
        bits = f"{self._bits(122):031x}"
        return f"{bits[1:9]}-{bits[9:13]}-4{bits[13:16]}-{'89ab'[int(bits[0], 16)]}{bits[16:19]}-{bits[19:]}"

    def write(
        self,
        kind: str,
        system: str,
        office: Office,
        occurred_ms: int,
        entered_ms: int,
        fields: str,
        *,
        action_id: str | None = None,
        occurred_at: str | None = None,
    ) -> None:
        """Write one action. `fields` is JSON from the comma on, empty when the kind has none of its own.

        `action_id` and `occurred_at` replace what would be made of the numbers: an id used before, `24:00`.
        """
        if action_id is None:
            self.last_id = action_id = self.action_id(entered_ms)
        desk = office.desks[int(self._random() * len(office.desks))]
        if occurred_at is None:
            occurred_at = instant(occurred_ms, office)
        self.lines.append(
            f'{{"action_id":"{action_id}","kind":"{kind}","system":"{system}",{desk},"occurred_at":"{occurred_at}",'
            f'"entered_at":"{instant(entered_ms, office)}"{fields}}}'
        )

    def repeat(self) -> None:
        """Send the last line once more, word for word: a double click, or a client that tries again."""
        self.lines.append(self.lines[-1])
