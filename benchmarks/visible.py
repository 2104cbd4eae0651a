"""From an action sent to its row visible in PostgreSQL, one action at a time at a steady rate.

python -m benchmarks.visible --rate 500 --seconds 20
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg
from confluent_kafka import Producer

from benchmarks.actions import action_values
from benchmarks.deciding import DeciderProcess
from benchmarks.figures import Figure, print_figures, print_machine
from consumers import projector
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from schemas.topics import ACTIONS

POSITION = "SELECT coalesce(max(seq), -1) FROM neraca.projection_positions"
GIVE_UP_SECONDS = 60.0
# Between two looks at the tables. Looking without a pause keeps a core and a server process busy, and what is
# measured then is the wait for a core.
LOOK_SECONDS = 0.001
# A broker that has just started runs its code uncompiled at first.
WARM_UP_SECONDS = 5


def run_projector(kafka: Mapping[str, str | int], prefix: str, dsn: str) -> None:
    """Run a projector until the process is ended."""
    projector.run(projector.ProjectorConfig(dict(kafka), prefix, dsn), threading.Event())


def watch(dsn: str, count: int, seen_at: list[float]) -> None:
    """Note when each decision is first visible to a reader of PostgreSQL."""
    with psycopg.connect(dsn, autocommit=True) as database:
        while len(seen_at) < count:
            row = database.execute(POSITION).fetchone()
            now = time.perf_counter()
            new = int(row[0]) + 1 - len(seen_at) if row else 0
            seen_at += [now] * new
            if not new:
                time.sleep(LOOK_SECONDS)


def latencies(settings: Settings, home: Path, *, rate: int, seconds: int, seed: int) -> list[float]:
    """Milliseconds from send to visible row, of each action, ascending."""
    kafka, dsn = settings.kafka_config(), settings.postgres_dsn()
    ensure_topics(kafka, "visible.")
    values = action_values(seed, max(200, rate * (seconds + WARM_UP_SECONDS) // 5))[
        : rate * (seconds + WARM_UP_SECONDS)
    ]
    context = multiprocessing.get_context("spawn")
    projecting = context.Process(target=run_projector, args=(kafka, "visible.", dsn))
    projecting.start()
    producer = Producer({**kafka, "linger.ms": 0, "enable.idempotence": True, "acks": "all"})
    sent_at: list[float] = []
    seen_at: list[float] = []
    try:
        with DeciderProcess(kafka, "visible.", home / "decider"):
            _send(producer, values[:1], rate, sent_at)
            _wait_for_tables(dsn)
            watching = threading.Thread(target=watch, args=(dsn, len(values), seen_at), daemon=True)
            watching.start()
            _send(producer, values[1:], rate, sent_at)
            watching.join(GIVE_UP_SECONDS)
    finally:
        projecting.kill()
        projecting.join()
    assert len(seen_at) == len(values), f"{len(seen_at)} of {len(values)} became visible"
    pairs = list(zip(sent_at, seen_at, strict=True))[WARM_UP_SECONDS * rate :]
    return sorted((seen - sent) * 1000 for sent, seen in pairs)


def _send(producer: Producer, values: list[bytes], rate: int, sent_at: list[float]) -> None:
    due = time.perf_counter()
    for value in values:
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        due += 1 / rate
        sent_at.append(time.perf_counter())
        producer.produce(ACTIONS.under("visible."), value, partition=0)
        producer.poll(0)
    producer.flush()


def _wait_for_tables(dsn: str) -> None:
    deadline = time.monotonic() + GIVE_UP_SECONDS
    with psycopg.connect(dsn, autocommit=True) as database:
        while time.monotonic() < deadline:
            try:
                row = database.execute(POSITION).fetchone()
            except psycopg.errors.Error:
                row = None
            if row and row[0] >= 0:
                return
            time.sleep(0.05)
    raise TimeoutError("the first decision did not become visible")


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_machine()
    home = Path(tempfile.mkdtemp(prefix="neraca-bench-"))
    settings = Settings(home=home)
    stack = EmbeddedStack(settings)
    stack.up(services=(), with_topics=False)
    try:
        found = latencies(settings, home, rate=options.rate, seconds=options.seconds, seed=options.seed)
    finally:
        stack.down()
        shutil.rmtree(home)
    quantiles = statistics.quantiles(found, n=100)
    print_figures(
        f"Action sent to row visible, {options.rate}/s for {options.seconds} s after {WARM_UP_SECONDS} s "
        f"of warming up, seed {options.seed}",
        [
            Figure("p50", [quantiles[49]], "ms", "6 / 3", "plain loop 1.6 at 300/s; Kafka Streams 60"),
            Figure("p99", [quantiles[98]], "ms", "25 / 10", "plain loop 2.9 at 300/s; Kafka Streams 115"),
            Figure("slowest", [found[-1]], "ms"),
        ],
    )


if __name__ == "__main__":
    main()
