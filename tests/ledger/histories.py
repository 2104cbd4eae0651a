"""Random actions that meet: few ids, and moments that lie on the edges of the rules.

Whoever calls gives the dice: Hypothesis in the tests, a seeded generator for runs by hand. Must not know what
an action will lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from datetime import timedelta, timezone
from typing import Any

from tests.ledger.oracle import DEFAULT_POLICY, instant
from tests.ledger.story import (
    HEAD_OFFICE,
    LADDER,
    REGIONAL_OFFICE,
    SERVICE_OFFICE,
    TICKET,
    agency,
    late_departure,
    new,
    old,
    permit,
    ready,
    step,
    through,
)

Json = dict[str, Any]
WIT = timezone(timedelta(hours=9))
Pick = Callable[[Sequence[Any]], Any]

# Around T_R, T_0 and the midnights of WIB at which the permits below begin and end; in four spellings.
BEFORE_LIMIT = (
    "2022-12-31T23:59:59.999999+07:00",
    "2023-01-01T00:00:00+07:00",
    "2023-02-01T10:00:00+07:00",
    "2023-02-01T10:00:00+07:00",
    "2023-02-17T01:30:00+09:00",
    "2023-02-16T23:59:59.999999+07:00",
)
BETWEEN = (
    "2023-02-16T24:00:00+07:00",
    "2023-02-16T17:00:00Z",
    "2023-02-17T00:00:00.000001+07:00",
    "2023-03-01T10:00:00+07:00",
    "2023-03-01T10:00:00+07:00",
    "2023-06-30T23:59:59.999999+07:00",
    "2023-07-01T00:00:00+07:00",
    "2023-07-17T00:30:00+08:00",
    "2023-07-16T16:59:59.999999+00:00",
)
AFTER_CLOSURE = (
    "2023-07-17T00:00:00+07:00",
    "2023-07-17T02:00:00+09:00",
    "2023-07-17T09:00:00+07:00",
    "2023-07-17T09:00:00+07:00",
    "2023-07-17T24:00:00+07:00",
    "2023-07-31T23:59:59.999999+07:00",
    "2023-08-01T00:00:00+07:00",
    "2024-02-29T23:59:00+07:00",
    "2024-03-01T00:30:00+09:00",
)
MOMENTS = BEFORE_LIMIT + BETWEEN + AFTER_CLOSURE
ENTERED_LATE = (
    "2023-07-16T16:59:59.999999+00:00",
    "2023-07-17T00:00:00+07:00",
    "2023-07-18T10:00:00+07:00",
)
LAST_DAYS = ("2023-02-16", "2023-02-17", "2023-07-16", "2023-07-17", "2023-07-31", "2024-02-29", "2024-12-31")
FIRST_DAYS = ("2022-12-31", "2023-01-01", "2023-01-01", "2023-01-01", "2023-02-17", "2023-07-17")
SCHEMES = ("P_TO_P",) * 6 + ("G_TO_G", "G_TO_P", "UKPS", "INDIVIDUAL")
REGISTRATIONS = ("R-1", "R-2", "R-3", "R-4", "R-5", "R-6", "R-7")
PEOPLE = ("p-1", "p-1", "p-2", "p-3")
LINES = ("S-1/1", "S-1/1", "S-1/1", "S-2/1", "S-2/2", "S-1/9", "S-3/1", None)
# Right much oftener than wrong: a history in which all is refused shows little.
AGENCIES = ("A-1",) * 7 + ("A-2",)
DESTINATIONS = ("TW",) * 9 + ("MY",)
POSITIONS = ("caregiver",) * 9 + ("maid",)
SEXES = ("F", "F", "F", "M")
RULINGS = (
    "agency_licensed",
    "agency_suspended",
    "agency_reinstated",
    "destination_closed",
    "destination_opened",
    "permit_issued",
    "permit_issued",
    "permit_extended",
    "permit_extended",
    "permit_revoked",
    "permit_reinstated",
    "quota_raised",
    "quota_lowered",
    "person_held",
    "person_released",
)
SERVICES = ("training_requested", "training_completed", "complaint_received", "complaint_answered")
STAGES = (*LADDER, "departed")


def envelope(pick: Pick, kind: str, system: str, office: Json, moments: Sequence[str]) -> Json:
    """Give the fields that every action has: from the wrong system or office now and then."""
    at = pick(moments)
    if pick(range(40)) == 0:
        system = pick(("SISKOTKLN", "SIAPKERJA", "SISKOP2MI", "BP2MI"))
    if pick(range(40)) == 0:
        office = pick((HEAD_OFFICE, SERVICE_OFFICE, REGIONAL_OFFICE, {"type": "LTSA", "code": "L-1"}))
    delay = pick((0, 0, 60, 60, 60, 86_400, -300, -301, None, None))
    entered = pick(ENTERED_LATE) if delay is None else (instant(at) + timedelta(seconds=delay)).isoformat()
    return {
        "kind": kind,
        "system": system,
        "office": office,
        "officer": "o-1",
        "occurred_at": at,
        "entered_at": entered,
        **pick(({}, {}, {"evidence": []}, {"evidence": TICKET}, {"sealed": {"nik": "x"}})),
    }


def ruling(pick: Pick) -> Json:
    """Give an action of the head office on agencies, destinations, permits, quota or holds."""
    kind = pick(RULINGS)
    action = envelope(pick, kind, "BP2MI", HEAD_OFFICE, MOMENTS)
    if kind.startswith("agency"):
        action["agency_id"] = pick(("A-1", "A-1", "A-2"))
    elif kind.startswith("destination"):
        action["destination"] = pick(("TW", "TW", "MY"))
    elif kind.startswith("person"):
        action |= {"person_id": pick(PEOPLE), "reason": "dispute"}
    else:
        action["permit_id"] = pick(("S-1", "S-1", "S-2", "S-3"))
    if kind == "permit_issued":
        valid_from, valid_to = pick(FIRST_DAYS), pick(LAST_DAYS)
        lines = [
            {
                "line": number,
                "position": pick(POSITIONS),
                "sex": pick(("ANY", "ANY", "F", "M")),
                "units": pick((1, 1, 2)),
            }
            for number in pick(((1,), (1, 2), (2, 1)))
        ]
        action |= {
            "agency_id": pick(AGENCIES),
            "destination": pick(DESTINATIONS),
            "valid_from": min(valid_from, valid_to),
            "valid_to": valid_to,
            "lines": lines,
        }
    if kind == "permit_extended":
        action["valid_to"] = pick(LAST_DAYS)
    if kind.startswith("quota"):
        action |= {"line": pick((1, 1, 2, 9)), "units": pick((1, 1, 2, 3))}
    return dict(action)


def policy_adopted(pick: Pick) -> Json:
    """Give the adoption of a policy near the default one."""
    action = envelope(pick, "policy_adopted", "BP2MI", HEAD_OFFICE, MOMENTS)
    action["policy"] = any_policy(pick, pick(("B.662-2023", "P-2", "P-3", "P-4", "P-5")))
    return dict(action)


def any_policy(pick: Pick, version: str) -> Json:
    """Give a policy that differs from the default one in a few fields."""
    changed = deepcopy(DEFAULT_POLICY)
    changed["version"] = version
    if pick((True, False)):
        changed["unit_taken_at"] = {
            "SISKOTKLN": pick(("registration", "agreement")),
            "SIAPKERJA": pick(("registration", "agreement")),
        }
    if pick((True, False)):
        changed["restore_if_valid_at"] = pick(("reregistration", "closure"))
        changed["restoration"] = pick((True, True, False))
        changed["late_departures"] = pick((True, True, False))
    if pick((True, False)):
        changed["agreement_not_required"] = pick(([], ["INDIVIDUAL"], ["P_TO_P", "G_TO_G"]))
        changed["biometrics_not_required"] = pick(([], ["SISKOTKLN"], ["SIAPKERJA", "SISKOTKLN"]))
        changed["clock_skew_seconds"] = pick((0, 300, 100_000))
    if pick((True, False, False)):
        changed["closure"] = pick(
            ("2023-07-17T00:00:00+07:00", "2023-07-01T00:00:00+07:00", "2023-07-17T02:00:00.000001+09:00")
        )
        changed["registration_limit"] = pick(
            ("2023-02-17T00:00:00+07:00", "2023-02-01T10:00:00+07:00", "2023-03-01T00:00:00+07:00")
        )
    return changed


def registered(pick: Pick) -> Json:
    """Give a registration in either system."""
    if pick((True, False)):
        action = envelope(
            pick, "registered", "SISKOTKLN", SERVICE_OFFICE, BEFORE_LIMIT + BEFORE_LIMIT + MOMENTS
        )
    else:
        action = envelope(pick, "registered", "SIAPKERJA", SERVICE_OFFICE, AFTER_CLOSURE + BETWEEN[2:])
    scheme = pick(SCHEMES)
    action |= {
        "registration_id": pick(REGISTRATIONS),
        "person_id": pick(PEOPLE),
        "scheme": scheme,
        "destination": pick(DESTINATIONS),
        "position": pick(POSITIONS),
        "sex": pick(SEXES),
    }
    if scheme == "P_TO_P":
        action |= {"agency_id": pick(AGENCIES), **_named(pick(LINES))}
    return dict(action)


def taken_step(pick: Pick, known: Sequence[Json]) -> Json:
    """Give a step of a registration, mostly a known one's by its own system, or the release of its unit."""
    kind = pick((*STAGES, "departed", "cancelled", "unit_released", "agreement_signed", "agreement_signed"))
    registration = pick(known) if known else {"registration_id": "R-9", "system": "SISKOTKLN"}
    side = pick((*(registration["system"],) * 9, "SISKOTKLN", "SIAPKERJA", "SISKOP2MI"))
    if side == "SIAPKERJA" and kind in {*LADDER[3:], "departed"}:
        side = "SISKOP2MI"
    office = REGIONAL_OFFICE if side == "SISKOP2MI" else SERVICE_OFFICE
    moments: tuple[str, ...] = BETWEEN[2:] + AFTER_CLOSURE
    if side == "SISKOTKLN":
        moments = BETWEEN + BEFORE_LIMIT[2:]
    if kind == "unit_released":
        side, office, moments = "BP2MI", HEAD_OFFICE, AFTER_CLOSURE + MOMENTS
    action = envelope(pick, kind, side, office, moments)
    action["registration_id"] = pick((*(registration["registration_id"],) * 15, "R-9"))
    if kind == "agreement_signed":
        action |= _named(pick(LINES))
    if kind == "candidate_id_issued":
        action["candidate_id"] = "C-1"
    if kind == "biometrics_registered":
        action["reference"] = "b-1"
    if kind in {"cancelled", "unit_released"}:
        action["reason"] = "as asked"
    if kind == "unit_released":
        action["second_officer"] = "o-2"
    return dict(action)


def service(pick: Pick) -> Json:
    """Give a training or a complaint."""
    kind = pick(SERVICES)
    if kind.startswith("training"):
        action = envelope(pick, kind, "SISKOTKLN", SERVICE_OFFICE, BEFORE_LIMIT + BETWEEN + AFTER_CLOSURE[:1])
        action |= {
            "training_id": pick(("T-1", "T-2")),
            "provider_id": pick(("L-1", "L-2")),
            "provider_type": pick(("LPK", "BLKLN")),
            "person_id": pick(PEOPLE),
        }
        return dict(action)
    action = envelope(pick, kind, "SISKOP2MI", REGIONAL_OFFICE, MOMENTS)
    action["complaint_id"] = pick(("K-1", "K-2"))
    if kind == "complaint_received":
        action |= {"topic": "wages", "channel": "phone", **pick(({}, {"registration_id": "R-9"}))}
    return dict(action)


def repeated(pick: Pick, told: Sequence[Json | None]) -> list[Json]:
    """Give an earlier action again: as it was, spelled otherwise, entered anew, or with another content."""
    earlier = [action for action in told if action is not None]
    if not earlier:
        return []
    action = deepcopy(pick(earlier[-8:]))
    change = pick(("none", "spelling", "entered", "officer", "offset", "evidence", "sealed"))
    if change == "spelling":
        action["action_id"] = action["action_id"].upper()
        action["evidence"] = action.get("evidence") or None
    if change == "entered":
        action["entered_at"] = pick(ENTERED_LATE)
    if change == "officer":
        action["officer"] = "o-7"
    if change == "offset":
        action["occurred_at"] = instant(action["occurred_at"]).astimezone(WIT).isoformat()
    if change == "evidence":
        action["evidence"] = [{"type": "letter", "reference": "1"}]
    if change == "sealed":
        action["sealed"] = {"nik": "y"}
    return [action]


def corrected(pick: Pick, known: Sequence[Json]) -> list[Json]:
    """Give what settles an identity: a hold, registrations that move, a release, an erasure; or a part."""
    moments = AFTER_CLOSURE + AFTER_CLOSURE + MOMENTS
    moved = pick(known) if known else {"registration_id": "R-9", "person_id": "p-1"}
    whose = moved["person_id"]
    others = [person_id for person_id in (*PEOPLE, "p-9") if person_id != whose]
    actions = []

    def ruled(kind: str, **fields: object) -> None:
        actions.append(
            {**envelope(pick, kind, "BP2MI", HEAD_OFFICE, moments), "reason": "as found", **fields}
        )

    if pick((True, True, True, True, False)):
        ruled("person_held", person_id=whose)
    theirs = [each["registration_id"] for each in known if each["person_id"] == whose]
    for registration_id in pick(((), ("R-9",), *[(moved["registration_id"],)] * 6, theirs, theirs[::-1])):
        person_id = pick((*others * 3, whose))
        ruled(
            "registration_reassigned",
            registration_id=registration_id,
            person_id=person_id,
            second_officer="o-2",
        )
    if pick((True, True, True, False)):
        ruled("person_released", person_id=whose)
    if pick((True, False, False)):
        ruled("person_erased", person_id=pick(PEOPLE))
    return actions


def beginning(pick: Pick) -> list[Json]:
    """Give what most histories begin with: agencies, permits, registrations in SISKOTKLN on their way."""
    actions = [agency(at=pick(("2022-01-01 09:00", "2023-02-10 09:00"))), agency("A-2")]
    lines = [
        {"line": number, "position": "caregiver", "sex": "ANY", "units": pick((1, 2))} for number in (1, 2)
    ]
    actions.append(permit(valid=("2023-01-01", pick(LAST_DAYS)), units=pick((1, 1, 2))))
    actions.append(permit("S-2", lines=lines, valid=("2023-01-01", pick(LAST_DAYS))))
    actions.append(old(line=pick(("S-1/1", "S-1/1", "S-2/1")), scheme=pick(SCHEMES)))
    if pick((True, False)):
        actions += ready()
    return actions


def cutover(pick: Pick, known: Sequence[Json]) -> list[Json]:
    """Give what the letter is about: a re-registration, what follows it, and a departure that comes late."""
    in_process = [each for each in known if each["system"] == "SISKOTKLN" and each["status"] == "open"]
    moved = [each for each in known if each["status"] == "reregistered"]
    was = pick(in_process or known or ({"registration_id": "R-1", "person_id": "p-1"},))
    becomes = pick(REGISTRATIONS)
    actions = ready(was["registration_id"]) if pick((True, True, False)) else []
    if pick((True, True, False)):
        line, at = pick(LINES), pick(AFTER_CLOSURE)
        actions.append(new(becomes, was["person_id"], line, at, scheme=pick(SCHEMES)))
    if pick((True, False, False)):
        actions += ready(becomes, "2023-07-25 10:00", system="SIAPKERJA")
        actions.append(step("departed", becomes, "2023-07-26 10:00", system="SIAPKERJA"))
    elif pick((True, False, False)):
        actions.append(step("cancelled", becomes, "2023-07-26 10:00", system="SIAPKERJA"))
        if pick((True, False)):
            becomes = pick(REGISTRATIONS)
            actions.append(new(becomes, was["person_id"], None, "2023-07-27 10:00", scheme=pick(SCHEMES)))
            actions += through(
                "agreement_signed", becomes, "2023-07-27 10:00", system="SIAPKERJA", line=pick(LINES)
            )
    if pick((True, False)):
        # Somebody else takes what the re-registration may have put back.
        another = pick(REGISTRATIONS)
        actions.append(new(another, pick(("p-3", "p-4")), None, "2023-07-25 09:00"))
        actions.append(step("documents_verified", another, "2023-07-25 10:00", system="SIAPKERJA"))
        line = pick(LINES[:5])
        actions.append(step("agreement_signed", another, pick(AFTER_CLOSURE), system="SIAPKERJA", line=line))
    if pick((True, False, False)):
        actions += corrected(pick, [was, {**was, "registration_id": becomes}])
    if pick((True, False)):
        departing = pick((was, was, *moved))
        actions.append(late_departure(departing["registration_id"], pick(BETWEEN)))
    return actions


def _named(line: str | None) -> Json:
    if line is None:
        return {}
    permit_id, number = line.split("/")
    return {"permit_id": permit_id, "line": int(number)}
