"""The records of a ledger, each beside its decision, batch by batch: from a source or from lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit.source import RecordedAction, Source
from audit.what_if.running import Incoming
from schemas.action_json import read_action_line
from schemas.errors import JournalMismatch, ShapeError, UnreadableRecord
from schemas.framing import ActionRecord, decode_action_value
from schemas.ids import SchemaIds


def records_of_source(source: Source, ids: SchemaIds) -> Iterator[list[Incoming]]:
    """Give the records on which a decision stands in the journal, each with it.

    What waits for its decision when the source was opened is no part of the ledger yet.

    Raises:
        JournalMismatch: there is a decision without a record.

    """
    actions = _one_by_one(source.actions())
    seq = 0
    for decisions in source.decisions():
        batch = []
        for decision in decisions:
            action = next(actions, None)
            if action is None:
                raise JournalMismatch(
                    f"decision {seq} is on an action that {source.name} does not hold",
                    seq=seq,
                    advice="Run `neraca verify`: it says what is wrong with this ledger.",
                )
            record, raw = _read(action.value, ids)
            recorded_at = action.recorded_at_ms * 1_000
            batch.append(Incoming(record, raw, action.offset, recorded_at, decision))
            seq += 1
        yield batch


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


def _one_by_one(batches: Iterator[list[RecordedAction]]) -> Iterator[RecordedAction]:
    for batch in batches:
        yield from batch


def _read(value: bytes | None, ids: SchemaIds) -> tuple[ActionRecord | None, bytes]:
    try:
        return decode_action_value(value, ids), b""
    except UnreadableRecord:
        return None, b"" if value is None else value
