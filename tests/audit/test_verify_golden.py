"""The archives of released versions verify for ever: the rules, the formats, the signatures."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from audit.tlog.note import Verifier
from audit.verification import ALL_CHECKS, Request, open_archive, verify
from schemas.ids import built_in_ids
from tests.audit.golden import FOLDER

GOLDEN = sorted(FOLDER.glob("v*.tar.xz"))


def test_there_are_some() -> None:
    """At least the first version's archive is kept."""
    assert GOLDEN


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name)
def test_an_archive_of_a_released_version_is_well(file: Path, tmp_path: Path) -> None:
    """Its actions give its decisions byte for byte, and its log is the one that its key signed."""
    with tarfile.open(file) as packed:
        packed.extractall(tmp_path, filter="data")
    name = file.name.removesuffix(".tar.xz")
    key = Verifier.parse((FOLDER / f"{name}.vkey").read_text().strip())
    source, plans = open_archive(tmp_path / name, ALL_CHECKS, (key,))
    report = verify(source, Request(built_in_ids(), tmp_path / "scratch", plans=plans, processes=0))
    assert {} == report.found, report.findings
    assert (0, source.extent()) == (report.waiting, (report.decisions, report.actions))
    assert report.decisions > 500
    assert (3, 2) == (report.facts["roots"]["checkpoints"], len(report.facts["roots"]["keys"]))
