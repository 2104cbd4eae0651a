"""Schema ids: which number on the wire is which contract, and in which version.

They come from a lock file of the deployment, written once when the schemas are registered, or from the file
beside this module when there is no registry. So an outage of a registry never stops the ledger. A contract
has an id for each of its versions: a record is read by the version that its id says, and written with the
oldest that says all of it. Must not talk to a registry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from schemas.errors import NeracaError

BUILT_IN: Final = "ids.lock.json"
NAMES: Final = ("Action", "Decision", "Policy")
_ADVICE: Final = "register the schemas of this version, and use the lock file that this writes"


class SchemaIdsError(NeracaError):
    """The lock file of schema ids is missing, malformed, or from other contracts than this program's."""


class LockedSchema(NamedTuple):
    """One version of a contract and its id.

    Attributes:
        name: The contract.
        version: The first released version that had it in this form.
        schema_id: Its number on the wire.
        sha256: The fingerprint of its parsing canonical form.

    """

    name: str
    version: int
    schema_id: int
    sha256: str


@final
class SchemaIds:
    """The ids of one deployment.

    Attributes:
        action_id: The id of `Action` in its newest version.
        decision_id: The id of `Decision` in its newest version.

    """

    __slots__ = ("_action_ids", "_action_versions", "_ids", "_locked", "action_id", "decision_id")

    def __init__(self, locked: tuple[LockedSchema, ...]) -> None:
        self._locked: Final = {row.schema_id: row for row in locked}
        oldest_first = sorted(locked, key=lambda row: row.version)
        self._ids: Final = {row.name: row.schema_id for row in oldest_first}
        self._action_versions: Final = {row.schema_id: row.version for row in locked if row.name == "Action"}
        self._action_ids: Final = [
            (row.version, row.schema_id) for row in oldest_first if row.name == "Action"
        ]
        self.action_id: Final = self._ids["Action"]
        self.decision_id: Final = self._ids["Decision"]

    def __repr__(self) -> str:
        """Show every id."""
        ids = {f"{row.name} v{row.version}": row.schema_id for row in self._locked.values()}
        return f"SchemaIds({ids})"

    def id_of(self, name: str) -> int:
        """Give the id of a contract in its newest version.

        Raises:
            KeyError: there is no contract of that name.

        """
        return self._ids[name]

    def name_of(self, schema_id: int) -> str | None:
        """Give the contract behind an id; None when nobody knows it."""
        row = self._locked.get(schema_id)
        return None if row is None else row.name

    def version_of(self, schema_id: int) -> int:
        """Give the first released version that has the contract behind an id as it is; 0: nobody knows it."""
        row = self._locked.get(schema_id)
        return 0 if row is None else row.version

    def action_id_of(self, version: int) -> int:
        """Give the id of `Action` as that version of the contracts has it."""
        found = self.action_id
        for since, schema_id in reversed(self._action_ids):
            found = schema_id
            if since <= version:
                break
        return found

    def action_version(self, schema_id: int) -> int:
        """Give the version of `Action` behind an id; 0 where it is none."""
        return self._action_versions.get(schema_id, 0)


def built_in_ids() -> SchemaIds:
    """Give the ids for a deployment without a registry."""
    return SchemaIds(built_in_versions())


def built_in_versions() -> tuple[LockedSchema, ...]:
    """Give every version of every contract that this program knows, as the built-in lock lists them."""
    text = files("schemas").joinpath(BUILT_IN).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(text)["schemas"]
    return tuple(
        LockedSchema(str(row["name"]), int(row["version"]), int(row["id"]), str(row["sha256"]))
        for row in rows
    )


def load_ids(path: Path | None) -> SchemaIds:
    """Give the ids of a deployment's lock file; the built-in ones when there is none.

    Raises:
        SchemaIdsError: the file is missing, malformed, or from other contracts than this program's.

    """
    if path is None:
        return built_in_ids()
    return _parse(_read(path), str(path))


def locked_schemas(path: Path) -> tuple[LockedSchema, ...]:
    """Give the rows of a lock file, which `lock_json` writes anew when there is another version.

    Raises:
        SchemaIdsError: as `load_ids`, but that versions may be missing.

    """
    return _rows(_read(path), str(path))


def lock_json(ids: Mapping[tuple[str, int], int]) -> str:
    """Write a lock file: the id of each version of each contract, beside the fingerprint of what has it.

    Each version that this program knows has to have its id: what was written with an earlier one is read by
    it, and what an earlier one can say is written with it.

    Raises:
        KeyError: one has none.

    """
    rows = [
        {"name": row.name, "version": row.version, "id": ids[row.name, row.version], "sha256": row.sha256}
        for row in built_in_versions()
    ]
    return json.dumps({"schemas": rows}, indent=1) + "\n"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaIdsError(
            f"the lock file of schema ids cannot be read: {path}: {error}",
            advice="name the file that registering the schemas wrote, or none for the built-in ids",
        ) from error


def _known(name: str, sha256: str) -> LockedSchema | None:
    """Give the version of a contract that has this fingerprint; None when this program knows none."""
    return next((row for row in built_in_versions() if (row.name, row.sha256) == (name, sha256)), None)


def _rows(text: str, where: str) -> tuple[LockedSchema, ...]:
    rows: list[LockedSchema] = []
    try:
        read: list[dict[str, Any]] = json.loads(text)["schemas"]
        locked = [(str(row["name"]), row["id"], str(row["sha256"])) for row in read]
    except (ValueError, KeyError, TypeError) as error:
        raise SchemaIdsError(f"{where} is no lock file of schema ids: {error!r}", advice=_ADVICE) from error
    for name, number, sha256 in locked:
        known = _known(name, sha256)
        if known is None:
            # Also a version that is newer than this program: it would call unreadable what others decide.
            raise SchemaIdsError(
                f"{where} locks another {name} than this program's: sha256 {sha256}", advice=_ADVICE
            )
        if type(number) is not int or not 0 < number < 2**31 or number in [row.schema_id for row in rows]:
            raise SchemaIdsError(f"{where} gives {name} the id {number!r}, which is none", advice=_ADVICE)
        rows.append(known._replace(schema_id=number))
    return tuple(rows)


def _parse(text: str, where: str) -> SchemaIds:
    rows = _rows(text, where)
    locked = [(row.name, row.version) for row in rows]
    missing = [
        f"{row.name} of version {row.version}"
        for row in built_in_versions()
        if (row.name, row.version) not in locked
    ]
    if missing:
        raise SchemaIdsError(f"{where} has no id for {', '.join(missing)}", advice=_ADVICE)
    return SchemaIds(rows)
