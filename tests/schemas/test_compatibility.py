"""Contracts of different versions read each other: judged by the rules, and by fastavro on real records."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.avro import load_schema
from schemas.compatibility import (
    check,
    incompatible,
    lossy,
    malformed,
    release,
    released_schema,
    released_versions,
    unreadable,
)
from tests.schemas.strategies import any_of, patient, schema_of, without_logical_types

Schema = dict[str, Any]


def test_every_released_version_and_today_s_read_each_other() -> None:
    """`FULL_TRANSITIVE`: no change of a contract cuts a reader off from the journal, old or new."""
    assert [] == check()
    assert released_versions()


def test_today_s_contracts_are_released() -> None:
    """The newest released version is what stands in the `.avsc` files: a change is a release."""
    newest = released_versions()[-1]
    for name in ("Action", "Decision", "Policy"):
        assert load_schema(name) == released_schema(newest, name)


def versions_of(name: str) -> list[Schema]:
    """Every released version of a contract, and today's; logical types are none here."""
    released = [released_schema(version, name) for version in released_versions()]
    return [without_logical_types(schema) for schema in (*released, load_schema(name)) if schema is not None]


VERSIONS = {name: versions_of(name) for name in ("Action", "Decision")}
PARSED = {name: [parse_schema(copy.deepcopy(schema)) for schema in VERSIONS[name]] for name in VERSIONS}
DATA = {name: [any_of(schema) for schema in VERSIONS[name]] for name in VERSIONS}


@pytest.mark.parametrize("name", ["Action", "Decision"])
@settings(patient, max_examples=15)
@given(st.data())
def test_fastavro_resolves_records_of_every_version(name: str, chosen: st.DataObject) -> None:
    """A record written with any version is read with any other by a library that knows none of our rules."""
    for writer, written in zip(PARSED[name], DATA[name], strict=True):
        datum = chosen.draw(written)
        for reader in PARSED[name]:
            assert resolves(writer, reader, datum)


def resolves(writer: Any, reader: Any, datum: Any) -> bool:
    """Whether fastavro reads with one schema what it wrote with the other; any error of its says no."""
    out = io.BytesIO()
    schemaless_writer(out, writer, datum)
    try:
        schemaless_reader(io.BytesIO(out.getvalue()), writer, reader)
    except Exception:  # noqa: BLE001 - it has an error of its own for each way to fail
        return False
    return True


def record(*fields: Schema, name: str = "R") -> Schema:
    """A record of those fields."""
    return {"type": "record", "name": name, "fields": list(fields)}


def field(kind: Any, **more: Any) -> Schema:
    """A field named `f`."""
    return {"name": "f", "type": kind, **more}


def enum(*symbols: str, **more: Any) -> Schema:
    """An enum of those symbols."""
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


def listed(items: Any) -> Schema:
    """An array."""
    return {"type": "array", "items": items}


def mapped(values: Any) -> Schema:
    """A map."""
    return {"type": "map", "values": values}


def fixed(size: int) -> Schema:
    """Bytes of that size."""
    return {"type": "fixed", "name": "F", "size": size}


F = record(field("long"))
G = {"name": "g", "type": "long"}
INNER = record(field("long"), name="I")
# Old contract, new contract, whether the new reads old data, whether the old reads new data.
CASES = {
    "nothing changed": (F, F, True, True),
    "a field with a default added": (F, record(field("long"), G | {"default": 0}), True, True),
    "a field without a default added": (F, record(field("long"), G), False, True),
    "a number widened": (record(field("int")), F, True, False),
    "bytes for text": (record(field("bytes")), record(field("string")), True, True),
    "a number for text": (F, record(field("string")), False, False),
    "made optional": (F, record(field(["null", "long"])), True, False),
    "a branch added": (record(field(["null", "int"])), record(field(["null", "int", "string"])), True, False),
    "a symbol, no default": (record(field(enum("A"))), record(field(enum("A", "B"))), True, False),
    "a symbol, with default": (
        record(field(enum("A", default="A"))),
        record(field(enum("A", "B", default="A"))),
        True,
        True,
    ),
    "an array of wider numbers": (record(field(listed("int"))), record(field(listed("long"))), True, False),
    "another size": (record(field(fixed(4))), record(field(fixed(8))), False, False),
    "a field renamed": (F, record(G), False, False),
    "a field renamed, with an alias": (F, record(G | {"aliases": ["f"]}), True, False),
    "a record inside changed": (
        record(field(INNER)),
        record(field(record(field("long"), G, name="I"))),
        False,
        True,
    ),
    "a map of other values": (record(field(mapped("long"))), record(field(mapped("string"))), False, False),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rules_one_by_one(case: str) -> None:
    """Old data with the new contract, and new data with the old one, each judged by itself."""
    old, new, new_reads_old, old_reads_new = CASES[case]
    assert new_reads_old == (not unreadable(new, old)), unreadable(new, old)
    assert old_reads_new == (not unreadable(old, new)), unreadable(old, new)
    assert (new_reads_old and old_reads_new) == (not incompatible(new, old))


@pytest.mark.parametrize("case", CASES)
@patient
@given(st.data())
def test_fastavro_agrees_with_the_rules(case: str, chosen: st.DataObject) -> None:
    """What the rules call readable fastavro reads, whatever the record."""
    old, new, new_reads_old, old_reads_new = CASES[case]
    parsed_old, parsed_new = parse_schema(copy.deepcopy(old)), parse_schema(copy.deepcopy(new))
    if new_reads_old:
        assert resolves(parsed_old, parsed_new, chosen.draw(any_of(old)))
    if old_reads_new:
        assert resolves(parsed_new, parsed_old, chosen.draw(any_of(new)))


@pytest.mark.parametrize("place", range(11))
def test_a_field_that_was_taken_out_is_found(place: int) -> None:
    """Taking a field without a default out of the decision is told with its path; with one, it may go."""
    old = schema_of("Decision")
    new = copy.deepcopy(old)
    removed = new["fields"].pop(place)
    found = incompatible(new, old)
    assert ("default" in removed) == (not found)
    told = [text for text in found if f"Decision.{removed['name']}" in text]
    assert bool(told) == bool(found)


def test_a_release_keeps_what_stands(tmp_path: Path) -> None:
    """Each release is a folder of self-contained schemas, numbered from 1."""
    assert tmp_path / "v1" == release(tmp_path)
    assert tmp_path / "v2" == release(tmp_path)
    assert [1, 2] == released_versions(tmp_path)
    assert load_schema("Action") == released_schema(2, "Action", tmp_path)
    assert [] == check(tmp_path)
    assert released_schema(3, "Action", tmp_path) is None


def test_a_release_that_is_not_compatible_is_told(tmp_path: Path) -> None:
    """A version whose decision lacks a field that has no default stands against today's."""
    made = release(tmp_path) / "decision.avsc"
    made.write_text(
        made.read_text(encoding="utf-8").replace('"name": "policy"', '"name": "rules"'), encoding="utf-8"
    )
    assert any("v1: " in text and "policy" in text for text in check(tmp_path))


def _field(schema: Schema, name: str) -> Schema:
    return next(field for field in schema["fields"] if field["name"] == name)


def _append(schema: Schema) -> None:
    schema["fields"].append({"name": "note", "type": ["null", "string"], "default": None})
    _field(schema, "kind")["type"]["symbols"].append("consulate_noted")


def _insert(schema: Schema) -> None:
    schema["fields"].insert(3, {"name": "note", "type": ["null", "string"], "default": None})


def _rename(schema: Schema) -> None:
    _field(schema, "reason")["name"] = "why"


def _millis(schema: Schema) -> None:
    _field(schema, "occurred_at")["type"]["logicalType"] = "timestamp-millis"


def _drop_symbol(schema: Schema) -> None:
    _field(schema, "kind")["type"]["symbols"].remove("documents_verified")


def _drop_field(schema: Schema) -> None:
    schema["fields"].remove(_field(schema, "channel"))


@pytest.mark.parametrize("change", [_insert, _rename, _millis, _drop_symbol, _drop_field])
def test_what_avro_allows_and_a_journal_does_not(change: Callable[[Schema], None]) -> None:
    """Each of these resolves by the specification, and would change what an old record says."""
    new = load_schema("Action")
    change(new)
    assert [] != lossy(new, load_schema("Action"))


def test_what_is_appended_keeps_every_meaning() -> None:
    """A nullable field and a symbol at the end: the way in which the contracts grow."""
    new = load_schema("Action")
    _append(new)
    assert [] == lossy(new, load_schema("Action"))
    assert [] == incompatible(new, load_schema("Action"))
    assert [] == malformed(new)


def test_a_contract_that_no_tool_can_load_is_refused() -> None:
    """A default of the wrong type, and a field that is there twice."""
    wrong_default = load_schema("Action")
    wrong_default["fields"].append({"name": "note", "type": "int", "default": "no"})
    assert [] != malformed(wrong_default)
    twice = load_schema("Action")
    twice["fields"].append({"name": "reason", "type": ["null", "string"], "default": None})
    assert [] != malformed(twice)
