"""What a client may take up: bytes, time, and requests at once. The rim of the gateway, in plain ASGI.

`Limits` stands around the application: it counts, measures, and refuses before memory grows. `read_body`
reads a body within its bounds. `PatientProtocol` ends connections whose request head does not come.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from http import HTTPStatus
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from producers.gateway.metrics import GatewayMetrics
from producers.gateway.problems import MEDIA_TYPE, Problem, ProblemFound, problem

# An action has at most 65,535 bytes as Avro; as JSON with every character escaped some three times as much.
ACTION_BODY_BYTES_MAX: Final = 256 * 1024
BATCH_BODY_BYTES_MAX: Final = 8 * 1024 * 1024
BODY_SECONDS: Final = 10.0
# Of all open requests together: eight of the largest batches. What a batch is once it is read comes on top.
BODIES_BYTES_MAX: Final = 64 * 1024 * 1024
# A body that is too large is let pass by up to here: who is cut off while sending does not see the answer.
PASSED_BY_BYTES_MAX: Final = 64 * 1024 * 1024
HEAD_SECONDS: Final = 10.0
HEAD_BYTES_MAX: Final = 64 * 1024
REQUESTS_MAX: Final = 4_000
_ROUTES: Final = (
    "/v1/actions:batch",
    "/v1/actions",
    "/v1/registrations",
    "/v1/people",
    "/v1/permits",
    "/v1/decisions",
)

_log = structlog.get_logger()


def route_of(path: str) -> str:
    """Give the label of a path: never an id."""
    for route in _ROUTES:
        if path == route:
            return route
        if path.startswith(route + "/"):
            return route + "/{id}"
    return path if path in {"/metrics", "/health/live", "/health/ready", "/openapi.json"} else "other"


class BodyRoom:
    """The memory that the bodies of open requests may take up together."""

    def __init__(self, bytes_max: int = BODIES_BYTES_MAX) -> None:
        self._bytes_max: Final = bytes_max
        self._held = 0

    def take(self, size: int) -> bool:
        """Hold so many bytes more, if there is room for them."""
        if self._held + size > self._bytes_max:
            return False
        self._held += size
        return True

    def give_back(self, size: int) -> None:
        """Hold so many bytes less."""
        self._held -= size

    def __repr__(self) -> str:
        return f"BodyRoom({self._held} of {self._bytes_max} bytes)"


class _Share:
    """What one request holds of the room."""

    def __init__(self, room: BodyRoom) -> None:
        self._room: Final = room
        self._held = 0

    def take(self, size: int) -> bool:
        if not self._room.take(size):
            return False
        self._held += size
        return True

    def give_back(self) -> None:
        self._room.give_back(self._held)
        self._held = 0


# Where in the scope of a request its share stands.
_SHARE: Final = "neraca.share"


class Limits:
    """Counts and measures every request, and refuses one more than may be open."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: GatewayMetrics,
        requests_max: int = REQUESTS_MAX,
        room: BodyRoom | None = None,
    ) -> None:
        self._app: Final = app
        self._metrics: Final = metrics
        self._requests_max: Final = requests_max
        self._room: Final = room or BodyRoom()
        self._open = 0
        self._counters: Final[dict[tuple[str, int], Counter]] = {}
        self._histograms: Final[dict[str, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = route_of(scope["path"])
        started_at = time.perf_counter()
        status = 500
        is_begun = False

        async def noting(message: Message) -> None:
            nonlocal status, is_begun
            if message["type"] == "http.response.start":
                status = message["status"]
                is_begun = True
            await send(message)

        if self._open >= self._requests_max and not route.startswith("/health"):
            full = problem("TOO_MANY_REQUESTS", "too many requests are open")
            await _refuse(noting, full, (b"retry-after", b"1"))
        else:
            self._open += 1
            self._metrics.open_requests.set(self._open)
            share = scope[_SHARE] = _Share(self._room)
            try:
                await self._app(scope, receive, noting)
            except Exception as error:  # noqa: BLE001 - the last to see it, whatever it is
                await self._fail(error, noting, is_begun=is_begun)
            finally:
                share.give_back()
                self._open -= 1
                self._metrics.open_requests.set(self._open)
        self._counter(route, status).inc()
        self._histogram(route).observe(time.perf_counter() - started_at)

    async def _fail(self, error: Exception, send: Send, *, is_begun: bool) -> None:
        """Log what nobody expected, under a number that the client is told; no value of a request."""
        number = f"{time.time_ns():x}"
        # Where it happened, without the message: that, and the values on the way, may be a person's.
        where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        _log.error("gateway_error", number=number, error=type(error).__name__, where=where)
        if not is_begun:
            await _refuse(send, problem("INTERNAL", number=number))

    def _counter(self, route: str, status: int) -> Counter:
        key = (route, status)
        if key not in self._counters:
            self._counters[key] = self._metrics.requests.labels(route, str(status))
        return self._counters[key]

    def _histogram(self, route: str) -> Histogram:
        if route not in self._histograms:
            self._histograms[route] = self._metrics.seconds.labels(route)
        return self._histograms[route]


async def _refuse(send: Send, found: Problem, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close"), *more]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body()})


async def read_body(request: Request, bytes_max: int, seconds: float = BODY_SECONDS) -> bytes:
    """Read a body of at most so many bytes within so many seconds.

    Raises:
        ProblemFound: it is larger, or does not come, or there is no room for it.

    """
    body = _Body(bytes_max, request.scope[_SHARE])
    announced = request.headers.get("content-length", "")
    if announced.isdigit():
        body.announce(int(announced), is_asking="expect" in request.headers)
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                body.add(part)
    except TimeoutError:
        body.refuse("REQUEST_TOO_SLOW")
    except ClientDisconnect:
        # Nobody is there to read the answer.
        raise ProblemFound(problem("BAD_REQUEST", "the connection ended within the body")) from None
    return body.whole()


class _Body:
    """A body while it comes. Once it is refused, nothing of it is kept; yet it is let pass by."""

    def __init__(self, bytes_max: int, share: _Share) -> None:
        self._bytes_max: Final = bytes_max
        self._share: Final = share
        self._parts: Final[list[bytes]] = []
        self._size = 0
        self._refusal: Problem | None = None

    def announce(self, size: int, *, is_asking: bool) -> None:
        """Take note of how large it will be; who asks before sending is answered before.

        Raises:
            ProblemFound: it is so large that not even its passing is waited for.

        """
        if size > self._bytes_max:
            self.refuse("BODY_TOO_LARGE", f"more than {self._bytes_max} bytes")
            if is_asking or size > PASSED_BY_BYTES_MAX:
                self.whole()

    def add(self, part: bytes) -> None:
        """Take a piece.

        Raises:
            ProblemFound: it has no end.

        """
        self._size += len(part)
        if self._refusal is None and self._size > self._bytes_max:
            self.refuse("BODY_TOO_LARGE", f"more than {self._bytes_max} bytes")
        if self._refusal is None and not self._share.take(len(part)):
            self.refuse("TOO_MANY_REQUESTS", "the bodies of open requests are too large together")
        if self._refusal is None:
            self._parts.append(part)
        elif self._size > PASSED_BY_BYTES_MAX:
            self.whole()

    def refuse(self, code: str, detail: str = "") -> None:
        """Keep nothing of it, and why; the first reason stays."""
        self._parts.clear()
        self._share.give_back()
        if self._refusal is None:
            headers = {"Connection": "close"}
            if code == "TOO_MANY_REQUESTS":
                headers["Retry-After"] = "1"
            self._refusal = problem(code, detail, headers=headers)

    def whole(self) -> bytes:
        """Give it.

        Raises:
            ProblemFound: it is refused.

        """
        if self._refusal is not None:
            raise ProblemFound(self._refusal)
        return b"".join(self._parts)


class _HeadTooLarge(Exception):
    """The head of a request has more bytes than one may have."""


class PatientProtocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with an end to patience: the head of a request must come whole, small, and
    soon.

    uvicorn ends connections that are idle after an answer; one that never finishes its first head it keeps.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    # Of the head that is coming: what arrived of it, and what the parser has made lines of.
    _arrived_bytes = 0
    _parsed_bytes = 0

    def connection_made(  # type: ignore[override]  # uvicorn's own signature
        self, transport: asyncio.Transport
    ) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what comes before the end of a head; what comes behind it in one piece is no part of it."""
        if self._in_head:
            self._arrived_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._arrived_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._answer(problem("HEAD_TOO_LARGE", f"more than {HEAD_BYTES_MAX} bytes"))

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, or one whose head is too large, as everything is answered here."""
        del msg
        if self._parsed_bytes > HEAD_BYTES_MAX:
            self._answer(problem("HEAD_TOO_LARGE", f"more than {HEAD_BYTES_MAX} bytes"))
        else:
            self._answer(problem("BAD_REQUEST", "it is no HTTP request"))

    def on_url(self, url: bytes) -> None:
        """Count it."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count it, with the colon, the space and the end of the line."""
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_message_begin(self) -> None:
        """A further request on the same connection begins."""
        super().on_message_begin()
        if self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._stop_waiting()
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """What comes next is another head."""
        super().on_message_complete()
        self._in_head = True
        self._arrived_bytes = self._parsed_bytes = 0

    def _count(self, more_bytes: int) -> None:
        self._parsed_bytes += more_bytes
        if self._parsed_bytes > HEAD_BYTES_MAX:
            raise _HeadTooLarge

    def _answer(self, found: Problem) -> None:
        """Answer a request that no application has seen, and let it be the last of its connection."""
        self._stop_waiting()
        body = found.body()
        head = (
            f"HTTP/1.1 {found.status} {HTTPStatus(found.status).phrase}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.close()
