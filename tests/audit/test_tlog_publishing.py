"""Checkpoints: signed only of what is on disk, never against one that was signed, kept and told."""

import shutil
from pathlib import Path

import pytest

from audit.tlog.checkpoint import Checkpoint, sign
from audit.tlog.keys import LogKeyMissing, LogKeys, read_listed
from audit.tlog.publishing import CheckpointFiles, CheckpointPublisher, CheckpointTopic, size_of
from audit.tlog.tiles import TileLog
from schemas.errors import BrokerUnavailable, FolderUnusable, ProofInvalid
from tests.audit.tlog_logs import ORIGIN, entries, flip_in, keys_in, published, tree_of
from tests.running import RunningStack

DATA = entries(1200)
TREE = tree_of(DATA)


@pytest.fixture
def keys(tmp_path: Path) -> LogKeys:
    """Keys of a new log."""
    return keys_in(tmp_path / "keys")


def test_a_checkpoint_speaks_of_what_is_on_disk(tmp_path: Path, keys: LogKeys) -> None:
    """After each: the tiles of its size are durable, the file verifies, and each is kept under its size."""
    log = TileLog(tmp_path / "log")
    publisher = CheckpointPublisher(log, keys)
    for size in (3, 300, 1200):
        log.append(DATA[log.size : size])
        signed = publisher.publish()
        assert signed is not None
        assert Checkpoint(ORIGIN, size, TREE.root(size)) == signed.checkpoint
        assert size == TileLog(tmp_path / "log").size
        files = CheckpointFiles(tmp_path / "log")
        assert str(signed.note) == files.latest() == files.at(size)
    assert [3, 300, 1200] == publisher.files.sizes()
    assert publisher.files.at(301) is None
    assert keys.listed() == read_listed_documents(tmp_path / "log")


def read_listed_documents(folder: Path) -> object:
    """The keys as somebody finds them who has only the log's folder."""
    return LogKeys(folder / "keys").listed()


def test_nothing_new_is_nothing_to_sign(tmp_path: Path, keys: LogKeys) -> None:
    """Called again without new decisions it gives the same checkpoint and writes none."""
    log = TileLog(tmp_path / "log")
    log.append(DATA[:10])
    publisher = CheckpointPublisher(log, keys)
    first = publisher.publish()
    written = (tmp_path / "log" / "checkpoint").stat().st_mtime_ns
    assert first == publisher.publish()
    assert written == (tmp_path / "log" / "checkpoint").stat().st_mtime_ns


def test_no_checkpoint_of_tiles_that_a_full_disk_did_not_take(tmp_path: Path, keys: LogKeys) -> None:
    """ENOSPC while the tiles are flushed: nothing is signed, and the last checkpoint stands."""
    log = TileLog(tmp_path / "log")
    publisher = CheckpointPublisher(log, keys)
    log.append(DATA[:10])
    publisher.publish()
    before = publisher.files.latest()
    log.append(DATA[10:20])
    (tmp_path / "log" / "tile" / "0" / "000.p" / ".20.partial").symlink_to("/dev/full")
    with pytest.raises(FolderUnusable, match="no room is left"):
        publisher.publish()
    assert before == publisher.files.latest()
    last = keys.last_signed(keys.listed())
    assert last is not None
    assert 10 == last.checkpoint.size


def test_a_log_that_forgot_is_not_signed(tmp_path: Path, keys: LogKeys) -> None:
    """A log restored from an old copy is shorter than what was signed: it says so and signs nothing."""
    log = published(tmp_path / "log", keys, DATA[:300])
    shutil.copytree(tmp_path / "log", tmp_path / "old")
    CheckpointPublisher(log, keys).publish()
    log.append(DATA[300:600])
    CheckpointPublisher(log, keys).publish()
    shutil.copy(tmp_path / "log" / "checkpoint", tmp_path / "old" / "checkpoint")
    with pytest.raises(ProofInvalid, match="has 300 decisions, but a checkpoint of 600 was signed"):
        CheckpointPublisher(TileLog(tmp_path / "old"), keys).publish()


def test_a_log_behind_what_was_signed_elsewhere_waits(tmp_path: Path, keys: LogKeys) -> None:
    """A second copy of the log under the same key signs nothing until it has caught up, and then the same."""
    published(tmp_path / "log", keys, DATA[:300]).close()
    second = TileLog(tmp_path / "second")
    publisher = CheckpointPublisher(second, keys)
    second.append(DATA[:100])
    assert publisher.publish() is None
    assert publisher.files.latest() is None
    second.append(DATA[100:300])
    assert publisher.publish() is not None
    assert CheckpointFiles(tmp_path / "log").latest() == publisher.files.latest()


def test_a_log_that_changed_is_not_signed(tmp_path: Path, keys: LogKeys) -> None:
    """Another decision in the middle, the folder made anew: the key remembers, whatever the folder says."""
    published(tmp_path / "log", keys, DATA[:300]).close()
    changed = [*DATA[:100], b"another decision", *DATA[101:400]]
    with pytest.raises(ProofInvalid, match="not the one whose checkpoint was signed at size 300"):
        published(tmp_path / "forged", keys, changed)
    assert not (tmp_path / "forged" / "checkpoint").exists()


def test_a_checkpoint_file_that_was_changed_is_named(tmp_path: Path, keys: LogKeys) -> None:
    """A bit of the last checkpoint flipped, or signed with another key: nothing is signed on top of it."""
    log = published(tmp_path / "log", keys, DATA[:300])
    flip_in(tmp_path / "log" / "checkpoint", 8 * len(ORIGIN) + 8)
    with pytest.raises(ProofInvalid):
        CheckpointPublisher(log, keys).publish()
    other = keys_in(tmp_path / "other-keys")
    text = sign(Checkpoint(ORIGIN, 300, TREE.root(300)), other.signer())
    (tmp_path / "log" / "checkpoint").write_text(text)
    with pytest.raises(ProofInvalid, match="not signed by a key that is listed"):
        CheckpointPublisher(log, keys).publish()


def test_without_keys_nothing_is_published(tmp_path: Path) -> None:
    """Told; the tiles are kept all the same."""
    log = TileLog(tmp_path / "log")
    log.append(DATA[:10])
    with pytest.raises(LogKeyMissing):
        CheckpointPublisher(log, LogKeys(tmp_path / "none")).publish()
    assert 10 == TileLog(tmp_path / "log").size


def test_a_rotated_key_signs_the_next_checkpoint(tmp_path: Path, keys: LogKeys) -> None:
    """A publisher that runs while the key is rotated signs with the new one from then on."""
    log = TileLog(tmp_path / "log")
    publisher = CheckpointPublisher(log, keys)
    log.append(DATA[:10])
    publisher.publish()
    listed = keys.rotate()
    log.append(DATA[10:20])
    signed = publisher.publish()
    assert signed is not None
    assert listed.current == signed.log_key
    assert listed == read_listed_documents(tmp_path / "log")


def test_checkpoints_on_their_topic(
    stack: RunningStack, topic_prefix: str, tmp_path: Path, keys: LogKeys
) -> None:
    """Each once, in order, as the files hold them; one that did not reach the topic is sent next time."""
    topic = CheckpointTopic(stack.kafka, topic_prefix)
    assert (None, [], None) == (topic.latest(), topic.sizes(), topic.at(5))
    log = TileLog(tmp_path / "log")
    publisher = CheckpointPublisher(log, keys, topic)
    for size in (5, 300):
        log.append(DATA[log.size : size])
        publisher.publish()
        publisher.publish()
    # Signed and kept, and then the process ended before it was told.
    log.append(DATA[300:700])
    CheckpointPublisher(log, keys).publish()
    CheckpointPublisher(log, keys, topic).publish()
    CheckpointPublisher(log, keys, topic).publish()
    files = publisher.files
    assert [files.at(size) for size in (5, 300, 700)] == list(topic.notes())
    assert (files.latest(), [5, 300, 700]) == (topic.latest(), topic.sizes())
    assert files.at(300) == topic.at(300)
    listed = keys.listed()
    assert [5, 300, 700] == [read_listed(note, listed).checkpoint.size for note in topic.notes()]


def test_a_broker_that_is_away_is_told_and_the_checkpoint_stays(tmp_path: Path, keys: LogKeys) -> None:
    """Kafka does not answer: the file is there, and the error says that the topic has it not."""
    log = TileLog(tmp_path / "log")
    log.append(DATA[:10])
    away = CheckpointTopic({"bootstrap.servers": "127.0.0.1:1"}, "", timeout_seconds=0.3)
    publisher = CheckpointPublisher(log, keys, away)
    with pytest.raises(BrokerUnavailable, match=r"placement\.checkpoints\.v1"):
        publisher.publish()
    assert 10 == size_of(publisher.files.latest() or "")
    with pytest.raises(BrokerUnavailable, match=r"was not taken by the topic placement\.checkpoints\.v1"):
        away.send(ORIGIN, publisher.files.latest() or "")
    assert -1 == size_of("nonsense")
