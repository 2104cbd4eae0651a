"""The schemas that no journal rebuilds: made once, and never taken for what they are not."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql

from neraca.access import keys
from neraca.keystore import migrate as keystore
from schemas.errors import NeracaError

Migrate = Callable[[psycopg.Connection[tuple[object, ...]]], list[str]]
BOTH = [
    pytest.param(keys.migrate, "neraca_access", keys.KeyStoreError, id="access"),
    pytest.param(keystore.migrate, "neraca_keys", keystore.KeyStoreMismatch, id="keystore"),
]


@pytest.mark.parametrize(("migrate", "schema", "mismatch"), BOTH)
def test_each_file_is_applied_once(
    database: str, migrate: Migrate, schema: str, mismatch: type[NeracaError]
) -> None:
    """A second run finds nothing to do; a file that was edited since is named, and nothing is changed."""
    with psycopg.connect(database, autocommit=True) as connection:
        applied = migrate(connection)
        assert applied
        assert migrate(connection) == []
        edit = sql.SQL("UPDATE {}.schema_migrations SET sha256 = 'x' WHERE number = 1")
        connection.execute(edit.format(sql.Identifier(schema)))
        with pytest.raises(mismatch, match=f"migration {applied[0]} was edited after it was applied"):
            migrate(connection)


def test_a_newer_key_store_is_not_used(database: str) -> None:
    """A program that is older than the key store says so and touches nothing."""
    with psycopg.connect(database, autocommit=True) as connection:
        keystore.migrate(connection)
        connection.execute(
            "INSERT INTO neraca_keys.schema_migrations (number, name, sha256) VALUES (99, '0099_x.sql', 'x')"
        )
        with pytest.raises(keystore.KeyStoreMismatch, match=r"made by a newer Neraca \(migration 99\)"):
            keystore.migrate(connection)
