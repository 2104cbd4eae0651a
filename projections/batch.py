"""A run of decisions, decoded and reduced to the rows that every read model needs.

Append-only tables get a row per decision or posting, the others the last state per key: a batch of 50,000
decisions changes a line of a busy permit a thousand times, and the table sees it once. A rebuild gives away
the rows that are only added as they come, and keeps the last states for as long as memory allows. Must not
talk to a database: `tables.py` loads what this makes.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from projections import (
    agencies,
    complaints,
    decisions,
    destinations,
    people_on_hold,
    permits,
    policies,
    postings,
    quota_balances,
    reference_history,
    registrations,
    trainings,
)
from projections.agencies import AgencyRows
from projections.binary_copy import CopyRows
from projections.complaints import ComplaintRows
from projections.decisions import DecisionRows
from projections.destinations import DestinationRows
from projections.people_on_hold import PeopleOnHoldRows
from projections.permits import PermitRows
from projections.policies import PolicyRows
from projections.postings import PostingRows
from projections.quota_balances import QuotaBalanceRows
from projections.reference_history import ReferenceHistoryRows
from projections.registrations import RegistrationRows
from projections.trainings import TrainingRows
from schemas.binary import Cursor, MalformedRecordError
from schemas.codec import decode_decision
from schemas.errors import JournalMismatch
from schemas.hashing import sha256
from schemas.records import Decision

# A decision that changes no permit, agency, destination, person, training, complaint or policy ends with
# seven empty lists.
_NOTHING_ELSE: Final = bytes(7)


@final
class TableLoad:
    """Rows for one table: a COPY into it, or into `staged_<table>` and a statement that merges them."""

    def __init__(self, table: str, columns: str, rows: CopyRows, merge: str | None) -> None:
        self.table: Final[str] = table
        self.rows: Final[int] = rows.rows
        target = f"neraca.{table}" if merge is None else f"staged_{table}"
        self.copy: Final[str] = f"COPY {target} ({columns}) FROM STDIN (FORMAT binary)"
        self.data: Final[bytes] = rows.finish()
        self.merge: Final[str | None] = merge

    def __repr__(self) -> str:
        """Show table and size."""
        how = "added" if self.merge is None else "merged"
        return f"TableLoad({self.table}, {self.rows} rows {how}, {len(self.data)} bytes)"


def unreadable(seq: int, error: MalformedRecordError) -> JournalMismatch:
    """Give the error to raise where the journal's decision of that `seq` is none that this program reads."""
    return JournalMismatch(
        f"decision {seq} stands in the journal and cannot be read: {error}",
        seq=seq,
        advice="Run the version of neraca that wrote it, or a newer one.",
    )


@final
class Batch:
    """Decisions that follow one another, `seq` by `seq`, and the rows that they lead to."""

    def __init__(self, first_seq: i64) -> None:
        self.first_seq: Final[i64] = first_seq
        self.next_seq: i64 = first_seq
        self.last_value: bytes = b""
        self.entered_at_max: i64 = -1
        self.decisions: DecisionRows = DecisionRows()
        self.postings: PostingRows = PostingRows()
        self.policies: PolicyRows = PolicyRows()
        self.quota_balances: Final[QuotaBalanceRows] = QuotaBalanceRows()
        self.registrations: Final[RegistrationRows] = RegistrationRows(first_seq)
        self.permits: Final[PermitRows] = PermitRows()
        self.agencies: Final[AgencyRows] = AgencyRows()
        self.destinations: Final[DestinationRows] = DestinationRows()
        self.people_on_hold: Final[PeopleOnHoldRows] = PeopleOnHoldRows()
        self.reference_history: ReferenceHistoryRows = ReferenceHistoryRows()
        self.trainings: Final[TrainingRows] = TrainingRows()
        self.complaints: Final[ComplaintRows] = ComplaintRows()

    def add_values(self, values: list[bytes]) -> None:
        """Take the next decisions, as the Avro bytes that the journal holds.

        Raises:
            MalformedRecordError: one of them is no decision; the batch is of no more use.
            ValueError: one of them does not carry the next `seq`.

        """
        for value in values:
            self._add(value)
            self.last_value = value

    def _add(self, value: bytes) -> None:
        head = self.decisions
        cursor = Cursor(value)
        head.add(cursor)
        if head.seq != self.next_seq:
            raise ValueError(f"decision {head.seq} offered where {self.next_seq} is next")
        self.next_seq += 1
        if not head.is_accepted:
            return
        entered_at = head.entered_at
        if entered_at is not None and entered_at > self.entered_at_max:
            self.entered_at_max = entered_at
        count: i64 = cursor.block()
        while count > 0:
            for _ in range(count):
                self.registrations.add(cursor, head)
            count = cursor.block()
        position: i64 = 0
        count = cursor.block()
        while count > 0:
            for _ in range(count):
                self.postings.add(cursor, head.seq, position, head.occurred_at)
                self.quota_balances.add(head.seq, self.postings)
                position += 1
            count = cursor.block()
        if value[cursor.at :] != _NOTHING_ELSE:
            self._add_what_changes_seldom(decode_decision(value))

    def _add_what_changes_seldom(self, decision: Decision) -> None:
        self.permits.add(decision)
        self.agencies.add(decision)
        self.destinations.add(decision)
        self.people_on_hold.add(decision)
        self.reference_history.add(decision)
        self.trainings.add(decision)
        self.complaints.add(decision)
        self.policies.add(decision)

    def last_sha256(self) -> bytes:
        """Give the hash of the last decision taken."""
        return sha256(self.last_value)

    def appended_bytes(self) -> i64:
        """Say how large the rows are that are only ever added."""
        return len(self.decisions.rows.out) + len(self.postings.rows.out)

    def appended(self) -> list[TableLoad]:
        """Give the rows that are only ever added; the batch goes on without them."""
        loads = [
            TableLoad("decisions", decisions.COLUMNS, self.decisions.rows, None),
            TableLoad("postings", postings.COLUMNS, self.postings.rows, None),
            TableLoad("reference_history", reference_history.COLUMNS, self.reference_history.rows, None),
            TableLoad("policies", policies.COLUMNS, self.policies.rows, None),
        ]
        self.decisions = DecisionRows()
        self.postings = PostingRows()
        self.reference_history = ReferenceHistoryRows()
        self.policies = PolicyRows()
        return [load for load in loads if load.rows > 0]

    def loads(self) -> list[TableLoad]:
        """Give what is to be loaded, in the order to load it; tables without rows are left out."""
        registered = self.registrations
        while registered.write_some(1024):
            pass
        loads = [
            TableLoad("registrations", registrations.NEW_COLUMNS, registered.new, None),
            TableLoad(
                "registrations", registrations.CHANGED_COLUMNS, registered.updated, registrations.MERGE
            ),
            TableLoad(
                "quota_balances", quota_balances.COLUMNS, self.quota_balances.finish(), quota_balances.MERGE
            ),
            TableLoad("permits", permits.COLUMNS, self.permits.finish(), permits.MERGE),
            TableLoad("permit_lines", permits.LINE_COLUMNS, self.permits.finish_lines(), permits.LINE_MERGE),
            TableLoad("agencies", agencies.COLUMNS, self.agencies.finish(), agencies.MERGE),
            TableLoad("destinations", destinations.COLUMNS, self.destinations.finish(), destinations.MERGE),
            TableLoad(
                "people_on_hold", people_on_hold.COLUMNS, self.people_on_hold.finish(), people_on_hold.MERGE
            ),
            TableLoad("trainings", trainings.COLUMNS, self.trainings.finish(), trainings.MERGE),
            TableLoad("complaints", complaints.COLUMNS, self.complaints.finish(), complaints.MERGE),
        ]
        return self.appended() + [load for load in loads if load.rows > 0]

    def __repr__(self) -> str:
        """Show which decisions it holds."""
        return f"Batch(first_seq={self.first_seq}, decisions={self.next_seq - self.first_seq})"
