"""What does not belong on the journal's topic: every reader passes over it, and the decider goes on."""

import os

from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger
from tests.faults.services import Crew, eventually
from tests.faults.test_two_deciders import readers_agree, rest_of

IDS = built_in_ids()


def test_foreign_records_are_passed_over_and_counted(
    ledger: Ledger, deciders: Crew, history_values: list[bytes]
) -> None:
    """Random bytes, none at all, old decisions again, the right number on the wrong chain, an aborted
    transaction.
    """
    decider = deciders.start()
    all_along = ledger.reader()
    ledger.send(history_values[:300])
    eventually("the first part is decided", ledger.is_decided)
    accepted = [avro for _, avro in ledger.accepted()]
    read_all_along = rest_of(all_along)
    # `seq` stands first, as a zigzag varint: 299 and 300 take two bytes each.
    assert b"\xd6\x04" == accepted[-1][:2]
    stranger = b"\xd8\x04" + accepted[-1][2:]
    garbage: list[bytes | None] = [
        None,
        b"",
        b"\0\0\0\0",
        os.urandom(5),
        os.urandom(60),
        os.urandom(4_000),
        frame(IDS.decision_id, b""),
        frame(IDS.decision_id, accepted[-1][:20]),
        # The next `seq` on the hash of the one before the last.
        frame(IDS.decision_id, stranger),
        # The bytes of an accepted decision, with one more.
        frame(IDS.decision_id, accepted[-1] + b"\0"),
    ]
    repeats = [frame(IDS.decision_id, accepted[0]), frame(IDS.decision_id, accepted[-1])]
    ledger.forge([*garbage, *repeats])
    ledger.abort(ledger.decisions_topic, [frame(IDS.decision_id, accepted[0]), os.urandom(60)])
    ledger.send(history_values[300:600])
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert 600 == len(verdict.decisions)
    assert (len(garbage), len(repeats)) == (verdict.passed_over, verdict.repeats)
    readers_agree(ledger, verdict, all_along, read_all_along)
    eventually(
        "the decider rings", lambda: decider.metric("neraca_journal_passed_over_total") == len(garbage)
    )
    assert len(repeats) == decider.metric("neraca_journal_repeats_total")
    assert 0 == decider.metric("neraca_decider_restarts_total")
    # One that starts now has to find its way through the same topic.
    assert 0 == decider.stop()
    deciders.start()
    ledger.send(history_values[600:700])
    eventually("another goes on", ledger.is_decided)
    assert 700 == len(ledger.judge().decisions)
