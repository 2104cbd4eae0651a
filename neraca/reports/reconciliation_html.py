"""The reconciliation report as one HTML file that needs nothing else: for whoever has to phone an agency.

Every text of an extract is escaped; there is no script, and nothing is fetched.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from html import escape
from typing import Final, TextIO

from ledger.refusals import REFUSALS
from neraca.reports.page import STYLE
from neraca.reports.reconciliation import Reconciliation
from neraca.wording import counted
from producers.extract import KINDS, Defect
from producers.reconciliation import LineComparison

# What one person works through, and a browser shows without effort; the JSON has all.
ROWS_PER_GROUP_MAX: Final = 500
DIFFERENCES_MAX: Final = 2_000
REFUSED_MAX: Final = 100
HELD_BACK: Final = "depends_on_reported_row"


def write_html(report: Reconciliation, target: TextIO) -> None:
    """Write the file."""
    gathered = _Gathered(report)
    target.write(
        "<!doctype html>\n<html lang=en><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<title>Reconciliation of {escape(report.folder)}</title><style>{STYLE}</style>\n"
    )
    for part in (
        _summary(report, gathered),
        _kinds(gathered),
        _differences(gathered),
        _agencies(report, gathered),
    ):
        target.writelines(part)
    target.writelines(_others(gathered))
    target.writelines(_refusals(report))
    target.writelines(_rows(report))
    target.write("</html>\n")


class _Gathered:
    """Defects and lines by what they are told under; bounded, with the counts of all."""

    def __init__(self, report: Reconciliation) -> None:
        self.by_kind: Counter[str] = Counter()
        self.by_agency: Counter[str] = Counter()
        self.of_agency: defaultdict[str, list[Defect]] = defaultdict(list)
        self.held_of_agency: Counter[str] = Counter()
        self.lines_of_agency: defaultdict[str, list[LineComparison]] = defaultdict(list)
        self.lines_total = 0
        self.lines_equal = 0
        self.differing: list[LineComparison] = []
        for defect in report.defects():
            self.by_kind[defect.kind] += 1
            agency = defect.agency_id or ""
            if defect.kind == HELD_BACK:
                # Nobody has to do anything about these but correct the row that they wait for.
                self.held_of_agency[agency] += 1
                continue
            self.by_agency[agency] += 1
            if len(self.of_agency[agency]) < ROWS_PER_GROUP_MAX:
                self.of_agency[agency].append(defect)
        for line in report.lines():
            self.lines_total += 1
            if line.difference == 0:
                self.lines_equal += 1
                continue
            if len(self.differing) < DIFFERENCES_MAX:
                self.differing.append(line)
            self.lines_of_agency[line.quota.agency_id].append(line)

    def __repr__(self) -> str:
        return f"_Gathered({self.by_kind}, {self.lines_total} lines)"


def _summary(report: Reconciliation, gathered: _Gathered) -> Iterator[str]:
    what = "Decided without Kafka; nothing was sent." if report.is_dry_run else "Sent and decided."
    yield (
        f"<h1>Reconciliation of {escape(report.folder)} <small>· Rekonsiliasi</small></h1><p>{what}</p>"
        "<div class=tiles>"
    )
    tiles = [
        ("actions · tindakan", report.actions),
        *report.outcomes.items(),
        ("defects · temuan", gathered.by_kind.total()),
        ("lines that differ · jabatan berbeda", gathered.lines_total - gathered.lines_equal),
    ]
    for name, number in tiles:
        yield f"<div><b>{number:,}</b>{escape(str(name))}</div>"
    yield "</div>\n"


def _kinds(gathered: _Gathered) -> Iterator[str]:
    yield "<h2>What is wrong, worst first <small>· Temuan, terberat dahulu</small></h2>\n"
    if not gathered.by_kind:
        yield "<p>Nothing. · Tidak ada.</p>\n"
        return
    yield "<table><tr><th class=n>rows<th>kind · jenis<th>what to do · tindak lanjut</tr>\n"
    for name, kind in KINDS.items():
        if gathered.by_kind[name]:
            yield (
                f"<tr><td class=n>{gathered.by_kind[name]:,}<td><b>{escape(kind.title)}</b><br>"
                f"{escape(kind.judul)}<td>{escape(kind.advice)}<br><small>{escape(kind.saran)}</small></tr>\n"
            )
    yield "</table>\n"


def _differences(gathered: _Gathered) -> Iterator[str]:
    yield "<h2>sisa_kuota beside the ledger <small>· sisa_kuota dan neraca</small></h2>\n"
    yield f"<p>{gathered.lines_equal:,} of {gathered.lines_total:,} lines agree.</p>\n"
    if gathered.differing:
        yield from _line_table(gathered.differing)
        more = gathered.lines_total - gathered.lines_equal - len(gathered.differing)
        if more:
            yield f"<p>{more:,} more differ; the JSON has all.</p>\n"


def _line_table(lines: list[LineComparison]) -> Iterator[str]:
    yield (
        "<table><tr><th>permit · SIP2MI<th class=n>line<th class=n>sisa_kuota<th class=n>available"
        "<th class=n>reserved<th class=n>departed<th class=n>difference<th>why · sebab</tr>\n"
    )
    for line in lines:
        balance = line.balance
        remaining = "–" if line.quota.remaining is None else str(line.quota.remaining)
        difference = "–" if line.difference is None else f"{line.difference:+d}"
        yield (
            f"<tr><td>{escape(line.quota.permit_id)}<td class=n>{line.quota.line}<td class=n>{remaining}"
            f"<td class=n>{balance.available}<td class=n>{balance.reserved}<td class=n>{balance.departed}"
            f"<td class=n>{difference}<td>"
        )
        for part in line.explanations:
            units = f"{part.units:+d}: " if part.units else ""
            yield f"{units}{escape(part.english)}<br><small>{escape(part.indonesian)}</small><br>"
            named = [
                f"{row.file} line {row.line}"
                + (
                    f" ({row.registration_id}{', ' + row.code if row.code else ''})"
                    if row.registration_id
                    else ""
                )
                for row in part.rows
            ]
            more = f" and {part.rows_count - len(named)} more" if part.rows_count > len(named) else ""
            yield f"<small>{escape('; '.join(named))}{more}</small><br>"
        if line.difference and line.unexplained:
            yield f"{line.unexplained:+d}: no row explains it · tidak ada baris yang menjelaskan"
        yield "</tr>\n"
    yield "</table>\n"


def _agencies(report: Reconciliation, gathered: _Gathered) -> Iterator[str]:
    agencies = {
        agency
        for agency in (*gathered.by_agency, *gathered.held_of_agency, *gathered.lines_of_agency)
        if agency
    }
    if not agencies:
        return
    yield "<h2>Whom to call <small>· Siapa yang dihubungi</small></h2>\n"
    for agency in sorted(agencies, key=lambda code: (-gathered.by_agency[code], code)):
        contact = report.agencies.get(agency)
        name = contact.name if contact is not None and contact.name else agency
        rows, lines = gathered.by_agency[agency], len(gathered.lines_of_agency[agency])
        found = counted(rows, "row")
        yield (
            f"<details><summary>{escape(name)} <span class=id>{escape(agency)}</span> – {found}, "
            f"{counted(lines, 'line of permits', 'lines of permits')}</summary>\n"
            f"<blockquote>We are taking over the records of SISKOTKLN. In those of {escape(name)} we found "
            f"{found} to be clarified and {counted(lines, 'permit line')} whose remaining quota differs from "
            "ours. Please check the registrations below against your files and tell us what is right; bring "
            "the documents that show it.<br><small>Kami sedang mengambil alih data SISKOTKLN. Pada data "
            f"{escape(name)} terdapat {rows:,} baris yang perlu diklarifikasi dan {lines:,} jabatan SIP2MI "
            "dengan sisa kuota berbeda. Mohon periksa pendaftaran di bawah ini dan sampaikan data yang benar "
            "beserta dokumen pendukungnya.</small></blockquote>\n"
        )
        if rows:
            yield from _defect_table(gathered.of_agency[agency], rows)
        if gathered.held_of_agency[agency]:
            yield _held(gathered.held_of_agency[agency])
        if lines:
            yield from _line_table(gathered.lines_of_agency[agency][:ROWS_PER_GROUP_MAX])
        yield "</details>\n"


def _others(gathered: _Gathered) -> Iterator[str]:
    if gathered.by_agency[""] or gathered.held_of_agency[""]:
        yield "<h2>Of no agency that the extract names <small>· Tanpa P3MI</small></h2>\n"
        if gathered.by_agency[""]:
            yield from _defect_table(gathered.of_agency[""], gathered.by_agency[""])
        if gathered.held_of_agency[""]:
            yield _held(gathered.held_of_agency[""])


def _held(rows: int) -> str:
    held = counted(rows, "more row is held back and goes in", "more rows are held back and go in")
    return (
        f"<p>{held} as soon as those above are corrected. "
        f"<small>· {rows:,} baris lain ditahan hingga baris di atas diperbaiki.</small></p>\n"
    )


def _defect_table(defects: list[Defect], total: int) -> Iterator[str]:
    yield (
        "<table><tr><th>where · letak<th>registration, permit<th>what · temuan<th>what to do · tindak lanjut"
        "</tr>\n"
    )
    for defect in defects:
        kind = KINDS[defect.kind]
        about = " ".join(filter(None, (defect.registration_id, defect.permit_id)))
        yield (
            f"<tr><td>{escape(defect.file)} line {defect.line}<br><small>{escape(defect.column)}</small>"
            f"<td>{escape(about)}<td><b>{escape(kind.title)}</b><br>{escape(defect.reason)}"
            f"<td>{escape(kind.advice)}<br><small>{escape(kind.saran)}</small></tr>\n"
        )
    yield "</table>\n"
    if total > len(defects):
        yield f"<p>and {total - len(defects):,} more; the JSON has all.</p>\n"


def _refusals(report: Reconciliation) -> Iterator[str]:
    if not report.refused_by_code:
        return
    yield "<h2>Refused by the ledger <small>· Ditolak neraca</small></h2>\n"
    for code, count in report.refused_by_code:
        meaning = REFUSALS[code]
        yield (
            f"<details><summary>{count:,} × {escape(code)}: {escape(meaning.title)}</summary>"
            f"<p>{escape(meaning.english)}<br><small>{escape(meaning.indonesian)}</small></p><table>\n"
        )
        for row in report.refused(code, REFUSED_MAX):
            yield (
                f"<tr><td>{escape(row.file)} line {row.line}<td>{escape(row.registration_id or '')}"
                f"<td>{escape(row.kind)}<td>{escape(row.agency_id or '')}</tr>\n"
            )
        yield "</table>"
        if count > REFUSED_MAX:
            yield f"<p>and {count - REFUSED_MAX:,} more</p>"
        yield "</details>\n"


def _rows(report: Reconciliation) -> Iterator[str]:
    yield (
        "<h2>Every row accounted for <small>· Setiap baris</small></h2>\n"
        "<table><tr><th>file · berkas<th class=n>rows · baris<th class=n>repeated · berulang"
        "<th class=n>only reported · hanya dilaporkan</tr>\n"
    )
    for count in report.counts:
        yield (
            f"<tr><td>{count.file}<td class=n>{count.rows:,}<td class=n>{count.repeated:,}"
            f"<td class=n>{count.only_reported:,}</tr>\n"
        )
    yield "</table>\n"
