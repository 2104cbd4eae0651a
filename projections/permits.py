"""Permits and their lines as they stand. Tables: migrations/0004_reference.sql."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.records import Decision, Permit

COLUMNS: Final = "permit_id, agency_id, destination, valid_from, valid_to, revoked, seq"
_COLUMN_COUNT: Final = 7
LINE_COLUMNS: Final = "permit_id, line, position, sex, units, seq"
_LINE_COLUMN_COUNT: Final = 6

MERGE: Final = """
INSERT INTO neraca.permits (permit_id, agency_id, destination, valid_from, valid_to, revoked, seq)
SELECT permit_id, agency_id, destination, valid_from, valid_to, revoked, seq FROM staged_permits
ON CONFLICT (permit_id) DO UPDATE SET
    agency_id = EXCLUDED.agency_id, destination = EXCLUDED.destination, valid_from = EXCLUDED.valid_from,
    valid_to = EXCLUDED.valid_to, revoked = EXCLUDED.revoked, seq = EXCLUDED.seq
"""
LINE_MERGE: Final = """
INSERT INTO neraca.permit_lines (permit_id, line, position, sex, units, seq)
SELECT permit_id, line, position, sex, units, seq FROM staged_permit_lines
ON CONFLICT (permit_id, line) DO UPDATE SET
    position = EXCLUDED.position, sex = EXCLUDED.sex, units = EXCLUDED.units, seq = EXCLUDED.seq
"""


@final
class _ChangedPermit:
    """A permit as the last decision of the batch left it."""

    def __init__(self, seq: i64, permit: Permit) -> None:
        self.seq: Final[i64] = seq
        self.permit: Final[Permit] = permit


@final
class PermitRows:
    """The permits that a batch of decisions changed, as they stand after it."""

    def __init__(self) -> None:
        self.changed: Final[dict[str, _ChangedPermit]] = {}

    def add(self, decision: Decision) -> None:
        """Keep the last state of each permit."""
        for permit in decision.permits:
            self.changed[permit.permit_id] = _ChangedPermit(decision.seq, permit)

    def finish(self) -> CopyRows:
        """Write one row per permit."""
        rows = CopyRows(_COLUMN_COUNT)
        for changed in self.changed.values():
            permit = changed.permit
            rows.begin_row()
            rows.text(permit.permit_id)
            rows.text(permit.agency_id)
            rows.text(permit.destination)
            rows.date(permit.valid_from)
            rows.date(permit.valid_to)
            rows.boolean(permit.revoked)
            rows.int8(changed.seq)
        return rows

    def finish_lines(self) -> CopyRows:
        """Write one row per line of those permits."""
        rows = CopyRows(_LINE_COLUMN_COUNT)
        for changed in self.changed.values():
            permit = changed.permit
            for line in permit.lines:
                rows.begin_row()
                rows.text(permit.permit_id)
                rows.int4(line.line)
                rows.text(line.position)
                rows.text(line.sex)
                rows.int8(line.units)
                rows.int8(changed.seq)
        return rows
