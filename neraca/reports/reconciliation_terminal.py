"""The reconciliation report for a terminal: the counts, the worst first, and where to read the rest."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from neraca.reports.reconciliation import Reconciliation
from producers.extract import KINDS

ROWS_SHOWN_MAX: Final = 5
LINES_SHOWN_MAX: Final = 15


def show(report: Reconciliation, console: Console) -> None:
    """Print it."""
    what = "decided without Kafka" if report.is_dry_run else "sent and decided"
    console.print(f"[bold]{report.actions:,} actions[/bold] from {escape(report.folder)}, {what}")
    for name, count in report.outcomes.items():
        console.print(f"{count:>9,} {name}")
    _show_counts(report, console)
    _show_defects(report, console)
    _show_lines(report, console)


def _show_counts(report: Reconciliation, console: Console) -> None:
    table = Table("file", title="Rows", title_justify="left")
    for heading in ("rows", "repeated", "only reported"):
        table.add_column(heading, justify="right")
    for count in report.counts:
        table.add_row(count.file, f"{count.rows:,}", f"{count.repeated:,}", f"{count.only_reported:,}")
    console.print(table)


def _show_defects(report: Reconciliation, console: Console) -> None:
    counts: Counter[str] = Counter()
    first: defaultdict[str, list[str]] = defaultdict(list)
    for defect in report.defects():
        counts[defect.kind] += 1
        if len(first[defect.kind]) < ROWS_SHOWN_MAX:
            column = f" {defect.column}" if defect.column else ""
            first[defect.kind].append(f"{defect.file} line {defect.line}{column}: {defect.reason}")
    if not counts:
        console.print("No defects.")
        return
    console.print(f"[bold]{sum(counts.values()):,} defects[/bold], worst first")
    for name, kind in KINDS.items():
        if name not in counts:
            continue
        console.print(f"{counts[name]:>9,} [bold]{kind.title}[/bold] · {kind.judul}")
        for text in first[name]:
            console.print(f"            {escape(text)}", highlight=False)
        if counts[name] > ROWS_SHOWN_MAX:
            console.print(f"            and {counts[name] - ROWS_SHOWN_MAX:,} more")
        console.print(f"            → {kind.advice}", highlight=False)


def _show_lines(report: Reconciliation, console: Console) -> None:
    total = equal = unexplained = 0
    table = Table("permit", "line", title="sisa_kuota beside the ledger", title_justify="left")
    for heading in ("sisa_kuota", "available", "difference"):
        table.add_column(heading, justify="right")
    table.add_column("why")
    for line in report.lines():
        total += 1
        if line.difference == 0:
            equal += 1
            continue
        unexplained += line.unexplained != 0
        if table.row_count < LINES_SHOWN_MAX:
            why = "; ".join(part.english for part in line.explanations) or "no row explains it"
            table.add_row(
                escape(line.quota.permit_id),
                str(line.quota.line),
                "unreadable" if line.quota.remaining is None else str(line.quota.remaining),
                str(line.balance.available),
                "" if line.difference is None else f"{line.difference:+d}",
                escape(why),
            )
    console.print(f"{equal:,} of {total:,} lines agree; {unexplained:,} of the others hold units unexplained")
    if table.row_count:
        console.print(table)
    if total - equal > LINES_SHOWN_MAX:
        console.print(f"{total - equal - LINES_SHOWN_MAX:,} more lines differ: see --html or --json")
