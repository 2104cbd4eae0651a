"""Writes `docs/actions.md`, the reference of actions, decisions and policies: `python -m schemas.reference`.

From the `.avsc` files, the table of kinds and the limits of the shape; a test fails when the page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from schemas import shape
from schemas.avro import load_schema
from schemas.framing import ACTION_BYTES_MAX, FRAME_BYTES
from schemas.kinds import KINDS
from schemas.strict_json import DEPTH_MAX

PAGE: Final = Path(__file__).parents[1] / "docs" / "actions.md"

# Two fields of the record are one object in JSON.
_IN_JSON: Final = {
    "office_type": "office.type",
    "office_code": "office.code",
}
_JSON_TYPES: Final = {
    "timestamp-micros": "instant",
    "date": "date",
    "uuid": "UUID",
    "long": "whole number",
    "int": "whole number",
    "boolean": "true or false",
    "string": "text",
}

# Where JSON says more than Avro: a sealed object travels as text, and a candidate is F or M.
_SPECIAL: Final = {("Action", "sealed"): "object", ("Action", "sex"): "`F` `M`"}

_HEAD: Final = """# Actions, decisions, policies: every field

Written by `python -m schemas.reference` from `schemas/*.avsc` and the table of kinds. Do not edit.

Instants are RFC 3339 with an offset and at most six digits of fraction; `24:00` is midnight of the next day.
Dates are `YYYY-MM-DD`. Null counts as absent. A key may stand once in an object. What the row of a kind does
not name breaks the shape.

On Kafka a record is one byte 0, the schema id in four bytes, most significant first, and Avro. The id says
which contract it is, and in which version.
"""

_KINDS_NOTE: Final = """`evidence` and `sealed` may stand on any kind. Fields in parentheses may be absent;
`agency_id` of a `registered` is needed under `P_TO_P` and forbidden elsewhere; `permit_id` and `line` come
together. The last two kinds came with version 2: [corrections.md](corrections.md) extends the contract.
"""
_CONTENT_NOTE: Final = """The content of an action is every field but `entered_at` and `sealed`. Its digest is
the first half of the SHA-256 of its canonical Avro bytes up to `entered_at`.
"""
_DECISION_NOTE: Final = """In JSON `code` stands on refusals only, `first_seq` on duplicates only; lists are
always there. `registrations` carry their `stages` as an object of instants, in the order decided, and
`stage_seqs`, the decisions that passed them.
"""


def page() -> str:
    """Give the page."""
    parts = [
        _HEAD,
        "## Kinds of action\n",
        _table(["kind", "system: office types", "fields beside the envelope"], _kinds()),
        _KINDS_NOTE,
        "## An action\n",
        _table(["field", "in JSON", "must", "meaning"], _fields("Action", _envelope())),
        _CONTENT_NOTE,
        *_parts_of("Action", ("PermitLine", "Evidence")),
        "### Limits\n",
        _table(["what", "at most"], _limits()),
        "## A decision\n",
        _DECISION_NOTE,
        _table(["field", "in JSON", "must", "meaning"], _fields("Decision", set())),
        *_parts_of(
            "Decision",
            (
                "Registration",
                "Unit",
                "Posting",
                "Permit",
                "Agency",
                "Destination",
                "Person",
                "Training",
                "Complaint",
            ),
        ),
        "## A policy\n",
        _table(["field", "in JSON", "must", "meaning"], _fields("Policy", set())),
    ]
    return "\n".join(parts)


def _kinds() -> list[list[str]]:
    rows = []
    for kind in KINDS.values():
        offices = "<br>".join(f"{system}: {', '.join(types)}" for system, types in kind.offices.items())
        fields = [f"`{name}`" for name in kind.required] + [f"(`{name}`)" for name in kind.optional]
        rows.append([f"`{kind.name}`", offices, " ".join(fields)])
    return rows


def _envelope() -> set[str]:
    schema = load_schema("Action")
    return {field["name"] for field in schema["fields"] if "default" not in field}


def _fields(name: str, required: set[str]) -> list[list[str]]:
    named = _named_types(name)
    schema = named[name]
    rows = []
    for field in schema["fields"]:
        if field["name"].endswith("offset_minutes") and name != "Instant":
            continue
        must = field["name"] in required if required else "default" not in field and not _optional(field)
        label = _IN_JSON.get(field["name"], field["name"])
        kind = _SPECIAL.get((name, field["name"])) or _json_type(field["type"], named)
        rows.append([f"`{label}`", kind, "yes" if must else "", field["doc"]])
    return rows


def _parts_of(root: str, names: tuple[str, ...]) -> list[str]:
    named = _named_types(root)
    parts = []
    for name in names:
        rows = [
            [
                f"`{_label(field, named)}`",
                _json_type(field["type"], named),
                field["doc"],
            ]
            for field in named[name]["fields"]
        ]
        parts += [f"### {name}\n", f"{named[name]['doc']}\n", _table(["field", "in JSON", "meaning"], rows)]
    return parts


def _label(field: dict[str, Any], named: dict[str, dict[str, Any]]) -> str:
    """Name a field as JSON has it: the stages of a registration are one object there."""
    node = field["type"][1] if _optional(field) else field["type"]
    definition = named.get(node, {}) if isinstance(node, str) else node
    prefix = "stages." if definition.get("name") == "Stage" else ""
    return prefix + str(field["name"])


def _optional(field: dict[str, Any]) -> bool:
    return isinstance(field["type"], list)


def _json_type(node: Any, named: dict[str, dict[str, Any]]) -> str:
    """Name what stands in JSON for a type of Avro."""
    if isinstance(node, list):
        return _json_type(node[1], named)
    if isinstance(node, str):
        return _JSON_TYPES[node] if node in _JSON_TYPES else _json_type(named[node], named)
    if node.get("logicalType") in _JSON_TYPES:
        return _JSON_TYPES[node["logicalType"]]
    kind = node["type"]
    if kind == "enum":
        symbols = [f"`{symbol}`" for symbol in node["symbols"] if symbol != node.get("default")]
        return " ".join(symbols) if len(symbols) < 8 else "see above"
    if kind == "fixed":
        return f"{node['size']} bytes in hexadecimal"
    if kind == "array":
        return f"list of {_json_type(node['items'], named)}"
    if kind == "record":
        name: str = node["name"]
        return "instant" if name in {"Instant", "Stage"} else name
    return _json_type(kind, named)


def _named_types(root: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}

    def collect(node: Any) -> None:
        if isinstance(node, list):
            for branch in node:
                collect(branch)
        elif isinstance(node, dict):
            if "name" in node and node.get("type") in {"record", "enum", "fixed"}:
                found[node["name"]] = node
            for field in node.get("fields", ()):
                collect(field["type"])
            if "items" in node:
                collect(node["items"])

    collect(load_schema(root))
    return found


def _limits() -> list[list[str]]:
    return [
        ["an action as Avro", f"{ACTION_BYTES_MAX} bytes (and {FRAME_BYTES} of frame)"],
        ["an identifier, as UTF-8", f"{shape.ID_BYTES_MAX} bytes"],
        ["`reason`, `topic`, `channel`, the `reference` of a document", f"{shape.TEXT_BYTES_MAX} bytes"],
        ["`sealed`, as compact JSON", f"{shape.SEALED_BYTES_MAX} bytes"],
        ["nesting of the JSON text", f"{DEPTH_MAX} levels"],
        ["`lines` of a permit", str(shape.LINES_MAX)],
        ["documents of `evidence`", str(shape.EVIDENCE_MAX)],
        ["`line`, `units`", str(shape.UNITS_MAX)],
        ["`clock_skew_seconds`", str(shape.CLOCK_SKEW_SECONDS_MAX)],
    ]


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in lines)


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE).write_text(page(), encoding="utf-8")
