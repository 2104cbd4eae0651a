"""What the tables say, and at which `seq` they say it: one statement, one snapshot, one position.

Reads PostgreSQL; only a whole decision is read from the journal, where the tables name it by `seq` and hash.
What was true at another moment is answered by the functions of 0007_as_of.sql. Never writes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from producers.gateway.documents import (
    Document,
    permit_then,
    person_then,
    registration_document,
    registration_of_row,
    registration_then,
)
from producers.gateway.moments import Moment
from producers.gateway.ports import Journal
from producers.gateway.problems import ProblemFound, problem
from schemas.codec import decode_decision
from schemas.errors import BrokerUnavailable, JournalMismatch
from schemas.records import Decision

CONNECTIONS_MAX: Final = 8
CONNECT_SECONDS: Final = 3.0
STATEMENT_TIMEOUT_MS: Final = 5_000
# How often the position is looked at while somebody waits for it.
LOOK_SECONDS: Final = 0.004

Rows = list[dict[str, Any]]
Pool = AsyncConnectionPool[AsyncConnection[dict[str, Any]]]

_POSITION: Final = "SELECT seq, decision_sha256 FROM neraca.projection_positions WHERE projection = 'current'"
_REGISTRATIONS_OF: Final = "SELECT * FROM neraca.registrations WHERE person_id = %s ORDER BY registered_seq"
ONE: Final = """
SELECT p.seq AS position, d.seq, coalesce(n.previous_sha256, p.decision_sha256) AS sha256
FROM neraca.projection_positions p LEFT JOIN neraca.decisions d ON d.seq = %s
LEFT JOIN neraca.decisions n ON n.seq = d.seq + 1
WHERE p.projection = 'current'
"""
_BOUNDS: Final = "%(true_at)s, %(known_seq)s, %(entered_by)s, %(recorded_by)s"
REGISTRATION_THEN: Final = (
    f"SELECT * FROM neraca.registrations_as_of({_BOUNDS}) WHERE registration_id = %(id)s"
)
PERSON_THEN: Final = f"""
SELECT * FROM neraca.person_as_of(%(id)s, {_BOUNDS}) ORDER BY (stages->'registered'->>'seq')::bigint
"""
THING_THEN: Final = f"SELECT * FROM neraca.reference_as_of({_BOUNDS}) WHERE thing = %(thing)s AND id = %(id)s"
TRAININGS_THEN: Final = f"""
SELECT * FROM neraca.reference_as_of({_BOUNDS})
WHERE thing = 'training'
  AND id = ANY (ARRAY(SELECT training_id FROM neraca.trainings WHERE person_id = %(id)s)) ORDER BY id
"""
HELD_THEN: Final = """
SELECT (changed->>'held')::boolean AS held, occurred_at, seq FROM neraca.reference_history
WHERE thing = 'person' AND id = %(id)s AND occurred_at <= %(true_at)s AND seq <= %(known_seq)s
  AND entered_at <= %(entered_by)s AND coalesce(recorded_at, entered_at) <= %(recorded_by)s
ORDER BY seq DESC LIMIT 1
"""
LINES_THEN: Final = f"SELECT * FROM neraca.quota_balances_as_of({_BOUNDS}) WHERE permit_id = %(id)s"


@dataclass(frozen=True, slots=True)
class Seen:
    """A document, and the `seq` that it is true at; no document where there is no such thing."""

    seq: int
    document: Document | None


async def open_pool(dsn: str) -> Pool:
    """Give a pool of connections; it connects in the background, also again after PostgreSQL was away."""
    pool: Pool = AsyncConnectionPool(
        dsn,
        min_size=2,
        max_size=CONNECTIONS_MAX,
        timeout=CONNECT_SECONDS,
        reconnect_timeout=5.0,
        max_waiting=2_000,
        open=False,
        name="gateway",
        check=AsyncConnectionPool.check_connection,
        kwargs={
            "row_factory": dict_row,
            "autocommit": True,
            "connect_timeout": int(CONNECT_SECONDS),
            "application_name": "neraca gateway",
            "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS}",
        },
    )
    await pool.open(wait=False)
    return pool


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Turn a database that does not answer into a problem.

    Raises:
        ProblemFound: instead of the database's own errors.

    """
    try:
        yield
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise ProblemFound(problem("DATABASE_UNAVAILABLE", headers={"Retry-After": "1"})) from error
    except psycopg.errors.UndefinedTable as error:
        # The projector makes the tables when it first starts.
        raise ProblemFound(
            problem("DATABASE_UNAVAILABLE", "the tables are not there yet", headers={"Retry-After": "1"})
        ) from error


class Reads:
    """The queries behind every GET."""

    def __init__(self, pool: Pool, journal: Journal, recent: Callable[[int], bytes | None]) -> None:
        self._pool: Final = pool
        self._journal: Final = journal
        self._recent: Final = recent
        self._position = -1
        self._looking: asyncio.Task[None] | None = None
        self._waiting: Final[set[tuple[int, asyncio.Future[None]]]] = set()

    def __repr__(self) -> str:
        return f"Reads(position={self._position}, {len(self._waiting)} waiting)"

    @contextlib.asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[AsyncConnection[dict[str, Any]]]:
        """Several queries that see one state."""
        with database_errors():
            async with self._pool.connection() as connection, connection.transaction():
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield connection

    async def _rows(self, query: str, *parameters: object) -> Rows:
        with database_errors():
            async with self._pool.connection() as connection:
                cursor = await connection.execute(query.encode(), parameters, binary=True)
                return await cursor.fetchall()

    async def position(self) -> int:
        """Give the `seq` that the tables stand at; -1 before the first decision."""
        rows = await self._rows(_POSITION)
        return int(rows[0]["seq"]) if rows else -1

    async def reach(self, seq: int, timeout_seconds: float) -> None:
        """Wait until the tables stand at that `seq` or after it.

        Raises:
            ProblemFound: not in time.

        """
        if self._position >= seq:
            return
        self._position = await self.position()
        if self._position >= seq:
            return
        entry = (seq, asyncio.get_running_loop().create_future())
        self._waiting.add(entry)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(timeout_seconds):
                await entry[1]
        except TimeoutError:
            raise ProblemFound(
                problem(
                    "NOT_THAT_FAR",
                    f"the tables stand at seq {self._position}, not at {seq} yet",
                    seq=self._position,
                    headers={"Retry-After": "1", "Seq": str(self._position)},
                )
            ) from None
        finally:
            self._waiting.discard(entry)

    async def _look(self) -> None:
        """Look at the position as long as somebody waits for it: one look for all."""
        while self._waiting:
            try:
                self._position = max(self._position, await self.position())
            except ProblemFound as error:
                for _, future in list(self._waiting):
                    if not future.done():
                        future.set_exception(error)
                return
            for seq, future in list(self._waiting):
                if seq <= self._position and not future.done():
                    future.set_result(None)
            await asyncio.sleep(LOOK_SECONDS)

    async def registration(self, registration_id: str, at: Moment) -> Seen:
        """Give a registration."""
        async with self._snapshot() as connection:
            seq = await _position(connection)
            if at.is_now:
                rows = await _query(
                    connection,
                    "SELECT * FROM neraca.registrations WHERE registration_id = %s",
                    registration_id,
                )
                return Seen(seq, _registration(rows[0]) if rows else None)
            rows = await _then(connection, REGISTRATION_THEN, at, id=registration_id)
        return Seen(seq, registration_then(rows[0]) if rows else None)

    async def person(self, person_id: str, at: Moment) -> Seen:
        """Give what is known of a person: holds, registrations, trainings."""
        async with self._snapshot() as connection:
            seq = await _position(connection)
            held = await _then(connection, HELD_THEN, at, id=person_id)
            if at.is_now:
                rows = await _query(connection, _REGISTRATIONS_OF, person_id)
                registrations = [_registration(row) for row in rows]
            else:
                rows = await _then(connection, PERSON_THEN, at, id=person_id)
                registrations = [registration_then(row) for row in rows]
            trainings = await _then(connection, TRAININGS_THEN, at, id=person_id)
        return Seen(seq, person_then(person_id, held, registrations, trainings))

    async def permit(self, permit_id: str, at: Moment) -> Seen:
        """Give a permit with the accounts of its lines."""
        async with self._snapshot() as connection:
            seq = await _position(connection)
            found = await _then(connection, THING_THEN, at, thing="permit", id=permit_id)
            if at.is_now:
                # A permit has a few changes, and its lines any number of postings.
                moved = await _query(
                    connection, "SELECT * FROM neraca.quota_balances WHERE permit_id = %s", permit_id
                )
            else:
                moved = await _then(connection, LINES_THEN, at, id=permit_id)
        return Seen(seq, permit_then(permit_id, found, moved))

    async def decision(self, seq: int) -> tuple[int, Decision | None]:
        """Give the position of the tables, and a decision if they reach it."""
        with database_errors():
            rows = await self._rows(ONE, seq)
        if not rows:
            return -1, None
        row = rows[0]
        if row["seq"] is None:
            return int(row["position"]), None
        (decision,) = await self._decisions([row])
        return int(row["position"]), decision

    async def seq_of_offset(self, offset: int) -> int | None:
        """Give the `seq` of the decision on the action at that offset; both rise together: by bisection."""
        last = await self.position()
        low, high = 0, min(offset, last)
        while low <= high:
            # Equal but for markers on the topic: the upper end is commonly the one.
            middle = high if high == min(offset, last) else (low + high) // 2
            rows = await self._rows("SELECT action_offset FROM neraca.decisions WHERE seq = %s", middle)
            if not rows:
                return None
            found = int(rows[0]["action_offset"])
            if found == offset:
                return middle
            if found < offset:
                low = middle + 1
            else:
                # At most as many decisions lie between as offsets do.
                low = max(low, middle - (found - offset)) if low == 0 else low
                high = middle - 1
        return None

    async def _decisions(self, rows: Sequence[dict[str, Any]]) -> list[Decision]:
        """Give whole decisions, from memory or from the journal, each the one that the tables know by its
        hash.
        """
        found = {int(row["seq"]): self._recent(int(row["seq"])) for row in rows}
        wanted = [(int(row["seq"]), bytes(row["sha256"])) for row in rows if found[int(row["seq"])] is None]
        if wanted:
            try:
                read = await self._journal.read(wanted)
            except (BrokerUnavailable, JournalMismatch) as error:
                raise ProblemFound(
                    problem("JOURNAL_UNAVAILABLE", str(error), headers={"Retry-After": "1"})
                ) from error
            found.update(zip([seq for seq, _ in wanted], read, strict=True))
        return [decode_decision(avro) for avro in found.values() if avro is not None]


async def _query(connection: AsyncConnection[dict[str, Any]], query: str, *parameters: object) -> Rows:
    cursor = await connection.execute(query.encode(), parameters, binary=True)
    return await cursor.fetchall()


async def _then(
    connection: AsyncConnection[dict[str, Any]], query: str, at: Moment, **parameters: str
) -> Rows:
    cursor = await connection.execute(query.encode(), {**at.bounds(), **parameters}, binary=True)
    return await cursor.fetchall()


async def _position(connection: AsyncConnection[dict[str, Any]]) -> int:
    rows = await _query(connection, _POSITION)
    return int(rows[0]["seq"]) if rows else -1


def _registration(row: dict[str, Any]) -> Document:
    return {
        **registration_document(registration_of_row(row)),
        "changed_seq": row["seq"],
    }


Earlier = Callable[[int], Awaitable[Decision]]


def earlier(reads: Reads, timeout_seconds: float = 2.0) -> Earlier:
    """Give the way to a decision that lies behind the feed's memory, for the answer to a duplicate."""

    async def find(seq: int) -> Decision:
        try:
            await reads.reach(seq, timeout_seconds)
            _, decision = await reads.decision(seq)
        except ProblemFound as found:
            raise ProblemFound(
                problem("JOURNAL_UNAVAILABLE", found.problem.detail, headers={"Retry-After": "1"})
            ) from None
        if decision is None:
            raise ProblemFound(problem("INTERNAL", f"decision {seq} is not in the tables"))
        return decision

    return find
