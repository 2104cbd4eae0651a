"""Writes `records.py` and `codec.py` from the `.avsc` files: `python -m schemas.generate`.

Only what the contracts use is known here: long, int, date, boolean, string, fixed, enum, records, arrays of
records or strings, and unions with null. Anything else is an error at generation, not a slow path.
A test fails when the committed files are not what this module writes.

One codec reads every version: contracts grow at the ends of their records and enums only, so what a version
lacks is where its bytes stop. A field that came later is read from its version on and is its default before;
a symbol that came later is none in the records of an earlier version. It writes the oldest version that says
all that a record says: what needs nothing new keeps its bytes, and with them its hash, for ever.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from schemas.avro import load_schema
from schemas.compatibility import named_types, released_schema, released_versions

HEADER: Final = '''"""{doc}

Written by `python -m schemas.generate` from the `.avsc` files.
Do not edit: change the contract and run it again.
"""

'''

# What is compared when an action comes again ends before the first of these fields (contract §1, content).
# Whatever a later version appends behind the last of them is content as well.
CONTENT_ENDS_BEFORE: Final = {"Action": "entered_at"}
CONTENT_GOES_ON_AFTER: Final = {"Action": "sealed"}

# What travels by itself: each with its id, in a version of its own.
ROOTS: Final = ("Action", "Decision")

# Python keywords cannot be attributes; the wire and JSON names stay as the contract has them.
ATTRIBUTES: Final = {"from": "from_account", "to": "to_account"}

CODEC_PRELUDE: Final = """from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from schemas.binary import (
    ARRAY_ITEMS_MAX,
    Cursor,
    MalformedRecordError,
    read_symbol,
    write_fixed,
    write_long,
    write_string,
)
from schemas.records import {imports}

# The newest version of the contracts; all from 1 on are read.
VERSION: Final[i64] = {version}
"""


def attribute(name: str) -> str:
    """Give the Python name of a field."""
    return ATTRIBUTES.get(name, name)


class Generator:
    """Walks the contracts once and keeps what it finds, in the order of first use.

    Args:
        roots: The contracts as they stand.
        released: The same as each released version had them, the oldest first.

    """

    def __init__(self, roots: list[dict[str, Any]], released: list[list[dict[str, Any]]]) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.records: list[str] = []
        for root in roots:
            self._collect(root)
        versions = [
            {node["name"]: _names(node) for root in version for node in named_types(root)}
            for version in [*released, roots]
        ]
        # A change that is not released yet is the next version.
        if len(versions) > 1 and versions[-1] == versions[-2]:
            versions.pop()
        self.versions: list[dict[str, list[str]]] = versions

    def since(self, name: str, entry: str) -> int | None:
        """Give the version that brought a field or symbol to a type; None: the type began with it."""
        having = [number for number, types in enumerate(self.versions, 1) if entry in types.get(name, ())]
        first = next(number for number, types in enumerate(self.versions, 1) if name in types)
        return None if having[0] == first else having[0]

    def _collect(self, node: Any) -> None:
        if isinstance(node, list):
            for branch in node:
                self._collect(branch)
        elif isinstance(node, dict):
            kind = node["type"]
            if kind in {"record", "enum", "fixed"}:
                known = self.named.get(node["name"])
                if known is not None and known != node:
                    raise ValueError(f"two definitions of {node['name']}")
                if kind == "record":
                    for field in node["fields"]:
                        self._collect(field["type"])
                if known is None:
                    self.named[node["name"]] = node
                    if kind == "record":
                        self.records.append(node["name"])
            elif kind == "array":
                self._collect(node["items"])

    def records_in(self, name: str) -> list[tuple[dict[str, Any], str]]:
        """Give the fields of a record that hold records, each with the name of what it holds."""
        found = []
        for field in self.named[name]["fields"]:
            known = self._inside(field["type"])
            if isinstance(known, dict) and known["type"] == "record":
                found.append((field, known["name"]))
        return found

    def _inside(self, node: Any) -> Any:
        """Give the definition of what a field holds, one or many, null aside."""
        inner = self.nullable(node)
        known = self.resolve(node if inner is None else inner)
        return self.resolve(known["items"]) if isinstance(known, dict) and known["type"] == "array" else known

    def layouts(self, name: str) -> list[int]:
        """Give the versions that brought fields to a record or to one inside it, the oldest first."""
        found = {self.since(name, field["name"]) for field in self.named[name]["fields"]}
        for _, inner in self.records_in(name):
            found.update(self.layouts(inner))
        return sorted(version for version in found if version is not None)

    def has_later_symbols(self, name: str) -> bool:
        """Tell whether a record, or one inside it, holds an enum that a later version added symbols to."""
        enums = [
            known
            for field in self.named[name]["fields"]
            if isinstance(known := self._inside(field["type"]), dict) and known["type"] == "enum"
        ]
        return any(self._later_symbols(enum) for enum in enums) or any(
            self.has_later_symbols(inner) for _, inner in self.records_in(name)
        )

    def _later_symbols(self, enum: dict[str, Any]) -> list[tuple[int, int]]:
        """Give the versions that added symbols to an enum, each with how many there were before it."""
        since = [self.since(enum["name"], symbol) for symbol in enum["symbols"]]
        return [
            (version, count)
            for count, version in enumerate(since)
            if version is not None and version != since[count - 1]
        ]

    def resolve(self, node: Any) -> Any:
        """Give the definition behind a type: a primitive's name, or a dictionary."""
        if isinstance(node, str):
            return self.named.get(node, node)
        if isinstance(node, dict) and node["type"] in {"long", "int"}:
            return node["type"]
        return node

    @staticmethod
    def nullable(node: Any) -> Any | None:
        """Give the other branch of a union with null, or None when it is no union."""
        if not isinstance(node, list):
            return None
        if len(node) != 2 or node[0] != "null":
            raise ValueError(f"only unions of null and one type are known, in this order: {node}")
        return node[1]

    def python_type(self, node: Any, *, boxed: bool = False) -> str:
        """Give the annotation of a type."""
        inner = self.nullable(node)
        if inner is not None:
            return f"{self.python_type(inner, boxed=True)} | None"
        known = self.resolve(node)
        if known in ("long", "int"):
            return "int" if boxed else "i64"
        if known == "boolean":
            return "bool"
        if known == "string":
            return "str"
        if known["type"] == "enum":
            return "str"
        if known["type"] == "fixed":
            return "bytes"
        if known["type"] == "array":
            return f"list[{self.python_type(known['items'], boxed=True)}]"
        return str(known["name"])

    def record_class(self, name: str) -> str:
        """Write the class of a record."""
        record = self.named[name]
        fields = record["fields"]
        out = ["@mypyc_attr(acyclic=True)", "@final", f"class {name}:"]
        out += [f'    """{record["doc"]}', "", "    Attributes:"]
        out += [f"        {attribute(f['name'])}: {f.get('doc', '')}" for f in fields]
        out += ["", '    """', "", "    __slots__ = ("]
        out += [f'        "{attribute(f["name"])}",' for f in fields]
        out += ["    )", "", "    def __init__(", "        self,"]
        out += [f"        {attribute(f['name'])}: {self.python_type(f['type'])}," for f in fields]
        out += ["    ) -> None:"]
        for f in fields:
            a = attribute(f["name"])
            final = "Final[" + self.python_type(f["type"]) + "]"
            out.append(f"        self.{a}: {final} = {a}")
        out += ["", "    def __repr__(self) -> str:", '        """Show every field."""']
        shown = ", ".join(f"{attribute(f['name'])}={{self.{attribute(f['name'])}!r}}" for f in fields)
        out += [f'        return f"{name}({shown})"', ""]
        return "\n".join(out)

    def read_expression(self, node: Any) -> str:
        """Give the expression that reads a value that is no union and no array."""
        known = self.resolve(node)
        if known in ("long", "int"):
            return "c.long()"
        if known == "boolean":
            return "c.boolean()"
        if known == "string":
            return "c.string()"
        if known["type"] == "fixed":
            return f"c.raw({known['size']})"
        if known["type"] == "enum":
            return self._read_symbol(known)
        if known["type"] == "record":
            return f"read_{known['name'].lower()}(c)"
        raise ValueError(f"not known: {node}")

    def _read_symbol(self, enum: dict[str, Any]) -> str:
        """Give the expression that reads an enum; no record holds a symbol that its version lacked."""
        known = str(len(enum["symbols"]))
        for version, count in reversed(self._later_symbols(enum)):
            known = f"{count} if c.version < {version} else {known}"
        return f"read_symbol(c, {enum['name'].upper()}_SYMBOLS, {known})"

    def default(self, node: Any, value: Any) -> str:
        """Give the expression of a field's default."""
        if self.nullable(node) is not None and value is None:
            return "None"
        known = self.resolve(node)
        if isinstance(known, dict) and known["type"] == "array" and value == []:
            return "[]"
        if known in ("long", "int", "boolean", "string") or (
            isinstance(known, dict) and known["type"] == "enum"
        ):
            return repr(value)
        raise ValueError(f"not known as a default: {value!r} of {node}")

    def write_statement(self, node: Any, value: str) -> str:
        """Give the statement that writes a value that is no union and no array."""
        known = self.resolve(node)
        if known in ("long", "int"):
            return f"write_long(out, {value})"
        if known == "boolean":
            return f"out.append(1 if {value} else 0)"
        if known == "string":
            return f"write_string(out, {value})"
        if known["type"] == "fixed":
            return f"write_fixed(out, {value}, {known['size']})"
        if known["type"] == "enum":
            return f"write_long(out, {known['name'].upper()}_NUMBERS[{value}])"
        if known["type"] == "record":
            layout = ", layout" if self.layouts(known["name"]) else ""
            return f"write_{known['name'].lower()}(out, {value}{layout})"
        raise ValueError(f"not known: {node}")

    def reader(self, name: str) -> str:
        """Write the function that reads a record."""
        out = [f"def read_{name.lower()}(c: Cursor) -> {name}:", f'    """Read a {name}."""']
        for f in self.named[name]["fields"]:
            if f["name"] == CONTENT_ENDS_BEFORE.get(name):
                out += ["    c.content_end = c.at"]
            version = self.since(name, f["name"])
            if version is None:
                out += self._read_field(f)
                continue
            a = f"f_{attribute(f['name'])}"
            default = self.default(f["type"], f["default"])
            out += [f"    {a}: {self.python_type(f['type'])} = {default}", f"    if c.version >= {version}:"]
            out += [
                "    " + line.replace(f"{a}: {self.python_type(f['type'])} = ", f"{a} = ", 1)
                for line in self._read_field(f)
            ]
        made = [
            f"{name}(",
            *[f"        f_{attribute(f['name'])}," for f in self.named[name]["fields"]],
            "    )",
        ]
        if name not in ROOTS or not self.layouts(name):
            return "\n".join([*out, "    return " + made[0], *made[1:], ""])
        layout = "1"
        for version in self.layouts(name):
            layout = f"{version} if c.version >= {version} else {layout}"
        out += ["    made = " + made[0], *made[1:]]
        out += ["    # Ours leave out whatever an earlier version can do without."]
        out += [f"    if {name.lower()}_layout(made) != ({layout}):", "        c.canonical = False"]
        return "\n".join([*out, "    return made", ""])

    def _read_field(self, f: dict[str, Any]) -> list[str]:
        """Write the lines that read one field."""
        a = f"f_{attribute(f['name'])}"
        kind = self.python_type(f["type"])
        inner = self.nullable(f["type"])
        if inner is not None:
            return [
                f"    {a}: {kind} = None",
                "    if c.present():",
                f"        {a} = {self.read_expression(inner)}",
            ]
        known = self.resolve(f["type"])
        if not isinstance(known, dict) or known["type"] != "array":
            return [f"    {a}: {kind} = {self.read_expression(f['type'])}"]
        return [
            f"    {a}: {kind} = {self.empty_list(known['items'])}",
            f"    count_{a}: i64 = c.block()",
            f"    if count_{a} != 0:",
            f"        {a} = []",
            f"    blocks_{a}: i64 = 0",
            f"    while count_{a} != 0:",
            f"        blocks_{a} += 1",
            f"        while count_{a} > 0:",
            f"            {a}.append({self.read_expression(known['items'])})",
            f"            if len({a}) > ARRAY_ITEMS_MAX:",
            '                raise MalformedRecordError(f"an array goes on at byte {c.at}")',
            f"            count_{a} -= 1",
            f"        count_{a} = c.block()",
            f"    if blocks_{a} > 1:",
            "        c.canonical = False",
        ]

    def empty_list(self, items: Any) -> str:
        """Give the name of the list that every empty array of such items is read as."""
        known = self.resolve(items)
        return "NO_" + (known if isinstance(known, str) else str(known["name"])).upper()

    def empty_lists(self) -> list[str]:
        """Give the lists that stay empty: a decision has nine arrays, most of which hold nothing."""
        arrays = {
            self.empty_list(known["items"]): self.python_type(f["type"])
            for name in self.records
            for f in self.named[name]["fields"]
            if isinstance(known := self.resolve(f["type"]), dict) and known["type"] == "array"
        }
        head = "\n# Read for every array that is empty, so nothing may ever be added to one of these.\n"
        return [head, *(f"{name}: Final[{kind}] = []\n" for name, kind in sorted(arrays.items()))]

    def writer(self, name: str) -> str:
        """Write the function that writes a record; two of them where its content is a part of it."""
        low = name.lower()
        is_root = name in ROOTS
        layout: list[str] = []
        given = ""
        if self.layouts(name):
            layout = [f"    layout: i64 = {low}_layout(r)"] if is_root else []
            given = "" if is_root else ", layout: i64"
        head = [
            f"def write_{low}(out: BytesWriter, r: {name}{given}) -> None:",
            f'    """Write a {name}."""',
        ]
        fields = [(f["name"], self._write_field_since(name, f)) for f in self.named[name]["fields"]]
        end = CONTENT_ENDS_BEFORE.get(name)
        if end is None:
            return "\n".join([*head, *layout, *(line for _, lines in fields for line in lines), ""])
        names = [field for field, _ in fields]
        content = [line for _, lines in fields[: names.index(end)] for line in lines]
        others = [line for _, lines in fields[names.index(end) :] for line in lines]
        part = f"(out: BytesWriter, r: {name}) -> None:"
        return "\n".join(
            [
                f"def write_{low}_content{part}",
                f'    """Write the content of the {name} that version 1 has: every field before {end}."""',
                *layout,
                *content,
                f"\n\ndef write_{low}_beside{part}",
                f'    """Write what stands beside the content of the {name}: {end} and what follows."""',
                *layout,
                *others,
                "\n",
                *head,
                f"    write_{low}_content(out, r)",
                f"    write_{low}_beside(out, r)",
                "",
                "",
                *self._added_content(name),
                "",
            ]
        )

    def _write_field_since(self, name: str, f: dict[str, Any]) -> list[str]:
        """Write the lines that write a field, in the layouts that have it."""
        version = self.since(name, f["name"])
        lines = self._write_field(f)
        return (
            lines if version is None else [f"    if layout >= {version}:", *["    " + each for each in lines]]
        )

    def oldest(self, name: str, what: str) -> str:
        """Write the function that gives the oldest version that can hold a record.

        `what` is `layout` (which has the fields that it needs) or `version` (and the symbols).
        """
        lines = ["    oldest: i64 = 1"]

        def needs(condition: str, version: int, indent: str = "    ") -> list[str]:
            return [f"{indent}if oldest < {version} and {condition}:", f"{indent}    oldest = {version}"]

        for f in self.named[name]["fields"]:
            value, version = f"r.{attribute(f['name'])}", self.since(name, f["name"])
            known = self._inside(f["type"])
            if version is not None:
                lines += needs(self._differs(f), version)
            if not isinstance(known, dict) or known["type"] not in {"record", "enum"}:
                continue
            is_array = self.nullable(f["type"]) is None and self.resolve(f["type"]) != known
            item = f"v_{attribute(f['name'])}"
            begin = f"    for {item} in {value}:" if is_array else f"    {item} = {value}"
            inside: list[str] = []
            indent = "    " if not is_array and self.nullable(f["type"]) is None else "        "
            if known["type"] == "enum" and what == "version":
                for later, count in self._later_symbols(known):
                    number = f"{known['name'].upper()}_NUMBERS[{item}] >= {count}"
                    inside += needs(number, later, indent)
            elif known["type"] == "record" and self._has(known["name"], what):
                inside = [f"{indent}oldest = max(oldest, {known['name'].lower()}_{what}({item}))"]
            if inside:
                lines += [begin]
                lines += [] if indent == "    " or is_array else [f"    if {item} is not None:"]
                lines += inside
        said = {"layout": "has the fields that it needs", "version": "says all that it says"}[what]
        used = "r" if len(lines) > 1 else "_r"
        return "\n".join(
            [
                f"def {name.lower()}_{what}({used}: {name}) -> i64:",
                f'    """Give the oldest version that {said}: what came later is all default."""',
                *(["    return 1"] if used == "_r" else [*lines, "    return oldest"]),
                "",
            ]
        )

    def _has(self, name: str, what: str) -> bool:
        """Tell whether a record has that function: some version is not enough for it."""
        return bool(self.layouts(name)) or (what == "version" and self.has_later_symbols(name))

    def _differs(self, f: dict[str, Any]) -> str:
        """Give the condition that a field is not its default."""
        default = self.default(f["type"], f["default"])
        return f"r.{attribute(f['name'])} {'is not' if default == 'None' else '!='} {default}"

    def _added_content(self, name: str) -> list[str]:
        """Write the function that gives what later versions add to the content of a record.

        Each added field by its number and value, and only where it is not the default: so a record of an
        earlier version has the content that it always had, and so does the same record written anew.
        """
        fields = self.named[name]["fields"]
        last = [f["name"] for f in fields].index(CONTENT_GOES_ON_AFTER[name])
        head = f"def added_{name.lower()}_content(r: {name}) -> bytes:"
        doc = f'    """Give what later versions add to the content of the {name}; empty: all is default."""'
        if last == len(fields) - 1:
            return [head.replace("(r:", "(_r:"), doc, '    return b""']
        lines = [head, doc, "    out = BytesWriter()", f"    layout: i64 = {name.lower()}_layout(r)"]
        for number, f in enumerate(fields[last + 1 :], last + 1):
            # A record in it has all its fields: the content is that of the newest layout that it needs.
            lines += [f"    if {self._differs(f)}:", f"        write_long(out, {number})"]
            lines += ["    " + line for line in self._write_field(f)]
        return [*lines, "    return out.getvalue()"]

    def _write_field(self, f: dict[str, Any]) -> list[str]:
        a = f"r.{attribute(f['name'])}"
        local = f"v_{attribute(f['name'])}"
        inner = self.nullable(f["type"])
        known = self.resolve(f["type"]) if inner is None else None
        if inner is not None:
            return [
                f"    {local} = {a}",
                f"    if {local} is None:",
                "        out.append(0)",
                "    else:",
                "        out.append(2)",
                f"        {self.write_statement(inner, local)}",
            ]
        if isinstance(known, dict) and known["type"] == "array":
            return [
                f"    {local} = {a}",
                f"    if {local}:",
                f"        write_long(out, len({local}))",
                f"        for item_{local} in {local}:",
                f"            {self.write_statement(known['items'], f'item_{local}')}",
                "    out.append(0)",
            ]
        return [f"    {self.write_statement(f['type'], a)}"]

    def records_module(self) -> str:
        """Write `records.py`."""
        doc = "The records of the contracts as Python classes: plain, typed, compiled where a compiler is."
        out = [HEADER.format(doc=doc)]
        out += ["from __future__ import annotations\n\nfrom typing import Final, final\n\n"]
        out += ["from mypy_extensions import i64, mypyc_attr\n\n\n"]
        out += ["\n\n".join(self.record_class(name) for name in self.records)]
        return "".join(out)

    def codec_module(self) -> str:
        """Write `codec.py`."""
        doc = "Avro binary encoding of the contracts' records, one straight line of code a field."
        out = [
            HEADER.format(doc=doc),
            CODEC_PRELUDE.replace(
                "{imports}", "(\n    " + ",\n    ".join(sorted(self.records)) + ",\n)"
            ).replace("{version}", str(len(self.versions))),
        ]
        for name, node in self.named.items():
            if node["type"] == "enum":
                symbols = ",\n    ".join(f'"{s}"' for s in node["symbols"])
                upper = name.upper()
                out.append(f"\n{upper}_SYMBOLS: Final = [\n    {symbols},\n]\n")
                numbers = f"{{symbol: number for number, symbol in enumerate({upper}_SYMBOLS)}}"
                out.append(f"{upper}_NUMBERS: Final = {numbers}\n")
        out += self.empty_lists()
        out += ["\n\n" + self.reader(name) + "\n\n" + self.writer(name) for name in self.records]
        for name in self.records:
            for what in ("layout", "version"):
                if self._has(name, what) or (what == "version" and name in ROOTS):
                    out.append("\n\n" + self.oldest(name, what))
        for name in ROOTS:
            low = name.lower()
            out.append(f'''

def decode_{low}(data: bytes, version: i64 = VERSION) -> {name}:
    """Decode the Avro bytes of one {name}, written with that version of the contract.

    Raises:
        MalformedRecordError: they are no such record, whole and alone.

    """
    c = Cursor(data, version)
    record = read_{low}(c)
    c.end()
    return record


def encode_{low}(record: {name}) -> bytes:
    """Encode one {name} as Avro, in the one canonical form (one block an array, shortest varints)."""
    out = BytesWriter()
    write_{low}(out, record)
    return out.getvalue()
''')
        return "".join(out)


def _names(node: dict[str, Any]) -> list[str]:
    """Give the names of a record's fields or an enum's symbols."""
    return [field["name"] for field in node.get("fields", ())] or list(node.get("symbols", ()))


def todays_generator() -> Generator:
    """Give a generator for the contracts as they stand in this folder."""
    released = [
        [schema for name in ROOTS if (schema := released_schema(version, name)) is not None]
        for version in released_versions()
    ]
    return Generator([load_schema(name) for name in ROOTS], released)


def write_modules(folder: Path, generator: Generator | None = None) -> None:
    """Write both modules into that folder."""
    generator = generator or todays_generator()
    (folder / "records.py").write_text(generator.records_module(), encoding="utf-8")
    (folder / "codec.py").write_text(generator.codec_module(), encoding="utf-8")


if __name__ == "__main__":
    write_modules(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
