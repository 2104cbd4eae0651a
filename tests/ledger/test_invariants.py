"""The auditor's books find what breaks an invariant of contract §4, though the rules never let it happen."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ledger.engine import Engine
from ledger.invariants import Books
from ledger.quota import Postings
from schemas.codec import decode_decision, encode_decision
from schemas.decision_json import decision_json
from schemas.decision_reader import parse_decision
from schemas.errors import InvariantViolation, JournalMismatch
from tests.ledger.story import (
    Story,
    agency,
    held,
    hq,
    late_departure,
    new,
    old,
    permit,
    ready,
    reassigned,
    step,
)
from tests.ledger.test_effects import READY

Json = dict[str, Any]


def _journal(story: Story) -> list[Json]:
    return [json.loads(decision_json(decode_decision(avro))) for avro in story.journal]


def _audit(journal: list[Json]) -> None:
    books = Books()
    for decision in journal:
        books.check(parse_decision(json.dumps(decision)))


# A permit of two units, R-1 takes one, goes through, re-registers as R-2, departs late; R-3 is refused; R-4
# moves to p-5, and p-4 registers once more.
STORY = Story(*READY, new(), late_departure(), new("R-4", "p-4", at="2023-07-20 10:00"))
STORY.tell(new("R-3", "p-4", at="2023-07-20 10:00"))
STORY.given(held("p-4"), reassigned("R-4", "p-5"))
STORY.given(
    hq("person_released", person_id="p-4", reason="settled"), new("R-6", "p-4", at="2023-08-02 10:00")
)
TOOK, MOVED, LATE, OPENED, REFUSED, GIVEN, AGAIN = 3, 10, 11, 12, 13, 15, 17


def _set(seq: int, *path: str | int, to: object) -> Callable[[list[Json]], None]:
    def change(journal: list[Json]) -> None:
        place: Any = journal[seq]
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = to

    return change


def _drop(seq: int) -> Callable[[list[Json]], None]:
    def change(journal: list[Json]) -> None:
        del journal[seq]

    return change


def _copied(seq: int, name: str, *, source: int) -> Callable[[list[Json]], None]:
    def change(journal: list[Json]) -> None:
        journal[seq][name] = journal[source][name]

    return change


FORGERIES: list[tuple[str, Callable[[list[Json]], None]]] = [
    ("a decision is missing", _drop(5)),
    ("a balance is other than the postings say", _set(TOOK, "postings", 0, "available", to=2)),
    ("more is granted than was posted", _set(1, "postings", 0, "granted", to=3)),
    ("more leaves than is there", _set(TOOK, "postings", 0, "units", to=5)),
    ("nothing is moved", _set(TOOK, "postings", 0, "units", to=0)),
    ("an account that is none", _set(TOOK, "postings", 0, "to", to="pocket")),
    ("a unit is reserved and nobody holds it", _set(TOOK, "registrations", 0, "unit", to=None)),
    ("a unit is held and not reserved", _set(TOOK, "postings", to=[])),
    (
        "a unit is held on a line that was never granted",
        _set(OPENED, "registrations", 0, "unit", to={"permit_id": "S-9", "line": 1, "state": "held"}),
    ),
    ("a unit vanishes from its line", _set(4, "registrations", 0, "unit", to=None)),
    ("a unit changes its line", _set(4, "registrations", 0, "unit", "permit_id", to="S-2")),
    ("a unit departs and stays reserved", _set(4, "registrations", 0, "unit", "state", to="departed")),
    (
        "an old unit is put back and stays reserved",
        _set(MOVED, "registrations", 0, "unit", "state", to="held"),
    ),
    ("a person has two open registrations", _set(MOVED, "registrations", 0, "status", to="open")),
    ("a registration changes its person", _set(4, "registrations", 0, "person_id", to="p-9")),
    ("a stage gives a registration to another person", _set(GIVEN, "kind", to="documents_verified")),
    ("a ruling gives it to nobody new, and she registers once more", _set(GIVEN, "registrations", to=[])),
    ("a ruling ends what it gives", _set(GIVEN, "registrations", 0, "status", to="cancelled")),
    (
        "a ruling takes a unit for what it gives",
        _set(GIVEN, "registrations", 0, "unit", to={"permit_id": "S-1", "line": 1, "state": "held"}),
    ),
    ("whom it was given to has another open one", _set(AGAIN, "registrations", 0, "person_id", to="p-5")),
    ("a refusal takes a unit", _copied(REFUSED, "postings", source=TOOK)),
    ("a refusal registers", _copied(REFUSED, "registrations", source=OPENED)),
    ("a refusal licenses", _copied(REFUSED, "agencies", source=0)),
    ("a refusal issues", _copied(REFUSED, "permits", source=1)),
    ("a unit that departed since is restored once more", _copied(OPENED, "registrations", source=MOVED)),
]


def test_true_journal_passes() -> None:
    """The journal that the forgeries are made of is in order, and ends as it has to."""
    journal = _journal(STORY)
    _audit(journal)
    assert ["restored", "held"] == [each["unit"]["state"] for each in journal[MOVED]["registrations"]]
    assert ["voided", "departed"] == [each["status"] for each in journal[LATE]["registrations"]]
    assert ["ACCEPTED", "REFUSED"] == [journal[seq]["outcome"] for seq in (OPENED, REFUSED)]
    assert "p-5" == journal[GIVEN]["registrations"][0]["person_id"]
    assert "p-4" == journal[AGAIN]["registrations"][0]["person_id"]


@pytest.mark.parametrize("forge", [row[1] for row in FORGERIES], ids=[row[0] for row in FORGERIES])
def test_forged_journal_is_found_out(forge: Callable[[list[Json]], None]) -> None:
    """A journal in which one thing is untrue breaks an invariant at that point, or soon after."""
    journal = _journal(STORY)
    forge(journal)
    with pytest.raises(InvariantViolation):
        _audit(journal)


def test_journal_is_followed_in_order_and_whole() -> None:
    """An engine takes no decision that does not continue its journal: left out, repeated, or another's."""
    story = Story(agency(), permit(), old(), *ready())
    other = Story(agency(), permit(units=9), old(), step("documents_verified"))
    for wrong in (story.journal[4], story.journal[2], other.journal[3]):
        engine = Story(agency(), permit(), old()).engine
        with pytest.raises(JournalMismatch):
            engine.follow(wrong)
        engine.follow(story.journal[3])
        assert 4 == engine.state.next_seq


def test_refusal_and_duplicate_leave_the_state_as_it_was() -> None:
    """Only the count, the chain and the memory of ids tell the state after them from the state before."""
    story = Story(agency(), permit(), hq("agency_suspended", agency_id="A-1"))
    before = story.known(), story.balances(), repr(story.engine.state.permits)
    assert "AGENCY_SUSPENDED" == story.tell(old())["code"]
    assert "DUPLICATE" == story.tell(story.told[2] or {})["outcome"]
    assert before == (story.known(), story.balances(), repr(story.engine.state.permits))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("available", "reserved"),
        ("reserved", "departed"),
        ("forfeited", "departed"),
        ("available", "granted"),
    ],
)
def test_no_movement_leaves_an_account_below_zero(source: str, target: str) -> None:
    """Where a guard failed to refuse, the movement itself stops: never clamped, and nothing is posted."""
    postings = Postings(Story(agency(), permit(units=1), old()).engine.state)
    with pytest.raises(InvariantViolation):
        postings.move("S-1", 1, source, target, 2)
    assert [] == postings.items


@pytest.mark.parametrize("source", ["departed", "pocket"])
def test_no_movement_out_of_what_is_no_source(source: str) -> None:
    """A unit that has departed never comes back, and there are no other accounts."""
    state = Story(agency(), permit(), old(), *ready(), step("departed")).engine.state
    with pytest.raises(InvariantViolation):
        Postings(state).move("S-1", 1, source, "available", 1)


def test_following_a_posting_on_what_is_not_there_is_a_broken_invariant() -> None:
    """A chained decision may still speak of a permit or a line that no decision made: it is named."""
    for field, value in (("permit_id", "S-unknown"), ("line", 99)):
        journal = _journal(STORY)
        journal[TOOK]["postings"][0][field] = value
        engine = Engine.start()
        for avro in STORY.journal[:TOOK]:
            engine.follow(avro)
        with pytest.raises(InvariantViolation, match="does not exist"):
            engine.follow(encode_decision(parse_decision(json.dumps(journal[TOOK]))))
