"""What a service shows of itself over HTTP: metrics, liveness, readiness. Shared by all consumers.

    GET /metrics        Prometheus text
    GET /health/live    200 while the process runs its loop
    GET /health/ready   200 while it does its job; 503 with the reason otherwise

One registry a service and none global, so that several services run in one process, as tests do. Must not
decide what a service measures: each registers its own metrics on `registry`.
"""

from __future__ import annotations

import json
import platform
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Self, cast

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Info, generate_latest

from schemas.errors import NeracaError

_HTTP_OK: Final = 200
_HTTP_NOT_FOUND: Final = 404
_HTTP_UNAVAILABLE: Final = 503


class MetricsPortTaken(NeracaError):
    """Another program listens on the port for metrics."""


class Monitoring:
    """The HTTP server of one service, with the gauges and counters that every service has.

    Attributes:
        service: Its name, the label of the shared metrics.
        registry: Where the service registers its own metrics.
        port: The port that it listens on, also when it was chosen freely.

    """

    def __init__(self, service: str, port: int, host: str = "127.0.0.1") -> None:
        """Start to listen.

        Args:
            service: Name of the service.
            port: Port to listen on; 0 takes a free one.
            host: Address to listen on.

        Raises:
            MetricsPortTaken: another program listens there.

        """
        self.service: Final = service
        self.registry: Final = CollectorRegistry()
        self._seq = Gauge("neraca_seq", "Last decision handled.", ["service"], registry=self.registry)
        self._lag_records = Gauge(
            "neraca_lag_records", "Records that wait to be handled.", ["service"], registry=self.registry
        )
        self._lag_seconds = Gauge(
            "neraca_lag_seconds",
            "Age of the last record handled while others wait; 0 when none does.",
            ["service"],
            registry=self.registry,
        )
        self._passed_over = Counter(
            "neraca_journal_passed_over",
            "Journal records that no reader accepts: another decider, or other rules.",
            ["service"],
            registry=self.registry,
        )
        self._repeats = Counter(
            "neraca_journal_repeats",
            "Journal records dropped as identical to an accepted one.",
            ["service"],
            registry=self.registry,
        )
        self._ready = Gauge(
            "neraca_ready",
            "1 while the service does its job, 0 otherwise: see its /health/ready.",
            ["service"],
            registry=self.registry,
        )
        Info("neraca_build", "What runs here.", registry=self.registry).info(
            {"version": _version(), "python": platform.python_version()}
        )
        # A series that is there from the start is a zero; one that is not there is a question.
        self._seq.labels(service).set(-1)
        self._ready.labels(service).set(0)
        self._lag_records.labels(service).set(0)
        self._lag_seconds.labels(service).set(0)
        self._passed_over.labels(service)
        self._repeats.labels(service)
        self._passed_over_seen = 0
        self._repeats_seen = 0
        self._not_ready_because: str | None = "it is starting"
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            raise MetricsPortTaken(
                f"cannot listen on {host}:{port} for metrics of the {service}: {error.strerror}",
                advice="Choose another port for its metrics, or 0 for a free one.",
            ) from error
        self.port: Final[int] = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name=f"{service} metrics",
            daemon=True,
        )
        self._thread.start()

    def seq(self, value: int) -> None:
        """Say which decision was handled last; -1 before the first."""
        self._seq.labels(self.service).set(value)

    def lag(self, records: int, seconds: float) -> None:
        """Say how many records wait, and how old the last one handled is: shown only while others wait."""
        self._lag_records.labels(self.service).set(max(records, 0))
        self._lag_seconds.labels(self.service).set(max(seconds, 0.0) if records > 0 else 0.0)

    def acceptance(self, passed_over: int, repeats: int) -> None:
        """Take over the two counts of the journal reader in use, which begin at 0 with each reader."""
        self._passed_over.labels(self.service).inc(passed_over - self._passed_over_seen)
        self._repeats.labels(self.service).inc(repeats - self._repeats_seen)
        self._passed_over_seen = passed_over
        self._repeats_seen = repeats

    def new_reader(self) -> None:
        """Say that the counts given to `acceptance` begin at 0 again."""
        self._passed_over_seen = self._repeats_seen = 0

    def ready(self, ready: bool, because: str = "it is not ready") -> None:  # noqa: FBT001 - what it says
        """Say whether the service does its job, and if not, why."""
        self._not_ready_because = None if ready else because
        self._ready.labels(self.service).set(1 if ready else 0)

    @property
    def not_ready_because(self) -> str | None:
        """Why the service does not do its job; None while it does."""
        return self._not_ready_because

    def close(self) -> None:
        """Stop to listen."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Monitoring({self.service}, port={self.port}, not ready because {self._not_ready_because})"


def _version() -> str:
    try:
        return version("neraca")
    except PackageNotFoundError:
        return "unknown"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A service that was restarted may listen again at once; one that is taken stays an error.
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], monitoring: Monitoring) -> None:
        self.monitoring: Final = monitoring
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        monitoring = cast("_Server", self.server).monitoring
        if self.path == "/metrics":
            self._answer(_HTTP_OK, CONTENT_TYPE_LATEST, generate_latest(monitoring.registry))
        elif self.path == "/health/live":
            self._answer_json(_HTTP_OK, {"service": monitoring.service, "live": True})
        elif self.path == "/health/ready":
            reason = monitoring.not_ready_because
            body = {"service": monitoring.service, "ready": reason is None}
            self._answer_json(
                _HTTP_OK if reason is None else _HTTP_UNAVAILABLE,
                body if reason is None else {**body, "because": reason},
            )
        else:
            self._answer_json(_HTTP_NOT_FOUND, {"paths": ["/metrics", "/health/live", "/health/ready"]})

    def _answer_json(self, status: int, body: dict[str, Any]) -> None:
        self._answer(status, "application/json", json.dumps(body).encode() + b"\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape every few seconds is no event."""
