"""Who a swap has to wait for, and who waits for the swap."""

import threading
import time
import uuid

import psycopg
import pytest

from projections import swapping
from projections.building import NEXT
from projections.migrations import migrate
from projections.swapping import Exchanged

_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'waits' AND wait_event_type = 'Lock'
"""
_PATIENCE_SECONDS = 60


def test_a_projector_that_waits_is_no_older_reader(database: str) -> None:
    """A reader with a snapshot is waited for; the projector, held up by the swap itself, is not."""
    with (
        psycopg.connect(database, autocommit=True) as control,
        psycopg.connect(database, application_name="reads") as reader,
        psycopg.connect(database, autocommit=True) as onlooker,
    ):
        migrate(control)
        own = [control.info.backend_pid]
        with control.transaction():
            swapping.hold_projector(control)
            writer = threading.Thread(target=_move, args=(database,))
            writer.start()
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while onlooker.execute(_WAITING).fetchone() != (1,):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            assert [] == swapping.older_snapshots(control, own)
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute("SELECT count(*) FROM neraca.decisions")
            assert ["reads"] == [one.application for one in swapping.older_snapshots(control, own)]
            reader.rollback()
            assert [] == swapping.older_snapshots(control, own)
        writer.join()


def _move(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True, application_name="waits") as connection:
        connection.execute("UPDATE neraca.projection_positions SET seq = seq")


def _swap(session: psycopg.Connection[tuple[object, ...]], names: list[str] | None = None) -> Exchanged:
    """Give the live tables' place to empty ones."""
    migrate(session, schema=NEXT)
    with session.transaction():
        if names is None:
            return swapping.exchange(session, NEXT)
        return swapping.exchange_tables(session, NEXT, names)


def _swap_back(session: psycopg.Connection[tuple[object, ...]], names: list[str] | None = None) -> None:
    with session.transaction():
        if names is None:
            swapping.exchange(session, swapping.KEPT)
        else:
            swapping.exchange_tables(session, swapping.KEPT, names)


_PROTECTED = """
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {role};
GRANT USAGE ON SCHEMA neraca TO {role};
GRANT SELECT ON neraca.registrations TO {role};
REVOKE ALL ON FUNCTION neraca.person_as_of FROM PUBLIC;
ALTER TABLE neraca.registrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY "one country" ON neraca.registrations FOR SELECT TO {role}
    USING (destination IN (SELECT destination FROM neraca.destinations));
CREATE FUNCTION public.told() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER told AFTER INSERT ON neraca.registrations EXECUTE FUNCTION public.told();
CREATE TRIGGER quiet AFTER DELETE ON neraca.registrations EXECUTE FUNCTION public.told();
ALTER TABLE neraca.registrations DISABLE TRIGGER quiet;
CREATE TABLE public.notes (registration_id text REFERENCES neraca.registrations);
"""
_ON_REGISTRATIONS = """
SELECT has_table_privilege('{role}', 'neraca.registrations', 'SELECT'),
       has_table_privilege('{role}', 'neraca.people_on_hold', 'SELECT'),
       has_function_privilege('{role}', 'neraca.person_as_of'::regproc, 'EXECUTE'),
       has_function_privilege('{role}', 'neraca.registrations_as_of'::regproc, 'EXECUTE'),
       relrowsecurity, relforcerowsecurity,
       (SELECT (array_agg(policyname || ' ' || qual))[1] FROM pg_policies WHERE schemaname = 'neraca'),
       (SELECT string_agg(tgname || ' ' || tgenabled::text, ', ' ORDER BY tgname) FROM pg_trigger
        WHERE tgrelid = c.oid AND NOT tgisinternal)
FROM pg_class c WHERE oid = 'neraca.registrations'::regclass
"""


@pytest.mark.parametrize("names", [None, ["registrations"]])
def test_nobody_reads_more_after_a_swap(database: str, names: list[str] | None) -> None:
    """Rights taken away, policies on rows and triggers are those of the live tables, there and back.

    Also where default privileges gave more to the tables that come in. Who points into the tables of before
    by a foreign key is told.
    """
    role = f"r{uuid.uuid4().hex}"
    with psycopg.connect(database, autocommit=True) as session:
        migrate(session)
        session.execute(f"CREATE ROLE {role}".encode())
        try:
            session.execute(_PROTECTED.format(role=role).encode())
            question = _ON_REGISTRATIONS.format(role=role).encode()
            before = session.execute(question).fetchone()
            assert before is not None
            assert (True, False, False, True, True, True) == before[:6]
            assert ("public.notes",) == _swap(session, names).left_behind
            assert before == session.execute(question).fetchone()
            session.execute("DROP TRIGGER told ON neraca.registrations")
            _swap_back(session, names)
            assert (*before[:7], "quiet D") == session.execute(question).fetchone()
        finally:
            session.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())
