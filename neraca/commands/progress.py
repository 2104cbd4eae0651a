"""A progress bar on standard error, where a person looks at it; silence in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from neraca.commands.lines import Lines


@contextmanager
def progress_of(lines: Lines, what: str, *, beside_output: bool) -> Iterator[Callable[[], None]]:
    """Give a function to call after each piece; it draws how much of the input was read.

    Drawn only if standard error is a terminal, and not between the lines of a result on the same one
    (`beside_output`): that helps nobody.
    """
    if not sys.stderr.isatty() or (sys.stdout.isatty() and beside_output):
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=lines.bytes_total)
        yield lambda: bar.update(task, completed=lines.bytes_read)


def _nothing() -> None:
    """Draw nothing."""
