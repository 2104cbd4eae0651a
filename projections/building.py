"""The tables built anew in a schema of their own, in one transaction: all of it is there, or nothing.

The same migrations and the same rows as the live tables, and three things that only a table which nobody
reads yet can have: rows are copied in as frozen, without the log where the server keeps none for new tables;
secondary indexes are made when the rows are in; and a registration is kept in memory until its last state is
known, so that it is written once and not eight times. Must not touch the live tables, nor read a journal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from psycopg import Connection, sql

from projections import tables
from projections.batch import Batch, TableLoad
from projections.migrations import LIVE, migrate
from projections.swapping import tables_of
from projections.tables import Position, PreparedBatch

NEXT: Final = "neraca_next"

# Rows that are only ever added are handed to PostgreSQL in pieces of this size.
PIECE_BYTES: Final = 8 * 1024 * 1024
# States are written when so many registrations wait for their last one: some 0.3 KB each.
REGISTRATIONS_KEPT_MAX: Final = 400_000
# Decisions handled between two chances for the loading thread to run (see consumers/projector.py).
_SLICE_DECISIONS: Final = 128

_STATISTICS_TARGET: Final = 30

# Nothing looks up their rows while they are built: every one of their indexes can wait.
_ONLY_ADDED: Final = ("decisions", "postings", "reference_history")

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

    The connection is in one transaction from `begin` to `finish`. It is used by one thread at a time: rows
    are made while the thread of the loader copies those before.
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

    def finish(self, sha256: bytes, offset: int, *, like: str | None = None) -> Iterator[str]:
        """Write what is left, make the indexes, and say where the tables stand; gives what it is doing.

        `sha256` and `offset` are those of the last decision. Indexes that somebody added to the tables of the
        schema `like` are made here as well. The caller commits.
        """
        yield "loading the rest"
        self._turn_over()
        self._wait()
        position = Position(self.next_seq - 1, sha256, offset)
        tables.move_position(
            self._connection, PreparedBatch(-1, position, self._entered_at_max, []), self._schema
        )
        self._connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for index in [*self._waiting, *self._added(like)]:
            yield f"index {index.name}"
            self._make(index)
        yield "statistics"
        # Enough to find a row by its key; the server takes a closer look when the rows have changed.
        self._connection.execute(f"SET LOCAL default_statistics_target = {_STATISTICS_TARGET}".encode())
        for table in tables_of(self._connection, self._schema):
            self._connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(self._schema, table)))

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

    def _make(self, index: Index) -> None:
        self._connection.execute(index.definition.encode())
        if index.constraint is not None:
            self._connection.execute(
                sql.SQL("ALTER TABLE {}.{} ADD CONSTRAINT {} {} USING INDEX {}").format(
                    sql.Identifier(self._schema),
                    sql.Identifier(index.table),
                    sql.Identifier(index.name),
                    sql.SQL("PRIMARY KEY" if index.constraint == "PRIMARY KEY" else "UNIQUE"),
                    sql.Identifier(index.name),
                )
            )

    def __repr__(self) -> str:
        """Show how far it is."""
        return f"Building({self._schema}, next_seq={self.next_seq})"


__all__ = ["LIVE", "NEXT", "Building", "Index", "indexes_of"]
