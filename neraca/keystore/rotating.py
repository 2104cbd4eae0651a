"""Rotates the two kinds of key that outlive a person: master keys, and the key by which NIKs are looked up.

In batches, each committed, while producers go on; what was cut goes on when run again.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from neraca.keystore.store import KEYS_IN_USE_LOCK, LOOKUP, KeyStore, hash_of, person_aad, secret_aad
from producers.sealing import KEY_BYTES

BATCH: Final = 1_000

_SWITCH_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_NEXT_WRAPPED: Final = """
SELECT person_id, master_key_id, wrapped_key FROM neraca_keys.people
WHERE master_key_id = ANY(%s) ORDER BY person_id LIMIT %s FOR UPDATE
"""
_REWRAP: Final = """
UPDATE neraca_keys.people p SET master_key_id = %s, wrapped_key = g.wrapped_key
FROM unnest(%s::uuid[], %s::bytea[]) AS g (person_id, wrapped_key) WHERE p.person_id = g.person_id
"""
_NEXT_HASHED: Final = """
SELECT l.nik_hmac, l.person_id, l.sealed_nik, p.master_key_id, p.wrapped_key
FROM neraca_keys.lookups l JOIN neraca_keys.people p USING (person_id)
WHERE l.version = ANY(%s) AND l.sealed_nik IS NOT NULL LIMIT %s FOR UPDATE OF l
"""
_REHASH: Final = """
UPDATE neraca_keys.lookups l SET version = %s, nik_hmac = g.fresh
FROM unnest(%s::bytea[], %s::bytea[]) AS g (nik_hmac, fresh) WHERE l.nik_hmac = g.nik_hmac
"""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did.

    Attributes:
        changed: How many people's keys were wrapped, or NIKs hashed, anew.
        left: How many erased people are still found under an old lookup key; 0 for master keys.

    """

    changed: int
    left: int


def rotate_master(store: KeyStore, advance: Callable[[int], None]) -> Rotation:
    """Make a new master key, wrap every key by it, and destroy the master keys before it.

    From then on no copy of the store that was made before opens: not the one in a backup, and not what
    PostgreSQL has not yet overwritten. So this is what makes erasures reach backups.
    """
    connection = store.connection
    current = store.master_key_id()
    with connection.transaction():
        connection.execute(_SWITCH_LOCK, (KEYS_IN_USE_LOCK,))
        open_ = connection.execute(
            "SELECT count(*) FROM neraca_keys.master_keys WHERE retired_at IS NULL"
        ).fetchone()
        # More than one: a rotation was cut, and this one goes on with it.
        if open_ == (1,):
            current = store.master_keys.add()
            connection.execute("INSERT INTO neraca_keys.master_keys (master_key_id) VALUES (%s)", (current,))
    old = [
        bytes(row[0])
        for row in connection.execute(
            "SELECT master_key_id FROM neraca_keys.master_keys"
            " WHERE retired_at IS NULL AND master_key_id <> %s",
            (current,),
        ).fetchall()
    ]
    changed = 0
    while count := _rewrap_batch(store, current, old):
        changed += count
        advance(changed)
    _rewrap_secrets(store, current, old)
    store.clean_up()
    store.master_keys.keep_only(current)
    connection.execute(
        "UPDATE neraca_keys.master_keys SET retired_at = clock_timestamp() WHERE master_key_id = ANY(%s)",
        (old,),
    )
    return Rotation(changed, 0)


def _rewrap_batch(store: KeyStore, current: bytes, old: list[bytes]) -> int:
    with store.connection.transaction():
        rows = store.connection.execute(_NEXT_WRAPPED, (old, BATCH), binary=True).fetchall()
        if rows:
            ids: list[uuid.UUID] = [row[0] for row in rows]
            wrapped = [
                store.master_keys.wrap(
                    current, store.unwrapped(one, bytes(row[1]), bytes(row[2])), person_aad(one)
                )
                for one, row in zip(ids, rows, strict=True)
            ]
            store.connection.execute(_REWRAP, (current, ids, wrapped))
    return len(rows)


def _rewrap_secrets(store: KeyStore, current: bytes, old: list[bytes]) -> None:
    with store.connection.transaction():
        rows = store.connection.execute(
            "SELECT name, version, master_key_id, wrapped_key FROM neraca_keys.secrets"
            " WHERE master_key_id = ANY(%s) FOR UPDATE",
            (old,),
        ).fetchall()
        for name, version, master_key_id, wrapped in rows:
            aad = secret_aad(name, version)
            key = store.master_keys.unwrap(bytes(master_key_id), bytes(wrapped), aad)
            store.connection.execute(
                "UPDATE neraca_keys.secrets SET master_key_id = %s, wrapped_key = %s"
                " WHERE name = %s AND version = %s",
                (current, store.master_keys.wrap(current, key, aad), name, version),
            )


def rotate_lookup(
    store: KeyStore, advance: Callable[[int], None], *, is_forgetting_erased: bool = False
) -> Rotation:
    """Make a new lookup key, hash every NIK by it, and destroy the lookup keys before it.

    Until that is done NIKs are looked up under both. The NIK of an erased person cannot be opened, so it
    cannot be hashed anew: the old key stays for them alone, unless they are to be forgotten
    (`is_forgetting_erased`). Then nothing says any more that such a NIK was met before.
    """
    connection = store.connection
    with connection.transaction():
        connection.execute(_SWITCH_LOCK, (KEYS_IN_USE_LOCK,))
        newest, *old = store.lookup_keys()
        is_cut = connection.execute(
            "SELECT EXISTS (SELECT FROM neraca_keys.lookups"
            " WHERE version = ANY(%s) AND sealed_nik IS NOT NULL)",
            (old,),
        ).fetchone()
        # Where a rotation was cut, this one goes on with it.
        if is_cut != (True,) and not (is_forgetting_erased and old):
            old = [newest, *old]
            newest += 1
            store.add_secret(LOOKUP, newest, secrets.token_bytes(KEY_BYTES), store.master_key_id())
    key = store.lookup_keys()[newest]
    changed = 0
    while count := _rehash_batch(store, newest, key, old):
        changed += count
        advance(changed)
    if is_forgetting_erased:
        connection.execute("DELETE FROM neraca_keys.lookups WHERE version = ANY(%s)", (old,))
    connection.execute(
        "UPDATE neraca_keys.secrets s"
        " SET wrapped_key = NULL, master_key_id = NULL, destroyed_at = clock_timestamp()"
        " WHERE name = %s AND version = ANY(%s) AND wrapped_key IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM neraca_keys.lookups l WHERE l.version = s.version)",
        (LOOKUP, old),
    )
    store.clean_up()
    left = connection.execute(
        "SELECT count(*) FROM neraca_keys.lookups WHERE version = ANY(%s)", (old,)
    ).fetchone()
    return Rotation(changed, 0 if left is None else int(left[0]))


def _rehash_batch(store: KeyStore, newest: int, key: bytes, old: list[int]) -> int:
    with store.connection.transaction():
        rows = store.connection.execute(_NEXT_HASHED, (old, BATCH), binary=True).fetchall()
        if rows:
            fresh = [
                hash_of(
                    key, store.nik_of(one, store.unwrapped(one, bytes(master), bytes(wrapped)), bytes(nik))
                )
                for _, one, nik, master, wrapped in rows
            ]
            store.connection.execute(_REHASH, (newest, [bytes(row[0]) for row in rows], fresh))
    return len(rows)
