"""Brings the schema `neraca` up to date: ordered SQL files, each applied once, in one transaction.

No file that was released may change: its checksum is kept beside its number, and a difference is an error.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from psycopg import Connection, sql

from schemas.errors import NeracaError

# Two services that start at once wait for each other here.
_LOCK: Final = "neraca migrations"

_LEDGER_OF_MIGRATIONS: Final = """
CREATE SCHEMA IF NOT EXISTS neraca;
COMMENT ON SCHEMA neraca IS 'Read models of the placement ledger; all of it can be rebuilt from the journal.';
CREATE TABLE IF NOT EXISTS neraca.schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE neraca.schema_migrations IS 'Which migrations made this schema.';
COMMENT ON COLUMN neraca.schema_migrations.number IS 'Number of the file; they are applied in this order.';
COMMENT ON COLUMN neraca.schema_migrations.name IS 'Name of the file.';
COMMENT ON COLUMN neraca.schema_migrations.sha256 IS 'SHA-256 of the file when it was applied.';
COMMENT ON COLUMN neraca.schema_migrations.applied_at IS 'When, by the clock of the database.';
"""


class MigrationEdited(NeracaError):
    """A migration that this database has applied reads differently now."""


class DatabaseNewer(NeracaError):
    """The database has migrations that this program does not know."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file: `0001_name.sql`."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The checksum that an applied migration must keep."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_migrations() -> list[Migration]:
    """Give the migrations of this program, in order."""
    found = [
        Migration(int(file.name[:4]), file.name, file.read_text(encoding="utf-8"))
        for file in files("projections").joinpath("migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


def migrate(
    connection: Connection[tuple[object, ...]], migrations: list[Migration] | None = None
) -> list[str]:
    """Apply what is missing, and give the names of what was applied.

    Raises:
        MigrationEdited: an applied file was changed afterwards.
        DatabaseNewer: the database was made by a newer program.

    """
    wanted = load_migrations() if migrations is None else migrations
    names = []
    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (_LOCK,))
    try:
        with connection.transaction():
            connection.execute(_LEDGER_OF_MIGRATIONS.encode())
        rows = connection.execute("SELECT number, name, sha256 FROM neraca.schema_migrations").fetchall()
        applied = {int(str(number)): (str(name), str(sha256)) for number, name, sha256 in rows}
        _check(wanted, applied)
        for migration in wanted:
            if migration.number not in applied:
                with connection.transaction():
                    connection.execute(migration.text.encode())
                    connection.execute(
                        "INSERT INTO neraca.schema_migrations (number, name, sha256) VALUES (%s, %s, %s)",
                        (migration.number, migration.name, migration.sha256),
                    )
                names.append(migration.name)
        _grant_reading(connection)
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_LOCK,))
    return names


def _check(wanted: list[Migration], applied: dict[int, tuple[str, str]]) -> None:
    known = {migration.number: migration for migration in wanted}
    for number, (name, sha256) in sorted(applied.items()):
        migration = known.get(number)
        if migration is None:
            raise DatabaseNewer(
                f"the database has migration {name}, which this version of neraca does not know",
                advice="Run the newer version of neraca, or use another database.",
            )
        if migration.sha256 != sha256:
            raise MigrationEdited(
                f"migration {migration.name} was applied with SHA-256 {sha256[:16]}… and now has "
                f"{migration.sha256[:16]}…",
                advice="After an upgrade: the tables can be dropped and are rebuilt from the journal "
                "(`DROP SCHEMA neraca CASCADE`, then `neraca up`). After an edit of your own: undo it, and "
                "put the change into a new migration.",
            )


def _grant_reading(connection: Connection[tuple[object, ...]]) -> None:
    """Let the role `neraca_reader` read everything, where this user may make one."""
    row = connection.execute(
        "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if row is None or row[0] is not True:
        return
    with connection.transaction():
        exists = connection.execute("SELECT FROM pg_roles WHERE rolname = 'neraca_reader'").fetchone()
        if exists is None:
            connection.execute("CREATE ROLE neraca_reader NOLOGIN")
        connection.execute("GRANT USAGE ON SCHEMA neraca TO neraca_reader")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA neraca TO neraca_reader")


__all__ = ["DatabaseNewer", "Migration", "MigrationEdited", "load_migrations", "migrate", "sql"]
