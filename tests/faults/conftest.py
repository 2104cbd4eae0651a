"""A ledger for each test: topics, the processes that decide there, and a history to feed them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.errors import ShapeError
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger
from tests.faults.services import Crew, crew
from tests.running import RunningStack

HISTORY_ACTIONS = 10_000


def history(seed: int, number: int) -> list[bytes]:
    """The first actions of a realistic history, as values of the action topic."""
    schema_id = built_in_ids().action_id
    values = []
    for line in actions(seed, max(50, number // 6)):
        try:
            values.append(frame(schema_id, read_action_line(line).avro))
        except ShapeError:
            values.append(line.encode())  # A few are wrong on purpose: on the topic they are unreadable.
        if len(values) == number:
            break
    return values


@pytest.fixture(scope="session")
def history_values() -> list[bytes]:
    """10,000 actions."""
    return history(1, HISTORY_ACTIONS)


@pytest.fixture
def ledger(stack: RunningStack, topic_prefix: str) -> Iterator[Ledger]:
    """Empty topics."""
    made = Ledger(stack.bootstrap, topic_prefix)
    yield made
    made.close()


@pytest.fixture
def deciders(stack: RunningStack, topic_prefix: str, tmp_path: Path) -> Iterator[Crew]:
    """Starts deciders of that ledger."""
    with crew(stack.bootstrap, topic_prefix, tmp_path) as made:
        yield made
