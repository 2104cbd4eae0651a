"""Parts of verification that no ledger shows by itself: many findings, workers that fail."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from audit.beside import Beside, Outcome, Task, WorkerFailedError
from audit.findings import Finding, Found
from schemas.errors import DatabaseUnavailable

BATCHES = [[bytes([number]) * number * 1000] for number in range(200)]


def test_of_many_findings_the_first_in_the_journal_are_kept() -> None:
    """However they come, those that stand first are told, and all are counted."""
    found = Found(2)
    for place in (7, 3, 9, 1, 5):
        found.note(Finding("tables", place, f"row {place}"))
    found.note(Finding("chain", 4, "a break"))
    assert [1, 3, 4] == [finding.place for finding in found.findings]
    assert {"tables": 5, "chain": 1} == found.by_check()
    both = Found(2)
    both.note(Finding("tables", 2, "row 2"))
    both.add(found)
    assert [1, 2, 4] == [finding.place for finding in both.findings]
    assert {"tables": 6, "chain": 1} == both.by_check()


@dataclass(frozen=True)
class _Plan:
    """A task that counts bytes, and ends its process or raises on the way."""

    failing: str

    def begin(self) -> Task:
        if self.failing == "at once":
            raise DatabaseUnavailable("nobody there", advice="look")
        return _Count(self.failing)


class _Count:
    def __init__(self, failing: str) -> None:
        self._failing = failing
        self._bytes = 0

    def take(self, values: list[bytes]) -> None:
        self._bytes += sum(map(len, values))
        if self._bytes > 1_000_000 and self._failing == "by an error":
            raise DatabaseUnavailable("gone", advice="look")
        if self._bytes > 1_000_000 and self._failing == "for no reason":
            os._exit(3)
        if self._bytes > 1_000_000 and self._failing == "by a mistake":
            raise ZeroDivisionError

    def finish(self) -> Outcome:
        return Outcome("count", Found(1), {"bytes": self._bytes})


@pytest.mark.parametrize(
    ("failing", "error", "words"),
    [
        ("at once", DatabaseUnavailable, "nobody there"),
        ("by an error", DatabaseUnavailable, "gone"),
        ("for no reason", WorkerFailedError, "ended"),
        ("by a mistake", WorkerFailedError, "ZeroDivisionError"),
    ],
)
def test_a_worker_that_fails_is_an_error(failing: str, error: type[Exception], words: str) -> None:
    """What a process could not do is raised where the journal is read, in its own words."""
    beside = Beside([_Plan(failing), _Plan("never")], 2)
    try:
        with pytest.raises(error, match=words):
            _run(beside)
    finally:
        beside.close()


@pytest.mark.parametrize("processes", [0, 1, 2, 5])
def test_any_number_of_processes_does_the_same(processes: int) -> None:
    """Each task gets every byte, wherever it runs."""
    beside = Beside([_Plan("never")] * 3, processes)
    try:
        outcomes = _run(beside)
    finally:
        beside.close()
    total = sum(len(value) for batch in BATCHES for value in batch)
    assert [{"bytes": total}] * 3 == [outcome.facts for outcome in outcomes]


def _run(beside: Beside) -> list[Outcome]:
    for batch in BATCHES:
        beside.take(batch)
    return beside.finish()
