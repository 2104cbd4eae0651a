"""The tables in PostgreSQL beside the journal: every row of every table, at the position of one snapshot.

The rows that ought to be there are made again from the decisions as they come, and compared column by column
with what COPY gives in the same order. What stays in memory: three numbers of a registration, and the rows of
the tables that are small. Must not write, and must not trust a number that a table says of itself.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, LiteralString, cast

import psycopg
from psycopg import pq, sql

from audit.beside import Outcome
from audit.findings import ABSENT, Difference, Finding, Found
from audit.rows import (
    HEADER_BYTES,
    REGISTRATION_COLUMNS,
    Fields,
    RegistrationRowsBeside,
    body,
    fields,
    joined,
    row_end,
    split,
)
from audit.sequence import SHA256_BYTES
from ledger.policy import default_policy
from projections import (
    agencies,
    complaints,
    connecting,
    decisions,
    destinations,
    permits,
    policies,
    postings,
    quota_balances,
    reference_history,
    tables,
    trainings,
)
from projections.batch import Batch
from projections.binary_copy import CopyRows
from projections.policies import PolicyRows
from schemas.binary import MalformedRecordError
from schemas.errors import DatabaseUnavailable, NeracaError
from schemas.records import Decision

# Read in one step: enough messages of COPY to spread the cost of joining them.
_MESSAGES: Final = 2_000
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_MICROS: Final = 946_684_800_000_000
_EPOCH_DATE: Final = date(2000, 1, 1)
_INFINITE: Final = frozenset({2**63 - 1, -(2**63)})
_SEQ_BYTES: Final = 8
_ADVICE: Final = (
    "The table was changed by hand, or by another program. `neraca rebuild` makes it again from the journal; "
    "see who may write to schema neraca."
)


class TablesMissing(NeracaError):
    """The database has no tables of ours, or none that a projector has begun to fill."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """A table as it is compared.

    Attributes:
        name: Its name.
        columns: In the order in which the projector writes them.
        key: What tells its rows apart; by this they are read.
        where: Which rows the journal accounts for.

    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    where: LiteralString = "true"

    @property
    def key_places(self) -> list[int]:
        """Where the key's columns stand among all."""
        return [self.columns.index(name) for name in self.key]


def _columns(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


# Rows that are only ever added, in the order of the journal.
_APPENDED: Final = (
    _Layout("decisions", _columns(decisions.COLUMNS), ("seq",)),
    _Layout("postings", _columns(postings.COLUMNS), ("seq", "position")),
    _Layout("reference_history", _columns(reference_history.COLUMNS), ("seq", "thing", "id")),
    _Layout("policies", _columns(policies.COLUMNS), ("seq", "version"), "seq >= 0"),
)
_REGISTRATIONS: Final = _Layout("registrations", _columns(REGISTRATION_COLUMNS), ("seq", "registration_id"))
# One row a thing, as it stands.
_STANDING: Final = (
    _Layout("quota_balances", _columns(quota_balances.COLUMNS), ("permit_id", "line")),
    _Layout("permits", _columns(permits.COLUMNS), ("permit_id",)),
    _Layout("permit_lines", _columns(permits.LINE_COLUMNS), ("permit_id", "line")),
    _Layout("agencies", _columns(agencies.COLUMNS), ("agency_id",)),
    _Layout("destinations", _columns(destinations.COLUMNS), ("destination",)),
    _Layout("people_on_hold", ("person_id", "held_since", "seq"), ("person_id",)),
    _Layout("trainings", _columns(trainings.COLUMNS), ("training_id",)),
    _Layout("complaints", _columns(complaints.COLUMNS), ("complaint_id",)),
)
LAYOUTS: Final = (*_APPENDED, _REGISTRATIONS, *_STANDING)
# Not told by the journal: which files of the program made the schema, and when the position was moved.
_NOT_COMPARED: Final = frozenset({"schema_migrations", "projection_positions"})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of the database, shared by every session that reads it.

    Attributes:
        name: As PostgreSQL exported it.
        seq: The last decision that the tables hold; -1: none.
        decision_sha256: Its hash, as the tables say.
        entered_at_max: The latest `entered_at`, as the tables say; None before the first.
        types: Table to column to type.

    """

    name: str
    seq: int
    decision_sha256: bytes
    entered_at_max: int | None
    types: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def others(self) -> list[str]:
        """Tables of the schema that nothing here accounts for."""
        known = {layout.name for layout in LAYOUTS} | _NOT_COMPARED
        return sorted(set(self.types) - known)


class OpenSnapshot:
    """Holds a moment of the database still, until it is closed.

    Open it before the journal's end is asked for: that end is then behind every decision that the tables
    hold.
    """

    def __init__(self, dsn: str) -> None:
        """Begin.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer.
            TablesMissing: there is nothing to compare.

        """
        self._connection: Final = _connect(dsn)
        try:
            self.snapshot: Final = _describe(self._connection)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _connect(dsn: str) -> psycopg.Connection[tuple[Any, ...]]:
    with connecting.told(
        advice="Is it running (`neraca status`)? `--without tables` checks the journal alone.",
        errors=psycopg.Error,
    ):
        connection = connecting.connect(dsn, autocommit=True)
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # The order of a key is that of its index; for one of a few rows the planner would rather sort.
        connection.execute("SET LOCAL work_mem = '64MB'")
    return connection


def _describe(connection: psycopg.Connection[tuple[Any, ...]]) -> Snapshot:
    missing = TablesMissing(
        "the database has no tables of this ledger that follow the journal",
        advice="Run a projector (`neraca run projector`), or check the journal alone: `--without tables`.",
    )
    types: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'neraca' AND c.relkind IN ('r', 'p') ORDER BY c.relname, a.attnum"
    ).fetchall():
        types.setdefault(table, {})[column] = kind
    if "projection_positions" not in types:
        raise missing
    row = connection.execute(
        "SELECT pg_export_snapshot(), seq, decision_sha256,"
        " (extract(epoch FROM journal_at) * 1000000)::bigint"
        " FROM neraca.projection_positions WHERE projection = %s",
        (tables.PROJECTION,),
    ).fetchone()
    if row is None:
        raise missing
    name, seq, sha256, entered_at_max = row
    return Snapshot(name, seq, sha256, entered_at_max, types)


@dataclass(frozen=True, slots=True)
class TablesPlan:
    """How to begin the comparison in another process."""

    dsn: str = field(repr=False)
    snapshot: Snapshot
    findings_max: int

    def begin(self) -> TablesBeside:
        """Begin."""
        return TablesBeside(self)


class _Stream:
    """The rows of one table in the order of its key, read as they are needed."""

    def __init__(self, dsn: str, snapshot: Snapshot, layout: _Layout) -> None:
        self.layout: Final = layout
        self._connection: Final = _connect(dsn)
        self._connection.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(snapshot.name)))
        query = sql.SQL("COPY (SELECT {} FROM {} WHERE {} ORDER BY {}) TO STDOUT (FORMAT binary)").format(
            sql.SQL(", ").join(map(sql.Identifier, layout.columns)),
            sql.Identifier("neraca", layout.name),
            sql.SQL(layout.where),
            sql.SQL(", ").join(map(sql.Identifier, layout.key)),
        )
        # The plain protocol: a COPY of psycopg gives its rows one by one, at four times the price.
        result = self._connection.pgconn.exec_(query.as_bytes(self._connection))
        if result.status != pq.ExecStatus.COPY_OUT:
            reason = result.error_message.decode("utf-8", "replace").strip()
            raise DatabaseUnavailable(f"the table neraca.{layout.name} cannot be read: {reason}")
        self._data = b""
        self._at = 0
        self._is_over = False
        self._fill(HEADER_BYTES)
        self._at = HEADER_BYTES

    def _fill(self, size: int) -> bool:
        """Have so many bytes at hand; False where the rows end before."""
        while len(self._data) - self._at < size and not self._is_over:
            pieces: list[Any] = [memoryview(self._data)[self._at :]]
            for _ in range(_MESSAGES):
                length, piece = self._connection.pgconn.get_copy_data(0)
                if length < 0:
                    self._is_over = True
                    if length != -1 or self._connection.pgconn.get_result() is None:
                        raise DatabaseUnavailable(
                            f"the table neraca.{self.layout.name} was cut off while it was read"
                        )
                    break
                pieces.append(piece)
            self._data = b"".join(pieces)
            self._at = 0
        return len(self._data) - self._at >= size

    def starts_with(self, rows: bytes) -> bool:
        """Tell whether the next rows are these; if so, go past them."""
        size = len(rows)
        if not self._fill(size) or self._data[self._at : self._at + size] != rows:
            return False
        self._at += size
        return True

    def peek(self) -> bytes | None:
        """Give the next row, and stay before it; None behind the last."""
        while True:
            if not self._fill(2) or self._data[self._at : self._at + 2] == b"\xff\xff":
                return None
            end = row_end(self._data, self._at)
            if end >= 0:
                return self._data[self._at : end]
            if not self._fill(len(self._data) - self._at + 1):
                return None

    def skip(self, row: bytes) -> None:
        """Go past the row that `peek` gave."""
        self._at += len(row)

    def close(self) -> None:
        """Let go of the session."""
        self._connection.close()


class TablesBeside:
    """Takes decisions, and compares the rows that they give."""

    def __init__(self, plan: TablesPlan) -> None:
        self._snapshot: Final = plan.snapshot
        self._dsn: Final = plan.dsn
        self._next_seq = 0
        self._entered_at_max = -1
        self._last_value = b""
        self._found: Final = Found(plan.findings_max)
        self._is_broken = False
        self._rows: dict[str, int] = {layout.name: 0 for layout in LAYOUTS}
        self._registrations: Final = RegistrationRowsBeside()
        self._standing: Final[dict[str, dict[tuple[bytes, ...], bytes]]] = {t.name: {} for t in _STANDING}
        self._streams: Final = {
            layout.name: _Stream(plan.dsn, plan.snapshot, layout) for layout in (*_APPENDED, _REGISTRATIONS)
        }

    def take(self, values: list[bytes]) -> None:
        """Take the next decisions, up to the one that the tables stand at."""
        values = values[: max(0, self._snapshot.seq + 1 - self._next_seq)]
        if not values or self._is_broken:
            return
        batch = Batch(self._next_seq)
        try:
            batch.add_values(values)
        except (MalformedRecordError, ValueError) as error:
            self._is_broken = True
            self._found.note(
                Finding(
                    "tables",
                    int(batch.next_seq),
                    f"the tables cannot be compared from here on: the journal has no decision "
                    f"{batch.next_seq} where it is due ({error})",
                )
            )
            return
        self._next_seq = int(batch.next_seq)
        self._entered_at_max = max(self._entered_at_max, int(batch.entered_at_max))
        self._last_value = values[-1]
        self._take_appended(batch)
        self._take_registrations(batch)
        self._keep_standing(batch)

    def _take_appended(self, batch: Batch) -> None:
        for layout in _APPENDED:
            rows: CopyRows = getattr(batch, layout.name).rows
            self._rows[layout.name] += int(rows.rows)
            if rows.rows == 0:
                continue
            expected = body(rows.finish())
            stream = self._streams[layout.name]
            if not stream.starts_with(expected):
                self._compare(layout, split(expected), stream, is_end=False)

    def _take_registrations(self, batch: Batch) -> None:
        stream = self._streams[_REGISTRATIONS.name]
        rows = []
        while (row := stream.peek()) is not None and _seq_first(row) < self._next_seq:
            rows.append(row)
            stream.skip(row)
        for difference in self._registrations.take(batch, rows):
            self._tell(_REGISTRATIONS, difference.expected, difference.found, place=int(difference.seq))

    def _keep_standing(self, batch: Batch) -> None:
        """Lay the rows of a batch over those before, as the projector's statements do."""
        for layout, rows in (
            (_STANDING[0], batch.quota_balances.finish()),
            (_STANDING[1], batch.permits.finish()),
            (_STANDING[2], batch.permits.finish_lines()),
            (_STANDING[3], batch.agencies.finish()),
            (_STANDING[4], batch.destinations.finish()),
            (_STANDING[5], batch.people_on_hold.finish()),
            (_STANDING[6], batch.trainings.finish()),
            (_STANDING[7], batch.complaints.finish()),
        ):
            if rows.rows == 0:
                continue
            kept = self._standing[layout.name]
            places = layout.key_places
            for row in split(body(rows.finish())):
                _lay_over(kept, layout, places, row)

    def _compare(self, layout: _Layout, expected: Iterable[bytes], stream: _Stream, *, is_end: bool) -> None:
        """Walk through both by key. At the end of the table, what is left over there is told as well."""
        places = layout.key_places
        for key, wanted in sorted((_key(fields(row), places), row) for row in expected):
            while (row := stream.peek()) is not None and _key(fields(row), places) < key:
                stream.skip(row)
                self._tell(layout, None, row)
            if row is not None and _key(fields(row), places) == key:
                stream.skip(row)
                if row != wanted:
                    self._tell(layout, wanted, row)
            else:
                self._tell(layout, wanted, None)
        while is_end and (row := stream.peek()) is not None:
            stream.skip(row)
            self._tell(layout, None, row)

    def finish(self) -> Outcome:
        """Compare what is known only at the end."""
        if not self._is_broken:
            self._finish()
        for stream in self._streams.values():
            stream.close()
        facts = {
            "seq": self._snapshot.seq,
            "rows": self._rows,
            "not_compared": self._snapshot.others,
        }
        return Outcome("tables", self._found, facts)

    def _finish(self) -> None:
        if self._next_seq <= self._snapshot.seq:
            self._found.note(
                Finding(
                    "tables",
                    self._next_seq,
                    f"the tables stand at decision {self._snapshot.seq}, and the journal ends at "
                    f"{self._next_seq - 1}: what the tables have seen is gone from it",
                    advice="The journal's tail was dropped. Restore it from an archive first of all.",
                    is_of_the_end=True,
                )
            )
            return
        self._check_position()
        for layout in _APPENDED:
            self._compare(layout, [], self._streams[layout.name], is_end=True)
        self._finish_registrations()
        self._check_default_policy()
        for layout in _STANDING:
            kept = self._standing[layout.name]
            self._rows[layout.name] = len(kept)
            stream = _Stream(self._dsn, self._snapshot, layout)
            try:
                self._compare(layout, kept.values(), stream, is_end=True)
            finally:
                stream.close()

    def _finish_registrations(self) -> None:
        self._rows[_REGISTRATIONS.name] = len(self._registrations)
        stream = self._streams[_REGISTRATIONS.name]
        strays = self._registrations.strays
        while (row := stream.peek()) is not None:
            stream.skip(row)
            strays[_shown(fields(row)[_REGISTRATIONS.columns.index("registration_id")], "text")] = row
        for registration_id, seq in self._registrations.missing():
            row = strays.pop(registration_id, None)
            found = ABSENT if row is None else str(_seq_first(row))
            what = (
                f"neraca.registrations has no row of {registration_id} as decision {seq} left it"
                if row is None
                else f"the row of {registration_id} in neraca.registrations is not of its last decision"
            )
            self._found.note(
                Finding(
                    "tables",
                    seq,
                    what,
                    (Difference("seq", str(seq), found),),
                    _ADVICE,
                    _REGISTRATIONS.name,
                    registration_id,
                )
            )
        for row in strays.values():
            self._tell(_REGISTRATIONS, None, row)

    def _check_position(self) -> None:
        """Compare what the position says of the last decision with the decision."""
        snapshot = self._snapshot
        last = sha256(self._last_value).digest() if self._next_seq else bytes(SHA256_BYTES)
        entered_at_max = None if self._entered_at_max < 0 else self._entered_at_max
        differences = []
        if last != snapshot.decision_sha256:
            differences.append(Difference("decision_sha256", last.hex(), snapshot.decision_sha256.hex()))
        if entered_at_max != snapshot.entered_at_max:
            differences.append(
                Difference("journal_at", _instant(entered_at_max), _instant(snapshot.entered_at_max))
            )
        if differences:
            self._found.note(
                Finding(
                    "tables",
                    snapshot.seq,
                    "neraca.projection_positions does not fit the decision that it names",
                    tuple(differences),
                    _ADVICE,
                    "projection_positions",
                    tables.PROJECTION,
                )
            )

    def _check_default_policy(self) -> None:
        """Compare the one row that no decision gives: the policy before the first."""
        layout = _Layout("policies", _columns(policies.COLUMNS), ("version",), "seq < 0")
        rows = PolicyRows()
        rows.add(_default_adopted())
        stream = _Stream(self._dsn, self._snapshot, layout)
        try:
            self._compare(layout, split(body(rows.rows.finish())), stream, is_end=True)
        finally:
            stream.close()

    def _tell(
        self, layout: _Layout, expected: bytes | None, found: bytes | None, *, place: int | None = None
    ) -> None:
        """Tell of a row, column by column."""
        types = self._snapshot.types.get(layout.name, {})
        kinds = [types.get(name, "text") for name in layout.columns]
        wanted = None if expected is None else fields(expected)
        there = None if found is None else fields(found)
        differences = []
        if wanted is not None and there is not None:
            for name, kind, a, b in zip(layout.columns, kinds, wanted, there, strict=True):
                if a != b and not (kind == "jsonb" and _shown(a, kind) == _shown(b, kind)):
                    differences.append(Difference(name, _shown(a, kind), _shown(b, kind)))
            if not differences:
                return
        known = cast("Fields", wanted if wanted is not None else there)
        key = ", ".join(
            f"{layout.columns[place]} {_shown(known[place], kinds[place])}" for place in layout.key_places
        )
        if wanted is None:
            what = f"neraca.{layout.name} has a row that no decision gives: {key}"
        elif there is None:
            what = f"neraca.{layout.name} lacks a row: {key}"
        else:
            what = f"a row of neraca.{layout.name} is not what the journal gives: {key}"
        if place is None:
            place = int(_shown(known[layout.columns.index("seq")], "bigint"))
        self._found.note(
            Finding("tables", max(0, place), what, tuple(differences), _ADVICE, layout.name, key)
        )


def _key(values: Fields, places: list[int]) -> tuple[bytes, ...]:
    """Give the key of a row; its bytes sort as PostgreSQL sorts them: numbers here are never negative."""
    return tuple(values[place] or b"" for place in places)


def _seq_first(row: bytes) -> int:
    """Give the `seq` of a row that begins with it."""
    return int.from_bytes(row[6 : 6 + _SEQ_BYTES], "big", signed=True)


def _lay_over(kept: dict[tuple[bytes, ...], bytes], layout: _Layout, places: list[int], row: bytes) -> None:
    """Put the row of a later batch in the place of an earlier one."""
    values = fields(row)
    if layout.name == "people_on_hold":
        person, held, since, seq = values
        if held != b"\x01":
            kept.pop((person or b"",), None)
            return
        values = [person, since, seq]
        row = joined(values)
    key = _key(values, places)
    if layout.name in {"trainings", "complaints"} and None in values and key in kept:
        # Each of the two instants is told by one decision, and stays.
        before = fields(kept[key])
        values = [
            before[place] if value is None and name.endswith("_at") else value
            for place, (name, value) in enumerate(zip(layout.columns, values, strict=True))
        ]
        row = joined(values)
    kept[key] = row


def _default_adopted() -> Decision:
    """Give what the adoption of the default policy would be: before the first decision."""
    nothing: list[Any] = []
    return Decision(
        -1, bytes(SHA256_BYTES), -1, bytes(SHA256_BYTES), "ACCEPTED", None, None, "", False, None, 0, None,  # noqa: FBT003
        None, None, None, None, None, None, None, None, None, None, None, None, None, nothing, nothing,
        nothing, nothing, nothing, nothing, nothing, nothing, [default_policy()],
    )  # fmt: skip


def _instant(micros: int | None) -> str:
    """Write an instant given in microseconds since 1970."""
    if micros is None:
        return ABSENT
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()


def _timestamp(raw: bytes) -> str:
    micros = int.from_bytes(raw, "big", signed=True)
    if micros in _INFINITE:
        return "infinity" if micros > 0 else "-infinity"
    return (_EPOCH + timedelta(microseconds=micros)).isoformat()


def _integer(raw: bytes) -> str:
    return str(int.from_bytes(raw, "big", signed=True))


def _texts(raw: bytes) -> str:
    """Write a text[]: dimensions, flags, type, then of each dimension its size and lower bound."""
    if int.from_bytes(raw[:4], "big") == 0:
        return "[]"
    count = int.from_bytes(raw[12:16], "big")
    at, items = 20, []
    for _ in range(count):
        length = int.from_bytes(raw[at : at + 4], "big", signed=True)
        items.append(raw[at + 4 : at + 4 + max(0, length)].decode("utf-8", "replace"))
        at += 4 + max(0, length)
    return json.dumps(items)


_READERS: Final[dict[str, Callable[[bytes], str]]] = {
    "bigint": _integer,
    "integer": _integer,
    "smallint": _integer,
    "boolean": lambda raw: "true" if raw == b"\x01" else "false",
    "bytea": bytes.hex,
    "uuid": lambda raw: str(uuid.UUID(bytes=raw)),
    "date": lambda raw: (_EPOCH_DATE + timedelta(days=int.from_bytes(raw, "big", signed=True))).isoformat(),
    "timestamp with time zone": _timestamp,
    "text[]": _texts,
    # A version byte stands before the text, in which PostgreSQL has its own order and spaces.
    "jsonb": lambda raw: json.dumps(json.loads(raw[1:]), sort_keys=True, ensure_ascii=False),
}


def _shown(raw: bytes | None, kind: str) -> str:
    """Write a field of a binary COPY as a person reads it."""
    if raw is None:
        return "NULL"
    reader = _READERS.get(kind)
    return raw.decode("utf-8", "replace") if reader is None else reader(raw)
