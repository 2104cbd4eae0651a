"""Every policy ever adopted, in full. Table: migrations/0004_reference.sql.

Rows are only ever added, so they go straight into the table. The default policy is no decision: the
migration puts it there.
"""

from __future__ import annotations

from typing import Final, final

from projections.binary_copy import CopyRows
from schemas.records import Decision

COLUMNS: Final = (
    "version, seq, registration_limit, registration_limit_offset_minutes, closure, closure_offset_minutes, "
    "unit_taken_at_siskotkln, unit_taken_at_siapkerja, biometrics_not_required, agreement_not_required, "
    "restore_if_valid_at, restoration, late_departures, clock_skew_seconds"
)
_COLUMN_COUNT: Final = 14


@final
class PolicyRows:
    """The policies that a batch of decisions adopted."""

    def __init__(self) -> None:
        self.rows: Final[CopyRows] = CopyRows(_COLUMN_COUNT)

    def add(self, decision: Decision) -> None:
        """Write the row of the policy adopted, if one was."""
        rows = self.rows
        for policy in decision.policies:
            rows.begin_row()
            rows.text(policy.version)
            rows.int8(decision.seq)
            rows.timestamptz(policy.registration_limit.at)
            rows.int2(policy.registration_limit.offset_minutes)
            rows.timestamptz(policy.closure.at)
            rows.int2(policy.closure.offset_minutes)
            rows.text(policy.unit_taken_at.SISKOTKLN)
            rows.text(policy.unit_taken_at.SIAPKERJA)
            rows.text_array(policy.biometrics_not_required)
            rows.text_array(policy.agreement_not_required)
            rows.text(policy.restore_if_valid_at)
            rows.boolean(policy.restoration)
            rows.boolean(policy.late_departures)
            rows.int8(policy.clock_skew_seconds)
