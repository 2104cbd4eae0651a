"""Kills whoever works on a ledger, again and again, while actions keep coming; says nothing of what must
hold.
"""

import contextlib
import random
import time
from collections.abc import Callable
from functools import partial

import psycopg

from projections.tables import read_position
from tests.faults.journals import Ledger
from tests.faults.load import Load
from tests.faults.services import Crew, Service, eventually


def kill_again_and_again(
    ledger: Ledger,
    services: Crew,
    load: Load,
    *,
    kills: int,
    seed: int,
    standby: bool,
    projector: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Kill whoever decides, so many times, each at a random moment after it began; wait until all is decided.

    With a standby there is one to take over; without, the next one is started only then. A projector is
    killed as often, at moments of its own.
    """
    moments = random.Random(seed)
    running = [services.start(wait_ready=False) for _ in range(1 + standby)]
    projecting = services.start_projector() if projector else None
    load.start()
    for number, target in enumerate(sorted(moments.randrange(load.actions * 9 // 10) for _ in range(kills))):
        _until_progress(ledger, load, target)
        time.sleep(moments.random() * 0.2)
        victim = next((each for each in running if each.is_active), running[0])
        victim.kill()
        tell(
            f"kill {number + 1} of {kills}, with about {ledger.end(ledger.decisions_topic):,} decisions made"
        )
        running.remove(victim)
        running.append(services.start(wait_ready=False))
        if projecting is not None:
            time.sleep(moments.random())
            projecting.kill()
            projecting = services.start_projector()
    load.finish()
    eventually("all is decided", ledger.is_decided, timeout_seconds=300)


def _until_progress(ledger: Ledger, load: Load, target: int) -> None:
    """Wait for so many decisions, and for at least one since now, if any is still to come: somebody is at
    work.
    """
    target = min(load.actions, max(target, ledger.end(ledger.decisions_topic) + 1))
    eventually(f"{target} decisions", partial(is_beyond, ledger, target), timeout_seconds=120)


def is_beyond(ledger: Ledger, records: int) -> bool:
    """Whether the journal's topic holds so many records."""
    return ledger.end(ledger.decisions_topic) >= records


def wait_for_tables(dsn: str, seq: int, projector: Service | None = None) -> None:
    """Wait until the tables stand at that decision."""

    def stand() -> bool:
        with psycopg.connect(dsn) as connection, contextlib.suppress(psycopg.errors.UndefinedTable):
            return read_position(connection).seq >= seq
        return False  # The projector has not made the tables yet.

    eventually(f"the tables stand at {seq}; {projector!r}", stand, timeout_seconds=300)
