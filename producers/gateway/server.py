"""Runs the gateway: its parts in the right order, uvicorn around them, and an end in which nothing is lost.

Stopping: no new connections, open requests are answered, Kafka has what was handed over, then the parts
close. An action is acknowledged when its decision, or for `respond-async` the broker's receipt, was seen:
neither can be taken back by an end of this process.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
import uvicorn
import uvloop

from producers.gateway.actions import ActionDesk
from producers.gateway.application import Parts, build
from producers.gateway.decisions import DecisionFeed
from producers.gateway.limits import Limits, PatientProtocol
from producers.gateway.metrics import SERVICE, GatewayMetrics
from producers.gateway.outbox import Outbox
from producers.gateway.ports import AccessRecords, Authenticator, Journal, Sealer, Sentences
from producers.gateway.reads import Pool, Reads, earlier, open_pool
from schemas.errors import NeracaError
from schemas.ids import SchemaIds

# An action waits for its decision for five seconds; a batch for fifteen.
DRAIN_SECONDS: Final = 17
KEEP_ALIVE_SECONDS: Final = 75
CONNECTIONS_MAX: Final = 5_000
BACKLOG: Final = 1_024
LOOK_SECONDS: Final = 0.1

_log = structlog.get_logger()


class GatewayFailed(NeracaError):
    """The gateway cannot go on and ends, so that whoever runs it starts it again."""


@dataclass(frozen=True, slots=True)
class Following:
    """How far the journal is followed, for readiness and metrics."""

    at_end: bool
    last_seq: int = -1
    lag_records: int = 0
    lag_seconds: float = 0.0
    passed_over: int = 0
    repeats: int = 0
    failure: str | None = None


class Follower(Protocol):
    """Whoever follows the journal and gives the decisions to the feed."""

    def start(self, feed: DecisionFeed) -> None:
        """Begin, from the journal's end; decisions are given in the loop that calls this."""
        ...

    def following(self) -> Following:
        """Say how far it is."""
        ...

    def close(self) -> None:
        """Stop, and wait until it has."""
        ...


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Plain values, and what only the outside can make. The factories are called in the event loop."""

    kafka: Mapping[str, str | int]
    actions_topic: str
    schema_ids: SchemaIds
    postgres_dsn: str
    sentences: Sentences
    version: str
    follower: Follower
    journal: Journal
    sealer: Sealer
    authenticator: Callable[[Pool], Authenticator]
    access_records: Callable[[Pool], AccessRecords]
    host: str = "127.0.0.1"
    port: int = 0


async def serve(config: GatewayConfig, stop: threading.Event) -> None:
    """Serve until `stop` is set or the process gets SIGTERM or SIGINT.

    Raises:
        GatewayFailed: the port is taken, or the journal cannot be followed any more.

    """
    async with AsyncExitStack() as closing:
        metrics = GatewayMetrics(config.version)
        pool = await open_pool(config.postgres_dsn)
        closing.push_async_callback(pool.close)
        feed = DecisionFeed()
        config.follower.start(feed)
        closing.push_async_callback(asyncio.to_thread, config.follower.close)
        outbox = Outbox(config.kafka, config.actions_topic, config.schema_ids)
        closing.push_async_callback(outbox.close)
        reads = Reads(pool, config.journal, feed.by_seq)
        desk = ActionDesk(outbox, feed, config.sentences, earlier(reads))
        parts = Parts(
            authenticator=config.authenticator(pool),
            access_records=config.access_records(pool),
            desk=desk,
            feed=feed,
            reads=reads,
            sealer=config.sealer,
            metrics=metrics,
            not_ready_because=lambda: _not_ready_because(config.follower.following(), outbox),
            measure=_Gauges(metrics, config.follower, outbox, desk).measure,
            sentences=config.sentences,
            version=config.version,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                Limits(build(parts), metrics),
                host=config.host,
                port=config.port,
                http=PatientProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                # What it has to tell, its answers and ours tell as well.
                log_level="critical",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        watching = asyncio.create_task(_watch(server, config.follower, outbox, stop))
        try:
            await server.serve()
        except SystemExit:
            # What uvicorn does where it cannot listen.
            raise GatewayFailed(
                f"cannot listen on {config.host}:{config.port}",
                advice="Choose another port, or stop the program that listens there.",
            ) from None
        finally:
            watching.cancel()
    failure = config.follower.following().failure or outbox.fatal
    if failure is not None:
        raise GatewayFailed(f"the gateway cannot go on: {failure}", advice="It is safe to start it again.")


async def _watch(server: uvicorn.Server, follower: Follower, outbox: Outbox, stop: threading.Event) -> None:
    """Tell the port once it listens; end the server when asked to, or when a part is gone for good."""
    is_told = False
    while True:
        if server.started and not is_told:
            is_told = True
            port = server.servers[0].sockets[0].getsockname()[1]
            _log.info("gateway_listens", port=port)
        if stop.is_set() or follower.following().failure is not None or outbox.fatal is not None:
            server.should_exit = True
            return
        await asyncio.sleep(LOOK_SECONDS)


def _not_ready_because(following: Following, outbox: Outbox) -> str | None:
    if following.failure is not None:
        return following.failure
    if not following.at_end:
        return "it has not reached the end of the journal"
    if not outbox.is_reachable:
        return "Kafka does not answer"
    return None


class _Gauges:
    """Takes over counts that begin at zero with each reader, and states, when metrics are asked for."""

    def __init__(self, metrics: GatewayMetrics, follower: Follower, outbox: Outbox, desk: ActionDesk) -> None:
        self._metrics: Final = metrics
        self._follower: Final = follower
        self._outbox: Final = outbox
        self._desk: Final = desk
        self._passed_over = 0
        self._repeats = 0

    def measure(self) -> None:
        """Bring every gauge up to date."""
        metrics, following = self._metrics, self._follower.following()
        metrics.seq.labels(SERVICE).set(following.last_seq)
        metrics.ready.labels(SERVICE).set(0 if _not_ready_because(following, self._outbox) else 1)
        metrics.lag_records.labels(SERVICE).set(following.lag_records)
        metrics.lag_seconds.labels(SERVICE).set(following.lag_seconds)
        metrics.passed_over.labels(SERVICE).inc(max(0, following.passed_over - self._passed_over))
        metrics.repeats.labels(SERVICE).inc(max(0, following.repeats - self._repeats))
        self._passed_over, self._repeats = following.passed_over, following.repeats
        metrics.waiting.set(self._desk.waiting)
        metrics.acknowledged.set(self._outbox.acknowledged)
        metrics.kafka_reachable.set(1 if self._outbox.is_reachable else 0)


def run(config: GatewayConfig, stop: threading.Event) -> None:
    """Run `serve` in an event loop of its own, on uvloop."""
    started_at = time.monotonic()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(config, stop))
    _log.info("gateway_ended", after_seconds=round(time.monotonic() - started_at, 1))
