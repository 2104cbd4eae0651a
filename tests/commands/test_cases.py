"""The cases of the domain's table through `neraca decide`, from the folder beside the repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neraca.cli import main
from tests.commands.console import ROOT, lines_of

Json = dict[str, Any]

FILES = sorted((ROOT.parent / "shared" / "cases").glob("*.json"))

if FILES:

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
    def test_case_ends_as_its_file_expects(
        file: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        """Every decision that the command prints is what the file of the case expects of it."""
        case = json.loads(file.read_text(encoding="utf-8"))
        actions = tmp_path / "actions.jsonl"
        actions.write_bytes(lines_of(case["actions"]))
        with pytest.raises(SystemExit) as caught:
            main(["decide", "--check", str(actions)])
        assert caught.value.code == 0
        decisions = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
        expectations = {expected["seq"]: expected for expected in case["expect"]}
        assert list(range(len(case["actions"]))) == [decision["seq"] for decision in decisions]
        for decision in decisions:
            expected = expectations.pop(decision["seq"], {"outcome": "ACCEPTED"})
            assert expected == _asked(expected, decision, decisions[: decision["seq"] + 1])
        assert {} == expectations


def _asked(expected: Json, decision: Json, so_far: list[Json]) -> Json:
    """Of a decision, and of what the journal says so far, what the file asks for, in its words."""
    found: Json = {}
    for name in expected:
        if name == "postings":
            found[name] = [
                f"{p['permit_id']}/{p['line']} {p['from']}>{p['to']} {p['units']}"
                for p in decision["postings"]
            ]
        elif name == "balances":
            found[name] = {line: _balance(line, so_far) for line in expected[name]}
        elif name == "registrations":
            found[name] = {
                each: _standing(each, list(fields), so_far) for each, fields in expected[name].items()
            }
        else:
            found[name] = decision[name]
    return found


def _balance(line: str, so_far: list[Json]) -> list[int]:
    """The five figures of a line after its last posting."""
    accounts = ("granted", "available", "reserved", "departed", "forfeited")
    figures = [0] * 5
    for decision in so_far:
        for posting in decision["postings"]:
            if line == f"{posting['permit_id']}/{posting['line']}":
                figures = [posting[account] for account in accounts]
    return figures


def _standing(registration_id: str, fields: list[str], so_far: list[Json]) -> Json:
    """How a registration stands after the last decision that changed it."""
    last: Json = {}
    for decision in so_far:
        for registration in decision["registrations"]:
            if registration["registration_id"] == registration_id:
                last = registration
    unit = last["unit"]
    spoken = last | {
        "stages": list(last["stages"]),
        "unit": None if unit is None else f"{unit['permit_id']}/{unit['line']} {unit['state']}",
    }
    return {field: spoken[field] for field in fields}
