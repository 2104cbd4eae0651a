"""Records on the wire: an action comes back, its digest is of its content, nothing else passes for one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.action_json import parse_action, read_action_line
from schemas.codec import encode_action, encode_decision
from schemas.errors import UnreadableRecord
from schemas.framing import (
    ACTION_BYTES_MAX,
    action_record,
    content_digest,
    decode_action_value,
    frame,
    read_action_record,
    unframe,
)
from schemas.ids import LockedSchema, SchemaIds
from schemas.records import Action
from tests.schemas.strategies import FIELDS, actions, patient
from tests.schemas.test_action_json import REGISTERED
from tests.schemas.test_decision_json import minimal

IDS = SchemaIds(
    (
        LockedSchema("Action", 1, 40, ""),
        LockedSchema("Action", 2, 41, ""),
        LockedSchema("Decision", 1, 42, ""),
        LockedSchema("Policy", 1, 43, ""),
    )
)
AVRO = read_action_line(json.dumps(REGISTERED)).avro


@patient
@given(st.integers(0, 2**32 - 1), st.binary(max_size=50))
def test_a_frame_comes_off_again(schema_id: int, avro: bytes) -> None:
    """0x00, the id in four bytes, most significant first, and the Avro bytes."""
    value = frame(schema_id, avro)
    assert b"\x00" + schema_id.to_bytes(4, "big") + avro == value
    assert (schema_id, avro) == unframe(value)


@patient
@given(actions())
def test_an_action_comes_back_from_the_wire(action: Action) -> None:
    """Its Avro bytes are those that were produced, and reader and writer agree on the digest."""
    written = action_record(action)
    read = decode_action_value(frame(41, written.avro), IDS)
    assert encode_action(action) == written.avro == read.avro == encode_action(read.action)
    assert written.digest == read.digest == content_digest(action)


def digest(**changes: Any) -> bytes:
    """The digest of the contract's example, with changes."""
    return read_action_line(json.dumps(REGISTERED | changes)).digest


def test_the_digest_is_of_the_content() -> None:
    """`entered_at` and `sealed` are no content; another offset of the same instant is other content."""
    assert digest() == digest(entered_at="2024-01-01T00:00:00+07:00", sealed={"name": "c2VhbGVk"})
    assert digest() == digest(action_id=REGISTERED["action_id"].upper(), reason=None)
    assert digest() == digest(occurred_at="2023-02-17T01:30:00.000+09:00")
    assert digest() != digest(occurred_at="2023-02-16T23:30:00+07:00")
    assert digest() != digest(officer="o-4712")
    assert digest() != digest(evidence=None)
    assert digest(evidence=None) == digest(evidence=[])


def test_the_digest_does_not_hang_on_how_the_bytes_were_written() -> None:
    """A writer that spends a byte more on a number sends the same content."""
    longer = AVRO[:16] + bytes([AVRO[16] | 128, 0]) + AVRO[17:]
    record = read_action_record(longer)
    assert longer == record.avro
    assert digest() == record.digest


def test_the_digest_is_half_a_sha256_of_a_prefix() -> None:
    """Anybody can compute it: SHA-256 over the Avro bytes before `entered_at`."""
    # A microsecond later: the first byte of the number differs.
    other = read_action_line(json.dumps(REGISTERED | {"entered_at": "2023-02-17T01:31:10.000001+09:00"})).avro
    size = next(place for place, (a, b) in enumerate(zip(AVRO, other, strict=False)) if a != b)
    assert hashlib.sha256(AVRO[:size]).digest()[:16] == digest()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no value"),
        (b"", "0 bytes, fewer than a frame"),
        (b"\x00\x00\x00\x00", "fewer than a frame"),
        (b"\x01" + frame(41, AVRO)[1:], "no frame"),
        (json.dumps(REGISTERED).encode(), "no frame: its first byte is 123"),
        (frame(44, AVRO), "nobody knows schema id 44"),
        (frame(42, encode_decision(minimal())), "schema id 42 is Decision"),
        (frame(41, b""), "16 bytes are announced at byte 0 of 0"),
        (frame(41, AVRO[:-1]), "no Avro record"),
        (frame(41, AVRO + b"\x00"), "1 bytes follow the record"),
        (frame(41, encode_decision(minimal())), "no Avro record"),
        (frame(41, AVRO + bytes(ACTION_BYTES_MAX)), "an action has at most 65535"),
    ],
)
def test_what_is_no_action(value: bytes | None, reason: str) -> None:
    """Each kind of bad bytes has its reason."""
    with pytest.raises(UnreadableRecord) as caught:
        decode_action_value(value, IDS)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"line": None}, "line: a permit is named without a line"),
        ({"kind": "unrecognised"}, "kind: it is no kind"),
        ({"provider_type": "unrecognised"}, "provider_type"),
        ({"sealed": "[]"}, "sealed: it is no JSON object"),
        ({"sealed": '{"a":1,"a":2}'}, "sealed: it is no JSON object"),
        ({"occurred_offset_minutes": 24 * 60}, "occurred_at: its offset"),
        ({"occurred_at": 2**61}, "occurred_at: it lies outside"),
        ({"units": -1}, "units"),
    ],
)
def test_a_record_that_breaks_the_shape_is_unreadable(change: dict[str, Any], reason: str) -> None:
    """The shape is judged on the wire as well, by the same judge; the reason names the field."""
    action = parse_action(json.dumps(REGISTERED))
    broken = Action(**({name: getattr(action, name) for name in FIELDS["Action"]} | change))
    with pytest.raises(UnreadableRecord) as caught:
        decode_action_value(frame(41, encode_action(broken)), IDS)
    assert reason in caught.value.reason


@patient
@given(st.binary(max_size=100), st.booleans())
def test_no_bytes_do_anything_else(value: bytes, is_framed: bool) -> None:  # noqa: FBT001 - drawn, not passed
    """Whatever stands on the topic is an action or unreadable."""
    try:
        record = decode_action_value(frame(41, AVRO[: len(value)] + value) if is_framed else value, IDS)
    except UnreadableRecord as error:
        reason = error.reason
    else:
        reason = repr(record)
    assert reason
