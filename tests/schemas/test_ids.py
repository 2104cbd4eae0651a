"""Schema ids: from the deployment's lock file, or built in; never from other contracts than ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.avro import fingerprint, fingerprint_of, load_schema
from schemas.codec import VERSION
from schemas.compatibility import released_schema, released_versions
from schemas.ids import (
    BUILT_IN,
    NAMES,
    SchemaIdsError,
    built_in_ids,
    built_in_versions,
    load_ids,
    lock_json,
    locked_schemas,
)

ROOT = Path(__file__).parents[2]
BUILT_IN_IDS = {("Action", 1): 1, ("Decision", 1): 2, ("Policy", 1): 3, ("Action", 2): 4}


def test_the_built_in_lock_has_every_released_version() -> None:
    """The committed lock lists each form of each contract once, by the first version that had it."""
    expected: dict[tuple[str, str], int] = {}
    for version in released_versions():
        for name in NAMES:
            schema = released_schema(version, name)
            assert schema is not None
            expected.setdefault((name, fingerprint_of(schema)), version)
    locked = built_in_versions()
    assert expected == {(row.name, row.sha256): row.version for row in locked}
    assert sorted(locked, key=lambda row: row.version) == list(locked)
    assert released_versions()[-1] == VERSION


def test_the_built_in_ids_stay_what_they_are() -> None:
    """A record of a topic without a registry is told by these numbers for ever."""
    ids = built_in_ids()
    assert [4, 2, 3] == [ids.id_of(name) for name in NAMES]
    assert (4, 2) == (ids.action_id, ids.decision_id)
    names = ["Action", "Decision", "Policy", "Action", None]
    assert names == [ids.name_of(number) for number in (1, 2, 3, 4, 5)]
    assert [1, 0, 0, 2, 0] == [ids.action_version(number) for number in (1, 2, 3, 4, 5)]
    assert "Action v1" in repr(ids)


def test_what_needs_nothing_new_bears_the_old_id() -> None:
    """The id to write with is that of the oldest version that a record fits."""
    ids = built_in_ids()
    assert [1, 4, 4] == [ids.action_id_of(version) for version in (1, 2, 3)]


def test_the_newest_contracts_are_locked() -> None:
    """An edit that was not released has no id; what stands in the `.avsc` files has one."""
    locked = {row.name: row.sha256 for row in built_in_versions()}
    assert {name: fingerprint(name) for name in NAMES} == locked


def test_the_built_in_lock_is_what_a_registration_writes() -> None:
    """`lock_json` writes the committed file, and what it wrote is read as what it was told."""
    path = ROOT / "schemas" / BUILT_IN
    assert path.read_text(encoding="utf-8") == lock_json(BUILT_IN_IDS)
    assert BUILT_IN_IDS == {(row.name, row.version): row.schema_id for row in locked_schemas(path)}
    with pytest.raises(KeyError):
        lock_json({("Action", 1): 1})


def test_a_deployment_has_its_own_ids(tmp_path: Path) -> None:
    """A registry gives the ids that it likes."""
    path = tmp_path / "ids.json"
    path.write_text(
        lock_json({("Action", 1): 7, ("Action", 2): 2, ("Decision", 1): 100_007, ("Policy", 1): 1}),
        encoding="utf-8",
    )
    ids = load_ids(path)
    assert (2, 100_007) == (ids.action_id, ids.decision_id)
    assert [7, 2] == [ids.action_id_of(version) for version in (1, 2)]
    assert [1, 2, 0] == [ids.action_version(number) for number in (7, 2, 100_007)]
    assert ids.name_of(100_007) == "Decision"
    assert load_ids(None).action_id == 4


def test_a_lock_of_the_first_version_has_to_be_written_anew(tmp_path: Path) -> None:
    """A program whose new version nobody registered does not start; the old ids are taken over."""
    path = tmp_path / "ids.json"
    rows = json.loads((ROOT / "schemas" / BUILT_IN).read_text(encoding="utf-8"))["schemas"][:3]
    # As version 1 wrote it: without the version.
    path.write_text(json.dumps({"schemas": [{k: v for k, v in r.items() if k != "version"} for r in rows]}))
    with pytest.raises(SchemaIdsError, match="no id for Action of version 2"):
        load_ids(path)
    before = {(row.name, row.version): row.schema_id for row in locked_schemas(path)}
    path.write_text(lock_json({**before, ("Action", 2): 99}), encoding="utf-8")
    assert [1, 99] == [load_ids(path).action_id_of(version) for version in (1, 2)]


def changed(row: int, **change: Any) -> str:
    """The built-in lock with one row changed."""
    lock = json.loads(lock_json(BUILT_IN_IDS))
    lock["schemas"][row] |= change
    return json.dumps(lock)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no lock file"),
        ("[]", "no lock file"),
        ("{}", "no lock file"),
        ('{"schemas": []}', "no id for Action of version 1, Decision"),
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
