"""The contract that wrote a record, by the id in its frame, as the text that a container file carries."""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from schemas.errors import ArchiveDamaged
from schemas.ids import SchemaIds

_RELEASED: Final = files("schemas").joinpath("released")


def written_with(ids: SchemaIds, schema_id: int) -> str:
    """Give the released contract behind an id as compact JSON: the same text in every version of Neraca.

    Raises:
        ArchiveDamaged: this program knows no contract of that id.

    """
    name = ids.name_of(schema_id)
    if name is None:
        raise ArchiveDamaged(
            f"nobody knows the contract with schema id {schema_id}",
            advice="Run the version of neraca that wrote the record, or a newer one.",
        )
    return _compact(_RELEASED.joinpath(f"v{ids.version_of(schema_id)}", f"{name.lower()}.avsc"))


def released(name: str) -> frozenset[str]:
    """Give every text that a container file may carry as that contract: one a released version."""
    return frozenset(
        _compact(version.joinpath(f"{name.lower()}.avsc"))
        for version in _RELEASED.iterdir()
        if version.name.startswith("v")
    )


def _compact(contract: Traversable) -> str:
    return json.dumps(
        json.loads(contract.read_text(encoding="utf-8")), ensure_ascii=False, separators=(",", ":")
    )
