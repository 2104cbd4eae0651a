"""docs/openapi.json is what the gateway does: made from the same tables, and asked against the real thing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.refusals import REFUSALS
from neraca.gateway import description
from producers.gateway.examples import ACTIONS, DECISION
from schemas.action_json import parse_action
from schemas.decision_json import decision_json
from schemas.decision_reader import parse_decision
from schemas.kinds import KINDS
from tests.gateway.desk import HQ, Desk, action, permit


def test_it_is_not_stale() -> None:
    """The committed description is the one that `python -m neraca.gateway.description` writes."""
    assert description.text() == description.FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_of_every_kind(kind: str) -> None:
    """Each kind has an example whose shape is in order, sent from an office that may."""
    read = parse_action(json.dumps(ACTIONS[kind] | {"officer": "o-1"}), entered_at_default=(0, 0))
    assert kind == read.kind
    assert read.office_type in KINDS[kind].offices[read.system]


def test_an_example_of_every_refusal() -> None:
    """Each code of the rules is shown with its two sentences."""
    document = json.loads(description.text())
    shown = document["paths"]["/v1/actions"]["post"]["responses"]["409"]["content"]
    examples = shown["application/problem+json"]["examples"]
    assert {code: (refusal.english, refusal.indonesian) for code, refusal in REFUSALS.items()} == {
        code: (one["value"]["english"], one["value"]["indonesian"]) for code, one in examples.items()
    }


def test_the_example_of_a_decision() -> None:
    """It is a decision as the ledger writes it."""
    assert DECISION == json.loads(decision_json(parse_decision(json.dumps(DECISION))))


@pytest.mark.slow
def test_schemathesis_finds_nothing(desk: Desk, word: str, tmp_path: Path) -> None:
    """Requests made from the description, right and wrong ones: no server error, no answer that it does not
    tell.

    What JSON Schema cannot say (dates in order, bytes instead of characters) is refused although the
    description allows it: that one check is left out.
    """
    desk.accept(*permit(f"S-{word}", 1), action("destination_closed", **HQ, destination="JP"))
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", desk.url("/openapi.json")),
            *("--header", f"Authorization: Bearer {desk.key}", "--phases", "examples,fuzzing"),
            *(
                "--max-examples",
                "15",
                "--seed",
                "1",
                "--exclude-checks",
                "positive_data_acceptance",
                "--no-color",
            ),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert 0 == done.returncode, done.stdout[-4_000:]
