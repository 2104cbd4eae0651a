"""The records of the contracts as Python classes: plain, typed, compiled where a compiler is.

Written by `python -m schemas.generate` from the `.avsc` files.
Do not edit: change the contract and run it again.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(acyclic=True)
@final
class PermitLine:
    """What a permit grants on one line.

    Attributes:
        line: From 1.
        position: Position that the line is for.
        sex: F, M or ANY.
        units: Units granted.

    """

    __slots__ = (
        "line",
        "position",
        "sex",
        "units",
    )

    def __init__(
        self,
        line: i64,
        position: str,
        sex: str,
        units: i64,
    ) -> None:
        self.line: Final[i64] = line
        self.position: Final[str] = position
        self.sex: Final[str] = sex
        self.units: Final[i64] = units

    def __repr__(self) -> str:
        """Show every field."""
        return f"PermitLine(line={self.line!r}, position={self.position!r}, sex={self.sex!r}, units={self.units!r})"


@mypyc_attr(acyclic=True)
@final
class Instant:
    """A moment, with the local reading that the source gave.

    Attributes:
        at: UTC, microseconds since 1970.
        offset_minutes: Minutes east of UTC at the source.

    """

    __slots__ = (
        "at",
        "offset_minutes",
    )

    def __init__(
        self,
        at: i64,
        offset_minutes: i64,
    ) -> None:
        self.at: Final[i64] = at
        self.offset_minutes: Final[i64] = offset_minutes

    def __repr__(self) -> str:
        """Show every field."""
        return f"Instant(at={self.at!r}, offset_minutes={self.offset_minutes!r})"


@mypyc_attr(acyclic=True)
@final
class UnitTakenAt:
    """A moment of taking per system.

    Attributes:
        SISKOTKLN: registration or agreement.
        SIAPKERJA: registration or agreement.

    """

    __slots__ = (
        "SISKOTKLN",
        "SIAPKERJA",
    )

    def __init__(
        self,
        SISKOTKLN: str,
        SIAPKERJA: str,
    ) -> None:
        self.SISKOTKLN: Final[str] = SISKOTKLN
        self.SIAPKERJA: Final[str] = SIAPKERJA

    def __repr__(self) -> str:
        """Show every field."""
        return f"UnitTakenAt(SISKOTKLN={self.SISKOTKLN!r}, SIAPKERJA={self.SIAPKERJA!r})"


@mypyc_attr(acyclic=True)
@final
class Policy:
    """The rules that hold from the decision that adopts them. Contract §5.

    Attributes:
        version: Name of this policy, used once.
        registration_limit: T_R: SISKOTKLN takes no registration from here on [L3].
        closure: T_0: SISKOTKLN is closed from here on [L1].
        unit_taken_at: When each system takes a unit: registration or agreement.
        biometrics_not_required: Systems whose registrations depart without biometrics.
        agreement_not_required: Schemes whose documents are fulfilled without a placement agreement.
        restore_if_valid_at: reregistration or closure: when the old permit must be valid for [L4].
        restoration: False: a re-registration always forfeits the old unit.
        late_departures: False: SISKOTKLN takes nothing that is entered from the closure on.
        clock_skew_seconds: How far occurred_at may lie after entered_at.

    """

    __slots__ = (
        "version",
        "registration_limit",
        "closure",
        "unit_taken_at",
        "biometrics_not_required",
        "agreement_not_required",
        "restore_if_valid_at",
        "restoration",
        "late_departures",
        "clock_skew_seconds",
    )

    def __init__(
        self,
        version: str,
        registration_limit: Instant,
        closure: Instant,
        unit_taken_at: UnitTakenAt,
        biometrics_not_required: list[str],
        agreement_not_required: list[str],
        restore_if_valid_at: str,
        restoration: bool,
        late_departures: bool,
        clock_skew_seconds: i64,
    ) -> None:
        self.version: Final[str] = version
        self.registration_limit: Final[Instant] = registration_limit
        self.closure: Final[Instant] = closure
        self.unit_taken_at: Final[UnitTakenAt] = unit_taken_at
        self.biometrics_not_required: Final[list[str]] = biometrics_not_required
        self.agreement_not_required: Final[list[str]] = agreement_not_required
        self.restore_if_valid_at: Final[str] = restore_if_valid_at
        self.restoration: Final[bool] = restoration
        self.late_departures: Final[bool] = late_departures
        self.clock_skew_seconds: Final[i64] = clock_skew_seconds

    def __repr__(self) -> str:
        """Show every field."""
        return f"Policy(version={self.version!r}, registration_limit={self.registration_limit!r}, closure={self.closure!r}, unit_taken_at={self.unit_taken_at!r}, biometrics_not_required={self.biometrics_not_required!r}, agreement_not_required={self.agreement_not_required!r}, restore_if_valid_at={self.restore_if_valid_at!r}, restoration={self.restoration!r}, late_departures={self.late_departures!r}, clock_skew_seconds={self.clock_skew_seconds!r})"


@mypyc_attr(acyclic=True)
@final
class Evidence:
    """A document that the source holds.

    Attributes:
        type: For example boarding_pass.
        reference: Where the source keeps it.

    """

    __slots__ = (
        "type",
        "reference",
    )

    def __init__(
        self,
        type: str,
        reference: str,
    ) -> None:
        self.type: Final[str] = type
        self.reference: Final[str] = reference

    def __repr__(self) -> str:
        """Show every field."""
        return f"Evidence(type={self.type!r}, reference={self.reference!r})"


@mypyc_attr(acyclic=True)
@final
class Action:
    """What a source system says happened or asks for. Contract §1; the last two kinds: docs/corrections.md. Everything before entered_at is the action's content; fields of later versions go to the end, with a default.

    Attributes:
        action_id: Chosen by the source, the same when sent again.
        kind: What happened.
        system: The application that acted.
        office_type: Kind of the acting office.
        office_code: The acting office; its zone gives the offset of the instants.
        officer: Opaque.
        occurred_at: When it was true, UTC.
        occurred_offset_minutes: Local reading of occurred_at, minutes east of UTC.
        registration_id: Opaque, of the system that issued it.
        person_id: Random; never derived from a national ID number.
        scheme: Placement scheme.
        agency_id: P3MI.
        destination: ISO 3166-1 alpha-2.
        position: Position of the candidate.
        sex: Sex of the candidate.
        permit_id: SIP2MI, opaque.
        line: Line of the permit, from 1.
        valid_from: First day of validity, WIB.
        valid_to: Last day of validity, WIB, inclusive.
        lines: Lines of an issued permit.
        units: Units raised or lowered, from 1.
        policy: The policy adopted.
        reason: Why; free of personal data.
        second_officer: The other of two officers.
        candidate_id: ID CPMI, opaque.
        reference: Reference to a biometric record; never a template.
        training_id: Opaque.
        provider_id: LPK or BLKLN, opaque.
        provider_type: Kind of the training provider.
        complaint_id: Opaque.
        topic: What a complaint is about.
        channel: How a complaint came in.
        evidence: What the source holds to prove it.
        entered_at: When the source's officer entered it, UTC. Not content.
        entered_offset_minutes: Local reading of entered_at, minutes east of UTC. Not content.
        sealed: Sealed personal fields as a JSON object, opaque to the ledger. Not content.

    """

    __slots__ = (
        "action_id",
        "kind",
        "system",
        "office_type",
        "office_code",
        "officer",
        "occurred_at",
        "occurred_offset_minutes",
        "registration_id",
        "person_id",
        "scheme",
        "agency_id",
        "destination",
        "position",
        "sex",
        "permit_id",
        "line",
        "valid_from",
        "valid_to",
        "lines",
        "units",
        "policy",
        "reason",
        "second_officer",
        "candidate_id",
        "reference",
        "training_id",
        "provider_id",
        "provider_type",
        "complaint_id",
        "topic",
        "channel",
        "evidence",
        "entered_at",
        "entered_offset_minutes",
        "sealed",
    )

    def __init__(
        self,
        action_id: bytes,
        kind: str,
        system: str,
        office_type: str,
        office_code: str,
        officer: str,
        occurred_at: i64,
        occurred_offset_minutes: i64,
        registration_id: str | None,
        person_id: str | None,
        scheme: str | None,
        agency_id: str | None,
        destination: str | None,
        position: str | None,
        sex: str | None,
        permit_id: str | None,
        line: int | None,
        valid_from: int | None,
        valid_to: int | None,
        lines: list[PermitLine],
        units: int | None,
        policy: Policy | None,
        reason: str | None,
        second_officer: str | None,
        candidate_id: str | None,
        reference: str | None,
        training_id: str | None,
        provider_id: str | None,
        provider_type: str | None,
        complaint_id: str | None,
        topic: str | None,
        channel: str | None,
        evidence: list[Evidence],
        entered_at: i64,
        entered_offset_minutes: i64,
        sealed: str | None,
    ) -> None:
        self.action_id: Final[bytes] = action_id
        self.kind: Final[str] = kind
        self.system: Final[str] = system
        self.office_type: Final[str] = office_type
        self.office_code: Final[str] = office_code
        self.officer: Final[str] = officer
        self.occurred_at: Final[i64] = occurred_at
        self.occurred_offset_minutes: Final[i64] = occurred_offset_minutes
        self.registration_id: Final[str | None] = registration_id
        self.person_id: Final[str | None] = person_id
        self.scheme: Final[str | None] = scheme
        self.agency_id: Final[str | None] = agency_id
        self.destination: Final[str | None] = destination
        self.position: Final[str | None] = position
        self.sex: Final[str | None] = sex
        self.permit_id: Final[str | None] = permit_id
        self.line: Final[int | None] = line
        self.valid_from: Final[int | None] = valid_from
        self.valid_to: Final[int | None] = valid_to
        self.lines: Final[list[PermitLine]] = lines
        self.units: Final[int | None] = units
        self.policy: Final[Policy | None] = policy
        self.reason: Final[str | None] = reason
        self.second_officer: Final[str | None] = second_officer
        self.candidate_id: Final[str | None] = candidate_id
        self.reference: Final[str | None] = reference
        self.training_id: Final[str | None] = training_id
        self.provider_id: Final[str | None] = provider_id
        self.provider_type: Final[str | None] = provider_type
        self.complaint_id: Final[str | None] = complaint_id
        self.topic: Final[str | None] = topic
        self.channel: Final[str | None] = channel
        self.evidence: Final[list[Evidence]] = evidence
        self.entered_at: Final[i64] = entered_at
        self.entered_offset_minutes: Final[i64] = entered_offset_minutes
        self.sealed: Final[str | None] = sealed

    def __repr__(self) -> str:
        """Show every field."""
        return f"Action(action_id={self.action_id!r}, kind={self.kind!r}, system={self.system!r}, office_type={self.office_type!r}, office_code={self.office_code!r}, officer={self.officer!r}, occurred_at={self.occurred_at!r}, occurred_offset_minutes={self.occurred_offset_minutes!r}, registration_id={self.registration_id!r}, person_id={self.person_id!r}, scheme={self.scheme!r}, agency_id={self.agency_id!r}, destination={self.destination!r}, position={self.position!r}, sex={self.sex!r}, permit_id={self.permit_id!r}, line={self.line!r}, valid_from={self.valid_from!r}, valid_to={self.valid_to!r}, lines={self.lines!r}, units={self.units!r}, policy={self.policy!r}, reason={self.reason!r}, second_officer={self.second_officer!r}, candidate_id={self.candidate_id!r}, reference={self.reference!r}, training_id={self.training_id!r}, provider_id={self.provider_id!r}, provider_type={self.provider_type!r}, complaint_id={self.complaint_id!r}, topic={self.topic!r}, channel={self.channel!r}, evidence={self.evidence!r}, entered_at={self.entered_at!r}, entered_offset_minutes={self.entered_offset_minutes!r}, sealed={self.sealed!r})"


@mypyc_attr(acyclic=True)
@final
class Unit:
    """A unit and its line.

    Attributes:
        permit_id: Permit that held it.
        line: Line that held it.
        state: held, departed, returned, restored, forfeited or released.

    """

    __slots__ = (
        "permit_id",
        "line",
        "state",
    )

    def __init__(
        self,
        permit_id: str,
        line: i64,
        state: str,
    ) -> None:
        self.permit_id: Final[str] = permit_id
        self.line: Final[i64] = line
        self.state: Final[str] = state

    def __repr__(self) -> str:
        """Show every field."""
        return f"Unit(permit_id={self.permit_id!r}, line={self.line!r}, state={self.state!r})"


@mypyc_attr(acyclic=True)
@final
class Stage:
    """A stage that was passed.

    Attributes:
        at: occurred_at of the action, UTC.
        offset_minutes: Its local reading.
        seq: The decision; gives the order of the stages.

    """

    __slots__ = (
        "at",
        "offset_minutes",
        "seq",
    )

    def __init__(
        self,
        at: i64,
        offset_minutes: i64,
        seq: i64,
    ) -> None:
        self.at: Final[i64] = at
        self.offset_minutes: Final[i64] = offset_minutes
        self.seq: Final[i64] = seq

    def __repr__(self) -> str:
        """Show every field."""
        return f"Stage(at={self.at!r}, offset_minutes={self.offset_minutes!r}, seq={self.seq!r})"


@mypyc_attr(acyclic=True)
@final
class Registration:
    """One registration of one person.

    Attributes:
        registration_id: Opaque.
        person_id: Random.
        system: System that it was made in.
        scheme: Placement scheme.
        agency_id: Under P_TO_P.
        destination: ISO 3166-1 alpha-2.
        position: Position.
        sex: F or M.
        status: open, departed, cancelled, reregistered or voided.
        reregistered_as: The registration that took its place.
        reregistered_from: The registration whose place it took.
        unit: The unit that it took, and what became of it.
        registered: The stages: when each was passed.
        documents_verified: [L2a]
        candidate_id_issued: [L2a]
        agreement_signed: [L2a]
        documents_fulfilled: [L2b]
        orientation_completed: [L2b]
        biometrics_registered: [L2b]
        departed: [L2b]

    """

    __slots__ = (
        "registration_id",
        "person_id",
        "system",
        "scheme",
        "agency_id",
        "destination",
        "position",
        "sex",
        "status",
        "reregistered_as",
        "reregistered_from",
        "unit",
        "registered",
        "documents_verified",
        "candidate_id_issued",
        "agreement_signed",
        "documents_fulfilled",
        "orientation_completed",
        "biometrics_registered",
        "departed",
    )

    def __init__(
        self,
        registration_id: str,
        person_id: str,
        system: str,
        scheme: str,
        agency_id: str | None,
        destination: str,
        position: str,
        sex: str,
        status: str,
        reregistered_as: str | None,
        reregistered_from: str | None,
        unit: Unit | None,
        registered: Stage,
        documents_verified: Stage | None,
        candidate_id_issued: Stage | None,
        agreement_signed: Stage | None,
        documents_fulfilled: Stage | None,
        orientation_completed: Stage | None,
        biometrics_registered: Stage | None,
        departed: Stage | None,
    ) -> None:
        self.registration_id: Final[str] = registration_id
        self.person_id: Final[str] = person_id
        self.system: Final[str] = system
        self.scheme: Final[str] = scheme
        self.agency_id: Final[str | None] = agency_id
        self.destination: Final[str] = destination
        self.position: Final[str] = position
        self.sex: Final[str] = sex
        self.status: Final[str] = status
        self.reregistered_as: Final[str | None] = reregistered_as
        self.reregistered_from: Final[str | None] = reregistered_from
        self.unit: Final[Unit | None] = unit
        self.registered: Final[Stage] = registered
        self.documents_verified: Final[Stage | None] = documents_verified
        self.candidate_id_issued: Final[Stage | None] = candidate_id_issued
        self.agreement_signed: Final[Stage | None] = agreement_signed
        self.documents_fulfilled: Final[Stage | None] = documents_fulfilled
        self.orientation_completed: Final[Stage | None] = orientation_completed
        self.biometrics_registered: Final[Stage | None] = biometrics_registered
        self.departed: Final[Stage | None] = departed

    def __repr__(self) -> str:
        """Show every field."""
        return f"Registration(registration_id={self.registration_id!r}, person_id={self.person_id!r}, system={self.system!r}, scheme={self.scheme!r}, agency_id={self.agency_id!r}, destination={self.destination!r}, position={self.position!r}, sex={self.sex!r}, status={self.status!r}, reregistered_as={self.reregistered_as!r}, reregistered_from={self.reregistered_from!r}, unit={self.unit!r}, registered={self.registered!r}, documents_verified={self.documents_verified!r}, candidate_id_issued={self.candidate_id_issued!r}, agreement_signed={self.agreement_signed!r}, documents_fulfilled={self.documents_fulfilled!r}, orientation_completed={self.orientation_completed!r}, biometrics_registered={self.biometrics_registered!r}, departed={self.departed!r})"


@mypyc_attr(acyclic=True)
@final
class Posting:
    """Whole units from one account of a line to another, and the line after it.

    Attributes:
        permit_id: Permit.
        line: Line.
        from_account: granted, available, reserved, departed or forfeited.
        to_account: The same.
        units: Units moved, from 1.
        granted: After this posting.
        available: After this posting.
        reserved: After this posting.
        departed: After this posting.
        forfeited: After this posting.

    """

    __slots__ = (
        "permit_id",
        "line",
        "from_account",
        "to_account",
        "units",
        "granted",
        "available",
        "reserved",
        "departed",
        "forfeited",
    )

    def __init__(
        self,
        permit_id: str,
        line: i64,
        from_account: str,
        to_account: str,
        units: i64,
        granted: i64,
        available: i64,
        reserved: i64,
        departed: i64,
        forfeited: i64,
    ) -> None:
        self.permit_id: Final[str] = permit_id
        self.line: Final[i64] = line
        self.from_account: Final[str] = from_account
        self.to_account: Final[str] = to_account
        self.units: Final[i64] = units
        self.granted: Final[i64] = granted
        self.available: Final[i64] = available
        self.reserved: Final[i64] = reserved
        self.departed: Final[i64] = departed
        self.forfeited: Final[i64] = forfeited

    def __repr__(self) -> str:
        """Show every field."""
        return f"Posting(permit_id={self.permit_id!r}, line={self.line!r}, from_account={self.from_account!r}, to_account={self.to_account!r}, units={self.units!r}, granted={self.granted!r}, available={self.available!r}, reserved={self.reserved!r}, departed={self.departed!r}, forfeited={self.forfeited!r})"


@mypyc_attr(acyclic=True)
@final
class Permit:
    """A recruitment permit, SIP2MI.

    Attributes:
        permit_id: Opaque.
        agency_id: Its holder; cannot be transferred.
        destination: Its one country.
        valid_from: First day, WIB.
        valid_to: Last day, WIB, inclusive.
        revoked: By the last decision.
        lines: Its lines, units as granted now.

    """

    __slots__ = (
        "permit_id",
        "agency_id",
        "destination",
        "valid_from",
        "valid_to",
        "revoked",
        "lines",
    )

    def __init__(
        self,
        permit_id: str,
        agency_id: str,
        destination: str,
        valid_from: i64,
        valid_to: i64,
        revoked: bool,
        lines: list[PermitLine],
    ) -> None:
        self.permit_id: Final[str] = permit_id
        self.agency_id: Final[str] = agency_id
        self.destination: Final[str] = destination
        self.valid_from: Final[i64] = valid_from
        self.valid_to: Final[i64] = valid_to
        self.revoked: Final[bool] = revoked
        self.lines: Final[list[PermitLine]] = lines

    def __repr__(self) -> str:
        """Show every field."""
        return f"Permit(permit_id={self.permit_id!r}, agency_id={self.agency_id!r}, destination={self.destination!r}, valid_from={self.valid_from!r}, valid_to={self.valid_to!r}, revoked={self.revoked!r}, lines={self.lines!r})"


@mypyc_attr(acyclic=True)
@final
class Agency:
    """A placement company, P3MI.

    Attributes:
        agency_id: Opaque.
        status: active or suspended.

    """

    __slots__ = (
        "agency_id",
        "status",
    )

    def __init__(
        self,
        agency_id: str,
        status: str,
    ) -> None:
        self.agency_id: Final[str] = agency_id
        self.status: Final[str] = status

    def __repr__(self) -> str:
        """Show every field."""
        return f"Agency(agency_id={self.agency_id!r}, status={self.status!r})"


@mypyc_attr(acyclic=True)
@final
class Destination:
    """A country.

    Attributes:
        destination: ISO 3166-1 alpha-2.
        status: open or closed.

    """

    __slots__ = (
        "destination",
        "status",
    )

    def __init__(
        self,
        destination: str,
        status: str,
    ) -> None:
        self.destination: Final[str] = destination
        self.status: Final[str] = status

    def __repr__(self) -> str:
        """Show every field."""
        return f"Destination(destination={self.destination!r}, status={self.status!r})"


@mypyc_attr(acyclic=True)
@final
class Person:
    """A person in an identity dispute, or out of it.

    Attributes:
        person_id: Random.
        held: Whether every action on the person is barred.

    """

    __slots__ = (
        "person_id",
        "held",
    )

    def __init__(
        self,
        person_id: str,
        held: bool,
    ) -> None:
        self.person_id: Final[str] = person_id
        self.held: Final[bool] = held

    def __repr__(self) -> str:
        """Show every field."""
        return f"Person(person_id={self.person_id!r}, held={self.held!r})"


@mypyc_attr(acyclic=True)
@final
class Training:
    """A training service [L5].

    Attributes:
        training_id: Opaque.
        person_id: Random.
        provider_id: Opaque.
        provider_type: LPK, BLKLN or OTHER.
        status: requested or completed.

    """

    __slots__ = (
        "training_id",
        "person_id",
        "provider_id",
        "provider_type",
        "status",
    )

    def __init__(
        self,
        training_id: str,
        person_id: str,
        provider_id: str,
        provider_type: str,
        status: str,
    ) -> None:
        self.training_id: Final[str] = training_id
        self.person_id: Final[str] = person_id
        self.provider_id: Final[str] = provider_id
        self.provider_type: Final[str] = provider_type
        self.status: Final[str] = status

    def __repr__(self) -> str:
        """Show every field."""
        return f"Training(training_id={self.training_id!r}, person_id={self.person_id!r}, provider_id={self.provider_id!r}, provider_type={self.provider_type!r}, status={self.status!r})"


@mypyc_attr(acyclic=True)
@final
class Complaint:
    """A complaint [L6].

    Attributes:
        complaint_id: Opaque.
        topic: What it is about.
        channel: How it came in.
        registration_id: As the source gave it, unchecked.
        status: received or answered.

    """

    __slots__ = (
        "complaint_id",
        "topic",
        "channel",
        "registration_id",
        "status",
    )

    def __init__(
        self,
        complaint_id: str,
        topic: str,
        channel: str,
        registration_id: str | None,
        status: str,
    ) -> None:
        self.complaint_id: Final[str] = complaint_id
        self.topic: Final[str] = topic
        self.channel: Final[str] = channel
        self.registration_id: Final[str | None] = registration_id
        self.status: Final[str] = status

    def __repr__(self) -> str:
        """Show every field."""
        return f"Complaint(complaint_id={self.complaint_id!r}, topic={self.topic!r}, channel={self.channel!r}, registration_id={self.registration_id!r}, status={self.status!r})"


@mypyc_attr(acyclic=True)
@final
class Decision:
    """What the ledger makes of one action: accepted with the state it leads to, or not, and why. Contract §2. Names are strings and not enums so that columnar engines read the nested lists as they are.

    Attributes:
        seq: Number in the journal, from 0, without gaps.
        previous_sha256: SHA-256 of the Avro bytes of the decision before; zeros at seq 0.
        action_offset: Offset of the action on its topic.
        action_sha256: SHA-256 of the action's Avro bytes; of the whole record where it is unreadable.
        outcome: ACCEPTED, REFUSED, DUPLICATE or UNREADABLE.
        code: Why refused: one of the contract's §3.
        first_seq: Of a duplicate: the decision on the same action.
        policy: Version of the policy that judged.
        late: A departure before the closure, entered at or after it.
        recorded_at: The broker's append time of the action, UTC.
        recorded_offset_minutes: 0 but where there was no broker and entered_at stands in.
        action_id: Null where unreadable, as all that follows up to content_digest.
        kind: Kind of the action.
        system: System that acted.
        office_type: Type of the office that acted.
        office_code: Office that acted.
        officer: Officer who acted, opaque.
        occurred_at: When it was true, UTC.
        occurred_offset_minutes: Local reading of occurred_at.
        entered_at: When it was known to the source, UTC.
        entered_offset_minutes: Local reading of entered_at.
        registration_id: Registration that the action names, also where refused.
        person_id: Person that the action names, also where refused.
        permit_id: Permit that the action names, also where refused.
        content_digest: First half of the SHA-256 of the action's content: the journal alone tells a repeated action from a reused id.
        registrations: Each registration that changed, as it stands after.
        postings: Movements of units, in order.
        permits: Each permit that changed, as it stands after.
        agencies: Each agency that changed.
        destinations: Each destination that changed.
        people: Each person whose hold changed.
        trainings: Each training that changed.
        complaints: Each complaint that changed.
        policies: The policy adopted.

    """

    __slots__ = (
        "seq",
        "previous_sha256",
        "action_offset",
        "action_sha256",
        "outcome",
        "code",
        "first_seq",
        "policy",
        "late",
        "recorded_at",
        "recorded_offset_minutes",
        "action_id",
        "kind",
        "system",
        "office_type",
        "office_code",
        "officer",
        "occurred_at",
        "occurred_offset_minutes",
        "entered_at",
        "entered_offset_minutes",
        "registration_id",
        "person_id",
        "permit_id",
        "content_digest",
        "registrations",
        "postings",
        "permits",
        "agencies",
        "destinations",
        "people",
        "trainings",
        "complaints",
        "policies",
    )

    def __init__(
        self,
        seq: i64,
        previous_sha256: bytes,
        action_offset: i64,
        action_sha256: bytes,
        outcome: str,
        code: str | None,
        first_seq: int | None,
        policy: str,
        late: bool,
        recorded_at: int | None,
        recorded_offset_minutes: i64,
        action_id: bytes | None,
        kind: str | None,
        system: str | None,
        office_type: str | None,
        office_code: str | None,
        officer: str | None,
        occurred_at: int | None,
        occurred_offset_minutes: int | None,
        entered_at: int | None,
        entered_offset_minutes: int | None,
        registration_id: str | None,
        person_id: str | None,
        permit_id: str | None,
        content_digest: bytes | None,
        registrations: list[Registration],
        postings: list[Posting],
        permits: list[Permit],
        agencies: list[Agency],
        destinations: list[Destination],
        people: list[Person],
        trainings: list[Training],
        complaints: list[Complaint],
        policies: list[Policy],
    ) -> None:
        self.seq: Final[i64] = seq
        self.previous_sha256: Final[bytes] = previous_sha256
        self.action_offset: Final[i64] = action_offset
        self.action_sha256: Final[bytes] = action_sha256
        self.outcome: Final[str] = outcome
        self.code: Final[str | None] = code
        self.first_seq: Final[int | None] = first_seq
        self.policy: Final[str] = policy
        self.late: Final[bool] = late
        self.recorded_at: Final[int | None] = recorded_at
        self.recorded_offset_minutes: Final[i64] = recorded_offset_minutes
        self.action_id: Final[bytes | None] = action_id
        self.kind: Final[str | None] = kind
        self.system: Final[str | None] = system
        self.office_type: Final[str | None] = office_type
        self.office_code: Final[str | None] = office_code
        self.officer: Final[str | None] = officer
        self.occurred_at: Final[int | None] = occurred_at
        self.occurred_offset_minutes: Final[int | None] = occurred_offset_minutes
        self.entered_at: Final[int | None] = entered_at
        self.entered_offset_minutes: Final[int | None] = entered_offset_minutes
        self.registration_id: Final[str | None] = registration_id
        self.person_id: Final[str | None] = person_id
        self.permit_id: Final[str | None] = permit_id
        self.content_digest: Final[bytes | None] = content_digest
        self.registrations: Final[list[Registration]] = registrations
        self.postings: Final[list[Posting]] = postings
        self.permits: Final[list[Permit]] = permits
        self.agencies: Final[list[Agency]] = agencies
        self.destinations: Final[list[Destination]] = destinations
        self.people: Final[list[Person]] = people
        self.trainings: Final[list[Training]] = trainings
        self.complaints: Final[list[Complaint]] = complaints
        self.policies: Final[list[Policy]] = policies

    def __repr__(self) -> str:
        """Show every field."""
        return f"Decision(seq={self.seq!r}, previous_sha256={self.previous_sha256!r}, action_offset={self.action_offset!r}, action_sha256={self.action_sha256!r}, outcome={self.outcome!r}, code={self.code!r}, first_seq={self.first_seq!r}, policy={self.policy!r}, late={self.late!r}, recorded_at={self.recorded_at!r}, recorded_offset_minutes={self.recorded_offset_minutes!r}, action_id={self.action_id!r}, kind={self.kind!r}, system={self.system!r}, office_type={self.office_type!r}, office_code={self.office_code!r}, officer={self.officer!r}, occurred_at={self.occurred_at!r}, occurred_offset_minutes={self.occurred_offset_minutes!r}, entered_at={self.entered_at!r}, entered_offset_minutes={self.entered_offset_minutes!r}, registration_id={self.registration_id!r}, person_id={self.person_id!r}, permit_id={self.permit_id!r}, content_digest={self.content_digest!r}, registrations={self.registrations!r}, postings={self.postings!r}, permits={self.permits!r}, agencies={self.agencies!r}, destinations={self.destinations!r}, people={self.people!r}, trainings={self.trainings!r}, complaints={self.complaints!r}, policies={self.policies!r})"
