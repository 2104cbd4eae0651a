"""The generated codec against fastavro, the judge: same bytes, same records, and no bytes that crash it."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from schemas import codec, generate
from schemas.binary import Cursor, MalformedRecordError
from schemas.codec import decode_action, decode_decision, encode_action, encode_decision
from tests.schemas.strategies import data, datum_of, patient, record_of, schema_of

ROOT = Path(__file__).parents[2]
ENCODE: dict[str, Any] = {"Action": encode_action, "Decision": encode_decision}
DECODE: dict[str, Any] = {"Action": decode_action, "Decision": decode_decision}
SCHEMAS = {name: parse_schema(schema_of(name)) for name in ENCODE}
NAMES = pytest.mark.parametrize("name", list(ENCODE))


def judged(name: str, datum: dict[str, Any]) -> bytes:
    """The bytes that fastavro writes."""
    out = io.BytesIO()
    schemaless_writer(out, SCHEMAS[name], datum)
    return out.getvalue()


@NAMES
@patient
@given(st.data())
def test_encodes_as_fastavro_does(name: str, chosen: st.DataObject) -> None:
    """Every record that the contract allows becomes the bytes that fastavro writes."""
    datum = chosen.draw(data(name))
    assert judged(name, datum) == ENCODE[name](record_of(datum))


@NAMES
@patient
@given(st.data())
def test_decodes_as_fastavro_does(name: str, chosen: st.DataObject) -> None:
    """Bytes that fastavro wrote are read as fastavro reads them."""
    avro = judged(name, chosen.draw(data(name)))
    expected = schemaless_reader(io.BytesIO(avro), SCHEMAS[name], None)
    assert expected == datum_of(DECODE[name](avro))


@NAMES
@patient
@given(st.data())
def test_a_record_that_is_cut_short_is_malformed(name: str, chosen: st.DataObject) -> None:
    """No beginning of a record is a record of its own."""
    avro = judged(name, chosen.draw(data(name)))
    # Every place among the first, where most kinds of fields stand, and some of the rest.
    sizes = {*range(min(100, len(avro))), *chosen.draw(st.sets(st.integers(0, len(avro) - 1), max_size=30))}
    for size in sizes:
        with pytest.raises(MalformedRecordError):
            DECODE[name](avro[:size])


@NAMES
@patient
@given(st.data())
def test_bytes_after_a_record_are_malformed(name: str, chosen: st.DataObject) -> None:
    """A record stands alone: nothing may follow it."""
    avro = judged(name, chosen.draw(data(name)))
    with pytest.raises(MalformedRecordError):
        DECODE[name](avro + chosen.draw(st.binary(min_size=1, max_size=3)))


@NAMES
@patient
@given(st.data())
def test_a_flipped_bit_never_crashes(name: str, chosen: st.DataObject) -> None:
    """Any damage gives another record or `MalformedRecordError`, and nothing else."""
    avro = bytearray(judged(name, chosen.draw(data(name))))
    for _ in range(8):
        place = chosen.draw(st.integers(0, len(avro) * 8 - 1))
        avro[place // 8] ^= 1 << place % 8
        with contextlib.suppress(MalformedRecordError):
            DECODE[name](bytes(avro))


@NAMES
@patient
@given(avro=st.binary(max_size=200))
@example(avro=b"")
@example(avro=b"\xff" * 200)
def test_random_bytes_never_crash(name: str, avro: bytes) -> None:
    """Whatever stands on a topic is a record or `MalformedRecordError`."""
    try:
        record = DECODE[name](avro)
    except MalformedRecordError:
        return
    assert len(ENCODE[name](record)) <= len(avro)


@patient
@given(st.data())
def test_canonical_bytes_are_told_from_others(chosen: st.DataObject) -> None:
    """`canonical` is true exactly where encoding again gives the same bytes."""
    datum = chosen.draw(data("Action"))
    canonical = judged("Action", datum)
    for avro in (canonical, _in_blocks_with_sizes(datum), _with_a_long_number(canonical)):
        cursor = Cursor(avro)
        record = codec.read_action(cursor)
        cursor.end()
        assert (encode_action(record) == avro) == cursor.canonical
        assert encode_action(record) == canonical


def _with_a_long_number(avro: bytes) -> bytes:
    """The same action, its kind as a varint of one byte more than it needs."""
    return avro[:16] + bytes([avro[16] | 128, 0]) + avro[17:]


def _in_blocks_with_sizes(datum: dict[str, Any]) -> bytes:
    """The same action, its evidence in blocks of one item with their sizes, as some writers do."""
    whole = judged("Action", {**datum, "evidence": []})
    beside = judged("Action", {**datum, "evidence": []})[len(_content_without_evidence(datum)) + 1 :]
    blocks = bytearray()
    for item in datum["evidence"]:
        out = io.BytesIO()
        schemaless_writer(
            out,
            {
                "type": "record",
                "name": "Evidence",
                "fields": [{"name": "type", "type": "string"}, {"name": "reference", "type": "string"}],
            },
            item,
        )
        size = io.BytesIO()
        schemaless_writer(size, "long", len(out.getvalue()))
        blocks += b"\x01" + size.getvalue() + out.getvalue()
    assert whole.endswith(beside)
    return _content_without_evidence(datum) + bytes(blocks) + b"\x00" + beside


def _content_without_evidence(datum: dict[str, Any]) -> bytes:
    """The bytes of an action up to its evidence."""
    schema = dict(schema_of("Action"))
    names = [field["name"] for field in schema["fields"]]
    schema["fields"] = schema["fields"][: names.index("evidence")]
    out = io.BytesIO()
    schemaless_writer(out, schema, {name: datum[name] for name in names[: names.index("evidence")]})
    return out.getvalue()


def test_generated_modules_are_what_the_contracts_say(tmp_path: Path) -> None:
    """`records.py` and `codec.py` are what `python -m schemas.generate` writes today."""
    generate.write_modules(tmp_path)
    for name in ("records.py", "codec.py"):
        command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", f"schemas/{name}", "-"]
        formatted = subprocess.run(
            command, input=(tmp_path / name).read_bytes(), capture_output=True, check=True, cwd=ROOT
        )
        assert formatted.stdout == (ROOT / "schemas" / name).read_bytes(), (
            f"{name}: run python -m schemas.generate"
        )
