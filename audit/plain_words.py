"""A decision in plain English sentences, for whoever checks one and knows nothing of its format.

Says what the decision says, all of it, and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.refusals import REFUSALS
from schemas.action_json import uuid_text
from schemas.decision_json import stages_in_order
from schemas.instants import format_date, format_instant
from schemas.records import Decision, Permit, Policy, Posting, Registration, Unit

_UNIT_STATES: Final = {
    "held": "It holds a unit",
    "departed": "Its unit departed with it, of that line",
    "returned": "Its unit went back to the line",
    "restored": "Its unit was given back, at the re-registration, to the line",
    "forfeited": "Its unit was forfeited at the re-registration: the permit was not valid then",
    "released": "Its unit was released by a ruling to the line",
}


def sentences(decision: Decision) -> list[str]:
    """Give what a decision says, a sentence or two in each text."""
    return [_outcome(decision), *_action(decision), *_effects(decision)]


def printable(text: str) -> str:
    """Give a text of somebody else's as a terminal may show it: nothing in it can steer the terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _outcome(d: Decision) -> str:
    number = f"Decision {d.seq}"
    if d.outcome == "ACCEPTED":
        late = " It was late: it happened before the closure and was entered after it." if d.late else ""
        return f"{number}: the action was accepted.{late}"
    if d.outcome == "REFUSED":
        code = d.code or ""
        refusal = REFUSALS.get(code)
        why = "" if refusal is None else f" {refusal.title}. {refusal.english}"
        return f"{number}: the action was refused with {printable(code)}. Nothing changed.{why}"
    if d.outcome == "DUPLICATE":
        return f"{number}: the same action was decided before, as decision {d.first_seq}. Nothing changed."
    return f"{number}: the record could not be read as an action. Nothing changed."


def _action(d: Decision) -> Iterator[str]:
    if d.kind is not None:
        office = f"office {_text(d.office_code)} ({_text(d.office_type)})"
        yield f"The action: {_text(d.kind)}, by {_text(d.system)}, {office}, officer {_text(d.officer)}."
        named = {
            "registration": d.registration_id,
            "person": d.person_id,
            "permit": d.permit_id,
        }
        if about := ", ".join(f"{what} {printable(one)}" for what, one in named.items() if one is not None):
            yield f"It names {about}."
    moments = {
        "It happened at": _instant(d.occurred_at, d.occurred_offset_minutes),
        "was entered at": _instant(d.entered_at, d.entered_offset_minutes),
        "was recorded at": _instant(d.recorded_at, d.recorded_offset_minutes),
    }
    if told := ", ".join(f"{what} {one}" for what, one in moments.items() if one):
        yield told[0].upper() + told[1:] + "."
    if d.action_id is not None:
        yield f"Its id is {uuid_text(d.action_id)}; the SHA-256 of its bytes is {d.action_sha256.hex()}."
    else:
        yield f"The SHA-256 of the record is {d.action_sha256.hex()}."
    yield f"It was judged by policy {printable(d.policy)}."


def _effects(d: Decision) -> Iterator[str]:
    for registration in d.registrations:
        yield _registration(registration)
    for posting in d.postings:
        yield _posting(posting)
    for permit in d.permits:
        yield _permit(permit)
    for agency in d.agencies:
        yield f"Agency {printable(agency.agency_id)} is now {agency.status}."
    for destination in d.destinations:
        yield f"Destination {printable(destination.destination)} is now {destination.status}."
    for person in d.people:
        state = "on hold" if person.held else "on hold no more"
        yield f"Person {printable(person.person_id)} is {state}."
    for training in d.trainings:
        yield (
            f"Training {printable(training.training_id)} of person {printable(training.person_id)} at "
            f"{printable(training.provider_id)} ({training.provider_type}) is now {training.status}."
        )
    for complaint in d.complaints:
        yield (
            f"Complaint {printable(complaint.complaint_id)} on {printable(complaint.topic)}, by "
            f"{printable(complaint.channel)}, is now {complaint.status}."
        )
    for policy in d.policies:
        yield _policy(policy)


def _registration(r: Registration) -> str:
    agency = "" if r.agency_id is None else f", agency {printable(r.agency_id)}"
    stages = "; ".join(
        f"{name.replace('_', ' ')} {format_instant(stage.at, stage.offset_minutes)}"
        for name, stage in stages_in_order(r)
    )
    who = f"person {printable(r.person_id)}, {r.sex}, {printable(r.position)} to {printable(r.destination)}"
    parts = [
        f"Registration {printable(r.registration_id)} is now {r.status}: {who}, {r.scheme}{agency}.",
        f"It was made in {r.system}; its stages: {stages}.",
    ]
    if r.unit is not None:
        parts.append(_unit(r.unit))
    if r.reregistered_from is not None:
        parts.append(f"It took the place of registration {printable(r.reregistered_from)}.")
    if r.reregistered_as is not None:
        parts.append(f"Registration {printable(r.reregistered_as)} took its place.")
    return " ".join(parts)


def _unit(unit: Unit) -> str:
    what = _UNIT_STATES.get(unit.state, f"Its unit is {printable(unit.state)}")
    return f"{what}: permit {printable(unit.permit_id)}, line {unit.line}."


def _posting(p: Posting) -> str:
    units = "1 unit" if p.units == 1 else f"{p.units} units"
    return (
        f"On permit {printable(p.permit_id)}, line {p.line}, {units} went from {p.from_account} to "
        f"{p.to_account}; after it the line has {p.granted} granted = {p.available} available + {p.reserved} "
        f"reserved + {p.departed} departed + {p.forfeited} forfeited."
    )


def _permit(p: Permit) -> str:
    lines = "; ".join(
        f"line {line.line} {printable(line.position)} ({line.sex}) {line.units} units" for line in p.lines
    )
    state = "revoked" if p.revoked else "not revoked"
    valid = f"valid from {format_date(p.valid_from)} to {format_date(p.valid_to)}, {state}"
    whose = f"of agency {printable(p.agency_id)} for {printable(p.destination)}"
    return f"Permit {printable(p.permit_id)} {whose} is {valid}: {lines}."


def _policy(p: Policy) -> str:
    closure = format_instant(p.closure.at, p.closure.offset_minutes)
    limit = format_instant(p.registration_limit.at, p.registration_limit.offset_minutes)
    return (
        f"Policy {printable(p.version)} judges from here on: registrations in SISKOTKLN up to {limit}, its "
        f"closure at {closure}."
    )


def _text(text: str | None) -> str:
    return "?" if text is None else printable(text)


def _instant(at: int | None, offset_minutes: int | None) -> str:
    return "" if at is None or offset_minutes is None else format_instant(at, offset_minutes)
