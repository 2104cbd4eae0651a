"""The accounts of each permit line: the last posting per line. Table: migrations/0003_quota.sql."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections.binary_copy import CopyRows
from schemas.records import Posting

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

    def __init__(self, seq: i64, posting: Posting) -> None:
        self.seq: i64 = seq
        self.posting: Posting = posting


@final
class QuotaBalanceRows:
    """The lines that a batch of decisions changed, as they stand after it."""

    def __init__(self) -> None:
        # By permit, then by line: no key has to be put together for each posting.
        self.lines: Final[dict[str, list[_Line]]] = {}

    def add(self, seq: i64, posting: Posting) -> None:
        """Keep the last posting on each line."""
        lines = self.lines.get(posting.permit_id)
        if lines is None:
            self.lines[posting.permit_id] = [_Line(seq, posting)]
            return
        for line in lines:
            if line.posting.line == posting.line:
                line.posting = posting
                line.seq = seq
                return
        lines.append(_Line(seq, posting))

    def finish(self) -> CopyRows:
        """Write one row per line."""
        rows = CopyRows(_COLUMN_COUNT)
        for lines in self.lines.values():
            for line in lines:
                posting = line.posting
                rows.begin_row()
                rows.int8(line.seq)
                rows.int8(posting.granted)
                rows.int8(posting.available)
                rows.int8(posting.reserved)
                rows.int8(posting.departed)
                rows.int8(posting.forfeited)
                rows.int4(posting.line)
                rows.text(posting.permit_id)
        return rows
