"""A second ledger, written from the contract alone (and docs/corrections.md), to be read beside it.

An action as JSON goes in, a decision as JSON comes out. It keeps nothing but the list of what was decided and
looks everything up by reading that list again from the start: slow, and with nowhere for a clever mistake to
hide. It must not import the ledger, nor be changed to agree with it without a sentence of the contract that
says so. Where a sentence can be read in two ways, the reading chosen is marked "Reading:".
"""

# A section of the contract is one function here, however long, with one test for one half-sentence.
# ruff: noqa: C901, PLR0912, PLR0915, SIM102

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

Json = dict[str, Any]

WIB = timezone(timedelta(hours=7))

# §1, the table: kind -> system -> office types.
HQ = ["HQ"]
ANY_BUT_HQ = ["LTSA", "DINAS", "BP3MI"]
SERVICE = ["LTSA", "DINAS", "BP3MI"]
BP3MI = ["BP3MI"]
BP2MI_ALONE = {"BP2MI": HQ}
VERIFYING = {"SISKOTKLN": ANY_BUT_HQ, "SIAPKERJA": SERVICE}
DEPARTING = {"SISKOTKLN": ANY_BUT_HQ, "SISKOP2MI": BP3MI}
OFFICE_TYPES = ["LTSA", "DINAS", "BP3MI", "HQ"]
WHO_MAY = {
    "agency_licensed": BP2MI_ALONE,
    "agency_suspended": BP2MI_ALONE,
    "agency_reinstated": BP2MI_ALONE,
    "destination_closed": BP2MI_ALONE,
    "destination_opened": BP2MI_ALONE,
    "permit_issued": BP2MI_ALONE,
    "permit_extended": BP2MI_ALONE,
    "permit_revoked": BP2MI_ALONE,
    "permit_reinstated": BP2MI_ALONE,
    "quota_raised": BP2MI_ALONE,
    "quota_lowered": BP2MI_ALONE,
    "policy_adopted": BP2MI_ALONE,
    "person_held": BP2MI_ALONE,
    "person_released": BP2MI_ALONE,
    "unit_released": BP2MI_ALONE,
    "registered": VERIFYING,
    "documents_verified": VERIFYING,
    "candidate_id_issued": VERIFYING,
    "agreement_signed": VERIFYING,
    "documents_fulfilled": DEPARTING,
    "orientation_completed": DEPARTING,
    "biometrics_registered": DEPARTING,
    "departed": DEPARTING,
    "cancelled": {"SISKOTKLN": ANY_BUT_HQ, "SIAPKERJA": SERVICE, "SISKOP2MI": BP3MI},
    "training_requested": {"SISKOTKLN": ANY_BUT_HQ},
    "training_completed": {"SISKOTKLN": ANY_BUT_HQ},
    "complaint_received": {"SISKOP2MI": ["BP3MI", "HQ"]},
    "complaint_answered": {"SISKOP2MI": ["BP3MI", "HQ"]},
    "registration_reassigned": BP2MI_ALONE,
    "person_erased": BP2MI_ALONE,
}
STEPS = [
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
    "cancelled",
    "unit_released",
]

# §5.
DEFAULT_POLICY: Json = {
    "version": "B.662-2023",
    "registration_limit": "2023-02-17T00:00:00+07:00",
    "closure": "2023-07-17T00:00:00+07:00",
    "unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "agreement"},
    "biometrics_not_required": ["SISKOTKLN"],
    "agreement_not_required": ["INDIVIDUAL", "UKPS"],
    "restore_if_valid_at": "reregistration",
    "restoration": True,
    "late_departures": True,
    "clock_skew_seconds": 300,
}

# §2: the lists of things that a decision may have changed.
CHANGES = [
    "registrations",
    "postings",
    "permits",
    "agencies",
    "destinations",
    "people",
    "trainings",
    "complaints",
    "policies",
]


class Refused(Exception):
    """The first check that failed; its argument is the code."""


def instant(text: str) -> datetime:
    """Give the moment that a text names; `24:00` is midnight of the next day."""
    head, mark, tail = text.partition("T24:00")
    if mark:
        return datetime.fromisoformat(head + "T00:00" + tail) + timedelta(days=1)
    return datetime.fromisoformat(text)


def wib_date(moment: datetime) -> date:
    """Give the date that the moment falls on in WIB."""
    return moment.astimezone(WIB).date()


def present(value: Any) -> Any:
    """Give a value of JSON without its nulls: null counts as absent."""
    if isinstance(value, dict):
        return {key: present(inner) for key, inner in value.items() if inner is not None}
    return [present(inner) for inner in value] if isinstance(value, list) else value


def content(action: Json) -> Json:
    """Give an action's content (§1): all but `entered_at` and `sealed`, as it compares after parsing."""
    made = present(action)
    made.pop("entered_at", None)
    made.pop("sealed", None)
    if not made.get("evidence"):
        made.pop("evidence", None)
    made["action_id"] = UUID(made["action_id"])
    made["occurred_at"] = _comparable(made["occurred_at"])
    if "policy" in made:
        for field in ("registration_limit", "closure"):
            made["policy"][field] = _comparable(made["policy"][field])
    return dict(made)


def _comparable(text: str) -> tuple[datetime, timedelta | None]:
    return instant(text).astimezone(UTC), instant(text).utcoffset()


class Oracle:
    """The contract, once more.

    Attributes:
        journal: Every action with its decision, in order.
        overlooked: Codes whose checks let everything pass: what would refuse the action if they did not?

    """

    def __init__(self, policy: Json | None = None) -> None:
        self.first_policy = DEFAULT_POLICY if policy is None else policy
        self.journal: list[tuple[Json, Json]] = []
        self.overlooked: list[str] = []

    def _refuse(self, code: str) -> None:
        if code not in self.overlooked:
            raise Refused(code)

    # ---------------------------------------------------------------- what the journal says

    def accepted(self, *kinds: str, **fields: object) -> list[tuple[int, Json]]:
        """Give the accepted actions of these kinds and fields, with their seq, in the order decided."""
        return [
            (decision["seq"], action)
            for action, decision in self.journal
            if decision["outcome"] == "ACCEPTED"
            and action["kind"] in kinds
            and all(action.get(name) == value for name, value in fields.items())
        ]

    def latest(self, changed: str, **key: object) -> Json | None:
        """Give the thing of that key as the last decision that changed it left it."""
        found = None
        for _, decision in self.journal:
            for thing in decision[changed]:
                if all(thing[name] == value for name, value in key.items()):
                    found = thing
        return found

    def as_of(self, t: datetime, *kinds: str, **fields: object) -> Json | None:
        """Give the last action with `occurred_at ≤ t`, the later decided winning a tie."""
        before = [
            (instant(action["occurred_at"]), seq, action)
            for seq, action in self.accepted(*kinds, **fields)
            if instant(action["occurred_at"]) <= t
        ]
        return max(before, key=lambda entry: entry[:2])[2] if before else None

    def policy(self) -> Json:
        """Give the policy adopted last before this seq, whatever its `occurred_at`."""
        adopted = self.accepted("policy_adopted")
        return adopted[-1][1]["policy"] if adopted else self.first_policy

    def registrations_of(self, person_id: str) -> list[Json]:
        """Give the registrations that are a person's now, in the order in which they were made."""
        made = [action["registration_id"] for _, action in self.accepted("registered")]
        stands = [self.latest("registrations", registration_id=registration_id) for registration_id in made]
        return [each for each in stands if each is not None and each["person_id"] == person_id]

    def on_hold(self, person_id: str) -> bool:
        """Tell whether the person is on hold after the last decision."""
        person = self.latest("people", person_id=person_id)
        return person is not None and person["held"]

    # ---------------------------------------------------------------- §2, a decision

    def unreadable(self) -> Json:
        """Decide a record that breaks the shape; its action id stays free."""
        decision = self._blank("UNREADABLE")
        self.journal.append(({"kind": None, "action_id": None}, decision))
        return decision

    def decide(self, action: Json) -> Json:
        """Decide one action."""
        action = present(action)
        decision = self._blank("ACCEPTED")
        self._now = decision
        try:
            self._every_action(action, decision)
            if decision["outcome"] == "ACCEPTED":
                if action["kind"] == "registered":
                    self._registered(action)
                elif action["kind"] in STEPS:
                    self._step(action)
                elif action["kind"] == "registration_reassigned":
                    self._reassigned(action)
                elif action["kind"] == "person_erased":
                    self._erased(action)
                else:
                    self._other(action)
        except Refused as refused:
            decision = self._blank("REFUSED")
            decision["code"] = refused.args[0]
        self.journal.append((action, decision))
        return decision

    def _blank(self, outcome: str) -> Json:
        return {
            "seq": len(self.journal),
            "outcome": outcome,
            "code": None,
            "first_seq": None,
            "policy": self.policy()["version"],
            "late": False,
            **{name: [] for name in CHANGES},
        }

    # ---------------------------------------------------------------- §3, every action

    def _every_action(self, action: Json, decision: Json) -> None:
        policy = self.policy()
        t_r, t_0 = instant(policy["registration_limit"]), instant(policy["closure"])
        kind, system, office = action["kind"], action["system"], action["office"]["type"]
        occurred, entered = instant(action["occurred_at"]), instant(action["entered_at"])
        # 1. The first action of that id, refused or not; an unreadable record has none.
        for earlier, made in self.journal:
            if earlier["action_id"] and UUID(earlier["action_id"]) == UUID(action["action_id"]):
                if content(earlier) == content(action):
                    decision["outcome"] = "DUPLICATE"
                    decision["first_seq"] = made["seq"]
                    return
                self._refuse("ACTION_ID_REUSED")
                break
        # 2. and 3.
        if system not in WHO_MAY[kind]:
            self._refuse("WRONG_SYSTEM")
        if office not in WHO_MAY[kind].get(system, OFFICE_TYPES):
            self._refuse("WRONG_OFFICE")
        # 4.
        if occurred > entered + timedelta(seconds=policy["clock_skew_seconds"]):
            self._refuse("OCCURRED_IN_FUTURE")
        # 5.
        if system == "SISKOTKLN":
            if kind in ("training_requested", "training_completed"):
                if occurred >= t_0 or entered >= t_0:
                    self._refuse("SERVICE_HANDED_BACK")
            if occurred >= t_0:
                self._refuse("SYSTEM_CLOSED")
            if entered >= t_0:
                if not policy["late_departures"]:
                    self._refuse("SYSTEM_CLOSED")
                if kind == "departed" and not action.get("evidence"):
                    self._refuse("EVIDENCE_MISSING")
                if kind != "departed":
                    self._refuse("SYSTEM_CLOSED")
                decision["late"] = True
            if kind == "registered" and occurred >= t_r:
                self._refuse("REGISTERED_AFTER_LIMIT")
        if system in ("SIAPKERJA", "SISKOP2MI") and occurred < t_r:
            self._refuse("SYSTEM_NOT_OPEN")

    # ---------------------------------------------------------------- §3, registered

    def _registered(self, action: Json) -> None:
        policy, t = self.policy(), instant(action["occurred_at"])
        # 6.
        if self.latest("registrations", registration_id=action["registration_id"]):
            self._refuse("REGISTRATION_EXISTS")
        # 7.
        if self.on_hold(action["person_id"]):
            self._refuse("PERSON_ON_HOLD")
        # 8.
        old = None
        for registration in self.registrations_of(action["person_id"]):
            if registration["status"] == "open":
                old = registration
        if old is not None and not (
            action["system"] == "SIAPKERJA"
            and t >= instant(policy["closure"])
            and old["system"] == "SISKOTKLN"
        ):
            self._refuse("OPEN_REGISTRATION_EXISTS")
            old = None
        # 9.
        new: Json = {
            "registration_id": action["registration_id"],
            "person_id": action["person_id"],
            "system": action["system"],
            "scheme": action["scheme"],
            "agency_id": action.get("agency_id"),
            "destination": action["destination"],
            "position": action["position"],
            "sex": action["sex"],
            "stages": {"registered": t.isoformat()},
            "status": "open",
            "unit": None,
            "reregistered_as": None,
            "reregistered_from": None,
        }
        takes = action["scheme"] == "P_TO_P" and (
            old is not None or policy["unit_taken_at"].get(action["system"]) == "registration"
        )
        if takes and "permit_id" not in action:
            self._refuse("LINE_MISSING")
        if old is not None:
            self._put_back(old, t)
            old = {
                **self._current(old),
                "status": "reregistered",
                "reregistered_as": new["registration_id"],
            }
            new["reregistered_from"] = old["registration_id"]
            self._changed(old)
        if takes:
            new["unit"] = self._take(new, action.get("permit_id"), action.get("line"), t)
        self._changed(new)

    # ---------------------------------------------------------------- §3, steps of a registration

    def _step(self, action: Json) -> None:
        policy, kind, t = self.policy(), action["kind"], instant(action["occurred_at"])
        # 6.
        registration = self.latest("registrations", registration_id=action["registration_id"])
        if registration is None:
            raise Refused("UNKNOWN_REGISTRATION")
        # 7. BP2MI may act on both.
        if action["system"] != "BP2MI" and (action["system"] == "SISKOTKLN") != (
            registration["system"] == "SISKOTKLN"
        ):
            self._refuse("WRONG_SYSTEM")
        # 8.
        if self.on_hold(registration["person_id"]):
            self._refuse("PERSON_ON_HOLD")
        # 9.
        if t < instant(registration["stages"]["registered"]):
            self._refuse("OCCURRED_BEFORE_REGISTRATION")
        # 10. Reading: one that was re-registered and has departed late since is ended as any other.
        if (
            registration["status"] == "reregistered"
            and kind == "departed"
            and action["system"] == "SISKOTKLN"
        ):
            self._departed_after_reregistration(registration, t)
            return
        if registration["status"] != "open":
            self._refuse("REGISTRATION_ENDED")
        # 11.
        self._stage(registration, kind)
        # 12.
        unit = registration["unit"]
        held = unit is not None and unit["state"] == "held"
        after = {**registration, "stages": dict(registration["stages"])}
        if kind not in ("cancelled", "unit_released"):
            after["stages"][kind] = t.isoformat()
        if kind == "agreement_signed" and registration["scheme"] == "P_TO_P":
            if held:
                named = (action.get("permit_id"), action.get("line"))
                if named != (None, None) and named != (unit["permit_id"], unit["line"]):
                    self._refuse("UNIT_HELD_ELSEWHERE")
            else:
                if "permit_id" not in action:
                    self._refuse("LINE_MISSING")
                after["unit"] = self._take(registration, action.get("permit_id"), action.get("line"), t)
        if kind == "departed":
            if registration["scheme"] == "P_TO_P":
                if not held:
                    raise Refused("UNIT_NOT_HELD")
                self._post(unit["permit_id"], unit["line"], "reserved", "departed", 1)
                after["unit"] = {**unit, "state": "departed"}
            after["status"] = "departed"
        if kind == "cancelled":
            if held:
                self._post(unit["permit_id"], unit["line"], "reserved", "available", 1)
                after["unit"] = {**unit, "state": "returned"}
            after["status"] = "cancelled"
        if kind == "unit_released":
            if registration["system"] != "SISKOTKLN" or t < instant(policy["closure"]):
                self._refuse("NOT_STRANDED")
            if not held:
                raise Refused("UNIT_NOT_HELD")
            self._post(unit["permit_id"], unit["line"], "reserved", "available", 1)
            after["unit"] = {**unit, "state": "released"}
        self._changed(after)

    def _stage(self, registration: Json, kind: str) -> None:
        """Step 11."""
        policy, passed = self.policy(), registration["stages"]
        if kind in passed:
            self._refuse("STAGE_ALREADY_PASSED")
        needed = []
        if kind in ("candidate_id_issued", "agreement_signed"):
            needed = ["documents_verified"]
        if kind == "documents_fulfilled":
            needed = ["candidate_id_issued"]
            if registration["scheme"] not in policy["agreement_not_required"]:
                needed.append("agreement_signed")
        if kind in ("orientation_completed", "biometrics_registered"):
            needed = ["documents_fulfilled"]
        if kind == "departed":
            needed = ["orientation_completed"]
            if registration["system"] not in policy["biometrics_not_required"]:
                needed.append("biometrics_registered")
        if any(stage not in passed for stage in needed):
            self._refuse("STAGE_OUT_OF_ORDER")

    def _departed_after_reregistration(self, old: Json, t: datetime) -> None:
        """Step 13. Reading: a registration is later when it was decided later."""
        of_person = self.registrations_of(old["person_id"])
        ids = [registration["registration_id"] for registration in of_person]
        later = of_person[ids.index(old["registration_id"]) + 1 :]
        if any(registration["status"] == "departed" for registration in later):
            self._refuse("CONFLICTING_DEPARTURES")
        self._stage(old, "departed")
        for registration in later:
            if registration["status"] == "open":
                unit = registration["unit"]
                if unit is not None and unit["state"] == "held":
                    self._post(unit["permit_id"], unit["line"], "reserved", "available", 1)
                    unit = {**unit, "state": "returned"}
                self._changed({**registration, "status": "voided", "unit": unit})
        unit = old["unit"]
        if unit is not None and unit["state"] == "restored":
            if self._line(unit["permit_id"], unit["line"])["available"] < 1:
                self._refuse("QUOTA_EXHAUSTED")
            self._post(unit["permit_id"], unit["line"], "available", "departed", 1)
            unit = {**unit, "state": "departed"}
        elif unit is not None and unit["state"] == "forfeited":
            self._post(unit["permit_id"], unit["line"], "forfeited", "departed", 1)
            unit = {**unit, "state": "departed"}
        elif old["scheme"] == "P_TO_P":
            raise Refused("UNIT_NOT_HELD")
        stages = {**old["stages"], "departed": t.isoformat()}
        self._changed({**old, "status": "departed", "unit": unit, "stages": stages})

    # ---------------------------------------------------------------- docs/corrections.md

    def _reassigned(self, action: Json) -> None:
        """Move a registration to another person."""
        # 6.
        registration = self.latest("registrations", registration_id=action["registration_id"])
        if registration is None:
            raise Refused("UNKNOWN_REGISTRATION")
        # 7. Whoever it is now; the other person may be on hold or not.
        if not self.on_hold(registration["person_id"]):
            self._refuse("PERSON_NOT_ON_HOLD")
        # 8.
        if instant(action["occurred_at"]) < instant(registration["stages"]["registered"]):
            self._refuse("OCCURRED_BEFORE_REGISTRATION")
        # 9.
        if action["person_id"] == registration["person_id"]:
            self._refuse("NO_CHANGE")
        # 10.
        if registration["status"] == "open":
            for other in self.registrations_of(action["person_id"]):
                if other["status"] == "open" and other["registration_id"] != registration["registration_id"]:
                    self._refuse("OPEN_REGISTRATION_EXISTS")
        self._changed({**registration, "person_id": action["person_id"]})

    def _erased(self, action: Json) -> None:
        """6. is all that there is; nothing changes."""
        if self.on_hold(action["person_id"]):
            self._refuse("PERSON_ON_HOLD")

    # ---------------------------------------------------------------- §3, take and put back

    def _take(self, who: Json, permit_id: str | None, line: int | None, t: datetime) -> Json:
        permit = self.latest("permits", permit_id=permit_id)
        lines: list[Json] = []
        if permit_id is not None and permit is None:
            self._refuse("UNKNOWN_PERMIT")
        if permit is not None:
            lines = [granted for granted in permit["lines"] if granted["line"] == line]
            if not lines:
                self._refuse("UNKNOWN_LINE")
            if permit["agency_id"] != who["agency_id"]:
                self._refuse("PERMIT_HELD_BY_OTHER")
            if permit["destination"] != who["destination"]:
                self._refuse("DESTINATION_MISMATCH")
            if lines and lines[0]["position"] != who["position"]:
                self._refuse("LINE_MISMATCH")
            if lines and lines[0]["sex"] not in (who["sex"], "ANY"):
                self._refuse("LINE_MISMATCH")
            if self._revoked(permit["permit_id"], t):
                self._refuse("PERMIT_REVOKED")
            if not self._within_validity(permit["permit_id"], t):
                self._refuse("PERMIT_NOT_VALID")
        if self._suspended(who["agency_id"], t):
            self._refuse("AGENCY_SUSPENDED")
        if self._closed(who["destination"], t):
            self._refuse("DESTINATION_CLOSED")
        if permit is None or not lines or line is None:
            raise Refused("NOTHING_TO_TAKE")  # Only where a check above was overlooked.
        if self._line(permit["permit_id"], line)["available"] < 1:
            raise Refused("QUOTA_EXHAUSTED")
        self._post(permit["permit_id"], line, "available", "reserved", 1)
        return {"permit_id": permit["permit_id"], "line": line, "state": "held"}

    def _put_back(self, old: Json, t: datetime) -> None:
        policy, unit = self.policy(), old["unit"]
        if unit is None or unit["state"] != "held":
            return
        judged_at = instant(policy["closure"]) if policy["restore_if_valid_at"] == "closure" else t
        valid = self._within_validity(unit["permit_id"], judged_at)
        revoked = self._revoked(unit["permit_id"], judged_at)
        if policy["restoration"] and valid and not revoked:
            self._post(unit["permit_id"], unit["line"], "reserved", "available", 1)
            self._changed({**old, "unit": {**unit, "state": "restored"}})
        else:
            self._post(unit["permit_id"], unit["line"], "reserved", "forfeited", 1)
            self._changed({**old, "unit": {**unit, "state": "forfeited"}})

    def _revoked(self, permit_id: str, t: datetime) -> bool:
        """Reading: only a reinstatement ends a revocation, also where the permit was issued after it."""
        last = self.as_of(t, "permit_revoked", "permit_reinstated", permit_id=permit_id)
        return last is not None and last["kind"] == "permit_revoked"

    def _within_validity(self, permit_id: str, t: datetime) -> bool:
        """Reading: an extension is a version with the permit's `valid_from`, even dated before the issue."""
        version = self.as_of(t, "permit_issued", "permit_extended", permit_id=permit_id)
        if version is None:
            return False
        valid_from = self.accepted("permit_issued", permit_id=permit_id)[0][1]["valid_from"]
        return date.fromisoformat(valid_from) <= wib_date(t) <= date.fromisoformat(version["valid_to"])

    def _suspended(self, agency_id: str, t: datetime) -> bool:
        """Reading: as for a revocation."""
        last = self.as_of(t, "agency_suspended", "agency_reinstated", agency_id=agency_id)
        return last is not None and last["kind"] == "agency_suspended"

    def _closed(self, destination: str, t: datetime) -> bool:
        last = self.as_of(t, "destination_closed", "destination_opened", destination=destination)
        return last is not None and last["kind"] == "destination_closed"

    # ---------------------------------------------------------------- §3, others

    def _other(self, action: Json) -> None:
        kind = action["kind"]
        agency = self.latest("agencies", agency_id=action.get("agency_id"))
        permit = self.latest("permits", permit_id=action.get("permit_id"))
        training = self.latest("trainings", training_id=action.get("training_id"))
        complaint = self.latest("complaints", complaint_id=action.get("complaint_id"))
        line = None
        # 6.
        if kind in ("agency_suspended", "agency_reinstated", "permit_issued") and agency is None:
            self._refuse("UNKNOWN_AGENCY")
        if kind in (
            "permit_extended",
            "permit_revoked",
            "permit_reinstated",
            "quota_raised",
            "quota_lowered",
        ):
            if permit is None:
                self._refuse("UNKNOWN_PERMIT")
        if kind in ("quota_raised", "quota_lowered") and permit is not None:
            line = next((line for line in permit["lines"] if line["line"] == action["line"]), None)
            if line is None:
                self._refuse("UNKNOWN_LINE")
        if kind == "training_completed" and training is None:
            self._refuse("UNKNOWN_TRAINING")
        if kind == "complaint_answered" and complaint is None:
            self._refuse("UNKNOWN_COMPLAINT")
        # 7.
        if kind == "agency_licensed" and agency is not None:
            self._refuse("AGENCY_EXISTS")
        if kind == "permit_issued" and permit is not None:
            self._refuse("PERMIT_EXISTS")
        if kind == "training_requested" and training is not None:
            self._refuse("TRAINING_EXISTS")
        if kind == "complaint_received" and complaint is not None:
            self._refuse("COMPLAINT_EXISTS")
        if kind == "policy_adopted" and action["policy"]["version"] in self._versions_used():
            self._refuse("POLICY_EXISTS")
        # 8.
        if kind == "agency_suspended" and agency is not None:
            self._change("agencies", agency, status="suspended")
        if kind == "agency_reinstated" and agency is not None:
            self._change("agencies", agency, status="active")
        if kind in ("destination_closed", "destination_opened"):
            key = {"destination": action["destination"]}
            was = self.latest("destinations", **key) or {**key, "status": "open"}
            self._change("destinations", was, status="closed" if kind == "destination_closed" else "open")
        if kind in ("person_held", "person_released"):
            who = {"person_id": action["person_id"], "held": self.on_hold(action["person_id"])}
            self._change("people", who, held=kind == "person_held")
        if kind in ("permit_revoked", "permit_reinstated") and permit is not None:
            self._change("permits", permit, revoked=kind == "permit_revoked")
        if kind == "training_completed" and training is not None:
            self._change("trainings", training, status="completed")
        if kind == "complaint_answered" and complaint is not None:
            self._change("complaints", complaint, status="answered")
        # 9. ISO dates compare as text.
        if kind == "permit_extended" and permit is not None:
            if action["valid_to"] <= permit["valid_to"]:
                self._refuse("VALIDITY_NOT_EXTENDED")
            self._change("permits", permit, valid_to=action["valid_to"])
        # 10.
        if kind in ("quota_raised", "quota_lowered") and permit is not None and line is not None:
            units = action["units"]
            if kind == "quota_lowered":
                if self._line(permit["permit_id"], action["line"])["available"] < units:
                    self._refuse("QUOTA_BELOW_USE")
                self._post(permit["permit_id"], action["line"], "available", "granted", units)
                units = -units
            else:
                self._post(permit["permit_id"], action["line"], "granted", "available", units)
            lines = [
                {**each, "units": each["units"] + units} if each is line else each for each in permit["lines"]
            ]
            self._change("permits", permit, lines=lines)
        # 11. Of the two training services only the request is barred.
        if kind == "training_requested" and self.on_hold(action["person_id"]):
            self._refuse("PERSON_ON_HOLD")
        self._new_thing(action)

    def _new_thing(self, action: Json) -> None:
        """What comes into being, once no check has failed."""
        kind = action["kind"]
        if kind == "agency_licensed":
            self._now["agencies"].append({"agency_id": action["agency_id"], "status": "active"})
        if kind == "permit_issued":
            for granted in action["lines"]:
                self._post(action["permit_id"], granted["line"], "granted", "available", granted["units"])
            fields = ["permit_id", "agency_id", "destination", "valid_from", "valid_to", "lines"]
            self._now["permits"].append({**{name: action[name] for name in fields}, "revoked": False})
        if kind == "training_requested":
            fields = ["training_id", "person_id", "provider_id", "provider_type"]
            self._now["trainings"].append({**{name: action[name] for name in fields}, "status": "requested"})
        if kind == "complaint_received":
            fields = ["complaint_id", "topic", "channel", "registration_id"]
            made = {**{name: action.get(name) for name in fields}, "status": "received"}
            self._now["complaints"].append(made)
        if kind == "policy_adopted":
            instants = {
                field: instant(action["policy"][field]).isoformat()
                for field in ("registration_limit", "closure")
            }
            self._now["policies"].append({**action["policy"], **instants})

    def _versions_used(self) -> list[str]:
        """Reading: the default's version counts as used also where the journal begins with another policy."""
        adopted = [action["policy"]["version"] for _, action in self.accepted("policy_adopted")]
        return [DEFAULT_POLICY["version"], self.first_policy["version"], *adopted]

    # ---------------------------------------------------------------- what this decision changes

    def _so_far(self, changed: str) -> Iterator[Json]:
        """Give all that journal and this decision say of one sort of thing, in order."""
        for _, decision in self.journal:
            yield from decision[changed]
        yield from self._now[changed]

    def _line(self, permit_id: str, line: int) -> Json:
        """Give a line's accounts as the last posting left them."""
        found = {"granted": 0, "available": 0, "reserved": 0, "departed": 0, "forfeited": 0}
        for posting in self._so_far("postings"):
            if (posting["permit_id"], posting["line"]) == (permit_id, line):
                found = {account: posting[account] for account in found}
        return found

    def _post(self, permit_id: str, line: int, source: str, target: str, units: int) -> None:
        """Move units; from outside into `available` and back, `granted` moves along."""
        after = self._line(permit_id, line)
        after[source] += units if source == "granted" else -units
        after[target] += -units if target == "granted" else units
        self._now["postings"].append(
            {"permit_id": permit_id, "line": line, "from": source, "to": target, "units": units, **after}
        )

    def _current(self, registration: Json) -> Json:
        """Give a registration as this decision has left it so far."""
        for changed in self._now["registrations"]:
            if changed["registration_id"] == registration["registration_id"]:
                registration = changed
        return registration

    def _changed(self, registration: Json) -> None:
        """Note how a registration stands after this decision, once each."""
        others = [
            changed
            for changed in self._now["registrations"]
            if changed["registration_id"] != registration["registration_id"]
        ]
        self._now["registrations"] = [*others, registration]

    def _change(self, changed: str, thing: Json, **fields: object) -> None:
        """Change a thing, or refuse where it is so already."""
        after = {**thing, **fields}
        if after == thing:
            self._refuse("NO_CHANGE")
        self._now[changed].append(after)
