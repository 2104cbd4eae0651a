"""A witness co-signs what continues, and refuses a log that forgot, changed or forked."""

import shutil
from pathlib import Path

import pytest

from audit.tlog.checkpoint import Checkpoint, read_signed, sign
from audit.tlog.files import read_text
from audit.tlog.merkle import KeptTree, consistency_proof
from audit.tlog.note import Note, Signer
from audit.tlog.witness import Witness, WitnessRefused
from schemas.errors import ProofInvalid
from tests.audit.tlog_logs import ORIGIN, OTHER_SIGNER, SIGNER, WITNESS, entries, flip_in, tree_of

DATA = entries(400)
TREE = tree_of(DATA)
CHANGED = tree_of([*DATA[:100], b"another", *DATA[101:]])
KEYS = [SIGNER.verifier]


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    """A witness with a key, that saw nothing yet."""
    own = Witness(tmp_path / "witness")
    own.create("witness.example/w2")
    return own


def checkpoint(size: int, tree: KeptTree = TREE) -> str:
    """A signed checkpoint of that tree."""
    return sign(Checkpoint(ORIGIN, size, tree.root(size)), SIGNER)


def from_tree(old: int, new: int) -> list[bytes]:
    """An honest log's proof."""
    return consistency_proof(old, new, TREE.node)


def none_given(_old: int, _new: int) -> list[bytes]:
    """A log that brings no proof."""
    return []


def test_it_cosigns_what_continues(witness: Witness) -> None:
    """First sight, then every longer log that begins with the last: a line that verifies, with its time."""
    for at_seconds, size in enumerate((1, 5, 256, 300), 1_700_000_000):
        signed = witness.consider(checkpoint(size), KEYS, from_tree, at_seconds=at_seconds)
        own = witness.signer().verifier
        read = read_signed(str(signed.note), [*KEYS, own])
        assert [(own, at_seconds)] == [(key, line.at_seconds) for key, line in read.witnesses]
        last = witness.last_seen(ORIGIN)
        assert last is not None
        assert signed.checkpoint == last.checkpoint


def test_the_same_again_is_cosigned_again(witness: Witness) -> None:
    """No new decision: the same checkpoint with a newer time, one line of this witness in it."""
    first = witness.consider(checkpoint(300), KEYS, none_given, at_seconds=1)
    again = witness.consider(str(first.note), KEYS, none_given, at_seconds=2)
    assert 2 == len(again.note.signatures)
    assert [2] == [line.at_seconds for _, line in again.witnesses]


def test_lines_of_other_witnesses_stay(witness: Witness) -> None:
    """What others co-signed before is kept."""
    note = Note.parse(checkpoint(5))
    others = note.with_signatures([WITNESS.sign(note.text, at_seconds=1)])
    signed = witness.consider(str(others), KEYS, none_given, at_seconds=2)
    assert 3 == len(signed.note.signatures)
    assert 2 == len(
        read_signed(str(signed.note), [*KEYS, WITNESS.verifier, witness.signer().verifier]).witnesses
    )


def test_a_log_that_went_back_is_refused(witness: Witness) -> None:
    """Fewer decisions than it saw: named, both checkpoints kept, nothing co-signed."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    with pytest.raises(WitnessRefused, match="went back: it had 300 decisions, now 299") as caught:
        witness.consider(checkpoint(299), KEYS, from_tree, at_seconds=2)
    assert 300 == Checkpoint.parse(Note.parse(read_text(caught.value.evidence / "seen")).text).size
    assert checkpoint(299) == read_text(caught.value.evidence / "refused")
    last = witness.last_seen(ORIGIN)
    assert last is not None
    assert 300 == last.checkpoint.size


def test_a_fork_is_refused(witness: Witness) -> None:
    """Two roots at one size convict the log: both notes verify with its key."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    with pytest.raises(WitnessRefused, match="forked: two roots at size 300") as caught:
        witness.consider(checkpoint(300, CHANGED), KEYS, from_tree, at_seconds=2)
    roots = {
        read_signed(read_text(caught.value.evidence / name), KEYS).checkpoint.root
        for name in ("seen", "refused")
    }
    assert {TREE.root(300), CHANGED.root(300)} == roots


def test_a_changed_log_is_refused_whatever_proof_it_brings(witness: Witness) -> None:
    """A longer log in which an old decision was changed: no proof from either history gets it through."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    proofs = [from_tree, none_given, lambda old, new: consistency_proof(old, new, CHANGED.node)]
    for proof in proofs:
        with pytest.raises(WitnessRefused, match="does not begin with the 300 that it had"):
            witness.consider(checkpoint(400, CHANGED), KEYS, proof, at_seconds=2)
    assert 400 == witness.consider(checkpoint(400), KEYS, from_tree, at_seconds=3).checkpoint.size


def test_only_the_keys_it_was_given_count(witness: Witness) -> None:
    """A checkpoint under another key of the log's name is not even looked at."""
    forged = sign(Checkpoint(ORIGIN, 300, TREE.root(300)), OTHER_SIGNER)
    with pytest.raises(ProofInvalid, match="not signed by a key that is listed"):
        witness.consider(forged, KEYS, from_tree, at_seconds=1)
    assert witness.last_seen(ORIGIN) is None


def test_what_it_saw_must_be_its_own(witness: Witness, tmp_path: Path) -> None:
    """Its memory changed by a bit, or put back to an older state of another witness: it stops and says so."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    (seen,) = (witness.folder / "seen").iterdir()
    good = seen.read_bytes()
    flip_in(seen, 8 * (len(ORIGIN) + 1) + 1)
    with pytest.raises(ProofInvalid, match="is not what this witness wrote"):
        witness.consider(checkpoint(400), KEYS, from_tree, at_seconds=2)
    other = Witness(tmp_path / "other")
    other.create("witness.example/w2")
    other.consider(checkpoint(5), KEYS, from_tree, at_seconds=1)
    shutil.copy(next((other.folder / "seen").iterdir()), seen)
    with pytest.raises(ProofInvalid, match="is not what this witness wrote"):
        witness.consider(checkpoint(400), KEYS, from_tree, at_seconds=2)
    seen.write_bytes(good)
    witness.consider(checkpoint(400), KEYS, from_tree, at_seconds=2)


def test_it_tells_what_it_continues(witness: Witness) -> None:
    """The first checkpoint of a log is compared with nothing, and that is no secret."""
    told = [
        witness.consider(checkpoint(size), KEYS, from_tree, at_seconds=1).continues for size in (5, 5, 300)
    ]
    assert [None, 5, 5] == told


def test_without_its_memory_it_signs_nothing(witness: Witness) -> None:
    """What it saw is gone, or is no text of its own: it must not begin again as if it had seen nothing."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    (seen,) = (witness.folder / "seen").iterdir()
    seen.write_bytes(b"")
    with pytest.raises(ProofInvalid, match=r"seen/.* is not what this witness wrote"):
        witness.consider(checkpoint(299), KEYS, from_tree, at_seconds=2)
    shutil.rmtree(witness.folder / "seen")
    with pytest.raises(ProofInvalid, match="what this witness saw is lost"):
        witness.consider(checkpoint(299), KEYS, from_tree, at_seconds=2)
    assert not (witness.folder / "seen").exists()


def test_a_key_that_others_can_read_signs_nothing(witness: Witness) -> None:
    """Whoever else has it could co-sign in its name."""
    (witness.folder / "key").chmod(0o640)
    with pytest.raises(ProofInvalid, match="can be read by others"):
        witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)


def test_only_a_fork_is_called_proof_of_a_lie(witness: Witness) -> None:
    """An older copy goes back as well, so what is said of it accuses nobody."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    with pytest.raises(WitnessRefused) as back:
        witness.consider(checkpoint(299), KEYS, from_tree, at_seconds=2)
    assert "A copy of the log from before looks the same" in back.value.advice
    with pytest.raises(WitnessRefused) as fork:
        witness.consider(checkpoint(300, CHANGED), KEYS, from_tree, at_seconds=2)
    assert "The log signed both" in fork.value.advice


def test_logs_are_kept_apart(witness: Witness) -> None:
    """Two logs, one witness: each has its own last checkpoint."""
    witness.consider(checkpoint(300), KEYS, from_tree, at_seconds=1)
    other = Signer("example.org/other", 1, bytes(32))
    note = sign(Checkpoint("example.org/other", 5, TREE.root(5)), other)
    witness.consider(note, [other.verifier], none_given, at_seconds=2)
    sizes = [witness.last_seen(origin) for origin in (ORIGIN, "example.org/other")]
    assert [300, 5] == [one.checkpoint.size for one in sizes if one is not None]


def test_its_key_is_made_once(witness: Witness, tmp_path: Path) -> None:
    """A second key would forget the first; none at all, or a log's key, signs nothing."""
    with pytest.raises(ProofInvalid, match="there is a key"):
        witness.create("witness.example/w3")
    assert 0o600 == (witness.folder / "key").stat().st_mode & 0o777
    with pytest.raises(ProofInvalid, match="no key of a witness"):
        Witness(tmp_path / "none").signer()
    (witness.folder / "key").write_text(SIGNER.private_text())
    with pytest.raises(ProofInvalid, match="not one of a witness"):
        witness.signer()
