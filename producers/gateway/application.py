"""The paths of the gateway: what comes in is read, judged, passed on, and answered. FastAPI over the parts
beside it.

Knows HTTP; each handler is a few lines around `actions.py` and `reads.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from fastapi import FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.routing import Route

from producers.gateway import openapi
from producers.gateway.actions import ActionDesk, Answer, load_action, load_batch, problem_answer
from producers.gateway.decisions import DecisionFeed
from producers.gateway.limits import ACTION_BODY_BYTES_MAX, BATCH_BODY_BYTES_MAX, read_body
from producers.gateway.metrics import GatewayMetrics
from producers.gateway.moments import Moment, moment
from producers.gateway.ports import (
    Access,
    AccessRecords,
    AuthenticationUnavailable,
    Authenticator,
    NotAuthenticated,
    Principal,
    Sealer,
    SealerUnavailable,
    Sentences,
)
from producers.gateway.problems import Problem, ProblemFound, problem, shape_problem
from producers.gateway.reads import Reads, Seen, database_errors
from producers.sealing.clear import PERSONAL, Clear, clear_of
from producers.sealing.guard import may_identify
from schemas.codec import decode_decision
from schemas.decision_json import decision_json
from schemas.errors import ShapeError
from schemas.instants import BadInstantError
from schemas.shape import ID_BYTES_MAX
from schemas.shape import Problem as ShapeProblem
from schemas.strict_json import compact, load_object

WAIT_SECONDS: Final = 5.0
WAIT_SECONDS_MAX: Final = 30.0
BATCH_WAIT_SECONDS: Final = 15.0
_SEQ_DIGITS_MAX: Final = 18
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Parts:
    """What the paths are made of."""

    authenticator: Authenticator
    access_records: AccessRecords
    desk: ActionDesk
    feed: DecisionFeed
    reads: Reads
    sealer: Sealer
    metrics: GatewayMetrics
    # Why no actions can be taken at the moment; None while they can.
    not_ready_because: Callable[[], str | None]
    # Brings the gauges up to date before they are shown.
    measure: Callable[[], None]
    sentences: Sentences
    version: str


def build(parts: Parts) -> FastAPI:
    """Give the application."""
    # The pages of documentation that FastAPI brings fetch scripts from elsewhere; /openapi.json says it all.
    app = FastAPI(title="Neraca", docs_url=None, redoc_url=None, openapi_url=None)
    paths = _Paths(parts)
    routes: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("POST", "/v1/actions", paths.post_action),
        ("POST", "/v1/actions:batch", paths.post_batch),
        ("GET", "/v1/actions/{offset}", paths.get_action),
        ("POST", "/v1/people", paths.post_person),
        ("GET", "/v1/registrations/{id:path}", paths.get_registration),
        ("GET", "/v1/people/{id:path}", paths.get_person),
        ("GET", "/v1/permits/{id:path}", paths.get_permit),
        ("GET", "/v1/decisions/{seq}", paths.get_decision),
        ("GET", "/health/live", paths.live),
        ("GET", "/health/ready", paths.ready),
        ("GET", "/metrics", paths.metrics),
        ("GET", "/openapi.json", paths.openapi),
    ]
    for method, path, handler in routes:
        # Plain routes: bodies are read by hand, within limits, so there is nothing for FastAPI to resolve.
        app.router.routes.append(Route(path, handler, methods=[method]))
    app.add_exception_handler(ProblemFound, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)
    # A redirection would name the scheme that the gateway sees, behind TLS the wrong one.
    app.router.redirect_slashes = False
    return app


class _Paths:
    """One method for each path."""

    def __init__(self, parts: Parts) -> None:
        self._parts: Final = parts
        self._openapi: Final = compact(openapi.document(parts.sentences, parts.version)).encode() + b"\n"

    async def post_action(self, request: Request) -> Response:
        """Take one action."""
        principal = await self._who(request)
        _expect_json(request)
        is_async, wait_seconds = _preferences(request, WAIT_SECONDS)
        body = await read_body(request, ACTION_BODY_BYTES_MAX)
        answer = await self._parts.desk.one(
            principal, body, wait_seconds, is_async=is_async, indonesian=_is_indonesian(request)
        )
        return _response(answer)

    async def post_batch(self, request: Request) -> Response:
        """Take many."""
        principal = await self._who(request)
        is_lines = _expect_json(request, lines=True)
        is_async, wait_seconds = _preferences(request, BATCH_WAIT_SECONDS)
        rows = load_batch(await read_body(request, BATCH_BODY_BYTES_MAX), is_lines=is_lines)
        answer = await self._parts.desk.batch(
            principal, rows, wait_seconds, is_async=is_async, indonesian=_is_indonesian(request)
        )
        return _response(answer)

    async def post_person(self, request: Request) -> Response:
        """Find a person by the NIK, or make one, and seal their fields for one action."""
        principal = await self._who(request)
        _expect_json(request)
        value = load_action(await read_body(request, ACTION_BODY_BYTES_MAX))
        if not principal.systems:
            raise ProblemFound(problem("NOT_ALLOWED", "the key sends no actions, so it seals nothing"))
        try:
            sealing = await self._parts.sealer.seal(_clear(value))
        except SealerUnavailable:
            raise ProblemFound(problem("KEY_STORE_UNAVAILABLE", headers={"Retry-After": "1"})) from None
        if sealing.problem is not None:
            raise ProblemFound(shape_problem([sealing.problem]))
        status = 410 if sealing.sealed is None else 200
        await self._keep(principal, "seal", sealing.person_id, status, {})
        sealed = None if sealing.sealed is None else load_object(sealing.sealed)
        return _json(200, {"person_id": sealing.person_id, "sealed": sealed}, {"Cache-Control": "no-store"})

    async def get_action(self, request: Request) -> Response:
        """Give the decision on an action that was answered with 202, or 202 again while there is none."""
        principal = await self._who(request)
        offset = _number(request.path_params["offset"])
        _, wait_seconds = _preferences(request, 0.0)
        avro = await self._parts.feed.wait(offset, wait_seconds)
        if avro is not None:
            decision = decode_decision(avro)
        else:
            seq = await self._parts.reads.seq_of_offset(offset)
            if seq is None:
                body = compact({"action_offset": offset, "decided": False}).encode() + b"\n"
                return Response(body, 202, {"Retry-After": "1"}, _JSON)
            _, found = await self._parts.reads.decision(seq)
            if found is None:
                raise ProblemFound(problem("NOT_FOUND"))
            decision = found
        if not principal.may_read("decisions") and decision.officer != principal.officer:
            await self._keep(principal, "decision", str(decision.seq), 403, {})
            raise ProblemFound(problem("NOT_ALLOWED", "the key reads no decisions but its officer's own"))
        seq_text = str(decision.seq)
        await self._keep(principal, "decision", seq_text, 200, {})
        headers = {"Seq": seq_text, "Content-Location": f"/v1/decisions/{seq_text}"}
        return Response(decision_json(decision).encode() + b"\n", 200, headers, _JSON)

    async def get_registration(self, request: Request) -> Response:
        """Give a registration."""
        return await self._entity(request, "registrations", self._parts.reads.registration, is_personal=True)

    async def get_person(self, request: Request) -> Response:
        """Give a person."""
        return await self._entity(request, "people", self._parts.reads.person, is_personal=True)

    async def get_permit(self, request: Request) -> Response:
        """Give a permit and its lines."""
        return await self._entity(request, "permits", self._parts.reads.permit, is_personal=False)

    async def get_decision(self, request: Request) -> Response:
        """Give a decision. It never changes; on the two axes it is there or not yet."""
        principal = await self._who(request)
        seq = _number(request.path_params["seq"])
        at = _moment(request)
        await self._reach(request)
        if not principal.may_read("decisions"):
            await self._keep(principal, "decision", str(seq), 403, request.query_params)
            raise ProblemFound(problem("NOT_ALLOWED", "the key reads no decisions"))
        position, decision = await self._parts.reads.decision(seq)
        is_there = decision is not None and (at.is_now or at.includes(decision))
        await self._keep(principal, "decision", str(seq), 200 if is_there else 404, request.query_params)
        if decision is None or not is_there:
            raise ProblemFound(problem("NOT_FOUND", headers={"Seq": str(position)}, seq=position))
        return Response(
            decision_json(decision).encode() + b"\n",
            200,
            {"Seq": str(position), "Cache-Control": "no-store"},
            _JSON,
        )

    async def live(self, _: Request) -> Response:
        """Say that the process runs."""
        return _json(200, {"service": "gateway", "live": True})

    async def ready(self, _: Request) -> Response:
        """Say whether actions can be taken."""
        reason = self._parts.not_ready_because()
        if reason is None:
            return _json(200, {"service": "gateway", "ready": True})
        return _json(503, {"service": "gateway", "ready": False, "because": reason})

    async def metrics(self, _: Request) -> Response:
        """Give the metrics."""
        self._parts.measure()
        return Response(
            generate_latest(self._parts.metrics.registry), 200, {"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def openapi(self, _: Request) -> Response:
        """Give the description of all this."""
        return Response(self._openapi, 200, None, _JSON)

    async def _who(self, request: Request) -> Principal:
        try:
            return await self._parts.authenticator.authenticate(request.headers.get("authorization"))
        except NotAuthenticated as error:
            headers = {"WWW-Authenticate": 'Bearer realm="neraca"'}
            raise ProblemFound(problem("NOT_AUTHENTICATED", error.reason, headers=headers)) from None
        except AuthenticationUnavailable:
            raise ProblemFound(problem("KEYS_UNAVAILABLE", headers={"Retry-After": "1"})) from None

    async def _reach(self, request: Request) -> None:
        text = request.headers.get("min-seq")
        if text is None:
            return
        if not (text.isascii() and text.isdigit() and len(text) <= _SEQ_DIGITS_MAX):
            raise ProblemFound(problem("BAD_REQUEST", "Min-Seq is no seq"))
        _, wait_seconds = _preferences(request, WAIT_SECONDS)
        await self._parts.reads.reach(int(text), wait_seconds)

    async def _entity(
        self,
        request: Request,
        scope: str,
        read: Callable[[str, Moment], Awaitable[Seen]],
        *,
        is_personal: bool,
    ) -> Response:
        principal = await self._who(request)
        subject = request.path_params["id"]
        at = _moment(request)
        if not 0 < len(subject.encode("utf-8", "replace")) <= ID_BYTES_MAX or "\x00" in subject:
            raise ProblemFound(problem("NOT_FOUND"))
        if not principal.may_read(scope):
            if is_personal:
                await self._keep(principal, scope, subject, 403, request.query_params)
            raise ProblemFound(problem("NOT_ALLOWED", f"the key reads no {scope}"))
        await self._reach(request)
        seen = await read(subject, at)
        if is_personal:
            status = 404 if seen.document is None else 200
            await self._keep(principal, scope, subject, status, request.query_params)
        headers = {"Seq": str(seen.seq), "Cache-Control": "no-store"}
        if seen.document is None:
            raise ProblemFound(problem("NOT_FOUND", headers=headers, seq=seen.seq))
        return Response(compact({"seq": seen.seq, **seen.document}).encode() + b"\n", 200, headers, _JSON)

    async def _keep(
        self, principal: Principal, kind: str, subject_id: str, status: int, parameters: Mapping[str, str]
    ) -> None:
        """Keep who looked at whom; where that cannot be kept, nothing is shown."""
        if status not in {200, 410} and may_identify(subject_id):
            # Whoever looks for a person by NIK or name finds nobody, and must not leave it here.
            subject_id = ""
        axes = {name: parameters[name] for name in ("as_of", "known_at") if name in parameters}
        access = Access(principal.key_id, principal.officer, kind, subject_id, status, axes)
        with database_errors():
            try:
                await self._parts.access_records.keep(access)
            except (psycopg.Error, PoolTimeout, TimeoutError) as error:
                raise ProblemFound(problem("DATABASE_UNAVAILABLE", headers={"Retry-After": "1"})) from error


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, answer.media_type)


def _json(status: int, document: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(compact(document).encode() + b"\n", status, headers, _JSON)


def _clear(value: dict[str, object]) -> Clear:
    """Read what is to be sealed.

    Raises:
        ProblemFound: it breaks the shape.

    """
    if any(name not in {"action_id", "person_id", PERSONAL} for name in value):
        only = ShapeProblem("", "it has another field", f"only action_id, {PERSONAL}, and person_id if known")
        raise ProblemFound(shape_problem([only]))
    try:
        return clear_of(value)
    except ShapeError as error:
        raise ProblemFound(shape_problem(error.problems)) from None


def _is_indonesian(request: Request) -> bool:
    language = request.headers.get("accept-language", "").strip().lower()
    return language[:2] in {"id", "in"} and not language[2:3].isalpha()


def _expect_json(request: Request, *, lines: bool = False) -> bool:
    """Tell whether the body is lines of JSON; where no media type is given, it is JSON."""
    media_type = request.headers.get("content-type", _JSON).partition(";")[0].strip().lower()
    if lines and media_type in {"application/x-ndjson", "application/ndjson", "application/jsonl"}:
        return True
    if media_type not in {_JSON, ""}:
        raise ProblemFound(problem("MEDIA_TYPE_UNKNOWN"))
    return False


def _preferences(request: Request, wait_seconds: float) -> tuple[bool, float]:
    """Read `Prefer` (RFC 7240): `respond-async`, and `wait=SECONDS` up to a limit; what is not known is
    ignored.
    """
    is_async = False
    for text in ",".join(request.headers.getlist("prefer")).split(","):
        name, _, value = text.partition(";")[0].strip().lower().partition("=")
        if name == "respond-async":
            is_async = True
        elif name == "wait" and value.isascii() and value.isdigit() and len(value) < _SEQ_DIGITS_MAX:
            wait_seconds = min(float(value), WAIT_SECONDS_MAX)
    return is_async, wait_seconds


def _moment(request: Request) -> Moment:
    try:
        return moment(request.query_params.get("as_of"), request.query_params.get("known_at"))
    except BadInstantError as error:
        advice = "as_of is an instant with an offset; known_at is one, one behind recorded:, or a seq"
        raise ProblemFound(problem("BAD_REQUEST", f"{error.reason}: {advice}")) from None


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _SEQ_DIGITS_MAX):
        raise ProblemFound(problem("NOT_FOUND"))
    return int(text)


async def _on_problem(request: Request, error: Exception) -> Response:
    found = error.problem if isinstance(error, ProblemFound) else problem("INTERNAL")
    return _answer(request, found)


async def _on_error(_: Request, error: Exception) -> Response:
    """Leave what nobody expected to `Limits`: Starlette would answer it, and in plain text."""
    raise error


async def _on_http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    code = {404: "NO_SUCH_PATH", 405: "METHOD_NOT_ALLOWED"}.get(status, "BAD_REQUEST")
    return _answer(request, problem(code, headers=headers))


def _answer(request: Request, found: Problem) -> Response:
    return _response(problem_answer(found, indonesian=_is_indonesian(request)))
