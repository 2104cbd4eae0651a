"""People found and sealed through the gateway: for a source that has no key store of its own."""

import json
import uuid
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from neraca.keystore.opening import opened
from neraca.settings import Settings
from producers.sealing import open_fields
from tests.gateway.desk import Desk, Running, new_key, registered

FIELDS = {"name": "Contoh Saja", "birth_date": "1995-07-17", "passport": "X0000001"}


def nik_of(word: str) -> str:
    """A NIK of this test's own, with the birth date above."""
    return f"990101170795{int(word, 16) % 10_000:04d}"


def request(word: str, **personal: Any) -> dict[str, Any]:
    """A request for an action of its own."""
    return {"action_id": str(uuid.uuid4()), "personal": {"nik": nik_of(word), **FIELDS, **personal}}


def test_sealed_here_sent_here_and_opened_by_the_key_alone(running: Running, desk: Desk, word: str) -> None:
    """The answer goes into the action as it is; the same NIK is the same person; the look is on record."""
    asked = request(word)
    answer = desk.post(asked, "/v1/people")
    assert (200, "no-store") == (answer.status_code, answer.headers["Cache-Control"])
    given = answer.json()
    assert given["person_id"] == desk.post(request(word), "/v1/people").json()["person_id"]
    action = registered(f"R-{word}", given["person_id"], sealed=given["sealed"])
    assert 201 == desk.post(action | {"action_id": asked["action_id"]}).status_code

    settings = Settings(
        home=running.crew.settings.home,
        kafka_bootstrap_servers="127.0.0.1:1",
        outside_postgres_dsn=SecretStr(running.dsn),
    )
    with opened(settings) as store:
        (person,) = store.of_niks([nik_of(word)])
        assert person.key is not None
        found = open_fields(person.key, uuid.UUID(asked["action_id"]).bytes, json.dumps(given["sealed"]))
        assert {"nik": nik_of(word), **FIELDS} == found
        store.ask_erasure(person.person_id, "o-1", "r")
        store.destroy(person.person_id, 1)
    again = desk.post(request(word), "/v1/people").json()
    assert {"person_id": given["person_id"], "sealed": None} == again
    with psycopg.connect(running.dsn) as connection:
        records = connection.execute(
            "SELECT officer, status FROM neraca_access.access_records"
            " WHERE kind = 'seal' AND subject_id = %s ORDER BY number",
            (given["person_id"],),
        ).fetchall()
    assert [("o-4711", 200), ("o-4711", 200), ("o-4711", 410)] == records


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action_id": "x"}, "action_id"),
        ({"personal": None}, "personal"),
        ({"personal": {}}, "personal"),
        ({"personal": {"name": "Contoh Saja"}}, "personal.nik"),
        ({"personal": {"nik": "990101"}}, "personal.nik"),
        ({"personal": {"nik": "9901011707950001", "birth_date": "17/07/1995"}}, "personal.birth_date"),
        ({"personal": {"nik": "9901011707950001", "name": "C" * 501}}, "personal.name"),
        ({"personal": {"nik": "9901011707950001", "phone": "0812345678"}}, "personal"),
        ({"person_id": str(uuid.uuid4()), "personal": {"name": "Contoh Saja"}}, "person_id"),
        ({"person_id": str(uuid.uuid4())}, "person_id"),
        ({"kind": "registered"}, ""),
    ],
)
def test_what_cannot_be_sealed(desk: Desk, word: str, change: dict[str, Any], field: str) -> None:
    """422 with the field, and nothing of what was sent."""
    answer = desk.post(request(word) | change, "/v1/people")
    assert (422, field) == (answer.status_code, answer.json()["problems"][0]["field"])
    for value in (*FIELDS.values(), nik_of(word), "990101", "0812345678", "17/07/1995", "CCC"):
        assert value not in answer.text


def test_only_keys_that_act(running: Running, word: str) -> None:
    """A key that only reads finds nobody by a NIK."""
    reader = Desk(running.desk.port, new_key(running.dsn, systems=[], offices=[]))
    answer = reader.post(request(word), "/v1/people")
    assert (403, "NOT_ALLOWED") == (answer.status_code, answer.json()["code"])


def test_without_its_master_key_nothing_is_sealed(running: Running, desk: Desk, word: str) -> None:
    """503 while the key is away, and all is well when it is back; actions are taken all along."""
    with psycopg.connect(running.dsn, autocommit=True) as connection:
        assert 200 == desk.post(request(word), "/v1/people").status_code
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query LIKE '%neraca_keys%' AND pid <> pg_backend_pid()"
        )
    path = running.crew.settings.home / "master.key"
    away = path.rename(path.with_suffix(".away"))
    try:
        answer = desk.post(request(word), "/v1/people")
        assert (503, "KEY_STORE_UNAVAILABLE") == (answer.status_code, answer.json()["code"])
        assert 201 == desk.post(registered(f"R-{word}", str(uuid.uuid4()))).status_code
    finally:
        away.rename(path)
    assert 200 == desk.post(request(word), "/v1/people").status_code
