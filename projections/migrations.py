"""Brings the schema `neraca` up to date: ordered SQL files, each applied once, in one transaction.

No file that was released may change: its checksum is kept beside its number, and a difference is an error.
The files name the schema `neraca`; `in_schema` writes them for another one, where `neraca rebuild` builds the
same tables anew. A file that begins with `-- rebuild:` and a reason changes what the rows hold: it is never
applied to tables that hold decisions already.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from psycopg import Connection, sql

from schemas.errors import NeracaError

LIVE: Final = "neraca"

# Two services that start at once wait for each other here.
_LOCK: Final = "neraca migrations"

_NEEDS_REBUILD: Final = "-- rebuild:"

# A name in the schema, or the schema named as such; not the word in a comment.
_OF_THE_SCHEMA: Final = re.compile(r"\bneraca(?=\.[a-z_]+)|(?<=\bSCHEMA )neraca\b|(?<=EXISTS )neraca\b(?=;)")

# What a migration makes that somebody else could have put there as well.
_MADE: Final = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:MATERIALIZED )?(?:TABLE|VIEW|FUNCTION|TYPE) (?:IF NOT EXISTS )?"
    r"neraca\.(\w+)",
    re.MULTILINE,
)

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


class RebuildNeeded(NeracaError):
    """The tables hold decisions, and this version of neraca gives some of them other rows."""


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

    @property
    def needs_rebuild(self) -> bool:
        """Whether it changes what the rows hold, so that rows made before it are not what it says."""
        return self.text.startswith(_NEEDS_REBUILD)


def load_migrations() -> list[Migration]:
    """Give the migrations of this program, in order."""
    found = [
        Migration(int(file.name[:4]), file.name, file.read_text(encoding="utf-8"))
        for file in files("projections").joinpath("migrations").iterdir()
        if file.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


def own_names() -> frozenset[str]:
    """Give the names of all tables, views, functions and types that a migration ever made.

    Whatever else stands in the schema, somebody else put there, however it looks.
    """
    texts = [_LEDGER_OF_MIGRATIONS, *(migration.text for migration in load_migrations())]
    return frozenset(name for text in texts for name in _MADE.findall(text))


def in_schema(statement: str, schema: str) -> str:
    """Give a statement that names the schema `neraca`, for another schema."""
    return statement if schema == LIVE else _OF_THE_SCHEMA.sub(schema, statement)


def migrate(
    connection: Connection[tuple[object, ...]],
    migrations: list[Migration] | None = None,
    *,
    schema: str = LIVE,
) -> list[str]:
    """Apply what is missing, and give the names of what was applied.

    Raises:
        MigrationEdited: an applied file was changed afterwards.
        DatabaseNewer: the database was made by a newer program.
        RebuildNeeded: what is missing changes rows that are there.

    """
    wanted = load_migrations() if migrations is None else migrations
    names = []
    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (_LOCK,))
    try:
        with connection.transaction():
            connection.execute(in_schema(_LEDGER_OF_MIGRATIONS, schema).encode())
        applied = applied_migrations(connection, schema)
        _check(wanted, applied)
        missing = [migration for migration in wanted if migration.number not in applied]
        _refuse_to_change_rows(connection, missing, schema)
        for migration in missing:
            with connection.transaction():
                connection.execute(in_schema(migration.text, schema).encode())
                connection.execute(
                    f"INSERT INTO {schema}.schema_migrations (number, name, sha256)"
                    " VALUES (%s, %s, %s)".encode(),
                    (migration.number, migration.name, migration.sha256),
                )
            names.append(migration.name)
        _grant_reading(connection, schema)
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_LOCK,))
    return names


def try_lock(session: Connection[tuple[object, ...]], name: str) -> bool:
    """Take the database's advisory lock of that name, if nobody holds it; it falls with the connection."""
    row = session.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)).fetchone()
    return row is not None and row[0] is True


def hold_migrations(connection: Connection[tuple[object, ...]]) -> None:
    """Let no service migrate until this transaction ends; waits for the one that does."""
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (_LOCK,))


def applied_migrations(
    connection: Connection[tuple[object, ...]], schema: str = LIVE
) -> dict[int, tuple[str, str]]:
    """Give name and checksum, by number, of the migrations that made a schema."""
    rows = connection.execute(f"SELECT number, name, sha256 FROM {schema}.schema_migrations".encode())
    return {int(str(number)): (str(name), str(sha256)) for number, name, sha256 in rows.fetchall()}


def is_of_this_program(connection: Connection[tuple[object, ...]], schema: str) -> bool:
    """Whether exactly the migrations of this program made a schema, so that it may write there."""
    own = {one.number: (one.name, one.sha256) for one in load_migrations()}
    return own == applied_migrations(connection, schema)


def _refuse_to_change_rows(
    connection: Connection[tuple[object, ...]], missing: list[Migration], schema: str
) -> None:
    changing = [migration.name for migration in missing if migration.needs_rebuild]
    if not changing:
        return
    positions = connection.execute("SELECT to_regclass(%s)", (f"{schema}.projection_positions",)).fetchone()
    if positions is None or positions[0] is None:
        return
    filled = connection.execute(f"SELECT FROM {schema}.projection_positions WHERE seq >= 0".encode())
    if filled.fetchone() is not None:
        raise RebuildNeeded(
            f"the tables were made before {', '.join(changing)}, which changes what their rows hold",
            advice="Run `neraca rebuild`: it makes them anew beside the ones there are, and swaps.",
        )


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
                advice="After an upgrade: `neraca up --no-services`, then `neraca rebuild`, which makes the "
                "tables anew, then `neraca up`; or drop them, and the projector does (`DROP SCHEMA neraca "
                "CASCADE`). After an edit of your own: undo it, and put the change into a new migration.",
            )


def _grant_reading(connection: Connection[tuple[object, ...]], schema: str) -> None:
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
        connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO neraca_reader".encode())
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO neraca_reader".encode())


__all__ = [
    "LIVE",
    "DatabaseNewer",
    "Migration",
    "MigrationEdited",
    "RebuildNeeded",
    "applied_migrations",
    "hold_migrations",
    "in_schema",
    "is_of_this_program",
    "load_migrations",
    "migrate",
    "own_names",
    "sql",
]
