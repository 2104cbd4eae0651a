"""The answer to a what-if for a terminal: counts, tables of a bounded length, one chain."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from audit.what_if.chain import Step
from audit.what_if.changes import Told
from audit.what_if.outcomes import ACCOUNTS, FIGURES, Group, standing
from audit.what_if.running import Shown
from ledger.refusals import REFUSALS
from neraca.reports.what_if import (
    FIGURE_WORDS,
    GIVEN_WORDS,
    WhatIf,
    fields_that_differ,
    seq_text,
    thing_text,
    turn_text,
)
from neraca.wording import counted
from schemas.instants import format_instant

ROWS_MAX: Final = 12
CHAIN_MAX: Final = 25
INDENT_MAX: Final = 6
WHY_MAX: Final = 4
HEAVIEST_SHOWN_MAX: Final = 5


def show(report: WhatIf, console: Console) -> None:
    """Print it."""
    run = report.run
    console.print(f"[bold]What if[/bold], for {escape(report.ledger)}: {run.records:,} records")
    for told in report.told:
        console.print(f"  {escape(told_text(told))}", highlight=False)
    if not report.told:
        console.print("  nothing were otherwise")
    if not run.differences:
        console.print("[bold]No decision differs.[/bold]")
        _show_wanted(report, console)
        return
    share = len(run.differences) / max(1, run.records)
    differ = counted(len(run.differences), "decision differs", "decisions differ")
    console.print(
        f"[bold]{differ}[/bold] ({share:.1%}); at the end "
        f"{counted(len(report.outcomes.registrations), 'registration')} and "
        f"{counted(len(report.outcomes.lines), 'line')} stand otherwise"
    )
    _show_kinds(report, console)
    _show_figures(report.outcomes.total, console)
    _show_turns(report, console)
    _show_groups("agency", report.outcomes.agencies, console)
    _show_groups("destination", report.outcomes.destinations, console)
    _show_lines(report, console)
    _show_registrations(report, console)
    if run.first is not None:
        _show_fields("The first that differs", run.first, console)
    _show_wanted(report, console)
    _show_chain(report, console)
    _show_heaviest(report, console)


def told_text(told: Told) -> str:
    """Give a change in words."""
    if told.what == "set":
        was = f" (was {told.before})" if told.before else ""
        return f"{told.name} = {told.after or 'nothing'}{was}"
    if told.what == "policy":
        return f"under policy {told.name}" + (f": {told.after}" if told.after else "")
    if told.what == "insert":
        return f"{told.after} actions of {told.name} inserted"
    if told.what == "change":
        return f"{told.after} actions changed as in {told.name}"
    return f"{told.name} dropped"


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for column in right:
        table.add_column(column, justify="right")
    return table


def _more(console: Console, total: int, what: str) -> None:
    if total > ROWS_MAX:
        console.print(f"and {total - ROWS_MAX:,} more {what}: see --json or --html")


def _show_kinds(report: WhatIf, console: Console) -> None:
    kinds = report.kinds()
    table = _table("Decisions that differ", "as it is", "as it would be", "first at seq", right=("count",))
    for each, count in kinds[:ROWS_MAX]:
        given = f" ({GIVEN_WORDS[each.given][0]})" if each.given else ""
        table.add_row(
            escape((each.before or "–") + given),
            escape(each.effects or each.after or "–"),
            seq_text(each),
            f"{count:,}",
        )
    console.print(table)
    _more(console, len(kinds), "kinds")
    because = ", ".join(f"{count:,} {_because_text(name)}" for name, count in report.because()[:ROWS_MAX])
    console.print(f"Because of: {because}", highlight=False)


def _because_text(name: str) -> str:
    if name == "given":
        return "what was asked for itself"
    if name == "nothing":
        return "nothing that stands apart (does this journal follow other rules? see `neraca verify`)"
    return " and ".join(
        "units free on a line" if part == "line" else f"the {part}" for part in name.split(" and ")
    )


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "0"


def _show_figures(total: Group, console: Console) -> None:
    table = _table("At the end", "", right=("as it is", "would be", "difference"))
    for name in FIGURES:
        before, after = total.before[name], total.after[name]
        table.add_row(FIGURE_WORDS[name][0], f"{before:,}", f"{after:,}", _signed(after - before))
    for name in ACCOUNTS:
        before, after = total.units_before[name], total.units_after[name]
        table.add_row(f"lines: {name}", f"{before:,}", f"{after:,}", _signed(after - before))
    console.print(table)


def _show_turns(report: WhatIf, console: Console) -> None:
    turns = report.outcomes.turns
    if not turns:
        return
    table = _table("Registrations that stand otherwise", "as it is", "as it would be", right=("count",))
    for was, becomes, count in turns[:ROWS_MAX]:
        table.add_row(was, becomes if becomes != was else f"{becomes} (other stages)", f"{count:,}")
    console.print(table)
    _more(console, len(turns), "turns")


def _show_groups(name: str, groups: dict[str, Group], console: Console) -> None:
    if not groups:
        return
    columns = ("reregistered", "departed", "units_restored", "units_forfeited", "units_stranded")
    table = _table(
        f"By {name}: what it is, and what it would be more",
        name,
        right=("changed", *(FIGURE_WORDS[column][0] for column in columns)),
    )
    ranked = sorted(groups.items(), key=lambda item: (-item[1].changed, item[0]))
    for key, group in ranked[:ROWS_MAX]:
        cells = [
            f"{group.before[column]:,} {_signed(group.after[column] - group.before[column])}"
            for column in columns
        ]
        table.add_row(escape(key), f"{group.changed:,}", *cells)
    console.print(table)
    _more(console, len(groups), f"{name.replace('agency', 'agencie')}s")


def _show_lines(report: WhatIf, console: Console) -> None:
    lines = report.outcomes.lines
    if not lines:
        return
    table = _table("Units by line: what it is, and what it would be more", "permit", "line", right=ACCOUNTS)
    ranked = sorted(lines, key=lambda line: (-sum(map(abs, line.difference)), line.permit_id, line.line))
    for line in ranked[:ROWS_MAX]:
        cells = [f"{was:,} {_signed(more)}" for was, more in zip(line.before, line.difference, strict=True)]
        table.add_row(escape(line.permit_id), str(line.line), *cells)
    console.print(table)
    _more(console, len(lines), "lines")


def _show_registrations(report: WhatIf, console: Console) -> None:
    changed = report.outcomes.registrations
    if not changed:
        return
    table = _table(
        "Whose outcome changes", "registration", "agency", "to", "as it is", "as it would be", "why"
    )
    for each in changed[:ROWS_MAX]:
        known = each.known
        table.add_row(
            escape(known.registration_id),
            escape(known.agency_id or "–"),
            known.destination,
            standing(each.before),
            standing(each.after),
            escape(why_text(report.why(each))),
        )
    console.print(table)
    _more(console, len(changed), "registrations")


def why_text(steps: list[Step]) -> str:
    """Give the way to a difference in one line, the nearest first."""
    parts = []
    for step in reversed(steps):
        each = step.difference
        through = ""
        if step.through is not None:
            through = f" because of {thing_text(step.through.kind, step.through.key)}"
        given = f"{GIVEN_WORDS[each.given][0]} " if each.given else ""
        parts.append(f"{given}{each.kind} at {seq_text(each)}: {turn_text(each)}{through}")
    more = f" ← {len(parts) - WHY_MAX} more" if len(parts) > WHY_MAX else ""
    return " ← ".join(parts[:WHY_MAX]) + more


def _show_fields(title: str, shown: Shown, console: Console) -> None:
    each = shown.difference
    about = " ".join(filter(None, (each.kind, each.registration_id, each.permit_id)))
    when = f", {format_instant(each.occurred_at, each.occurred_offset_minutes)}" if each.kind else ""
    table = Table(
        "field",
        "as it is",
        "as it would be",
        title=escape(f"{title}: seq {seq_text(each)}, {about}{when}"),
        title_justify="left",
    )
    fields = fields_that_differ(shown)
    for name, was, becomes in fields[: 2 * ROWS_MAX]:
        table.add_row(escape(name), escape(was or "–"), escape(becomes or "–"))
    console.print(table)
    if len(fields) > 2 * ROWS_MAX:
        console.print(f"and {len(fields) - 2 * ROWS_MAX} more fields: see --json")
    for label in (each.before, each.after):
        code = label.removeprefix("REFUSED ")
        if code in REFUSALS:
            console.print(f"{code}: {REFUSALS[code].title}", highlight=False)


def _show_wanted(report: WhatIf, console: Console) -> None:
    if report.wanted:
        console.print(f"[bold]{escape(report.wanted)} is decided alike in both.[/bold]")


def _show_chain(report: WhatIf, console: Console) -> None:
    if report.explained is None:
        return
    root = report.explained.difference
    if report.run.first is None or root.number != report.run.first.difference.number:
        _show_fields("To be explained", report.explained, console)
    reasons = report.reasons()
    if len(reasons) > 1 or (reasons and reasons[0].through is not None):
        console.print(f"It follows from: {escape(why_text(reasons))}", highlight=False)
    shown = 0
    total = 0
    kinds: Counter[str] = Counter()
    console.print(f"[bold]What follows from seq {seq_text(root)}[/bold]")
    for step in report.consequences():
        total += 1
        if step.because is None:
            continue
        kinds[turn_text(step.difference)] += 1
        if shown < CHAIN_MAX:
            shown += 1
            console.print(f"{'  ' * min(step.depth, INDENT_MAX)}{escape(step_text(step))}", highlight=False)
    if total == 1:
        console.print("  nothing: no other decision differs because of it")
        return
    if total - 1 > shown:
        console.print(f"  and {total - 1 - shown:,} more: see --json")
    differ = counted(total - 1, "decision differs", "decisions differ")
    console.print(f"{differ} because of it: ", end="")
    console.print(
        "; ".join(f"{count:,} × {name}" for name, count in kinds.most_common(ROWS_MAX)), highlight=False
    )


def _show_heaviest(report: WhatIf, console: Console) -> None:
    heaviest = report.heaviest()
    if heaviest:
        table = _table(
            "What most follows from: --explain SEQ shows it", "seq", "what differs", right=("follow",)
        )
        for each, count in heaviest[:HEAVIEST_SHOWN_MAX]:
            about = " ".join(filter(None, (each.kind, each.registration_id or each.permit_id)))
            table.add_row(seq_text(each), escape(f"{about}: {turn_text(each)}"), f"{count:,}")
        console.print(table)


def step_text(step: Step) -> str:
    """Give one step of a chain in words."""
    each = step.difference
    through = "" if step.through is None else f"{thing_text(step.through.kind, step.through.key)} → "
    who = each.registration_id or each.permit_id or ""
    return f"{through}seq {seq_text(each)} {each.kind} {who}: {turn_text(each)}"
