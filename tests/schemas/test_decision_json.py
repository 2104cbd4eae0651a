"""A decision as JSON: contract §2 in its order, and back without loss."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.action_json import parse_action
from schemas.codec import encode_decision
from schemas.decision_json import STAGES, decision_json
from schemas.decision_reader import parse_decision
from schemas.errors import ShapeError
from schemas.records import Decision, Registration, Stage
from tests.schemas.strategies import (
    DAYS,
    FIELDS,
    LONG,
    MOMENTS,
    OFFSETS,
    POLICIES,
    TEXT,
    data,
    datum_of,
    patient,
    record_of,
)
from tests.schemas.test_action_json import REGISTERED

LISTS = [
    "registrations", "postings", "permits", "agencies", "destinations", "people", "trainings", "complaints",
    "policies",
]  # fmt: skip
OURS = ["office", "officer", "registration_id", "person_id", "permit_id", "content_digest"]
# The fields of contract §2 in its order, then ours.
ORDER = [
    "seq", "action_offset", "outcome", "code", "first_seq", "action_id", "kind", "system", "occurred_at",
    "entered_at", "recorded_at", "policy", "late", "action_sha256", "previous_sha256", *LISTS, *OURS,
]  # fmt: skip


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    """Any decision whose instants are instants, and whose stages have an order."""
    datum = draw(data("Decision"))
    for name in ("occurred", "entered", "recorded"):
        is_there = draw(st.booleans())
        datum[f"{name}_at"] = draw(MOMENTS) if is_there else None
        absent = 0 if name == "recorded" else None
        datum[f"{name}_offset_minutes"] = draw(OFFSETS) if is_there else absent
    datum["office_type"], datum["office_code"] = draw(st.just((None, None)) | st.tuples(TEXT, TEXT))
    for registration in datum["registrations"]:
        passed = [name for name in STAGES[1:] if draw(st.booleans())]
        for name in STAGES[1:]:
            registration[name] = None
        seqs = draw(st.lists(LONG, min_size=len(passed) + 1, max_size=len(passed) + 1, unique=True))
        for name, seq in zip(["registered", *draw(st.permutations(passed))], seqs, strict=True):
            registration[name] = {"at": draw(MOMENTS), "offset_minutes": draw(OFFSETS), "seq": seq}
    for permit in datum["permits"]:
        permit["valid_from"], permit["valid_to"] = draw(DAYS), draw(DAYS)
    datum["policies"] = [datum_of(draw(POLICIES)) for _ in datum["policies"]]
    made = record_of(datum)
    assert isinstance(made, Decision)
    return made


@patient
@given(decisions())
def test_a_decision_survives_its_json(decision: Decision) -> None:
    """Writing and reading give the same Avro bytes, so a journal in JSON still proves itself."""
    text = decision_json(decision)
    assert "\n" not in text
    assert encode_decision(decision) == encode_decision(parse_decision(text))


@patient
@given(decisions())
def test_keys_stand_in_the_order_of_the_contract(decision: Decision) -> None:
    """Every key of contract §2 in its place; `code` and `first_seq` only where they mean something."""
    value = json.loads(decision_json(decision))
    expected = [
        name
        for name in ORDER
        if (name != "code" or decision.code is not None)
        and (name != "first_seq" or decision.first_seq is not None)
    ]
    assert expected == list(value)


def minimal(**changes: Any) -> Decision:
    """A decision on nothing, with changes."""
    datum: dict[str, Any] = dict.fromkeys(FIELDS["Decision"])
    datum |= {
        "seq": 7,
        "previous_sha256": bytes(32),
        "action_offset": 9,
        "action_sha256": bytes(31) + b"\xab",
        "outcome": "UNREADABLE",
        "policy": "B.662-2023",
        "late": False,
        "recorded_offset_minutes": 0,
    }
    for name in LISTS:
        datum[name] = []
    return Decision(**(datum | changes))


def test_an_unreadable_record_in_json() -> None:
    """Nothing of the action is known: its fields are null, and the lists are empty."""
    expected: dict[str, Any] = {
        "seq": 7,
        "action_offset": 9,
        "outcome": "UNREADABLE",
        "action_id": None,
        "kind": None,
        "system": None,
        "occurred_at": None,
        "entered_at": None,
        "recorded_at": None,
        "policy": "B.662-2023",
        "late": False,
        "action_sha256": "00" * 31 + "ab",
        "previous_sha256": "00" * 32,
        **{name: [] for name in LISTS},
        **dict.fromkeys(OURS),
    }
    assert expected == json.loads(decision_json(minimal()))


def test_instants_keep_their_local_reading() -> None:
    """An instant is written as its source wrote it, and `action_id` as a UUID in lower case."""
    action = parse_action(json.dumps(REGISTERED))
    decision = minimal(
        action_id=action.action_id,
        occurred_at=action.occurred_at,
        occurred_offset_minutes=action.occurred_offset_minutes,
        recorded_at=action.entered_at,
    )
    value = json.loads(decision_json(decision))
    assert (REGISTERED["action_id"], REGISTERED["occurred_at"]) == (value["action_id"], value["occurred_at"])
    assert value["recorded_at"] == "2023-02-16T16:31:10+00:00"


def test_stages_stand_in_the_order_decided() -> None:
    """Agreement before candidate ID where it was decided so; `registered` is the first."""
    registration = Registration(
        "R-1", "p-1", "SISKOTKLN", "P_TO_P", "A-1", "TW", "caregiver", "F", "open", None, None, None,
        Stage(0, 420, 3), Stage(0, 420, 4), Stage(0, 420, 9), Stage(0, 420, 6), None, None, None, None,
    )  # fmt: skip
    value = json.loads(decision_json(minimal(registrations=[registration])))["registrations"][0]
    expected = ["registered", "documents_verified", "agreement_signed", "candidate_id_issued"]
    assert expected == list(value["stages"])
    assert [3, 4, 6, 9] == value["stage_seqs"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seq": "7"}, "seq"),
        ({"seq": True}, "seq"),
        ({"outcome": None}, "outcome"),
        ({"action_sha256": "00"}, "action_sha256"),
        ({"action_sha256": "zz" * 32}, "action_sha256"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"registrations": [{}]}, "registrations[0].stages"),
        ({"postings": {}}, "postings"),
        ({"agencies": [{"agency_id": "A", "status": "active", "x": 1}]}, "agencies[0].x"),
        ({"policies": [{}]}, "version"),
        ({"other": 1}, "other"),
    ],
)
def test_what_is_no_decision(change: dict[str, Any], field: str) -> None:
    """A line that was changed by hand is told by its field."""
    value = json.loads(decision_json(minimal())) | change
    with pytest.raises(ShapeError) as caught:
        parse_decision(json.dumps(value))
    assert field == caught.value.field


@pytest.mark.parametrize("line", ["", "[]", "{", '{"seq":1,"seq":1}'])
def test_what_is_no_json_object(line: str) -> None:
    """What is no JSON object is no decision."""
    with pytest.raises(ShapeError):
        parse_decision(line)
