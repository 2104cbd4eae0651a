"""A short language for histories, and a story that is told to the ledger and to the oracle at once.

Each word gives one action as JSON, shaped as the contract wants it; what a test is about stands in the call.
Unless said otherwise an action is entered a minute after it occurred, times are WIB, and everybody is a woman
who wants to be a caregiver in Taiwan under permit S-1 of agency A-1.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.engine import Engine
from ledger.invariants import Books
from schemas.action_json import read_action_line
from schemas.policy_json import parse_policy
from schemas.strict_json import compact
from tests.ledger.oracle import DEFAULT_POLICY, Oracle, instant
from tests.ledger.readable import readable, readable_registration

Json = dict[str, Any]

LADDER = (
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
)
UNREADABLE_AT = 1_700_000_000_000_000
HEAD_OFFICE = {"type": "HQ", "code": "HQ"}
SERVICE_OFFICE = {"type": "DINAS", "code": "D-1"}
REGIONAL_OFFICE = {"type": "BP3MI", "code": "B-1"}
TICKET = [{"type": "boarding_pass", "reference": "GA-881"}]


class Story:
    """One journal, decided twice: by the ledger and by the oracle.

    Attributes:
        engine: The ledger.
        oracle: The contract read once more.
        told: The actions so far, each with its id; None where a record was unreadable.
        journal: The ledger's decisions as Avro bytes.

    """

    def __init__(self, *actions: Json, policy: Json | None = None) -> None:
        self.policy = policy
        self.engine = self._engine()
        self.oracle = Oracle(policy)
        self.books = Books()
        self.told: list[Json | None] = []
        self.journal: list[bytes] = []
        self.given(*actions)

    def given(self, *actions: Json) -> None:
        """Tell what went before; all of it has to be accepted."""
        for action in actions:
            decision = self.tell(action)
            assert decision["outcome"] == "ACCEPTED", (action, decision["code"])

    def tell(self, action: Json) -> Json:
        """Tell one action; ledger and oracle must decide alike, and the books must balance."""
        action = {"action_id": str(UUID(int=len(self.told))), **action}
        said = self._decide(action)
        assert self.oracle.decide(action) == said, action
        return said

    def tell_unreadable(self) -> Json:
        """Tell a record that is no action."""
        said = self._decide(None)
        assert self.oracle.unreadable() == said
        return said

    def _decide(self, action: Json | None) -> Json:
        offset = len(self.told)
        if action is None:
            decision = self.engine.decide_unreadable(b"\x00", offset, UNREADABLE_AT, 0)
        else:
            record = read_action_line(compact(action))
            entered_at, entered_offset_minutes = (
                record.action.entered_at,
                record.action.entered_offset_minutes,
            )
            decision = self.engine.decide(
                record.action, record.avro, record.digest, offset, entered_at, entered_offset_minutes
            )
        self.told.append(action)
        self.journal.append(self.engine.last_bytes)
        self.books.check(decision)
        return readable(decision)

    def _engine(self) -> Engine:
        return Engine.start(None if self.policy is None else parse_policy(compact(self.policy)))

    def told_again(self) -> Story:
        """Tell the same actions from the start, without asking the oracle."""
        again = Story(policy=self.policy)
        for action in self.told:
            again._decide(action)
        return again

    def followed(self) -> Engine:
        """Give an engine that has only read the journal."""
        engine = self._engine()
        for avro in self.journal:
            engine.follow(avro)
        return engine

    def known(self) -> list[Json]:
        """Give the registrations as they stand, in the order in which they were made."""
        return [
            readable_registration(registration) for registration in self.engine.state.registrations.values()
        ]

    def balances(self) -> dict[str, list[int]]:
        """Give what `balance` gives, of every line."""
        return {
            f"{permit_id}/{number}": self.balance(f"{permit_id}/{number}")
            for permit_id, of in self.engine.state.permits.items()
            for number in of.lines
        }

    def balance(self, line: str = "S-1/1") -> list[int]:
        """Give granted, available, reserved, departed and forfeited of a line."""
        permit_id, number = line.split("/")
        on = self.engine.state.permits[permit_id].lines[int(number)]
        return [int(on.granted), int(on.available), int(on.reserved), int(on.departed), int(on.forfeited)]


def moment(text: str) -> str:
    """Give an instant of RFC 3339; a text without seconds and offset is WIB."""
    return text if "T" in text else text.replace(" ", "T") + ":00+07:00"


def act(kind: str, system: str, office: Json, at: str, **fields: object) -> Json:
    """Give an action with the envelope of the contract; null leaves a field out."""
    at = moment(at)
    entered = fields.pop("entered", None)
    after = {
        "kind": kind,
        "system": system,
        "office": office,
        "officer": "o-1",
        "occurred_at": at,
        "entered_at": moment(str(entered)) if entered else (instant(at) + timedelta(minutes=1)).isoformat(),
        **fields,
    }
    return {name: value for name, value in after.items() if value is not None}


# ---------------------------------------------------------------- BP2MI's head office


def hq(kind: str, at: str = "2023-01-02 09:00", **fields: object) -> Json:
    """Give any action of the head office."""
    return act(kind, "BP2MI", HEAD_OFFICE, at, **fields)


def agency(agency_id: str = "A-1", at: str = "2022-01-01 09:00", **fields: object) -> Json:
    """License an agency."""
    return hq("agency_licensed", at, agency_id=agency_id, **fields)


def permit(
    permit_id: str = "S-1",
    units: int = 2,
    at: str = "2023-01-01 09:00",
    *,
    agency_id: str = "A-1",
    valid: tuple[str, str] = ("2023-01-01", "2023-12-31"),
    destination: str = "TW",
    position: str = "caregiver",
    sex: str = "ANY",
    **fields: object,
) -> Json:
    """Issue a permit with one line."""
    lines = [{"line": 1, "position": position, "sex": sex, "units": units}]
    return hq(
        "permit_issued",
        at,
        **{
            "permit_id": permit_id,
            "agency_id": agency_id,
            "destination": destination,
            "valid_from": valid[0],
            "valid_to": valid[1],
            "lines": lines,
            **fields,
        },
    )


def extended(permit_id: str, valid_to: str, at: str = "2023-03-01 09:00") -> Json:
    """Extend a permit."""
    return hq("permit_extended", at, permit_id=permit_id, valid_to=valid_to)


def revoked(permit_id: str = "S-1", at: str = "2023-03-01 09:00") -> Json:
    """Revoke a permit."""
    return hq("permit_revoked", at, permit_id=permit_id)


def reinstated(permit_id: str = "S-1", at: str = "2023-03-02 09:00") -> Json:
    """Reinstate a permit."""
    return hq("permit_reinstated", at, permit_id=permit_id)


def held(person_id: str = "p-1", at: str = "2023-03-01 09:00") -> Json:
    """Put a person on hold."""
    return hq("person_held", at, person_id=person_id, reason="two people, one identity")


def let_go(person_id: str = "p-1", at: str = "2023-08-02 09:00") -> Json:
    """Release a person from a hold."""
    return hq("person_released", at, person_id=person_id, reason="settled")


def reassigned(
    registration_id: str = "R-1", person_id: str = "p-2", at: str = "2023-08-01 10:00", **fields: object
) -> Json:
    """Rule, by two officers, that a registration is another person's."""
    own = {"registration_id": registration_id, "person_id": person_id}
    return hq(
        "registration_reassigned",
        at,
        **{**own, "second_officer": "o-2", "reason": "one NIK, two people", **fields},
    )


def erased(person_id: str = "p-1", at: str = "2023-08-01 10:00", **fields: object) -> Json:
    """Erase a person."""
    return hq("person_erased", at, **{"person_id": person_id, "reason": "asked for", **fields})


def policy(version: str = "P-2", at: str = "2023-01-01 09:00", **changes: object) -> Json:
    """Adopt the default policy with changes."""
    return hq("policy_adopted", at, policy={**DEFAULT_POLICY, "version": version, **changes})


# ---------------------------------------------------------------- registrations


def _line(named: str | None) -> Json:
    if named is None:
        return {}
    permit_id, number = named.split("/")
    return {"permit_id": permit_id, "line": int(number)}


def old(
    registration_id: str = "R-1",
    person_id: str = "p-1",
    line: str | None = "S-1/1",
    at: str = "2023-02-01 10:00",
    **fields: object,
) -> Json:
    """Register in SISKOTKLN."""
    return _registered("SISKOTKLN", registration_id, person_id, line, at, fields)


def new(
    registration_id: str = "R-2",
    person_id: str = "p-1",
    line: str | None = "S-1/1",
    at: str = "2023-07-17 09:00",
    **fields: object,
) -> Json:
    """Register in SIAPKerja: a re-registration where the person is still in process in SISKOTKLN."""
    return _registered("SIAPKERJA", registration_id, person_id, line, at, fields)


def _registered(
    system: str, registration_id: str, person_id: str, line: str | None, at: str, fields: Json
) -> Json:
    of_scheme = {} if fields.get("scheme", "P_TO_P") != "P_TO_P" else {"agency_id": "A-1", **_line(line)}
    return act(
        "registered",
        system,
        SERVICE_OFFICE,
        at,
        **{
            "registration_id": registration_id,
            "person_id": person_id,
            "scheme": "P_TO_P",
            "destination": "TW",
            "position": "caregiver",
            "sex": "F",
            **of_scheme,
            **fields,
        },
    )


def step(
    kind: str,
    registration_id: str = "R-1",
    at: str = "2023-03-01 10:00",
    *,
    system: str = "SISKOTKLN",
    line: str | None = None,
    **fields: object,
) -> Json:
    """Take a step of a registration. `system` is that of the registration: who acts follows from the kind."""
    own: Json = {"registration_id": registration_id, **_line(line)}
    office = SERVICE_OFFICE
    if system == "SIAPKERJA" and kind in {
        "documents_fulfilled",
        "orientation_completed",
        "biometrics_registered",
        "departed",
    }:
        system, office = "SISKOP2MI", REGIONAL_OFFICE
    if kind == "candidate_id_issued":
        own["candidate_id"] = "C-" + registration_id
    if kind == "biometrics_registered":
        own["reference"] = "bio-" + registration_id
    if kind == "cancelled":
        own["reason"] = "withdrew"
    return act(kind, system, office, at, **{**own, **fields})


def released(registration_id: str = "R-1", at: str = "2023-08-01 10:00", **fields: object) -> Json:
    """Free a stranded unit, by two officers."""
    return hq(
        "unit_released",
        at,
        **{"registration_id": registration_id, "second_officer": "o-2", "reason": "stranded", **fields},
    )


def through(
    last: str,
    registration_id: str = "R-1",
    at: str = "2023-03-01 10:00",
    *,
    system: str = "SISKOTKLN",
    line: str | None = None,
) -> list[Json]:
    """Take every step of the ladder up to this one; the agreement names the line."""
    kinds = LADDER[: LADDER.index(last) + 1]
    return [
        step(kind, registration_id, at, system=system, line=line if kind == "agreement_signed" else None)
        for kind in kinds
    ]


def ready(
    registration_id: str = "R-1", at: str = "2023-03-01 10:00", *, system: str = "SISKOTKLN"
) -> list[Json]:
    """Take every step before departure."""
    return through("biometrics_registered", registration_id, at, system=system)


def late_departure(
    registration_id: str = "R-1",
    at: str = "2023-07-16 23:59",
    entered: str = "2023-07-18 10:00",
    **fields: object,
) -> Json:
    """Depart in SISKOTKLN before the closure, entered after it, with evidence."""
    own: Json = {"entered": entered, "evidence": TICKET, **fields}
    return step("departed", registration_id, at, **own)


# ---------------------------------------------------------------- services


def training(kind: str = "training_requested", at: str = "2023-03-01 10:00", **fields: object) -> Json:
    """Request or complete a training."""
    own = {"training_id": "T-1", "provider_id": "L-1", "provider_type": "LPK", "person_id": "p-1"}
    return act(kind, "SISKOTKLN", SERVICE_OFFICE, at, **{**own, **fields})


def complaint(kind: str = "complaint_received", at: str = "2023-03-01 10:00", **fields: object) -> Json:
    """Receive or answer a complaint."""
    own = {"complaint_id": "K-1"}
    if kind == "complaint_received":
        own |= {"topic": "wages", "channel": "phone"}
    return act(kind, "SISKOP2MI", REGIONAL_OFFICE, at, **{**own, **fields})


def as_datetime(text: str) -> datetime:
    """Give the moment that the language writes so."""
    return instant(moment(text))
