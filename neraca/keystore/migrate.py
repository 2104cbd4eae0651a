"""Brings the schema `neraca_keys` up to date."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Final

from psycopg import Connection

from schemas.errors import NeracaError

_LOCK: Final = "neraca key store migrations"
_HISTORY: Final = """
CREATE SCHEMA IF NOT EXISTS neraca_keys;
COMMENT ON SCHEMA neraca_keys IS
    'Who is whom, and the key of each person. No journal rebuilds it: back it up, and let backups end.';
CREATE TABLE IF NOT EXISTS neraca_keys.schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


class KeyStoreMismatch(NeracaError):
    """The schema is not what this version made of it."""


def migrate(connection: Connection[tuple[object, ...]]) -> list[str]:
    """Apply what is missing, and give the names of it.

    Raises:
        KeyStoreMismatch: a migration was edited after it was applied, or a newer version was here.

    """
    found = sorted(
        (file.name, file.read_text(encoding="utf-8"))
        for file in files("neraca.keystore").joinpath("migrations").iterdir()
        if file.name.endswith(".sql")
    )
    applied = []
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_LOCK,))
        connection.execute(_HISTORY.encode())
        rows = connection.execute("SELECT number, sha256 FROM neraca_keys.schema_migrations").fetchall()
        known = {int(str(number)): str(sha256) for number, sha256 in rows}
        for name, text in found:
            number, sha256 = int(name[:4]), hashlib.sha256(text.encode()).hexdigest()
            if number not in known:
                connection.execute(text.encode())
                connection.execute(
                    "INSERT INTO neraca_keys.schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
                    (number, name, sha256),
                )
                applied.append(name)
            elif known.pop(number) != sha256:
                raise KeyStoreMismatch(
                    f"migration {name} was edited after it was applied",
                    advice="Undo the edit, and put the change into a new migration.",
                )
        if newer := [number for number in known if number > int(found[-1][0][:4])]:
            raise KeyStoreMismatch(
                f"the key store was made by a newer Neraca (migration {newer[0]})", advice="Use that version."
            )
    return applied
