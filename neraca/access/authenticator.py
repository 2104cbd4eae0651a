"""Tells from a key who asks. All keys are held in memory and read again every two seconds, so that a check
asks no database and a revoked key ends soon; where PostgreSQL is away, what was read last holds for a
minute.

Another authenticator (OpenID Connect) implements the same protocol, `producers.gateway.ports.Authenticator`.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from neraca.access.keys import split
from producers.gateway.ports import AuthenticationUnavailable, NotAuthenticated, Principal
from producers.gateway.reads import Pool

# How long a revoked key may still be taken while PostgreSQL answers, and while it does not.
STALE_SECONDS_MAX: Final = 2.0
STALE_SECONDS_MAX_WITHOUT_DATABASE: Final = 60.0
# A key that nobody knows may be a minute old and asked for at once; guesses must not make a query each.
LOOK_AGAIN_SECONDS: Final = 0.2
_SCHEME: Final = "bearer "
_NOBODY: Final = bytes(32)

_QUERY: Final = """
SELECT k.key_id, k.officer, k.systems, k.offices, k.reads, s.secret_sha256,
       extract(epoch FROM least(k.expires_at, s.expires_at))::float8 AS expires_at
FROM neraca_access.keys k JOIN neraca_access.secrets s USING (key_id)
WHERE k.revoked_at IS NULL
"""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Secret:
    sha256: bytes
    expires_at: float | None
    principal: Principal


class KeyAuthenticator:
    """API keys: `Authorization: Bearer nrc_…`."""

    def __init__(self, pool: Pool) -> None:
        self._pool: Final = pool
        self._secrets: dict[str, list[_Secret]] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._is_away = False
        self._reading: Final = asyncio.Lock()
        self._refresh: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"KeyAuthenticator({len(self._secrets)} keys, {time.monotonic() - self._read_at:.1f} s old)"

    async def authenticate(self, authorization: str | None) -> Principal:
        """Give who asks.

        Raises:
            NotAuthenticated: no key, or none that is valid now.
            AuthenticationUnavailable: the keys could not be read for too long.

        """
        if authorization is None:
            raise NotAuthenticated("there is no header Authorization")
        if authorization[: len(_SCHEME)].lower() != _SCHEME:
            raise NotAuthenticated("the header Authorization is not of the form `Bearer KEY`")
        parts = split(authorization[len(_SCHEME) :].strip())
        await self._fresh_enough()
        if parts is None:
            raise NotAuthenticated("the key is not valid")
        key_id, sha256 = parts
        principal = self._match(key_id, sha256, time.time())
        if principal is None:
            # It may have been made, or rotated, a moment ago.
            await self._read_again(LOOK_AGAIN_SECONDS)
            principal = self._match(key_id, sha256, time.time())
        if principal is None:
            raise NotAuthenticated("the key is not valid")
        return principal

    def _match(self, key_id: str, sha256: bytes, now: float) -> Principal | None:
        found = None
        # As many comparisons whether the key is known or not, and each as long as any other.
        for secret in self._secrets.get(key_id) or [_Secret(_NOBODY, 0.0, Principal("", ""))]:
            is_equal = hmac.compare_digest(secret.sha256, sha256)
            is_current = secret.expires_at is None or now < secret.expires_at
            if is_equal and is_current:
                found = secret.principal
        return found

    async def _fresh_enough(self) -> None:
        age_seconds = time.monotonic() - self._read_at
        if age_seconds <= STALE_SECONDS_MAX / 2:
            return
        if age_seconds <= STALE_SECONDS_MAX:
            # Nobody waits as long as what is there is new enough.
            if self._refresh is None or self._refresh.done():
                self._refresh = asyncio.create_task(self._read_again())
            return
        if time.monotonic() - self._tried_at > LOOK_AGAIN_SECONDS:
            await self._read_again()
        elif self._reading.locked() and not self._is_away:
            # Somebody reads them just now: what is here may have been revoked, or there is nothing yet.
            async with self._reading:
                pass
        if time.monotonic() - self._read_at > STALE_SECONDS_MAX_WITHOUT_DATABASE:
            raise AuthenticationUnavailable

    async def _read_again(self, gap_seconds: float = 0.0) -> None:
        """Read all keys: one query, however many ask at once, and not before that gap to the last one."""
        asked_at = time.monotonic()
        async with self._reading:
            if self._tried_at >= asked_at:
                return
            await asyncio.sleep(max(0.0, gap_seconds - (asked_at - self._tried_at)))
            self._tried_at = time.monotonic()
            try:
                async with asyncio.timeout(1.0), self._pool.connection(timeout=0.5) as connection:
                    cursor = await connection.execute(_QUERY.encode(), binary=True)
                    rows = await cursor.fetchall()
            except (psycopg.Error, PoolTimeout, TimeoutError) as error:
                _log.warning("keys_not_read", error=type(error).__name__)
                self._is_away = True
                return
            self._is_away = False
            self._secrets = _secrets(rows)
            self._read_at = self._tried_at


def _secrets(rows: list[dict[str, Any]]) -> dict[str, list[_Secret]]:
    found: dict[str, list[_Secret]] = {}
    for row in rows:
        offices = frozenset(
            (kind, code) for kind, _, code in (office.partition(":") for office in row["offices"])
        )
        principal = Principal(
            row["key_id"], row["officer"], frozenset(row["systems"]), offices, frozenset(row["reads"])
        )
        secret = _Secret(bytes(row["secret_sha256"]), row["expires_at"], principal)
        found.setdefault(row["key_id"], []).append(secret)
    return found
