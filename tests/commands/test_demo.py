"""`neraca demo`: a whole cutover, small, on a stack of its own, and its report against the rules alone."""

import fcntl
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from neraca.commands.demo import MARKER
from neraca.settings import Settings
from producers.workload import actions
from tests.commands.console import ROOT, neraca

SEED, CANDIDATES = 3, 300


def test_demo_ends_in_balances_that_add_up_and_leaves_nothing(tmp_path: Path) -> None:
    """What it reports is what the rules make of that history; its folder and processes are gone."""
    home = tmp_path / "demo"
    page = tmp_path / "cutover.html"
    said = neraca(
        "demo", "--seed", str(SEED), "--candidates", str(CANDIDATES), "--home", home, "--stop", "--json",
        "--report", page,
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
    text = page.read_text(encoding="utf-8")
    assert f"As of decision (seq) {len(decisions) - 1:,} of the journal" in text
    units = f"<b>{summary['units_stranded']:,}</b>stranded"
    assert units in text, "the page, from the journal, tells what the tables tell"
    assert not home.exists()
    assert "" == said.err, "progress is for a terminal"


def test_an_interrupted_demo_is_no_obstacle_to_the_next(tmp_path: Path) -> None:
    """Whatever the moment: the folder is known as a demo's, and a demo that cannot finish says why."""
    home = tmp_path / "demo"
    with subprocess.Popen([sys.executable, "-m", "neraca", "demo", "--home", home], cwd=ROOT) as interrupted:
        while not home.exists():
            assert interrupted.poll() is None
            time.sleep(0.01)
        interrupted.send_signal(signal.SIGINT)
    assert 130 == interrupted.returncode
    said = neraca("demo", "--candidates", "20", "--home", home, "--stop", "--json", timeout_seconds=300)
    assert 0 == said.code, said.err
    assert not home.exists()


def test_demo_removes_only_what_a_demo_made(tmp_path: Path) -> None:
    """A folder that holds something else stays as it is, and the message names it."""
    (tmp_path / "letter.txt").write_text("keep me")
    said = neraca("demo", "--home", tmp_path)
    assert 2 == said.code
    assert str(tmp_path) in said.err
    assert ["letter.txt"] == sorted(path.name for path in tmp_path.iterdir())
    assert not (tmp_path / MARKER).exists()


def test_a_running_demo_is_left_alone(tmp_path: Path) -> None:
    """A second demo in the folder of one that runs is refused by name, and touches nothing."""
    (tmp_path / "work").write_text("of the first")
    with (tmp_path / MARKER).open("ab") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        said = neraca("demo", "--home", tmp_path)
    assert 2 == said.code
    assert f"a demo is running in {tmp_path}" in said.err
    assert ["made-by-neraca-demo", "work"] == sorted(path.name for path in tmp_path.iterdir())
