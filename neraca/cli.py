"""The command `neraca`: finds the command's module, turns what goes wrong into words and an exit code.

0 done; 1 found a difference, or a refusal where asked to fail; 2 bad input or usage, or something that cannot
work as it stands; 130 stopped by Ctrl-C; 141 nobody reads the output any more.
"""

import errno
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Annotated

import typer
from typer import core

from neraca.compiled import refuse_stale
from schemas.errors import NeracaError

if TYPE_CHECKING:
    from typer._click.core import Command, Context

# Command -> module:function, in the order of `neraca --help`. A module is imported when its command is asked
# for.
_COMMANDS = {
    "up": "neraca.commands.stack:up",
    "down": "neraca.commands.stack:down",
    "status": "neraca.commands.stack:status",
    "demo": "neraca.commands.demo:demo",
    "decide": "neraca.commands.decide:decide",
    "submit": "neraca.commands.submit:submit",
    "import": "neraca.commands.import_:import_",
    "rebuild": "neraca.commands.rebuild:rebuild",
    "verify": "neraca.commands.verify:verify",
    "what-if": "neraca.commands.what_if:what_if",
    "archive": "neraca.commands.archive:archive",
    "restore": "neraca.commands.restore:restore",
    "report": "neraca.commands.report:report",
    "workload": "neraca.commands.workload:workload",
    "prove": "neraca.commands.prove:prove",
    "check-proof": "neraca.commands.check_proof:check_proof",
    "witness": "neraca.commands.witness:witness",
    "log-key": "neraca.commands.log_key:log_key",
    "keys": "neraca.commands.keys:keys",
    "seal": "neraca.commands.seal:seal",
    "reveal": "neraca.commands.reveal:reveal",
    "erase": "neraca.commands.erase:erase",
    "keystore": "neraca.commands.keystore:keystore",
    "as-of": "neraca.commands.as_of:as_of",
    "run": "neraca.commands.run:run",
}


class _LazyGroup(core.TyperGroup):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: "Context") -> list[str]:  # noqa: ARG002 (the signature of the class above)
        return list(_COMMANDS)

    def get_command(self, ctx: "Context", cmd_name: str) -> "Command | None":  # noqa: ARG002 (the same)
        if (target := _COMMANDS.get(cmd_name)) is None:
            return None
        module, function = target.split(":")
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(cmd_name)(getattr(importlib.import_module(module), function))
        return typer.main.get_command(single)

    def invoke(self, ctx: "Context") -> object:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # Python would complain once more when it closes standard output.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None
        return result


app = typer.Typer(
    name="neraca",
    cls=_LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The ledger of migrant-worker placement: one action, one decision, provable for ever.",
)


def version() -> str:
    """The version of the installed package."""
    try:
        return installed_version("neraca")
    except PackageNotFoundError:
        return "0+checkout"


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"neraca {version()}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    try:
        refuse_stale()
        app(args=None if arguments is None else list(arguments), prog_name="neraca")
    except NeracaError as error:
        _print_error(error)
        sys.exit(2)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        # Commands that write files say which; what is left is standard output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _print_error(
            NeracaError(
                "standard output cannot be written: no space is left where it goes",
                advice="Make room there, or send it elsewhere; what was printed is not complete.",
            )
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def _print_error(error: NeracaError) -> None:
    """What went wrong and where; then what to do."""
    sys.stderr.write(f"neraca: {error}\n")
    if error.advice:
        sys.stderr.write(f"  {error.advice}\n")
