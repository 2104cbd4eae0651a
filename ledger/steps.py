"""The steps of a registration: from verified documents to departure, cancellation, a ruling on its unit."""

from __future__ import annotations

from mypy_extensions import i64

from ledger.effects import Effects
from ledger.late_departures import decide_departure_of_reregistered
from ledger.quota import AVAILABLE, DEPARTED, RESERVED, holds_unit, permit_of, refuse_take
from ledger.registrations import refuse_stage, unit_became, with_stage, with_status
from ledger.state import State
from schemas.records import Action, Registration, Stage, Unit


def decide_step(state: State, action: Action, effects: Effects) -> str | None:
    """Judge a step and gather what it changes; give the code that refuses it, or None (contract §3)."""
    registration_id = action.registration_id
    registration = state.registrations.get(registration_id) if registration_id is not None else None
    if registration is None:
        return "UNKNOWN_REGISTRATION"
    is_siskotkln_registration = registration.system == "SISKOTKLN"
    if action.system != "BP2MI" and is_siskotkln_registration != (action.system == "SISKOTKLN"):
        return "WRONG_SYSTEM"
    if registration.person_id in state.held:
        return "PERSON_ON_HOLD"
    if action.occurred_at < registration.registered.at:
        return "OCCURRED_BEFORE_REGISTRATION"
    if registration.status != "open":
        if registration.status == "reregistered" and is_siskotkln_registration and action.kind == "departed":
            return decide_departure_of_reregistered(state, action, effects, registration)
        return "REGISTRATION_ENDED"
    code = refuse_stage(registration, action.kind, state.policy)
    if code is not None:
        return code
    if action.kind == "cancelled":
        return _cancel(effects, registration)
    if action.kind == "unit_released":
        return _release_unit(state, action, effects, registration)
    if action.kind == "departed":
        return _depart(state, action, effects, registration)
    if action.kind == "agreement_signed":
        return _sign_agreement(state, action, effects, registration)
    effects.registrations.append(
        with_stage(registration, action.kind, stage_of(state, action), registration.unit)
    )
    return None


def stage_of(state: State, action: Action) -> Stage:
    """Give the stage that this action passes."""
    seq: i64 = state.next_seq
    return Stage(action.occurred_at, action.occurred_offset_minutes, seq)


def _sign_agreement(state: State, action: Action, effects: Effects, registration: Registration) -> str | None:
    """[L2a] The agreement keeps the unit that is held, or takes one."""
    unit = registration.unit
    if registration.scheme == "P_TO_P":
        permit_id = action.permit_id
        line = action.line
        if unit is not None and holds_unit(registration):
            if permit_id is not None and (permit_id != unit.permit_id or line != unit.line):
                return "UNIT_HELD_ELSEWHERE"
        else:
            if permit_id is None or line is None:
                return "LINE_MISSING"
            code = refuse_take(state, effects.postings, action, permit_id, line, registration)
            if code is not None:
                return code
            # Point of no return: nothing below can refuse.
            effects.postings.move(permit_id, line, AVAILABLE, RESERVED, 1)
            unit = Unit(permit_of(state, permit_id).permit_id, line, "held")
    effects.registrations.append(with_stage(registration, action.kind, stage_of(state, action), unit))
    return None


def _depart(state: State, action: Action, effects: Effects, registration: Registration) -> str | None:
    """[L2b] The unit leaves with the worker."""
    unit = registration.unit
    if registration.scheme == "P_TO_P":
        if unit is None or not holds_unit(registration):
            return "UNIT_NOT_HELD"
        # Point of no return: nothing below can refuse.
        effects.postings.move(unit.permit_id, unit.line, RESERVED, DEPARTED, 1)
        unit = unit_became(unit, "departed")
    effects.registrations.append(with_stage(registration, action.kind, stage_of(state, action), unit))
    return None


def _cancel(effects: Effects, registration: Registration) -> str | None:
    """The unit, if one is held, goes back to its line."""
    unit = registration.unit
    if unit is not None and holds_unit(registration):
        effects.postings.move(unit.permit_id, unit.line, RESERVED, AVAILABLE, 1)
        unit = unit_became(unit, "returned")
    effects.registrations.append(with_status(registration, "cancelled", unit, registration.reregistered_as))
    return None


def _release_unit(state: State, action: Action, effects: Effects, registration: Registration) -> str | None:
    """Two officers free the unit of somebody who never re-registered (domain §4, 9)."""
    if registration.system != "SISKOTKLN" or action.occurred_at < state.policy.closure.at:
        return "NOT_STRANDED"
    unit = registration.unit
    if unit is None or not holds_unit(registration):
        return "UNIT_NOT_HELD"
    # Point of no return: nothing below can refuse.
    effects.postings.move(unit.permit_id, unit.line, RESERVED, AVAILABLE, 1)
    effects.registrations.append(
        with_status(registration, "open", unit_became(unit, "released"), registration.reregistered_as)
    )
    return None
