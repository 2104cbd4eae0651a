"""Opens the key store that the settings name: connects, brings it up to date, and brings its master key."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from neraca.keystore.master_keys import MASTER_KEY_FILE, MasterKeyFile
from neraca.keystore.migrate import migrate
from neraca.keystore.store import KEYS_IN_USE_LOCK, LOOKUP, OFFICERS, KeyStore, random_id
from producers.extract import Pseudonyms
from producers.extract.identity import uuid_of
from producers.sealing import KEY_BYTES
from projections import connecting
from schemas.errors import NeracaError

if TYPE_CHECKING:
    from neraca.settings import Settings

# What homes have whose imports made ids of the NIK itself, before there was a key store.
FORMER_KEY_FILE: Final = "person-ids.key"


@contextmanager
def opened(settings: Settings) -> Iterator[KeyStore]:
    """Give the key store, made if need be.

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer.
        MasterKeyMissing: the master key that belongs to it is not there.

    """
    with (
        connecting.told(
            "the key store does not answer",
            "It is in PostgreSQL: see `neraca status`. Running this again is safe.",
        ),
        connecting.connect(settings.keystore_dsn(), autocommit=True) as connection,
    ):
        migrate(connection)
        yield _ready(connection, settings)


def _ready(connection: psycopg.Connection[tuple[Any, ...]], settings: Settings) -> KeyStore:
    path = settings.master_key_file or settings.home / MASTER_KEY_FILE
    former = _former(settings.home / FORMER_KEY_FILE)
    known = connection.execute("SELECT FROM neraca_keys.master_keys").fetchone()
    if known is None and not path.exists():
        MasterKeyFile.make(path)
    store = KeyStore(connection, MasterKeyFile(path), random_id if former is None else _ids_of(former))
    if known is None:
        _begin(store, secrets.token_bytes(KEY_BYTES) if former is None else former)
    return store


def _begin(store: KeyStore, officers_key: bytes) -> None:
    """Put the first keys into an empty store; somebody else may do so at this moment."""
    connection = store.connection
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (KEYS_IN_USE_LOCK,))
        if connection.execute("SELECT FROM neraca_keys.master_keys").fetchone() is None:
            master_key_id = store.master_keys.newest_id()
            connection.execute(
                "INSERT INTO neraca_keys.master_keys (master_key_id) VALUES (%s)", (master_key_id,)
            )
            store.add_secret(LOOKUP, 1, secrets.token_bytes(KEY_BYTES), master_key_id)
            store.add_secret(OFFICERS, 1, officers_key, master_key_id)


def _former(path: Path) -> bytes | None:
    """Give the key of a home whose ids were made of NIKs: whom it knows must stay who they are."""
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NeracaError(
            f"{path} cannot be read: {error.strerror}", advice="Run as the user who owns the folder."
        ) from error
    if len(key) != KEY_BYTES:
        raise NeracaError(
            f"{path} holds no key of {KEY_BYTES} bytes",
            advice="Restore it from a backup: under another key everybody would be somebody else.",
        )
    return key


def _ids_of(former: bytes) -> _FormerIds:
    return _FormerIds(Pseudonyms(former, former))


class _FormerIds:
    """Gives whoever is met for the first time the id that an import before the key store gave them."""

    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms: Final = pseudonyms

    def __call__(self, nik: str) -> uuid.UUID:
        return uuid.UUID(bytes=uuid_of(self._pseudonyms.person(nik)))

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "_FormerIds()"
