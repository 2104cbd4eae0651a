"""What-if on random histories: it lists exactly what two runs that know nothing of it do differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.what_if.changes import Changes
from audit.what_if.outcomes import NOTHING, outcomes
from audit.what_if.running import Run
from ledger.engine import Engine
from schemas.action_json import read_action_line
from schemas.policy_json import parse_policy
from schemas.records import Decision
from schemas.strict_json import compact
from tests.audit.asking import ask, changes
from tests.ledger import histories
from tests.ledger.readable import readable_registration
from tests.ledger.story import Story

Json = dict[str, Any]
Rows = list[Json | None]

SETTINGS = (
    "closure=2023-07-17T09:00:00+07:00",
    "closure=2023-08-01T00:00:00+07:00",
    "closure=2030-01-01T00:00:00+07:00",
    "registration_limit=2023-02-01T10:00:00+07:00",
    "unit_taken_at.SIAPKERJA=registration",
    "unit_taken_at.SISKOTKLN=agreement",
    "restore_if_valid_at=closure",
    "restoration=false",
    "late_departures=false",
    "clock_skew_seconds=0",
    "biometrics_not_required=",
    "agreement_not_required=P_TO_P",
)


def history(pick: histories.Pick, length: int) -> Rows:
    """Give a random history, each action with its id; None is a record that is no action."""
    story = Story()
    for action in histories.beginning(pick):
        tell(story, action)
    while len(story.told) < length:
        what = pick(
            ("ruling", "policy", "registered", *("step",) * 4, "service", "again", *("cutover",) * 3, "none")
        )
        if what == "none":
            story._decide(None)
        elif what == "ruling":
            tell(story, histories.ruling(pick))
        elif what == "policy":
            tell(story, histories.policy_adopted(pick))
        elif what == "registered":
            tell(story, histories.registered(pick))
        elif what == "step":
            tell(story, histories.taken_step(pick, story.known()))
        elif what == "service":
            tell(story, histories.service(pick))
        else:
            made = histories.repeated if what == "again" else histories.cutover
            for action in made(pick, story.told if what == "again" else story.known()):  # type: ignore[arg-type]
                tell(story, action)
    return story.told


def tell(story: Story, action: Json) -> None:
    """Tell an action to the ledger alone: that the oracle agrees is shown elsewhere."""
    story._decide({"action_id": str(UUID(int=len(story.told))), **action})


def decided(
    rows: Sequence[Json | None], policy: Json | None, settled: Changes | None
) -> tuple[Engine, list[Decision]]:
    """Decide rows by an engine alone; a policy that is adopted is changed as `--set` says."""
    engine = Engine.start(None if policy is None else parse_policy(compact(policy)))
    if settled is not None:
        engine.state.policy = settled.policy_with_settings(engine.state.policy)
    made = []
    for offset, row in enumerate(rows):
        if row is None:
            made.append(engine.decide_unreadable(b"", offset, None, 0))
            continue
        record = read_action_line(compact(row))
        made.append(engine.decide(record.action, record.avro, record.digest, offset, 0, 0))
        if settled is not None and made[-1].policies:
            engine.state.policy = settled.policy_with_settings(engine.state.policy)
    return engine, made


def label(decision: Decision) -> str:
    """Give the outcome and the code."""
    return f"{decision.outcome} {decision.code}" if decision.code else decision.outcome


def check(run: Run, before: Engine, after: Engine) -> None:
    """Compare what a what-if says of the end with the ends of two engines."""
    ends = [
        {key: readable_registration(each) for key, each in engine.state.registrations.items()}
        for engine in (before, after)
    ]
    expected = {key for key in ends[0].keys() | ends[1].keys() if ends[0].get(key) != ends[1].get(key)}
    found = outcomes(run)
    assert expected == {each.known.registration_id for each in found.registrations}
    for each in found.registrations:
        key = each.known.registration_id
        assert ends[0].get(key) == (None if each.before is None else readable_registration(each.before))
        assert ends[1].get(key) == (None if each.after is None else readable_registration(each.after))
        assert each.made_by
    lines = [balances(engine) for engine in (before, after)]
    apart = sorted(key for key in lines[0].keys() | lines[1].keys() if lines[0].get(key) != lines[1].get(key))
    assert [(key, lines[0].get(key, NOTHING), lines[1].get(key, NOTHING)) for key in apart] == [
        ((each.permit_id, each.line), each.before, each.after) for each in found.lines
    ]
    # Nothing that was not asked for itself is left without a cause that was there before it.
    for difference in run.differences:
        assert bool(difference.given) != bool(difference.causes), difference
        for link in difference.causes:
            assert all(number < difference.number for number in link.made_by())


def balances(engine: Engine) -> dict[tuple[str, int], tuple[int, ...]]:
    """Give the accounts of every line."""
    return {
        (permit_id, number): (line.granted, line.available, line.reserved, line.departed, line.forfeited)
        for permit_id, permit in engine.state.permits.items()
        for number, line in permit.lines.items()
    }


def same_in_both(rows: Rows, wanted: Changes, again: Changes) -> Run:
    """Ask with a journal and without one: the same answer."""
    run = ask(rows, wanted)
    other = ask(rows, again, side="journal")
    assert [repr(each) for each in run.differences] == [repr(each) for each in other.differences]
    assert run.outcomes_before == other.outcomes_before
    assert run.outcomes_after == other.outcomes_after
    return run


ANY = settings(
    max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@ANY
@given(data=st.data())
def test_another_policy(data: st.DataObject) -> None:
    """Under any other policy: exactly the registrations and lines whose final state differs are listed."""

    def pick(options: Sequence[Any]) -> Any:
        return data.draw(st.sampled_from(options))

    rows = history(pick, 35)
    policy = histories.any_policy(pick, "P-0") if pick((True, False)) else None
    assignments = [pick(SETTINGS)] if policy is None or pick((True, False, False)) else []
    run = same_in_both(rows, changes(*assignments, policy=policy), changes(*assignments, policy=policy))
    before, are = decided(rows, None, None)
    after, would_be = decided(rows, policy, changes(*assignments) if assignments else None)
    check(run, before, after)
    turned = {int(each.seq): (each.before, each.after) for each in run.differences}
    for seq, (one, other) in enumerate(zip(are, would_be, strict=True)):
        if label(one) != label(other):
            assert (label(one), label(other)) == turned[seq]
        elif seq in turned:
            assert (label(one), label(one)) == turned[seq]


@ANY
@given(data=st.data())
def test_another_history(data: st.DataObject) -> None:
    """Records dropped, changed and inserted: as two engines that are told the two histories."""

    def pick(options: Sequence[Any]) -> Any:
        return data.draw(st.sampled_from(options))

    rows = history(pick, 35)
    wanted, again = changes(), changes()
    told: Rows = []
    strange = UUID(int=10**12)
    for seq, row in enumerate(rows):
        what = pick((*("same",) * 12, "drop", "insert", "change"))
        if what == "insert":
            action = {**histories.taken_step(pick, [{"registration_id": "R-1", "system": "SISKOTKLN"}])}
            action["action_id"] = str(UUID(int=strange.int + seq))
            for each in (wanted, again):
                each.given.before_seq.setdefault(seq, []).append(read_action_line(compact(action)))
            told.append(action)
        if what == "drop":
            wanted.drop_record(seq)
            again.drop_record(seq)
            continue
        if what == "change" and row is not None:
            action = {**histories.ruling(pick), "action_id": row["action_id"]}
            for each in (wanted, again):
                each.given.change_seqs[seq] = read_action_line(compact(action))
            told.append(action)
            continue
        told.append(row)
    run = same_in_both(rows, wanted, again)
    check(run, decided(rows, None, None)[0], decided(told, None, None)[0])
