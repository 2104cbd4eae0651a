"""`neraca run SERVICE`: one service in the foreground, until SIGTERM or Ctrl-C.

The service itself lies in `consumers/`, the gateway in `producers/`.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import HomeOption

if TYPE_CHECKING:
    from neraca.settings import Settings


def run(
    service: Annotated[
        str, typer.Argument(help="decider, projector, gateway or archiver.", metavar="SERVICE")
    ],
    home: HomeOption = None,
    metrics_port: Annotated[
        int,
        typer.Option(
            min=0, max=65_535, help="Port for metrics and health, and of the gateway itself; 0: a free one."
        ),
    ] = 0,
    metrics_host: Annotated[
        str, typer.Option(help="Address for metrics and health; 0.0.0.0 in a container.")
    ] = "127.0.0.1",
) -> None:
    """Run one service in the foreground. `neraca up` runs all of them for you.

    Example: neraca run decider --metrics-port 9101
    """
    from neraca.settings import Settings
    from neraca.stack.topics import check_topics
    from schemas.errors import SettingsError

    services: dict[str, Callable[[Settings, str, int, threading.Event], None]] = {
        "decider": _decider,
        "projector": _projector,
        "gateway": _gateway,
        "archiver": _archiver,
    }
    if service not in services:
        raise SettingsError(
            f"there is no service {service!r}", advice=f"The services are: {', '.join(services)}."
        )
    settings = Settings.read(home=home)
    check_topics(settings.kafka_config(), settings.topic_prefix)
    _log_json_lines()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    services[service](settings, metrics_host, metrics_port, stop)


def _log_json_lines() -> None:
    """One JSON object a line on standard error: what the supervisor keeps and what log collectors read."""
    import structlog

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _decider(settings: "Settings", metrics_host: str, metrics_port: int, stop: threading.Event) -> None:
    from consumers import decider

    decider.run(
        decider.DeciderConfig(
            kafka=settings.kafka_config(),
            topic_prefix=settings.topic_prefix,
            state_folder=_folder(settings, "decider"),
            metrics_host=metrics_host,
            metrics_port=metrics_port,
        ),
        stop,
    )


def _projector(settings: "Settings", metrics_host: str, metrics_port: int, stop: threading.Event) -> None:
    from consumers import projector

    projector.run(
        projector.ProjectorConfig(
            kafka=settings.kafka_config(),
            topic_prefix=settings.topic_prefix,
            postgres_dsn=settings.postgres_dsn(),
            metrics_host=metrics_host,
            metrics_port=metrics_port,
        ),
        stop,
    )


def _gateway(settings: "Settings", host: str, port: int, stop: threading.Event) -> None:
    from neraca.gateway import wiring

    wiring.run(settings, host, port, stop)


def _archiver(settings: "Settings", metrics_host: str, metrics_port: int, stop: threading.Event) -> None:
    from consumers import archiver
    from neraca.archiving import home_archive, open_archive

    archiver.run(
        archiver.ArchiverConfig(
            kafka=settings.kafka_config(),
            topic_prefix=settings.topic_prefix,
            metrics_host=metrics_host,
            metrics_port=metrics_port,
        ),
        lambda: open_archive(settings, home_archive(settings), to_topic=True),
        stop,
    )


def _folder(settings: "Settings", service: str) -> Path:
    from neraca.stack.home import Home

    # Ledgers that share a home are told apart by their topics.
    folder = Home(settings.home).service_folder(service) / (settings.topic_prefix or "default")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
