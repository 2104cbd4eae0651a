"""The rules run again over recorded actions: the same journal, whichever way it is asked for."""

from pathlib import Path

from audit.reexecution import Reexecution
from audit.source import RecordedAction
from consumers.seen_actions import StoredSeenActions
from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.codec import decode_decision, encode_decision
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.policy_json import policy_of
from tests.ledger.oracle import DEFAULT_POLICY


def recorded(candidates: int = 40) -> list[RecordedAction]:
    """A small workload as the broker would keep it, two records that are none, a hole in the offsets."""
    schema_id = built_in_ids().action_id
    values: list[bytes | None] = [
        frame(schema_id, read_action_line(line).avro) for line in actions(1, candidates)
    ]
    values[50:50] = [None, b"no frame"]
    return [
        RecordedAction(number if number < 100 else number + 3, 1_700_000_000_000 + number, value)
        for number, value in enumerate(values)
    ]


def test_batches_do_not_matter(tmp_path: Path) -> None:
    """One batch or many, ids in memory or on disk, bytes or decisions: one journal."""
    records = recorded()
    ids = built_in_ids()
    whole = Reexecution(ids).run(records)
    stored = Reexecution(ids, seen=StoredSeenActions(tmp_path, fresh_ids_max=16))
    in_pieces = [value for at in range(0, len(records), 7) for value in stored.run(records[at : at + 7])]
    assert whole == in_pieces
    assert whole == [encode_decision(one) for one in Reexecution(ids).decisions(records)]
    decisions = [decode_decision(value) for value in whole]
    assert [one.offset for one in records] == [one.action_offset for one in decisions]
    assert ["UNREADABLE", "UNREADABLE"] == [one.outcome for one in decisions[50:52]]


def test_another_first_policy_judges() -> None:
    """A ledger that begins under another policy names it, and may decide otherwise."""
    records = recorded()
    policy = policy_of({**DEFAULT_POLICY, "version": "P-0", "closure": "2022-01-01T00:00:00+07:00"})
    decisions = Reexecution(built_in_ids(), policy).decisions(records)
    assert {"P-0"} == {one.policy for one in decisions}
    assert "SYSTEM_CLOSED" in {one.code for one in decisions}
