"""The report's figures put into words: names, dates, numbers and sentences, in one language.

Shared by the page and the terminal. Must not know HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from audit.report import Cutover, Reason
from audit.report.figures import LONG_AFTER_DAYS
from audit.report.provinces import OFFICE, PROVINCES
from ledger.refusals import REFUSALS
from neraca.reports.cutover_extract import ExtractLine, ExtractSummary
from neraca.reports.cutover_texts import Speech
from neraca.reports.page import Cell

OUTCOMES: Final = ("ACCEPTED", "REFUSED", "DUPLICATE", "UNREADABLE")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = date(1970, 1, 1)
_WIB: Final = timezone(timedelta(hours=7), "WIB")


class Words:
    """Words for the figures of one report."""

    def __init__(self, say: Speech, report: Cutover) -> None:
        self._say: Final = say
        self._report: Final = report
        self._locale: Final = Locale.parse(say.language)

    # ---------------------------------------------------------------- numbers and dates

    def number(self, value: int) -> str:
        """Write a whole number."""
        return format_decimal(value, locale=self._locale)

    def percent(self, part: int, whole: int) -> str:
        """Write a share."""
        return format_percent(part / whole if whole else 0.0, format="#,##0.0%", locale=self._locale)

    @staticmethod
    def wib_day(at: int) -> int:
        """Give the WIB day of an instant, in days since 1970."""
        return (at + 7 * 3_600_000_000) // 86_400_000_000

    def date(self, day: int) -> str:
        """Write a day in full."""
        return format_date(_date(day), "d MMMM y", locale=self._locale)

    def short_date(self, day: int) -> str:
        """Write a day without its year."""
        return format_date(_date(day), "d MMM", locale=self._locale)

    @staticmethod
    def iso_date(day: int) -> str:
        """Write a day so that it sorts."""
        return _date(day).isoformat()

    def instant(self, at: int) -> str:
        """Write an instant in WIB, in full."""
        moment = _moment(at)
        pattern = "d MMMM y, HH.mm" if self._say.language == "id" else "d MMMM y, HH:mm"
        return f"{format_datetime(moment, pattern, locale=self._locale)} WIB"

    @staticmethod
    def minute(at: int | None) -> str:
        """Write an instant in WIB so that it sorts."""
        return "" if at is None else _moment(at).strftime("%Y-%m-%d %H:%M")

    @property
    def closure(self) -> str:
        """T_0."""
        return self.instant(self._report.position.closure)

    @property
    def limit(self) -> str:
        """T_R."""
        return self.instant(self._report.position.registration_limit)

    @property
    def journal_at(self) -> str:
        """How far the history told reaches."""
        at = self._report.position.journal_at
        return "–" if at is None else self.instant(at)

    # ---------------------------------------------------------------- names

    def group(self, dimension: str, key: str | None) -> str:
        """Name one value of a dimension."""
        if dimension == "agency":
            return key if key is not None else self._say("no_agency")
        if key is None:
            return "–"
        if dimension == "destination":
            name = self._locale.territories.get(key)
            return f"{name} ({key})" if name else key
        if dimension == "province":
            return self._province(key)
        return self._say(f"scheme_{key}")

    def _province(self, key: str) -> str:
        if key.startswith(OFFICE):
            code = key.removeprefix(OFFICE)
            return self._say("unknown_office", code) if code else self._say("no_office")
        indonesian, english = PROVINCES[key]
        return f"{indonesian if self._say.language == 'id' else english} ({key})"

    def reason(self, reason: Reason, *, with_code: bool = True) -> str:
        """Say why a registration has not moved; without the code where that has a column of its own."""
        code = reason.code if with_code and reason.code is not None else ""
        return self._say(reason.name, code=code).removesuffix(": ")

    def anomaly(self, name: str) -> str:
        """Name an anomaly."""
        return self._say(name, days=LONG_AFTER_DAYS)

    def refusal(self, code: str) -> tuple[str, str]:
        """Say what a code means, and what to do."""
        refusal = REFUSALS[code]
        if self._say.language == "id":
            return refusal.judul, refusal.indonesian
        return refusal.title, refusal.english

    # ---------------------------------------------------------------- sentences

    def in_short(self) -> Iterator[str]:
        """Give what an official reads first."""
        total, number = self._report.total, self.number
        yield self._say(
            "short_people",
            closure=self.closure,
            limit=self.limit,
            in_process=number(total.in_process),
            late=number(total.departed_late),
            eligible=number(total.eligible),
            moved=number(total.moved),
            share=self.percent(total.moved, total.eligible),
            not_moved=number(total.not_moved),
        )
        yield self._say(
            "short_units",
            held=number(total.units_at_closure),
            restored=number(total.restored),
            forfeited=number(total.forfeited),
            late_units=number(total.late_units),
            released=number(total.released),
            stranded=number(total.stranded),
        )
        if total.reasons:
            reason, count = max(total.reasons.items(), key=lambda item: (item[1], item[0].name))
            yield self._say("short_reason", reason=self.reason(reason), count=number(count))

    def outcomes(self) -> str:
        """Say how many decisions had which outcome."""
        counts = self._report.outcomes
        return self._say(
            "outcomes_text",
            decisions=self.number(sum(counts.values())),
            outcomes=", ".join(
                self._say(f"outcome_{name}", self.number(counts[name]))
                for name in OUTCOMES
                if counts.get(name)
            ),
        )

    def again(self) -> str:
        """Say what the new registrations are now."""
        counts = sorted(self._report.again.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(self._say(f"status_{status}", self.number(count)) for status, count in counts)

    def taken(self) -> str:
        """Say where re-registrations took their unit."""
        counts = sorted(self._report.taken.items(), key=lambda item: (-item[1], item[0]))
        return ", ".join(self._say(f"taken_{place}", self.number(count)) for place, count in counts)

    def unit_reasons(self) -> list[list[Cell]]:
        """Give what became of the units held at T_0, why, and how many."""
        report, say = self._report, self._say
        rows: list[list[Cell]] = []
        for state, counts in (("restored", report.restored), ("forfeited", report.forfeited)):
            rows += [
                [say(state), say(f"why_{why}"), count]
                for why, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            ]
        stranded = sorted(report.total.stranded_reasons.items(), key=lambda item: (-item[1], item[0].name))
        rows += [[say("stranded"), self.reason(reason), count] for reason, count in stranded]
        if report.total.released:
            rows.append([say("released"), say("why_ruling"), report.total.released])
        rows += [
            [say("late_units"), say(f"why_late_{path}"), count]
            for path, count in sorted(report.late_paths.items())
            if path != "none"
        ]
        return rows

    def extract(self, extract: ExtractSummary) -> str:
        """Say what an import of the extract found."""
        return self._say(
            "extract_text",
            name=extract.name,
            actions=self.number(extract.actions),
            outcomes=", ".join(self._outcome(name, count) for name, count in extract.outcomes.items()),
            defects=self.number(sum(count for _, count in extract.defects)),
            equal=self.number(extract.lines - len(extract.differing)),
            lines=self.number(extract.lines),
        )

    def _outcome(self, name: str, count: int) -> str:
        """Say an outcome with its code, as an import names it: `REFUSED SYSTEM_CLOSED`."""
        outcome, _, code = name.partition(" ")
        if outcome not in OUTCOMES:
            return f"{self.number(count)} {name}"
        return f"{self._say(f'outcome_{outcome}', self.number(count))} {code}".rstrip()

    def extract_line(self, line: ExtractLine) -> list[Cell]:
        """Give a permit line that differs, and what is available on it now."""
        now = self._report.balances.get((line.permit_id, line.line))
        return [
            line.permit_id,
            line.line,
            self._say("unreadable_cell") if line.sisa_kuota is None else line.sisa_kuota,
            line.available,
            line.difference,
            line.granted,
            line.reserved,
            line.departed,
            line.forfeited,
            None if now is None else now[1],
        ]

    def definitions(self) -> Iterator[tuple[str, str]]:
        """Give each term and exactly what it counts."""
        say, total, number = self._say, self._report.total, self.number
        yield (
            say("d_population"),
            say(
                "d_population_text",
                limit=self.limit,
                registered=number(total.registered),
                departed_in_time=number(total.departed_in_time),
                cancelled=number(total.cancelled),
                in_process=number(total.in_process),
            ),
        )
        for term, text in (
            ("eligible", "d_eligible_text"),
            ("departed_late", "d_late_text"),
            ("moved", "d_moved_text"),
            ("not_moved", "d_not_moved_text"),
            ("stranded", "d_stranded_text"),
            ("restored", "d_restored_text"),
            ("forfeited", "d_forfeited_text"),
            ("released", "d_released_text"),
        ):
            yield say(term), say(text)
        yield say("d_reasons"), say("d_reasons_text", journal_at=self.journal_at)
        yield say("province"), say("d_province_text")
        yield say("d_days"), say("d_days_text")

    def __repr__(self) -> str:
        """Show the language."""
        return f"Words({self._say!r})"


def command(seq: int, language: str) -> str:
    """Give the command that makes this report again."""
    return f"neraca report cutover --known {max(seq, 0)} --language {language} --out report.html"


def _date(day: int) -> date:
    return _FIRST_DAY + timedelta(days=day)


def _moment(at: int) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(_WIB)
