"""Several versions of a contract on the wire: one codec reads them all, each by the version of its id.

The codec of today reads every released version. What the generator would write for the next version is shown
with one of our own: fields and symbols at the end of everything. fastavro, which resolves by the Avro
specification and knows none of our rules, is the judge.
"""

from __future__ import annotations

import copy
import importlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec, records
from schemas.action_json import read_action_line
from schemas.avro import load_schema
from schemas.codec import VERSION
from schemas.compatibility import incompatible, lossy, malformed, released_schema, released_versions
from schemas.errors import UnreadableRecord
from schemas.framing import decode_action_value, frame
from schemas.generate import Generator, attribute, write_modules
from schemas.ids import built_in_ids, built_in_versions
from schemas.kinds import KINDS
from tests.ledger.golden import FOLDER, kept
from tests.schemas.strategies import any_of, patient, without_logical_types
from tests.schemas.test_action_json import REGISTERED

Schema = dict[str, Any]
NAMES = ("Action", "Decision")
BOTH = pytest.mark.parametrize("name", NAMES)


def released(version: int, name: str) -> Schema:
    """A contract as a version had it."""
    schema = released_schema(version, name)
    assert schema is not None
    return schema


RELEASED = [[released(version, name) for name in NAMES] for version in released_versions()]


def _named(schema: Any, name: str) -> Schema:
    """A named type inside a schema."""
    found: list[Schema] = []

    def search(node: Any) -> None:
        if isinstance(node, list):
            for branch in node:
                search(branch)
        elif isinstance(node, dict):
            if node.get("name") == name and "type" in node:
                found.append(node)
            for inner in node.values():
                search(inner)

    search(schema)
    return found[0]


def _next_action() -> Schema:
    """The action as a next version might have it: fields of every kind appended, at every level."""
    schema = copy.deepcopy(load_schema("Action"))
    _named(schema, "Kind")["symbols"] += ["visa_granted", "visa_refused"]
    _named(schema, "Scheme")["symbols"].append("SEASONAL")
    _named(schema, "Evidence")["fields"].append({"name": "pages", "type": "int", "default": 1, "doc": ""})
    _named(schema, "Policy")["fields"].append({"name": "grace_days", "type": "long", "default": 0, "doc": ""})
    visa = {
        "type": "record",
        "name": "Visa",
        "doc": "A visa.",
        "fields": [
            {"name": "number", "type": "string", "doc": ""},
            {"name": "days", "type": "int", "doc": ""},
        ],
    }
    mode = {"type": "enum", "name": "Mode", "default": "air", "symbols": ["air", "sea", "land"]}
    schema["fields"] += [
        {"name": "note", "type": ["null", "string"], "default": None, "doc": ""},
        {"name": "visa", "type": ["null", visa], "default": None, "doc": ""},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": [], "doc": ""},
        {"name": "is_urgent", "type": "boolean", "default": False, "doc": ""},
        {"name": "priority", "type": "long", "default": 3, "doc": ""},
        {"name": "channel_hint", "type": "string", "default": "desk", "doc": ""},
        {"name": "mode", "type": mode, "default": "sea", "doc": ""},
    ]
    return schema


def _next_decision() -> Schema:
    """The decision as a next version might have it."""
    schema = copy.deepcopy(load_schema("Decision"))
    _named(schema, "Registration")["fields"].append(
        {"name": "visa_number", "type": ["null", "string"], "default": None, "doc": ""}
    )
    _named(schema, "Policy")["fields"].append({"name": "grace_days", "type": "long", "default": 0, "doc": ""})
    schema["fields"].append({"name": "remarks", "type": ["null", "string"], "default": None, "doc": ""})
    return schema


NEXT = {"Action": _next_action(), "Decision": _next_decision()}


class Codec(NamedTuple):
    """A generated codec with what it was made for.

    Attributes:
        module: `codec.py`.
        records: `records.py`.
        schemas: The contracts that it writes.

    """

    module: ModuleType
    records: ModuleType
    schemas: dict[str, Schema]


TODAY = Codec(codec, records, {name: load_schema(name) for name in NAMES})


@pytest.fixture(scope="module")
def next_codec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Codec]:
    """The modules that the generator writes for the next version."""
    folder = tmp_path_factory.mktemp("next")
    write_modules(folder, Generator([NEXT[name] for name in NAMES], RELEASED))
    (folder / "next_records.py").write_bytes((folder / "records.py").read_bytes())
    text = (folder / "codec.py").read_text(encoding="utf-8")
    (folder / "next_codec.py").write_text(
        text.replace("from schemas.records import", "from next_records import"), encoding="utf-8"
    )
    sys.path.insert(0, str(folder))
    try:
        yield Codec(importlib.import_module("next_codec"), importlib.import_module("next_records"), NEXT)
    finally:
        sys.path.remove(str(folder))
        for name in ("next_codec", "next_records"):
            sys.modules.pop(name, None)


def plain(schema: Schema) -> Schema:
    """The schema as fastavro shall see it: numbers stay numbers."""
    made = without_logical_types(copy.deepcopy(schema))
    assert isinstance(made, dict)
    return made


def written(schema: Schema, datum: Any) -> bytes:
    """What fastavro writes."""
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(plain(schema)), datum)
    return out.getvalue()


def resolved(writer: Schema, reader: Schema, avro: bytes) -> Any:
    """What fastavro reads with one schema of what was written with another."""
    return schemaless_reader(io.BytesIO(avro), parse_schema(plain(writer)), parse_schema(plain(reader)))


def datum_of(record: Any, schema: Schema) -> Any:
    """The datum of fastavro for a record of a generated codec."""
    if isinstance(record, list):
        return [datum_of(item, schema) for item in record]
    name = type(record).__name__
    if name in ("str", "int", "bytes", "bool", "NoneType"):
        return record
    fields = [field["name"] for field in _named(schema, name)["fields"]]
    return {each: datum_of(getattr(record, attribute(each)), schema) for each in fields}


def check_reading(read_by: Codec, name: str, version: int, writer: Schema, datum: Any) -> None:
    """Bytes of a version are read as fastavro resolves them, to the last byte and not from any less."""
    avro = written(writer, datum)
    decode = getattr(read_by.module, f"decode_{name.lower()}")
    record = decode(avro, version)
    schema = read_by.schemas[name]
    assert resolved(writer, schema, avro) == datum_of(record, schema)
    for wrong in (avro[:-1], avro + b"\x00"):
        with pytest.raises(read_by.module.MalformedRecordError):
            decode(wrong, version)


@BOTH
@patient
@given(st.data())
def test_todays_codec_reads_every_released_version(name: str, chosen: st.DataObject) -> None:
    """What any version wrote is read as the Avro specification resolves it."""
    for version, schemas in enumerate(RELEASED, 1):
        writer = dict(zip(NAMES, schemas, strict=True))[name]
        check_reading(TODAY, name, version, writer, chosen.draw(any_of(writer)))


@BOTH
@patient
@given(chosen=st.data())
def test_the_next_codec_reads_every_version(name: str, chosen: st.DataObject, next_codec: Codec) -> None:
    """Records that end before a field that came later take its default, at every depth; its own are whole."""
    assert len(RELEASED) + 1 == next_codec.module.VERSION
    for version, schemas in enumerate([*RELEASED, [NEXT[each] for each in NAMES]], 1):
        writer = dict(zip(NAMES, schemas, strict=True))[name]
        check_reading(next_codec, name, version, writer, chosen.draw(any_of(writer)))


@BOTH
@patient
@given(chosen=st.data())
def test_what_needs_nothing_new_keeps_its_bytes(name: str, chosen: st.DataObject, next_codec: Codec) -> None:
    """A program of the next version writes what an earlier one could say as that one did: so hashes stay."""
    for version, schemas in enumerate(RELEASED, 1):
        writer = dict(zip(NAMES, schemas, strict=True))[name]
        avro = written(writer, chosen.draw(any_of(writer)))
        record = getattr(next_codec.module, f"decode_{name.lower()}")(avro, version)
        assert avro == getattr(next_codec.module, f"encode_{name.lower()}")(record)
        assert version >= getattr(next_codec.module, f"{name.lower()}_version")(record)


@BOTH
@patient
@given(chosen=st.data())
def test_what_is_new_is_written_whole(name: str, chosen: st.DataObject, next_codec: Codec) -> None:
    """What needs the next version is written as fastavro writes it, and read again in the version it says."""
    datum = chosen.draw(any_of(NEXT[name]))
    avro = written(NEXT[name], datum)
    decode = getattr(next_codec.module, f"decode_{name.lower()}")
    cursor = next_codec.module.Cursor(avro)
    record = getattr(next_codec.module, f"read_{name.lower()}")(cursor)
    again = getattr(next_codec.module, f"encode_{name.lower()}")(record)
    version = getattr(next_codec.module, f"{name.lower()}_version")(record)
    assert (avro == again) == cursor.canonical
    assert datum == datum_of(decode(again, version), NEXT[name])
    if version <= VERSION:
        assert len(again) < len(avro)
        with pytest.raises(next_codec.module.MalformedRecordError):
            decode(again)
    elif getattr(next_codec.module, f"{name.lower()}_layout")(record) > VERSION:
        assert avro == again


@BOTH
def test_the_next_version_is_one_that_may_be_released(name: str) -> None:
    """The version that these tests invent keeps the rules for a change of a contract."""
    today = load_schema(name)
    assert [] == malformed(NEXT[name]) + incompatible(NEXT[name], today) + lossy(NEXT[name], today)


def digest(module: ModuleType, record: Any) -> bytes:
    """The content of an action, of which its digest is the hash."""
    out = module.BytesWriter()
    module.write_action_content(out, record)
    content: bytes = out.getvalue() + module.added_action_content(record)
    return content


@patient
@given(chosen=st.data())
def test_the_content_of_an_action_stays_what_it_was(chosen: st.DataObject, next_codec: Codec) -> None:
    """The same action sent again, by a program of the next version, is still the same action."""
    old = RELEASED[0][0]
    avro = written(old, chosen.draw(any_of(old)))
    before = digest(codec, codec.decode_action(avro, 1))
    again = next_codec.module.decode_action(avro, 1)
    assert before == digest(next_codec.module, again)
    whole = written(NEXT["Action"], resolved(old, NEXT["Action"], avro))
    assert before == digest(next_codec.module, next_codec.module.decode_action(whole))


@pytest.mark.parametrize(
    ("change", "is_content"),
    [
        ({"note": "x"}, True),
        ({"visa": {"number": "1", "days": 30}}, True),
        ({"tags": ["a"]}, True),
        ({"is_urgent": True}, True),
        ({"priority": 4}, True),
        ({"channel_hint": "phone"}, True),
        ({"mode": "air"}, True),
        ({"note": None, "tags": [], "priority": 3, "mode": "sea"}, False),
        ({"sealed": "{}"}, False),
        ({"entered_at": 7}, False),
    ],
)
def test_what_is_added_is_content(change: Schema, is_content: bool, next_codec: Codec) -> None:  # noqa: FBT001 - a column of the table
    """A field that came later makes another action of it, unless it says its default."""
    today = load_schema("Action")
    datum = resolved(today, NEXT["Action"], read_action_line(json.dumps(REGISTERED)).avro)
    contents = [
        digest(next_codec.module, next_codec.module.decode_action(written(NEXT["Action"], each)))
        for each in (datum, datum | change)
    ]
    assert is_content == (contents[0] != contents[1])


def test_no_two_changes_of_content_are_one(next_codec: Codec) -> None:
    """What one added field says cannot be taken for what another says."""
    avro = read_action_line(json.dumps(REGISTERED)).avro
    datum = resolved(load_schema("Action"), NEXT["Action"], avro)
    changes: list[Schema] = [
        {"note": "a"},
        {"tags": ["a"]},
        {"channel_hint": "a"},
        {"note": "a", "tags": ["a"]},
        {"note": "aa"},
        {"is_urgent": True},
        {"priority": 1},
        {"mode": "land"},
    ]
    found = {
        digest(next_codec.module, next_codec.module.decode_action(written(NEXT["Action"], datum | change)))
        for change in changes
    }
    assert len(changes) == len(found)


# ---------------------------------------------------------------- version 2, and a program of version 1

IDS = built_in_ids()
FIRST_ID = 1
REASSIGNED = {
    "action_id": "018952d4-0c1a-7000-8000-000000000001",
    "kind": "registration_reassigned",
    "system": "BP2MI",
    "office": {"type": "HQ", "code": "HQ"},
    "officer": "o-1",
    "occurred_at": "2023-08-01T10:00:00+07:00",
    "entered_at": "2023-08-01T10:00:00+07:00",
    "registration_id": "R-1",
    "person_id": "p-2",
    "second_officer": "o-2",
    "reason": "one NIK, two people",
}


def test_both_versions_are_read_by_their_ids() -> None:
    """The same bytes under either id are the same action, with the same digest."""
    avro = read_action_line(json.dumps(REGISTERED)).avro
    first, second = (decode_action_value(frame(each, avro), IDS) for each in (FIRST_ID, IDS.action_id))
    assert (repr(first.action), first.digest, first.avro) == (repr(second.action), second.digest, second.avro)


def test_a_kind_is_none_in_a_version_that_lacks_it() -> None:
    """A record with the id of the first version and a kind of the second is unreadable."""
    avro = read_action_line(json.dumps(REASSIGNED)).avro
    assert "registration_reassigned" == decode_action_value(frame(IDS.action_id, avro), IDS).action.kind
    with pytest.raises(UnreadableRecord, match="no symbol 29 in the enum"):
        decode_action_value(frame(FIRST_ID, avro), IDS)
    with pytest.raises(Exception, match="list index out of range"):
        resolved(RELEASED[0][0], RELEASED[0][0], avro)


def test_a_program_of_version_1_knows_no_record_of_version_2() -> None:
    """It does not know the id; by Avro's own rules the kind would be `unrecognised`: never another kind."""
    first = type(IDS)(tuple(row for row in built_in_versions() if row.version == 1))
    avro = read_action_line(json.dumps(REASSIGNED)).avro
    with pytest.raises(UnreadableRecord, match=f"nobody knows schema id {IDS.action_id}"):
        decode_action_value(frame(IDS.action_id, avro), first)
    read = resolved(RELEASED[1][0], RELEASED[0][0], avro)
    assert "unrecognised" == read["kind"]
    assert "unrecognised" not in KINDS


@pytest.mark.parametrize("version", released_versions())
def test_journals_of_each_version_are_read_by_its_schema(version: int) -> None:
    """The frames that a version wrote are read by anybody with the schema that their id says."""
    schemas = [parse_schema(plain(each[0])) for each in RELEASED[:version]]
    read = Counter[int]()
    for row in kept(FOLDER / f"v{version}.jsonl.xz"):
        if row.record[:1] != b"\x00":
            continue
        schema_id = int.from_bytes(row.record[1:5], "big")
        bears = IDS.action_version(schema_id)
        datum: Any = schemaless_reader(io.BytesIO(row.record[5:]), schemas[bears - 1], None)
        assert datum["kind"] == json.loads(row.line)["kind"]
        read[bears] += 1
    assert list(range(1, version + 1)) == sorted(read)
    assert read[1] > 1000
