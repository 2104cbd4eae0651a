"""Erases a person: asks the ledger, and destroys the key once the ledger has recorded it.

Each step is kept before the next, and each can be done twice: whatever is cut, the same command finishes it.
The key goes last, so the ledger never refuses an erasure that has happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from neraca.keystore.store import Erasure, KeyStore
from producers.extract.personal import has_nik
from schemas.action_json import read_action_line
from schemas.errors import NeracaError

HEAD_OFFICE: Final = "HQ"
_RECORDED: Final = """
SELECT DISTINCT ON (person_id) person_id, officer, seq FROM neraca.decisions
WHERE kind = 'person_erased' AND outcome = 'ACCEPTED' AND person_id = ANY(%s) ORDER BY person_id, seq DESC
"""
_BATCH: Final = 1_000


class ErasureRefused(NeracaError):
    """An erasure that is not to be; nothing was destroyed. `code` is the ledger's, where it refused."""

    def __init__(self, message: str, *, advice: str, code: str | None = None) -> None:
        super().__init__(message, advice=advice)
        self.code = code


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ledger made of the action that records an erasure: its decision, or the first on that action.

    Attributes:
        seq: Of the decision.
        code: Why it was refused; None where it was accepted.

    """

    seq: int
    code: str | None


def erase(
    store: KeyStore, person_id: str, officer: str, reason: str, record: Callable[[bytes], Verdict]
) -> tuple[Erasure, bool]:
    """Erase a person; gives what is kept of it, and whether the key was there until now.

    `record` has the Avro bytes of an action decided. What was asked for before, and not finished, is finished
    as it was asked for.

    Raises:
        ErasureRefused: the reason holds a NIK, or the ledger refuses.
        PersonUnknown: the key store has no such person.

    """
    if has_nik(reason):
        raise ErasureRefused(
            "the reason holds what looks like a NIK",
            advice="It goes into the ledger: name a file number instead.",
        )
    erasure = store.ask_erasure(person_id, officer, reason)
    if erasure.erased_at is not None:
        return erasure, False
    verdict = record(action_of(erasure))
    if verdict.code is not None:
        store.withdraw_erasure(person_id)
        raise ErasureRefused(
            f"the ledger refuses it with {verdict.code} (decision {verdict.seq}); nothing was destroyed",
            advice="A hold must be released first. Then run this again."
            if verdict.code == "PERSON_ON_HOLD"
            else "See `neraca decide --help` on what the codes mean, and run this again.",
            code=verdict.code,
        )
    store.destroy(person_id, verdict.seq)
    store.clean_up()
    done = store.erasure_of(person_id)
    return (erasure if done is None else done), True


def action_of(erasure: Erasure) -> bytes:
    """Give the action that records an erasure, the same whenever it is made."""
    at = erasure.requested_at.isoformat()
    action = {
        "action_id": str(erasure.action_id),
        "kind": "person_erased",
        "system": "BP2MI",
        "office": {"type": "HQ", "code": HEAD_OFFICE},
        "officer": erasure.officer,
        "occurred_at": at,
        "entered_at": at,
        "person_id": erasure.person_id,
        "reason": erasure.reason,
    }
    return read_action_line(json.dumps(action)).avro


def erase_again(store: KeyStore, database: Connection[tuple[Any, ...]]) -> int:
    """Destroy the keys of people whom the ledger has recorded as erased; gives how many had one.

    So after a backup of the key store was restored, or where an erasure was cut after its decision.
    """
    again = 0
    last = UUID(int=0)
    while rows := store.connection.execute(
        "SELECT person_id FROM neraca_keys.people WHERE person_id > %s AND erased_at IS NULL"
        " ORDER BY person_id LIMIT %s",
        (last, _BATCH),
    ).fetchall():
        last = rows[-1][0]
        recorded = database.execute(_RECORDED, ([str(row[0]) for row in rows],)).fetchall()
        for person_id, officer, seq in recorded:
            store.ask_erasure(person_id, officer or "", "recorded in the ledger")
            store.destroy(person_id, int(seq))
            again += 1
    if again:
        store.clean_up()
    return again
