"""`neraca up`, `down` and `status`: the embedded stack from the command line."""

import contextlib
from typing import TYPE_CHECKING, Annotated, Self

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from neraca.stack.embedded import EmbeddedStack, PartStatus, StackStatus


_WELL = frozenset({"running", "starting", "elsewhere"})


def up(
    home: HomeOption = None,
    services: Annotated[
        bool, typer.Option("--services/--no-services", help="Also run decider, projector and gateway.")
    ] = True,
    kafka_port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65_535, show_default=False, help="Port for Kafka; else the last one, else a free one."
        ),
    ] = None,
    postgres_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65_535,
            show_default=False,
            help="Port for PostgreSQL; else the last one, else a free one.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start Kafka, PostgreSQL and the services in one folder. What runs already stays as it is.

    The first start fetches Kafka (45 MB) into a cache; everything else came with the installation.

    Example: neraca up --home ./ledger
    """
    from neraca.settings import Settings
    from neraca.stack.embedded import SERVICES, EmbeddedStack

    stack = EmbeddedStack(Settings.read(home=home))
    with _Progress() as progress:
        status = stack.up(
            services=SERVICES if services else (),
            kafka_port=kafka_port,
            postgres_port=postgres_port,
            progress=progress.jars,
            say=progress.say,
        )
    _show(status, as_json=as_json)
    if not as_json:
        typer.echo(f"Stop it with: neraca down{_home_option(stack, home is not None)}")


def down(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Stop what `neraca up` started in this folder, and nothing else. Data stays.

    Example: neraca down --home ./ledger
    """
    from neraca.settings import Settings
    from neraca.stack.embedded import EmbeddedStack

    stack = EmbeddedStack(Settings.read(home=home))
    with _Progress() as progress:
        stopped = stack.down(say=progress.say)
    if as_json:
        print_json(
            {
                "home": str(stack.home.folder),
                "stopped": [
                    {"name": each.name, "pid": each.pid, "when_asked": each.when_asked} for each in stopped
                ],
            }
        )
        return
    if not stopped:
        typer.echo(f"nothing was running in {stack.home.folder}")
    for each in stopped:
        how = "stopped" if each.when_asked else "did not stop when asked and was killed"
        typer.echo(f"{each.name} (process {each.pid}) {how}")


def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show each part of the stack: whether it runs and answers, its process, port and memory.

    Example: neraca status --json
    """
    from neraca.settings import Settings
    from neraca.stack.embedded import EmbeddedStack

    _show(EmbeddedStack(Settings.read(home=home)).status(), as_json=as_json)


def _home_option(stack: "EmbeddedStack", given: bool) -> str:
    return f" --home {stack.home.folder}" if given else ""


def _show(found: "StackStatus", *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("part", "state", "process", "port", "up", "memory", ""):
        table.add_column(column, justify="right" if column in {"process", "port", "up", "memory"} else "left")
    for part in found.parts:
        table.add_row(*_row(part))
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for part in found.parts:
        # Too long for a column, and holding brackets that are no markup.
        if part.note and part.condition not in _WELL:
            console.print(f"{part.name}: {part.note}", markup=False)
    console.print(f"home: {found.home}", markup=False)
    for each in found.found_ended:
        console.print(f"it was down, and was started again: {each}", markup=False)
    if found.postgres is not None:
        console.print(f"tables: {found.postgres.psql}", markup=False)


def _row(part: "PartStatus") -> tuple[str, ...]:
    colour = {"running": "green", "elsewhere": "cyan", "starting": "yellow", "not ready": "yellow"}.get(
        part.condition, "red"
    )
    return (
        part.name,
        f"[{colour}]{part.condition}[/]",
        str(part.pid or ""),
        str(part.port or ""),
        _duration(part.uptime_seconds),
        f"{part.memory_mb:.0f} MB" if part.memory_mb is not None else "",
        part.note if part.condition in _WELL else "",
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class _Progress:
    """A line of progress on a terminal, nothing in a pipe.

    Goes to standard error; results go to standard output.
    """

    def __enter__(self) -> Self:
        from rich.console import Console

        console = Console(stderr=True)
        self._stack = contextlib.ExitStack()
        self._status = self._stack.enter_context(console.status("looking")) if console.is_terminal else None
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def say(self, what: str) -> None:
        """What is going on now."""
        if self._status is not None:
            self._status.update(what)

    def jars(self, there: int, needed: int) -> None:
        """How far the download is."""
        if self._status is not None:
            self._status.update(f"fetching Kafka: {there} of {needed} jars")
