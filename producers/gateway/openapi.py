"""The description of the gateway (OpenAPI 3.1), made of the contract's own tables: kinds, fields, refusals.

`docs/openapi.json` is this document, written by `python -m neraca.gateway.description`; a test fails when it
is stale. Holds no behaviour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from producers.gateway import examples
from producers.gateway.ports import Sentences
from producers.gateway.problems import KINDS as PROBLEMS
from producers.gateway.problems import problem, refusal
from schemas.kinds import (
    KINDS,
    LINE_SEXES,
    OFFICE_TYPES,
    PROVIDER_TYPES,
    RESTORE_IF_VALID_AT,
    SCHEMES,
    SEXES,
    SYSTEMS,
    UNIT_TAKEN_AT,
    KindOfAction,
)
from schemas.shape import (
    CLOCK_SKEW_SECONDS_MAX,
    EVIDENCE_MAX,
    ID_BYTES_MAX,
    LINES_MAX,
    TEXT_BYTES_MAX,
    UNITS_MAX,
)

Json = dict[str, Any]

DESCRIPTION: Final = """\
Actions in, decisions out. All but health, metrics and this description needs `Authorization: Bearer KEY`.

Sending the same action again with the same `action_id` is always safe: it is answered with the first
decision. An answer that did not come, or that says OUTCOME_UNKNOWN, is cleared up by just that.

Every answer from the tables says the `seq` that it is true at, in the body and in the header `Seq`. Whoever
must read what was just written sends that number back as `Min-Seq`.
"""


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _nullable(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: Json, required: Iterable[str] | None = None, *, closed: bool = False) -> Json:
    made: Json = {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
    }
    if closed:
        made["additionalProperties"] = False
    return made


def _array(items: Json, **limits: int) -> Json:
    return {"type": "array", "items": items, **limits}


# No text may hold U+0000, which PostgreSQL cannot store.
_ID: Final = {"type": "string", "minLength": 1, "maxLength": ID_BYTES_MAX, "pattern": "^[^\\u0000]+$"}
_TEXT: Final = {**_ID, "maxLength": TEXT_BYTES_MAX}
_PERSONAL_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 100}
_INSTANT: Final = {"type": "string", "format": "date-time"}
_DATE: Final = {"type": "string", "format": "date"}
_COUNTRY: Final = {"type": "string", "pattern": "^[A-Z]{2}$"}
_LINE: Final = {"type": "integer", "minimum": 1, "maximum": UNITS_MAX}
_SEQ: Final = {"type": "integer", "minimum": -1}
_SHA256: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}

_ACTION_FIELDS: Final[Mapping[str, Json]] = {
    **{
        name: _ref("Identifier")
        for name in (
            *(
                "registration_id",
                "person_id",
                "agency_id",
                "position",
                "permit_id",
                "candidate_id",
                "reference",
            ),
            *("training_id", "provider_id", "complaint_id", "topic", "channel", "second_officer"),
        )
    },
    "reason": _ref("Text"),
    "scheme": {"enum": list(SCHEMES)},
    "destination": _COUNTRY,
    "sex": {"enum": list(SEXES)},
    "line": _LINE,
    "valid_from": _DATE,
    "valid_to": _DATE,
    "lines": _array(_ref("PermitLine"), minItems=1, maxItems=LINES_MAX),
    "units": {"type": "integer", "minimum": 1, "maximum": UNITS_MAX},
    "policy": _ref("Policy"),
    "provider_type": {"enum": list(PROVIDER_TYPES)},
}


def _action(row: KindOfAction) -> Json:
    properties: Json = {
        "action_id": {"type": "string", "format": "uuid"},
        "kind": {"const": row.name},
        "system": {"enum": list(SYSTEMS)},
        "office": _ref("Office"),
        "officer": {**_ref("Identifier"), "description": "Commonly left out: it comes from the key."},
        "occurred_at": _INSTANT,
        "entered_at": {**_INSTANT, "description": "When absent, the gateway's clock."},
        **{name: _ACTION_FIELDS[name] for name in (*row.required, *row.optional)},
        "evidence": _array(_ref("Evidence"), maxItems=EVIDENCE_MAX),
        "sealed": {"type": "object", "description": "Sealed personal fields, opaque to the ledger."},
    }
    where = "; ".join(f"{system} ({', '.join(offices)})" for system, offices in row.offices.items())
    made = _object(
        properties, ["action_id", "kind", "system", "office", "occurred_at", *row.required], closed=True
    )
    if "permit_id" in row.optional:
        made["dependentRequired"] = {"permit_id": ["line"], "line": ["permit_id"]}
    if row.name == "registered":
        # Under P to P an agency places; under any other scheme there is none, and no permit.
        made["if"] = {"properties": {"scheme": {"const": "P_TO_P"}}}
        made["then"] = {"required": ["agency_id"]}
        made["else"] = {"properties": dict.fromkeys(("agency_id", "permit_id", "line"), False)}
    return {"title": row.name, "description": f"Sent by: {where}.", **made}


def _schemas(sentences: Sentences) -> Json:
    schemas: Json = {
        "Identifier": {**_ID, "description": f"Opaque; at most {ID_BYTES_MAX} bytes."},
        "Text": {**_TEXT, "description": f"Free of personal data; at most {TEXT_BYTES_MAX} bytes."},
        "Office": _object({"type": {"enum": list(OFFICE_TYPES)}, "code": _ref("Identifier")}, closed=True),
        "Evidence": _object({"type": _ref("Identifier"), "reference": _ref("Text")}, closed=True),
        "PermitLine": _object(
            {
                "line": _LINE,
                "position": _ref("Identifier"),
                "sex": {"enum": list(LINE_SEXES)},
                "units": _ACTION_FIELDS["units"],
            },
            closed=True,
        ),
        "Policy": _object(
            {
                "version": _ref("Identifier"),
                "registration_limit": _INSTANT,
                "closure": _INSTANT,
                "unit_taken_at": _object(
                    {name: {"enum": list(UNIT_TAKEN_AT)} for name in ("SISKOTKLN", "SIAPKERJA")}, closed=True
                ),
                "biometrics_not_required": _array({"enum": list(SYSTEMS)}),
                "agreement_not_required": _array({"enum": list(SCHEMES)}),
                "restore_if_valid_at": {"enum": list(RESTORE_IF_VALID_AT)},
                "restoration": {"type": "boolean"},
                "late_departures": {"type": "boolean"},
                "clock_skew_seconds": {"type": "integer", "minimum": 0, "maximum": CLOCK_SKEW_SECONDS_MAX},
            },
            closed=True,
        ),
        **{f"Action_{name}": _action(row) for name, row in KINDS.items()},
        "Action": {
            "oneOf": [_ref(f"Action_{name}") for name in KINDS],
            "discriminator": {
                "propertyName": "kind",
                "mapping": {name: f"#/components/schemas/Action_{name}" for name in KINDS},
            },
        },
        "Registration": _object(
            {
                **{name: {"type": "string"} for name in ("registration_id", "person_id", "system", "scheme")},
                "agency_id": {"type": ["string", "null"]},
                **{name: {"type": "string"} for name in ("destination", "position", "sex")},
                "stages": {"type": "object", "additionalProperties": _INSTANT},
                "status": {"enum": ["open", "departed", "cancelled", "reregistered", "voided"]},
                "unit": _nullable(_ref("Unit")),
                "reregistered_as": {"type": ["string", "null"]},
                "reregistered_from": {"type": ["string", "null"]},
                "stage_seqs": _array(_SEQ),
            }
        ),
        "Unit": _object(
            {
                "permit_id": {"type": "string"},
                "line": _LINE,
                "state": {"enum": ["held", "departed", "returned", "restored", "forfeited", "released"]},
            }
        ),
        "Posting": _object(
            {
                "permit_id": {"type": "string"},
                "line": _LINE,
                "from": {"type": "string"},
                "to": {"type": "string"},
                **{
                    name: {"type": "integer", "minimum": 0}
                    for name in ("units", "granted", "available", "reserved", "departed", "forfeited")
                },
            }
        ),
        "Decision": _object(
            {
                "seq": {"type": "integer", "minimum": 0},
                "action_offset": {"type": "integer", "minimum": 0},
                "outcome": {"enum": ["ACCEPTED", "REFUSED", "DUPLICATE", "UNREADABLE"]},
                "code": {"enum": list(sentences)},
                "first_seq": {"type": "integer", "minimum": 0},
                **{
                    name: {"type": ["string", "null"]}
                    for name in ("action_id", "kind", "system", "occurred_at", "entered_at")
                },
                "recorded_at": _INSTANT,
                "policy": {"type": "string"},
                "late": {"type": "boolean"},
                "action_sha256": _SHA256,
                "previous_sha256": _SHA256,
                "registrations": _array(_ref("Registration")),
                "postings": _array(_ref("Posting")),
                **dict.fromkeys(
                    ("permits", "agencies", "destinations", "people", "trainings", "complaints", "policies"),
                    _array({"type": "object"}),
                ),
            },
            [
                *(
                    "seq",
                    "action_offset",
                    "outcome",
                    "action_id",
                    "kind",
                    "system",
                    "occurred_at",
                    "entered_at",
                ),
                *(
                    "recorded_at",
                    "policy",
                    "late",
                    "action_sha256",
                    "previous_sha256",
                    "registrations",
                    "postings",
                ),
            ],
        ),
        "Problem": _object(
            {
                "type": {"type": "string"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "code": {"enum": [*PROBLEMS, *sentences]},
                "english": {"type": "string"},
                "indonesian": {"type": "string"},
                "seq": _SEQ,
                "problems": _array(
                    _object({name: {"type": "string"} for name in ("field", "reason", "advice")})
                ),
            },
            ["type", "title", "status", "detail", "code", "english", "indonesian"],
        ),
        "BatchResults": _object(
            {
                "results": _array(
                    _object(
                        {
                            "index": {"type": "integer", "minimum": 0},
                            "status": {"type": "integer"},
                            "decision": _ref("Decision"),
                            "problem": _ref("Problem"),
                            "action_offset": {"type": "integer"},
                            "location": {"type": "string"},
                        },
                        ["index", "status"],
                    )
                )
            }
        ),
        "Personal": _object(
            {
                "action_id": {"type": "string", "format": "uuid"},
                "person_id": {**_ref("Identifier"), "description": "Where known; else the NIK tells."},
                "personal": {
                    **_object(
                        {
                            "nik": {"type": "string", "pattern": "^[0-9]{16}$"},
                            "name": _PERSONAL_TEXT,
                            "birth_date": _DATE,
                            "passport": _PERSONAL_TEXT,
                        },
                        [],
                        closed=True,
                    ),
                    "minProperties": 1,
                },
            },
            ["action_id", "personal"],
            closed=True,
        ),
        "Sealed": _object(
            {
                "person_id": {"type": "string"},
                "sealed": _nullable({"type": "object"}),
            }
        ),
        "Undecided": _object(
            {
                "action_offset": {"type": "integer", "minimum": 0},
                "location": {"type": "string"},
                "decided": {"const": False},
            },
            ["action_offset"],
        ),
    }
    seen = {"seq": _SEQ}
    changed = {"changed_seq": _SEQ}
    registration = schemas["Registration"]["properties"]
    schemas["RegistrationSeen"] = _object({**seen, **registration, **changed})
    schemas["PersonSeen"] = _object(
        {
            **seen,
            "person_id": {"type": "string"},
            "held": {"type": "boolean"},
            "held_since": {"type": ["string", "null"]},
            "registrations": _array(_object({**registration, **changed})),
            "trainings": _array({"type": "object"}),
        }
    )
    # Zero bounds an account after each decision, not between the instants of what was decided otherwise.
    units = {
        "type": "integer",
        "description": "At an instant, movements that occurred by then; it can be below zero there.",
    }
    schemas["PermitSeen"] = _object(
        {
            **seen,
            **{name: {"type": "string"} for name in ("permit_id", "agency_id", "destination")},
            "valid_from": _DATE,
            "valid_to": _DATE,
            "revoked": {"type": "boolean"},
            **changed,
            "lines": _array(
                _object(
                    {
                        "line": _LINE,
                        "position": {"type": "string"},
                        "sex": {"type": "string"},
                        **dict.fromkeys(("granted", "available", "reserved", "departed", "forfeited"), units),
                    }
                )
            ),
        }
    )
    return schemas


def _answer(description: str, schema: str, example: Json | None = None, headers: Iterable[str] = ()) -> Json:
    content: Json = {"schema": _ref(schema)}
    if example is not None:
        content["example"] = example
    made: Json = {"description": description, "content": {"application/json": content}}
    if headers:
        made["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return made


def _problems(*codes: str) -> Json:
    """Give the answers that are problems of the gateway's own, by status."""
    answers: Json = {}
    for code in codes:
        kind = PROBLEMS[code]
        entry = answers.setdefault(
            str(kind.status),
            {
                "description": kind.sentence.title,
                "content": {"application/problem+json": {"schema": _ref("Problem"), "examples": {}}},
            },
        )
        extra: Json = {"seq": 17} if code == "NOT_THAT_FAR" else {}
        if code == "SHAPE":
            extra = {
                "problems": [
                    {"field": "sex", "reason": "it is no sex of a candidate", "advice": "F or M"},
                ]
            }
        example = {"value": problem(code, **extra).document()}
        entry["content"]["application/problem+json"]["examples"][code] = example
    return answers


def _refusals(sentences: Sentences) -> Json:
    shown = {
        code: {"value": refusal(code, sentence, 17, examples.DECISION["action_id"], "registered").document()}
        for code, sentence in sentences.items()
    }
    return {
        "description": "Refused by the rules: a decision, with its `seq`, and a sentence in two languages.",
        "content": {"application/problem+json": {"schema": _ref("Problem"), "examples": shown}},
    }


_EVERYWHERE: Final = (
    "BAD_REQUEST",
    "NOT_AUTHENTICATED",
    "TOO_MANY_REQUESTS",
    "HEAD_TOO_LARGE",
    "INTERNAL",
    "KEYS_UNAVAILABLE",
)
_READING: Final = (
    *_EVERYWHERE,
    "NOT_ALLOWED",
    "NOT_FOUND",
    "DATABASE_UNAVAILABLE",
    "JOURNAL_UNAVAILABLE",
)
_SENDING: Final = (
    *_EVERYWHERE,
    "NOT_ALLOWED",
    "OFFICER_NOT_YOURS",
    "REQUEST_TOO_SLOW",
    "BODY_TOO_LARGE",
    "MEDIA_TYPE_UNKNOWN",
    "SHAPE",
    "KAFKA_UNAVAILABLE",
    "JOURNAL_UNAVAILABLE",
    "OUTCOME_UNKNOWN",
)
_SEALING: Final = (
    *_EVERYWHERE,
    "NOT_ALLOWED",
    "REQUEST_TOO_SLOW",
    "BODY_TOO_LARGE",
    "MEDIA_TYPE_UNKNOWN",
    "SHAPE",
    "KEY_STORE_UNAVAILABLE",
    "DATABASE_UNAVAILABLE",
)
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`respond-async`: answer once Kafka has it. `wait=N`: wait at most N seconds, up to 30.",
    "examples": {"none": {"value": "wait=5"}, "async": {"value": "respond-async"}},
}
_LANGUAGE: Final = {
    "name": "Accept-Language",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`id`: `detail` in Bahasa Indonesia, unless it names a field. Both are always there.",
}
_AXES: Final = [
    {
        "name": "as_of",
        "in": "query",
        "schema": {"type": "string", "format": "date-time"},
        "description": "When it was true: only what had occurred by then.",
    },
    {
        "name": "known_at",
        "in": "query",
        "schema": {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "pattern": "^recorded:"},
                {"type": "integer", "minimum": 0},
            ]
        },
        "description": "When it was known: only what was entered by then; `recorded:` and an instant: only "
        "what the broker had recorded by then; or a `seq`: nothing decided later.",
    },
    {
        "name": "Min-Seq",
        "in": "header",
        "schema": {"type": "integer", "minimum": 0},
        "description": "Answer once the tables stand at this `seq`; waits up to five seconds, see Prefer.",
        "example": 17,
    },
    {**_PREFER, "description": "`wait=N`: wait at most N seconds for Min-Seq, up to 30.", "examples": {}},
]


def _get(summary: str, parameter: Json, answer: Json, description: str = "") -> Json:
    return {
        "summary": summary,
        "description": description,
        "parameters": [parameter, *_AXES, _LANGUAGE],
        "responses": {"200": answer, **_problems(*_READING, "NOT_THAT_FAR")},
    }


def _id(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": _ref("Identifier")}


def _number(name: str, description: str) -> Json:
    schema = {"type": "integer", "minimum": 0}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def _plain(summary: str, media_type: str, *, unavailable: bool = False) -> Json:
    schema: Json = {"type": "string"} if media_type == "text/plain" else {"type": "object"}
    content = {media_type: {"schema": schema}}
    responses: Json = {"200": {"description": summary, "content": content}}
    if unavailable:
        responses["503"] = {"description": "Not ready, with the reason.", "content": content}
    return {"summary": summary, "security": [], "responses": responses}


def document(sentences: Sentences, version: str) -> Json:
    """Give the whole description."""
    shown = {kind: {"value": action} for kind, action in examples.ACTIONS.items()}
    pair = [examples.ACTIONS["registered"], examples.ACTIONS["documents_verified"]]
    later = _answer(
        "On its way; `Location` tells where its decision will be.", "Undecided", headers=["Location"]
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Neraca gateway",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}],
        "paths": {
            "/v1/actions": {
                "post": {
                    "summary": "Send one action and get its decision",
                    "parameters": [_PREFER, _LANGUAGE],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": _ref("Action"), "examples": shown}},
                    },
                    "responses": {
                        "200": _answer(
                            "Sent before: the first decision.", "Decision", examples.DECISION, ["Seq"]
                        ),
                        "201": _answer("Accepted.", "Decision", examples.DECISION, ["Seq", "Location"]),
                        "202": later,
                        "409": _refusals(sentences),
                        **_problems(*_SENDING),
                    },
                }
            },
            "/v1/actions:batch": {
                "post": {
                    "summary": "Send many actions, decided in the order given",
                    "description": "Each has a status of its own, the same as if it had been sent alone.",
                    "parameters": [_PREFER, _LANGUAGE],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": _array(
                                    {"description": "An action. Each is judged by itself: see `status`."},
                                    minItems=1,
                                    maxItems=1000,
                                ),
                                "example": pair,
                            },
                            "application/x-ndjson": {"schema": {"type": "string"}},
                        },
                    },
                    "responses": {
                        "200": _answer("What became of each.", "BatchResults"),
                        "202": _answer("Where the decision of each will be.", "BatchResults"),
                        **_problems(*_SENDING),
                    },
                }
            },
            "/v1/actions/{action_offset}": {
                "get": {
                    "summary": "The decision on an action that was answered with 202",
                    "parameters": [_number("action_offset", "As in `Location`."), _PREFER, _LANGUAGE],
                    "responses": {
                        "200": _answer("Its decision.", "Decision", examples.DECISION, ["Seq"]),
                        "202": _answer("Not decided yet.", "Undecided", headers=["Retry-After"]),
                        **_problems(*_READING),
                    },
                }
            },
            "/v1/registrations/{registration_id}": {
                "get": _get(
                    "A registration",
                    _id("registration_id"),
                    _answer("As it stands.", "RegistrationSeen", examples.REGISTRATION_SEEN, ["Seq"]),
                )
            },
            "/v1/people": {
                "post": {
                    "summary": "Find a person by the NIK, or make one, and seal their fields for an action",
                    "description": "What comes back goes into the action of that `action_id`, and opens in "
                    "no other. `sealed` is null where the person was erased: send the action without it.",
                    "parameters": [_LANGUAGE],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": _ref("Personal"), "example": examples.PERSONAL}
                        },
                    },
                    "responses": {
                        "200": _answer("Whose it is, and what to send.", "Sealed", examples.SEALED),
                        **_problems(*_SEALING),
                    },
                }
            },
            "/v1/people/{person_id}": {
                "get": _get(
                    "A person's holds, registrations and trainings",
                    _id("person_id"),
                    _answer("As they stand.", "PersonSeen", examples.PERSON_SEEN, ["Seq"]),
                )
            },
            "/v1/permits/{permit_id}": {
                "get": _get(
                    "A permit and the accounts of its lines",
                    _id("permit_id"),
                    _answer("As it stands.", "PermitSeen", examples.PERMIT_SEEN, ["Seq"]),
                )
            },
            "/v1/decisions/{seq}": {
                "get": _get(
                    "A decision of the journal",
                    _number("seq", "Its number."),
                    _answer("The decision; it never changes.", "Decision", examples.DECISION, ["Seq"]),
                )
            },
            "/health/live": {"get": _plain("The process runs.", "application/json")},
            "/health/ready": {"get": _plain("Actions can be taken.", "application/json", unavailable=True)},
            "/metrics": {"get": _plain("Metrics for Prometheus.", "text/plain")},
            "/openapi.json": {"get": _plain("This description.", "application/json")},
        },
        "components": {
            "schemas": _schemas(sentences),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "`neraca keys`"}},
        },
    }
