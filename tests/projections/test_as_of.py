"""The functions that answer as of any instant, against a naive replay: random moments."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import dict_row

from producers.gateway.documents import registration_document
from projections import tables
from projections.migrations import migrate
from schemas.codec import decode_decision
from schemas.instants import format_date
from schemas.records import Decision
from tests.ledger.play import play
from tests.projections.conftest import Session
from tests.projections.told import apply_all, journal

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# How often, with both axes open, a registration is told otherwise than by its row; and a hold.
_STANDING: Final = """
SELECT (SELECT count(*) FROM neraca.registrations r
        FULL JOIN neraca.registrations_as_of() t USING (registration_id)
        WHERE (r.person_id, r.status, r.unit_permit_id, r.unit_line, r.unit_state, r.reregistered_as, r.seq)
              IS DISTINCT FROM (t.person_id, t.status, t.unit_permit_id, t.unit_line, t.unit_state,
                                t.reregistered_as, t.changed_seq)),
       (SELECT count(*) FROM neraca.people_on_hold p
        FULL JOIN (SELECT * FROM neraca.reference_as_of() WHERE thing = 'person') t ON t.id = p.person_id
        WHERE p.person_id IS NULL IS DISTINCT FROM NOT (t.state ->> 'held')::boolean)
"""
_NOW: Final = [(0, 0)]
ACCOUNTS: Final = ("available", "reserved", "departed", "forfeited")
Change = tuple[int, int, str, Any]


class Moment:
    """One moment on every axis; None: open."""

    def __init__(self, dice: random.Random, told: list[Decision]) -> None:
        one, other = dice.choice(told), dice.choice(told)
        nudge = dice.choice((-1, 0, 0, 1))
        self.true_at = dice.choice((None, (one.occurred_at or 0) + nudge))
        self.seq, self.entered_at, self.recorded_at = None, None, None
        axis = dice.randrange(4)
        if axis == 1:
            self.seq = other.seq
        elif axis == 2:
            self.entered_at = (other.entered_at or 0) + nudge
        elif axis == 3:
            self.recorded_at = (other.recorded_at or 0) + nudge

    def counts(self, d: Decision) -> bool:
        """Whether a decision had happened, and was known, by then."""
        return (
            d.outcome == "ACCEPTED"
            and (self.true_at is None or (d.occurred_at or 0) <= self.true_at)
            and (self.seq is None or d.seq <= self.seq)
            and (self.entered_at is None or (d.entered_at or 0) <= self.entered_at)
            and (self.recorded_at is None or (d.recorded_at or 0) <= self.recorded_at)
        )

    def arguments(self) -> dict[str, Any]:
        """The same as the functions take it."""
        return {
            "true_at": _instant(self.true_at),
            "seq": 2**63 - 1 if self.seq is None else self.seq,
            "entered": _instant(self.entered_at),
            "recorded": _instant(self.recorded_at),
        }


def _instant(us: int | None) -> datetime | str:
    return "infinity" if us is None else EPOCH + timedelta(microseconds=us)


@pytest.fixture(scope="module")
def told() -> list[Decision]:
    """The journal's decisions."""
    return [decode_decision(value) for value in journal()]


@pytest.fixture
def loaded(session: Session) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """A reader of tables that hold the journal."""
    apply_all(session, journal(), 5000)
    with psycopg.connect(session.info.dsn, password=session.info.password, row_factory=dict_row) as reader:
        yield reader


def changes_of(told: list[Decision], thing: str) -> dict[str, list[tuple[Decision, dict[str, Any]]]]:
    """Of each thing, each decision that changed it, with the fields that it changed."""
    states: dict[str, dict[str, Any]] = {}
    found: dict[str, list[tuple[Decision, dict[str, Any]]]] = {}
    for d in told:
        for key, state in _states(d, thing):
            before = states.get(key, {})
            changed = {name: value for name, value in state.items() if before.get(name, ...) != value}
            found.setdefault(key, []).append((d, changed))
            states[key] = state
    return found


def _states(d: Decision, thing: str) -> list[tuple[str, dict[str, Any]]]:
    if thing == "registration":
        states = []
        for r in d.registrations:
            document = registration_document(r)
            stages = document.pop("stages")
            del document["stage_seqs"]
            passed = {f"stage {name}": at for name, at in stages.items()}
            states.append((r.registration_id, document | passed))
        return states
    if thing == "agency":
        return [(a.agency_id, {"status": a.status}) for a in d.agencies]
    if thing == "person":
        return [(p.person_id, {"held": p.held}) for p in d.people]
    return [(p.permit_id, {"valid_to": format_date(p.valid_to), "revoked": p.revoked}) for p in d.permits]


def laid_over(
    history: list[tuple[Decision, dict[str, Any]]], moment: Moment, *, as_occurred: bool = False
) -> dict[str, Any] | None:
    """The changes that count, in the order in which they were decided, or occurred (contract §3, "as of t");
    None where the first does not count.
    """
    if not moment.counts(history[0][0]):
        return None
    state: dict[str, Any] = {}
    for _, changed in sorted(
        (one for one in history if moment.counts(one[0])),
        key=lambda one: (one[0].occurred_at if as_occurred else 0, one[0].seq),
    ):
        state |= changed
    return state


def test_registrations_equal_a_naive_replay(
    loaded: psycopg.Connection[dict[str, Any]], told: list[Decision]
) -> None:
    """For 1,000 random registrations and moments: person, status, stages, unit and links are the replay's."""
    dice = random.Random(5)
    histories = changes_of(told, "registration")
    # One that was re-registered, or voided by a late departure, is rare in a small history.
    of_two = [key for key, history in histories.items() if len({d.registration_id for d, _ in history}) > 1]
    assert len(of_two) > 10
    for number in range(1_000):
        key = dice.choice(of_two if number % 3 == 0 else list(histories))
        moment = Moment(dice, [d for d, _ in histories[key]])
        expected = laid_over(histories[key], moment)
        rows = loaded.execute(
            "SELECT * FROM neraca.registrations_as_of(%(true_at)s, %(seq)s, %(entered)s, %(recorded)s)"
            " WHERE registration_id = %(id)s",
            moment.arguments() | {"id": key},
        ).fetchall()
        if expected is None:
            assert [] == rows
            continue
        (row,) = rows
        stages = {name.removeprefix("stage ") for name in expected if name.startswith("stage ")}
        assert stages == set(row["stages"])
        unit = expected["unit"]
        actual = (row["unit_permit_id"], row["unit_line"], row["unit_state"])
        assert (None, None, None) if unit is None else (*unit.values(),) == actual
        for name in ("person_id", "status", "reregistered_as", "reregistered_from", "agency_id", "scheme"):
            assert expected[name] == row[name], name


def test_registrations_that_change_hands(session: Session) -> None:
    """In histories where everything meets (rulings that move registrations, late departures, two of a person)
    each registration at any moment is the replay's.
    """
    voided = moved = 0
    for seed in [*range(8), 91]:
        values = play(seed).journal
        session.execute("DROP SCHEMA neraca CASCADE")
        session.execute("DISCARD TEMP")
        migrate(session)
        tables.open_session(session)
        apply_all(session, values, 5000)
        told = [decode_decision(value) for value in values]
        moved += sum(d.kind == "registration_reassigned" and d.outcome == "ACCEPTED" for d in told)
        dice = random.Random(seed)
        for key, history in changes_of(told, "registration").items():
            voided += any(changed.get("status") == "voided" for _, changed in history)
            for _ in range(5):
                moment = Moment(dice, [d for d, _ in history])
                expected = laid_over(history, moment)
                rows = session.execute(
                    "SELECT person_id, status, unit_permit_id, unit_line, unit_state FROM"
                    " neraca.registrations_as_of(%(true_at)s, %(seq)s, %(entered)s, %(recorded)s)"
                    " WHERE registration_id = %(id)s",
                    moment.arguments() | {"id": key},
                ).fetchall()
                unit = (expected or {}).get("unit") or dict.fromkeys(("permit_id", "line", "state"))
                told_by_replay = expected and (expected["person_id"], expected["status"], *unit.values())
                assert ([] if expected is None else [told_by_replay]) == rows, (seed, key)
                if expected is not None:
                    owned = session.execute(
                        "SELECT registration_id FROM neraca.person_as_of("
                        "%(person)s, %(true_at)s, %(seq)s, %(entered)s, %(recorded)s)",
                        moment.arguments() | {"person": expected["person_id"]},
                    ).fetchall()
                    assert (key,) in owned
        assert _NOW == session.execute(_STANDING).fetchall()
    assert voided > 1
    assert moved > 1


def test_balances_equal_a_naive_replay(
    loaded: psycopg.Connection[dict[str, Any]], told: list[Decision]
) -> None:
    """For random lines and moments the accounts are the sum of the postings that count, and add up."""
    dice = random.Random(6)
    moved: dict[tuple[str, int], list[tuple[Decision, str, str, int]]] = {}
    for d in told:
        for p in d.postings:
            one = (d, p.from_account, p.to_account, p.units)
            moved.setdefault((p.permit_id, p.line), []).append(one)
    for _ in range(300):
        key = dice.choice(list(moved))
        moment = Moment(dice, [d for d, *_ in moved[key]])
        units = dict.fromkeys(("granted", *ACCOUNTS), 0)
        counted = [one for one in moved[key] if moment.counts(one[0])]
        for _, source, target, count in counted:
            units[source] -= count
            units[target] += count
        rows = loaded.execute(
            "SELECT * FROM neraca.quota_balances_as_of(%(true_at)s, %(seq)s, %(entered)s, %(recorded)s)"
            " WHERE permit_id = %(permit)s AND line = %(line)s",
            moment.arguments() | {"permit": key[0], "line": key[1]},
        ).fetchall()
        if not counted:
            assert [] == rows
            continue
        (row,) = rows
        assert {name: units[name] for name in ACCOUNTS} == {name: row[name] for name in ACCOUNTS}
        assert -units["granted"] == row["granted"] == sum(row[name] for name in ACCOUNTS)
        assert max(d.seq for d, *_ in counted) == row["changed_seq"]


@pytest.mark.parametrize("thing", ["permit", "agency", "person"])
def test_reference_equals_a_naive_replay(
    loaded: psycopg.Connection[dict[str, Any]], told: list[Decision], thing: str
) -> None:
    """For random permits, agencies and people and moments: validity, status and hold are the replay's."""
    dice = random.Random(7)
    histories = changes_of(told, thing)
    for _ in range(200):
        key = dice.choice(list(histories))
        moment = Moment(dice, [d for d, _ in histories[key]])
        expected = laid_over(histories[key], moment, as_occurred=thing != "person")
        rows = loaded.execute(
            "SELECT state FROM neraca.reference_as_of(%(true_at)s, %(seq)s, %(entered)s, %(recorded)s)"
            " WHERE thing = %(thing)s AND id = %(id)s",
            moment.arguments() | {"thing": thing, "id": key},
        ).fetchall()
        if thing != "permit" and expected is None:
            # A hold that was entered late may be known before the one that it lifts.
            continue
        assert ([] if expected is None else [expected]) == [
            {name: row["state"][name] for name in expected or {}} for row in rows
        ]


@pytest.mark.parametrize(
    ("query", "scanned"),
    [
        ("registrations_as_of(now()) WHERE registration_id = %s", {"postings", "decisions", "registrations"}),
        ("quota_balances_as_of(now()) WHERE permit_id = %s AND line = 1", {"postings", "decisions"}),
        ("reference_as_of(now()) WHERE thing = 'permit' AND id = %s", {"reference_history"}),
    ],
)
def test_one_thing_is_found_by_indexes(session: Session, query: str, scanned: set[str]) -> None:
    """The plan for one registration, line or permit scans no table from end to end, also with the id unknown
    when it was planned.
    """
    apply_all(session, journal(), 5000)
    session.execute("ANALYZE")
    # Such small tables are read whole by choice; what counts is whether it could do otherwise.
    session.execute("SET enable_seqscan = off")
    session.execute("SET plan_cache_mode = force_generic_plan")
    session.execute(f"PREPARE one (text) AS SELECT * FROM neraca.{query % '$1'}".encode())  # noqa: S608
    rows = session.execute("EXPLAIN (FORMAT JSON) EXECUTE one ('x')").fetchall()
    plans = json.dumps(rows[0][0])
    assert "Seq Scan" not in plans
    assert {name for name in scanned if f'"Relation Name": "{name}"' in plans} == scanned
