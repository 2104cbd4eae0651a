"""The life of a candidate: registration, stages, and what the closure makes of whoever is under way.

Each life is a generator of instants (see `timeline`): it yields when it wants to go on, and writes when it is woken.
It follows the rules of the domain, because most officers do; `slips` holds what they get wrong.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Final

from producers.workload.nation import DESTINATIONS, HEAD_OFFICE, PROVINCES
from producers.workload.records import midnight
from producers.workload.slips import Slips, entered_again
from producers.workload.supply import log_normal
from producers.workload.timetable import (
    CLOSURE_MS,
    DAY_MS,
    HORIZON_MS,
    HOUR_MS,
    LIMIT_MS,
    MINUTE_MS,
    WIB_MS,
    arrivals,
    in_office_hours,
    wib_day,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from random import Random

    from producers.workload.nation import Destination, Office
    from producers.workload.profile import Profile
    from producers.workload.records import Records
    from producers.workload.supply import Line, Pool, Supply
    from producers.workload.timeline import Timeline

Steps = tuple[tuple[str, float], ...]
"""Kinds in their order, each with its share of the time from registration to departure."""


def _ladders(*, agreement: bool, biometrics: bool) -> tuple[Steps, ...]:
    """The ladder in every order that the domain allows."""
    identity = ("candidate_id_issued", 0.06)
    signing = ("agreement_signed", 0.10)
    orientation = ("orientation_completed", 0.20)
    fingerprints = ("biometrics_registered", 0.06)
    first = ((identity, signing), (signing, identity)) if agreement else ((identity,),)
    last = ((orientation, fingerprints), (fingerprints, orientation)) if biometrics else ((orientation,),)
    return tuple(
        (("documents_verified", 0.05), *middle, ("documents_fulfilled", 0.38), *end, ("departed", 0.15))
        for middle in first
        for end in last
    )


_LADDERS: Final[dict[tuple[bool, bool], tuple[Steps, ...]]] = {
    (agreement, biometrics): _ladders(agreement=agreement, biometrics=biometrics)
    for agreement in (False, True)
    for biometrics in (False, True)
}
_IN_SIAPKERJA: Final = frozenset({"documents_verified", "candidate_id_issued", "agreement_signed"})
_WITHOUT_AGREEMENT: Final = frozenset({"INDIVIDUAL", "UKPS"})
_BIOMETRICS_IN_SISKOTKLN: Final = 0.4
"""Share of SISKOTKLN registrations that have fingerprints taken, though departure does not need it (invented)."""
_LATE_SPREAD_MS: Final = 20 * DAY_MS
"""How far before T_0 the late records reach: each 20 days earlier they are e times rarer (invented)."""
_LATE_SCALE: Final = (CLOSURE_MS - LIMIT_MS) / _LATE_SPREAD_MS
"""What `late_records` is multiplied with at T_0 itself, so that its mean from T_R to T_0 comes out."""

_DEPARTED: Final = "departed"
_CANCELLED: Final = "cancelled"
_UNDER_WAY: Final = "under way"
_FLOWN_UNSEEN: Final = "flown, and nobody entered it in time"
_MISSED: Final = "the limit passed before a unit was there"


class Candidate:
    """One person, and where their current registration stands."""

    __slots__ = ("destination", "lead_ms", "line", "now", "occurred_ms", "office", "person", "pool", "province_office",
                 "registered_ms", "registration_id", "scheme", "system", "wish")  # fmt: skip

    destination: Destination
    office: Office
    """Where the person registers."""
    province_office: Office
    """The BP3MI that acts for the province."""
    pool: Pool | None
    """Under `P_TO_P`: what the agency has to offer."""

    def __init__(self) -> None:
        self.person = ""
        self.wish = ""
        """Destination, position and sex, as the fields of `registered`."""
        self.registration_id = ""
        self.scheme = ""
        self.system = ""
        self.line: Line | None = None
        """The line on which a unit is held."""
        self.lead_ms = 0
        self.now = 0
        """When something about this registration was entered last."""
        self.occurred_ms = 0
        """When the last thing occurred, or the next one does."""
        self.registered_ms = 0

    def registered_fields(self, named: str) -> str:
        """The fields of `registered`; `named` is the permit and line, or nothing."""
        agency = "" if self.pool is None else f',"agency_id":"{self.pool.agency.id}"'
        return (
            f',"registration_id":"{self.registration_id}","person_id":"{self.person}","scheme":"{self.scheme}"'
            f"{agency}{self.wish}{named}"
        )

    def __repr__(self) -> str:
        return f"Candidate({self.registration_id} {self.scheme} in {self.system}, at {self.now})"


class Candidates:
    """Makes candidates as they come, and lives their lives."""

    __slots__ = ("_profile", "_random", "_records", "_registrations", "_slips", "_supply", "_timeline")

    def __init__(
        self, profile: Profile, random: Random, records: Records, supply: Supply, slips: Slips, timeline: Timeline
    ) -> None:
        self._profile = profile
        self._random = random.random
        self._records = records
        self._supply = supply
        self._slips = slips
        self._timeline = timeline
        self._registrations = 0

    def __repr__(self) -> str:
        return f"Candidates({self._registrations} registrations)"

    def begin(self, candidates: int) -> None:
        """Let `candidates` people come, spread over the whole history."""
        self._timeline.start(self._coming(candidates))

    def _coming(self, candidates: int) -> Iterator[int]:
        for arrival_ms in arrivals(candidates, self._random):
            yield arrival_ms
            self._timeline.start(self._life(arrival_ms))

    # --- what happens to a person -----------------------------------------------------------------------------

    def _life(self, arrival_ms: int) -> Iterator[int]:
        random = self._random
        candidate = self._person()
        ready_ms = arrival_ms + int((3 + 12 * random()) * DAY_MS)
        if candidate.pool is not None:
            ready_ms = max(ready_ms, self._supply.book(candidate.pool, arrival_ms) + 4 * HOUR_MS)
        self._at_desk(candidate, ready_ms)
        end = _MISSED
        if candidate.occurred_ms < LIMIT_MS:
            end = yield from self._in_siskotkln(candidate)
        if end == _UNDER_WAY:
            yield from self._over_the_closure(candidate)
        elif end == _FLOWN_UNSEEN:
            yield from self._recorded_late(candidate)
        elif end == _MISSED:
            yield from self._in_siapkerja(candidate)
        elif end == _CANCELLED and random() < 0.08:
            # Given up before the closure, then taken up again: an ordinary registration in SIAPKerja.
            self._at_desk(candidate, max(candidate.now, LIMIT_MS) + int((5 + 60 * random()) * DAY_MS))
            yield from self._in_siapkerja(candidate)

    def _person(self) -> Candidate:
        random = self._random
        candidate = Candidate()
        destination = DESTINATIONS.at(random())
        job = destination.jobs.at(random())
        sex = "F" if random() < job.women else "M"
        home = PROVINCES.at(random())
        # Some people are served away from home: nothing may be inferred from where they live.
        served = PROVINCES.at(random()) if random() < 0.04 else home
        candidate.person = self._records.person_id()
        candidate.destination = destination
        candidate.office = served.offices.at(random())
        candidate.province_office = served.bp3mi
        candidate.wish = f',"destination":"{destination.code}","position":"{job.position}","sex":"{sex}"'
        candidate.scheme = destination.schemes.at(random())
        candidate.lead_ms = int(log_normal(destination.lead_days, 0.3, random()) * DAY_MS)
        candidate.pool = None
        if candidate.scheme == "P_TO_P":
            candidate.pool = self._supply.pool(self._supply.agency_for(destination), destination, job, sex)
        return candidate

    def _in_siskotkln(self, candidate: Candidate) -> Generator[int, None, str]:
        random = self._random
        candidate.system = "SISKOTKLN"
        candidate.registration_id = self._registration_id(candidate)
        yield candidate.now
        if candidate.pool is not None:
            line = yield from self._unit_for(candidate, lambda wrong: self._write_registered(candidate, wrong.named))
            if line is None:
                return _MISSED
            candidate.line = line
        yield from self._register(candidate, candidate.line)
        if random() < self._profile.trainings:
            self._timeline.start(self._training(candidate))
        ladder = self._ladder(candidate, biometrics=random() < _BIOMETRICS_IN_SISKOTKLN)
        return (yield from self._climb(candidate, ladder, candidate.lead_ms))

    def _in_siapkerja(self, candidate: Candidate) -> Generator[int, None, str]:
        candidate.system = "SIAPKERJA"
        candidate.registration_id = self._registration_id(candidate)
        candidate.line = None
        yield candidate.now
        wish: Line | None = None
        if candidate.pool is not None and self._random() < 0.3:
            # Named already, though the unit is taken only at the agreement: an intent, which no rule reads.
            wish = self._supply.find(candidate.pool, wib_day(candidate.occurred_ms))
        yield from self._register(candidate, None, wish=wish)
        return (yield from self._climb(candidate, self._ladder(candidate, biometrics=True), candidate.lead_ms))

    def _over_the_closure(self, candidate: Candidate) -> Iterator[int]:
        """Still under way when SISKOTKLN closes: register again, sooner or later, or never."""
        random = self._random
        if candidate.now < CLOSURE_MS and random() < 0.012:
            # The agency hurries: it tries SIAPKerja while the old registration is still open.
            self._at_desk(candidate, max(candidate.now, LIMIT_MS) + int(20 * random() * DAY_MS))
            if candidate.now < CLOSURE_MS:
                yield candidate.now
                self._write_registered(candidate, "", system="SIAPKERJA", registration_id="SK-EARLY")
        if random() < self._profile.habit:
            self._at_desk(candidate, max(candidate.now, CLOSURE_MS + int(-log(1.0 - random()) * 6 * DAY_MS)))
            yield candidate.now
            if random() < 0.15:
                self._training_after_the_closure(candidate)
            kind = "orientation_completed" if random() < 0.5 else "documents_fulfilled"
            self._write_stage(candidate, kind, f',"registration_id":"{candidate.registration_id}"')
        if random() < self._profile.never_reregister:
            yield from self._stranded(candidate)
        elif (yield from self._reregister(candidate, -log(1.0 - random()) * self._profile.wave_days)):
            yield from self._climb_again(candidate)

    def _recorded_late(self, candidate: Candidate) -> Iterator[int]:
        """Flew before T_0, entered after it; meanwhile someone may have registered the person again."""
        random = self._random
        old_id, old_office, old_line = candidate.registration_id, candidate.office, candidate.line
        flown_ms = candidate.occurred_ms
        entered_ms = CLOSURE_MS + int((0.05 + -log(1.0 - random()) * 11) * DAY_MS)
        if random() < 0.2 and (yield from self._reregister(candidate, 3 * random())):
            if random() < 0.25:
                yield from self._climb_again(candidate)  # The second departure makes the late one a conflict.
                entered_ms = candidate.now + int(20 * random() * DAY_MS)
            elif candidate.line is not None:
                # The record that comes next voids the new registration and frees its unit.
                self._supply.give_back(candidate.line, wib_day(candidate.now))
        entered_ms = max(entered_ms, candidate.now + HOUR_MS)
        fields = f',"registration_id":"{old_id}"'
        yield entered_ms
        if random() < 0.14:
            self._records.write("departed", "SISKOTKLN", old_office, flown_ms, entered_ms, fields)
            if random() < 0.4:
                return
            entered_ms = in_office_hours(entered_ms + 2 * DAY_MS, old_office.zone_ms, random())
            yield entered_ms
        self._records.write(
            "departed", "SISKOTKLN", old_office, flown_ms, entered_ms, fields + self._evidence()
        )
        if old_line is not None and candidate.registration_id != old_id and old_line.available > 0:
            self._supply.take(old_line)

    def _stranded(self, candidate: Candidate) -> Iterator[int]:
        """Never registers again: the unit stays reserved, unless two officers rule that it is free."""
        random = self._random
        if candidate.line is None or random() >= self._profile.rulings:
            return
        at = in_office_hours(CLOSURE_MS + int((50 + 100 * random()) * DAY_MS), WIB_MS, random())
        fields = (
            f',"registration_id":"{candidate.registration_id}","second_officer":"o-hq-ruling-{1 + int(5 * random())}",'
            '"reason":"no sign of the candidate since the closure"'
        )
        at = max(at, candidate.now)
        yield at
        self._records.write("unit_released", "BP2MI", HEAD_OFFICE, at // 1000 * 1000, at, fields)
        self._supply.give_back(candidate.line, wib_day(at))
        if random() < 0.3:
            at = in_office_hours(at + DAY_MS, WIB_MS, random())
            yield at
            self._records.write("unit_released", "BP2MI", HEAD_OFFICE, at, at, fields)  # UNIT_NOT_HELD

    def _reregister(self, candidate: Candidate, days: float) -> Generator[int, None, bool]:
        """Register again [L3]: the old unit back or forfeited, the new one taken, in one action [L4]."""
        random = self._random
        self._at_desk(candidate, max(CLOSURE_MS + int(days * DAY_MS), candidate.now + HOUR_MS))
        candidate.system = "SIAPKERJA"
        old_line = candidate.line
        candidate.registration_id = self._registration_id(candidate)
        yield candidate.now
        named: Line | None = None
        if candidate.pool is not None and old_line is not None:
            valid = old_line.permit.valid_on(wib_day(candidate.occurred_ms))
            if valid and random() < 0.82 and not self._supply.blocked_until(candidate.pool):
                named = old_line
            else:
                if not valid and random() < 0.3:
                    self._write_registered(candidate, old_line.named)  # PERMIT_NOT_VALID or PERMIT_REVOKED
                    self._wait(candidate, 20 * MINUTE_MS)
                    yield candidate.now
                if random() < 0.4:
                    agency = self._supply.agency_for(candidate.destination)
                    pool = candidate.pool
                    candidate.pool = self._supply.pool(agency, pool.destination, pool.job, pool.sex)
                named = yield from self._unit_for(
                    candidate, lambda wrong: self._write_registered(candidate, wrong.named)
                )
                if named is None:
                    return False
        yield from self._register(candidate, named, old_line)
        return True

    def _climb_again(self, candidate: Candidate) -> Generator[int, None, str]:
        """The stages after a re-registration: they start again, but most papers are at hand."""
        lead_ms = max(25 * DAY_MS, int(candidate.lead_ms * (0.2 + 0.25 * self._random())))
        return (yield from self._climb(candidate, self._ladder(candidate, biometrics=True), lead_ms))

    # --- registering, and the unit ----------------------------------------------------------------------------

    def _register(
        self, candidate: Candidate, line: Line | None, old_line: Line | None = None, wish: Line | None = None
    ) -> Iterator[int]:
        """Write the registration, a slip before it now and then, a second click after it."""
        random = self._random
        luck = random()
        if luck < self._profile.slips:
            self._slips.registration(candidate, line)
            self._wait(candidate, int((2 + 15 * random()) * MINUTE_MS))
            yield candidate.now
        candidate.registered_ms = candidate.occurred_ms
        named = line or wish
        self._write_registered(candidate, "" if named is None else named.named)
        if old_line is not None and old_line.permit.valid_on(wib_day(candidate.occurred_ms)):
            self._supply.give_back(old_line, wib_day(candidate.occurred_ms))
        if line is not None:
            self._supply.take(line)
        candidate.line = line
        if luck > 1.0 - self._profile.double_clicks:
            yield from self._twice(candidate, candidate.office)
        elif luck > 0.99 - self._profile.double_clicks:
            # A second desk registers the same person: the id of the registration is new, the person is not.
            self._wait(candidate, int((1 + 90 * random()) * MINUTE_MS))
            yield candidate.now
            self._write_registered(candidate, "" if line is None else line.named, registration_id="SK-SECOND")
        if candidate.now >= LIMIT_MS - 60 * DAY_MS and random() < self._profile.complaints:
            self._timeline.start(self._complaint(candidate))

    def _unit_for(
        self, candidate: Candidate, attempt: Callable[[Line], None]
    ) -> Generator[int, None, Line | None]:
        """Wait for a unit, impatiently: `attempt` writes the action that is bound to be refused. None: too late."""
        random = self._random
        pool = candidate.pool
        if pool is None:
            return None
        while True:
            line = self._supply.find(pool, wib_day(candidate.occurred_ms))
            blocked_until = self._supply.blocked_until(pool)
            if line is not None and blocked_until <= candidate.now:
                return line
            hopeless = line or pool.spent
            if hopeless is not None and random() < (0.7 if line is None else 0.15):
                attempt(hopeless)
            if line is None:
                blocked_until = max(blocked_until, self._supply.replenish(pool, candidate.now))
            self._at_desk(candidate, max(blocked_until, candidate.now) + int((0.2 + 2 * random()) * DAY_MS))
            if candidate.system == "SISKOTKLN" and candidate.occurred_ms >= LIMIT_MS:
                return None
            yield candidate.now

    # --- the ladder -------------------------------------------------------------------------------------------

    def _ladder(self, candidate: Candidate, *, biometrics: bool) -> Steps:
        agreement = candidate.scheme not in _WITHOUT_AGREEMENT or self._random() < 0.1
        ladders = _LADDERS[agreement, biometrics]
        return ladders[int(self._random() * len(ladders))]

    def _climb(self, candidate: Candidate, ladder: Steps, lead_ms: int) -> Generator[int, None, str]:
        """Stage after stage until the departure, a withdrawal, or the closure."""
        random = self._random
        profile = self._profile
        siskotkln = candidate.system == "SISKOTKLN"
        withdraws_at = int(random() * len(ladder)) if random() < profile.withdrawals else -1
        held_at = int(random() * len(ladder)) if random() < profile.holds else -1
        slips, double = profile.slips, 1.0 - profile.double_clicks
        reused = double - profile.ids_reused
        done = ""
        for number, (kind, share) in enumerate(ladder):
            woken = candidate.now
            after = candidate.occurred_ms + int(lead_ms * share * (0.4 + 1.2 * random()))
            departing = kind == "departed"
            if departing:
                self._at_gate(candidate, after)
            else:
                self._at_desk(candidate, after, candidate.now)
            if siskotkln:
                if candidate.occurred_ms >= CLOSURE_MS:
                    candidate.now = woken
                    return _UNDER_WAY
                if departing:
                    if candidate.now >= CLOSURE_MS or self._forgotten(candidate.occurred_ms):
                        candidate.now = woken
                        return _FLOWN_UNSEEN
                elif candidate.now >= CLOSURE_MS:
                    if random() < 0.5:
                        yield candidate.now
                        self._write_stage(candidate, kind, self._stage_fields(candidate, kind))  # SYSTEM_CLOSED
                    return _UNDER_WAY
            yield candidate.now
            if number == held_at:
                yield from self._held(candidate, kind)
                if siskotkln and candidate.now >= CLOSURE_MS:
                    return _UNDER_WAY
            if number == withdraws_at:
                self._cancel(candidate)
                if random() < 0.03:
                    yield from self._after_the_end(candidate, "documents_fulfilled")
                return _CANCELLED
            fields = self._stage_fields(candidate, kind)
            if kind == "agreement_signed" and candidate.pool is not None and candidate.line is None:
                line = yield from self._unit_for(
                    candidate,
                    lambda wrong: self._write_stage(
                        candidate, "agreement_signed", f',"registration_id":"{candidate.registration_id}"{wrong.named}'
                    ),
                )
                if line is None:
                    return _UNDER_WAY
                fields += line.named
                self._supply.take(line)
                candidate.line = line
            luck = random()
            if luck < slips:
                self._slips.stage(candidate, kind, done)
                self._wait(candidate, int((2 + 15 * random()) * MINUTE_MS))
                yield candidate.now
            self._write_stage(candidate, kind, fields)
            done = kind
            if luck >= reused:
                if luck >= double:
                    yield from self._twice(candidate, self._desk_for(candidate, kind)[1])
                else:
                    self._slips.same_id(candidate, kind, fields)
        if random() < 0.004:
            yield from self._after_the_end(candidate, "cancelled")
        return _DEPARTED

    def _held(self, candidate: Candidate, kind: str) -> Iterator[int]:
        """A dispute about who the person is: nothing goes on until the hold is lifted."""
        random = self._random
        fields = f',"person_id":"{candidate.person}","reason":"identity in dispute"'
        self._records.write("person_held", "BP2MI", HEAD_OFFICE, candidate.now // 1000 * 1000, candidate.now, fields)
        if random() < 0.5:
            self._wait(candidate, 2 * HOUR_MS)
            yield candidate.now
            self._write_stage(candidate, kind, self._stage_fields(candidate, kind))  # PERSON_ON_HOLD
        released = in_office_hours(candidate.now + int((8 + 40 * random()) * DAY_MS), WIB_MS, random())
        yield released
        self._records.write("person_released", "BP2MI", HEAD_OFFICE, released, released, fields)
        if random() < 0.2:
            self._records.write("person_released", "BP2MI", HEAD_OFFICE, released, released, fields)  # NO_CHANGE
        self._at_desk(candidate, released + DAY_MS // 2)
        yield candidate.now

    def _cancel(self, candidate: Candidate) -> None:
        reason = ("family", "health", "contract withdrawn by the employer", "found work at home")[int(self._random() * 4)]
        fields = f',"registration_id":"{candidate.registration_id}","reason":"{reason}"'
        system = candidate.system
        self._records.write("cancelled", system, candidate.office, candidate.occurred_ms, candidate.now, fields)
        if candidate.line is not None:
            self._supply.give_back(candidate.line, wib_day(candidate.occurred_ms))
            candidate.line = None

    def _after_the_end(self, candidate: Candidate, kind: str) -> Iterator[int]:
        """Someone goes on with a registration that has ended: REGISTRATION_ENDED, or closed by then."""
        self._at_desk(candidate, candidate.now + int((1 + 5 * self._random()) * DAY_MS))
        yield candidate.now
        fields = f',"registration_id":"{candidate.registration_id}"'
        self._write_stage(candidate, kind, fields + (',"reason":"mistake"' if kind == "cancelled" else ""))

    def _twice(self, candidate: Candidate, office: Office) -> Iterator[int]:
        """The action just written, sent again: at once and word for word, or entered some seconds later."""
        if self._random() < 0.5:
            self._records.repeat()
            return
        line = self._records.lines[-1]
        candidate.now += 1000 + int(40_000 * self._random())
        yield candidate.now
        self._records.lines.append(entered_again(line, candidate.now, office))

    # --- what goes on beside the registration -----------------------------------------------------------------

    def _training(self, candidate: Candidate) -> Iterator[int]:
        """Requested and completed in SISKOTKLN; from T_0 on the service is handed back [L5]."""
        random = self._random
        office, person = candidate.office, candidate.person
        provider = ("LPK", "BLKLN", "BLKLN", "OTHER")[int(random() * 4)]
        fields = (
            f',"training_id":"T-{self._token()}","provider_id":"{provider}-{1 + int(280 * random())}",'
            f'"provider_type":"{provider}","person_id":"{person}"'
        )
        at = in_office_hours(candidate.now + int((2 + 18 * random()) * DAY_MS), office.zone_ms, random())
        ends = in_office_hours(at + int((20 + 45 * random()) * DAY_MS), office.zone_ms, random())
        if at >= CLOSURE_MS:
            return
        yield at
        if random() < 0.004:  # UNKNOWN_TRAINING
            self._records.write("training_completed", "SISKOTKLN", office, at, at, fields)
        self._records.write("training_requested", "SISKOTKLN", office, at, at, fields)
        if random() < 0.004:  # TRAINING_EXISTS
            self._records.write("training_requested", "SISKOTKLN", office, at, at, fields)
        if random() < 0.1:
            return
        if ends < CLOSURE_MS or random() < 0.5:
            yield ends
            self._records.write("training_completed", "SISKOTKLN", office, ends, ends, fields)
            if random() < 0.004:  # NO_CHANGE
                self._records.write("training_completed", "SISKOTKLN", office, ends, ends, fields)

    def _training_after_the_closure(self, candidate: Candidate) -> None:
        fields = f',"training_id":"T-{self._token()}","provider_id":"LPK-1","provider_type":"LPK"'
        self._records.write(
            "training_requested",
            "SISKOTKLN",
            candidate.office,
            candidate.occurred_ms,
            candidate.now,
            f'{fields},"person_id":"{candidate.person}"',
        )  # SERVICE_HANDED_BACK

    def _complaint(self, candidate: Candidate) -> Iterator[int]:
        """A question or complaint at the SISKOP2MI helpdesk [L6], answered some days later."""
        random = self._random
        office = candidate.province_office if random() < 0.7 else HEAD_OFFICE
        complaint = f',"complaint_id":"C-{self._token()}"'
        topic = ("status", "quota", "account", "documents", "departure")[int(random() * 5)]
        channel = ("whatsapp", "whatsapp", "counter", "telephone")[int(random() * 4)]
        about = f',"registration_id":"{candidate.registration_id}"' if random() < 0.6 else ""
        fields = f'{complaint},"topic":"{topic}","channel":"{channel}"{about}'
        at = max(candidate.now, LIMIT_MS) + int(90 * random() * DAY_MS)
        at = in_office_hours(at, office.zone_ms, random())
        yield at
        self._records.write("complaint_received", "SISKOP2MI", office, at, at, fields)
        if random() < 0.01:  # COMPLAINT_EXISTS
            self._records.write("complaint_received", "SISKOP2MI", office, at, at, fields)
        if random() < 0.08:
            return
        at = in_office_hours(at + int((0.5 + 11 * random()) * DAY_MS), office.zone_ms, random())
        yield at
        if random() < 0.01:  # UNKNOWN_COMPLAINT
            self._records.write("complaint_answered", "SISKOP2MI", office, at, at, f'{complaint[:-1]}X"')
        self._records.write("complaint_answered", "SISKOP2MI", office, at, at, complaint)
        if random() < 0.01:  # NO_CHANGE
            self._records.write("complaint_answered", "SISKOP2MI", office, at, at, complaint)

    # --- times and fields -------------------------------------------------------------------------------------

    def _at_desk(self, candidate: Candidate, not_before_ms: int, last_ms: int = 0) -> None:
        """The next thing happens in office hours and is entered soon after, now and then only days later."""
        random = self._random
        occurred = in_office_hours(not_before_ms, candidate.office.zone_ms, random())
        chance = random()
        if chance < 0.93:
            entered = occurred + 15_000 + int(chance * 900_000)
        elif chance < 0.99:
            entered = occurred + int((chance - 0.929) * 100 * HOUR_MS)
        elif chance < 0.998:
            entered = occurred + int((chance - 0.985) * 200 * DAY_MS)
        else:
            # The clock of the desk is ahead of the server's, by less than the policy forgives.
            entered = occurred - int((chance - 0.998) * 120_000_000)
        candidate.occurred_ms = occurred
        candidate.now = entered if entered > last_ms else last_ms + MINUTE_MS

    def _at_gate(self, candidate: Candidate, not_before_ms: int) -> None:
        """A departure: any minute of the day, entered within the day."""
        random = self._random
        occurred = (not_before_ms + int(random() * DAY_MS)) // MINUTE_MS * MINUTE_MS
        chance = random()
        if chance < 0.006:
            zone_ms = candidate.office.zone_ms
            occurred = -(-(occurred + zone_ms) // DAY_MS) * DAY_MS - zone_ms
        candidate.occurred_ms = occurred
        candidate.now = max(occurred + int((0.5 + 20 * chance) * HOUR_MS), candidate.now + MINUTE_MS)

    def _wait(self, candidate: Candidate, wait_ms: int) -> None:
        candidate.now += wait_ms

    def _forgotten(self, flown_ms: int) -> bool:
        """Whether a departure is entered only after T_0: likelier the closer to it."""
        if flown_ms < LIMIT_MS:
            return False
        chance = self._profile.late_records * _LATE_SCALE * exp((flown_ms - CLOSURE_MS) / _LATE_SPREAD_MS)
        return self._random() < chance

    def _desk_for(self, candidate: Candidate, kind: str) -> tuple[str, Office]:
        """Which system and office a stage belongs to."""
        if candidate.system == "SISKOTKLN":
            return "SISKOTKLN", candidate.office
        if kind in _IN_SIAPKERJA or kind == "cancelled":
            return "SIAPKERJA", candidate.office
        return "SISKOP2MI", candidate.province_office

    def _stage_fields(self, candidate: Candidate, kind: str) -> str:
        fields = f',"registration_id":"{candidate.registration_id}"'
        if kind == "candidate_id_issued":
            return f'{fields},"candidate_id":"ID-{self._token()}"'
        if kind == "biometrics_registered":
            return f'{fields},"reference":"FP-{self._token()}"'
        if kind == "departed" and self._random() < 0.8:
            return fields + self._evidence()
        return fields

    def _evidence(self) -> str:
        kind = "boarding_pass" if self._random() < 0.8 else "passenger_manifest"
        return f',"evidence":[{{"type":"{kind}","reference":"E-{self._token()}"}}]'

    def _token(self) -> str:
        return f"{int(self._random() * 0x1000000000000):012x}"

    def _registration_id(self, candidate: Candidate) -> str:
        """A number in the style of the system that gives it: nothing can be read from either."""
        self._registrations += 1
        if candidate.system == "SISKOTKLN":
            return f"R{self._registrations:08d}"
        return f"SK-{self._registrations:06x}-{int(self._random() * 0x10000):04x}"

    def _write_stage(self, candidate: Candidate, kind: str, fields: str) -> None:
        system, office = self._desk_for(candidate, kind)
        occurred = candidate.occurred_ms
        occurred_at = None
        if kind == "departed" and (occurred + office.zone_ms) % DAY_MS == 0:
            occurred_at = midnight(occurred, office)
        self._records.write(kind, system, office, occurred, candidate.now, fields, occurred_at=occurred_at)

    def _write_registered(
        self, candidate: Candidate, named: str, *, system: str | None = None, registration_id: str | None = None
    ) -> None:
        fields = candidate.registered_fields(named)
        if registration_id is not None:
            fields = fields.replace(candidate.registration_id, f"{registration_id}-{self._token()}", 1)
        self._records.write(
            "registered", system or candidate.system, candidate.office, candidate.occurred_ms, candidate.now, fields
        )
