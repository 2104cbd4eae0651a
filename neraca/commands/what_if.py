"""`neraca what-if`: the same actions under another policy, or with some inserted, dropped or changed."""

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from neraca.commands import HomeOption, JsonOption

if TYPE_CHECKING:
    from audit.source import Source
    from audit.what_if.changes import Changes
    from audit.what_if.running import Incoming, Run
    from neraca.reports.what_if import WhatIf
    from schemas.records import Policy


class Language(StrEnum):
    """Languages of the page."""

    INDONESIAN = "id"
    ENGLISH = "en"


def what_if(
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the policy to begin with, instead of the one that was.", metavar="P"
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="A field of the policy, in every policy in force: closure=2023-07-24T00:00:00+07:00, "
            "restoration=false, unit_taken_at.SIAPKERJA=registration, restore_if_valid_at=closure, …",
            metavar="FIELD=VALUE",
            show_default=False,
        ),
    ] = None,
    insert: Annotated[
        Path | None,
        typer.Option(
            help="Actions to insert, JSON lines; one with a place of its own is "
            '{"before_seq": N, "action": {…}}.',
            metavar="FILE",
        ),
    ] = None,
    insert_at: Annotated[
        str,
        typer.Option(
            help="Where the others go: `entered` (before the first record entered later), `end`, or a seq.",
            metavar="PLACE",
        ),
    ] = "entered",
    drop: Annotated[
        list[str] | None,
        typer.Option(
            help="An action that never came, by its id, with its repetitions.",
            metavar="ACTION_ID",
            show_default=False,
        ),
    ] = None,
    drop_seq: Annotated[
        list[int] | None,
        typer.Option(min=0, help="A record that never came, by its seq.", metavar="N", show_default=False),
    ] = None,
    change: Annotated[
        Path | None,
        typer.Option(
            help="Actions with other content, JSON lines, by their ids; by number: "
            '{"seq": N, "action": {…}}.',
            metavar="FILE",
        ),
    ] = None,
    actions: Annotated[
        str | None,
        typer.Option(
            help="Take these actions instead of a ledger: JSON lines as `neraca decide` takes; - is standard "
            "input. Needs no Kafka.",
            metavar="FILE",
        ),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="Read this archive folder instead of the live topics; no Kafka.", metavar="FOLDER"),
    ] = None,
    base_policy: Annotated[
        Path | None,
        typer.Option(help="With --actions: the policy that they are decided under as it is.", metavar="P"),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(
            help="The difference whose consequences to follow: a seq, or a registration. Else the first.",
            metavar="SEQ|REGISTRATION",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the answer there, as one HTML file.", metavar="FILE")
    ] = None,
    language: Annotated[
        Language, typer.Option(help="Bahasa Indonesia or English, on the page.")
    ] = Language.ENGLISH,
    fail_on_difference: Annotated[
        bool, typer.Option("--fail-on-difference", help="End with exit code 1 if any decision differs.")
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Ask what would have been: the ledger as it is beside the one that would be, and where they differ.

    Runs in memory; the live topics are only read, and nothing is written to them.

    Example: neraca what-if --set closure=2023-07-24T00:00:00+07:00 --html week-later.html
    """
    from audit.what_if.changes import BadChange
    from neraca.commands.output import output
    from schemas.policy_json import read_policy_file

    if base_policy is not None and actions is None:
        raise BadChange(
            "--base-policy goes with --actions", advice="A journal began under the default policy."
        )
    if actions is not None and archive is not None:
        raise BadChange("--actions and --archive are two ledgers", advice="Give one of them.")
    changes = _changes(policy, assignments or [], insert, insert_at, drop or [], drop_seq or [], change)
    first_policy = None if base_policy is None else read_policy_file(base_policy)
    # Opened first: that it cannot be written is said before the work, and not after.
    with nullcontext() if html is None else output(html) as target:
        with _records(actions, archive, home) as (name, batches, advance):
            run = _compare(changes, first_policy, explain, batches, advance, has_journal=actions is None)
        report = _report(name, changes, run, explain)
        if target is not None:
            _write_html(report, language, target)
    _write(report, html, as_json=as_json)
    if fail_on_difference and run.differences:
        raise typer.Exit(1)


def _changes(
    policy: Path | None,
    assignments: list[str],
    insert: Path | None,
    insert_at: str,
    drop: list[str],
    drop_seq: list[int],
    change: Path | None,
) -> "Changes":
    from audit.what_if.changes import AT_END, BY_ENTERED, BadChange, Changes, Told
    from schemas.policy_json import read_policy_file

    if insert_at not in (AT_END, BY_ENTERED) and not insert_at.isdecimal():
        raise BadChange(
            f"--insert-at {insert_at} is no place",
            advice=f"Write {BY_ENTERED}, {AT_END} or the seq of a record.",
        )
    changes = Changes()
    if policy is not None:
        changes.policy = read_policy_file(policy)
        changes.told.append(Told("policy", changes.policy.version))
    for assignment in assignments:
        changes.set(assignment)
    if insert is not None:
        changes.insert_file(insert, insert_at)
    for action_id in drop:
        changes.drop_action(action_id)
    for seq in drop_seq:
        changes.drop_record(seq)
    if change is not None:
        changes.change_file(change)
    return changes


@contextmanager
def _records(
    actions: str | None, archive: Path | None, home: Path | None
) -> "Iterator[tuple[str, Iterator[list[Incoming]], Callable[[int], None]]]":
    """Give the name of the ledger, its records batch by batch, and what draws how far they were taken."""
    from audit.what_if.records import records_of_lines, records_of_source
    from neraca.commands.progress import progress, progress_of

    if actions is not None:
        from neraca.commands.lines import open_lines

        with (
            open_lines(actions) as lines,
            progress_of(lines, "deciding twice", beside_output=False) as advance,
        ):
            yield lines.name, records_of_lines(lines.pieces()), lambda _: advance()
        return
    from schemas.ids import load_ids

    source = _source(archive, home)
    with progress("deciding again", source.extent().decisions, beside_output=False) as bar:
        yield source.name, records_of_source(source, load_ids(None)), bar.show


def _source(archive: Path | None, home: Path | None) -> "Source":
    if archive is not None:
        from audit.archive.reader import ArchiveSource

        return ArchiveSource(archive)
    from audit.topics import TopicsSource
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    return TopicsSource({"log_level": 0, **settings.kafka_config()}, settings.topic_prefix)


def _compare(
    changes: "Changes",
    first_policy: "Policy | None",
    explain: str | None,
    batches: "Iterator[list[Incoming]]",
    advance: Callable[[int], None],
    *,
    has_journal: bool,
) -> "Run":
    from audit.what_if.comparison import Asked, compare

    # A number is a seq. A registration that is called by digits alone is reached by the seq of its decision.
    seq = int(explain) if explain is not None and explain.isdecimal() else None
    asked = Asked(
        changes,
        has_journal=has_journal,
        first_policy=first_policy,
        explained_seq=seq,
        explained_registration=explain if seq is None else None,
    )
    return compare(asked, batches, advance)


def _report(name: str, changes: "Changes", run: "Run", explain: str | None) -> "WhatIf":
    from audit.what_if.outcomes import outcomes
    from neraca.reports.what_if import WhatIf, with_former_values

    explained = run.first if explain is None else run.explained
    wanted = ""
    if explain is not None and run.explained is None:
        wanted = f"decision {explain}" if explain.isdecimal() else f"everything on registration {explain}"
    told = with_former_values(changes.told, run.policies_before[0][1])
    return WhatIf(name, told, run, outcomes(run), explained, wanted)


def _write_html(report: "WhatIf", language: Language, target: BinaryIO) -> None:
    from neraca.reports.what_if_html import write_html

    page = io.TextIOWrapper(target, encoding="utf-8", newline="\n")
    write_html(report, language, page)
    # Whoever opened it closes it.
    page.flush()
    page.detach()


def _write(report: "WhatIf", html: Path | None, *, as_json: bool) -> None:
    if as_json:
        from neraca.reports.what_if import write_json

        write_json(report, sys.stdout)
        return
    from rich.console import Console

    from neraca.reports.what_if_terminal import show

    console = Console()
    show(report, console)
    if html is not None:
        console.print(f"The whole answer: {html}", highlight=False)
