"""Actions out of what a row says. Gives Avro bytes with the id that follows from them (`identity`).

Must not read a cell: it gets values. Whatever the extract does not say of an action is left out.
"""

from __future__ import annotations

from typing import Final

from producers.extract.identity import with_action_id
from producers.extract.moments import WIB_OFFSET_MINUTES
from schemas.framing import action_record
from schemas.records import Action, Evidence, PermitLine

SYSTEM: Final = "SISKOTKLN"
HEAD_OFFICE: Final = "HQ"
# The extract names no officer for what the head office ruled, nor for a training.
NO_OFFICER: Final = "SISKOTKLN"
# How `bukti` is called where it stands as evidence: the extract does not say what kind of document it is.
EVIDENCE_TYPE: Final = "bukti"
_NO_ID: Final = bytes(16)


def _avro(  # noqa: PLR0913 (the optional fields of an action)
    kind: str,
    system: str,
    office: tuple[str, str],
    officer: str,
    occurred_at: int,
    offset_minutes: int,
    entered_at: int,
    *,
    registration_id: str | None = None,
    person_id: str | None = None,
    scheme: str | None = None,
    agency_id: str | None = None,
    destination: str | None = None,
    position: str | None = None,
    sex: str | None = None,
    permit_id: str | None = None,
    line: int | None = None,
    valid_from: int | None = None,
    valid_to: int | None = None,
    lines: list[PermitLine] | None = None,
    reason: str | None = None,
    candidate_id: str | None = None,
    reference: str | None = None,
    training_id: str | None = None,
    provider_id: str | None = None,
    provider_type: str | None = None,
    evidence: list[Evidence] | None = None,
) -> bytes:
    action = Action(
        _NO_ID,
        kind,
        system,
        office[0],
        office[1],
        officer,
        occurred_at,
        offset_minutes,
        registration_id,
        person_id,
        scheme,
        agency_id,
        destination,
        position,
        sex,
        permit_id,
        line,
        valid_from,
        valid_to,
        lines if lines is not None else [],
        None,
        None,
        reason,
        None,
        candidate_id,
        reference,
        training_id,
        provider_id,
        provider_type,
        None,
        None,
        None,
        evidence if evidence is not None else [],
        entered_at,
        offset_minutes,
        None,
    )
    return with_action_id(action_record(action).avro)


def agency_action(kind: str, agency_id: str, at: int) -> bytes:
    """Give `agency_licensed` or `agency_suspended`."""
    return _avro(
        kind, "BP2MI", ("HQ", HEAD_OFFICE), NO_OFFICER, at, WIB_OFFSET_MINUTES, at, agency_id=agency_id
    )


def permit_issued(
    permit_id: str,
    agency_id: str,
    destination: str,
    valid: tuple[int, int],
    lines: list[PermitLine],
    at: int,
) -> bytes:
    """Give `permit_issued`; `valid` is the first and the last day."""
    return _avro(
        "permit_issued",
        "BP2MI",
        ("HQ", HEAD_OFFICE),
        NO_OFFICER,
        at,
        WIB_OFFSET_MINUTES,
        at,
        permit_id=permit_id,
        agency_id=agency_id,
        destination=destination,
        valid_from=valid[0],
        valid_to=valid[1],
        lines=lines,
    )


def permit_revoked(permit_id: str, at: int) -> bytes:
    """Give `permit_revoked`."""
    return _avro(
        "permit_revoked",
        "BP2MI",
        ("HQ", HEAD_OFFICE),
        NO_OFFICER,
        at,
        WIB_OFFSET_MINUTES,
        at,
        permit_id=permit_id,
    )


class Stamp:
    """Who did something where and when: what every row of tahapan.csv says."""

    __slots__ = ("entered_at", "occurred_at", "office", "officer", "offset_minutes")

    def __init__(
        self, office: tuple[str, str], officer: str, occurred_at: int, entered_at: int, offset_minutes: int
    ) -> None:
        self.office = office
        self.officer = officer
        self.occurred_at = occurred_at
        self.entered_at = entered_at
        self.offset_minutes = offset_minutes

    def __repr__(self) -> str:
        """Show it."""
        return f"Stamp({self.office}, {self.occurred_at}, {self.entered_at}, {self.offset_minutes:+} minutes)"


class Wish:
    """What a candidate registers for: the row of cpmi.csv, without the person's data."""

    __slots__ = ("agency_id", "destination", "line", "permit_id", "person_id", "position", "scheme", "sex")

    def __init__(
        self,
        person_id: str,
        scheme: str,
        agency_id: str | None,
        destination: str,
        permit_id: str | None,
        line: int | None,
        position: str,
        sex: str,
    ) -> None:
        self.person_id = person_id
        self.scheme = scheme
        self.agency_id = agency_id
        self.destination = destination
        self.permit_id = permit_id
        self.line = line
        self.position = position
        self.sex = sex

    def __repr__(self) -> str:
        """Show it."""
        return f"Wish({self.person_id}, {self.scheme}, {self.destination}, {self.permit_id}, {self.line})"


def registered(registration_id: str, stamp: Stamp, wish: Wish, evidence: str | None) -> bytes:
    """Give `registered`."""
    return _avro(
        "registered",
        SYSTEM,
        stamp.office,
        stamp.officer,
        stamp.occurred_at,
        stamp.offset_minutes,
        stamp.entered_at,
        registration_id=registration_id,
        person_id=wish.person_id,
        scheme=wish.scheme,
        agency_id=wish.agency_id,
        destination=wish.destination,
        position=wish.position,
        sex=wish.sex,
        permit_id=wish.permit_id,
        line=wish.line,
        evidence=_evidence(evidence),
    )


def stage(
    kind: str,
    registration_id: str,
    stamp: Stamp,
    evidence: str | None,
    *,
    line: tuple[str, int] | None = None,
    candidate_id: str | None = None,
    reference: str | None = None,
    reason: str | None = None,
) -> bytes:
    """Give an action after the registration; `line` is the permit's line that an agreement names."""
    return _avro(
        kind,
        SYSTEM,
        stamp.office,
        stamp.officer,
        stamp.occurred_at,
        stamp.offset_minutes,
        stamp.entered_at,
        registration_id=registration_id,
        permit_id=None if line is None else line[0],
        line=None if line is None else line[1],
        candidate_id=candidate_id,
        reference=reference,
        reason=reason,
        evidence=_evidence(evidence),
    )


def training(
    kind: str,
    training_id: str,
    provider: tuple[str, str],
    person_id: str,
    office: tuple[str, str],
    at: int,
) -> bytes:
    """Give `training_requested` or `training_completed`; `provider` is its type and its code."""
    return _avro(
        kind,
        SYSTEM,
        office,
        NO_OFFICER,
        at,
        WIB_OFFSET_MINUTES,
        at,
        training_id=training_id,
        provider_id=provider[1],
        provider_type=provider[0],
        person_id=person_id,
    )


def _evidence(reference: str | None) -> list[Evidence] | None:
    return None if reference is None else [Evidence(EVIDENCE_TYPE, reference)]
