"""`neraca seal`: actions with personal data in the clear become actions that may be sent."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from neraca.commands import HomeOption

if TYPE_CHECKING:
    from producers.sealing import People
    from producers.sealing.clear import Clear

LINES_TOLD_MAX: Final = 50
_BATCH: Final = 500


def seal(
    file: Annotated[str, typer.Argument(help="Actions, one JSON object a line; - is standard input.")],
    out: Annotated[
        Path | None, typer.Option(help="Write them there, instead of standard output.", metavar="F")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Seal the object `personal` of each action: nik, name, birth_date (YYYY-MM-DD), passport.

    In its place come `person_id`, which the key store finds by the NIK, and `sealed`. Actions without
    `personal` pass as they are. A line that cannot be sealed is told and left out; the exit code is 2 then.

    Example: neraca seal registrations.jsonl | neraca submit -
    """
    from neraca.commands.lines import open_lines
    from neraca.commands.output import output
    from neraca.keystore.opening import opened
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    with open_lines(file) as lines, output(out) as target, opened(settings) as store:
        told = _Told(lines.name)
        for piece in lines.pieces():
            for begin in range(0, len(piece), _BATCH):
                for text in _sealed(store, piece[begin : begin + _BATCH], told):
                    target.write(text.encode() + b"\n")
            target.flush()
    if told.count:
        sys.stderr.write(f"neraca: {told.count} lines were left out\n")
        raise typer.Exit(2)


class _Told:
    """Tells what is wrong with lines, up to as many as a person reads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.count = 0

    def tell(self, number: int, problems: list[str]) -> None:
        """Tell what is wrong with a line."""
        self.count += 1
        if self.count <= LINES_TOLD_MAX:
            for problem in problems:
                sys.stderr.write(f"{self._name}: line {number}: {problem}\n")


def _sealed(people: "People", rows: list[tuple[int, bytes]], told: _Told) -> list[str]:
    from neraca.commands.lines import told as sentences
    from producers.sealing.clear import PERSONAL, clear_of, seal_all, slipped_beside
    from producers.sealing.guard import read_to_send
    from schemas.errors import ShapeError

    read: list[tuple[int, dict[str, Any], Clear | None]] = []
    for number, line in rows:
        try:
            value = _object(line)
            read.append((number, value, clear_of(value) if value.get(PERSONAL) is not None else None))
        except ShapeError as error:
            told.tell(number, sentences(error))
    sealings = iter(seal_all(people, [clear for _, _, clear in read if clear is not None]))
    texts = []
    for number, value, clear in read:
        value.pop(PERSONAL, None)
        if clear is not None:
            sealing = next(sealings)
            if sealing.problem is not None:
                told.tell(number, [repr(sealing.problem)])
                continue
            value["person_id"] = sealing.person_id
            if beside := slipped_beside(value, clear.fields):
                told.tell(number, [repr(problem) for problem in beside])
                continue
            if sealing.sealed is not None:
                value["sealed"] = json.loads(sealing.sealed)
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        try:
            read_to_send(text)
        except ShapeError as error:
            told.tell(number, sentences(error))
        else:
            texts.append(text)
    return texts


def _object(line: bytes) -> dict[str, Any]:
    from schemas.errors import ShapeError
    from schemas.strict_json import NotStrictJsonError, load_object

    try:
        return load_object(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ShapeError(f"byte {error.start + 1} is not UTF-8", advice="save the file as UTF-8") from None
    except NotStrictJsonError as error:
        raise ShapeError(error.reason, advice=error.advice) from None
