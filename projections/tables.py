"""The tables in PostgreSQL: loading a batch and moving the position, in one transaction.

Knows nothing of Kafka. What keeps it exact is the position row: it is moved first, from the `seq` and hash
that the batch follows, and whoever finds another value there writes nothing. The same goes for whoever finds
other tables there than those that its session was opened on: `neraca rebuild` has swapped them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from psycopg import Connection, errors

from projections import people_on_hold, registrations
from projections.batch import Batch, TableLoad
from projections.migrations import LIVE, in_schema, try_lock

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

# Held to the end of the transaction: no swap comes between what is read of the tables and what is made of it.
_NO_SWAP: Final = "LOCK TABLE neraca.projection_positions IN ACCESS SHARE MODE"
_REMEMBER_TABLES: Final = """
SELECT set_config('neraca.tables', 'neraca.projection_positions'::regclass::oid::text, false)
"""
_BEGIN_POSITION: Final = f"""
INSERT INTO neraca.projection_positions (projection, seq, decision_sha256, journal_offset)
VALUES ('{PROJECTION}', -1, decode(repeat('00', 32), 'hex'), -1) ON CONFLICT DO NOTHING
"""
_READ_POSITION: Final = """
SELECT seq, decision_sha256, journal_offset FROM neraca.projection_positions WHERE projection = %s
"""
_MOVE_POSITION: Final = """
UPDATE neraca.projection_positions SET
    seq = %(seq)s, decision_sha256 = %(sha256)s, journal_offset = %(offset)s, updated_at = clock_timestamp(),
    journal_at = greatest(journal_at, to_timestamp(%(entered_at)s::bigint / 1000000.0))
WHERE projection = %(projection)s AND seq = %(after_seq)s AND tableoid = current_setting('neraca.tables')::oid
"""


class PositionMovedError(Exception):
    """Another projector moved the position since this one read it, or the tables are others; nothing was
    written.
    """


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


def open_session(
    connection: Connection[tuple[object, ...]],
    *,
    schema: str = LIVE,
    only: Collection[str] | None = None,
) -> None:
    """Prepare a connection for loading: staging tables of its own, and no wait for the disk.

    `synchronous_commit` may be off because rows and position are one transaction: what a crash of PostgreSQL
    takes back, it takes back together, and the journal still has it.

    `schema` names where the tables are, and `only` those of them that are there, where not all are.
    """
    staged = [table for table in _STAGED_LIKE if only is None or table in only]
    statements = [
        _NO_SWAP,
        _REMEMBER_TABLES,
        "SET synchronous_commit = off",
        # The server, too, gives up a client whom a silent network took: with the session falls the lock that
        # keeps another projector waiting. By itself it would wait two hours.
        "SET tcp_keepalives_idle = 15",
        "SET tcp_keepalives_interval = 5",
        "SET tcp_keepalives_count = 3",
        "SET tcp_user_timeout = 30000",
        "SET client_min_messages = warning",
        # A merge looks up each staged key. Planned on a small table and kept, another way of joining would
        # read the whole of a large one for every batch.
        "SET enable_hashjoin = off",
        "SET enable_mergejoin = off",
        *(f"CREATE TEMP TABLE staged_{t} (LIKE neraca.{t})" for t in staged),
        f"CREATE TEMP TABLE staged_people_on_hold ({people_on_hold.STAGING})",
        _BEGIN_POSITION,
    ]
    if "registrations" in staged:
        # The registering decision alone fills these; staged rows do without.
        dropped = ", ".join(f"DROP COLUMN {column}" for column in registrations.LASTING)
        statements.append(f"ALTER TABLE staged_registrations {dropped}")
    with connection.transaction():
        for statement in statements:
            connection.execute(in_schema(statement, schema).encode())


def end_leader(connection: Connection[tuple[object, ...]]) -> int:
    """End the session of the active projector, where this role may; how many were.

    For a swap to tables of another version: a projector of a release that knows nothing of swaps would go on,
    and leave empty what it does not know. It connects again, sees that the tables are not its own, and ends.
    """
    rows = connection.execute(
        "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()"
        " AND l.database = a.datid AND pg_has_role(a.usesysid, 'USAGE')"
        " AND (l.classid::bigint << 32) | l.objid::bigint = hashtextextended(%s, 0)",
        (_LEADER_LOCK,),
    ).fetchall()
    return len(rows)


def try_lead(connection: Connection[tuple[object, ...]]) -> bool:
    """Take the lock of the one active projector, if nobody holds it; it falls with the connection."""
    return try_lock(connection, _LEADER_LOCK)


def read_position(connection: Connection[tuple[object, ...]], *, schema: str = LIVE) -> Position:
    """Read where the tables stand."""
    row = connection.execute(
        in_schema(_READ_POSITION, schema).encode(), (PROJECTION,), binary=True
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
    *,
    schema: str = LIVE,
    only: Collection[str] | None = None,
) -> None:
    """Load the rows and move the position: both, or neither.

    `before_commit` is called between the last row and the commit; tests end the process there. `schema` and
    `only` are those that the session was opened with.

    Raises:
        PositionMovedError: the tables no longer stand where the batch begins, or are others.
        psycopg.Error: as the database says.

    """
    with connection.transaction():
        move_position(connection, prepared, schema)
        for each in prepared.loads:
            if only is None or each.table in only:
                load(connection, each, schema)
        if before_commit is not None:
            before_commit()


def move_position(
    connection: Connection[tuple[object, ...]], prepared: PreparedBatch, schema: str = LIVE
) -> None:
    """Move the position from where the batch begins to where it ends.

    Raises:
        PositionMovedError: the tables do not stand there, or are others.

    """
    moved = connection.execute(
        in_schema(_MOVE_POSITION, schema).encode(),
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
        raise PositionMovedError(f"the tables do not stand at seq {prepared.after_seq}, or are others")


def load(
    connection: Connection[tuple[object, ...]],
    rows: TableLoad,
    schema: str = LIVE,
    *,
    frozen: bool = False,
) -> None:
    """Copy the rows of one table, and merge them where they change what is there.

    `frozen`: the table was made in this transaction, so that nobody has to look at its rows again before they
    are taken for visible.
    """
    copy_statement = in_schema(rows.copy, schema)
    if frozen and rows.merge is None:
        copy_statement = copy_statement.replace("(FORMAT binary)", "(FORMAT binary, FREEZE)")
    with connection.cursor() as cursor:
        with cursor.copy(copy_statement.encode()) as copy:
            copy.write(rows.data)
        if rows.merge is not None:
            cursor.execute(in_schema(rows.merge, schema).encode(), prepare=True)
            # Emptied by hand: `ON COMMIT DELETE ROWS` would cut every staging table at every commit, which
            # costs a lone decision more than all of its rows.
            way = "DELETE FROM" if rows.rows <= _DELETED_ROWS_MAX else "TRUNCATE"
            cursor.execute(f"{way} staged_{rows.table}".encode(), prepare=True)


__all__ = [
    "Position",
    "PositionMovedError",
    "PreparedBatch",
    "apply",
    "errors",
    "load",
    "move_position",
    "open_session",
    "prepare",
    "read_position",
    "try_lead",
]
