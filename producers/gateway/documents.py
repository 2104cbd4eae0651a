"""Rows of the tables as the documents that an HTTP client gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from schemas.decision_json import stages_in_order
from schemas.instants import format_instant
from schemas.records import Registration, Stage, Unit

Document = dict[str, Any]
Row = Mapping[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ACCOUNTS: Final = ("granted", "available", "reserved", "departed", "forfeited")


def micros(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def registration_document(r: Registration) -> Document:
    """A registration as a decision shows it (contract §2)."""
    stages = stages_in_order(r)
    unit = r.unit
    return {
        "registration_id": r.registration_id,
        "person_id": r.person_id,
        "system": r.system,
        "scheme": r.scheme,
        "agency_id": r.agency_id,
        "destination": r.destination,
        "position": r.position,
        "sex": r.sex,
        "stages": {name: format_instant(stage.at, stage.offset_minutes) for name, stage in stages},
        "status": r.status,
        "unit": None
        if unit is None
        else {"permit_id": unit.permit_id, "line": unit.line, "state": unit.state},
        "reregistered_as": r.reregistered_as,
        "reregistered_from": r.reregistered_from,
        "stage_seqs": [stage.seq for _, stage in stages],
    }


def registration_of_row(row: Row) -> Registration:
    """Give the registration behind its row."""

    def stage(name: str) -> Stage | None:
        at = row[f"{name}_at"]
        if at is None:
            return None
        return Stage(micros(at), row[f"{name}_offset_minutes"], row[f"{name}_seq"])

    registered = stage("registered")
    if registered is None:
        raise ValueError("a row without its first stage")
    unit = row["unit_permit_id"]
    return Registration(
        row["registration_id"],
        row["person_id"],
        row["system"],
        row["scheme"],
        row["agency_id"],
        row["destination"],
        row["position"],
        row["sex"],
        row["status"],
        row["reregistered_as"],
        row["reregistered_from"],
        None if unit is None else Unit(unit, row["unit_line"], row["unit_state"]),
        registered,
        stage("documents_verified"),
        stage("candidate_id_issued"),
        stage("agreement_signed"),
        stage("documents_fulfilled"),
        stage("orientation_completed"),
        stage("biometrics_registered"),
        stage("departed"),
    )


def registration_then(row: Row) -> Document:
    """Give the document of a registration as it was: a row of `neraca.registrations_as_of`."""
    passed = sorted(row["stages"].items(), key=lambda stage: stage[1]["seq"])
    unit = row["unit_permit_id"]
    return {
        **{name: row[name] for name in ("registration_id", "person_id", "system", "scheme", "agency_id")},
        **{name: row[name] for name in ("destination", "position", "sex")},
        "stages": {
            name: format_instant(micros(datetime.fromisoformat(stage["at"])), stage["offset_minutes"])
            for name, stage in passed
        },
        "status": row["status"],
        "unit": None
        if unit is None
        else {"permit_id": unit, "line": row["unit_line"], "state": row["unit_state"]},
        "reregistered_as": row["reregistered_as"],
        "reregistered_from": row["reregistered_from"],
        "stage_seqs": [stage["seq"] for _, stage in passed],
        "changed_seq": row["changed_seq"],
    }


def person_then(
    person_id: str, held: Sequence[Row], registrations: list[Document], trainings: Sequence[Row]
) -> Document | None:
    """Give the document of a person, from the last row of HELD_THEN, if any, and those of TRAININGS_THEN."""
    if not (registrations or held or trainings):
        return None
    is_held = bool(held) and held[0]["held"]
    return {
        "person_id": person_id,
        "held": is_held,
        "held_since": format_instant(micros(held[0]["occurred_at"]), 0) if is_held else None,
        "registrations": registrations,
        "trainings": [
            {
                "training_id": row["id"],
                **_in_order(row["state"], "person_id", "provider_id", "provider_type", "status"),
                "changed_seq": row["changed_seq"],
            }
            for row in trainings
        ],
    }


def permit_then(permit_id: str, found: Sequence[Row], balances: Sequence[Row]) -> Document | None:
    """Give the document of a permit, from the row of THING_THEN, if any, and its lines' balances."""
    if not found:
        return None
    state = found[0]["state"]
    accounts = {row["line"]: {name: row[name] for name in _ACCOUNTS} for row in balances}
    nothing = dict.fromkeys(_ACCOUNTS, 0)
    lines = [
        {**_in_order(line, "line", "position", "sex"), **accounts.get(line["line"], nothing)}
        for line in sorted(state["lines"], key=lambda line: int(line["line"]))
    ]
    return {
        "permit_id": permit_id,
        **_in_order(state, "agency_id", "destination", "valid_from", "valid_to", "revoked"),
        "changed_seq": found[0]["changed_seq"],
        "lines": lines,
    }


def _in_order(row: Row, *names: str) -> Document:
    """Give fields in the order of the contract; PostgreSQL keeps those of a document in one of its own."""
    return {name: row[name] for name in names}
