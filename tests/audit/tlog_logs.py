"""What the tests of the transparency log share: entries, RFC 6962 as it stands, keys, small logs."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from audit.tlog.keys import LogKeys
from audit.tlog.merkle import KeptTree, leaf_hashes
from audit.tlog.note import COSIGNATURE, Signer
from audit.tlog.publishing import CheckpointPublisher
from audit.tlog.tiles import TileLog

ORIGIN = "example.org/ledger"
SIGNER = Signer(ORIGIN, 1, hashlib.sha256(b"log").digest())
OTHER_SIGNER = Signer(ORIGIN, 1, hashlib.sha256(b"another log").digest())
WITNESS = Signer("witness.example/w1", COSIGNATURE, hashlib.sha256(b"witness").digest())


def entries(count: int, first: int = 0) -> list[bytes]:
    """Entries of several lengths, the empty one among them."""
    return [b"decision %d" % seq * (seq % 4) for seq in range(first, first + count)]


def tree_of(data: Sequence[bytes]) -> KeptTree:
    """The tree over these entries."""
    tree = KeptTree()
    for leaf in leaf_hashes(data):
        tree.append(leaf)
    return tree


def log_of(folder: Path, data: Sequence[bytes]) -> TileLog:
    """A log on disk that holds these entries."""
    log = TileLog(folder)
    log.append(data)
    log.flush()
    log.close()
    return TileLog(folder)


def keys_in(folder: Path) -> LogKeys:
    """Keys of a log of that origin, newly made."""
    keys = LogKeys(folder)
    keys.create(ORIGIN)
    return keys


def published(folder: Path, keys: LogKeys, *batches: Sequence[bytes]) -> TileLog:
    """A log on disk with a checkpoint after each batch."""
    log = TileLog(folder)
    publisher = CheckpointPublisher(log, keys)
    for batch in batches:
        log.append(batch)
        publisher.publish()
    return log


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1: MTH, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, 2.1.1: PATH, word for word."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: Sequence[bytes], *, is_whole: bool = True) -> list[bytes]:
    """RFC 6962, 2.1.2: SUBPROOF, word for word; PROOF is where it begins."""
    if m == len(leaves):
        return [] if is_whole else [naive_root(leaves)]
    k = _split(len(leaves))
    if m <= k:
        return [*naive_subproof(m, leaves[:k], is_whole=is_whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], is_whole=False), naive_root(leaves[:k])]


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes but for one bit."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flip_in(path: Path, bit: int) -> None:
    """Change one bit of a file."""
    path.write_bytes(flipped(path.read_bytes(), bit))


def b64(data: bytes) -> str:
    """Base64, standard alphabet."""
    return base64.b64encode(data).decode()


def _split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k
