"""`neraca workload`: a realistic history as JSON lines, made while it is written. The history itself is
made in `producers/workload`.
"""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, Final

import typer

from schemas.errors import NeracaError

# One write for so many lines: half a megabyte, far beyond what a pipe takes at once.
_LINES_PER_WRITE: Final = 1000
# What the default profile comes to; only the progress bar relies on it.
_ACTIONS_PER_CANDIDATE: Final = 8.0


def workload(
    candidates: Annotated[
        int, typer.Option(min=1, max=20_000_000, help="How many people come, from 2022 to autumn 2023.")
    ] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    withdrawals: Annotated[
        float, typer.Option(min=0, max=1, help="Share of registrations that are cancelled.")
    ] = 0.15,
    late_records: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of SISKOTKLN's departures of 2023 entered after the closure."),
    ] = 0.02,
    nonsense: Annotated[
        float, typer.Option(min=0, max=1, help="Broken lines added for each good one, to try dead letters.")
    ] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="Write the actions there, instead of standard output.", metavar="F")
    ] = None,
    extract: Annotated[
        Path | None,
        typer.Option(
            help="Write an extract of SISKOTKLN there instead, with the truth about it.", metavar="FOLDER"
        ),
    ] = None,
    defects: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the extract's candidates with a mishap.")
    ] = 0.0,
) -> None:
    """Make a realistic history of placement: actions as JSON lines, in the order in which they arrive.

    The figures are those of docs/workload.md, which says what is invented. Names and NIKs there are none.

    Example: neraca workload --seed 1 --candidates 5000 | neraca decide -
    """
    from producers.workload import Profile, actions

    if extract is not None:
        _write_extract(extract, seed, candidates, defects)
        return
    lines = actions(
        seed, candidates, Profile(withdrawals=withdrawals, late_records=late_records, nonsense=nonsense)
    )
    # The lives of candidates refer to nothing that refers back to them: looking for cycles among hundreds of
    # thousands of them would cost a third of the time and find nothing.
    gc.disable()
    with _output(out) as target, _progress(candidates, to_terminal=out is None) as advance:
        while piece := list(islice(lines, _LINES_PER_WRITE)):
            piece.append("")
            target.write("\n".join(piece).encode("ascii"))
            advance(len(piece) - 1)
        target.flush()


def _write_extract(folder: Path, seed: int, candidates: int, defects: float) -> None:
    """Write the seven files and `truth.json` into a folder that is new or empty."""
    from producers.workload.extract import ExtractWriter

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise NeracaError(f"{folder} is not empty", advice="Name a folder that is new or empty.")
        with _progress(candidates, to_terminal=False, what="candidates", total=candidates) as advance:
            ExtractWriter(folder, seed, candidates, defects).write(advance)
    except OSError as error:
        raise NeracaError(
            f"{folder} cannot be written: {error.strerror}",
            advice="Name a folder that you can write to, on a disk with room.",
        ) from error


@contextmanager
def _output(out: Path | None) -> Iterator[BinaryIO]:
    """Give what to write to: standard output, or a file that appears whole or not at all."""
    if out is None:
        yield sys.stdout.buffer
        return
    partial = out.with_name(f"{out.name}.partial")
    try:
        if out.exists() and not out.is_file():
            with out.open("wb") as target:
                yield target
            return
        try:
            with partial.open("wb") as target:
                yield target
            partial.replace(out)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NeracaError(
            f"{out} cannot be written: {error.strerror}",
            advice="Name a file in a folder that exists and that you can write to.",
        ) from error


@contextmanager
def _progress(
    candidates: int, *, to_terminal: bool, what: str = "actions, about", total: int | None = None
) -> Iterator[Callable[[int], None]]:
    """Give a function that takes the lines just written; it draws a bar where a person looks at one."""
    if not sys.stderr.isatty() or (to_terminal and sys.stdout.isatty()):
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total or int(candidates * _ACTIONS_PER_CANDIDATE))
        yield lambda lines: bar.advance(task, lines)


def _nothing(_: int) -> None:
    """Draw nothing."""
