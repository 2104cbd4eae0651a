"""What a thing was at an instant, on two axes: when it was true (`as_of`), and what was known (`known_at`).

Folded from whole decisions. Of all accepted decisions that changed the thing, those count that had occurred
by `as_of` and were entered by `known_at` (or whose `seq` is not above it). Each changes what it changed, and
nothing else; they are applied in the order in which they occurred, the later decided winning a tie (contract
§3). Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from schemas.decision_json import stages_in_order
from schemas.instants import BadInstantError, format_date, format_instant, parse_instant
from schemas.records import Decision, Permit, Registration, Stage, Training, Unit

Document = dict[str, Any]
_STAGE: Final = "stage:"


@dataclass(frozen=True, slots=True)
class Moment:
    """As of when, and as known when; None on an axis: everything up to now."""

    as_of_us: int | None = None
    known_us: int | None = None
    known_seq: int | None = None

    @property
    def is_now(self) -> bool:
        """Whether both axes are open."""
        return self.as_of_us is None and self.known_us is None and self.known_seq is None

    def includes(self, seq: int, occurred_us: int | None, entered_us: int | None) -> bool:
        """Whether a decision had happened, and was known, by then."""
        if self.as_of_us is not None and (occurred_us is None or occurred_us > self.as_of_us):
            return False
        if self.known_us is not None and (entered_us is None or entered_us > self.known_us):
            return False
        return self.known_seq is None or seq <= self.known_seq


def moment(as_of: str | None, known_at: str | None) -> Moment:
    """Read the two query parameters: instants as RFC 3339 writes them; `known_at` may also be a `seq`.

    Raises:
        BadInstantError: one of them is neither.

    """
    as_of_us = None if as_of is None else _instant(as_of)
    if known_at is None:
        return Moment(as_of_us)
    if known_at.isascii() and known_at.isdigit():
        if len(known_at) > 18:
            raise BadInstantError("a seq has at most 18 digits", "a seq, or an instant")
        return Moment(as_of_us, known_seq=int(known_at))
    return Moment(as_of_us, known_us=_instant(known_at))


def _instant(text: str) -> int:
    # In a query, a plus that was not escaped arrives as a space.
    return parse_instant(text.replace(" ", "+"))[0]


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


def _flat_registration(r: Registration) -> Document:
    flat = registration_document(r)
    del flat["stages"], flat["stage_seqs"]
    for name, stage in stages_in_order(r):
        flat[_STAGE + name] = (stage.seq, format_instant(stage.at, stage.offset_minutes))
    return flat


def _flat_permit(p: Permit) -> Document:
    return {
        "permit_id": p.permit_id,
        "agency_id": p.agency_id,
        "destination": p.destination,
        "valid_from": format_date(p.valid_from),
        "valid_to": format_date(p.valid_to),
        "revoked": p.revoked,
        "lines": [{"line": one.line, "position": one.position, "sex": one.sex} for one in p.lines],
    }


def _flat_training(t: Training) -> Document:
    return {
        "training_id": t.training_id,
        "person_id": t.person_id,
        "provider_id": t.provider_id,
        "provider_type": t.provider_type,
        "status": t.status,
    }


def _fold(
    decisions: Iterable[Decision], state: Callable[[Decision], Document | None], at: Moment
) -> Document | None:
    """Apply the changes that count; None where the thing did not exist by then."""
    before: Document = {}
    is_first = True
    changes: list[tuple[int, int, Document]] = []
    exists = False
    for decision in decisions:
        after = state(decision)
        if after is None:
            continue
        if at.includes(int(decision.seq), decision.occurred_at, decision.entered_at):
            changed = {name: value for name, value in after.items() if before.get(name, ...) != value}
            changes.append((decision.occurred_at or 0, int(decision.seq), changed))
            exists = exists or is_first
        before = after
        is_first = False
    if not exists:
        return None
    folded: Document = {}
    for _, seq, changed in sorted(changes, key=lambda change: change[:2]):
        folded.update(changed)
        folded["changed_seq"] = max(seq, folded.get("changed_seq", -1))
    return folded


def registration_at(registration_id: str, decisions: Iterable[Decision], at: Moment) -> Document | None:
    """A registration at that moment, from every decision that changed it, by `seq`."""

    def state(decision: Decision) -> Document | None:
        for one in decision.registrations:
            if one.registration_id == registration_id:
                return _flat_registration(one)
        return None

    flat = _fold(decisions, state, at)
    if flat is None:
        return None
    stages = sorted((flat.pop(name), name) for name in list(flat) if name.startswith(_STAGE))
    flat["stages"] = {name.removeprefix(_STAGE): text for (_, text), name in stages}
    flat["stage_seqs"] = [seq for (seq, _), _ in stages]
    return flat


def permit_at(permit_id: str, decisions: Iterable[Decision], at: Moment) -> Document | None:
    """A permit at that moment, without its balances."""

    def state(decision: Decision) -> Document | None:
        return next((_flat_permit(one) for one in decision.permits if one.permit_id == permit_id), None)

    return _fold(decisions, state, at)


def training_at(training_id: str, decisions: Iterable[Decision], at: Moment) -> Document | None:
    """A training at that moment."""

    def state(decision: Decision) -> Document | None:
        return next(
            (_flat_training(one) for one in decision.trainings if one.training_id == training_id), None
        )

    return _fold(decisions, state, at)


def held_at(person_id: str, decisions: Iterable[Decision], at: Moment) -> tuple[bool, str | None]:
    """Whether a person was on hold at that moment, and since when."""
    last: tuple[int, int, bool, str] | None = None
    for decision in decisions:
        for person in decision.people:
            if person.person_id == person_id and at.includes(
                int(decision.seq), decision.occurred_at, decision.entered_at
            ):
                occurred_us = decision.occurred_at or 0
                text = format_instant(occurred_us, decision.occurred_offset_minutes or 0)
                found = (occurred_us, int(decision.seq), person.held, text)
                last = found if last is None or found[:2] > last[:2] else last
    if last is None or not last[2]:
        return False, None
    return True, last[3]
