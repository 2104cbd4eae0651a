"""Two sets of the same tables, compared: rows and a content hash of each, then the first row that differs.

Each side is read in a snapshot of its own, in which its position says where it stands; the caller sees to it
that both stand at the same `seq`. The content hash is the sum of PostgreSQL's own 64-bit hashes of the rows:
it depends on no order, and finds mistakes and accidents. It is not made to withstand a forger: that is for
`neraca verify`, which compares the rows with the journal. Must not write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg import Connection, sql

# What says how the tables were made, not what they hold.
NOT_CONTENT: Final = ("schema_migrations", "projection_positions")
_WORD: Final = 1 << 64
_FETCHED_ROWS: Final = 5_000

_COLUMNS: Final = """
SELECT c.relname::text, a.attname::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
ORDER BY c.relname, a.attnum
"""
_KEYS: Final = """
SELECT c.relname::text, a.attname::text
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid AND c.relnamespace = to_regnamespace(%s)
CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY k (attnum, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
WHERE x.indisprimary
ORDER BY c.relname, k.place
"""

Session = Connection[tuple[object, ...]]
Key = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A table as it can be compared: its key, and the columns that both sides have."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows a table has, and the hash of all of them."""

    rows: int
    hash: str


@dataclass(frozen=True, slots=True)
class RowDifference:
    """The first row that differs.

    Attributes:
        key: Column and value of each part of its key.
        column: The first column that differs; None where one side lacks the row.
        live: What the live table holds there; None where it lacks the row.
        rebuilt: What the table built anew holds there; None where it lacks the row.
        rows: How many rows differ altogether.

    """

    key: dict[str, str]
    column: str | None
    live: str | None
    rebuilt: str | None
    rows: int


@dataclass(frozen=True, slots=True)
class Definitions:
    """What the two sides have in common, and what only one of them has, as `table` or `table.column`."""

    shapes: tuple[Shape, ...]
    only_live: tuple[str, ...]
    only_rebuilt: tuple[str, ...]


def compare_definitions(
    live: Session, live_schema: str, rebuilt: Session, rebuilt_schema: str
) -> Definitions:
    """Say which tables and columns there are on both sides."""
    ours, theirs = _columns(live, live_schema), _columns(rebuilt, rebuilt_schema)
    keys = _grouped(rebuilt, _KEYS, rebuilt_schema)
    shapes = tuple(
        Shape(table, tuple(keys[table]), tuple(column for column in theirs[table] if column in ours[table]))
        for table in theirs
        if table in ours
    )
    return Definitions(shapes, tuple(_missing(ours, theirs)), tuple(_missing(theirs, ours)))


def _columns(session: Session, schema: str) -> dict[str, list[str]]:
    found = _grouped(session, _COLUMNS, schema)
    return {table: columns for table, columns in found.items() if table not in NOT_CONTENT}


def _grouped(session: Session, query: str, schema: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, column in session.execute(query.encode(), (schema,)).fetchall():
        found.setdefault(str(table), []).append(str(column))
    return found


def _missing(of: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> Iterator[str]:
    for table, columns in of.items():
        if table not in other:
            yield table
        else:
            yield from (f"{table}.{column}" for column in columns if column not in other[table])


def content_of(session: Session, schema: str, shape: Shape) -> Content:
    """Count the rows of a table and add up their hashes, modulo 2^64."""
    found = session.execute(
        sql.SQL("SELECT count(*), coalesce(sum({}::numeric), 0) FROM {}").format(
            _row_hash(shape), sql.Identifier(schema, shape.table)
        )
    ).fetchone()
    if found is None:
        raise TypeError("an aggregate without a row")
    rows, total = (int(str(value)) for value in found)
    return Content(rows, f"{total % _WORD:016x}")


def first_difference(
    live: Session, live_schema: str, rebuilt: Session, rebuilt_schema: str, shape: Shape
) -> RowDifference | None:
    """Find the first row, by its key, that is not the same on both sides, and count them all."""
    first: Key | None = None
    rows = 0
    for key in _differing(_hashes(live, live_schema, shape), _hashes(rebuilt, rebuilt_schema, shape)):
        first = key if first is None else first
        rows += 1
    if first is None:
        return None
    ours, theirs = _fetch(live, live_schema, shape, first), _fetch(rebuilt, rebuilt_schema, shape, first)
    named = {name: str(value) for name, value in zip(shape.key, first, strict=True)}
    if ours is None or theirs is None:
        return RowDifference(named, None, _whole(shape, ours), _whole(shape, theirs), rows)
    for column, one, other in zip(shape.columns, ours, theirs, strict=True):
        if one != other:
            return RowDifference(named, column, _told(one), _told(other), rows)
    return None


def _row_hash(shape: Shape) -> sql.Composed:
    columns = sql.SQL(", ").join(map(sql.Identifier, shape.columns))
    return sql.SQL("hash_record_extended(ROW({}), 0)").format(columns)


def _hashes(session: Session, schema: str, shape: Shape) -> Iterator[tuple[Key, object]]:
    """Give each row's key and hash, in the order of the keys: numbers, and texts by their bytes."""
    key = sql.SQL(", ").join(map(sql.Identifier, shape.key))
    query = sql.SQL("SELECT {}, {} FROM {} ORDER BY {}").format(
        key, _row_hash(shape), sql.Identifier(schema, shape.table), key
    )
    with session.cursor(name=f"compare_{schema}") as cursor:
        cursor.itersize = _FETCHED_ROWS
        for *parts, row_hash in cursor.execute(query):
            yield tuple(part if isinstance(part, int) else str(part) for part in parts), row_hash


def _differing(ours: Iterator[tuple[Key, object]], theirs: Iterator[tuple[Key, object]]) -> Iterator[Key]:
    """Give the keys that only one side has, or whose hashes differ, in their order."""
    one, other = next(ours, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            found = one
            one = next(ours, None)
        elif one is None or other[0] < one[0]:
            found = other
            other = next(theirs, None)
        else:
            found = None if one[1] == other[1] else one
            one, other = next(ours, None), next(theirs, None)
        if found is not None:
            yield found[0]


def _fetch(session: Session, schema: str, shape: Shape, key: Key) -> tuple[object, ...] | None:
    where = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in shape.key)
    columns = sql.SQL(", ").join(map(sql.Identifier, shape.columns))
    query = sql.SQL("SELECT {} FROM {} WHERE {}").format(columns, sql.Identifier(schema, shape.table), where)
    return session.execute(query, key).fetchone()


def _whole(shape: Shape, row: tuple[object, ...] | None) -> str | None:
    if row is None:
        return None
    return ", ".join(f"{name} {_told(value)}" for name, value in zip(shape.columns, row, strict=True))


def _told(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat()
    return "null" if value is None else str(value)
