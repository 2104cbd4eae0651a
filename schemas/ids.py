"""Schema ids: which number on the wire is which contract.

They come from a lock file of the deployment, written once when the schemas are registered, or from the file
beside this module when there is no registry. So an outage of a registry never stops the ledger. Must not
talk to a registry.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, final

from schemas.avro import fingerprint
from schemas.errors import NeracaError

BUILT_IN: Final = "ids.lock.json"
NAMES: Final = ("Action", "Decision", "Policy")


class SchemaIdsError(NeracaError):
    """The lock file of schema ids is missing, malformed, or from other contracts than this program's."""


@final
class SchemaIds:
    """The ids of one deployment.

    Attributes:
        action_id: The id of `Action`.
        decision_id: The id of `Decision`.

    """

    __slots__ = ("_ids", "_names", "action_id", "decision_id")

    def __init__(self, ids: dict[str, int]) -> None:
        self._ids: Final = dict(ids)
        self._names: Final = {number: name for name, number in ids.items()}
        self.action_id: Final = ids["Action"]
        self.decision_id: Final = ids["Decision"]

    def __repr__(self) -> str:
        """Show every id."""
        return f"SchemaIds({self._ids})"

    def id_of(self, name: str) -> int:
        """Give the id of a contract.

        Raises:
            KeyError: there is no contract of that name.

        """
        return self._ids[name]

    def name_of(self, schema_id: int) -> str | None:
        """Give the contract behind an id; None when nobody knows it."""
        return self._names.get(schema_id)


def built_in_ids() -> SchemaIds:
    """Give the ids for a deployment without a registry."""
    text = files("schemas").joinpath(BUILT_IN).read_text(encoding="utf-8")
    return _parse(text, f"schemas/{BUILT_IN}")


def load_ids(path: Path | None) -> SchemaIds:
    """Give the ids of a deployment's lock file; the built-in ones when there is none.

    Raises:
        SchemaIdsError: the file is missing, malformed, or from other contracts than this program's.

    """
    if path is None:
        return built_in_ids()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaIdsError(
            f"the lock file of schema ids cannot be read: {path}: {error}",
            advice="name the file that registering the schemas wrote, or none for the built-in ids",
        ) from error
    return _parse(text, str(path))


def lock_json(ids: dict[str, int]) -> str:
    """Write a lock file: each contract's id beside the fingerprint that it was registered with."""
    rows = [{"name": name, "id": ids[name], "sha256": fingerprint(name)} for name in NAMES]
    return json.dumps({"schemas": rows}, indent=1) + "\n"


def _parse(text: str, where: str) -> SchemaIds:
    advice = "register the schemas of this version, and use the lock file that this writes"
    ids: dict[str, int] = {}
    try:
        rows: list[dict[str, Any]] = json.loads(text)["schemas"]
        locked = [(str(row["name"]), row["id"], str(row["sha256"])) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise SchemaIdsError(f"{where} is no lock file of schema ids: {error!r}", advice=advice) from error
    for name, number, sha256 in locked:
        if name not in NAMES or sha256 != fingerprint(name):
            raise SchemaIdsError(
                f"{where} locks another {name} than this program's: sha256 {sha256}", advice=advice
            )
        if type(number) is not int or not 0 < number < 2**31 or number in ids.values():
            raise SchemaIdsError(f"{where} gives {name} the id {number!r}, which is none", advice=advice)
        ids[name] = number
    missing = [name for name in NAMES if name not in ids]
    if missing:
        raise SchemaIdsError(f"{where} has no id for {', '.join(missing)}", advice=advice)
    return SchemaIds(ids)
