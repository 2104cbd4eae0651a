"""The report as a page: needs nothing else, is well formed, in two languages; hostile texts stay texts."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import string
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from audit.report import ANOMALIES, REASONS, STAGES, Cutover, gather
from audit.report.checks import checks
from ledger.refusals import REFUSALS
from neraca.reports import charts, cutover_extract, cutover_html, cutover_json, cutover_terminal
from neraca.reports.cutover_texts import LANGUAGES, TEXTS
from schemas.errors import NeracaError
from tests.audit.report_stories import Journal, told
from tests.ledger.story import Story, agency, new, old, permit, step
from tests.projections.told import journal

_REPORTS = Path(cutover_html.__file__).parent
_VOID = {"meta", "rect", "line", "path", "circle", "br"}
HOSTILE = (
    '<script>alert("x")</script>',
    '"><img src=http://evil.example onerror=alert(1)>',
    "</script><!-- <b>",
    "=HYPERLINK(1)&amp;{0}{name}",
    "[bold]markup[/bold]' onmouseover='x",
)


@pytest.fixture(scope="module")
def of_story() -> Cutover:
    """The report of the hand-made story."""
    return gather(Journal(told()))


@pytest.fixture(scope="module")
def of_hostile_texts() -> Cutover:
    """A report whose ids are all markup, script and formulas."""
    it = Story()
    for number, text in enumerate(HOSTILE):
        it.given(agency(f"A{text}"), permit(f"S{text}", agency_id=f"A{text}"))
        person = f"p{number}"
        registered = old(f"R{text}", person, None, agency_id=f"A{text}", permit_id=f"S{text}")
        it.given({**registered, "line": 1, "office": {"type": "DINAS", "code": f"D{text}"}})
    it.given(*(step("cancelled", f"R{text}", "2023-05-01 10:00") for text in HOSTILE[3:4]))
    it.tell(step("departed", f"R{HOSTILE[0]}", "2023-07-16 10:00", entered="2023-07-18 10:00"))
    it.tell(new(f"N{HOSTILE[1]}", "p1", None, at="2023-07-18 10:00", agency_id=f"A{HOSTILE[1]}"))
    it.given(agency("A-late", at="2023-07-20 10:00"))
    return gather(Journal(it.journal))


def _page(report: Cutover, language: str) -> str:
    text = io.StringIO()
    cutover_html.write_html(report, language, text)
    return text.getvalue()


class _Reader(HTMLParser):
    """Reads a page and keeps what is asked of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.words: list[str] = []
        self.data_blocks: dict[str, str] = {}
        self._block: str | None = None
        self.feed(page)
        self.close()
        self.faults += [f"{tag} is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._block = dict(attrs).get("id") if tag == "script" else None
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes something else")
            if tag in self.open:
                while self.open.pop() != tag:
                    pass

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script" and self._block is not None:
            self.data_blocks[self._block] = data
        elif not self.open or self.open[-1] not in {"script", "style"}:
            self.words.append(data)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["of_story", "of_hostile_texts"])
def test_page_is_well_formed(name: str, language: str, request: pytest.FixtureRequest) -> None:
    """Every tag is closed, no id stands twice, and whatever points at an id finds it."""
    read = _Reader(_page(request.getfixturevalue(name), language))
    assert [] == read.faults
    ids = Counter(value for _, name, value in read.attributes if name == "id")
    assert [] == [name for name, count in ids.items() if count > 1]
    pointers = [
        target
        for _, name, value in read.attributes
        if name in {"href", "aria-labelledby"} and value is not None
        for target in value.removeprefix("#").split()
    ]
    assert len(pointers) > 20
    assert set() == set(pointers) - set(ids)


@pytest.mark.parametrize("name", ["of_story", "of_hostile_texts"])
def test_page_needs_nothing_else(name: str, request: pytest.FixtureRequest) -> None:
    """Nothing is fetched: no address but places in the page, no source, no handler; the page forbids it."""
    page = _page(request.getfixturevalue(name), "en")
    read = _Reader(page)
    attributes = [(tag, name, value or "") for tag, name, value in read.attributes]
    assert [] == [
        one for one in attributes if one[1] in {"src", "srcset", "data", "action", "style", "poster"}
    ]
    assert [] == [one for one in attributes if one[1].startswith("on")]
    assert [] == [one for one in attributes if one[1] == "href" and not one[2].startswith("#")]
    assert ["#hatch", "#dots"] == re.findall(r"url\((.*?)\)", page)
    assert "@import" not in page
    (policy,) = (
        value for tag, name, value in attributes if tag == "meta" and value.startswith("default-src")
    )
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_texts_stay_texts(of_hostile_texts: Cutover) -> None:
    """Ids that are markup stand on the page, in the CSV and in the JSON as they are, and make no element."""
    page = _page(of_hostile_texts, "id")
    read = _Reader(page)
    tags = {tag for tag, _, _ in read.attributes}
    assert {"img", "b"} & tags == set()
    cells = "\n".join(read.words)
    for text in HOSTILE[:3]:
        assert f"R{text}" in cells
        assert f"D{text}" in cells
    assert "<script>alert" not in page
    document = _json(of_hostile_texts)
    assert {f"R{text}" for text in HOSTILE} - {f"R{HOSTILE[3]}"} == {
        one["registration_id"] for one in document["not_moved"]
    }


def _json(report: Cutover) -> Any:
    text = io.StringIO()
    cutover_json.write_json(report, text)
    return json.loads(text.getvalue())


def test_plots_take_texts_as_texts() -> None:
    """Whatever stands in a title, a label or a name of a plot is no markup."""
    plot = charts.Plot("p", HOSTILE[0], HOSTILE[2], HOSTILE[1], str)
    labels, series = [HOSTILE[2], HOSTILE[4]], [charts.Series(HOSTILE[0], [1, 2]), charts.Series("b", [0, 3])]
    drawn = charts.bars(plot, labels, series) + charts.lines(plot, labels, series)
    drawn += charts.columns(plot, labels, series, charts.Mark(1, HOSTILE[1]))
    read = _Reader(drawn)
    assert [] == read.faults
    assert set() == {tag for tag, _, _ in read.attributes} & {"script", "img", "b"}
    assert HOSTILE[0] in read.words


def test_csv_of_a_shortened_table_is_whole(
    monkeypatch: pytest.MonkeyPatch, of_hostile_texts: Cutover
) -> None:
    """Where rows are left off, the page carries all of them for the CSV, and no text ends its block."""
    monkeypatch.setattr(cutover_html, "UNMOVED_SHOWN_MAX", 2)
    read = _Reader(_page(of_hostile_texts, "en"))
    assert [] == read.faults
    head, *rows = json.loads(read.data_blocks["csv-not-moved"])
    assert len(of_hostile_texts.unmoved) == len(rows)
    assert "registration" == head[0]
    assert {one.registration_id for one in of_hostile_texts.unmoved} == {row[0] for row in rows}
    assert "and 2 more; the CSV has all" in read.words


def test_each_day_on_paper(of_story: Cutover) -> None:
    """On paper the table of each day shows the days around the closure, and says how many more there are."""
    page = _page(of_story, "en")
    table = page[page.index('<table id="days"') :].partition("</table>")
    rows = re.findall(r'<tr( class="rest")?><th scope="row"[^>]*>(\d{4}-\d\d-\d\d)', table[0])
    assert len(rows) > len([day for is_left_out, day in rows if is_left_out]) > 0
    for is_left_out, day in rows:
        assert bool(is_left_out) == (not "2023-07-03" <= day <= "2023-07-30"), day
    more = sum(1 for is_left_out, _ in rows if is_left_out)
    assert f'<p class="on-paper">and {more} more; the CSV has all</p>' in table[2]


def test_every_text_in_both_languages() -> None:
    """Each text says the same in both: the same places to fill, and never an empty one; each is used."""
    formatter = string.Formatter()
    files = [path for path in _REPORTS.glob("cutover_*.py") if path.name != "cutover_texts.py"]
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    stems = ("by_", "units_by_", "day_", "outcome_", "scheme_", "status_", "taken_", "why_", "why_late_")
    made = {f"f_{check.name}" for check in checks(gather(Journal([])))}
    made |= {*REASONS, *ANOMALIES, *STAGES}
    for name, (indonesian, english) in TEXTS.items():
        assert indonesian, name
        assert english, name
        places = [{field for _, field, _, _ in formatter.parse(text)} for text in (indonesian, english)]
        assert places[0] == places[1], name
        is_made = name in made or any(f'f"{stem}{{' in code for stem in stems if name.startswith(stem))
        assert is_made or f'"{name}"' in code, f"{name} is never used"


def test_a_page_speaks_one_language(of_story: Cutover) -> None:
    """No sentence of the other language stands on a page; every code has its title in both."""
    for language, other in (("id", 1), ("en", 0)):
        words = {text.strip() for text in _Reader(_page(of_story, language)).words}
        foreign = {
            texts[other] for texts in TEXTS.values() if texts[0] != texts[1] and "{" not in texts[other]
        }
        own = {texts[1 - other] for texts in TEXTS.values()}
        assert set() == words & (foreign - own)
    assert [] == [code for code, refusal in REFUSALS.items() if refusal.judul in {"", refusal.title}]


def test_page_tells_the_figures(of_story: Cutover) -> None:
    """The tiles and the sentences hold the report's numbers, and the check has seq, root and command."""
    words = _Reader(_page(of_story, "en")).words
    total = of_story.total
    text = " ".join(words)
    assert (
        f"Of the {total.eligible} who are eligible [L3], {total.moved} (35.3%) have registered again" in text
    )
    assert f"They held {total.units_at_closure} quota units." in text
    assert of_story.position.root in words
    assert f"neraca report cutover --known {of_story.position.seq} --language en --out report.html" in words
    assert "office KAB-07 (province unknown)" in words
    assert "Taiwan (TW)" in words
    assert "West Nusa Tenggara (NTB)" in words
    indonesian = _Reader(_page(of_story, "id")).words
    assert "Nusa Tenggara Barat (NTB)" in indonesian
    assert "17 Juli 2023, 00.00 WIB" in " ".join(indonesian)


def test_no_person_is_named(of_story: Cutover) -> None:
    """Not even a random id of a person is on the page or in the JSON."""
    people = re.compile(r"\bp-[a-z]")
    assert None is people.search(_page(of_story, "en"))
    assert None is people.search(json.dumps(_json(of_story)))


def test_json_holds_every_figure(of_story: Cutover) -> None:
    """The JSON has what the report has: totals, groups, reasons, and the answer of every check."""
    document = _json(of_story)
    total = document["total"]
    assert (of_story.total.eligible, of_story.total.stranded) == (total["eligible"], total["units_stranded"])
    for dimension in ("agency", "destination", "province", "scheme"):
        assert of_story.total.in_process == sum(one["in_process"] for one in document[f"by_{dimension}"])
    assert {"province": None, "office": "KAB-07"}.items() <= next(
        one for one in document["by_province"] if one["province"] is None
    ).items()
    assert len(of_story.unmoved) == len(document["not_moved"])
    assert [check.name for check in checks(of_story)] == [one["figure"] for one in document["checks"]]
    assert "2023-07-16T17:00:00Z" == document["position"]["closure"]
    assert of_story.total.not_moved == sum(one["count"] for one in document["reasons"])


def test_terminal_tells_it_in_short(of_hostile_texts: Cutover) -> None:
    """The terminal shows the main figures in either language, and takes no text for markup."""
    for language, expected in (("en", "eligible"), ("id", "berhak registrasi ulang")):
        target = io.StringIO()
        cutover_terminal.show(of_hostile_texts, language, Console(file=target, width=120))
        assert expected in target.getvalue()
        assert of_hostile_texts.position.root in target.getvalue()


def test_an_empty_ledger_has_a_report() -> None:
    """Before the first decision every figure is zero, and the page says that T_0 is not reached."""
    report = gather(Journal([]))
    for language in LANGUAGES:
        read = _Reader(_page(report, language))
        assert [] == read.faults
        assert TEXTS["not_closed"][LANGUAGES.index(language)] in read.words
    assert -1 == report.position.seq
    assert {} == _json(report)["outcomes"]


def test_late_history_ends_where_the_calendar_does() -> None:
    """Instants at the ends of the calendar break no date and no plot."""
    first = old(line=None, at="0001-01-03 10:00", scheme="INDIVIDUAL")
    it = Story(first, new("N-1", "p-2", None, at="9999-12-29 10:00", scheme="INDIVIDUAL"))
    for language in LANGUAGES:
        assert [] == _Reader(_page(gather(Journal(it.journal)), language)).faults


def test_extract_beside_the_ledger(of_story: Cutover) -> None:
    """What an import printed is told: counts, defects by kind, lines that differ, what is available now."""
    line = {"permit_id": "S-1", "line": 1, "granted": 20, "reserved": 3, "departed": 1, "forfeited": 0}
    document = {
        "actions": 7,
        "outcomes": {"ACCEPTED": 6, "REFUSED SYSTEM_CLOSED": 1},
        "defects": [{"kind": "unknown_country"}, {"kind": "something_new"}, {"kind": "something_new"}],
        "lines": [
            {**line, "sisa_kuota": 12, "available": 16, "difference": -4},
            {**line, "permit_id": "S-2", "sisa_kuota": 16, "available": 16, "difference": 0},
            {**line, "permit_id": "S-9", "sisa_kuota": None, "available": 16, "difference": None},
        ],
    }
    summary = cutover_extract.from_json(document, "import.json")
    assert (3, ["S-1", "S-9"]) == (summary.lines, [one.permit_id for one in summary.differing])
    page = io.StringIO()
    cutover_html.write_html(of_story, "en", page, summary)
    read = _Reader(page.getvalue())
    assert [] == read.faults
    text = " ".join(read.words)
    assert (
        "import.json: 7 actions (6 accepted, 1 refused SYSTEM_CLOSED); 3 defects; 1 of 3 permit lines agree"
        in text
    )
    assert "something_new" in read.words
    with pytest.raises(NeracaError):
        cutover_extract.from_json({"actions": 7}, "other.json")


def test_a_large_history_stays_a_page() -> None:
    """On a workload every table and plot is there, and rows beyond the limits are in the CSV alone."""
    report = gather(Journal(journal(600, 11)))
    read = _Reader(_page(report, "en"))
    assert [] == read.faults
    tags = Counter(tag for tag, name, _ in read.attributes if name in {"viewbox", "data-sort"})
    assert tags["table"] >= 13
    assert tags["svg"] >= 14
