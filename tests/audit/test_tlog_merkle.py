"""The Merkle tree against RFC 6962 word for word, published vectors, and every change of a proof."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.tlog.merkle import (
    EMPTY_ROOT,
    KeptTree,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    perfect_root,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.audit.tlog_logs import entries, flipped, naive_path, naive_root, naive_subproof, tree_of

# Nothing here depends on how busy the machine is.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Published with the reference implementation of Certificate Transparency: leaves, and the root after each.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CT_CONSISTENCY = {
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
SIZE_MAX = 300
LEAVES = leaf_hashes(entries(SIZE_MAX))
TREE = tree_of(entries(SIZE_MAX))
ROOTS = [TREE.root(size) for size in range(SIZE_MAX + 1)]


def test_published_roots() -> None:
    """The roots that Certificate Transparency publishes, leaf by leaf, and of nothing."""
    tree = Tree()
    found = [tree.root().hex()]
    for leaf in CT_LEAVES:
        tree.append(leaf_hash(leaf))
        found.append(tree.root().hex())
    assert CT_ROOTS == found
    assert EMPTY_ROOT.hex() == CT_ROOTS[0]


@pytest.mark.parametrize(("index", "size"), CT_INCLUSION)
def test_published_inclusion_proofs(index: int, size: int) -> None:
    """The inclusion proofs that it publishes: ours are the same, and hold."""
    proof = [bytes.fromhex(one) for one in CT_INCLUSION[index, size]]
    assert proof == inclusion_proof(index, size, tree_of(CT_LEAVES).node)
    assert verify_inclusion(leaf_hash(CT_LEAVES[index]), index, size, proof, bytes.fromhex(CT_ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CT_CONSISTENCY)
def test_published_consistency_proofs(old: int, new: int) -> None:
    """The consistency proofs that it publishes: ours are the same, and hold."""
    proof = [bytes.fromhex(one) for one in CT_CONSISTENCY[old, new]]
    assert proof == consistency_proof(old, new, tree_of(CT_LEAVES).node)
    roots = [bytes.fromhex(CT_ROOTS[size]) for size in (old, new)]
    assert verify_consistency(old, new, roots[0], roots[1], proof)


def test_roots_are_those_of_the_rfc_at_every_size() -> None:
    """Both trees, one leaf at a time and from the middle on, give MTH of the RFC at every size up to 300."""
    tree = Tree()
    for size in range(1, SIZE_MAX + 1):
        tree.append(LEAVES[size - 1])
        assert naive_root(LEAVES[:size]) == tree.root() == ROOTS[size]
        again = Tree.at(size // 2, TREE.node)
        again.extend(LEAVES[size // 2 : size])
        assert tree.root() == again.root()
        assert (size, size) == (tree.size, again.size)


def test_every_inclusion_proof_holds_at_every_size() -> None:
    """Each leaf of each size up to 300: its proof leads to the root, and to no neighbour's place."""
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, TREE.node)
            assert verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])
            assert not verify_inclusion(LEAVES[index], index ^ 1, size, proof, ROOTS[size])


def test_every_consistency_proof_holds_at_every_size() -> None:
    """Each pair of sizes up to 300: the proof holds, and for no other new root."""
    for new in range(SIZE_MAX + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, TREE.node)
            assert verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
            if 0 < old < new:
                assert not verify_consistency(old, new, ROOTS[old], ROOTS[old], proof)


@UNHURRIED
@given(st.data())
def test_proofs_are_those_of_the_rfc(data: st.DataObject) -> None:
    """PATH and PROOF, word for word, give what ours gives."""
    size = data.draw(st.integers(1, SIZE_MAX))
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    assert naive_path(index, LEAVES[:size]) == inclusion_proof(index, size, TREE.node)
    assert naive_subproof(old, LEAVES[:size]) == consistency_proof(old, size, TREE.node)


@UNHURRIED
@given(st.integers(1, 2**40), st.data())
def test_proofs_hold_in_logs_of_any_size(size: int, data: st.DataObject) -> None:
    """A log of 2**40 leaves that are all alike has few different hashes: proofs hold there as well."""
    perfect = [leaf_hash(b"alike")]
    for _ in range(size.bit_length()):
        perfect.append(perfect_root([perfect[-1], perfect[-1]]))

    def node(level: int, _index: int) -> bytes:
        return perfect[level]

    root = Tree.at(size, node).root()
    index = data.draw(st.integers(0, size - 1))
    assert verify_inclusion(perfect[0], index, size, inclusion_proof(index, size, node), root)
    old = data.draw(st.integers(1, size))
    old_root = Tree.at(old, node).root()
    assert verify_consistency(old, size, old_root, root, consistency_proof(old, size, node))


@UNHURRIED
@given(st.integers(1, SIZE_MAX), st.data())
def test_any_changed_bit_breaks_an_inclusion_proof(size: int, data: st.DataObject) -> None:
    """A bit of the leaf, of a hash or of the root; a hash too many, too few, or of another length."""
    index = data.draw(st.integers(0, size - 1))
    leaf, root = LEAVES[index], ROOTS[size]
    proof = inclusion_proof(index, size, TREE.node)
    bit = data.draw(st.integers(0, 255))
    assert not verify_inclusion(flipped(leaf, bit), index, size, proof, root)
    assert not verify_inclusion(leaf, index, size, proof, flipped(root, bit))
    assert not verify_inclusion(leaf, index, size, [*proof, root], root)
    for place in range(len(proof)):
        changed = [*proof[:place], flipped(proof[place], bit), *proof[place + 1 :]]
        assert not verify_inclusion(leaf, index, size, changed, root)
        assert not verify_inclusion(leaf, index, size, [*proof[:place], *proof[place + 1 :]], root)
        short = [*proof[:place], proof[place][:-1], *proof[place + 1 :]]
        assert not verify_inclusion(leaf, index, size, short, root)


@UNHURRIED
@given(st.integers(2, SIZE_MAX), st.data())
def test_any_changed_bit_breaks_a_consistency_proof(new: int, data: st.DataObject) -> None:
    """A bit of either root or of a hash; a hash too many or too few."""
    old = data.draw(st.integers(1, new - 1))
    proof = consistency_proof(old, new, TREE.node)
    bit = data.draw(st.integers(0, 255))
    roots = ROOTS[old], ROOTS[new]
    assert not verify_consistency(old, new, flipped(roots[0], bit), roots[1], proof)
    assert not verify_consistency(old, new, roots[0], flipped(roots[1], bit), proof)
    assert not verify_consistency(old, new, *roots, [*proof, roots[0]])
    for place in range(len(proof)):
        changed = [*proof[:place], flipped(proof[place], bit), *proof[place + 1 :]]
        assert not verify_consistency(old, new, *roots, changed)
        assert not verify_consistency(old, new, *roots, [*proof[:place], *proof[place + 1 :]])


def test_a_proof_is_of_one_size() -> None:
    """A proof that leads to the root of a smaller perfect tree shows nothing of a larger one."""
    for small in (1, 2, 64, 256):
        proof = inclusion_proof(0, small, TREE.node)
        assert verify_inclusion(LEAVES[0], 0, small, proof, ROOTS[small])
        assert not verify_inclusion(LEAVES[0], 0, small * 2 + 1, proof, ROOTS[small])
        assert not verify_inclusion(LEAVES[0], 0, small + 1, proof, ROOTS[small])


def test_where_there_is_nothing_to_show() -> None:
    """From an empty log and between equals the proof is empty, and the roots must fit all the same."""
    one = ROOTS[1]
    assert verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert verify_consistency(0, 1, EMPTY_ROOT, one, [])
    assert not verify_consistency(0, 1, one, one, [])
    assert not verify_consistency(0, 1, EMPTY_ROOT, one, [one])
    assert not verify_consistency(0, 0, one, one, [])
    assert not verify_consistency(1, 1, one, ROOTS[2], [])
    assert not verify_consistency(2, 1, ROOTS[2], one, [])
    assert not verify_consistency(1, 2, one, ROOTS[2], [])
    assert not verify_inclusion(LEAVES[0], 0, 0, [], EMPTY_ROOT)
    assert not verify_inclusion(LEAVES[0], -1, 1, [], one)


@pytest.mark.parametrize("count", [0, 3, 6, 255])
def test_only_powers_of_two_make_a_perfect_tree(count: int) -> None:
    """A tile that is not full has no root of its own."""
    with pytest.raises(ValueError, match="perfect"):
        perfect_root(LEAVES[:count])


def test_there_is_no_proof_of_what_is_not_there() -> None:
    """A leaf behind the end and an old size beyond the new one are errors, never empty proofs."""
    with pytest.raises(ValueError, match="no leaf 5"):
        inclusion_proof(5, 5, TREE.node)
    with pytest.raises(ValueError, match="not the beginning"):
        consistency_proof(6, 5, TREE.node)


def test_a_leaf_is_never_taken_for_a_node() -> None:
    """The two prefixes keep an entry that looks like two hashes from being a node (second preimage)."""
    left, right = LEAVES[:2]
    assert root_of([left, right]) != leaf_hash(left + right)
    assert "KeptTree(size=0)" == repr(KeptTree())
    assert f"Tree(size=0, root={EMPTY_ROOT.hex()})" == repr(Tree())
