"""`neraca what-if` as a user runs it: its options and errors, its one object, its text, its page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from audit.archive.reader import ArchiveSource
from audit.what_if.meaning import effects_of
from neraca.reports.what_if_texts import EFFECT_FIELDS_ID, EFFECT_VALUES_ID, effects_text
from schemas.codec import decode_decision
from tests.audit import chromium_browser
from tests.audit.asking import numbered
from tests.audit.ledgers import keep, put
from tests.audit.ledgers import small_ledger as records
from tests.audit.tampering import small_ledger
from tests.audit.test_what_if import CROSSING
from tests.commands.console import lines_of, neraca
from tests.ledger.oracle import DEFAULT_POLICY
from tests.ledger.story import held, new, permit
from tests.running import RunningStack

Json = dict[str, Any]
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """The actions of the crossing, in a file."""
    return written(tmp_path / "history.jsonl", [row for row in numbered(CROSSING) if row is not None])


def written(path: Path, rows: list[Json]) -> Path:
    """Give a file of JSON lines."""
    path.write_bytes(lines_of(rows))
    return path


def answer(*options: str | Path) -> Json:
    """Give the object that `--json` prints."""
    said = neraca("what-if", "--json", *options)
    assert (0, "") == (said.code, said.err)
    found: Json = json.loads(said.out)
    return found


def turned(found: Json) -> list[tuple[int, str | None, str | None]]:
    """Give what turned into what, by seq."""
    return [(each["seq"], each["before"], each["after"]) for each in found["differences"]]


def test_the_one_object(history: Path) -> None:
    """Counts add up, numbers lead to differences, both decisions stand in full."""
    found = answer("--actions", history, "--set", "restoration=false", "--explain", "R-4")
    assert [
        "ledger", "records", "asked", "policies", "decisions", "total", "turns", "first", "heaviest",
        "explained", "reasons", "consequences", "agencies", "destinations", "lines", "registrations",
        "differences",
    ] == list(found)  # fmt: skip
    assert [{"what": "set", "name": "restoration", "before": "true", "after": "false"}] == found["asked"]
    assert (19, 7, 7) == (found["records"], found["decisions"]["differ"], len(found["differences"]))
    assert 7 == sum(each["count"] for each in found["decisions"]["by_kind"])
    assert 7 == sum(each["count"] for each in found["decisions"]["because"])
    assert list(range(7)) == [each["number"] for each in found["differences"]]
    assert (6, 7) == (found["first"]["difference"]["seq"], found["explained"]["difference"]["seq"])
    assert "restored" == found["first"]["before"]["registrations"][0]["unit"]["state"]
    assert "forfeited" == found["first"]["after"]["registrations"][0]["unit"]["state"]
    assert [
        {"field": "registrations[R-1].unit.state", "before": "restored", "after": "forfeited"},
        {"field": "postings[0].to", "before": "available", "after": "forfeited"},
    ] == found["first"]["fields"]
    assert [6, 7] == [each["seq"] for each in found["reasons"]]
    assert [7, 8, 9, 13, 14, 15] == [each["seq"] for each in found["consequences"]]
    assert {"kind": "line", "key": "S-1/1"} == found["consequences"][3]["through"]
    by_id = {each["registration_id"]: each for each in found["registrations"]}
    assert [6, 7] == [found["differences"][number]["seq"] for number in by_id["R-4"]["why"]]
    assert ("cancelled, unit returned", None) == (by_id["R-4"]["before"]["stands"], by_id["R-4"]["after"])
    assert [("S-1", 1, -1, 1), ("S-3", 1, -1, 0)] == [
        (each["permit_id"], each["line"], each["difference"]["available"], each["difference"]["forfeited"])
        for each in found["lines"]
    ]


def test_for_a_person(history: Path) -> None:
    """What was changed, the counts, whose outcome changes and why, the chain; tables are cut short."""
    said = neraca("what-if", "--actions", history, "--set", "restoration=false", "--explain", "6")
    out = re.sub(r"\s+", " ", said.out.decode())
    assert (0, "") == (said.code, said.err)
    for text in (
        "restoration = false (was true)",
        "7 decisions differ",
        "4 registrations and 2 lines stand otherwise",
        "unit: restored → forfeited",
        "What follows from seq 6",
        "units free on line S-1/1 → seq 13 agreement_signed R-5: ACCEPTED → REFUSED QUOTA_EXHAUSTED",
        "6 decisions differ because of it",
    ):
        assert text in out, text


def test_exit_codes(history: Path) -> None:
    """A difference is what was asked for: 0, or 1 where it is to fail; without one 0 either way."""
    for options, code in (
        (["--set", "restoration=false"], 0),
        (["--set", "restoration=false", "--fail-on-difference"], 1),
        (["--set", "restoration=true", "--fail-on-difference"], 0),
    ):
        assert code == neraca("what-if", "--actions", history, *options).code


def test_a_difference_that_is_none(history: Path) -> None:
    """To explain what is decided alike in both is no error; it is said."""
    said = neraca("what-if", "--actions", history, "--set", "restoration=false", "--explain", "0")
    assert (0, True) == (said.code, b"decision 0 is decided alike in both" in said.out)


@pytest.mark.parametrize(
    ("options", "message", "advice"),
    [
        (["--set", "closing=x"], "a policy has no field closing", "registration_limit, closure"),
        (["--set", "closure"], "there is no = in it", "FIELD=VALUE"),
        (["--set", "closure=2023-07-24"], "--set closure=2023-07-24", "such as 2023-07-24T00:00:00+07:00"),
        (["--set", "restoration=maybe"], "neither true nor false", "true or false"),
        (
            ["--set", "restore_if_valid_at=never"],
            "--set restore_if_valid_at=never",
            "reregistration or closure",
        ),
        (
            ["--set", "unit_taken_at.SIAPKERJA=x"],
            "--set unit_taken_at.SIAPKERJA=x",
            "registration or agreement",
        ),
        (["--set", "clock_skew_seconds=1.5"], "no whole number", "such as 300"),
        (["--drop", "seventeen"], "seventeen is no action id", "--drop-seq"),
        (["--drop-seq", "99"], "there is no record 99 to drop", "numbered from 0"),
        (["--insert", "nowhere.jsonl"], "nowhere.jsonl cannot be read", "one JSON object a line"),
        (["--insert-at", "soon"], "--insert-at soon is no place", "entered, end"),
        (["--policy", "nowhere.json"], "nowhere.json", "name a file with a policy"),
        (["--archive", "somewhere"], "two ledgers", "one of them"),
        (["--html", "nowhere/page.html"], "page.html cannot be written", "folder"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_what_cannot_be_asked(history: Path, options: list[str], message: str, advice: str) -> None:
    """Two lines: what is wrong, and what would be right; nothing on standard output; exit code 2."""
    said = neraca("what-if", "--actions", history, *options)
    assert (2, b"") == (said.code, said.out)
    first, second = said.err.splitlines()
    assert message in first
    assert advice in second


def test_a_line_that_is_no_action(history: Path, tmp_path: Path) -> None:
    """File, line and field are named."""
    rows = [held("p-2"), {**held("p-2"), "action_id": str(UUID(int=900)), "person_id": 7}]
    rows[0]["action_id"] = str(UUID(int=901))
    said = neraca("what-if", "--actions", history, "--insert", written(tmp_path / "more.jsonl", rows))
    assert (2, b"") == (said.code, said.out)
    assert "more.jsonl line 2: person_id: " in said.err


def test_where_insertions_go(history: Path, tmp_path: Path) -> None:
    """Before the first record entered later; at the end; before a record that is named; in their order."""
    by_time = {**held("p-2", "2023-07-01 09:00"), "action_id": str(UUID(int=901))}
    placed = {**permit("S-9"), "action_id": str(UUID(int=902))}
    last = {**new("R-9", "p-9", None, "2023-07-22 10:00"), "action_id": str(UUID(int=903))}
    rows = [by_time, {"before_seq": 2, "action": placed}, {"before_seq": "end", "action": last}]
    inserted = written(tmp_path / "more.jsonl", rows)
    found = answer("--actions", history, "--insert", inserted)
    given = [each for each in found["differences"] if each["given"]]
    assert [(2, "permit_issued"), (6, "person_held"), (19, "registered")] == [
        (each["seq"], each["kind"]) for each in given
    ]
    found = answer("--actions", history, "--insert", inserted, "--insert-at", "end")
    assert [2, 19, 19] == [each["seq"] for each in found["differences"]]
    assert ["permit_issued", "person_held", "registered"] == [each["kind"] for each in found["differences"]]
    found = answer("--actions", history, "--insert", inserted, "--insert-at", "8")
    assert 8 == next(each["seq"] for each in found["differences"] if each["kind"] == "person_held")
    # Wrapped without a place of its own, an action is one of the others.
    wrapped = written(tmp_path / "wrapped.jsonl", [{"action": by_time}])
    for options, seq in (((), 6), (("--insert-at", "8"), 8)):
        found = answer("--actions", history, "--insert", wrapped, *options)
        assert seq == next(each["seq"] for each in found["differences"] if each["kind"] == "person_held")


def test_changed_and_dropped(history: Path, tmp_path: Path) -> None:
    """By id and by number, several at once, together with a policy."""
    more = {**permit("S-1", units=5), "action_id": str(UUID(int=1))}
    other = {**permit("S-8", units=1), "action_id": str(UUID(int=900))}
    changed = written(tmp_path / "other.jsonl", [more, {"seq": 16, "action": other}])
    policy = tmp_path / "policy.json"
    policy.write_text(
        json.dumps({**DEFAULT_POLICY, "version": "P-2", "restoration": False}), encoding="utf-8"
    )
    dropped = str(UUID(int=15))
    found = answer(
        "--actions", history, "--change", changed, "--drop", dropped, "--drop-seq", "18", "--policy", policy
    )
    assert [
        (1, "changed"), (6, None), (7, None), (15, "dropped"), (16, "changed"), (18, "dropped"),
    ] == [(each["seq"], each["given"]) for each in found["differences"]]  # fmt: skip
    assert ["policy", "drop", "drop", "change"] == [each["what"] for each in found["asked"]]
    assert "P-2" == found["policies"]["after"][0]["policy"]["version"]


def test_an_archive_and_the_live_topics(tmp_path: Path, stack: RunningStack, topic_prefix: str) -> None:
    """The same journal from its topics and from an archive: one answer, and nothing was written."""
    ledger = records(1_500, holes=False)
    keep(ledger, tmp_path / "archive")
    put(stack.kafka, topic_prefix, ledger)
    settings = stack.settings.model_copy(update={"topic_prefix": topic_prefix})
    options = ("what-if", "--json", "--set", "unit_taken_at.SISKOTKLN=agreement")
    archived = neraca(*options, "--archive", tmp_path / "archive")
    live = neraca(*options, settings=settings)
    assert (0, "", 0, "") == (archived.code, archived.err, live.code, live.err)
    ours, theirs = json.loads(archived.out), json.loads(live.out)
    assert ours["decisions"]["differ"] > 0
    for found in (ours, theirs):
        # The broker stamps the actions anew.
        del found["ledger"], found["first"], found["explained"]
    assert ours == theirs
    assert 1_500 == ours["records"]
    assert len(ledger.decisions) == ArchiveSource(tmp_path / "archive").extent().decisions


class _Page(HTMLParser):
    """What a page fetches or runs, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep names of tags and attributes."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.text += data


def page_of(history: Path, folder: Path, language: str) -> Path:
    """Give the page of a what-if in that language."""
    page = folder / f"{language}.html"
    said = neraca(
        "what-if", "--actions", history, "--set", "restoration=false", "--html", page, "--language", language
    )
    assert (0, "") == (said.code, said.err)
    return page


def test_the_page_says_it_in_both_languages(history: Path, tmp_path: Path) -> None:
    """One file, nothing fetched; the same figures, in the words of either language."""
    for language, texts in (
        (
            "en",
            (
                "Decisions that differ: 7 of 19",
                "re-registered, unit forfeited",
                "No unit is available on the line",
            ),
        ),
        (
            "id",
            (
                "7 dari 19 keputusan berbeda",
                "registrasi ulang, kuota hangus",
                "Kuota pada jabatan tersebut habis",
            ),
        ),
    ):
        page = _Page()
        page.feed(page_of(history, tmp_path, language).read_text(encoding="utf-8"))
        for text in texts:
            assert text in re.sub(r"\s+", " ", page.text), text
        assert not page.tags & {"link", "img", "iframe", "form"}
        assert not {name for name in page.attributes if name.startswith("on") or name == "src"}


def test_effects_in_bahasa_indonesia(history: Path, tmp_path: Path) -> None:
    """Every field that a decision can change, and every word for its state, has its Indonesian word."""
    fields, words = set(), set()
    for value in small_ledger().journal:
        for _, _, field, text in effects_of(decode_decision(value), {}):
            if field not in ("outcome", "code"):
                fields.add(field)
                words.add(text.split(" ", 1)[0])
    assert {"departed", "available to reserved", "unit", "valid_to"} <= fields
    assert set() == fields - set(EFFECT_FIELDS_ID)
    assert set() == {word for word in words if re.fullmatch("[a-z]+", word)} - set(EFFECT_VALUES_ID)
    told = "unit: held → forfeited; departed: passed, elsewhere or otherwise; available to reserved: 1 → –"
    assert told == effects_text(told, "en")
    assert (
        "kuota: terpakai → hangus; keberangkatan: dilalui, di tempat lain atau dengan cara lain; "
        "tersedia ke dipesan: 1 → –"
    ) == effects_text(told, "id")
    text = page_of(history, tmp_path, "id").read_text(encoding="utf-8")
    assert "kuota: dipulihkan → hangus" in text
    assert "unit: restored" not in text


def test_what_a_ledger_says_is_text(tmp_path: Path) -> None:
    """What looks like HTML or like markup of the terminal is shown as it is."""
    rows = json.loads(json.dumps([row for row in numbered(CROSSING) if row is not None]))
    text = (
        json.dumps(rows).replace("R-4", HOSTILE).replace("S-1", "[red]S[/red]").replace("A-1", "=A" + HOSTILE)
    )
    history = written(tmp_path / "history.jsonl", json.loads(text))
    page = _Page()
    page.feed(page_of(history, tmp_path, "en").read_text(encoding="utf-8"))
    assert HOSTILE in page.text
    assert "[red]S[/red]" in page.text
    said = neraca("what-if", "--actions", history, "--set", "restoration=false")
    assert b"[red]S[/red]" in said.out


def test_the_page_in_a_browser(history: Path, tmp_path: Path) -> None:
    """Whole on a desk and on a phone, sorted by a click, silent on the network; without a browser as text."""
    pages = [page_of(history, tmp_path, language) for language in ("en", "id")]
    if chromium_browser.installed() is None:
        for page in pages:
            text = page.read_text(encoding="utf-8")
            assert 'content="width=device-width,initial-scale=1"' in text
            assert len(re.findall("<table", text)) == len(re.findall(r'<div class="wide"[^>]*><table', text))
        return
    with chromium_browser.running() as browser:
        for page in pages:
            for width in (1200, 390):
                browser.resize(width, is_mobile=width == 390)
                browser.show(page)
                assert browser.evaluate(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
                )
        browser.evaluate("document.querySelectorAll('#end thead th')[3].querySelector('button').click()")
        column = "[...document.querySelectorAll('#end tbody tr')].map(row => Number(row.cells[3].dataset.v))"
        differences = browser.evaluate(column)
        assert sorted(differences, reverse=True) == differences
        assert browser.paper().startswith(b"%PDF")
        assert {page.as_uri() for page in pages} == set(browser.requests)
        assert [] == browser.complaints
