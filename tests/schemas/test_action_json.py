"""An action as JSON: what contract §1 takes and gives, and everything that is wrong, named by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.action_json import (
    _NotPlainError,
    action_json,
    action_of,
    parse_action,
    plain_action,
    read_action_line,
)
from schemas.action_model import FIELD_NAMES, judge_action
from schemas.codec import encode_action
from schemas.errors import ShapeError
from schemas.framing import ACTION_BYTES_MAX
from schemas.records import Action
from schemas.shape import Problem, problems
from tests.schemas.strategies import JSON_VALUES, actions, patient

Json = dict[str, Any]

ENVELOPE: Json = {
    "action_id": "018952d4-0c1a-7000-8000-000000000001",
    "kind": "registered",
    "system": "SISKOTKLN",
    "office": {"type": "BP3MI", "code": "BP3MI-NTB"},
    "officer": "o-4711",
    "occurred_at": "2023-02-17T01:30:00+09:00",
    "entered_at": "2023-02-17T01:31:10+09:00",
}
REGISTERED: Json = ENVELOPE | {
    "registration_id": "R-1",
    "person_id": "3f0c",
    "scheme": "P_TO_P",
    "agency_id": "A-1",
    "destination": "TW",
    "position": "caregiver",
    "sex": "F",
    "permit_id": "S-9",
    "line": 1,
    "evidence": [{"type": "boarding_pass", "reference": "b-1"}],
}
PERMIT: Json = ENVELOPE | {
    "kind": "permit_issued",
    "system": "BP2MI",
    "office": {"type": "HQ", "code": "HQ"},
    "permit_id": "S-9",
    "agency_id": "A-1",
    "destination": "TW",
    "valid_from": "2023-01-01",
    "valid_to": "2023-12-31",
    "lines": [{"line": 1, "position": "caregiver", "sex": "ANY", "units": 2}],
}
POLICY: Json = {
    "version": "P-2",
    "registration_limit": "2023-02-17T00:00:00+07:00",
    "closure": "2023-07-17T00:00:00+07:00",
    "unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "agreement"},
    "biometrics_not_required": ["SISKOTKLN"],
    "agreement_not_required": ["INDIVIDUAL", "UKPS"],
    "restore_if_valid_at": "reregistration",
    "restoration": True,
    "late_departures": True,
    "clock_skew_seconds": 300,
}
POLICY_ADOPTED: Json = ENVELOPE | {"kind": "policy_adopted", "system": "BP2MI", "policy": POLICY}


def encoded(value: Json) -> bytes:
    """The Avro bytes of an action given as JSON."""
    return encode_action(parse_action(json.dumps(value)))


def wrong(value: object) -> dict[str, str]:
    """Field to reason, of everything that is wrong."""
    with pytest.raises(ShapeError) as caught:
        parse_action(json.dumps(value))
    found = caught.value.problems
    assert found
    assert (found[0].field, found[0].reason) == (caught.value.field, caught.value.reason)
    assert all(problem.advice for problem in found)
    return {problem.field: problem.reason for problem in found}


@patient
@given(actions())
def test_an_action_survives_its_json(action: Action) -> None:
    """Writing and reading give the same Avro bytes; the line is one line."""
    text = action_json(action)
    assert "\n" not in text
    assert encode_action(action) == encode_action(parse_action(text)) == read_action_line(text.encode()).avro


@patient
@given(actions(), st.data())
def test_both_ways_of_reading_agree(action: Action, chosen: st.DataObject) -> None:
    """What the plain way takes, the models take alike; what `shape.py` finds, both find alike."""
    value = json.loads(action_json(action))
    for _ in range(chosen.draw(st.integers(0, 2))):
        field = chosen.draw(st.sampled_from([*FIELD_NAMES, "other"]))
        donor = json.loads(action_json(chosen.draw(actions())))
        value[field] = chosen.draw(JSON_VALUES | st.just(donor.get(field)) | st.sampled_from([0, "", [], {}]))
    judged, found = judge_action(value, problems)
    try:
        plain = plain_action(value)
    except _NotPlainError:
        return
    assert judged is not None
    assert _words(problems(plain)) == _words(found)
    if not found:
        assert encode_action(judged) == encode_action(plain)


def _words(found: list[Problem]) -> list[str]:
    return [repr(problem) for problem in found]


@patient
@given(st.dictionaries(st.sampled_from([*FIELD_NAMES, "other"]), JSON_VALUES))
def test_any_object_is_an_action_or_has_problems(value: Json) -> None:
    """No JSON object does anything but give an action, or name what is wrong."""
    found: list[Problem] = []
    try:
        encode_action(action_of(value))
    except ShapeError as error:
        found = list(error.problems)
    assert bool(found) == bool(judge_action(value, problems)[1])


@pytest.mark.parametrize("value", [REGISTERED, PERMIT, POLICY_ADOPTED])
def test_what_is_written_is_what_was_read(value: Json) -> None:
    """An action in the contract's own spelling comes back word by word, in the contract's order."""
    written = action_json(parse_action(json.dumps(value)))
    assert value == json.loads(written)
    order = [name for name in FIELD_NAMES if name in value]
    assert order == list(json.loads(written))


@pytest.mark.parametrize(
    "changed",
    [
        {"action_id": REGISTERED["action_id"].upper()},
        {"occurred_at": "2023-02-17T01:30:00.000+09:00"},
        {"units": None, "policy": None, "lines": None, "reason": None, "unheard_of": None},
        {"office": {"type": "BP3MI", "code": "BP3MI-NTB", "name": None}},
        {"evidence": [{"type": "boarding_pass", "reference": "b-1", "page": None}]},
        {"sealed": None},
    ],
)
def test_other_spellings_of_the_same_action(changed: Json) -> None:
    """Null is absent, a UUID has no case, a zero fraction is nothing."""
    assert encoded(REGISTERED) == encoded(REGISTERED | changed)


def test_no_evidence_has_three_spellings() -> None:
    """Absent, null and empty evidence are the same."""
    without = {key: value for key, value in REGISTERED.items() if key != "evidence"}
    assert encoded(without) == encoded(without | {"evidence": None}) == encoded(without | {"evidence": []})


@pytest.mark.parametrize(
    ("changed", "field", "reason"),
    [
        ({"action_id": "018952d4"}, "action_id", "no UUID"),
        ({"action_id": "{018952d4-0c1a-7000-8000-000000000001}"}, "action_id", "no UUID"),
        ({"action_id": "018952d40c1a70008000000000000001"}, "action_id", "no UUID"),
        ({"action_id": "018952d4-0c1a-7000-8000-00000000 001"}, "action_id", "no UUID"),
        ({"action_id": None}, "action_id", "missing"),
        ({"kind": "arrived"}, "kind", "no kind of action"),
        ({"kind": "unrecognised"}, "kind", "no kind of action"),
        ({"kind": 1}, "kind", "no text"),
        ({"system": "SAP"}, "system", "no system"),
        ({"office": None}, "office", "missing"),
        ({"office": "HQ"}, "office", "no object"),
        ({"office": {"type": "HQ"}}, "office.code", "missing"),
        ({"office": {"type": "KJRI", "code": "K"}}, "office.type", "no office type"),
        ({"office": {"type": "HQ", "code": "HQ", "city": "Jakarta"}}, "office.city", "no such field"),
        ({"officer": ""}, "officer", "empty"),
        ({"officer": "o\x00"}, "officer", "U+0000"),
        ({"officer": "o" * 201}, "officer", "longer than 200 bytes"),
        ({"occurred_at": "2023-02-17T01:30:00"}, "occurred_at", "no offset"),
        ({"occurred_at": 1676565000}, "occurred_at", "no instant"),
        ({"occurred_at": "0001-01-01T00:00:00+07:00"}, "occurred_at", "lies outside"),
        ({"entered_at": None}, "entered_at", "missing"),
        ({"line": "1"}, "line", "no whole number"),
        ({"line": 1.0}, "line", "no whole number"),
        ({"line": True}, "line", "no whole number"),
        ({"line": 0}, "line", "no line"),
        ({"line": 2**31}, "line", "too large"),
        ({"line": 10**30}, "line", "too large"),
        ({"line": None}, "line", "permit is named without a line"),
        ({"permit_id": None}, "permit_id", "line is named without its permit"),
        ({"scheme": "P TO P"}, "scheme", "no placement scheme"),
        ({"scheme": "UKPS"}, "agency_id", "uses no permit"),
        ({"agency_id": None}, "agency_id", "missing"),
        ({"destination": "TWN"}, "destination", "no country code"),
        ({"destination": "tw"}, "destination", "no country code"),
        ({"sex": "ANY"}, "sex", "no sex of a candidate"),
        ({"units": 1}, "units", "no such field"),
        ({"lines": []}, "lines", "empty list"),
        ({"policy": POLICY}, "policy", "no such field"),
        ({"evidence": [{"type": "x", "reference": "y", "pages": 2}]}, "evidence[0].pages", "no such field"),
        ({"evidence": [None]}, "evidence[0]", "no object"),
        ({"evidence": {}}, "evidence", "no list"),
        ({"evidence": [{"type": "x", "reference": "y"}] * 33}, "evidence", "there are 33"),
        ({"sealed": "abc"}, "sealed", "no object"),
        ({"sealed": []}, "sealed", "no object"),
        ({"registrationid": "R-1"}, "registrationid", "no such field"),
    ],
)
def test_what_breaks_the_shape_of_a_registration(changed: Json, field: str, reason: str) -> None:
    """Each break is told with its field and its reason, whether by the models or by `shape.py`."""
    found = wrong(REGISTERED | changed)
    assert field in found, found
    assert reason in found[field]


@pytest.mark.parametrize(
    ("changed", "field", "reason"),
    [
        ({"valid_to": "2022-12-31"}, "valid_to", "before valid_from"),
        ({"valid_to": "2023-02-30"}, "valid_to", "in no calendar"),
        ({"valid_to": "31-12-2023"}, "valid_to", "no date"),
        ({"lines": None}, "lines", "missing"),
        ({"lines": [PERMIT["lines"][0]] * 2}, "lines[1].line", "the same number"),
        ({"lines": [PERMIT["lines"][0] | {"units": 0}]}, "lines[0].units", "no number of units"),
        ({"lines": [PERMIT["lines"][0] | {"units": 2.0}]}, "lines[0].units", "no whole number"),
        ({"lines": [PERMIT["lines"][0] | {"sex": "L/P"}]}, "lines[0].sex", "no sex of a line"),
        ({"lines": [PERMIT["lines"][0] | {"unit": 1}]}, "lines[0].unit", "no such field"),
        ({"lines": [{"line": 1}]}, "lines[0].position", "missing"),
    ],
)
def test_what_breaks_the_shape_of_a_permit(changed: Json, field: str, reason: str) -> None:
    """Lines and dates are judged one by one."""
    found = wrong(PERMIT | changed)
    assert field in found, found
    assert reason in found[field]


@pytest.mark.parametrize("field", list(POLICY))
def test_a_policy_needs_every_field(field: str) -> None:
    """A policy with a field missing, or with another, breaks the shape."""
    less = {key: value for key, value in POLICY.items() if key != field}
    assert "missing" in wrong(POLICY_ADOPTED | {"policy": less})[f"policy.{field}"]
    more = wrong(POLICY_ADOPTED | {"policy": POLICY | {field + "_": 1}})
    assert {f"policy.{field}_": "there is no such field"} == more


def test_a_policy_is_judged_inside() -> None:
    """Also the moments of taking, and the names in lists."""
    taken = {"SISKOTKLN": "departure", "SIAPKERJA": "agreement", "BP2MI": "agreement"}
    changed = {"unit_taken_at": taken, "biometrics_not_required": ["SAP"], "restoration": 1}
    found = wrong(POLICY_ADOPTED | {"policy": POLICY | changed})
    assert {"policy.unit_taken_at.BP2MI", "policy.restoration"} == set(found)
    del taken["BP2MI"], changed["restoration"]
    found = wrong(POLICY_ADOPTED | {"policy": POLICY | changed})
    assert {"policy.unit_taken_at.SISKOTKLN", "policy.biometrics_not_required"} == set(found)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """Errors of type, of presence and of value come together, in the order of the fields."""
    value = REGISTERED | {
        "office": {"type": "X", "code": "c"},
        "scheme": "Y",
        "sex": 5,
        "units": 3,
        "zone": 1,
    }
    del value["entered_at"], value["registration_id"]
    expected = ["office.type", "entered_at", "registration_id", "scheme", "sex", "units", "zone"]
    assert expected == list(wrong(value))


SLIPPED = ("Siti Rahasia", "SITI", "3501014503901234", "X7654321", "05/03/1990", "1990-03-05")
FIELDS_OF_TEXT = (
    "kind",
    "system",
    "scheme",
    "sex",
    "destination",
    "provider_type",
    "occurred_at",
    "valid_from",
)


@pytest.mark.parametrize("slipped", SLIPPED)
def test_no_value_is_repeated(slipped: str) -> None:
    """Personal data in the wrong field, or in the place of a key, is not in what is told about it."""
    wrongs: list[dict[str, Any]] = [REGISTERED | {field: slipped} for field in FIELDS_OF_TEXT]
    wrongs += [REGISTERED | {"office": {"type": slipped, "code": "c"}}, REGISTERED | {slipped: "x"}]
    wrongs += [PERMIT | {"lines": [PERMIT["lines"][0] | {"sex": slipped}]}]
    if slipped.isdigit():
        wrongs += [REGISTERED | {"line": int(slipped)}, REGISTERED | {"registration_id": int(slipped)}]
    for value in wrongs:
        with pytest.raises(ShapeError) as caught:
            parse_action(json.dumps(value))
        told = [str(caught.value), caught.value.advice, *map(repr, caught.value.problems)]
        assert slipped not in " ".join(told)
    with pytest.raises(ShapeError) as caught:
        parse_action(f'{{"{slipped}":1,"{slipped}":2}}')
    assert slipped not in str(caught.value)


def test_a_misspelt_field_is_recognised() -> None:
    """The advice names the field that was probably meant."""
    with pytest.raises(ShapeError) as caught:
        parse_action(json.dumps(REGISTERED | {"registraton_id": "R-1"}))
    assert "did you mean registration_id?" in caught.value.advice


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[]", "it is a list, no object"),
        (b"null", "it is null, no object"),
        (b"", "it is empty"),
        (b'{"kind": "registered", "kind": "departed"}', "there twice"),
        (b'{"officer": "\xff"}', "byte 14 is not UTF-8"),
        (b'{"officer": "\xed\xa0\x80"}', "not UTF-8"),
        (b"{" * 50_000, "no JSON"),
        (b'{"a":' * 50_000, "nests deeper"),
        (b'{"line": NaN}', "NaN"),
    ],
)
def test_what_is_no_object_at_all(line: bytes, reason: str) -> None:
    """A line that is no JSON object is told as a whole."""
    with pytest.raises(ShapeError) as caught:
        parse_action(line)
    assert reason in caught.value.reason


def test_sealed_is_carried_and_never_told() -> None:
    """Sealed fields travel as they are, and no message repeats what is in them."""
    sealed = {"name": "c2VhbGVk", "nested": [1, {"x": None}], "é": 1.5}
    action = parse_action(json.dumps(REGISTERED | {"sealed": sealed}))
    assert sealed == json.loads(action_json(action))["sealed"]
    with pytest.raises(ShapeError) as caught:
        parse_action(json.dumps(REGISTERED | {"sealed": ["secret"], "line": 0}))
    assert "secret" not in repr(caught.value.problems) + str(caught.value)
    with pytest.raises(ShapeError, match="longer than"):
        parse_action(json.dumps(REGISTERED | {"sealed": {"x": "y" * 40_000}}))


def test_an_action_that_no_topic_takes_is_refused() -> None:
    """Fields may each be in order, and the whole too large."""
    evidence = [{"type": "t" * 200, "reference": "r" * 2000}] * 32
    with pytest.raises(ShapeError, match=f"more than {ACTION_BYTES_MAX}"):
        read_action_line(json.dumps(REGISTERED | {"evidence": evidence}))


def test_entered_at_can_be_filled_in() -> None:
    """Whoever may fill in `entered_at` passes it; what the source gave stands."""
    without = json.dumps({key: value for key, value in REGISTERED.items() if key != "entered_at"})
    default = (1_676_565_000_000_000, 420)
    filled_in = parse_action(without, entered_at_default=default)
    assert default == (int(filled_in.entered_at), int(filled_in.entered_offset_minutes))
    given_there = parse_action(json.dumps(REGISTERED), entered_at_default=default)
    assert given_there.entered_offset_minutes == 540
