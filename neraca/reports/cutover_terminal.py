"""The report of the cutover for a terminal: what an official reads first, and where the rest is."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from audit.report import Cutover
from neraca.reports.cutover_extract import ExtractSummary
from neraca.reports.cutover_texts import Speech
from neraca.reports.cutover_words import Words

ROWS_SHOWN_MAX: Final = 10


def show(report: Cutover, language: str, console: Console, extract: ExtractSummary | None = None) -> None:
    """Print it; texts of the ledger are printed as they are, never as markup."""
    say = Speech(language)
    words = Words(say, report)

    def tell(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False)

    tell(say("title"), "bold")
    position = report.position
    tell(
        say(
            "stands_at",
            seq=words.number(position.seq),
            journal_at=words.journal_at,
            policy=position.policy,
            source=position.source,
        )
    )
    if not position.has_closed:
        tell(say("not_closed"), "bold")
    console.print()
    for sentence in words.in_short():
        tell(sentence)
    console.print()
    console.print(_people(report, say, words))
    console.print(_units(say, words))
    console.print(_reasons(report, say, words))
    tell(words.outcomes())
    console.print(_refusals(report, say, words))
    console.print(_anomalies(report, say, words))
    if extract is not None:
        tell(words.extract(extract))
    tell(f"{say('c_root')}: {position.root}")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns[:-1]:
        table.add_column(column)
    table.add_column(columns[-1], justify="right")
    return table


def _people(report: Cutover, say: Speech, words: Words) -> Table:
    table = _table(say("people_bar"), "", say("candidates"))
    total = report.total
    for name, indent, count in (
        ("in_process", 0, total.in_process),
        ("departed_late", 1, total.departed_late),
        ("voided", 2, total.voided),
        ("eligible", 1, total.eligible),
        ("moved", 2, total.moved),
        ("not_moved", 2, total.not_moved),
    ):
        table.add_row("  " * indent + say(name), words.number(count))
    return table


def _units(say: Speech, words: Words) -> Table:
    table = _table(say("units_why_table"), say("what"), say("why"), say("units"))
    for state, why, count in words.unit_reasons():
        table.add_row(_plain(state), _plain(why), words.number(int(count or 0)))
    return table


def _plain(cell: object) -> str:
    # Rich reads `[L4]` as markup.
    return str(cell).replace("[", "\\[")


def _reasons(report: Cutover, say: Speech, words: Words) -> Table:
    table = _table(say("reasons_table"), say("reason"), say("candidates"))
    for reason, count in sorted(report.total.reasons.items(), key=lambda item: (-item[1], item[0].name)):
        table.add_row(_plain(words.reason(reason)), words.number(count))
    return table


def _refusals(report: Cutover, say: Speech, words: Words) -> Table:
    table = _table(say("h_refusals"), say("code"), say("meaning"), say("count"))
    counts: dict[str, int] = {}
    for one in report.refusals:
        counts[one.code] = counts.get(one.code, 0) + one.before + one.after
    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:ROWS_SHOWN_MAX]:
        table.add_row(code, words.refusal(code)[0], words.number(count))
    return table


def _anomalies(report: Cutover, say: Speech, words: Words) -> Table:
    table = _table(say("h_anomalies"), say("anomaly"), say("count"))
    for anomaly in report.anomalies:
        if anomaly.count:
            table.add_row(_plain(words.anomaly(anomaly.name)), words.number(anomaly.count))
    return table


def tell_where(out: Path, language: str, console: Console) -> None:
    """Name the file that holds the whole report."""
    console.print(Speech(language)("t_written", out), markup=False, highlight=False, soft_wrap=True)
