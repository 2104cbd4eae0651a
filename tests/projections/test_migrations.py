"""Migrations: once, in order, by one service at a time, and never edited."""

import threading
from dataclasses import replace

import psycopg
import pytest

from projections import tables
from projections.migrations import (
    DatabaseNewer,
    Migration,
    MigrationEdited,
    RebuildNeeded,
    load_migrations,
    migrate,
)
from tests.projections.told import apply_all, journal


def test_each_is_applied_once(database: str) -> None:
    """A second run finds nothing to do; numbers rise by one from one."""
    names = [migration.name for migration in load_migrations()]
    with psycopg.connect(database, autocommit=True) as connection:
        assert names == migrate(connection)
        assert migrate(connection) == []
    assert list(range(1, len(names) + 1)) == [int(name[:4]) for name in names]


def test_an_edited_one_is_an_error(database: str) -> None:
    """The message names the file; the advice serves who upgraded and who edited, and what it says works."""
    migrations = load_migrations()
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        migrations[1] = replace(migrations[1], text=migrations[1].text + "-- one more word\n")
        with pytest.raises(MigrationEdited, match=migrations[1].name) as caught:
            migrate(connection, migrations)
        connection.execute("DROP SCHEMA neraca CASCADE")
        assert [migration.name for migration in migrations] == migrate(connection, migrations)
    assert "or drop them, and the projector does (`DROP SCHEMA neraca CASCADE`)" in caught.value.advice
    assert "`neraca up --no-services`, then `neraca rebuild`" in caught.value.advice
    assert "put the change into a new migration" in caught.value.advice


def test_a_newer_database_is_an_error(database: str) -> None:
    """A program that is older than the schema does not touch it."""
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        with pytest.raises(DatabaseNewer, match=load_migrations()[-1].name):
            migrate(connection, load_migrations()[:-1])


def test_tables_with_decisions_are_not_completed_by_half(database: str) -> None:
    """A migration that wants all decisions is applied to empty tables, never to tables that hold some."""
    later = Migration(
        len(load_migrations()) + 1, "9999_x.sql", "-- rebuild: x\nCREATE TABLE neraca.x (n int);"
    )
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, journal()[:10], 10)
        with pytest.raises(RebuildNeeded, match=r"9999_x\.sql"):
            migrate(connection, [*load_migrations(), later])
        assert migrate(connection) == []


def test_a_failing_one_leaves_nothing(database: str) -> None:
    """A migration is one transaction: half of it does not stay, and the next try does it whole."""
    broken = Migration(1, "0001_x.sql", "CREATE TABLE neraca.x (n int); SELECT 1 / 0;")
    whole = replace(broken, text="CREATE TABLE neraca.x (n int);")
    with psycopg.connect(database, autocommit=True) as connection:
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(connection, [broken])
        assert migrate(connection, [whole]) == ["0001_x.sql"]


def test_two_services_may_start_at_once(database: str) -> None:
    """One applies, the other waits and finds it done."""
    applied: list[list[str]] = []

    def start() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            applied.append(migrate(connection))

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[], [], [m.name for m in load_migrations()]] == sorted(applied, key=len)


def test_readers_may_read_and_nothing_else(database: str) -> None:
    """Members of neraca_reader see every table and view, and change none."""
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        connection.execute("SET ROLE neraca_reader")
        assert connection.execute("SELECT count(*) FROM neraca.registration_stages").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM neraca.decisions")
