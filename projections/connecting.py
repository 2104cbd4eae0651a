"""A connection to PostgreSQL for a command or a check: bounded in time, and what goes wrong told in words.

The services that live with a database that comes and goes (projector, gateway) open their own connections.
Must not read a setting, nor know what is asked over the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from schemas.errors import DatabaseUnavailable

CONNECT_SECONDS: Final = 10


def connect(dsn: str, **options: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - those of psycopg
    """Connect, within ten seconds; `options` are those of psycopg.

    Raises:
        psycopg.Error: it does not answer. Call it within `told`.

    """
    return psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS, **options)


@contextmanager
def told(
    what: str = "PostgreSQL does not answer",
    advice: str = "See `neraca status`.",
    errors: type[psycopg.Error] = psycopg.OperationalError,
) -> Iterator[None]:
    """Say of a database that does not answer, or went away, what it is about and what to do.

    Args:
        what: What does not answer, as a sentence without its end.
        advice: What to do.
        errors: What counts as that.

    Raises:
        DatabaseUnavailable: with the first line of what PostgreSQL says; the others may hold values of rows.

    """
    try:
        yield
    except errors as error:
        raise DatabaseUnavailable(f"{what}: {first_line(error)}", advice=advice) from error


def first_line(error: BaseException) -> str:
    """Give what an error says first, or its name where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
