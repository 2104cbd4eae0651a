"""People under a hold now. Table: migrations/0004_reference.sql.

A release takes the row away; the trail of holds is in `decisions`.
"""

from __future__ import annotations

from typing import Final, final

from projections.binary_copy import CopyRows
from schemas.records import Decision

COLUMNS: Final = "person_id, held, held_since, seq"
_COLUMN_COUNT: Final = 4
# The staged rows say of each person whether the hold stands, so their table is not like the one they change.
STAGING: Final = "person_id text, held boolean, held_since timestamptz, seq bigint"

MERGE: Final = """
WITH released AS (
    DELETE FROM neraca.people_on_hold t USING staged_people_on_hold s
    WHERE t.person_id = s.person_id AND NOT s.held
)
INSERT INTO neraca.people_on_hold (person_id, held_since, seq)
SELECT person_id, held_since, seq FROM staged_people_on_hold WHERE held
ON CONFLICT (person_id) DO UPDATE SET held_since = EXCLUDED.held_since, seq = EXCLUDED.seq
"""


@final
class PeopleOnHoldRows:
    """The people whose hold a batch of decisions changed, each with the decision that did so last."""

    def __init__(self) -> None:
        self.changed: Final[dict[str, Decision]] = {}
        self.held: Final[dict[str, bool]] = {}

    def add(self, decision: Decision) -> None:
        """Keep the last state of each person."""
        for person in decision.people:
            self.changed[person.person_id] = decision
            self.held[person.person_id] = person.held

    def finish(self) -> CopyRows:
        """Write one row per person."""
        rows = CopyRows(_COLUMN_COUNT)
        for person_id, decision in self.changed.items():
            rows.begin_row()
            rows.text(person_id)
            rows.boolean(self.held[person_id])
            rows.optional_timestamptz(decision.occurred_at)
            rows.int8(decision.seq)
        return rows
