"""What BP2MI's head office rules: agencies, destinations, permits and quota, policy, holds.

Contract §3, "Others".
"""

from __future__ import annotations

from mypy_extensions import i64

from ledger.effects import Effects
from ledger.permits import PermitState, permit_after
from ledger.policy import DEFAULT_VERSION
from ledger.quota import AVAILABLE, GRANTED
from ledger.registrations import given
from ledger.state import State
from schemas.errors import InvariantViolation
from schemas.records import Action, Agency, Destination, Permit, Person


def decide_agency(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `agency_licensed`, `agency_suspended`, `agency_reinstated`."""
    agency_id = given(action.agency_id)
    agency = state.agencies.get(agency_id)
    if action.kind == "agency_licensed":
        if agency is not None:
            return "AGENCY_EXISTS"
        effects.agencies = [Agency(agency_id, "active")]
        return None
    if agency is None:
        return "UNKNOWN_AGENCY"
    is_suspended_after = action.kind == "agency_suspended"
    if agency.barred == is_suspended_after:
        return "NO_CHANGE"
    effects.agencies = [Agency(agency_id, "suspended" if is_suspended_after else "active")]
    return None


def decide_destination(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `destination_closed`, `destination_opened`; a destination is open until it is closed."""
    code = given(action.destination)
    country = state.destinations.get(code)
    is_closed = country is not None and country.barred
    is_closed_after = action.kind == "destination_closed"
    if is_closed == is_closed_after:
        return "NO_CHANGE"
    effects.destinations = [Destination(code, "closed" if is_closed_after else "open")]
    return None


def decide_permit_issued(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `permit_issued`: units are granted on each of its lines."""
    permit_id = given(action.permit_id)
    agency_id = given(action.agency_id)
    valid_from = action.valid_from
    valid_to = action.valid_to
    if valid_from is None or valid_to is None:
        raise InvariantViolation("a permit came to the rules without its dates")
    if agency_id not in state.agencies:
        return "UNKNOWN_AGENCY"
    if permit_id in state.permits:
        return "PERMIT_EXISTS"
    for line in action.lines:
        effects.postings.move(permit_id, line.line, GRANTED, AVAILABLE, line.units)
    effects.permits = [
        Permit(
            permit_id,
            agency_id,
            given(action.destination),
            valid_from,
            valid_to,
            revoked=False,
            lines=action.lines,
        )
    ]
    return None


def decide_permit(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `permit_extended`, `permit_revoked`, `permit_reinstated`."""
    permit = state.permits.get(given(action.permit_id))
    if permit is None:
        return "UNKNOWN_PERMIT"
    valid_to: i64 = permit.valid_to
    revoked = permit.revoked
    if action.kind == "permit_extended":
        extended_to = action.valid_to
        if extended_to is None or extended_to <= valid_to:
            return "VALIDITY_NOT_EXTENDED"
        valid_to = extended_to
    else:
        revoked = action.kind == "permit_revoked"
        if revoked == permit.revoked:
            return "NO_CHANGE"
    effects.permits = [permit_after(permit, valid_to=valid_to, revoked=revoked, line=0, granted=0)]
    return None


def decide_quota(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `quota_raised` and `quota_lowered`; it is lowered only as far as available reaches."""
    permit = state.permits.get(given(action.permit_id))
    if permit is None:
        return "UNKNOWN_PERMIT"
    line = action.line
    units = action.units
    if line is None or units is None:
        raise InvariantViolation("a change of quota came to the rules without its line or units")
    on = permit.lines.get(line)
    if on is None:
        return "UNKNOWN_LINE"
    if action.kind == "quota_raised":
        effects.postings.move(permit.permit_id, line, GRANTED, AVAILABLE, units)
    else:
        if on.available < units:
            return "QUOTA_BELOW_USE"
        effects.postings.move(permit.permit_id, line, AVAILABLE, GRANTED, units)
    effects.permits = [_regranted(permit, line, effects)]
    return None


def _regranted(permit: PermitState, line: i64, effects: Effects) -> Permit:
    granted: i64 = effects.postings.items[0].granted
    return permit_after(permit, valid_to=permit.valid_to, revoked=permit.revoked, line=line, granted=granted)


def decide_policy(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `policy_adopted`; each version is adopted once."""
    policy = action.policy
    if policy is None:
        raise InvariantViolation("an adoption came to the rules without its policy")
    # The default's version counts as used, also where the journal begins with another policy.
    if policy.version == DEFAULT_VERSION or policy.version in state.policy_versions:
        return "POLICY_EXISTS"
    effects.policies = [policy]
    return None


def decide_hold(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `person_held` and `person_released` (domain §4, 13)."""
    person_id = given(action.person_id)
    is_held_after = action.kind == "person_held"
    if (person_id in state.held) == is_held_after:
        return "NO_CHANGE"
    effects.people = [Person(person_id, is_held_after)]
    return None
