"""The decider's inner loop without a broker: decode, shape, seen ids, rules, encode, hash chain, comparison.

python -m benchmarks.rules --candidates 60000 --seed 1
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.actions import action_values
from benchmarks.figures import Figure, print_figures, print_machine
from consumers.deciding import Deciding
from consumers.journal import Acceptance
from consumers.seen_actions import StoredSeenActions
from ledger.engine import Engine
from ledger.invariants import Books
from ledger.state import SeenActions
from schemas.codec import decode_action, decode_decision, encode_action, encode_decision
from schemas.framing import ActionRecord, decode_action_value
from schemas.ids import built_in_ids
from schemas.records import Decision
from schemas.shape import problems

BATCH = 2_000
_Item = TypeVar("_Item")


class Record:
    """What the Kafka client gives, as far as the loop looks at it."""

    def __init__(self, value: bytes, offset: int) -> None:
        self._value = value
        self._offset = offset

    def value(self) -> bytes:
        """The value."""
        return self._value

    def offset(self) -> int:
        """The offset."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """Log-append time."""
        return 2, 1_690_000_000_000


class _ForgetfulSeen(SeenActions):
    """Remembers nothing, so that memory is the ledger's alone."""

    def find(self, action_id: bytes) -> tuple[bytes, int] | None:  # noqa: ARG002 (the signature of the class above)
        return None

    def remember(self, action_id: bytes, content_digest: bytes, seq: int) -> None:
        """Forget."""


def deciding_rate(values: list[bytes]) -> float:
    """Decide and read back all of them; actions a second, without what only this measurement does."""
    with tempfile.TemporaryDirectory(prefix="neraca-bench-") as folder:
        seen = StoredSeenActions(Path(folder))
        engine = Engine.start(seen=seen)
        acceptance = Acceptance(-1, engine.last_sha256)
        loop = Deciding(engine, seen, built_in_ids(), acceptance, next_action_offset=0, last_offset=-1)
        records = [Record(value, offset) for offset, value in enumerate(values)]
        seconds = 0.0
        for start in range(0, len(records), BATCH):
            started = time.perf_counter()
            decided = loop.decide(records[start : start + BATCH])
            seconds += time.perf_counter() - started
            back = [Record(value, start + place) for place, value in enumerate(decided.values)]
            started = time.perf_counter()
            loop.read_back(back)
            seen.store(acceptance.last_seq)
            seconds += time.perf_counter() - started
        return len(values) / seconds


def parts(values: list[bytes]) -> list[Figure]:
    """Where the time goes: microseconds a record for each part, alone."""
    ids = built_in_ids()
    values = values[:100_000]
    records = [decode_action_value(value, ids) for value in values]
    figures = [
        _microseconds("  decode an action", lambda r: decode_action(r.avro), records),
        _microseconds("  its shape", lambda r: problems(r.action), records),
        _microseconds("  encode an action", lambda r: encode_action(r.action), records),
    ]
    engine = Engine.start()
    decisions: list[Decision] = []

    def decide(record: ActionRecord) -> None:
        decisions.append(engine.decide(record.action, record.avro, record.digest, len(decisions), 0, 0))

    figures.append(_microseconds("  rules, evolve, encode, three hashes", decide, records))
    avro = [encode_decision(decision) for decision in decisions]
    figures += [
        _microseconds("  encode a decision", encode_decision, decisions),
        _microseconds("  decode a decision", decode_decision, avro),
    ]
    follower = Engine.start()
    figures.append(_microseconds("  follow a journal (decode, evolve, hash)", follower.follow, avro))
    books = Books()
    figures.append(_microseconds("  check every invariant", books.check, decisions))
    return figures


def _microseconds(name: str, act: Callable[[_Item], object], items: list[_Item]) -> Figure:
    started = time.perf_counter()
    for item in items:
        act(item)
    return Figure(name, [(time.perf_counter() - started) / len(items) * 1e6], "µs")


def bytes_per_registration(values: list[bytes]) -> Figure:
    """Growth of resident memory by the ledger's state, for each registration; ids seen are on disk."""
    ids = built_in_ids()
    engine = Engine.start(seen=_ForgetfulSeen())
    gc.collect()
    before = _resident_bytes()
    for offset, value in enumerate(values):
        record = decode_action_value(value, ids)
        engine.decide(record.action, record.avro, record.digest, offset, 0, 0)
        if offset % 100_000 == 0:
            gc.collect(1)
    gc.collect()
    registrations = len(engine.state.registrations)
    grown = (_resident_bytes() - before) / registrations
    return Figure(
        f"memory a registration ({registrations:,}, permits included)", [grown], "bytes", "1,000 / 400"
    )


def _resident_bytes() -> int:
    with Path("/proc/self/status").open() as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--candidates", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    values = action_values(options.seed, options.candidates)
    gc.collect()
    gc.freeze()
    gc.disable()
    # First, while no freed memory is there to be used again.
    memory = bytes_per_registration(values)
    rates = [deciding_rate(values) for _ in range(options.runs)]
    print_figures(
        f"Rules, {len(values):,} actions, seed {options.seed}",
        [
            Figure(
                "decide, one process, no broker",
                rates,
                "/s",
                "100,000 / 180,000",
                "634,000/s rules alone, on dicts",
            ),
            *parts(values),
            memory,
        ],
    )


if __name__ == "__main__":
    main()
