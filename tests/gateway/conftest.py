"""One ledger with its gateway for all tests of this folder: each uses ids of its own."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from neraca.stack.topics import ensure_topics
from tests.faults.services import crew
from tests.gateway.desk import HQ, Desk, Running, action
from tests.running import RunningStack


@pytest.fixture(scope="session")
def running(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Decider, projector and gateway of an empty ledger in which agency A-TEST is licensed."""
    prefix = f"g{uuid.uuid4().hex[:10]}."
    ensure_topics(stack.kafka, prefix)
    name = f"g{uuid.uuid4().hex[:10]}"
    with psycopg.connect(stack.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    dsn = make_conninfo(stack.dsn, dbname=name)
    with crew(stack.bootstrap, prefix, tmp_path_factory.mktemp("gateway"), dsn) as services:
        made = Running.start(services, dsn)
        made.desk.accept(
            action("agency_licensed", **HQ, agency_id="A-TEST") | {"occurred_at": "2022-01-01T09:00:00+07:00"}
        )
        yield made
    with psycopg.connect(stack.dsn, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def desk(running: Running) -> Desk:
    """The gateway, with a key that may do everything."""
    return running.desk


@pytest.fixture
def word() -> str:
    """A word that no other test uses in its ids."""
    return uuid.uuid4().hex[:12]
