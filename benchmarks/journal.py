"""A journal to measure with: the workload's actions through the rules, as Avro bytes."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator

from ledger.engine import Engine
from producers.workload import actions
from schemas.action_json import read_action_line

# A candidate of the workload makes about this many actions, permits and agencies included.
ACTIONS_PER_CANDIDATE = 7


def fabricate(decisions: int, seed: int) -> list[bytes]:
    """The first `decisions` decisions of a history that crosses the closure on its way.

    The candidates are so many that their whole history is about that long; what is left of it is cut off.
    """
    return list(itertools.islice(journal(seed, max(1, decisions // ACTIONS_PER_CANDIDATE)), decisions))


def journal(seed: int, candidates: int) -> Iterator[bytes]:
    """Every decision of that history, in order."""
    engine = Engine.start()
    for offset, line in enumerate(actions(seed, candidates)):
        record = read_action_line(line.encode())
        action = record.action
        engine.decide(
            action, record.avro, record.digest, offset, action.entered_at, action.entered_offset_minutes
        )
        yield engine.last_bytes


def fabricate_quickly(decisions: int, seed: int) -> list[bytes]:
    """`fabricate` without the garbage collector, which would walk through the growing state over and over."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return fabricate(decisions, seed)
    finally:
        if collecting:
            gc.enable()
