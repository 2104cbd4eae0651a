"""Verification of journal and actions: every kind of tampering is found, by the check that is there for it.

Each case also runs with that check taken out, and must then find something else, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from audit.findings import Finding
from audit.reexecution import Reexecution
from audit.source import RecordedAction
from audit.verification import ALL_CHECKS, Report, Request, verify
from schemas.codec import decode_decision
from schemas.ids import built_in_ids
from schemas.policy_json import policy_of
from tests.audit.tampering import Ledger, chained, changed, flipped, small_ledger
from tests.ledger.oracle import DEFAULT_POLICY

# Somewhere in the middle, at an accepted registration of a unit; found when the module is read.
AT = next(
    place
    for place, value in enumerate(small_ledger().journal)
    if place > 400 and len(decode_decision(value).postings) == 1 and decode_decision(value).registrations
)


def verified(
    ledger: Ledger, scratch: Path, checks: frozenset[str] = ALL_CHECKS, processes: int = 0
) -> Report:
    """Verify it, with every check but those of what stands outside."""
    return verify(ledger, Request(built_in_ids(), scratch, checks=checks, processes=processes))


def _bit_in_the_middle(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    journal[AT] = flipped(journal[AT], 8 * (len(journal[AT]) - 30))
    return ledger.with_journal(journal)


def _bit_in_the_number(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    journal[AT] = flipped(journal[AT], 1)
    return ledger.with_journal(journal)


def _bit_in_the_chain(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    journal[AT] = flipped(journal[AT], 8 * 20)
    return ledger.with_journal(journal)


def _other_action_hash(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    journal[AT] = changed(journal[AT], action_sha256=bytes(32))
    return ledger.with_journal(chained(journal, AT))


def _put_in(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    journal.insert(AT, journal[AT - 1])
    return ledger.with_journal(chained(journal, AT))


def _taken_out(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    del journal[AT]
    return ledger.with_journal(chained(journal, AT))


def _swapped(ledger: Ledger) -> Ledger:
    journal = list(ledger.journal)
    journal[AT], journal[AT + 1] = journal[AT + 1], journal[AT]
    return ledger.with_journal(journal)


def _unit_from_nowhere(ledger: Ledger) -> Ledger:
    """A decision that takes no unit where it says so; hashes are mended by whoever did it."""
    journal = list(ledger.journal)
    journal[AT] = changed(journal[AT], postings=[])
    return ledger.with_journal(chained(journal, AT))


def _instant_beyond_all_years(ledger: Ledger) -> Ledger:
    """An instant that no calendar has: told as the number that it is."""
    journal = list(ledger.journal)
    journal[AT] = changed(journal[AT], occurred_at=2**61)
    return ledger.with_journal(journal)


def _bit_in_an_action(ledger: Ledger) -> Ledger:
    records = list(ledger.records)
    place = len(records) // 2
    value = records[place].value
    assert value is not None
    records[place] = RecordedAction(
        records[place].offset, records[place].recorded_at_ms, flipped(value, 8 * (len(value) - 3))
    )
    return Ledger(ledger.journal, records)


def _action_dropped(ledger: Ledger) -> Ledger:
    return Ledger(ledger.journal, ledger.records[:AT] + ledger.records[AT + 1 :])


def _actions_cut_short(ledger: Ledger) -> Ledger:
    return Ledger(ledger.journal, ledger.records[:-3])


TAMPERED: list[tuple[str, Callable[[Ledger], Ledger], str, int]] = [
    ("a bit of a decision", _bit_in_the_middle, "reexecution", AT),
    ("a bit of a decision", _bit_in_the_middle, "chain", AT + 1),
    ("a bit of its number", _bit_in_the_number, "numbering", AT),
    ("a bit of its chain", _bit_in_the_chain, "chain", AT),
    ("another action's hash", _other_action_hash, "action_sha256", AT),
    ("a decision put in, all chained anew", _put_in, "actions", AT),
    ("a decision put in, all chained anew", _put_in, "numbering", AT),
    ("a decision taken out, all chained anew", _taken_out, "actions", AT),
    ("two decisions swapped", _swapped, "numbering", AT),
    ("two decisions swapped", _swapped, "actions", AT),
    ("a unit not taken, all chained anew", _unit_from_nowhere, "books", AT),
    ("a unit not taken, all chained anew", _unit_from_nowhere, "reexecution", AT),
    ("an instant beyond all years", _instant_beyond_all_years, "reexecution", AT),
    ("a bit of an action", _bit_in_an_action, "action_sha256", len(small_ledger().records) // 2),
    ("an action dropped", _action_dropped, "actions", AT),
    ("the actions cut short", _actions_cut_short, "actions", len(small_ledger().journal) - 3),
]


def test_a_whole_ledger_is_well(tmp_path: Path) -> None:
    """Nothing is found in a ledger that nobody touched, and everything was looked at."""
    ledger = small_ledger()
    report = verified(ledger, tmp_path)
    assert ({}, [], 0) == (report.found, report.findings, report.waiting)
    assert report.decisions == report.actions == len(ledger.journal)
    assert len(ledger.journal) == report.facts["sequence"]["decisions"]
    totals = report.facts["books"]["totals"]
    assert totals["granted"] == sum(count for name, count in totals.items() if name != "granted") > 0


def test_another_process_finds_the_same(tmp_path: Path) -> None:
    """Beside or in the same process: the same report, but for time and memory."""
    ledger = _bit_in_the_middle(small_ledger())
    here, there = (verified(ledger, tmp_path / str(number), processes=number) for number in (0, 2))
    assert (here.found, here.findings, here.facts) == (there.found, there.findings, there.facts)


def test_what_waits_is_no_fault(tmp_path: Path) -> None:
    """Actions that the journal has not reached are counted, and nothing is wrong: a live ledger is so."""
    ledger = small_ledger()
    report = verified(ledger.with_journal(ledger.journal[:-250]), tmp_path)
    assert (250, {}) == (report.waiting, report.found)


@pytest.mark.parametrize(
    ("tamper", "check", "place"),
    [row[1:] for row in TAMPERED],
    ids=[f"{row[2]}: {row[0]}" for row in TAMPERED],
)
def test_tampering_is_found_and_named(
    tamper: Callable[[Ledger], Ledger], check: str, place: int, tmp_path: Path
) -> None:
    """The check finds it at its place; without that check the finding is not there: what is, is another's."""
    ledger = tamper(small_ledger())
    report = verified(ledger, tmp_path / "with")
    assert (check, place) in [(finding.check, finding.place) for finding in report.findings]
    without = verified(ledger, tmp_path / "without", ALL_CHECKS - {check})
    assert check not in without.found
    assert _of(report.findings, check) != []
    assert _of(without.findings, check) == []
    assert report.neighbours


def _of(findings: list[Finding], check: str) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


def test_a_journal_that_began_with_another_policy(tmp_path: Path) -> None:
    """Under the policy that it began with it is well; under the default one its first decision differs."""
    policy = policy_of({**DEFAULT_POLICY, "version": "P-0", "late_departures": False})
    ledger = small_ledger()
    other = ledger.with_journal(Reexecution(built_in_ids(), policy).run(ledger.records))
    request = Request(built_in_ids(), tmp_path / "right", policy=policy, processes=0)
    assert {} == verify(other, request).found
    finding = verified(other, tmp_path / "wrong").findings[0]
    assert ("reexecution", 0, "policy") == (finding.check, finding.place, finding.differences[0].name)
    assert ('"B.662-2023"', '"P-0"') == (finding.differences[0].expected, finding.differences[0].found)
