"""Training services as they stand [L5]. Table: migrations/0004_reference.sql."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.records import Decision, Training

COLUMNS: Final = "training_id, person_id, provider_id, provider_type, status, requested_at, completed_at, seq"
_COLUMN_COUNT: Final = 8

MERGE: Final = """
INSERT INTO neraca.trainings AS t
    (training_id, person_id, provider_id, provider_type, status, requested_at, completed_at, seq)
SELECT training_id, person_id, provider_id, provider_type, status, requested_at, completed_at, seq
FROM staged_trainings
ON CONFLICT (training_id) DO UPDATE SET
    status = EXCLUDED.status, requested_at = coalesce(EXCLUDED.requested_at, t.requested_at),
    completed_at = coalesce(EXCLUDED.completed_at, t.completed_at), seq = EXCLUDED.seq
"""


@final
class _ChangedTraining:
    """A training as the last decision of the batch left it, and the instants that the batch told."""

    def __init__(self, training: Training) -> None:
        self.training: Training = training
        self.seq: i64 = 0
        self.requested_at: int | None = None
        self.completed_at: int | None = None


@final
class TrainingRows:
    """The trainings that a batch of decisions changed, as they stand after it."""

    def __init__(self) -> None:
        self.changed: Final[dict[str, _ChangedTraining]] = {}

    def add(self, decision: Decision) -> None:
        """Keep the last state of each training."""
        for training in decision.trainings:
            changed = self.changed.get(training.training_id)
            if changed is None:
                changed = _ChangedTraining(training)
                self.changed[training.training_id] = changed
            changed.training = training
            changed.seq = decision.seq
            if training.status == "completed":
                changed.completed_at = decision.occurred_at
            else:
                changed.requested_at = decision.occurred_at

    def finish(self) -> CopyRows:
        """Write one row per training."""
        rows = CopyRows(_COLUMN_COUNT)
        for changed in self.changed.values():
            training = changed.training
            rows.begin_row()
            rows.text(training.training_id)
            rows.text(training.person_id)
            rows.text(training.provider_id)
            rows.text(training.provider_type)
            rows.text(training.status)
            rows.optional_timestamptz(changed.requested_at)
            rows.optional_timestamptz(changed.completed_at)
            rows.int8(changed.seq)
        return rows
