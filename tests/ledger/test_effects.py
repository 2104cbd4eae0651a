"""What accepted actions do: postings, units, statuses, balances, by kind, policy and branch; one row each.

Rows say what stands in the contract and the domain page in literal values, so that they hold ledger and
oracle to something outside both. The first are the sixteen cases of the domain's table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import pytest

from tests.ledger.story import (
    LADDER,
    SERVICE_OFFICE,
    Story,
    agency,
    complaint,
    extended,
    held,
    hq,
    late_departure,
    moment,
    new,
    old,
    permit,
    policy,
    ready,
    reinstated,
    released,
    revoked,
    step,
    through,
    training,
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Effect:
    """Given these actions, when this one, then so it ends.

    Attributes:
        name: What the row shows.
        given: What went before, all of it accepted.
        when: The action.
        code: Of the refusal; null where it is accepted.
        postings: `PERMIT/LINE from>to units`, in order.
        stands: Registration to status and unit, `-` where it has none.
        balances: Line to granted, available, reserved, departed, forfeited.
        late: Whether the decision is marked so.

    """

    name: str
    given: list[Json]
    when: Json
    code: str | None = None
    postings: list[str] = field(default_factory=list)
    stands: dict[str, str] = field(default_factory=dict)
    balances: dict[str, list[int]] = field(default_factory=dict)
    late: bool = False


def arrived(
    registration_id: str = "R-2", at: str = "2023-07-25 10:00", line: str | None = None
) -> list[Json]:
    """Go all the way to departure in SIAPKerja and SISKOP2MI."""
    return [
        *through("biometrics_registered", registration_id, at, system="SIAPKERJA", line=line),
        step("departed", registration_id, at, system="SIAPKERJA"),
    ]


def signed(registration_id: str, person_id: str, at: str, line: str = "S-1/1") -> list[Json]:
    """Take a unit in SIAPKerja, by an agreement."""
    return [
        new(registration_id, person_id, None, at),
        *through("candidate_id_issued", registration_id, at, system="SIAPKERJA"),
        step("agreement_signed", registration_id, at, system="SIAPKERJA", line=line),
    ]


TWO = [agency(), permit(), permit("S-2")]
ONE = [agency(), permit(units=1), permit("S-2")]
WAITING = [*TWO, old()]
READY = [*WAITING, *ready()]
FULL = [*ONE, old(), *ready()]
RESTORED = ["S-1/1 reserved>available 1"]
FORFEITED = ["S-1/1 reserved>forfeited 1"]
TAKEN = ["S-1/1 available>reserved 1"]
ELSEWHERE = ["S-2/1 available>reserved 1"]


def expiring(valid_to: str) -> list[Json]:
    """Give a candidate in process on a permit with that last day, beside a permit that stays valid."""
    return [agency(), permit(valid=("2023-01-01", valid_to)), permit("S-2"), old()]


CASES = [
    Effect(
        "1: registered a second before the limit",
        TWO,
        old(at="2023-02-16T23:59:59+07:00"),
        postings=TAKEN,
        stands={"R-1": "open S-1/1 held"},
    ),
    Effect(
        "1: registered at the limit", TWO, old(at="2023-02-17T00:00:00+07:00"), code="REGISTERED_AFTER_LIMIT"
    ),
    Effect(
        "2: 17 February in WIT is still the 16th", TWO, old(at="2023-02-17T01:30:00+09:00"), postings=TAKEN
    ),
    Effect(
        "3: 17 July in WITA is still the 16th",
        READY,
        step("departed", at="2023-07-17T00:30:00+08:00", entered="2023-07-16T23:40:00+07:00"),
        postings=["S-1/1 reserved>departed 1"],
        stands={"R-1": "departed S-1/1 departed"},
    ),
    Effect(
        "3: departed in time, so there is no re-registration but a new one",
        [*READY, step("departed", at="2023-07-17T00:30:00+08:00")],
        new(),
        stands={"R-2": "open -"},
    ),
    Effect(
        "4: departed in time, entered two days later",
        READY,
        late_departure(),
        postings=["S-1/1 reserved>departed 1"],
        stands={"R-1": "departed S-1/1 departed"},
        balances={"S-1/1": [2, 1, 0, 1, 0]},
        late=True,
    ),
    Effect(
        "5: the same, but re-registered since",
        [*FULL, new()],
        late_departure(),
        postings=["S-1/1 reserved>available 1", "S-1/1 available>departed 1"],
        stands={"R-2": "voided S-1/1 returned", "R-1": "departed S-1/1 departed"},
        balances={"S-1/1": [1, 0, 0, 1, 0]},
        late=True,
    ),
    Effect(
        "6: ready to fly on 20 July: the old system takes no departure",
        READY,
        step("departed", at="2023-07-20 10:00"),
        code="SYSTEM_CLOSED",
    ),
    Effect(
        "6: ready to fly on 20 July: re-registers, and stages start again",
        [*READY, new(at="2023-07-18 09:00")],
        step("orientation_completed", "R-2", "2023-07-19 09:00", system="SIAPKERJA"),
        code="STAGE_OUT_OF_ORDER",
    ),
    Effect(
        "7: the last day of the permit is that of the re-registration",
        expiring("2023-08-01"),
        new(at="2023-08-01T23:59:59.999999+07:00"),
        postings=[*RESTORED, *TAKEN],
        stands={"R-1": "reregistered S-1/1 restored", "R-2": "open S-1/1 held"},
    ),
    Effect(
        "8: the permit expired the day before",
        expiring("2023-07-31"),
        new(line="S-2/1", at="2023-08-01T00:00:00+07:00"),
        postings=[*FORFEITED, *ELSEWHERE],
        stands={"R-1": "reregistered S-1/1 forfeited", "R-2": "open S-2/1 held"},
        balances={"S-1/1": [2, 1, 0, 0, 1], "S-2/1": [2, 1, 1, 0, 0]},
    ),
    Effect(
        "8: the expired permit gives no new unit either, and then nothing moves",
        expiring("2023-07-31"),
        new(at="2023-08-01T00:00:00+07:00"),
        code="PERMIT_NOT_VALID",
        balances={"S-1/1": [2, 1, 1, 0, 0]},
    ),
    Effect(
        "9: extended after a gap, before the re-registration",
        [*expiring("2023-07-20"), extended("S-1", "2023-12-31", "2023-08-10 09:00")],
        new(at="2023-08-10 09:00"),
        postings=[*RESTORED, *TAKEN],
    ),
    Effect(
        "10: revoked before the re-registration",
        [*WAITING, revoked(at="2023-07-20 09:00")],
        new(line="S-2/1", at="2023-07-20 09:00"),
        postings=[*FORFEITED, *ELSEWHERE],
    ),
    Effect("11: re-registered twice", [*WAITING, new()], new("R-3"), code="OPEN_REGISTRATION_EXISTS"),
    Effect(
        "12: under another permit of another agency",
        [*WAITING, agency("A-2"), permit("S-3", agency_id="A-2")],
        new(line="S-3/1", agency_id="A-2"),
        postings=[*RESTORED, "S-3/1 available>reserved 1"],
        stands={"R-1": "reregistered S-1/1 restored", "R-2": "open S-3/1 held"},
    ),
    Effect(
        "13: the permit is full, and its own candidate re-registers on it",
        FULL,
        new(),
        postings=[*RESTORED, *TAKEN],
        balances={"S-1/1": [1, 0, 1, 0, 0]},
    ),
    Effect(
        "14: cancelled before the closure",
        [*WAITING, step("cancelled", at="2023-07-01 10:00")],
        new(),
        stands={"R-2": "open -"},
    ),
    Effect(
        "15: a G_TO_G candidate re-registers",
        [old(scheme="G_TO_G")],
        new(scheme="G_TO_G"),
        stands={"R-1": "reregistered -", "R-2": "open -"},
    ),
    Effect(
        "16: a race for the last unit",
        [*ONE, old("R-8", "p-8")],
        old(),
        code="QUOTA_EXHAUSTED",
        balances={"S-1/1": [1, 0, 1, 0, 0]},
    ),
]

UNITS = [
    Effect(
        "a permit posts once for each line, in the order of its lines",
        [agency()],
        permit(
            lines=[
                {"line": 7, "position": "maid", "sex": "F", "units": 3},
                {"line": 2, "position": "caregiver", "sex": "ANY", "units": 1},
            ]
        ),
        postings=["S-1/7 granted>available 3", "S-1/2 granted>available 1"],
        balances={"S-1/7": [3, 3, 0, 0, 0], "S-1/2": [1, 1, 0, 0, 0]},
    ),
    Effect(
        "quota is raised",
        WAITING,
        hq("quota_raised", permit_id="S-1", line=1, units=3),
        postings=["S-1/1 granted>available 3"],
        balances={"S-1/1": [5, 4, 1, 0, 0]},
    ),
    Effect(
        "quota is lowered to what is in use",
        WAITING,
        hq("quota_lowered", permit_id="S-1", line=1, units=1),
        postings=["S-1/1 available>granted 1"],
        balances={"S-1/1": [1, 0, 1, 0, 0]},
    ),
    Effect(
        "quota of a revoked permit may change",
        [*TWO, revoked()],
        hq("quota_raised", permit_id="S-1", line=1, units=1),
        postings=["S-1/1 granted>available 1"],
    ),
    Effect("SISKOTKLN takes at registration", TWO, old(), postings=TAKEN, stands={"R-1": "open S-1/1 held"}),
    Effect("SIAPKerja does not", TWO, new(at="2023-03-01 10:00"), stands={"R-2": "open -"}),
    Effect("a line that is only meant need not be there", TWO, new(line="S-9/9"), stands={"R-2": "open -"}),
    Effect("an agency that is only meant need not be there", [], new(), stands={"R-2": "open -"}),
    Effect(
        "what was meant at registration is no line of the agreement",
        [*TWO, new(), *through("documents_verified", "R-2", "2023-07-18 10:00", system="SIAPKERJA")],
        step("agreement_signed", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
        code="LINE_MISSING",
    ),
    Effect(
        "SIAPKerja takes at the agreement",
        [*TWO, new(), *through("documents_verified", "R-2", "2023-07-18 10:00", system="SIAPKERJA")],
        step("agreement_signed", "R-2", "2023-07-18 10:00", system="SIAPKERJA", line="S-1/1"),
        postings=TAKEN,
        stands={"R-2": "open S-1/1 held"},
    ),
    Effect(
        "an agreement that names the line that is held",
        [*WAITING, step("documents_verified")],
        step("agreement_signed", line="S-1/1"),
        stands={"R-1": "open S-1/1 held"},
    ),
    Effect(
        "an agreement that names no line keeps the unit",
        [*WAITING, step("documents_verified")],
        step("agreement_signed"),
        stands={"R-1": "open S-1/1 held"},
    ),
    Effect(
        "the agreement of another scheme names a line in vain",
        [old(scheme="UKPS"), step("documents_verified")],
        step("agreement_signed", line="S-9/9"),
        stands={"R-1": "open -"},
    ),
    Effect(
        "a unit that is held need not be valid any more to be kept, nor to depart",
        [
            *READY,
            revoked(),
            hq("agency_suspended", agency_id="A-1"),
            hq("destination_closed", destination="TW"),
        ],
        step("departed"),
        postings=["S-1/1 reserved>departed 1"],
    ),
    Effect(
        "documents of INDIVIDUAL need no agreement, and nobody a unit but under P_TO_P",
        [
            old(scheme="INDIVIDUAL"),
            *through("candidate_id_issued"),
            step("documents_fulfilled"),
            step("orientation_completed"),
        ],
        step("departed"),
        stands={"R-1": "departed -"},
    ),
    Effect(
        "biometrics may lack in SISKOTKLN",
        READY[:-1],
        step("departed"),
        postings=["S-1/1 reserved>departed 1"],
    ),
    Effect(
        "a stage may be dated before the stage that it needs",
        [*WAITING, step("documents_verified", at="2023-03-05 10:00")],
        step("candidate_id_issued", at="2023-03-01 10:00"),
        stands={"R-1": "open S-1/1 held"},
    ),
    Effect(
        "a stage may be dated with the registration",
        WAITING,
        step("documents_verified", at="2023-02-01T12:00:00+09:00"),
        stands={"R-1": "open S-1/1 held"},
    ),
    Effect(
        "cancelled with a unit",
        READY,
        step("cancelled"),
        postings=RESTORED,
        stands={"R-1": "cancelled S-1/1 returned"},
        balances={"S-1/1": [2, 2, 0, 0, 0]},
    ),
    Effect(
        "cancelled with a unit of a permit that is revoked",
        [*WAITING, revoked(at="2023-02-20 10:00")],
        step("cancelled"),
        postings=RESTORED,
    ),
    Effect(
        "cancelled without", [*TWO, new()], step("cancelled", "R-2", "2023-07-18 10:00", system="SIAPKERJA")
    ),
    Effect(
        "SISKOP2MI cancels what was made in SIAPKerja",
        [*TWO, new()],
        {
            **step("cancelled", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
            "system": "SISKOP2MI",
            "office": {"type": "BP3MI", "code": "B-1"},
        },
        stands={"R-2": "cancelled -"},
    ),
    Effect(
        "a stranded unit is released, and the registration stays open",
        WAITING,
        released(at="2023-07-17 00:00"),
        postings=RESTORED,
        stands={"R-1": "open S-1/1 released"},
    ),
    Effect(
        "whose unit was released re-registers without a restoration",
        [*WAITING, released(at="2023-07-17 00:00")],
        new(),
        postings=TAKEN,
        stands={"R-1": "reregistered S-1/1 released", "R-2": "open S-1/1 held"},
    ),
    Effect(
        "whose unit was released takes another with an agreement that comes in after all",
        [*WAITING, step("documents_verified"), released()],
        step("agreement_signed", line="S-2/1"),
        postings=ELSEWHERE,
        stands={"R-1": "open S-2/1 held"},
    ),
    Effect(
        "cancelled, then in SIAPKerja again: the unit is not restored twice",
        [*WAITING, step("cancelled", at="2023-07-01 10:00"), new(), *arrived(line="S-1/1")],
        new("R-3", at="2023-08-01 10:00"),
        stands={"R-3": "open -"},
        balances={"S-1/1": [2, 1, 0, 1, 0]},
    ),
    Effect(
        "a re-registration into another scheme restores, and takes nothing",
        WAITING,
        new(scheme="INDIVIDUAL"),
        postings=RESTORED,
        stands={"R-1": "reregistered S-1/1 restored", "R-2": "open -"},
    ),
    Effect(
        "a re-registration out of another scheme takes, and restores nothing",
        [*TWO, old(scheme="G_TO_P")],
        new(),
        postings=TAKEN,
        stands={"R-1": "reregistered -", "R-2": "open S-1/1 held"},
    ),
    Effect(
        "a suspended agency and a closed country do not hinder the restoration",
        [
            *WAITING,
            agency("A-2"),
            permit("S-3", agency_id="A-2", destination="MY"),
            hq("agency_suspended", agency_id="A-1"),
            hq("destination_closed", destination="TW"),
        ],
        new(line="S-3/1", agency_id="A-2", destination="MY"),
        postings=[*RESTORED, "S-3/1 available>reserved 1"],
    ),
    Effect(
        "if the new unit cannot be taken nothing moves",
        [*WAITING, hq("agency_suspended", agency_id="A-1")],
        new(),
        code="AGENCY_SUSPENDED",
        balances={"S-1/1": [2, 1, 1, 0, 0]},
    ),
    Effect(
        "a line for either sex, a line for the sex",
        [agency(), permit(sex="F")],
        old(sex="F"),
        postings=TAKEN,
    ),
    Effect(
        "before the closure nobody re-registers",
        WAITING,
        new(at="2023-07-16 23:59"),
        code="OPEN_REGISTRATION_EXISTS",
    ),
    Effect(
        "nor does an open registration of SIAPKerja",
        [*TWO, new(at="2023-03-01 10:00")],
        new("R-3", at="2023-07-18 09:00"),
        code="OPEN_REGISTRATION_EXISTS",
    ),
    Effect("a refused registration leaves its id free", [*TWO, held("p-8")], old(), postings=TAKEN),
]

CLOSURE = policy(restore_if_valid_at="closure")
POLICIES = [
    Effect(
        "SISKOTKLN takes at the agreement where the policy says so",
        [*TWO, policy(unit_taken_at={"SISKOTKLN": "agreement", "SIAPKERJA": "agreement"})],
        old(),
        stands={"R-1": "open -"},
    ),
    Effect(
        "SIAPKerja takes at registration where the policy says so",
        [*TWO, policy(unit_taken_at={"SISKOTKLN": "agreement", "SIAPKERJA": "registration"})],
        new(at="2023-03-01 10:00"),
        postings=TAKEN,
        stands={"R-2": "open S-1/1 held"},
    ),
    Effect(
        "no unit was taken, so none is restored, and the new one is",
        [*TWO, policy(unit_taken_at={"SISKOTKLN": "agreement", "SIAPKERJA": "agreement"}), old()],
        new(),
        postings=TAKEN,
        stands={"R-1": "reregistered -", "R-2": "open S-1/1 held"},
    ),
    Effect(
        "valid at the closure: its date is enough",
        [*expiring("2023-07-17"), CLOSURE],
        new(line="S-2/1", at="2023-09-01 10:00"),
        postings=[*RESTORED, *ELSEWHERE],
    ),
    Effect(
        "valid at the closure: the day before is not enough",
        [*expiring("2023-07-16"), CLOSURE],
        new(line="S-2/1"),
        postings=[*FORFEITED, *ELSEWHERE],
    ),
    Effect(
        "valid at the closure: revoked after it is restored",
        [*WAITING, CLOSURE, revoked(at="2023-07-17T00:00:00.000001+07:00")],
        new(line="S-2/1"),
        postings=[*RESTORED, *ELSEWHERE],
    ),
    Effect(
        "valid at the closure: revoked at that instant is forfeited",
        [
            *WAITING,
            CLOSURE,
            revoked(at="2023-07-17 00:00"),
            reinstated(at="2023-07-17T00:00:00.000001+07:00"),
        ],
        new(line="S-2/1", at="2023-07-20 10:00"),
        postings=[*FORFEITED, *ELSEWHERE],
    ),
    Effect(
        "valid at the closure: an extension after it is too late",
        [*expiring("2023-07-16"), CLOSURE, extended("S-1", "2023-12-31", "2023-07-17T00:00:00.000001+07:00")],
        new(line="S-2/1", at="2023-07-20 10:00"),
        postings=[*FORFEITED, *ELSEWHERE],
    ),
    Effect(
        "valid at the closure is not valid for a new unit",
        [*expiring("2023-07-17"), CLOSURE],
        new(at="2023-07-18 09:00"),
        code="PERMIT_NOT_VALID",
    ),
    Effect(
        "no restoration at all",
        [*WAITING, policy(restoration=False)],
        new(),
        postings=[*FORFEITED, *TAKEN],
        stands={"R-1": "reregistered S-1/1 forfeited", "R-2": "open S-1/1 held"},
        balances={"S-1/1": [2, 0, 1, 0, 1]},
    ),
    Effect(
        "no restoration: a full permit does not take its own candidate back",
        [*FULL, policy(restoration=False)],
        new(),
        code="QUOTA_EXHAUSTED",
    ),
    Effect(
        "no late departures, evidence or not",
        [*READY, policy(late_departures=False)],
        late_departure(),
        code="SYSTEM_CLOSED",
    ),
    Effect(
        "no late departures: one entered in time is none",
        [*READY, policy(late_departures=False)],
        step("departed", at="2023-07-16 23:59", entered="2023-07-16T23:59:59.999999+07:00"),
        postings=["S-1/1 reserved>departed 1"],
    ),
    Effect(
        "no late departures: a training is handed back as ever",
        [policy(late_departures=False)],
        training(entered="2023-07-17 00:00"),
        code="SERVICE_HANDED_BACK",
    ),
    Effect(
        "five minutes of clock skew",
        TWO,
        old(at="2023-02-01 10:05", entered="2023-02-01 10:00"),
        postings=TAKEN,
    ),
    Effect(
        "and a microsecond",
        TWO,
        old(at="2023-02-01T10:05:00.000001+07:00", entered="2023-02-01 10:00"),
        code="OCCURRED_IN_FUTURE",
    ),
    Effect(
        "no clock skew",
        [*TWO, policy(clock_skew_seconds=0)],
        old(at="2023-02-01T10:00:00.000001+07:00", entered="2023-02-01 10:00"),
        code="OCCURRED_IN_FUTURE",
    ),
    Effect(
        "a later closure lets the old system depart",
        [*READY, policy(closure=moment("2023-08-17 00:00"))],
        step("departed", at="2023-08-16 23:59", entered="2023-08-16T23:59:59+07:00"),
        postings=["S-1/1 reserved>departed 1"],
    ),
    Effect(
        "a later closure lets nobody re-register yet",
        [*WAITING, policy(closure=moment("2023-08-17 00:00"))],
        new(),
        code="OPEN_REGISTRATION_EXISTS",
    ),
    Effect(
        "an earlier closure lets them",
        [*WAITING, policy(closure=moment("2023-06-01 00:00"))],
        new(at="2023-06-01 00:00"),
        postings=[*RESTORED, *TAKEN],
    ),
    Effect(
        "a policy counts from its decision on, whatever its date",
        [*WAITING, policy(at="2023-12-01 09:00", closure=moment("2023-06-01 00:00"))],
        new(at="2023-06-01 00:00"),
        postings=[*RESTORED, *TAKEN],
    ),
    Effect(
        "a later limit, written elsewhere in the world",
        [*TWO, policy(registration_limit="2023-03-01T02:00:00+09:00")],
        old(at="2023-02-28T23:59:59.999999+07:00"),
        postings=TAKEN,
    ),
    Effect(
        "at a later limit, written elsewhere in the world",
        [*TWO, policy(registration_limit="2023-03-01T02:00:00+09:00")],
        old(at="2023-03-01T00:00:00+07:00"),
        code="REGISTERED_AFTER_LIMIT",
    ),
    Effect(
        "everybody needs biometrics where the policy says so",
        [*READY[:-1], policy(biometrics_not_required=[])],
        step("departed"),
        code="STAGE_OUT_OF_ORDER",
    ),
    Effect(
        "nobody in SIAPKerja does where the policy says so",
        [
            *TWO,
            new(),
            *through("orientation_completed", "R-2", "2023-07-18 10:00", system="SIAPKERJA", line="S-1/1"),
            policy(biometrics_not_required=["SIAPKERJA"]),
        ],
        step("departed", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
        postings=["S-1/1 reserved>departed 1"],
    ),
    Effect(
        "without an agreement there is no unit to depart with",
        [
            *TWO,
            policy(agreement_not_required=["P_TO_P"]),
            new(),
            *(
                each
                for each in through("biometrics_registered", "R-2", "2023-07-18 10:00", system="SIAPKERJA")
                if each["kind"] != "agreement_signed"
            ),
        ],
        step("departed", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
        code="UNIT_NOT_HELD",
    ),
]

LATE = [
    Effect(
        "late without re-registration: at the closure itself",
        READY,
        late_departure(at="2023-07-16T23:59:59.999999+07:00", entered="2023-07-17 00:00"),
        postings=["S-1/1 reserved>departed 1"],
        late=True,
    ),
    Effect(
        "not late: entered a microsecond before",
        READY,
        step("departed", at="2023-07-16 23:00", entered="2023-07-16T23:59:59.999999+07:00"),
        postings=["S-1/1 reserved>departed 1"],
    ),
    Effect(
        "the late one was not ready",
        [*WAITING, *through("documents_fulfilled")],
        late_departure(),
        code="STAGE_OUT_OF_ORDER",
    ),
    Effect(
        "restored, on another line",
        [*READY, new(line="S-2/1")],
        late_departure(),
        postings=["S-2/1 reserved>available 1", "S-1/1 available>departed 1"],
        stands={"R-1": "departed S-1/1 departed", "R-2": "voided S-2/1 returned"},
        balances={"S-1/1": [2, 1, 0, 1, 0], "S-2/1": [2, 2, 0, 0, 0]},
        late=True,
    ),
    Effect(
        "restored, and somebody else has taken it",
        [*FULL, new(line="S-2/1"), *signed("R-8", "p-8", "2023-07-17 10:00")],
        late_departure(),
        code="QUOTA_EXHAUSTED",
        balances={"S-1/1": [1, 0, 1, 0, 0], "S-2/1": [2, 1, 1, 0, 0]},
    ),
    Effect(
        "restored, and the quota was lowered since",
        [*FULL, new(line="S-2/1"), hq("quota_lowered", permit_id="S-1", line=1, units=1)],
        late_departure(),
        code="QUOTA_EXHAUSTED",
        balances={"S-1/1": [0, 0, 0, 0, 0]},
    ),
    Effect(
        "restored, and any available unit of that line departs, also of a revoked permit",
        [
            *READY,
            new(line="S-2/1"),
            *signed("R-8", "p-8", "2023-07-17 10:00"),
            revoked(at="2023-07-17 11:00"),
        ],
        late_departure(),
        postings=["S-2/1 reserved>available 1", "S-1/1 available>departed 1"],
        late=True,
    ),
    Effect(
        "forfeited",
        [*expiring("2023-07-16"), *ready(), new(line="S-2/1")],
        late_departure(),
        postings=["S-2/1 reserved>available 1", "S-1/1 forfeited>departed 1"],
        stands={"R-1": "departed S-1/1 departed", "R-2": "voided S-2/1 returned"},
        balances={"S-1/1": [2, 1, 0, 1, 0]},
        late=True,
    ),
    Effect(
        "neither: released before the re-registration",
        [*READY, released(at="2023-07-17 08:00"), new(line="S-2/1")],
        late_departure(),
        code="UNIT_NOT_HELD",
        balances={"S-2/1": [2, 1, 1, 0, 0]},
    ),
    Effect(
        "neither: never taken",
        [
            *TWO,
            policy(
                unit_taken_at={"SISKOTKLN": "agreement", "SIAPKERJA": "agreement"},
                agreement_not_required=["P_TO_P"],
            ),
            old(line=None),
            *(each for each in ready() if each["kind"] != "agreement_signed"),
            new(),
        ],
        late_departure(),
        code="UNIT_NOT_HELD",
        balances={"S-1/1": [2, 1, 1, 0, 0]},
    ),
    Effect(
        "G_TO_G: nothing to move",
        [old(scheme="G_TO_G"), *ready(), new(scheme="G_TO_G")],
        late_departure(),
        stands={"R-1": "departed -", "R-2": "voided -"},
        late=True,
    ),
    Effect(
        "G_TO_G that became P_TO_P: only the new unit moves",
        [*TWO, old(scheme="G_TO_G"), *ready(), new()],
        late_departure(),
        postings=RESTORED,
        stands={"R-1": "departed -", "R-2": "voided S-1/1 returned"},
        balances={"S-1/1": [2, 2, 0, 0, 0]},
        late=True,
    ),
    Effect(
        "the new registration was cancelled: it stays so",
        [*FULL, new(), step("cancelled", "R-2", "2023-07-17 10:00", system="SIAPKERJA")],
        late_departure(),
        postings=["S-1/1 available>departed 1"],
        stands={"R-1": "departed S-1/1 departed", "R-2": "cancelled S-1/1 returned"},
        late=True,
    ),
    Effect(
        "the new registration has departed",
        [*READY, new(), *arrived()],
        late_departure(entered="2023-07-26 10:00"),
        code="CONFLICTING_DEPARTURES",
        balances={"S-1/1": [2, 1, 0, 1, 0]},
    ),
    Effect(
        "the one after a cancelled new one is open: it is voided",
        [
            *READY,
            new(),
            step("cancelled", "R-2", "2023-07-17 10:00", system="SIAPKERJA"),
            *signed("R-3", "p-1", "2023-07-17 11:00", "S-2/1"),
        ],
        late_departure(),
        postings=["S-2/1 reserved>available 1", "S-1/1 available>departed 1"],
        stands={
            "R-1": "departed S-1/1 departed",
            "R-2": "cancelled S-1/1 returned",
            "R-3": "voided S-2/1 returned",
        },
        late=True,
    ),
    Effect(
        "the one after a cancelled new one is open and has no unit",
        [
            *READY,
            new(),
            step("cancelled", "R-2", "2023-07-17 10:00", system="SIAPKERJA"),
            new("R-3", at="2023-07-17 11:00"),
        ],
        late_departure(),
        postings=["S-1/1 available>departed 1"],
        stands={"R-1": "departed S-1/1 departed", "R-3": "voided -"},
        late=True,
    ),
    Effect(
        "the one after a cancelled new one has departed",
        [
            *READY,
            new(),
            step("cancelled", "R-2", "2023-07-17 10:00", system="SIAPKERJA"),
            new("R-3", at="2023-07-17 11:00"),
            *arrived("R-3", line="S-2/1"),
        ],
        late_departure(entered="2023-07-26 10:00"),
        code="CONFLICTING_DEPARTURES",
    ),
    Effect(
        "the new one has departed, and another is open since",
        [*READY, new(), *arrived(), new("R-3", at="2023-07-26 11:00")],
        late_departure(entered="2023-07-26 12:00"),
        code="CONFLICTING_DEPARTURES",
        stands={"R-1": "reregistered S-1/1 restored", "R-3": "open -"},
    ),
    Effect(
        "a departure of before the old registration does not conflict",
        [
            *TWO,
            old("R-0", line="S-2/1"),
            *ready("R-0"),
            step("departed", "R-0", "2023-03-02 10:00"),
            old(at="2023-02-02 10:00"),
            *ready(),
            new(),
        ],
        late_departure(),
        postings=["S-1/1 reserved>available 1", "S-1/1 available>departed 1"],
        stands={
            "R-0": "departed S-2/1 departed",
            "R-1": "departed S-1/1 departed",
            "R-2": "voided S-1/1 returned",
        },
        late=True,
    ),
    Effect(
        "not late, and yet after a re-registration",
        [*READY, new()],
        step("departed", at="2023-07-16 23:00", entered="2023-07-16 23:30"),
        postings=["S-1/1 reserved>available 1", "S-1/1 available>departed 1"],
        stands={"R-1": "departed S-1/1 departed", "R-2": "voided S-1/1 returned"},
    ),
    Effect(
        "it comes twice",
        [*READY, new(), late_departure()],
        late_departure(officer="o-9"),
        code="REGISTRATION_ENDED",
    ),
    Effect(
        "after it the new registration is ended",
        [*READY, new(), late_departure()],
        step("documents_verified", "R-2", "2023-07-18 10:00", system="SIAPKERJA"),
        code="REGISTRATION_ENDED",
    ),
    Effect(
        "after it the person may register again",
        [*READY, new(), late_departure()],
        new("R-3", at="2023-07-19 10:00"),
        stands={"R-3": "open -"},
    ),
    Effect(
        "only a departure is late",
        READY[:-1],
        step("biometrics_registered", at="2023-07-16 23:00", entered="2023-07-17 00:00", evidence=[]),
        code="SYSTEM_CLOSED",
    ),
    Effect(
        "and only SISKOTKLN has late ones",
        [
            *TWO,
            new(at="2023-07-01 10:00"),
            *through("biometrics_registered", "R-2", "2023-07-02 10:00", system="SIAPKERJA", line="S-1/1"),
        ],
        step("departed", "R-2", "2023-07-16 10:00", system="SIAPKERJA", entered="2023-07-18 10:00"),
        postings=["S-1/1 reserved>departed 1"],
    ),
]

HOLDS = [
    Effect("a hold does not bar the end of a training", [training(), held()], training("training_completed")),
    Effect("nor a complaint", [old(scheme="UKPS"), held()], complaint(registration_id="R-1")),
    Effect(
        "nor its release, after which all goes on",
        [*WAITING, held(), hq("person_released", person_id="p-1", reason="one person")],
        step("documents_verified"),
        stands={"R-1": "open S-1/1 held"},
    ),
    Effect(
        "it counts from its decision on, also for what was before its date",
        [*WAITING, held(at="2023-12-01 10:00")],
        step("documents_verified"),
        code="PERSON_ON_HOLD",
    ),
    Effect("it bars a ruling on the unit", [*WAITING, held()], released(), code="PERSON_ON_HOLD"),
    Effect(
        "it bars a late departure after a re-registration",
        [*READY, new(), held()],
        late_departure(),
        code="PERSON_ON_HOLD",
    ),
]

EFFECTS = [*CASES, *UNITS, *POLICIES, *LATE, *HOLDS]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_effect(effect: Effect) -> None:
    """The action ends as its row says: outcome, postings in order, registrations, balances."""
    story = Story(*effect.given)
    decision = story.tell(effect.when)
    assert effect.code == decision["code"]
    assert ("REFUSED" if effect.code else "ACCEPTED") == decision["outcome"]
    assert effect.late is decision["late"]
    assert effect.postings == [_posting(posting) for posting in decision["postings"]]
    stands = {each["registration_id"]: _stands(each) for each in story.known()}
    assert effect.stands == {name: stands[name] for name in effect.stands}
    assert effect.balances == {line: story.balance(line) for line in effect.balances}


def _posting(posting: Json) -> str:
    return f"{posting['permit_id']}/{posting['line']} {posting['from']}>{posting['to']} {posting['units']}"


def _stands(registration: Json) -> str:
    unit = registration["unit"]
    return f"{registration['status']} " + (
        f"{unit['permit_id']}/{unit['line']} {unit['state']}" if unit else "-"
    )


def test_stages_stand_in_the_order_decided_with_their_local_reading() -> None:
    """`stages` begins with `registered`, follows the decisions and not the dates, and keeps each offset."""
    story = Story(
        *TWO,
        old(at="2023-02-01T12:00:00+09:00"),
        step("documents_verified", at="2023-03-05 10:00"),
        step("agreement_signed", at="2023-03-01T10:00:00.5+08:00"),
    )
    (registration,) = story.tell(step("candidate_id_issued", at="2023-02-28T24:00:00Z"))["registrations"]
    assert [
        ("registered", "2023-02-01T12:00:00+09:00"),
        ("documents_verified", "2023-03-05T10:00:00+07:00"),
        ("agreement_signed", "2023-03-01T10:00:00.500000+08:00"),
        ("candidate_id_issued", "2023-03-01T00:00:00+00:00"),
    ] == list(registration["stages"].items())


NEEDED = {
    "documents_verified": (),
    "candidate_id_issued": ("documents_verified",),
    "agreement_signed": ("documents_verified",),
    "documents_fulfilled": ("candidate_id_issued", "agreement_signed"),
    "orientation_completed": ("documents_fulfilled",),
    "biometrics_registered": ("documents_fulfilled",),
    "departed": ("orientation_completed", "biometrics_registered"),
}


# Every set of stages that can have been passed: of each, what it needs was passed as well.
REACHABLE = [
    passed
    for count in range(len(LADDER) + 1)
    for passed in combinations(LADDER, count)
    if all(set(NEEDED[kind]) <= set(passed) for kind in passed)
]


@pytest.mark.parametrize("passed", REACHABLE, ids=lambda passed: "+".join(passed) or "nothing")
def test_stage_needs_what_the_contract_names(passed: tuple[str, ...]) -> None:
    """From wherever a registration can stand, a stage is taken exactly if those that it needs are passed."""
    for kind, needed in NEEDED.items():
        story = Story(
            *TWO,
            new(),
            *(
                step(each, "R-2", "2023-07-18 10:00", system="SIAPKERJA", line=_line_of(each))
                for each in passed
            ),
        )
        line = _line_of(kind)
        decision = story.tell(step(kind, "R-2", "2023-07-18 10:00", system="SIAPKERJA", line=line))
        expected = None if set(needed) <= set(passed) else "STAGE_OUT_OF_ORDER"
        assert (kind, "STAGE_ALREADY_PASSED" if kind in passed else expected) == (kind, decision["code"])


def _line_of(kind: str) -> str | None:
    return "S-1/1" if kind == "agreement_signed" else None


def test_reregistration_links_both_ways_for_ever() -> None:
    """Old and new registration name each other, also once the new one is voided."""
    story = Story(*READY, new(), late_departure())
    assert [("R-1", "R-2", None), ("R-2", None, "R-1")] == [
        (each["registration_id"], each["reregistered_as"], each["reregistered_from"])
        for each in story.known()
    ]


def test_policy_is_judged_by_the_one_before() -> None:
    """The decision on an adoption names the policy before; what follows, refusals as well, the new one."""
    story = Story()
    assert "B.662-2023" == story.tell(policy("P-2"))["policy"]
    assert "P-2" == story.tell(policy("P-2", restoration=False))["policy"]
    assert "P-2" == story.tell(agency())["policy"]
    assert "P-2" == story.tell(policy("P-3", clock_skew_seconds=0))["policy"]
    assert "P-3" == story.tell_unreadable()["policy"]
    ahead = {**policy("P-4"), "entered_at": "2023-01-01T08:54:59+07:00"}
    assert ("OCCURRED_IN_FUTURE", "P-3") == tuple(story.tell(ahead)[name] for name in ("code", "policy"))


def test_another_first_policy_counts_as_used_and_so_does_the_default() -> None:
    """Under a first policy of the user's own, neither its version nor the default's can be adopted."""
    first = policy("P-1", closure=moment("2023-06-01 00:00"))["policy"]
    story = Story(policy=first)
    assert "P-1" == story.tell(old(scheme="UKPS"))["policy"]
    assert "ACCEPTED" == story.tell(new(scheme="UKPS", at="2023-06-01 00:00"))["outcome"]
    assert "POLICY_EXISTS" == story.tell(policy("P-1"))["code"]
    assert "POLICY_EXISTS" == story.tell(policy("B.662-2023"))["code"]


THINGS = [
    ("agency_licensed", [], agency(), "agencies", {"agency_id": "A-1", "status": "active"}),
    (
        "agency_suspended",
        [agency()],
        hq("agency_suspended", agency_id="A-1"),
        "agencies",
        {"agency_id": "A-1", "status": "suspended"},
    ),
    (
        "agency_reinstated",
        [agency(), hq("agency_suspended", agency_id="A-1")],
        hq("agency_reinstated", agency_id="A-1"),
        "agencies",
        {"agency_id": "A-1", "status": "active"},
    ),
    (
        "destination_closed",
        [],
        hq("destination_closed", destination="TW"),
        "destinations",
        {"destination": "TW", "status": "closed"},
    ),
    (
        "destination_opened",
        [hq("destination_closed", destination="TW")],
        hq("destination_opened", destination="TW"),
        "destinations",
        {"destination": "TW", "status": "open"},
    ),
    (
        "quota_raised",
        [agency(), permit()],
        hq("quota_raised", permit_id="S-1", line=1, units=3),
        "permits",
        {
            "permit_id": "S-1",
            "agency_id": "A-1",
            "destination": "TW",
            "valid_from": "2023-01-01",
            "valid_to": "2023-12-31",
            "revoked": False,
            "lines": [{"line": 1, "position": "caregiver", "sex": "ANY", "units": 5}],
        },
    ),
    (
        "permit_extended and revoked",
        [agency(), permit(), revoked()],
        extended("S-1", "2024-02-29"),
        "permits",
        {
            "permit_id": "S-1",
            "agency_id": "A-1",
            "destination": "TW",
            "valid_from": "2023-01-01",
            "valid_to": "2024-02-29",
            "revoked": True,
            "lines": [{"line": 1, "position": "caregiver", "sex": "ANY", "units": 2}],
        },
    ),
    ("person_held", [], held(), "people", {"person_id": "p-1", "held": True}),
    (
        "person_released",
        [held()],
        hq("person_released", person_id="p-1", reason="one person"),
        "people",
        {"person_id": "p-1", "held": False},
    ),
    (
        "training_completed, by whatever provider it names",
        [training()],
        training("training_completed", provider_id="L-9", provider_type="OTHER", person_id="p-9"),
        "trainings",
        {
            "training_id": "T-1",
            "person_id": "p-1",
            "provider_id": "L-1",
            "provider_type": "LPK",
            "status": "completed",
        },
    ),
    (
        "complaint_received, of a registration that nobody knows",
        [],
        complaint(registration_id="R-9"),
        "complaints",
        {
            "complaint_id": "K-1",
            "topic": "wages",
            "channel": "phone",
            "registration_id": "R-9",
            "status": "received",
        },
    ),
    (
        "complaint_answered",
        [complaint()],
        complaint("complaint_answered"),
        "complaints",
        {
            "complaint_id": "K-1",
            "topic": "wages",
            "channel": "phone",
            "registration_id": None,
            "status": "answered",
        },
    ),
]


@pytest.mark.parametrize(
    ("given", "when", "changed", "thing"), [row[1:] for row in THINGS], ids=[row[0] for row in THINGS]
)
def test_thing_that_changed_is_carried_as_it_stands(
    given: list[Json], when: Json, changed: str, thing: Json
) -> None:
    """Whatever an action changes beside registrations stands whole in its decision."""
    decision = Story(*given).tell(when)
    assert "ACCEPTED" == decision["outcome"]
    assert [thing] == decision[changed]


# ---------------------------------------------------------------- as of t

AT_ONCE = policy(unit_taken_at={"SISKOTKLN": "registration", "SIAPKERJA": "registration"})
JUNE = "2023-06-{:02} 10:00"


def june(day: int) -> str:
    """Give ten o'clock of a day in June."""
    return JUNE.format(day)


VALID, GONE, REVOKED = None, "PERMIT_NOT_VALID", "PERMIT_REVOKED"
SUSPENDED, CLOSED = "AGENCY_SUSPENDED", "DESTINATION_CLOSED"


def suspended(at: str, *, back: bool = False) -> Json:
    """Suspend the agency, or reinstate it."""
    return hq("agency_reinstated" if back else "agency_suspended", at, agency_id="A-1")


def closed(at: str, *, back: bool = False) -> Json:
    """Close the country, or open it."""
    return hq("destination_opened" if back else "destination_closed", at, destination="TW")


def issued(valid_to: str, at: str = "2023-05-01 10:00", valid_from: str = "2023-05-01") -> Json:
    """Issue the permit, with units enough for every probe."""
    return permit(units=50, at=at, valid=(valid_from, valid_to))


HISTORIES: list[tuple[str, list[Json], dict[str, str | None]]] = [
    (
        "the last day ends with it in WIB, and not elsewhere",
        [issued("2023-06-10")],
        {
            "2023-06-10T23:59:59.999999+07:00": VALID,
            "2023-06-11T00:00:00+07:00": GONE,
            "2023-06-10T24:00:00+07:00": GONE,
            "2023-06-11T01:59:59+09:00": VALID,
            "2023-06-11T00:59:59+08:00": VALID,
            "2023-06-10T17:00:00Z": GONE,
            "2023-06-10T16:59:59Z": VALID,
        },
    ),
    (
        "the first day begins with it in WIB",
        [issued("2023-06-30", valid_from="2023-06-10")],
        {
            "2023-06-09T23:59:59.999999+07:00": GONE,
            "2023-06-10T00:00:00+07:00": VALID,
            "2023-06-09T24:00:00+07:00": VALID,
            "2023-06-10T01:00:00+09:00": GONE,
            "2023-06-09T17:00:00+00:00": VALID,
        },
    ),
    (
        "a leap day is a day",
        [issued("2024-02-29")],
        {
            "2024-02-29T23:59:59+07:00": VALID,
            "2024-02-29T24:00:00+07:00": GONE,
            "2024-03-01T00:00:00+07:00": GONE,
            "2024-03-01T01:30:00+09:00": VALID,
        },
    ),
    (
        "there is no version before the issue, though its dates say so",
        [issued("2023-06-30", at=june(10))],
        {june(9): GONE, "2023-06-10T09:59:59.999999+07:00": GONE, june(10): VALID},
    ),
    (
        "an extension counts from its own date, whenever it is decided",
        [issued("2023-06-10"), extended("S-1", "2023-06-30", june(20))],
        {june(10): VALID, june(11): GONE, june(19): GONE, june(20): VALID, june(30): VALID},
    ),
    (
        "an extension dated before the issue makes a version that the issue then replaces",
        [issued("2023-06-20", at=june(10)), extended("S-1", "2023-06-30", june(5))],
        {june(4): GONE, june(5): VALID, june(9): VALID, june(10): VALID, june(20): VALID, june(21): GONE},
    ),
    (
        "of two versions at one instant the later decided holds",
        [issued("2023-06-10", at=june(1)), extended("S-1", "2023-06-30", june(1))],
        {june(1): VALID, june(11): VALID, june(30): VALID},
    ),
    (
        "extensions decided out of order hold in the order of their dates",
        [
            issued("2023-06-05"),
            extended("S-1", "2023-06-10", june(4)),
            extended("S-1", "2023-06-30", june(2)),
        ],
        {june(3): VALID, june(10): VALID, june(11): GONE},
    ),
    (
        "revoked at that instant, and from then on",
        [issued("2023-06-30"), revoked(at=june(10))],
        {"2023-06-10T09:59:59.999999+07:00": VALID, june(10): REVOKED, june(20): REVOKED},
    ),
    (
        "reinstated at that instant",
        [issued("2023-06-30"), revoked(at=june(10)), reinstated(at=june(20))],
        {june(9): VALID, june(19): REVOKED, june(20): VALID},
    ),
    (
        "revocation and reinstatement out of order: the reinstatement came first",
        [issued("2023-06-30"), revoked(at=june(20)), reinstated(at=june(10))],
        {june(9): VALID, june(10): VALID, june(19): VALID, june(20): REVOKED},
    ),
    (
        "revocation and reinstatement at one instant: the later decided holds",
        [issued("2023-06-30"), revoked(at=june(10)), reinstated(at=june(10))],
        {june(9): VALID, june(10): VALID},
    ),
    (
        "revoked, reinstated and revoked at one instant",
        [issued("2023-06-30"), revoked(at=june(10)), reinstated(at=june(10)), revoked(at=june(10))],
        {june(9): VALID, june(10): REVOKED},
    ),
    (
        "a revocation of long ago that is decided last",
        [issued("2023-06-30"), revoked(at=june(20)), reinstated(at=june(25)), revoked(at=june(10))],
        {june(9): VALID, june(10): REVOKED, june(20): REVOKED, june(25): VALID},
    ),
    (
        "revoked before it was issued: only a reinstatement ends it",
        [issued("2023-06-30", at=june(10)), revoked(at=june(5))],
        {june(4): GONE, june(5): REVOKED, june(10): REVOKED},
    ),
    (
        "an extension does not end a revocation",
        [issued("2023-06-30"), revoked(at=june(10)), extended("S-1", "2023-07-10", june(12))],
        {june(12): REVOKED},
    ),
    (
        "revoked and expired: revoked",
        [issued("2023-06-10"), revoked(at=june(5))],
        {june(11): REVOKED},
    ),
    (
        "an agency is suspended as of its date",
        [issued("2023-06-30"), suspended(june(10)), suspended(june(20), back=True)],
        {
            "2023-06-10T09:59:59.999999+07:00": VALID,
            june(10): SUSPENDED,
            june(19): SUSPENDED,
            june(20): VALID,
        },
    ),
    (
        "a suspension dated before the licence",
        [issued("2023-06-30"), suspended("2021-01-01 10:00")],
        {june(1): SUSPENDED},
    ),
    (
        "a country is closed as of its date, and of two rulings at one instant the later holds",
        [issued("2023-06-30"), closed(june(10)), closed(june(10), back=True), closed(june(20))],
        {june(10): VALID, june(19): VALID, june(20): CLOSED},
    ),
]


@pytest.mark.parametrize(
    ("given", "probes"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES]
)
def test_as_of(given: list[Json], probes: dict[str, str | None]) -> None:
    """A unit is judged by what was true at `occurred_at`, not by what is true now."""
    found = {}
    for number, at in enumerate(probes):
        story = Story(agency(), AT_ONCE, *given)
        found[at] = story.tell(new(f"R-{number}", at=at, entered="2024-12-31 10:00"))["code"]
    assert probes == found


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("1969-12-30T23:59:59.999999+07:00", GONE),
        ("1969-12-31T00:00:00+07:00", VALID),
        ("1969-12-31T23:59:59.999999+07:00", VALID),
        ("1969-12-31T17:00:00Z", GONE),
        ("1970-01-01T00:00:00+07:00", GONE),
        ("1970-01-01T00:00:00+08:00", VALID),
    ],
)
def test_days_before_1970_are_days(at: str, code: str | None) -> None:
    """The WIB date of an instant before the epoch is rounded down as well, not towards zero."""
    one_day = permit(at="1969-12-01T10:00:00+07:00", valid=("1969-12-31", "1969-12-31"))
    assert code == Story(agency(), one_day).tell(old(at=at))["code"]


LONG_VALID: Json = {"valid": ("2022-01-01", "2030-01-01"), "at": "2022-02-01 10:00"}
RESTORATIONS = [
    (name, given, probes)
    for name, given, probes in HISTORIES
    if VALID in probes.values() and not {SUSPENDED, CLOSED} & set(probes.values())
]


@pytest.mark.parametrize(
    ("given", "probes"), [row[1:] for row in RESTORATIONS], ids=[row[0] for row in RESTORATIONS]
)
def test_restoration_as_of(given: list[Json], probes: dict[str, str | None]) -> None:
    """A unit is restored exactly where the same history would let one be taken, and else forfeited."""
    # The old unit is taken while the permit is valid, under limits of the far future; then they are moved.
    taken_at = next(at for at, code in probes.items() if code is VALID)
    future, past = moment("2026-01-01 00:00"), moment("2023-05-01 00:00")
    found = {}
    for at in probes:
        story = Story(
            agency(),
            policy("P-8", registration_limit=future, closure=future),
            *given,
            permit("S-2", **LONG_VALID),
            old(at=taken_at, entered="2025-01-01 10:00"),
            policy("P-9", registration_limit=past, closure=past),
        )
        decision = story.tell(new(line="S-2/1", at=at, entered="2025-01-01 10:00"))
        found[at] = decision["registrations"][0]["unit"]["state"]
    assert {at: "restored" if code is VALID else "forfeited" for at, code in probes.items()} == found


# ---------------------------------------------------------------- the same action again

SENT = old(
    action_id="018952d4-0c1a-7000-8000-00000000000a",
    at="2023-02-01T10:00:00+07:00",
    entered="2023-02-01 10:01",
    scheme="UKPS",
)
AGAIN: list[tuple[str, Json, str | None]] = [
    ("as it was", {}, None),
    ("entered at another time", {"entered_at": "2023-02-03T10:00:00+07:00"}, None),
    ("entered after the closure", {"entered_at": "2023-08-03T10:00:00+07:00"}, None),
    ("sealed otherwise", {"sealed": {"nik": "…"}}, None),
    ("its id in capitals", {"action_id": "018952D4-0C1A-7000-8000-00000000000A"}, None),
    ("with zero fractions", {"occurred_at": "2023-02-01T10:00:00.000000+07:00"}, None),
    ("with nulls", {"agency_id": None, "permit_id": None, "line": None, "evidence": None}, None),
    ("with empty evidence", {"evidence": []}, None),
    ("at the same moment elsewhere", {"occurred_at": "2023-02-01T11:00:00+08:00"}, "ACTION_ID_REUSED"),
    ("a microsecond later", {"occurred_at": "2023-02-01T10:00:00.000001+07:00"}, "ACTION_ID_REUSED"),
    ("by another officer", {"officer": "o-2"}, "ACTION_ID_REUSED"),
    ("from another office", {"office": {**SERVICE_OFFICE, "code": "D-2"}}, "ACTION_ID_REUSED"),
    ("from another system", {"system": "SIAPKERJA"}, "ACTION_ID_REUSED"),
    ("with evidence", {"evidence": [{"type": "letter", "reference": "1"}]}, "ACTION_ID_REUSED"),
    ("for another person", {"person_id": "p-2"}, "ACTION_ID_REUSED"),
    ("of another kind", {"kind": "departed"}, "ACTION_ID_REUSED"),
]


def _again(changes: Json) -> Json:
    if changes.get("kind") == "departed":
        return step("departed", action_id=SENT["action_id"])
    return {**SENT, **changes}


@pytest.mark.parametrize(("changes", "code"), [row[1:] for row in AGAIN], ids=[row[0] for row in AGAIN])
@pytest.mark.parametrize("refused_first", [False, True], ids=["accepted first", "refused first"])
def test_same_action_again(changes: Json, code: str | None, *, refused_first: bool) -> None:
    """The same content under one id is a duplicate, whatever became of the first; other is refused."""
    story = Story(agency(), *([held()] if refused_first else []))
    first = story.tell(SENT)
    assert ("PERSON_ON_HOLD" if refused_first else None) == first["code"]
    story.tell_unreadable()
    for _ in range(2):
        # What was refused as reused does not take the id's place: the first action stays the first.
        decision = story.tell(_again(changes))
        assert ("REFUSED" if code else "DUPLICATE", code) == (decision["outcome"], decision["code"])
        assert (None if code else first["seq"]) == decision["first_seq"]
    assert "DUPLICATE" == story.tell(SENT)["outcome"]


def test_midnight_is_written_in_two_ways() -> None:
    """`24:00` and `00:00` of the next day are one instant, and `Z` is `+00:00`: the same content."""
    for first, second in (
        ("2023-02-01T24:00:00+07:00", "2023-02-02T00:00:00+07:00"),
        ("2023-02-01T10:00:00Z", "2023-02-01T10:00:00+00:00"),
    ):
        story = Story()
        sent = {**SENT, "occurred_at": first, "entered_at": "2023-02-03T00:00:00Z"}
        assert "ACCEPTED" == story.tell(sent)["outcome"]
        assert "DUPLICATE" == story.tell({**sent, "occurred_at": second})["outcome"]


def test_unreadable_record_is_counted_and_changes_nothing() -> None:
    """It gets a decision with its seq and the policy, and nothing else."""
    story = Story(*WAITING)
    before = story.known(), story.balances()
    decision = story.tell_unreadable()
    assert ("UNREADABLE", 4, None) == (decision["outcome"], decision["seq"], decision["code"])
    assert before == (story.known(), story.balances())
