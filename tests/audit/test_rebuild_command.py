"""`neraca rebuild` as a user runs it: what it prints, and its exit codes."""

from __future__ import annotations

import json

import pytest
from pydantic import SecretStr

from audit.rebuild import Place
from neraca.settings import Settings
from tests.audit.test_rebuild import execute, place, schemas
from tests.commands.console import neraca
from tests.projections.told import journal
from tests.running import RunningStack

__all__ = ["place"]


@pytest.fixture
def settings(stack: RunningStack, place: Place) -> Settings:
    """What the command reads: the shared Kafka, and the database and topics of this test."""
    return Settings(
        home=stack.home,
        kafka_bootstrap_servers=stack.bootstrap,
        outside_postgres_dsn=SecretStr(place.postgres_dsn),
        topic_prefix=place.topic_prefix,
    )


def test_checked_swapped_and_rolled_back(settings: Settings, place: Place) -> None:
    """Exit code 0 and the tables with their rows; a swap says how to go back, and going back works."""
    checked = neraca("rebuild", "--check", settings=settings)
    assert (0, "") == (checked.code, checked.err)
    assert b"registrations" in checked.out
    assert b"DIFFERS" not in checked.out
    done = neraca("rebuild", "--json", settings=settings)
    assert (0, "") == (done.code, done.err)
    document = json.loads(done.out)
    assert (True, len(journal()) - 51) == (document["same"], document["swapped_at"])
    assert all(one["live"] == one["rebuilt"] for one in document["tables"])
    back = neraca("rebuild", "--rollback", settings=settings)
    assert (0, True) == (back.code, b"swapped back at seq" in back.out)
    dropped = neraca("rebuild", "--drop-old", "--json", settings=settings)
    assert {"dropped": True} == json.loads(dropped.out)
    assert ["neraca"] == schemas(place.postgres_dsn)


def test_differences_are_exit_code_1(settings: Settings, place: Place) -> None:
    """The first row that differs is told with its key, column and both values; nothing is swapped."""
    execute(
        place.postgres_dsn,
        "UPDATE neraca.permits SET valid_to = valid_to + 1 WHERE permit_id = (SELECT"
        " min(permit_id) FROM neraca.permits)",
    )
    said = neraca("rebuild", settings=settings)
    assert said.code == 1
    text = said.out.decode()
    assert "permits: 1 row differs; the first: permit_id " in text
    assert "live:    valid_to " in text
    assert "rebuilt: valid_to " in text
    assert "--accept-differences" in text
    assert ["neraca"] == schemas(place.postgres_dsn)


def test_what_cannot_be_asked(settings: Settings) -> None:
    """Two ways at once, a table that is none, nothing to roll back: exit code 2 and a sentence each."""
    for options, words in (
        (("--check", "--rollback"), "three ways"),
        (("--only", "nothing"), "there is no table nothing"),
        (("--rollback",), "no tables are kept"),
    ):
        said = neraca("rebuild", *options, settings=settings)
        assert (2, True) == (said.code, words in said.err)
