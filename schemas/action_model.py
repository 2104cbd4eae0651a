"""What an action looks like in JSON, as pydantic models: they find wrong types, missing and surplus fields.

Values are judged by `shape.py`, the one judge of every way in. This is the slow path of `action_json.py`,
taken for whatever is not plain. Must not be compiled: pydantic reads the annotations at run time.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from schemas.instants import ADVICE, DATE_ADVICE, BadInstantError, parse_date, parse_instant_slowly
from schemas.kinds import SYSTEMS
from schemas.records import Action, Evidence, Instant, PermitLine, Policy, UnitTakenAt
from schemas.shape import Problem
from schemas.strict_json import compact, kind_of

UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# What the key of a field looks like. Any other key may be a value that slipped, and is not repeated.
_NAME: Final = re.compile(r"[a-z][A-Za-z_]{0,39}", re.ASCII)
UUID_ADVICE: Final = "a UUID, such as 018952d4-0c1a-7000-8000-000000000001"

# Stands in for a field that is wrong, so that the fields beside it can be judged as well.
PLACEHOLDERS: Final[Mapping[str, object]] = {
    "action_id": "00000000-0000-0000-0000-000000000000",
    "office": {"type": "HQ", "code": "?"},
    "officer": "?",
    "occurred_at": "2023-01-01T00:00:00+00:00",
    "entered_at": "2023-01-01T00:00:00+00:00",
    "line": 1,
    "units": 1,
    "valid_from": "0001-01-01",
    "valid_to": "9999-12-31",
    "lines": [{"line": 1, "position": "?", "sex": "ANY", "units": 1}],
    "policy": {
        "version": "?",
        "registration_limit": "2023-01-01T00:00:00+00:00",
        "closure": "2023-01-01T00:00:00+00:00",
        "unit_taken_at": {"SISKOTKLN": "registration", "SIAPKERJA": "agreement"},
        "biometrics_not_required": [],
        "agreement_not_required": [],
        "restore_if_valid_at": "closure",
        "restoration": True,
        "late_departures": True,
        "clock_skew_seconds": 0,
    },
    "evidence": [],
    "sealed": {},
}
PLACEHOLDER_TEXT: Final = "?"


def _uuid(value: object) -> bytes:
    if isinstance(value, str) and UUID.fullmatch(value):
        return bytes.fromhex(value.replace("-", ""))
    raise _wrong(value, "no UUID", UUID_ADVICE)


def _instant(value: object) -> tuple[int, int]:
    if not isinstance(value, str):
        raise _wrong(value, "no instant", ADVICE)
    try:
        return parse_instant_slowly(value)
    except BadInstantError as error:
        raise _custom(error.reason, error.advice) from None


def _day(value: object) -> int:
    if not isinstance(value, str):
        raise _wrong(value, "no date", DATE_ADVICE)
    try:
        return parse_date(value)
    except BadInstantError as error:
        raise _custom(error.reason, error.advice) from None


def _sealed(value: object) -> str:
    if not isinstance(value, dict):
        raise _custom(f"it is {kind_of(value)}, no object", "one JSON object of sealed fields")
    return compact(value)


def _wrong(value: object, what: str, advice: str) -> PydanticCustomError:
    it = "it is" if isinstance(value, str) else f"it is {kind_of(value)},"
    return _custom(f"{it} {what}", advice)


def _custom(reason: str, advice: str) -> PydanticCustomError:
    # The braces of a value must not be taken for a place in the template.
    return PydanticCustomError("neraca", "{reason}", {"reason": reason, "advice": advice})


Uuid = Annotated[bytes, PlainValidator(_uuid)]
LocalInstant = Annotated[tuple[int, int], PlainValidator(_instant)]
Day = Annotated[int, PlainValidator(_day)]
Sealed = Annotated[str, PlainValidator(_sealed)]
# Whatever the contract says of a number's range, a machine word holds it.
Whole = Annotated[int, Field(ge=-(2**31), lt=2**31)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, regex_engine="python-re")


class OfficeModel(_Model):
    """The acting office."""

    type: str
    code: str


class EvidenceModel(_Model):
    """A document that the source holds."""

    type: str
    reference: str


class PermitLineModel(_Model):
    """What a permit grants on one line."""

    line: Whole
    position: str
    sex: str
    units: Whole


class UnitTakenAtModel(_Model):
    """When each system takes a unit."""

    SISKOTKLN: str
    SIAPKERJA: str


class PolicyModel(_Model):
    """A policy, with every field of contract §5."""

    version: str
    registration_limit: LocalInstant
    closure: LocalInstant
    unit_taken_at: UnitTakenAtModel
    biometrics_not_required: list[str]
    agreement_not_required: list[str]
    restore_if_valid_at: str
    restoration: bool
    late_departures: bool
    clock_skew_seconds: Whole

    def record(self) -> Policy:
        """Give the record of the contract."""
        return Policy(
            self.version,
            Instant(*self.registration_limit),
            Instant(*self.closure),
            UnitTakenAt(self.unit_taken_at.SISKOTKLN, self.unit_taken_at.SIAPKERJA),
            self.biometrics_not_required,
            self.agreement_not_required,
            self.restore_if_valid_at,
            self.restoration,
            self.late_departures,
            self.clock_skew_seconds,
        )


class ActionModel(_Model):
    """An action of contract §1."""

    action_id: Uuid
    kind: str
    system: str
    office: OfficeModel
    officer: str
    occurred_at: LocalInstant
    entered_at: LocalInstant
    registration_id: str | None = None
    person_id: str | None = None
    scheme: str | None = None
    agency_id: str | None = None
    destination: str | None = None
    position: str | None = None
    sex: str | None = None
    permit_id: str | None = None
    line: Whole | None = None
    valid_from: Day | None = None
    valid_to: Day | None = None
    lines: Annotated[list[PermitLineModel], Field(min_length=1)] | None = None
    units: Whole | None = None
    policy: PolicyModel | None = None
    reason: str | None = None
    second_officer: str | None = None
    candidate_id: str | None = None
    reference: str | None = None
    training_id: str | None = None
    provider_id: str | None = None
    provider_type: str | None = None
    complaint_id: str | None = None
    topic: str | None = None
    channel: str | None = None
    evidence: list[EvidenceModel] | None = None
    sealed: Sealed | None = None

    def record(self) -> Action:
        """Give the record of the contract."""
        return Action(
            self.action_id,
            self.kind,
            self.system,
            self.office.type,
            self.office.code,
            self.officer,
            *self.occurred_at,
            self.registration_id,
            self.person_id,
            self.scheme,
            self.agency_id,
            self.destination,
            self.position,
            self.sex,
            self.permit_id,
            self.line,
            self.valid_from,
            self.valid_to,
            [PermitLine(row.line, row.position, row.sex, row.units) for row in self.lines or ()],
            self.units,
            None if self.policy is None else self.policy.record(),
            self.reason,
            self.second_officer,
            self.candidate_id,
            self.reference,
            self.training_id,
            self.provider_id,
            self.provider_type,
            self.complaint_id,
            self.topic,
            self.channel,
            [Evidence(row.type, row.reference) for row in self.evidence or ()],
            *self.entered_at,
            self.sealed,
        )


FIELD_NAMES: Final = tuple(ActionModel.model_fields)


def judge_action(
    value: dict[str, object], problems: Callable[[Action], list[Problem]]
) -> tuple[Action | None, list[Problem]]:
    """Give the action that a JSON object holds and everything that is wrong, in the order of the fields.

    What is wrong in one field does not keep the others from being judged.
    """
    plain = {key: inner if key == "sealed" else _without_nulls(inner) for key, inner in value.items()}
    plain = {key: inner for key, inner in plain.items() if inner is not None}
    try:
        model = ActionModel.model_validate(plain)
    except ValidationError as error:
        found = [_problem(details) for details in error.errors(include_url=False)]
    else:
        action = model.record()
        return action, problems(action)
    wrong = {_root(problem) for problem in found}
    mended = {key: inner for key, inner in plain.items() if key in FIELD_NAMES}
    for field in wrong & set(FIELD_NAMES):
        mended[field] = PLACEHOLDERS.get(field, PLACEHOLDER_TEXT)
    if not wrong & {"kind"}:
        others = problems(ActionModel.model_validate(mended).record())
        found += [problem for problem in others if _root(problem) not in wrong | _led_by(wrong)]
    return None, sorted(found, key=_place)


def judge_policy(value: object) -> tuple[Policy | None, list[Problem]]:
    """Give the policy that a JSON object holds and the errors of type; `shape.py` judges the values."""
    try:
        return PolicyModel.model_validate(_without_nulls(value)).record(), []
    except ValidationError as error:
        return None, [_problem(details, PolicyModel) for details in error.errors(include_url=False)]


def _led_by(wrong: set[str]) -> set[str]:
    """Name the fields whose judgement hangs on another one that is wrong."""
    return {"agency_id", "permit_id", "line"} if "scheme" in wrong else set()


def _without_nulls(value: object) -> Any:
    """Null counts as absent, at any depth but inside `sealed`; an item of a list stays."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _root(problem: Problem) -> str:
    return re.split(r"[.\[]", problem.field, maxsplit=1)[0]


def _place(problem: Problem) -> int:
    root = _root(problem)
    return FIELD_NAMES.index(root) if root in FIELD_NAMES else len(FIELD_NAMES)


def _path(location: Sequence[int | str]) -> str:
    """Write a location as `lines[0].units`; a key is repeated only where it could be the name of a field."""
    text = ""
    for step in location:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if step in SYSTEMS or _NAME.fullmatch(step) else "…")
    return text


_TYPES: Final = {
    "string_type": ("no text", "a text, in quotes"),
    "int_type": ("no whole number", "a whole number, without quotes, fraction or exponent"),
    "int_from_float": ("no whole number", "a whole number, without fraction or exponent"),
    "bool_type": ("neither true nor false", "true or false, without quotes"),
    "list_type": ("no list", "a list, in square brackets"),
    "model_type": ("no object", "an object, in braces"),
}


def _problem(details: ErrorDetails, model: type[BaseModel] = ActionModel) -> Problem:
    """Turn an error of pydantic into a sentence of ours."""
    kind, location = details["type"], details["loc"]
    field = _path(location)
    if kind == "neraca":
        return Problem(field, details["msg"], str(details["ctx"]["advice"]))
    if kind == "missing":
        return Problem(field, "it is missing", f"add {field}")
    if kind == "extra_forbidden":
        return Problem(field, "there is no such field", _near(location, model))
    if kind in _TYPES:
        what, advice = _TYPES[kind]
        return Problem(field, f"it is {kind_of(details['input'])}, {what}", advice)
    if kind == "too_short":
        return Problem(field, "it is an empty list", f"leave {field} out, or name one at least")
    if kind in {"less_than", "greater_than_equal", "int_parsing_size"}:
        return Problem(field, "the number is too large", "a number below 2147483648")
    return Problem(field, details["msg"], "as the contract has it")


def _near(location: Sequence[int | str], model: type[BaseModel]) -> str:
    """Name the field that was probably meant."""
    names: Sequence[str] = tuple(model.model_fields)
    if len(location) > 1:
        owners: dict[str, type[BaseModel]] = {
            "office": OfficeModel,
            "evidence": EvidenceModel,
            "lines": PermitLineModel,
            "policy": PolicyModel,
            "unit_taken_at": UnitTakenAtModel,
        }
        owner = next((step for step in reversed(location[:-1]) if isinstance(step, str)), "")
        names = tuple(owners[owner].model_fields) if owner in owners else names
    meant = difflib.get_close_matches(cast("str", location[-1])[:40], names, n=1)
    return f"leave it out; did you mean {meant[0]}?" if meant else "leave it out"
