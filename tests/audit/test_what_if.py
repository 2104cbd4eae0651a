"""What-if on stories told by hand: which decisions differ, and because of what, step by step."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from audit.what_if.chain import consequences, reasons
from audit.what_if.changes import BadChange
from audit.what_if.outcomes import ChangedRegistration, outcomes, standing
from audit.what_if.running import Run
from tests.audit.asking import ask, causes, changes, insert, replaced, turned
from tests.ledger.oracle import DEFAULT_POLICY
from tests.ledger.story import (
    agency,
    complaint,
    held,
    hq,
    late_departure,
    new,
    old,
    permit,
    policy,
    ready,
    reassigned,
    released,
    revoked,
    step,
    through,
    training,
)

Json = dict[str, Any]

JOURNALS = pytest.mark.parametrize("side", ["decided", "journal"])

# 0 the agency; 1 to 3 permits of one unit each; 4 and 5 two candidates in SISKOTKLN; 6 the first moves to
# another permit, and its unit goes back to S-1; 7 the second moves to S-1; 8 its documents; 9 it cancels;
# 10 to 13 somebody new signs for the unit of S-1; 14 and 15 go on; 16 to 18 somebody on S-4 who has nothing
# to do with it.
CROSSING: list[Json | None] = [
    agency(),
    permit("S-1", units=1),
    permit("S-2", units=1),
    permit("S-3", units=1),
    old("R-1", "p-1", "S-1/1"),
    old("R-2", "p-2", "S-3/1"),
    new("R-3", "p-1", "S-2/1", "2023-07-17 09:00"),
    new("R-4", "p-2", "S-1/1", "2023-07-17 10:00"),
    step("documents_verified", "R-4", "2023-07-17 11:00", system="SIAPKERJA"),
    step("cancelled", "R-4", "2023-07-18 10:00", system="SIAPKERJA"),
    new("R-5", "p-5", None, "2023-07-19 10:00"),
    *through("agreement_signed", "R-5", "2023-07-19 11:00", system="SIAPKERJA", line="S-1/1"),
    step("documents_fulfilled", "R-5", "2023-07-20 10:00", system="SIAPKERJA"),
    step("cancelled", "R-5", "2023-07-21 10:00", system="SIAPKERJA"),
    permit("S-4", units=5),
    new("R-6", "p-6", None, "2023-07-21 10:00"),
    step("documents_verified", "R-6", "2023-07-21 11:00", system="SIAPKERJA"),
]


def chain_of(run: Run) -> list[tuple[int, int | None, str | None, int]]:
    """Give the consequences of the first difference: seq, because of which seq, through what, how deep."""
    assert run.first is not None
    return [
        (
            int(each.difference.seq),
            None if each.because is None else int(each.because.seq),
            None if each.through is None else f"{each.through.kind} {each.through.key}",
            each.depth,
        )
        for each in consequences(run.differences, run.first.difference)
    ]


@JOURNALS
def test_the_same_policy_makes_no_difference(side: str) -> None:
    """Asked for nothing, or for what holds already, no decision differs, and nothing stands apart."""
    actions = [
        *CROSSING,
        None,
        released("R-2"),
        training(),
        complaint(),
        revoked(),
        held(),
        policy(),
        policy("P-3"),
    ]
    for wanted in (changes(), changes("restoration=true", "closure=2023-07-17T01:00:00+08:00")):
        run = ask(actions, wanted, side=side)
        assert [] == run.differences
        assert not run.overlay.is_anything_apart()
        assert run.overlay.policy_divergence is None
        assert run.outcomes_before == run.outcomes_after
        assert len(actions) == run.records == sum(run.outcomes_before.values())


@JOURNALS
def test_a_unit_that_is_not_returned(side: str) -> None:
    """Forfeited → the line is full → two are refused → one has no registration, the other no agreement."""
    run = ask(CROSSING, changes("restoration=false"), side=side)
    assert [
        (6, "ACCEPTED", "unit: restored → forfeited"),
        (7, "ACCEPTED", "REFUSED QUOTA_EXHAUSTED"),
        (8, "ACCEPTED", "REFUSED UNKNOWN_REGISTRATION"),
        (9, "ACCEPTED", "REFUSED UNKNOWN_REGISTRATION"),
        (13, "ACCEPTED", "REFUSED QUOTA_EXHAUSTED"),
        (14, "ACCEPTED", "REFUSED STAGE_OUT_OF_ORDER"),
        (15, "ACCEPTED", "unit: returned → –"),
    ] == turned(run)
    first, second, third, _, fifth, sixth, seventh = run.differences
    assert {"policy"} == causes(first)
    # The unit of S-1 would be there to take; but what becomes of R-2's own unit is the policy's doing.
    assert ({"policy", "line S-1/1"}, True) == (causes(second), second.is_joint)
    assert {"registration R-4"} == causes(third)
    assert {"line S-1/1"} == causes(fifth)
    assert {"registration R-5"} == causes(sixth) == causes(seventh)


@JOURNALS
def test_the_chain_of_a_unit_that_is_not_returned(side: str) -> None:
    """Everything that follows is in the chain, each through the thing that links it, and nothing else is."""
    run = ask(CROSSING, changes("restoration=false"), side=side)
    assert [
        (6, None, None, 0),
        (7, 6, "line S-1/1", 1),
        (8, 7, "registration R-4", 2),
        (9, 7, "registration R-4", 2),
        # R-4 would have given the unit back; it never had it.
        (13, 9, "line S-1/1", 3),
        (14, 13, "registration R-5", 4),
        (15, 13, "registration R-5", 4),
    ] == chain_of(run)
    way = reasons(run.differences, run.differences[3])
    assert [(6, "policy"), (7, "line"), (9, "registration")] == [
        (int(each.difference.seq), each.through.kind if each.through else "") for each in way
    ]
    way = reasons(run.differences, run.differences[5])
    assert [6, 7, 9, 13, 14] == [int(each.difference.seq) for each in way]


def test_two_that_have_nothing_to_do_with_each_other() -> None:
    """Both units are forfeited by the policy; each chain holds its own line's people only."""
    actions: list[Json | None] = [
        agency(),
        *[permit(f"S-{number}", units=1) for number in range(1, 5)],
        old("R-1", "p-1", "S-1/1"),
        old("R-2", "p-2", "S-2/1"),
        new("R-3", "p-1", "S-3/1", "2023-07-17 09:00"),
        new("R-4", "p-2", "S-4/1", "2023-07-17 10:00"),
        new("R-5", "p-5", None, "2023-07-19 10:00"),
        *through("agreement_signed", "R-5", "2023-07-19 11:00", system="SIAPKERJA", line="S-1/1"),
        new("R-6", "p-6", None, "2023-07-19 10:00"),
        *through("agreement_signed", "R-6", "2023-07-19 11:00", system="SIAPKERJA", line="S-2/1"),
    ]
    run = ask(actions, changes("restoration=false"), seq=8)
    assert [7, 8, 12, 16] == [int(each.seq) for each in run.differences]
    assert [(7, None, None, 0), (12, 7, "line S-1/1", 1)] == chain_of(run)
    assert run.explained is not None
    assert [8, 16] == [
        int(each.difference.seq) for each in consequences(run.differences, run.explained.difference)
    ]


@JOURNALS
def test_a_permit_that_was_never_issued(side: str) -> None:
    """Dropped: whoever takes its unit is refused because of the permit, their steps because of them."""
    wanted = changes()
    wanted.drop_record(1)
    run = ask(CROSSING, wanted, side=side)
    assert [(1, "ACCEPTED", ""), (4, "ACCEPTED", "REFUSED UNKNOWN_PERMIT")] == turned(run)[:2]
    assert "dropped" == run.differences[0].given
    assert {"permit S-1"} == causes(run.differences[1])
    by_seq = {int(each.seq): each for each in run.differences}
    # R-3 is then an ordinary registration: it re-registers nobody, and takes no unit before its agreement.
    assert ("ACCEPTED", "ACCEPTED") == (by_seq[6].before, by_seq[6].after)
    assert ({"person p-1", "permit S-1"}, True) == (causes(by_seq[6]), by_seq[6].is_joint)
    assert "REFUSED UNKNOWN_PERMIT" == by_seq[7].after == by_seq[13].after
    assert {"permit S-1"} == causes(by_seq[7]) == causes(by_seq[13])


@JOURNALS
def test_a_ruling_that_was_inserted(side: str) -> None:
    """A hold on a person stops everything on it; the chain begins at what was inserted."""
    wanted = changes()
    insert(wanted, held("p-2", "2023-07-01 09:00"), before_seq=6)
    run = ask(CROSSING, wanted, side=side)
    assert [
        (6, "", "ACCEPTED"),
        (7, "ACCEPTED", "REFUSED PERSON_ON_HOLD"),
        (8, "ACCEPTED", "REFUSED UNKNOWN_REGISTRATION"),
        (9, "ACCEPTED", "REFUSED UNKNOWN_REGISTRATION"),
    ] == turned(run)
    assert "inserted" == run.differences[0].given
    assert {"person p-2"} == causes(run.differences[1])
    assert [(6, None, None, 0), (7, 6, "person p-2", 1)] == chain_of(run)[:2]
    assert 4 == len(chain_of(run))


def test_two_reasons_that_only_act_together() -> None:
    """Agency suspended and permit revoked: either alone refuses, so only both put back accept again."""
    wanted = changes()
    insert(wanted, hq("agency_suspended", "2023-01-15 09:00", agency_id="A-1"), before_seq=2)
    insert(wanted, revoked("S-1", "2023-01-15 09:00"), before_seq=2)
    actions: list[Json | None] = [agency(), permit("S-1", units=1), old("R-1", "p-1", "S-1/1")]
    run = ask(actions, wanted)
    assert (2, "ACCEPTED", "REFUSED PERMIT_REVOKED") == turned(run)[2]
    assert {"permit S-1", "agency A-1"} == causes(run.differences[2])
    assert run.differences[2].is_joint


@JOURNALS
def test_an_action_with_other_content(side: str) -> None:
    """A permit of two units instead of one: whoever was refused is accepted, because of the line."""
    actions = [*CROSSING[:5], old("R-9", "p-9", "S-1/1")]
    changed = permit("S-1", units=2)
    wanted = changes()
    wanted.given.change_ids.update(replaced(changed, 1))
    run = ask(actions, wanted, side=side)
    assert [(1, "changed"), (5, "")] == [(int(each.seq), each.given) for each in run.differences]
    assert ("REFUSED QUOTA_EXHAUSTED", "ACCEPTED") == (run.differences[1].before, run.differences[1].after)
    assert {"line S-1/1"} == causes(run.differences[1])


@JOURNALS
def test_dropping_an_action_drops_its_repetition(side: str) -> None:
    """By id a repetition goes too; by seq the repetition takes the place of the first."""
    first = {"action_id": str(UUID(int=77)), **permit("S-7")}
    actions: list[Json | None] = [agency(), first, first, {**first, "officer": "o-9"}]
    wanted = changes()
    wanted.drop_action(str(UUID(int=77)))
    run = ask(actions, wanted, side=side)
    assert [
        (1, "ACCEPTED", ""),
        (2, "DUPLICATE", ""),
        # Another action that had used the same id.
        (3, "REFUSED ACTION_ID_REUSED", "ACCEPTED"),
    ] == turned(run)
    assert {f"action {UUID(int=77).hex}"} == causes(run.differences[2])
    wanted = changes()
    wanted.drop_record(1)
    run = ask(actions, wanted, side=side)
    assert [(1, "ACCEPTED", ""), (2, "DUPLICATE", "ACCEPTED")] == turned(run)
    assert {f"action {UUID(int=77).hex}"} == causes(run.differences[1])


@JOURNALS
def test_an_unreadable_record_mended(side: str) -> None:
    """By its number an action is put in the place of what was none."""
    actions: list[Json | None] = [agency(), None, old("R-1", "p-1", "S-1/1")]
    wanted = changes()
    wanted.given.change_seqs[1] = next(iter(replaced(permit("S-1"), 55).values()))
    run = ask(actions, wanted, side=side)
    assert [(1, "UNREADABLE", "ACCEPTED"), (2, "REFUSED UNKNOWN_PERMIT", "ACCEPTED")] == turned(run)
    assert {"permit S-1"} == causes(run.differences[1])


@JOURNALS
def test_a_departure_that_comes_late(side: str) -> None:
    """Without late departures the new registration stays; its later steps are taken and not refused."""
    actions = [
        *CROSSING[:7],
        *ready("R-1"),
        late_departure("R-1"),
        step("documents_verified", "R-3", "2023-07-19 10:00", system="SIAPKERJA"),
    ]
    # The steps of R-1 in SISKOTKLN come before it moves.
    actions = [*actions[:6], *actions[7:13], actions[6], *actions[13:]]
    run = ask(actions, changes("late_departures=false"), side=side)
    assert [
        (13, "ACCEPTED", "REFUSED SYSTEM_CLOSED"),
        (14, "REFUSED REGISTRATION_ENDED", "ACCEPTED"),
    ] == turned(run)
    assert [{"policy"}, {"registration R-3"}] == [causes(each) for each in run.differences]


@JOURNALS
def test_a_registration_that_stays_with_its_person(side: str) -> None:
    """Not given to another person: that person re-registers nobody, and the first is who is in process."""
    actions: list[Json | None] = [
        agency(),
        permit("S-1", units=3),
        old("R-1", "p-1", "S-1/1"),
        held("p-1", "2023-07-01 09:00"),
        reassigned("R-1", "p-2", "2023-07-02 09:00"),
        new("R-2", "p-2", "S-1/1", "2023-07-20 09:00"),
        hq("person_released", "2023-07-21 09:00", person_id="p-1", reason="settled"),
        new("R-3", "p-1", "S-1/1", "2023-07-22 09:00"),
    ]
    wanted = changes()
    wanted.drop_record(4)
    run = ask(actions, wanted, side=side)
    assert [4, 5, 7] == [int(each.seq) for each in run.differences]
    second, third = run.differences[1:]
    assert {"person p-2"} == causes(second)
    # R-3 would take R-1's place; as it is R-2 took it, and R-1 is open no longer.
    assert {"registration R-1"} == causes(third)
    assert {"R-1", "R-2", "R-3"} == {each.known.registration_id for each in outcomes(run).registrations}


@JOURNALS
def test_set_holds_in_every_policy_and_policy_replaces_the_first(side: str) -> None:
    """A policy adopted on the way keeps what `--set` says, and ends what `--policy` began with."""
    adopted = policy("P-2", "2023-07-16 09:00", clock_skew_seconds=0)
    actions = [*CROSSING[:6], adopted, *CROSSING[6:]]
    run = ask(actions, changes("restoration=false"), side=side)
    assert (7, "ACCEPTED", "unit: restored → forfeited") == turned(run)[0]
    assert [(-1, "B.662-2023", False), (6, "P-2", False)] == [
        (seq, each.version, each.restoration) for seq, each in run.policies_after
    ]
    first = {**DEFAULT_POLICY, "version": "P-0", "restoration": False}
    run = ask(actions, changes(policy=first), side=side)
    assert [] == run.differences
    assert run.overlay.policy_divergence is None


def test_a_policy_under_a_name_that_is_adopted_later() -> None:
    """A name is used once: the adoption is refused, as `neraca decide --policy` does."""
    run = ask([agency(), policy("P-2")], changes(policy={**DEFAULT_POLICY, "version": "P-2"}))
    assert [(1, "ACCEPTED", "REFUSED POLICY_EXISTS")] == turned(run)


def test_what_is_not_there_is_named() -> None:
    """A record, an action or a place that the ledger has not is an error that names it."""
    wanted = changes()
    wanted.drop_record(99)
    with pytest.raises(BadChange, match="there is no record 99 to drop: the ledger has 19 records"):
        ask(CROSSING, wanted)
    wanted = changes()
    wanted.drop_action(str(UUID(int=99)))
    with pytest.raises(BadChange, match="there is no action 00000000-0000-0000-0000-000000000063 to drop"):
        ask(CROSSING, wanted)
    wanted = changes()
    insert(wanted, held(), before_seq=20)
    with pytest.raises(BadChange, match="nothing can be inserted before record 20"):
        ask(CROSSING, wanted)


@JOURNALS
def test_what_became_of_whom(side: str) -> None:
    """Registrations, lines and groups at the end say the same as the decisions that led there."""
    found = outcomes(ask(CROSSING, changes("restoration=false"), side=side))
    assert {
        "R-1": ("reregistered, unit restored", "reregistered, unit forfeited"),
        "R-2": ("reregistered, unit restored", "open, unit held"),
        "R-4": ("cancelled, unit returned", "not registered"),
        "R-5": ("cancelled, unit returned", "cancelled"),
    } == {each.known.registration_id: stands(each) for each in found.registrations}
    assert [("S-1", (1, 1, 0, 0, 0), (1, 0, 0, 0, 1)), ("S-3", (1, 1, 0, 0, 0), (1, 0, 1, 0, 0))] == [
        (each.permit_id, each.before, each.after) for each in found.lines
    ]
    assert (2, 0) == (found.total.before["units_restored"], found.total.after["units_restored"])
    assert (0, 1) == (found.total.before["units_forfeited"], found.total.after["units_forfeited"])
    assert (0, 1) == (found.total.before["units_stranded"], found.total.after["units_stranded"])
    assert ["A-1"] == list(found.agencies)
    assert 4 == found.agencies["A-1"].changed == found.destinations["TW"].changed


def stands(changed: ChangedRegistration) -> tuple[str, str]:
    """Give how a registration stands in both ledgers."""
    return standing(changed.before), standing(changed.after)
