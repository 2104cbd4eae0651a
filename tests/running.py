"""The stack that a test run starts once, as tests see it.

Starts nothing itself: the fixtures in `conftest.py` do.
"""

from dataclasses import dataclass, field
from pathlib import Path

from neraca.settings import Settings

# A test talks with its Kafka for seconds: the thorough compiler of Java would take half of a start and never
# pay off.
QUICK_START = "-XX:TieredStopAtLevel=1"


@dataclass(frozen=True)
class RunningStack:
    """A real Kafka and PostgreSQL, without services. Shared by all: use topics and a database of your own.

    `kafka` is what a client starts from; `dsn` leads to PostgreSQL with the right to make databases.
    The broker listens on `far_port` as well, and tells whoever comes there to come back to `wire_port`: a
    test that wants a bad network puts a proxy there (tests/faults/wire.py).
    """

    settings: Settings
    kafka: dict[str, str | int]
    dsn: str = field(repr=False)
    far_port: int
    wire_port: int

    @property
    def home(self) -> Path:
        """Its folder; gone when the run ends."""
        return self.settings.home

    @property
    def bootstrap(self) -> str:
        """host:port of Kafka."""
        return str(self.kafka["bootstrap.servers"])
