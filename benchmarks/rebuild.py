"""`neraca rebuild` on a whole journal: its rate and memory, and a swap under a live load with readers.

    python -m benchmarks.rebuild --decisions 1000000 --seed 1

Starts a stack of its own in a temporary folder and takes it away. First the live tables are filled; then they
are rebuilt, compared and swapped several times while nothing else happens; then again while decisions come in
at 1,000/s and readers loop. The command itself runs in a process of its own, whose memory is measured.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Producer

from benchmarks.figures import Figure, print_figures, print_machine
from benchmarks.journal import fabricate_quickly
from benchmarks.projection import processor_clock, produce
from consumers import projector
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from projections import tables
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.topics import DECISIONS

READERS = 4
SWAPS_UNDER_LOAD = 2
# The last decisions of the journal are kept for the live load; it ends with the last swap.
LIVE_SECONDS = 120
LIVE_PER_SECOND = 1_000
TICKS_PER_SECOND = 100


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rebuild", description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    values = fabricate_quickly(options.decisions, options.seed)
    kept = min(LIVE_SECONDS * LIVE_PER_SECOND, len(values) // 4)
    print(f"{len(values):,} decisions, seed {options.seed}; the last {kept:,} are the live load", flush=True)
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        settings = Settings(home=Path(folder))
        stack = EmbeddedStack(settings)
        stack.up(services=(), with_topics=False)
        try:
            ensure_topics(settings.kafka_config(), settings.topic_prefix)
            produce(settings.kafka_config(), settings.topic_prefix, values[:-kept])
            figures = measure(settings, values, kept, options.runs)
        finally:
            stack.down()
    print_figures(f"rebuild of {len(values) - kept:,} decisions, seed {options.seed}", figures)


def measure(settings: Settings, values: Sequence[bytes], kept: int, runs: int) -> list[Figure]:
    """Rebuild with nothing else at work, then under load."""
    stop = threading.Event()
    thread = threading.Thread(
        target=projector.run,
        args=(
            projector.ProjectorConfig(
                settings.kafka_config(), settings.topic_prefix, settings.postgres_dsn()
            ),
            stop,
        ),
    )
    thread.start()
    try:
        wait_for(settings.postgres_dsn(), len(values) - kept - 1)
        quiet = [rebuild(settings) for _ in range(runs)]
        loaded = under_load(settings, values[-kept:], len(values) - kept)
    finally:
        stop.set()
        thread.join()
    decisions = len(values) - kept
    return [
        Figure(
            "tables built, indexes included",
            [decisions / run.seconds("building", "indexing") for run in quiet],
            "decisions/s",
            "250,000 / 450,000",
        ),
        Figure("without the indexes", [decisions / run.seconds("building") for run in quiet], "decisions/s"),
        Figure("comparing with the live tables", [run.seconds("comparing") for run in quiet], "s"),
        Figure("the whole command", [run.wall for run in quiet], "s"),
        *[
            Figure(
                f"processor time a decision, all of it: {name}",
                [r.processor[name] / decisions * 1e6 for r in quiet],
                "µs",
            )
            for name in quiet[0].processor
        ],
        Figure("its peak memory", [run.peak_mib for run in quiet], "MiB"),
        Figure(
            "the projector waits for the swap", [run.document["projector_waited_ms"] for run in quiet], "ms"
        ),
        *loaded,
    ]


@dataclass(frozen=True)
class Run:
    """What one command said, and what it took."""

    document: dict[str, Any]
    wall: float
    peak_mib: float
    processor: dict[str, float]

    def seconds(self, *steps: str) -> float:
        """What those steps took together."""
        return sum(float(self.document["seconds"][step]) for step in steps)


def rebuild(settings: Settings, *options: str) -> Run:
    """Run the command, and see that it found everything the same."""
    servers = processor_clock(settings.home)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "neraca", "rebuild", "--json", *options],
        stdout=subprocess.PIPE,
        env=settings.child_environment(),
    )
    peaks = [0.0]
    sampler = threading.Thread(target=sample_peak, args=(process.pid, peaks))
    sampler.start()
    text, _ = process.communicate()
    wall = time.perf_counter() - started
    sampler.join()
    assert process.returncode == 0, text
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ours = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    run = Run(json.loads(text), wall, max(peaks), {"rebuild": ours, **servers()})
    assert run.document["same"]
    spent = {name: round(seconds, 2) for name, seconds in run.processor.items()}
    print({"seconds": run.document["seconds"], "wall": round(run.wall, 2), "processor": spent}, flush=True)
    return run


def sample_peak(pid: int, peaks: list[float]) -> None:
    """Note the highest resident memory of a process until it ends; what it had at its fork does not count."""
    status = Path(f"/proc/{pid}/status")
    while True:
        try:
            lines = status.read_text(encoding="ascii").splitlines()
        except OSError:
            return
        found = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        if not found:
            return  # It has ended and is not yet waited for.
        peaks.append(float(found[0]) / 1024)
        time.sleep(0.02)


@dataclass
class Reading:
    """A reader that loops in snapshots, with prepared statements, and counts what it met."""

    dsn: str = field(repr=False)
    rounds: int = 0
    errors: int = 0
    backwards: int = 0
    slowest_ms: float = 0.0

    def loop(self, stop: threading.Event) -> None:
        """Read until told to stop."""
        position = b"SELECT seq FROM neraca.projection_positions WHERE projection = 'current'"
        newest = b"SELECT max(seq) FROM neraca.decisions"
        last = -1
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            while not stop.is_set():
                started = time.perf_counter()
                try:
                    with connection.transaction():
                        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                        seq, other = (
                            int(str((connection.execute(query, prepare=True).fetchone() or (-1,))[0]))
                            for query in (position, newest)
                        )
                except psycopg.Error as error:
                    print(f"a reader met {error!r}")
                    self.errors += 1
                    if connection.closed:
                        return
                    continue
                self.backwards += seq < last or seq != other
                last = seq
                self.rounds += 1
                self.slowest_ms = max(self.slowest_ms, (time.perf_counter() - started) * 1000)
                time.sleep(0.002)


def under_load(settings: Settings, values: Sequence[bytes], next_seq: int) -> list[Figure]:
    """Rebuild and swap while decisions come in and readers loop."""
    stop, enough, given = threading.Event(), threading.Event(), [0]
    readers = [Reading(settings.postgres_dsn()) for _ in range(READERS)]
    threads = [threading.Thread(target=reader.loop, args=(stop,), daemon=True) for reader in readers]
    feed = threading.Thread(target=trickle, args=(settings, values, enough, given), daemon=True)
    for thread in (feed, *threads):
        thread.start()
    time.sleep(1)
    fed_from = time.monotonic()
    runs = [rebuild(settings) for _ in range(SWAPS_UNDER_LOAD)]
    assert feed.is_alive(), "the load ended before the last swap: more decisions, or a quieter machine"
    fed_seconds = time.monotonic() - fed_from
    enough.set()
    feed.join()
    last_seq = next_seq + given[0] - 1
    wait_for(settings.postgres_dsn(), last_seq)
    stop.set()
    for thread in threads:
        thread.join()
    check = rebuild(settings, "--check")
    assert check.document["seq"] == last_seq
    return [
        Figure("swaps under load", [len(runs)], "times"),
        Figure("  decisions that came in", [given[0] / (fed_seconds + 1)], "decisions/s"),
        Figure("  the whole command", [run.wall for run in runs], "s"),
        Figure("  the projector waits", [run.document["projector_waited_ms"] for run in runs], "ms"),
        Figure("  rounds of the readers", [sum(reader.rounds for reader in readers)], "rounds"),
        Figure("  errors of the readers", [sum(reader.errors for reader in readers)], "errors"),
        Figure(
            "  seq that went back, or tables that disagreed", [sum(r.backwards for r in readers)], "times"
        ),
        Figure("  slowest round of each reader", [reader.slowest_ms for reader in readers], "ms"),
    ]


def trickle(settings: Settings, values: Sequence[bytes], enough: threading.Event, given: list[int]) -> None:
    """Give the decisions at their rate until it is enough, and count them."""
    producer = Producer({**settings.kafka_config(), "linger.ms": 1})
    schema_id = built_in_ids().decision_id
    each = LIVE_PER_SECOND // TICKS_PER_SECOND
    started = time.monotonic()
    for number, first in enumerate(range(0, len(values), each)):
        for value in values[first : first + each]:
            producer.produce(DECISIONS.under(settings.topic_prefix), frame(schema_id, value))
        producer.poll(0)
        given[0] = min(first + each, len(values))
        if enough.is_set():
            break
        time.sleep(max(0.0, started + (number + 1) / TICKS_PER_SECOND - time.monotonic()))
    producer.flush()


def wait_for(dsn: str, seq: int) -> None:
    """Wait until the live tables stand there."""
    deadline = time.monotonic() + 300
    with psycopg.connect(dsn, autocommit=True) as connection:
        while time.monotonic() < deadline:
            try:
                if tables.read_position(connection).seq >= seq:
                    return
            except psycopg.errors.UndefinedTable:
                pass
            time.sleep(0.05)
    raise TimeoutError(f"the tables do not reach {seq}")


if __name__ == "__main__":
    main()
