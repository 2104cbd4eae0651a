"""The ladders of contract §3, and for each rung what breaks it.

A scene is a history and an action that is accepted after it. Each of its rows changes the scene a little, so
that one check fails: given these decisions, when this action, then this code. Two rows of one scene can be
laid over each other, which is how the pairs are made. Must not know what the ledger does.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.ledger.story import (
    HEAD_OFFICE,
    REGIONAL_OFFICE,
    SERVICE_OFFICE,
    TICKET,
    agency,
    complaint,
    erased,
    held,
    hq,
    late_departure,
    moment,
    new,
    old,
    permit,
    policy,
    ready,
    reassigned,
    released,
    revoked,
    step,
    through,
    training,
)

Json = dict[str, Any]

# ---------------------------------------------------------------- the order of the checks

EVERY = ("ACTION_ID_REUSED", "WRONG_SYSTEM", "WRONG_OFFICE", "OCCURRED_IN_FUTURE")
TAKE = (
    "UNKNOWN_PERMIT",
    "UNKNOWN_LINE",
    "PERMIT_HELD_BY_OTHER",
    "DESTINATION_MISMATCH",
    "LINE_MISMATCH",
    "PERMIT_REVOKED",
    "PERMIT_NOT_VALID",
    "AGENCY_SUSPENDED",
    "DESTINATION_CLOSED",
    "QUOTA_EXHAUSTED",
)
# Step 7 gives the code of step 2 once more; here it has a name of its own.
WRONG_SYSTEM_FOR_REGISTRATION = "WRONG_SYSTEM of the registration"
OF_REGISTRATION = (
    "UNKNOWN_REGISTRATION",
    WRONG_SYSTEM_FOR_REGISTRATION,
    "PERSON_ON_HOLD",
    "OCCURRED_BEFORE_REGISTRATION",
    "REGISTRATION_ENDED",
)
STAGE = (*EVERY, "SYSTEM_CLOSED", "SYSTEM_NOT_OPEN", *OF_REGISTRATION, "STAGE_ALREADY_PASSED")
LATER_STAGE = (*STAGE, "STAGE_OUT_OF_ORDER")

LADDERS: dict[str, tuple[str, ...]] = {
    "registered": (
        *EVERY,
        "SYSTEM_CLOSED",
        "REGISTERED_AFTER_LIMIT",
        "SYSTEM_NOT_OPEN",
        "REGISTRATION_EXISTS",
        "PERSON_ON_HOLD",
        "OPEN_REGISTRATION_EXISTS",
        "LINE_MISSING",
        *TAKE,
    ),
    "documents_verified": STAGE,
    "candidate_id_issued": LATER_STAGE,
    "agreement_signed": (*LATER_STAGE, "UNIT_HELD_ELSEWHERE", "LINE_MISSING", *TAKE),
    "documents_fulfilled": LATER_STAGE,
    "orientation_completed": LATER_STAGE,
    "biometrics_registered": LATER_STAGE,
    # A departure ends its registration, so that no open one, nor one that was re-registered, has passed it.
    "departed": (
        *EVERY,
        "SYSTEM_CLOSED",
        "EVIDENCE_MISSING",
        "SYSTEM_NOT_OPEN",
        *OF_REGISTRATION,
        "CONFLICTING_DEPARTURES",
        "STAGE_OUT_OF_ORDER",
        "UNIT_NOT_HELD",
        "QUOTA_EXHAUSTED",
    ),
    "cancelled": (*EVERY, "SYSTEM_CLOSED", "SYSTEM_NOT_OPEN", *OF_REGISTRATION),
    # BP2MI may act on the registrations of both systems.
    "unit_released": (
        *EVERY,
        *(code for code in OF_REGISTRATION if code != WRONG_SYSTEM_FOR_REGISTRATION),
        "NOT_STRANDED",
        "UNIT_NOT_HELD",
    ),
    "agency_licensed": (*EVERY, "AGENCY_EXISTS"),
    "agency_suspended": (*EVERY, "UNKNOWN_AGENCY", "NO_CHANGE"),
    "agency_reinstated": (*EVERY, "UNKNOWN_AGENCY", "NO_CHANGE"),
    "destination_closed": (*EVERY, "NO_CHANGE"),
    "destination_opened": (*EVERY, "NO_CHANGE"),
    "permit_issued": (*EVERY, "UNKNOWN_AGENCY", "PERMIT_EXISTS"),
    "permit_extended": (*EVERY, "UNKNOWN_PERMIT", "VALIDITY_NOT_EXTENDED"),
    "permit_revoked": (*EVERY, "UNKNOWN_PERMIT", "NO_CHANGE"),
    "permit_reinstated": (*EVERY, "UNKNOWN_PERMIT", "NO_CHANGE"),
    "quota_raised": (*EVERY, "UNKNOWN_PERMIT", "UNKNOWN_LINE"),
    "quota_lowered": (*EVERY, "UNKNOWN_PERMIT", "UNKNOWN_LINE", "QUOTA_BELOW_USE"),
    "policy_adopted": (*EVERY, "POLICY_EXISTS"),
    "person_held": (*EVERY, "NO_CHANGE"),
    "person_released": (*EVERY, "NO_CHANGE"),
    "training_requested": (*EVERY, "SERVICE_HANDED_BACK", "TRAINING_EXISTS", "PERSON_ON_HOLD"),
    "training_completed": (*EVERY, "SERVICE_HANDED_BACK", "UNKNOWN_TRAINING", "NO_CHANGE"),
    "complaint_received": (*EVERY, "SYSTEM_NOT_OPEN", "COMPLAINT_EXISTS"),
    "complaint_answered": (*EVERY, "SYSTEM_NOT_OPEN", "UNKNOWN_COMPLAINT", "NO_CHANGE"),
    "registration_reassigned": (
        *EVERY,
        "UNKNOWN_REGISTRATION",
        "PERSON_NOT_ON_HOLD",
        "OCCURRED_BEFORE_REGISTRATION",
        "NO_CHANGE",
        "OPEN_REGISTRATION_EXISTS",
    ),
    "person_erased": (*EVERY, "PERSON_ON_HOLD"),
}


def code_of(rung: str) -> str:
    """Give the code in a decision for a rung of a ladder."""
    return "WRONG_SYSTEM" if rung == WRONG_SYSTEM_FOR_REGISTRATION else rung


# ---------------------------------------------------------------- scenes and rows


@dataclass(frozen=True)
class Row:
    """What makes one check of a scene fail.

    Attributes:
        rung: The check.
        given: Parts of the history that stand in the place of the scene's, by name.
        changed: Fields of the first action of such a part, by name.
        when: Fields of the action; null leaves one out.

    """

    rung: str
    given: dict[str, list[Json]] = field(default_factory=dict)
    changed: dict[str, Json] = field(default_factory=dict)
    when: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """A history in named parts and an action, accepted as they stand; rows that break it.

    Attributes:
        name: Where, or in which case.
        given: The parts of the history, in order; some are empty and only keep a place.
        when: The action.
        rows: One or more for each check that can fail here.

    """

    name: str
    given: dict[str, list[Json]]
    when: Json
    rows: tuple[Row, ...]

    def laid_over(self, *rows: Row) -> tuple[list[Json], Json]:
        """Give the history and the action with these rows laid over them, the later above."""
        parts = deepcopy(self.given)
        for row in rows:
            parts.update(deepcopy(row.given))
        for row in rows:
            for name, fields in row.changed.items():
                if parts[name]:
                    parts[name][0].update(fields)
        when = deepcopy(self.when)
        for row in rows:
            when.update(row.when)
        action = {name: value for name, value in when.items() if value is not None}
        return [each for part in parts.values() for each in part], action


def at(occurred: str, entered: str | None = None) -> Json:
    """Give the fields that date an action, entered when it occurred unless said otherwise."""
    return {"occurred_at": moment(occurred), "entered_at": moment(entered or occurred)}


def entered(text: str) -> Json:
    """Give the field that says when an action was entered."""
    return {"entered_at": moment(text)}


def line(named: str) -> Json:
    """Give the fields that name a line."""
    permit_id, number = named.split("/")
    return {"permit_id": permit_id, "line": int(number)}


def units(count: int, sex: str = "ANY") -> Json:
    """Give the field that grants so many units on a permit's one line."""
    return {"lines": [{"line": 1, "position": "caregiver", "sex": sex, "units": count}]}


ID = "018952d4-0c1a-7000-8000-000000000001"
SISKOTKLN_SENDS = {"system": "SISKOTKLN", "office": SERVICE_OFFICE}
REUSED = Row("ACTION_ID_REUSED", given={"first": [agency("A-9", action_id=ID)]}, when={"action_id": ID})
FROM_HQ = Row("WRONG_OFFICE", when={"office": HEAD_OFFICE})
HELD = Row("PERSON_ON_HOLD", given={"held": [held(at="2022-12-01 09:00")]})

# Everything a registration can want: agencies, permits, and empty places for what rows add.
WORLD: dict[str, list[Json]] = {
    "first": [],
    "policy": [],
    "agencies": [agency(), agency("A-2")],
    "permit": [permit(units=5)],
    "second permit": [permit("S-2", units=5)],
    "taker": [],
}
TAKES_AT_ONCE = policy(unit_taken_at={"SISKOTKLN": "registration", "SIAPKERJA": "registration"})
TAKES_AT_AGREEMENT = policy(unit_taken_at={"SISKOTKLN": "agreement", "SIAPKERJA": "agreement"})
# What befell agency, country and permit: all before anybody takes a unit, but after the taker did.
TAKER = {"taker": [old("R-8", "p-8", at="2023-01-03 10:00")]}
BARS = (
    Row("PERMIT_REVOKED", given={"revoked": [revoked(at="2023-01-20 09:00")]}),
    Row("PERMIT_NOT_VALID", changed={"permit": {"valid_to": "2023-01-15"}}),
    Row(
        "AGENCY_SUSPENDED",
        given={
            "suspended": [
                hq("agency_suspended", "2023-01-20 09:00", agency_id="A-1"),
                hq("agency_suspended", "2023-01-20 09:00", agency_id="A-2"),
            ]
        },
    ),
    Row(
        "DESTINATION_CLOSED",
        given={
            "closed": [
                hq("destination_closed", "2023-01-20 09:00", destination="TW"),
                hq("destination_closed", "2023-01-20 09:00", destination="MY"),
            ]
        },
    ),
    Row("QUOTA_EXHAUSTED", given=TAKER, changed={"permit": units(1)}),
)
# The same rows where the registration itself takes the unit …
TAKE_BY_ACTION = (
    Row("LINE_MISSING", when={"permit_id": None, "line": None}),
    Row("UNKNOWN_PERMIT", when={"permit_id": "S-9"}),
    Row("UNKNOWN_LINE", when={"line": 9}),
    Row("PERMIT_HELD_BY_OTHER", when={"agency_id": "A-2"}),
    Row("DESTINATION_MISMATCH", when={"destination": "MY"}),
    Row("LINE_MISMATCH", when={"position": "maid"}),
    Row("LINE_MISMATCH", changed={"permit": units(5, sex="M")}),
    *BARS,
)
# … and where the agreement does, for a registration that was made before.
TAKE_FOR_REGISTRATION = (
    Row("LINE_MISSING", when={"permit_id": None, "line": None}),
    Row("UNKNOWN_PERMIT", when={"permit_id": "S-9"}),
    Row("UNKNOWN_LINE", when={"line": 9}),
    Row("PERMIT_HELD_BY_OTHER", changed={"registered": {"agency_id": "A-2"}}),
    Row("PERMIT_HELD_BY_OTHER", changed={"permit": {"agency_id": "A-2"}}),
    Row("DESTINATION_MISMATCH", changed={"registered": {"destination": "MY"}}),
    Row("DESTINATION_MISMATCH", changed={"permit": {"destination": "MY"}}),
    Row("LINE_MISMATCH", changed={"registered": {"position": "maid"}}),
    Row("LINE_MISMATCH", changed={"permit": units(5, sex="M")}),
    *BARS,
)

# ---------------------------------------------------------------- registered

REGISTERED = (
    Scene(
        "in SISKOTKLN",
        {**WORLD, "exists": [], "open": []},
        old("R-1", at="2023-02-10 10:00"),
        (
            REUSED,
            Row("WRONG_SYSTEM", when={"system": "BP2MI", "office": HEAD_OFFICE}),
            Row("WRONG_SYSTEM", when={"system": "SISKOP2MI", "office": REGIONAL_OFFICE}),
            FROM_HQ,
            Row("OCCURRED_IN_FUTURE", when=entered("2023-02-10 09:54")),
            Row("SYSTEM_CLOSED", when=at("2023-07-17 00:00")),
            Row("SYSTEM_CLOSED", when=entered("2023-07-17 00:00")),
            Row("REGISTERED_AFTER_LIMIT", when=at("2023-02-17 00:00")),
            Row("REGISTRATION_EXISTS", given={"exists": [old("R-1", "p-7", scheme="G_TO_G")]}),
            HELD,
            Row("OPEN_REGISTRATION_EXISTS", given={"open": [old("R-7", scheme="G_TO_G")]}),
            *TAKE_BY_ACTION,
        ),
    ),
    Scene(
        "again in SIAPKerja",
        {**WORLD, "old": [old("R-7", line="S-2/1", at="2023-01-04 10:00")], "exists": [], "open": []},
        new("R-1", at="2023-07-20 10:00"),
        (
            REUSED,
            Row("WRONG_SYSTEM", when={"system": "SISKOP2MI", "office": REGIONAL_OFFICE}),
            FROM_HQ,
            Row("OCCURRED_IN_FUTURE", when=entered("2023-07-20 09:54")),
            Row("OCCURRED_IN_FUTURE", when=entered("2023-02-16 09:54")),
            Row("SYSTEM_NOT_OPEN", when=at("2023-02-16 23:59")),
            Row("REGISTRATION_EXISTS", given={"exists": [old("R-1", "p-7", scheme="G_TO_G")]}),
            HELD,
            # Before T_0 it is no re-registration.
            Row("OPEN_REGISTRATION_EXISTS", when=at("2023-07-16 23:59")),
            Row("OPEN_REGISTRATION_EXISTS", given={"old": [new("R-7", line=None, at="2023-03-01 10:00")]}),
            *TAKE_BY_ACTION,
        ),
    ),
    Scene(
        "in SIAPKerja, where the policy takes the unit at once",
        {
            **WORLD,
            "policy": [TAKES_AT_ONCE],
            "exists": [],
            "open": [],
        },
        new("R-1", at="2023-03-10 10:00"),
        (
            REUSED,
            Row("WRONG_SYSTEM", when={"system": "SISKOP2MI", "office": REGIONAL_OFFICE}),
            FROM_HQ,
            Row("OCCURRED_IN_FUTURE", when=entered("2023-02-16 09:54")),
            Row("SYSTEM_NOT_OPEN", when=at("2023-02-16 23:59")),
            Row("REGISTRATION_EXISTS", given={"exists": [old("R-1", "p-7", scheme="G_TO_G")]}),
            HELD,
            Row("OPEN_REGISTRATION_EXISTS", given={"open": [old("R-7", scheme="G_TO_G")]}),
            *TAKE_BY_ACTION,
        ),
    ),
)

# ---------------------------------------------------------------- steps


def _before(kind: str) -> str | None:
    """Give the last of the steps that a step follows in the scenes."""
    return {
        "documents_verified": None,
        "candidate_id_issued": "documents_verified",
        "agreement_signed": "candidate_id_issued",
        "documents_fulfilled": "agreement_signed",
        "orientation_completed": "documents_fulfilled",
        "biometrics_registered": "documents_fulfilled",
        "departed": "biometrics_registered",
        "cancelled": None,
    }[kind]


def _step_in_siskotkln(kind: str, *rows: Row) -> Scene:
    last = _before(kind)
    passed = through(last) if last else []
    order = [
        Row("STAGE_ALREADY_PASSED", given={"passed": [*passed, step(kind)]}),
        *([Row("STAGE_OUT_OF_ORDER", given={"passed": []})] if last else []),
    ]
    return Scene(
        "in SISKOTKLN",
        {**WORLD, "registered": [old()], "passed": passed, "released": [], "ended": []},
        step(kind, at="2023-03-10 10:00"),
        (
            REUSED,
            Row("SYSTEM_NOT_OPEN", when={**_other_side(kind), **at("2023-02-16 23:59")}),
            Row("WRONG_SYSTEM", when={"system": "BP2MI", "office": HEAD_OFFICE}),
            FROM_HQ,
            Row("OCCURRED_IN_FUTURE", when=entered("2023-03-10 09:54")),
            Row("OCCURRED_IN_FUTURE", when=entered("2023-01-03 09:54")),
            Row("SYSTEM_CLOSED", when=at("2023-07-17 00:00")),
            *(
                []
                if kind == "departed"
                else [Row("SYSTEM_CLOSED", when=at("2023-01-31 10:00", "2023-07-17 00:00"))]
            ),
            Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9"}),
            Row(WRONG_SYSTEM_FOR_REGISTRATION, when=_other_side(kind)),
            HELD,
            Row("OCCURRED_BEFORE_REGISTRATION", when=at("2023-01-31 10:00")),
            Row("REGISTRATION_ENDED", given={"ended": [step("cancelled")]}),
            *(order if kind not in {"cancelled", "departed"} else order[1:] if kind == "departed" else []),
            *rows,
        ),
    )


def _other_side(kind: str) -> Json:
    """Give the sender that serves this step for registrations of SIAPKerja."""
    if kind in {"documents_fulfilled", "orientation_completed", "biometrics_registered", "departed"}:
        return {"system": "SISKOP2MI", "office": REGIONAL_OFFICE}
    return {"system": "SIAPKERJA", "office": SERVICE_OFFICE}


def _step_in_siapkerja(kind: str, *rows: Row, named: str | None = None) -> Scene:
    last = _before(kind)
    passed = through(last, "R-1", "2023-03-05 10:00", system="SIAPKERJA", line="S-1/1") if last else []
    order = [
        Row(
            "STAGE_ALREADY_PASSED",
            given={
                "passed": [*passed, step(kind, "R-1", "2023-03-05 10:00", system="SIAPKERJA", line=named)]
            },
        ),
        *([Row("STAGE_OUT_OF_ORDER", given={"passed": []})] if last else []),
    ]
    wrong_system = {"system": "SISKOP2MI", "office": REGIONAL_OFFICE}
    if kind in {"documents_fulfilled", "orientation_completed", "biometrics_registered", "departed"}:
        wrong_system = {"system": "SIAPKERJA", "office": SERVICE_OFFICE}
    if kind == "cancelled":
        wrong_system = {"system": "BP2MI", "office": HEAD_OFFICE}
    return Scene(
        "for SIAPKerja",
        {
            **WORLD,
            "registered": [new("R-1", at="2023-03-01 10:00")],
            "passed": passed,
            "ended": [],
            "then": [],
        },
        step(kind, "R-1", "2023-03-10 10:00", system="SIAPKERJA", line=named),
        (
            REUSED,
            Row("WRONG_SYSTEM", when=wrong_system),
            FROM_HQ,
            Row("OCCURRED_IN_FUTURE", when=entered("2023-02-01 09:54")),
            Row("SYSTEM_CLOSED", when={**SISKOTKLN_SENDS, **at("2023-07-17 00:00")}),
            Row("SYSTEM_NOT_OPEN", when=at("2023-02-16 23:59")),
            Row(
                "SYSTEM_NOT_OPEN",
                given={"then": [policy("P-7", registration_limit=moment("2023-03-20 00:00"))]},
            ),
            Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9"}),
            Row(WRONG_SYSTEM_FOR_REGISTRATION, when=SISKOTKLN_SENDS),
            HELD,
            Row("OCCURRED_BEFORE_REGISTRATION", when=at("2023-02-28 10:00")),
            Row(
                "REGISTRATION_ENDED",
                given={"ended": [step("cancelled", "R-1", "2023-03-06 10:00", system="SIAPKERJA")]},
            ),
            *(order if kind not in {"cancelled", "departed"} else order[1:] if kind == "departed" else []),
            *rows,
        ),
    )


# A policy that asks for no agreement lets documents be fulfilled; the next one asks for it again. Then the
# same step comes a second time and out of order.
_WITHOUT_AGREEMENT = [
    policy("P-8", agreement_not_required=["P_TO_P"]),
    *through("candidate_id_issued"),
    step("documents_fulfilled"),
    policy("P-9"),
]

AGREEMENT_SIGNED = (
    _step_in_siskotkln(
        "agreement_signed",
        Row("UNIT_HELD_ELSEWHERE", when=line("S-2/1")),
        Row("UNIT_HELD_ELSEWHERE", when=line("S-9/9")),
        Row("UNIT_HELD_ELSEWHERE", when=line("S-1/9")),
        Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9", **line("S-9/9")}),
    ),
    _step_in_siapkerja(
        "agreement_signed",
        Row("UNIT_HELD_ELSEWHERE", given={"policy": [TAKES_AT_ONCE]}, when=line("S-2/1")),
        *TAKE_FOR_REGISTRATION,
        named="S-1/1",
    ),
    Scene(
        "in SISKOTKLN, where the policy takes the unit at the agreement",
        {
            **WORLD,
            "policy": [TAKES_AT_AGREEMENT],
            "registered": [old(line=None, at="2023-01-05 10:00")],
            "passed": through("documents_verified", at="2023-01-06 10:00"),
            "ended": [],
        },
        step("agreement_signed", at="2023-03-10 10:00", line="S-1/1"),
        (
            Row("SYSTEM_CLOSED", when=at("2023-07-17 00:00")),
            # The agreement was signed, and the unit that it took was released since: none is held.
            Row(
                "STAGE_ALREADY_PASSED",
                given={
                    "passed": [
                        *through("agreement_signed", at="2023-01-10 10:00", line="S-2/1"),
                        released(),
                    ]
                },
            ),
            *(
                row
                for row in TAKE_FOR_REGISTRATION
                # Its taker would have to sign an agreement as well; the scene for SIAPKerja has that row.
                if row.rung != "QUOTA_EXHAUSTED"
            ),
            Row(
                "QUOTA_EXHAUSTED",
                given={
                    "taker": [
                        old("R-8", "p-8", None, "2023-01-03 10:00"),
                        step("documents_verified", "R-8", "2023-01-04 10:00"),
                        step("agreement_signed", "R-8", "2023-01-05 10:00", line="S-1/1"),
                    ]
                },
                changed={"permit": units(1)},
            ),
        ),
    ),
)

_MOVED = [new("R-2", line="S-2/1")]
_ARRIVED = [
    *ready("R-2", "2023-07-20 10:00", system="SIAPKERJA"),
    step("departed", "R-2", "2023-07-20 10:00", system="SIAPKERJA"),
]
_NO_LATE = [policy(late_departures=False)]
DEPARTED = (
    _step_in_siskotkln(
        "departed",
        Row("EVIDENCE_MISSING", when=entered("2023-07-17 00:00")),
        Row("EVIDENCE_MISSING", when=at("2023-01-31 10:00", "2023-07-17 00:00")),
        Row("SYSTEM_CLOSED", given={"policy": _NO_LATE}, when=entered("2023-07-17 00:00")),
        Row("UNIT_NOT_HELD", given={"released": [released()]}),
    ),
    _step_in_siapkerja(
        "departed",
        Row("SYSTEM_CLOSED", when={**SISKOTKLN_SENDS, **at("2023-07-17 00:00"), "evidence": TICKET}),
        Row("EVIDENCE_MISSING", when={**SISKOTKLN_SENDS, **entered("2023-07-17 00:00")}),
        Row(
            "UNIT_NOT_HELD",
            given={
                "policy": [policy(agreement_not_required=["P_TO_P"])],
                "passed": [
                    each
                    for each in ready("R-1", "2023-03-05 10:00", system="SIAPKERJA")
                    if each["kind"] != "agreement_signed"
                ],
            },
        ),
    ),
    Scene(
        "in SISKOTKLN, after a re-registration",
        {
            **WORLD,
            "registered": [old()],
            "passed": ready(),
            "released": [],
            "moved": _MOVED,
            "taken": [],
            "ended": [],
        },
        late_departure(),
        (
            REUSED,
            Row("WRONG_SYSTEM", when={"system": "SIAPKERJA"}),
            FROM_HQ,
            Row("OCCURRED_IN_FUTURE", when=entered("2023-07-16 23:00")),
            Row("OCCURRED_IN_FUTURE", when=at("2023-07-18 00:00", "2023-07-17 01:00")),
            Row("SYSTEM_CLOSED", when=at("2023-07-17 00:00")),
            Row("SYSTEM_CLOSED", when={**at("2023-07-17 00:00"), "evidence": None}),
            Row("SYSTEM_CLOSED", given={"policy": _NO_LATE}),
            Row("EVIDENCE_MISSING", when={"evidence": None}),
            Row("EVIDENCE_MISSING", when={"evidence": []}),
            Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9"}),
            Row(WRONG_SYSTEM_FOR_REGISTRATION, when={"system": "SISKOP2MI", "office": REGIONAL_OFFICE}),
            HELD,
            Row("OCCURRED_BEFORE_REGISTRATION", when=at("2023-01-31 10:00", "2023-07-18 10:00")),
            Row("REGISTRATION_ENDED", given={"ended": [late_departure()]}),
            Row("CONFLICTING_DEPARTURES", given={"ended": _ARRIVED}),
            Row("STAGE_OUT_OF_ORDER", given={"passed": []}),
            Row("UNIT_NOT_HELD", given={"released": [released(at="2023-07-17 08:00")]}),
            Row(
                "QUOTA_EXHAUSTED",
                given={
                    "taken": [
                        new("R-8", "p-8", None, "2023-07-18 09:00"),
                        step("documents_verified", "R-8", "2023-07-18 09:00", system="SIAPKERJA"),
                        step("agreement_signed", "R-8", "2023-07-18 09:00", system="SIAPKERJA", line="S-1/1"),
                    ]
                },
                changed={"permit": units(1)},
            ),
        ),
    ),
)

UNIT_RELEASED = (
    Scene(
        "",
        {**WORLD, "registered": [old()], "ended": [], "then": []},
        released(),
        (
            REUSED,
            Row("WRONG_SYSTEM", when={"system": "SIAPKERJA", "office": SERVICE_OFFICE}),
            Row("WRONG_SYSTEM", when={"system": "SISKOTKLN", "office": SERVICE_OFFICE}),
            Row("WRONG_OFFICE", when={"office": SERVICE_OFFICE}),
            Row("OCCURRED_IN_FUTURE", when=entered("2023-01-30 10:00")),
            Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9"}),
            Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9", **at("2023-01-31 10:00")}),
            HELD,
            Row("OCCURRED_BEFORE_REGISTRATION", when=at("2023-01-31 10:00")),
            Row("OCCURRED_BEFORE_REGISTRATION", given={"registered": [new("R-1", at="2023-08-02 10:00")]}),
            Row(
                "OCCURRED_BEFORE_REGISTRATION",
                given={"then": [policy(closure=moment("2023-01-10 00:00"))]},
                when=at("2023-01-31 10:00"),
            ),
            Row("REGISTRATION_ENDED", given={"ended": [step("cancelled")]}),
            Row("REGISTRATION_ENDED", given={"ended": [new("R-2", line="S-2/1")]}),
            Row("NOT_STRANDED", when=at("2023-07-16 23:59")),
            Row("NOT_STRANDED", given={"registered": [new("R-1")]}),
            Row("UNIT_NOT_HELD", given={"registered": [old(scheme="G_TO_G")]}),
            Row("UNIT_NOT_HELD", given={"ended": [released(at="2023-07-20 10:00")]}),
        ),
    ),
)

REGISTRATION_REASSIGNED = (
    Scene(
        "",
        {**WORLD, "registered": [old()], "held": [held(at="2023-07-20 09:00")], "other": [], "then": []},
        reassigned(),
        (
            REUSED,
            Row("WRONG_SYSTEM", when={"system": "SIAPKERJA", "office": SERVICE_OFFICE}),
            Row("WRONG_SYSTEM", when={"system": "SISKOTKLN", "office": SERVICE_OFFICE}),
            Row("WRONG_OFFICE", when={"office": SERVICE_OFFICE}),
            Row("OCCURRED_IN_FUTURE", when=entered("2023-01-30 10:00")),
            Row("UNKNOWN_REGISTRATION", when={"registration_id": "R-9"}),
            Row("PERSON_NOT_ON_HOLD", given={"held": []}),
            Row("PERSON_NOT_ON_HOLD", given={"held": [held("p-2")]}),
            # A registration that was given away asks for a hold on whom it was given to.
            Row("PERSON_NOT_ON_HOLD", given={"then": [reassigned(person_id="p-3")]}),
            Row("OCCURRED_BEFORE_REGISTRATION", when=at("2023-01-31 10:00")),
            Row("NO_CHANGE", when={"person_id": "p-1"}),
            Row("OPEN_REGISTRATION_EXISTS", given={"other": [new("R-2", "p-2", None)]}),
            Row("OPEN_REGISTRATION_EXISTS", given={"other": [old("R-2", "p-2")]}),
        ),
    ),
)

# ---------------------------------------------------------------- others

_FUTURE = Row("OCCURRED_IN_FUTURE", when=entered("2021-01-01 09:00"))
_WRONG_SYSTEM = Row("WRONG_SYSTEM", when={"system": "SISKOTKLN"})
_WRONG_OFFICE = Row("WRONG_OFFICE", when={"office": REGIONAL_OFFICE})
_PERMIT = {"first": [], "agency": [agency()], "permit": [permit()], "before": []}


def _ruling(given: dict[str, list[Json]], when: Json, *rows: Row) -> tuple[Scene, ...]:
    return (Scene("", given, when, (REUSED, _WRONG_SYSTEM, _WRONG_OFFICE, _FUTURE, *rows)),)


def _no_such(rung: str, **fields: object) -> Row:
    return Row(rung, when=fields)


def _no_change(*before: Json) -> Row:
    return Row("NO_CHANGE", given={"before": list(before)})


_SUSPENDED = hq("agency_suspended", agency_id="A-1")
_CLOSED = hq("destination_closed", destination="TW")
_RELEASED = hq("person_released", person_id="p-1", reason="one person")
_TRAINING_ROWS = (
    REUSED,
    Row("WRONG_SYSTEM", when={"system": "SIAPKERJA"}),
    FROM_HQ,
    Row("OCCURRED_IN_FUTURE", when=entered("2023-03-01 09:54")),
    Row("OCCURRED_IN_FUTURE", when=at("2023-07-19 00:00", "2023-07-18 00:00")),
    Row("SERVICE_HANDED_BACK", when=at("2023-07-17 00:00")),
    Row("SERVICE_HANDED_BACK", when=entered("2023-07-17 00:00")),
)
_COMPLAINT_ROWS = (
    REUSED,
    Row("WRONG_SYSTEM", when={"system": "SIAPKERJA"}),
    Row("WRONG_OFFICE", when={"office": SERVICE_OFFICE}),
    Row("OCCURRED_IN_FUTURE", when=entered("2023-01-01 09:54")),
    Row("SYSTEM_NOT_OPEN", when=at("2023-02-16 23:59")),
)

SCENES: dict[str, tuple[Scene, ...]] = {
    "registered": REGISTERED,
    **{
        kind: (_step_in_siskotkln(kind), _step_in_siapkerja(kind))
        for kind in (
            "documents_verified",
            "candidate_id_issued",
            "orientation_completed",
            "biometrics_registered",
        )
    },
    "documents_fulfilled": (
        _step_in_siskotkln(
            "documents_fulfilled",
            Row("STAGE_ALREADY_PASSED", given={"passed": _WITHOUT_AGREEMENT}),
        ),
        _step_in_siapkerja("documents_fulfilled"),
    ),
    "agreement_signed": AGREEMENT_SIGNED,
    "departed": DEPARTED,
    "cancelled": (_step_in_siskotkln("cancelled"), _step_in_siapkerja("cancelled")),
    "unit_released": UNIT_RELEASED,
    "agency_licensed": _ruling(
        {"first": []}, agency(), Row("AGENCY_EXISTS", given={"before": [agency(officer="o-2")]})
    ),
    "agency_suspended": _ruling(
        {"first": [], "agency": [agency()], "before": []},
        _SUSPENDED,
        _no_such("UNKNOWN_AGENCY", agency_id="A-8"),
        _no_change(_SUSPENDED),
    ),
    "agency_reinstated": _ruling(
        {"first": [], "agency": [agency()], "before": [_SUSPENDED]},
        hq("agency_reinstated", agency_id="A-1"),
        _no_such("UNKNOWN_AGENCY", agency_id="A-8"),
        _no_change(),
    ),
    "destination_closed": _ruling({"first": [], "before": []}, _CLOSED, _no_change(_CLOSED)),
    "destination_opened": _ruling(
        {"first": [], "before": [_CLOSED]}, hq("destination_opened", destination="TW"), _no_change()
    ),
    "permit_issued": _ruling(
        {"first": [], "agency": [agency()], "before": []},
        permit(),
        _no_such("UNKNOWN_AGENCY", agency_id="A-8"),
        Row("PERMIT_EXISTS", given={"before": [permit()]}),
    ),
    "permit_extended": _ruling(
        _PERMIT,
        hq("permit_extended", permit_id="S-1", valid_to="2024-01-01"),
        _no_such("UNKNOWN_PERMIT", permit_id="S-9"),
        Row("VALIDITY_NOT_EXTENDED", when={"valid_to": "2023-12-31"}),
        Row("VALIDITY_NOT_EXTENDED", when={"valid_to": "2022-01-01"}),
    ),
    "permit_revoked": _ruling(
        _PERMIT, revoked(), _no_such("UNKNOWN_PERMIT", permit_id="S-9"), _no_change(revoked())
    ),
    "permit_reinstated": _ruling(
        {**_PERMIT, "before": [revoked()]},
        hq("permit_reinstated", permit_id="S-1"),
        _no_such("UNKNOWN_PERMIT", permit_id="S-9"),
        _no_change(),
    ),
    "quota_raised": _ruling(
        _PERMIT,
        hq("quota_raised", permit_id="S-1", line=1, units=1),
        _no_such("UNKNOWN_PERMIT", permit_id="S-9"),
        _no_such("UNKNOWN_LINE", line=2),
    ),
    "quota_lowered": _ruling(
        _PERMIT,
        hq("quota_lowered", permit_id="S-1", line=1, units=2),
        _no_such("UNKNOWN_PERMIT", permit_id="S-9"),
        _no_such("UNKNOWN_LINE", line=2),
        Row("QUOTA_BELOW_USE", given={"before": [old()]}),
        Row("QUOTA_BELOW_USE", when={"units": 3}),
    ),
    "policy_adopted": _ruling(
        {"first": [], "before": []},
        policy(),
        Row("POLICY_EXISTS", given={"before": [policy(restoration=False)]}),
        Row("POLICY_EXISTS", when=policy("B.662-2023", restoration=False)),
    ),
    "person_held": _ruling({"first": [], "before": []}, held(), _no_change(held())),
    "person_released": _ruling({"first": [], "before": [held()]}, _RELEASED, _no_change()),
    "training_requested": (
        Scene(
            "",
            {"first": [], "before": []},
            training(),
            (*_TRAINING_ROWS, Row("TRAINING_EXISTS", given={"before": [training()]}), HELD),
        ),
    ),
    "training_completed": (
        Scene(
            "",
            {"first": [], "requested": [training()], "before": []},
            training("training_completed"),
            (
                *_TRAINING_ROWS,
                _no_such("UNKNOWN_TRAINING", training_id="T-9"),
                _no_change(training("training_completed")),
            ),
        ),
    ),
    "complaint_received": (
        Scene(
            "",
            {"first": [], "before": []},
            complaint(),
            (*_COMPLAINT_ROWS, Row("COMPLAINT_EXISTS", given={"before": [complaint()]})),
        ),
    ),
    "complaint_answered": (
        Scene(
            "",
            {"first": [], "received": [complaint()], "before": []},
            complaint("complaint_answered"),
            (
                *_COMPLAINT_ROWS,
                _no_such("UNKNOWN_COMPLAINT", complaint_id="K-9"),
                _no_change(complaint("complaint_answered")),
            ),
        ),
    ),
    "registration_reassigned": REGISTRATION_REASSIGNED,
    "person_erased": _ruling(
        {"first": [], "before": []},
        erased(at="2023-04-01 10:00"),
        Row("PERSON_ON_HOLD", given={"before": [held()]}),
    ),
}
