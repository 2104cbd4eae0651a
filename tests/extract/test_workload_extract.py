"""`neraca workload --extract`: what it writes is what the importer finds, no more and no less."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.commands.console import neraca


def written(folder: Path, *options: str) -> dict[str, Any]:
    """Write an extract and give its truth."""
    said = neraca("workload", "--extract", folder, *options)
    assert (0, b"", "") == (said.code, said.out, said.err)
    truth: dict[str, Any] = json.loads((folder / "truth.json").read_text())
    return truth


def imported(folder: Path) -> dict[str, Any]:
    """Import it without Kafka and give the report."""
    said = neraca("import", folder, "--dry-run", "--json", "--home", folder / "home")
    assert (0, "") == (said.code, said.err)
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_a_clean_extract(tmp_path: Path) -> None:
    """No defect, nothing refused, every line agrees, every row accounted for."""
    truth = written(tmp_path, "--candidates", "500", "--seed", "3")
    found = imported(tmp_path)
    assert ([], truth["actions"]) == (found["defects"], found["actions"])
    assert {"ACCEPTED": truth["actions"]} == found["outcomes"]
    assert {0} == {line["difference"] for line in found["lines"]}
    assert truth["rows"]["sip2mi_jabatan.csv"] == len(found["lines"])
    assert sum(line["reserved"] + line["departed"] for line in found["lines"]) > 300


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_messy_extract(seed: str, tmp_path: Path) -> None:
    """Every mishap is found where it is, and counted; every difference is the one that it makes."""
    truth = written(tmp_path, "--candidates", "600", "--seed", seed, "--defects", "0.2")
    found = imported(tmp_path)
    expected = [tuple(each.values()) for each in truth["defects"]]
    given = [(each["file"], each["line"], each["column"], each["kind"]) for each in found["defects"]]
    assert sorted(expected) == sorted(given)
    assert len({kind for *_, kind in given}) > 10
    assert truth["actions"] == found["actions"]
    refused = {name.removeprefix("REFUSED "): n for name, n in found["outcomes"].items() if " " in name}
    assert truth["refused"] == refused
    differing = {
        (line["permit_id"], line["line"]): line["difference"] for line in found["lines"] if line["difference"]
    }
    assert {
        (each["permit_id"], each["line"]): each["difference"] for each in truth["differences"]
    } == differing
    assert Counter(found["outcomes"]).total() == found["actions"]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """File by file; another seed gives others."""
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        written(tmp_path / name, "--candidates", "60", "--seed", seed, "--defects", "0.3")
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert 8 == len(files)
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "cpmi.csv").read_bytes() != (tmp_path / "c" / "cpmi.csv").read_bytes()


def test_it_writes_over_nothing(tmp_path: Path) -> None:
    """A folder that holds something is refused."""
    (tmp_path / "mine").write_text("x")
    said = neraca("workload", "--extract", tmp_path)
    assert (2, True) == (said.code, "is not empty" in said.err)
