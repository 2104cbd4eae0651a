"""As-of answers for one person, registration, permit or line, with a long history in the tables.

    python -m benchmarks.as_of --decisions 10000000 --seed 1

Fills tables in a PostgreSQL of its own, in a temporary folder that it takes away. Asks what the gateway asks,
one question after another on one connection, at random moments on both axes.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import itertools
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from benchmarks.figures import Figure, print_figures, print_machine
from benchmarks.journal import ACTIONS_PER_CANDIDATE, journal
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from producers.gateway import reads
from producers.gateway.moments import Moment
from projections.building import LIVE, Building

CHUNK = 5_000
# Before what counts, so that plans are made and the upper levels of the indexes are read.
WARM_QUESTIONS = 20

# What to ask, and where its ids are drawn from.
QUESTIONS = {
    "registration": (reads.REGISTRATION_THEN, "SELECT registration_id FROM neraca.registrations"),
    "person": (reads.PERSON_THEN, "SELECT person_id FROM neraca.registrations"),
    "permit, without its lines": (reads.THING_THEN, "SELECT permit_id FROM neraca.quota_balances"),
    "lines of a permit": (reads.LINES_THEN, "SELECT permit_id FROM neraca.quota_balances"),
}


def fill(dsn: str, decisions: int, seed: int) -> float:
    """Build the tables from a fresh history; gives the seconds."""
    gc.disable()  # The growing state of the ledger holds no cycles.
    started = time.perf_counter()
    values = itertools.islice(journal(seed, max(1, decisions // ACTIONS_PER_CANDIDATE)), decisions)
    last = b""
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        psycopg.connect(dsn, autocommit=True) as helper,
    ):
        building = Building(connection, schema=LIVE)
        with connection.transaction():
            building.begin()
            while chunk := list(itertools.islice(values, CHUNK)):
                building.add(chunk)
                last = chunk[-1]
            building.complete()
        building.close()
        digest = hashlib.sha256(last).digest()
        for _ in building.finish(digest, building.next_seq - 1, helpers=[helper]):
            pass
    gc.enable()
    return time.perf_counter() - started


def ask(dsn: str, questions: int, seed: int) -> list[Figure]:
    """Ask each kind of question about random things at random moments."""
    dice = random.Random(seed)
    figures = []
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row, prepare_threshold=5) as connection:
        span = connection.execute(
            "SELECT extract(epoch FROM min(occurred_at)) AS low,"
            " extract(epoch FROM max(occurred_at)) AS high, max(seq) AS seq FROM neraca.decisions"
        ).fetchone()
        assert span is not None
        for name, (query, sampled) in QUESTIONS.items():
            some = f"{sampled} ORDER BY hashtext(ctid::text) LIMIT 2000"
            rows = connection.execute(some.encode()).fetchall()
            ids = [next(iter(row.values())) for row in rows]
            taken = []
            for number in range(questions + WARM_QUESTIONS):
                parameters = _parameters(dice, span) | {"id": dice.choice(ids), "thing": "permit"}
                began = time.perf_counter()
                connection.execute(query.encode(), parameters, binary=True).fetchall()
                if number >= WARM_QUESTIONS:
                    taken.append((time.perf_counter() - began) * 1000)
            taken.sort()
            figures += [
                Figure(f"{name}: p50", [taken[len(taken) // 2]], "ms"),
                Figure(f"{name}: p99", [taken[len(taken) * 99 // 100]], "ms", "10 / 3"),
            ]
    return figures


def _parameters(dice: random.Random, span: dict[str, Any]) -> dict[str, object]:
    at = int(dice.uniform(float(span["low"]), float(span["high"])) * 1_000_000)
    seq = dice.randrange(int(span["seq"]))
    return {**Moment(as_of_us=at, known_seq=dice.choice((None, seq))).bounds()}


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.as_of", description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        settings = Settings(home=Path(folder))
        stack = EmbeddedStack(settings)
        stack.up(services=(), with_topics=False)
        try:
            seconds = fill(settings.postgres_dsn(), options.decisions, options.seed)
            print(f"{options.decisions:,} decisions decided and built in {seconds:.0f} s", flush=True)
            figures = ask(settings.postgres_dsn(), options.questions, options.seed)
        finally:
            stack.down()
    print_figures(f"as-of, {options.decisions:,} decisions stored, seed {options.seed}", figures)


if __name__ == "__main__":
    main()
