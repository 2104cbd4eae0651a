"""What the documents show is what the commands do."""

import os
import re
import sys
from pathlib import Path

import pytest

from neraca.settings import Settings
from tests.house.console import ROOT, Command, commands, documents, matches, run_document


@pytest.mark.parametrize("document", documents(), ids=lambda document: str(document.relative_to(ROOT)))
def test_sessions_without_a_stack(document: Path, tmp_path: Path) -> None:
    """Each console session that needs no stack runs, and prints what the document shows."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run_document(document, tmp_path, {"PATH": path}, stack=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "document",
    [document for document in documents() if commands(document, stack=True)],
    ids=lambda document: str(document.relative_to(ROOT)),
)
def test_sessions_with_a_stack(document: Path, tmp_path: Path, new_home: Path) -> None:
    """Each console session that starts a stack runs against a real one, from `up` to `down`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {
        name: os.environ[name] for name in ("NERACA_JAR_CACHE", "NERACA_JAR_REPOSITORY") if name in os.environ
    }
    cache = {"NERACA_JAR_CACHE": str(Settings(home=new_home).jar_cache)}
    run_document(document, tmp_path, {"PATH": path, "NERACA_HOME": str(new_home)} | cache | kept, stack=True)


def test_every_decision_is_listed() -> None:
    """Who reads docs/ARCHITECTURE.md finds every page of docs/decisions, numbered without gaps."""
    pages = sorted(path.name for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert [f"{number:04}" for number in range(1, len(pages) + 1)] == [page[:4] for page in pages]
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert [] == [page for page in pages if f"(decisions/{page})" not in text]


@pytest.mark.parametrize("document", documents(), ids=lambda document: str(document.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Each relative link of a document leads to a file of the repository."""
    targets = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", document.read_text(encoding="utf-8"))
    assert [] == [target for target in targets if not (document.parent / target).exists()]


def test_session_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands, continued lines, what they print, and who needs the stack are told apart."""
    monkeypatch.setattr("tests.house.console.ROOT", tmp_path)
    document = tmp_path / "page.md"
    document.write_text(
        "text\n```console\n$ one \\\n  two\nshown\n$ three\n```\n\n```sh\n$ not run\n```\n\n"
        "```console stack\n$ four\n```\n",
        encoding="utf-8",
    )
    assert [
        Command("page.md:3", "one \\\n  two", ["shown"]),
        Command("page.md:6", "three"),
    ] == commands(document, stack=False)
    assert [Command("page.md:14", "four")] == commands(document, stack=True)


def test_difference_is_seen() -> None:
    """Dots stand for any text; everything else must be there as shown."""
    assert matches(["seq ...", "done"], "seq 17\ndone\n")
    assert matches(["first", "...", "last"], "first\na\nb\nlast")
    assert not matches(["done"], "done, almost")
    assert not matches(["a.c"], "abc")
