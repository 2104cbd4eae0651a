"""Every pair of codes that can compete in one action: the check that the contract names first gives the code.

For each two rungs of a kind's ladder the rows of both are laid over a scene. That the action then breaks both
checks is shown by the oracle: it gives the first code, and the second when told to overlook the first. Where
no scene shows both, the pair stands below with the reason why none can, and the test wants that list exact.
"""

from __future__ import annotations

from itertools import combinations, permutations
from typing import Any
from uuid import UUID

import pytest

from tests.ledger.ladders import LADDERS, SCENES, TAKE, WRONG_SYSTEM_FOR_REGISTRATION, code_of
from tests.ledger.oracle import Oracle
from tests.ledger.story import Story

Json = dict[str, Any]

OF_THE_LINE = ("UNKNOWN_LINE", "PERMIT_HELD_BY_OTHER", "DESTINATION_MISMATCH", "LINE_MISMATCH")
OF_THE_PERMIT = (*OF_THE_LINE, "PERMIT_REVOKED", "PERMIT_NOT_VALID", "QUOTA_EXHAUSTED")
OF_A_KNOWN_REGISTRATION = (
    WRONG_SYSTEM_FOR_REGISTRATION,
    "PERSON_ON_HOLD",
    "PERSON_NOT_ON_HOLD",
    "OCCURRED_BEFORE_REGISTRATION",
    "NO_CHANGE",
    "OPEN_REGISTRATION_EXISTS",
    "REGISTRATION_ENDED",
    "CONFLICTING_DEPARTURES",
    "STAGE_ALREADY_PASSED",
    "STAGE_OUT_OF_ORDER",
    "UNIT_HELD_ELSEWHERE",
    "LINE_MISSING",
    "NOT_STRANDED",
    "UNIT_NOT_HELD",
    *TAKE,
)
ONLY_AFTER_REREGISTRATION = ("CONFLICTING_DEPARTURES", "QUOTA_EXHAUSTED")

# Kinds, first rung, second rungs, and why no action can break both checks. A pair that a kind's ladder does
# not hold is passed over, so that one reason serves several kinds.
NEVER_BOTH: tuple[tuple[tuple[str, ...], str, tuple[str, ...], str], ...] = (
    (
        tuple(LADDERS),
        "WRONG_SYSTEM",
        ("WRONG_OFFICE",),
        "a system that has no such kind has no offices for it",
    ),
    (
        tuple(LADDERS),
        "WRONG_SYSTEM",
        ("SYSTEM_CLOSED", "EVIDENCE_MISSING", "REGISTERED_AFTER_LIMIT", "SERVICE_HANDED_BACK"),
        "only SISKOTKLN gives the second, and all kinds that can get it are its own",
    ),
    (
        ("cancelled",),
        "WRONG_SYSTEM",
        ("SYSTEM_NOT_OPEN",),
        "only BP2MI may not cancel, and it is open always",
    ),
    (
        ("registered",),
        "WRONG_SYSTEM",
        ("LINE_MISSING", *TAKE),
        "only the two systems that may register take a unit when they do",
    ),
    (
        ("departed",),
        "WRONG_SYSTEM",
        ONLY_AFTER_REREGISTRATION,
        "only SISKOTKLN records a departure on a registration that was re-registered",
    ),
    (
        tuple(LADDERS),
        "SYSTEM_CLOSED",
        ("SYSTEM_NOT_OPEN",),
        "one is for SISKOTKLN, the other for its successors",
    ),
    (("departed",), "EVIDENCE_MISSING", ("SYSTEM_NOT_OPEN",), "the same"),
    (("registered",), "REGISTERED_AFTER_LIMIT", ("SYSTEM_NOT_OPEN",), "the same"),
    (
        ("departed",),
        "OCCURRED_IN_FUTURE",
        ("EVIDENCE_MISSING",),
        "what was entered from T_0 on and is dated after that is dated from T_0 on: SYSTEM_CLOSED",
    ),
    (
        ("departed",),
        "SYSTEM_NOT_OPEN",
        ONLY_AFTER_REREGISTRATION,
        "the second needs SISKOTKLN as its sender, the first another system",
    ),
    (
        ("departed",),
        WRONG_SYSTEM_FOR_REGISTRATION,
        ONLY_AFTER_REREGISTRATION,
        "on a registration of SISKOTKLN the first needs another sender, the second SISKOTKLN",
    ),
    (
        tuple(LADDERS),
        "UNKNOWN_REGISTRATION",
        OF_A_KNOWN_REGISTRATION,
        "what is not there has no system, person, date, stages or unit",
    ),
    (
        ("candidate_id_issued", "agreement_signed", "orientation_completed", "biometrics_registered"),
        "STAGE_ALREADY_PASSED",
        ("STAGE_OUT_OF_ORDER",),
        "what the stage needs was passed before it and is never undone",
    ),
    (
        ("agreement_signed",),
        "REGISTRATION_ENDED",
        ("UNIT_HELD_ELSEWHERE",),
        "no ended registration holds a unit",
    ),
    (
        ("agreement_signed",),
        "UNIT_HELD_ELSEWHERE",
        ("LINE_MISSING", *TAKE),
        "a unit is held, or one is taken",
    ),
    (
        ("departed",),
        "REGISTRATION_ENDED",
        ONLY_AFTER_REREGISTRATION,
        "a registration that was re-registered is not judged as ended",
    ),
    (
        ("departed",),
        "UNIT_NOT_HELD",
        ("QUOTA_EXHAUSTED",),
        "the unit was restored, or there is none to depart",
    ),
    (
        ("registered", "agreement_signed"),
        "LINE_MISSING",
        ("UNKNOWN_PERMIT", *OF_THE_PERMIT),
        "no permit is named of which that could be true",
    ),
    (
        ("registered", "agreement_signed", "quota_raised", "quota_lowered"),
        "UNKNOWN_PERMIT",
        (*OF_THE_PERMIT, "QUOTA_BELOW_USE"),
        "what is not there has no lines, holder, validity or units",
    ),
    (
        ("registered", "agreement_signed", "quota_lowered"),
        "UNKNOWN_LINE",
        ("LINE_MISMATCH", "QUOTA_EXHAUSTED", "QUOTA_BELOW_USE"),
        "what is not there has no position, sex or units",
    ),
    (("permit_extended",), "UNKNOWN_PERMIT", ("VALIDITY_NOT_EXTENDED",), "what is not there has no last day"),
    (
        ("permit_revoked", "permit_reinstated"),
        "UNKNOWN_PERMIT",
        ("NO_CHANGE",),
        "what is not there has no state",
    ),
    (("agency_suspended", "agency_reinstated"), "UNKNOWN_AGENCY", ("NO_CHANGE",), "the same"),
    (("training_completed",), "UNKNOWN_TRAINING", ("NO_CHANGE",), "the same"),
    (("complaint_answered",), "UNKNOWN_COMPLAINT", ("NO_CHANGE",), "the same"),
    (
        ("registration_reassigned",),
        "NO_CHANGE",
        ("OPEN_REGISTRATION_EXISTS",),
        "the person has no other open registration beside this one",
    ),
)


def _never_both(kind: str) -> set[tuple[str, str]]:
    ladder = LADDERS[kind]
    return {
        (first, second)
        for kinds, first, seconds, _ in NEVER_BOTH
        for second in seconds
        if kind in kinds and first in ladder and second in ladder
    }


@pytest.mark.parametrize("kind", LADDERS)
def test_earlier_check_wins(kind: str) -> None:
    """Of two checks that one action fails, the contract's first gives the code; no such two are left out."""
    without_witness = set()
    for first, second in combinations(LADDERS[kind], 2):
        if code_of(first) == code_of(second):
            continue  # Both give WRONG_SYSTEM: nothing tells them apart.
        witness = _breaks_both(kind, first, second)
        if witness is None:
            without_witness.add((first, second))
            continue
        given, when = witness
        assert (second, code_of(first)) == (second, Story(*given).tell(when)["code"])
    assert _never_both(kind) == without_witness


def _breaks_both(kind: str, first: str, second: str) -> tuple[list[Json], Json] | None:
    """Give a history and an action that fails both checks, if the scenes hold one."""
    for scene in SCENES[kind]:
        for one in (row for row in scene.rows if row.rung == first):
            for other in (row for row in scene.rows if row.rung == second):
                for rows in permutations((one, other)):
                    given, when = scene.laid_over(*rows)
                    if (code_of(first), code_of(second)) == _first_two_codes(given, when):
                        return given, when
    return None


def _first_two_codes(given: list[Json], when: Json) -> tuple[str, str] | None:
    """Give the code by the contract, and the one by the contract with the first check overlooked."""
    oracle = Oracle()
    for number, action in enumerate(given):
        if oracle.decide({"action_id": str(UUID(int=number)), **action})["outcome"] != "ACCEPTED":
            return None
    action = {"action_id": str(UUID(int=len(given))), **when}
    first = oracle.decide(action)["code"]
    oracle.journal.pop()
    # Training services are said to be handed back where all else is said to be closed.
    oracle.overlooked = [first, "SYSTEM_CLOSED"] if first == "SERVICE_HANDED_BACK" else [first]
    return first, oracle.decide(action)["code"]
