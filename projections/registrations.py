"""Each registration as it stands: the last state per registration. Table: migrations/0002_registrations.sql.

A decision carries the whole registration, and each stage the seq that decided it; so a registration whose
`registered` stage was decided inside the batch cannot be in the table yet. Those rows go straight in; only
the others are staged, and update what stands there. Neither has to ask the table whether a key exists.

Rows are written from the Avro bytes as they stand, field by field in the contract's order; the columns of the
COPY stand in the same order, so that nothing is looked at that is only copied.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from projections.decisions import DecisionRows
from schemas.binary import Cursor, MalformedRecordError

_LATER_STAGES: Final = (
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
)
_REGISTERED: Final = b"registered"
_STAGE_NAMES: Final[list[bytes]] = [stage.encode() for stage in _LATER_STAGES]
_LATER_STAGES_COUNT: Final = len(_LATER_STAGES)
_DEPARTED: Final = b"departed"

# What only the registering decision says, and nothing changes afterwards.
LASTING: Final = (
    "system",
    "scheme",
    "destination",
    "position",
    "sex",
    "reregistered_from",
    "registered_at",
    "registered_offset_minutes",
    "registered_seq",
    "registered_by_office_type",
    "registered_by_office_code",
)
_NEW: Final = (
    "seq",
    "registration_id",
    "person_id",
    "system",
    "scheme",
    "agency_id",
    "destination",
    "position",
    "sex",
    "status",
    "reregistered_as",
    "reregistered_from",
    "unit_permit_id",
    "unit_line",
    "unit_state",
    "registered_at",
    "registered_offset_minutes",
    "registered_seq",
    *[f"{stage}_{part}" for stage in _LATER_STAGES for part in ("at", "offset_minutes", "seq")],
    "departed_late",
    "stage",
    "registered_by_office_type",
    "registered_by_office_code",
)
_CHANGING: Final = tuple([column for column in _NEW if column not in LASTING])
NEW_COLUMNS: Final = ", ".join(_NEW)
CHANGED_COLUMNS: Final = ", ".join(_CHANGING)

# Nothing undoes a departure. A ruling may follow it, which says whose it is and not that it came late.
MERGE: Final = (
    "UPDATE neraca.registrations t SET departed_late = t.departed_late OR s.departed_late, "
    + ", ".join(
        [
            f"{column} = s.{column}"
            for column in _CHANGING
            if column not in {"registration_id", "departed_late"}
        ]
    )
    + " FROM staged_registrations s WHERE t.registration_id = s.registration_id"
)


@final
class ChangedRegistration:
    """The Avro bytes of the last state of a registration, and what only its first decision says.

    No object is made of the state: most are followed by another one, and of a hundred thousand small objects
    that outlive the next decision, making the memory ready costs more than the rest.
    """

    def __init__(self, is_new: bool, office_type: bytes | None, office_code: bytes | None) -> None:  # noqa: FBT001 - told by the seq alone
        self.is_new: Final[bool] = is_new
        self.office_type: Final[bytes | None] = office_type
        self.office_code: Final[bytes | None] = office_code
        self.seq: i64 = 0
        self.is_late: bool = False
        self.value: bytes = b""


@final
class RegistrationRows:
    """The registrations that a batch of decisions changed, as they stand after it."""

    def __init__(self, first_seq: i64) -> None:
        self.first_seq: Final[i64] = first_seq
        self.changed: Final[dict[str, ChangedRegistration]] = {}
        self.pending: list[ChangedRegistration] = []
        self.written: i64 = 0
        self.new: Final[CopyRows] = CopyRows(len(_NEW))
        self.updated: Final[CopyRows] = CopyRows(len(_CHANGING))

    def add(self, c: Cursor, decision: DecisionRows) -> None:
        """Keep the registration that the cursor stands before, and go past it.

        `decision` has just written the row of the decision that it stands in.
        """
        start: i64 = c.at
        registration_id = c.string()
        registered_seq: i64 = _go_past(c)
        known = self.changed.get(registration_id)
        if known is None:
            if registered_seq >= self.first_seq:
                known = ChangedRegistration(True, decision.office_type, decision.office_code)  # noqa: FBT003
            else:
                known = ChangedRegistration(False, None, None)  # noqa: FBT003
            self.changed[registration_id] = known
        known.seq = decision.seq
        known.is_late = known.is_late or decision.is_late
        # A piece of its own: the decision around it is three times as large.
        known.value = c.data[start : c.at]

    def write_some(self, count: i64) -> bool:
        """Write the next rows; False when all are written."""
        if self.written == 0:
            self.pending = list(self.changed.values())
        end: i64 = min(self.written + count, len(self.pending))
        while self.written < end:
            self.write(self.pending[self.written])
            self.written += 1
        return self.written < len(self.pending)

    def write(self, changed: ChangedRegistration) -> None:
        """Write the row of one registration: all of it where it is new, else what changes."""
        is_new = changed.is_new
        rows = self.new if is_new else self.updated
        c = Cursor(changed.value)
        rows.begin_row()
        rows.int8(changed.seq)
        rows.binary(c.raw(c.long()))  # registration_id
        rows.binary(c.raw(c.long()))  # person_id
        _lasting_text(rows, c, is_new)  # system
        _lasting_text(rows, c, is_new)  # scheme
        _text_or_null(rows, c)  # agency_id
        _lasting_text(rows, c, is_new)  # destination
        _lasting_text(rows, c, is_new)  # position
        _lasting_text(rows, c, is_new)  # sex
        status = c.raw(c.long())
        rows.binary(status)
        _text_or_null(rows, c)  # reregistered_as
        if is_new:
            _text_or_null(rows, c)  # reregistered_from
        elif c.present():
            _skip_text(c)
        if c.present():
            rows.binary(c.raw(c.long()))  # unit_permit_id
            rows.int4(c.long())  # unit_line
            rows.binary(c.raw(c.long()))  # unit_state
        else:
            rows.null()
            rows.null()
            rows.null()
        stage = self._stages(rows, c, is_new)
        rows.boolean(changed.is_late and status == _DEPARTED)
        rows.binary(stage)
        if is_new:
            rows.optional_binary(changed.office_type)
            rows.optional_binary(changed.office_code)

    def _stages(self, rows: CopyRows, c: Cursor, is_new: bool) -> bytes:  # noqa: FBT001 - as the row is
        """Write the stages; gives the name of the one decided last."""
        at: i64 = c.long()
        offset_minutes: i64 = c.long()
        seq: i64 = c.long()
        if is_new:
            rows.timestamptz(at)
            rows.int2(offset_minutes)
            rows.int8(seq)
        last = _REGISTERED
        last_seq: i64 = seq
        for name in _STAGE_NAMES:
            if c.present():
                rows.timestamptz(c.long())
                rows.int2(c.long())
                seq = c.long()
                rows.int8(seq)
                if seq > last_seq:
                    last_seq = seq
                    last = name
            else:
                rows.null()
                rows.null()
                rows.null()
        return last


def _go_past(c: Cursor) -> i64:
    """Go past what follows the id of a registration; answers the seq that registered it."""
    _skip_text(c)  # person_id
    _skip_text(c)  # system
    _skip_text(c)  # scheme
    if c.present():
        _skip_text(c)  # agency_id
    _skip_text(c)  # destination
    _skip_text(c)  # position
    _skip_text(c)  # sex
    _skip_text(c)  # status
    if c.present():
        _skip_text(c)  # reregistered_as
    if c.present():
        _skip_text(c)  # reregistered_from
    if c.present():
        _skip_text(c)  # the unit: permit, line, state
        c.long()
        _skip_text(c)
    c.long()
    c.long()
    registered_seq: i64 = c.long()
    for _ in range(_LATER_STAGES_COUNT):
        if c.present():
            c.long()
            c.long()
            c.long()
    return registered_seq


def _skip_text(c: Cursor) -> None:
    size: i64 = c.long()
    end: i64 = c.at + size
    if size < 0 or end > c.size:
        raise MalformedRecordError(f"{size} bytes are announced before byte {c.at} of {c.size}")
    c.at = end


def _lasting_text(rows: CopyRows, c: Cursor, is_new: bool) -> None:  # noqa: FBT001 - as the row is
    if is_new:
        rows.binary(c.raw(c.long()))
    else:
        _skip_text(c)


def _text_or_null(rows: CopyRows, c: Cursor) -> None:
    if c.present():
        # Avro and COPY write a text alike, but for its length; PostgreSQL checks that it is UTF-8.
        rows.binary(c.raw(c.long()))
    else:
        rows.null()
