"""A ledger that nobody touched is well, whatever happened; any byte of it that is another is found."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from audit.source import RecordedAction
from audit.verification import ALL_CHECKS, Report, Request, verify
from schemas.action_json import read_action_line
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.strict_json import compact
from tests.audit.tampering import Ledger, chained, ledger_of
from tests.ledger.play import play


def _history(seed: int) -> Ledger:
    """A random history, of colliding ids and moments on the edges of the rules, as a ledger."""
    schema_id = built_in_ids().action_id
    values = [
        b"no action" if action is None else frame(schema_id, read_action_line(compact(action).encode()).avro)
        for action in play(seed).told
    ]
    return ledger_of(values)


def _verified(ledger: Ledger) -> Report:
    with tempfile.TemporaryDirectory() as scratch:
        return verify(ledger, Request(built_in_ids(), Path(scratch), checks=ALL_CHECKS, processes=0))


@given(seed=st.integers(2000, 2999), dice=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None, derandomize=True, database=None)
def test_any_byte_of_any_decision_is_found(seed: int, dice: int) -> None:
    """A random history is well. With one byte of one decision changed it is not, and that decision is named.

    So it is where everything behind the change was numbered and chained anew, as long as it can be read.
    """
    ledger = _history(seed)
    assert {} == _verified(ledger).found
    rolls = random.Random(dice)
    place = rolls.randrange(len(ledger.journal))
    value = bytearray(ledger.journal[place])
    value[rolls.randrange(len(value))] ^= rolls.randrange(1, 256)
    journal = [*ledger.journal[:place], bytes(value), *ledger.journal[place + 1 :]]
    report = _verified(ledger.with_journal(journal))
    assert place == report.findings[0].place
    assert report.found["reexecution"] >= 1
    journal = journal[: place + 1] + chained(journal, place + 1)[place + 1 :]
    assert place == _verified(ledger.with_journal(journal)).findings[0].place


@given(seed=st.integers(2000, 2999), dice=st.integers(0, 2**32))
@settings(max_examples=8, deadline=None, derandomize=True, database=None)
def test_any_byte_of_any_action_is_found(seed: int, dice: int) -> None:
    """One byte of one action changed, and its decision is no longer what the rules give."""
    ledger = _history(seed)
    rolls = random.Random(dice)
    place = rolls.randrange(len(ledger.records))
    record = ledger.records[place]
    value = bytearray(record.value or b"")
    value[rolls.randrange(len(value))] ^= rolls.randrange(1, 256)
    records = list(ledger.records)
    records[place] = RecordedAction(record.offset, record.recorded_at_ms, bytes(value))
    report = _verified(Ledger(ledger.journal, records))
    assert report.found
    assert place == report.findings[0].place
