"""A database with the tables in it, and a session that loads."""

from collections.abc import Iterator

import psycopg
import pytest

from projections import tables
from projections.migrations import migrate

Session = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    """A session of a projector on fresh tables."""
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        yield connection
