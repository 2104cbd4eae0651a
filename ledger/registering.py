"""`registered`: an ordinary registration, and the re-registration of the letter.

[L3], [L4]; domain §4, 3 to 6.
"""

from __future__ import annotations

from mypy_extensions import i64

from ledger.effects import Effects
from ledger.permits import is_revoked, is_valid
from ledger.quota import AVAILABLE, FORFEITED, RESERVED, holds_unit, permit_of, refuse_take
from ledger.registrations import given, new_registration, unit_became, with_status
from ledger.state import State
from schemas.records import Action, Registration, Unit


def decide_registered(state: State, action: Action, effects: Effects) -> str | None:
    """Judge a registration and gather what it changes; give the code that refuses it, or None."""
    registration_id = given(action.registration_id)
    person_id = given(action.person_id)
    if registration_id in state.registrations:
        return "REGISTRATION_EXISTS"
    if person_id in state.held:
        return "PERSON_ON_HOLD"
    old = state.open_registration(person_id)
    if old is not None and not _is_reregistration(state, action, old):
        return "OPEN_REGISTRATION_EXISTS"
    seq: i64 = state.next_seq
    if old is not None:
        # [L4] The old unit is put back, or forfeited, before the new one is taken: in one decision, so that
        # nobody takes it in between. If the take fails, all of it is dropped.
        effects.registrations.append(_put_back(state, action, effects, old))
    unit: Unit | None = None
    if action.scheme == "P_TO_P" and (old is not None or _takes_at_registration(state, action.system)):
        permit_id = action.permit_id
        line = action.line
        if permit_id is None or line is None:
            return "LINE_MISSING"
        wanted = new_registration(action, seq, None, None)
        code = refuse_take(state, effects.postings, action, permit_id, line, wanted)
        if code is not None:
            return code
        # Point of no return: nothing below can refuse.
        effects.postings.move(permit_id, line, AVAILABLE, RESERVED, 1)
        unit = Unit(permit_of(state, permit_id).permit_id, line, "held")
    old_id = old.registration_id if old is not None else None
    effects.registrations.append(new_registration(action, seq, unit, old_id))
    return None


def _is_reregistration(state: State, action: Action, old: Registration) -> bool:
    """[L3] In SIAPKerja, from the closure on, of a person still in process in SISKOTKLN."""
    return (
        action.system == "SIAPKERJA"
        and old.system == "SISKOTKLN"
        and action.occurred_at >= state.policy.closure.at
    )


def _takes_at_registration(state: State, system: str) -> bool:
    """Tell whether the policy takes the unit at registration in that system."""
    taken_at = state.policy.unit_taken_at
    return (taken_at.SISKOTKLN if system == "SISKOTKLN" else taken_at.SIAPKERJA) == "registration"


def _put_back(state: State, action: Action, effects: Effects, old: Registration) -> Registration:
    """[L4] Give the old unit back to the line that held it if its permit is valid, else forfeit it."""
    unit = old.unit
    if unit is not None and holds_unit(old):
        policy = state.policy
        judged_at: i64 = action.occurred_at
        if policy.restore_if_valid_at == "closure":
            judged_at = policy.closure.at
        permit = permit_of(state, unit.permit_id)
        if policy.restoration and is_valid(permit, judged_at) and not is_revoked(permit, judged_at):
            effects.postings.move(unit.permit_id, unit.line, RESERVED, AVAILABLE, 1)
            unit = unit_became(unit, "restored")
        else:
            effects.postings.move(unit.permit_id, unit.line, RESERVED, FORFEITED, 1)
            unit = unit_became(unit, "forfeited")
    return with_status(old, "reregistered", unit, action.registration_id)
