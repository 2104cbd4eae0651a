"""Complaints as they stand [L6]. Table: migrations/0004_reference.sql."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.records import Complaint, Decision

COLUMNS: Final = "complaint_id, topic, channel, registration_id, status, received_at, answered_at, seq"
_COLUMN_COUNT: Final = 8

MERGE: Final = """
INSERT INTO neraca.complaints AS t
    (complaint_id, topic, channel, registration_id, status, received_at, answered_at, seq)
SELECT complaint_id, topic, channel, registration_id, status, received_at, answered_at, seq
FROM staged_complaints
ON CONFLICT (complaint_id) DO UPDATE SET
    status = EXCLUDED.status, received_at = coalesce(EXCLUDED.received_at, t.received_at),
    answered_at = coalesce(EXCLUDED.answered_at, t.answered_at), seq = EXCLUDED.seq
"""


@final
class _ChangedComplaint:
    """A complaint as the last decision of the batch left it, and the instants that the batch told."""

    def __init__(self, complaint: Complaint) -> None:
        self.complaint: Complaint = complaint
        self.seq: i64 = 0
        self.received_at: int | None = None
        self.answered_at: int | None = None


@final
class ComplaintRows:
    """The complaints that a batch of decisions changed, as they stand after it."""

    def __init__(self) -> None:
        self.changed: Final[dict[str, _ChangedComplaint]] = {}

    def add(self, decision: Decision) -> None:
        """Keep the last state of each complaint."""
        for complaint in decision.complaints:
            changed = self.changed.get(complaint.complaint_id)
            if changed is None:
                changed = _ChangedComplaint(complaint)
                self.changed[complaint.complaint_id] = changed
            changed.complaint = complaint
            changed.seq = decision.seq
            if complaint.status == "answered":
                changed.answered_at = decision.occurred_at
            else:
                changed.received_at = decision.occurred_at

    def finish(self) -> CopyRows:
        """Write one row per complaint."""
        rows = CopyRows(_COLUMN_COUNT)
        for changed in self.changed.values():
            complaint = changed.complaint
            rows.begin_row()
            rows.text(complaint.complaint_id)
            rows.text(complaint.topic)
            rows.text(complaint.channel)
            rows.optional_text(complaint.registration_id)
            rows.text(complaint.status)
            rows.optional_timestamptz(changed.received_at)
            rows.optional_timestamptz(changed.answered_at)
            rows.int8(changed.seq)
        return rows
