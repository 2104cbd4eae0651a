"""What a decision means, apart from where it stands: its outcome, and what it changes.

Two decisions are alike if they say the same and change the same things in the same way. Numbers, offsets,
hashes, the name of the policy and the balances after a movement are no part of it: these follow from what
went before, and would make every decision after the first differing one differ as well.
"""

from __future__ import annotations

from typing import Final

from schemas.records import Decision, Permit, Posting, Registration, Stage, Unit

# One thing that a decision does: what sort of thing it touches, which one, which field, the value after.
Effect = tuple[str, str, str, str]
EFFECTS_TOLD_MAX: Final = 3
NOTHING: Final = "–"


def label(decision: Decision) -> str:
    """Give the outcome, and the code of a refusal."""
    code = decision.code
    return decision.outcome if code is None else decision.outcome + " " + code


def same_stage(one: Stage | None, other: Stage | None) -> bool:
    """Tell whether a stage was passed at the same moment; by which decision does not matter."""
    if one is None or other is None:
        return one is other
    return one.at == other.at and one.offset_minutes == other.offset_minutes


def same_unit(one: Unit | None, other: Unit | None) -> bool:
    """Tell whether it is the same line's unit in the same state."""
    if one is None or other is None:
        return one is other
    return one.state == other.state and one.line == other.line and one.permit_id == other.permit_id


def same_registration(one: Registration | None, other: Registration | None) -> bool:
    """Tell whether a registration stands alike, whichever decisions led there."""
    if one is None or other is None:
        return one is other
    return (
        one.status == other.status
        and same_unit(one.unit, other.unit)
        and same_stage(one.departed, other.departed)
        and same_stage(one.biometrics_registered, other.biometrics_registered)
        and same_stage(one.orientation_completed, other.orientation_completed)
        and same_stage(one.documents_fulfilled, other.documents_fulfilled)
        and same_stage(one.agreement_signed, other.agreement_signed)
        and same_stage(one.candidate_id_issued, other.candidate_id_issued)
        and same_stage(one.documents_verified, other.documents_verified)
        and same_stage(one.registered, other.registered)
        and one.reregistered_as == other.reregistered_as
        and one.reregistered_from == other.reregistered_from
        and one.person_id == other.person_id
        and one.system == other.system
        and one.scheme == other.scheme
        and one.agency_id == other.agency_id
        and one.destination == other.destination
        and one.position == other.position
        and one.sex == other.sex
        and one.registration_id == other.registration_id
    )


def same_movements(one: list[Posting], other: list[Posting]) -> bool:
    """Tell whether the same units move between the same accounts, in the same order."""
    if len(one) != len(other):
        return False
    for number, posting in enumerate(one):
        against = other[number]
        if (
            posting.permit_id != against.permit_id
            or posting.line != against.line
            or posting.from_account != against.from_account
            or posting.to_account != against.to_account
            or posting.units != against.units
        ):
            return False
    return True


def changes_only_registrations(decision: Decision) -> bool:
    """Tell whether nothing but registrations and balances changes, as in nearly every decision."""
    return not (
        decision.permits
        or decision.agencies
        or decision.destinations
        or decision.people
        or decision.trainings
        or decision.complaints
        or decision.policies
    )


def effects_of(decision: Decision, before: dict[str, Registration | None]) -> list[Effect]:
    """Give what a decision says and does, each as one comparable entry.

    Args:
        decision: The decision.
        before: Each registration that it changes, as it stood before; None: it is new.

    """
    found: list[Effect] = [
        ("decision", "", "outcome", decision.outcome),
        ("decision", "", "code", decision.code or NOTHING),
    ]
    if decision.outcome != "ACCEPTED":
        return found
    found.append(("decision", "", "late", "yes" if decision.late else "no"))
    for registration in decision.registrations:
        _add_registration(found, before.get(registration.registration_id), registration)
    for posting in decision.postings:
        where = f"{posting.permit_id}/{posting.line}"
        found.append(
            ("line", where, f"{posting.from_account} to {posting.to_account}", f"{posting.units} moved")
        )
    for permit in decision.permits:
        _add_permit(found, decision.kind, permit)
    _add_authority(found, decision)
    _add_services(found, decision)
    if decision.permits or decision.agencies or decision.destinations:
        # The moment from which it holds: only these things are asked as of a moment.
        found.append(("decision", "", "occurred_at", str(decision.occurred_at)))
    return found


def _add_authority(found: list[Effect], decision: Decision) -> None:
    found.extend([("agency", agency.agency_id, "status", agency.status) for agency in decision.agencies])
    found.extend(
        [("destination", country.destination, "status", country.status) for country in decision.destinations]
    )
    found.extend(
        [
            ("person", person.person_id, "on hold", "yes" if person.held else "no")
            for person in decision.people
        ]
    )
    found.extend([("policy", "", "version", policy.version) for policy in decision.policies])


def _add_services(found: list[Effect], decision: Decision) -> None:
    for training in decision.trainings:
        about = f"{training.status} {training.person_id} {training.provider_id} {training.provider_type}"
        found.append(("training", training.training_id, "status", about))
    for complaint in decision.complaints:
        about = f"{complaint.status} {complaint.topic} {complaint.channel} {complaint.registration_id}"
        found.append(("complaint", complaint.complaint_id, "status", about))


def told(before: list[Effect], after: list[Effect]) -> str:
    """Give in a few words what two accepted decisions do differently: the same words for the same sort."""
    parts: list[str] = []
    was = {(thing, key, field): value for thing, key, field, value in before}
    becomes = {(thing, key, field): value for thing, key, field, value in after}
    places = list(was)
    places.extend(place for place in becomes if place not in was)
    for is_movement in (False, True):
        for place in places:
            if (place[0] == "line") != is_movement or (is_movement and parts):
                continue
            one, other = was.get(place), becomes.get(place)
            if one == other:
                continue
            text = f"{place[2]}: {_short(one)} → {_short(other)}"
            if one is not None and other is not None and _short(one) == _short(other):
                text = f"{place[2]}: {_short(one)}, elsewhere or otherwise"
            if text not in parts:
                parts.append(text)
    return "; ".join(parts[:EFFECTS_TOLD_MAX])


def _short(value: str | None) -> str:
    """Give a value without the names in it, which differ from one decision to the next."""
    return NOTHING if value is None else value.split(" ", 1)[0]


def _add_registration(found: list[Effect], was: Registration | None, now: Registration) -> None:
    key = now.registration_id
    if was is None:
        about = (
            f"new {now.person_id} {now.system} {now.scheme} {now.agency_id} {now.destination} "
            f"{now.position} {now.sex} {now.registered.at} {now.registered.offset_minutes}"
        )
        found.append(("registration", key, "registered", about))
    elif was.person_id != now.person_id:
        found.append(("registration", key, "person_id", now.person_id))
    if was is None or not same_unit(was.unit, now.unit):
        unit = now.unit
        text = NOTHING if unit is None else f"{unit.state} on {unit.permit_id}/{unit.line}"
        found.append(("registration", key, "unit", text))
    if was is None or was.status != now.status:
        found.append(("registration", key, "status", now.status))
    if was is None or was.reregistered_as != now.reregistered_as:
        found.append(("registration", key, "reregistered_as", now.reregistered_as or NOTHING))
    if was is None or was.reregistered_from != now.reregistered_from:
        found.append(("registration", key, "reregistered_from", now.reregistered_from or NOTHING))
    _add_stages(found, key, was, now)


def _add_stages(found: list[Effect], key: str, was: Registration | None, now: Registration) -> None:
    names = (
        ("documents_verified", was.documents_verified if was is not None else None, now.documents_verified),
        (
            "candidate_id_issued",
            was.candidate_id_issued if was is not None else None,
            now.candidate_id_issued,
        ),
        ("agreement_signed", was.agreement_signed if was is not None else None, now.agreement_signed),
        (
            "documents_fulfilled",
            was.documents_fulfilled if was is not None else None,
            now.documents_fulfilled,
        ),
        (
            "orientation_completed",
            was.orientation_completed if was is not None else None,
            now.orientation_completed,
        ),
        (
            "biometrics_registered",
            was.biometrics_registered if was is not None else None,
            now.biometrics_registered,
        ),
        ("departed", was.departed if was is not None else None, now.departed),
    )
    for name, before, after in names:
        if after is not None and not same_stage(before, after):
            found.append(("registration", key, name, f"passed {after.at} {after.offset_minutes}"))


def _add_permit(found: list[Effect], kind: str | None, permit: Permit) -> None:
    key = permit.permit_id
    if kind == "permit_issued":
        lines = " ".join(f"{line.line}:{line.position}:{line.sex}:{line.units}" for line in permit.lines)
        text = f"new {permit.agency_id} {permit.destination} {permit.valid_from} {permit.valid_to} {lines}"
        found.append(("permit", key, "issued", text))
    elif kind == "permit_extended":
        found.append(("permit", key, "valid_to", str(permit.valid_to)))
    elif kind in ("permit_revoked", "permit_reinstated"):
        found.append(("permit", key, "revoked", "yes" if permit.revoked else "no"))
