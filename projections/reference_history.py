"""What permits, agencies, trainings and the like were, change by change. Table: migrations/0007_as_of.sql.

Rows are only ever added. Each holds what its decision changed and no more, so that laying them over each
other gives the thing as of any instant: in which order, the migration says.
"""

from __future__ import annotations

import json
from typing import Final, final

from projections.binary_copy import CopyRows
from schemas.instants import format_date
from schemas.records import Decision, Permit, Training

COLUMNS: Final = "seq, occurred_at, entered_at, recorded_at, thing, id, changed"
_COLUMN_COUNT: Final = 7


@final
class ReferenceHistoryRows:
    """The rows of a batch of decisions."""

    def __init__(self) -> None:
        self.rows: Final[CopyRows] = CopyRows(_COLUMN_COUNT)

    def add(self, decision: Decision) -> None:
        """Write a row for each thing that a decision changed."""
        for permit in decision.permits:
            self._add(decision, "permit", permit.permit_id, _permit_changes(decision.kind, permit))
        for agency in decision.agencies:
            self._add(decision, "agency", agency.agency_id, {"status": agency.status})
        for destination in decision.destinations:
            self._add(decision, "destination", destination.destination, {"status": destination.status})
        for training in decision.trainings:
            self._add(decision, "training", training.training_id, _training_changes(decision.kind, training))
        for person in decision.people:
            self._add(decision, "person", person.person_id, {"held": person.held})

    def _add(self, decision: Decision, thing: str, key: str, changed: dict[str, object]) -> None:
        rows = self.rows
        rows.begin_row()
        rows.int8(decision.seq)
        rows.optional_timestamptz(decision.occurred_at)
        rows.optional_timestamptz(decision.entered_at)
        rows.optional_timestamptz(decision.recorded_at)
        rows.text(thing)
        rows.text(key)
        rows.jsonb(json.dumps(changed, ensure_ascii=False).encode())


def _permit_changes(kind: str | None, permit: Permit) -> dict[str, object]:
    """Give what an action of that kind changes on a permit; units are in the postings."""
    if kind == "permit_extended":
        return {"valid_to": format_date(permit.valid_to)}
    if kind in {"permit_revoked", "permit_reinstated"}:
        return {"revoked": permit.revoked}
    if kind in {"quota_raised", "quota_lowered"}:
        return {}
    return {
        "agency_id": permit.agency_id,
        "destination": permit.destination,
        "valid_from": format_date(permit.valid_from),
        "valid_to": format_date(permit.valid_to),
        "revoked": permit.revoked,
        "lines": [{"line": one.line, "position": one.position, "sex": one.sex} for one in permit.lines],
    }


def _training_changes(kind: str | None, training: Training) -> dict[str, object]:
    if kind == "training_completed":
        return {"status": training.status}
    return {
        "person_id": training.person_id,
        "provider_id": training.provider_id,
        "provider_type": training.provider_type,
        "status": training.status,
    }
