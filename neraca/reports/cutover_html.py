"""The report of the cutover as one HTML file that needs nothing else, in Bahasa Indonesia or English.

Every text of the ledger is escaped (`page`, `charts`). Must not count: the figures come as a `Cutover`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from typing import Final, TextIO

from audit.report import REASONS, Cutover, Day, Reason, Refused, Tally
from audit.report.checks import Check, checks, decision_query
from neraca.reports.charts import Mark, Plot, Series, bars, columns, lines
from neraca.reports.cutover_extract import ExtractSummary
from neraca.reports.cutover_texts import Speech
from neraca.reports.cutover_words import Words, command
from neraca.reports.page import Cell, Column, Furniture, Page, Percent

# Rows on the page; the CSV and the JSON have all.
UNMOVED_SHOWN_MAX: Final = 300
EVENTS_SHOWN_MAX: Final = 200
DAYS_SHOWN_MAX: Final = 400
# Days on paper on each side of the closure, of the table of each day.
DAYS_PRINTED_AROUND: Final = 14
# Weeks plotted on each side of the closure, and days after it: half a year is what its effects take.
WEEKS_MAX: Final = 26
DAYS_PLOTTED_MAX: Final = 400
DESTINATIONS_PLOTTED_MAX: Final = 8
SEQS_SHOWN_MAX: Final = 5
_DAYS_OF_WEEK: Final = 7
# A longer answer is told by its number of rows: the tables above hold it.
_ANSWER_ROWS_MAX: Final = 4

# The reasons as columns of the tables by agency and so on.
_SHORT_REASONS: Final = (
    ("short_on_hold", ("on_hold",)),
    ("short_refused", ("refused", "other_refused")),
    ("short_permit", ("permit_revoked", "permit_not_valid")),
    ("short_barred", ("agency_suspended", "destination_closed", "line_full")),
    ("short_not_come", ("not_come",)),
)
_SYSTEMS: Final = ("SISKOTKLN", "SIAPKERJA", "SISKOP2MI", "BP2MI")
_GROUPS: Final = ("agency", "destination", "province", "scheme")


def write_html(report: Cutover, language: str, target: TextIO, extract: ExtractSummary | None = None) -> None:
    """Write the file.

    Args:
        report: The figures.
        language: `id` or `en`.
        target: Where to.
        extract: What an import of the extract found, where one is given.

    """
    target.writelines(_Document(report, Speech(language), extract).parts())


class _Document:
    """The report, section by section."""

    def __init__(self, report: Cutover, say: Speech, extract: ExtractSummary | None) -> None:
        self.report: Final = report
        self.say: Final = say
        self.words: Final = Words(say, report)
        self.extract: Final = extract
        self.page: Final = Page(say.language, Furniture(say("sort"), say("save"), say("more")))

    def parts(self) -> Iterator[str]:
        """Give the page, piece by piece."""
        say = self.say
        yield self.page.head(say("title"))
        yield from self._top()
        sections: tuple[tuple[str, str | None, Callable[[], Iterable[str]]], ...] = (
            ("h_short", "summary", self._short),
            ("h_timeline", "days", self._timeline),
            ("h_progress", "progress", self._progress),
            ("h_funnel", "stood", self._funnel),
            ("h_who", "reasons", self._who),
            ("h_units", "units", self._units),
            ("h_stranded", "reasons", self._unmoved),
            ("h_refusals", "refusals", self._refusals),
            ("h_anomalies", "anomalies", self._anomalies),
            ("h_extract", None, self._extract),
            ("h_definitions", None, self._definitions),
            ("h_checks", None, self._checks),
        )
        items = "".join(f'<li><a href="#{name}">{escape(say(name))}</a></li>' for name, _, _ in sections)
        yield f'<nav aria-label="{escape(say("contents"))}"><ul>{items}</ul></nav>\n<main>\n'
        for name, check, section in sections:
            link = ""
            if check is not None:
                link = f' <a class="ref" href="#check-{check}">{escape(say("check"))}</a>'
            heading = f'<h2 id="{name}">{escape(say(name))}</h2>{link}'
            yield f'<section aria-labelledby="{name}">\n<div class="head">{heading}</div>\n'
            yield from section()
            yield "</section>\n"
        yield "</main>\n"
        yield self.page.foot()

    def _top(self) -> Iterator[str]:
        say, words, position = self.say, self.words, self.report.position
        yield f"<header><h1>{escape(say('title'))}</h1>\n"
        yield _paragraph(say("subtitle", closure=words.closure))
        yield _paragraph(
            say(
                "stands_at",
                seq=words.number(position.seq),
                journal_at=words.journal_at,
                policy=position.policy,
                source=position.source,
            )
        )
        if not position.has_closed:
            yield f'<p class="warn">{escape(say("not_closed"))}</p>\n'
        yield "</header>\n"

    # ---------------------------------------------------------------- in short

    def _short(self) -> Iterator[str]:
        total = self.report.total
        tiles = (
            ("eligible", "[L3]", total.eligible),
            ("moved", "[L3]", total.moved),
            ("not_moved", "[L3]", total.not_moved),
            ("restored", "[L4]", total.restored),
            ("forfeited", "[L4]", total.forfeited),
            ("stranded", "[L4]", total.stranded),
        )
        yield '<div class="tiles">'
        for name, point, value in tiles:
            label = f'{escape(self.say(name))} <span class="ref">{point}</span>'
            yield f"<div><b>{self.page.number(value)}</b>{label}</div>"
        yield "</div>\n"
        for sentence in self.words.in_short():
            yield _paragraph(sentence)
        without = total.not_moved - total.stranded
        yield self._one_bar(
            "people_bar",
            "candidates",
            (
                ("moved", total.moved),
                ("not_moved_with_unit", total.stranded),
                ("not_moved_without_unit", without),
                ("departed_late", total.departed_late),
            ),
        )
        yield self._one_bar("units_bar", "units", self._unit_states())

    def _unit_states(self) -> tuple[tuple[str, int], ...]:
        total = self.report.total
        return (
            ("restored", total.restored),
            ("forfeited", total.forfeited),
            ("stranded", total.stranded),
            ("released", total.released),
            ("late_units", total.late_units),
        )

    def _one_bar(self, name: str, unit: str, states: Sequence[tuple[str, int]]) -> str:
        parts = [f"{self.say(state)} {self.page.number(value)}" for state, value in states]
        series = [Series(part, [value]) for part, (_, value) in zip(parts, states, strict=True)]
        plot = self._plot(name, self.say(name), "; ".join(parts), unit)
        return bars(plot, [""], series)

    def _plot(self, name: str, title: str, text: str, unit: str) -> Plot:
        return Plot(name.replace("_", "-"), title, text, self.say(unit), self.page.number)

    # ---------------------------------------------------------------- over time

    def _timeline(self) -> Iterator[str]:
        say = self.say
        weeks, first = self._weeks()
        if weeks:
            labels = [self.words.short_date(self._closure_day + _DAYS_OF_WEEK * number) for number in weeks]
            before = sum(number < 0 for number in weeks)
            text = say(
                "week_text",
                closure=self.words.date(self._closure_day),
                before=before,
                after=len(weeks) - before,
            )
            mark = Mark(before, say("closure_mark")) if 0 <= -first <= len(weeks) else None
            for name, fields in (
                ("registrations_plot", ("registered_old", "registered_new", "reregistered")),
                ("departures_plot", ("departed_old", "departed_new")),
            ):
                series = [Series(say(field), self._by_week(field, weeks)) for field in fields]
                yield columns(self._plot(name, say(name), text, "per_week"), labels, series, mark)
            yield _paragraph(text)
        yield _paragraph(say("days_table_text"))
        yield from self._days_table()

    def _days_table(self) -> Iterator[str]:
        say = self.say
        fields = (
            "registered_old",
            "registered_new",
            "reregistered",
            "departed_old",
            "departed_new",
            "departed_late",
        )
        near = range(
            self._closure_day - WEEKS_MAX * _DAYS_OF_WEEK, self._closure_day + WEEKS_MAX * _DAYS_OF_WEEK
        )

        around = {
            self.words.iso_date(self._closure_day + day)
            for day in range(-DAYS_PRINTED_AROUND, DAYS_PRINTED_AROUND)
        }

        def rows(days: Iterable[Day]) -> Iterator[list[Cell]]:
            for day in days:
                counts = [getattr(day, field) for field in fields]
                if any(counts):
                    yield [self.words.iso_date(day.day), *counts]

        yield from self.page.table(
            "days",
            say("days_table"),
            [
                Column(say("day"), is_whole=True),
                *(Column(say(f"day_{field}"), is_number=True) for field in fields),
            ],
            rows(day for day in self.report.days if day.day in near),
            foot=[
                say("all_days"),
                *(sum(getattr(day, field) for day in self.report.days) for field in fields),
            ],
            # On paper the days around the closure: all of them would take seven pages.
            is_printed=lambda row: row[0] in around,
            every=lambda: rows(self.report.days),
        )

    @property
    def _closure_day(self) -> int:
        return self.words.wib_day(self.report.position.closure)

    def _weeks(self) -> tuple[range, int]:
        """Give the weeks to plot, counted from the closure."""
        numbers = [(day.day - self._closure_day) // _DAYS_OF_WEEK for day in self.report.days]
        near = [number for number in numbers if -WEEKS_MAX <= number < WEEKS_MAX]
        if not near:
            return range(0), 0
        return range(min(near), max(near) + 1), min(near)

    def _by_week(self, field: str, weeks: range) -> list[int]:
        sums = dict.fromkeys(weeks, 0)
        for day in self.report.days:
            number = (day.day - self._closure_day) // _DAYS_OF_WEEK
            if number in sums:
                sums[number] += getattr(day, field)
        return list(sums.values())

    def _progress(self) -> Iterator[str]:
        say, total = self.say, self.report.total
        since = [
            day
            for day in self.report.days
            if day.day >= self._closure_day and day.reregistered + day.departed_late + day.released
        ]
        if not since:
            yield _paragraph(say("empty"))
            return
        moved = {day.day: day.reregistered - day.voided for day in since}
        plotted = range(self._closure_day, min(since[-1].day + 1, self._closure_day + DAYS_PLOTTED_MAX))
        so_far = 0
        done, waiting = [], []
        for number in plotted:
            so_far += moved.get(number, 0)
            done.append(so_far)
            waiting.append(total.eligible - so_far)
        text = say(
            "progress_text",
            eligible=self.page.number(total.eligible),
            moved=self.page.number(total.moved),
            not_moved=self.page.number(total.not_moved),
            journal_at=self.words.journal_at,
        )
        yield lines(
            self._plot("progress_plot", say("progress_plot"), text, "candidates"),
            [self.words.short_date(number) for number in plotted],
            [Series(say("moved"), done), Series(say("not_moved"), waiting)],
        )
        yield _paragraph(text)
        fields = ("reregistered", "restored", "forfeited", "voided", "departed_late", "released")
        titles = (
            "day_reregistered",
            "restored",
            "forfeited",
            "still_voided",
            "day_departed_late",
            "released",
        )
        yield from self.page.table(
            "progress",
            say("progress_table"),
            [
                Column(say("day"), is_whole=True),
                *(Column(say(title), is_number=True) for title in titles),
                Column(say("so_far"), is_number=True),
            ],
            (
                [self.words.iso_date(day.day), *(getattr(day, field) for field in fields), count]
                for day, count in zip(since, _running(day.reregistered for day in since), strict=True)
            ),
            foot=[
                say("total"),
                *(sum(getattr(day, field) for day in since) for field in fields),
                sum(day.reregistered for day in since),
            ],
            shown_max=DAYS_SHOWN_MAX,
            printed_max=31,
        )

    # ---------------------------------------------------------------- stages

    def _funnel(self) -> Iterator[str]:
        say, funnel = self.say, self.report.funnel
        reached = {row.stage: row.reached for row in funnel}
        text = say(
            "funnel_text",
            registered=self.page.number(reached["registered"]),
            fulfilled=self.page.number(reached["documents_fulfilled"]),
            orientation=self.page.number(reached["orientation_completed"]),
        )
        labels = [say(row.stage) for row in funnel]
        title = say("funnel_plot", limit=self.words.limit)
        yield bars(
            self._plot("funnel_plot", title, text, "candidates"),
            labels,
            [Series(say("reached"), [row.reached for row in funnel])],
        )
        states = ("moved", "not_moved", "departed_late")
        yield bars(
            self._plot("stood_plot", say("stood_plot"), text, "candidates"),
            labels,
            [Series(say(state), [getattr(row, state) for row in funnel]) for state in states],
        )
        registered = reached["registered"]
        yield from self.page.table(
            "stages",
            say("funnel_table"),
            [
                Column(say("stage")),
                *(
                    Column(say(name), is_number=True)
                    for name in ("reached", "share_reached", "stood", *states, "again")
                ),
            ],
            (
                [
                    say(row.stage),
                    row.reached,
                    _share(row.reached, registered),
                    row.stood,
                    row.moved,
                    row.not_moved,
                    row.departed_late,
                    row.again,
                ]
                for row in funnel
            ),
            foot=[
                say("total"),
                None,
                None,
                *(sum(getattr(row, name) for row in funnel) for name in ("stood", *states)),
                None,
            ],
        )
        if self.report.again:
            yield _paragraph(say("again_text", states=self.words.again()))

    # ---------------------------------------------------------------- who, and why

    def _who(self) -> Iterator[str]:
        say, total = self.say, self.report.total
        reasons = sorted(
            total.reasons,
            key=lambda reason: (-total.reasons[reason], REASONS.index(reason.name), reason.code or ""),
        )
        if reasons:
            yield bars(
                self._plot("reasons_plot", say("reasons_plot"), say("reasons_text"), "candidates"),
                [self.words.reason(reason) for reason in reasons],
                [
                    Series(say("with_unit"), [total.stranded_reasons[reason] for reason in reasons]),
                    Series(
                        say("without_unit"),
                        [total.reasons[reason] - total.stranded_reasons[reason] for reason in reasons],
                    ),
                ],
            )
            yield _paragraph(say("reasons_text"))
            yield from self._reasons_table(reasons)
        for name in _GROUPS:
            yield from self._people_by(name)

    def _reasons_table(self, reasons: Sequence[Reason]) -> Iterator[str]:
        say, total = self.say, self.report.total
        yield from self.page.table(
            "reasons",
            say("reasons_table"),
            [
                Column(say("reason")),
                Column(say("code")),
                *(Column(say(name), is_number=True) for name in ("not_moved", "with_unit", "without_unit")),
            ],
            (
                [
                    self.words.reason(reason, with_code=False),
                    reason.code or "",
                    total.reasons[reason],
                    total.stranded_reasons[reason],
                    total.reasons[reason] - total.stranded_reasons[reason],
                ]
                for reason in reasons
            ),
            foot=[say("total"), "", total.not_moved, total.stranded, total.not_moved - total.stranded],
        )

    def _people_by(self, name: str) -> Iterator[str]:
        say = self.say
        names = ("in_process", "departed_late", "eligible", "moved", "share_moved", "not_moved")
        heads = [*names, *(short for short, _ in _SHORT_REASONS)]
        groups = self.report.groups[name]
        yield from self.page.table(
            f"candidates-by-{name}",
            say(f"by_{name}"),
            [Column(say(name)), *(Column(say(head), is_number=True) for head in heads)],
            (
                [self.words.group(name, key), *self._people(groups[key])]
                for key in _ordered(groups, lambda tally: (tally.not_moved, tally.in_process))
                if groups[key].in_process
            ),
            foot=[say("total"), *self._people(self.report.total)],
            printed_max=30,
        )

    @staticmethod
    def _people(tally: Tally) -> list[Cell]:
        return [
            tally.in_process,
            tally.departed_late,
            tally.eligible,
            tally.moved,
            _share(tally.moved, tally.eligible),
            tally.not_moved,
            *(
                sum(count for reason, count in tally.reasons.items() if reason.name in names)
                for _, names in _SHORT_REASONS
            ),
        ]

    # ---------------------------------------------------------------- units

    def _units(self) -> Iterator[str]:
        say = self.say
        yield self._units_by_destination()
        yield from self.page.table(
            "units",
            say("units_why_table"),
            [Column(say("what")), Column(say("why"), is_text=True), Column(say("units"), is_number=True)],
            self.words.unit_reasons(),
            foot=[say("held_at_closure"), "", self.report.total.units_at_closure],
        )
        if self.report.taken:
            yield _paragraph(say("taken_text", places=self.words.taken()))
        names = ("held_at_closure", "restored", "forfeited", "stranded", "released", "late_units")
        for name in _GROUPS[:3]:
            groups = self.report.groups[name]
            yield from self.page.table(
                f"units-by-{name}",
                say(f"units_by_{name}"),
                [Column(say(name)), *(Column(say(head), is_number=True) for head in names)],
                (
                    [self.words.group(name, key), *_units(groups[key])]
                    for key in _ordered(groups, lambda tally: (tally.stranded, tally.units_at_closure))
                    if groups[key].units_at_closure
                ),
                foot=[say("total"), *_units(self.report.total)],
                printed_max=30,
            )

    def _units_by_destination(self) -> str:
        groups = self.report.groups["destination"]
        held = [key for key in groups if groups[key].units_at_closure]
        held.sort(key=lambda key: (-groups[key].units_at_closure, key or ""))
        largest = held[:DESTINATIONS_PLOTTED_MAX]
        if not largest:
            return _paragraph(self.say("empty"))
        states = ("restored", "forfeited", "stranded", "released", "late_units")
        return bars(
            self._plot(
                "units_plot", self.say("units_plot"), self.say("units_plot_text", len(largest)), "units"
            ),
            [self.words.group("destination", key) for key in largest],
            [Series(self.say(state), [getattr(groups[key], state) for key in largest]) for state in states],
        )

    def _unmoved(self) -> Iterator[str]:
        say, words = self.say, self.words
        yield _paragraph(say("stranded_text"))
        yield from self.page.table(
            "not-moved",
            say("h_stranded"),
            [
                Column(say("registration"), is_whole=True),
                Column(say("agency"), is_whole=True),
                Column(say("destination")),
                Column(say("scheme"), is_extra=True),
                Column(say("province"), is_extra=True),
                Column(say("office"), is_whole=True),
                Column(say("stage")),
                Column(say("registered_on"), is_whole=True, is_extra=True),
                Column(say("permit"), is_whole=True),
                Column(say("line"), is_number=True),
                Column(say("valid_to"), is_whole=True),
                Column(say("reason"), is_text=True),
                Column(say("code")),
            ],
            (
                [
                    one.registration_id,
                    one.agency_id or "",
                    words.group("destination", one.destination),
                    words.group("scheme", one.scheme),
                    words.group("province", one.province),
                    one.office,
                    say(one.stage).split(" [")[0],
                    words.iso_date(words.wib_day(one.registered_at)),
                    one.permit_id or "",
                    one.line,
                    "" if one.valid_to is None else words.iso_date(one.valid_to),
                    words.reason(one.reason, with_code=False),
                    one.reason.code or "",
                ]
                for one in self.report.unmoved
            ),
            shown_max=UNMOVED_SHOWN_MAX,
            printed_max=40,
        )

    # ---------------------------------------------------------------- what went wrong

    def _refusals(self) -> Iterator[str]:
        say = self.say
        yield _paragraph(self.words.outcomes())
        by_code: dict[str, list[Refused]] = {}
        for one in self.report.refusals:
            by_code.setdefault(one.code, []).append(one)

        def counts(refusals: Sequence[Refused]) -> list[int]:
            before, after = sum(one.before for one in refusals), sum(one.after for one in refusals)
            in_systems = (
                sum(one.before + one.after for one in refusals if one.system == system) for system in _SYSTEMS
            )
            return [before + after, before, after, *in_systems]

        yield from self.page.table(
            "refusals",
            say("h_refusals"),
            [
                Column(say("code"), is_whole=True),
                Column(say("count"), is_number=True),
                Column(say("meaning"), is_text=True),
                Column(say("what_to_do"), is_text=True),
                *(Column(say(name), is_number=True) for name in ("before", "after")),
                *(Column(system, is_number=True, is_extra=True) for system in _SYSTEMS),
            ],
            (
                [code, counts(by_code[code])[0], *self.words.refusal(code), *counts(by_code[code])[1:]]
                for code in sorted(by_code, key=lambda code: (-counts(by_code[code])[0], code))
            ),
            foot=[
                say("total"),
                counts(self.report.refusals)[0],
                "",
                "",
                *counts(self.report.refusals)[1:],
            ],
            printed_max=100,
        )

    def _anomalies(self) -> Iterator[str]:
        say, words = self.say, self.words
        yield from self.page.table(
            "anomalies",
            say("h_anomalies"),
            [
                Column(say("anomaly")),
                Column(say("count"), is_number=True),
                Column(say("first_seqs"), is_text=True),
            ],
            (
                [
                    words.anomaly(anomaly.name),
                    anomaly.count,
                    ", ".join(str(event.seq) for event in anomaly.events[:SEQS_SHOWN_MAX])
                    + (" …" if anomaly.count > SEQS_SHOWN_MAX else ""),
                ]
                for anomaly in self.report.anomalies
            ),
        )
        yield _paragraph(say("held_text", self.page.number(self.report.held)))
        if self.report.outside:
            yield _paragraph(say("outside_text", self.page.number(self.report.outside), limit=words.limit))
        events = [
            (anomaly.name, event)
            for anomaly in self.report.anomalies
            if anomaly.name not in {"duplicate", "late_after_moving"}
            for event in anomaly.events
        ]
        if not events:
            return
        yield from self.page.table(
            "anomaly-decisions",
            say("events_table"),
            [
                Column("seq", is_number=True),
                Column(say("anomaly"), is_text=True),
                Column(say("registration")),
                Column(say("system")),
                Column(say("code")),
                Column(say("occurred_at"), is_whole=True),
                Column(say("entered_at"), is_whole=True),
            ],
            (
                [
                    event.seq,
                    words.anomaly(name),
                    event.registration_id or "",
                    event.system or "",
                    event.code or "",
                    words.minute(event.occurred_at),
                    words.minute(event.entered_at),
                ]
                for name, event in events
            ),
            shown_max=EVENTS_SHOWN_MAX,
            printed_max=20,
        )

    def _extract(self) -> Iterator[str]:
        say, extract = self.say, self.extract
        if extract is None:
            yield _paragraph(say("no_extract"))
            return
        yield _paragraph(self.words.extract(extract))
        if extract.is_dry_run:
            yield _paragraph(say("extract_dry"))
        if extract.defects:
            yield from self.page.table(
                "extract-defects",
                say("extract_defects"),
                [Column(say("kind"), is_text=True), Column(say("count"), is_number=True)],
                ([extract.title(kind, say.language), count] for kind, count in extract.defects),
                printed_max=100,
            )
        if extract.differing:
            yield _paragraph(say("extract_note"))
            heads = ("sisa_kuota", "available", "difference", "granted", "reserved", "departed", "forfeited")
            yield from self.page.table(
                "extract-lines",
                say("extract_lines"),
                [
                    Column(say("permit")),
                    Column(say("line"), is_number=True),
                    *(Column(say(head), is_number=True) for head in heads),
                    Column(say("available_now"), is_number=True),
                ],
                (self.words.extract_line(line) for line in extract.differing),
                shown_max=UNMOVED_SHOWN_MAX,
                printed_max=40,
            )

    # ---------------------------------------------------------------- definitions and checks

    def _definitions(self) -> Iterator[str]:
        yield "<dl>\n"
        for term, text in self.words.definitions():
            yield f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>\n"
        yield "</dl>\n"

    def _checks(self) -> Iterator[str]:
        say, position = self.say, self.report.position
        yield _paragraph(say("checks_text"))
        yield "<dl>\n"
        for term, value in (
            ("c_seq", str(position.seq)),
            ("c_sha256", position.sha256),
            ("c_root", position.root),
            ("c_again", command(position.seq, say.language)),
            ("c_verify", "neraca verify"),
            ("c_prove", f"neraca prove --seq {max(position.seq, 0)}"),
            ("c_extract", "neraca import FOLDER --dry-run --json"),
            ("c_decision", decision_query(max(position.seq, 0))),
        ):
            yield f"<dt>{escape(say(term))}</dt><dd><code>{escape(value)}</code></dd>\n"
        yield "</dl>\n"
        yield _paragraph(say("checks_sql_text"))
        heads = "".join(f'<th scope="col">{escape(say(name))}</th>' for name in ("figure", "how", "answer"))
        yield f'<div class="wide"><table><thead><tr>{heads}</tr></thead>\n<tbody>\n'
        for check in checks(self.report):
            yield (
                f'<tr id="check-{check.name}"><th scope="row">{escape(say(f"f_{check.name}"))}</th>'
                f'<td class="t"><pre>{escape(check.sql)};</pre></td>'
                f"<td>{escape(self._answer(check))}</td></tr>\n"
            )
        yield "</tbody></table></div>\n"

    def _answer(self, check: Check) -> str:
        if len(check.answer) > _ANSWER_ROWS_MAX:
            return self.say("rows", self.page.number(len(check.answer)))
        return "; ".join(
            " · ".join("–" if value is None else str(value) for value in row) for row in check.answer
        )


def _units(tally: Tally) -> list[Cell]:
    return [
        tally.units_at_closure,
        tally.restored,
        tally.forfeited,
        tally.stranded,
        tally.released,
        tally.late_units,
    ]


def _ordered(groups: dict[str | None, Tally], weight: Callable[[Tally], tuple[int, ...]]) -> list[str | None]:
    """Give the heaviest first, and the same order each time."""
    return sorted(groups, key=lambda key: (tuple(-part for part in weight(groups[key])), key or ""))


def _running(counts: Iterable[int]) -> Iterator[int]:
    total = 0
    for count in counts:
        total += count
        yield total


def _share(part: int, whole: int) -> Percent | None:
    return Percent(part / whole) if whole else None


def _paragraph(text: str) -> str:
    with_code = re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
    return f"<p>{with_code}</p>\n"
