"""The log on disk: whatever is appended comes back, survives a kill and a full disk, and damage is named."""

import errno
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.tlog.checkpoint import Checkpoint, sign
from audit.tlog.merkle import EMPTY_ROOT
from audit.tlog.tiles import EntryTooLarge, TileLog, number_path, tile_path
from schemas.errors import ArchiveDamaged, FolderUnusable, ProofInvalid
from tests.audit.tlog_logs import ORIGIN, SIGNER, entries, flip_in, log_of, tree_of

MANY = entries(66_000)
TREE = tree_of(MANY)


@pytest.fixture(scope="module")
def log_66000(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 66,000 decisions: three levels of tiles."""
    folder = tmp_path_factory.mktemp("tlog") / "log"
    log_of(folder, MANY)
    return folder


@pytest.fixture
def copy(log_66000: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    folder = tmp_path / "copy"
    shutil.copytree(log_66000, folder)
    return folder


@pytest.mark.parametrize(
    ("number", "path"),
    [
        (0, "000"),
        (999, "999"),
        (1000, "x001/000"),
        (1_234_067, "x001/x234/067"),
        (10**9, "x001/x000/x000/000"),
    ],
)
def test_paths_are_those_of_the_specification(number: int, path: str) -> None:
    """Numbers as folders of three digits, the example of C2SP tlog-tiles among them."""
    assert path == number_path(number)
    assert f"tile/3/{path}" == tile_path(3, number)
    assert f"tile/entries/{path}.p/17" == tile_path(None, number, 17)


# How many decisions, whether they are flushed then, and whether the log is closed and opened again.
STEPS = st.lists(
    st.tuples(st.sampled_from([1, 3, 100, 255, 256, 257, 600]), st.booleans(), st.booleans()), max_size=6
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_however_it_is_appended_it_is_the_same_log(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool, bool]]
) -> None:
    """Batches of any size, flushes and new starts between: the same root and the same files at the end."""
    folder = tmp_path_factory.mktemp("random")
    log = TileLog(folder / "log")
    for count, is_flushed, is_opened_anew in steps:
        log.append(MANY[log.size : log.size + count])
        assert TREE.root(log.size) == log.root()
        if is_flushed:
            assert log.size == log.flush() == log.durable_size
        if is_opened_anew:
            durable = log.durable_size
            log.close()
            log = TileLog(folder / "log")
            assert (durable, durable) == (log.size, log.durable_size)
    size = log.flush()
    log.close()
    assert MANY[:size] == TileLog(folder / "log").entries(0, size)
    if size:
        # Narrower partial tiles may be left; what counts is there, and the same as written at once.
        at_once = log_of(folder / "at-once", MANY[:size]).folder
        for path in (one for one in at_once.rglob("*") if one.is_file()):
            assert path.read_bytes() == (folder / "log" / path.relative_to(at_once)).read_bytes(), path


def test_an_empty_log(tmp_path: Path) -> None:
    """A folder that is not there is an empty log, and looking at it makes nothing."""
    log = TileLog(tmp_path / "none")
    assert (0, 0, EMPTY_ROOT, []) == (log.size, log.flush(), log.root(), log.entries(0, 0))
    assert [] == list(log.verify())
    assert not (tmp_path / "none").exists()


def test_what_was_not_flushed_does_not_count(tmp_path: Path) -> None:
    """Full tiles that lie on the disk without a flush count for nothing, and are written again."""
    log = log_of(tmp_path, MANY[:300])
    log.append(MANY[300:1000])
    log.close()
    again = TileLog(tmp_path)
    assert (300, TREE.root(300)) == (again.size, again.root())
    again.append(MANY[300:1000])
    again.flush()
    again.close()
    assert TREE.root(1000) == TileLog(tmp_path).root()


def test_a_reader_stays_where_it_opened(tmp_path: Path) -> None:
    """A log that grows while it is read: it sees what it opened, where partial tiles are gone as well."""
    log = log_of(tmp_path, MANY[:300])
    reader = TileLog(tmp_path)
    log.append(MANY[300:70_000])
    log.flush()
    assert not (tmp_path / tile_path(0, 1, 44)).exists()
    assert (300, TREE.root(300)) == (reader.size, reader.root())
    assert MANY[250:300] == reader.entries(250, 50)
    with pytest.raises(ProofInvalid, match="has 300 decisions, not 301"):
        reader.root(301)


def test_a_copy_with_only_a_checkpoint_can_be_read(copy: Path) -> None:
    """A mirror of what a web server serves has no file `tree`: the checkpoint says how far it goes."""
    (copy / "tree").unlink()
    for size in (65_536, 65_600, 66_000):
        (copy / "checkpoint").write_text(sign(Checkpoint(ORIGIN, size, TREE.root(size)), SIGNER))
        log = TileLog(copy)
        assert (size, TREE.root(size)) == (log.size, log.root())
        if size == 65_536:
            # The next tile is partial there and wider here: a log of this size does not need it.
            assert size == [*log.verify()][-1]


def test_one_program_appends(tmp_path: Path) -> None:
    """A second writer is told, and gets its turn when the first closes; what it knew is read again."""
    log = log_of(tmp_path, MANY[:10])
    second = TileLog(tmp_path)
    log.append(MANY[10:20])
    with pytest.raises(FolderUnusable, match="another program"):
        TileLog(tmp_path).append(MANY[20:30])
    log.flush()
    log.close()
    with second:
        second.append([])
        assert 20 == second.size
        second.append(MANY[20:30])
        second.flush()
    assert TREE.root(30) == TileLog(tmp_path).root()


@pytest.mark.parametrize("size", [0, 1, 65_535])
def test_entries_up_to_the_limit(tmp_path: Path, size: int) -> None:
    """An entry of 65,535 bytes is the largest that a bundle can hold."""
    assert [bytes(size)] == log_of(tmp_path, [bytes(size)]).entries(0, 1)


def test_an_entry_too_large_is_refused_and_nothing_taken(tmp_path: Path) -> None:
    """One byte more: the number of the decision is told, and none of the batch was appended."""
    log = TileLog(tmp_path)
    with pytest.raises(EntryTooLarge, match="decision 1 has 65536 bytes"):
        log.append([b"small", bytes(65_536)])
    assert 0 == log.size


def test_a_full_disk_leaves_what_was_durable(tmp_path: Path) -> None:
    """ENOSPC at a tile: told with its reason, nothing goes on in that state, and a new start does."""
    log = log_of(tmp_path, MANY[:200])
    blocked = tmp_path / "tile" / "0" / ".000.partial"
    blocked.symlink_to("/dev/full")
    log.append(MANY[200:600])
    with pytest.raises(FolderUnusable, match="no room is left") as caught:
        log.flush()
    assert isinstance(caught.value.__cause__, OSError)
    assert errno.ENOSPC == caught.value.__cause__.errno
    for retry in (log.flush, lambda: log.append(MANY[600:])):
        with pytest.raises(FolderUnusable):
            retry()
    assert 200 == log.durable_size
    log.close()
    blocked.unlink()
    again = TileLog(tmp_path)
    assert (200, TREE.root(200)) == (again.size, again.root())
    again.append(MANY[200:600])
    assert 600 == again.flush()


def test_a_full_disk_stops_a_long_append(tmp_path: Path) -> None:
    """What waits for the disk is bounded: an append that goes on and on is told before it ends."""
    log = log_of(tmp_path, MANY[:200])
    (tmp_path / "tile" / "0" / ".000.partial").symlink_to("/dev/full")
    with pytest.raises(FolderUnusable, match="no room is left"):
        log.append(MANY[200:20_000])
    assert 200 == log.durable_size


def test_a_disk_that_fails_is_told(tmp_path: Path) -> None:
    """Where the kernel refuses for another reason, a read and a write say which file."""
    log = log_of(tmp_path, MANY[:600])
    tile = tmp_path / tile_path(0, 0)
    tile.unlink()
    tile.symlink_to("/proc/self/mem")
    with pytest.raises(ArchiveDamaged, match="tile/0/000 cannot be read: Input/output error"):
        TileLog(tmp_path).inclusion_proof(1, 600)
    log.append(MANY[600:700])
    (tmp_path / "tree").unlink()
    (tmp_path / "tree").mkdir()
    with pytest.raises(FolderUnusable, match="cannot be written"):
        log.flush()


_KILLED = """
import sys
from pathlib import Path
from audit.tlog.tiles import TileLog
from tests.audit.tlog_logs import entries
log = TileLog(Path(sys.argv[1]))
data = entries(66_000)
while log.size < len(data):
    log.append(data[log.size : log.size + 97])
    log.flush()
    print(log.durable_size, flush=True)
"""


@pytest.mark.parametrize("after", [3, 40, 90])
def test_a_killed_writer_leaves_a_log(tmp_path: Path, after: int) -> None:
    """SIGKILL anywhere: what it said to be durable is there, the root fits, and the next one goes on."""
    folder = tmp_path / "log"
    writer = subprocess.Popen(
        [sys.executable, "-c", _KILLED, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert writer.stdout is not None
    said = 0
    for _ in range(after):
        said = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    log = TileLog(folder)
    assert log.size >= said
    assert TREE.root(log.size) == log.root()
    assert log.size == [*log.verify()][-1]
    log.append(MANY[log.size : log.size + 500])
    log.flush()
    assert TREE.root(log.size) == log.root()


# A tile or bundle, a bit of it, and what is named: the file, and the first decision that it concerns.
DAMAGES = [
    ("tile/0/000", 7, "tile/0/000", "decision 0", 0),
    ("tile/0/100", 255 * 256 + 3, "tile/0/100", "decision 25855", 25_855),
    ("tile/1/000", 9 * 256, "tile/1/000", "decisions 2304 to 2559", 2304),
    ("tile/0/257.p/208", 207 * 256 + 255, "tile/0/257.p/208", "decision 65999", 65_999),
    ("tile/1/001.p/1", 0, "tile/1/001.p/1", "decisions 65536 to 65791", 65_536),
    ("tile/2/000.p/1", 255, "tile/2/000.p/1", "decisions 0 to 65535", 0),
    ("tile/entries/100", 8 * 400, "tile/entries/100", "decision 256", None),
    ("tile/entries/257.p/208", 8 * 30, "tile/entries/257.p/208", "decision 6579", None),
]


@pytest.mark.parametrize(("path", "bit", "named", "which", "seq"), DAMAGES, ids=[one[0] for one in DAMAGES])
def test_one_changed_bit_is_found_and_named(
    copy: Path, path: str, bit: int, named: str, which: str, seq: int | None
) -> None:
    """A bit of any tile or bundle: opening or verifying names the file and the first decision it concerns."""
    flip_in(copy / path, bit)
    with pytest.raises(ArchiveDamaged) as caught:
        list(TileLog(copy).verify())
    assert named in str(caught.value)
    assert which in str(caught.value)
    assert seq in (None, caught.value.seq)


def test_a_damaged_tile_gives_no_proof(copy: Path) -> None:
    """Whoever asks for a proof through it is told; one that needs it not is given."""
    flip_in(copy / "tile/0/100", 1)
    log = TileLog(copy)
    with pytest.raises(ArchiveDamaged, match="tile/0/100 "):
        log.inclusion_proof(25_700, 66_000)
    with pytest.raises(ArchiveDamaged, match="tile/0/100 "):
        log.entries(25_700, 1)
    with pytest.raises(ArchiveDamaged, match="tile/0/100 "):
        log.consistency_proof(25_700, 66_000)
    assert TREE.root(66_000) == log.root()
    assert 8 < len(log.inclusion_proof(0, 66_000))


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("tile/0/003", lambda data: data[:-1], "tile/0/003 .*has 8191 bytes, not 8192"),
        ("tile/0/003", lambda data: data + b"\0", "tile/0/003 .*has 8193 bytes, not 8192"),
        ("tile/entries/003", lambda data: data[:-1], "tile/entries/003 .*up to decision 1023"),
        ("tile/entries/003", lambda data: data + b"\0\0", "tile/entries/003 .*does not hold 256 decisions"),
        ("tile/entries/003", lambda _: b"", "tile/entries/003 .*up to decision 768"),
        ("tile/0/257.p/208", lambda data: data[32:], "tile/0/257.p/208 "),
    ],
)
def test_a_file_cut_or_lengthened_is_named(
    copy: Path, path: str, change: "type[object]", message: str
) -> None:
    """Bytes missing or added."""
    data = (copy / path).read_bytes()
    (copy / path).write_bytes(change(data))  # type: ignore[arg-type, call-arg]
    with pytest.raises(ArchiveDamaged, match=message):
        list(TileLog(copy).verify())


@pytest.mark.parametrize("path", ["tile/0/003", "tile/entries/003", "tile/1/000", "tile/2/000.p/1"])
def test_a_missing_file_is_named(copy: Path, path: str) -> None:
    """A tile that is gone."""
    (copy / path).unlink()
    with pytest.raises(ArchiveDamaged, match=f"{path} is missing"):
        list(TileLog(copy).verify())


def test_swapped_decisions_are_named(copy: Path) -> None:
    """Two bundles swapped, with their tiles: the tile above gives it away."""
    for kind in ("0", "entries"):
        first, second = (copy / f"tile/{kind}/{name}" for name in ("010", "020"))
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)
    with pytest.raises(ArchiveDamaged, match=r"tile/0/010 .*decisions from 2560 on were replaced") as caught:
        list(TileLog(copy).verify())
    assert 2560 == caught.value.seq


@pytest.mark.parametrize("text", ["", "66000\n", "x\n" * 2, "66000\nAAAA\n", "65999\n{root}\n"])
def test_a_damaged_tree_file_is_named(copy: Path, text: str) -> None:
    """The file that says how far the tiles count: cut, nonsense, another root, another size."""
    root = (copy / "tree").read_text().split("\n")[1]
    (copy / "tree").write_text(text.format(root=root))
    with pytest.raises(ArchiveDamaged, match="tree"):
        TileLog(copy)


def test_sizes_that_make_no_sense(copy: Path) -> None:
    """Proofs of what the log does not have are refused in words."""
    log = TileLog(copy)
    with pytest.raises(ProofInvalid, match="no decision 300 in a log of 300"):
        log.inclusion_proof(300, 300)
    with pytest.raises(ProofInvalid, match="400 decisions is not the beginning of one of 300"):
        log.consistency_proof(400, 300)
    with pytest.raises(ProofInvalid, match="has 66000 decisions, not 66001"):
        log.entries(66_000, 1)
    assert "size=66000" in repr(log)
