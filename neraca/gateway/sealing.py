"""The key store as the gateway uses it: one connection, opened when first asked, and again after it broke."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from neraca.keystore.opening import opened
from neraca.keystore.store import KeyStore
from producers.gateway.ports import SealerUnavailable
from producers.sealing.clear import Clear, Sealing, seal_all
from schemas.errors import NeracaError

if TYPE_CHECKING:
    from neraca.settings import Settings

# A connection that broke while nobody asked is noticed by the first who asks, who must not pay for it.
_ATTEMPTS: Final = 2

_log = structlog.get_logger()


class KeyStoreSealer:
    """Seals one request after the other, off the event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings: Final = settings
        self._lock: Final = threading.Lock()
        self._closing = ExitStack()
        self._store: KeyStore | None = None

    def __repr__(self) -> str:
        return f"KeyStoreSealer(open={self._store is not None})"

    async def seal(self, clear: Clear) -> Sealing:
        """Find or make the person, and seal.

        Raises:
            SealerUnavailable: the key store does not answer, or its master key is not there.

        """
        return await asyncio.to_thread(self._seal, clear)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._let_go()

    def _seal(self, clear: Clear) -> Sealing:
        with self._lock:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    if self._store is None:
                        self._store = self._closing.enter_context(opened(self._settings))
                    return seal_all(self._store, [clear])[0]
                except (psycopg.Error, NeracaError) as error:
                    self._let_go()
                    if attempt == _ATTEMPTS:
                        _log.warning("key_store_unavailable", error=type(error).__name__)
            raise SealerUnavailable

    def _let_go(self) -> None:
        self._store = None
        closing, self._closing = self._closing, ExitStack()
        closing.close()
