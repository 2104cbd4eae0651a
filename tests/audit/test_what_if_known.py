"""What-ifs whose answer is known before: on a realistic history, against `neraca decide` and by counting."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from audit.what_if.comparison import Asked, compare
from audit.what_if.outcomes import ACCOUNTS, outcomes
from audit.what_if.records import records_of_lines
from audit.what_if.running import Run
from producers.workload import actions
from tests.audit.asking import changes
from tests.commands.console import neraca
from tests.ledger.oracle import DEFAULT_POLICY

Json = dict[str, Any]
CANDIDATES = 1_200
AFTER_EVERYTHING = "2030-01-01T00:00:00+07:00"


@pytest.fixture(scope="module")
def history() -> list[bytes]:
    """The actions of a realistic history across the closure."""
    return [line.encode() for line in actions(5, CANDIDATES)]


def ask(history: list[bytes], *assignments: str, policy: Json | None = None) -> Run:
    """Compare the history with what it would be."""
    rows = list(enumerate(history, 1))
    wanted = changes(*assignments, policy=policy)
    return compare(
        Asked(wanted, has_journal=False),
        records_of_lines(rows[start : start + 2_000] for start in range(0, len(rows), 2_000)),
    )


def decide(history: list[bytes], folder: Path, policy: Json | None = None) -> list[Json]:
    """Give the decisions of `neraca decide`, which knows nothing of a what-if."""
    options: list[str | Path] = []
    if policy is not None:
        (folder / "policy.json").write_text(json.dumps(policy), encoding="utf-8")
        options = ["--policy", folder / "policy.json"]
    said = neraca("decide", "-", *options, stdin=b"\n".join(history))
    assert 0 == said.code
    return said.decisions


def last_registrations(decisions: Iterable[Json]) -> dict[str, Json]:
    """Give each registration as the last decision on it left it, its numbers aside."""
    found: dict[str, Json] = {}
    for decision in decisions:
        for registration in decision["registrations"]:
            registration.pop("stage_seqs")
            found[registration["registration_id"]] = registration
    return found


def last_lines(decisions: Iterable[Json]) -> dict[tuple[str, int], tuple[int, ...]]:
    """Give each line as the last posting on it left it."""
    return {
        (posting["permit_id"], posting["line"]): tuple(posting[name] for name in ACCOUNTS)
        for decision in decisions
        for posting in decision["postings"]
    }


def test_nothing_else_makes_no_difference(history: list[bytes]) -> None:
    """The same policy: not one decision differs, and nothing stands otherwise."""
    run = ask(history, policy={**DEFAULT_POLICY, "version": "P-same"})
    assert [] == run.differences
    found = outcomes(run)
    assert ([], [], {}, {}) == (found.registrations, found.lines, found.agencies, found.destinations)
    assert found.total.before == found.total.after
    assert found.total.units_before == found.total.units_after


def test_the_closure_after_everything(history: list[bytes]) -> None:
    """Nobody is told that SISKOTKLN is closed; nobody re-registers; nothing is stranded."""
    run = ask(history, f"closure={AFTER_EVERYTHING}")
    assert run.outcomes_before["REFUSED SYSTEM_CLOSED"] > 0
    assert 0 == sum(count for name, count in run.outcomes_after.items() if name.endswith("SYSTEM_CLOSED"))
    assert "REFUSED SERVICE_HANDED_BACK" not in run.outcomes_after
    # Who was told so before is each a difference, whatever came of it, and all because of the policy.
    closed = [each for each in run.differences if each.before == "REFUSED SYSTEM_CLOSED"]
    assert run.outcomes_before["REFUSED SYSTEM_CLOSED"] == len(closed)
    assert all("policy" in {link.divergence.kind for link in each.causes} for each in closed)
    total = outcomes(run).total
    assert total.before["reregistered"] > 0
    assert (0, 0, 0, 0) == tuple(
        total.after[name] for name in ("reregistered", "units_restored", "units_forfeited", "units_stranded")
    )


def with_units(history: list[bytes], more: int) -> list[bytes]:
    """Give the history with so many more units on every line: nobody finds one full."""
    rows = []
    for line in history:
        action = json.loads(line) if b'"permit_issued"' in line else {}
        if action.get("kind") == "permit_issued" and action.get("lines"):
            for each in action["lines"]:
                each["units"] += more
            rows.append(json.dumps(action).encode())
        else:
            rows.append(line)
    return rows


def test_restoration_off(history: list[bytes]) -> None:
    """With units enough, every unit that was restored is forfeited, on its line, and nothing else differs."""
    run = ask(with_units(history, 1_000), "restoration=false")
    found = outcomes(run)
    restored = found.total.before["units_restored"]
    assert restored > 50
    assert 0 == found.total.after["units_restored"]
    assert found.total.before["units_forfeited"] + restored == found.total.after["units_forfeited"]
    moved: Counter[tuple[str, int]] = Counter()
    for each in found.registrations:
        assert each.before is not None
        assert each.after is not None
        assert each.before.unit is not None
        assert each.after.unit is not None
        if each.before.unit.state == "restored":
            assert "forfeited" == each.after.unit.state
            line = (each.before.unit.permit_id, int(each.before.unit.line))
            assert line == (each.after.unit.permit_id, int(each.after.unit.line))
            moved[line] += 1
    assert restored == sum(moved.values())
    assert dict(moved) == {
        (each.permit_id, each.line): each.after[4] - each.before[4] for each in found.lines
    }
    assert all(
        (0, -units, 0, 0, units) == each.difference
        for each, units in zip(
            found.lines, (moved[each.permit_id, each.line] for each in found.lines), strict=True
        )
    )
    assert restored == len(found.registrations) == len(run.differences)


def test_restoration_off_where_units_are_short(history: list[bytes]) -> None:
    """Where a line is full, who would take the unit just restored is refused: forfeited or still held."""
    run = ask(history, "restoration=false")
    found = outcomes(run)
    fates: Counter[str] = Counter()
    for each in found.registrations:
        if each.before is not None and each.before.unit is not None and each.before.unit.state == "restored":
            assert each.after is not None
            assert each.after.unit is not None
            fates[each.after.unit.state] += 1
    assert found.total.before["units_restored"] == sum(fates.values())
    assert {"forfeited", "held"} >= set(fates)
    refused = {each.registration_id for each in run.differences if each.after == "REFUSED QUOTA_EXHAUSTED"}
    assert fates["held"] <= len(refused)


@pytest.mark.parametrize(
    "change",
    [
        {"restoration": False},
        {"closure": "2023-07-24T00:00:00+07:00"},
        {"unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "registration"}},
        {"restore_if_valid_at": "closure"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_it_says_what_decide_says(history: list[bytes], tmp_path: Path, change: Json) -> None:
    """Registrations, lines and outcomes are those of `neraca decide --policy` on the same file."""
    policy = {**DEFAULT_POLICY, "version": "P-other", **change}
    before, after = decide(history, tmp_path), decide(history, tmp_path, policy)
    run = ask(history, policy=policy)
    found = outcomes(run)
    are, would_be = last_registrations(before), last_registrations(after)
    assert {key for key in are.keys() | would_be.keys() if are.get(key) != would_be.get(key)} == {
        each.known.registration_id for each in found.registrations
    }
    lines_are, lines_would_be = last_lines(before), last_lines(after)
    assert {
        key: (lines_are[key], lines_would_be[key])
        for key in lines_are
        if lines_are[key] != lines_would_be[key]
    } == {(each.permit_id, each.line): (each.before, each.after) for each in found.lines}
    for place, name in enumerate(ACCOUNTS):
        assert sum(line[place] for line in lines_are.values()) == found.total.units_before[name]
        assert sum(line[place] for line in lines_would_be.values()) == found.total.units_after[name]
    assert outcomes_of(before) == run.outcomes_before
    assert outcomes_of(after) == run.outcomes_after
    turned = {
        seq: (label(one), label(other))
        for seq, (one, other) in enumerate(zip(before, after, strict=True))
        if label(one) != label(other)
    }
    assert turned == {
        int(each.seq): (each.before, each.after) for each in run.differences if each.before != each.after
    }
    assert all(each.causes for each in run.differences)


def label(decision: Json) -> str:
    """Give the outcome and the code."""
    return f"{decision['outcome']} {decision['code']}" if "code" in decision else str(decision["outcome"])


def outcomes_of(decisions: Iterable[Json]) -> dict[str, int]:
    """Count by outcome and code."""
    return dict(Counter(map(label, decisions)))
