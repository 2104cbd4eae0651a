"""`neraca report`: the figures of the cutover, from the journal alone, for people and programs."""

import io
import sys
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Final, TextIO

import typer

from neraca.commands import HomeOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.report import Until
    from audit.source import Source
    from neraca.reports.cutover_extract import ExtractSummary
    from neraca.settings import Settings

_RECORDED: Final = "recorded:"


class Subject(StrEnum):
    """What to report."""

    CUTOVER = "cutover"


class Language(StrEnum):
    """Languages of the report."""

    INDONESIAN = "id"
    ENGLISH = "en"


def report(
    subject: Annotated[Subject, typer.Argument(help="What to report.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the report there, as one HTML file.", metavar="FILE")
    ] = None,
    language: Annotated[
        Language, typer.Option(help="Bahasa Indonesia or English; the JSON has no language.")
    ] = Language.ENGLISH,
    archive: Annotated[
        Path | None,
        typer.Option(help="Read this archive folder instead of the live topics; no Kafka.", metavar="FOLDER"),
    ] = None,
    extract: Annotated[
        Path | None,
        typer.Option(
            help="Tell the reconciliation with an extract as well: its folder (decided by the rules alone), "
            "or what `neraca import FOLDER --json` printed.",
            metavar="FOLDER|JSON",
        ),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(
            help="As the ledger stood after this seq, or by recorded:INSTANT; absent: now.", metavar="KNOWN"
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the policy that the journal began with, if not B.662-2023.", metavar="P"
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report the cutover: who was eligible, moved or is stranded and why, units, refusals, anomalies.

    Reads the journal once, from its first decision, and writes nothing to it. Needs no PostgreSQL.

    Example: neraca report cutover --out cutover.html --language id
    """
    from audit.report import gather
    from neraca.commands.output import output
    from neraca.commands.progress import progress
    from neraca.reports import cutover_html, cutover_json, cutover_terminal
    from neraca.settings import Settings
    from schemas.policy_json import read_policy_file

    del subject  # There is one so far.
    until = _until(known)
    settings = Settings.read(home=home)
    summary = None if extract is None else _extract(extract, settings)
    source = _source(settings, archive)
    first_policy = None if policy is None else read_policy_file(policy)
    # Opened first: that it cannot be written is said before the work, and not after.
    with nullcontext() if out is None else output(out) as target:
        with progress("reading the journal", source.extent().decisions, beside_output=False) as bar:
            figures = gather(source, until=until, policy=first_policy, advance=bar.show)
        if target is not None:
            with _text(target) as page:
                cutover_html.write_html(figures, language, page, summary)
    if as_json:
        cutover_json.write_json(figures, sys.stdout, summary)
        return
    from rich.console import Console

    console = Console()
    cutover_terminal.show(figures, language, console, summary)
    if out is not None:
        cutover_terminal.tell_where(out, language, console)


@contextmanager
def _text(target: BinaryIO) -> "Iterator[TextIO]":
    text = io.TextIOWrapper(target, encoding="utf-8", newline="\n")
    yield text
    # Whoever opened it closes it.
    text.flush()
    text.detach()


def _source(settings: "Settings", archive: Path | None) -> "Source":
    if archive is not None:
        from audit.archive.reader import ArchiveSource

        return ArchiveSource(archive)
    from audit.topics import TopicsSource

    return TopicsSource({"log_level": 0, **settings.kafka_config()}, settings.topic_prefix)


def _until(known: str | None) -> "Until":
    """Read `--known`.

    Raises:
        SettingsError: it is neither a seq nor an instant.

    """
    from audit.report import Until
    from schemas.errors import SettingsError
    from schemas.instants import BadInstantError, parse_instant

    if known is None:
        return Until()
    if known.isascii() and known.isdecimal():
        return Until(seq=int(known))
    try:
        if known.startswith(_RECORDED):
            return Until(recorded_at=parse_instant(known.removeprefix(_RECORDED))[0])
    except BadInstantError as error:
        raise SettingsError(
            f"--known {known}: {error.reason}",
            advice="Write an instant with its offset, like recorded:2023-07-16T09:00:00+07:00.",
        ) from None
    raise SettingsError(
        f"--known {known} is no place in the journal",
        advice="Write a seq, or recorded: and an instant with its offset.",
    )


def _extract(path: Path, settings: "Settings") -> "ExtractSummary":
    """Read what an import printed, or decide an extract's folder by the rules alone."""
    import json

    from neraca.reports import cutover_extract
    from schemas.errors import NeracaError

    if path.is_dir():
        from neraca.commands.import_ import reconciled

        # Nothing is sent, so nothing is waited for.
        with reconciled(path, settings, dry_run=True, timeout_seconds=1.0) as reconciliation:
            return cutover_extract.from_reconciliation(reconciliation)
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise NeracaError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise NeracaError(
            f"{path} is no JSON: {error}",
            advice="Give the folder of the extract, or what `neraca import FOLDER --json` printed.",
        ) from error
    return cutover_extract.from_json(document, path.name)
