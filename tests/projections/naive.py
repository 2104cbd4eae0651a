"""The read models once more, as plainly as can be: a fold over the decisions, one dictionary a table.

Written from the contract and the comments on the columns, not from `projections/`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from schemas.codec import decode_decision
from schemas.records import Decision, Registration, Stage

Row = dict[str, Any]
Tables = dict[str, dict[Any, Row]]

STAGES = (
    "registered",
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
)
SCALARS = (
    "seq", "action_offset", "outcome", "code", "first_seq", "policy", "late", "recorded_offset_minutes",
    "kind", "system", "office_type", "office_code", "officer", "occurred_offset_minutes",
    "entered_offset_minutes", "registration_id", "person_id", "permit_id", "previous_sha256",
    "action_sha256", "content_digest",
)  # fmt: skip
TRAINING = ("person_id", "provider_id", "provider_type", "status")
KEYS = {
    "decisions": ("seq",),
    "postings": ("seq", "position"),
    "quota_balances": ("permit_id", "line"),
    "registrations": ("registration_id",),
    "permits": ("permit_id",),
    "permit_lines": ("permit_id", "line"),
    "agencies": ("agency_id",),
    "destinations": ("destination",),
    "people_on_hold": ("person_id",),
    "trainings": ("training_id",),
    "complaints": ("complaint_id",),
    "policies": ("version",),
    "reference_history": ("thing", "id", "seq"),
}


def at(micros: int | None) -> datetime | None:
    """An instant as psycopg gives it."""
    return None if micros is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def fold(values: list[bytes]) -> Tables:
    """Every table after those decisions, rows by key."""
    tables: Tables = {name: {} for name in KEYS}
    for value in values:
        _apply(tables, decode_decision(value))
    return tables


def _apply(tables: Tables, d: Decision) -> None:
    row = {name: getattr(d, name) for name in SCALARS}
    row["action_id"] = None if d.action_id is None else UUID(bytes=d.action_id)
    for name in ("recorded_at", "occurred_at", "entered_at"):
        row[name] = at(getattr(d, name))
    tables["decisions"][(d.seq,)] = row
    for r in d.registrations:
        before = tables["registrations"].get((r.registration_id,), {})
        tables["registrations"][(r.registration_id,)] = _registration(d, r, before)
    balances = ("granted", "available", "reserved", "departed", "forfeited")
    for position, p in enumerate(d.postings):
        after = {name: getattr(p, name) for name in balances}
        line = {"permit_id": p.permit_id, "line": p.line}
        moved = {"units": p.units, "from_account": p.from_account, "to_account": p.to_account}
        tables["postings"][d.seq, position] = (
            {"seq": d.seq, "position": position, "occurred_at": at(d.occurred_at)} | line | moved | after
        )
        tables["quota_balances"][p.permit_id, p.line] = {"seq": d.seq} | line | after
    for m in d.permits:
        days = {
            name: date(1970, 1, 1) + timedelta(days=getattr(m, name)) for name in ("valid_from", "valid_to")
        }
        names = ("permit_id", "agency_id", "destination", "revoked")
        tables["permits"][(m.permit_id,)] = {n: getattr(m, n) for n in names} | days | {"seq": d.seq}
        for n in m.lines:
            line = {
                "permit_id": m.permit_id,
                "line": n.line,
                "position": n.position,
                "sex": n.sex,
                "units": n.units,
            }
            tables["permit_lines"][m.permit_id, n.line] = line | {"seq": d.seq}
    _apply_others(tables, d)
    _apply_changes(tables, d)


def _apply_changes(tables: Tables, d: Decision) -> None:
    """What each thing was before is laid beside what it is: the difference is the change."""
    after: list[tuple[str, str, Row]] = [
        *(("agency", a.agency_id, {"status": a.status}) for a in d.agencies),
        *(("destination", c.destination, {"status": c.status}) for c in d.destinations),
        *(("person", p.person_id, {"held": p.held}) for p in d.people),
        *(("training", t.training_id, {n: getattr(t, n) for n in TRAINING}) for t in d.trainings),
    ]
    for m in d.permits:
        days = {
            n: (date(1970, 1, 1) + timedelta(getattr(m, n))).isoformat() for n in ("valid_from", "valid_to")
        }
        state: Row = {n: getattr(m, n) for n in ("agency_id", "destination", "revoked")}
        lines = [{n: getattr(one, n) for n in ("line", "position", "sex")} for one in m.lines]
        after.append(("permit", m.permit_id, state | days | {"lines": lines}))
    instants = {n: at(getattr(d, n)) for n in ("occurred_at", "entered_at", "recorded_at")}
    for thing, key, state in after:
        before: Row = {}
        for (other, one, _), row in tables["reference_history"].items():
            if (other, one) == (thing, key):
                before |= row["changed"]
        changed = {n: value for n, value in state.items() if before.get(n, ...) != value}
        row = {"thing": thing, "id": key, "seq": d.seq, "changed": changed} | instants
        tables["reference_history"][thing, key, d.seq] = row


def _apply_others(tables: Tables, d: Decision) -> None:
    since = {"status_since": at(d.occurred_at), "seq": d.seq}
    for a in d.agencies:
        tables["agencies"][(a.agency_id,)] = {"agency_id": a.agency_id, "status": a.status} | since
    for c in d.destinations:
        tables["destinations"][(c.destination,)] = {"destination": c.destination, "status": c.status} | since
    for p in d.people:
        if p.held:
            held = {"person_id": p.person_id, "held_since": at(d.occurred_at), "seq": d.seq}
            tables["people_on_hold"][(p.person_id,)] = held
        else:
            tables["people_on_hold"].pop((p.person_id,), None)
    for t in d.trainings:
        names = ("training_id", "person_id", "provider_id", "provider_type", "status")
        training = tables["trainings"].setdefault(
            (t.training_id,), {"requested_at": None, "completed_at": None}
        )
        training.update(
            {n: getattr(t, n) for n in names} | {"seq": d.seq, f"{t.status}_at": at(d.occurred_at)}
        )
    for q in d.complaints:
        names = ("complaint_id", "topic", "channel", "registration_id", "status")
        complaint = tables["complaints"].setdefault(
            (q.complaint_id,), {"received_at": None, "answered_at": None}
        )
        complaint.update(
            {n: getattr(q, n) for n in names} | {"seq": d.seq, f"{q.status}_at": at(d.occurred_at)}
        )
    for y in d.policies:
        plain = (
            "version", "biometrics_not_required", "agreement_not_required", "restore_if_valid_at",
            "restoration", "late_departures", "clock_skew_seconds",
        )  # fmt: skip
        row: Row = {n: getattr(y, n) for n in plain} | {"seq": d.seq}
        for name in ("registration_limit", "closure"):
            instant = getattr(y, name)
            row |= {name: at(instant.at), f"{name}_offset_minutes": instant.offset_minutes}
        row["unit_taken_at_siskotkln"] = y.unit_taken_at.SISKOTKLN
        row["unit_taken_at_siapkerja"] = y.unit_taken_at.SIAPKERJA
        tables["policies"][(y.version,)] = row


def _registration(d: Decision, r: Registration, before: Row) -> Row:
    names = (
        "registration_id", "person_id", "system", "scheme", "agency_id", "destination", "position", "sex",
        "status", "reregistered_as", "reregistered_from",
    )  # fmt: skip
    row: Row = {n: getattr(r, n) for n in names} | {"seq": d.seq}
    passed: list[tuple[int, str]] = []
    for name in STAGES:
        stage: Stage | None = getattr(r, name)
        row[f"{name}_at"] = None if stage is None else at(stage.at)
        row[f"{name}_offset_minutes"] = None if stage is None else stage.offset_minutes
        row[f"{name}_seq"] = None if stage is None else stage.seq
        if stage is not None:
            passed.append((stage.seq, name))
    row["stage"] = max(passed)[1]
    # Nothing undoes a departure, and a ruling may come after it.
    row["departed_late"] = r.status == "departed" and (d.late or before.get("departed_late", False))
    for name in ("permit_id", "line", "state"):
        row[f"unit_{name}"] = None if r.unit is None else getattr(r.unit, name)
    first = r.registered.seq == d.seq
    row["registered_by_office_type"] = d.office_type if first else before["registered_by_office_type"]
    row["registered_by_office_code"] = d.office_code if first else before["registered_by_office_code"]
    return row
