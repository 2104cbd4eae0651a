"""The records of a ledger, each beside its decision, batch by batch: from a source or from lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.source import RecordedAction, Source
from audit.what_if.running import Incoming, read_beside
from schemas.action_json import read_action_line
from schemas.errors import JournalMismatch, ShapeError
from schemas.ids import SchemaIds


def records_of_source(source: Source, ids: SchemaIds) -> Iterator[list[Incoming]]:
    """Give the records on which a decision stands in the journal, each with it.

    What waits for its decision when the source was opened is no part of the ledger yet.

    Raises:
        JournalMismatch: there is a decision without a record.

    """
    batches = source.actions()
    waiting: list[RecordedAction] = []
    seq = 0
    for decisions in source.decisions():
        while len(waiting) < len(decisions):
            more = next(batches, None)
            if more is None:
                raise JournalMismatch(
                    f"decision {seq + len(waiting)} is on an action that {source.name} does not hold",
                    seq=seq + len(waiting),
                    advice="Run `neraca verify`: it says what is wrong with this ledger.",
                )
            waiting += more
        yield read_beside(waiting, decisions, ids)
        del waiting[: len(decisions)]
        seq += len(decisions)


def records_of_lines(pieces: Iterable[list[tuple[int, bytes]]]) -> Iterator[list[Incoming]]:
    """Give the records of lines as `neraca decide` reads them: one that is no action is unreadable."""
    offset = 0
    for piece in pieces:
        batch = []
        for _, line in piece:
            try:
                record = read_action_line(line)
            except ShapeError:
                batch.append(Incoming(None, line.rstrip(b"\r"), offset, None, None))
            else:
                batch.append(Incoming(record, b"", offset, record.action.entered_at, None))
            offset += 1
        yield batch
