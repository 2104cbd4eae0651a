"""Destinations as they stand; one that was never closed has no row. Table: migrations/0004_reference.sql."""

from __future__ import annotations

from typing import Final, final

from projections.binary_copy import CopyRows
from schemas.records import Decision

COLUMNS: Final = "destination, status, status_since, seq"
_COLUMN_COUNT: Final = 4

MERGE: Final = """
INSERT INTO neraca.destinations (destination, status, status_since, seq)
SELECT destination, status, status_since, seq FROM staged_destinations
ON CONFLICT (destination) DO UPDATE SET
    status = EXCLUDED.status, status_since = EXCLUDED.status_since, seq = EXCLUDED.seq
"""


@final
class DestinationRows:
    """The destinations that a batch of decisions changed, each with the decision that did so last."""

    def __init__(self) -> None:
        self.changed: Final[dict[str, Decision]] = {}
        self.status: Final[dict[str, str]] = {}

    def add(self, decision: Decision) -> None:
        """Keep the last state of each."""
        for destination in decision.destinations:
            self.changed[destination.destination] = decision
            self.status[destination.destination] = destination.status

    def finish(self) -> CopyRows:
        """Write one row each."""
        rows = CopyRows(_COLUMN_COUNT)
        for key, decision in self.changed.items():
            rows.begin_row()
            rows.text(key)
            rows.text(self.status[key])
            rows.optional_timestamptz(decision.occurred_at)
            rows.int8(decision.seq)
        return rows
