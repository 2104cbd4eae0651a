"""Every movement of units: one row per posting. Table: migrations/0003_quota.sql.

Rows are only ever added, so they go straight into the table.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.records import Posting

COLUMNS: Final = (
    "seq, occurred_at, units, granted, available, reserved, departed, forfeited, position, line, "
    "permit_id, from_account, to_account"
)
_COLUMN_COUNT: Final = 13


@final
class PostingRows:
    """The rows of a batch of decisions."""

    def __init__(self) -> None:
        self.rows: Final[CopyRows] = CopyRows(_COLUMN_COUNT)

    def add(self, seq: i64, position: i64, occurred_at: int | None, posting: Posting) -> None:
        """Write the row of the posting at that position of a decision."""
        rows = self.rows
        rows.begin_row()
        rows.int8(seq)
        rows.optional_timestamptz(occurred_at)
        rows.int8(posting.units)
        rows.int8(posting.granted)
        rows.int8(posting.available)
        rows.int8(posting.reserved)
        rows.int8(posting.departed)
        rows.int8(posting.forfeited)
        rows.int2(position)
        rows.int4(posting.line)
        rows.text(posting.permit_id)
        rows.text(posting.from_account)
        rows.text(posting.to_account)
