"""`decide`: one action in, one decision out.

The order of the checks is contract §3; the first that fails gives the code.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

from ledger.authority import (
    decide_agency,
    decide_destination,
    decide_hold,
    decide_permit,
    decide_permit_issued,
    decide_policy,
    decide_quota,
)
from ledger.corrections import decide_erasure, decide_reassignment
from ledger.effects import Effects
from ledger.registering import decide_registered
from ledger.services import decide_complaint, decide_training
from ledger.state import State
from ledger.steps import decide_step
from ledger.window import is_late_departure, refuse_sender
from schemas.records import Action, Decision

ACCEPTED: Final = "ACCEPTED"
REFUSED: Final = "REFUSED"
DUPLICATE: Final = "DUPLICATE"
UNREADABLE: Final = "UNREADABLE"


def decide(
    state: State,
    action: Action,
    *,
    previous_sha256: bytes,
    action_sha256: bytes,
    content_digest: bytes,
    action_offset: i64,
    recorded_at: int | None,
    recorded_offset_minutes: i64,
) -> Decision:
    """Give the decision on an action whose shape is right. The state is read, never changed.

    Args:
        state: What the journal has led to.
        action: The action.
        previous_sha256: Hash of the decision before this one.
        action_sha256: Hash of the action's bytes.
        content_digest: Digest of its content: the same for the same action sent again.
        action_offset: Where it stands on its topic.
        recorded_at: The broker's append time, microseconds since 1970, UTC.
        recorded_offset_minutes: 0, but where there was no broker.

    """
    outcome = ACCEPTED
    first_seq: int | None = None
    effects = Effects(state)
    code: str | None = None
    known = state.seen.find(action.action_id)
    if known is not None:
        if known[0] == content_digest:
            outcome = DUPLICATE
            first_seq = known[1]
        else:
            code = "ACTION_ID_REUSED"
    else:
        code = refuse_sender(action, state.policy)
        if code is None:
            code = _judge(state, action, effects)
    if code is not None:
        outcome = REFUSED
        # What was gathered before the refusal is dropped: nothing moves.
        effects = Effects(state)
    return Decision(
        state.next_seq,
        previous_sha256,
        action_offset,
        action_sha256,
        outcome,
        code,
        first_seq,
        state.policy.version,
        outcome == ACCEPTED and is_late_departure(action, state.policy),
        recorded_at,
        recorded_offset_minutes,
        action.action_id,
        action.kind,
        action.system,
        action.office_type,
        action.office_code,
        action.officer,
        action.occurred_at,
        action.occurred_offset_minutes,
        action.entered_at,
        action.entered_offset_minutes,
        action.registration_id,
        action.person_id,
        action.permit_id,
        content_digest,
        effects.registrations,
        effects.postings.items,
        effects.permits,
        effects.agencies,
        effects.destinations,
        effects.people,
        effects.trainings,
        effects.complaints,
        effects.policies,
    )


def decide_unreadable(
    state: State,
    *,
    previous_sha256: bytes,
    action_sha256: bytes,
    action_offset: i64,
    recorded_at: int | None,
    recorded_offset_minutes: i64,
) -> Decision:
    """Give the decision on a record that is no action: it is accounted for, and changes nothing."""
    return Decision(
        state.next_seq,
        previous_sha256,
        action_offset,
        action_sha256,
        UNREADABLE,
        None,
        None,
        state.policy.version,
        False,
        recorded_at,
        recorded_offset_minutes,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        None,
        [],
        [],
        [],
        [],
        [],
        [],
        [],
        [],
        [],
    )


def _judge(state: State, action: Action, effects: Effects) -> str | None:
    """Hand the action to the rule of its kind; give the code that refuses it, or None."""
    kind = action.kind
    if kind == "registered":
        return decide_registered(state, action, effects)
    if kind in (
        "documents_verified",
        "candidate_id_issued",
        "agreement_signed",
        "documents_fulfilled",
        "orientation_completed",
        "biometrics_registered",
        "departed",
        "cancelled",
        "unit_released",
    ):
        return decide_step(state, action, effects)
    if kind == "permit_issued":
        return decide_permit_issued(state, action, effects)
    if kind in ("permit_extended", "permit_revoked", "permit_reinstated"):
        return decide_permit(state, action, effects)
    if kind in ("quota_raised", "quota_lowered"):
        return decide_quota(state, action, effects)
    if kind in ("training_requested", "training_completed"):
        return decide_training(state, action, effects)
    if kind in ("complaint_received", "complaint_answered"):
        return decide_complaint(state, action, effects)
    if kind in ("person_held", "person_released"):
        return decide_hold(state, action, effects)
    if kind in ("agency_licensed", "agency_suspended", "agency_reinstated"):
        return decide_agency(state, action, effects)
    if kind in ("destination_closed", "destination_opened"):
        return decide_destination(state, action, effects)
    if kind == "registration_reassigned":
        return decide_reassignment(state, action, effects)
    if kind == "person_erased":
        return decide_erasure(state, action)
    return decide_policy(state, action, effects)
