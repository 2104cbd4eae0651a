"""Keeps who looked at a person's data, before it is shown. Many looks at once share one commit.

A look is answered only once its record is committed, so none can be lost with the process, and none is shown
that was not recorded.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from psycopg import Connection

from producers.gateway.ports import Access
from producers.gateway.reads import Pool

BATCH_MAX: Final = 500
KEEP_SECONDS: Final = 5.0

_INSERT: Final = """
INSERT INTO neraca_access.access_records (key_id, officer, kind, subject_id, status, parameters)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::jsonb[])
"""


def keep_now(connection: Connection[tuple[Any, ...]], access: Access) -> None:
    """Keep one record, for a command; committed when this returns (the connection is in autocommit)."""
    parameters = json.dumps(dict(access.parameters))
    connection.execute(
        _INSERT.encode(),
        (
            [access.key_id],
            [access.officer],
            [access.kind],
            [access.subject_id],
            [access.status],
            [parameters],
        ),
    )


class AccessRecorder:
    """Writes access records in groups: while one group is committed, the next one gathers."""

    def __init__(self, pool: Pool) -> None:
        self._pool: Final = pool
        self._gathered: list[tuple[Access, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"AccessRecorder({len(self._gathered)} gathered)"

    async def keep(self, access: Access) -> None:
        """Return once the record is kept.

        Raises:
            psycopg.Error, PoolTimeout, TimeoutError: it could not be kept.

        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gathered.append((access, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        async with asyncio.timeout(KEEP_SECONDS):
            await future

    async def _write(self) -> None:
        while self._gathered:
            group, self._gathered = self._gathered[:BATCH_MAX], self._gathered[BATCH_MAX:]
            records = [access for access, _ in group]
            columns = (
                [one.key_id for one in records],
                [one.officer for one in records],
                [one.kind for one in records],
                [one.subject_id for one in records],
                [one.status for one in records],
                [json.dumps(dict(one.parameters)) for one in records],
            )
            try:
                async with self._pool.connection() as connection:
                    await connection.execute(_INSERT.encode(), columns)
            except Exception as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
                for _, future in group:
                    if not future.done():
                        future.set_exception(error)
            else:
                for _, future in group:
                    if not future.done():
                        future.set_result(None)
