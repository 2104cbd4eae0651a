"""What all tests share: one real Kafka and PostgreSQL per run, topics and a database of one's own per test.

A small process waits for the end of the run and cleans up where the run did not, so that nothing is
left running and no folder is left behind, also when the run is killed.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from psycopg import sql
from psycopg.conninfo import make_conninfo

from neraca.settings import PREFIX, Settings
from neraca.stack import ports
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from schemas.topics import ALL_TOPICS
from tests.running import QUICK_START, RunningStack

# What decides where files come from and how the code is built; the rest would point tests at somebody's
# Kafka.
_KEPT_VARIABLES = {"NERACA_JAR_CACHE", "NERACA_JAR_REPOSITORY", "NERACA_PURE"}

_CLEANER = """
import shutil, sys
from pathlib import Path
sys.stdin.buffer.read()  # until the test run ends, however it ends
home = Path(sys.argv[1])
if not home.exists():
    sys.exit()
from neraca.settings import Settings
from neraca.stack import ports
from neraca.stack.embedded import EmbeddedStack
EmbeddedStack(Settings(home=home)).down()
shutil.rmtree(home)
"""


def pytest_configure() -> None:
    """Tests see the settings that they make, not those of whoever runs them."""
    for name in list(os.environ):
        if name.startswith(PREFIX) and name not in _KEPT_VARIABLES:
            del os.environ[name]
    # A run in the background starts with Ctrl-C ignored, and what it starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the stack is marked, so that `-m "not stack"` runs the quick tests."""
    for item in items:
        if {"stack", "new_home"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("stack")


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A new home. What runs there is stopped, and the folder removed, when the block or the run ends."""
    home = Path(tempfile.mkdtemp(prefix="neraca-test-"))
    cleaner = subprocess.Popen(
        [sys.executable, "-c", _CLEANER, str(home)],
        stdin=subprocess.PIPE,
        # Ctrl-C reaches the test run; this one has work to do then.
        start_new_session=True,
        env=Settings(home=home).child_environment(),
    )
    try:
        yield home
    finally:
        EmbeddedStack(Settings(home=home)).down()
        shutil.rmtree(home)
        # With nothing left to do it ends at once.
        cleaner.communicate(timeout=60)


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home folder of one test's own, for tests that start and stop stacks."""
    with temporary_home() as home:
        yield home


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """One embedded Kafka and PostgreSQL for the whole run, without services and without topics."""
    with temporary_home() as home:
        settings = Settings(home=home, kafka_java_options=QUICK_START)
        far_port, wire_port = (
            ports.choose("a test", wanted=None, option="", remembered=None, avoid=()) for _ in range(2)
        )
        EmbeddedStack(settings, further_kafka_listeners={far_port: wire_port}).up(
            services=(), with_topics=False
        )
        yield RunningStack(settings, settings.kafka_config(), settings.postgres_dsn(), far_port, wire_port)


@pytest.fixture
def new_topics(stack: RunningStack) -> Iterator[Callable[[], str]]:
    """Makes empty topics with the designed settings, as often as it is called, and gives their prefix."""
    prefixes = []

    def make() -> str:
        prefix = f"t{uuid.uuid4().hex[:10]}."
        ensure_topics(stack.kafka, prefix)
        prefixes.append(prefix)
        return prefix

    yield make
    if prefixes:
        names = [topic.under(prefix) for prefix in prefixes for topic in ALL_TOPICS]
        client = AdminClient({**stack.kafka, "log_level": 0})
        for future in client.delete_topics(names).values():
            future.result()


@pytest.fixture
def topic_prefix(new_topics: Callable[[], str]) -> str:
    """The prefix of empty topics with the designed settings."""
    return new_topics()


@pytest.fixture
def new_database(stack: RunningStack) -> Iterator[Callable[[], str]]:
    """Makes an empty database, as often as it is called, and gives its DSN."""
    names = []

    def make() -> str:
        name = f"t{uuid.uuid4().hex[:10]}"
        with psycopg.connect(stack.dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        names.append(name)
        return make_conninfo(stack.dsn, dbname=name)

    yield make
    with psycopg.connect(stack.dsn, autocommit=True) as connection:
        for name in names:
            # FORCE: a test that failed may have left a session open.
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """The DSN of an empty PostgreSQL database."""
    return new_database()


@pytest.fixture
def unused_port() -> int:
    """A port on the loopback address where nobody listens."""
    return ports.choose("a test", wanted=None, option="", remembered=None, avoid=())
