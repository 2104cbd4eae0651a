"""`neraca decide`: actions as JSON lines in, decisions as JSON lines out, by the rules alone.

No Kafka and no PostgreSQL: each line is a record of a topic that exists nowhere, and its `entered_at` is when
the broker of that topic would have appended it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from ledger.engine import Engine
    from ledger.invariants import Books
    from neraca.commands.lines import Lines
    from schemas.errors import ShapeError

# Lines that are no actions, of which the reasons are told; the decisions themselves count them all.
LINES_TOLD_MAX: Final = 20


def decide(
    file: Annotated[str, typer.Argument(help="Actions, one JSON object a line; - is standard input.")],
    policy: Annotated[
        Path | None,
        typer.Option(help="JSON file with the policy to start from, instead of B.662-2023.", metavar="P"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the decisions there, instead of standard output.", metavar="F")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check every invariant at every seq; exit code 1 when broken.")
    ] = False,
) -> None:
    """Decide actions without Kafka: JSON lines in, JSON lines out.

    A line that is no action becomes an UNREADABLE decision; the reason goes to standard error.

    Example: neraca workload --seed 1 --candidates 100 | neraca decide --check -
    """
    from ledger.engine import Engine
    from ledger.invariants import Books
    from neraca.commands.lines import open_lines
    from neraca.commands.output import output
    from neraca.commands.progress import progress_of
    from schemas.errors import InvariantViolation
    from schemas.policy_json import read_policy_file

    engine = Engine.start(None if policy is None else read_policy_file(policy))
    books = Books() if check else None
    with open_lines(file) as lines, output(out) as target, _no_search_for_cycles():
        try:
            with progress_of(lines, "deciding", beside_output=out is None) as advance:
                for decisions in decided(engine, lines, books, Reasons(lines.name)):
                    target.write(decisions.encode("utf-8"))
                    target.flush()
                    advance()
        except InvariantViolation as violation:
            typer.echo(f"neraca: invariant broken: {violation}", err=True)
            raise typer.Exit(1) from violation


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Count references only: the ledger has no cycles, and to look for some takes longer than to decide."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class Reasons:
    """Tells why lines are no actions, on standard error, up to as many as a person reads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines = 0

    def tell(self, number: int, error: "ShapeError") -> None:
        """Tell everything that is wrong with the line of that number."""
        from neraca.commands.lines import told

        self._lines += 1
        if self._lines <= LINES_TOLD_MAX:
            for problem in told(error):
                typer.echo(f"{self._name}: line {number}: {problem}", err=True)
        elif self._lines == LINES_TOLD_MAX + 1:
            typer.echo(f"{self._name}: further lines that are no actions are only counted", err=True)


def decided(engine: "Engine", lines: "Lines", books: "Books | None", reasons: Reasons) -> Iterator[str]:
    """Give the decisions on the lines, piece by piece as they are read, each with its line end.

    Raises:
        InvariantViolation: `books` are kept and a decision does not fit them.

    """
    from schemas.action_json import read_action_line
    from schemas.decision_json import decision_json
    from schemas.errors import ShapeError

    offset = 0
    for piece in lines.pieces():
        made = []
        for number, line in piece:
            try:
                record = read_action_line(line)
            except ShapeError as error:
                reasons.tell(number, error)
                decision = engine.decide_unreadable(line.rstrip(b"\r"), offset, None, 0)
            else:
                action = record.action
                decision = engine.decide(
                    action,
                    record.avro,
                    record.digest,
                    offset,
                    action.entered_at,
                    action.entered_offset_minutes,
                )
            offset += 1
            if books is not None:
                books.check(decision)
            made.append(decision_json(decision))
        if made:
            made.append("")
            yield "\n".join(made)
