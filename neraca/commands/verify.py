"""`neraca verify`: a ledger checked from its first action to its last, without trust in whoever wrote it."""

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from audit.findings import Finding
    from audit.source import Source
    from audit.verification import Report
    from neraca.settings import Settings

FINDINGS_MAX: Final = 20
# More would only take turns: the rules, the books, the tables, the tree.
PROCESSES_MAX: Final = 3


def verify(
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Check this archive folder instead of the live topics; no Kafka.", metavar="FOLDER"
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the policy that the journal began with, if not B.662-2023.", metavar="P"
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave a check out; may be repeated.", metavar="CHECK", show_default=False),
    ] = None,
    findings: Annotated[
        int, typer.Option(min=1, max=10_000, help="How many findings of each check are told one by one.")
    ] = FINDINGS_MAX,
    processes: Annotated[
        int | None,
        typer.Option(
            min=0, max=64, help="Processes beside the one that reads; else by the cores.", show_default=False
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run every action again and compare the journal byte for byte; check hashes, books, roots and tables.

    Exit code 0: all is well. 1: something is wrong; the first thing is named with its neighbours.
    2: it cannot run.

    Example: neraca verify --without tables
    """
    from audit import verification
    from audit.findings import CHECKS
    from neraca.settings import Settings
    from schemas.errors import SettingsError
    from schemas.ids import load_ids
    from schemas.policy_json import read_policy_file

    if unknown := sorted(set(without or ()).difference(CHECKS)):
        raise SettingsError(
            f"there is no check {unknown[0]!r}",
            advice=f"The checks are: {', '.join(CHECKS)}.",
        )
    checks = verification.ALL_CHECKS - set(without or ())
    settings = Settings.read(home=home)
    first_policy = None if policy is None else read_policy_file(policy)
    beside = max(0, min((os.cpu_count() or 1) - 1, PROCESSES_MAX)) if processes is None else processes
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="neraca-verify-"))
        plans: list[Any] = []
        if "tables" in checks and archive is None:
            plans.append(_tables_plan(settings, stack, findings))
        source = _open_source(settings, archive)
        request = verification.Request(
            ids=load_ids(None),
            scratch=Path(scratch),
            policy=first_policy,
            checks=checks,
            plans=plans,
            processes=beside,
            findings_max=findings,
        )
        stack.enter_context(_no_search_for_cycles())
        with _progress(source.extent().decisions, is_quiet=as_json) as advance:
            report = verification.verify(source, request, advance)
    if as_json:
        print_json(_as_json(report, checks))
    else:
        _show(report, checks, findings)
    if not report.is_well:
        raise typer.Exit(1)


def _open_source(settings: "Settings", archive: Path | None) -> "Source":
    from audit.archive.reader import ArchiveSource
    from audit.topics import TopicsSource

    if archive is not None:
        return ArchiveSource(archive)
    return TopicsSource({"log_level": 0, **settings.kafka_config()}, settings.topic_prefix)


def _tables_plan(settings: "Settings", stack: ExitStack, findings_max: int) -> object:
    from audit.table_check import OpenSnapshot, TablesPlan

    dsn = settings.postgres_dsn()
    held: OpenSnapshot = OpenSnapshot(dsn)
    stack.callback(held.close)
    return TablesPlan(dsn, held.snapshot, findings_max)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Count references only: the ledger has no cycles, and to look for some takes longer than to decide."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _progress(total: int, *, is_quiet: bool) -> Iterator[Callable[[int], None]]:
    """Give a function that draws how many decisions were checked; on a terminal only."""
    if is_quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying", total=total, rate="")

        def advance(decisions: int) -> None:
            speed = bar.tasks[task].speed
            rate = "" if not speed else f"{speed:,.0f}/s"
            bar.update(task, completed=decisions, rate=rate)

        yield advance


def _as_json(report: "Report", checks: frozenset[str]) -> dict[str, Any]:
    return {
        "well": report.is_well,
        "source": report.source,
        "checks": sorted(checks),
        "decisions": report.decisions,
        "actions": report.actions,
        "waiting": report.waiting,
        "found": report.found,
        "following": report.following,
        "findings": [_finding_json(each) for each in report.findings],
        "neighbours": [{"place": each.place, "decision": each.words} for each in report.neighbours],
        "facts": report.facts,
        "strangers": None if report.strangers is None else report.strangers._asdict(),
        "seconds": round(report.seconds, 3),
        "peak_bytes": {"reader": report.peak_bytes[0], "largest_beside": report.peak_bytes[1]},
    }


def _finding_json(finding: "Finding") -> dict[str, Any]:
    return {
        "check": finding.check,
        "place": finding.place,
        "what": finding.what,
        "differences": [
            {"name": each.name, "expected": each.expected, "found": each.found}
            for each in finding.differences
        ],
        "advice": finding.advice,
        "table": finding.table,
        "key": finding.key,
    }


def _show(report: "Report", checks: frozenset[str], findings_max: int) -> None:
    """Say what was checked, what is wrong first of all, and what else."""
    typer.echo(f"{report.source}: {report.decisions:,} decisions on {report.actions:,} actions")
    if report.waiting:
        typer.echo(f"{report.waiting:,} actions behind those are not decided yet: no fault")
    for line in _facts(report, checks):
        typer.echo(f"  {line}")
    rate = report.decisions / report.seconds if report.seconds else 0
    peak, beside = (each / 1024 / 1024 for each in report.peak_bytes)
    typer.echo(
        f"  {report.seconds:.1f} s, {rate:,.0f} decisions/s; memory {peak:,.0f} MiB, beside {beside:,.0f} MiB"
    )
    if report.is_well:
        typer.echo("All is well.")
        return
    _show_first(report)
    if others := report.findings[1 : 1 + findings_max]:
        typer.echo("\nWhat else is wrong:")
    for finding in others:
        typer.echo(f"  {finding.place}, {finding.check}: {finding.what}")
        for difference in finding.differences:
            typer.echo(f"    {difference}")
    total = sum(report.found.values())
    by_check = ", ".join(f"{check} {count:,}" for check, count in sorted(report.found.items()))
    typer.echo(f"\n{total:,} things are wrong, by check: {by_check}")
    if report.following:
        typer.echo(f"{report.following:,} more decisions differ only because of an earlier one")


def _show_first(report: "Report") -> None:
    """Say what is wrong first, what stands around it, and what to do."""
    first = report.findings[0]
    typer.echo(f"\nThe first thing that is wrong, at decision {first.place} ({first.check}):\n  {first.what}")
    for difference in first.differences:
        typer.echo(f"    {difference}")
    for neighbour in report.neighbours:
        mark = ">" if neighbour.place == first.place else " "
        typer.echo(f"  {mark} {neighbour.place}: {neighbour.words}")
    if first.advice:
        typer.echo(f"  {first.advice}")


def _facts(report: "Report", checks: frozenset[str]) -> Iterator[str]:
    """Say of each check what it went through."""
    facts = report.facts
    if "reexecution" in checks:
        yield f"every action was run through the rules again: {report.actions:,}"
    if "sequence" in facts:
        yield f"the last hash of the chain is {facts['sequence']['last_sha256']}"
    if "books" in facts:
        totals = facts["books"]["totals"]
        accounts = " + ".join(f"{name} {count:,}" for name, count in totals.items() if name != "granted")
        lines = f"{facts['books']['lines']:,} lines"
        yield f"trial balance of {lines}: granted {totals['granted']:,} = {accounts}"
    if "tables" in facts:
        rows = facts["tables"]["rows"]
        yield f"{len(rows)} tables at seq {facts['tables']['seq']}: {sum(rows.values()):,} rows"
        if others := facts["tables"]["not_compared"]:
            yield f"not compared, since the journal does not give them: {', '.join(others)}"
    if report.strangers is not None and (report.strangers.repeats or report.strangers.passed_over):
        yield (
            f"readers pass over {report.strangers.passed_over:,} records of the journal's topic and "
            f"{report.strangers.repeats:,} repeats: no fault"
        )
