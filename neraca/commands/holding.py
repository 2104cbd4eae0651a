"""Ends a command with exit code 1, and words, when something that should hold does not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from neraca.commands import print_json


@contextmanager
def exit_1_where_broken(*, as_json: bool = False) -> Iterator[None]:
    """Tell what does not hold, on standard error; with `as_json` as one object on standard output as well."""
    from audit.tlog.note import KeyUnreadable
    from schemas.errors import ArchiveDamaged, ProofInvalid

    try:
        yield
    except KeyUnreadable:
        # A key comes from the command line or a file of the user's own: bad input.
        raise
    except (ProofInvalid, ArchiveDamaged) as error:
        if as_json:
            print_json({"holds": False, "problem": str(error), "advice": error.advice})
        sys.stderr.write(f"neraca: {error}\n")
        if error.advice:
            sys.stderr.write(f"  {error.advice}\n")
        raise typer.Exit(1) from error
