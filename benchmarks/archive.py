"""The archive: a ledger from its topics into files, read again, and back onto empty topics.

python -m benchmarks.archive --candidates 130000 --seed 1

Each step runs in a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from confluent_kafka import Producer

from audit.archive.folder import About
from audit.archive.reader import ArchiveSource
from audit.archive.restore import Restore
from audit.archive.writer import ArchiveWriter
from benchmarks.actions import CHUNK, action_values, produce_actions
from benchmarks.figures import Figure, print_figures, print_machine
from consumers.action_topic import ActionReader
from consumers.archiver import catch_up
from ledger.engine import Engine
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.topics import ensure_topics
from schemas.framing import decode_action_value, frame
from schemas.ids import built_in_ids
from schemas.topics import ACTIONS, DECISIONS

MIB = 1024 * 1024

# Gives how many records it handled, and in how many seconds.
Step = Callable[[dict[str, str | int], str, Path], tuple[int, float]]


def load(kafka: Mapping[str, str | int], prefix: str, seed: int, candidates: int) -> int:
    """Put a history and its decisions on the topics of that prefix; how many actions it has."""
    gc.disable()
    ensure_topics(kafka, prefix)
    values = action_values(seed, candidates)
    produce_actions(kafka, prefix, values)
    producer = Producer(
        {**kafka, "enable.idempotence": True, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000}
    )
    ids = built_in_ids()
    head = frame(ids.decision_id, b"")
    engine = Engine.start()
    reader = ActionReader(kafka, ACTIONS.under(prefix), offset=0)
    while reader.next_offset < len(values):
        decided = []
        for record in reader.poll(CHUNK, 1.0):
            action = decode_action_value(record.value, ids)
            recorded_at = record.recorded_at_ms * 1000
            engine.decide(action.action, action.avro, action.digest, record.offset, recorded_at, 0)
            decided.append({"value": head + engine.last_bytes})
        while decided:
            decided = decided[producer.produce_batch(DECISIONS.under(prefix), decided, partition=0) :]
            producer.poll(0)
    producer.flush()
    reader.close()
    return len(values)


def keep(kafka: dict[str, str | int], prefix: str, root: Path) -> tuple[int, float]:
    """Archive both topics, the Merkle log with them."""
    started = time.perf_counter()
    with ArchiveWriter(root, About(ACTIONS.name, DECISIONS.name), built_in_ids()) as archive:
        catch_up(kafka, prefix, archive)
        size = archive.checkpoint()
    return size, time.perf_counter() - started


def read_decisions(_: dict[str, str | int], __: str, root: Path) -> tuple[int, float]:
    """Read every decision, checking numbers, hashes and blocks."""
    started = time.perf_counter()
    count = sum(map(len, ArchiveSource(root).decisions()))
    return count, time.perf_counter() - started


def read_actions(_: dict[str, str | int], __: str, root: Path) -> tuple[int, float]:
    """Read every record of the action topic, checking blocks."""
    started = time.perf_counter()
    count = sum(map(len, ArchiveSource(root).actions()))
    return count, time.perf_counter() - started


def put_back(kafka: dict[str, str | int], prefix: str, root: Path) -> tuple[int, float]:
    """Check the archive, restore it, read it back and compare."""
    ensure_topics(kafka, f"{prefix}copy.")
    started = time.perf_counter()
    work = Restore(ArchiveSource(root), kafka, f"{prefix}copy.")
    done = work.run()
    work.close()
    return done.decisions, time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Measured:
    """What a step took.

    Attributes:
        records: How many records it handled.
        seconds: By the clock on the wall.
        busy_seconds: Of processor, in this process.
        peak_mib: Its peak of memory.
        start_mib: Its memory before it began.

    """

    records: int
    seconds: float
    busy_seconds: float
    peak_mib: float
    start_mib: float


def _child(step: Step, answer: Connection, kafka: dict[str, str | int], prefix: str, root: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    count, seconds = step(kafka, prefix, root)
    after = resource.getrusage(resource.RUSAGE_SELF)
    busy_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    answer.send(
        Measured(count, seconds, busy_seconds, after.ru_maxrss * 1024 / MIB, before.ru_maxrss * 1024 / MIB)
    )


def measure(step: Step, kafka: dict[str, str | int], prefix: str, root: Path) -> Measured:
    """Run a step in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(step, theirs, kafka, prefix, root))
    process.start()
    theirs.close()
    result: Measured = ours.recv()
    process.join()
    return result


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--candidates", type=int, default=130_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print_machine()
    home = Path(tempfile.mkdtemp(prefix="neraca-bench-"))
    settings = Settings(home=home)
    stack = EmbeddedStack(settings)
    stack.up(services=(), with_topics=False)
    root = home / "archive"
    figures = []
    try:
        kafka = settings.kafka_config()
        context = multiprocessing.get_context("spawn")
        loader = context.Process(target=load, args=(kafka, "bench.", options.seed, options.candidates))
        loader.start()
        loader.join()
        assert loader.exitcode == 0, "the history could not be loaded"
        count = 0
        steps: list[tuple[str, Step, str]] = [
            ("archived, decisions with their actions", keep, ""),
            ("decisions read from the archive", read_decisions, "400,000"),
            ("records of the action topic read", read_actions, ""),
            ("restored: checked, written, read back, compared", put_back, ""),
        ]
        for name, step, aim in steps:
            taken = measure(step, kafka, "bench.", root)
            count = taken.records
            figures += [
                Figure(name, [count / taken.seconds], "/s", aim),
                # What counts where others are at work on the same machine.
                Figure("    a second of processor", [count / taken.busy_seconds], ""),
                Figure("    peak memory", [taken.peak_mib], "MiB", f"{taken.start_mib:.0f} at its start"),
            ]
        sizes = {
            part.name: sum(one.stat().st_size for one in part.rglob("*") if one.is_file()) / count
            for part in root.iterdir()
            if part.is_dir()
        }
        figures += [
            Figure(f"bytes a decision in {name}/", [size], "") for name, size in sorted(sizes.items())
        ]
    finally:
        stack.down()
        shutil.rmtree(home)
    print_figures(f"Archive of {count:,} decisions, seed {options.seed}", figures)


if __name__ == "__main__":
    main()
