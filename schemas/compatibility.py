"""Whether contracts of different versions can read each other: `FULL_TRANSITIVE`, without a registry.

    python -m schemas.compatibility              checks the contracts against every released version
    python -m schemas.compatibility --release    checks, then keeps today's contracts as the next version

Neither fastavro nor confluent-kafka judges two schemas without a registry, so the rules of the Avro
specification ("Schema Resolution") stand here; the tests let fastavro resolve records to judge this judge.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from fastavro.schema import SchemaParseException, UnknownType, parse_schema

from schemas.avro import SCHEMA_FILES, load_schema

RELEASED: Final = Path(__file__).parent / "released"

# What a reader takes beside its own type (Avro specification, "Schema Resolution").
PROMOTIONS: Final = {
    "long": {"int"},
    "float": {"int", "long"},
    "double": {"int", "long", "float"},
    "string": {"bytes"},
    "bytes": {"string"},
}


class _Definitions:
    """The named types of one schema, found by their names."""

    def __init__(self, schema: Any) -> None:
        self._named: dict[str, Any] = {}
        self._collect(schema)

    def resolve(self, node: Any) -> Any:
        """Give the definition behind a name; a primitive stays its name."""
        if isinstance(node, str):
            return self._named.get(_short(node), node)
        if isinstance(node, dict) and isinstance(node["type"], dict | list):
            return self.resolve(node["type"])
        if isinstance(node, dict) and node["type"] not in {"record", "enum", "fixed", "array", "map"}:
            return self.resolve(node["type"])
        return node

    def _collect(self, node: Any) -> None:
        if isinstance(node, list):
            for branch in node:
                self._collect(branch)
        elif isinstance(node, dict):
            if node["type"] in {"record", "enum", "fixed"}:
                self._named[_short(node["name"])] = node
            for field in node.get("fields", ()):
                self._collect(field["type"])
            for inner in ("items", "values"):
                if inner in node:
                    self._collect(node[inner])
            if isinstance(node["type"], dict | list):
                self._collect(node["type"])


class _Judge:
    """Compares one reader with one writer."""

    def __init__(self, reader: Any, writer: Any) -> None:
        self._reader = _Definitions(reader)
        self._writer = _Definitions(writer)
        # Pairs of records that were judged; one that is being judged counts as readable until it is not.
        self._judged: dict[tuple[str, str], list[str]] = {}

    def problems(self, reader: Any, writer: Any, where: str) -> list[str]:
        """Give each reason why data of this writer would not resolve."""
        reader, writer = self._reader.resolve(reader), self._writer.resolve(writer)
        if isinstance(writer, list):
            return [text for branch in writer for text in self.problems(reader, branch, where)]
        if isinstance(reader, list):
            if any(not self.problems(branch, writer, where) for branch in reader):
                return []
            return [f"{where}: no branch of the reader takes {_named(writer)}"]
        if isinstance(reader, str) or isinstance(writer, str):
            takes = reader == writer
            if isinstance(reader, str) and isinstance(writer, str):
                takes = takes or writer in PROMOTIONS.get(reader, ())
            return [] if takes else [f"{where}: {_named(writer)} cannot be read as {_named(reader)}"]
        if reader["type"] != writer["type"]:
            return [f"{where}: {_named(writer)} cannot be read as {_named(reader)}"]
        return self._complex(reader, writer, where)

    def _complex(self, reader: Any, writer: Any, where: str) -> list[str]:
        kind = reader["type"]
        if kind == "array":
            return self.problems(reader["items"], writer["items"], f"{where}[]")
        if kind == "map":
            return self.problems(reader["values"], writer["values"], f"{where}{{}}")
        if not _same_name(reader, writer):
            return [f"{where}: {_named(writer)} cannot be read as {_named(reader)}"]
        if kind == "fixed":
            sizes = reader["size"], writer["size"]
            return (
                [] if sizes[0] == sizes[1] else [f"{where}: its size is {sizes[1]}, and {sizes[0]} is read"]
            )
        if kind == "enum":
            unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
            if not unknown or "default" in reader:
                return []
            return [f"{where}: the reader has no default and knows no {', '.join(unknown)}"]
        pair = (reader["name"], writer["name"])
        if pair in self._judged:
            return self._judged[pair]
        self._judged[pair] = []
        written = {field["name"]: field for field in writer["fields"]}
        found: list[str] = []
        for field in reader["fields"]:
            names = [field["name"], *field.get("aliases", ())]
            source = next((written[name] for name in names if name in written), None)
            place = f"{where}.{field['name']}"
            if source is not None:
                found += self.problems(field["type"], source["type"], place)
            elif "default" not in field:
                found.append(f"{place}: the writer has no such field, and the reader no default")
        self._judged[pair] = found
        return found


def _short(name: str) -> str:
    return name.rsplit(".", maxsplit=1)[-1]


def _same_name(reader: dict[str, Any], writer: dict[str, Any]) -> bool:
    names = [reader["name"], *reader.get("aliases", ())]
    return _short(writer["name"]) in [_short(name) for name in names]


def _named(node: Any) -> str:
    if isinstance(node, str):
        return node
    return f"{node['type']} {node['name']}" if "name" in node else str(node["type"])


def unreadable(reader: Any, writer: Any) -> list[str]:
    """Give each reason why data written with one schema cannot be read with the other; none: it can."""
    name = reader["name"] if isinstance(reader, dict) and "name" in reader else "value"
    return _Judge(reader, writer).problems(reader, writer, name)


def incompatible(one: Any, other: Any) -> list[str]:
    """Give each reason why two schemas do not read each other's data, both ways."""
    return [f"old data with the new contract: {text}" for text in unreadable(one, other)] + [
        f"new data with the old contract: {text}" for text in unreadable(other, one)
    ]


def lossy(new: Any, old: Any) -> list[str]:
    """Give each change that Avro allows and by which what was written loses its meaning.

    Fields and symbols are only appended, never taken away, renamed or moved, and a number keeps its unit.
    """
    found: list[str] = []
    old_types = {_short(node["name"]): node for node in named_types(old)}
    for node in named_types(new):
        before = old_types.get(_short(node["name"]))
        if before is None:
            continue
        where = _named(node)
        key = "fields" if node["type"] == "record" else "symbols"
        names = [_entry_name(entry) for entry in node.get(key, [])]
        names_before = [_entry_name(entry) for entry in before.get(key, [])]
        if names[: len(names_before)] != names_before:
            found.append(f"{where}: its {key} are no longer {', '.join(names_before)}, in this order")
        units = {field["name"]: _unit(field["type"]) for field in before.get("fields", [])}
        found += [
            f"{where}.{field['name']}: its unit was {units[field['name']]}"
            for field in node.get("fields", [])
            if field["name"] in units and _unit(field["type"]) != units[field["name"]]
        ]
    return found


def named_types(node: Any) -> list[dict[str, Any]]:
    """Give every record, enum and fixed type that is defined in a schema, outermost first."""
    if isinstance(node, list):
        return [found for branch in node for found in named_types(branch)]
    if not isinstance(node, dict):
        return []
    inner = [found for field in node.get("fields", []) for found in named_types(field["type"])]
    inner += named_types(node.get("items")) + (
        named_types(node["type"]) if isinstance(node["type"], dict) else []
    )
    return [node, *inner] if "name" in node and node["type"] in ("record", "enum", "fixed") else inner


def _entry_name(entry: Any) -> str:
    return str(entry["name"]) if isinstance(entry, dict) else str(entry)


def _unit(node: Any) -> str:
    """Give the logical type of a field, if it has one."""
    branches = node if isinstance(node, list) else [node]
    return " ".join(
        str(branch.get("logicalType", "")) for branch in branches if isinstance(branch, dict)
    ).strip()


def malformed(schema: Any) -> list[str]:
    """Give what keeps other Avro tools from loading a schema."""
    try:
        parse_schema(json.loads(json.dumps(schema)))
    except (SchemaParseException, UnknownType, ValueError, TypeError) as error:
        return [f"no Avro tool can load it: {error}"]
    record_fields = [
        (_named(node), [field["name"] for field in node["fields"]])
        for node in named_types(schema)
        if node["type"] == "record"
    ]
    return [
        f"{where}: field {name} is there twice"
        for where, names in record_fields
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def released_versions(folder: Path = RELEASED) -> list[int]:
    """Give the numbers of the released versions, oldest first."""
    return sorted(int(path.name[1:]) for path in folder.glob("v*") if path.name[1:].isdigit())


def released_schema(version: int, name: str, folder: Path = RELEASED) -> dict[str, Any] | None:
    """Give a contract as a version had it; None where that version had none of that name."""
    path = folder / f"v{version}" / SCHEMA_FILES[name]
    if not path.is_file():
        return None
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def check(folder: Path = RELEASED) -> list[str]:
    """Give everything in which today's contracts and a released version do not read each other."""
    found = [f"{name}: {text}" for name in SCHEMA_FILES for text in malformed(load_schema(name))]
    for version in released_versions(folder):
        for name in SCHEMA_FILES:
            released = released_schema(version, name, folder)
            if released is not None:
                today = load_schema(name)
                found += [
                    f"v{version}: {text}" for text in incompatible(today, released) + lossy(today, released)
                ]
    return found


def release(folder: Path = RELEASED) -> Path:
    """Keep today's contracts, each self-contained, as the next version."""
    made = folder / f"v{max(released_versions(folder), default=0) + 1}"
    made.mkdir(parents=True)
    for name, file in SCHEMA_FILES.items():
        text = json.dumps(load_schema(name), ensure_ascii=False, indent=1)
        (made / file).write_text(text + "\n", encoding="utf-8")
    return made


def main(arguments: list[str]) -> int:
    """Check, and release when asked; 1 when the versions do not read each other."""
    found = check()
    for text in found:
        print(text, file=sys.stderr)  # noqa: T201 - its output is its purpose
    if found:
        return 1
    if arguments == ["--release"]:
        print(release())  # noqa: T201 - the same
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
