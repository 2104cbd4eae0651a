"""The tables in PostgreSQL: loading a batch and moving the position, in one transaction.

Knows nothing of Kafka. What keeps it exact is the position row: it is moved first, from the `seq` and hash
that the batch follows, and whoever finds another value there writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from psycopg import Connection, errors

from projections import people_on_hold, registrations
from projections.batch import Batch, TableLoad

PROJECTION: Final = "current"

# One name for every projector of a database, so that one works and the others stand by.
_LEADER_LOCK: Final = "neraca projector"

# Staged rows are laid out like the table that they change, without its constraints and indexes.
_STAGED_LIKE: Final = (
    "registrations", "quota_balances", "permits", "permit_lines", "agencies", "destinations", "trainings",
    "complaints",
)  # fmt: skip

# Up to this many staged rows are deleted, more are cut off with their file.
_DELETED_ROWS_MAX: Final = 256

_BEGIN_POSITION: Final = f"""
INSERT INTO neraca.projection_positions (projection, seq, decision_sha256, journal_offset)
VALUES ('{PROJECTION}', -1, decode(repeat('00', 32), 'hex'), -1) ON CONFLICT DO NOTHING
"""
_MOVE_POSITION: Final = """
UPDATE neraca.projection_positions SET
    seq = %(seq)s, decision_sha256 = %(sha256)s, journal_offset = %(offset)s, updated_at = clock_timestamp(),
    journal_at = greatest(journal_at, to_timestamp(%(entered_at)s::bigint / 1000000.0))
WHERE projection = %(projection)s AND seq = %(after_seq)s
"""


class PositionMovedError(Exception):
    """Another projector moved the position since this one read it; nothing was written."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where the tables stand: the last decision applied, its hash and its offset on the topic."""

    seq: int = -1
    sha256: bytes = bytes(32)
    offset: int = -1


@dataclass(frozen=True, slots=True)
class PreparedBatch:
    """A batch as rows, and the position that it leads to."""

    after_seq: int
    position: Position
    entered_at_max: int
    loads: list[TableLoad]

    @property
    def decisions(self) -> int:
        """How many decisions it carries."""
        return self.position.seq - self.after_seq


def prepare(batch: Batch, last_offset: int) -> PreparedBatch:
    """Turn a batch, complete up to the record at `last_offset`, into rows."""
    position = Position(batch.next_seq - 1, batch.last_sha256(), last_offset)
    return PreparedBatch(batch.first_seq - 1, position, batch.entered_at_max, batch.loads())


def open_session(connection: Connection[tuple[object, ...]]) -> None:
    """Prepare a connection for loading: staging tables of its own, and no wait for the disk.

    `synchronous_commit` may be off because rows and position are one transaction: what a crash of PostgreSQL
    takes back, it takes back together, and the journal still has it.
    """
    statements = [
        "SET synchronous_commit = off",
        "SET client_min_messages = warning",
        # A merge looks up each staged key. Planned on a small table and kept, another way of joining would
        # read the whole of a large one for every batch.
        "SET enable_hashjoin = off",
        "SET enable_mergejoin = off",
        *(f"CREATE TEMP TABLE staged_{t} (LIKE neraca.{t})" for t in _STAGED_LIKE),
        # The registering decision alone fills these; staged rows do without.
        "ALTER TABLE staged_registrations "
        + ", ".join(
            f"DROP COLUMN {column}"
            for column in registrations.LASTING
        ),
        f"CREATE TEMP TABLE staged_people_on_hold ({people_on_hold.STAGING})",
        _BEGIN_POSITION,
    ]  # fmt: skip
    with connection.transaction():
        for statement in statements:
            connection.execute(statement.encode())


def try_lead(connection: Connection[tuple[object, ...]]) -> bool:
    """Take the lock of the one active projector, if nobody holds it; it falls with the connection."""
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (_LEADER_LOCK,)
    ).fetchone()
    return row is not None and row[0] is True


def read_position(connection: Connection[tuple[object, ...]]) -> Position:
    """Read where the tables stand."""
    row = connection.execute(
        "SELECT seq, decision_sha256, journal_offset FROM neraca.projection_positions WHERE projection = %s",
        (PROJECTION,),
        binary=True,
    ).fetchone()
    if row is None:
        return Position()
    seq, sha256, offset = row
    if not (isinstance(seq, int) and isinstance(sha256, bytes) and isinstance(offset, int)):
        raise TypeError(f"a position of {row!r}")
    return Position(seq, sha256, offset)


def apply(
    connection: Connection[tuple[object, ...]],
    prepared: PreparedBatch,
    before_commit: Callable[[], None] | None = None,
) -> None:
    """Load the rows and move the position: both, or neither.

    `before_commit` is called between the last row and the commit; tests end the process there.

    Raises:
        PositionMovedError: the tables no longer stand where the batch begins.
        psycopg.Error: as the database says.

    """
    with connection.transaction():
        moved = connection.execute(
            _MOVE_POSITION,
            {
                "seq": prepared.position.seq,
                "sha256": prepared.position.sha256,
                "offset": prepared.position.offset,
                "entered_at": None if prepared.entered_at_max < 0 else prepared.entered_at_max,
                "projection": PROJECTION,
                "after_seq": prepared.after_seq,
            },
            prepare=True,
        )
        if moved.rowcount != 1:
            raise PositionMovedError(f"the tables do not stand at seq {prepared.after_seq}")
        for load in prepared.loads:
            with connection.cursor() as cursor:
                with cursor.copy(load.copy.encode()) as copy:
                    copy.write(load.data)
                if load.merge is not None:
                    cursor.execute(load.merge.encode(), prepare=True)
                    # Emptied by hand: `ON COMMIT DELETE ROWS` would cut every staging table at every commit,
                    # which costs a lone decision more than all of its rows.
                    way = "DELETE FROM" if load.rows <= _DELETED_ROWS_MAX else "TRUNCATE"
                    cursor.execute(f"{way} staged_{load.table}".encode(), prepare=True)
        if before_commit is not None:
            before_commit()


__all__ = ["Position", "PositionMovedError", "PreparedBatch", "apply", "errors", "open_session", "prepare"]
