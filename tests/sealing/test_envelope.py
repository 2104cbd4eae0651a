"""What is sealed opens with its key, for its action and its field; and in no other way."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.sealing import (
    FIELD_BYTES_MAX,
    FIELDS,
    SealBroken,
    SealedWrong,
    open_fields,
    seal_fields,
    seal_of,
    sealed_of,
)
from producers.sealing.envelope import is_ours, says_it_is_ours
from schemas.action_json import read_action_line
from schemas.framing import read_action_record

KEY, OTHER_KEY = bytes(range(32)), bytes(32)
ACTION, OTHER_ACTION = uuid.UUID(int=1).bytes, uuid.UUID(int=2).bytes
SITI = {"nik": "3501014503900001", "name": "Siti", "birth_date": "1990-03-05", "passport": "B0000001"}
REGISTERED = {
    "action_id": str(uuid.UUID(int=1)),
    "kind": "registered",
    "system": "SISKOTKLN",
    "office": {"type": "LTSA", "code": "L-1"},
    "officer": "o-1",
    "occurred_at": "2022-03-01T09:00:00+07:00",
    "entered_at": "2022-03-01T09:00:00+07:00",
    "registration_id": "R-1",
    "person_id": "p-1",
    "scheme": "G_TO_G",
    "destination": "KR",
    "position": "worker",
    "sex": "F",
}
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=100)


@given(st.dictionaries(st.sampled_from(FIELDS), texts))
def test_whatever_is_sealed_opens(fields: dict[str, str]) -> None:
    """Any text, in any field; an empty one is not there."""
    given_ = {name: fields[name] for name in FIELDS if fields.get(name)}
    assert given_ == open_fields(KEY, ACTION, seal_fields(KEY, ACTION, fields))


def test_only_with_its_key_and_for_its_action() -> None:
    """Another key, another action: the field is named, its value never."""
    sealed = seal_fields(KEY, ACTION, SITI)
    for key, action in ((OTHER_KEY, ACTION), (KEY, OTHER_ACTION)):
        with pytest.raises(SealBroken, match="sealed field nik does not open") as caught:
            open_fields(key, action, sealed)
        assert not any(value in repr(caught.value) + caught.value.advice for value in SITI.values())


def test_a_value_cannot_be_moved_to_another_field() -> None:
    """Name and passport number exchanged: neither opens."""
    envelopes = json.loads(seal_fields(KEY, ACTION, SITI))
    envelopes["name"], envelopes["passport"] = envelopes["passport"], envelopes["name"]
    with pytest.raises(SealBroken, match="name"):
        open_fields(KEY, ACTION, json.dumps(envelopes))


@pytest.mark.parametrize("place", range(0, 80, 7))
def test_any_changed_byte_is_noticed(place: int) -> None:
    """Nonce, ciphertext or tag: one letter of the base64 changed."""
    envelopes = json.loads(seal_fields(KEY, ACTION, {"nik": SITI["nik"]}))
    text = envelopes["nik"]
    envelopes["nik"] = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(SealBroken):
        open_fields(KEY, ACTION, json.dumps(envelopes))


def test_nothing_is_told_by_length_or_repetition() -> None:
    """A short name is as long as a long one; the same text sealed twice shares no byte of note."""
    short, long = (json.loads(seal_fields(KEY, ACTION, {"name": name}))["name"] for name in ("Ni", "N" * 31))
    assert len(short) == len(long)
    again = json.loads(seal_fields(KEY, ACTION, {"name": "Ni"}))["name"]
    assert short[:16] != again[:16]
    assert short[16:] != again[16:]


@pytest.mark.parametrize(
    "sealed", ["[]", "{}", '{"v":2}', '{"v":1,"phone":"AAAA"}', '{"v":1,"nik":7}', '{"name":"c2VhbGVk"}', "x"]
)
def test_other_forms_are_told_from_ours(sealed: str) -> None:
    """What a source sealed in its own way is neither opened nor taken for damaged."""
    assert not is_ours(sealed)
    with pytest.raises(SealedWrong):
        open_fields(KEY, ACTION, sealed)


@pytest.mark.parametrize("text", ["Siti Rahasia", "SitiRahasia", "AAAA", "A" * 81])
def test_what_is_no_envelope_is_broken(text: str) -> None:
    """A text in the place of an envelope, or one of a length that none has, is told by its field."""
    sealed = json.dumps({"v": 1, "name": text})
    assert (False, True) == (is_ours(sealed), says_it_is_ours(sealed))
    with pytest.raises(SealBroken) as caught:
        open_fields(KEY, ACTION, sealed)
    assert "name" == caught.value.field


def test_what_cannot_be_sealed_is_refused_without_showing_it() -> None:
    """Too long, or no field of ours."""
    with pytest.raises(SealedWrong, match="name has 501 bytes") as caught:
        seal_fields(KEY, ACTION, {"name": "S" * (FIELD_BYTES_MAX + 1)})
    assert "SSS" not in str(caught.value)
    with pytest.raises(SealedWrong, match="1 of the fields") as caught:
        seal_fields(KEY, ACTION, {"Siti Rahasia": "x"})
    assert "Siti" not in str(caught.value)


def test_sealing_an_action_changes_nothing_else() -> None:
    """Id and content stay what they were, and with every field at its longest the shape is in order."""
    record = read_action_line(json.dumps(REGISTERED))
    sealed = read_action_record(
        seal_of(record.avro, KEY, dict.fromkeys(FIELDS, "é" * (FIELD_BYTES_MAX // 2)))
    )
    assert record.digest == sealed.digest
    assert record.action.action_id == sealed.action.action_id
    found = sealed_of(sealed.avro)
    assert found == sealed.action.sealed
    assert found is not None
    assert "é" * (FIELD_BYTES_MAX // 2) == open_fields(KEY, ACTION, found)["passport"]
    with pytest.raises(ValueError, match="sealed already"):
        seal_of(sealed.avro, KEY, SITI)
