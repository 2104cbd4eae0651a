"""Rows of the tables as the documents that an HTTP client gets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from schemas.decision_json import stages_in_order
from schemas.instants import format_instant
from schemas.records import Registration, Stage, Unit

Document = dict[str, Any]


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


def registration_of_row(row: Mapping[str, Any], micros: Callable[[Any], int]) -> Registration:
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


def registration_then(row: Mapping[str, Any], micros: Callable[[datetime], int]) -> Document:
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
