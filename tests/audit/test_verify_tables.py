"""Verification of the tables in PostgreSQL: every row of every table, by column, at their own position."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from audit.table_check import LAYOUTS, OpenSnapshot, TablesMissing, TablesPlan
from audit.verification import Report, Request, verify
from projections import tables
from projections.migrations import migrate
from schemas.action_json import read_action_line
from schemas.errors import DatabaseUnavailable
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.audit.tampering import Ledger, ledger_of, small_ledger
from tests.projections.told import apply_all, ruled_on_after_departing_late

# One of every table: which column to change, to what, in one row of which.
CHANGES: dict[str, tuple[str, LiteralString, LiteralString]] = {
    "decisions": ("officer", "'o-999'", "seq = 321"),
    "postings": ("from_account", "'forfeited'", "seq < 100"),
    "reference_history": ("changed", 'changed || \'{"status": "odd"}\'', "thing = 'agency'"),
    "policies": ("restoration", "NOT restoration", "seq >= 0"),
    "registrations": ("destination", "'XX'", "status = 'departed'"),
    "quota_balances": ("granted", "granted + 1, available = available + 1", "line = 1"),
    "permits": ("valid_to", "valid_to + 1", "true"),
    "permit_lines": ("units", "units + 1", "line = 1"),
    "agencies": ("status", "'suspended'", "status = 'active'"),
    "destinations": ("status", "'odd'", "true"),
    "people_on_hold": ("held_since", "held_since - interval '1 day'", "true"),
    "trainings": ("completed_at", "NULL", "completed_at IS NOT NULL"),
    "complaints": ("answered_at", "now()", "true"),
}


@pytest.fixture(name="filled")
def _filled(database: str) -> str:
    """The DSN of a database whose tables hold the small ledger."""
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, small_ledger().journal, 500)
    return database


@contextmanager
def _plan(dsn: str) -> Iterator[TablesPlan]:
    held = OpenSnapshot(dsn)
    try:
        yield TablesPlan(dsn, held.snapshot, 20)
    finally:
        held.close()


# The rules are no part of what is tested here.
CHECKED = frozenset({"chain", "tables"})


def _verified(dsn: str, scratch: Path, ledger: Ledger | None = None, *, is_checked: bool = True) -> Report:
    """Verify the small ledger with the tables, or without."""
    with _plan(dsn) as plan:
        plans = [plan] if is_checked else []
        request = Request(built_in_ids(), scratch, plans=plans, processes=0, checks=CHECKED)
        return verify(ledger or small_ledger(), request)


def _execute(dsn: str, statement: LiteralString, **parts: sql.Composable) -> int:
    """Run a statement as somebody would who may do anything, past every trigger; give the rows it touched."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        return connection.execute(sql.SQL(statement).format(**parts)).rowcount


def _one_row(name: str, where: LiteralString) -> dict[str, sql.Composable]:
    """The table, and a condition that one of its rows fulfils."""
    table = sql.Identifier("neraca", name)
    one = sql.SQL("ctid = (SELECT ctid FROM {} WHERE {} LIMIT 1)").format(table, sql.SQL(where))
    return {"table": table, "one": one}


def _emptied(dsn: str) -> psycopg.Connection[tuple[object, ...]]:
    """A session of a projector on tables that hold nothing any more."""
    for layout in LAYOUTS:
        _execute(dsn, "DELETE FROM {table} WHERE seq >= 0", table=sql.Identifier("neraca", layout.name))
    _execute(dsn, "TRUNCATE neraca.projection_positions")
    connection = psycopg.connect(dsn, autocommit=True)
    tables.open_session(connection)
    return connection


def test_tables_that_nobody_touched_are_well(filled: str, tmp_path: Path) -> None:
    """Every table is compared, none is empty, and no row differs."""
    report = _verified(filled, tmp_path)
    assert {} == report.found, report.findings
    rows = report.facts["tables"]["rows"]
    assert {layout.name for layout in LAYOUTS} == set(rows) == set(CHANGES)
    assert all(rows.values())
    assert [] == report.facts["tables"]["not_compared"]


def test_any_value_of_any_table_is_found_and_named(filled: str, tmp_path: Path) -> None:
    """One value changed in each table at a time: table, key, column and both values are told.

    Without the check of the tables nothing is found.
    """
    for name, (column, value, where) in CHANGES.items():
        table = sql.Identifier("neraca", name)
        _execute(filled, "CREATE TABLE kept AS SELECT * FROM {table}", table=table)
        change = {"column": sql.Identifier(column), "value": sql.SQL(value)} | _one_row(name, where)
        assert 1 == _execute(filled, "UPDATE {table} SET {column} = {value} WHERE {one}", **change)
        report = _verified(filled, tmp_path / name)
        assert {"tables": 1} == report.found, (name, report.findings)
        (finding,) = report.findings
        assert name == finding.table
        assert finding.key
        assert column == finding.differences[0].name
        assert finding.differences[0].expected != finding.differences[0].found
        assert {} == _verified(filled, tmp_path / f"{name}-without", is_checked=False).found
        _execute(filled, "TRUNCATE {table}", table=table)
        _execute(filled, "INSERT INTO {table} SELECT * FROM kept", table=table)
        _execute(filled, "DROP TABLE kept")
    assert {} == _verified(filled, tmp_path / "again").found


def test_rows_gone_are_found(filled: str, tmp_path: Path) -> None:
    """A row taken out of each table is told, each with its table and key, and nothing else."""
    for name, (_, _, where) in CHANGES.items():
        assert 1 == _execute(filled, "DELETE FROM {table} WHERE {one}", **_one_row(name, where))
    report = _verified(filled, tmp_path)
    assert {"tables": len(CHANGES)} == report.found, report.findings
    assert set(CHANGES) == {finding.table for finding in report.findings}
    assert all(finding.key for finding in report.findings)
    assert all("lacks a row" in finding.what or "no row" in finding.what for finding in report.findings)


def test_rows_put_in_are_found(filled: str, tmp_path: Path) -> None:
    """Rows that no decision gives are told, in tables that grow and in tables of what stands."""
    for name, key, value in (
        ("agencies", "agency_id", "A-nobody"),
        ("decisions", "seq", 999_999),
        ("registrations", "registration_id", "R-nobody"),
    ):
        copied: LiteralString = (
            "INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object({key}, {value}))).* "
            "FROM {table} t LIMIT 1"
        )
        parts = {
            "table": sql.Identifier("neraca", name),
            "key": sql.Literal(key),
            "value": sql.Literal(value),
        }
        assert 1 == _execute(filled, copied, **parts)
    report = _verified(filled, tmp_path)
    assert {"tables": 3} == report.found, report.findings
    assert {"agencies", "decisions", "registrations"} == {finding.table for finding in report.findings}


def test_a_stale_row_is_found(filled: str, tmp_path: Path) -> None:
    """A row that was right after an earlier decision, and is not of the last, is told with both numbers."""
    journal = small_ledger().journal
    with _emptied(filled) as connection:
        apply_all(connection, journal, 10_000)
        last = connection.execute(
            "SELECT seq, registration_id FROM neraca.registrations WHERE seq > registered_seq"
            " ORDER BY seq DESC LIMIT 1"
        ).fetchone()
    assert last is not None
    seq, key = last
    assert isinstance(seq, int)
    one = {"key": sql.Literal(key)}
    with _emptied(filled) as connection:
        apply_all(connection, journal[:seq], 10_000)
        _execute(
            filled,
            "CREATE TABLE before AS SELECT * FROM neraca.registrations WHERE registration_id = {key}",
            **one,
        )
        apply_all(connection, journal, 10_000)
    _execute(filled, "DELETE FROM neraca.registrations WHERE registration_id = {key}", **one)
    _execute(filled, "INSERT INTO neraca.registrations SELECT * FROM before")
    report = _verified(filled, tmp_path)
    assert {"tables": 1} == report.found, report.findings
    (difference,) = report.findings[0].differences
    assert (seq, "seq", str(seq)) == (report.findings[0].place, difference.name, difference.expected)
    assert int(difference.found) < seq


def test_tables_behind_the_journal_are_well(filled: str, tmp_path: Path) -> None:
    """A projector that lags is no fault: the tables are compared where they stand."""
    with _emptied(filled) as connection:
        apply_all(connection, small_ledger().journal[:700], 300)
    report = _verified(filled, tmp_path)
    assert {} == report.found, report.findings
    assert 699 == report.facts["tables"]["seq"]


@pytest.mark.parametrize("batch", [1, 8])
def test_a_ruling_after_a_late_departure_is_well(filled: str, tmp_path: Path, batch: int) -> None:
    """The row still says that the departure came late; and where it does not, that is found."""
    schema_id = built_in_ids().action_id
    told = ruled_on_after_departing_late()
    ledger = ledger_of([frame(schema_id, read_action_line(line.encode()).avro) for line in told])
    ledger = replace(ledger, batch=batch)
    with _emptied(filled) as connection:
        apply_all(connection, ledger.journal, batch)
    report = _verified(filled, tmp_path / "with", ledger)
    assert {} == report.found, report.findings
    _execute(filled, "UPDATE neraca.registrations SET departed_late = false")
    (finding,) = _verified(filled, tmp_path / "without", ledger).findings
    assert "departed_late: expected true, found false" in [str(each) for each in finding.differences]


def test_a_tail_that_the_tables_have_seen_is_missed(filled: str, tmp_path: Path) -> None:
    """A journal whose tail was dropped follows itself without a flaw; the tables' position tells."""
    ledger = small_ledger()
    cut = ledger.with_journal(ledger.journal[:-10])
    report = _verified(filled, tmp_path / "with", cut)
    assert {"tables": 1} == report.found, report.findings[:3]
    assert len(cut.journal) == report.findings[0].place
    assert {} == _verified(filled, tmp_path / "without", cut, is_checked=False).found


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (
            "UPDATE neraca.projection_positions SET decision_sha256 = decode(repeat('ab', 32), 'hex')",
            "projection_positions",
        ),
        (
            "UPDATE neraca.projection_positions SET journal_at = journal_at + interval '1 day'",
            "projection_positions",
        ),
        ("UPDATE neraca.policies SET closure = closure + interval '7 days' WHERE seq = -1", "policies"),
        ("DELETE FROM neraca.policies WHERE seq = -1", "policies"),
    ],
)
def test_what_no_row_of_a_decision_holds_is_found(
    filled: str, tmp_path: Path, statement: str, table: str
) -> None:
    """What the position says of its decision, and the policy before the first one, are compared as well."""
    _execute(filled, statement)
    report = _verified(filled, tmp_path)
    assert [table] == [finding.table for finding in report.findings]


def test_a_moment_is_held_still(filled: str, tmp_path: Path) -> None:
    """What a projector writes while the tables are read changes nothing: they are compared as they were."""
    with _plan(filled) as plan:
        _execute(filled, "UPDATE neraca.registrations SET destination = 'XX'")
        request = Request(built_in_ids(), tmp_path, plans=[plan], processes=1)
        assert {} == verify(small_ledger(), request).found


def test_no_tables_is_no_difference(database: str) -> None:
    """A database without tables, or none at all, cannot be compared: an error that says what to do."""
    with pytest.raises(TablesMissing, match="no tables"):
        OpenSnapshot(database)
    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        OpenSnapshot("postgresql://nobody@127.0.0.1:1/none")
