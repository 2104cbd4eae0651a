"""The audit trail: one row per decision, every scalar field of it. Table: migrations/0001_decisions.sql.

Rows are only ever added, so they go straight into the table.
"""

from __future__ import annotations

from typing import Final, final

from projections.binary_copy import CopyRows
from schemas.records import Decision

COLUMNS: Final = (
    "seq, action_offset, first_seq, recorded_at, occurred_at, entered_at, action_id, "
    "recorded_offset_minutes, occurred_offset_minutes, entered_offset_minutes, late, outcome, code, policy, "
    "kind, system, office_type, office_code, officer, registration_id, person_id, permit_id, "
    "previous_sha256, action_sha256, content_digest"
)
_COLUMN_COUNT: Final = 25


@final
class DecisionRows:
    """The rows of a batch of decisions."""

    def __init__(self) -> None:
        self.rows: Final[CopyRows] = CopyRows(_COLUMN_COUNT)

    def add(self, decision: Decision) -> None:
        """Write the row of one decision."""
        rows = self.rows
        rows.begin_row()
        rows.int8(decision.seq)
        rows.int8(decision.action_offset)
        rows.optional_int8(decision.first_seq)
        rows.optional_timestamptz(decision.recorded_at)
        rows.optional_timestamptz(decision.occurred_at)
        rows.optional_timestamptz(decision.entered_at)
        rows.optional_binary(decision.action_id)
        rows.int2(decision.recorded_offset_minutes)
        rows.optional_int2(decision.occurred_offset_minutes)
        rows.optional_int2(decision.entered_offset_minutes)
        rows.boolean(decision.late)
        rows.text(decision.outcome)
        rows.optional_text(decision.code)
        rows.text(decision.policy)
        rows.optional_text(decision.kind)
        rows.optional_text(decision.system)
        rows.optional_text(decision.office_type)
        rows.optional_text(decision.office_code)
        rows.optional_text(decision.officer)
        rows.optional_text(decision.registration_id)
        rows.optional_text(decision.person_id)
        rows.optional_text(decision.permit_id)
        rows.binary(decision.previous_sha256)
        rows.binary(decision.action_sha256)
        rows.optional_binary(decision.content_digest)
