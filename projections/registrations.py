"""Each registration as it stands: the last state per registration. Table: migrations/0002_registrations.sql.

A decision carries the whole registration, and each stage the seq that decided it; so a registration whose
`registered` stage was decided inside the batch cannot be in the table yet. Those rows go straight in; only
the others are staged, and update what stands there. Neither has to ask the table whether a key exists.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.codec import decode_decision
from schemas.records import Decision, Registration, Stage

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
    "person_id",
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
    the memory ready costs more than decoding the one decision again that counts in the end.
    """

    def __init__(self, decision: Decision, is_new: bool) -> None:  # noqa: FBT001 - told by the seq alone
        self.is_new: Final[bool] = is_new
        self.office_type: Final[str | None] = decision.office_type if is_new else None
        self.office_code: Final[str | None] = decision.office_code if is_new else None
        self.value: bytes = b""
        self.place: i64 = 0


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

    def add(self, decision: Decision, value: bytes) -> None:
        """Keep where each registration stands last: at its place in the decision whose bytes are `value`."""
        for place, registration in enumerate(decision.registrations):
            known = self.changed.get(registration.registration_id)
            if known is None:
                known = ChangedRegistration(decision, registration.registered.seq >= self.first_seq)
                self.changed[registration.registration_id] = known
            known.value = value
            known.place = place

    def write_some(self, count: i64) -> bool:
        """Write the next rows; False when all are written."""
        if self.written == 0:
            self.pending = list(self.changed.values())
        end: i64 = min(self.written + count, len(self.pending))
        while self.written < end:
            changed = self.pending[self.written]
            self.written += 1
            decision = decode_decision(changed.value)
            registration = decision.registrations[changed.place]
            if changed.is_new:
                self._write_changing(self.new, decision, registration)
                self._write_lasting(self.new, changed, registration)
            else:
                self._write_changing(self.updated, decision, registration)
        return self.written < len(self.pending)

    def _write_changing(  # noqa: PLR0912 - one after the other, as the columns stand
        self, rows: CopyRows, decision: Decision, r: Registration
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
        rows.int8(decision.seq)
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
        rows.boolean(decision.late and r.status == "departed")
        rows.text(r.registration_id)
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
        rows.text(r.person_id)
        rows.text(r.system)
        rows.text(r.scheme)
        rows.text(r.destination)
        rows.text(r.position)
        rows.text(r.sex)
        rows.optional_text(r.reregistered_from)
        rows.optional_text(changed.office_type)
        rows.optional_text(changed.office_code)
