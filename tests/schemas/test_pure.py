"""Sources of ours do what their compiled modules do, byte for byte. Uncompiled, both are one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from producers.workload import Profile, actions
from tests.commands.console import ROOT, neraca

PROPERTIES = {
    "test_codec.py": [
        "test_encodes_as_fastavro_does",
        "test_decodes_as_fastavro_does",
        "test_canonical_bytes_are_told_from_others",
    ],
    "test_action_json.py": ["test_an_action_survives_its_json", "test_both_ways_of_reading_agree"],
    "test_decision_json.py": ["test_a_decision_survives_its_json"],
    "test_framing.py": ["test_an_action_comes_back_from_the_wire"],
    "test_instants.py": ["test_an_instant_survives_its_text", "test_the_quick_way_is_the_grammar"],
}


def pure(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a module on sources alone."""
    command = [sys.executable, "-m", "tests.schemas.pure", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, cwd=ROOT, check=False)


def test_the_properties_hold_for_the_sources() -> None:
    """What the suite shows of compiled modules is shown of their sources as well."""
    tests = [f"tests/schemas/{file}::{test}" for file, each in PROPERTIES.items() for test in each]
    run = pure("pytest", "-q", "-p", "no:cacheprovider", *tests)
    assert run.returncode == 0, (run.stdout + run.stderr).decode()


def test_a_history_has_the_same_decisions(tmp_path: Path) -> None:
    """`neraca decide` prints the same bytes, nonsense among the lines and all."""
    file = tmp_path / "actions.jsonl"
    lines = actions(11, 150, Profile(nonsense=0.05))
    file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    run = pure("neraca", "decide", "--check", file)
    assert run.returncode == 0, run.stderr.decode()
    assert neraca("decide", "--check", file).out == run.stdout
