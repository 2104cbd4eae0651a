"""`neraca workload`: a realistic history as JSON lines, made while it is written. The history itself is
made in `producers/workload`.
"""

import gc
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from neraca.commands.output import output
from neraca.commands.progress import progress
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
    about = int(candidates * _ACTIONS_PER_CANDIDATE)
    with output(out) as target, progress("actions, about", about, beside_output=out is None) as bar:
        while piece := list(islice(lines, _LINES_PER_WRITE)):
            piece.append("")
            target.write("\n".join(piece).encode("ascii"))
            bar.advance(len(piece) - 1)
        target.flush()


def _write_extract(folder: Path, seed: int, candidates: int, defects: float) -> None:
    """Write the seven files and `truth.json` into a folder that is new or empty."""
    from producers.workload.extract import ExtractWriter

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise NeracaError(f"{folder} is not empty", advice="Name a folder that is new or empty.")
        with progress("candidates", candidates, beside_output=False) as bar:
            ExtractWriter(folder, seed, candidates, defects).write(bar.advance)
    except OSError as error:
        raise NeracaError(
            f"{folder} cannot be written: {error.strerror}",
            advice="Name a folder that you can write to, on a disk with room.",
        ) from error
