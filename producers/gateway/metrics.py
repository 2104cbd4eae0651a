"""What the gateway measures of itself. Labels are routes and statuses: never an id, never a person."""

from __future__ import annotations

import platform
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

SERVICE: Final = "gateway"
# Where 429 is the answer to too much at once, so that its count begins with a zero.
REFUSED_FOR_LOAD: Final = ("/v1/actions", "/v1/actions:batch")
_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class GatewayMetrics:
    """The gauges and counters of one gateway, on a registry of its own."""

    def __init__(self, version: str) -> None:
        registry = CollectorRegistry()
        self.registry: Final = registry
        Info("neraca_build", "What runs here.", registry=registry).info(
            {"version": version, "python": platform.python_version()}
        )
        self.seq: Final = Gauge("neraca_seq", "Last decision handled.", ["service"], registry=registry)
        self.ready: Final = Gauge(
            "neraca_ready",
            "1 while the service does its job, 0 otherwise: see its /health/ready.",
            ["service"],
            registry=registry,
        )
        self.lag_records: Final = Gauge(
            "neraca_lag_records", "Records that wait to be handled.", ["service"], registry=registry
        )
        self.lag_seconds: Final = Gauge(
            "neraca_lag_seconds",
            "Age of the last record handled while others wait; 0 when none does.",
            ["service"],
            registry=registry,
        )
        self.passed_over: Final = Counter(
            "neraca_journal_passed_over",
            "Journal records that no reader accepts: another decider, or other rules.",
            ["service"],
            registry=registry,
        )
        self.repeats: Final = Counter(
            "neraca_journal_repeats",
            "Journal records dropped as identical to an accepted one.",
            ["service"],
            registry=registry,
        )
        self.requests: Final = Counter(
            "neraca_gateway_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.seconds: Final = Histogram(
            "neraca_gateway_request_seconds",
            "From the request's head to its whole answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.open_requests: Final = Gauge(
            "neraca_gateway_open_requests", "Requests that are being answered.", registry=registry
        )
        self.waiting: Final = Gauge(
            "neraca_gateway_waiting_actions", "Actions whose decision is waited for.", registry=registry
        )
        self.acknowledged: Final = Gauge(
            "neraca_gateway_acknowledged_actions", "Actions that Kafka has for good.", registry=registry
        )
        self.kafka_reachable: Final = Gauge(
            "neraca_gateway_kafka_reachable", "1 while Kafka answers.", registry=registry
        )
        # A series that is there from the start is a zero; one that is not there is a question.
        self.seq.labels(SERVICE).set(-1)
        for route in REFUSED_FOR_LOAD:
            self.requests.labels(route, "429")
        for gauge in (self.ready, self.lag_records, self.lag_seconds):
            gauge.labels(SERVICE).set(0)
        for counter in (self.passed_over, self.repeats):
            counter.labels(SERVICE)
