"""Which system takes what, and until when: the checks of every action (contract §3, 2 to 5; [L1], [L5])."""

from __future__ import annotations

from mypy_extensions import i64

from schemas.kinds import KINDS
from schemas.records import Action, Policy


def refuse_sender(action: Action, policy: Policy) -> str | None:
    """Give the code that refuses the action for who sends it, from where and dated when, or None."""
    row = KINDS[action.kind]
    office_types = row.offices.get(action.system)
    if office_types is None:
        return "WRONG_SYSTEM"
    if action.office_type not in office_types:
        return "WRONG_OFFICE"
    if action.occurred_at > action.entered_at + policy.clock_skew_seconds * 1_000_000:
        return "OCCURRED_IN_FUTURE"
    if action.system == "SISKOTKLN":
        return _refuse_siskotkln(action, policy)
    if action.system != "BP2MI" and action.occurred_at < policy.registration_limit.at:
        return "SYSTEM_NOT_OPEN"
    return None


def _refuse_siskotkln(action: Action, policy: Policy) -> str | None:
    """Give the code that refuses what the closed system still sends."""
    closure: i64 = policy.closure.at
    is_entered_late = action.entered_at >= closure
    if action.kind in ("training_requested", "training_completed"):
        # [L5] Training services are handed back to the ministries.
        return "SERVICE_HANDED_BACK" if action.occurred_at >= closure or is_entered_late else None
    # [L1] Closed for all stages.
    if action.occurred_at >= closure:
        return "SYSTEM_CLOSED"
    if is_entered_late:
        if action.kind != "departed" or not policy.late_departures:
            return "SYSTEM_CLOSED"
        # A departure before the closure is a fact, if it is proven.
        if not action.evidence:
            return "EVIDENCE_MISSING"
    # [L3] speaks of those registered before T_R.
    if action.kind == "registered" and action.occurred_at >= policy.registration_limit.at:
        return "REGISTERED_AFTER_LIMIT"
    return None


def is_late_departure(action: Action, policy: Policy) -> bool:
    """Tell whether this is a departure in SISKOTKLN that was entered at or after the closure."""
    return (
        action.kind == "departed" and action.system == "SISKOTKLN" and action.entered_at >= policy.closure.at
    )
