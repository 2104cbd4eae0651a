"""The shape of an action: what contract §1 demands of its fields before any rule looks at it.

One judge for every way in: a record of the topic, a line of a file, a request. It sees a decoded `Action`;
what cannot be decoded, or is no JSON, is refused before. It must not look at other actions.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from schemas.instants import DAY_MAX, DAY_MIN
from schemas.kinds import (
    BITS,
    KINDS,
    LINE_SEXES,
    OFFICE_TYPES,
    PROVIDER_TYPES,
    RESTORE_IF_VALID_AT,
    SCHEMES,
    SEXES,
    SYSTEMS,
    UNIT_TAKEN_AT,
)
from schemas.records import Action, Policy
from schemas.strict_json import DEPTH_MAX, NotStrictJsonError, load_object

# An identifier is an opaque string; longer than this it is none, and a decision that repeats it must stay
# below 64 KiB, the limit of an entry in a C2SP tlog-tiles bundle.
ID_BYTES_MAX: Final = 200
TEXT_BYTES_MAX: Final = 2000
SEALED_BYTES_MAX: Final = 32768
LINES_MAX: Final = 128
EVIDENCE_MAX: Final = 32
UNITS_MAX: Final = 2**31 - 1
# Far more than there are systems and schemes; the contract lets a name stand twice.
POLICY_NAMES_MAX: Final = 64
CLOCK_SKEW_SECONDS_MAX: Final = 1_000_000_000
OFFSET_MINUTES_MAX: Final = 23 * 60 + 59
# A day inside the years 0001 and 9999, so that any local reading of an instant is a date as well.
INSTANT_MIN: Final[i64] = -62_135_510_400_000_000
INSTANT_MAX: Final[i64] = 253_402_214_399_999_999


@final
class Problem:
    """One thing that breaks the shape.

    Never with the value that is wrong: a name or a NIK may stand in the wrong field, and what is told here
    goes into answers, logs and dead letters.

    Attributes:
        field: Where, for example `lines[0].units`.
        reason: What is wrong.
        advice: What would be right.

    """

    __slots__ = ("advice", "field", "reason")

    def __init__(self, field: str, reason: str, advice: str) -> None:
        self.field: Final = field
        self.reason: Final = reason
        self.advice: Final = advice

    def __repr__(self) -> str:
        """Show it as one sentence."""
        return f"{self.field}: {self.reason}; {self.advice}"


def problems(a: Action) -> list[Problem]:
    """Give everything that breaks the shape of this action, in the order of its fields."""
    found: list[Problem] = []
    row = KINDS.get(a.kind)
    if row is None:
        found.append(Problem("kind", "it is no kind of action", "one of " + ", ".join(KINDS)))
        return found
    if a.system not in SYSTEMS:
        found.append(Problem("system", "it is no system", "one of " + ", ".join(SYSTEMS)))
    if a.office_type not in OFFICE_TYPES:
        found.append(
            Problem(
                "office.type",
                "it is no office type",
                "one of " + ", ".join(OFFICE_TYPES),
            )
        )
    _check_id(found, "office.code", a.office_code)
    _check_id(found, "officer", a.officer)
    _check_instant(found, "occurred_at", a.occurred_at, a.occurred_offset_minutes)
    present: i64 = _presence(a)
    required: i64 = row.required_mask
    allowed: i64 = row.allowed_mask
    if (present & required) != required or (present & ~allowed) != 0:
        for name, bit in BITS.items():
            if bit & required and not bit & present:
                found.append(Problem(name, f"it is missing, and {a.kind} needs it", f"add {name}"))
            elif bit & present and not bit & allowed:
                found.append(Problem(name, f"{a.kind} has no such field", f"leave {name} out"))
    _check_optional_ids(found, a)
    if a.lines:
        _check_lines(found, a)
    if a.valid_from is not None or a.valid_to is not None:
        _check_validity(found, a)
    policy = a.policy
    if policy is not None:
        _check_policy(found, policy)
    if a.kind == "registered":
        _check_registered(found, a)
    elif a.kind == "agreement_signed":
        _check_line_named_whole(found, a)
    elif a.kind in ("unit_released", "registration_reassigned") and a.second_officer == a.officer:
        found.append(
            Problem("second_officer", "it is the same officer", "name another officer: two must agree")
        )
    if a.evidence:
        _check_evidence(found, a)
    _check_instant(found, "entered_at", a.entered_at, a.entered_offset_minutes)
    if a.sealed is not None:
        _check_sealed(found, a.sealed)
    return found


def _check_sealed(found: list[Problem], sealed: str) -> None:
    """Refuse what is too long or no JSON object, without ever repeating a part of it."""
    if len(sealed.encode("utf-8")) > SEALED_BYTES_MAX:
        found.append(
            Problem("sealed", f"it is longer than {SEALED_BYTES_MAX} bytes", "seal only the personal fields")
        )
        return
    try:
        # One level less than an action has: there it stands inside an object.
        load_object(sealed, DEPTH_MAX - 1)
    except NotStrictJsonError:
        found.append(Problem("sealed", "it is no JSON object", "one object of sealed fields"))


def _presence(a: Action) -> i64:
    """Give the bits of the optional fields that are there; the order is that of `kinds.FIELDS`."""
    present: i64 = 0
    if a.registration_id is not None:
        present |= 1 << 0
    if a.person_id is not None:
        present |= 1 << 1
    if a.scheme is not None:
        present |= 1 << 2
    if a.agency_id is not None:
        present |= 1 << 3
    if a.destination is not None:
        present |= 1 << 4
    if a.position is not None:
        present |= 1 << 5
    if a.sex is not None:
        present |= 1 << 6
    if a.permit_id is not None:
        present |= 1 << 7
    if a.line is not None:
        present |= 1 << 8
    if a.valid_from is not None:
        present |= 1 << 9
    if a.valid_to is not None:
        present |= 1 << 10
    if a.lines:
        present |= 1 << 11
    if a.units is not None:
        present |= 1 << 12
    if a.policy is not None:
        present |= 1 << 13
    if a.reason is not None:
        present |= 1 << 14
    if a.second_officer is not None:
        present |= 1 << 15
    if a.candidate_id is not None:
        present |= 1 << 16
    if a.reference is not None:
        present |= 1 << 17
    if a.training_id is not None:
        present |= 1 << 18
    if a.provider_id is not None:
        present |= 1 << 19
    if a.provider_type is not None:
        present |= 1 << 20
    if a.complaint_id is not None:
        present |= 1 << 21
    if a.topic is not None:
        present |= 1 << 22
    if a.channel is not None:
        present |= 1 << 23
    return present


def _check_optional_ids(found: list[Problem], a: Action) -> None:
    _check_id_if_any(found, "registration_id", a.registration_id)
    _check_id_if_any(found, "person_id", a.person_id)
    _check_id_if_any(found, "agency_id", a.agency_id)
    _check_id_if_any(found, "permit_id", a.permit_id)
    _check_id_if_any(found, "position", a.position)
    destination = a.destination
    if destination is not None and not is_country_code(destination):
        found.append(
            Problem(
                "destination",
                "it is no country code",
                "two capital letters, ISO 3166-1 alpha-2",
            )
        )
    scheme = a.scheme
    if scheme is not None and scheme not in SCHEMES:
        found.append(Problem("scheme", "it is no placement scheme", "one of " + ", ".join(SCHEMES)))
    sex = a.sex
    if sex is not None and sex not in SEXES:
        found.append(Problem("sex", "it is no sex of a candidate", "F or M"))
    line = a.line
    if line is not None and (line < 1 or line > UNITS_MAX):
        found.append(Problem("line", "it is no line", "lines count from 1"))
    units = a.units
    if units is not None and (units < 1 or units > UNITS_MAX):
        found.append(Problem("units", "it is no number of units", f"a whole number from 1 to {UNITS_MAX}"))
    _check_text_if_any(found, "reason", a.reason)
    _check_id_if_any(found, "second_officer", a.second_officer)
    _check_id_if_any(found, "candidate_id", a.candidate_id)
    _check_id_if_any(found, "reference", a.reference)
    _check_id_if_any(found, "training_id", a.training_id)
    _check_id_if_any(found, "provider_id", a.provider_id)
    provider_type = a.provider_type
    if provider_type is not None and provider_type not in PROVIDER_TYPES:
        found.append(
            Problem(
                "provider_type",
                "it is no type of training provider",
                "one of " + ", ".join(PROVIDER_TYPES),
            )
        )
    _check_id_if_any(found, "complaint_id", a.complaint_id)
    _check_text_if_any(found, "topic", a.topic)
    _check_text_if_any(found, "channel", a.channel)


def _check_registered(found: list[Problem], a: Action) -> None:
    if a.scheme == "P_TO_P":
        if a.agency_id is None:
            found.append(Problem("agency_id", "it is missing, and P_TO_P needs it", "add agency_id"))
        _check_line_named_whole(found, a)
    elif a.scheme in SCHEMES:
        if a.agency_id is not None:
            found.append(_only_p_to_p("agency_id", a))
        if a.permit_id is not None:
            found.append(_only_p_to_p("permit_id", a))
        if a.line is not None:
            found.append(_only_p_to_p("line", a))


def _only_p_to_p(field: str, a: Action) -> Problem:
    return Problem(field, f"scheme {a.scheme} uses no permit", f"leave {field} out, or correct the scheme")


def _check_line_named_whole(found: list[Problem], a: Action) -> None:
    if a.permit_id is None and a.line is not None:
        found.append(
            Problem("permit_id", "a line is named without its permit", "add permit_id, or leave line out")
        )
    elif a.permit_id is not None and a.line is None:
        found.append(Problem("line", "a permit is named without a line", "add line, or leave permit_id out"))


def _check_lines(found: list[Problem], a: Action) -> None:
    if len(a.lines) > LINES_MAX:
        found.append(Problem("lines", f"there are {len(a.lines)}", f"at most {LINES_MAX} lines a permit"))
    seen: set[int] = set()
    for number, line in enumerate(a.lines):
        where = f"lines[{number}]"
        line_number: int = line.line
        if line_number < 1 or line_number > UNITS_MAX:
            found.append(Problem(where + ".line", "it is no line", "lines count from 1"))
        if line_number in seen:
            found.append(
                Problem(where + ".line", "another line has the same number", "give each line its own number")
            )
        seen.add(line_number)
        _check_id(found, where + ".position", line.position)
        if line.sex not in LINE_SEXES:
            found.append(Problem(where + ".sex", "it is no sex of a line", "F, M or ANY"))
        if line.units < 1 or line.units > UNITS_MAX:
            found.append(
                Problem(where + ".units", "it is no number of units", f"a whole number from 1 to {UNITS_MAX}")
            )


def _check_validity(found: list[Problem], a: Action) -> None:
    valid_from = a.valid_from
    valid_to = a.valid_to
    if valid_from is not None and (valid_from < DAY_MIN or valid_from > DAY_MAX):
        found.append(Problem("valid_from", "it is no date of the years 0001 to 9999", "a date as YYYY-MM-DD"))
    if valid_to is not None and (valid_to < DAY_MIN or valid_to > DAY_MAX):
        found.append(Problem("valid_to", "it is no date of the years 0001 to 9999", "a date as YYYY-MM-DD"))
    if valid_from is not None and valid_to is not None and valid_from > valid_to:
        found.append(
            Problem("valid_to", "it lies before valid_from", "the last day of validity, not before the first")
        )


def policy_problems(p: Policy) -> list[Problem]:
    """Give everything that breaks the shape of this policy, standing alone."""
    found: list[Problem] = []
    _check_policy(found, p)
    return [Problem(one.field.removeprefix("policy."), one.reason, one.advice) for one in found]


def _check_policy(found: list[Problem], p: Policy) -> None:
    _check_id(found, "policy.version", p.version)
    _check_instant(
        found, "policy.registration_limit", p.registration_limit.at, p.registration_limit.offset_minutes
    )
    _check_instant(found, "policy.closure", p.closure.at, p.closure.offset_minutes)
    _check_choice(found, "policy.unit_taken_at.SISKOTKLN", p.unit_taken_at.SISKOTKLN, UNIT_TAKEN_AT)
    _check_choice(found, "policy.unit_taken_at.SIAPKERJA", p.unit_taken_at.SIAPKERJA, UNIT_TAKEN_AT)
    _check_choices(found, "policy.biometrics_not_required", p.biometrics_not_required, SYSTEMS)
    _check_choices(found, "policy.agreement_not_required", p.agreement_not_required, SCHEMES)
    _check_choice(found, "policy.restore_if_valid_at", p.restore_if_valid_at, RESTORE_IF_VALID_AT)
    if p.clock_skew_seconds < 0 or p.clock_skew_seconds > CLOCK_SKEW_SECONDS_MAX:
        found.append(
            Problem(
                "policy.clock_skew_seconds",
                f"{p.clock_skew_seconds} seconds",
                f"a whole number from 0 to {CLOCK_SKEW_SECONDS_MAX}",
            )
        )


def _check_choices(found: list[Problem], field: str, values: list[str], choices: tuple[str, ...]) -> None:
    for value in values:
        _check_choice(found, field, value, choices)
    if len(values) > POLICY_NAMES_MAX:
        # The decision repeats the list, and must not outgrow its own limit.
        found.append(Problem(field, f"it has {len(values)} names", f"at most {POLICY_NAMES_MAX}"))


def _check_choice(found: list[Problem], field: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        found.append(Problem(field, "it is not known there", "one of " + ", ".join(choices)))


def _check_evidence(found: list[Problem], a: Action) -> None:
    if len(a.evidence) > EVIDENCE_MAX:
        found.append(Problem("evidence", f"there are {len(a.evidence)}", f"at most {EVIDENCE_MAX} documents"))
    for number, evidence in enumerate(a.evidence):
        _check_id(found, f"evidence[{number}].type", evidence.type)
        _check_text(found, f"evidence[{number}].reference", evidence.reference)


def is_country_code(text: str) -> bool:
    """Tell whether a text has the form of an ISO 3166-1 alpha-2 code."""
    if len(text) != 2:
        return False
    return "A" <= text[0] <= "Z" and "A" <= text[1] <= "Z"


def _check_instant(found: list[Problem], field: str, at: i64, offset_minutes: i64) -> None:
    if at < INSTANT_MIN or at > INSTANT_MAX:
        found.append(
            Problem(
                field, "it lies outside 0001-01-02 to 9999-12-30 UTC", "an instant of the years in between"
            )
        )
    if offset_minutes < -OFFSET_MINUTES_MAX or offset_minutes > OFFSET_MINUTES_MAX:
        found.append(Problem(field, "its offset is a day or more", "an offset of less than a day"))


def _check_id_if_any(found: list[Problem], field: str, text: str | None) -> None:
    if text is not None:
        _check_id(found, field, text)


def _check_text_if_any(found: list[Problem], field: str, text: str | None) -> None:
    if text is not None:
        _check_text(found, field, text)


def _check_id(found: list[Problem], field: str, text: str) -> None:
    _check_length(found, field, text, ID_BYTES_MAX)


def _check_text(found: list[Problem], field: str, text: str) -> None:
    _check_length(found, field, text, TEXT_BYTES_MAX)


def _check_length(found: list[Problem], field: str, text: str, bytes_max: i64) -> None:
    """Refuse what is empty, too long, or holds the one character that PostgreSQL cannot store."""
    length: i64 = len(text)
    if length == 0:
        found.append(Problem(field, "it is empty", "leave it out, or give a value"))
    elif length * 4 > bytes_max and len(text.encode("utf-8")) > bytes_max:
        found.append(Problem(field, f"it is longer than {bytes_max} bytes", "shorten it"))
    elif "\x00" in text:
        found.append(Problem(field, "it holds the character U+0000", "leave that character out"))
