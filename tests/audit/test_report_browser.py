"""The report in a real browser, where one is installed: tables sort and are handed out, nothing overflows.

On a machine without a browser the same page is read as text: what the browser would rely on is there.
"""

from __future__ import annotations

import csv
import io
import re
import time
from pathlib import Path

from audit.report import Cutover, gather
from neraca.reports import cutover_html
from neraca.reports.cutover_texts import LANGUAGES
from tests.audit import chromium_browser
from tests.audit.chromium_browser import Browser
from tests.audit.report_stories import Journal, told
from tests.ledger.story import Story, agency, old, permit
from tests.projections.told import journal

_PHONE_WIDTH = 390
_ROWS = "[...document.querySelectorAll('#{} tbody tr')].map(row => row.cells[{}].textContent)"
_SAVE = "document.getElementById('{}').closest('.wide').nextElementSibling.click()"
# Elements that stick out of the page to the right, and are not inside of something that scrolls.
_STICKING_OUT = """[...document.querySelectorAll('main *, header *, nav *')].filter(element => {
  const box = element.getBoundingClientRect();
  return box.width > 0 && box.right > innerWidth + 1 && !element.closest('.wide');
}).map(element => element.outerHTML.slice(0, 80))"""
_TEXT_OUT_OF_PLOT = """[...document.querySelectorAll('svg[role=img] text')].filter(text => {
  const box = text.getBoundingClientRect(), plot = text.ownerSVGElement.getBoundingClientRect();
  return plot.width > 0 && (box.left < plot.left - 1 || box.right > plot.right + 1
    || box.top < plot.top - 1 || box.bottom > plot.bottom + 1);
}).map(text => text.textContent)"""
_TEXTS_OVERLAP = """[...document.querySelectorAll('svg[role=img]')].flatMap(plot => {
  const boxes = [...plot.querySelectorAll('text')]
    .map(text => [text.textContent, text.getBoundingClientRect()]).filter(([, box]) => box.width > 0);
  return boxes.flatMap(([one, a], index) => boxes.slice(index + 1).filter(([, b]) =>
    a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
    .map(([other]) => one + ' / ' + other));
})"""


def _write(report: Cutover, language: str, folder: Path) -> Path:
    page = folder / f"cutover-{language}.html"
    with page.open("w", encoding="utf-8") as target:
        cutover_html.write_html(report, language, target)
    return page


def test_report_in_a_browser(tmp_path: Path) -> None:
    """Sorted by a click and by keys, handed out as CSV, whole on a phone, printed, silent on the network."""
    report = gather(Journal(journal(600, 11)))
    pages = {language: _write(report, language, tmp_path) for language in LANGUAGES}
    if chromium_browser.installed() is None:
        for page in pages.values():
            _read_as_text(page.read_text(encoding="utf-8"))
        return
    with chromium_browser.running() as browser:
        for page in pages.values():
            _fits(browser, page)
        _sorts(browser, pages["en"])
        _hands_out(browser, pages["en"], tmp_path)
        _works_without_script(browser, pages["id"])
        assert browser.paper().startswith(b"%PDF")
        assert {page.as_uri() for page in pages.values()} == {
            url for url in browser.requests if not url.startswith("blob:")
        }
        assert [] == browser.complaints


def test_story_in_a_browser(tmp_path: Path) -> None:
    """The small story's page, with every reason on it, fits as well; no formula is handed out."""
    page = _write(gather(Journal(told())), "id", tmp_path)
    of_formulas = Story(
        agency(), permit(), old("=1+1", "p-1"), old('@a,"b"', "p-2"), agency("A-2", "2023-07-18 09:00")
    )
    (tmp_path / "other").mkdir()
    other = _write(gather(Journal(of_formulas.journal)), "en", tmp_path / "other")
    if chromium_browser.installed() is None:
        _read_as_text(page.read_text(encoding="utf-8"))
        return
    with chromium_browser.running() as browser:
        _fits(browser, page)
        browser.show(other)
        browser.save_downloads_in(tmp_path)
        browser.evaluate(_SAVE.format("not-moved"))
        assert ["'=1+1", '\'@a,"b"'] == [row[0] for row in _downloaded(tmp_path / "not-moved.csv")[1:]]
        assert [] == browser.complaints


def _read_as_text(page: str) -> None:
    """Whatever is wide lies in a region that scrolls, and plots come in two widths."""
    assert 'content="width=device-width,initial-scale=1"' in page
    tables = re.findall(r"<table", page)
    assert len(tables) == len(re.findall(r'<div class="wide"[^>]*><table', page))
    plots = re.findall(r'<svg viewBox="0 0 (\d+) \d+" role="img"', page)
    assert plots.count("860") == plots.count("340") == len(plots) // 2
    assert "<script>" in page


def _fits(browser: Browser, page: Path) -> None:
    for width in (1200, _PHONE_WIDTH):
        browser.resize(width, is_mobile=width == _PHONE_WIDTH)
        browser.show(page)
        assert width == browser.evaluate("innerWidth")
        assert browser.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        assert [] == browser.evaluate(_STICKING_OUT)
        assert [] == browser.evaluate(_TEXT_OUT_OF_PLOT)
        assert [] == browser.evaluate(_TEXTS_OVERLAP)


def _sorts(browser: Browser, page: Path) -> None:
    """By a number, most first; again, least first; a third time as it was. By a text with the keyboard."""
    browser.resize(1200)
    browser.show(page)
    rows = _ROWS.format("candidates-by-destination", 1)
    as_written = browser.evaluate(rows)
    head = "document.querySelectorAll('#candidates-by-destination thead th')[{}]"
    number = [int(text.replace(",", "")) for text in as_written]
    for state, expected in (
        ("descending", sorted(number, reverse=True)),
        ("ascending", sorted(number)),
        ("none", number),
    ):
        browser.evaluate(head.format(1) + ".querySelector('button').click()")
        assert expected == [int(text.replace(",", "")) for text in browser.evaluate(rows)]
        assert state == browser.evaluate(head.format(1) + ".getAttribute('aria-sort')")
    browser.evaluate(head.format(0) + ".querySelector('button').focus()")
    browser.press("Enter")
    names = browser.evaluate(_ROWS.format("candidates-by-destination", 0))
    assert sorted(names) == names
    browser.press("Tab")
    browser.press(" ")
    assert "descending" == browser.evaluate(head.format(1) + ".getAttribute('aria-sort')")
    assert "none" == browser.evaluate(head.format(0) + ".getAttribute('aria-sort')")


def _hands_out(browser: Browser, page: Path, folder: Path) -> None:
    """The CSV holds the table's cells, numbers bare, and every row of a table that the page shortens."""
    browser.show(page)
    browser.save_downloads_in(folder)
    for name in ("candidates-by-province", "days"):
        browser.evaluate(_SAVE.format(name))
    by_province = _downloaded(folder / "candidates-by-province.csv")
    shown = browser.evaluate(
        "[...document.querySelectorAll('#candidates-by-province tr')].map(row => [...row.cells].map("
        "cell => cell.dataset.v ?? cell.textContent))"
    )
    assert shown == by_province
    days = _downloaded(folder / "days.csv")
    assert len(days) > 1 + browser.evaluate("document.querySelectorAll('#days tbody tr').length")


def _downloaded(file: Path) -> list[list[str]]:
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline, f"{file.name} was not handed out"
        time.sleep(0.02)
    text = file.read_bytes().decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def _works_without_script(browser: Browser, page: Path) -> None:
    """The file itself holds every row that the page shows, and no button that would do nothing."""
    browser.show(page)
    bare = page.read_text(encoding="utf-8")
    assert 0 == len(re.findall("<button", bare))
    assert len(re.findall("<tr[ >]", bare)) == browser.evaluate("document.querySelectorAll('tr').length")
    assert len(re.findall("<svg ", bare)) == browser.evaluate("document.querySelectorAll('svg').length")
