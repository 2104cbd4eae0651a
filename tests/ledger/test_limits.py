"""The largest decision that an action can lead to still fits an entry of a C2SP log bundle (64 KiB)."""

import json

import pytest

from ledger.engine import Engine
from schemas.action_json import parse_action
from schemas.codec import encode_decision
from schemas.errors import ShapeError
from schemas.framing import action_record
from schemas.kinds import SCHEMES, SYSTEMS
from schemas.shape import (
    CLOCK_SKEW_SECONDS_MAX,
    ID_BYTES_MAX,
    LINES_MAX,
    POLICY_NAMES_MAX,
    TEXT_BYTES_MAX,
    UNITS_MAX,
    problems,
)
from tests.ledger.story import HEAD_OFFICE, Json

ENTRY_BYTES_MAX = 65_535
LONGEST = "ÿ" * (ID_BYTES_MAX // 2)


def _largest(kind: str, number: int, **fields: object) -> Json:
    return {
        "action_id": f"00000000-0000-7000-8000-{number:012d}",
        "kind": kind,
        "system": "BP2MI",
        "office": {**HEAD_OFFICE, "code": LONGEST},
        "officer": LONGEST,
        "occurred_at": "9999-12-30T00:00:00.000001+23:59",
        "entered_at": "9999-12-30T00:00:00.000001+23:59",
        **fields,
    }


def test_the_largest_permit_gives_a_decision_below_the_limit() -> None:
    """Every line and every identifier as long as the shape allows: it is accepted, and its decision fits."""
    engine = Engine.start()
    lines = [
        {"line": UNITS_MAX - number, "position": LONGEST, "sex": "ANY", "units": UNITS_MAX}
        for number in range(LINES_MAX)
    ]
    history = [
        _largest("agency_licensed", 1, agency_id=LONGEST),
        _largest(
            "permit_issued",
            2,
            permit_id=LONGEST,
            agency_id=LONGEST,
            destination="TW",
            valid_from="0001-01-02",
            valid_to="9999-12-30",
            lines=lines,
        ),
    ]
    for offset, value in enumerate(history):
        action = parse_action(json.dumps(value))
        assert [] == problems(action)
        record = action_record(action)
        decision = engine.decide(action, record.avro, record.digest, 2**40 + offset, action.entered_at, 0)
        assert "ACCEPTED" == decision.outcome
        assert len(encode_decision(decision)) <= ENTRY_BYTES_MAX


def test_the_largest_policy_gives_a_decision_below_the_limit() -> None:
    """Its lists may name a system or scheme twice, up to a limit; a longer list breaks the shape."""
    engine = Engine.start()
    policy = {
        "version": LONGEST,
        "registration_limit": "9999-12-30T00:00:00.000001+23:59",
        "closure": "9999-12-30T00:00:00.000001+23:59",
        "unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "registration"},
        "biometrics_not_required": [SYSTEMS[0]] * POLICY_NAMES_MAX,
        "agreement_not_required": [SCHEMES[0]] * POLICY_NAMES_MAX,
        "restore_if_valid_at": "reregistration",
        "restoration": True,
        "late_departures": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS_MAX,
    }
    action = parse_action(json.dumps(_largest("policy_adopted", 1, policy=policy)))
    record = action_record(action)
    decision = engine.decide(action, record.avro, record.digest, 2**40, action.entered_at, 0)
    assert "ACCEPTED" == decision.outcome
    assert len(encode_decision(decision)) <= ENTRY_BYTES_MAX
    # 65,343 bytes of action, 65,483 of decision and more under a policy of a longer name, were it taken.
    for name, value in (("biometrics_not_required", "SISKOTKLN"), ("agreement_not_required", "UKPS")):
        with pytest.raises(ShapeError, match=f"policy.{name}: it has 6460 names"):
            parse_action(json.dumps(_largest("policy_adopted", 1, policy=policy | {name: [value] * 6460})))


def test_the_longest_complaint_gives_a_decision_below_the_limit() -> None:
    """Free text has its own limit, and a decision on a complaint repeats it."""
    engine = Engine.start()
    action = parse_action(
        json.dumps(
            {
                **_largest("complaint_received", 1, complaint_id=LONGEST, registration_id=LONGEST),
                "system": "SISKOP2MI",
                "topic": "t" * TEXT_BYTES_MAX,
                "channel": "c" * TEXT_BYTES_MAX,
            }
        )
    )
    record = action_record(action)
    decision = engine.decide(action, record.avro, record.digest, 2**40, action.entered_at, 0)
    assert "ACCEPTED" == decision.outcome
    assert len(encode_decision(decision)) <= ENTRY_BYTES_MAX
