"""Avro binary encoding of the contracts' records, one straight line of code a field.

Written by `python -m schemas.generate` from the `.avsc` files.
Do not edit: change the contract and run it again.
"""

from __future__ import annotations

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from schemas.binary import (
    ARRAY_ITEMS_MAX,
    Cursor,
    MalformedRecordError,
    read_symbol,
    write_fixed,
    write_long,
    write_string,
)
from schemas.records import (
    Action,
    Agency,
    Complaint,
    Decision,
    Destination,
    Evidence,
    Instant,
    Permit,
    PermitLine,
    Person,
    Policy,
    Posting,
    Registration,
    Stage,
    Training,
    Unit,
    UnitTakenAt,
)

# The newest version of the contracts; all from 1 on are read.
VERSION: Final[i64] = 2

KIND_SYMBOLS: Final = [
    "unrecognised",
    "agency_licensed",
    "agency_suspended",
    "agency_reinstated",
    "destination_closed",
    "destination_opened",
    "permit_issued",
    "permit_extended",
    "permit_revoked",
    "permit_reinstated",
    "quota_raised",
    "quota_lowered",
    "policy_adopted",
    "person_held",
    "person_released",
    "unit_released",
    "registered",
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
    "departed",
    "cancelled",
    "training_requested",
    "training_completed",
    "complaint_received",
    "complaint_answered",
    "registration_reassigned",
    "person_erased",
]
KIND_NUMBERS: Final = {symbol: number for number, symbol in enumerate(KIND_SYMBOLS)}

SYSTEM_SYMBOLS: Final = [
    "unrecognised",
    "SISKOTKLN",
    "SIAPKERJA",
    "SISKOP2MI",
    "BP2MI",
]
SYSTEM_NUMBERS: Final = {symbol: number for number, symbol in enumerate(SYSTEM_SYMBOLS)}

OFFICETYPE_SYMBOLS: Final = [
    "unrecognised",
    "LTSA",
    "DINAS",
    "BP3MI",
    "HQ",
]
OFFICETYPE_NUMBERS: Final = {symbol: number for number, symbol in enumerate(OFFICETYPE_SYMBOLS)}

SCHEME_SYMBOLS: Final = [
    "unrecognised",
    "P_TO_P",
    "G_TO_G",
    "G_TO_P",
    "UKPS",
    "INDIVIDUAL",
]
SCHEME_NUMBERS: Final = {symbol: number for number, symbol in enumerate(SCHEME_SYMBOLS)}

SEX_SYMBOLS: Final = [
    "unrecognised",
    "F",
    "M",
    "ANY",
]
SEX_NUMBERS: Final = {symbol: number for number, symbol in enumerate(SEX_SYMBOLS)}

PROVIDERTYPE_SYMBOLS: Final = [
    "unrecognised",
    "LPK",
    "BLKLN",
    "OTHER",
]
PROVIDERTYPE_NUMBERS: Final = {symbol: number for number, symbol in enumerate(PROVIDERTYPE_SYMBOLS)}

# Read for every array that is empty, so nothing may ever be added to one of these.
NO_AGENCY: Final[list[Agency]] = []
NO_COMPLAINT: Final[list[Complaint]] = []
NO_DESTINATION: Final[list[Destination]] = []
NO_EVIDENCE: Final[list[Evidence]] = []
NO_PERMIT: Final[list[Permit]] = []
NO_PERMITLINE: Final[list[PermitLine]] = []
NO_PERSON: Final[list[Person]] = []
NO_POLICY: Final[list[Policy]] = []
NO_POSTING: Final[list[Posting]] = []
NO_REGISTRATION: Final[list[Registration]] = []
NO_STRING: Final[list[str]] = []
NO_TRAINING: Final[list[Training]] = []


def read_permitline(c: Cursor) -> PermitLine:
    """Read a PermitLine."""
    f_line: i64 = c.long()
    f_position: str = c.string()
    f_sex: str = c.string()
    f_units: i64 = c.long()
    return PermitLine(
        f_line,
        f_position,
        f_sex,
        f_units,
    )


def write_permitline(out: BytesWriter, r: PermitLine) -> None:
    """Write a PermitLine."""
    write_long(out, r.line)
    write_string(out, r.position)
    write_string(out, r.sex)
    write_long(out, r.units)


def read_instant(c: Cursor) -> Instant:
    """Read a Instant."""
    f_at: i64 = c.long()
    f_offset_minutes: i64 = c.long()
    return Instant(
        f_at,
        f_offset_minutes,
    )


def write_instant(out: BytesWriter, r: Instant) -> None:
    """Write a Instant."""
    write_long(out, r.at)
    write_long(out, r.offset_minutes)


def read_unittakenat(c: Cursor) -> UnitTakenAt:
    """Read a UnitTakenAt."""
    f_SISKOTKLN: str = c.string()
    f_SIAPKERJA: str = c.string()
    return UnitTakenAt(
        f_SISKOTKLN,
        f_SIAPKERJA,
    )


def write_unittakenat(out: BytesWriter, r: UnitTakenAt) -> None:
    """Write a UnitTakenAt."""
    write_string(out, r.SISKOTKLN)
    write_string(out, r.SIAPKERJA)


def read_policy(c: Cursor) -> Policy:
    """Read a Policy."""
    f_version: str = c.string()
    f_registration_limit: Instant = read_instant(c)
    f_closure: Instant = read_instant(c)
    f_unit_taken_at: UnitTakenAt = read_unittakenat(c)
    f_biometrics_not_required: list[str] = NO_STRING
    count_f_biometrics_not_required: i64 = c.block()
    if count_f_biometrics_not_required != 0:
        f_biometrics_not_required = []
    blocks_f_biometrics_not_required: i64 = 0
    while count_f_biometrics_not_required != 0:
        blocks_f_biometrics_not_required += 1
        while count_f_biometrics_not_required > 0:
            f_biometrics_not_required.append(c.string())
            if len(f_biometrics_not_required) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_biometrics_not_required -= 1
        count_f_biometrics_not_required = c.block()
    if blocks_f_biometrics_not_required > 1:
        c.canonical = False
    f_agreement_not_required: list[str] = NO_STRING
    count_f_agreement_not_required: i64 = c.block()
    if count_f_agreement_not_required != 0:
        f_agreement_not_required = []
    blocks_f_agreement_not_required: i64 = 0
    while count_f_agreement_not_required != 0:
        blocks_f_agreement_not_required += 1
        while count_f_agreement_not_required > 0:
            f_agreement_not_required.append(c.string())
            if len(f_agreement_not_required) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_agreement_not_required -= 1
        count_f_agreement_not_required = c.block()
    if blocks_f_agreement_not_required > 1:
        c.canonical = False
    f_restore_if_valid_at: str = c.string()
    f_restoration: bool = c.boolean()
    f_late_departures: bool = c.boolean()
    f_clock_skew_seconds: i64 = c.long()
    return Policy(
        f_version,
        f_registration_limit,
        f_closure,
        f_unit_taken_at,
        f_biometrics_not_required,
        f_agreement_not_required,
        f_restore_if_valid_at,
        f_restoration,
        f_late_departures,
        f_clock_skew_seconds,
    )


def write_policy(out: BytesWriter, r: Policy) -> None:
    """Write a Policy."""
    write_string(out, r.version)
    write_instant(out, r.registration_limit)
    write_instant(out, r.closure)
    write_unittakenat(out, r.unit_taken_at)
    v_biometrics_not_required = r.biometrics_not_required
    if v_biometrics_not_required:
        write_long(out, len(v_biometrics_not_required))
        for item_v_biometrics_not_required in v_biometrics_not_required:
            write_string(out, item_v_biometrics_not_required)
    out.append(0)
    v_agreement_not_required = r.agreement_not_required
    if v_agreement_not_required:
        write_long(out, len(v_agreement_not_required))
        for item_v_agreement_not_required in v_agreement_not_required:
            write_string(out, item_v_agreement_not_required)
    out.append(0)
    write_string(out, r.restore_if_valid_at)
    out.append(1 if r.restoration else 0)
    out.append(1 if r.late_departures else 0)
    write_long(out, r.clock_skew_seconds)


def read_evidence(c: Cursor) -> Evidence:
    """Read a Evidence."""
    f_type: str = c.string()
    f_reference: str = c.string()
    return Evidence(
        f_type,
        f_reference,
    )


def write_evidence(out: BytesWriter, r: Evidence) -> None:
    """Write a Evidence."""
    write_string(out, r.type)
    write_string(out, r.reference)


def read_action(c: Cursor) -> Action:
    """Read a Action."""
    f_action_id: bytes = c.raw(16)
    f_kind: str = read_symbol(c, KIND_SYMBOLS, 29 if c.version < 2 else 31)
    f_system: str = read_symbol(c, SYSTEM_SYMBOLS, 5)
    f_office_type: str = read_symbol(c, OFFICETYPE_SYMBOLS, 5)
    f_office_code: str = c.string()
    f_officer: str = c.string()
    f_occurred_at: i64 = c.long()
    f_occurred_offset_minutes: i64 = c.long()
    f_registration_id: str | None = None
    if c.present():
        f_registration_id = c.string()
    f_person_id: str | None = None
    if c.present():
        f_person_id = c.string()
    f_scheme: str | None = None
    if c.present():
        f_scheme = read_symbol(c, SCHEME_SYMBOLS, 6)
    f_agency_id: str | None = None
    if c.present():
        f_agency_id = c.string()
    f_destination: str | None = None
    if c.present():
        f_destination = c.string()
    f_position: str | None = None
    if c.present():
        f_position = c.string()
    f_sex: str | None = None
    if c.present():
        f_sex = read_symbol(c, SEX_SYMBOLS, 4)
    f_permit_id: str | None = None
    if c.present():
        f_permit_id = c.string()
    f_line: int | None = None
    if c.present():
        f_line = c.long()
    f_valid_from: int | None = None
    if c.present():
        f_valid_from = c.long()
    f_valid_to: int | None = None
    if c.present():
        f_valid_to = c.long()
    f_lines: list[PermitLine] = NO_PERMITLINE
    count_f_lines: i64 = c.block()
    if count_f_lines != 0:
        f_lines = []
    blocks_f_lines: i64 = 0
    while count_f_lines != 0:
        blocks_f_lines += 1
        while count_f_lines > 0:
            f_lines.append(read_permitline(c))
            if len(f_lines) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_lines -= 1
        count_f_lines = c.block()
    if blocks_f_lines > 1:
        c.canonical = False
    f_units: int | None = None
    if c.present():
        f_units = c.long()
    f_policy: Policy | None = None
    if c.present():
        f_policy = read_policy(c)
    f_reason: str | None = None
    if c.present():
        f_reason = c.string()
    f_second_officer: str | None = None
    if c.present():
        f_second_officer = c.string()
    f_candidate_id: str | None = None
    if c.present():
        f_candidate_id = c.string()
    f_reference: str | None = None
    if c.present():
        f_reference = c.string()
    f_training_id: str | None = None
    if c.present():
        f_training_id = c.string()
    f_provider_id: str | None = None
    if c.present():
        f_provider_id = c.string()
    f_provider_type: str | None = None
    if c.present():
        f_provider_type = read_symbol(c, PROVIDERTYPE_SYMBOLS, 4)
    f_complaint_id: str | None = None
    if c.present():
        f_complaint_id = c.string()
    f_topic: str | None = None
    if c.present():
        f_topic = c.string()
    f_channel: str | None = None
    if c.present():
        f_channel = c.string()
    f_evidence: list[Evidence] = NO_EVIDENCE
    count_f_evidence: i64 = c.block()
    if count_f_evidence != 0:
        f_evidence = []
    blocks_f_evidence: i64 = 0
    while count_f_evidence != 0:
        blocks_f_evidence += 1
        while count_f_evidence > 0:
            f_evidence.append(read_evidence(c))
            if len(f_evidence) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_evidence -= 1
        count_f_evidence = c.block()
    if blocks_f_evidence > 1:
        c.canonical = False
    c.content_end = c.at
    f_entered_at: i64 = c.long()
    f_entered_offset_minutes: i64 = c.long()
    f_sealed: str | None = None
    if c.present():
        f_sealed = c.string()
    return Action(
        f_action_id,
        f_kind,
        f_system,
        f_office_type,
        f_office_code,
        f_officer,
        f_occurred_at,
        f_occurred_offset_minutes,
        f_registration_id,
        f_person_id,
        f_scheme,
        f_agency_id,
        f_destination,
        f_position,
        f_sex,
        f_permit_id,
        f_line,
        f_valid_from,
        f_valid_to,
        f_lines,
        f_units,
        f_policy,
        f_reason,
        f_second_officer,
        f_candidate_id,
        f_reference,
        f_training_id,
        f_provider_id,
        f_provider_type,
        f_complaint_id,
        f_topic,
        f_channel,
        f_evidence,
        f_entered_at,
        f_entered_offset_minutes,
        f_sealed,
    )


def write_action_content(out: BytesWriter, r: Action) -> None:
    """Write the content of the Action that version 1 has: every field before entered_at."""
    write_fixed(out, r.action_id, 16)
    write_long(out, KIND_NUMBERS[r.kind])
    write_long(out, SYSTEM_NUMBERS[r.system])
    write_long(out, OFFICETYPE_NUMBERS[r.office_type])
    write_string(out, r.office_code)
    write_string(out, r.officer)
    write_long(out, r.occurred_at)
    write_long(out, r.occurred_offset_minutes)
    v_registration_id = r.registration_id
    if v_registration_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_registration_id)
    v_person_id = r.person_id
    if v_person_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_person_id)
    v_scheme = r.scheme
    if v_scheme is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, SCHEME_NUMBERS[v_scheme])
    v_agency_id = r.agency_id
    if v_agency_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_agency_id)
    v_destination = r.destination
    if v_destination is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_destination)
    v_position = r.position
    if v_position is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_position)
    v_sex = r.sex
    if v_sex is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, SEX_NUMBERS[v_sex])
    v_permit_id = r.permit_id
    if v_permit_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_permit_id)
    v_line = r.line
    if v_line is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_line)
    v_valid_from = r.valid_from
    if v_valid_from is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_valid_from)
    v_valid_to = r.valid_to
    if v_valid_to is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_valid_to)
    v_lines = r.lines
    if v_lines:
        write_long(out, len(v_lines))
        for item_v_lines in v_lines:
            write_permitline(out, item_v_lines)
    out.append(0)
    v_units = r.units
    if v_units is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_units)
    v_policy = r.policy
    if v_policy is None:
        out.append(0)
    else:
        out.append(2)
        write_policy(out, v_policy)
    v_reason = r.reason
    if v_reason is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_reason)
    v_second_officer = r.second_officer
    if v_second_officer is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_second_officer)
    v_candidate_id = r.candidate_id
    if v_candidate_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_candidate_id)
    v_reference = r.reference
    if v_reference is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_reference)
    v_training_id = r.training_id
    if v_training_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_training_id)
    v_provider_id = r.provider_id
    if v_provider_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_provider_id)
    v_provider_type = r.provider_type
    if v_provider_type is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, PROVIDERTYPE_NUMBERS[v_provider_type])
    v_complaint_id = r.complaint_id
    if v_complaint_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_complaint_id)
    v_topic = r.topic
    if v_topic is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_topic)
    v_channel = r.channel
    if v_channel is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_channel)
    v_evidence = r.evidence
    if v_evidence:
        write_long(out, len(v_evidence))
        for item_v_evidence in v_evidence:
            write_evidence(out, item_v_evidence)
    out.append(0)


def write_action_beside(out: BytesWriter, r: Action) -> None:
    """Write what stands beside the content of the Action: entered_at and what follows."""
    write_long(out, r.entered_at)
    write_long(out, r.entered_offset_minutes)
    v_sealed = r.sealed
    if v_sealed is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_sealed)


def write_action(out: BytesWriter, r: Action) -> None:
    """Write a Action."""
    write_action_content(out, r)
    write_action_beside(out, r)


def added_action_content(_r: Action) -> bytes:
    """Give what later versions add to the content of the Action; empty: all is default."""
    return b""


def read_unit(c: Cursor) -> Unit:
    """Read a Unit."""
    f_permit_id: str = c.string()
    f_line: i64 = c.long()
    f_state: str = c.string()
    return Unit(
        f_permit_id,
        f_line,
        f_state,
    )


def write_unit(out: BytesWriter, r: Unit) -> None:
    """Write a Unit."""
    write_string(out, r.permit_id)
    write_long(out, r.line)
    write_string(out, r.state)


def read_stage(c: Cursor) -> Stage:
    """Read a Stage."""
    f_at: i64 = c.long()
    f_offset_minutes: i64 = c.long()
    f_seq: i64 = c.long()
    return Stage(
        f_at,
        f_offset_minutes,
        f_seq,
    )


def write_stage(out: BytesWriter, r: Stage) -> None:
    """Write a Stage."""
    write_long(out, r.at)
    write_long(out, r.offset_minutes)
    write_long(out, r.seq)


def read_registration(c: Cursor) -> Registration:
    """Read a Registration."""
    f_registration_id: str = c.string()
    f_person_id: str = c.string()
    f_system: str = c.string()
    f_scheme: str = c.string()
    f_agency_id: str | None = None
    if c.present():
        f_agency_id = c.string()
    f_destination: str = c.string()
    f_position: str = c.string()
    f_sex: str = c.string()
    f_status: str = c.string()
    f_reregistered_as: str | None = None
    if c.present():
        f_reregistered_as = c.string()
    f_reregistered_from: str | None = None
    if c.present():
        f_reregistered_from = c.string()
    f_unit: Unit | None = None
    if c.present():
        f_unit = read_unit(c)
    f_registered: Stage = read_stage(c)
    f_documents_verified: Stage | None = None
    if c.present():
        f_documents_verified = read_stage(c)
    f_candidate_id_issued: Stage | None = None
    if c.present():
        f_candidate_id_issued = read_stage(c)
    f_agreement_signed: Stage | None = None
    if c.present():
        f_agreement_signed = read_stage(c)
    f_documents_fulfilled: Stage | None = None
    if c.present():
        f_documents_fulfilled = read_stage(c)
    f_orientation_completed: Stage | None = None
    if c.present():
        f_orientation_completed = read_stage(c)
    f_biometrics_registered: Stage | None = None
    if c.present():
        f_biometrics_registered = read_stage(c)
    f_departed: Stage | None = None
    if c.present():
        f_departed = read_stage(c)
    return Registration(
        f_registration_id,
        f_person_id,
        f_system,
        f_scheme,
        f_agency_id,
        f_destination,
        f_position,
        f_sex,
        f_status,
        f_reregistered_as,
        f_reregistered_from,
        f_unit,
        f_registered,
        f_documents_verified,
        f_candidate_id_issued,
        f_agreement_signed,
        f_documents_fulfilled,
        f_orientation_completed,
        f_biometrics_registered,
        f_departed,
    )


def write_registration(out: BytesWriter, r: Registration) -> None:
    """Write a Registration."""
    write_string(out, r.registration_id)
    write_string(out, r.person_id)
    write_string(out, r.system)
    write_string(out, r.scheme)
    v_agency_id = r.agency_id
    if v_agency_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_agency_id)
    write_string(out, r.destination)
    write_string(out, r.position)
    write_string(out, r.sex)
    write_string(out, r.status)
    v_reregistered_as = r.reregistered_as
    if v_reregistered_as is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_reregistered_as)
    v_reregistered_from = r.reregistered_from
    if v_reregistered_from is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_reregistered_from)
    v_unit = r.unit
    if v_unit is None:
        out.append(0)
    else:
        out.append(2)
        write_unit(out, v_unit)
    write_stage(out, r.registered)
    v_documents_verified = r.documents_verified
    if v_documents_verified is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_documents_verified)
    v_candidate_id_issued = r.candidate_id_issued
    if v_candidate_id_issued is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_candidate_id_issued)
    v_agreement_signed = r.agreement_signed
    if v_agreement_signed is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_agreement_signed)
    v_documents_fulfilled = r.documents_fulfilled
    if v_documents_fulfilled is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_documents_fulfilled)
    v_orientation_completed = r.orientation_completed
    if v_orientation_completed is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_orientation_completed)
    v_biometrics_registered = r.biometrics_registered
    if v_biometrics_registered is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_biometrics_registered)
    v_departed = r.departed
    if v_departed is None:
        out.append(0)
    else:
        out.append(2)
        write_stage(out, v_departed)


def read_posting(c: Cursor) -> Posting:
    """Read a Posting."""
    f_permit_id: str = c.string()
    f_line: i64 = c.long()
    f_from_account: str = c.string()
    f_to_account: str = c.string()
    f_units: i64 = c.long()
    f_granted: i64 = c.long()
    f_available: i64 = c.long()
    f_reserved: i64 = c.long()
    f_departed: i64 = c.long()
    f_forfeited: i64 = c.long()
    return Posting(
        f_permit_id,
        f_line,
        f_from_account,
        f_to_account,
        f_units,
        f_granted,
        f_available,
        f_reserved,
        f_departed,
        f_forfeited,
    )


def write_posting(out: BytesWriter, r: Posting) -> None:
    """Write a Posting."""
    write_string(out, r.permit_id)
    write_long(out, r.line)
    write_string(out, r.from_account)
    write_string(out, r.to_account)
    write_long(out, r.units)
    write_long(out, r.granted)
    write_long(out, r.available)
    write_long(out, r.reserved)
    write_long(out, r.departed)
    write_long(out, r.forfeited)


def read_permit(c: Cursor) -> Permit:
    """Read a Permit."""
    f_permit_id: str = c.string()
    f_agency_id: str = c.string()
    f_destination: str = c.string()
    f_valid_from: i64 = c.long()
    f_valid_to: i64 = c.long()
    f_revoked: bool = c.boolean()
    f_lines: list[PermitLine] = NO_PERMITLINE
    count_f_lines: i64 = c.block()
    if count_f_lines != 0:
        f_lines = []
    blocks_f_lines: i64 = 0
    while count_f_lines != 0:
        blocks_f_lines += 1
        while count_f_lines > 0:
            f_lines.append(read_permitline(c))
            if len(f_lines) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_lines -= 1
        count_f_lines = c.block()
    if blocks_f_lines > 1:
        c.canonical = False
    return Permit(
        f_permit_id,
        f_agency_id,
        f_destination,
        f_valid_from,
        f_valid_to,
        f_revoked,
        f_lines,
    )


def write_permit(out: BytesWriter, r: Permit) -> None:
    """Write a Permit."""
    write_string(out, r.permit_id)
    write_string(out, r.agency_id)
    write_string(out, r.destination)
    write_long(out, r.valid_from)
    write_long(out, r.valid_to)
    out.append(1 if r.revoked else 0)
    v_lines = r.lines
    if v_lines:
        write_long(out, len(v_lines))
        for item_v_lines in v_lines:
            write_permitline(out, item_v_lines)
    out.append(0)


def read_agency(c: Cursor) -> Agency:
    """Read a Agency."""
    f_agency_id: str = c.string()
    f_status: str = c.string()
    return Agency(
        f_agency_id,
        f_status,
    )


def write_agency(out: BytesWriter, r: Agency) -> None:
    """Write a Agency."""
    write_string(out, r.agency_id)
    write_string(out, r.status)


def read_destination(c: Cursor) -> Destination:
    """Read a Destination."""
    f_destination: str = c.string()
    f_status: str = c.string()
    return Destination(
        f_destination,
        f_status,
    )


def write_destination(out: BytesWriter, r: Destination) -> None:
    """Write a Destination."""
    write_string(out, r.destination)
    write_string(out, r.status)


def read_person(c: Cursor) -> Person:
    """Read a Person."""
    f_person_id: str = c.string()
    f_held: bool = c.boolean()
    return Person(
        f_person_id,
        f_held,
    )


def write_person(out: BytesWriter, r: Person) -> None:
    """Write a Person."""
    write_string(out, r.person_id)
    out.append(1 if r.held else 0)


def read_training(c: Cursor) -> Training:
    """Read a Training."""
    f_training_id: str = c.string()
    f_person_id: str = c.string()
    f_provider_id: str = c.string()
    f_provider_type: str = c.string()
    f_status: str = c.string()
    return Training(
        f_training_id,
        f_person_id,
        f_provider_id,
        f_provider_type,
        f_status,
    )


def write_training(out: BytesWriter, r: Training) -> None:
    """Write a Training."""
    write_string(out, r.training_id)
    write_string(out, r.person_id)
    write_string(out, r.provider_id)
    write_string(out, r.provider_type)
    write_string(out, r.status)


def read_complaint(c: Cursor) -> Complaint:
    """Read a Complaint."""
    f_complaint_id: str = c.string()
    f_topic: str = c.string()
    f_channel: str = c.string()
    f_registration_id: str | None = None
    if c.present():
        f_registration_id = c.string()
    f_status: str = c.string()
    return Complaint(
        f_complaint_id,
        f_topic,
        f_channel,
        f_registration_id,
        f_status,
    )


def write_complaint(out: BytesWriter, r: Complaint) -> None:
    """Write a Complaint."""
    write_string(out, r.complaint_id)
    write_string(out, r.topic)
    write_string(out, r.channel)
    v_registration_id = r.registration_id
    if v_registration_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_registration_id)
    write_string(out, r.status)


def read_decision(c: Cursor) -> Decision:
    """Read a Decision."""
    f_seq: i64 = c.long()
    f_previous_sha256: bytes = c.raw(32)
    f_action_offset: i64 = c.long()
    f_action_sha256: bytes = c.raw(32)
    f_outcome: str = c.string()
    f_code: str | None = None
    if c.present():
        f_code = c.string()
    f_first_seq: int | None = None
    if c.present():
        f_first_seq = c.long()
    f_policy: str = c.string()
    f_late: bool = c.boolean()
    f_recorded_at: int | None = None
    if c.present():
        f_recorded_at = c.long()
    f_recorded_offset_minutes: i64 = c.long()
    f_action_id: bytes | None = None
    if c.present():
        f_action_id = c.raw(16)
    f_kind: str | None = None
    if c.present():
        f_kind = c.string()
    f_system: str | None = None
    if c.present():
        f_system = c.string()
    f_office_type: str | None = None
    if c.present():
        f_office_type = c.string()
    f_office_code: str | None = None
    if c.present():
        f_office_code = c.string()
    f_officer: str | None = None
    if c.present():
        f_officer = c.string()
    f_occurred_at: int | None = None
    if c.present():
        f_occurred_at = c.long()
    f_occurred_offset_minutes: int | None = None
    if c.present():
        f_occurred_offset_minutes = c.long()
    f_entered_at: int | None = None
    if c.present():
        f_entered_at = c.long()
    f_entered_offset_minutes: int | None = None
    if c.present():
        f_entered_offset_minutes = c.long()
    f_registration_id: str | None = None
    if c.present():
        f_registration_id = c.string()
    f_person_id: str | None = None
    if c.present():
        f_person_id = c.string()
    f_permit_id: str | None = None
    if c.present():
        f_permit_id = c.string()
    f_content_digest: bytes | None = None
    if c.present():
        f_content_digest = c.raw(16)
    f_registrations: list[Registration] = NO_REGISTRATION
    count_f_registrations: i64 = c.block()
    if count_f_registrations != 0:
        f_registrations = []
    blocks_f_registrations: i64 = 0
    while count_f_registrations != 0:
        blocks_f_registrations += 1
        while count_f_registrations > 0:
            f_registrations.append(read_registration(c))
            if len(f_registrations) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_registrations -= 1
        count_f_registrations = c.block()
    if blocks_f_registrations > 1:
        c.canonical = False
    f_postings: list[Posting] = NO_POSTING
    count_f_postings: i64 = c.block()
    if count_f_postings != 0:
        f_postings = []
    blocks_f_postings: i64 = 0
    while count_f_postings != 0:
        blocks_f_postings += 1
        while count_f_postings > 0:
            f_postings.append(read_posting(c))
            if len(f_postings) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_postings -= 1
        count_f_postings = c.block()
    if blocks_f_postings > 1:
        c.canonical = False
    f_permits: list[Permit] = NO_PERMIT
    count_f_permits: i64 = c.block()
    if count_f_permits != 0:
        f_permits = []
    blocks_f_permits: i64 = 0
    while count_f_permits != 0:
        blocks_f_permits += 1
        while count_f_permits > 0:
            f_permits.append(read_permit(c))
            if len(f_permits) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_permits -= 1
        count_f_permits = c.block()
    if blocks_f_permits > 1:
        c.canonical = False
    f_agencies: list[Agency] = NO_AGENCY
    count_f_agencies: i64 = c.block()
    if count_f_agencies != 0:
        f_agencies = []
    blocks_f_agencies: i64 = 0
    while count_f_agencies != 0:
        blocks_f_agencies += 1
        while count_f_agencies > 0:
            f_agencies.append(read_agency(c))
            if len(f_agencies) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_agencies -= 1
        count_f_agencies = c.block()
    if blocks_f_agencies > 1:
        c.canonical = False
    f_destinations: list[Destination] = NO_DESTINATION
    count_f_destinations: i64 = c.block()
    if count_f_destinations != 0:
        f_destinations = []
    blocks_f_destinations: i64 = 0
    while count_f_destinations != 0:
        blocks_f_destinations += 1
        while count_f_destinations > 0:
            f_destinations.append(read_destination(c))
            if len(f_destinations) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_destinations -= 1
        count_f_destinations = c.block()
    if blocks_f_destinations > 1:
        c.canonical = False
    f_people: list[Person] = NO_PERSON
    count_f_people: i64 = c.block()
    if count_f_people != 0:
        f_people = []
    blocks_f_people: i64 = 0
    while count_f_people != 0:
        blocks_f_people += 1
        while count_f_people > 0:
            f_people.append(read_person(c))
            if len(f_people) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_people -= 1
        count_f_people = c.block()
    if blocks_f_people > 1:
        c.canonical = False
    f_trainings: list[Training] = NO_TRAINING
    count_f_trainings: i64 = c.block()
    if count_f_trainings != 0:
        f_trainings = []
    blocks_f_trainings: i64 = 0
    while count_f_trainings != 0:
        blocks_f_trainings += 1
        while count_f_trainings > 0:
            f_trainings.append(read_training(c))
            if len(f_trainings) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_trainings -= 1
        count_f_trainings = c.block()
    if blocks_f_trainings > 1:
        c.canonical = False
    f_complaints: list[Complaint] = NO_COMPLAINT
    count_f_complaints: i64 = c.block()
    if count_f_complaints != 0:
        f_complaints = []
    blocks_f_complaints: i64 = 0
    while count_f_complaints != 0:
        blocks_f_complaints += 1
        while count_f_complaints > 0:
            f_complaints.append(read_complaint(c))
            if len(f_complaints) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_complaints -= 1
        count_f_complaints = c.block()
    if blocks_f_complaints > 1:
        c.canonical = False
    f_policies: list[Policy] = NO_POLICY
    count_f_policies: i64 = c.block()
    if count_f_policies != 0:
        f_policies = []
    blocks_f_policies: i64 = 0
    while count_f_policies != 0:
        blocks_f_policies += 1
        while count_f_policies > 0:
            f_policies.append(read_policy(c))
            if len(f_policies) > ARRAY_ITEMS_MAX:
                raise MalformedRecordError(f"an array goes on at byte {c.at}")
            count_f_policies -= 1
        count_f_policies = c.block()
    if blocks_f_policies > 1:
        c.canonical = False
    return Decision(
        f_seq,
        f_previous_sha256,
        f_action_offset,
        f_action_sha256,
        f_outcome,
        f_code,
        f_first_seq,
        f_policy,
        f_late,
        f_recorded_at,
        f_recorded_offset_minutes,
        f_action_id,
        f_kind,
        f_system,
        f_office_type,
        f_office_code,
        f_officer,
        f_occurred_at,
        f_occurred_offset_minutes,
        f_entered_at,
        f_entered_offset_minutes,
        f_registration_id,
        f_person_id,
        f_permit_id,
        f_content_digest,
        f_registrations,
        f_postings,
        f_permits,
        f_agencies,
        f_destinations,
        f_people,
        f_trainings,
        f_complaints,
        f_policies,
    )


def write_decision(out: BytesWriter, r: Decision) -> None:
    """Write a Decision."""
    write_long(out, r.seq)
    write_fixed(out, r.previous_sha256, 32)
    write_long(out, r.action_offset)
    write_fixed(out, r.action_sha256, 32)
    write_string(out, r.outcome)
    v_code = r.code
    if v_code is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_code)
    v_first_seq = r.first_seq
    if v_first_seq is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_first_seq)
    write_string(out, r.policy)
    out.append(1 if r.late else 0)
    v_recorded_at = r.recorded_at
    if v_recorded_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_recorded_at)
    write_long(out, r.recorded_offset_minutes)
    v_action_id = r.action_id
    if v_action_id is None:
        out.append(0)
    else:
        out.append(2)
        write_fixed(out, v_action_id, 16)
    v_kind = r.kind
    if v_kind is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_kind)
    v_system = r.system
    if v_system is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_system)
    v_office_type = r.office_type
    if v_office_type is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_office_type)
    v_office_code = r.office_code
    if v_office_code is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_office_code)
    v_officer = r.officer
    if v_officer is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_officer)
    v_occurred_at = r.occurred_at
    if v_occurred_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_occurred_at)
    v_occurred_offset_minutes = r.occurred_offset_minutes
    if v_occurred_offset_minutes is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_occurred_offset_minutes)
    v_entered_at = r.entered_at
    if v_entered_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_entered_at)
    v_entered_offset_minutes = r.entered_offset_minutes
    if v_entered_offset_minutes is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, v_entered_offset_minutes)
    v_registration_id = r.registration_id
    if v_registration_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_registration_id)
    v_person_id = r.person_id
    if v_person_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_person_id)
    v_permit_id = r.permit_id
    if v_permit_id is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, v_permit_id)
    v_content_digest = r.content_digest
    if v_content_digest is None:
        out.append(0)
    else:
        out.append(2)
        write_fixed(out, v_content_digest, 16)
    v_registrations = r.registrations
    if v_registrations:
        write_long(out, len(v_registrations))
        for item_v_registrations in v_registrations:
            write_registration(out, item_v_registrations)
    out.append(0)
    v_postings = r.postings
    if v_postings:
        write_long(out, len(v_postings))
        for item_v_postings in v_postings:
            write_posting(out, item_v_postings)
    out.append(0)
    v_permits = r.permits
    if v_permits:
        write_long(out, len(v_permits))
        for item_v_permits in v_permits:
            write_permit(out, item_v_permits)
    out.append(0)
    v_agencies = r.agencies
    if v_agencies:
        write_long(out, len(v_agencies))
        for item_v_agencies in v_agencies:
            write_agency(out, item_v_agencies)
    out.append(0)
    v_destinations = r.destinations
    if v_destinations:
        write_long(out, len(v_destinations))
        for item_v_destinations in v_destinations:
            write_destination(out, item_v_destinations)
    out.append(0)
    v_people = r.people
    if v_people:
        write_long(out, len(v_people))
        for item_v_people in v_people:
            write_person(out, item_v_people)
    out.append(0)
    v_trainings = r.trainings
    if v_trainings:
        write_long(out, len(v_trainings))
        for item_v_trainings in v_trainings:
            write_training(out, item_v_trainings)
    out.append(0)
    v_complaints = r.complaints
    if v_complaints:
        write_long(out, len(v_complaints))
        for item_v_complaints in v_complaints:
            write_complaint(out, item_v_complaints)
    out.append(0)
    v_policies = r.policies
    if v_policies:
        write_long(out, len(v_policies))
        for item_v_policies in v_policies:
            write_policy(out, item_v_policies)
    out.append(0)


def action_version(r: Action) -> i64:
    """Give the oldest version that says all that it says: what came later is all default."""
    oldest: i64 = 1
    v_kind = r.kind
    if oldest < 2 and KIND_NUMBERS[v_kind] >= 29:
        oldest = 2
    return oldest


def decision_version(_r: Decision) -> i64:
    """Give the oldest version that says all that it says: what came later is all default."""
    return 1


def decode_action(data: bytes, version: i64 = VERSION) -> Action:
    """Decode the Avro bytes of one Action, written with that version of the contract.

    Raises:
        MalformedRecordError: they are no such record, whole and alone.

    """
    c = Cursor(data, version)
    record = read_action(c)
    c.end()
    return record


def encode_action(record: Action) -> bytes:
    """Encode one Action as Avro, in the one canonical form (one block an array, shortest varints)."""
    out = BytesWriter()
    write_action(out, record)
    return out.getvalue()


def decode_decision(data: bytes, version: i64 = VERSION) -> Decision:
    """Decode the Avro bytes of one Decision, written with that version of the contract.

    Raises:
        MalformedRecordError: they are no such record, whole and alone.

    """
    c = Cursor(data, version)
    record = read_decision(c)
    c.end()
    return record


def encode_decision(record: Decision) -> bytes:
    """Encode one Decision as Avro, in the one canonical form (one block an array, shortest varints)."""
    out = BytesWriter()
    write_decision(out, record)
    return out.getvalue()
