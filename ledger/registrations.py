"""A registration as it stands after a change: copies with one thing changed, and the ladder of its stages."""

from __future__ import annotations

import sys
from typing import Final

from mypy_extensions import i64

from schemas.errors import InvariantViolation
from schemas.records import Action, Policy, Registration, Stage, Unit

STAGES: Final = (
    "registered",
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
)


def new_registration(
    action: Action, seq: i64, unit: Unit | None, reregistered_from: str | None
) -> Registration:
    """Give the registration that a `registered` action opens."""
    return Registration(
        given(action.registration_id),
        given(action.person_id),
        action.system,
        given(action.scheme),
        _shared_if_any(action.agency_id),
        sys.intern(given(action.destination)),
        sys.intern(given(action.position)),
        given(action.sex),
        "open",
        None,
        reregistered_from,
        unit,
        Stage(action.occurred_at, action.occurred_offset_minutes, seq),
        None,
        None,
        None,
        None,
        None,
        None,
        None,
    )


def given(value: str | None) -> str:
    """Give a field that the shape requires."""
    if value is None:
        raise InvariantViolation("an action came to the rules without a field that its shape requires")
    return value


def shared(r: Registration) -> Registration:
    """Give the same registration with its repeating names held once in memory for all registrations.

    One that was decoded has copies of its own, which would double what a registration takes.
    """
    unit = r.unit
    return Registration(
        r.registration_id,
        r.person_id,
        sys.intern(r.system),
        sys.intern(r.scheme),
        _shared_if_any(r.agency_id),
        sys.intern(r.destination),
        sys.intern(r.position),
        sys.intern(r.sex),
        sys.intern(r.status),
        r.reregistered_as,
        r.reregistered_from,
        None if unit is None else Unit(sys.intern(unit.permit_id), unit.line, sys.intern(unit.state)),
        r.registered,
        r.documents_verified,
        r.candidate_id_issued,
        r.agreement_signed,
        r.documents_fulfilled,
        r.orientation_completed,
        r.biometrics_registered,
        r.departed,
    )


def _shared_if_any(name: str | None) -> str | None:
    return None if name is None else sys.intern(name)


def with_status(r: Registration, status: str, unit: Unit | None, reregistered_as: str | None) -> Registration:
    """Give the registration with another status, unit and successor."""
    return Registration(
        r.registration_id,
        r.person_id,
        r.system,
        r.scheme,
        r.agency_id,
        r.destination,
        r.position,
        r.sex,
        status,
        reregistered_as,
        r.reregistered_from,
        unit,
        r.registered,
        r.documents_verified,
        r.candidate_id_issued,
        r.agreement_signed,
        r.documents_fulfilled,
        r.orientation_completed,
        r.biometrics_registered,
        r.departed,
    )


def with_person(r: Registration, person_id: str) -> Registration:
    """Give the registration as another person's; nothing else of it changes."""
    return Registration(
        r.registration_id,
        person_id,
        r.system,
        r.scheme,
        r.agency_id,
        r.destination,
        r.position,
        r.sex,
        r.status,
        r.reregistered_as,
        r.reregistered_from,
        r.unit,
        r.registered,
        r.documents_verified,
        r.candidate_id_issued,
        r.agreement_signed,
        r.documents_fulfilled,
        r.orientation_completed,
        r.biometrics_registered,
        r.departed,
    )


def with_stage(r: Registration, kind: str, stage: Stage, unit: Unit | None) -> Registration:
    """Give the registration with that stage passed; after `departed` it has departed."""
    return Registration(
        r.registration_id,
        r.person_id,
        r.system,
        r.scheme,
        r.agency_id,
        r.destination,
        r.position,
        r.sex,
        "departed" if kind == "departed" else r.status,
        r.reregistered_as,
        r.reregistered_from,
        unit,
        r.registered,
        stage if kind == "documents_verified" else r.documents_verified,
        stage if kind == "candidate_id_issued" else r.candidate_id_issued,
        stage if kind == "agreement_signed" else r.agreement_signed,
        stage if kind == "documents_fulfilled" else r.documents_fulfilled,
        stage if kind == "orientation_completed" else r.orientation_completed,
        stage if kind == "biometrics_registered" else r.biometrics_registered,
        stage if kind == "departed" else r.departed,
    )


def unit_became(unit: Unit, state: str) -> Unit:
    """Give the unit in another state, on the line that held it."""
    return Unit(unit.permit_id, unit.line, state)


def refuse_stage(r: Registration, kind: str, policy: Policy) -> str | None:
    """Give the code that refuses that stage at this point of the ladder, or None (contract §3, 11)."""
    if kind == "documents_verified":
        return "STAGE_ALREADY_PASSED" if r.documents_verified is not None else None
    if kind == "candidate_id_issued":
        if r.candidate_id_issued is not None:
            return "STAGE_ALREADY_PASSED"
        return None if r.documents_verified is not None else "STAGE_OUT_OF_ORDER"
    if kind == "agreement_signed":
        if r.agreement_signed is not None:
            return "STAGE_ALREADY_PASSED"
        return None if r.documents_verified is not None else "STAGE_OUT_OF_ORDER"
    if kind == "documents_fulfilled":
        if r.documents_fulfilled is not None:
            return "STAGE_ALREADY_PASSED"
        has_agreement = r.agreement_signed is not None or r.scheme in policy.agreement_not_required
        return None if r.candidate_id_issued is not None and has_agreement else "STAGE_OUT_OF_ORDER"
    if kind == "orientation_completed":
        if r.orientation_completed is not None:
            return "STAGE_ALREADY_PASSED"
        return None if r.documents_fulfilled is not None else "STAGE_OUT_OF_ORDER"
    if kind == "biometrics_registered":
        if r.biometrics_registered is not None:
            return "STAGE_ALREADY_PASSED"
        return None if r.documents_fulfilled is not None else "STAGE_OUT_OF_ORDER"
    if kind == "departed":
        if r.departed is not None:
            return "STAGE_ALREADY_PASSED"
        has_biometrics = r.biometrics_registered is not None or r.system in policy.biometrics_not_required
        return None if r.orientation_completed is not None and has_biometrics else "STAGE_OUT_OF_ORDER"
    # `cancelled` and `unit_released` are no stages and need none.
    return None
