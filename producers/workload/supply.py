"""The supply side: agencies of very unequal size, permits as slices of job orders, destinations that open
and close.

Permits follow demand: a candidate who comes to an agency is promised a unit, and where none is left to
promise the agency asks for another permit. The counts kept here are the workload's own idea of the
balances. They steer the history, so that most units asked for are there; they are no ledger, and the ledger
never sees them.
"""

from __future__ import annotations

from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from producers.workload.nation import DESTINATIONS, HEAD_OFFICE, Destination, Shares
from producers.workload.timetable import (
    DAY_MS,
    DAYS,
    FIRST_DAY,
    LICENSING_MS,
    MINUTE_MS,
    OPENING_MS,
    WIB_MS,
    in_office_hours,
    instant_ms,
    wib_day,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from producers.workload.nation import Job
    from producers.workload.profile import Profile
    from producers.workload.records import Records
    from producers.workload.timeline import Timeline

_CLOSED: Final[tuple[tuple[str, int, int], ...]] = (
    ("TR", instant_ms(2022, 9, 5, 9), instant_ms(2022, 11, 14, 9)),
    ("SA", instant_ms(2023, 6, 19, 9), instant_ms(2023, 8, 21, 9)),
)
"""Destinations closed for a while, and when (invented). The second one spans the closure of SISKOTKLN."""

_NORMAL: Final = NormalDist()


def log_normal(median: float, sigma: float, fraction: float) -> float:
    """The value of a log-normal spread at a fraction (0 ≤ fraction < 1), cut at three and a half sigmas."""
    return median * exp(sigma * _NORMAL.inv_cdf(0.00025 + fraction * 0.9995))


class Agency:
    """A licensed agency, with the permits that a careless officer may confuse."""

    __slots__ = ("expired", "id", "recent", "revoked", "suspended_until_ms")

    def __init__(self, agency_id: str) -> None:
        self.id = agency_id
        self.suspended_until_ms = 0
        self.recent: list[Permit] = []
        self.expired: Permit | None = None
        self.revoked: Permit | None = None

    def __repr__(self) -> str:
        return f"Agency({self.id})"


class Permit:
    """A permit; validity in WIB days since 1970, both ends included."""

    __slots__ = ("agency", "destination", "id", "lines", "revoked", "valid_from", "valid_to")

    def __init__(
        self, permit_id: str, agency: Agency, destination: str, valid_from: int, valid_to: int
    ) -> None:
        self.id = permit_id
        self.agency = agency
        self.destination = destination
        self.valid_from = valid_from
        self.valid_to = valid_to
        self.revoked = False
        self.lines: list[Line] = []

    def valid_on(self, day: int) -> bool:
        """Whether a unit can be taken from it, or given back to it, on a WIB day."""
        return self.valid_from <= day <= self.valid_to and not self.revoked

    def __repr__(self) -> str:
        return f"Permit({self.id} of {self.agency.id} for {self.destination}, revoked={self.revoked})"


class Line:
    """One line of a permit, and what the workload believes is left on it."""

    __slots__ = ("available", "named", "number", "permit", "pools", "position", "sex")

    def __init__(self, permit: Permit, number: int, position: str, sex: str, units: int) -> None:
        self.permit = permit
        self.number = number
        self.position = position
        self.sex = sex
        self.available = units
        self.pools: tuple[Pool, ...] = ()
        self.named = f',"permit_id":"{permit.id}","line":{number}'

    def __repr__(self) -> str:
        return f"Line({self.permit.id}/{self.number} {self.position} {self.sex}, {self.available} available)"


class Pool:
    """What one agency can offer in one destination for one position and sex."""

    __slots__ = ("agency", "destination", "job", "lines", "ready_ms", "sex", "spare", "spent")

    def __init__(self, agency: Agency, destination: Destination, job: Job, sex: str) -> None:
        self.agency = agency
        self.destination = destination
        self.job = job
        self.sex = sex
        self.lines: list[Line] = []
        self.spent: Line | None = None
        """A line of which nothing is left, or that is no longer valid: what someone may still try."""
        self.spare = 0
        """Units granted or asked for, less those promised."""
        self.ready_ms = 0
        """When the permit asked for last is issued."""

    def __repr__(self) -> str:
        return f"Pool({self.agency.id} {self.destination.code} {self.job.position} {self.sex}, {self.spare=})"


class Supply:
    """All agencies and permits, and the lives in which they are licensed, issued, extended, suspended,
    revoked.
    """

    __slots__ = (
        "_closed_until_ms",
        "_issued",
        "_of_destination",
        "_pools",
        "_profile",
        "_random",
        "_records",
        "_timeline",
        "agencies",
        "last_permit",
    )

    def __init__(
        self, profile: Profile, candidates: int, random: Random, records: Records, timeline: Timeline
    ) -> None:
        self._profile = profile
        self._random = random.random
        self._records = records
        self._timeline = timeline
        self._pools: dict[tuple[str, str, str, str], Pool] = {}
        self._issued = 0
        self._closed_until_ms: dict[str, int] = {}
        self.last_permit: Permit | None = None
        # With a candidate or two to each agency no permit would ever run out: small histories take fewer.
        count = min(profile.agencies, max(12, candidates // 100))
        self.agencies = tuple(Agency(f"P3MI-{number:03d}") for number in range(1, count + 1))
        self._of_destination = self._spread()

    def __repr__(self) -> str:
        return f"Supply({len(self.agencies)} agencies, {len(self._pools)} pools, {self._issued} permits)"

    def begin(self) -> None:
        """Start the lives of the agencies and of the destinations that close."""
        step_ms = (OPENING_MS - LICENSING_MS - 20 * DAY_MS) // len(self.agencies)
        for number, agency in enumerate(self.agencies):
            self._timeline.start(self._agency_life(agency, LICENSING_MS + number * step_ms))
        for destination, closes_ms, opens_ms in _CLOSED:
            self._timeline.start(self._closing(destination, closes_ms, opens_ms))

    def pool(self, agency: Agency, destination: Destination, job: Job, sex: str) -> Pool:
        """The pool that a candidate of this agency, destination, job and sex draws from."""
        key = (agency.id, destination.code, job.position, sex)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = Pool(agency, destination, job, sex)
        return pool

    def agency_for(self, destination: Destination) -> Agency:
        """An agency that sends people there, large ones more often."""
        return self._of_destination[destination.code].at(self._random())

    def book(self, pool: Pool, now_ms: int) -> int:
        """Promise a unit to a candidate who came; gives the instant from which it can be taken."""
        if pool.spare <= 0 and (pool.ready_ms == 0 or self._random() >= self._profile.overbooked):
            self.order(pool, now_ms)
        pool.spare -= 1
        return pool.ready_ms

    def order(self, pool: Pool, now_ms: int) -> int:
        """Ask for another permit; gives the instant at which it is issued."""
        pool.ready_ms = in_office_hours(
            now_ms + int((2 + 10 * self._random()) * DAY_MS), WIB_MS, self._random()
        )
        units = max(1, round(log_normal(self._profile.permit_units, 0.8, self._random())))
        pool.spare += units
        self._timeline.start(self._permit_life(pool, units, pool.ready_ms))
        return pool.ready_ms

    def replenish(self, pool: Pool, now_ms: int) -> int:
        """The instant at which the next permit is issued, which is asked for unless one is on its way."""
        return pool.ready_ms if pool.ready_ms > now_ms else self.order(pool, now_ms)

    def find(self, pool: Pool, day: int) -> Line | None:
        """The line to take a unit from on a WIB day, the oldest first; None when the pool has nothing."""
        lines = pool.lines
        while lines:
            line = lines[0]
            if line.available > 0 and line.permit.valid_on(day):
                return line
            pool.spent = lines.pop(0)
        return None

    def blocked_until(self, pool: Pool) -> int:
        """Until when nothing can be taken here, for the agency's sake or the destination's; 0 when it can."""
        return max(pool.agency.suspended_until_ms, self._closed_until_ms.get(pool.destination.code, 0))

    def take(self, line: Line) -> None:
        """A unit of this line is now held."""
        line.available -= 1

    def give_back(self, line: Line, day: int) -> None:
        """A unit held on this line is free again; on an invalid permit it cannot be promised to anybody."""
        line.available += 1
        if line.permit.valid_on(day):
            line.pools[0].spare += 1
            self._offer(line)

    def _spread(self) -> dict[str, Shares[Agency]]:
        """Which agencies send people to which destination, and how many relative to one another."""
        weights: dict[str, list[tuple[Agency, float]]] = {one.code: [] for one in DESTINATIONS.things}
        for rank, agency in enumerate(self.agencies, start=1):
            # Zipf with a flattened head: the largest of 424 has about one candidate in twenty.
            weight = 1.0 / (rank + 3.0) ** 0.95
            markets = {DESTINATIONS.at(self._random()).code for _ in range(1 + int(3 * self._random()))}
            for code, agencies in weights.items():
                if code in markets:
                    agencies.append((agency, weight / len(markets)))
        for number, agencies in enumerate(weights.values()):
            if not agencies:
                agencies.append((self.agencies[number % len(self.agencies)], 1.0))
        return {code: Shares(agencies) for code, agencies in weights.items()}

    def _offer(self, line: Line) -> None:
        for pool in line.pools:
            if line not in pool.lines:
                pool.lines.append(line)

    def _office_hours(self, not_before_ms: float) -> int:
        return in_office_hours(int(not_before_ms), WIB_MS, self._random())

    def _ruled(self, kind: str, at_ms: int, fields: str) -> None:
        """Write an act of the head office, entered a moment after it was signed."""
        self._records.write(kind, "BP2MI", HEAD_OFFICE, at_ms // 60_000 * 60_000, at_ms, fields)

    def _agency_life(self, agency: Agency, not_before_ms: int) -> Iterator[int]:
        random = self._random
        fields = f',"agency_id":"{agency.id}"'
        now = self._office_hours(not_before_ms)
        yield now
        self._ruled("agency_licensed", now, fields)
        if random() < 0.01:
            now = self._office_hours(now + DAY_MS)
            yield now
            self._ruled("agency_licensed", now, fields)  # AGENCY_EXISTS
        if random() >= self._profile.agencies_suspended:
            return
        now = self._office_hours(OPENING_MS + (90 + 570 * random()) * DAY_MS)
        until = self._office_hours(now + (60 + 60 * random()) * DAY_MS)
        yield now
        if random() < 0.2:
            self._ruled("agency_suspended", now, f',"agency_id":"{agency.id}X"')  # UNKNOWN_AGENCY
        agency.suspended_until_ms = until
        self._ruled("agency_suspended", now, fields)
        if random() < 0.2:
            now += 45 * MINUTE_MS
            yield now
            self._ruled("agency_suspended", now, fields)  # NO_CHANGE
        yield until
        agency.suspended_until_ms = 0
        self._ruled("agency_reinstated", until, fields)

    def _closing(self, destination: str, closes_ms: int, opens_ms: int) -> Iterator[int]:
        yield closes_ms
        self._closed_until_ms[destination] = opens_ms
        self._ruled("destination_closed", closes_ms, f',"destination":"{destination}"')
        yield closes_ms + 90 * MINUTE_MS
        self._ruled(
            "destination_closed", closes_ms + 90 * MINUTE_MS, f',"destination":"{destination}"'
        )  # NO_CHANGE
        yield opens_ms
        self._closed_until_ms[destination] = 0
        self._ruled("destination_opened", opens_ms, f',"destination":"{destination}"')

    def _lines_of(self, permit: Permit, pool: Pool, units: int) -> None:
        """Lines of a new permit: one for the pool that asked, and often one or two for other jobs over
        there.
        """
        random = self._random
        jobs = [pool.job]
        while len(jobs) < 3 and random() < 0.35:
            job = pool.destination.jobs.at(random())
            if job not in jobs:
                jobs.append(job)
        for number, job in enumerate(jobs, start=1):
            mixed = 0.2 < job.women < 0.8 and random() < 0.5
            sex = "ANY" if mixed else pool.sex if number == 1 else "F" if random() < job.women else "M"
            size = units if number == 1 else max(1, int(units * 0.5 * random()))
            line = Line(permit, number, job.position, sex, size)
            # The pool to which the spare units are counted comes first.
            sexes = (pool.sex, "F" if pool.sex == "M" else "M") if mixed else (sex,)
            line.pools = tuple(self.pool(pool.agency, pool.destination, job, one) for one in sexes)
            if number > 1:
                line.pools[0].spare += size
                line.pools[0].ready_ms = max(line.pools[0].ready_ms, 1)
            permit.lines.append(line)

    def _issue(self, pool: Pool, units: int, now: int) -> Permit:
        """Write a new permit, once or, by mistake, twice, and offer its lines."""
        random = self._random
        agency = pool.agency
        today = wib_day(now)
        self._issued += 1
        permit = Permit(f"SIP-{self._issued:06d}", agency, pool.destination.code, today, today)
        permit.valid_to = today + 300 + int(365 * random())
        self._lines_of(permit, pool, units)
        lines = ",".join(
            f'{{"line":{line.number},"position":"{line.position}","sex":"{line.sex}","units":{line.available}}}'
            for line in permit.lines
        )
        fields = (
            f',"destination":"{permit.destination}","valid_from":"{DAYS[today - FIRST_DAY]}",'
            f'"valid_to":"{DAYS[permit.valid_to - FIRST_DAY]}","lines":[{lines}]'
        )
        if random() < 0.003:
            self._ruled(
                "permit_issued", now, f',"permit_id":"{permit.id}","agency_id":"{agency.id}X"{fields}'
            )
        self._ruled("permit_issued", now, f',"permit_id":"{permit.id}","agency_id":"{agency.id}"{fields}')
        if random() < 0.005:
            self._ruled("permit_issued", now, f',"permit_id":"{permit.id}","agency_id":"{agency.id}"{fields}')
        for line in permit.lines:
            self._offer(line)
        self.last_permit = permit
        agency.recent.append(permit)
        if len(agency.recent) > 6:
            del agency.recent[0]
        return permit

    def _permit_life(self, pool: Pool, units: int, now: int) -> Iterator[int]:
        random = self._random
        yield now
        permit = self._issue(pool, units, now)
        incident = self._office_hours(now + (20 + 180 * random()) * DAY_MS)
        yield incident
        self._incident(permit, incident)
        if permit.revoked and random() < 0.35:
            now = self._office_hours(incident + (15 + 45 * random()) * DAY_MS)
            yield now
            permit.revoked = False
            self._ruled("permit_reinstated", now, f',"permit_id":"{permit.id}"')
            self._back(permit)

        while not permit.revoked and random() < self._profile.permit_extended:
            late = random() < 0.12
            ends = permit.valid_to * DAY_MS - WIB_MS
            now = self._office_hours(
                ends + (4 + 30 * random()) * DAY_MS if late else ends - 25 * random() * DAY_MS
            )
            if late:
                yield ends + DAY_MS
                self._withdraw(permit)
            yield now
            if random() < 0.03:  # VALIDITY_NOT_EXTENDED
                self._extended(permit, now, permit.valid_to)
            if random() < 0.02:
                self._ruled("permit_extended", now, f',"permit_id":"{permit.id}X","valid_to":"2025-12-31"')
            permit.valid_to = max(permit.valid_to, wib_day(now)) + 120 + int(245 * random())
            self._extended(permit, now, permit.valid_to)
            if late:
                self._back(permit)
        if not permit.revoked:
            # Nobody tells the ledger: validity is a property of time. The pool has to know that it is short.
            yield (permit.valid_to + 1) * DAY_MS - WIB_MS
            self._withdraw(permit)
            permit.agency.expired = permit

    def _extended(self, permit: Permit, at_ms: int, valid_to: int) -> None:
        fields = f',"permit_id":"{permit.id}","valid_to":"{DAYS[valid_to - FIRST_DAY]}"'
        self._ruled("permit_extended", at_ms, fields)

    def _incident(self, permit: Permit, at_ms: int) -> None:
        """What befalls a permit once in its life, if anything: more units, fewer, or none any more."""
        chance = self._random()
        line = permit.lines[int(self._random() * len(permit.lines))]
        if chance < self._profile.permit_revoked:
            permit.revoked = True
            permit.agency.revoked = permit
            self._withdraw(permit)
            self._ruled("permit_revoked", at_ms, f',"permit_id":"{permit.id}"')
            if self._random() < 0.15:
                self._ruled("permit_revoked", at_ms, f',"permit_id":"{permit.id}"')  # NO_CHANGE
            return
        chance -= self._profile.permit_revoked
        units = 1 + int(8 * self._random())
        if chance < 0.06:
            if self._random() < 0.05:  # UNKNOWN_LINE
                self._ruled("quota_raised", at_ms, f',"permit_id":"{permit.id}","line":9,"units":{units}')
            self._ruled("quota_raised", at_ms, f'{line.named},"units":{units}')
            line.available += units
            line.pools[0].spare += units
            self._offer(line)
        elif chance < 0.11 and line.available > 0:
            units = min(units, line.available)
            self._ruled("quota_lowered", at_ms, f'{line.named},"units":{units}')
            line.available -= units
            line.pools[0].spare -= units
        elif chance < 0.115:  # QUOTA_BELOW_USE
            self._ruled("quota_lowered", at_ms, f'{line.named},"units":{line.available + units}')

    def _withdraw(self, permit: Permit) -> None:
        """Count the units that can no longer be taken out of what the pools may promise."""
        for line in permit.lines:
            line.pools[0].spare -= line.available

    def _back(self, permit: Permit) -> None:
        """The opposite: the permit is good again."""
        for line in permit.lines:
            line.pools[0].spare += line.available
            self._offer(line)
