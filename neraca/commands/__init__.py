"""The commands of `neraca`, one module each, and the options that several of them share.

A module here imports at its top only what `--help` needs; what the work needs is imported inside the command.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="Folder of the embedded stack; else NERACA_HOME, else in the user's data folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def print_json(document: object) -> None:
    """Print one result for programs, on standard output."""
    typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
