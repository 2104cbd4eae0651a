"""Decider and projector killed at random moments under a load, at full size: what the fault tests do in
small.

python -m benchmarks.faults --kills 20 --actions 200000 --seed 1

A standby takes over each time. At the end the journal is read from its beginning, every action is decided
again and the bytes compared, an auditor's books are kept over it, and the tables are compared with those that
a projector makes from nothing. Prints what was found; exits 1 when any of it is not as it must be.
"""

from __future__ import annotations

import argparse
import gc
import shutil
import sys
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.figures import print_machine
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from tests.faults.conftest import history
from tests.faults.journals import Ledger
from tests.faults.killing import kill_again_and_again, wait_for_tables
from tests.faults.load import Load
from tests.faults.services import crew
from tests.projections.told import dump

# A takeover: the session of the dead one ends, the standby is elected, some decisions are made.
SECONDS_OF_A_KILL = 9.0


def main() -> None:
    """Run it on a stack of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--actions", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print_machine()
    home = Path(tempfile.mkdtemp(prefix="neraca-faults-"))
    stack = EmbeddedStack(Settings(home=home))
    try:
        stack.up(services=(), with_topics=False)
        ensure_topics(Settings(home=home).kafka_config(), "")
        problems = run(home, arguments.kills, arguments.actions, arguments.seed)
    finally:
        stack.down()
        shutil.rmtree(home)
    for problem in problems:
        print(f"NOT AS IT MUST BE: {problem}")
    sys.exit(1 if problems else 0)


def run(home: Path, kills: int, actions: int, seed: int) -> list[str]:
    """Kill, then compare; what is not as it must be."""
    settings = Settings(home=home)
    bootstrap = str(settings.kafka_config()["bootstrap.servers"])
    dsns = []
    for name in ("live", "rebuilt"):
        with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        dsns.append(make_conninfo(settings.postgres_dsn(), dbname=name))
    live, rebuilt = dsns
    print(f"making {actions:,} actions (seed {seed}) …", flush=True)
    values = history(seed, actions)
    gc.freeze()
    ledger = Ledger(bootstrap, "")
    started = time.monotonic()
    with crew(bootstrap, "", home / "under-fire", live) as services:
        load = Load(ledger, values, seconds=SECONDS_OF_A_KILL * kills)
        kill_again_and_again(
            ledger,
            services,
            load,
            kills=kills,
            seed=seed,
            standby=True,
            projector=True,
            tell=lambda text: print(text, flush=True),
        )
        seconds = time.monotonic() - started
        wait_for_tables(live, len(values) - 1)
    with crew(bootstrap, "", home / "rebuilt", rebuilt) as services:
        services.start_projector()
        wait_for_tables(rebuilt, len(values) - 1)
    print("deciding everything again …", flush=True)
    verdict = ledger.judge()
    ledger.close()
    with psycopg.connect(live) as one, psycopg.connect(rebuilt) as other:
        tables, again = dump(one), dump(other)
    rows = {
        "deciders and projectors killed, each": kills,
        "actions sent": len(values),
        "decisions in the journal": len(verdict.decisions),
        **{f"  {outcome}": count for outcome, count in sorted(verdict.outcomes().items())},
        "the same bytes when decided again": len(verdict.values),
        "records that only repeat (written by the killed and by its follower)": verdict.repeats,
        "records passed over": verdict.passed_over,
        "tables the same as rebuilt": sum(tables[name] == again[name] for name in tables),
        "tables": len(tables),
        "seconds under fire": round(seconds),
    }
    width = max(map(len, rows))
    print()
    for name, number in rows.items():
        print(f"{name:<{width}}  {number:>9,}")
    problems = [f"table {name} differs from its rebuild" for name in tables if tables[name] != again[name]]
    if len(verdict.decisions) != len(values):
        problems.append(f"{len(values)} actions, {len(verdict.decisions)} decisions")
    if verdict.passed_over:
        problems.append(f"{verdict.passed_over} records were passed over")
    return problems


if __name__ == "__main__":
    main()
