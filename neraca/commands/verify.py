"""`neraca verify`: a ledger checked from its first action to its last, without trust in whoever wrote it."""

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from audit.beside import TaskPlan
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
            help="Check this archive folder instead of the live topics and tables; no Kafka.",
            metavar="FOLDER",
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="Verifier key of the log that you trust, name+hash+base64; may be repeated.",
            metavar="VKEY",
            show_default=False,
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
    from audit.tlog.note import Verifier
    from neraca.settings import Settings
    from schemas.errors import ArchiveDamaged, SettingsError
    from schemas.ids import load_ids
    from schemas.policy_json import read_policy_file

    # What cannot be read is never left out.
    known = [check for check in CHECKS if check != "source"]
    if unknown := sorted(set(without or ()).difference(known)):
        raise SettingsError(
            f"there is no check {unknown[0]!r}", advice=f"The checks are: {', '.join(known)}."
        )
    asked = _Asked(
        verification.ALL_CHECKS.difference(without or ()),
        tuple(Verifier.parse(text) for text in key or ()),
        findings,
    )
    first_policy = None if policy is None else read_policy_file(policy)
    beside = max(0, min((os.cpu_count() or 1) - 1, PROCESSES_MAX)) if processes is None else processes
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="neraca-verify-"))
        try:
            if archive is None:
                opened = _open_live(Settings.read(home=home), asked, stack)
            else:
                opened = _open_archive(archive, asked)
        except ArchiveDamaged as damage:
            report = verification.unreadable(str(archive), damage)
        else:
            request = verification.Request(
                ids=load_ids(None),
                scratch=Path(scratch),
                policy=first_policy,
                checks=asked.checks,
                plans=opened.plans,
                processes=beside,
                findings_max=findings,
            )
            stack.enter_context(_no_search_for_cycles())
            with _progress(opened.source.extent().decisions) as advance:
                report = verification.verify(opened.source, request, advance)
    if as_json:
        print_json(_as_json(report, asked.checks))
    else:
        _show(report, asked.checks, findings)
    if not report.is_well:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be checked, whom to trust, how much to tell."""

    checks: frozenset[str]
    trusted: tuple[Any, ...]
    findings_max: int


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is read, and what is compared with it."""

    source: "Source"
    plans: "list[TaskPlan]"


def _open_live(settings: "Settings", asked: _Asked, stack: ExitStack) -> _Opened:
    """Open the tables and the signed roots first: where the topics end is asked afterwards."""
    from audit.roots_check import RootsPlan, collect
    from audit.table_check import OpenSnapshot, TablesPlan
    from audit.tlog.publishing import CheckpointTopic
    from audit.topics import TopicsSource
    from neraca import transparency

    plans: list[TaskPlan] = []
    kafka: dict[str, str | int] = {"log_level": 0, **settings.kafka_config()}
    if "tables" in asked.checks:
        dsn = settings.postgres_dsn()
        held = OpenSnapshot(dsn)
        stack.callback(held.close)
        plans.append(TablesPlan(dsn, held.snapshot, asked.findings_max))
    if asked.checks & {"checkpoints", "tiles"}:
        keys = transparency.log_keys(settings)
        stated = collect(
            asked.checks,
            transparency.own_log(settings),
            CheckpointTopic(kafka, settings.topic_prefix),
            own_keys=keys.listed() if keys.made() else None,
            remembered=keys.last_note(),
            trusted=asked.trusted,
        )
        plans.append(RootsPlan(stated, asked.findings_max))
    return _Opened(TopicsSource(kafka, settings.topic_prefix), plans)


def _open_archive(root: Path, asked: _Asked) -> _Opened:
    """Open an archive, with the log in it.

    Raises:
        ArchiveDamaged: it is not what was written.

    """
    from audit.archive.folder import ABOUT_FILE, POSITION_FILE
    from audit.verification import open_archive
    from schemas.errors import SettingsError

    if not any((root / name).exists() for name in (ABOUT_FILE, POSITION_FILE)):
        raise SettingsError(
            f"{root} is no archive of a ledger", advice="Name the folder that `neraca archive` wrote."
        )
    return _Opened(*open_archive(root, asked.checks, asked.trusted, asked.findings_max))


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Count references only: the ledger has no cycles, and to look for some takes longer than to decide."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that draws how many decisions were checked, and how fast."""
    from neraca.commands.progress import progress

    started = time.monotonic()
    with progress("verifying", total, beside_output=False) as bar:

        def advance(decisions: int) -> None:
            rate = decisions / max(0.001, time.monotonic() - started)
            bar.show(decisions, what=f"verifying, {rate:,.0f}/s")

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
        "is_cut": report.is_cut,
        "findings": [_finding_json(each) for each in report.findings],
        "neighbours": [
            {"place": each.place, "decision": each.words, "where": each.where} for each in report.neighbours
        ],
        "facts": report.facts,
        "strangers": None if report.strangers is None else report.strangers._asdict(),
        "seconds": round(report.seconds, 3),
        "peak_bytes": {"reader": report.peak_bytes[0], "largest_beside": report.peak_bytes[1]},
        "processor_seconds": {"reader": report.processor_seconds[0], "beside": report.processor_seconds[1]},
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
        why = "were not compared" if report.is_cut else "are not decided yet: no fault"
        typer.echo(f"{report.waiting:,} actions behind those {why}")
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
    things = "1 thing is" if total == 1 else f"{total:,} things are"
    typer.echo(f"\n{things} wrong, by check: {by_check}")
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
        where = f" ({neighbour.where})" if neighbour.where else ""
        typer.echo(f"  {mark} {neighbour.place}: {neighbour.words}{where}")
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
    if "roots" in facts:
        yield from _root_facts(facts["roots"], checks, has_tables="tables" in facts)
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


def _root_facts(roots: dict[str, Any], checks: frozenset[str], *, has_tables: bool) -> Iterator[str]:
    yield f"the root over {roots['size']:,} decisions is {roots['root']}"
    tiles = f"{roots['tiles']:,} tiles up to {roots['tiles_size']:,}"
    yield f"{roots['checkpoints']:,} signed checkpoints, {tiles}"
    if "checkpoints" not in checks:
        return
    if not roots["checkpoints"]:
        teller = "only the tables can tell" if has_tables else "nobody can tell"
        yield f"no signed checkpoint is there: whether the journal lost its tail or was made anew, {teller}"
    elif unsigned := roots["size"] - roots["signed_size"]:
        yield (
            f"signed up to {roots['signed_size']:,}: for the last {unsigned:,} decisions no signature vouches"
        )
    for key in roots["keys"]:
        yield f"signed with {key}"
    if roots["keys"] and not roots["must_be_signed"]:
        yield "whether that is the key that the log published, only --key tells"
