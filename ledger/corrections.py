"""What a wrong identity needs: a registration moves to the person that it belongs to, a person is erased.

docs/corrections.md. No unit moves here, and nothing of what was decided before is touched.
"""

from __future__ import annotations

from ledger.effects import Effects
from ledger.registrations import given, with_person
from ledger.state import State
from schemas.records import Action


def decide_reassignment(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `registration_reassigned`: two officers settle whose registration it is.

    It is what a hold waits for, so the hold demands it where it bars everything else. Ended registrations
    move as well: later rules ask what else a person did. One that was re-registered moves alone: the two may
    turn out to be of two people whom one national ID number had joined.
    """
    registration = state.registrations.get(given(action.registration_id))
    if registration is None:
        return "UNKNOWN_REGISTRATION"
    if registration.person_id not in state.held:
        return "PERSON_NOT_ON_HOLD"
    if action.occurred_at < registration.registered.at:
        return "OCCURRED_BEFORE_REGISTRATION"
    person_id = given(action.person_id)
    if registration.person_id == person_id:
        return "NO_CHANGE"
    if registration.status == "open" and state.open_registration(person_id) is not None:
        return "OPEN_REGISTRATION_EXISTS"
    effects.registrations.append(with_person(registration, person_id))
    return None


def decide_erasure(state: State, action: Action) -> str | None:
    """Judge `person_erased`: the key store may forget who this is; the ledger never knew.

    Not while an identity is in dispute: what would be erased is what the dispute is about.
    """
    return "PERSON_ON_HOLD" if given(action.person_id) in state.held else None
