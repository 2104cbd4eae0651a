"""A whole ledger verified: live topics, tables and signed roots, and then its archive alone.

    python -m benchmarks.verify --candidates 130000 --seed 1

Fills a stack of its own in a temporary folder through the real services, and runs `neraca verify` on it as a
user does, in a process of its own: rate and memory are those that the command reports, its start included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from audit.tlog.publishing import CheckpointFiles, size_of
from benchmarks.actions import action_values, produce_actions
from benchmarks.figures import Figure, print_figures, print_machine
from neraca.archiving import home_archive
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack

MIB = 1024 * 1024
PATIENCE_SECONDS = 900
SERVICES = ("decider", "projector", "archiver")


def load(kafka: Mapping[str, str | int], seed: int, candidates: int) -> None:
    """Put the history's actions on their topic."""
    produce_actions(kafka, "", action_values(seed, candidates))


def fill(settings: Settings, seed: int, candidates: int) -> int:
    """Send a history, and wait until it is decided, in the tables, archived and signed; its length."""
    process = multiprocessing.get_context("spawn").Process(
        target=load, args=(settings.kafka_config(), seed, candidates)
    )
    process.start()
    process.join()
    files = CheckpointFiles(home_archive(settings) / "log")
    deadline = time.monotonic() + PATIENCE_SECONDS
    visible = before = -1
    while time.monotonic() < deadline:
        with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
            row = connection.execute("SELECT seq + 1 FROM neraca.projection_positions").fetchone()
        visible = 0 if row is None else int(row[0])
        note = files.latest()
        if visible == before > 0 and note is not None and size_of(note) == visible:
            return visible
        before = visible
        time.sleep(1)
    raise TimeoutError(f"{visible} decisions are visible, and no more come")


def run(settings: Settings, *options: str) -> dict[str, Any]:
    """Run the command once; it must find nothing."""
    answer = subprocess.run(
        [sys.executable, "-m", "neraca", "verify", "--json", *options],
        env=settings.child_environment(),
        capture_output=True,
        check=True,
    )
    report: dict[str, Any] = json.loads(answer.stdout)
    return report


def figures(settings: Settings, runs: int, name: str, *options: str, aim: str = "") -> list[Figure]:
    """Measure one way to verify: rate, memory of the reader and of the largest process beside."""
    reports = [run(settings, *options) for _ in range(runs)]
    rates = [report["decisions"] / report["seconds"] for report in reports]
    spent = [
        [1e6 * report["processor_seconds"][who] / report["decisions"] for report in reports]
        for who in ("reader", "beside")
    ]
    reader = [report["peak_bytes"]["reader"] / MIB for report in reports]
    beside = [report["peak_bytes"]["largest_beside"] / MIB for report in reports]
    return [
        Figure(name, rates, "/s", aim),
        Figure("  processor time of the reader, a decision", spent[0], "µs"),
        Figure("  processor time beside, a decision", spent[1], "µs"),
        Figure("  peak memory of the reader", reader, "MiB"),
        Figure("  peak memory of the largest process beside", beside, "MiB"),
    ]


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--candidates", type=int, default=130_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        settings = Settings(home=Path(folder))
        stack = EmbeddedStack(settings)
        stack.up(services=SERVICES)
        try:
            decisions = fill(settings, options.seed, options.candidates)
            archive = str(home_archive(settings))
            rest = (
                "--without",
                "tables",
                "--without",
                "tiles",
                "--without",
                "checkpoints",
                "--without",
                "books",
            )
            bare = (*rest, "--without", "chain", "--without", "numbering")
            aim = "100,000 / 200,000"
            measured = [
                *figures(settings, options.runs, "live: every check", aim=aim),
                *figures(settings, options.runs, "live: every check, one process", "--processes", "0"),
                *figures(settings, options.runs, "live: the rules alone", *bare, aim=aim),
                *figures(settings, options.runs, "archive: every check", "--archive", archive, aim=aim),
                *figures(
                    settings, options.runs, "archive: one process", "--archive", archive, "--processes", "0"
                ),
            ]
        finally:
            stack.down()
    print_figures(f"Verify, {decisions:,} decisions, seed {options.seed}", measured)


if __name__ == "__main__":
    main()
