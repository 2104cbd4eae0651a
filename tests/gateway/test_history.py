"""The two axes, against a naive replay: a realistic history, at moments drawn at random."""

import random
from collections import defaultdict
from typing import Any

import pytest

from ledger.engine import Engine
from producers.gateway.history import Moment, permit_at, registration_at, registration_document
from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.errors import ShapeError
from schemas.instants import format_date
from schemas.records import Decision, Registration

MOMENTS = 1_500


@pytest.fixture(scope="module")
def journal() -> list[Decision]:
    """The decisions on the history of some two hundred candidates."""
    engine = Engine.start()
    decisions: list[Decision] = []
    for line in actions(7, 200):
        try:
            record = read_action_line(line)
        except ShapeError:
            continue
        offset = len(decisions)
        decisions.append(
            engine.decide(record.action, record.avro, record.digest, offset, record.action.entered_at, 0)
        )
    return decisions


def by_registration(journal: list[Decision]) -> dict[str, list[tuple[Decision, Registration]]]:
    """Each registration's states, with the decision that made each."""
    found: dict[str, list[tuple[Decision, Registration]]] = defaultdict(list)
    for decision in journal:
        for registration in decision.registrations:
            found[registration.registration_id].append((decision, registration))
    return found


def test_known_by_a_seq_is_the_prefix_of_the_journal(journal: list[Decision]) -> None:
    """Known at any `seq`, a registration is what its last decision up to there made of it."""
    dice = random.Random(1)
    told = by_registration(journal)
    in_order = [
        (registration_id, states)
        for registration_id, states in told.items()
        if sorted(states, key=lambda state: (state[0].occurred_at or 0, state[0].seq)) == states
    ]
    assert len(in_order) > 150
    for _ in range(MOMENTS):
        registration_id, states = dice.choice(in_order)
        seq = dice.randrange(len(journal))
        before = [registration for decision, registration in states if decision.seq <= seq]
        found = registration_at(registration_id, [one for one, _ in states], Moment(known_seq=seq))
        if not before:
            assert found is None
        else:
            expected = registration_document(before[-1])
            assert found is not None
            assert expected == {name: found[name] for name in expected}


def naive(states: list[tuple[Decision, Registration]], at: Moment) -> dict[str, Any] | None:
    """One field after the other: the last of the changes that had occurred, and were known, by then."""
    documents = [registration_document(registration) for _, registration in states]
    counts = [at.includes(int(one.seq), one.occurred_at, one.entered_at) for one, _ in states]
    if not counts[0]:
        return None
    found: dict[str, Any] = {"stages": {}}
    for name in set(documents[0]) - {"stages", "stage_seqs"}:
        changes = [
            (states[number][0].occurred_at or 0, states[number][0].seq, documents[number][name])
            for number in range(len(states))
            if counts[number] and (number == 0 or documents[number][name] != documents[number - 1][name])
        ]
        found[name] = max(changes, key=lambda change: change[:2])[2]
    for number, document in enumerate(documents):
        for stage, instant in document["stages"].items():
            if counts[number] and (number == 0 or stage not in documents[number - 1]["stages"]):
                found["stages"][stage] = instant
    return found


def test_both_axes_equal_a_naive_fold(journal: list[Decision]) -> None:
    """At any pair of instants, a registration is what a fold written a second time makes of its decisions."""
    dice = random.Random(2)
    told = list(by_registration(journal).items())
    instants = sorted(decision.entered_at for decision in journal if decision.entered_at is not None)
    existing = 0
    for _ in range(MOMENTS):
        registration_id, states = dice.choice(told)
        at = Moment(
            dice.choice([None, dice.choice(instants)]),
            dice.choice([None, dice.choice(instants)]),
            dice.choice([None, dice.randrange(len(journal))]),
        )
        expected = naive(states, at)
        found = registration_at(registration_id, journal, at)
        if expected is None:
            assert found is None
        else:
            existing += 1
            assert found is not None
            assert expected == {name: found[name] for name in expected}
    assert existing > MOMENTS // 4


def test_a_permit_at_any_moment(journal: list[Decision]) -> None:
    """Its validity and revocation as of an instant are those that the rules judge by (contract §3)."""
    permits = {one.permit_id for decision in journal for one in decision.permits}
    for permit_id in sorted(permits)[:40]:
        states = [
            (decision, one) for decision in journal for one in decision.permits if one.permit_id == permit_id
        ]
        for decision, _ in states:
            at = Moment(as_of_us=decision.occurred_at)
            found = permit_at(permit_id, journal, at)
            past = [pair for pair in states if (pair[0].occurred_at or 0) <= (decision.occurred_at or 0)]
            if states[0] not in past:
                assert found is None
                continue
            assert found is not None
            extended = [pair for pair in past if pair[0].kind in {"permit_issued", "permit_extended"}]
            last = max(extended, key=lambda pair: (pair[0].occurred_at or 0, pair[0].seq))[0]
            state = next(one for one in last.permits if one.permit_id == permit_id)
            assert format_date(state.valid_to) == found["valid_to"]
