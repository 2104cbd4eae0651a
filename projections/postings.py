"""Every movement of units: one row per posting. Table: migrations/0003_quota.sql.

Rows are only ever added, so they go straight into the table.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.binary import Cursor

# In the order of decision.avsc, behind what the decision says.
COLUMNS: Final = (
    "seq, position, occurred_at, permit_id, line, from_account, to_account, units, granted, available, "
    "reserved, departed, forfeited"
)
_COLUMN_COUNT: Final = 13


@final
class PostingRows:
    """The rows of a batch of decisions, and of the one written last what the balances need.

    Attributes:
        permit_id: UTF-8 of the permit.
        line: Its line.
        granted: Units after it; the four accounts likewise.

    """

    def __init__(self) -> None:
        self.rows: Final[CopyRows] = CopyRows(_COLUMN_COUNT)
        self.permit_id: bytes = b""
        self.line: i64 = 0
        self.granted: i64 = 0
        self.available: i64 = 0
        self.reserved: i64 = 0
        self.departed: i64 = 0
        self.forfeited: i64 = 0

    def add(self, c: Cursor, seq: i64, position: i64, occurred_at: int | None) -> None:
        """Write the row of the posting that the cursor stands before, at that position of a decision.

        Raises:
            MalformedRecordError: the bytes are no posting.

        """
        rows = self.rows
        rows.begin_row()
        rows.int8(seq)
        rows.int2(position)
        rows.optional_timestamptz(occurred_at)
        self.permit_id = c.raw(c.long())
        rows.binary(self.permit_id)
        self.line = c.long()
        rows.int4(self.line)
        rows.binary(c.raw(c.long()))  # from_account
        rows.binary(c.raw(c.long()))  # to_account
        rows.int8(c.long())  # units
        self.granted = c.long()
        rows.int8(self.granted)
        self.available = c.long()
        rows.int8(self.available)
        self.reserved = c.long()
        rows.int8(self.reserved)
        self.departed = c.long()
        rows.int8(self.departed)
        self.forfeited = c.long()
        rows.int8(self.forfeited)
