"""Tables built anew: the same rows and the same definitions as those that a projector fills."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import ExitStack

import psycopg
import pytest

from projections import tables
from projections.building import NEXT, Building, indexes_of
from projections.migrations import in_schema, own_names
from tests.projections.conftest import Session
from tests.projections.told import apply_all, dump, journal


def _build(
    session: Session,
    *,
    registrations_kept_max: int,
    helpers: Sequence[Session] = (),
    like: str | None = None,
) -> None:
    values = journal()
    building = Building(session, registrations_kept_max=registrations_kept_max)
    try:
        with session.transaction():
            building.begin()
            for start in range(0, len(values), 100):
                building.add(values[start : start + 100])
            building.complete()
    finally:
        building.close()
    digest = hashlib.sha256(values[-1]).digest()
    for _ in building.finish(digest, len(values) - 1, helpers=helpers, like=like):
        pass


# Kept until the end; turned over every few decisions. Alone; with a session that makes indexes beside it.
@pytest.mark.parametrize(("registrations_kept_max", "helpers"), [(100_000, 1), (20, 1), (100_000, 0)])
def test_rows_are_the_same(
    database: str, session: Session, registrations_kept_max: int, helpers: int
) -> None:
    """However few registrations are kept in memory, each table holds what the projector's batches lead to."""
    apply_all(session, journal(), 500)
    with psycopg.connect(database, autocommit=True) as other, ExitStack() as opened:
        beside = [opened.enter_context(psycopg.connect(database, autocommit=True)) for _ in range(helpers)]
        _build(other, registrations_kept_max=registrations_kept_max, helpers=beside)
        assert dump(session) == dump(other, NEXT)
        assert tables.read_position(session) == tables.read_position(other, schema=NEXT)


def test_one_that_fails_stops_the_others(database: str, session: Session) -> None:
    """Where an index cannot be made, that is said, and no session works on behind it."""
    apply_all(session, journal()[:10], 500)
    # Nothing stands in the way of it on the few rows of the live table.
    session.execute("CREATE INDEX added ON neraca.decisions ((1 / (seq - 500))) WHERE seq > 400")
    with (
        psycopg.connect(database, autocommit=True) as other,
        psycopg.connect(database, autocommit=True) as helper,
    ):
        with pytest.raises(psycopg.errors.DivisionByZero):
            _build(other, registrations_kept_max=100_000, helpers=[helper], like="neraca")
        states = {one.info.transaction_status for one in (other, helper)}
        assert states == {psycopg.pq.TransactionStatus.IDLE}


def test_definitions_are_the_same(database: str, session: Session) -> None:
    """Every index, constraint, comment and view is there again, also those that waited for the rows."""
    with psycopg.connect(database, autocommit=True) as other:
        _build(other, registrations_kept_max=100_000)
    assert [
        (one.table, one.name, one.definition.replace(f"{NEXT}.", "neraca."), one.constraint)
        for one in indexes_of(session, NEXT)
    ] == [(one.table, one.name, one.definition, one.constraint) for one in indexes_of(session, "neraca")]
    question = """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, c.relkind,
               c.reloptions, col_description(c.oid, a.attnum), obj_description(c.oid),
               replace(pg_get_viewdef(c.oid), %s, 'neraca.')
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1, 2
    """
    with session.transaction():
        session.execute("SET LOCAL search_path = ''")
        live, built = (
            session.execute(question, (f"{schema}.", schema)).fetchall() for schema in ("neraca", NEXT)
        )
    assert live == built


def test_what_is_ours_is_known_by_name(session: Session) -> None:
    """Of a schema that the migrations made, every table, view, function and type is on the list; no other."""
    found = session.execute("""
        SELECT relname::text FROM pg_class
        WHERE relnamespace = 'neraca'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
        UNION SELECT proname::text FROM pg_proc WHERE pronamespace = 'neraca'::regnamespace
    """).fetchall()
    assert {name for (name,) in found} == own_names()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE neraca.x (n int)", "CREATE TABLE other.x (n int)"),
        ("COMMENT ON SCHEMA neraca IS 'Of neraca.'", "COMMENT ON SCHEMA other IS 'Of neraca.'"),
        ("CREATE SCHEMA IF NOT EXISTS neraca;", "CREATE SCHEMA IF NOT EXISTS other;"),
        ("GRANT USAGE ON SCHEMA neraca TO neraca_reader", "GRANT USAGE ON SCHEMA other TO neraca_reader"),
        ("-- Run neraca run projector.", "-- Run neraca run projector."),
    ],
)
def test_statements_for_another_schema(statement: str, expected: str) -> None:
    """The schema is replaced where it is named, and the word is left alone."""
    assert expected == in_schema(statement, "other")
    assert statement == in_schema(statement, "neraca")
