"""An action as one line of JSON, both ways, exactly as contract §1 has it.

Reading has two paths that give the same: a plain one for what is in order, and the models of
`action_model.py` for everything else, which name each thing that is wrong. Must not read a clock: who may
fill in `entered_at` passes it.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import Final

from schemas.action_model import FIELD_NAMES, judge_action
from schemas.errors import ShapeError
from schemas.framing import ACTION_BYTES_MAX, ActionRecord, action_record
from schemas.instants import BadInstantError, format_date, format_instant, parse_date, parse_instant
from schemas.policy_json import policy_json
from schemas.records import Action, Evidence, PermitLine
from schemas.shape import Problem, problems
from schemas.strict_json import NotStrictJsonError, compact, load_object

_KNOWN: Final = frozenset(FIELD_NAMES)
_OFFICE: Final = frozenset({"type", "code"})
_EVIDENCE: Final = frozenset({"type", "reference"})
_PERMIT_LINE: Final = frozenset({"line", "position", "sex", "units"})
_WORD: Final = 2**31


class _NotPlainError(Exception):
    """The object is not plain: the models say what it is."""


def parse_action(line: bytes | str, *, entered_at_default: tuple[int, int] | None = None) -> Action:
    """Give the action that one JSON object holds.

    `entered_at_default` (microseconds since 1970 UTC, offset in minutes) stands in for an absent
    `entered_at`; without it the field must be there.

    Raises:
        ShapeError: the line breaks the shape; its `problems` are everything that is wrong.

    """
    return action_of(_load(line), entered_at_default=entered_at_default)


def read_action_line(line: bytes | str) -> ActionRecord:
    """Give the action that one JSON object holds, as it would stand on the topic.

    Raises:
        ShapeError: as `parse_action`, or the action is larger than a topic takes.

    """
    record = action_record(action_of(_load(line)))
    if len(record.avro) > ACTION_BYTES_MAX:
        reason = f"the action has {len(record.avro)} bytes as Avro, more than {ACTION_BYTES_MAX}"
        raise _shape_error([Problem("", reason, "shorten evidence or sealed fields")])
    return record


def action_of(value: dict[str, object], *, entered_at_default: tuple[int, int] | None = None) -> Action:
    """Give the action of a JSON object that `strict_json` read.

    Raises:
        ShapeError: as `parse_action`.

    """
    if entered_at_default is not None and value.get("entered_at") is None:
        value = {**value, "entered_at": format_instant(*entered_at_default)}
    try:
        action = plain_action(value)
    except _NotPlainError:
        pass
    else:
        if not problems(action):
            return action
    judged, found = judge_action(value, problems)
    if judged is None or found:
        raise _shape_error(found)
    return judged


def plain_action(value: dict[str, object]) -> Action:
    """Give the action of an object whose every field has its type, without judging any value.

    Raises:
        _NotPlainError: something is unusual, which does not mean wrong.

    """
    if not value.keys() <= _KNOWN:
        raise _NotPlainError
    get = value.get
    office = get("office")
    if not isinstance(office, dict) or office.keys() != _OFFICE:
        raise _NotPlainError
    try:
        occurred_at, occurred_offset_minutes = parse_instant(_text(get("occurred_at")))
        entered_at, entered_offset_minutes = parse_instant(_text(get("entered_at")))
        valid_from = get("valid_from")
        valid_to = get("valid_to")
        valid_from_days = None if valid_from is None else parse_date(_text(valid_from))
        valid_to_days = None if valid_to is None else parse_date(_text(valid_to))
    except BadInstantError:
        raise _NotPlainError from None
    lines = get("lines")
    evidence = get("evidence")
    sealed = get("sealed")
    if get("policy") is not None or (sealed is not None and not isinstance(sealed, dict)):
        raise _NotPlainError
    return Action(
        _uuid(_text(get("action_id"))),
        _text(get("kind")),
        _text(get("system")),
        _text(office["type"]),
        _text(office["code"]),
        _text(get("officer")),
        occurred_at,
        occurred_offset_minutes,
        _text_if_any(get("registration_id")),
        _text_if_any(get("person_id")),
        _text_if_any(get("scheme")),
        _text_if_any(get("agency_id")),
        _text_if_any(get("destination")),
        _text_if_any(get("position")),
        _text_if_any(get("sex")),
        _text_if_any(get("permit_id")),
        _whole_if_any(get("line")),
        valid_from_days,
        valid_to_days,
        [] if lines is None else _permit_lines(lines),
        _whole_if_any(get("units")),
        None,
        _text_if_any(get("reason")),
        _text_if_any(get("second_officer")),
        _text_if_any(get("candidate_id")),
        _text_if_any(get("reference")),
        _text_if_any(get("training_id")),
        _text_if_any(get("provider_id")),
        _text_if_any(get("provider_type")),
        _text_if_any(get("complaint_id")),
        _text_if_any(get("topic")),
        _text_if_any(get("channel")),
        [] if evidence is None else _evidence(evidence),
        entered_at,
        entered_offset_minutes,
        None if sealed is None else compact(sealed),
    )


def action_json(action: Action) -> str:
    """Write an action whose shape is in order as one line of JSON; `parse_action` gives the same back."""
    a = action
    escape = encode_basestring
    head = (
        f'{{"action_id":"{uuid_text(a.action_id)}","kind":"{a.kind}","system":"{a.system}"'
        f',"office":{{"type":"{a.office_type}","code":{escape(a.office_code)}}}'
        f',"officer":{escape(a.officer)}'
        f',"occurred_at":"{format_instant(a.occurred_at, a.occurred_offset_minutes)}"'
        f',"entered_at":"{format_instant(a.entered_at, a.entered_offset_minutes)}"'
    )
    parts = [head]
    add = parts.append
    if a.registration_id is not None:
        add(f',"registration_id":{escape(a.registration_id)}')
    if a.person_id is not None:
        add(f',"person_id":{escape(a.person_id)}')
    if a.scheme is not None:
        add(f',"scheme":"{a.scheme}"')
    if a.agency_id is not None:
        add(f',"agency_id":{escape(a.agency_id)}')
    if a.destination is not None:
        add(f',"destination":"{a.destination}"')
    if a.position is not None:
        add(f',"position":{escape(a.position)}')
    if a.sex is not None:
        add(f',"sex":"{a.sex}"')
    if a.permit_id is not None:
        add(f',"permit_id":{escape(a.permit_id)}')
    if a.line is not None:
        add(f',"line":{a.line}')
    if a.valid_from is not None:
        add(f',"valid_from":"{format_date(a.valid_from)}"')
    if a.valid_to is not None:
        add(f',"valid_to":"{format_date(a.valid_to)}"')
    if a.lines:
        add(f',"lines":[{",".join([permit_line_json(line) for line in a.lines])}]')
    if a.units is not None:
        add(f',"units":{a.units}')
    if a.policy is not None:
        add(f',"policy":{policy_json(a.policy)}')
    for name, text in (
        ("reason", a.reason),
        ("second_officer", a.second_officer),
        ("candidate_id", a.candidate_id),
        ("reference", a.reference),
        ("training_id", a.training_id),
        ("provider_id", a.provider_id),
        ("provider_type", a.provider_type),
        ("complaint_id", a.complaint_id),
        ("topic", a.topic),
        ("channel", a.channel),
    ):
        if text is not None:
            add(f',"{name}":{escape(text)}')
    if a.evidence:
        documents = [f'{{"type":{escape(e.type)},"reference":{escape(e.reference)}}}' for e in a.evidence]
        add(f',"evidence":[{",".join(documents)}]')
    if a.sealed is not None:
        # Whatever spaces or line ends it was sealed with: the action stays on one line.
        add(f',"sealed":{compact(load_object(a.sealed))}')
    add("}")
    return "".join(parts)


def permit_line_json(line: PermitLine) -> str:
    """Write a line of a permit as JSON."""
    return (
        f'{{"line":{line.line},"position":{encode_basestring(line.position)}'
        f',"sex":{encode_basestring(line.sex)},"units":{line.units}}}'
    )


def uuid_text(raw: bytes) -> str:
    """Write 16 bytes as a UUID, lower case, with dashes."""
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _load(line: bytes | str) -> dict[str, object]:
    try:
        text = line if isinstance(line, str) else line.decode("utf-8")
        return load_object(text)
    except UnicodeDecodeError as error:
        problem = Problem("", f"byte {error.start + 1} is not UTF-8", "save the file as UTF-8")
        raise _shape_error([problem]) from None
    except NotStrictJsonError as error:
        raise _shape_error([Problem("", error.reason, error.advice)]) from None


def _shape_error(found: list[Problem]) -> ShapeError:
    first = found[0]
    return ShapeError(first.reason, field=first.field, advice=first.advice, problems=found)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise _NotPlainError


def _text_if_any(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise _NotPlainError


def _whole(value: object) -> int:
    if type(value) is int and -_WORD <= value < _WORD:
        return value
    raise _NotPlainError


def _whole_if_any(value: object) -> int | None:
    return None if value is None else _whole(value)


def _uuid(text: str) -> bytes:
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        try:
            raw = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            raise _NotPlainError from None
        if len(raw) == 16:
            return raw
    raise _NotPlainError


def _permit_lines(value: object) -> list[PermitLine]:
    if not isinstance(value, list) or not value:
        raise _NotPlainError
    made = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != _PERMIT_LINE:
            raise _NotPlainError
        made.append(
            PermitLine(
                _whole(item["line"]), _text(item["position"]), _text(item["sex"]), _whole(item["units"])
            )
        )
    return made


def _evidence(value: object) -> list[Evidence]:
    if not isinstance(value, list):
        raise _NotPlainError
    made = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != _EVIDENCE:
            raise _NotPlainError
        made.append(Evidence(_text(item["type"]), _text(item["reference"])))
    return made
