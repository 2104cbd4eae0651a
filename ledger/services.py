"""Training services, until they were handed back [L5], and complaints [L6]."""

from __future__ import annotations

from ledger.effects import Effects
from ledger.state import State
from schemas.errors import InvariantViolation
from schemas.records import Action, Complaint, Training


def decide_training(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `training_requested` and `training_completed`."""
    training_id = action.training_id
    person_id = action.person_id
    provider_id = action.provider_id
    provider_type = action.provider_type
    if training_id is None or person_id is None or provider_id is None or provider_type is None:
        raise InvariantViolation("a training came to the rules without a field that its shape requires")
    training = state.trainings.get(training_id)
    if action.kind == "training_requested":
        if training is not None:
            return "TRAINING_EXISTS"
        if person_id in state.held:
            return "PERSON_ON_HOLD"
        effects.trainings = [Training(training_id, person_id, provider_id, provider_type, "requested")]
        return None
    if training is None:
        return "UNKNOWN_TRAINING"
    if training.status == "completed":
        return "NO_CHANGE"
    effects.trainings = [
        Training(training_id, training.person_id, training.provider_id, training.provider_type, "completed")
    ]
    return None


def decide_complaint(state: State, action: Action, effects: Effects) -> str | None:
    """Judge `complaint_received` and `complaint_answered`; a complaint's registration is not checked."""
    complaint_id = action.complaint_id
    if complaint_id is None:
        raise InvariantViolation("a complaint came to the rules without its id")
    complaint = state.complaints.get(complaint_id)
    if action.kind == "complaint_received":
        if complaint is not None:
            return "COMPLAINT_EXISTS"
        topic = action.topic
        channel = action.channel
        if topic is None or channel is None:
            raise InvariantViolation("a complaint came to the rules without its topic or channel")
        effects.complaints = [Complaint(complaint_id, topic, channel, action.registration_id, "received")]
        return None
    if complaint is None:
        return "UNKNOWN_COMPLAINT"
    if complaint.status == "answered":
        return "NO_CHANGE"
    effects.complaints = [
        Complaint(complaint_id, complaint.topic, complaint.channel, complaint.registration_id, "answered")
    ]
    return None
