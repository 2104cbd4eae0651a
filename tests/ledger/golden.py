"""Journals that released versions wrote, kept for ever: every later version decides them to the same bytes.

One file a version: `journals/vN.jsonl.xz`, made by that version's own program, each row an action in its two
forms (a line of `neraca decide`, a record of the topic in its frame) and what the version decided. To keep
the journals of a version, at its release: `python -m tests.ledger.golden N`.
"""

from __future__ import annotations

import base64
import json
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ledger.engine import Engine
from producers.workload import Profile, actions
from schemas.action_json import read_action_line
from schemas.codec import decode_decision
from schemas.decision_json import decision_json
from schemas.errors import ShapeError
from schemas.framing import frame_action
from schemas.ids import built_in_ids
from schemas.strict_json import compact
from tests.ledger.play import play

FOLDER = Path(__file__).parent / "journals"
CASES = Path(__file__).parents[3] / "shared" / "cases"
SEEDS = range(1000, 1300)
# How much that nobody showed before a history has to show to be kept: kinds with their outcomes and codes.
NEW_MIN = 6
CANDIDATES = 25
NOT_JSON = '{"action_id": "cut off'


class Kept(NamedTuple):
    """One action of a journal and what became of it.

    Attributes:
        ledger: Which of the journals of the file.
        line: The action as a line of JSON, or what is none.
        record: The same as the value of a record of the topic; a broken line stands there as it is.
        decision: The decision as `neraca decide` wrote it.
        sha256: The hash of its Avro bytes, in hexadecimal.

    """

    ledger: str
    line: str
    record: bytes
    decision: str
    sha256: str


def kept(file: Path) -> Iterator[Kept]:
    """Give the journals of a file, row by row."""
    with lzma.open(file, "rt", encoding="utf-8") as rows:
        for row in rows:
            read = json.loads(row)
            yield Kept(**{**read, "record": base64.b64decode(read["record"])})


def decided(ledger: str, lines: list[str]) -> Iterator[Kept]:
    """Decide lines as `neraca decide` does."""
    engine = Engine.start()
    ids = built_in_ids()
    for offset, line in enumerate(lines):
        raw = line.encode("utf-8")
        try:
            read = read_action_line(raw)
        except ShapeError:
            record = raw
            decision = engine.decide_unreadable(raw, offset, None, 0)
        else:
            record = frame_action(read, ids)
            action = read.action
            decision = engine.decide(
                action, read.avro, read.digest, offset, action.entered_at, action.entered_offset_minutes
            )
        yield Kept(ledger, line, record, decision_json(decision), engine.last_sha256.hex())


def ledgers() -> Iterator[tuple[str, list[str]]]:
    """Give the histories that are kept: the cases, random ones that collide, a small workload."""
    for file in sorted(CASES.glob("*.json")):
        yield file.stem, [compact(action) for action in json.loads(file.read_text("utf-8"))["actions"]]
    shown: set[tuple[str | None, str, str | None]] = set()
    for seed in SEEDS:
        story = play(seed)
        decisions = [decode_decision(avro) for avro in story.journal]
        new = {(each.kind, each.outcome, each.code) for each in decisions} - shown
        if len(new) >= NEW_MIN or any(outcome == "ACCEPTED" for _, outcome, _ in new):
            shown |= new
            lines = [NOT_JSON if action is None else compact(action) for action in story.told]
            yield f"history {seed}", lines
    yield "workload", list(actions(1, CANDIDATES, Profile(nonsense=0.02)))


def write(file: Path) -> int:
    """Write what this version decides; give the number of rows."""
    rows = [one for name, lines in ledgers() for one in decided(name, lines)]
    with lzma.open(file, "wb", preset=9) as packed:
        for one in rows:
            packed.write(
                (compact({**one._asdict(), "record": base64.b64encode(one.record).decode()}) + "\n").encode()
            )
    return len(rows)


if __name__ == "__main__":
    print(write(FOLDER / f"v{int(sys.argv[1])}.jsonl.xz"))  # noqa: T201 - what it is run for
