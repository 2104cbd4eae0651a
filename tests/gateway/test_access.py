"""Who may do what at the gateway, and who looked at whom."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import psycopg
import pytest
import requests

from neraca.access import keys
from neraca.access.authenticator import KeyAuthenticator
from producers.gateway.ports import NotAuthenticated, Principal
from producers.gateway.reads import Pool, open_pool
from tests.faults.services import eventually
from tests.gateway.desk import BP3MI, HQ, LTSA, Desk, Running, action, new_key, registered


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic abc", "Bearer nrc_abc_def", "nrc"]
)
def test_without_a_key(running: Running, authorization: str | None) -> None:
    """401 with the way to do it right; nothing of the request is looked at before."""
    headers = {} if authorization is None else {"Authorization": authorization}
    for answer in (
        requests.post(running.desk.url("/v1/actions"), data=b"{", headers=headers, timeout=30),
        requests.get(running.desk.url("/v1/people/x"), headers=headers, timeout=30),
    ):
        assert (401, "NOT_AUTHENTICATED") == (answer.status_code, answer.json()["code"])
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_secret(running: Running) -> None:
    """A known id with another secret is nobody."""
    head, _, secret = running.desk.key.rpartition("_")
    wrong = Desk(running.desk.port, f"{head}_{secret[::-1]}")
    assert 401 == wrong.get("/v1/decisions/0").status_code


@pytest.mark.parametrize(
    ("systems", "offices", "sent", "status"),
    [
        (["SIAPKERJA"], ["LTSA:LTSA-MATARAM"], LTSA, 201),
        (["SIAPKERJA"], ["LTSA:*"], LTSA, 201),
        (["SIAPKERJA"], ["LTSA:LTSA-OTHER"], LTSA, 403),
        (["SIAPKERJA"], ["DINAS:*"], LTSA, 403),
        (["SISKOP2MI"], ["LTSA:*"], LTSA, 403),
        (["SIAPKERJA"], ["LTSA:*"], HQ, 403),
        # The rules judge what is left: the key may act there, the kind may not.
        (["SISKOP2MI"], ["BP3MI:*"], BP3MI, 409),
    ],
)
def test_systems_and_offices(
    running: Running, word: str, systems: list[str], offices: list[str], sent: dict[str, object], status: int
) -> None:
    """A key acts in its systems and for its offices; what is refused there never becomes an action."""
    desk = Desk(running.desk.port, new_key(running.dsn, systems=systems, offices=offices, reads=[]))
    record = registered(f"R-{word}", str(uuid.uuid4())) | sent
    answer = desk.post(record)
    assert status == answer.status_code
    if status == 403:
        assert "NOT_ALLOWED" == answer.json()["code"]
        # Nothing remembers its id: with a better key it is new.
        assert 200 != running.desk.post(record).status_code


@pytest.mark.parametrize("scope", ["registrations", "people", "permits", "decisions"])
def test_what_a_key_may_read(running: Running, scope: str) -> None:
    """A key reads the kinds that it was made for and no other; a key that reads all reads each."""
    desk = Desk(running.desk.port, new_key(running.dsn, systems=[], offices=[], reads=[scope]))
    for other in ("registrations", "people", "permits", "decisions"):
        path = f"/v1/{other}/{0 if other == 'decisions' else 'nobody'}"
        answer = desk.get(path)
        assert (403 == answer.status_code) == (other != scope)
        assert running.desk.get(path).status_code in {200, 404}
    assert 403 == desk.post(action("agency_licensed", **HQ, agency_id="A-2")).status_code


def test_a_key_ends(running: Running) -> None:
    """A key whose time is over is nobody, and no new secret brings it back."""
    ended = new_key(running.dsn, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert 401 == Desk(running.desk.port, ended).get("/v1/decisions/0").status_code
    with (
        psycopg.connect(running.dsn, autocommit=True) as connection,
        pytest.raises(keys.KeyStoreError, match="has ended"),
    ):
        keys.rotate(connection, ended.split("_")[1], timedelta(hours=1))


def test_rotation_and_revocation(running: Running) -> None:
    """Two secrets are valid while a key is rotated, a third ends the first; revoked, all end in seconds."""
    first = new_key(running.dsn)
    key_id = first.split("_")[1]
    with psycopg.connect(running.dsn, autocommit=True) as connection:
        _, second = keys.rotate(connection, key_id, timedelta(hours=1))
        desks = [Desk(running.desk.port, key) for key in (first, second)]
        assert [200, 200] == [desk.get("/v1/decisions/0").status_code for desk in desks]
        _, third = keys.rotate(connection, key_id, timedelta(hours=1))
        desks.append(Desk(running.desk.port, third))

        def statuses() -> list[int]:
            return [desk.get("/v1/decisions/0").status_code for desk in desks]

        eventually("the first secret ends", lambda: statuses() == [401, 200, 200], 10)
        keys.revoke(connection, key_id)
        started_at = time.monotonic()
        eventually("all secrets end", lambda: statuses() == [401, 401, 401], 10)
        assert time.monotonic() - started_at < 8


def test_keys_are_waited_for_while_they_are_read(running: Running, word: str) -> None:
    """After a silence the first request has them read. Who comes meanwhile is told neither that they cannot
    be checked, nor what a key that was revoked in the silence could do.
    """
    key = new_key(running.dsn, officer=f"o-{word}")

    async def asked(authenticator: KeyAuthenticator) -> list[object]:
        async def late(number: int) -> Principal:
            await asyncio.sleep(0.02 * number)
            return await authenticator.authenticate(f"Bearer {key}")

        return await asyncio.gather(*(late(number) for number in range(6)), return_exceptions=True)

    async def story() -> None:
        pool = await open_pool(running.dsn)
        try:
            authenticator = KeyAuthenticator(cast("Pool", _Slow(pool)))
            for silence_seconds in (None, 50.0, 70.0):
                if silence_seconds is not None:
                    authenticator._read_at = authenticator._tried_at = time.monotonic() - silence_seconds
                assert [f"o-{word}"] * 6 == [
                    getattr(one, "officer", one) for one in await asked(authenticator)
                ]
            with psycopg.connect(running.dsn, autocommit=True) as connection:
                keys.revoke(connection, key.split("_")[1])
            authenticator._read_at = authenticator._tried_at = time.monotonic() - 50.0
            assert {NotAuthenticated} == {type(one) for one in await asked(authenticator)}
        finally:
            await pool.close()

    asyncio.run(story())


class _Slow:
    """A pool whose connections take a while: a real one behind a slow network."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def connection(self, **options: float) -> AsyncIterator[Any]:
        """Give a connection, late."""
        await asyncio.sleep(0.15)
        async with self._pool.connection(**options) as connection:
            yield connection


def test_no_secret_is_stored(running: Running) -> None:
    """The tables hold hashes: neither a key nor its secret is in any of them."""
    secret = running.desk.key.rpartition("_")[2]
    with psycopg.connect(running.dsn) as connection:
        rows = [
            *connection.execute("SELECT k::text FROM neraca_access.keys k").fetchall(),
            *connection.execute("SELECT s::text FROM neraca_access.secrets s").fetchall(),
        ]
    assert rows
    assert [] == [row for row in rows if secret in row[0]]


def test_who_looked_at_whom(running: Running, word: str) -> None:
    """Each look at a person's data leaves a record before it is answered, also a refused or empty one."""
    person = str(uuid.uuid4())
    seq = running.desk.accept(registered(f"R-{word}", person))
    key = new_key(running.dsn, officer=f"o-{word}", systems=[], offices=[], reads=["people", "registrations"])
    desk = Desk(running.desk.port, key)
    desk.get(f"/v1/people/{person}", min_seq=seq)
    desk.get(f"/v1/registrations/R-{word}", as_of="2023-12-01T00:00:00Z")
    desk.get("/v1/registrations/none-1")
    desk.get(f"/v1/decisions/{seq}")
    desk.get("/v1/permits/none")
    with psycopg.connect(running.dsn) as connection:
        rows = connection.execute(
            "SELECT kind, subject_id, status, parameters FROM neraca_access.access_records"
            " WHERE officer = %s ORDER BY number",
            (f"o-{word}",),
        ).fetchall()
    assert [
        ("people", person, 200, {}),
        ("registrations", f"R-{word}", 200, {"as_of": "2023-12-01T00:00:00Z"}),
        ("registrations", "none-1", 404, {}),
        ("decision", str(seq), 403, {}),
    ] == rows


def test_own_decisions(running: Running, word: str) -> None:
    """Who may read no decisions still learns what became of actions of the own officer, and of no other's."""
    may = {"systems": ["SIAPKERJA"], "offices": ["LTSA:*"], "reads": []}
    own = Desk(running.desk.port, new_key(running.dsn, officer=f"o-{word}", **may))
    other = Desk(running.desk.port, new_key(running.dsn, officer="o-else", **may))
    location = own.post(registered(f"R-{word}", str(uuid.uuid4())), Prefer="respond-async").headers[
        "Location"
    ]
    eventually("it is decided", lambda: own.get(location).status_code == 200, 20)
    assert 403 == other.get(location).status_code
    with psycopg.connect(running.dsn) as connection:
        looked = connection.execute(
            "SELECT officer, status FROM neraca_access.access_records WHERE subject_id = %s ORDER BY number",
            (str(own.get(location).json()["seq"]),),
        ).fetchall()
    assert ("o-else", 403) in looked
