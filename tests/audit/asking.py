"""Asks what-ifs of small histories: as lines without a journal, and as a ledger that has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from audit.source import Extent, RecordedAction
from audit.what_if.changes import Changes
from audit.what_if.comparison import Asked, compare
from audit.what_if.differences import Difference
from audit.what_if.records import records_of_lines, records_of_source
from audit.what_if.running import Run
from ledger.engine import Engine
from schemas.action_json import read_action_line
from schemas.errors import ShapeError
from schemas.framing import ActionRecord, frame
from schemas.ids import built_in_ids
from schemas.policy_json import parse_policy
from schemas.strict_json import compact

Json = dict[str, Any]
IDS = built_in_ids()
OFFSETS_APART = 3
RECORDED_AT_MS = 1_700_000_000_000


def numbered(actions: Sequence[Json | None]) -> list[Json | None]:
    """Give each action an id of its place, unless it has one."""
    return [
        None if action is None else {"action_id": str(UUID(int=place)), **action}
        for place, action in enumerate(actions)
    ]


def lines(actions: Sequence[Json | None]) -> list[bytes]:
    """Give actions as lines of JSON; None is a line that is no action."""
    return [b"no action" if action is None else compact(action).encode() for action in numbered(actions)]


class Journal:
    """A whole ledger in memory: records as on a topic with holes, and the decisions that an engine made."""

    def __init__(self, actions: Sequence[Json | None]) -> None:
        self.name = "a journal in memory"
        self._actions: list[RecordedAction] = []
        self._decisions: list[bytes] = []
        engine = Engine.start()
        for place, line in enumerate(lines(actions)):
            offset, recorded_at_ms = place * OFFSETS_APART, RECORDED_AT_MS + place
            try:
                record = read_action_line(line)
            except ShapeError:
                value = line
                engine.decide_unreadable(value, offset, recorded_at_ms * 1000, 0)
            else:
                value = frame(IDS.action_id, record.avro)
                engine.decide(record.action, record.avro, record.digest, offset, recorded_at_ms * 1000, 0)
            self._actions.append(RecordedAction(offset, recorded_at_ms, value))
            self._decisions.append(engine.last_bytes)

    def extent(self) -> Extent:
        """How much there is."""
        return Extent(len(self._decisions), len(self._actions))

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions, in small batches."""
        for start in range(0, len(self._decisions), 7):
            yield self._decisions[start : start + 7]

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The records, in batches of another size."""
        for start in range(0, len(self._actions), 5):
            yield self._actions[start : start + 5]


def changes(*assignments: str, policy: Json | None = None) -> Changes:
    """Give what `--set` and `--policy` ask for."""
    made = Changes()
    if policy is not None:
        made.policy = parse_policy(compact(policy))
    for assignment in assignments:
        made.set(assignment)
    return made


def insert(wanted: Changes, action: Json, before_seq: int) -> None:
    """Ask for an action before that record."""
    there = wanted.given.before_seq.setdefault(before_seq, [])
    action_id = UUID(int=10**9 + 100 * before_seq + len(there))
    there.append(read_action_line(compact({"action_id": str(action_id), **action})))


def ask(
    actions: Sequence[Json | None],
    wanted: Changes,
    *,
    side: str = "decided",
    seq: int | None = None,
    registration: str | None = None,
) -> Run:
    """Compare the ledger of these actions, with a `journal` or `decided`, with the one that would be."""
    has_journal = side == "journal"
    asked = Asked(wanted, has_journal=has_journal, explained_seq=seq, explained_registration=registration)
    if has_journal:
        return compare(asked, records_of_source(Journal(actions), IDS))
    rows = list(enumerate(lines(actions), 1))
    return compare(asked, records_of_lines(rows[start : start + 6] for start in range(0, len(rows), 6)))


def turned(run: Run) -> list[tuple[int, str, str]]:
    """Give what turned into what, by seq."""
    return [(int(each.seq), each.before, each.effects or each.after) for each in run.differences]


def causes(difference: Difference) -> set[str]:
    """Give the things that explain a difference."""
    return {f"{link.divergence.kind} {link.divergence.key}".strip() for link in difference.causes}


def replaced(action: Json, place: int) -> dict[bytes, ActionRecord]:
    """Give what is to stand in the place of the action that `numbered` called by that place."""
    record = read_action_line(compact({"action_id": str(UUID(int=place)), **action}))
    return {record.action.action_id: record}
