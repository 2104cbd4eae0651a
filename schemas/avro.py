"""The Avro contracts as files: loading them whole, and their canonical fingerprints.

Must not encode or decode a record: that is `codec.py`, which `generate.py` writes from these files.
"""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from typing import Any, Final

from fastavro.schema import to_parsing_canonical_form

SCHEMA_FILES: Final = {"Action": "action.avsc", "Decision": "decision.avsc", "Policy": "policy.avsc"}
NAMESPACE: Final = "neraca"


def load_schema(name: str) -> dict[str, Any]:
    """Give the contract of that name as one self-contained schema.

    `action.avsc` and `decision.avsc` refer to the policy by its name; the first reference is replaced by
    the definition, so that a registry, a container file and any Avro tool can read the schema alone.

    Raises:
        KeyError: there is no contract of that name.

    """
    text = files("schemas").joinpath(SCHEMA_FILES[name]).read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    if name != "Policy":
        _inline_first_reference(schema, "Policy", load_schema("Policy"))
    return schema


def schema_json(name: str) -> str:
    """Give the self-contained schema as compact JSON, documents included."""
    return json.dumps(load_schema(name), ensure_ascii=False, separators=(",", ":"))


def fingerprint(name: str) -> str:
    """Give the SHA-256 of the contract's parsing canonical form, in hexadecimal (Avro specification)."""
    return fingerprint_of(load_schema(name))


def fingerprint_of(schema: dict[str, Any]) -> str:
    """Give the same of any schema, for example of a released version."""
    return hashlib.sha256(to_parsing_canonical_form(schema).encode()).hexdigest()


def _inline_first_reference(node: Any, reference: str, definition: dict[str, Any]) -> bool:
    """Replace the first use of a named type, in document order, by its definition."""
    places = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in places:
        is_type = value == reference and key not in {"name", "doc", "default", "symbols"}
        if is_type:
            node[key] = definition
            return True
        if _inline_first_reference(value, reference, definition):
            return True
    return False
