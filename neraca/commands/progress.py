"""Progress bars on standard error, where a person looks at them; silence in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from neraca.commands.lines import Lines

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class Bar(Protocol):
    """What a long work tells its bar."""

    def advance(self, count: int) -> None:
        """So many more are done."""
        ...

    def show(self, done: int, total: int | None = None, what: str | None = None) -> None:
        """So many are done, of so many; what is done now."""
        ...


class _NoBar:
    """Draws nothing."""

    def advance(self, count: int) -> None:
        """Draw nothing."""

    def show(self, done: int, total: int | None = None, what: str | None = None) -> None:
        """Draw nothing."""


@contextmanager
def progress(what: str, total: int | None = None, *, beside_output: bool) -> Iterator[Bar]:
    """Give a bar of a work of `total` pieces (None: not known yet).

    Drawn only if standard error is a terminal, and not between the lines of a result on the same one
    (`beside_output`): that helps nobody.
    """
    if not _is_watched(beside_output=beside_output):
        yield _NoBar()
        return
    from rich.progress import MofNCompleteColumn

    with _drawn(what, total, MofNCompleteColumn()) as bar:
        yield bar


@contextmanager
def progress_of(lines: Lines, what: str, *, beside_output: bool) -> Iterator[Callable[[], None]]:
    """Give a function to call after each piece; it draws how much of the input was read."""
    if not _is_watched(beside_output=beside_output):
        yield _nothing
        return
    from rich.progress import DownloadColumn

    with _drawn(what, lines.bytes_total, DownloadColumn()) as bar:
        yield lambda: bar.show(lines.bytes_read)


def _is_watched(*, beside_output: bool) -> bool:
    return sys.stderr.isatty() and not (beside_output and sys.stdout.isatty())


@contextmanager
def _drawn(what: str, total: int | None, figures: ProgressColumn) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), figures, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=total)

        class Drawn:
            def advance(self, count: int) -> None:
                bars.advance(task, count)

            def show(self, done: int, total: int | None = None, what: str | None = None) -> None:
                bars.update(task, completed=done, total=total, description=what)

        yield Drawn()


@contextmanager
def progress_by_step() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that takes what is being done, how far it is, and how far it goes."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total or None
        )


def _nothing() -> None:
    """Draw nothing."""
