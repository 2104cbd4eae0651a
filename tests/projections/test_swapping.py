"""Who a swap has to wait for, and who waits for the swap."""

import threading
import time

import psycopg

from projections import swapping
from projections.migrations import migrate

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
