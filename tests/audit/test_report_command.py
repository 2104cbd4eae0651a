"""`neraca report cutover`: the same figures from live topics and from an archive, as page, JSON and text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from audit.report import gather
from neraca.settings import Settings
from tests.audit.ledgers import SmallLedger, keep, put, small_ledger
from tests.audit.report_stories import Journal
from tests.commands.console import neraca
from tests.running import RunningStack

RECORDS = 900


def _settings(stack: RunningStack, prefix: str) -> Settings:
    return Settings(home=stack.home, topic_prefix=prefix)


def _figures(out: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out)
    del document["position"]["source"]
    return document


def test_live_topics_and_an_archive_tell_the_same(
    stack: RunningStack, topic_prefix: str, tmp_path: Path
) -> None:
    """One JSON from both, but for the source's name; the page is whole; the text speaks Indonesian."""
    ledger = small_ledger(RECORDS, holes=False)
    put(stack.kafka, topic_prefix, ledger)
    keep(ledger, tmp_path / "archive")
    live = neraca("report", "cutover", "--json", settings=_settings(stack, topic_prefix))
    assert (0, "") == (live.code, live.err)
    page = tmp_path / "cutover.html"
    kept = neraca("report", "cutover", "--json", "--archive", tmp_path / "archive", "--out", page)
    assert (0, "") == (kept.code, kept.err)
    assert _figures(live.out) == _figures(kept.out)
    figures = gather(Journal(ledger.values()))
    assert figures.position.root == _figures(live.out)["position"]["root"]
    assert figures.total.registered == _figures(live.out)["total"]["registered"] > 0
    html = page.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert html.endswith("</html>\n")
    assert not page.with_name("cutover.html.partial").exists()
    told = neraca(
        "report", "cutover", "--language", "id", "--out", page, settings=_settings(stack, topic_prefix)
    )
    assert "Laporan penutupan SISKOTKLN" in told.out.decode()
    assert f"Laporan lengkap: {page}" in told.out.decode()
    assert '<html lang="id">' in page.read_text(encoding="utf-8")


def _archive(folder: Path) -> SmallLedger:
    ledger = small_ledger(RECORDS)
    keep(ledger, folder)
    return ledger


def test_as_it_stood(tmp_path: Path) -> None:
    """`--known` takes a seq, or what the broker had recorded by an instant, and tells the shorter journal."""
    ledger = _archive(tmp_path / "a")
    by_seq = neraca("report", "cutover", "--json", "--archive", tmp_path / "a", "--known", "600")
    shorter = gather(Journal(ledger.before(601).values()))
    assert shorter.position.root == _figures(by_seq.out)["position"]["root"]
    instant = "recorded:2023-11-15T05:13:20.200+07:00"
    by_record = neraca("report", "cutover", "--json", "--archive", tmp_path / "a", "--known", instant)
    recorded = [one.recorded_at_ms <= 1_700_000_000_200 for one in ledger.actions]
    assert sum(recorded) - 1 == _figures(by_record.out)["position"]["seq"] == 602
    for wrong in ("yesterday", "recorded:2023-11-15"):
        said = neraca("report", "cutover", "--archive", tmp_path / "a", "--known", wrong)
        assert 2 == said.code
        assert wrong in said.err


def test_with_an_extract(tmp_path: Path) -> None:
    """A folder is decided by the rules alone, and tells what the JSON of its import tells."""
    _archive(tmp_path / "a")
    extract = tmp_path / "extract"
    assert (
        0
        == neraca(
            "workload", "--extract", extract, "--candidates", "40", "--seed", "1", "--defects", "0.1"
        ).code
    )
    imported = neraca("import", extract, "--dry-run", "--json")
    (tmp_path / "import.json").write_bytes(imported.out)
    told = {}
    for source in (extract, tmp_path / "import.json"):
        said = neraca("report", "cutover", "--json", "--archive", tmp_path / "a", "--extract", source)
        assert (0, "") == (said.code, said.err)
        told[source.name] = _figures(said.out)["extract"]
    assert told["extract"].pop("is_dry_run")
    assert not told["import.json"].pop("is_dry_run")
    names = [told[name].pop("name") for name in ("extract", "import.json")]
    assert ["extract", "import.json"] == names
    assert told["extract"] == told["import.json"]
    assert told["extract"]["defects"]
    wrong = tmp_path / "wrong.json"
    wrong.write_bytes(b'{"actions": 1}')
    said = neraca("report", "cutover", "--archive", tmp_path / "a", "--extract", wrong)
    assert 2 == said.code
    assert "wrong.json" in said.err


def test_what_cannot_work_is_said(tmp_path: Path) -> None:
    """No archive, no folder to write in, no such report: exit code 2 and a sentence, no trace."""
    for arguments, word in (
        (("cutover", "--archive", tmp_path / "none"), "none"),
        (("everything",), "everything"),
    ):
        said = neraca("report", *arguments)
        assert 2 == said.code
        assert word in said.err
        assert "Traceback" not in said.err
    _archive(tmp_path / "a")
    said = neraca("report", "cutover", "--archive", tmp_path / "a", "--out", tmp_path / "no" / "report.html")
    assert 2 == said.code
    assert "report.html" in said.err
