"""Key stores of a test's own, in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from neraca.keystore.opening import opened
from neraca.keystore.store import KeyStore
from neraca.settings import Settings


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """The settings of a home that has nothing yet, and of a database of its own."""
    return Settings(
        home=tmp_path / "home",
        outside_postgres_dsn=SecretStr(database),
        kafka_bootstrap_servers="127.0.0.1:1",
    )


@pytest.fixture
def open_store(settings: Settings) -> Iterator[Callable[[], KeyStore]]:
    """Opens the key store once more, each time over a connection of its own."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(opened(settings))


@pytest.fixture
def store(open_store: Callable[[], KeyStore]) -> KeyStore:
    """The key store, empty."""
    return open_store()
