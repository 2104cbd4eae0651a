"""The tables built anew in a schema of their own, which nobody reads until somebody gives it another name.

The same migrations and the same rows as the live tables, and four things that only a table which nobody
reads yet can have: rows are copied in as frozen, without the log where the server keeps none for new tables;
most indexes are made when the rows are in, several at a time; a registration is kept in memory until its last
state is known, so that it is written once and not eight times; and the last states are written while the
first indexes are made. Must not touch the live tables, nor read a journal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import Final

from psycopg import Connection, Error, sql

from projections import tables
from projections.batch import Batch, TableLoad
from projections.migrations import LIVE, migrate
from projections.swapping import tables_of
from projections.tables import Position, PreparedBatch

NEXT: Final = "neraca_next"

Session = Connection[tuple[object, ...]]

# Rows that are only ever added are handed to PostgreSQL in pieces of this size.
PIECE_BYTES: Final = 8 * 1024 * 1024
# States are written when so many registrations wait for their last one: some 0.3 KB each.
REGISTRATIONS_KEPT_MAX: Final = 400_000
# Decisions handled between two chances for the loading thread to run (see consumers/projector.py).
_SLICE_DECISIONS: Final = 128

# Enough to find a row by its key; the server takes a closer look when the rows have changed.
_STATISTICS_TARGET: Final = 30
# What all sessions that make indexes may sort in, together.
_INDEX_MEMORY_MIB: Final = 512
_CANCEL_SECONDS_MAX: Final = 5.0

# Nothing looks up their rows while they are built: every one of their indexes can wait.
_ONLY_ADDED: Final = ("decisions", "postings", "reference_history")
# So few rows have an entry in these that to make them costs more, in reading all rows once more, than to keep
# them while rows come in.
_KEPT_INDEXES: Final = ("decisions_code", "decisions_cutover")
# What is written first when all is known; without rows so far, because nothing was turned over before.
_LAST_STATES: Final = "registrations"

_INDEXES: Final = """
SELECT t.relname, i.relname, pg_get_indexdef(x.indexrelid),
       CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' END
FROM pg_index x
JOIN pg_class t ON t.oid = x.indrelid AND t.relnamespace = %s::regnamespace AND t.relkind = 'r'
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')
ORDER BY k.contype NULLS LAST, t.relname, i.relname
"""


@dataclass(frozen=True, slots=True)
class Index:
    """An index and the constraint that stands on it, as the catalogue tells them."""

    table: str
    name: str
    definition: str
    constraint: str | None


def indexes_of(connection: Connection[tuple[object, ...]], schema: str) -> list[Index]:
    """Give every index of a schema, primary keys first."""
    return [
        Index(str(table), str(name), str(definition), None if constraint is None else str(constraint))
        for table, name, definition, constraint in connection.execute(_INDEXES, (schema,)).fetchall()
    ]


class Building:
    """Tables under construction: fed with decisions, finished with a position.

    `begin` and `add` run in one transaction of the caller, `finish` after its commit. The connection is used
    by one thread at a time: rows are made while the thread of the loader copies those before.
    """

    def __init__(
        self,
        connection: Connection[tuple[object, ...]],
        *,
        schema: str = NEXT,
        only: Collection[str] | None = None,
        registrations_kept_max: int = REGISTRATIONS_KEPT_MAX,
    ) -> None:
        self._connection: Final = connection
        self._schema: Final = schema
        self._only: Final = only
        self._registrations_kept_max: Final = registrations_kept_max
        self._loader: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rebuild load")
        self._loading: Future[None] | None = None
        self._batch = Batch(0)
        self._entered_at_max = -1
        self._turned_over = False
        self._waiting: list[Index] = []

    @property
    def next_seq(self) -> int:
        """The decision that comes next."""
        return self._batch.next_seq

    def begin(self) -> None:
        """Make the empty tables, without the indexes that can wait."""
        migrate(self._connection, schema=self._schema)
        tables.open_session(self._connection, schema=self._schema)
        for index in indexes_of(self._connection, self._schema):
            if index.name in _KEPT_INDEXES:
                continue
            if index.table in _ONLY_ADDED or index.constraint is None:
                self._waiting.append(index)
                self._connection.execute(self._dropping(index))

    def add(self, values: list[bytes]) -> None:
        """Take the next decisions.

        Raises:
            MalformedRecordError: one of them is no decision.
            psycopg.Error: what was handed over before was refused.

        """
        for start in range(0, len(values), _SLICE_DECISIONS):
            self._batch.add_values(values[start : start + _SLICE_DECISIONS])
        if len(self._batch.registrations.changed) >= self._registrations_kept_max:
            self._turn_over()
        elif self._batch.appended_bytes() >= PIECE_BYTES:
            self._hand_over(self._batch.appended())

    def _turn_over(self) -> None:
        """Write what was kept, and begin to keep anew."""
        batch = self._batch
        self._turned_over = True
        self._hand_over(batch.loads())
        self._entered_at_max = max(self._entered_at_max, batch.entered_at_max)
        self._batch = Batch(batch.next_seq)

    def _hand_over(self, loads: list[TableLoad]) -> None:
        self._wait()
        wanted = [load for load in loads if self._only is None or load.table in self._only]
        self._loading = self._loader.submit(self._load, wanted)

    def _load(self, loads: list[TableLoad]) -> None:
        for load in loads:
            tables.load(self._connection, load, self._schema, frozen=True)

    def _wait(self) -> None:
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.result()

    def complete(self) -> None:
        """Hand over the rest of the rows that are only added; the caller commits, and `finish` follows."""
        self._hand_over(self._batch.appended())
        self._wait()

    def finish(
        self, sha256: bytes, offset: int, *, helpers: Sequence[Session] = (), like: str | None = None
    ) -> Iterator[str]:
        """Write the last states, say where the tables stand, make the indexes; gives what is done.

        `sha256` and `offset` are those of the last decision. `helpers` are sessions, in no transaction, that
        work beside the one that builds. Indexes that somebody added to the tables of the schema `like` are
        made here as well.
        """
        waiting = [*self._waiting, *self._added(like)]
        # A key is quick, because its rows come in order; the ids of the audit trail are not, so they begin.
        first = [one for one in waiting if one.table in _ONLY_ADDED][::-1]
        then = [one for one in waiting if one.table not in _ONLY_ADDED]
        # Sampled first is what is largest; a small table waits for nothing.
        names = sorted(tables_of(self._connection, self._schema), key=lambda name: name not in _ONLY_ADDED)
        tasks = [(f"index {one.name}", one.definition.encode()) for one in first + then] + [
            (f"statistics of {name}", f'ANALYZE "{self._schema}"."{name}"'.encode()) for name in names
        ]
        for session in (self._connection, *helpers):
            _prepare_for_indexes(session, 1 + len(helpers))
        position = Position(self.next_seq - 1, sha256, offset)

        def write(session: Session) -> None:
            with session.transaction():
                self._write_last_states(position)

        yield from _side_by_side(self._connection, helpers, write, tasks[: len(first)], tasks[len(first) :])
        with self._connection.transaction():
            for one in waiting:
                if one.constraint is not None:
                    self._connection.execute(self._constraint_on(one))

    def _write_last_states(self, position: Position) -> None:
        batch = self._batch
        if not self._turned_over and (self._only is None or _LAST_STATES in self._only):
            # A table that is cut off gets a new file, so that its rows are copied as frozen, without the log.
            self._connection.execute(f"TRUNCATE {self._schema}.{_LAST_STATES}".encode())
        frozen = not self._turned_over
        for load in batch.loads():
            if self._only is None or load.table in self._only:
                tables.load(
                    self._connection, load, self._schema, frozen=frozen and load.table == _LAST_STATES
                )
        entered_at_max = max(self._entered_at_max, batch.entered_at_max)
        tables.move_position(self._connection, PreparedBatch(-1, position, entered_at_max, []), self._schema)

    def close(self) -> None:
        """Let the piece under way end. What was not committed is gone with the connection."""
        self._loader.shutdown(cancel_futures=True)

    def _added(self, like: str | None) -> list[Index]:
        """Give the indexes of another schema that no migration makes, made out for this one."""
        if like is None:
            return []
        own = {index.name for index in [*self._waiting, *indexes_of(self._connection, self._schema)]}
        return [
            replace(index, definition=index.definition.replace(f" {like}.", f" {self._schema}."))
            for index in indexes_of(self._connection, like)
            if index.name not in own
        ]

    def _dropping(self, index: Index) -> sql.Composed:
        schema, name = sql.Identifier(self._schema), sql.Identifier(index.name)
        if index.constraint is None:
            return sql.SQL("DROP INDEX {}.{}").format(schema, name)
        return sql.SQL("ALTER TABLE {}.{} DROP CONSTRAINT {}").format(
            schema, sql.Identifier(index.table), name
        )

    def _constraint_on(self, index: Index) -> sql.Composed:
        name = sql.Identifier(index.name)
        return sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} USING INDEX {}").format(
            sql.Identifier(self._schema, index.table),
            name,
            sql.SQL("PRIMARY KEY" if index.constraint == "PRIMARY KEY" else "UNIQUE"),
            name,
        )

    def __repr__(self) -> str:
        """Show how far it is."""
        return f"Building({self._schema}, next_seq={self.next_seq})"


def _prepare_for_indexes(session: Session, sessions: int) -> None:
    session.execute(f"SET maintenance_work_mem = '{_INDEX_MEMORY_MIB // sessions}MB'".encode())
    # The sessions are what works side by side; helpers of each would only wait for the same cores.
    session.execute("SET max_parallel_maintenance_workers = 0")
    session.execute(f"SET default_statistics_target = {_STATISTICS_TARGET}".encode())


def _side_by_side(
    builder: Session,
    helpers: Sequence[Session],
    write: Callable[[Session], None],
    before: list[tuple[str, bytes]],
    after: list[tuple[str, bytes]],
) -> Iterator[str]:
    """Let the builder write, and every session that is free run the statements; gives what is done.

    Those of `after` read what the builder writes, and wait for it.
    """
    free: SimpleQueue[Session] = SimpleQueue()
    for helper in helpers:
        free.put(helper)

    def write_and_join() -> None:
        try:
            write(builder)
        finally:
            free.put(builder)

    def run(statement: bytes, needed: Future[None] | None) -> None:
        if needed is not None:
            needed.result()
        session = free.get()
        try:
            session.execute(statement)
        finally:
            free.put(session)

    workers = ThreadPoolExecutor(max_workers=1 + len(helpers), thread_name_prefix="rebuild finish")
    written = workers.submit(write_and_join)
    running = {written: "the last states"}
    running |= {workers.submit(run, statement, None): name for name, statement in before}
    running |= {workers.submit(run, statement, written): name for name, statement in after}
    try:
        for one in as_completed(running):
            one.result()
            yield running.pop(one)
    finally:
        workers.shutdown(wait=False, cancel_futures=True)
        if running:
            for session in (builder, *helpers):
                # Whatever stopped this one, the others stop with it; one that cannot be told goes with its
                # connection.
                with contextlib.suppress(Error):
                    session.cancel_safe(timeout=_CANCEL_SECONDS_MAX)
        workers.shutdown(wait=True)


__all__ = ["LIVE", "NEXT", "Building", "Index", "indexes_of"]
