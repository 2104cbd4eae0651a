"""Replay of a journal into all PostgreSQL tables, through a real Kafka and a real PostgreSQL.

    python -m benchmarks.projection --decisions 300000 --seed 1

Starts a stack of its own in a temporary folder and takes it away. Two ways by turns: into a database without
tables, which the projector fills first, and into tables that are there, which it follows batch by batch.
Prints decisions per second, from the start of the projector to the commit of the last decision, and how much
processor time each side took of it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
from confluent_kafka import Producer
from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.journal import fabricate_quickly
from consumers import projector
from neraca.compiled import inspect
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from projections import tables
from projections.migrations import migrate
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.topics import DECISIONS

_PREFIX = "bench."
_QUEUE_FULL_WAIT_SECONDS = 0.05


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--decisions", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {inspect()}")
    started = time.perf_counter()
    values = fabricate_quickly(options.decisions, options.seed)
    size = sum(map(len, values)) / len(values)
    seconds = time.perf_counter() - started
    print(f"{len(values):,} decisions of {size:.0f} bytes, seed {options.seed}, made in {seconds:.1f} s")
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        settings = Settings(home=Path(folder))
        stack = EmbeddedStack(settings)
        stack.up(services=(), with_topics=False)
        try:
            ensure_topics(settings.kafka_config(), _PREFIX)
            produce(settings.kafka_config(), _PREFIX, values)
            rates: dict[str, list[float]] = {"filled": [], "followed": []}
            for _ in range(options.runs):
                for way, found in rates.items():
                    found.append(replay(settings, _PREFIX, len(values), way))
        finally:
            stack.down()
    for way, found in rates.items():
        print(
            f"replay into all live tables, {way}: median {statistics.median(found):,.0f} decisions/s "
            f"(min {min(found):,.0f}, max {max(found):,.0f}; aim 150,000, stretch 250,000)"
        )


def produce(kafka: dict[str, str | int], prefix: str, values: list[bytes]) -> None:
    """Put decisions on the journal's topic as the decider would."""
    producer = Producer({**kafka, "linger.ms": 5, "enable.idempotence": True})
    schema_id = built_in_ids().decision_id
    for value in values:
        framed = frame(schema_id, value)
        while True:
            try:
                producer.produce(DECISIONS.under(prefix), framed)
                break
            except BufferError:
                producer.poll(_QUEUE_FULL_WAIT_SECONDS)
    producer.flush()


def replay(settings: Settings, prefix: str, decisions: int, way: str) -> float:
    """Replay that many decisions into a fresh database; gives decisions per second."""
    kafka, dsn, home = settings.kafka_config(), settings.postgres_dsn(), settings.home
    with psycopg.connect(dsn, autocommit=True) as connection:
        database = sql.Identifier("replay")
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        connection.execute("CHECKPOINT")
    fresh = make_conninfo(dsn, dbname="replay")
    if way == "followed":
        with psycopg.connect(fresh, autocommit=True) as connection:
            migrate(connection)
    stop = threading.Event()
    committed = threading.Semaphore(0)
    thread = threading.Thread(
        target=projector.run,
        args=(projector.ProjectorConfig(kafka, prefix, fresh), stop),
        kwargs={"after_commit": committed.release},
    )
    seconds_of = processor_clock(home)
    started, ours = time.perf_counter(), time.process_time()
    thread.start()
    batches = 0
    with psycopg.connect(fresh, autocommit=True) as watching:
        while committed.acquire(timeout=60):
            batches += 1
            if tables.read_position(watching).seq == decisions - 1:
                break
        else:
            raise TimeoutError("no commit for a minute")
    seconds, ours, servers = time.perf_counter() - started, time.process_time() - ours, seconds_of()
    stop.set()
    thread.join()
    each = 1e6 / decisions
    print(
        f"{way}: {decisions / seconds:,.0f} decisions/s in {batches} commits; processor time a decision: "
        f"projector {ours * each:.1f} µs, " + ", ".join(f"{k} {v * each:.1f} µs" for k, v in servers.items())
    )
    return decisions / seconds


def processor_clock(home: Path) -> Callable[[], dict[str, float]]:
    """Measure the processor time of the servers whose data lie under that folder, from now on."""

    def read() -> dict[str, float]:
        spent = {"PostgreSQL": 0.0, "Kafka": 0.0}
        for process in psutil.process_iter(["name", "cmdline"]):
            kind = {"postgres": "PostgreSQL", "java": "Kafka"}.get(process.info["name"])
            if kind is None or str(home) not in " ".join(process.info["cmdline"] or ()):
                continue
            # A server's children that have ended are counted in its own times.
            for each in (process, *process.children(recursive=True)):
                # One that ends now is counted in the server's own times, which are read after it.
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = each.cpu_times()
                    spent[kind] += times.user + times.system
            times = process.cpu_times()
            spent[kind] += times.children_user + times.children_system
        return spent

    before = read()
    return lambda: {kind: now - before[kind] for kind, now in read().items()}


if __name__ == "__main__":
    main()
