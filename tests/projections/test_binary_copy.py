"""The binary COPY writer against a real PostgreSQL: what goes in is what is read back."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from projections.binary_copy import CopyRows
from tests.projections.conftest import Session
from tests.running import RunningStack

_UUID = UUID("018952d4-0c1a-7000-8000-000000000001")
_MICROS_2023 = 1_676_568_600_000_001

CASES: list[tuple[str, str, list[Any], list[Any]]] = [
    ("int2", "smallint", [-32768, -1, 0, 32767], [-32768, -1, 0, 32767]),
    ("int4", "integer", [-(2**31), -1, 0, 2**31 - 1], [-(2**31), -1, 0, 2**31 - 1]),
    ("int8", "bigint", [-(2**63), -1, 0, 2**63 - 1], [-(2**63), -1, 0, 2**63 - 1]),
    ("boolean", "boolean", [True, False], [True, False]),
    ("binary", "bytea", [b"", b"\x00\xff", bytes(range(256))], [b"", b"\x00\xff", bytes(range(256))]),
    ("binary", "uuid", [_UUID.bytes, bytes(16)], [_UUID, UUID(int=0)]),
    (
        "text",
        "text",
        ["", "a\tb\n\\N", "Ωμέγα 😀", "x" * 70_000],
        ["", "a\tb\n\\N", "Ωμέγα 😀", "x" * 70_000],
    ),
    (
        "timestamptz",
        "timestamptz",
        [-62_135_596_800_000_000, -1, 0, 946_684_800_000_000, _MICROS_2023, 253_402_300_799_999_999],
        [
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(1970, 1, 1, tzinfo=UTC),
            datetime(2000, 1, 1, tzinfo=UTC),
            datetime(2023, 2, 16, 17, 30, 0, 1, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
    ),
    (
        "date",
        "date",
        [-719_162, 0, 10_957, 19_404, 2_932_896],
        [date(1, 1, 1), date(1970, 1, 1), date(2000, 1, 1), date(2023, 2, 16), date(9999, 12, 31)],
    ),
    ("text_array", "text[]", [[], ["a"], ["", "Ω", "{,}"]], [[], ["a"], ["", "Ω", "{,}"]]),
    ("jsonb", "jsonb", [b'{"a": [1, "\xc3\xa9"]}', b"null"], [{"a": [1, "é"]}, None]),
    ("optional_int2", "smallint", [None, 5], [None, 5]),
    ("optional_int8", "bigint", [None, 2**40], [None, 2**40]),
    ("optional_binary", "bytea", [None, b"x"], [None, b"x"]),
    ("optional_text", "text", [None, "", "x"], [None, "", "x"]),
    ("optional_timestamptz", "timestamptz", [None, 0], [None, datetime(1970, 1, 1, tzinfo=UTC)]),
]


@pytest.fixture(scope="module")
def session(stack: RunningStack) -> Iterator[Session]:
    """One session for all: its tables are temporary, and rolled back after each test."""
    with psycopg.connect(stack.dsn) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _leave_nothing(session: Session) -> Iterator[None]:
    yield
    session.rollback()


@pytest.mark.parametrize(("method", "sql_type", "given", "expected"), CASES, ids=lambda case: str(case)[:20])
def test_values_come_back(
    session: Session, method: str, sql_type: str, given: list[Any], expected: list[Any]
) -> None:
    """Each type's edge values, with a second column behind them that tells a wrong length."""
    session.execute(f"CREATE TEMP TABLE t (n bigint, v {sql_type}, after text)".encode())
    rows = CopyRows(3)
    for number, value in enumerate(given):
        rows.begin_row()
        rows.int8(number)
        getattr(rows, method)(value)
        rows.text("after")
    with session.cursor() as cursor, cursor.copy("COPY t FROM STDIN (FORMAT binary)") as copy:
        copy.write(rows.finish())
    assert [(value, "after") for value in expected] == session.execute(
        "SELECT v, after FROM t ORDER BY n"
    ).fetchall()


def test_nothing_is_a_whole_copy(session: Session) -> None:
    """A buffer without rows is header and trailer, and loads none."""
    rows = CopyRows(1)
    rows.begin_row()
    rows.null()
    assert (rows.rows, repr(rows)) == (1, "CopyRows(columns=1, rows=1, bytes=25)")
    session.execute("CREATE TEMP TABLE t (v text)")
    with session.cursor() as cursor, cursor.copy("COPY t FROM STDIN (FORMAT binary)") as copy:
        copy.write(CopyRows(1).finish())
    assert session.execute("SELECT count(*) FROM t").fetchone() == (0,)
