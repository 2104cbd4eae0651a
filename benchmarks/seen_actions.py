"""The store of action ids: memory that it holds, and time for each id, as the ids grow.

python -m benchmarks.seen_actions --ids 4000000
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.figures import Figure, print_figures, print_machine
from consumers.seen_actions import StoredSeenActions

BATCH_IDS = 2_000


def own_bytes() -> int:
    """Memory of this process that no file backs: what the system cannot take back. Linux only."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - memory.shared)


def main() -> None:
    """Fill a store, then look for what it holds and for what it does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seen_actions", description=__doc__)
    parser.add_argument("--ids", type=int, default=4_000_000)
    ids = parser.parse_args().ids
    print_machine()
    numbers = random.Random(1)
    with tempfile.TemporaryDirectory(prefix="neraca-seen-") as folder:
        store = StoredSeenActions(Path(folder))
        before = largest = own_bytes()
        spent: list[float] = []
        for first_seq in range(0, ids, BATCH_IDS):
            batch = [numbers.randbytes(16) for _ in range(BATCH_IDS)]
            started = time.perf_counter()
            store.prefetch(batch)
            for seq, action_id in enumerate(batch, start=first_seq):
                if store.find(action_id) is None:
                    store.remember(action_id, action_id, seq)
            if store.is_full:
                store.set_aside(first_seq + BATCH_IDS - 1, bytes(32))
            store.store(first_seq + BATCH_IDS - 1)
            spent.append(time.perf_counter() - started)
            largest = max(largest, own_bytes())
        store.close()
        files = sum(path.stat().st_size for path in Path(folder).iterdir())
        numbers = random.Random(1)
        known = [numbers.randbytes(16) for _ in range(min(ids, 200_000))]
        started = time.perf_counter()
        for first in range(0, len(known), BATCH_IDS):
            store.prefetch(known[first : first + BATCH_IDS])
        known_seconds = time.perf_counter() - started
        tenth = max(1, len(spent) // 10)
        print_figures(
            f"{ids:,} action ids",
            [
                Figure("memory of its own, at most", [(largest - before) / 1e6], "MB", "bounded"),
                Figure("files", [files / ids], "bytes an id"),
                Figure("a new id, all", [1e6 * sum(spent) / ids], "µs"),
                Figure("a new id, the last tenth", [1e6 * sum(spent[-tenth:]) / tenth / BATCH_IDS], "µs"),
                Figure("a known id, from files", [1e6 * known_seconds / len(known)], "µs"),
            ],
        )


if __name__ == "__main__":
    main()
