"""Brings a schema that no journal rebuilds up to date: ordered SQL files, each applied once, all in one step.

For the access records and the key store. The read models have ways of their own (projections/migrations.py):
they can be made again, and beside each other.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from psycopg import Connection, sql

from schemas.errors import NeracaError

_HISTORY: Final = """
CREATE SCHEMA IF NOT EXISTS {schema};
COMMENT ON SCHEMA {schema} IS {comment};
CREATE TABLE IF NOT EXISTS {schema}.schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


@dataclass(frozen=True, slots=True)
class SchemaFiles:
    """A schema, and the files that make it.

    Attributes:
        schema: Its name.
        comment: What it holds.
        package: Where the folder `migrations` is.
        lock: By which two services that start at once wait for each other.
        mismatch: What is raised where the schema is not what the files made of it.
        newer: What a schema of a newer version is called there; empty: such a one is as good as ours.

    """

    schema: str
    comment: str
    package: str
    lock: str
    mismatch: type[NeracaError]
    newer: str = ""

    def apply(self, connection: Connection[tuple[object, ...]]) -> list[str]:
        """Apply what is missing, and give the names of it.

        Raises:
            NeracaError: a `mismatch`: a file was edited after it was applied, or a newer version was here.

        """
        found = sorted(
            (file.name, file.read_text(encoding="utf-8"))
            for file in files(self.package).joinpath("migrations").iterdir()
            if file.name.endswith(".sql")
        )
        schema = sql.Identifier(self.schema)
        applied = []
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self.lock,))
            connection.execute(sql.SQL(_HISTORY).format(schema=schema, comment=sql.Literal(self.comment)))
            rows = connection.execute(
                sql.SQL("SELECT number, sha256 FROM {}.schema_migrations").format(schema)
            ).fetchall()
            known = {int(str(number)): str(sha256) for number, sha256 in rows}
            for name, text in found:
                number, sha256 = int(name[:4]), hashlib.sha256(text.encode()).hexdigest()
                if number not in known:
                    connection.execute(text.encode())
                    connection.execute(
                        sql.SQL(
                            "INSERT INTO {}.schema_migrations (number, name, sha256) VALUES (%s, %s, %s)"
                        ).format(schema),
                        (number, name, sha256),
                    )
                    applied.append(name)
                elif known.pop(number) != sha256:
                    raise self.mismatch(
                        f"migration {name} was edited after it was applied",
                        advice="Undo the edit, and put the change into a new migration.",
                    )
            if self.newer and (newer := [one for one in known if one > int(found[-1][0][:4])]):
                raise self.mismatch(
                    f"{self.newer} was made by a newer Neraca (migration {newer[0]})",
                    advice="Use that version.",
                )
        return applied
