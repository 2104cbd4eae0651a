"""The ledger that is, kept as its differences from the ledger that would be.

Of the two ledgers only one has a whole state: the one that would be. Beside it stands here, for each thing
that does not stand alike at the moment, how it stands in the ledger that is. So memory holds one ledger and
the differences. Must not decide anything.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from audit.what_if.differences import (
    AGENCY,
    COMPLAINT,
    DESTINATION,
    LINE,
    PERMIT,
    PERSON,
    POLICY,
    REGISTRATION,
    TRAINING,
    Divergence,
)
from audit.what_if.meaning import same_registration
from ledger.permits import LineState, PermitState
from ledger.registrations import shared
from ledger.state import Standing, State
from ledger.timeline import Timeline
from schemas.records import Complaint, Decision, Permit, Policy, Posting, Registration, Training

# granted, available, reserved, departed, forfeited.
Accounts = tuple[int, int, int, int, int]


@final
class OtherRegistration:
    """A registration that does not stand alike; None: it is not there in the ledger that is."""

    __slots__ = ("divergence", "is_now")

    def __init__(self, is_now: Registration | None, divergence: Divergence) -> None:
        self.is_now: Registration | None = is_now
        self.divergence: Final = divergence


@final
class OtherPerson:
    """A person with other registrations, in the order made, or another hold."""

    __slots__ = ("chain", "divergence", "held")

    def __init__(self, chain: list[str], held: bool, divergence: Divergence) -> None:  # noqa: FBT001 - a field
        self.chain: Final = chain
        self.held: Final = held
        self.divergence: Final = divergence


@final
class OtherLine:
    """A line with other accounts; None: it is not there in the ledger that is.

    `divergence` is there while the units free to take are not the same: nothing else of a line is ever asked
    by a rule.
    """

    __slots__ = ("divergence", "is_now")

    def __init__(self, is_now: Accounts | None) -> None:
        self.is_now: Accounts | None = is_now
        self.divergence: Divergence | None = None


@final
class OtherPermit:
    """A permit with another history; its lines hold no accounts. None: it is not there."""

    __slots__ = ("divergence", "is_now")

    def __init__(self, is_now: PermitState | None, divergence: Divergence) -> None:
        self.is_now: PermitState | None = is_now
        self.divergence: Final = divergence


@final
class OtherStanding:
    """An agency or a destination with another history; None: the ledger that is has not heard of it."""

    __slots__ = ("divergence", "is_now")

    def __init__(self, is_now: Standing | None, divergence: Divergence) -> None:
        self.is_now: Standing | None = is_now
        self.divergence: Final = divergence


@final
class OtherTraining:
    """A training that does not stand alike; None: it is not there in the ledger that is."""

    __slots__ = ("divergence", "is_now")

    def __init__(self, is_now: Training | None, divergence: Divergence) -> None:
        self.is_now: Training | None = is_now
        self.divergence: Final = divergence


@final
class OtherComplaint:
    """A complaint that does not stand alike; None: it is not there in the ledger that is."""

    __slots__ = ("divergence", "is_now")

    def __init__(self, is_now: Complaint | None, divergence: Divergence) -> None:
        self.is_now: Complaint | None = is_now
        self.divergence: Final = divergence


@final
class Overlay:
    """How the ledger that is differs from the one that would be, at one moment.

    Attributes:
        state: The ledger that would be.
        policy: In force in the ledger that is.
        policy_divergence: There while another one is in force in the ledger that would be.
        actions: Actions that only one side has, or has with other content, by their ids.

    """

    __slots__ = (
        "_pending_agencies",
        "_pending_destinations",
        "_pending_holds",
        "_pending_people",
        "_pending_permits",
        "actions",
        "agencies",
        "complaints",
        "destinations",
        "lines",
        "people",
        "permits",
        "policy",
        "policy_divergence",
        "registrations",
        "state",
        "trainings",
    )

    def __init__(self, state: State, policy: Policy) -> None:
        self.state: Final = state
        self.policy: Policy = policy
        self.policy_divergence: Divergence | None = None
        if not same_policy(policy, state.policy):
            self.policy_divergence = Divergence(POLICY, "")
        self.actions: Final[dict[bytes, Divergence]] = {}
        self.registrations: Final[dict[str, OtherRegistration]] = {}
        self.people: Final[dict[str, OtherPerson]] = {}
        self.lines: Final[dict[tuple[str, int], OtherLine]] = {}
        self.permits: Final[dict[str, OtherPermit]] = {}
        self.agencies: Final[dict[str, OtherStanding]] = {}
        self.destinations: Final[dict[str, OtherStanding]] = {}
        self.trainings: Final[dict[str, OtherTraining]] = {}
        self.complaints: Final[dict[str, OtherComplaint]] = {}
        # Copies from before the decision of things with a history, until it is known how they stand after it.
        self._pending_people: Final[dict[str, list[str]]] = {}
        self._pending_holds: Final[dict[str, bool]] = {}
        self._pending_permits: Final[dict[str, PermitState | None]] = {}
        self._pending_agencies: Final[dict[str, Standing | None]] = {}
        self._pending_destinations: Final[dict[str, Standing | None]] = {}

    def is_anything_apart(self) -> bool:
        """Tell whether any thing that a decision can change does not stand alike."""
        return bool(
            self.registrations
            or self.lines
            or self.people
            or self.permits
            or self.agencies
            or self.destinations
            or self.trainings
            or self.complaints
        )

    def registration(self, registration_id: str) -> Registration | None:
        """Give a registration as it stands in the ledger that is."""
        other = self.registrations.get(registration_id)
        if other is not None:
            return other.is_now
        return self.state.registrations.get(registration_id)

    def accounts(self, permit_id: str, line: int) -> Accounts | None:
        """Give a line's accounts in the ledger that is."""
        other = self.lines.get((permit_id, line))
        if other is not None:
            return other.is_now
        return accounts_of(self.state, permit_id, line)

    def permit(self, permit_id: str) -> PermitState | None:
        """Give a permit as it stands in the ledger that is; for the accounts of its lines ask `accounts`."""
        other = self.permits.get(permit_id)
        if other is not None:
            return other.is_now
        return self.state.permits.get(permit_id)

    def chain(self, person_id: str) -> list[str]:
        """Give a person's registrations in the ledger that is, in the order made."""
        other = self.people.get(person_id)
        if other is not None:
            return other.chain
        return chain_of(self.state, person_id)

    def before(self, is_now: Decision, would_be: Decision, number: i64) -> None:
        """Take in a pair of decisions, before the ledger that would be is carried on.

        Args:
            is_now: In the ledger that is.
            would_be: In the ledger that would be.
            number: Of the difference between them; -1: they are alike.

        """
        if is_now.registrations or would_be.registrations or is_now.people or would_be.people:
            if number >= 0 or self.people:
                self._keep_people(is_now, would_be)
            self._take_registrations(is_now, would_be, number)
        if is_now.postings or would_be.postings:
            self._take_postings(is_now.postings, would_be.postings, number)
        for decision in (is_now, would_be):
            for permit in decision.permits:
                self._keep_permit(permit.permit_id)
            for agency in decision.agencies:
                self._keep_agency(agency.agency_id)
            for destination in decision.destinations:
                self._keep_destination(destination.destination)
        self._take_trainings(is_now, would_be, number)
        self._take_complaints(is_now, would_be, number)

    def after(self, is_now: Decision, number: i64) -> None:
        """Take in the rest of the pair, after the ledger that would be was carried on."""
        if self._pending_people:
            self._settle_people(is_now, number)
        if self._pending_permits:
            self._settle_permits(is_now, number)
        if self._pending_agencies:
            self._settle_agencies(is_now, number)
        if self._pending_destinations:
            self._settle_destinations(is_now, number)

    def settle_policy(self, is_now: Decision, number: i64) -> None:
        """Take in a policy that was adopted on either side, after both ledgers were carried on."""
        if is_now.policies:
            self.policy = is_now.policies[len(is_now.policies) - 1]
        if same_policy(self.policy, self.state.policy):
            self.policy_divergence = None
            return
        divergence = self.policy_divergence
        if divergence is None:
            divergence = Divergence(POLICY, "")
            self.policy_divergence = divergence
        _made(divergence, number)

    def _keep_people(self, is_now: Decision, would_be: Decision) -> None:
        """Keep how the people stand in the ledger that is, with whom either decision has to do."""
        for registration in is_now.registrations:
            self._keep_owners(registration, self.registration(registration.registration_id))
        for registration in would_be.registrations:
            self._keep_owners(registration, self.state.registrations.get(registration.registration_id))
        for decision in (is_now, would_be):
            for person in decision.people:
                self._keep_person(person.person_id)
        for person_id, chain in self._pending_people.items():
            for registration in is_now.registrations:
                self._carry_chain_on(person_id, chain, registration)

    def _keep_owners(self, registration: Registration, before: Registration | None) -> None:
        """Keep a person who gets a registration, and the one who loses it."""
        if before is None:
            self._keep_person(registration.person_id)
        elif before.person_id != registration.person_id:
            self._keep_person(before.person_id)
            self._keep_person(registration.person_id)

    def _keep_person(self, person_id: str) -> None:
        if person_id not in self._pending_people:
            other = self.people.get(person_id)
            self._pending_people[person_id] = (
                chain_of(self.state, person_id) if other is None else list(other.chain)
            )
            self._pending_holds[person_id] = person_id in self.state.held if other is None else other.held

    def _carry_chain_on(self, person_id: str, chain: list[str], registration: Registration) -> None:
        """Carry a person's chain in the ledger that is on by one registration, as it stands after."""
        key = registration.registration_id
        before = self.registration(key)
        if before is not None and before.person_id == registration.person_id:
            return
        if registration.person_id != person_id:
            if key in chain:
                chain.remove(key)
            return
        place = len(chain)
        seq: i64 = registration.registered.seq
        while place > 0:
            known = self.registration(chain[place - 1])
            if before is None or known is None or known.registered.seq <= seq:
                break
            place -= 1
        chain.insert(place, key)

    def _settle_people(self, is_now: Decision, number: i64) -> None:
        for person_id, chain in self._pending_people.items():
            held = _held_after(is_now, person_id, self._pending_holds[person_id])
            if held == (person_id in self.state.held) and chain == chain_of(self.state, person_id):
                self.people.pop(person_id, None)
                continue
            other = self.people.get(person_id)
            divergence = Divergence(PERSON, person_id) if other is None else other.divergence
            self.people[person_id] = OtherPerson(chain, held, divergence)
            _made(divergence, number)
        self._pending_people.clear()
        self._pending_holds.clear()

    def _take_registrations(self, is_now: Decision, would_be: Decision, number: i64) -> None:
        for registration in would_be.registrations:
            key = registration.registration_id
            found = _find(is_now.registrations, key)
            self._set_registration(
                key, self.registration(key) if found is None else found, registration, number
            )
        for registration in is_now.registrations:
            key = registration.registration_id
            if _find(would_be.registrations, key) is None:
                self._set_registration(key, registration, self.state.registrations.get(key), number)

    def _set_registration(
        self, key: str, is_now: Registration | None, would_be: Registration | None, number: i64
    ) -> None:
        if same_registration(is_now, would_be):
            self.registrations.pop(key, None)
            return
        kept = None if is_now is None else shared(is_now)
        other = self.registrations.get(key)
        if other is None:
            other = OtherRegistration(kept, Divergence(REGISTRATION, key))
            self.registrations[key] = other
        other.is_now = kept
        _made(other.divergence, number)

    def _take_postings(self, is_now: list[Posting], would_be: list[Posting], number: i64) -> None:
        if number < 0 and not self.lines:
            return
        touched = [(posting.permit_id, int(posting.line)) for posting in is_now]
        touched.extend([(posting.permit_id, int(posting.line)) for posting in would_be])
        done: list[tuple[str, int]] = []
        for line in touched:
            if line not in done:
                done.append(line)
                self._take_line(line, is_now, would_be, number)

    def _take_line(
        self, line: tuple[str, int], is_now: list[Posting], would_be: list[Posting], number: i64
    ) -> None:
        other = self.lines.get(line)
        would_be_before = accounts_of(self.state, line[0], line[1])
        is_now_before = would_be_before if other is None else other.is_now
        would_be_after = _accounts_after(would_be, line, would_be_before)
        is_now_after = _accounts_after(is_now, line, is_now_before)
        if is_now_after == would_be_after:
            if other is not None:
                del self.lines[line]
            return
        if other is None:
            other = OtherLine(is_now_after)
            self.lines[line] = other
        other.is_now = is_now_after
        apart = _apart(is_now_after, would_be_after)
        if apart == 0:
            other.divergence = None
        elif apart != _apart(is_now_before, would_be_before) or other.divergence is None:
            divergence = other.divergence
            if divergence is None:
                divergence = Divergence(LINE, f"{line[0]}/{line[1]}")
                other.divergence = divergence
            _made(divergence, number)

    def _keep_permit(self, key: str) -> None:
        if key not in self._pending_permits:
            other = self.permits.get(key)
            self._pending_permits[key] = (
                _copy_permit(self.state.permits.get(key)) if other is None else other.is_now
            )

    def _keep_agency(self, key: str) -> None:
        if key not in self._pending_agencies:
            other = self.agencies.get(key)
            self._pending_agencies[key] = (
                _copy_standing(self.state.agencies.get(key)) if other is None else other.is_now
            )

    def _keep_destination(self, key: str) -> None:
        if key not in self._pending_destinations:
            other = self.destinations.get(key)
            self._pending_destinations[key] = (
                _copy_standing(self.state.destinations.get(key)) if other is None else other.is_now
            )

    def _settle_permits(self, decision: Decision, number: i64) -> None:
        for key, before in self._pending_permits.items():
            is_now = before
            for permit in decision.permits:
                if permit.permit_id == key:
                    is_now = _put_permit(is_now, permit, decision)
            other = self.permits.get(key)
            if same_permit(is_now, self.state.permits.get(key)):
                if other is not None:
                    del self.permits[key]
                continue
            if other is None:
                other = OtherPermit(is_now, Divergence(PERMIT, key))
                self.permits[key] = other
            other.is_now = is_now
            _made(other.divergence, number)
        self._pending_permits.clear()

    def _settle_agencies(self, decision: Decision, number: i64) -> None:
        for key, before in self._pending_agencies.items():
            is_now = before
            for agency in decision.agencies:
                if agency.agency_id == key:
                    is_now = Standing() if is_now is None else is_now
                    if decision.kind != "agency_licensed":
                        is_now.change(_occurred_at(decision), barred=agency.status == "suspended")
            other = self.agencies.get(key)
            if same_standing(is_now, self.state.agencies.get(key)):
                if other is not None:
                    del self.agencies[key]
                continue
            if other is None:
                other = OtherStanding(is_now, Divergence(AGENCY, key))
                self.agencies[key] = other
            other.is_now = is_now
            _made(other.divergence, number)
        self._pending_agencies.clear()

    def _settle_destinations(self, decision: Decision, number: i64) -> None:
        for key, before in self._pending_destinations.items():
            is_now = before
            for destination in decision.destinations:
                if destination.destination == key:
                    is_now = Standing() if is_now is None else is_now
                    is_now.change(_occurred_at(decision), barred=destination.status == "closed")
            other = self.destinations.get(key)
            if same_standing(is_now, self.state.destinations.get(key)):
                if other is not None:
                    del self.destinations[key]
                continue
            if other is None:
                other = OtherStanding(is_now, Divergence(DESTINATION, key))
                self.destinations[key] = other
            other.is_now = is_now
            _made(other.divergence, number)
        self._pending_destinations.clear()

    def _take_trainings(self, is_now: Decision, would_be: Decision, number: i64) -> None:
        keys = [training.training_id for training in is_now.trainings]
        keys.extend([training.training_id for training in would_be.trainings])
        for key in keys:
            other = self.trainings.get(key)
            after = self.state.trainings.get(key)
            is_now_after = after if other is None else other.is_now
            for training in is_now.trainings:
                if training.training_id == key:
                    is_now_after = training
            for training in would_be.trainings:
                if training.training_id == key:
                    after = training
            if same_training(is_now_after, after):
                self.trainings.pop(key, None)
                continue
            if other is None:
                other = OtherTraining(is_now_after, Divergence(TRAINING, key))
                self.trainings[key] = other
            other.is_now = is_now_after
            _made(other.divergence, number)

    def _take_complaints(self, is_now: Decision, would_be: Decision, number: i64) -> None:
        keys = [complaint.complaint_id for complaint in is_now.complaints]
        keys.extend([complaint.complaint_id for complaint in would_be.complaints])
        for key in keys:
            other = self.complaints.get(key)
            after = self.state.complaints.get(key)
            is_now_after = after if other is None else other.is_now
            for complaint in is_now.complaints:
                if complaint.complaint_id == key:
                    is_now_after = complaint
            for complaint in would_be.complaints:
                if complaint.complaint_id == key:
                    after = complaint
            if same_complaint(is_now_after, after):
                self.complaints.pop(key, None)
                continue
            if other is None:
                other = OtherComplaint(is_now_after, Divergence(COMPLAINT, key))
                self.complaints[key] = other
            other.is_now = is_now_after
            _made(other.divergence, number)

    def __repr__(self) -> str:
        """Show how much stands apart."""
        return (
            f"Overlay({len(self.registrations)} registrations, {len(self.lines)} lines, "
            f"{len(self.people)} people, {len(self.permits)} permits)"
        )


def chain_of(state: State, person_id: str) -> list[str]:
    """Give a person's registrations in the order made."""
    chain: list[str] = []
    registration_id: str | None = state.latest.get(person_id)
    while registration_id is not None:
        chain.append(registration_id)
        registration_id = state.earlier.get(registration_id)
    chain.reverse()
    return chain


def accounts_of(state: State, permit_id: str, line: int) -> Accounts | None:
    """Give a line's accounts; None: there is no such line."""
    permit = state.permits.get(permit_id)
    on = permit.lines.get(line) if permit is not None else None
    if on is None:
        return None
    return (on.granted, on.available, on.reserved, on.departed, on.forfeited)


def same_policy(one: Policy, other: Policy) -> bool:
    """Tell whether two policies decide alike, whatever they are called."""
    return (
        one.registration_limit.at == other.registration_limit.at
        and one.closure.at == other.closure.at
        and one.unit_taken_at.SISKOTKLN == other.unit_taken_at.SISKOTKLN
        and one.unit_taken_at.SIAPKERJA == other.unit_taken_at.SIAPKERJA
        and sorted(one.biometrics_not_required) == sorted(other.biometrics_not_required)
        and sorted(one.agreement_not_required) == sorted(other.agreement_not_required)
        and one.restore_if_valid_at == other.restore_if_valid_at
        and one.restoration == other.restoration
        and one.late_departures == other.late_departures
        and one.clock_skew_seconds == other.clock_skew_seconds
    )


def same_timeline(one: Timeline, other: Timeline) -> bool:
    """Tell whether two histories are the same at every moment on which anything was recorded."""
    return one.moments == other.moments and one.values == other.values


def same_standing(one: Standing | None, other: Standing | None) -> bool:
    """Tell whether an agency or destination stands alike, now and at every moment before."""
    if one is None or other is None:
        return one is other
    return one.barred == other.barred and same_timeline(one.history, other.history)


def same_permit(one: PermitState | None, other: PermitState | None) -> bool:
    """Tell whether a permit stands alike, now and at every moment before, its accounts aside."""
    if one is None or other is None:
        return one is other
    if not (
        one.agency_id == other.agency_id
        and one.destination == other.destination
        and one.valid_from == other.valid_from
        and one.valid_to == other.valid_to
        and one.revoked == other.revoked
        and same_timeline(one.last_days, other.last_days)
        and same_timeline(one.revocations, other.revocations)
        and len(one.lines) == len(other.lines)
    ):
        return False
    for number, line in one.lines.items():
        against = other.lines.get(number)
        if against is None or line.position != against.position or line.sex != against.sex:
            return False
    return True


def same_training(one: Training | None, other: Training | None) -> bool:
    """Tell whether a training stands alike."""
    if one is None or other is None:
        return one is other
    return (
        one.status == other.status
        and one.person_id == other.person_id
        and one.provider_id == other.provider_id
        and one.provider_type == other.provider_type
    )


def same_complaint(one: Complaint | None, other: Complaint | None) -> bool:
    """Tell whether a complaint stands alike."""
    if one is None or other is None:
        return one is other
    return (
        one.status == other.status
        and one.topic == other.topic
        and one.channel == other.channel
        and one.registration_id == other.registration_id
    )


def _made(divergence: Divergence, number: i64) -> None:
    """Note a difference that made or changed a divergence."""
    if number < 0:
        return
    made_by = divergence.made_by
    if not made_by or made_by[len(made_by) - 1] != number:
        made_by.append(number)


def _held_after(decision: Decision, person_id: str, before: bool) -> bool:  # noqa: FBT001 - the value so far
    for person in decision.people:
        if person.person_id == person_id:
            return person.held
    return before


def _find(registrations: list[Registration], key: str) -> Registration | None:
    for registration in registrations:
        if registration.registration_id == key:
            return registration
    return None


def _accounts_after(
    postings: list[Posting], line: tuple[str, int], before: Accounts | None
) -> Accounts | None:
    """Give a line's accounts after these movements, the last of which says them."""
    for number in range(len(postings) - 1, -1, -1):
        posting = postings[number]
        if posting.line == line[1] and posting.permit_id == line[0]:
            return (
                posting.granted,
                posting.available,
                posting.reserved,
                posting.departed,
                posting.forfeited,
            )
    return before


def _apart(is_now: Accounts | None, would_be: Accounts | None) -> i64:
    """Give how many units more would be free; a line that is missing is a matter of its permit."""
    if is_now is None or would_be is None:
        return 0
    return would_be[1] - is_now[1]


def _occurred_at(decision: Decision) -> int:
    occurred_at = decision.occurred_at
    return 0 if occurred_at is None else occurred_at


def _copy_timeline(source: Timeline, target: Timeline) -> None:
    target.moments.extend(source.moments)
    target.values.extend(source.values)


def _copy_standing(standing: Standing | None) -> Standing | None:
    if standing is None:
        return None
    made = Standing()
    made.barred = standing.barred
    _copy_timeline(standing.history, made.history)
    return made


def _copy_permit(permit: PermitState | None) -> PermitState | None:
    """Give a copy with its history and without its accounts."""
    if permit is None:
        return None
    made = PermitState(
        permit.permit_id, permit.agency_id, permit.destination, permit.valid_from, permit.valid_to
    )
    made.revoked = permit.revoked
    _copy_timeline(permit.last_days, made.last_days)
    _copy_timeline(permit.revocations, made.revocations)
    for number, line in permit.lines.items():
        made.lines[number] = LineState(line.position, line.sex)
    return made


def _put_permit(known: PermitState | None, permit: Permit, decision: Decision) -> PermitState:
    """Carry a permit's history on, as `evolve` does; its accounts are kept elsewhere."""
    if known is None:
        made = PermitState(
            permit.permit_id, permit.agency_id, permit.destination, permit.valid_from, permit.valid_to
        )
        for line in permit.lines:
            made.lines[line.line] = LineState(line.position, line.sex)
        made.last_days.record(_occurred_at(decision), permit.valid_to)
        return made
    if decision.kind == "permit_extended":
        known.valid_to = permit.valid_to
        known.last_days.record(_occurred_at(decision), permit.valid_to)
    elif decision.kind in ("permit_revoked", "permit_reinstated"):
        known.revoked = permit.revoked
        known.revocations.record(_occurred_at(decision), 1 if permit.revoked else 0)
    return known
