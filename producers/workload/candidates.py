"""The life of a candidate: registration, stages, and what the closure makes of whoever is under way.

Each life is a generator of instants (see `timeline`): it yields when it wants to go on, and writes when it
is woken. It follows the rules of the domain, because most officers do; `slips` holds what they get wrong.
"""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING, Final

from producers.workload.candidate import Candidate, Steps, Unseen
from producers.workload.nation import DESTINATIONS, HEAD_OFFICE, PROVINCES
from producers.workload.records import midnight
from producers.workload.slips import Slips, entered_again
from producers.workload.supply import log_normal
from producers.workload.timetable import (
    CLOSURE_MS,
    DAY_MS,
    HOUR_MS,
    LIMIT_MS,
    MINUTE_MS,
    WIB_MS,
    arrivals,
    in_office_hours,
    wib_day,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from random import Random

    from producers.workload.nation import Office
    from producers.workload.profile import Profile
    from producers.workload.records import Records
    from producers.workload.supply import Line, Supply
    from producers.workload.timeline import Timeline


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
_WITHOUT_AGREEMENT: Final = frozenset({"INDIVIDUAL", "UKPS"})
_BIOMETRICS_IN_SISKOTKLN: Final = 0.4
"""Share of SISKOTKLN registrations that have fingerprints taken, though departure does not need it
(invented).
"""
_LATE_SPREAD_MS: Final = 20 * DAY_MS
"""How far before T_0 the late records reach: each 20 days earlier they are e times rarer (invented)."""
_LATE_SCALE: Final = (CLOSURE_MS - LIMIT_MS) / _LATE_SPREAD_MS
"""What `late_records` is multiplied with at T_0 itself, so that its mean from T_R to T_0 comes out."""

_DEPARTED: Final = "departed"
_CANCELLED: Final = "cancelled"
_UNDER_WAY: Final = "under way"
_FLOWN_UNSEEN: Final = "flown, and nobody entered it in time"


class Candidates:
    """Makes candidates as they come, and lives their lives."""

    __slots__ = ("_profile", "_random", "_records", "_registrations", "_slips", "_supply", "_timeline")

    def __init__(
        self,
        profile: Profile,
        random: Random,
        records: Records,
        supply: Supply,
        slips: Slips,
        timeline: Timeline,
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
            self._come(arrival_ms)

    # --- what happens to a person ---
    #
    # Each phase starts the next one and ends, so that a candidate asleep holds one generator and not a
    # stack of them.

    def _come(self, arrival_ms: int) -> None:
        candidate = self._person()
        ready_ms = arrival_ms + int((3 + 12 * self._random()) * DAY_MS)
        if candidate.pool is not None:
            ready_ms = max(ready_ms, self._supply.book(candidate.pool, arrival_ms) + 4 * HOUR_MS)
        self._at_desk(candidate, ready_ms)
        first = self._in_siskotkln if candidate.occurred_ms < LIMIT_MS else self._in_siapkerja
        self._timeline.start(first(candidate))

    def _go_on(self, candidate: Candidate) -> None:
        """What comes after the stages of a registration."""
        end = candidate.end
        if candidate.unseen is not None:
            self._timeline.start(self._late_record(candidate))
        elif end == _UNDER_WAY:
            self._timeline.start(self._over_the_closure(candidate))
        elif end == _FLOWN_UNSEEN:
            self._timeline.start(self._flown_unseen(candidate))
        elif end == _CANCELLED and candidate.system == "SISKOTKLN" and self._random() < 0.08:
            # Given up before the closure, then taken up again: an ordinary registration in SIAPKerja.
            self._at_desk(candidate, max(candidate.now, LIMIT_MS) + int((5 + 60 * self._random()) * DAY_MS))
            self._timeline.start(self._in_siapkerja(candidate))

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
        candidate.wish = job.wish_of_women if sex == "F" else job.wish_of_men
        candidate.scheme = destination.schemes.at(random())
        candidate.lead_ms = int(log_normal(destination.lead_days, 0.3, random()) * DAY_MS)
        candidate.pool = None
        if candidate.scheme == "P_TO_P":
            candidate.pool = self._supply.pool(self._supply.agency_for(destination), destination, job, sex)
        return candidate

    def _in_siskotkln(self, candidate: Candidate) -> Iterator[int]:
        random = self._random
        candidate.system = "SISKOTKLN"
        candidate.registration_id = self._registration_id(candidate)
        yield candidate.now
        line: Line | None = None
        if candidate.pool is not None:
            line = yield from self._unit_for(candidate, "registered")
            if line is None:
                # The limit passed before there was a unit.
                self._timeline.start(self._in_siapkerja(candidate))
                return
        yield from self._register(candidate, line)
        if random() < self._profile.trainings:
            self._timeline.start(self._training(candidate))
        self._start_climb(candidate, biometrics=random() < _BIOMETRICS_IN_SISKOTKLN)

    def _in_siapkerja(self, candidate: Candidate) -> Iterator[int]:
        candidate.system = "SIAPKERJA"
        candidate.registration_id = self._registration_id(candidate)
        yield candidate.now
        wish: Line | None = None
        if candidate.pool is not None and self._random() < 0.3:
            # Named already, though the unit is taken only at the agreement: an intent, which no rule reads.
            wish = self._supply.find(candidate.pool, wib_day(candidate.occurred_ms))
        yield from self._register(candidate, None, wish=wish)
        self._start_climb(candidate, biometrics=True)

    def _over_the_closure(self, candidate: Candidate) -> Iterator[int]:
        """Still under way when SISKOTKLN closes: register again, sooner or later, or never."""
        random = self._random
        if candidate.now < CLOSURE_MS and random() < 0.012:
            # The agency hurries: it tries SIAPKerja while the old registration is still open.
            self._at_desk(candidate, max(candidate.now, LIMIT_MS) + int(20 * random() * DAY_MS))
            if candidate.now < CLOSURE_MS:
                yield candidate.now
                self._write_registered(candidate, "", system="SIAPKERJA", registration_id="SK-EARLY")
        next_kind = candidate.ladder[candidate.stage][0]
        if candidate.now >= CLOSURE_MS > candidate.occurred_ms:
            # Done in time, entered too late.
            yield candidate.now
            self._write_stage(candidate, next_kind, self._stage_fields(candidate, next_kind))
        elif random() < self._profile.habit:
            self._at_desk(candidate, max(candidate.now, CLOSURE_MS + int(-log(1.0 - random()) * 6 * DAY_MS)))
            yield candidate.now
            if random() < 0.15:
                self._training_after_the_closure(candidate)
            self._write_stage(candidate, next_kind, self._stage_fields(candidate, next_kind))
        if random() < self._profile.never_reregister:
            yield from self._stranded(candidate)
        elif (yield from self._reregister(candidate, -log(1.0 - random()) * self._profile.wave_days)):
            self._climb_again(candidate)

    def _flown_unseen(self, candidate: Candidate) -> Iterator[int]:
        """Flew before T_0, entered after it; meanwhile someone may register the person again."""
        random = self._random
        unseen = Unseen(candidate.registration_id, candidate.office, candidate.line, candidate.occurred_ms)
        entered_ms = CLOSURE_MS + int((0.05 + -log(1.0 - random()) * 11) * DAY_MS)
        if random() < 0.2 and (yield from self._reregister(candidate, 3 * random())):
            candidate.unseen = unseen
            if random() < 0.25:
                self._climb_again(candidate)  # The second departure makes the record of the first a conflict.
                return
            if candidate.line is not None:
                # The record that comes next voids the new registration and frees its unit.
                self._supply.give_back(candidate.line, wib_day(candidate.now))
                if unseen.line is not None and unseen.line.available > 0:
                    self._supply.take(unseen.line)
        candidate.unseen = unseen
        candidate.now = max(entered_ms, candidate.now + HOUR_MS)
        self._timeline.start(self._late_record(candidate))

    def _late_record(self, candidate: Candidate) -> Iterator[int]:
        """The departure that nobody entered in time: most have evidence, some only at the second try."""
        random = self._random
        unseen = candidate.unseen
        if unseen is None:
            return
        entered_ms = candidate.now + int((0.1 + random()) * DAY_MS)
        fields = f',"registration_id":"{unseen.registration_id}"'
        yield entered_ms
        if random() < 0.14:
            self._records.write("departed", "SISKOTKLN", unseen.office, unseen.flown_ms, entered_ms, fields)
            if random() < 0.4:
                return
            entered_ms = in_office_hours(entered_ms + 2 * DAY_MS, unseen.office.zone_ms, random())
            yield entered_ms
        fields += self._evidence()
        self._records.write("departed", "SISKOTKLN", unseen.office, unseen.flown_ms, entered_ms, fields)

    def _stranded(self, candidate: Candidate) -> Iterator[int]:
        """Never registers again: the unit stays reserved, unless two officers rule that it is free."""
        random = self._random
        if candidate.line is None or random() >= self._profile.rulings:
            return
        at = in_office_hours(CLOSURE_MS + int((50 + 100 * random()) * DAY_MS), WIB_MS, random())
        fields = (
            f',"registration_id":"{candidate.registration_id}",'
            f'"second_officer":"o-hq-ruling-{1 + int(5 * random())}",'
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
                    candidate.now += 20 * MINUTE_MS
                    yield candidate.now
                if random() < 0.4:
                    agency = self._supply.agency_for(candidate.destination)
                    pool = candidate.pool
                    candidate.pool = self._supply.pool(agency, pool.destination, pool.job, pool.sex)
                named = yield from self._unit_for(candidate, "registered")
                if named is None:
                    return False
        yield from self._register(candidate, named, old_line)
        return True

    def _climb_again(self, candidate: Candidate) -> None:
        """The stages after a re-registration: they start again, but most papers are at hand."""
        candidate.lead_ms = max(25 * DAY_MS, int(candidate.lead_ms * (0.2 + 0.25 * self._random())))
        self._start_climb(candidate, biometrics=True)

    # --- registering, and the unit ---

    def _register(
        self, candidate: Candidate, line: Line | None, old_line: Line | None = None, wish: Line | None = None
    ) -> Iterator[int]:
        """Write the registration, a slip before it now and then, a second click after it."""
        random = self._random
        luck = random()
        if luck < self._profile.slips:
            self._slips.registration(candidate, line)
            candidate.now += int((2 + 15 * random()) * MINUTE_MS)
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
            candidate.now += int((1 + 90 * random()) * MINUTE_MS)
            yield candidate.now
            self._write_registered(candidate, "" if line is None else line.named, registration_id="SK-SECOND")
        if candidate.now >= LIMIT_MS - 60 * DAY_MS and random() < self._profile.complaints:
            self._timeline.start(self._complaint(candidate))

    def _unit_for(self, candidate: Candidate, kind: str) -> Generator[int, None, Line | None]:
        """Wait for a unit, impatiently: now and then the action of that `kind` is tried in vain. None: too
        late.
        """
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
                if kind == "registered":
                    self._write_registered(candidate, hopeless.named)
                else:
                    self._write_stage(candidate, kind, self._stage_fields(candidate, kind) + hopeless.named)
            if line is None:
                blocked_until = max(blocked_until, self._supply.replenish(pool, candidate.now))
            self._at_desk(candidate, max(blocked_until, candidate.now) + int((0.2 + 2 * random()) * DAY_MS))
            if candidate.system == "SISKOTKLN" and candidate.occurred_ms >= LIMIT_MS:
                return None
            yield candidate.now

    # --- the ladder ---

    def _start_climb(self, candidate: Candidate, *, biometrics: bool) -> None:
        """Choose the order of the stages and what will go wrong on the way, and let it begin."""
        random = self._random
        agreement = candidate.scheme not in _WITHOUT_AGREEMENT or random() < 0.1
        ladders = _LADDERS[agreement, biometrics]
        candidate.ladder = ladder = ladders[int(random() * len(ladders))]
        candidate.stage = 0
        candidate.end = ""
        candidate.withdraws_at = int(random() * len(ladder)) if random() < self._profile.withdrawals else -1
        candidate.held_at = int(random() * len(ladder)) if random() < self._profile.holds else -1
        self._timeline.start(self._climb(candidate))

    def _unit_at_agreement(self, candidate: Candidate) -> Generator[int, None, str]:
        """Wait for the unit that the agreement takes; gives how its fields name the line."""
        line = candidate.line = yield from self._unit_for(candidate, "agreement_signed")
        if line is None:
            return ""
        self._supply.take(line)
        return line.named

    def _due(self, candidate: Candidate) -> str:
        """The kind of the next stage, with its times set. Empty at the end, which `candidate.end` then
        names.
        """
        if candidate.stage == len(candidate.ladder):
            candidate.end = _DEPARTED
            return ""
        kind, share = candidate.ladder[candidate.stage]
        woken = candidate.now
        after = candidate.occurred_ms + int(candidate.lead_ms * share * (0.4 + 1.2 * self._random()))
        if kind == "departed":
            self._at_gate(candidate, after)
        else:
            self._at_desk(candidate, after, woken)
        if candidate.system != "SISKOTKLN" or (candidate.now < CLOSURE_MS and kind != "departed"):
            return kind
        if candidate.occurred_ms >= CLOSURE_MS:
            candidate.end = _UNDER_WAY
            candidate.now = woken
        elif kind != "departed":
            # Done in time, but about to be entered when the system is closed: `now` stays where that happens.
            candidate.end = _UNDER_WAY
        elif candidate.now >= CLOSURE_MS or self._forgotten(candidate.occurred_ms):
            candidate.end = _FLOWN_UNSEEN
            candidate.now = woken
        return "" if candidate.end else kind

    def _climb(self, candidate: Candidate) -> Iterator[int]:
        """Stage after stage until the departure, a withdrawal, or the closure."""
        random = self._random
        slips, double = self._profile.slips, 1.0 - self._profile.double_clicks
        reused = double - self._profile.ids_reused
        while kind := self._due(candidate):
            yield candidate.now
            if candidate.stage == candidate.withdraws_at:
                self._cancel(candidate)
                break
            if candidate.stage == candidate.held_at:
                yield from self._held(candidate, kind)
                if candidate.system == "SISKOTKLN" and candidate.now >= CLOSURE_MS:
                    candidate.end = _UNDER_WAY
                    break
            luck = random()
            if luck < slips:
                self._slips.stage(candidate, kind)
                candidate.now += int((2 + 15 * random()) * MINUTE_MS)
                yield candidate.now
            fields = self._stage_fields(candidate, kind)
            if kind == "agreement_signed" and candidate.pool is not None and candidate.line is None:
                fields += yield from self._unit_at_agreement(candidate)
            self._write_stage(candidate, kind, fields)
            candidate.stage += 1
            if luck >= double:
                yield from self._twice(candidate, candidate.desk_for(kind)[1])
            elif luck >= reused:
                self._slips.same_id(candidate, kind, fields)
        if candidate.end in {_CANCELLED, _DEPARTED} and random() < 0.006:
            yield from self._after_the_end(candidate)
        self._go_on(candidate)

    def _held(self, candidate: Candidate, kind: str) -> Iterator[int]:
        """A dispute about who the person is: nothing goes on until the hold is lifted."""
        random = self._random
        fields = f',"person_id":"{candidate.person}","reason":"identity in dispute"'
        self._records.write(
            "person_held", "BP2MI", HEAD_OFFICE, candidate.now // 1000 * 1000, candidate.now, fields
        )
        if random() < 0.5:
            candidate.now += 2 * HOUR_MS
            yield candidate.now
            self._write_stage(candidate, kind, self._stage_fields(candidate, kind))  # PERSON_ON_HOLD
        released = in_office_hours(candidate.now + int((8 + 40 * random()) * DAY_MS), WIB_MS, random())
        yield released
        self._records.write("person_released", "BP2MI", HEAD_OFFICE, released, released, fields)
        if random() < 0.2:
            self._records.write(
                "person_released", "BP2MI", HEAD_OFFICE, released, released, fields
            )  # NO_CHANGE
        self._at_desk(candidate, released + DAY_MS // 2)
        yield candidate.now

    def _cancel(self, candidate: Candidate) -> None:
        reason = ("family", "health", "contract withdrawn by the employer", "found work at home")[
            int(self._random() * 4)
        ]
        fields = f',"registration_id":"{candidate.registration_id}","reason":"{reason}"'
        system = candidate.system
        self._records.write(
            "cancelled", system, candidate.office, candidate.occurred_ms, candidate.now, fields
        )
        if candidate.line is not None:
            self._supply.give_back(candidate.line, wib_day(candidate.occurred_ms))
            candidate.line = None
        candidate.end = _CANCELLED

    def _after_the_end(self, candidate: Candidate) -> Iterator[int]:
        """Someone goes on with a registration that has ended: REGISTRATION_ENDED, or closed by then."""
        self._at_desk(candidate, candidate.now + int((1 + 5 * self._random()) * DAY_MS))
        yield candidate.now
        fields = f',"registration_id":"{candidate.registration_id}"'
        if candidate.end == _CANCELLED:
            self._write_stage(candidate, "documents_fulfilled", fields)
        else:
            self._write_stage(candidate, "cancelled", f'{fields},"reason":"mistake"')

    def _twice(self, candidate: Candidate, office: Office) -> Iterator[int]:
        """The action just written, sent again: at once and word for word, or entered some seconds later."""
        if self._random() < 0.5:
            self._records.repeat()
            return
        line = self._records.lines[-1]
        candidate.now += 1000 + int(40_000 * self._random())
        yield candidate.now
        self._records.lines.append(entered_again(line, candidate.now, office))

    # --- what goes on beside the registration ---

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

    # --- times and fields ---

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

    def _forgotten(self, flown_ms: int) -> bool:
        """Whether a departure is entered only after T_0: likelier the closer to it."""
        if flown_ms < LIMIT_MS:
            return False
        chance = self._profile.late_records * _LATE_SCALE * exp((flown_ms - CLOSURE_MS) / _LATE_SPREAD_MS)
        return self._random() < chance

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
        system, office = candidate.desk_for(kind)
        occurred = candidate.occurred_ms
        occurred_at = None
        if kind == "departed" and (occurred + office.zone_ms) % DAY_MS == 0:
            occurred_at = midnight(occurred, office)
        self._records.write(kind, system, office, occurred, candidate.now, fields, occurred_at=occurred_at)

    def _write_registered(
        self,
        candidate: Candidate,
        named: str,
        *,
        system: str | None = None,
        registration_id: str | None = None,
    ) -> None:
        fields = candidate.registered_fields(named)
        if registration_id is not None:
            fields = fields.replace(candidate.registration_id, f"{registration_id}-{self._token()}", 1)
        self._records.write(
            "registered",
            system or candidate.system,
            candidate.office,
            candidate.occurred_ms,
            candidate.now,
            fields,
        )
