"""Registrations that move and people who are erased: docs/corrections.md, one row for each thing it says.

The order of the checks stands in `ladders.py`; here is what an accepted ruling does, and what every later
rule makes of a person whose registrations are no longer those that were registered under that id.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from consumers.snapshot import Snapshot, read_snapshot, write_snapshot
from schemas.action_json import parse_action
from schemas.codec import decode_decision
from schemas.errors import ShapeError
from schemas.strict_json import compact
from tests.ledger.dump import dump
from tests.ledger.play import check_journal, play
from tests.ledger.story import (
    Story,
    agency,
    erased,
    held,
    late_departure,
    let_go,
    new,
    old,
    permit,
    ready,
    reassigned,
    released,
    step,
    through,
)

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]

WORLD = [agency(), permit(units=3)]
# R-1 of SISKOTKLN, ready to depart, its unit held; the same re-registered as R-2.
WAITING = [*WORLD, old(), *ready()]
MOVED_ON = [*WAITING, new()]


@dataclass(frozen=True)
class Row:
    """Given these actions, when these, then the last of them ends so.

    Attributes:
        name: What the row shows.
        given: What went before, all of it accepted.
        when: The action.
        code: Of the refusal; null where it is accepted.
        postings: `from>to`, in order.
        stands: Registration to person, status and state of its unit.
        balance: Granted, available, reserved, departed, forfeited of the one line.

    """

    name: str
    given: list[Json]
    when: Json
    code: str | None = None
    postings: list[str] = field(default_factory=list)
    stands: dict[str, str] = field(default_factory=dict)
    balance: list[int] = field(default_factory=list)


ROWS = [
    Row(
        "an open registration moves with its unit, and no unit moves",
        [*WAITING, held()],
        reassigned(),
        stands={"R-1": "p-2 open held"},
        balance=[3, 2, 1, 0, 0],
    ),
    Row(
        "to a person who is on hold as well",
        [*WAITING, held(), held("p-2")],
        reassigned(),
        stands={"R-1": "p-2 open held"},
    ),
    Row(
        "where the hold of that person bars it, as ever",
        [*WAITING[:-1], held(), held("p-2"), reassigned(), let_go()],
        step("biometrics_registered"),
        code="PERSON_ON_HOLD",
    ),
    Row(
        "and goes on from where it was",
        [*WAITING[:-1], held(), reassigned()],
        step("biometrics_registered", at="2023-07-01 10:00"),
        stands={"R-1": "p-2 open held"},
    ),
    Row(
        "the letter holds for whose it is: the other person re-registers from it",
        [*WAITING, held(), reassigned()],
        new("R-2", "p-2", at="2023-08-02 10:00"),
        postings=["reserved>available", "available>reserved"],
        stands={"R-1": "p-2 reregistered restored", "R-2": "p-2 open held"},
        balance=[3, 2, 1, 0, 0],
    ),
    Row(
        "and no longer for whose it was",
        [*WAITING, held(), reassigned(), let_go()],
        new("R-2", "p-1", at="2023-08-02 10:00"),
        stands={"R-1": "p-2 open held", "R-2": "p-1 open -"},
    ),
    Row(
        "a moved one that is open is no less so where a later one has ended",
        [*WAITING, new("R-2", "p-2", None), step("cancelled", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
         held(), reassigned()],
        new("R-3", "p-2", at="2023-07-15 10:00"),
        code="OPEN_REGISTRATION_EXISTS",
    ),
    Row(
        "and is re-registered from where a later one has ended",
        [*WAITING, new("R-2", "p-2", None), step("cancelled", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
         held(), reassigned()],
        new("R-3", "p-2", at="2023-08-02 10:00"),
        postings=["reserved>available", "available>reserved"],
        stands={"R-1": "p-2 reregistered restored", "R-3": "p-2 open held"},
    ),
    Row(
        "one that has ended moves beside one that is open",
        [*MOVED_ON, new("R-3", "p-2", None), held()],
        reassigned(),
        stands={"R-1": "p-2 reregistered restored", "R-2": "p-1 open held", "R-3": "p-2 open -"},
    ),
    Row(
        "it moves back",
        [*WAITING, held(), reassigned(), held("p-2")],
        reassigned(person_id="p-1"),
        stands={"R-1": "p-1 open held"},
    ),
    Row(
        "a ruling on a stranded unit follows whose it is",
        [*WAITING, held(), reassigned(at="2023-08-01 09:00")],
        released(),
        postings=["reserved>available"],
        stands={"R-1": "p-2 open released"},
    ),
    Row(
        "both of a re-registration moved, newer first: a late departure still voids the newer",
        [*MOVED_ON, held(), reassigned("R-2"), reassigned("R-1")],
        late_departure(),
        postings=["reserved>available", "available>departed"],
        stands={"R-2": "p-2 voided returned", "R-1": "p-2 departed departed"},
        balance=[3, 2, 0, 1, 0],
    ),
    Row(
        "both moved, older first: the same",
        [*MOVED_ON, held(), reassigned("R-1"), reassigned("R-2")],
        late_departure(),
        postings=["reserved>available", "available>departed"],
        stands={"R-2": "p-2 voided returned", "R-1": "p-2 departed departed"},
    ),
    Row(
        "they were two people: a late departure of the older leaves the newer alone",
        [*MOVED_ON, held(), reassigned("R-2"), let_go()],
        late_departure(),
        postings=["available>departed"],
        stands={"R-2": "p-2 open held", "R-1": "p-1 departed departed"},
        balance=[3, 1, 1, 1, 0],
    ),
    Row(
        "they were two people, and the newer has departed: no conflict",
        [*MOVED_ON, *ready("R-2", "2023-07-20 10:00", system="SIAPKERJA"),
         step("departed", "R-2", "2023-07-20 10:00", system="SIAPKERJA"), held(), reassigned("R-2"),
         let_go()],
        late_departure(),
        postings=["available>departed"],
        stands={"R-2": "p-2 departed departed", "R-1": "p-1 departed departed"},
    ),
    Row(
        "two people were one: what the other id departed with is a conflict",
        [*MOVED_ON, new("R-5", "p-2", None), *through("agreement_signed", "R-5", "2023-07-20 10:00",
         system="SIAPKERJA", line="S-1/1"), *[step(kind, "R-5", "2023-07-20 10:00", system="SIAPKERJA")
         for kind in ("documents_fulfilled", "orientation_completed", "biometrics_registered", "departed")],
         held("p-2"), reassigned("R-5", "p-1")],
        late_departure(),
        code="CONFLICTING_DEPARTURES",
        stands={"R-5": "p-1 departed departed"},
    ),
    Row(
        "two people were one: what the other id had registered before is not later",
        [*WORLD, old("R-0", "p-2"), *ready("R-0"), step("departed", "R-0", "2023-07-01 10:00"),
         *WAITING[2:], new(), held("p-2"), reassigned("R-0", "p-1")],
        late_departure(),
        postings=["reserved>available", "available>departed"],
        stands={"R-0": "p-1 departed departed", "R-2": "p-1 voided returned", "R-1": "p-1 departed departed"},
    ),
    Row(
        "one made between two others takes its place between them",
        [*WAITING, new("R-5", "p-2", None), new("R-2", "p-1", at="2023-07-18 10:00"), *ready("R-5",
         "2023-07-20 10:00", system="SIAPKERJA")[:1], step("cancelled", "R-5", "2023-07-21 10:00",
         system="SIAPKERJA"), held("p-2"), reassigned("R-5", "p-1")],
        late_departure(),
        postings=["reserved>available", "available>departed"],
        stands={"R-5": "p-1 cancelled -", "R-2": "p-1 voided returned", "R-1": "p-1 departed departed"},
    ),
    Row(
        "both ids hold one of SISKOTKLN's open: one is registered again, cancelled, moved; then the other",
        [*WAITING, old("R-5", "p-2"), new("R-6", "p-2"), step("cancelled", "R-6", "2023-07-18 10:00",
         system="SIAPKERJA"), held("p-2"), reassigned("R-5", "p-1"), reassigned("R-6", "p-1")],
        new("R-2", at="2023-08-02 10:00"),
        postings=["reserved>available", "available>reserved"],
        stands={"R-5": "p-1 reregistered restored", "R-6": "p-1 cancelled returned",
                "R-1": "p-1 reregistered restored", "R-2": "p-1 open held"},
        balance=[3, 2, 1, 0, 0],
    ),
    Row(
        "a person is erased, and nothing changes",
        WAITING,
        erased(),
        stands={"R-1": "p-1 open held"},
        balance=[3, 2, 1, 0, 0],
    ),
    Row("erased twice, under another id", [erased()], erased(officer="o-2")),
    Row("somebody whom the ledger never met is erased", [], erased("p-9")),
    Row(
        "later actions on the erased are judged as ever",
        [*WAITING, erased(at="2023-07-01 10:00")],
        step("departed", at="2023-07-02 10:00"),
        postings=["reserved>departed"],
        stands={"R-1": "p-1 departed departed"},
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row) -> None:
    """The action ends as its row says, and the journal can be made and followed again."""
    story = Story(*row.given)
    decision = story.tell(row.when)
    assert row.code == decision["code"]
    assert row.postings == [f"{each['from']}>{each['to']}" for each in decision["postings"]]
    stands = {each["registration_id"]: _stands(each) for each in story.known()}
    assert row.stands == {name: stands[name] for name in row.stands}
    assert row.balance == (story.balance() if row.balance else [])
    check_journal(story)


def test_steps_of_the_document_end_right() -> None:
    """The files that docs/corrections.md has an operator send lead to what it says, for each correction."""
    folder = ROOT / "docs" / "corrections"
    story = Story(*_lines(folder / "before.jsonl"))
    ends = {
        "wrong-nik": {"R-1": "p-2 open held"},
        "two-are-one": {
            "R-2": "p-3 reregistered restored",
            "R-3": "p-3 cancelled -",
            "R-6": "p-3 open held",
        },
        "one-is-two": {
            "R-4": "p-5 reregistered restored",
            "R-5": "p-6 open held",
            "R-7": "p-5 open -",
        },
    }
    assert {"before", *ends} == {path.stem for path in folder.iterdir()}
    for name, end in ends.items():
        story.given(*_lines(folder / f"{name}.jsonl"))
        stands = {each["registration_id"]: _stands(each) for each in story.known()}
        assert end == {registration_id: stands[registration_id] for registration_id in end}
    assert {"p-4"} == story.engine.state.held
    assert [5, 2, 3, 0, 0] == story.balance()
    # Each is now who they are: the first goes on as the letter has it, and the two are two.
    story.given(new("R-8", "p-2", at="2023-08-02 09:00"))
    assert "PERSON_ON_HOLD" == story.tell(new("R-9", "p-4", at="2023-08-02 10:00"))["code"]


def _lines(file: Path) -> list[Json]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _stands(registration: Json) -> str:
    unit = registration["unit"]
    return f"{registration['person_id']} {registration['status']} {unit['state'] if unit else '-'}"


def test_ruling_carries_the_registration_as_it_stands() -> None:
    """Nothing of it but the person differs from what the decision before said of it."""
    story = Story(*MOVED_ON, held())
    before = {each["registration_id"]: each for each in story.known()}
    (after,) = story.tell(reassigned("R-2"))["registrations"]
    assert before["R-2"] | {"person_id": "p-2"} == after


def test_erasure_carries_nothing_but_whom_and_by_whom() -> None:
    """Its decision changes nothing; the audit trail says whom, by which officer, and when."""
    story = Story(*WAITING)
    before = story.known(), story.balances()
    story.tell(erased("p-1", officer="o-9"))
    decision = decode_decision(story.journal[-1])
    assert ("ACCEPTED", "person_erased", "p-1", "o-9") == (
        decision.outcome,
        decision.kind,
        decision.person_id,
        decision.officer,
    )
    assert before == (story.known(), story.balances())


def _without(action: Json, name: str) -> Json:
    return {each: value for each, value in action.items() if each != name}


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        (reassigned(second_officer="o-1"), ["second_officer"]),
        (reassigned(second_officer=None), ["second_officer"]),
        (reassigned(reason=None), ["reason"]),
        (_without(reassigned(), "person_id"), ["person_id"]),
        (_without(reassigned(), "registration_id"), ["registration_id"]),
        (reassigned(permit_id="S-1"), ["permit_id"]),
        (erased(reason=None), ["reason"]),
        (_without(erased(), "person_id"), ["person_id"]),
        (erased(second_officer="o-2"), ["second_officer"]),
    ],
)
def test_shape(action: Json, fields: list[str]) -> None:
    """Two officers, a reason, and no field that the row of the kind does not name."""
    line = compact({"action_id": "018952d4-0c1a-7000-8000-000000000001", **action})
    with pytest.raises(ShapeError) as caught:
        parse_action(line)
    assert fields == [problem.field for problem in caught.value.problems]


def test_snapshot_remembers_whose_registrations_are_whose(tmp_path: Path) -> None:
    """A state read back from a decider's snapshot is the state, chains of moved registrations and all."""
    moved = 0
    for seed in range(1000, 1020):
        engine = play(seed).engine
        write_snapshot(tmp_path / "snapshot", Snapshot(engine.state, engine.last_sha256, 7, 7))
        again = read_snapshot(tmp_path / "snapshot", engine.state.seen)
        before = dump(engine)
        engine.state.earlier.clear()
        engine.state.earlier.update(again.state.earlier)
        engine.state.latest.clear()
        engine.state.latest.update(again.state.latest)
        assert before == dump(engine)
        moved += len(engine.state.earlier)
    assert moved > 10


def test_histories_reach_what_matters() -> None:
    """Random histories hold rulings that move registrations, and late departures decided after them."""
    moves, departures = 0, 0
    for seed in range(60):
        has_moved = False
        for avro in play(seed).journal:
            decision = decode_decision(avro)
            if decision.outcome != "ACCEPTED":
                continue
            has_moved = has_moved or decision.kind == "registration_reassigned"
            moves += decision.kind == "registration_reassigned"
            departures += has_moved and decision.late
    assert moves > 30
    assert departures > 3
