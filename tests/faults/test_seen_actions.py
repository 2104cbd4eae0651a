"""The store of action ids: it answers like a dictionary, whatever was flushed, merged, cut off or opened
again.
"""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.seen_actions import (
    _MIX_HIGH,
    _MIX_LOW,
    FRESH_WHILE_WRITING_TIMES,
    RUNS_OF_A_SIZE,
    DamagedRunError,
    StoredSeenActions,
    Writing,
    _mixed,
    forget_stored_ids,
)

FRESH_IDS_MAX = 6
_WORD = 2**64


def colliding(high: int, spread: int) -> bytes:
    """An id with that first half, which is mixed to the same key as every other of that `spread`."""
    low = (spread ^ (high * int(_MIX_HIGH))) * pow(int(_MIX_LOW), -1, _WORD) % _WORD
    return high.to_bytes(8, "big") + low.to_bytes(8, "big")


COLLIDING = [colliding(high, 12_345) for high in range(12)]
ENDING_IN_ZEROS = [
    b"\1" + bytes(15),
    b"\1\0\1" + bytes(13),
    bytes(16),
    b"\xff" * 15 + b"\0",
    b"\0" * 8 + b"\1" * 8,
]
COUNTED_UP = [number.to_bytes(16, "big") for number in range(1, 40)]
IDS = [*COLLIDING, *ENDING_IN_ZEROS, *COUNTED_UP]


def digest_of(action_id: bytes, seq: int) -> bytes:
    """Some digest; a few end in zeros."""
    return (action_id[::-1] + seq.to_bytes(8, "big"))[-16:] if seq % 3 else action_id[:4] + bytes(12)


class Journal:
    """The decisions so far, each on one id, and the store that follows them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.decided: list[bytes] = []
        self.first: dict[bytes, tuple[bytes, int]] = {}
        self.store = StoredSeenActions(folder, FRESH_IDS_MAX)

    def decide(self, action_ids: list[bytes]) -> None:
        """Decide a batch: each id is looked for as the rules do, and kept when it is new."""
        self.store.prefetch(action_ids)
        for action_id in action_ids:
            assert self.first.get(action_id) == self.store.find(action_id)
            seq = len(self.decided)
            if action_id not in self.first:
                self.first[action_id] = (digest_of(action_id, seq), seq)
                self.store.remember(action_id, *self.first[action_id])
            self.decided.append(action_id)
        if self.store.is_full:
            self.flush()

    def set_aside(self) -> None:
        """Put aside what is in memory, up to now."""
        self.store.set_aside(len(self.decided) - 1, bytes(32))

    def go_on(self, accepted: int) -> None:
        """Let the store write what is aside, the journal having so many of the decisions for good."""
        self.store.store(accepted - 1)

    def flush(self) -> None:
        """Move what is in memory to a file."""
        self.store.flush(len(self.decided) - 1, bytes(32))

    def open_again(self) -> None:
        """Lose the memory, as a kill does, and follow the journal from where the files end."""
        self.store.close()
        self.store = StoredSeenActions(self.folder, FRESH_IDS_MAX)
        for seq in range(self.store.stored_seq + 1, len(self.decided)):
            action_id = self.decided[seq]
            if self.first[action_id][1] == seq:
                self.store.remember(action_id, *self.first[action_id])

    def compare(self) -> None:
        """Look for every id there is, and for others."""
        self.store.prefetch(IDS)
        assert {each: self.first.get(each) for each in IDS} == {each: self.store.find(each) for each in IDS}
        assert len(self.first) == len(self.store)


BATCHES = st.lists(st.sampled_from(IDS), max_size=12)
STEPS = st.lists(
    st.one_of(BATCHES, st.sampled_from(["flush", "set aside", "half accepted", "accepted", "open again"])),
    max_size=30,
)


@given(STEPS)
@settings(deadline=None, max_examples=200)
def test_it_answers_like_a_dictionary(steps: list[list[bytes] | str]) -> None:
    """Ids that collide, ids that end in zeros, the same id twice; put aside, written beside, files merged,
    opened again in between.
    """
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder))
        for step in steps:
            if step == "flush":
                journal.flush()
            elif step == "set aside":
                journal.set_aside()
            elif step == "half accepted":
                journal.go_on(len(journal.decided) // 2)
            elif step == "accepted":
                journal.go_on(len(journal.decided))
            elif step == "open again":
                journal.open_again()
            elif isinstance(step, list):
                journal.decide(step)
        journal.compare()
        journal.open_again()
        journal.compare()
        journal.store.close()


def test_the_ids_meant_to_collide_do() -> None:
    """The test above is about something: these ids share one sorted key."""
    keys = _mixed(np.frombuffer(b"".join(COLLIDING), dtype=np.uint8))
    assert 1 == len(set(keys.tolist()))
    assert 12 == len(set(COLLIDING))


def files_of(folder: Path) -> set[str]:
    """The names of the files there."""
    return {path.name for path in folder.iterdir()}


def test_killed_between_a_merge_and_the_removal_of_what_it_merged(tmp_path: Path) -> None:
    """The merged file and its parts stand side by side: the parts go, and each id is there once."""
    journal = Journal(tmp_path / "seen")
    parts = tmp_path / "parts"
    for number in range(RUNS_OF_A_SIZE):
        if number == RUNS_OF_A_SIZE - 1:
            shutil.copytree(journal.folder, parts)
        journal.decide(IDS[number * FRESH_IDS_MAX : (number + 1) * FRESH_IDS_MAX])
    journal.store.close()
    assert 1 == len(files_of(journal.folder))
    for part in parts.iterdir():
        shutil.copy(part, journal.folder)
    (journal.folder / "00000000000000000000-00000000000000000005.unfinished").write_bytes(b"half")
    journal.open_again()
    assert 1 == len(files_of(journal.folder))
    journal.compare()
    journal.store.close()


def test_a_stretch_of_decisions_without_a_new_id_is_a_file_as_well(tmp_path: Path) -> None:
    """Nothing but duplicates and unreadable records since the last flush: the position moves on."""
    journal = Journal(tmp_path)
    journal.decide(IDS[:FRESH_IDS_MAX])
    journal.decide(IDS[:2])
    journal.flush()
    assert FRESH_IDS_MAX + 1 == journal.store.stored_seq
    journal.open_again()
    assert FRESH_IDS_MAX + 1 == journal.store.stored_seq
    journal.compare()
    journal.store.close()


def test_what_is_aside_is_written_when_the_journal_has_it_and_not_before(tmp_path: Path) -> None:
    """A file of ids never knows more than the journal: who opens it would take the rest for duplicates."""
    journal = Journal(tmp_path)
    journal.decide(IDS[:3])
    journal.set_aside()
    journal.decide(IDS[3:5])
    journal.go_on(2)
    assert set() == files_of(tmp_path)
    journal.compare()
    journal.go_on(3)
    journal.store.close()
    assert {f"{0:020d}-{2:020d}.ids"} == files_of(tmp_path)
    journal.compare()
    journal.open_again()
    assert 2 == journal.store.stored_seq
    journal.compare()


def test_ids_that_cannot_be_written_are_in_memory_again(tmp_path: Path) -> None:
    """The folder is gone while ids are aside: it is told, none is lost, and later they are written."""
    journal = Journal(tmp_path / "seen")
    journal.decide(IDS[:3])
    journal.set_aside()
    journal.decide(IDS[3:5])
    journal.folder.rmdir()
    with pytest.raises(FileNotFoundError):
        journal.flush()
    journal.compare()
    assert -1 == journal.store.stored_seq
    journal.folder.mkdir()
    journal.flush()
    assert 4 == journal.store.stored_seq
    journal.compare()
    journal.store.close()


def test_who_decides_faster_than_the_disk_writes_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids in memory are bounded, however slow the disk: at twice the limit the file is waited for."""
    write = Writing.run

    def write_late(writing: Writing) -> None:
        time.sleep(0.02)
        write(writing)

    monkeypatch.setattr(Writing, "run", write_late)
    store = StoredSeenActions(tmp_path, FRESH_IDS_MAX)
    most = 0
    for seq in range(20 * FRESH_IDS_MAX):
        store.remember(seq.to_bytes(16, "big"), bytes(16), seq)
        if store.is_full:
            store.set_aside(seq, bytes(32))
        store.store(seq)
        most = max(most, seq - store.stored_seq)
    store.close()
    # Those of a file that is written, and the fresh ones behind it.
    assert 2 * FRESH_WHILE_WRITING_TIMES * FRESH_IDS_MAX == most


def test_every_damaged_bit_is_noticed(tmp_path: Path) -> None:
    """One bit flipped anywhere, or any part cut off: the store says so instead of answering wrongly."""
    journal = Journal(tmp_path)
    journal.decide(IDS[:FRESH_IDS_MAX])
    journal.store.close()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedRunError):
            StoredSeenActions(tmp_path, FRESH_IDS_MAX)
        path.write_bytes(whole[:place])
        with pytest.raises(DamagedRunError):
            StoredSeenActions(tmp_path, FRESH_IDS_MAX)
    forget_stored_ids(tmp_path)
    assert 0 == len(StoredSeenActions(tmp_path, FRESH_IDS_MAX))
