"""`neraca demo`: a whole cutover, small, on a stack of its own, and its report against the rules alone."""

import json
from collections import Counter
from pathlib import Path

from neraca.commands.demo import MARKER
from neraca.settings import Settings
from producers.workload import actions
from tests.commands.console import neraca

SEED, CANDIDATES = 3, 300


def test_demo_ends_in_balances_that_add_up_and_leaves_nothing(tmp_path: Path) -> None:
    """What it reports is what the rules make of that history; its folder and processes are gone."""
    home = tmp_path / "demo"
    said = neraca(
        "demo", "--seed", str(SEED), "--candidates", str(CANDIDATES), "--home", home, "--stop", "--json",
        settings=Settings(home=home),
        timeout_seconds=300,
    )  # fmt: skip
    assert 0 == said.code, said.err
    report = json.loads(said.out)

    history = "\n".join(actions(SEED, CANDIDATES)).encode() + b"\n"
    decisions = neraca("decide", "-", stdin=history).decisions
    assert len(decisions) == report["actions"]
    outcomes = Counter(decision["outcome"] for decision in decisions)
    assert outcomes == {row["outcome"]: row["actions"] for row in report["outcomes"]}
    codes = Counter(decision["code"] for decision in decisions if "code" in decision)
    assert codes == {row["code"]: row["actions"] for row in report["refusals"]}
    assert 0 == sum(row["balances"] for row in report["trial_balance"])
    assert {0} == {row["difference"] for row in report["trial_balance"]}
    summary = report["summary"]
    reregistered = {
        registration["registration_id"]
        for decision in decisions
        for registration in decision["registrations"]
        if registration["reregistered_as"] is not None
    }
    assert len(reregistered) == summary["reregistered"]
    assert not home.exists()


def test_demo_removes_only_what_a_demo_made(tmp_path: Path) -> None:
    """A folder that holds something else stays as it is, and the message names it."""
    (tmp_path / "letter.txt").write_text("keep me")
    said = neraca("demo", "--home", tmp_path)
    assert 2 == said.code
    assert str(tmp_path) in said.err
    assert ["letter.txt"] == sorted(path.name for path in tmp_path.iterdir())
    assert not (tmp_path / MARKER).exists()
