"""Each registration as it stands: the last state per registration. Table: migrations/0002_registrations.sql.

A decision carries the whole registration, and each stage the seq that decided it; so a registration whose
`registered` stage was decided inside the batch cannot be in the table yet. Those rows go straight in; only
the others are staged, and update what stands there. Neither has to ask the table whether a key exists.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from projections.decisions import DecisionRows
from schemas.codec import Cursor, read_registration
from schemas.records import Registration, Stage

_LATER_STAGES: Final = (
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
)
_CHANGING: Final = (
    "seq",
    *[f"{stage}_at" for stage in _LATER_STAGES],
    *[f"{stage}_seq" for stage in _LATER_STAGES],
    "unit_line",
    *[f"{stage}_offset_minutes" for stage in _LATER_STAGES],
    "departed_late",
    "registration_id",
    "person_id",
    "agency_id",
    "status",
    "stage",
    "unit_permit_id",
    "unit_state",
    "reregistered_as",
)
# What only the registering decision says, and nothing changes afterwards.
LASTING: Final = (
    "registered_at",
    "registered_seq",
    "registered_offset_minutes",
    "system",
    "scheme",
    "destination",
    "position",
    "sex",
    "reregistered_from",
    "registered_by_office_type",
    "registered_by_office_code",
)
NEW_COLUMNS: Final = ", ".join(_CHANGING + LASTING)
CHANGED_COLUMNS: Final = ", ".join(_CHANGING)

MERGE: Final = (
    "UPDATE neraca.registrations t SET "
    + ", ".join([f"{column} = s.{column}" for column in _CHANGING if column != "registration_id"])
    + " FROM staged_registrations s WHERE t.registration_id = s.registration_id"
)


@final
class ChangedRegistration:
    """Where the last state of a registration stands, and what only its first decision says.

    The state itself is not kept: of a hundred thousand small objects that outlive the next decision, making
    the memory ready costs more than decoding once more the one that counts in the end.
    """

    def __init__(self, is_new: bool, office_type: bytes | None, office_code: bytes | None) -> None:  # noqa: FBT001 - told by the seq alone
        self.is_new: Final[bool] = is_new
        self.office_type: Final[bytes | None] = office_type
        self.office_code: Final[bytes | None] = office_code
        self.seq: i64 = 0
        self.is_late: bool = False
        self.value: bytes = b""
        self.at: i64 = 0


@final
class RegistrationRows:
    """The registrations that a batch of decisions changed, as they stand after it."""

    def __init__(self, first_seq: i64) -> None:
        self.first_seq: Final[i64] = first_seq
        self.changed: Final[dict[str, ChangedRegistration]] = {}
        self.pending: list[ChangedRegistration] = []
        self.written: i64 = 0
        # One list for all rows: the stages after the first, in the order of the columns.
        self.stages: Final[list[Stage | None]] = [None] * len(_LATER_STAGES)
        self.new: Final[CopyRows] = CopyRows(len(_CHANGING) + len(LASTING))
        self.updated: Final[CopyRows] = CopyRows(len(_CHANGING))

    def add(self, c: Cursor, decision: DecisionRows) -> None:
        """Keep where the registration that the cursor stands before is to be found, and go past it.

        `decision` has just written the row of the decision that it stands in.
        """
        at: i64 = c.at
        registration = read_registration(c)
        known = self.changed.get(registration.registration_id)
        if known is None:
            if registration.registered.seq >= self.first_seq:
                known = ChangedRegistration(True, decision.office_type, decision.office_code)  # noqa: FBT003
            else:
                known = ChangedRegistration(False, None, None)  # noqa: FBT003
            self.changed[registration.registration_id] = known
        known.seq = decision.seq
        known.is_late = decision.is_late
        known.value = c.data
        known.at = at

    def write_some(self, count: i64) -> bool:
        """Write the next rows; False when all are written."""
        if self.written == 0:
            self.pending = list(self.changed.values())
        end: i64 = min(self.written + count, len(self.pending))
        while self.written < end:
            changed = self.pending[self.written]
            self.written += 1
            cursor = Cursor(changed.value)
            cursor.at = changed.at
            registration = read_registration(cursor)
            if changed.is_new:
                self._write_changing(self.new, changed, registration)
                self._write_lasting(self.new, changed, registration)
            else:
                self._write_changing(self.updated, changed, registration)
        return self.written < len(self.pending)

    def _write_changing(  # noqa: PLR0912 - one after the other, as the columns stand
        self, rows: CopyRows, changed: ChangedRegistration, r: Registration
    ) -> None:
        stages = self.stages
        stages[0] = r.documents_verified
        stages[1] = r.candidate_id_issued
        stages[2] = r.agreement_signed
        stages[3] = r.documents_fulfilled
        stages[4] = r.orientation_completed
        stages[5] = r.biometrics_registered
        stages[6] = r.departed
        unit = r.unit
        last = "registered"
        last_seq: i64 = r.registered.seq
        rows.begin_row()
        rows.int8(changed.seq)
        for stage in stages:
            if stage is None:
                rows.null()
            else:
                rows.timestamptz(stage.at)
        for place, stage in enumerate(stages):
            if stage is None:
                rows.null()
            else:
                rows.int8(stage.seq)
                if stage.seq > last_seq:
                    last_seq = stage.seq
                    last = _LATER_STAGES[place]
        if unit is None:
            rows.null()
        else:
            rows.int4(unit.line)
        for stage in stages:
            if stage is None:
                rows.null()
            else:
                rows.int2(stage.offset_minutes)
        rows.boolean(changed.is_late and r.status == "departed")
        rows.text(r.registration_id)
        rows.text(r.person_id)
        rows.optional_text(r.agency_id)
        rows.text(r.status)
        rows.text(last)
        if unit is None:
            rows.null()
            rows.null()
        else:
            rows.text(unit.permit_id)
            rows.text(unit.state)
        rows.optional_text(r.reregistered_as)

    def _write_lasting(self, rows: CopyRows, changed: ChangedRegistration, r: Registration) -> None:
        rows.timestamptz(r.registered.at)
        rows.int8(r.registered.seq)
        rows.int2(r.registered.offset_minutes)
        rows.text(r.system)
        rows.text(r.scheme)
        rows.text(r.destination)
        rows.text(r.position)
        rows.text(r.sex)
        rows.optional_text(r.reregistered_from)
        rows.optional_binary(changed.office_type)
        rows.optional_binary(changed.office_code)
