"""The Merkle tree of RFC 6962 over the decisions' exact Avro bytes: roots, proofs, and their verification.

Pure arithmetic on hashes. Whoever makes a proof tells where the hashes of perfect subtrees are found
(`NodeReader`); whoever verifies one needs nothing but the numbers in it. Must not read files or sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, final

from mypy_extensions import i64

HASH_BYTES: Final = 32
LEAF_PREFIX: Final = b"\x00"
NODE_PREFIX: Final = b"\x01"

# By (level, index): the hash of the perfect subtree over the leaves from index * 2**level to before
# (index + 1) * 2**level.
NodeReader = Callable[[int, int], bytes]

_sha256: Final = hashlib.sha256
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Hash one entry of the log: SHA-256(0x00 and the entry)."""
    return _sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node: SHA-256(0x01, left and right)."""
    return _sha256(NODE_PREFIX + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Hash many entries: the loop that runs once for every decision."""
    sha256 = _sha256
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Give the root over 2**n hashes of subtrees of one height.

    Raises:
        ValueError: their number is no power of two.

    """
    count: i64 = len(hashes)
    if count == 0 or count & (count - 1) != 0:
        raise ValueError(f"{count} hashes do not make a perfect tree")
    sha256 = _sha256
    row = list(hashes)
    while len(row) > 1:
        size: i64 = len(row)
        above: list[bytes] = []
        place: i64 = 0
        while place < size:
            above.append(sha256(b"\x01" + row[place] + row[place + 1]).digest())
            place += 2
        row = above
    return row[0]


@final
class Tree:
    """The root of a growing log, kept in as many hashes as its size has bits.

    Attributes:
        size: How many leaves it has.

    """

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size: i64 = 0
        # The roots of the perfect subtrees that the size falls into, the largest first.
        self._peaks: Final[list[bytes]] = []

    @staticmethod
    def at(size: int, node: NodeReader) -> Tree:
        """Go on with the tree of that size, whose perfect subtrees `node` knows."""
        tree = Tree()
        tree._peaks.extend(node(level, index) for level, index in peaks_of(size))
        tree.size = size
        return tree

    def append(self, leaf: bytes) -> None:
        """Take the next leaf, given as its hash."""
        peaks = self._peaks
        carry: i64 = self.size
        made = leaf
        while carry & 1:
            made = _sha256(b"\x01" + peaks.pop() + made).digest()
            carry >>= 1
        peaks.append(made)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Take many leaves, given as their hashes."""
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        """Give the root of what was taken so far; of nothing, the hash of nothing."""
        return _folded(self._peaks)

    def __repr__(self) -> str:
        """Show size and root."""
        return f"Tree(size={self.size}, root={self.root().hex()})"


@final
class KeptTree:
    """A growing log that keeps the hash of every perfect subtree: 64 bytes a leaf, in memory.

    For proofs where there are no tiles on disk.

    Attributes:
        size: How many leaves it has.

    """

    __slots__ = ("_rows", "size")

    def __init__(self) -> None:
        self.size: i64 = 0
        self._rows: Final[list[bytearray]] = [bytearray()]

    def append(self, leaf: bytes) -> None:
        """Take the next leaf, given as its hash."""
        rows = self._rows
        rows[0] += leaf
        carry: i64 = self.size
        made = leaf
        level: i64 = 0
        while carry & 1:
            row = rows[level]
            made = _sha256(b"\x01" + bytes(row[-2 * HASH_BYTES :])).digest()
            level += 1
            if level == len(rows):
                rows.append(bytearray())
            rows[level] += made
            carry >>= 1
        self.size += 1

    def node(self, level: int, index: int) -> bytes:
        """Give the hash of a perfect subtree."""
        start = index * HASH_BYTES
        return bytes(self._rows[level][start : start + HASH_BYTES])

    def root(self, size: int | None = None) -> bytes:
        """Give the root of the first `size` leaves; of all, where none is given."""
        return root_at(self.size if size is None else size, self.node)

    def __repr__(self) -> str:
        """Show the size."""
        return f"KeptTree(size={self.size})"


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Give the root over leaves, given as their hashes."""
    tree = Tree()
    tree.extend(leaves)
    return tree.root()


def peaks_of(size: int) -> list[tuple[int, int]]:
    """Give the perfect subtrees that a log of this size falls into, the largest first, as (level, index)."""
    return _perfect_subtrees(0, size)


def root_at(size: int, node: NodeReader) -> bytes:
    """Give the root of the first `size` leaves."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Give the hashes that lead from leaf `index` to the root of `size` leaves: RFC 6962, 2.1.1.

    Raises:
        ValueError: there is no such leaf.

    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")
    start, end = 0, size
    path: list[bytes] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    path.reverse()
    return path


def consistency_proof(old_size: int, new_size: int, node: NodeReader) -> list[bytes]:
    """Give the hashes that show the old tree to be the beginning of the new one: RFC 6962, 2.1.2.

    Empty where there is nothing to show: from an empty tree, or between equals.

    Raises:
        ValueError: the old size is not between 0 and the new one.

    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"{old_size} leaves are not the beginning of {new_size}")
    if old_size in (0, new_size):
        return []
    start, end = 0, new_size
    path: list[bytes] = []
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    if start != 0:
        # Only the old tree itself need not be told: whoever verifies has its root.
        path.append(_range_root(start, end, node))
    path.reverse()
    return path


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether the proof leads from that leaf hash, at that index, to that root of `size` leaves."""
    if not 0 <= index < size:
        return False
    made = leaf
    # The place of the node that was made so far, and of the last node, in their row.
    place, last = index, size - 1
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            return False
        if place & 1 or place == last:
            made = node_hash(sibling, made)
            # A node without a right neighbour goes up unchanged until it has a left one.
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            made = node_hash(made, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and made == root


def verify_consistency(
    old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether the tree of that old root is the beginning of the tree of that new root."""
    if not 0 <= old_size <= new_size or any(len(one) != HASH_BYTES for one in proof):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root and (old_size > 0 or old_root == EMPTY_ROOT)
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    if not proof:
        return False
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place >>= 1
        last >>= 1
    # A perfect old tree is itself the first node; of another the proof names it.
    first, *rest = proof if place else [old_root, *proof]
    made_old = made_new = first
    for sibling in rest:
        if last == 0:
            return False
        if place & 1 or place == last:
            made_old = node_hash(sibling, made_old)
            made_new = node_hash(sibling, made_new)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            made_new = node_hash(made_new, sibling)
        place >>= 1
        last >>= 1
    return last == 0 and made_old == old_root and made_new == new_root


def _split(count: int) -> int:
    """Give the largest power of two below a number from 2 on."""
    return 1 << ((count - 1).bit_length() - 1)


def _perfect_subtrees(start: int, end: int) -> list[tuple[int, int]]:
    """Give the perfect subtrees that a range falls into.

    Its start must be a place where a perfect subtree of its size could begin.
    """
    found: list[tuple[int, int]] = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def _range_root(start: int, end: int, node: NodeReader) -> bytes:
    return _folded([node(level, index) for level, index in _perfect_subtrees(start, end)])


def _folded(peaks: Sequence[bytes]) -> bytes:
    """Give the root over perfect subtrees of falling size."""
    if not peaks:
        return EMPTY_ROOT
    made = peaks[-1]
    for peak in reversed(peaks[:-1]):
        made = node_hash(peak, made)
    return made
