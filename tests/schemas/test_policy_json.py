"""A policy as JSON and as a file: contract §5, complete or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ledger.policy import default_policy
from schemas.errors import ShapeError
from schemas.policy_json import parse_policy, policy_json, read_policy_file
from schemas.records import Policy
from tests.schemas.strategies import POLICIES, patient
from tests.schemas.test_action_json import POLICY


@patient
@given(POLICIES)
def test_a_policy_survives_its_json(policy: Policy) -> None:
    """Writing and reading give the same policy."""
    assert repr(policy) == repr(parse_policy(policy_json(policy)))


def test_the_default_policy_is_the_contract_s() -> None:
    """`B.662-2023` in JSON is word by word what contract §5 has."""
    assert POLICY | {"version": "B.662-2023"} == json.loads(policy_json(default_policy()))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"closure": None}, "closure"),
        ({"closure": "2023-07-17"}, "closure"),
        ({"version": ""}, "version"),
        ({"unit_taken_at": {"SISKOTKLN": "registration"}}, "unit_taken_at.SIAPKERJA"),
        ({"agreement_not_required": ["P TO P"]}, "agreement_not_required"),
        ({"restore_if_valid_at": "departure"}, "restore_if_valid_at"),
        ({"clock_skew_seconds": -1}, "clock_skew_seconds"),
        ({"clock_skew_seconds": 300.0}, "clock_skew_seconds"),
        ({"restoration": "yes"}, "restoration"),
        ({"restoraton": True}, "restoraton"),
    ],
)
def test_what_breaks_the_shape_of_a_policy(change: dict[str, Any], field: str, tmp_path: Path) -> None:
    """Each break is told with its field, and with the file it stands in."""
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(POLICY | change), encoding="utf-8")
    with pytest.raises(ShapeError) as caught:
        read_policy_file(path)
    assert field == caught.value.field
    assert str(path) in str(caught.value)
    assert caught.value.advice


def test_a_policy_file_that_cannot_be_read(tmp_path: Path) -> None:
    """No file, a folder, other bytes than UTF-8, no JSON: each has its sentence."""
    other = tmp_path / "other.json"
    other.write_bytes(b"\xff")
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    for path in (tmp_path / "none.json", tmp_path, other, broken):
        with pytest.raises(ShapeError, match=r"policy"):
            read_policy_file(path)
