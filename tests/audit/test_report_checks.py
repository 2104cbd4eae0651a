"""The report's figures beside PostgreSQL: every check that the report prints gives the report's answer."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from audit.report import gather
from audit.report.checks import Check, checks
from projections import tables
from projections.migrations import migrate
from tests.audit.report_stories import Journal, story, told
from tests.ledger.story import Story, agency, hq, new, old, permit, policy, ready, step
from tests.projections.told import apply_all, journal

Session = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    """A session of a projector on fresh tables."""
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        yield connection


def _differences(session: Session, values: list[bytes]) -> list[tuple[str, object, object]]:
    apply_all(session, values, 5000)
    answers = []
    for check in checks(gather(Journal(values))):
        told_by_database = sorted(session.execute(check.sql.encode()).fetchall(), key=repr)
        answers.append((check, told_by_database))
    return [(check.name, _sorted(check), answer) for check, answer in answers if _sorted(check) != answer]


def _sorted(check: Check) -> list[tuple[object, ...]]:
    return sorted((tuple(row) for row in check.answer), key=repr)


def test_every_figure_of_a_workload_is_what_the_tables_say(session: Session) -> None:
    """On a seeded history: each query of the report, run as it is printed, gives the report's figures."""
    assert [] == _differences(session, journal(600, 11))


def test_every_figure_of_the_story_is_what_the_tables_say(session: Session) -> None:
    """On the story with every state and reason in it, likewise."""
    assert [] == _differences(session, told())


def test_figures_agree_where_decisions_come_in_another_order(session: Session) -> None:
    """Likewise after a departure that was entered in time and came after the re-registration: departed in
    time, not moved; and where a reinstatement is dated before the revocation that it lifts: still revoked.
    """
    it = story()
    it.given(
        old("R-slow", "p-slow"),
        *ready("R-slow"),
        new("N-slow", "p-slow", at="2023-08-09 09:00"),
        step("departed", "R-slow", "2023-05-02 08:00"),
        hq("permit_revoked", "2023-08-08 09:00", permit_id="S-5"),
        hq("permit_reinstated", "2023-08-07 09:00", permit_id="S-5"),
        hq("quota_raised", "2023-08-10 09:00", permit_id="S-1", line=1, units=1),
    )
    assert [] == _differences(session, it.journal)
    rows = session.execute(
        "SELECT status, (SELECT status FROM neraca.registrations WHERE registration_id = 'N-slow')"
        " FROM neraca.registrations WHERE registration_id = 'R-slow'"
    ).fetchall()
    assert [("departed", "voided")] == rows


def test_before_the_closure_nobody_is_stranded(session: Session) -> None:
    """A journal that ends before T_0 agrees with the views as well, and so does an empty one."""
    assert [] == _differences(session, told()[:20])


def test_refusals_count_by_the_closure_adopted_last(session: Session) -> None:
    """Where the closure was put off and then put back, who was refused between the two dates is counted by
    the closure adopted last, as everything else is, and as the queries do.
    """
    later, back = "2023-07-24T00:00:00+07:00", "2023-07-20T00:00:00+07:00"
    it = Story(
        agency(), permit(units=5), old(), old("R-2", "p-2"), policy(at="2023-07-15 09:00", closure=later)
    )
    assert "OPEN_REGISTRATION_EXISTS" == it.tell(new("N-1", at="2023-07-21 10:00"))["code"]
    departed = step("departed", "R-2", "2023-07-16 10:00", entered="2023-07-21 11:00")
    assert "STAGE_OUT_OF_ORDER" == it.tell(departed)["code"]
    it.given(policy("B.900-2023", at="2023-09-15 09:00", closure=back))
    report = gather(Journal(it.journal))
    assert [("refused", "OPEN_REGISTRATION_EXISTS"), ("other_refused", "STAGE_OUT_OF_ORDER")] == [
        tuple(one.reason) for one in report.unmoved
    ]
    counts = {one.name: one.count for one in report.anomalies}
    assert (1, 1) == (counts["moved_twice"], counts["late_refused"])
    assert [(0, 1), (0, 1)] == [(one.before, one.after) for one in report.refusals]
    assert report == gather(Journal(it.journal, batch=1))
    assert [] == _differences(session, it.journal)
