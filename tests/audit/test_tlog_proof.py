"""Proofs as files: every single changed bit is refused, and the part that does not hold is named."""

from pathlib import Path

import pytest

from audit.tlog import proving
from audit.tlog.checkpoint import Checkpoint, sign
from audit.tlog.merkle import consistency_proof, inclusion_proof
from audit.tlog.note import Signer, Verifier
from audit.tlog.proof import (
    CONSISTENCY_HEADER,
    ConsistencyProof,
    InclusionProof,
    check_consistency,
    check_inclusion,
)
from schemas.errors import ProofInvalid
from tests.audit.tlog_logs import (
    ORIGIN,
    OTHER_SIGNER,
    SIGNER,
    WITNESS,
    b64,
    entries,
    flipped,
    log_of,
    tree_of,
)

DATA = entries(300)
TREE = tree_of(DATA)
ROOT = TREE.root()
KEYS = [SIGNER.verifier]


def checkpoint(size: int) -> str:
    """A signed checkpoint of the log."""
    return sign(Checkpoint(ORIGIN, size, TREE.root(size)), SIGNER)


def inclusion(seq: int, size: int) -> InclusionProof:
    """A proof that holds."""
    hashes = tuple(inclusion_proof(seq, size, TREE.node))
    return InclusionProof(seq, hashes, checkpoint(size), DATA[seq])


def consistency(old: int, new: int) -> ConsistencyProof:
    """A proof that holds."""
    hashes = tuple(consistency_proof(old, new, TREE.node))
    return ConsistencyProof(checkpoint(old), old, hashes, checkpoint(new))


def test_a_file_says_the_same_again() -> None:
    """Written and read: the same proof, which holds."""
    for seq, size in ((0, 1), (0, 2), (1, 3), (299, 300), (17, 256)):
        proof = inclusion(seq, size)
        assert proof == InclusionProof.parse(str(proof))
        assert size == check_inclusion(proof, KEYS).checkpoint.size
    for old, new in ((0, 1), (1, 1), (1, 2), (7, 300), (256, 300), (0, 0)):
        between = consistency(old, new)
        assert between == ConsistencyProof.parse(str(between))
        assert [old, new] == [one.checkpoint.size for one in check_consistency(between, KEYS)]


def test_the_file_of_the_specification_is_read() -> None:
    """A file laid out as the example of C2SP tlog-proof: header, extra, index, hashes, checkpoint."""
    proof = inclusion(5, 8)
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"extra {b64(DATA[5])}",
        "index 5",
        *map(b64, proof.hashes),
        "",
        checkpoint(8),
    ]
    assert "\n".join(lines) == str(proof)


def test_any_changed_bit_of_a_proof_is_refused() -> None:
    """Each single bit of the file of an inclusion proof, the decision and the signature with it."""
    data = str(inclusion(17, 21)).encode()
    for bit in range(len(data) * 8):
        try:
            text = flipped(data, bit).decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(ProofInvalid):
            check_inclusion(InclusionProof.parse(text), KEYS)


def test_any_changed_bit_of_a_consistency_proof_is_refused() -> None:
    """Each single bit of the file: both checkpoints, the old size and every hash."""
    data = str(consistency(5, 21)).encode()
    for bit in range(len(data) * 8):
        try:
            text = flipped(data, bit).decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(ProofInvalid):
            check_consistency(ConsistencyProof.parse(text), KEYS)


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("index 17", "index 16", "is not decision 16"),
        ("index 17", "index 21", "lies behind the checkpoint"),
        ("index 17", "index 017", "index of the proof is no whole number"),
        ("index 17", "index", "no line `index`"),
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2", "first line"),
        (f"extra {b64(DATA[17])}\n", "", "no line `extra`"),
        (f"extra {b64(DATA[17])}", f"extra {b64(DATA[16])}", "is not decision 17"),
        (f"extra {b64(DATA[17])}", "extra !", "is no base64"),
        (ORIGIN + "\n", "example.org/other\n", "does not fit|not signed"),
        ("\n21\n", "\n22\n", "does not fit"),
        ("\n", "\r\n", "changed on its way"),
        ("c2sp", "\ufeffc2sp", "changed on its way"),
    ],
)
def test_what_does_not_hold_is_named(was: str, becomes: str, named: str) -> None:
    """Each part of the file, changed: the message says which."""
    text = str(inclusion(17, 21))
    assert was in text
    with pytest.raises(ProofInvalid, match=named):
        check_inclusion(InclusionProof.parse(text.replace(was, becomes, 1)), KEYS)


def test_a_hash_of_another_length_and_too_many_of_them() -> None:
    """Lines that are no hashes, and more than any log needs."""
    text = str(inclusion(0, 2))
    with pytest.raises(ProofInvalid, match="hash 1 of the proof does not have 32 bytes"):
        InclusionProof.parse(text.replace(b64(TREE.node(0, 1)), b64(bytes(31))))
    with pytest.raises(ProofInvalid, match="64 hashes"):
        InclusionProof.parse(text.replace("index 0\n", "index 0\n" + f"{b64(ROOT)}\n" * 63))
    with pytest.raises(ProofInvalid, match="no checkpoint"):
        InclusionProof.parse("c2sp.org/tlog-proof@v1\nindex 0\n")


def test_a_proof_of_another_log_is_refused() -> None:
    """Signed by another key of the same name: named as not listed, in either proof."""
    proof = inclusion(3, 9)
    forged = sign(Checkpoint(ORIGIN, 9, TREE.root(9)), OTHER_SIGNER)
    with pytest.raises(ProofInvalid, match="not signed by a key that is listed"):
        check_inclusion(InclusionProof(3, proof.hashes, forged, proof.entry), KEYS)
    between = consistency(3, 9)
    with pytest.raises(ProofInvalid, match="the newer checkpoint does not hold"):
        check_consistency(ConsistencyProof(between.old, 3, between.hashes, forged), KEYS)
    with pytest.raises(ProofInvalid, match="the older checkpoint does not hold"):
        check_consistency(ConsistencyProof(forged, 9, (), between.new), KEYS)


def test_a_log_that_went_back_or_forked() -> None:
    """The newer checkpoint smaller, of another log or history, or of another place than the proof."""
    between = consistency(9, 21)
    with pytest.raises(ProofInvalid, match="went back"):
        check_consistency(ConsistencyProof(between.new, 21, (), between.old), KEYS)
    fork = sign(Checkpoint(ORIGIN, 21, TREE.root(22)), SIGNER)
    with pytest.raises(ProofInvalid, match="it is not shown that the log of 21 decisions begins with"):
        check_consistency(ConsistencyProof(between.old, 9, between.hashes, fork), KEYS)
    with pytest.raises(ProofInvalid, match="begins at size 8"):
        check_consistency(ConsistencyProof(between.old, 8, between.hashes, between.new), KEYS)
    other = Signer("example.org/other", 1, bytes(32))
    elsewhere = sign(Checkpoint("example.org/other", 21, TREE.root(21)), other)
    with pytest.raises(ProofInvalid, match="two logs"):
        check_consistency(
            ConsistencyProof(between.old, 9, between.hashes, elsewhere), [*KEYS, other.verifier]
        )


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        (CONSISTENCY_HEADER, "c2sp.org/tlog-proof@v1", "first line"),
        ("checkpoint ", "check ", "no line `checkpoint`"),
        ("\nold ", "\nnew ", "no line `old`"),
        ("\nold 5", "\nold -5", "no whole number"),
    ],
)
def test_a_broken_file_of_a_consistency_proof(was: str, becomes: str, named: str) -> None:
    """Each line that must be there."""
    with pytest.raises(ProofInvalid, match=named):
        ConsistencyProof.parse(str(consistency(5, 21)).replace(was, becomes, 1))
    with pytest.raises(ProofInvalid, match="no text"):
        ConsistencyProof.parse(f"{CONSISTENCY_HEADER}\ncheckpoint {b64(bytes([255]))}\nold 0\n\n")


def test_what_a_witness_is_sent_is_the_end_of_the_file() -> None:
    """From the line `old` on, the file is the body of a C2SP `add-checkpoint` request."""
    proof = consistency(5, 21)
    assert str(proof).endswith(proof.request())
    assert proof.request().startswith("old 5\n")


def test_proofs_from_disk_and_from_a_journal_are_the_same(tmp_path: Path) -> None:
    """Tiles and a tree in memory give one proof; what is wanted is found in both."""
    on_disk = proving.LogOnDisk(log_of(tmp_path, DATA), _ignore)
    in_memory = proving.LogInMemory("a journal", [DATA[:100], DATA[100:]], proving.with_seq(17), _ignore)
    for log in (on_disk, in_memory):
        assert 300 == log.size
        found = list(log.found(proving.with_seq(17), 300))
        assert [(17, DATA[17])] == found
        assert DATA[17] == log.entry(17)
        assert [inclusion(17, 200)] == list(proving.inclusion(log, checkpoint(200), None, found))
        assert consistency(9, 200) == proving.consistency(log, checkpoint(9), checkpoint(200), None)
        with pytest.raises(ProofInvalid, match="lies behind the checkpoint"):
            list(proving.inclusion(log, checkpoint(17), None, found))
        with pytest.raises(ProofInvalid, match="not the beginning"):
            proving.consistency(log, checkpoint(200), checkpoint(9), None)
    with pytest.raises(ProofInvalid, match="no decision 18"):
        in_memory.entry(18)


def test_no_proof_under_a_checkpoint_of_something_else(tmp_path: Path) -> None:
    """A checkpoint that the log contradicts, or is behind of, is named and proves nothing."""
    log = proving.LogOnDisk(log_of(tmp_path, DATA[:100]), _ignore)
    with pytest.raises(ProofInvalid, match="forgot some"):
        list(proving.inclusion(log, checkpoint(101), None, [(0, DATA[0])]))
    other = sign(Checkpoint(ORIGIN, 50, TREE.root(51)), SIGNER)
    with pytest.raises(ProofInvalid, match="is not what was signed at size 50"):
        list(proving.inclusion(log, other, None, [(0, DATA[0])]))
    with pytest.raises(ProofInvalid, match="gives no proof for decision 3"):
        list(proving.inclusion(log, checkpoint(50), None, [(3, DATA[4])]))


def test_a_proof_with_witnesses_names_them() -> None:
    """Known witnesses that co-signed come with the verified proof."""
    proof = inclusion(3, 9)
    note = proof.checkpoint + WITNESS.sign(proof.checkpoint.split("\n\n")[0] + "\n", at_seconds=5).line()
    signed = check_inclusion(InclusionProof(3, proof.hashes, note, proof.entry), [*KEYS, WITNESS.verifier])
    found: list[Verifier] = [verifier for verifier, _ in signed.witnesses]
    assert [WITNESS.verifier] == found


def _ignore(_count: int) -> None:
    """Draw no progress."""
