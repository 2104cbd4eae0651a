"""The sixteen cases of the domain's table, through the rules alone.

They are kept beside the repository, as files of `actions` and what to `expect`, and are run from there where
they are; `test_effects.py` tells the same sixteen in its own words, so that a lone clone tests them as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.story import Story

FOLDER = Path(__file__).parents[3] / "shared" / "cases"
FILES = sorted(FOLDER.glob("*.json"))

if FILES:

    @pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
    def test_case_ends_as_its_file_expects(file: Path) -> None:
        """Every decision of a case has the outcome, postings, balances and registrations of its file."""
        case = json.loads(file.read_text(encoding="utf-8"))
        expectations = {expected["seq"]: expected for expected in case["expect"]}
        story = Story()
        stands: dict[str, dict[str, Any]] = {}
        for seq, action in enumerate(case["actions"]):
            decision = story.tell(action)
            stands |= {each["registration_id"]: each for each in decision["registrations"]}
            expected = expectations.pop(seq, {"outcome": "ACCEPTED"})
            expected.pop("seq", None)
            assert expected == _asked(expected, decision, story, stands)
        assert {} == expectations


def _asked(
    expected: dict[str, Any], decision: dict[str, Any], story: Story, stands: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Give of a decision what the file asks for, in the file's words."""
    found: dict[str, Any] = {}
    for name, value in expected.items():
        if name == "postings":
            found[name] = [posting_in_words(posting) for posting in decision["postings"]]
        elif name == "balances":
            found[name] = {line: story.balance(line) for line in value}
        elif name == "registrations":
            found[name] = {
                registration_id: _as_asked(stands[registration_id], fields)
                for registration_id, fields in value.items()
            }
        else:
            found[name] = decision[name]
    return found


def posting_in_words(posting: dict[str, Any]) -> str:
    """Give `PERMIT/LINE from>to units`."""
    return f"{posting['permit_id']}/{posting['line']} {posting['from']}>{posting['to']} {posting['units']}"


def _as_asked(registration: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    unit = registration["unit"]
    in_words = {
        **registration,
        "unit": unit and f"{unit['permit_id']}/{unit['line']} {unit['state']}",
        "stages": list(registration["stages"]),
    }
    return {name: in_words[name] for name in fields}
