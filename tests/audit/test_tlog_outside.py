"""Two implementations of others, from PyPI: what is made here verifies there, and what they make, here.

`tlog-scales` reads and writes C2SP tiles, and signs and verifies checkpoints; `proofbundle` writes and
verifies C2SP tlog-proof files and co-signatures. Neither shares a line with ours.
"""

import hashlib
from pathlib import Path
from typing import Any

import proofbundle.checkpoint
import proofbundle.merkle
import proofbundle.tlogproof
import pytest
import tlog_scales.backend
import tlog_scales.reader
import tlog_scales.signing
import tlog_scales.tlog
import tlog_scales.writer
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.tlog.checkpoint import Checkpoint, read, read_signed, sign
from audit.tlog.merkle import consistency_proof, leaf_hash, verify_consistency, verify_inclusion
from audit.tlog.note import Note
from audit.tlog.proof import InclusionProof, check_inclusion
from audit.tlog.tiles import TileLog
from tests.audit.tlog_logs import ORIGIN, OTHER_SIGNER, SIGNER, WITNESS, entries, flipped, log_of, tree_of

DATA = entries(66_000)
SEED = hashlib.sha256(b"log").digest()
WITNESS_SEED = hashlib.sha256(b"witness").digest()
VKEY = str(SIGNER.verifier)
# Around the borders of tiles, where implementations differ if they do.
SIZES = (1, 2, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> TileLog:
    """A log that we wrote, with its checkpoint."""
    log = log_of(tmp_path_factory.mktemp("ours"), DATA)
    note = sign(Checkpoint(ORIGIN, log.size, log.root()), SIGNER)
    (log.folder / "checkpoint").write_text(note)
    return log


@pytest.fixture(scope="module")
def their_reader(ours: TileLog) -> Any:
    """Their reader on our files."""
    reader = tlog_scales.reader.TilesReader(tlog_scales.backend.LocalBackend(ours.folder))
    reader.get_checkpoint().verify(tlog_scales.signing.Vkey.from_string(VKEY))
    return reader


def test_they_read_our_tiles_and_make_our_proofs(ours: TileLog, their_reader: Any) -> None:
    """Root, entries, inclusion and consistency proofs out of our tiles by their code: the same as ours."""
    assert ours.root() == their_reader.calculate_root_hash()
    for size in SIZES:
        their_reader.set_size(66_000)
        index = size * 2 // 3
        proof = their_reader.get_inclusion_proof(index, size)
        assert ours.inclusion_proof(index, size) == proof.node_hashes
        # From an empty log they have no proof.
        old = -(-size // 2)
        assert ours.consistency_proof(old, size) == their_reader.get_consistency_proof(old, size).node_hashes
        assert DATA[index] == their_reader.get_entry(index)


def test_our_proofs_verify_there(ours: TileLog) -> None:
    """Inclusion and consistency proofs of ours, judged by both."""
    for size in SIZES:
        index, old, root = size * 2 // 3, -(-size // 3), ours.root(size)
        hashes = ours.inclusion_proof(index, size)
        tlog_scales.tlog.InclusionProof(index, size, hashes).check(leaf_hash(DATA[index]), root)
        assert proofbundle.merkle.verify_inclusion(DATA[index], index, size, hashes, root)
        between = ours.consistency_proof(old, size)
        tlog_scales.tlog.ConsistencyProof(old, size, between).check(ours.root(old), root)
        # It knows no consistency of a log with itself.
        if old < size:
            assert proofbundle.merkle.verify_consistency(old, size, between, ours.root(old), root)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(size=st.integers(1, 200), data=st.data())
def test_their_proofs_verify_here(size: int, data: st.DataObject) -> None:
    """Proofs that they make of any small log hold here, and are ours."""
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    tree = tree_of(DATA[:size])
    theirs = proofbundle.merkle.inclusion_proof(DATA[:size], index)
    assert verify_inclusion(leaf_hash(DATA[index]), index, size, theirs, tree.root())
    between = proofbundle.merkle.consistency_proof(DATA[:size], old)
    assert verify_consistency(old, size, tree.root(old), tree.root(), between)
    assert consistency_proof(old, size, tree.node) == between


def test_our_checkpoint_verifies_there_and_a_changed_one_does_not(ours: TileLog) -> None:
    """Both accept our signed checkpoint with our verifier key; neither accepts it with another key."""
    note = (ours.folder / "checkpoint").read_text()
    theirs = tlog_scales.tlog.Checkpoint.from_text(note)
    theirs.verify(tlog_scales.signing.Vkey.from_string(VKEY))
    assert (ORIGIN, 66_000, ours.root()) == (theirs.origin, theirs.size, theirs.root_hash)
    assert proofbundle.checkpoint.verify_checkpoint(note, VKEY)["ok"]
    assert not proofbundle.checkpoint.verify_checkpoint(note, str(OTHER_SIGNER.verifier))["ok"]
    changed = tlog_scales.tlog.Checkpoint.from_text(note.replace("66000", "66001"))
    with pytest.raises(InvalidSignature):
        changed.verify(tlog_scales.signing.Vkey.from_string(VKEY))


def test_their_checkpoint_verifies_here() -> None:
    """Signed by either with the same key: the same note, byte for byte."""
    root = tree_of(DATA[:300]).root()
    ours = sign(Checkpoint(ORIGIN, 300, root), SIGNER)
    signer: Any = tlog_scales.signing.PlainEd25519Signer(ORIGIN, SEED)
    assert ours == tlog_scales.tlog.Checkpoint.make_signed(ORIGIN, 300, root, [signer]).serialize()
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    theirs = proofbundle.checkpoint.sign_checkpoint(ORIGIN, 300, root, key, ORIGIN)
    assert 300 == read(theirs, [SIGNER.verifier]).size
    assert ours == theirs
    their_key: Any = signer.vkey
    assert VKEY == their_key.serialize() == proofbundle.checkpoint.vkey(ORIGIN, SIGNER.verifier.public_key)


def test_our_proof_file_verifies_there(ours: TileLog) -> None:
    """A tlog-proof file of ours: accepted with its decision, refused with another or a changed bit."""
    for size in SIZES:
        seq = size * 2 // 3
        note = sign(Checkpoint(ORIGIN, size, ours.root(size)), SIGNER)
        text = str(InclusionProof(seq, tuple(ours.inclusion_proof(seq, size)), note, DATA[seq]))
        verify = proofbundle.tlogproof.verify_tlog_proof
        assert verify(text, DATA[seq], VKEY, expected_origin=ORIGIN)["ok"]
        assert not verify(text, DATA[seq] + b"x", VKEY)["ok"]
        assert not verify(text, DATA[seq], str(OTHER_SIGNER.verifier))["ok"]
        assert DATA[seq] == proofbundle.tlogproof.parse_tlog_proof(text)["extra"]
        if size == 257:
            for bit in range(0, len(note.encode()) * 8, 8):
                changed = flipped(note.encode(), bit).decode(errors="replace")
                assert not verify(text.replace(note, changed), DATA[seq], VKEY)["ok"]


def test_their_proof_file_verifies_here(ours: TileLog) -> None:
    """A file that they write, byte for byte what we write."""
    note = sign(Checkpoint(ORIGIN, 511, ours.root(511)), SIGNER)
    hashes = ours.inclusion_proof(300, 511)
    theirs = proofbundle.tlogproof.format_tlog_proof(300, hashes, note, DATA[300])
    assert 511 == check_inclusion(InclusionProof.parse(theirs), [SIGNER.verifier]).checkpoint.size
    assert theirs == str(InclusionProof(300, tuple(hashes), note, DATA[300]))


def test_cosignatures_both_ways(ours: TileLog) -> None:
    """Our witness counts there, theirs here, and the lines are the same."""
    note = (ours.folder / "checkpoint").read_text()
    text = Checkpoint(ORIGIN, 66_000, ours.root()).text()
    cosigned = str(Note.parse(note).with_signatures([WITNESS.sign(text, at_seconds=1_700_000_000)]))
    witness = str(WITNESS.verifier)
    assert proofbundle.checkpoint.verify_witnessed_checkpoint(cosigned, VKEY, [witness], threshold=1)["ok"]
    assert not proofbundle.checkpoint.verify_witnessed_checkpoint(note, VKEY, [witness], threshold=1)["ok"]
    tlog_scales.tlog.Checkpoint.from_text(cosigned).verify(tlog_scales.signing.Vkey.from_string(witness))
    key = Ed25519PrivateKey.from_private_bytes(WITNESS_SEED)
    theirs = proofbundle.checkpoint.cosign_checkpoint(note, key, WITNESS.verifier.name, 1_700_000_000)
    assert cosigned == theirs
    found = read_signed(theirs, [SIGNER.verifier, WITNESS.verifier])
    assert [WITNESS.verifier] == [verifier for verifier, _ in found.witnesses]


def test_we_read_the_log_that_they_write(tmp_path: Path) -> None:
    """Tiles of their writer, which has no file `tree`: root and every entry are checked and the same."""
    folder = tmp_path / "theirs"
    writer = tlog_scales.writer.TilesWriter.create(folder, ORIGIN)
    signer = tlog_scales.signing.PlainEd25519Signer(ORIGIN, SEED)
    for upto in (3, 300, 1000):
        for entry in DATA[writer.size : upto]:
            writer.add_leaf(entry)
        writer.commit([signer])
    log = TileLog(folder)
    tree = tree_of(DATA[:1000])
    assert (1000, tree.root()) == (log.size, log.root())
    assert 1000 == [*log.verify()][-1]
    assert DATA[:1000] == log.entries(0, 1000)
    assert 1000 == read((folder / "checkpoint").read_text(), [SIGNER.verifier]).size
