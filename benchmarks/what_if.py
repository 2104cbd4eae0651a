"""Two ledgers side by side: rate and peak memory of a what-if on a whole ledger, each in its own process.

    python -m benchmarks.what_if --candidates 130000 --seed 1

The ledger is a journal with its actions in one file, read piece by piece: no Kafka, and nothing in memory
that the command would not keep. Memory is the peak of the whole process, the answer included.
"""

from __future__ import annotations

import argparse
import gc
import io
import multiprocessing
import resource
import struct
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from audit.source import Extent, RecordedAction
from audit.what_if.changes import Changes
from audit.what_if.comparison import Asked, compare
from audit.what_if.outcomes import outcomes
from audit.what_if.records import records_of_source
from benchmarks.figures import Figure, print_figures, print_machine
from ledger.engine import Engine
from neraca.reports.what_if import WhatIf, write_json
from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.framing import frame
from schemas.ids import built_in_ids

MIB = 1024 * 1024
BATCH = 5_000
HEAD: Final = struct.Struct("<II")
AIM: Final = "100,000 / 200,000"
# What is asked, and what to call it.
QUESTIONS: Final = (
    ("nothing else", ()),
    ("no restoration", ("restoration=false",)),
    ("validity judged at the closure", ("restore_if_valid_at=closure",)),
    ("closure a week later", ("closure=2023-07-24T00:00:00+07:00",)),
    ("closure after everything", ("closure=2030-01-01T00:00:00+07:00",)),
    ("units taken at registration", ("unit_taken_at.SIAPKERJA=registration",)),
    ("closure before everything", ("closure=2022-01-01T00:00:00+07:00",)),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one answer took."""

    seconds: float
    processor_seconds: float
    written_seconds: float
    differ: int
    run_mib: float
    peak_mib: float


class FlatLedger:
    """A ledger in one file: each action before its decision."""

    def __init__(self, path: Path, records: int) -> None:
        self.name = path.name
        self._path = path
        self._records = records

    def extent(self) -> Extent:
        """How much there is."""
        return Extent(self._records, self._records)

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions, batch by batch."""
        for batch in self._batches():
            yield [decision for _, decision in batch]

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The actions, batch by batch."""
        offset = 0
        for batch in self._batches():
            yield [RecordedAction(offset + place, 0, value) for place, (value, _) in enumerate(batch)]
            offset += len(batch)

    def _batches(self) -> Iterator[list[tuple[bytes, bytes]]]:
        with self._path.open("rb", buffering=MIB) as file:
            batch = []
            while head := file.read(HEAD.size):
                action, decision = HEAD.unpack(head)
                batch.append((file.read(action), file.read(decision)))
                if len(batch) == BATCH:
                    yield batch
                    batch = []
            yield batch


def write(path: Path, seed: int, candidates: int, told: Connection) -> None:
    """Decide a history and write it down; tell how many records it has."""
    engine = Engine.start()
    schema_id = built_in_ids().action_id
    count = 0
    gc.disable()
    with path.open("wb", buffering=MIB) as file:
        for line in actions(seed, candidates):
            record = read_action_line(line)
            engine.decide(record.action, record.avro, record.digest, count, 0, 0)
            value = frame(schema_id, record.avro)
            file.write(HEAD.pack(len(value), len(engine.last_bytes)) + value + engine.last_bytes)
            count += 1
    told.send(count)


def answer(path: Path, records: int, assignments: tuple[str, ...], told: Connection) -> None:
    """Ask one what-if; tell seconds of the run and of the answer, differences, and the peak of memory."""
    changes = Changes()
    for assignment in assignments:
        changes.set(assignment)
    source = FlatLedger(path, records)
    started, used = time.perf_counter(), time.process_time()
    run = compare(Asked(changes, has_journal=True), records_of_source(source, built_in_ids()))
    decided, used = time.perf_counter() - started, time.process_time() - used
    running = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    started = time.perf_counter()
    report = WhatIf(source.name, changes.told, run, outcomes(run), run.first)
    with Path("/dev/null").open("w", encoding="utf-8", buffering=io.DEFAULT_BUFFER_SIZE) as target:
        write_json(report, target)
    written = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    told.send(Said(decided, used, written, len(run.differences), running, peak))


def ask(path: Path, records: int, assignments: tuple[str, ...]) -> Said:
    """Ask in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=answer, args=(path, records, assignments, theirs)
    )
    process.start()
    theirs.close()
    said: Said = ours.recv()
    process.join()
    return said


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--candidates", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--questions", type=int, default=len(QUESTIONS), help="only the first so many")
    options = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        path = Path(folder) / "ledger"
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=write, args=(path, options.seed, options.candidates, theirs)
        )
        process.start()
        records: int = ours.recv()
        process.join()
        figures = []
        for name, assignments in QUESTIONS[: options.questions]:
            said = [ask(path, records, assignments) for _ in range(options.runs)]
            differ = said[0].differ
            figures += [
                Figure(f"{name}: {differ:,} differ", [records / each.seconds for each in said], "/s", AIM),
                Figure("  by processor time", [records / each.processor_seconds for each in said], "/s"),
                Figure("  outcomes and JSON", [each.written_seconds for each in said], "s"),
                Figure("  peak memory of the run", [each.run_mib for each in said], "MiB"),
                Figure("  peak memory with the answer", [each.peak_mib for each in said], "MiB"),
            ]
        print_figures(f"What-if, {records:,} decisions, seed {options.seed}", figures)


if __name__ == "__main__":
    main()
