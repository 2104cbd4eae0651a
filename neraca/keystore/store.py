"""People in PostgreSQL: found by NIK or made, their keys given out, and destroyed.

Speaks `producers.sealing.People`. Nothing that it stores opens without a master key, and none of its errors
holds a value.
"""

from __future__ import annotations

import hmac
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from neraca.keystore.master_keys import MasterKeyMissing, MasterKeys
from producers.sealing import KEY_BYTES, Person, SealBroken, open_bytes, seal_bytes
from schemas.errors import NeracaError

HASH_BYTES: Final = 16
LOOKUP: Final = "lookup"
OFFICERS: Final = "officers"
# Whoever makes people holds it shared; whoever changes which keys are in use, alone. So nobody makes a person
# under a key that is being retired.
KEYS_IN_USE_LOCK: Final = "neraca key store: keys in use"
_PERSON: Final = b"neraca person key v1\x00"
_SECRET: Final = b"neraca secret v1\x00"
_NIK: Final = b"neraca lookup nik v1\x00"

_FIND: Final = """
SELECT l.nik_hmac, p.person_id, p.master_key_id, p.wrapped_key
FROM neraca_keys.lookups l JOIN neraca_keys.people p USING (person_id)
WHERE l.nik_hmac = ANY(%s)
"""
# One statement, so that a hash that somebody else has just taken leaves no person behind.
_MAKE: Final = """
WITH given AS (
    SELECT * FROM unnest(%(hmacs)s::bytea[], %(ids)s::uuid[], %(keys)s::bytea[], %(niks)s::bytea[])
        AS g (nik_hmac, person_id, wrapped_key, sealed_nik)
), taken AS (
    INSERT INTO neraca_keys.lookups (nik_hmac, version, person_id, sealed_nik)
    SELECT nik_hmac, %(version)s, person_id, sealed_nik FROM given
    ON CONFLICT (nik_hmac) DO NOTHING RETURNING person_id
)
INSERT INTO neraca_keys.people (person_id, master_key_id, wrapped_key)
SELECT person_id, %(master)s, wrapped_key FROM given JOIN taken USING (person_id)
RETURNING person_id
"""


class PersonUnknown(NeracaError):
    """The key store has no such person."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What the key store knows of an erasure.

    Attributes:
        person_id: Who is erased.
        action_id: The action that records it.
        requested_at: When it was asked for.
        officer: By whom.
        reason: Why.
        seq: The decision that records it; None while none is known to.
        erased_at: When the key was destroyed; None while it is there.

    """

    person_id: str
    action_id: uuid.UUID
    requested_at: datetime
    officer: str
    reason: str
    seq: int | None
    erased_at: datetime | None


def random_id(_: str) -> uuid.UUID:
    """Give a person an id that says nothing."""
    return uuid.uuid4()


class KeyStore:
    """The people of one key store, over one connection (autocommit). Not for several threads at once."""

    def __init__(
        self,
        connection: Connection[tuple[Any, ...]],
        master_keys: MasterKeys,
        id_of: Callable[[str], uuid.UUID] = random_id,
    ) -> None:
        """Use a schema that is up to date; `id_of` gives the id of an owner of a NIK who was never met."""
        self.connection: Final = connection
        self.master_keys: Final = master_keys
        self._id_of: Final = id_of
        self._secrets: Final[dict[tuple[str, int], bytes]] = {}

    def __repr__(self) -> str:
        """Show nothing of it."""
        return f"KeyStore({self.master_keys!r})"

    def of_niks(self, niks: Sequence[str]) -> list[Person]:
        """Give the owner of each NIK, in the same order; who is not known yet gets an id and a key.

        Raises:
            MasterKeyMissing: a key cannot be unwrapped.

        """
        with self.connection.transaction():
            self._lock_keys_in_use()
            versions = self.lookup_keys()
            hashes = [[hash_of(key, nik) for key in versions.values()] for nik in niks]
            found = self._find([one for each in hashes for one in each])
            # A NIK twice in one batch is one person.
            missing = {
                each[0]: nik
                for nik, each in zip(niks, hashes, strict=True)
                if not any(one in found for one in each)
            }
            if missing:
                found |= self._make(next(iter(versions)), missing)
        return [next(found[one] for one in each if one in found) for each in hashes]

    def of_ids(self, person_ids: Sequence[str]) -> dict[str, Person]:
        """Give the people of those ids, as far as they are known.

        Raises:
            MasterKeyMissing: a key cannot be unwrapped.

        """
        ids = [one for one in map(_uuid, person_ids) if one is not None]
        rows = self.connection.execute(
            "SELECT person_id, master_key_id, wrapped_key FROM neraca_keys.people WHERE person_id = ANY(%s)",
            (ids,),
            binary=True,
        )
        return {str(person_id): self._person(person_id, master, key) for person_id, master, key in rows}

    def find(self, nik: str) -> Person | None:
        """Give the owner of a NIK; None where nobody with it was ever met, and nobody is made."""
        found = self._find([hash_of(key, nik) for key in self.lookup_keys().values()])
        return next(iter(found.values()), None)

    def ask_erasure(self, person_id: str, officer: str, reason: str) -> Erasure:
        """Keep that a person is to be erased, unless it is kept already; gives what is kept.

        Raises:
            PersonUnknown: the key store has no such person.

        """
        self.connection.execute(
            "INSERT INTO neraca_keys.erasures (person_id, action_id, officer, reason)"
            " SELECT person_id, %s, %s, %s FROM neraca_keys.people WHERE person_id = %s"
            " ON CONFLICT DO NOTHING",
            (uuid.uuid4(), officer, reason, _uuid(person_id)),
        )
        erasure = self.erasure_of(person_id)
        if erasure is None:
            raise PersonUnknown(
                "the key store has no such person",
                advice="Nothing was sealed for this id here. `neraca keystore find` gives the id of a NIK.",
            )
        return erasure

    def erasure_of(self, person_id: str) -> Erasure | None:
        """Give what is kept of an erasure; None where none was asked for."""
        row = self.connection.execute(
            "SELECT person_id, action_id, requested_at, officer, reason, seq, erased_at"
            " FROM neraca_keys.erasures WHERE person_id = %s",
            (_uuid(person_id),),
        ).fetchone()
        return None if row is None else Erasure(str(row[0]), *row[1:])

    def withdraw_erasure(self, person_id: str) -> None:
        """Forget that a person was to be erased: the ledger refused it, and no key was destroyed."""
        self.connection.execute(
            "DELETE FROM neraca_keys.erasures WHERE person_id = %s AND erased_at IS NULL",
            (_uuid(person_id),),
        )

    def destroy(self, person_id: str, seq: int) -> None:
        """Destroy a person's key, as decision `seq` says. The row stays, so that nobody else gets the id."""
        with self.connection.transaction():
            self.connection.execute(
                "UPDATE neraca_keys.people SET master_key_id = NULL, wrapped_key = NULL,"
                " erased_at = clock_timestamp() WHERE person_id = %s AND erased_at IS NULL",
                (_uuid(person_id),),
            )
            self.connection.execute(
                "UPDATE neraca_keys.lookups SET sealed_nik = NULL"
                " WHERE person_id = %s AND sealed_nik IS NOT NULL",
                (_uuid(person_id),),
            )
            self.connection.execute(
                "UPDATE neraca_keys.erasures e SET seq = %s, erased_at = p.erased_at"
                " FROM neraca_keys.people p WHERE e.person_id = %s AND p.person_id = e.person_id",
                (seq, _uuid(person_id)),
            )

    def clean_up(self) -> None:
        """Have PostgreSQL let go of the old versions of rows, which still hold what was overwritten."""
        self.connection.execute("VACUUM neraca_keys.people, neraca_keys.lookups")

    def lookup_keys(self) -> dict[int, bytes]:
        """Give the keys by which NIKs are looked up, by version, the newest first."""
        rows = self.connection.execute(
            "SELECT version, master_key_id, wrapped_key FROM neraca_keys.secrets"
            " WHERE name = %s AND wrapped_key IS NOT NULL ORDER BY version DESC",
            (LOOKUP,),
        ).fetchall()
        return {version: self._secret(LOOKUP, version, master, key) for version, master, key in rows}

    def officers_key(self) -> bytes:
        """Give the key by which officers are named whom an extract calls by name."""
        version, master, key = self.connection.execute(
            "SELECT version, master_key_id, wrapped_key FROM neraca_keys.secrets WHERE name = %s",
            (OFFICERS,),
        ).fetchall()[0]
        return self._secret(OFFICERS, version, master, key)

    def add_secret(self, name: str, version: int, key: bytes, master_key_id: bytes) -> None:
        """Keep the key of a keyed hash, unless that version is there."""
        self.connection.execute(
            "INSERT INTO neraca_keys.secrets (name, version, master_key_id, wrapped_key)"
            " VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (
                name,
                version,
                master_key_id,
                self.master_keys.wrap(master_key_id, key, secret_aad(name, version)),
            ),
        )

    def master_key_id(self) -> bytes:
        """Give the master key that wraps what is new."""
        row = self.connection.execute(
            "SELECT master_key_id FROM neraca_keys.master_keys ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise MasterKeyMissing("the key store names no master key", advice="Restore it from a backup.")
        return bytes(row[0])

    def nik_of(self, person_id: uuid.UUID, key: bytes, sealed_nik: bytes) -> str:
        """Open the NIK that a lookup keeps.

        Raises:
            SealBroken: it was changed.

        """
        nik = open_bytes(key, sealed_nik, _NIK + person_id.bytes)
        if nik is None:
            raise SealBroken("nik")
        return nik.decode("utf-8", "surrogateescape")

    def unwrapped(self, person_id: uuid.UUID, master_key_id: bytes, wrapped: bytes) -> bytes:
        """Give a person's key."""
        return self.master_keys.unwrap(master_key_id, wrapped, person_aad(person_id))

    def _lock_keys_in_use(self) -> None:
        self.connection.execute(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", (KEYS_IN_USE_LOCK,)
        )

    def _find(self, hashes: list[bytes]) -> dict[bytes, Person]:
        rows = self.connection.execute(_FIND, (hashes,), binary=True)
        return {
            bytes(nik_hmac): self._person(person_id, master, wrapped)
            for nik_hmac, person_id, master, wrapped in rows
        }

    def _make(self, version: int, missing: dict[bytes, str]) -> dict[bytes, Person]:
        master_key_id = self.master_key_id()
        # In one order for everybody: two who take the same hashes wait for each other, and never in a circle.
        hashes = sorted(missing)
        ids = [self._id_of(missing[one]) for one in hashes]
        keys = [os.urandom(KEY_BYTES) for _ in hashes]
        wrap = self.master_keys.wrap
        made = self.connection.execute(
            _MAKE,
            {
                "hmacs": hashes,
                "ids": ids,
                "keys": [
                    wrap(master_key_id, key, person_aad(one)) for one, key in zip(ids, keys, strict=True)
                ],
                "niks": [
                    seal_bytes(key, missing[each].encode("utf-8", "surrogateescape"), _NIK + one.bytes)
                    for one, key, each in zip(ids, keys, hashes, strict=True)
                ],
                "version": version,
                "master": master_key_id,
            },
            binary=True,
        )
        is_made = {row[0] for row in made}
        people = {
            each: Person(str(one), key)
            for each, one, key in zip(hashes, ids, keys, strict=True)
            if one in is_made
        }
        others = [each for each in hashes if each not in people]
        return people if not others else people | self._find(others)

    def _person(self, person_id: uuid.UUID, master_key_id: bytes | None, wrapped: bytes | None) -> Person:
        if master_key_id is None or wrapped is None:
            return Person(str(person_id), None)
        return Person(str(person_id), self.unwrapped(person_id, bytes(master_key_id), bytes(wrapped)))

    def _secret(self, name: str, version: int, master_key_id: bytes, wrapped: bytes) -> bytes:
        known = self._secrets.get((name, version))
        if known is None:
            aad = secret_aad(name, version)
            known = self.master_keys.unwrap(bytes(master_key_id), bytes(wrapped), aad)
            self._secrets[name, version] = known
        return known


def hash_of(key: bytes, nik: str) -> bytes:
    """Give what stands for a NIK: 128 bits, so that nobody will ever be taken for somebody else."""
    return hmac.digest(key, nik.encode("utf-8", "surrogateescape"), "sha256")[:HASH_BYTES]


def person_aad(person_id: uuid.UUID) -> bytes:
    """Bind a wrapped key to its person."""
    return _PERSON + person_id.bytes


def secret_aad(name: str, version: int) -> bytes:
    """Bind a wrapped key to what it is for."""
    return _SECRET + version.to_bytes(4, "big") + name.encode("ascii")


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
