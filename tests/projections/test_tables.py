"""The tables against a naive fold, whatever the batches; comments, positions, and what must stop a batch."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg.rows import dict_row

from projections import tables
from projections.batch import Batch
from projections.migrations import migrate
from tests.projections.conftest import Session
from tests.projections.naive import KEYS, fold
from tests.projections.told import apply_all, decide_lines, dump, journal, ruled_on_after_departing_late


def _read(session: Session, table: str) -> dict[tuple[object, ...], dict[str, object]]:
    with session.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(f"SELECT * FROM neraca.{table}".encode()).fetchall()  # noqa: S608
    return {tuple(row[name] for name in KEYS[table]): row for row in rows}


def test_every_table_equals_a_naive_fold(session: Session) -> None:
    """Each table holds, row by row and column by column, what a plain fold over the same decisions gives."""
    values = journal()
    apply_all(session, values, 97)
    expected = fold(values)
    assert {table: len(rows) > 0 for table, rows in expected.items()} == dict.fromkeys(KEYS, True)
    for table in KEYS:
        actual = _read(session, table)
        if table == "policies":
            assert actual.pop(("B.662-2023",))["seq"] == -1
        assert expected[table] == actual


def test_batches_do_not_matter(new_database: Callable[[], str]) -> None:
    """The same journal leaves the same rows, be they loaded one by one, by the dozen or all at once."""
    values = journal()
    rare = len(values) - 200  # The last ones are of every rare kind.
    dumps = []
    for sizes in ((5000, 5000), (13, 13), (5000, 1)):
        with psycopg.connect(new_database(), autocommit=True) as connection:
            migrate(connection)
            tables.open_session(connection)
            apply_all(connection, values[:rare], sizes[0])
            apply_all(connection, values, sizes[1])
            dumps.append(dump(connection))
    assert [dumps[0]] * 3 == dumps


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_late_departure_stays_one(session: Session, batch_size: int) -> None:
    """A ruling on a registration that departed late leaves it so, in its batch or in a later one."""
    values = decide_lines(ruled_on_after_departing_late())
    apply_all(session, values, batch_size)
    (row,) = _read(session, "registrations").values()
    assert ("departed", True, "p-whose-it-is") == (row["status"], row["departed_late"], row["person_id"])
    assert fold(values)["registrations"] == {("Z-late",): row}


def test_position_is_what_was_applied(session: Session) -> None:
    """The position names the last decision applied, its hash and offset, and moves with nothing else."""
    values = journal()
    batch = Batch(0)
    batch.add_values(values[:10])
    assert tables.read_position(session) == tables.Position()
    prepared = tables.prepare(batch, 14)
    assert tables.read_position(session) == tables.Position()
    tables.apply(session, prepared)
    next_decision_names = values[10][1:33] if values[10][0] < 128 else values[10][2:34]
    assert tables.read_position(session) == tables.Position(9, next_decision_names, 14)


def test_a_batch_applied_twice_changes_nothing(session: Session) -> None:
    """Who comes second with the same batch finds the position moved, and writes nothing."""
    apply_all(session, journal()[:300], 100)
    before = dump(session)
    batch = Batch(200)
    batch.add_values(journal()[200:300])
    with pytest.raises(tables.PositionMovedError):
        tables.apply(session, tables.prepare(batch, 299))
    assert before == dump(session)


def test_a_failure_before_the_commit_leaves_nothing(session: Session) -> None:
    """Rows and position go back together."""
    apply_all(session, journal()[:200], 100)
    before = dump(session)
    batch = Batch(200)
    batch.add_values(journal()[200:300])

    def fail() -> None:
        raise RuntimeError("the last moment before the commit")

    with pytest.raises(RuntimeError, match="last moment"):
        tables.apply(session, tables.prepare(batch, 299), fail)
    assert before == dump(session)
    apply_all(session, journal(), 1000)
    assert tables.read_position(session).seq == len(journal()) - 1


def test_a_gap_is_refused() -> None:
    """A batch takes only the decision that is next."""
    batch = Batch(0)
    batch.add_values(journal()[:2])
    with pytest.raises(ValueError, match="decision 3 offered where 2 is next"):
        batch.add_values(journal()[3:4])


def test_balances_below_zero_cannot_be_written(session: Session) -> None:
    """The database itself refuses accounts that are below zero or do not add up to what was granted."""
    insert = "INSERT INTO neraca.quota_balances VALUES (1, %s, %s, 0, 0, 0, 1, 'P')"
    for granted, available in ((-1, -1), (2, 1)):
        with pytest.raises(psycopg.errors.CheckViolation):
            session.execute(insert, (granted, available))


def test_everything_is_commented(session: Session) -> None:
    """Every table, view and column says in the catalogue what it is."""
    silent = session.execute(
        """
        SELECT c.relname, a.attname FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE c.relnamespace = 'neraca'::regnamespace AND c.relkind IN ('r', 'v')
          AND (obj_description(c.oid) IS NULL OR col_description(c.oid, a.attnum) IS NULL)
        ORDER BY 1, 2
        """
    ).fetchall()
    assert silent == []
