"""Random records of the contracts: any that the Avro schema allows, and actions whose shape is in order."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from schemas import records
from schemas.avro import load_schema
from schemas.generate import attribute
from schemas.instants import parse_date
from schemas.kinds import FIELDS as FIELDS_OF_KINDS
from schemas.kinds import KINDS, LINE_SEXES, OFFICE_TYPES, PROVIDER_TYPES, SCHEMES, SEXES, SYSTEMS
from schemas.records import Action, Evidence, Instant, PermitLine, Policy, UnitTakenAt
from schemas.shape import INSTANT_MAX, INSTANT_MIN, OFFSET_MINUTES_MAX, UNITS_MAX
from schemas.strict_json import compact

Datum = dict[str, Any]

# Cores are shared with brokers and databases: a slow example is no failure.
patient = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])

LONG = st.integers(-(2**62), 2**62 - 1)
# No surrogates: they are no characters, and UTF-8 has no bytes for them.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def schema_of(name: str) -> dict[str, Any]:
    """The contract as fastavro shall see it: numbers stay numbers, and are not turned into dates."""
    schema = without_logical_types(load_schema(name))
    assert isinstance(schema, dict)
    return schema


def without_logical_types(node: Any) -> Any:
    """The schema with its numbers and bytes as they are."""
    if isinstance(node, list):
        return [without_logical_types(item) for item in node]
    if isinstance(node, dict):
        return {key: without_logical_types(item) for key, item in node.items() if key != "logicalType"}
    return node


def data(name: str) -> st.SearchStrategy[Datum]:
    """Any datum of the contract, as fastavro writes and reads it."""
    return any_of(schema_of(name))


def any_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any datum of a schema; logical types are none here."""
    return _any(without_logical_types(schema), {})


def _any(node: Any, named: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Anything of one type; named types are remembered where they are defined."""
    if isinstance(node, list):
        return st.one_of(*[_any(branch, named) for branch in node])
    if isinstance(node, str):
        simple = {
            "null": st.none(),
            "long": LONG,
            "int": st.integers(-(2**31), 2**31 - 1),
            "boolean": st.booleans(),
            "string": TEXT,
            "bytes": TEXT.map(str.encode),
        }
        return simple[node] if node in simple else _any(named[node], named)
    kind = node["type"]
    if kind in {"record", "enum", "fixed"}:
        named[node["name"]] = node
    if kind == "record":
        return st.fixed_dictionaries({f["name"]: _any(f["type"], named) for f in node["fields"]})
    if kind == "enum":
        return st.sampled_from(node["symbols"])
    if kind == "fixed":
        return st.binary(min_size=node["size"], max_size=node["size"])
    if kind == "array":
        return st.lists(_any(node["items"], named), max_size=3)
    if kind == "map":
        return st.dictionaries(TEXT, _any(node["values"], named), max_size=3)
    return _any(kind, named)


def _fields(node: Any, found: dict[str, list[str]]) -> dict[str, list[str]]:
    """The field names of every record that a schema defines."""
    if isinstance(node, list):
        for branch in node:
            _fields(branch, found)
    elif isinstance(node, dict):
        if node["type"] == "record":
            found[node["name"]] = [field["name"] for field in node["fields"]]
            for field in node["fields"]:
                _fields(field["type"], found)
        elif node["type"] == "array":
            _fields(node["items"], found)
    return found


FIELDS = _fields(load_schema("Decision"), _fields(load_schema("Action"), {}))
_RECORDS = {frozenset(fields): getattr(records, name) for name, fields in FIELDS.items()}


def record_of(datum: Any) -> Any:
    """The record of ours for a datum of fastavro; no two of our records have the same fields."""
    if isinstance(datum, list):
        return [record_of(item) for item in datum]
    if isinstance(datum, dict):
        made = {attribute(name): record_of(value) for name, value in datum.items()}
        return _RECORDS[frozenset(datum)](**made)
    return datum


def datum_of(record: Any) -> Any:
    """The datum of fastavro for a record of ours."""
    if isinstance(record, list):
        return [datum_of(item) for item in record]
    fields = FIELDS.get(type(record).__name__)
    if fields is None:
        return record
    return {name: datum_of(getattr(record, attribute(name))) for name in fields}


# Values that the shape takes.
IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)
COUNTS = st.integers(1, UNITS_MAX)
DAYS = st.integers(parse_date("0001-01-02"), parse_date("9999-12-30"))
MOMENTS = st.one_of(
    st.integers(INSTANT_MIN, INSTANT_MAX),
    st.integers(1_672_531_200, 1_704_067_200).map(lambda seconds: seconds * 1_000_000),
)
OFFSETS = st.one_of(st.sampled_from([420, 480, 540, 0]), st.integers(-OFFSET_MINUTES_MAX, OFFSET_MINUTES_MAX))
LOCAL_INSTANTS = st.builds(Instant, MOMENTS, OFFSETS)
COUNTRIES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SEALED = st.dictionaries(TEXT, JSON_VALUES, max_size=3).map(compact)
POLICIES = st.builds(
    Policy,
    IDS,
    LOCAL_INSTANTS,
    LOCAL_INSTANTS,
    st.builds(
        UnitTakenAt,
        st.sampled_from(["registration", "agreement"]),
        st.sampled_from(["registration", "agreement"]),
    ),
    st.lists(st.sampled_from(SYSTEMS), unique=True),
    st.lists(st.sampled_from(SCHEMES), unique=True),
    st.sampled_from(["reregistration", "closure"]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1_000_000_000),
)
EVIDENCE = st.lists(st.builds(Evidence, IDS, IDS), max_size=3)


@st.composite
def _permit_lines(draw: st.DrawFn) -> list[PermitLine]:
    numbers = draw(st.lists(COUNTS, min_size=1, max_size=3, unique=True))
    return [PermitLine(n, draw(IDS), draw(st.sampled_from(LINE_SEXES)), draw(COUNTS)) for n in numbers]


_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "destination": COUNTRIES,
    "scheme": st.sampled_from(SCHEMES),
    "sex": st.sampled_from(SEXES),
    "line": COUNTS,
    "units": COUNTS,
    "lines": _permit_lines(),
    "policy": POLICIES,
    "provider_type": st.sampled_from(PROVIDER_TYPES),
}


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """Any action whose shape is in order."""
    kind = KINDS[draw(st.sampled_from(list(KINDS)))]
    chosen = {name: draw(_VALUES.get(name, IDS)) for name in kind.required if not name.startswith("valid_")}
    if "valid_to" in kind.required:
        first, last = sorted(draw(st.tuples(DAYS, DAYS)))
        chosen["valid_to"] = last
        if "valid_from" in kind.required:
            chosen["valid_from"] = first
    if chosen.get("scheme") == "P_TO_P":
        chosen["agency_id"] = draw(IDS)
    if "permit_id" in kind.optional and chosen.get("scheme", "P_TO_P") == "P_TO_P" and draw(st.booleans()):
        chosen["permit_id"], chosen["line"] = draw(IDS), draw(COUNTS)
    if "registration_id" in kind.optional and draw(st.booleans()):
        chosen["registration_id"] = draw(IDS)
    officer = draw(IDS)
    if chosen.get("second_officer") == officer:
        chosen["second_officer"] = officer + "2"
    optional: list[Any] = [chosen.get(name, [] if name == "lines" else None) for name in FIELDS_OF_KINDS]
    envelope: list[Any] = [
        draw(st.binary(min_size=16, max_size=16)),
        kind.name,
        draw(st.sampled_from(SYSTEMS)),
        draw(st.sampled_from(OFFICE_TYPES)),
        draw(IDS),
        officer,
        draw(MOMENTS),
        draw(OFFSETS),
    ]
    rest: list[Any] = [draw(EVIDENCE), draw(MOMENTS), draw(OFFSETS), draw(st.none() | SEALED)]
    return Action(*envelope, *optional, *rest)
