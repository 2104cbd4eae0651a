"""Brings the schema `neraca_keys` up to date."""

from __future__ import annotations

from typing import Final

from psycopg import Connection

from neraca.schema_files import SchemaFiles
from schemas.errors import NeracaError


class KeyStoreMismatch(NeracaError):
    """The schema is not what this version made of it."""


_SCHEMA: Final = SchemaFiles(
    schema="neraca_keys",
    comment="Who is whom, and the key of each person. No journal rebuilds it: back it up, "
    "and let backups end.",
    package="neraca.keystore",
    lock="neraca key store migrations",
    mismatch=KeyStoreMismatch,
    newer="the key store",
)


def migrate(connection: Connection[tuple[object, ...]]) -> list[str]:
    """Apply what is missing, and give the names of it.

    Raises:
        KeyStoreMismatch: a migration was edited after it was applied, or a newer version was here.

    """
    return _SCHEMA.apply(connection)
