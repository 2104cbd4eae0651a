"""A program of version 1 among programs of version 2: what it cannot read shows, and all else is alike."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from consumers.deciding import Deciding
from consumers.journal import Acceptance
from consumers.seen_actions import StoredSeenActions
from ledger.engine import Engine
from schemas.action_json import read_action_line
from schemas.codec import decode_decision
from schemas.framing import FRAME_BYTES, frame_action
from schemas.ids import BUILT_IN, SchemaIds, built_in_ids, built_in_versions
from schemas.strict_json import compact
from tests.ledger.story import agency, held, old, permit, reassigned, step

FIRST = SchemaIds(tuple(row for row in built_in_versions() if row.version == 1))
BEFORE = [agency(), permit(), old(), held(), step("cancelled", "R-9")]


class Message:
    """What the decider needs of a client's message."""

    def __init__(self, value: bytes, offset: int) -> None:
        self._value = value
        self._offset = offset

    def value(self) -> bytes:
        """The record."""
        return self._value

    def offset(self) -> int:
        """Where it stands."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """When the broker appended it."""
        return 1, 1_700_000_000_000


def decider(folder: Path, ids: SchemaIds) -> Deciding:
    """A ledger at its beginning, in a program that knows those ids."""
    seen = StoredSeenActions(folder)
    engine = Engine.start(seen=seen)
    acceptance = Acceptance(-1, engine.last_sha256)
    return Deciding(engine, seen, ids, acceptance, next_action_offset=0, last_offset=-1)


def test_an_older_program_differs_where_it_cannot_read(tmp_path: Path) -> None:
    """Alike to the byte up to the first new kind, which it calls unreadable: one of two is passed over."""
    lines = [
        compact({"action_id": f"018952d4-0c1a-7000-8000-{number:012}", **action})
        for number, action in enumerate([*BEFORE, reassigned(), step("documents_verified")])
    ]
    ids = built_in_ids()
    messages = [
        Message(frame_action(read_action_line(line), ids), offset) for offset, line in enumerate(lines)
    ]
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    first, second = decider(tmp_path / "first", FIRST), decider(tmp_path / "second", ids)
    by_first, by_second = first.decide(messages), second.decide(messages)
    same = len(BEFORE)
    assert by_second.values[:same] == by_first.values[:same]
    assert ["unreadable record: nobody knows schema id 4"] == [
        letter.reason for letter in by_first.dead_letters
    ]
    assert [] == by_second.dead_letters
    outcomes = [decode_decision(each.values[same][FRAME_BYTES:]).outcome for each in (by_first, by_second)]
    assert ["UNREADABLE", "ACCEPTED"] == outcomes
    # A reader takes what comes first at that seq; all that the other made from there on is passed over.
    reader = Acceptance(-1, bytes(32))
    both = [*by_second.values[: same + 1], *by_first.values[same:], *by_second.values[same + 1 :]]
    accepted = [value for value in both if reader.offer(value) is not None]
    assert by_second.values == accepted
    assert len(lines) - same == reader.passed_over


def test_a_decision_has_one_form_as_long_as_readers_drop_its_version() -> None:
    """Consumers, archive and audit hand `decode_decision` no version, which is right while there is but one.

    When this fails, a contract grew: carry the version of the frame through all of them first (decision 10).
    """
    rows = json.loads(files("schemas").joinpath(BUILT_IN).read_text(encoding="utf-8"))["schemas"]
    assert 1 == len([row for row in rows if row["name"] == "Decision"])
