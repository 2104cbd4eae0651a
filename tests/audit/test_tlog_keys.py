"""The log's keys: made once, rotated, told apart by their documents, and kept from others."""

import stat
from pathlib import Path

import pytest

from audit.tlog.checkpoint import Checkpoint, sign
from audit.tlog.keys import KeyList, LogKeyMissing, LogKeys, LogKeyUnusable, read_documents, read_listed
from audit.tlog.note import KeyUnreadable, Note, Signer
from schemas.errors import ProofInvalid
from tests.audit.tlog_logs import ORIGIN, OTHER_SIGNER, SIGNER, entries, flip_in, keys_in, published, tree_of

DATA = entries(300)
TREE = tree_of(DATA)


def rotated(folder: Path) -> tuple[LogKeys, Signer]:
    """Keys that signed sizes 100 and 200 with the first key, 300 with the second; and the first key."""
    keys = keys_in(folder / "keys")
    first = keys.signer()
    log = published(folder / "log", keys, DATA[:100], DATA[100:200])
    log.close()
    keys.rotate()
    published(folder / "log", keys, DATA[200:]).close()
    return keys, first


def test_a_key_is_made_once_and_read_by_its_owner_only(tmp_path: Path) -> None:
    """The private key has mode 0600; a second `create` changes nothing and says so."""
    keys = keys_in(tmp_path / "keys")
    assert 0o600 == stat.S_IMODE(keys.key_file.stat().st_mode)
    assert 0o700 == stat.S_IMODE(keys.folder.stat().st_mode)
    before = keys.key_file.read_bytes()
    with pytest.raises(LogKeyUnusable, match="there are keys"):
        keys.create(ORIGIN)
    assert before == keys.key_file.read_bytes()
    assert keys.listed().current == keys.signer().verifier


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """As `ssh` does: open to a group or to all, it is refused with the command that closes it."""
    keys = keys_in(tmp_path)
    keys.key_file.chmod(0o640)
    with pytest.raises(LogKeyUnusable, match="can be read by others") as caught:
        keys.signer()
    assert "chmod 600" in caught.value.advice


def test_a_key_file_from_elsewhere_is_taken(tmp_path: Path) -> None:
    """A key that somebody made elsewhere: its name is the log's, unless another one is asked for."""
    file = tmp_path / "from-a-vault"
    file.write_text(SIGNER.private_text() + "\n")
    file.chmod(0o600)
    with pytest.raises(LogKeyUnusable, match=r"is of example\.org/ledger, not of example\.org/other"):
        LogKeys(tmp_path / "keys", file).create("example.org/other")
    listed = LogKeys(tmp_path / "keys", file).create("made-up", is_asked_for=False)
    assert (ORIGIN, SIGNER.verifier) == (listed.origin, listed.current)
    assert not (tmp_path / "keys" / "key").exists()


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    """No documents, or no private key beside them: told with the command that makes one."""
    keys = LogKeys(tmp_path)
    assert not keys.made()
    with pytest.raises(LogKeyMissing, match="no documents") as caught:
        keys.signer()
    assert "log-key create" in caught.value.advice
    keys.create(ORIGIN)
    assert keys.made()
    keys.key_file.unlink()
    with pytest.raises(LogKeyMissing, match="no private key"):
        keys.signer()


def test_a_rotation_keeps_old_checkpoints_and_says_who_signs_what(tmp_path: Path) -> None:
    """After it every checkpoint verifies, each by the key for its size; the old private key is gone."""
    keys, first = rotated(tmp_path)
    listed = keys.listed()
    assert [0, 201] == [key.from_size for key in listed.keys]
    assert first.verifier == listed.keys[0].verifier
    assert first.verifier != keys.signer().verifier == listed.current
    for size, key in ((100, 0), (200, 0), (300, 1)):
        note = (tmp_path / "log" / "checkpoints" / str(size)).read_text()
        assert listed.keys[key].verifier == read_listed(note, listed).log_key
    everything = b"".join(path.read_bytes() for path in keys.folder.iterdir() if path.is_file())
    assert first.private_text().encode() not in everything
    assert listed == read_documents(tmp_path / "log" / "keys")


def test_a_key_that_was_rotated_out_signs_nothing_any_more(tmp_path: Path) -> None:
    """Who stole the old key cannot sign a new checkpoint with it, nor the new key an old one: both named."""
    keys, first = rotated(tmp_path)
    listed = keys.listed()
    stolen = sign(Checkpoint(ORIGIN, 300, TREE.root(300)), first)
    with pytest.raises(ProofInvalid, match=f"key {listed.current.key_id.hex()} signs at that size"):
        read_listed(stolen, listed)
    early = sign(Checkpoint(ORIGIN, 200, TREE.root(200)), keys.signer())
    with pytest.raises(ProofInvalid, match=f"key {first.verifier.key_id.hex()} signs at that size"):
        read_listed(early, listed)
    stranger = sign(Checkpoint(ORIGIN, 200, TREE.root(200)), OTHER_SIGNER)
    with pytest.raises(ProofInvalid, match=f"not signed by a key.*{OTHER_SIGNER.verifier.key_id.hex()}"):
        read_listed(stranger, listed)


def test_a_key_that_signed_nothing_is_not_rotated(tmp_path: Path) -> None:
    """Two rotations without a checkpoint between would leave a key that signs no size."""
    keys = keys_in(tmp_path / "keys")
    with pytest.raises(LogKeyUnusable, match="has signed nothing yet"):
        keys.rotate()
    published(tmp_path / "log", keys, DATA[:10])
    keys.rotate()
    with pytest.raises(LogKeyUnusable, match="has signed nothing yet"):
        keys.rotate()


def test_a_rotation_that_was_cut_is_carried_on(tmp_path: Path) -> None:
    """The document is there and the new key not yet in its place: whoever signs next puts it there."""
    keys = keys_in(tmp_path / "keys")
    published(tmp_path / "log", keys, DATA[:10]).close()
    old = keys.key_file.read_bytes()
    keys.rotate()
    new = keys.key_file.read_bytes()
    keys.key_file.with_name("key.next").write_bytes(new)
    keys.key_file.with_name("key.next").chmod(0o600)
    keys.key_file.write_bytes(old)
    assert keys.listed().current == keys.signer().verifier
    assert new == keys.key_file.read_bytes()
    assert not keys.key_file.with_name("key.next").exists()


def test_a_rotation_that_was_cut_before_its_document_changed_nothing(tmp_path: Path) -> None:
    """Only a new key lies there that no document names: the old one signs, and a rotation works."""
    keys = keys_in(tmp_path / "keys")
    published(tmp_path / "log", keys, DATA[:10]).close()
    left = keys.key_file.with_name("key.next")
    left.write_text(Signer.generate(ORIGIN).private_text())
    left.chmod(0o600)
    assert keys.listed().keys[0].verifier == keys.signer().verifier
    assert 2 == len(keys.rotate().keys)


def test_the_private_key_of_another_log_is_not_used(tmp_path: Path) -> None:
    """A key file that the documents do not name as the one that signs now."""
    keys = keys_in(tmp_path)
    keys.key_file.write_text(OTHER_SIGNER.private_text())
    with pytest.raises(LogKeyUnusable, match="signs now"):
        keys.signer()
    keys.key_file.write_text("nonsense")
    with pytest.raises(KeyUnreadable):
        keys.signer()


def test_documents_follow_from_each_other(tmp_path: Path) -> None:
    """A document that lists another past, is not signed by both keys, or was changed by a bit, is named."""
    keys, _ = rotated(tmp_path)
    second = keys.folder / "2"
    good = second.read_text()
    listed = keys.listed()
    forged = KeyList(ORIGIN, (listed.keys[0], listed.keys[1].__class__(150, OTHER_SIGNER.verifier)))
    second.write_text(str(Note(forged.text(), (OTHER_SIGNER.sign(forged.text()),))))
    with pytest.raises(ProofInvalid, match=f"not signed by key {listed.keys[0].verifier.key_id.hex()}"):
        keys.listed()
    second.write_text((keys.folder / "1").read_text())
    with pytest.raises(ProofInvalid, match="and one more"):
        keys.listed()
    second.write_text(good)
    flip_in(second, 8 * (len(good) // 2))
    with pytest.raises(ProofInvalid, match=r"document of keys .*/2 does not hold"):
        keys.listed()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "neraca-log-keys@v1\n" + ORIGIN + "\n",
        f"neraca-log-keys@v1\n{ORIGIN}\n5 {SIGNER.verifier}\n",
        f"neraca-log-keys@v1\n{ORIGIN}\n0 {SIGNER.verifier}",
        f"neraca-log-keys@v1\n{ORIGIN}\n0 {SIGNER.verifier}\n0 {OTHER_SIGNER.verifier}\n",
        f"neraca-log-keys@v1\n{ORIGIN}\n0 {SIGNER.verifier}\n9 {SIGNER.verifier}\n",
        f"neraca-log-keys@v1\nexample.org/other\n0 {SIGNER.verifier}\n",
        f"neraca-log-keys@v2\n{ORIGIN}\n0 {SIGNER.verifier}\n",
    ],
)
def test_what_is_no_list_of_keys(text: str) -> None:
    """Sizes that leave a gap or an overlap, a key twice, of another name, another header."""
    with pytest.raises(ProofInvalid):
        KeyList.parse(text)
