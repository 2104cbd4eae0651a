"""The decider's own files: lost, damaged, or of another journal, they cost time and never a decision."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Event

import pytest

from consumers import decider
from consumers.deciding import Deciding
from consumers.monitoring import Monitoring
from consumers.snapshot import MAGIC
from schemas.codec import decode_decision
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger, decide_again
from tests.faults.killing import is_beyond
from tests.faults.services import Crew, eventually
from tests.running import RunningStack

FRESH_IDS_MAX = 150
SNAPSHOT_EVERY = 400
LIMITS = ("--snapshot-every", f"{SNAPSHOT_EVERY}", "--fresh-ids-max", f"{FRESH_IDS_MAX}")
ACTIONS = 1_500
IDS = built_in_ids()


def config_of(ledger: Ledger, state_folder: Path) -> decider.DeciderConfig:
    """The settings of a decider within this process."""
    return decider.DeciderConfig(
        kafka={**ledger.kafka, "log_level": 0},
        topic_prefix=ledger.topic_prefix,
        state_folder=state_folder,
        metrics_port=0,
        snapshot_every_decisions=SNAPSHOT_EVERY,
        fresh_ids_max=FRESH_IDS_MAX,
    )


@contextmanager
def loaded(ledger: Ledger, state_folder: Path, stop: Event | None = None) -> Iterator[tuple[Deciding, int]]:
    """A decider that has read the journal, before it takes part: its ledger, and the snapshot used."""
    config = config_of(ledger, state_folder)
    folder, lock = decider._claim_folder(state_folder)
    with Monitoring("decider", 0) as monitoring:
        try:
            life = decider._Decider(
                config, folder, lock, monitoring, decider.Metrics(monitoring), stop or Event()
            )
            yield life._deciding, life._snapshot_seq
            life.close()
        finally:
            lock.close()


def flip(path: Path, place: float) -> None:
    """Flip one bit, at that part of the file's length."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 4
    path.write_bytes(data)


def cut(path: Path, place: float) -> None:
    """Keep the first part of the file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * place)])


def snapshot_of(folder: Path) -> Path:
    """The snapshot of the only decider."""
    return folder / "0" / decider.SNAPSHOT_FILE


def ids_of(folder: Path, number: int) -> Path:
    """One of its files of ids, in their order."""
    return sorted((folder / "0" / "seen").glob("*.ids"))[number]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "snapshot: a bit of its beginning": lambda folder: flip(snapshot_of(folder), 0.01),
    "snapshot: a bit of its middle": lambda folder: flip(snapshot_of(folder), 0.5),
    "snapshot: a bit of its hash": lambda folder: flip(snapshot_of(folder), 0.9999),
    "snapshot: cut short": lambda folder: cut(snapshot_of(folder), 0.7),
    "snapshot: empty": lambda folder: cut(snapshot_of(folder), 0),
    "snapshot: of another form": lambda folder: snapshot_of(folder).write_bytes(
        MAGIC.replace(b"1", b"0") + snapshot_of(folder).read_bytes()[len(MAGIC) :]
    ),
    "snapshot: gone": lambda folder: snapshot_of(folder).unlink(),
    "ids: a bit of the header": lambda folder: flip(ids_of(folder, 0), 0.004),
    "ids: a bit of the ids": lambda folder: flip(ids_of(folder, 0), 0.5),
    "ids: a bit of the last file": lambda folder: flip(ids_of(folder, -1), 0.9),
    "ids: cut short": lambda folder: cut(ids_of(folder, 0), 0.5),
    "ids: empty": lambda folder: cut(ids_of(folder, -1), 0),
    "ids: the first file gone": lambda folder: ids_of(folder, 0).unlink(),
    "ids: the last file gone": lambda folder: ids_of(folder, -1).unlink(),
    "ids: all gone": lambda folder: shutil.rmtree(folder / "0" / "seen"),
    "everything gone": lambda folder: shutil.rmtree(folder / "0"),
}


class Decided:
    """A journal of 1,500 decisions, and the state folder of the decider that made it."""

    def __init__(self, ledger: Ledger, state_folder: Path) -> None:
        self.ledger = ledger
        self.state_folder = state_folder
        self.journal = [avro for _, avro in ledger.accepted()]
        self.decisions = [decode_decision(avro) for avro in self.journal]
        self.seen: dict[bytes, tuple[bytes | None, int]] = {}
        for decision in self.decisions:
            if decision.action_id is not None and decision.outcome != "DUPLICATE":
                self.seen.setdefault(decision.action_id, (decision.content_digest, int(decision.seq)))

    def load(self, folder: Path, name: str = "") -> int:
        """Load from that folder, find all as the journal has it, and give the snapshot that was used."""
        with loaded(self.ledger, folder) as (deciding, snapshot_seq):
            assert sha256(self.journal[-1]).digest() == deciding.engine.last_sha256, name
            assert ACTIONS == deciding.next_action_offset, name
            deciding.seen.prefetch(list(self.seen))
            assert self.seen == {each: deciding.seen.find(each) for each in self.seen}, name
            assert len(self.seen) == len(deciding.seen), name
        return snapshot_seq


@pytest.fixture
def decided(ledger: Ledger, deciders: Crew, history_values: list[bytes]) -> Decided:
    """Made by a real decider, which was then stopped."""
    first = deciders.start(*LIMITS)
    for start in range(0, ACTIONS, 150):
        ledger.send(history_values[start : start + 150])
        eventually("the part is decided", ledger.is_decided)
    eventually("a snapshot is there", snapshot_of(deciders.state_folder).exists)
    assert 0 == first.stop()
    return Decided(ledger, deciders.state_folder)


def test_a_damaged_state_folder_is_made_again_from_the_journal(
    decided: Decided, deciders: Crew, history_values: list[bytes], tmp_path: Path
) -> None:
    """Each way to lose a file is noticed; state and ids are the journal's, and so are the next decisions."""
    pristine = tmp_path / "pristine"
    shutil.copytree(decided.state_folder, pristine)
    assert 0 <= decided.load(pristine) < ACTIONS
    for name, damage in DAMAGES.items():
        folder = tmp_path / "damaged"
        shutil.copytree(decided.state_folder, folder)
        damage(folder)
        snapshot_seq = decided.load(folder, name)
        # The ids behind the snapshot come from the journal's tail as well, so their file may be gone.
        assert -1 == snapshot_seq or name == "ids: the last file gone", name
        shutil.rmtree(folder)

    # Told to stop while it still reads, it leaves the files as they are.
    stop = Event()
    stop.set()
    with pytest.raises(decider._StopRequestedError), loaded(decided.ledger, pristine, stop):
        pass
    assert decided.load(pristine, "after a stop") >= 0

    # From the snapshot it answers for ids that stand in files only, and the journal stays what it would be.
    deciders.start(*LIMITS)
    ledger = decided.ledger
    ledger.send([*history_values[:60], *history_values[ACTIONS : ACTIONS + 200], *history_values[700:760]])
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert ACTIONS + 320 == len(verdict.decisions)
    again = [*verdict.decisions[ACTIONS : ACTIONS + 60], *verdict.decisions[-60:]]
    for decision, original in zip(again, [*decided.decisions[:60], *decided.decisions[700:760]], strict=True):
        if original.action_id is not None:
            first_seq = decided.seen[original.action_id][1]
            assert ("DUPLICATE", first_seq) == (decision.outcome, decision.first_seq)


def test_a_state_folder_before_another_journal(
    decided: Decided,
    new_topics: Callable[[], str],
    stack: RunningStack,
    history_values: list[bytes],
    tmp_path: Path,
) -> None:
    """A journal that lost its tail, an empty one, one of the same actions at other times: all are noticed."""
    for kept in (100, 0):
        shorter = Ledger(stack.bootstrap, new_topics())
        shorter.forge([frame(IDS.decision_id, avro) for avro in decided.journal[:kept]])
        shutil.copytree(decided.state_folder, tmp_path / f"{kept}")
        with loaded(shorter, tmp_path / f"{kept}") as (deciding, snapshot_seq):
            assert (-1, kept) == (snapshot_seq, deciding.engine.state.next_seq)
        shorter.close()
    other = Ledger(stack.bootstrap, new_topics())
    other.send(history_values[:ACTIONS])
    other_journal = decide_again(other.read(other.actions_topic))
    assert decided.journal[0] != other_journal[0]
    other.forge([frame(IDS.decision_id, avro) for avro in other_journal])
    shutil.copytree(decided.state_folder, tmp_path / "other")
    with loaded(other, tmp_path / "other") as (deciding, snapshot_seq):
        assert -1 == snapshot_seq
        assert other_journal[-1] == deciding.engine.last_bytes
    other.close()


def test_a_decider_killed_while_it_writes_its_files_finds_its_way(
    ledger: Ledger, deciders: Crew, history_values: list[bytes]
) -> None:
    """SIGKILL with a snapshot, a file of ids or a merge half done, and unfinished files of another: all is
    made again.
    """
    for start in (0, 1_000):
        decider_now = deciders.start("--snapshot-every", "150", "--fresh-ids-max", "50", wait_ready=False)
        ledger.send(history_values[start : start + 1_000])
        eventually("it is at work", partial(is_beyond, ledger, start + 200))
        decider_now.kill()
        for path in deciders.state_folder.glob("*/seen"):
            (path / "00000000000000000000-00000000000000000099.unfinished").write_bytes(os.urandom(1_000))
    deciders.start("--snapshot-every", "150", "--fresh-ids-max", "50")
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert 2_000 == len(verdict.decisions)
    assert 0 == verdict.passed_over


def files_under(folder: Path) -> list[str]:
    """The names of all files there."""
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_full_disk_costs_memory_and_no_decision(
    ledger: Ledger, deciders: Crew, history_values: list[bytes]
) -> None:
    """Neither snapshot nor ids can be written: it says so and decides on; once there is room it writes."""
    crowded = deciders.start(
        "--snapshot-every", "1000", "--fresh-ids-max", "500", "--file-bytes-max", "20000"
    )
    ledger.send(history_values[:3_000])
    eventually("all is decided", ledger.is_decided)
    eventually("it tells", lambda: crowded.metric("neraca_state_failures_total") > 0)
    assert 0 == crowded.metric("neraca_decider_restarts_total")
    eventually("nothing half done is left", lambda: ["lock"] == files_under(deciders.state_folder))
    resource.prlimit(crowded.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ledger.send([*history_values[3_000:6_000], *history_values[:100]])
    eventually("all is decided", ledger.is_decided)
    eventually("a snapshot is there", snapshot_of(deciders.state_folder).exists)
    assert 6_100 == len(ledger.judge().decisions)
    assert 0 == crowded.stop()
    with loaded(ledger, deciders.state_folder) as (deciding, snapshot_seq):
        assert snapshot_seq > 0
        assert 6_100 == deciding.engine.state.next_seq
