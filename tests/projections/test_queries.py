"""docs/queries.md: every query runs, every table and view has one, and the cutover adds up."""

import re
from pathlib import Path

from psycopg.rows import dict_row

from projections import tables
from tests.projections.conftest import Session
from tests.projections.naive import fold
from tests.projections.told import apply_all, journal

_PAGE = Path(__file__).parents[2] / "docs" / "queries.md"
_QUERIES = re.findall(r"```sql\n(.*?)```", _PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_every_query_runs(session: Session) -> None:
    """Each query of the page runs on a small history, as it stands there, and finds rows."""
    apply_all(session, journal(), 5000)
    empty = [query for query in _QUERIES if session.execute(query.encode()).fetchall() == []]
    assert empty == []


def test_every_table_and_view_has_a_query(session: Session) -> None:
    """Nothing in the schema stands without a use."""
    rows = session.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'neraca'::regnamespace AND relkind IN ('r', 'v')"
    ).fetchall()
    unused = [str(name) for (name,) in rows if not any(f"neraca.{name}" in query for query in _QUERIES)]
    assert unused == []


def test_every_index_is_used(session: Session) -> None:
    """Each index serves a query of the page, or is a key."""
    session.execute("SET enable_seqscan = off")
    used = " ".join(str(row[0]) for query in _QUERIES for row in session.execute(f"EXPLAIN {query}".encode()))
    rows = session.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'neraca' AND indexdef NOT LIKE 'CREATE UNIQUE%'"
    ).fetchall()
    assert [] == [str(name) for (name,) in rows if str(name) not in set(re.findall(r"\w+", used))]


def test_the_summary_adds_up(session: Session) -> None:
    """The cutover's figures are those that a plain count over the same decisions gives."""
    apply_all(session, journal(), 5000)
    old = [row for row in fold(journal())["registrations"].values() if row["system"] == "SISKOTKLN"]
    with session.cursor(row_factory=dict_row) as cursor:
        summary = cursor.execute("SELECT * FROM neraca.cutover_summary").fetchone()
        totals = cursor.execute(
            "SELECT sum(reregistered) AS reregistered, sum(departed_late) AS departed_late,"
            " sum(units_restored) AS units_restored, sum(units_stranded) AS units_stranded"
            " FROM neraca.cutover_units"
        ).fetchone()
        last_day = cursor.execute(
            "SELECT * FROM neraca.cutover_progress ORDER BY day DESC LIMIT 1"
        ).fetchone()
    assert summary is not None
    assert totals is not None
    assert last_day is not None
    expected = {
        "reregistered": sum(r["reregistered_as"] is not None for r in old),
        "departed_late": sum(r["departed_late"] for r in old),
        "not_moved": sum(r["status"] == "open" for r in old),
        "units_restored": sum(r["unit_state"] == "restored" for r in old),
        "units_forfeited": sum(r["unit_state"] == "forfeited" for r in old),
        "units_stranded": sum(r["status"] == "open" and r["unit_state"] == "held" for r in old),
    }
    assert expected == {name: summary[name] for name in expected}
    assert summary["in_process_at_closure"] == sum(
        r["status"] in {"open", "reregistered"} or r["departed_late"] for r in old
    )
    assert min(expected["reregistered"], expected["departed_late"], expected["units_stranded"]) > 0
    assert {name: summary[name] for name in totals} == {name: int(value) for name, value in totals.items()}
    assert (last_day["reregistered_so_far"], last_day["departed_late_so_far"]) == (
        summary["reregistered"],
        summary["departed_late"],
    )


def test_nothing_is_stranded_before_the_closure(session: Session) -> None:
    """Until the history reaches the closure, a held unit is in use and not stranded."""
    before = journal()
    cut = next(
        seq
        for seq, row in ((row["seq"], row) for row in fold(before)["decisions"].values())
        if row["entered_at"] is not None and row["entered_at"].isoformat() >= "2023-07-16T17:00"
    )
    apply_all(session, before[:cut], 5000)
    assert session.execute("SELECT count(*) FROM neraca.stranded_units").fetchone() == (0,)
    held = session.execute(
        "SELECT count(*) > 0 FROM neraca.eligible_candidates WHERE unit_state = 'held'"
    ).fetchone()
    assert held == (True,)
    assert tables.read_position(session).seq == cut - 1


def test_the_books_balance(session: Session) -> None:
    """The trial balance shows no difference, and its five accounts add up to zero."""
    apply_all(session, journal(), 5000)
    rows = session.execute("SELECT balances, difference FROM neraca.trial_balance").fetchall()
    assert [0] * 5 == [row[1] for row in rows]
    assert sum(int(str(row[0])) for row in rows) == 0
    assert any(row[0] != 0 for row in rows)
