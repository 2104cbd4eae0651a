"""Why a decision differs: what the rules are asked again, with single things put back as they are.

The rule of a link. A decision that differs does so *because of* a thing if that thing does not stand alike in
the two ledgers at that moment, and putting it back to how it stands in the ledger that is, with all else as
it would be, gives the decision that is. Each thing that does so alone is a cause. Where none does so alone,
the causes are a smallest set that does so together. Nothing else is a cause, however near it stands.

The things asked about are those that a rule can look at for such an action: the policy; the action's own id;
its registration; the registrations and the hold of its person; the units free on the lines it names or that
these registrations hold; the permits of these lines, their agencies and destinations; its training; its
complaint. Must not change the state but for the moment of asking.
"""

from __future__ import annotations

from typing import Final, TypeVar, final

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
    Link,
)
from audit.what_if.meaning import Effect, effects_of
from audit.what_if.overlay import Accounts, Overlay, accounts_of
from ledger.decide import DUPLICATE, decide
from ledger.permits import LineState, PermitState
from ledger.state import Standing
from ledger.window import refuse_sender
from schemas.errors import InvariantViolation
from schemas.records import Action, Complaint, Decision, Registration, Training

_NO_HASH: Final = bytes(32)
_Thing = TypeVar("_Thing")
# Rules look at the units free on a line only; so many more in the other accounts keep these from running out
# where a registration is put back without its line.
_SLACK: Final = 4


@final
class _Candidate:
    """A thing that does not stand alike and that the action's rules can look at."""

    __slots__ = ("divergence", "key", "kind", "line")

    def __init__(self, kind: str, key: str, line: int, divergence: Divergence) -> None:
        self.kind: Final = kind
        self.key: Final = key
        self.line: Final = line
        self.divergence: Final = divergence


@final
class Asked:
    """What came out.

    Attributes:
        links: The causes; empty: nothing that stands apart explains the difference.
        is_joint: Whether it takes all of them together.

    """

    __slots__ = ("is_joint", "links")

    def __init__(self, links: list[Link], is_joint: bool) -> None:  # noqa: FBT001 - a field
        self.links: Final = links
        self.is_joint: Final = is_joint


@final
class Question:
    """One differing decision, and everything that may be put back."""

    __slots__ = (
        "_action",
        "_candidates",
        "_digest",
        "_expected",
        "_involved",
        "_overlay",
        "_state",
        "_undo_agencies",
        "_undo_chains",
        "_undo_complaints",
        "_undo_destinations",
        "_undo_earlier",
        "_undo_held",
        "_undo_permits",
        "_undo_registrations",
        "_undo_trainings",
    )

    def __init__(self, overlay: Overlay, action: Action, digest: bytes, expected: list[Effect]) -> None:
        """Gather what may be put back.

        Args:
            overlay: Both ledgers, before the action.
            action: The action, on which both have decided.
            digest: Digest of its content.
            expected: What the decision in the ledger that is says and does.

        """
        self._overlay: Final = overlay
        self._state: Final = overlay.state
        self._action: Final = action
        self._digest: Final = digest
        self._expected: Final = expected
        self._candidates: Final[list[_Candidate]] = []
        self._involved: Final[list[tuple[str, int]]] = []
        self._undo_registrations: Final[list[tuple[str, Registration | None]]] = []
        self._undo_chains: Final[list[tuple[str, str | None]]] = []
        self._undo_earlier: Final[list[tuple[str, str | None]]] = []
        self._undo_held: Final[list[tuple[str, bool]]] = []
        self._undo_permits: Final[list[tuple[str, PermitState | None]]] = []
        self._undo_agencies: Final[list[tuple[str, Standing | None]]] = []
        self._undo_destinations: Final[list[tuple[str, Standing | None]]] = []
        self._undo_trainings: Final[list[tuple[str, Training | None]]] = []
        self._undo_complaints: Final[list[tuple[str, Complaint | None]]] = []
        self._gather()

    def answer(self) -> Asked:
        """Find the causes."""
        candidates = self._candidates
        count: i64 = len(candidates)
        chosen = [False] * len(candidates)
        alone: list[Link] = []
        # Whom the policy refuses by sender and date, nothing else can help: so it is the first to be asked,
        # and without it no other alone.
        tried: i64 = min(count, 1) if self._is_policy_needed() else count
        for number in range(tried):
            chosen[number] = True
            if self._is_as_it_is(chosen):
                alone.append(Link(candidates[number].divergence))
            chosen[number] = False
        if alone:
            return Asked(_without_person(alone), is_joint=False)
        chosen = [True] * len(candidates)
        if count <= 1 or not self._is_as_it_is(chosen):
            return Asked([], is_joint=False)
        for number in range(count):
            chosen[number] = False
            if not self._is_as_it_is(chosen):
                chosen[number] = True
        together = [Link(each.divergence) for number, each in enumerate(candidates) if chosen[number]]
        return Asked(together, is_joint=True)

    def _is_policy_needed(self) -> bool:
        return (
            self._overlay.policy_divergence is not None
            and refuse_sender(self._action, self._state.policy) is not None
        )

    def _gather(self) -> None:
        """List everything that does not stand alike of what the rules can look at."""
        overlay, action = self._overlay, self._action
        if overlay.policy_divergence is not None:
            self._candidates.append(_Candidate(POLICY, "", 0, overlay.policy_divergence))
        people: list[str] = []
        keys: list[str] = []
        if action.person_id is not None:
            people.append(action.person_id)
        if action.registration_id is not None:
            keys.append(action.registration_id)
            for registration in self._both(action.registration_id):
                if registration.person_id not in people:
                    people.append(registration.person_id)
        for person_id in people:
            other = overlay.people.get(person_id)
            if other is not None:
                self._candidates.append(_Candidate(PERSON, person_id, 0, other.divergence))
                keys.extend([key for key in other.chain if key not in keys])
            registration_id: str | None = self._state.latest.get(person_id)
            while registration_id is not None:
                if registration_id not in keys:
                    keys.append(registration_id)
                registration_id = self._state.earlier.get(registration_id)
        self._gather_registrations(keys)
        self._gather_authority()
        self._gather_services()

    def _gather_registrations(self, keys: list[str]) -> None:
        action = self._action
        if action.permit_id is not None:
            self._involve(action.permit_id, 0 if action.line is None else action.line)
        for key in keys:
            other = self._overlay.registrations.get(key)
            if other is not None:
                self._candidates.append(_Candidate(REGISTRATION, key, 0, other.divergence))
            for registration in self._both(key):
                unit = registration.unit
                if unit is not None:
                    self._involve(unit.permit_id, int(unit.line))

    def _gather_authority(self) -> None:
        overlay, action = self._overlay, self._action
        agencies: list[str] = [] if action.agency_id is None else [action.agency_id]
        destinations: list[str] = [] if action.destination is None else [action.destination]
        permits: list[str] = []
        for permit_id, line in self._involved:
            line_apart = overlay.lines.get((permit_id, line))
            if line_apart is not None and line_apart.divergence is not None:
                self._candidates.append(_Candidate(LINE, permit_id, line, line_apart.divergence))
            if permit_id in permits:
                continue
            permits.append(permit_id)
            permit_apart = overlay.permits.get(permit_id)
            if permit_apart is not None:
                self._candidates.append(_Candidate(PERMIT, permit_id, 0, permit_apart.divergence))
            for permit in (overlay.permit(permit_id), self._state.permits.get(permit_id)):
                if permit is not None:
                    agencies.append(permit.agency_id)
                    destinations.append(permit.destination)
        self._gather_standings(agencies, destinations)

    def _gather_standings(self, agencies: list[str], destinations: list[str]) -> None:
        overlay = self._overlay
        for key in sorted(set(agencies)):
            agency = overlay.agencies.get(key)
            if agency is not None:
                self._candidates.append(_Candidate(AGENCY, key, 0, agency.divergence))
        for key in sorted(set(destinations)):
            destination = overlay.destinations.get(key)
            if destination is not None:
                self._candidates.append(_Candidate(DESTINATION, key, 0, destination.divergence))

    def _gather_services(self) -> None:
        overlay, action = self._overlay, self._action
        if action.training_id is not None:
            training = overlay.trainings.get(action.training_id)
            if training is not None:
                self._candidates.append(_Candidate(TRAINING, action.training_id, 0, training.divergence))
        if action.complaint_id is not None:
            complaint = overlay.complaints.get(action.complaint_id)
            if complaint is not None:
                self._candidates.append(_Candidate(COMPLAINT, action.complaint_id, 0, complaint.divergence))

    def _both(self, key: str) -> list[Registration]:
        """Give a registration as it stands in either ledger: none, one or two."""
        found: list[Registration] = []
        is_now = self._overlay.registration(key)
        if is_now is not None:
            found.append(is_now)
        would_be = self._state.registrations.get(key)
        if would_be is not None and would_be is not is_now:
            found.append(would_be)
        return found

    def _involve(self, permit_id: str, line: int) -> None:
        if (permit_id, line) not in self._involved:
            self._involved.append((permit_id, line))

    def _is_as_it_is(self, chosen: list[bool]) -> bool:
        """Decide with those things put back, and tell whether that gives the decision that is."""
        state = self._state
        policy = state.policy
        try:
            self._put_back(chosen)
            decision = decide(
                state,
                self._action,
                previous_sha256=_NO_HASH,
                action_sha256=_NO_HASH,
                content_digest=self._digest,
                action_offset=0,
                recorded_at=None,
                recorded_offset_minutes=0,
            )
            before: dict[str, Registration | None] = {}
            for registration in decision.registrations:
                key = registration.registration_id
                before[key] = state.registrations.get(key)
            return effects_of(decision, before) == self._expected
        except (InvariantViolation, KeyError):
            # One thing was put back and not another that it rests on: such a ledger cannot be.
            return False
        finally:
            state.policy = policy
            self._undo()

    def _put_back(self, chosen: list[bool]) -> None:
        overlay, state = self._overlay, self._state
        lines: list[tuple[str, int]] = []
        permits: list[str] = []
        for number, candidate in enumerate(self._candidates):
            if not chosen[number]:
                continue
            kind, key = candidate.kind, candidate.key
            if kind == POLICY:
                state.policy = overlay.policy
            elif kind == REGISTRATION:
                self._put_registration(key, overlay.registrations[key].is_now)
            elif kind == PERSON:
                self._put_person(key)
            elif kind == LINE:
                lines.append((key, candidate.line))
            elif kind == PERMIT:
                permits.append(key)
            else:
                self._put_other(kind, key)
        self._put_permits(permits, lines)

    def _put_other(self, kind: str, key: str) -> None:
        overlay, state = self._overlay, self._state
        if kind == AGENCY:
            self._undo_agencies.append((key, state.agencies.get(key)))
            _set(state.agencies, key, overlay.agencies[key].is_now)
        elif kind == DESTINATION:
            self._undo_destinations.append((key, state.destinations.get(key)))
            _set(state.destinations, key, overlay.destinations[key].is_now)
        elif kind == TRAINING:
            self._undo_trainings.append((key, state.trainings.get(key)))
            _set(state.trainings, key, overlay.trainings[key].is_now)
        else:
            self._undo_complaints.append((key, state.complaints.get(key)))
            _set(state.complaints, key, overlay.complaints[key].is_now)

    def _put_registration(self, key: str, is_now: Registration | None) -> None:
        registrations = self._state.registrations
        self._undo_registrations.append((key, registrations.get(key)))
        _set(registrations, key, is_now)

    def _put_person(self, person_id: str) -> None:
        """Put back which registrations there are, in which order, and the hold; not how each stands."""
        overlay, state = self._overlay, self._state
        other = overlay.people[person_id]
        self._undo_chains.append((person_id, state.latest.get(person_id)))
        self._undo_held.append((person_id, person_id in state.held))
        _hold(state.held, person_id, other.held)
        before: str | None = None
        for key in other.chain:
            self._undo_earlier.append((key, state.earlier.get(key)))
            _set(state.earlier, key, before)
            if key not in state.registrations:
                self._put_registration(key, overlay.registration(key))
            before = key
        _set(state.latest, person_id, before)

    def _put_permits(self, permits: list[str], lines: list[tuple[str, int]]) -> None:
        """Put every permit that is involved into the state, as it is or would be, each line with slack."""
        overlay, state = self._overlay, self._state
        done: list[str] = []
        for permit_id, _ in self._involved:
            if permit_id in done:
                continue
            done.append(permit_id)
            would_be = state.permits.get(permit_id)
            source = overlay.permit(permit_id) if permit_id in permits else would_be
            self._undo_permits.append((permit_id, would_be))
            if source is None:
                state.permits.pop(permit_id, None)
                continue
            made = _same_permit_without_lines(source)
            for number, line in source.lines.items():
                is_now = overlay.accounts(permit_id, number)
                accounts = accounts_of(state, permit_id, number)
                if accounts is None or ((permit_id, number) in lines and is_now is not None):
                    accounts = is_now
                made.lines[number] = _line_with_slack(line, accounts)
            state.permits[permit_id] = made

    def _undo(self) -> None:
        """Take everything back, the last first."""
        state = self._state
        _restore(state.registrations, self._undo_registrations)
        _restore(state.earlier, self._undo_earlier)
        _restore(state.latest, self._undo_chains)
        _restore(state.permits, self._undo_permits)
        _restore(state.agencies, self._undo_agencies)
        _restore(state.destinations, self._undo_destinations)
        _restore(state.trainings, self._undo_trainings)
        _restore(state.complaints, self._undo_complaints)
        while self._undo_held:
            key, is_held = self._undo_held.pop()
            _hold(state.held, key, is_held)


def causes_of(
    overlay: Overlay,
    action: Action,
    digest: bytes,
    is_now: Decision,
    would_be: Decision,
    expected: list[Effect],
) -> Asked:
    """Find why two decisions on one action differ, before either ledger is carried on.

    Args:
        overlay: Both ledgers.
        action: The action.
        digest: Digest of its content.
        is_now: The decision in the ledger that is.
        would_be: The decision in the ledger that would be.
        expected: What `is_now` says and does.

    """
    if _is_about_the_id(is_now) or _is_about_the_id(would_be):
        # Before anything else an action is asked for its id.
        divergence = overlay.actions.get(action.action_id)
        return Asked([] if divergence is None else [Link(divergence)], is_joint=False)
    if action.kind == "policy_adopted" and is_now.outcome != would_be.outcome:
        # Which versions were used is a part of the policy's history, and is asked after no other thing.
        divergence = overlay.policy_divergence
        return Asked([] if divergence is None else [Link(divergence)], is_joint=False)
    return Question(overlay, action, digest, expected).answer()


def _without_person(links: list[Link]) -> list[Link]:
    """Leave a person out where one of the registrations explains it: the person only brings it along."""
    for link in links:
        if link.divergence.kind == REGISTRATION:
            return [each for each in links if each.divergence.kind != PERSON]
    return links


def _is_about_the_id(decision: Decision) -> bool:
    return decision.outcome == DUPLICATE or decision.code == "ACTION_ID_REUSED"


def _same_permit_without_lines(source: PermitState) -> PermitState:
    made = PermitState(
        source.permit_id, source.agency_id, source.destination, source.valid_from, source.valid_to
    )
    made.revoked = source.revoked
    made.last_days.moments.extend(source.last_days.moments)
    made.last_days.values.extend(source.last_days.values)
    made.revocations.moments.extend(source.revocations.moments)
    made.revocations.values.extend(source.revocations.values)
    return made


def _line_with_slack(source: LineState, accounts: Accounts | None) -> LineState:
    made = LineState(source.position, source.sex)
    if accounts is not None:
        made.available = accounts[1]
        made.reserved = accounts[2] + _SLACK
        made.departed = accounts[3]
        made.forfeited = accounts[4] + _SLACK
        made.granted = made.available + made.reserved + made.departed + made.forfeited
    return made


def _hold(held: set[str], person_id: str, is_held: bool) -> None:  # noqa: FBT001 - the value set
    if is_held:
        held.add(person_id)
    else:
        held.discard(person_id)


def _set(target: dict[str, _Thing], key: str, thing: _Thing | None) -> None:
    if thing is None:
        target.pop(key, None)
    else:
        target[key] = thing


def _restore(target: dict[str, _Thing], undo: list[tuple[str, _Thing | None]]) -> None:
    while undo:
        key, thing = undo.pop()
        _set(target, key, thing)
