"""A decision read back from its line of JSON, for journals that were kept in that form.

The inverse of `decision_json.py`, written for exactness and not for speed. It checks types, not rules.
"""

from __future__ import annotations

from typing import Final, TypeVar

from schemas.decision_json import STAGES
from schemas.errors import ShapeError
from schemas.instants import BadInstantError, parse_date, parse_instant
from schemas.policy_json import policy_of
from schemas.records import (
    Agency,
    Complaint,
    Decision,
    Destination,
    Permit,
    PermitLine,
    Person,
    Posting,
    Registration,
    Stage,
    Training,
    Unit,
)
from schemas.strict_json import NotStrictJsonError, kind_of, load_object

_Value = TypeVar("_Value")
_ADVICE: Final = "a line that `neraca decide` or `neraca submit` wrote"


class _Object:
    """A JSON object whose fields are taken by type; what is left over at the end is an error."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ShapeError(f"it is {kind_of(value)}, no object", field=where, advice=_ADVICE)
        self._left = dict(value)
        self._where = where

    def take(self, name: str, kind: type[_Value]) -> _Value:
        """Take a field that must be there."""
        path = self.path(name)
        if name not in self._left:
            raise ShapeError("it is missing", field=path, advice=_ADVICE)
        value = self._left.pop(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise ShapeError(f"it is {kind_of(value)}", field=path, advice=_ADVICE)
        return value

    def take_or_null(self, name: str, kind: type[_Value]) -> _Value | None:
        """Take a field that must be there, and may be null."""
        if name in self._left and self._left[name] is None:
            del self._left[name]
            return None
        return self.take(name, kind)

    def take_if_there(self, name: str, kind: type[_Value]) -> _Value | None:
        """Take a field that may be absent."""
        return self.take(name, kind) if name in self._left else None

    def objects(self, name: str) -> list[_Object]:
        """Take a list of objects."""
        items = self.take(name, list)
        return [_Object(item, f"{self.path(name)}[{number}]") for number, item in enumerate(items)]

    def object_or_null(self, name: str) -> _Object | None:
        """Take an object, or null."""
        value = self.take_or_null(name, dict)
        return None if value is None else _Object(value, self.path(name))

    def raw(self, name: str, size: int) -> bytes:
        """Take bytes of that size, written in hexadecimal."""
        return self._bytes(name, self.take(name, str), size)

    def raw_or_null(self, name: str, size: int) -> bytes | None:
        """Take bytes of that size, written in hexadecimal, or null."""
        text = self.take_or_null(name, str)
        return None if text is None else self._bytes(name, text, size)

    def instant(self, name: str) -> tuple[int, int]:
        """Take an instant."""
        return self._parsed(name, self.take(name, str))

    def instant_or_null(self, name: str) -> tuple[int, int] | tuple[None, None]:
        """Take an instant, or null."""
        text = self.take_or_null(name, str)
        return (None, None) if text is None else self._parsed(name, text)

    def date(self, name: str) -> int:
        """Take a date."""
        try:
            return parse_date(self.take(name, str))
        except BadInstantError as error:
            raise ShapeError(error.reason, field=self.path(name), advice=_ADVICE) from None

    def end(self) -> None:
        """Check that no field is left over."""
        for name in self._left:
            raise ShapeError("there is no such field", field=self.path(name), advice=_ADVICE)

    def path(self, name: str) -> str:
        """Give the path of a field."""
        return f"{self._where}.{name}" if self._where else name

    def _parsed(self, name: str, text: str) -> tuple[int, int]:
        try:
            return parse_instant(text)
        except BadInstantError as error:
            raise ShapeError(error.reason, field=self.path(name), advice=_ADVICE) from None

    def _bytes(self, name: str, text: str, size: int) -> bytes:
        try:
            raw = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            raw = b""
        if len(raw) != size:
            raise ShapeError(f"it is no {size} bytes in hexadecimal", field=self.path(name), advice=_ADVICE)
        return raw


def parse_decision(text: str) -> Decision:
    """Give the decision that one JSON object holds.

    Raises:
        ShapeError: it is no decision; the error names the field.

    """
    try:
        o = _Object(load_object(text), "")
    except NotStrictJsonError as error:
        raise ShapeError(error.reason, advice=error.advice) from None
    occurred_at, occurred_offset_minutes = o.instant_or_null("occurred_at")
    entered_at, entered_offset_minutes = o.instant_or_null("entered_at")
    recorded_at, recorded_offset_minutes = o.instant_or_null("recorded_at")
    office = o.object_or_null("office")
    decision = Decision(
        o.take("seq", int),
        o.raw("previous_sha256", 32),
        o.take("action_offset", int),
        o.raw("action_sha256", 32),
        o.take("outcome", str),
        o.take_if_there("code", str),
        o.take_if_there("first_seq", int),
        o.take("policy", str),
        o.take("late", bool),
        recorded_at,
        recorded_offset_minutes or 0,
        o.raw_or_null("action_id", 16),
        o.take_or_null("kind", str),
        o.take_or_null("system", str),
        None if office is None else office.take("type", str),
        None if office is None else office.take("code", str),
        o.take_or_null("officer", str),
        occurred_at,
        occurred_offset_minutes,
        entered_at,
        entered_offset_minutes,
        o.take_or_null("registration_id", str),
        o.take_or_null("person_id", str),
        o.take_or_null("permit_id", str),
        o.raw_or_null("content_digest", 16),
        [_registration(one) for one in o.objects("registrations")],
        [_posting(one) for one in o.objects("postings")],
        [_permit(one) for one in o.objects("permits")],
        [_agency(one) for one in o.objects("agencies")],
        [_destination(one) for one in o.objects("destinations")],
        [_person(one) for one in o.objects("people")],
        [_training(one) for one in o.objects("trainings")],
        [_complaint(one) for one in o.objects("complaints")],
        [policy_of(value) for value in o.take("policies", list)],
    )
    if office is not None:
        office.end()
    o.end()
    return decision


def _registration(o: _Object) -> Registration:
    stages = _Object(o.take("stages", dict), o.path("stages"))
    seqs = o.take("stage_seqs", list)
    passed: dict[str, Stage] = {}
    for name, seq in zip(list(stages._left), seqs, strict=False):  # noqa: SLF001 - its own reader
        if type(seq) is not int:
            raise ShapeError(f"it holds {kind_of(seq)}", field=o.path("stage_seqs"), advice=_ADVICE)
        if name not in STAGES:
            raise ShapeError("there is no such stage", field=stages.path(name), advice=_ADVICE)
        passed[name] = Stage(*stages.instant(name), seq)
    stages.end()
    if len(passed) != len(seqs) or "registered" not in passed:
        raise ShapeError("it does not match the stages", field=o.path("stage_seqs"), advice=_ADVICE)
    unit = o.object_or_null("unit")
    made = Registration(
        o.take("registration_id", str),
        o.take("person_id", str),
        o.take("system", str),
        o.take("scheme", str),
        o.take_or_null("agency_id", str),
        o.take("destination", str),
        o.take("position", str),
        o.take("sex", str),
        o.take("status", str),
        o.take_or_null("reregistered_as", str),
        o.take_or_null("reregistered_from", str),
        None if unit is None else _unit(unit),
        passed["registered"],
        *[passed.get(name) for name in STAGES[1:]],
    )
    o.end()
    return made


def _unit(o: _Object) -> Unit:
    made = Unit(o.take("permit_id", str), o.take("line", int), o.take("state", str))
    o.end()
    return made


def _posting(o: _Object) -> Posting:
    made = Posting(
        o.take("permit_id", str),
        o.take("line", int),
        o.take("from", str),
        o.take("to", str),
        o.take("units", int),
        o.take("granted", int),
        o.take("available", int),
        o.take("reserved", int),
        o.take("departed", int),
        o.take("forfeited", int),
    )
    o.end()
    return made


def _permit(o: _Object) -> Permit:
    made = Permit(
        o.take("permit_id", str),
        o.take("agency_id", str),
        o.take("destination", str),
        o.date("valid_from"),
        o.date("valid_to"),
        o.take("revoked", bool),
        [_permit_line(line) for line in o.objects("lines")],
    )
    o.end()
    return made


def _permit_line(o: _Object) -> PermitLine:
    made = PermitLine(o.take("line", int), o.take("position", str), o.take("sex", str), o.take("units", int))
    o.end()
    return made


def _agency(o: _Object) -> Agency:
    made = Agency(o.take("agency_id", str), o.take("status", str))
    o.end()
    return made


def _destination(o: _Object) -> Destination:
    made = Destination(o.take("destination", str), o.take("status", str))
    o.end()
    return made


def _person(o: _Object) -> Person:
    made = Person(o.take("person_id", str), o.take("held", bool))
    o.end()
    return made


def _training(o: _Object) -> Training:
    made = Training(
        o.take("training_id", str),
        o.take("person_id", str),
        o.take("provider_id", str),
        o.take("provider_type", str),
        o.take("status", str),
    )
    o.end()
    return made


def _complaint(o: _Object) -> Complaint:
    made = Complaint(
        o.take("complaint_id", str),
        o.take("topic", str),
        o.take("channel", str),
        o.take_or_null("registration_id", str),
        o.take("status", str),
    )
    o.end()
    return made
