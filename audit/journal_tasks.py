"""The checks that need nothing but the journal itself: numbers and hashes, and the auditor's books.

Each runs beside the reader (`beside.py`). The books share no code with the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from audit.beside import Outcome
from audit.findings import Difference, Finding, Found
from audit.sequence import Sequence
from ledger.invariants import ACCOUNTS, Books
from schemas.binary import MalformedRecordError
from schemas.codec import decode_decision
from schemas.errors import InvariantViolation

_CHAIN_FIELDS: Final = frozenset({"previous_sha256"})


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """How to begin checking numbers (`numbering`), hashes (`chain`), or both."""

    checks: frozenset[str]
    findings_max: int

    def begin(self) -> _SequenceTask:
        """Begin."""
        return _SequenceTask(self)


class _SequenceTask:
    def __init__(self, plan: SequencePlan) -> None:
        self._plan: Final = plan
        self._sequence: Final = Sequence()
        self._found: Final = Found(plan.findings_max)

    def take(self, values: list[bytes]) -> None:
        """Take the next decisions."""
        for each in self._sequence.take(values):
            check = "chain" if each.field in _CHAIN_FIELDS else "numbering"
            if check not in self._plan.checks:
                continue
            what = (
                "the decision does not hold the hash of the one before it"
                if check == "chain"
                else "the decision does not follow the one before it by its numbers"
            )
            advice = (
                "One of the two was changed, put in, or taken out. What the rules give for the one before "
                "tells which."
                if check == "chain"
                else "A decision was put in, taken out, or put elsewhere."
            )
            difference = Difference(each.field, each.expected, each.found)
            self._found.note(Finding(check, int(each.place), what, (difference,), advice))

    def finish(self) -> Outcome:
        """Say what was found."""
        sequence = self._sequence
        facts = {"decisions": int(sequence.records), "last_sha256": sequence.last_sha256.hex()}
        return Outcome("sequence", self._found, facts)


@dataclass(frozen=True, slots=True)
class BooksPlan:
    """How to begin the trial balance, and every other invariant of contract §4, at every step."""

    def begin(self) -> _BooksTask:
        """Begin."""
        return _BooksTask()


class _BooksTask:
    def __init__(self) -> None:
        self._books: Final = Books()
        self._taken = 0
        self._found: Final = Found(1)

    def take(self, values: list[bytes]) -> None:
        """Enter the next decisions, up to one that breaks an invariant: behind it no number means much."""
        if self._found.counts:
            return
        check = self._books.check
        entered = 0
        reason = ""
        try:
            for value in values:
                check(decode_decision(value))
                entered += 1
        except InvariantViolation as violation:
            reason = f"an invariant of the ledger does not hold: {violation}"
        except MalformedRecordError as error:
            reason = f"the decision cannot be entered into the books: {error}"
        if reason:
            advice = "The books are closed here; decisions behind this one were not entered."
            self._found.note(Finding("books", self._taken + entered, reason, advice=advice))
        self._taken += entered

    def finish(self) -> Outcome:
        """Say what was found, and what the books add up to."""
        balances = self._books.balances.values()
        totals = {"granted": sum(line[0] for line in balances)}
        for place, account in enumerate(ACCOUNTS, 1):
            totals[account] = sum(line[place] for line in balances)
        facts = {
            "lines": len(self._books.balances),
            "open_registrations": len(self._books.open_of),
            "totals": totals,
        }
        return Outcome("books", self._found, facts)
