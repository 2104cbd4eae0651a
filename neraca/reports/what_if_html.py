"""The answer to a what-if as one HTML file that needs nothing else, in Bahasa Indonesia or English.

Every text of a ledger is escaped. Must not count: what there is comes as a `WhatIf`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from html import escape
from itertools import islice
from typing import Final, TextIO

from audit.what_if.chain import Step
from audit.what_if.differences import Difference
from audit.what_if.outcomes import ACCOUNTS, FIGURES, ChangedRegistration, Group, standing
from audit.what_if.running import Shown
from ledger.refusals import REFUSALS
from neraca.reports.page import Cell, Column, Furniture, Page
from neraca.reports.what_if import (
    FIGURE_WORDS,
    GIVEN_WORDS,
    THING_WORDS,
    WhatIf,
    fields_that_differ,
    thing_text,
)
from neraca.reports.what_if_texts import Speech, effects_text
from schemas.instants import format_instant

# Rows on the page; the CSV has all, but for what only the JSON holds: a reason for each of a million people.
REGISTRATIONS_SHOWN_MAX: Final = 300
REGISTRATIONS_SAVED_MAX: Final = 20_000
LINES_SHOWN_MAX: Final = 300
GROUPS_SHOWN_MAX: Final = 300
STEPS_SHOWN_MAX: Final = 200
WHY_STEPS_MAX: Final = 4
DEPTH_MAX: Final = 8
REFUSED: Final = "REFUSED "

_GROUP_FIGURES: Final = ("reregistered", "departed", "units_restored", "units_forfeited", "units_stranded")


def write_html(report: WhatIf, language: str, target: TextIO) -> None:
    """Write the file.

    Args:
        report: The answer.
        language: `id` or `en`.
        target: Where to.

    """
    target.writelines(_Document(report, Speech(language)).parts())


class _Document:
    """The page, section by section."""

    def __init__(self, report: WhatIf, say: Speech) -> None:
        self.report: Final = report
        self.say: Final = say
        self.page: Final = Page(say.language, Furniture(say("sort"), say("save"), say("more_rows")))

    def parts(self) -> Iterator[str]:
        """Give the page, piece by piece."""
        say = self.say
        yield self.page.head(say("title"))
        yield from self._top()
        sections: list[tuple[str, Callable[[], Iterable[str]]]] = [("h_asked", self._asked)]
        if self.report.run.differences:
            sections += [
                ("h_end", self._end),
                ("h_decisions", self._decisions),
                ("h_people", self._people),
                ("h_groups", self._groups),
                ("h_lines", self._lines),
                ("h_first", self._first),
            ]
            if self.report.explained is not None:
                sections.append(("h_chain", self._chain))
            sections.append(("h_heaviest", self._heaviest))
        sections.append(("h_rule", self._rule))
        items = "".join(f'<li><a href="#{name}">{escape(say(name))}</a></li>' for name, _ in sections)
        yield f'<nav aria-label="{escape(say("contents"))}"><ul>{items}</ul></nav>\n<main>\n'
        for name, section in sections:
            yield f'<section aria-labelledby="{name}">\n<h2 id="{name}">{escape(say(name))}</h2>\n'
            yield from section()
            yield "</section>\n"
        yield "</main>\n"
        yield self.page.foot()

    def _top(self) -> Iterator[str]:
        run, ends = self.report.run, self.report.outcomes
        number = self.page.number
        yield f"<header><h1>{escape(self.say('title'))}</h1>\n"
        yield _paragraph(self.say("ledger", ledger=self.report.ledger, records=number(int(run.records))))
        if not run.differences:
            yield f"<p><b>{escape(self.say('no_difference'))}</b></p>\n"
        else:
            yield '<div class="tiles">'
            for name, value in (
                ("differ", len(run.differences)),
                ("changed", len(ends.registrations)),
                ("changed_lines", len(ends.lines)),
            ):
                yield f"<div><b>{number(value)}</b>{escape(self.say(name))}</div>"
            yield "</div>\n"
            yield _paragraph(
                self.say(
                    "in_short",
                    differ=number(len(run.differences)),
                    records=number(int(run.records)),
                    share=self.page.percent(len(run.differences) / max(1, int(run.records))),
                    registrations=number(len(ends.registrations)),
                    lines=number(len(ends.lines)),
                )
            )
        if self.report.wanted:
            yield _paragraph(self.say("alike", wanted=self.report.wanted))
        yield "</header>\n"

    def _asked(self) -> Iterator[str]:
        if not self.report.told:
            yield _paragraph(self.say("nothing_asked"))
            return
        yield "<ul>"
        for told in self.report.told:
            text = self.say(told.what, name=told.name, after=told.after or "–", before=told.before or "–")
            yield f"<li>{escape(text)}</li>"
        yield "</ul>\n"

    # ---------------------------------------------------------------- at the end

    def _before_and_after(self) -> list[Column]:
        return [
            Column(self.say("as_is"), is_number=True),
            Column(self.say("would_be"), is_number=True),
            Column(self.say("more"), is_number=True),
        ]

    def _end(self) -> Iterator[str]:
        total = self.report.outcomes.total
        rows: list[Sequence[Cell]] = []
        for name in FIGURES:
            before, after = total.before[name], total.after[name]
            rows.append((FIGURE_WORDS[name][1 - self.say.place], before, after, after - before))
        for name in ACCOUNTS:
            before, after = total.units_before[name], total.units_after[name]
            rows.append((f"SIP2MI: {self._account(name)}", before, after, after - before))
        yield from self.page.table(
            "end", self.say("h_end"), [Column(self.say("figure")), *self._before_and_after()], rows
        )

    def _account(self, name: str) -> str:
        return self.say("departed_units" if name == "departed" else name)

    # ---------------------------------------------------------------- decisions

    def _decisions(self) -> Iterator[str]:
        columns = [
            Column(self.say("as_is")),
            Column(self.say("would_be"), is_text=True),
            Column(self.say("count"), is_number=True),
            Column(self.say("first_seq"), is_number=True),
            Column(self.say("meaning"), is_text=True),
        ]
        rows = (
            (
                self._label(each.before) + self._given(each),
                effects_text(each.effects, self.say.language) or self._label(each.after),
                count,
                int(each.seq),
                self._meaning(each),
            )
            for each, count in self.report.kinds()
        )
        yield from self.page.table(
            "decisions", self.say("h_decisions"), columns, rows, shown_max=GROUPS_SHOWN_MAX
        )
        yield from self.page.table(
            "because",
            self.say("h_because"),
            [Column(self.say("thing")), Column(self.say("count"), is_number=True)],
            ((self._because(name), count) for name, count in self.report.because()),
        )

    def _given(self, each: Difference) -> str:
        return f" ({GIVEN_WORDS[each.given][1 - self.say.place]})" if each.given else ""

    def _label(self, label: str) -> str:
        """Give an outcome and its code."""
        if not label:
            return self.say("absent")
        outcome, _, code = label.partition(" ")
        return f"{self.say(outcome)} {code}".rstrip()

    def _meaning(self, each: Difference) -> str:
        code = each.after.removeprefix(REFUSED) if each.after.startswith(REFUSED) else each.before
        refusal = REFUSALS.get(code.removeprefix(REFUSED))
        if refusal is None:
            return ""
        return refusal.title if self.say.language == "en" else refusal.judul

    def _because(self, name: str) -> str:
        if name in ("given", "nothing"):
            return self.say(name)
        words = [THING_WORDS[part][1 - self.say.place] for part in name.split(" and ")]
        return self.say("and").join(words)

    # ---------------------------------------------------------------- people, groups, lines

    def _standing(self, text: str) -> str:
        return ", ".join(self.say(part) for part in text.split(", "))

    def _people(self) -> Iterator[str]:
        ends = self.report.outcomes
        columns = [
            Column(self.say("as_is")),
            Column(self.say("would_be"), is_text=True),
            Column(self.say("count"), is_number=True),
        ]
        rows = (
            (
                self._standing(was),
                self._standing(becomes) + (f" ({self.say('other_stages')})" if was == becomes else ""),
                count,
            )
            for was, becomes, count in ends.turns
        )
        yield from self.page.table("turns", self.say("h_people"), columns, rows)
        columns = [
            Column(self.say("registration")),
            Column(self.say("agency"), is_whole=True),
            Column(self.say("destination"), is_whole=True),
            Column(self.say("as_is"), is_text=True),
            Column(self.say("would_be"), is_text=True),
            Column(self.say("why"), is_text=True),
        ]
        saved = islice(ends.registrations, REGISTRATIONS_SAVED_MAX)
        yield from self.page.table(
            "registrations",
            self.say("h_people"),
            columns,
            (self._person(changed) for changed in saved),
            shown_max=REGISTRATIONS_SHOWN_MAX,
        )

    def _person(self, changed: ChangedRegistration) -> Sequence[Cell]:
        known = changed.known
        return (
            known.registration_id,
            known.agency_id or "–",
            known.destination,
            self._standing(standing(changed.before)),
            self._standing(standing(changed.after)),
            self._way(self.report.why(changed)),
        )

    def _way(self, steps: Sequence[Step]) -> str:
        """Give the way to a difference in one line, the nearest first."""
        parts = [self._step(step) for step in reversed(steps)]
        more = len(parts) - WHY_STEPS_MAX
        end = self.say("and_more", count=self.page.number(more)) if more > 0 else ""
        return " ← ".join(parts[:WHY_STEPS_MAX]) + end

    def _step(self, step: Step) -> str:
        each = step.difference
        text = f"seq {self._seq(each)} {each.kind}: {self._turn(each)}"
        if step.through is not None:
            text += f" ({thing_text(step.through.kind, step.through.key, 1 - self.say.place)})"
        return text + self._given(each)

    def _seq(self, each: Difference) -> str:
        return self.say("before_seq", seq=each.seq) if each.given == "inserted" else str(each.seq)

    def _turn(self, each: Difference) -> str:
        if each.effects:
            return f"{self._label(each.before)}: {effects_text(each.effects, self.say.language)}"
        return f"{self._label(each.before)} → {self._label(each.after)}"

    def _groups(self) -> Iterator[str]:
        for name, groups in (
            ("agency", self.report.outcomes.agencies),
            ("destination", self.report.outcomes.destinations),
        ):
            words = [FIGURE_WORDS[figure][1 - self.say.place] for figure in _GROUP_FIGURES]
            columns = [Column(self.say(name)), Column(self.say("changed"), is_number=True)]
            for word in words:
                columns += [Column(word, is_number=True), Column(f"{word} ±", is_number=True)]
            ranked = sorted(groups.items(), key=lambda item: (-item[1].changed, item[0]))
            yield from self.page.table(
                f"by-{name}",
                self.say(name),
                columns,
                (self._group(key, group) for key, group in ranked),
                shown_max=GROUPS_SHOWN_MAX,
            )

    def _group(self, key: str, group: Group) -> Sequence[Cell]:
        row: list[Cell] = [key, group.changed]
        for figure in _GROUP_FIGURES:
            row += [group.before[figure], group.after[figure] - group.before[figure]]
        return row

    def _lines(self) -> Iterator[str]:
        columns = [
            Column(self.say("permit"), is_whole=True),
            Column(self.say("line"), is_number=True),
            Column(self.say("agency"), is_whole=True),
            Column(self.say("destination"), is_whole=True),
        ]
        for name in ACCOUNTS:
            word = self._account(name)
            columns += [Column(word, is_number=True), Column(f"{word} ±", is_number=True)]
        ranked = sorted(
            self.report.outcomes.lines,
            key=lambda line: (-sum(map(abs, line.difference)), line.permit_id, line.line),
        )
        rows: Iterable[Sequence[Cell]] = (
            (
                line.permit_id,
                line.line,
                line.agency_id,
                line.destination,
                *(cell for pair in zip(line.before, line.difference, strict=True) for cell in pair),
            )
            for line in ranked
        )
        yield from self.page.table("lines", self.say("h_lines"), columns, rows, shown_max=LINES_SHOWN_MAX)

    # ---------------------------------------------------------------- one decision, and what follows

    def _first(self) -> Iterator[str]:
        first = self.report.run.first
        if first is not None:
            yield from self._shown("first", first)

    def _shown(self, name: str, shown: Shown) -> Iterator[str]:
        each = shown.difference
        when = format_instant(each.occurred_at, each.occurred_offset_minutes) if each.kind else ""
        about = " · ".join(
            filter(None, (f"seq {self._seq(each)}", each.kind, each.registration_id, each.permit_id, when))
        )
        yield _paragraph(f"{about}: {self._turn(each)}{self._given(each)}")
        meaning = self._meaning(each)
        if meaning:
            yield _paragraph(meaning)
        columns = [
            Column(self.say("field")),
            Column(self.say("as_is"), is_text=True),
            Column(self.say("would_be"), is_text=True),
        ]
        rows = ((field, was or "–", becomes or "–") for field, was, becomes in fields_that_differ(shown))
        yield from self.page.table(f"{name}-fields", self.say("what_differs"), columns, rows)

    def _chain(self) -> Iterator[str]:
        report = self.report
        if report.explained is None:
            return
        if report.run.first is None or report.run.first.difference is not report.explained.difference:
            yield from self._shown("explained", report.explained)
        way = report.reasons()
        if len(way) > 1 or way[0].through is not None:
            yield _paragraph(f"{self.say('follows_from')} {self._way(way)}")
        shown: list[Step] = []
        count = 0
        for step in report.consequences():
            if step.because is not None:
                count += 1
                if count <= STEPS_SHOWN_MAX:
                    shown.append(step)
        if not shown:
            yield _paragraph(self.say("nothing_follows"))
            return
        number = self.page.number
        yield _paragraph(self.say("that_follow", count=number(count), shown=number(len(shown))))
        columns = [
            Column("seq", is_number=True),
            Column(self.say("step"), is_number=True),
            Column(self.say("through"), is_text=True),
            Column(self.say("decision"), is_text=True),
            Column(self.say("what_differs"), is_text=True),
        ]
        yield from self.page.table("chain", self.say("h_chain"), columns, map(self._chain_row, shown))

    def _heaviest(self) -> Iterator[str]:
        columns = [
            Column("seq", is_number=True),
            Column(self.say("decision"), is_text=True),
            Column(self.say("what_differs"), is_text=True),
            Column(self.say("that_follow_short"), is_number=True),
        ]
        rows = (
            (
                int(each.seq),
                " ".join(filter(None, (each.kind, each.registration_id or each.permit_id))),
                self._turn(each) + self._given(each),
                count,
            )
            for each, count in self.report.heaviest()
        )
        yield _paragraph(self.say("heaviest"))
        yield from self.page.table("heaviest", self.say("h_heaviest"), columns, rows)

    def _chain_row(self, step: Step) -> Sequence[Cell]:
        each, through = step.difference, step.through
        because = "" if step.because is None else f" (seq {self._seq(step.because)})"
        thing = "" if through is None else thing_text(through.kind, through.key, 1 - self.say.place)
        who = " ".join(filter(None, (each.kind, each.registration_id or each.permit_id)))
        return int(each.seq), step.depth, thing + because, who, self._turn(each)

    def _rule(self) -> Iterator[str]:
        yield _paragraph(self.say("rule"))
        yield _paragraph(self.say("check"))


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>\n"
