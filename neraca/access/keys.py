"""Keys for the gateway: made, listed, rotated, revoked; stored without their secrets.

A key reads `nrc_ID_SECRET`. The secret is 256 random bits, so its plain SHA-256 is as safe at rest as a slow
hash would be: there is nothing to guess, and a check costs a microsecond. The secret is shown once and never
stored.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from psycopg import Connection
from psycopg.rows import class_row

from neraca.schema_files import SchemaFiles
from producers.gateway.ports import READ_SCOPES
from producers.sealing.guard import has_nik
from schemas.errors import NeracaError
from schemas.kinds import OFFICE_TYPES, SYSTEMS
from schemas.shape import ID_BYTES_MAX

PREFIX: Final = "nrc"
SECRET_BYTES: Final = 32
# Unmistakable when read aloud over a telephone.
_ID_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_ID_LENGTH: Final = 10
KEYS_MAX: Final = 10_000
_KEY: Final = re.compile(rf"{PREFIX}_([{_ID_LETTERS}]{{{_ID_LENGTH}}})_([A-Za-z0-9_-]{{43}})")


class KeyStoreError(NeracaError):
    """A key cannot be made, found or changed as asked."""


_SCHEMA: Final = SchemaFiles(
    schema="neraca_access",
    comment="Who may use the gateway, and who looked at whom. No journal rebuilds it: back it up.",
    package="neraca.access",
    lock="neraca access migrations",
    mismatch=KeyStoreError,
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored, without secrets."""

    key_id: str
    name: str
    officer: str
    systems: list[str]
    offices: list[str]
    reads: list[str]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    secrets_valid: int

    def as_json(self) -> dict[str, object]:
        """For `--json`."""

        def instant(at: datetime | None) -> str | None:
            return None if at is None else at.isoformat()

        return {
            "key_id": self.key_id,
            "name": self.name,
            "officer": self.officer,
            "systems": self.systems,
            "offices": self.offices,
            "reads": self.reads,
            "created_at": instant(self.created_at),
            "expires_at": instant(self.expires_at),
            "revoked_at": instant(self.revoked_at),
            "secrets_valid": self.secrets_valid,
        }


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key may do."""

    name: str
    officer: str
    systems: Sequence[str]
    offices: Sequence[str]
    reads: Sequence[str]

    def check(self) -> None:
        """Raise KeyStoreError where something is not known."""
        _among("system", self.systems, SYSTEMS)
        _among("kind of data", self.reads, (*READ_SCOPES, "all"))
        for office in self.offices:
            kind, colon, code = office.partition(":")
            if kind not in OFFICE_TYPES or not colon or not code or not is_utf8(code):
                raise KeyStoreError(
                    f"{office!r} is no office",
                    advice=f"Write TYPE:CODE or TYPE:*, where TYPE is one of {', '.join(OFFICE_TYPES)}.",
                )
        for what, text in (("name", self.name), ("officer", self.officer)):
            if not is_utf8(text):
                raise KeyStoreError(f"the {what} is no UTF-8 text", advice="Write it in letters and digits.")
            if not text.strip() or len(text.encode()) > ID_BYTES_MAX or "\x00" in text:
                raise KeyStoreError(
                    f"the {what} is empty or too long", advice=f"At most {ID_BYTES_MAX} bytes."
                )
        if has_nik(self.officer):
            raise KeyStoreError(
                "the officer looks like a NIK",
                advice="An officer goes by a code: it stands in the clear in every action of the key.",
            )
        if bool(self.systems) != bool(self.offices):
            raise KeyStoreError(
                "a key that sends actions needs systems and offices",
                advice="Give both --system and --office, or neither for a key that only reads.",
            )
        if not self.systems and not self.reads:
            raise KeyStoreError("the key could do nothing", advice="Give --system and --office, or --read.")


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can write a text: what else stood on a command line is half a surrogate pair in it."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _among(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [one for one in given if one not in known]:
        raise KeyStoreError(f"{unknown[0]!r} is no {what}", advice=f"One of {', '.join(known)}.")


def split(key: str) -> tuple[str, bytes] | None:
    """Give the public id of a key and the hash of its secret; None where it has not the form of a key."""
    found = _KEY.fullmatch(key)
    return None if found is None else (found[1], hash_of(found[2]))


def hash_of(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("ascii")).digest()


def migrate(connection: Connection[tuple[object, ...]]) -> list[str]:
    """Bring the schema up to date, and give the names of what was applied.

    Raises:
        KeyStoreError: a migration was edited after it was applied.

    """
    return _SCHEMA.apply(connection)


def create(
    connection: Connection[tuple[object, ...]], new: NewKey, expires_at: datetime | None = None
) -> tuple[Key, str]:
    """Make a key; the text, which is shown once, comes with it.

    Raises:
        KeyStoreError: it cannot be as asked.

    """
    new.check()
    key_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with connection.transaction():
        row = connection.execute("SELECT count(*) FROM neraca_access.keys").fetchone()
        if row is not None and int(str(row[0])) >= KEYS_MAX:
            raise KeyStoreError(
                f"there are {KEYS_MAX} keys already", advice="Every gateway holds all of them."
            )
        connection.execute(
            "INSERT INTO neraca_access.keys (key_id, name, officer, systems, offices, reads, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (
                key_id,
                new.name,
                new.officer,
                list(new.systems),
                list(new.offices),
                list(new.reads),
                expires_at,
            ),
        )
        connection.execute(
            "INSERT INTO neraca_access.secrets (key_id, number, secret_sha256) VALUES (%s, 1, %s)",
            (key_id, hash_of(secret)),
        )
    return find(connection, key_id), f"{PREFIX}_{key_id}_{secret}"


def rotate(connection: Connection[tuple[object, ...]], key_id: str, grace: timedelta) -> tuple[Key, str]:
    """Give a key a new secret; the one before it stays valid for the grace, any older one ends now.

    Raises:
        KeyStoreError: there is no such key, it is revoked, or its time is over.

    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    with connection.transaction():
        key = find(connection, key_id)
        if key.revoked_at is not None:
            raise KeyStoreError(f"key {key_id} is revoked", advice="Make a new one: `neraca keys create`.")
        if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
            # A new secret would be no more valid than the one before.
            raise KeyStoreError(f"key {key_id} has ended", advice="Make a new one: `neraca keys create`.")
        connection.execute("SELECT FROM neraca_access.keys WHERE key_id = %s FOR UPDATE", (key_id,))
        connection.execute(
            "UPDATE neraca_access.secrets SET expires_at = least(expires_at, clock_timestamp() + CASE"
            " WHEN number = (SELECT max(number) FROM neraca_access.secrets WHERE key_id = %s)"
            " THEN %s ELSE interval '0' END) WHERE key_id = %s",
            (key_id, grace, key_id),
        )
        connection.execute(
            "INSERT INTO neraca_access.secrets (key_id, number, secret_sha256)"
            " SELECT key_id, max(number) + 1, %s FROM neraca_access.secrets WHERE key_id = %s"
            " GROUP BY key_id",
            (hash_of(secret), key_id),
        )
    return find(connection, key_id), f"{PREFIX}_{key_id}_{secret}"


def revoke(connection: Connection[tuple[object, ...]], key_id: str) -> Key:
    """Make a key invalid for good; gateways follow within seconds.

    Raises:
        KeyStoreError: there is no such key.

    """
    with connection.transaction():
        find(connection, key_id)
        connection.execute(
            "UPDATE neraca_access.keys SET revoked_at = coalesce(revoked_at, clock_timestamp())"
            " WHERE key_id = %s",
            (key_id,),
        )
    return find(connection, key_id)


_SELECT: Final = """
SELECT k.key_id, k.name, k.officer, k.systems, k.offices, k.reads, k.created_at, k.expires_at, k.revoked_at,
       (SELECT count(*) FROM neraca_access.secrets s WHERE s.key_id = k.key_id
        AND (s.expires_at IS NULL OR s.expires_at > clock_timestamp())) AS secrets_valid
FROM neraca_access.keys k
"""


def find(connection: Connection[tuple[object, ...]], key_id: str) -> Key:
    """Give a key.

    Raises:
        KeyStoreError: there is none.

    """
    if not is_utf8(key_id):
        # PostgreSQL has no text for it, and so no key.
        raise KeyStoreError(f"there is no key {key_id!r}", advice="See `neraca keys list`.")
    with connection.cursor(row_factory=class_row(Key)) as cursor:
        found = cursor.execute(f"{_SELECT} WHERE k.key_id = %s".encode(), (key_id,)).fetchone()
    if found is None:
        raise KeyStoreError(f"there is no key {key_id!r}", advice="See `neraca keys list`.")
    return found


def list_keys(connection: Connection[tuple[object, ...]]) -> list[Key]:
    """Give every key, the oldest first."""
    with connection.cursor(row_factory=class_row(Key)) as cursor:
        return cursor.execute(f"{_SELECT} ORDER BY k.created_at, k.key_id".encode()).fetchall()
