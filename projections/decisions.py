"""The audit trail: one row per decision, every scalar field of it. Table: migrations/0001_decisions.sql.

Rows are only ever added, so they go straight into the table. They are written from the Avro bytes as they
stand, field by field in the contract's order: most fields of most decisions are copied and never looked at,
and making objects of them first took three times as long.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.binary import Cursor

# In the order of decision.avsc, up to the lists.
COLUMNS: Final = (
    "seq, previous_sha256, action_offset, action_sha256, outcome, code, first_seq, policy, late, "
    "recorded_at, recorded_offset_minutes, action_id, kind, system, office_type, office_code, officer, "
    "occurred_at, occurred_offset_minutes, entered_at, entered_offset_minutes, registration_id, "
    "person_id, permit_id, content_digest"
)
_COLUMN_COUNT: Final = 25
_SHA256_BYTES: Final = 32
_UUID_BYTES: Final = 16
_DIGEST_BYTES: Final = 16


@final
class DecisionRows:
    """The rows of a batch of decisions, and of the one written last what other read models need.

    Attributes:
        seq: Its number.
        is_accepted: Whether it changed anything.
        is_late: Whether it is a late departure.
        occurred_at: When its action occurred.
        entered_at: When it was entered.
        office_type: UTF-8 of the type of the office that acted.
        office_code: UTF-8 of its code.

    """

    def __init__(self) -> None:
        self.rows: Final[CopyRows] = CopyRows(_COLUMN_COUNT)
        self.seq: i64 = -1
        self.is_accepted: bool = False
        self.is_late: bool = False
        self.occurred_at: int | None = None
        self.entered_at: int | None = None
        self.office_type: bytes | None = None
        self.office_code: bytes | None = None

    def add(self, c: Cursor) -> None:
        """Write the row of the decision that the cursor stands before, and leave it before the lists.

        Raises:
            MalformedRecordError: the bytes are no decision.

        """
        rows = self.rows
        rows.begin_row()
        self.seq = c.long()
        rows.int8(self.seq)
        rows.binary(c.raw(_SHA256_BYTES))  # previous_sha256
        rows.int8(c.long())  # action_offset
        rows.binary(c.raw(_SHA256_BYTES))  # action_sha256
        outcome = c.raw(c.long())
        rows.binary(outcome)
        self.is_accepted = outcome == b"ACCEPTED"
        self._text_or_null(c)  # code
        if c.present():  # first_seq
            rows.int8(c.long())
        else:
            rows.null()
        rows.binary(c.raw(c.long()))  # policy
        self.is_late = c.boolean()
        rows.boolean(self.is_late)
        self._instant_or_null(c)  # recorded_at
        rows.int2(c.long())  # recorded_offset_minutes
        if c.present():  # action_id
            rows.binary(c.raw(_UUID_BYTES))
        else:
            rows.null()
        self._text_or_null(c)  # kind
        self._text_or_null(c)  # system
        self.office_type = self._text_or_null(c)
        self.office_code = self._text_or_null(c)
        self._text_or_null(c)  # officer
        self.occurred_at = self._instant_or_null(c)
        self._minutes_or_null(c)  # occurred_offset_minutes
        self.entered_at = self._instant_or_null(c)
        self._minutes_or_null(c)  # entered_offset_minutes
        self._text_or_null(c)  # registration_id
        self._text_or_null(c)  # person_id
        self._text_or_null(c)  # permit_id
        if c.present():  # content_digest
            rows.binary(c.raw(_DIGEST_BYTES))
        else:
            rows.null()

    def _text_or_null(self, c: Cursor) -> bytes | None:
        if not c.present():
            self.rows.null()
            return None
        # Avro and COPY write a text alike, but for its length; PostgreSQL checks that it is UTF-8.
        text = c.raw(c.long())
        self.rows.binary(text)
        return text

    def _instant_or_null(self, c: Cursor) -> int | None:
        if not c.present():
            self.rows.null()
            return None
        at: i64 = c.long()
        self.rows.timestamptz(at)
        return at

    def _minutes_or_null(self, c: Cursor) -> None:
        if c.present():
            self.rows.int2(c.long())
        else:
            self.rows.null()
