"""Bytes on the action topic that are no action: each is accounted for, pointed at, held against nobody."""

import hashlib
import json
from uuid import UUID

from schemas.action_json import read_action_line
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger
from tests.faults.services import Crew, eventually

IDS = built_in_ids()
ACTION_ID_BYTES = 16


def licence(number: int) -> bytes:
    """A good action: one more agency gets its licence."""
    text = json.dumps(
        {
            "action_id": str(UUID(int=number)),
            "kind": "agency_licensed",
            "system": "BP2MI",
            "office": {"type": "HQ", "code": "HQ"},
            "officer": "OFFICER-MARK",
            "occurred_at": "2023-05-01T09:00:00+07:00",
            "entered_at": "2023-05-01T09:01:00+07:00",
            "agency_id": f"A-{number}",
        }
    )
    return read_action_line(text).avro


def with_kind(avro: bytes, symbol: int) -> bytes:
    """The same action with another number in the place of its kind (below 64, so it is one byte)."""
    return avro[:ACTION_ID_BYTES] + bytes([2 * symbol]) + avro[ACTION_ID_BYTES + 1 :]


def bad_values() -> dict[str, bytes | None]:
    """What can go wrong with a record, by what the reason has to speak of."""
    good = licence(0)
    action = IDS.action_id
    return {
        "no value": None,
        "0 bytes": b"",
        "4 bytes": b"\0\0\0\0",
        "no frame": b'{"kind": "agency_licensed"}',
        "nobody knows schema id 77": frame(77, good),
        "is Decision": frame(IDS.decision_id, good),
        "no Avro record": frame(action, b""),
        "Avro record": frame(action, good[:ACTION_ID_BYTES]),
        "Avro": frame(action, good[: len(good) // 2]),
        "schema": frame(action, good[:-1]),
        "of this schema": frame(action, good + b"\0"),
        "is no Avro record of this schema": frame(action, good.replace(b"OFFICER-MARK", b"OFFICER\xffMARK")),
        "officer": frame(action, good.replace(b"OFFICER-MARK", b"OFFICER\0MARK")),
        "kind": frame(action, with_kind(good, 0)),
        "it is no Avro record": frame(action, with_kind(good, 63)),
        "registration_id": frame(action, with_kind(good, 16)),
        "bytes; an action has at most": frame(action, good + bytes(900 * 1024)),
    }


def test_every_kind_of_bad_bytes_is_decided_as_unreadable_and_set_aside(
    ledger: Ledger, deciders: Crew
) -> None:
    """One UNREADABLE decision and one dead letter each, which says where the bytes stand, and does not repeat
    them; the next good action counts.
    """
    bad = bad_values()
    decider = deciders.start()
    for number, value in enumerate(bad.values(), start=1):
        ledger.send([value, frame(IDS.action_id, licence(number))])
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert ["UNREADABLE", "ACCEPTED"] * len(bad) == [decision.outcome for decision in verdict.decisions]
    letters = ledger.read(ledger.dead_letters_topic)
    assert [None] * len(bad) == [letter.value for letter in letters]
    for place, ((said, value), letter) in enumerate(zip(bad.items(), letters, strict=True)):
        assert said in letter.headers["neraca-reason"].decode()
        assert {
            "neraca-topic": ledger.actions_topic.encode(),
            "neraca-partition": b"0",
            "neraca-offset": str(2 * place).encode(),
            "neraca-seq": str(2 * place).encode(),
            "neraca-bytes": str(len(value or b"")).encode(),
            "neraca-sha256": hashlib.sha256(value or b"").hexdigest().encode(),
        } == {name: letter.headers[name] for name in letter.headers if name != "neraca-reason"}
    assert len(bad) == decider.metric("neraca_dead_letters_total")
    assert 0 == decider.metric("neraca_decider_restarts_total")


def test_an_id_in_bad_bytes_stays_free_and_a_mended_record_counts(ledger: Ledger, deciders: Crew) -> None:
    """Bad bytes are no action: the same id, sent again in order, is decided and no duplicate."""
    deciders.start()
    good = frame(IDS.action_id, licence(1))
    ledger.send([good[:-1], good, good])
    eventually("all is decided", ledger.is_decided)
    outcomes = [decision.outcome for decision in ledger.judge().decisions]
    assert ["UNREADABLE", "ACCEPTED", "DUPLICATE"] == outcomes


def test_offsets_that_a_transaction_took_are_no_actions(ledger: Ledger, deciders: Crew) -> None:
    """An aborted transaction leaves a gap in the offsets and none in `seq`: nobody sent what it held."""
    deciders.start()
    ledger.send([frame(IDS.action_id, licence(1))])
    ledger.abort(ledger.actions_topic, [frame(IDS.action_id, licence(2)), b"bad"])
    ledger.send([frame(IDS.action_id, licence(3)), b"bad"])
    ledger.abort(ledger.actions_topic, [b"bad"])
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert [(0, 0), (1, 4), (2, 5)] == [(int(d.seq), int(d.action_offset)) for d in verdict.decisions]
    assert ["ACCEPTED", "ACCEPTED", "UNREADABLE"] == [d.outcome for d in verdict.decisions]
    assert [b"5"] == [letter.headers["neraca-offset"] for letter in ledger.read(ledger.dead_letters_topic)]
