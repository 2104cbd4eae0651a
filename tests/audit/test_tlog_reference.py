"""The bytes of the reference implementations in Go (see tlog_reference): what is equal verifies there."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from audit.tlog.checkpoint import Checkpoint, read_signed, sign
from audit.tlog.merkle import consistency_proof, inclusion_proof
from audit.tlog.note import COSIGNATURE, Note, Signer, Verifier
from audit.tlog.proof import InclusionProof, check_inclusion
from audit.tlog.tiles import TileLog
from tests.audit.tlog_logs import log_of, tree_of

REFERENCE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "tlog_reference" / "reference.json").read_text()
)
ORIGIN = "example.org/reference"
ENTRIES = [b"decision %d" % seq for seq in range(70_000)]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> TileLog:
    """The log of the reference, on disk."""
    return log_of(tmp_path_factory.mktemp("reference"), ENTRIES)


def test_keys() -> None:
    """The private key gives the verifier key that the reference prints, and is written as it was."""
    signer = Signer.parse(REFERENCE["private_key"])
    assert REFERENCE["private_key"] == signer.private_text()
    assert REFERENCE["verifier_key"] == str(signer.verifier)


def test_roots_of_every_size() -> None:
    """All roots of sizes 1 to 300, by their common hash."""
    tree = tree_of(ENTRIES[:300])
    roots = hashlib.sha256(b"".join(tree.root(size) for size in range(1, 301)))
    assert REFERENCE["sha256_of_roots_of_sizes_1_to_300"] == roots.hexdigest()


def test_signed_checkpoints(log: TileLog) -> None:
    """Signed checkpoints around the borders of tiles, byte for byte."""
    signer = Signer.parse(REFERENCE["private_key"])
    for size, note in REFERENCE["checkpoints"].items():
        assert note == sign(Checkpoint(ORIGIN, int(size), log.root(int(size))), signer)


def test_proofs_of_decisions(log: TileLog) -> None:
    """tlog-proof files, byte for byte; and each of theirs holds here."""
    verifier = Verifier.parse(REFERENCE["verifier_key"])
    for one in REFERENCE["proofs"]:
        index, size = one["index"], one["size"]
        hashes = tuple(log.inclusion_proof(index, size))
        note = REFERENCE["checkpoints"][str(size)]
        assert one["text"] == str(InclusionProof(index, hashes, note, ENTRIES[index]))
        theirs = InclusionProof.parse(one["text"])
        assert size == check_inclusion(theirs, [verifier]).checkpoint.size


def test_consistency_proofs(log: TileLog) -> None:
    """Consistency proofs, hash for hash."""
    for one in REFERENCE["consistency"]:
        hashes = [base64.b64encode(hash_).decode() for hash_ in log.consistency_proof(one["old"], one["new"])]
        assert one["hashes"] == hashes


def test_tiles_and_bundles(log: TileLog) -> None:
    """Every tile and bundle lies where the reference puts it, with its bytes; and no other tile is there."""
    for kind in ("sha256_of_tiles", "sha256_of_entry_bundles"):
        for path, digest in REFERENCE[kind].items():
            assert digest == hashlib.sha256((log.folder / path).read_bytes()).hexdigest(), path
    found = {str(path.relative_to(log.folder)) for path in (log.folder / "tile").rglob("*") if path.is_file()}
    assert set(REFERENCE["sha256_of_tiles"]) == {path for path in found if "entries" not in path}


def test_tiles_and_memory_give_the_same(log: TileLog) -> None:
    """Proofs out of tiles are those out of a tree in memory, at old sizes as well."""
    tree = tree_of(ENTRIES)
    for size in (1, 255, 256, 257, 513, 65_536, 65_793, 70_000):
        for index in {0, size // 3, size - 1}:
            assert inclusion_proof(index, size, tree.node) == log.inclusion_proof(index, size)
            assert consistency_proof(index, size, tree.node) == log.consistency_proof(index, size)
        assert tree.root(size) == log.root(size)


def test_a_cosignature_of_the_reference() -> None:
    """Its witness's line verifies here, and ours is the same when it is made at the same second."""
    witness = Verifier.parse(REFERENCE["witness_key"])
    signed = read_signed(REFERENCE["cosigned"], [Verifier.parse(REFERENCE["verifier_key"]), witness])
    ((found, theirs),) = signed.witnesses
    assert witness == found
    seed = base64.b64decode(REFERENCE["witness_seed"])
    signer = Signer(witness.name, COSIGNATURE, seed)
    assert witness == signer.verifier
    assert theirs == signer.sign(signed.note.text, at_seconds=theirs.at_seconds)
    assert REFERENCE["cosigned"] == str(Note.parse(REFERENCE["cosigned"]))
