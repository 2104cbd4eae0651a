"""A database that does not answer is told in words: what is about it, why, and what to do."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from projections import connecting
from schemas.errors import DatabaseUnavailable

ADVICE = "Look there."


def test_nobody_listens() -> None:
    """The reason stands behind what it is about, in one line; what to do stands beside."""
    with (
        pytest.raises(DatabaseUnavailable) as caught,
        connecting.told("the store does not answer", ADVICE),
        connecting.connect("host=127.0.0.1 port=1 dbname=x"),
    ):
        pass
    assert str(caught.value).startswith("the store does not answer: connection failed")
    assert "\n" not in str(caught.value)
    assert ADVICE == caught.value.advice


def test_a_session_that_ends(database: str) -> None:
    """A server that ends the session is told as well; an error of the query is not its matter."""
    with (
        pytest.raises(DatabaseUnavailable, match="does not answer: terminating connection"),
        connecting.told(),
        connecting.connect(database, autocommit=True) as connection,
    ):
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with (
        pytest.raises(psycopg.errors.UndefinedTable),
        connecting.told(),
        connecting.connect(database) as connection,
    ):
        connection.execute("SELECT * FROM neraca.nothing")


def test_what_counts_is_said(database: str) -> None:
    """Who says so takes any error for it; no detail, which may hold a row, is repeated."""
    with (
        pytest.raises(DatabaseUnavailable) as caught,
        connecting.told(errors=psycopg.Error),
        connecting.connect(make_conninfo(database, application_name="told")) as connection,
    ):
        connection.execute("CREATE TEMP TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (4711), (4711)")
    assert "duplicate key value" in str(caught.value)
    assert "4711" not in str(caught.value)
