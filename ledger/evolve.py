"""`evolve`: what a decision makes of the state. It knows no rule: whoever reads the journal follows it."""

from __future__ import annotations

from ledger.permits import LineState, PermitState
from ledger.state import Standing, State
from schemas.errors import InvariantViolation
from schemas.records import Decision, Permit, Posting


def evolve(state: State, decision: Decision) -> State:
    """Carry the state from before this decision to after it, in place, and give it back.

    Raises:
        InvariantViolation: the decision is not the next one, or speaks of what is not there.

    """
    if decision.seq != state.next_seq:
        raise InvariantViolation(f"decision {decision.seq} does not follow: the next is {state.next_seq}")
    state.next_seq += 1
    action_id = decision.action_id
    digest = decision.content_digest
    if action_id is None or digest is None or decision.outcome == "DUPLICATE":
        return state
    if decision.code != "ACTION_ID_REUSED":
        state.seen.remember(action_id, digest, decision.seq)
    if decision.outcome != "ACCEPTED":
        return state
    for registration in decision.registrations:
        state.add_registration(registration)
    for permit in decision.permits:
        _put_permit(state, decision, permit)
    for posting in decision.postings:
        _put_balances(state, posting)
    for agency in decision.agencies:
        standing = state.agencies.setdefault(agency.agency_id, Standing())
        # A licence lifts no suspension, whatever its date, just as the issue of a permit lifts no revocation.
        if decision.kind != "agency_licensed":
            standing.change(_occurred_at(decision), barred=agency.status == "suspended")
    for destination in decision.destinations:
        standing = state.destinations.setdefault(destination.destination, Standing())
        standing.change(_occurred_at(decision), barred=destination.status == "closed")
    for person in decision.people:
        if person.held:
            state.held.add(person.person_id)
        else:
            state.held.discard(person.person_id)
    for training in decision.trainings:
        state.trainings[training.training_id] = training
    for complaint in decision.complaints:
        state.complaints[complaint.complaint_id] = complaint
    for policy in decision.policies:
        state.policy = policy
        state.policy_versions.add(policy.version)
    return state


def _occurred_at(decision: Decision) -> int:
    occurred_at = decision.occurred_at
    if occurred_at is None:
        raise InvariantViolation(f"decision {decision.seq} is accepted and has no occurred_at")
    return occurred_at


def _put_permit(state: State, decision: Decision, permit: Permit) -> None:
    known = state.permits.get(permit.permit_id)
    if known is None:
        known = PermitState(
            permit.permit_id, permit.agency_id, permit.destination, permit.valid_from, permit.valid_to
        )
        for line in permit.lines:
            known.lines[line.line] = LineState(line.position, line.sex)
        state.permits[permit.permit_id] = known
        known.last_days.record(_occurred_at(decision), permit.valid_to)
        return
    if decision.kind == "permit_extended":
        known.valid_to = permit.valid_to
        known.last_days.record(_occurred_at(decision), permit.valid_to)
    elif decision.kind in ("permit_revoked", "permit_reinstated"):
        known.revoked = permit.revoked
        known.revocations.record(_occurred_at(decision), 1 if permit.revoked else 0)


def _put_balances(state: State, posting: Posting) -> None:
    permit = state.permits.get(posting.permit_id)
    line = permit.lines.get(posting.line) if permit is not None else None
    if line is None:
        raise InvariantViolation(f"a posting on {posting.permit_id}/{posting.line}, which does not exist")
    line.granted = posting.granted
    line.available = posting.available
    line.reserved = posting.reserved
    line.departed = posting.departed
    line.forfeited = posting.forfeited
