"""The contract that wrote a record, by the id in its frame, as the text that a container file carries."""

from __future__ import annotations

import json
from importlib.resources import files

from schemas.errors import ArchiveDamaged
from schemas.ids import SchemaIds


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
    released = files("schemas").joinpath("released", f"v{ids.version_of(schema_id)}", f"{name.lower()}.avsc")
    contract = json.loads(released.read_text(encoding="utf-8"))
    return json.dumps(contract, ensure_ascii=False, separators=(",", ":"))
