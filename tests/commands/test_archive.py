"""`neraca archive` and `neraca restore`, as a user runs them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from audit.archive.reader import ArchiveSource
from neraca.commands.restore import next_steps
from neraca.settings import Settings
from neraca.transparency import log_keys
from tests.audit.archived import archive
from tests.audit.ledgers import put, small_ledger
from tests.audit.tampering import small_ledger as small_history
from tests.commands.console import neraca
from tests.running import RunningStack

RECORDS = 120


def test_there_and_back(stack: RunningStack, new_topics: Callable[[], str], tmp_path: Path) -> None:
    """A ledger goes into a folder, only what is new is added, and it comes out onto other topics."""
    here, there = new_topics(), new_topics()
    settings = settings_of(stack, here, tmp_path)
    ledger = small_ledger(RECORDS, holes=False)
    put(stack.kafka, here, ledger.part(0, 100))
    folder = tmp_path / "archive"
    first = neraca("archive", folder, "--json", settings=settings)
    assert 0 == first.code, first.err
    told = json.loads(first.out)
    assert (100, 100, 100, 100) == (
        told["decisions"],
        told["decisions_added"],
        told["actions"],
        told["actions_added"],
    )
    assert 100 == told["checkpoint"]["size"]
    put(stack.kafka, here, ledger.part(100, RECORDS))
    second = neraca("archive", folder, settings=settings)
    assert 0 == second.code, second.err
    assert b"120 decisions (20 added)" in second.out
    assert b"checkpoint of 120 decisions, root " in second.out
    assert "" == second.err
    # Where the last decision stands is a hint. One that does not fit costs time, and no word.
    position = json.loads((folder / "position.json").read_text())
    (folder / "position.json").write_text(json.dumps({**position, "journal_offset": 5}))
    third = neraca("archive", folder, "--json", settings=settings)
    assert (0, "", 0) == (third.code, third.err, json.loads(third.out)["decisions_added"])
    put_back = neraca("restore", folder, "--json", settings=settings_of(stack, there, tmp_path))
    assert 0 == put_back.code, put_back.err
    assert {
        "folder": str(folder),
        "decisions": RECORDS,
        "actions": RECORDS,
        "decisions_found": 0,
        "actions_found": 0,
        "holes": 0,
    } == json.loads(put_back.out)
    again = neraca("restore", folder, settings=settings_of(stack, there, tmp_path))
    assert 2 == again.code
    assert "holds something already" in again.err
    copy = neraca("archive", tmp_path / "copy", settings=settings_of(stack, there, tmp_path))
    assert 0 == copy.code, copy.err
    assert list(ArchiveSource(folder).records()) == list(ArchiveSource(tmp_path / "copy").records())


def test_a_restore_asks_for_the_keys_of_the_log(tmp_path: Path) -> None:
    """Keys are not in the archive; without them the services begin another log, so it is told."""
    archived = archive(small_history(), tmp_path)
    settings = Settings.read(home=tmp_path / "home")
    first, *_, last = next_steps(settings, archived.log)
    assert "First put the keys of the log example.org/ledger back" in first
    assert "`neraca up`" in last
    shutil.copytree(archived.keys.folder, log_keys(settings).folder)
    assert [last] == next_steps(settings, archived.log)
    shutil.rmtree(archived.log / "keys")
    assert [last] == next_steps(Settings.read(home=tmp_path / "other"), archived.log)


def test_bad_folders_are_told(stack: RunningStack, topic_prefix: str, tmp_path: Path) -> None:
    """What is no archive is neither written to nor read: exit code 2, what is wrong, and what to do."""
    settings = settings_of(stack, topic_prefix, tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letter.txt").write_text("dear reader")
    written = neraca("archive", tmp_path / "other", settings=settings)
    read = neraca("restore", tmp_path / "other", settings=settings)
    absent = neraca("restore", tmp_path / "absent", settings=settings)
    assert [2, 2, 2] == [written.code, read.code, absent.code]
    assert "holds letter.txt, and no archive of Neraca" in written.err
    assert "has no archive.json" in read.err
    assert "has no archive.json" in absent.err
    assert "Traceback" not in written.err + read.err + absent.err


def settings_of(stack: RunningStack, prefix: str, folder: Path) -> Settings:
    """The ledger of that prefix, with its keys in a home of its own."""
    home = folder / f"home-{prefix}"
    home.mkdir(exist_ok=True)
    return Settings(home=home, kafka_bootstrap_servers=stack.bootstrap, topic_prefix=prefix)
