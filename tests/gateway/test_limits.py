"""What a client may take up, and what memory may: every bound, and what is said at it."""

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, MutableMapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from librt.strings import BytesWriter
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from neraca.gateway.wiring import SENTENCES
from producers.gateway import limits
from producers.gateway.actions import ActionDesk
from producers.gateway.application import Parts, build
from producers.gateway.decisions import DecisionFeed, seq_and_offset
from producers.gateway.limits import BodyRoom, Limits, PatientProtocol, read_body, route_of
from producers.gateway.metrics import GatewayMetrics
from producers.gateway.outbox import Outbox
from producers.gateway.problems import KINDS, ProblemFound
from schemas.binary import write_long
from schemas.ids import built_in_ids
from tests.faults.services import eventually
from tests.gateway.desk import Desk


def decision(seq: int, offset: int, size: int = 0) -> bytes:
    """The head of a decision, as far as the feed reads it."""
    out = BytesWriter()
    write_long(out, seq)
    head = out.getvalue() + bytes(32)
    out = BytesWriter()
    write_long(out, offset)
    return head + out.getvalue() + bytes(size)


@given(st.lists(st.integers(1, 3), max_size=60), st.integers(1, 20), st.integers(50, 2_000))
def test_the_feed_is_bounded(steps: list[int], decisions_max: int, bytes_max: int) -> None:
    """However many decisions come, it keeps the newest ones within both bounds, and finds each by both
    numbers.
    """
    feed = DecisionFeed(decisions_max=decisions_max, bytes_max=bytes_max)
    offset = 0
    told = []
    for seq, step in enumerate(steps):
        offset += step
        told.append(decision(seq, offset, seq))
        feed.take([told[-1]])
        kept = [one for one in told if feed.by_seq(seq_and_offset(one)[0]) is not None]
        assert kept == told[len(told) - len(kept) :]
        assert len(kept) == len(feed) <= decisions_max
        assert sum(map(len, kept)) <= bytes_max
        assert kept == [feed.by_offset(seq_and_offset(one)[1]) for one in kept]
        assert seq == feed.last_seq


def test_who_waits_gets_it() -> None:
    """Several may wait for one decision; who stops waiting leaves nothing behind."""

    async def story() -> None:
        feed = DecisionFeed()
        asked = [asyncio.create_task(feed.wait(7, 5.0)) for _ in range(3)]
        hasty = asyncio.create_task(feed.wait(8, 0.01))
        await asyncio.sleep(0.05)
        assert None is await hasty
        assert 1 == feed.waiting
        feed.take([decision(6, 6), decision(7, 7)])
        assert [decision(7, 7)] * 3 == await asyncio.gather(*asked)
        assert 0 == feed.waiting
        assert decision(6, 6) == await feed.wait(6, 0)

    asyncio.run(story())


def test_no_room_for_more(unused_port: int) -> None:
    """Once as many actions wait as may, one more hears 429 and when to ask again; 503 while Kafka is away."""

    async def story() -> None:
        outbox = Outbox({"bootstrap.servers": f"127.0.0.1:{unused_port}"}, "actions", built_in_ids())

        async def earlier(_: int) -> None:
            raise AssertionError

        desk = ActionDesk(outbox, DecisionFeed(), {}, earlier, waiting_max=3)  # type: ignore[arg-type]
        with desk.admitted(2):
            with pytest.raises(ProblemFound) as refused, desk.admitted(2):
                pass
            with desk.admitted(1):
                assert 3 == desk.waiting
        assert 0 == desk.waiting
        assert (429, "1") == (refused.value.problem.status, refused.value.problem.headers["Retry-After"])
        await asyncio.to_thread(eventually, "it is noticed", lambda: not outbox.is_reachable, 20)
        await outbox.close()

    asyncio.run(story())


def test_every_problem_speaks_two_languages() -> None:
    """No problem of the gateway's own lacks a sentence, and none says the same in both."""
    for kind in KINDS.values():
        assert kind.sentence.english
        assert kind.sentence.indonesian
        assert kind.sentence.english != kind.sentence.indonesian


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/actions", "/v1/actions"),
        ("/v1/actions:batch", "/v1/actions:batch"),
        ("/v1/people/3f0c", "/v1/people/{id}"),
        ("/v1/people", "/v1/people"),
        ("/v1/peoples/x", "other"),
        ("/metrics", "/metrics"),
        ("/", "other"),
    ],
)
def test_no_id_becomes_a_label(path: str, route: str) -> None:
    """A metric's label is a route and never what stands in a path."""
    assert route == route_of(path)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server that waits half a second for a head, and has one open request at most."""
    monkeypatch.setattr(limits, "HEAD_SECONDS", 0.5)
    release = threading.Event()

    async def answer(_: Scope, __: Receive, send: Send) -> None:
        await asyncio.to_thread(release.wait)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    server = uvicorn.Server(
        uvicorn.Config(
            Limits(answer, GatewayMetrics("0"), requests_max=1),
            port=0,
            http=PatientProtocol,
            lifespan="off",
            log_config=None,
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    release.set()
    server.should_exit = True
    thread.join()


def drip(connection: socket.socket, piece: bytes, pause_seconds: float) -> None:
    """Send a piece again and again until the other side has had enough."""
    connection.sendall(b"GET / HTTP/1.1\r\n")
    for _ in range(400):
        try:
            connection.sendall(piece)
        except OSError:
            return
        time.sleep(pause_seconds)
    raise AssertionError("the connection is still there")


def test_a_head_that_does_not_come(patient: int) -> None:
    """A connection that says nothing, or drips its head, is ended; so is one whose head has no end."""
    with socket.create_connection(("127.0.0.1", patient)) as silent:
        silent.settimeout(10)
        assert b"" == silent.recv(1)
    with socket.create_connection(("127.0.0.1", patient)) as dripping:
        dripping.settimeout(10)
        started_at = time.monotonic()
        drip(dripping, b"G", 0.05)
        assert time.monotonic() - started_at < 8
    with socket.create_connection(("127.0.0.1", patient)) as endless:
        endless.settimeout(10)
        drip(endless, b"x: " + b"y" * 8_192 + b"\r\n", 0.001)


def answered(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Read one answer: its status and its document."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, json.loads(answer.read())


def head_of(size: int, path: str = "/health/live", extra: str = "") -> bytes:
    """The head of a request, of so many bytes from its path to its last header, as they are counted."""
    lines = [f"host: x{extra}"]
    counted = len(path) + sum(len(line) + 2 for line in lines)
    while size - counted > 2 * 8_192:
        lines.append("a: " + "y" * 8_187)
        counted += 8_192
    lines.append("a: " + "y" * (size - counted - 5))
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


@pytest.mark.parametrize("pieces", [1, 7])
def test_a_head_has_64_kib(desk: Desk, pieces: int) -> None:
    """As many bytes as documented are taken, one more is not; in one piece or in several, first or second."""
    with socket.create_connection(("127.0.0.1", desk.port)) as connection:
        connection.settimeout(10)
        for size, status in ((65_536, 200), (1_000, 200), (65_537, 431)):
            head = head_of(size)
            step = -(-len(head) // pieces)
            for start in range(0, len(head), step):
                connection.sendall(head[start : start + step])
                time.sleep(0.05 * (pieces - 1) / 7)
            found, document = answered(connection)
            assert status == found, (size, document)
        assert ("HEAD_TOO_LARGE", "more than 65536 bytes") == (document["code"], document["detail"])
        assert b"" == connection.recv(1)


def test_a_body_is_no_part_of_a_head(desk: Desk) -> None:
    """A head that comes in one piece with a large body is a small head all the same."""
    body = json.dumps({"x": "y" * 200_000}).encode()
    head = (
        "POST /v1/actions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {desk.key}\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", desk.port)) as connection:
        connection.settimeout(10)
        for _ in range(2):
            connection.sendall(head + body)
            assert 422 == answered(connection)[0]


def test_what_is_no_request(desk: Desk) -> None:
    """It is answered with a problem document as well."""
    with socket.create_connection(("127.0.0.1", desk.port)) as connection:
        connection.settimeout(10)
        connection.sendall(b"good morning\r\n\r\n")
        status, document = answered(connection)
        assert (400, "BAD_REQUEST", "it is no HTTP request") == (status, document["code"], document["detail"])


def test_too_many_open_requests(patient: int) -> None:
    """One more than may be open hears 429 at once, while health is always answered."""
    head = b"GET /v1/people/x HTTP/1.1\r\nHost: x\r\n\r\n"
    with (
        socket.create_connection(("127.0.0.1", patient)) as first,
        socket.create_connection(("127.0.0.1", patient)) as second,
    ):
        first.sendall(head)
        time.sleep(0.2)
        second.settimeout(10)
        second.sendall(head)
        assert second.recv(64).startswith(b"HTTP/1.1 429 ")


def bodies(sent: list[list[bytes]], room: BodyRoom) -> list[int]:
    """Send bodies in pieces to requests that are all open at once, and give each one's status."""
    together = asyncio.Barrier(len(sent))

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await read_body(Request(scope, receive), 100)
            status = 200
        except ProblemFound as found:
            status = found.problem.status
        await together.wait()
        await send({"type": "http.response.start", "status": status, "headers": []})

    limits_ = Limits(app, GatewayMetrics("0"), room=room)

    async def one(pieces: list[bytes]) -> int:
        waiting = list(pieces)
        told: list[int] = []

        async def receive() -> MutableMapping[str, object]:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

        async def send(message: MutableMapping[str, object]) -> None:
            told.append(cast("int", message["status"]))

        await limits_({"type": "http", "path": "/v1/actions", "headers": []}, receive, send)
        # All of it came in, also where nothing of it was kept: else the answer may not reach the client.
        assert [] == waiting
        return told[0]

    async def story() -> list[int]:
        return list(await asyncio.gather(*(one(pieces) for pieces in sent)))

    return asyncio.run(story())


def test_bodies_together_are_bounded() -> None:
    """Who comes when the room is taken hears 429, and what was held is given back in the end."""
    room = BodyRoom(310)
    assert [200, 200, 429, 413] == bodies([[b"x" * 50] * 2] * 3 + [[b"x" * 60] * 3], room)
    assert "BodyRoom(0 of 310 bytes)" == repr(room)
    assert [200] * 2 == bodies([[b"x" * 100]] * 2, room)


def test_a_bug_in_a_path_is_a_problem_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing between the paths and `Limits` answers in their place."""

    def measure() -> None:
        raise ValueError("of Siti")

    parts = SimpleNamespace(sentences=SENTENCES, version="0", measure=measure)
    told: list[dict[str, object]] = []

    async def send(message: MutableMapping[str, object]) -> None:
        told.append(dict(message))

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "path": "/metrics", "method": "GET", "headers": [], "query_string": b""}
    asyncio.run(Limits(build(cast("Parts", parts)), GatewayMetrics("0"))(scope, receive, send))
    assert "gateway_error" in "".join(capsys.readouterr())
    assert "INTERNAL" == json.loads(bytes(cast("bytes", told[1]["body"])))["code"]


@pytest.mark.parametrize("is_begun", [False, True])
def test_what_nobody_expected(capsys: pytest.CaptureFixture[str], *, is_begun: bool) -> None:
    """A bug becomes a problem document with a number; the log has that number, and nothing of the request."""

    async def broken(_: Scope, __: Receive, send: Send) -> None:
        if is_begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("of Siti")

    told: list[dict[str, object]] = []

    async def send(message: MutableMapping[str, object]) -> None:
        told.append(dict(message))

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.request", "body": b"Siti", "more_body": False}

    metrics = GatewayMetrics("0")
    scope = {"type": "http", "path": "/v1/people/Siti", "method": "GET", "headers": []}
    asyncio.run(Limits(broken, metrics)(scope, receive, send))
    logged = "".join(capsys.readouterr())
    assert "gateway_error" in logged
    assert "Siti" not in logged
    statuses = [message["status"] for message in told if "status" in message]
    assert [200 if is_begun else 500] == statuses
    if not is_begun:
        document = json.loads(bytes(cast("bytes", told[1]["body"])))
        assert "INTERNAL" == document["code"]
        assert document["number"] in logged
    count = metrics.registry.get_sample_value(
        "neraca_gateway_requests_total", {"route": "/v1/people/{id}", "status": str(statuses[0])}
    )
    assert 1.0 == count
