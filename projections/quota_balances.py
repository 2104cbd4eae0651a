"""The accounts of each permit line: the last posting per line. Table: migrations/0003_quota.sql."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from projections.postings import PostingRows

COLUMNS: Final = "seq, granted, available, reserved, departed, forfeited, line, permit_id"
_COLUMN_COUNT: Final = 8

# Lines are few and change often: almost every row of a batch is there already.
MERGE: Final = """
INSERT INTO neraca.quota_balances (seq, granted, available, reserved, departed, forfeited, line, permit_id)
SELECT seq, granted, available, reserved, departed, forfeited, line, permit_id FROM staged_quota_balances
ON CONFLICT (permit_id, line) DO UPDATE SET
    seq = EXCLUDED.seq, granted = EXCLUDED.granted, available = EXCLUDED.available,
    reserved = EXCLUDED.reserved, departed = EXCLUDED.departed, forfeited = EXCLUDED.forfeited
"""


@final
class _Line:
    """A line as the last posting left it."""

    def __init__(self, line: i64) -> None:
        self.line: Final[i64] = line
        self.seq: i64 = 0
        self.granted: i64 = 0
        self.available: i64 = 0
        self.reserved: i64 = 0
        self.departed: i64 = 0
        self.forfeited: i64 = 0


@final
class QuotaBalanceRows:
    """The lines that a batch of decisions changed, as they stand after it."""

    def __init__(self) -> None:
        # By permit, as UTF-8, then by line: no key has to be put together for each posting.
        self.lines: Final[dict[bytes, list[_Line]]] = {}

    def add(self, seq: i64, posting: PostingRows) -> None:
        """Keep the last posting on each line; `posting` has just written it."""
        lines = self.lines.get(posting.permit_id)
        if lines is None:
            lines = []
            self.lines[posting.permit_id] = lines
        for line in lines:
            if line.line == posting.line:
                break
        else:
            line = _Line(posting.line)
            lines.append(line)
        line.seq = seq
        line.granted = posting.granted
        line.available = posting.available
        line.reserved = posting.reserved
        line.departed = posting.departed
        line.forfeited = posting.forfeited

    def finish(self) -> CopyRows:
        """Write one row per line."""
        rows = CopyRows(_COLUMN_COUNT)
        for permit_id, lines in self.lines.items():
            for line in lines:
                rows.begin_row()
                rows.int8(line.seq)
                rows.int8(line.granted)
                rows.int8(line.available)
                rows.int8(line.reserved)
                rows.int8(line.departed)
                rows.int8(line.forfeited)
                rows.int4(line.line)
                rows.binary(permit_id)
        return rows
