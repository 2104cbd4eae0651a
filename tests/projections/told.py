"""The journal that these tests replay: a small history through the real rules, every kind of record in it."""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from collections.abc import Iterable
from typing import Any, Final

from confluent_kafka import Producer
from psycopg import Connection

from ledger.engine import Engine
from producers.workload import Profile, actions
from projections import tables
from projections.batch import Batch
from schemas.action_json import read_action_line
from schemas.errors import ShapeError
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.topics import DECISIONS

_HEAD_OFFICE = {"type": "HQ", "code": "HQ"}
_POLICY = {
    "version": "B.999-2024",
    "registration_limit": "2023-02-17T00:00:00+07:00",
    "closure": "2023-07-17T00:00:00+07:00",
    "unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "agreement"},
    "biometrics_not_required": [],
    "agreement_not_required": ["INDIVIDUAL", "UKPS", "G_TO_G"],
    "restore_if_valid_at": "closure",
    "restoration": False,
    "late_departures": True,
    "clock_skew_seconds": 60,
}


_REGIONAL_OFFICE = {"type": "BP3MI", "code": "BP3MI-X"}


def _line(number: int, kind: str, system: str, day: str, **fields: Any) -> str:
    return json.dumps(
        {
            "action_id": f"00000000-0000-4000-8000-{number:012}",
            "kind": kind,
            "system": system,
            "office": _HEAD_OFFICE if system == "BP2MI" else _REGIONAL_OFFICE,
            "officer": "o-1",
            "occurred_at": f"{day}T08:00:00+07:00",
            # The clock of another zone: the two offsets of a row are told apart.
            "entered_at": f"{day}T09:00:30+08:00",
            **fields,
        }
    )


def _by_head_office(number: int, kind: str, **fields: Any) -> str:
    return _line(number, kind, "BP2MI", "2024-01-02", **fields)


_TRAINING = {"training_id": "t-1", "provider_id": "l-1", "provider_type": "LPK", "person_id": "p-1"}
_REGISTRATION = {
    "registration_id": "Z-changes-hands",
    "person_id": "p-taken-for",
    "scheme": "UKPS",
    "destination": "LY",
    "position": "cook",
    "sex": "F",
}

# What a small workload may lack; the last lines of the journal, so that they can be replayed one by one.
_EXTRA = (
    _by_head_office(1, "person_held", person_id="p-held", reason="two people, one passport"),
    _by_head_office(2, "person_held", person_id="p-released", reason="the same"),
    _by_head_office(3, "person_released", person_id="p-released", reason="it was one person"),
    _by_head_office(4, "destination_closed", destination="LY"),
    _by_head_office(5, "policy_adopted", policy=_POLICY),
    _by_head_office(6, "agency_licensed", agency_id="A-büro-Ωμέγα-😀"),
    "no action at all",
    _by_head_office(7, "agency_suspended", agency_id="A-büro-Ωμέγα-😀"),
    _line(8, "training_requested", "SISKOTKLN", "2023-01-10", **_TRAINING),
    _line(
        9,
        "complaint_received",
        "SISKOP2MI",
        "2023-09-01",
        complaint_id="c-1",
        topic="delay",
        channel="telephone",
    ),
    _line(10, "complaint_answered", "SISKOP2MI", "2023-09-05", complaint_id="c-1"),
    _line(11, "training_completed", "SISKOTKLN", "2023-02-10", **_TRAINING),
    # A registration that changes hands, and goes on.
    _line(12, "registered", "SIAPKERJA", "2023-09-01", **_REGISTRATION),
    _by_head_office(13, "person_held", person_id="p-taken-for", reason="one NIK, two people"),
    _by_head_office(
        14,
        "registration_reassigned",
        registration_id="Z-changes-hands",
        person_id="p-whose-it-is",
        second_officer="o-2",
        reason="the NIK is another's",
    ),
    _line(15, "documents_verified", "SIAPKERJA", "2024-01-03", registration_id="Z-changes-hands"),
    _by_head_office(16, "person_erased", person_id="p-whom-nobody-met", reason="asked for"),
)


_LATE: Final = {"registration_id": "Z-late"}


def ruled_on_after_departing_late() -> list[str]:
    """A departure that was entered after the closure, and then a ruling on whose registration it is."""
    actions = [
        ("registered", "2023-01-02", _REGISTRATION | _LATE),
        ("documents_verified", "2023-01-03", _LATE),
        ("candidate_id_issued", "2023-01-04", {**_LATE, "candidate_id": "c-1"}),
        ("documents_fulfilled", "2023-01-05", _LATE),
        ("orientation_completed", "2023-01-06", _LATE),
    ]
    told = [_line(21 + n, kind, "SISKOTKLN", day, **fields) for n, (kind, day, fields) in enumerate(actions)]
    evidence = [{"type": "boarding_pass", "reference": "x"}]
    late = _line(31, "departed", "SISKOTKLN", "2023-07-16", **_LATE, evidence=evidence)
    told.append(json.dumps(json.loads(late) | {"entered_at": "2023-07-20T09:00:00+07:00"}))
    told.append(_by_head_office(32, "person_held", person_id="p-taken-for", reason="one NIK, two people"))
    ruling = {"person_id": "p-whose-it-is", "second_officer": "o-2", "reason": "the NIK is another's"}
    return [*told, _by_head_office(33, "registration_reassigned", **_LATE, **ruling)]


def decide_lines(lines: Iterable[str]) -> list[bytes]:
    """The decisions on those lines, as Avro bytes."""
    engine = Engine.start()
    values = []
    for offset, line in enumerate(lines):
        try:
            record = read_action_line(line.encode())
        except ShapeError:
            engine.decide_unreadable(line.encode(), offset, None, 0)
        else:
            action = record.action
            # Some way after the entry, so that the three instants of a row are told apart.
            engine.decide(action, record.avro, record.digest, offset, action.entered_at + 1_234_567, 0)
        values.append(engine.last_bytes)
    return values


def lines(candidates: int = 150, seed: int = 7) -> Iterable[str]:
    """That history's lines."""
    return itertools.chain(actions(seed, candidates, Profile(late_records=0.4)), _EXTRA)


@functools.cache
def journal(candidates: int = 150, seed: int = 7) -> list[bytes]:
    """That history's decisions; the same list each time."""
    return decide_lines(lines(candidates, seed))


def apply_all(connection: Connection[tuple[object, ...]], values: list[bytes], batch_size: int) -> None:
    """Load the decisions into the tables in batches of that size, from where the tables stand."""
    first = tables.read_position(connection).seq + 1
    for start in range(first, len(values), batch_size):
        batch = Batch(start)
        batch.add_values(values[start : start + batch_size])
        tables.apply(connection, tables.prepare(batch, batch.next_seq - 1))


def produce(kafka: dict[str, str | int], prefix: str, values: list[bytes]) -> None:
    """Put decisions on the journal's topic, framed."""
    producer = Producer(kafka)
    schema_id = built_in_ids().decision_id
    for value in values:
        producer.produce(DECISIONS.under(prefix), frame(schema_id, value))
    assert producer.flush(30) == 0


def dump(connection: Connection[tuple[object, ...]], schema: str = "neraca") -> dict[str, str]:
    """A canonical dump of every table: its digest by name. The clock of the database is left out."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'"
        " AND relname <> 'schema_migrations' ORDER BY 1",
        (schema,),
    ).fetchall()
    digests = {}
    for (table,) in rows:
        content = connection.execute(
            f"SELECT (to_jsonb(t) - 'updated_at')::text AS r FROM {schema}.{table} t ORDER BY 1"  # noqa: S608
        ).fetchall()
        digests[str(table)] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return digests
