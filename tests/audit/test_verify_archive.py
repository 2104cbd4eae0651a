"""Verification of an archive with no Kafka: files, tiles, checkpoints and keys that were tampered with.

Each case also runs with its check taken out, and then that check finds nothing.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audit.archive.reader import ArchiveSource
from audit.roots_check import collect
from audit.tlog.keys import LogKeys
from audit.tlog.merkle import EMPTY_ROOT
from audit.tlog.note import Verifier
from audit.tlog.tiles import tile_path
from audit.verification import ALL_CHECKS, Report, Request, open_archive, verify
from neraca.cli import app
from schemas.ids import built_in_ids
from tests.audit.archived import SIZES, Archived, archive
from tests.audit.tampering import Ledger, chained, changed, flipped, small_ledger
from tests.commands.console import neraca


@pytest.fixture(scope="module", name="whole")
def _whole(tmp_path_factory: pytest.TempPathFactory) -> Archived:
    """The archive of the small ledger. Not to be changed."""
    return archive(small_ledger(), tmp_path_factory.mktemp("archived"))


@pytest.fixture(name="copy")
def _copy(whole: Archived, tmp_path: Path) -> Archived:
    """A copy of it, to tamper with."""
    shutil.copytree(whole.root, tmp_path / "copy" / "archive")
    return Archived(tmp_path / "copy" / "archive", whole.keys)


def verified(
    archived: Archived, scratch: Path, checks: frozenset[str] = ALL_CHECKS, trusted: tuple[Verifier, ...] = ()
) -> Report:
    """Verify an archive by those checks."""
    source, plans = open_archive(archived.root, checks, trusted)
    return verify(source, Request(built_in_ids(), scratch, checks=checks, plans=plans, processes=0))


def _flip(path: Path, byte: int) -> None:
    path.write_bytes(flipped(path.read_bytes(), 8 * byte + 3))


def _bit_of_a_decision(copy: Archived) -> None:
    _flip(copy.root / "decisions" / "000000000000.avro", 200_000)


def _bit_of_an_action(copy: Archived) -> None:
    (file,) = (copy.root / "actions").glob("*/000000000000.avro")
    _flip(file, 100_000)


def _bit_of_the_index(copy: Archived) -> None:
    """A row of the index: the hash of the first block of decisions."""
    path = copy.root / "blocks" / "decisions" / "000000000000.avro"
    whole = path.read_bytes()
    (archived,) = [block for block in ArchiveSource(copy.root).unjudged_blocks() if block.first == 0]
    _flip(path, whole.index(archived.sha256) + 7)


def _bit_of_the_position(copy: Archived) -> None:
    path = copy.root / "position.json"
    position = json.loads(path.read_text())
    position["last_sha256"] = "0" + position["last_sha256"][1:]
    path.write_text(json.dumps(position))


def _bit_of_a_hash(copy: Archived) -> None:
    _flip(copy.log / tile_path(0, 2), 5 * 32 + 1)


def _bit_of_the_hashes_at_the_edge(copy: Archived) -> None:
    _flip(copy.log / tile_path(1, 0, len(small_ledger().journal) // 256), 33)


def _bit_of_an_entry(copy: Archived) -> None:
    path = copy.log / tile_path(None, 1)
    _flip(path, len(path.read_bytes()) // 2)


def _tile_gone(copy: Archived) -> None:
    (copy.log / tile_path(0, 3)).unlink()


def _hash_behind_a_full_tile(copy: Archived) -> None:
    path = copy.log / tile_path(0, 1)
    path.write_bytes(path.read_bytes() + bytes(32))


def _entry_behind_a_full_bundle(copy: Archived) -> None:
    path = copy.log / tile_path(None, 1)
    path.write_bytes(path.read_bytes() + b"\x00\x03new")


def _bit_of_a_shorter_tile(copy: Archived) -> None:
    """What readers of the checkpoint of 500 are given."""
    _flip(copy.log / tile_path(1, 0, 1), 5)


def _tree_put_back(copy: Archived) -> None:
    """The log's own file says that its tiles count nothing, so that nobody would look at them."""
    (copy.log / "tree").write_text("0\n" + base64.b64encode(EMPTY_ROOT).decode() + "\n")


def _full_tile_beside_the_edge(copy: Archived) -> None:
    """What readers ask for who are told that the narrower one is gone."""
    (copy.log / tile_path(0, len(small_ledger().journal) // 256)).write_bytes(bytes(256 * 32))


def _full_bundle_beside_the_edge(copy: Archived) -> None:
    (copy.log / tile_path(None, len(small_ledger().journal) // 256)).write_bytes(bytes(1000))


def _last_checkpoint_gone(copy: Archived) -> None:
    (copy.log / "checkpoint").unlink()


def _bit_of_a_root(copy: Archived) -> None:
    (path,) = (copy.log / "checkpoints").rglob("500")
    text = path.read_text()
    root = text.split("\n")[2]
    path.write_text(text.replace(root, ("B" if root[0] == "A" else "A") + root[1:]))


def _bit_of_a_signature(copy: Archived) -> None:
    path = copy.log / "checkpoint"
    text = path.read_text()
    path.write_text(text[:-20] + ("B" if text[-20] == "A" else "A") + text[-19:])


def _tail_dropped(copy: Archived) -> None:
    """The archive ends earlier and is whole in itself; the log beside it has seen more."""
    ledger = small_ledger()
    shorter = Ledger(ledger.journal[:1100], ledger.records[:1100])
    made = archive(shorter, copy.root.parent / "shorter")
    shutil.rmtree(made.log)
    shutil.move(copy.log, made.log)
    shutil.rmtree(copy.root)
    shutil.move(made.root, copy.root)


def _changed_and_chained_anew(copy: Archived) -> None:
    """One decision is another; all behind it, and the tiles, were made to fit. Only the key is not his."""
    ledger = small_ledger()
    journal = list(ledger.journal)
    journal[700] = changed(journal[700], officer="o-nobody")
    made = archive(ledger.with_journal(chained(journal, 700)), copy.root.parent / "other")
    shutil.rmtree(made.log / "checkpoints")
    shutil.copytree(copy.log / "checkpoints", made.log / "checkpoints")
    shutil.copytree(copy.log / "keys", made.log / "keys", dirs_exist_ok=True)
    shutil.copy(copy.log / "checkpoint", made.log / "checkpoint")
    shutil.rmtree(copy.root)
    shutil.move(made.root, copy.root)


def _signed_anew(copy: Archived) -> None:
    """Checkpoints of another key in the place of the log's, beside the log's own documents."""
    made = archive(small_ledger(), copy.root.parent / "other")
    shutil.rmtree(copy.log / "checkpoints")
    shutil.copytree(made.log / "checkpoints", copy.log / "checkpoints")
    shutil.copy(made.log / "checkpoint", copy.log / "checkpoint")


def _rolled_back(copy: Archived) -> None:
    """An older checkpoint, signed and true, in the place of the last one: the log seems shorter."""
    (older,) = (copy.log / "checkpoints").rglob("500")
    shutil.copy(older, copy.log / "checkpoint")


def _under_another_size(copy: Archived) -> None:
    """A true checkpoint under the name of a size of which it does not speak."""
    (path,) = (copy.log / "checkpoints").rglob("500")
    path.rename(path.with_name("501"))


def _full_tile_gone_beside_a_shorter_one(copy: Archived) -> None:
    """The shorter one is true, and does not hold what the full one has to."""
    full = copy.log / tile_path(0, 3)
    shorter = copy.log / tile_path(0, 3, 100)
    shorter.parent.mkdir()
    shorter.write_bytes(full.read_bytes()[: 100 * 32])
    full.unlink()


TAMPERED: list[tuple[Callable[[Archived], None], str, int | None]] = [
    (_bit_of_a_decision, "reexecution", None),
    (_bit_of_a_decision, "chain", None),
    (_bit_of_a_decision, "source", None),
    (_bit_of_the_index, "source", 255),
    (_bit_of_the_position, "source", SIZES[-1] - 1),
    (_bit_of_an_action, "source", None),
    (_bit_of_a_hash, "tiles", 2 * 256 + 5),
    (_bit_of_the_hashes_at_the_edge, "tiles", None),
    (_bit_of_an_entry, "tiles", None),
    (_tile_gone, "tiles", 4 * 256 - 1),
    (_full_tile_gone_beside_a_shorter_one, "tiles", 4 * 256 - 1),
    (_under_another_size, "checkpoints", 499),
    (_hash_behind_a_full_tile, "tiles", 2 * 256 - 1),
    (_entry_behind_a_full_bundle, "tiles", 2 * 256 - 1),
    (_bit_of_a_shorter_tile, "tiles", 255),
    (_tree_put_back, "tiles", 0),
    (_full_tile_beside_the_edge, "tiles", 4 * 256),
    (_full_bundle_beside_the_edge, "tiles", 4 * 256),
    (_bit_of_a_root, "checkpoints", 499),
    (_bit_of_a_signature, "checkpoints", SIZES[-1] - 1),
    (_tail_dropped, "checkpoints", 1100),
    (_tail_dropped, "tiles", 1100),
    (_changed_and_chained_anew, "checkpoints", 999),
    (_signed_anew, "checkpoints", 499),
    (_rolled_back, "checkpoints", 500),
    (_last_checkpoint_gone, "checkpoints", 0),
]


def test_a_whole_archive_is_well(whole: Archived, tmp_path: Path) -> None:
    """Nothing is found where nobody changed anything; every checkpoint and every tile was compared."""
    report = verified(whole, tmp_path, trusted=(whole.key,))
    assert {} == report.found, report.findings
    roots = report.facts["roots"]
    assert (len(SIZES), SIZES[-1], [str(whole.key)]) == (
        roots["checkpoints"],
        roots["tiles_size"],
        roots["keys"],
    )
    # Bundles and hashes: four full ones and one at the edge each, and the tile above.
    assert 2 * 5 + 1 == roots["tiles"]


@pytest.mark.parametrize(
    ("tamper", "check", "place"), TAMPERED, ids=[f"{row[1]}{row[0].__name__}" for row in TAMPERED]
)
def test_tampering_is_found_and_named(
    copy: Archived, tmp_path: Path, tamper: Callable[[Archived], None], check: str, place: int | None
) -> None:
    """The check finds it at its place; without that check it finds nothing there."""
    tamper(copy)
    report = verified(copy, tmp_path / "with")
    found = [finding for finding in report.findings if finding.check == check]
    assert found, report.findings
    assert place in (None, min(finding.place for finding in found))
    assert found[0].what
    without = verified(copy, tmp_path / "without", ALL_CHECKS - {check})
    assert check not in without.found


def test_another_key_is_seen_by_who_knows_the_key(copy: Archived, tmp_path: Path) -> None:
    """A whole log that was signed anew, documents and all, is well in itself; a key from elsewhere tells."""
    ledger = small_ledger()
    journal = list(ledger.journal)
    journal[700] = changed(journal[700], officer="o-nobody")
    checks = ALL_CHECKS - {"reexecution"}
    forged = archive(ledger.with_journal(chained(journal, 700)), tmp_path / "forged")
    assert {} == verified(forged, tmp_path / "untold", checks).found
    report = verified(forged, tmp_path / "told", checks, (copy.key,))
    assert {"checkpoints": 1} == report.found
    assert "do not lead to" in report.findings[0].what


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [
        ("example.org/ledger", "are not those of this deployment"),
        ("example.org/other", "it is of the log example.org/ledger, and not of example.org/other"),
    ],
)
def test_a_log_of_other_keys_is_not_that_of_this_deployment(
    copy: Archived, tmp_path: Path, origin: str, wanted: str
) -> None:
    """Where a deployment has keys of its own, a log that others signed beside their keys is told."""
    own = LogKeys(tmp_path / "own").create(origin)
    stated = collect(frozenset({"checkpoints"}), copy.log, None, own_keys=own)
    assert any(wanted in finding.what for finding in stated.findings), stated.findings


@pytest.mark.parametrize("taken", ["", "checkpoints"])
def test_a_history_that_nobody_signed_is_not_well_to_who_has_the_key(
    copy: Archived, tmp_path: Path, taken: str
) -> None:
    """The log or its checkpoints taken away: nothing contradicts the rest, and nothing vouches for it."""
    shutil.rmtree(copy.log / taken)
    if taken:
        (copy.log / "checkpoint").unlink()
    untold = verified(copy, tmp_path / "untold")
    assert ({}, 0) == (untold.found, untold.facts["roots"]["signed_size"]), untold.findings
    told = verified(copy, tmp_path / "told", trusted=(copy.key,))
    assert {"checkpoints": 1} == told.found
    assert "there is no signed checkpoint" in told.findings[0].what
    without = verified(copy, tmp_path / "without", ALL_CHECKS - {"checkpoints"}, (copy.key,))
    assert {} == without.found
    words = CliRunner().invoke(app, ["verify", "--archive", str(copy.root)]).output
    assert "no signed checkpoint is there: whether the journal lost its tail" in words


def test_how_far_it_is_signed_is_told(copy: Archived, tmp_path: Path) -> None:
    """Decisions behind the last checkpoint are signed by nobody: no fault, and no secret."""
    assert SIZES[-1] == verified(copy, tmp_path / "whole").facts["roots"]["signed_size"]
    _rolled_back(copy)
    shutil.rmtree(copy.log / "checkpoints" / "x001")
    run = CliRunner().invoke(app, ["verify", "--archive", str(copy.root), "--key", str(copy.key)])
    assert 0 == run.exit_code, run.output
    assert f"signed up to 500: for the last {SIZES[-1] - 500} decisions no signature vouches" in run.output


def test_a_tile_that_does_not_count_is_compared(copy: Archived, tmp_path: Path) -> None:
    """Who says that the log has no tiles hides none: each that lies there must be the journal's."""
    _tree_put_back(copy)
    _bit_of_a_hash(copy)
    report = verified(copy, tmp_path)
    assert [("tiles", 0), ("tiles", 2 * 256 + 5)] == [(one.check, one.place) for one in report.findings]


def test_a_checkpoint_that_was_rolled_back_is_named(copy: Archived, tmp_path: Path) -> None:
    """What everybody is shown is older than what was signed: one finding that says so, and what to do."""
    _rolled_back(copy)
    (finding,) = verified(copy, tmp_path / "with").findings
    assert f"it speaks of 500 decisions, and one of {SIZES[-1]} was signed" in finding.what
    assert "Put the newest one of log/checkpoints/ back" in finding.advice


def test_rotated_keys_are_followed(tmp_path: Path) -> None:
    """Checkpoints of a key and of the one after it hold; who trusts the first is led to the second."""
    ledger = small_ledger()
    keys = LogKeys(tmp_path / "keys")
    first = keys.create("example.org/ledger").current
    archive(Ledger(ledger.journal[:1000], ledger.records[:1000]), tmp_path, keys)
    keys.rotate()
    rotated = archive(ledger, tmp_path, keys, 1000)
    report = verified(rotated, tmp_path / "scratch", trusted=(first,))
    assert {} == report.found, report.findings
    assert 2 == len(report.facts["roots"]["keys"])


def test_the_command_says_it_in_words(copy: Archived) -> None:
    """Exit code 0 and a summary; 1 and the first thing that is wrong; 2 where it cannot run."""
    run = CliRunner()
    well = run.invoke(app, ["verify", "--archive", str(copy.root), "--key", str(copy.key)])
    assert (0, True) == (well.exit_code, "All is well." in well.output), well.output
    _bit_of_a_decision(copy)
    wrong = run.invoke(app, ["verify", "--archive", str(copy.root)])
    assert 1 == wrong.exit_code
    assert "The first thing that is wrong, at decision" in wrong.output
    assert "decisions/000000000000.avro" in wrong.output
    told = json.loads(run.invoke(app, ["verify", "--json", "--archive", str(copy.root)]).output)
    first = told["findings"][0]
    assert not told["well"]
    assert first["check"] in {"action_sha256", "reexecution"}
    assert first["differences"]
    (copy.root / "decisions" / "000000000000.avro").unlink()
    assert 1 == run.invoke(app, ["verify", "--archive", str(copy.root)]).exit_code
    nothing = neraca("verify", "--archive", copy.root.parent)
    assert (2, True) == (nothing.code, "is no archive of a ledger" in nothing.err), nothing.err
    unknown = neraca("verify", "--without", "everything")
    assert (2, True) == (unknown.code, "there is no check 'everything'" in unknown.err), unknown.err
