"""Journals of every released version are decided as that version decided them, byte for byte, for ever."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from ledger.engine import Engine
from ledger.invariants import Books
from schemas.codec import encode_decision
from schemas.compatibility import released_versions
from schemas.decision_json import decision_json
from schemas.decision_reader import parse_decision
from schemas.errors import UnreadableRecord
from schemas.framing import decode_action_value
from schemas.ids import built_in_ids
from schemas.kinds import KINDS
from tests.ledger.golden import FOLDER, Kept, decided, kept

FILES = [FOLDER / f"v{version}.jsonl.xz" for version in released_versions()]
EVERY_VERSION = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))


def ledgers(file: Path) -> list[tuple[str, list[Kept]]]:
    """The journals of a file, each with its name."""
    return [(name, list(rows)) for name, rows in groupby(kept(file), key=lambda row: row.ledger)]


def test_each_version_has_its_journals() -> None:
    """No version is released without journals that hold the later ones to it, and none is forgotten."""
    assert sorted(FILES) == sorted(FOLDER.iterdir())


@EVERY_VERSION
def test_lines_are_decided_as_they_were(file: Path) -> None:
    """`neraca decide` writes the same lines, hashes and all."""
    for name, rows in ledgers(file):
        again = list(decided(name, [row.line for row in rows]))
        assert [row.decision for row in rows] == [row.decision for row in again]
        assert [row.sha256 for row in rows] == [row.sha256 for row in again]


@EVERY_VERSION
def test_records_are_decided_as_they_were(file: Path) -> None:
    """Records in the frame of the version that wrote them give the same bytes, and the books balance."""
    ids = built_in_ids()
    for _, rows in ledgers(file):
        engine, books = Engine.start(), Books()
        for offset, row in enumerate(rows):
            try:
                read = decode_action_value(row.record, ids)
            except UnreadableRecord:
                decision = engine.decide_unreadable(row.record, offset, None, 0)
            else:
                action = read.action
                at = (action.entered_at, action.entered_offset_minutes)
                decision = engine.decide(action, read.avro, read.digest, offset, *at)
            books.check(decision)
            assert row.sha256 == engine.last_sha256.hex()
            assert row.decision == decision_json(decision)


@EVERY_VERSION
def test_journals_are_followed_as_they_stand(file: Path) -> None:
    """Decisions kept as JSON are the chained bytes: a reader of today follows each journal to its end."""
    for _, rows in ledgers(file):
        engine = Engine.start()
        for row in rows:
            engine.follow(encode_decision(parse_decision(row.decision)))
            assert row.sha256 == engine.last_sha256.hex()


def test_journals_hold_what_a_version_can_do() -> None:
    """The newest journals hold every kind of action and every outcome: else they would show little."""
    decisions = [parse_decision(row.decision) for row in kept(FILES[-1])]
    assert {"ACCEPTED", "REFUSED", "DUPLICATE", "UNREADABLE"} == {each.outcome for each in decisions}
    assert set(KINDS) == {each.kind for each in decisions if each.outcome == "ACCEPTED"}
