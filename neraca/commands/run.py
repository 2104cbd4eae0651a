"""`neraca run SERVICE`:

one service in the foreground, until SIGTERM or Ctrl-C. The service itself lies in `consumers/`.
"""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import HomeOption

if TYPE_CHECKING:
    from neraca.settings import Settings


def run(
    service: Annotated[str, typer.Argument(help="decider or projector.", metavar="SERVICE")],
    home: HomeOption = None,
    metrics_port: Annotated[
        int,
        typer.Option(min=0, max=65_535, help="Port for metrics and health on the loopback address; 0: none."),
    ] = 0,
) -> None:
    """Run one service in the foreground. `neraca up` runs all of them for you.

    Example: neraca run decider --metrics-port 9101
    """
    from neraca.settings import Settings
    from neraca.stack.topics import check_topics
    from schemas.errors import SettingsError

    services: dict[str, Callable[[Settings, int, threading.Event], None]] = {
        "decider": _decider,
        "projector": _projector,
    }
    if service not in services:
        raise SettingsError(
            f"there is no service {service!r}", advice=f"The services are: {', '.join(services)}."
        )
    settings = Settings.read(home=home)
    check_topics(settings.kafka_config(), settings.topic_prefix)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    services[service](settings, metrics_port, stop)


def _decider(settings: "Settings", metrics_port: int, stop: threading.Event) -> None:
    from consumers import decider

    decider.run(
        decider.DeciderConfig(
            kafka=settings.kafka_config(),
            topic_prefix=settings.topic_prefix,
            state_folder=_folder(settings, "decider"),
            metrics_port=metrics_port,
        ),
        stop,
    )


def _projector(settings: "Settings", metrics_port: int, stop: threading.Event) -> None:
    from consumers import projector

    projector.run(
        projector.ProjectorConfig(
            kafka=settings.kafka_config(),
            topic_prefix=settings.topic_prefix,
            postgres_dsn=settings.postgres_dsn(),
            metrics_port=metrics_port,
        ),
        stop,
    )


def _folder(settings: "Settings", service: str) -> Path:
    from neraca.stack.home import Home

    folder = Home(settings.home).service_folder(service)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
