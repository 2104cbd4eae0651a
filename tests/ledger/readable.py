"""A decision of the ledger as the JSON that the oracle speaks, after contract §2.

The product's own writer of decisions has no part in it, so that neither can hide a fault of the other. Must
not correct anything: what the ledger says wrongly has to stay visible.
"""

from __future__ import annotations

from typing import Any

from schemas.instants import format_date, format_instant
from schemas.records import Decision, Instant, Permit, Policy, Posting, Registration

Json = dict[str, Any]

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


def readable(decision: Decision) -> Json:
    """Give what contract §2 calls the outcome and the changes; hashes and the envelope are left out."""
    return {
        "seq": decision.seq,
        "outcome": decision.outcome,
        "code": decision.code,
        "first_seq": decision.first_seq,
        "policy": decision.policy,
        "late": decision.late,
        "registrations": [readable_registration(registration) for registration in decision.registrations],
        "postings": [_posting(posting) for posting in decision.postings],
        "permits": [_permit(permit) for permit in decision.permits],
        "agencies": [{"agency_id": each.agency_id, "status": each.status} for each in decision.agencies],
        "destinations": [
            {"destination": each.destination, "status": each.status} for each in decision.destinations
        ],
        "people": [{"person_id": each.person_id, "held": each.held} for each in decision.people],
        "trainings": [
            {
                "training_id": each.training_id,
                "person_id": each.person_id,
                "provider_id": each.provider_id,
                "provider_type": each.provider_type,
                "status": each.status,
            }
            for each in decision.trainings
        ],
        "complaints": [
            {
                "complaint_id": each.complaint_id,
                "topic": each.topic,
                "channel": each.channel,
                "registration_id": each.registration_id,
                "status": each.status,
            }
            for each in decision.complaints
        ],
        "policies": [_policy(policy) for policy in decision.policies],
    }


def readable_registration(registration: Registration) -> Json:
    """Give a registration as contract §2 has it."""
    unit = registration.unit
    passed = [(name, getattr(registration, name)) for name in STAGES]
    in_order = sorted(((name, stage) for name, stage in passed if stage), key=lambda each: each[1].seq)
    return {
        "registration_id": registration.registration_id,
        "person_id": registration.person_id,
        "system": registration.system,
        "scheme": registration.scheme,
        "agency_id": registration.agency_id,
        "destination": registration.destination,
        "position": registration.position,
        "sex": registration.sex,
        "stages": {name: format_instant(stage.at, stage.offset_minutes) for name, stage in in_order},
        "status": registration.status,
        "unit": unit and {"permit_id": unit.permit_id, "line": unit.line, "state": unit.state},
        "reregistered_as": registration.reregistered_as,
        "reregistered_from": registration.reregistered_from,
    }


def _posting(posting: Posting) -> Json:
    return {
        "permit_id": posting.permit_id,
        "line": posting.line,
        "from": posting.from_account,
        "to": posting.to_account,
        "units": posting.units,
        "granted": posting.granted,
        "available": posting.available,
        "reserved": posting.reserved,
        "departed": posting.departed,
        "forfeited": posting.forfeited,
    }


def _permit(permit: Permit) -> Json:
    return {
        "permit_id": permit.permit_id,
        "agency_id": permit.agency_id,
        "destination": permit.destination,
        "valid_from": format_date(permit.valid_from),
        "valid_to": format_date(permit.valid_to),
        "revoked": permit.revoked,
        "lines": [
            {"line": line.line, "position": line.position, "sex": line.sex, "units": line.units}
            for line in permit.lines
        ],
    }


def _policy(policy: Policy) -> Json:
    return {
        "version": policy.version,
        "registration_limit": _instant(policy.registration_limit),
        "closure": _instant(policy.closure),
        "unit_taken_at": {
            "SISKOTKLN": policy.unit_taken_at.SISKOTKLN,
            "SIAPKERJA": policy.unit_taken_at.SIAPKERJA,
        },
        "biometrics_not_required": policy.biometrics_not_required,
        "agreement_not_required": policy.agreement_not_required,
        "restore_if_valid_at": policy.restore_if_valid_at,
        "restoration": policy.restoration,
        "late_departures": policy.late_departures,
        "clock_skew_seconds": policy.clock_skew_seconds,
    }


def _instant(moment: Instant) -> str:
    return format_instant(moment.at, moment.offset_minutes)
