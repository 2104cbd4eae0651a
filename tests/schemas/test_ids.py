"""Schema ids: from the deployment's lock file, or built in; never from other contracts than ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.avro import fingerprint, load_schema
from schemas.ids import BUILT_IN, NAMES, SchemaIdsError, built_in_ids, load_ids, lock_json

ROOT = Path(__file__).parents[2]


def test_the_built_in_lock_is_of_today_s_contracts() -> None:
    """The committed lock file is what `lock_json` writes: its fingerprints are those of the contracts."""
    text = (ROOT / "schemas" / BUILT_IN).read_text(encoding="utf-8")
    assert lock_json({"Action": 1, "Decision": 2, "Policy": 3}) == text
    ids = built_in_ids()
    assert [1, 2, 3] == [ids.id_of(name) for name in NAMES]
    assert ["Action", "Decision", "Policy", None] == [ids.name_of(number) for number in (1, 2, 3, 4)]


def test_a_deployment_has_its_own_ids(tmp_path: Path) -> None:
    """A registry gives the ids that it likes."""
    path = tmp_path / "ids.json"
    path.write_text(lock_json({"Action": 2, "Decision": 100_007, "Policy": 1}), encoding="utf-8")
    ids = load_ids(path)
    assert (2, 100_007) == (ids.action_id, ids.decision_id)
    assert ids.name_of(100_007) == "Decision"
    assert load_ids(None).action_id == 1


def changed(row: int, **change: Any) -> str:
    """The built-in lock with one row changed."""
    lock = json.loads(lock_json({"Action": 1, "Decision": 2, "Policy": 3}))
    lock["schemas"][row] |= change
    return json.dumps(lock)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no lock file"),
        ("[]", "no lock file"),
        ("{}", "no lock file"),
        ('{"schemas": []}', "no id for Action, Decision, Policy"),
        (changed(0, sha256="00" * 32), "another Action"),
        (changed(0, name="Candidate"), "another Candidate"),
        (changed(0, id="1"), "gives Action the id '1'"),
        (changed(0, id=0), "gives Action the id 0"),
        (changed(1, id=1), "gives Decision the id 1"),
    ],
)
def test_a_lock_that_does_not_fit_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    """A wrong id would make every record unreadable: it is refused at the start."""
    path = tmp_path / "ids.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaIdsError, match=reason) as caught:
        load_ids(path)
    assert str(path) in str(caught.value)
    assert caught.value.advice


def test_a_lock_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """A file that was named must be there: the built-in ids are no fallback for it."""
    with pytest.raises(SchemaIdsError, match="cannot be read"):
        load_ids(tmp_path / "ids.json")


@pytest.mark.parametrize("name", NAMES)
def test_a_contract_loads_whole(name: str) -> None:
    """A registry takes each contract by itself: nothing in it refers to another file."""
    schema = load_schema(name)
    assert name == schema["name"]
    assert len(fingerprint(name)) == 64
