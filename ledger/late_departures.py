"""A departure before the closure that is entered after its candidate re-registered.

Domain §4, 10; contract §3, 13.
"""

from __future__ import annotations

from mypy_extensions import i64

from ledger.effects import Effects
from ledger.quota import AVAILABLE, DEPARTED, FORFEITED, RESERVED, holds_unit
from ledger.registrations import refuse_stage, unit_became, with_stage, with_status
from ledger.state import State
from schemas.records import Action, Registration, Stage


def decide_departure_of_reregistered(
    state: State, action: Action, effects: Effects, old: Registration
) -> str | None:
    """Void the new registration, free its unit, and let the old unit depart from where it was put."""
    new_open: Registration | None = None
    for later in state.later_registrations(old):
        if later.status == "departed":
            return "CONFLICTING_DEPARTURES"
        if later.status == "open":
            new_open = later
    code = refuse_stage(old, "departed", state.policy)
    if code is not None:
        return code
    if new_open is not None:
        new_unit = new_open.unit
        if new_unit is not None and holds_unit(new_open):
            effects.postings.move(new_unit.permit_id, new_unit.line, RESERVED, AVAILABLE, 1)
            new_unit = unit_became(new_unit, "returned")
        effects.registrations.append(with_status(new_open, "voided", new_unit, new_open.reregistered_as))
    unit = old.unit
    if unit is not None and unit.state == "restored":
        # What the new registration frees on the same line, in this decision, can leave as well.
        if effects.postings.available(unit.permit_id, unit.line) < 1:
            return "QUOTA_EXHAUSTED"
        effects.postings.move(unit.permit_id, unit.line, AVAILABLE, DEPARTED, 1)
        unit = unit_became(unit, "departed")
    elif unit is not None and unit.state == "forfeited":
        effects.postings.move(unit.permit_id, unit.line, FORFEITED, DEPARTED, 1)
        unit = unit_became(unit, "departed")
    elif old.scheme == "P_TO_P":
        return "UNIT_NOT_HELD"
    # Point of no return: nothing below can refuse.
    seq: i64 = state.next_seq
    stage = Stage(action.occurred_at, action.occurred_offset_minutes, seq)
    effects.registrations.append(with_stage(old, "departed", stage, unit))
    return None
