"""A decision as one line of JSON, both ways: contract §2 in its order, then what ours carries beside it.

Beside the contract's fields stand, at the end: `office` `officer` `registration_id` `person_id` `permit_id`
(what the action names, also where it is refused), `content_digest`, and in each registration `stage_seqs`
(the decision of each stage, in the order of `stages`), so that nothing of the record is lost.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Final

from schemas.action_json import permit_line_json, uuid_text
from schemas.instants import format_date, format_instant
from schemas.policy_json import policy_json
from schemas.records import Decision, Permit, Posting, Registration, Stage, Unit

STAGES: Final = (
    "registered",
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
)


def decision_json(decision: Decision) -> str:
    """Write a decision as one line of JSON; `parse_decision` gives the same back."""
    d = decision
    escape = encode_basestring
    code = "" if d.code is None else f',"code":{escape(d.code)}'
    first_seq = "" if d.first_seq is None else f',"first_seq":{d.first_seq}'
    action_id = "null" if d.action_id is None else f'"{uuid_text(d.action_id)}"'
    digest = "null" if d.content_digest is None else f'"{d.content_digest.hex()}"'
    registrations = ",".join([_registration(one) for one in d.registrations]) if d.registrations else ""
    postings = ",".join([_posting(one) for one in d.postings]) if d.postings else ""
    return (
        f'{{"seq":{d.seq},"action_offset":{d.action_offset},"outcome":{escape(d.outcome)}{code}{first_seq}'
        f',"action_id":{action_id},"kind":{_text(d.kind)},"system":{_text(d.system)}'
        f',"occurred_at":{_instant(d.occurred_at, d.occurred_offset_minutes)}'
        f',"entered_at":{_instant(d.entered_at, d.entered_offset_minutes)}'
        f',"recorded_at":{_instant(d.recorded_at, d.recorded_offset_minutes)}'
        f',"policy":{escape(d.policy)},"late":{"true" if d.late else "false"}'
        f',"action_sha256":"{d.action_sha256.hex()}","previous_sha256":"{d.previous_sha256.hex()}"'
        f',"registrations":[{registrations}],"postings":[{postings}],{_others(d)}'
        f',"office":{_office(d)},"officer":{_text(d.officer)}'
        f',"registration_id":{_text(d.registration_id)},"person_id":{_text(d.person_id)}'
        f',"permit_id":{_text(d.permit_id)},"content_digest":{digest}}}'
    )


def stages_in_order(registration: Registration) -> list[tuple[str, Stage]]:
    """Give the stages that a registration passed, in the order decided; `registered` is the first."""
    r = registration
    passed = [
        (r.documents_verified, "documents_verified"),
        (r.candidate_id_issued, "candidate_id_issued"),
        (r.agreement_signed, "agreement_signed"),
        (r.documents_fulfilled, "documents_fulfilled"),
        (r.orientation_completed, "orientation_completed"),
        (r.biometrics_registered, "biometrics_registered"),
        (r.departed, "departed"),
    ]
    order = [(stage.seq, name, stage) for stage, name in passed if stage is not None]
    # One decision passes one stage of a registration: no two have the same seq.
    order.sort(key=_seq)
    return [("registered", r.registered), *[(name, stage) for _, name, stage in order]]


def _seq(entry: tuple[int, str, Stage]) -> int:
    return entry[0]


def _text(text: str | None) -> str:
    return "null" if text is None else encode_basestring(text)


def _instant(at: int | None, offset_minutes: int | None) -> str:
    if at is None or offset_minutes is None:
        return "null"
    return f'"{format_instant(at, offset_minutes)}"'


def _office(d: Decision) -> str:
    if d.office_type is None or d.office_code is None:
        return "null"
    return f'{{"type":{encode_basestring(d.office_type)},"code":{encode_basestring(d.office_code)}}}'


def _registration(r: Registration) -> str:
    escape = encode_basestring
    stages = stages_in_order(r)
    stages_json = ",".join([f'"{name}":"{format_instant(s.at, s.offset_minutes)}"' for name, s in stages])
    seqs = ",".join([str(s.seq) for _, s in stages])
    return (
        f'{{"registration_id":{escape(r.registration_id)},"person_id":{escape(r.person_id)}'
        f',"system":{escape(r.system)},"scheme":{escape(r.scheme)},"agency_id":{_text(r.agency_id)}'
        f',"destination":{escape(r.destination)},"position":{escape(r.position)},"sex":{escape(r.sex)}'
        f',"stages":{{{stages_json}}},"status":{escape(r.status)},"unit":{_unit(r.unit)}'
        f',"reregistered_as":{_text(r.reregistered_as)},"reregistered_from":{_text(r.reregistered_from)}'
        f',"stage_seqs":[{seqs}]}}'
    )


def _unit(unit: Unit | None) -> str:
    if unit is None:
        return "null"
    return (
        f'{{"permit_id":{encode_basestring(unit.permit_id)},"line":{unit.line}'
        f',"state":{encode_basestring(unit.state)}}}'
    )


def _posting(p: Posting) -> str:
    return (
        f'{{"permit_id":{encode_basestring(p.permit_id)},"line":{p.line}'
        f',"from":{encode_basestring(p.from_account)},"to":{encode_basestring(p.to_account)}'
        f',"units":{p.units},"granted":{p.granted},"available":{p.available},"reserved":{p.reserved}'
        f',"departed":{p.departed},"forfeited":{p.forfeited}}}'
    )


def _permit(p: Permit) -> str:
    escape = encode_basestring
    return (
        f'{{"permit_id":{escape(p.permit_id)},"agency_id":{escape(p.agency_id)}'
        f',"destination":{escape(p.destination)},"valid_from":"{format_date(p.valid_from)}"'
        f',"valid_to":"{format_date(p.valid_to)}","revoked":{"true" if p.revoked else "false"}'
        f',"lines":[{",".join([permit_line_json(line) for line in p.lines])}]}}'
    )


_NO_OTHERS: Final = (
    '"permits":[],"agencies":[],"destinations":[],"people":[],"trainings":[],"complaints":[],"policies":[]'
)


def _others(d: Decision) -> str:
    """Write the lists that most decisions leave empty."""
    if not (
        d.permits or d.agencies or d.destinations or d.people or d.trainings or d.complaints or d.policies
    ):
        return _NO_OTHERS
    escape = encode_basestring
    agencies = [f'{{"agency_id":{escape(a.agency_id)},"status":{escape(a.status)}}}' for a in d.agencies]
    destinations = [
        f'{{"destination":{escape(one.destination)},"status":{escape(one.status)}}}' for one in d.destinations
    ]
    people = [
        f'{{"person_id":{escape(p.person_id)},"held":{"true" if p.held else "false"}}}' for p in d.people
    ]
    trainings = [
        f'{{"training_id":{escape(t.training_id)},"person_id":{escape(t.person_id)}'
        f',"provider_id":{escape(t.provider_id)},"provider_type":{escape(t.provider_type)}'
        f',"status":{escape(t.status)}}}'
        for t in d.trainings
    ]
    complaints = [
        f'{{"complaint_id":{escape(c.complaint_id)},"topic":{escape(c.topic)},"channel":{escape(c.channel)}'
        f',"registration_id":{_text(c.registration_id)},"status":{escape(c.status)}}}'
        for c in d.complaints
    ]
    return (
        f'"permits":[{",".join([_permit(p) for p in d.permits])}],"agencies":[{",".join(agencies)}]'
        f',"destinations":[{",".join(destinations)}],"people":[{",".join(people)}]'
        f',"trainings":[{",".join(trainings)}],"complaints":[{",".join(complaints)}]'
        f',"policies":[{",".join([policy_json(p) for p in d.policies])}]'
    )
