"""A decider that starts again with a long journal behind it: until the next action is decided, durably.

    python -m benchmarks.restart --decisions 10000000 --seed 1

Starts a stack of its own in a temporary folder and takes it away. The decider is stopped (it writes its
snapshot on the way out) and started; then killed and started, behind a dead member of its group.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import psutil
from confluent_kafka import Producer

from benchmarks.actions import CHUNK
from benchmarks.deciding import Journal
from benchmarks.figures import Figure, print_figures, print_machine
from benchmarks.journal import ACTIONS_PER_CANDIDATE
from consumers import decider
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.framing import frame_action
from schemas.ids import built_in_ids
from schemas.topics import ACTIONS

# What is produced ahead of the decider, so that neither waits for the other for long.
AHEAD_MAX = 200_000
STOP_SECONDS = 120


def run_decider(kafka: Mapping[str, str | int], folder: Path) -> None:
    """Run a decider until SIGTERM."""
    import signal  # noqa: PLC0415 - in the new process

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    decider.run(decider.DeciderConfig(kafka, "", folder, 0), stop)


def start(kafka: Mapping[str, str | int], folder: Path) -> multiprocessing.process.BaseProcess:
    """Start one in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=run_decider, args=(dict(kafka), folder))
    process.start()
    return process


class Sender:
    """Sends the history, and one more action whenever asked."""

    def __init__(self, kafka: Mapping[str, str | int], seed: int, decisions: int) -> None:
        self._producer = Producer(
            {**kafka, "enable.idempotence": True, "linger.ms": 5, "compression.type": "lz4"}
        )
        ids = built_in_ids()
        candidates = max(1, decisions // ACTIONS_PER_CANDIDATE)
        self._values = (frame_action(read_action_line(line), ids) for line in actions(seed, candidates))
        self.sent = 0

    def send(self, count: int) -> None:
        """Send so many more, durably."""
        values = list(itertools.islice(self._values, count))
        assert len(values) == count, "the history is too short"
        for value in values:
            self._producer.produce(ACTIONS.under(""), value, partition=0)
        self._producer.flush()
        self.sent += count


def measure(kafka: Mapping[str, str | int], folder: Path, seed: int, decisions: int) -> list[Figure]:
    """Fill the journal, then start the decider again in both ways."""
    sender, journal = Sender(kafka, seed, decisions), Journal(kafka, "")
    process = start(kafka, folder)
    while sender.sent < decisions - 2 * CHUNK:
        sender.send(CHUNK)
        if sender.sent % AHEAD_MAX == 0:
            journal.wait_for(sender.sent - AHEAD_MAX)
    journal.wait_for(sender.sent)
    memory = psutil.Process(process.pid).memory_info().rss / 2**20
    took = {}
    for way in ("stopped", "killed"):
        if way == "stopped":
            process.terminate()
        else:
            process.kill()
        process.join(STOP_SECONDS)
        sender.send(1)
        started = time.perf_counter()
        process = start(kafka, folder)
        took[way] = journal.wait_for(sender.sent) - started
    process.kill()
    process.join()
    journal.close()
    return [
        Figure("stopped, until the next decision is durable", [took["stopped"]], "s", "30 / 5"),
        Figure("killed, until the next decision is durable", [took["killed"]], "s", "30 / 5"),
        Figure("memory of the decider", [memory], "MiB"),
    ]


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restart", description=__doc__)
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        settings = Settings(home=Path(folder))
        stack = EmbeddedStack(settings)
        stack.up(services=(), with_topics=False)
        try:
            ensure_topics(settings.kafka_config(), "")
            figures = measure(
                settings.kafka_config(), Path(folder) / "decider", options.seed, options.decisions
            )
        finally:
            stack.down()
    print_figures(f"restart behind {options.decisions:,} decisions, seed {options.seed}", figures)


if __name__ == "__main__":
    main()
