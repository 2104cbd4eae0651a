"""Signed notes, keys and checkpoints: published vectors, and everything that is not quite one."""

import hashlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.tlog.checkpoint import Checkpoint, read, read_signed, sign
from audit.tlog.merkle import EMPTY_ROOT
from audit.tlog.note import COSIGNATURE, KeyUnreadable, Note, Signer, Verifier, signed_by
from schemas.errors import ProofInvalid
from tests.audit.tlog_logs import ORIGIN, OTHER_SIGNER, SIGNER, WITNESS, b64, flipped

# Nothing here depends on how busy the machine is.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# From the tests of golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
    "tpRZb6KE6RyyBwJnAM=\n"
)
GO_ENOCH_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWL"
    "ox33WWd1RvMc+QQ=\n"
)
# From c2sp.org/signed-note.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFX"
    "mRKuwHjG1Yu72IneyaQM=\n"
)
# From c2sp.org/tlog-checkpoint and c2sp.org/tlog-cosignature; the keys are not published.
C2SP_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zh"
    "cyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs"
    "X3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
ROOT = hashlib.sha256(b"root").digest()
CHECKPOINT = Checkpoint(ORIGIN, 4711, ROOT)


def test_the_note_of_the_specification() -> None:
    """The example of C2SP signed-note verifies with its key."""
    verifier = Verifier.parse(C2SP_KEY)
    note = Note.parse(C2SP_NOTE)
    assert [(verifier, note.signatures[0])] == signed_by(note, [verifier])
    assert C2SP_NOTE == str(note)
    assert C2SP_KEY == str(verifier)


def test_the_note_of_the_reference_implementation() -> None:
    """Its private key signs its text with its bytes; both its keys verify."""
    signer = Signer.parse(GO_PRIVATE)
    assert (GO_PETER, GO_PRIVATE) == (str(signer.verifier), signer.private_text())
    assert GO_PETER_LINE == signer.sign(GO_TEXT).line()
    note = Note.parse(f"{GO_TEXT}\n{GO_PETER_LINE}{GO_ENOCH_LINE}")
    keys = [Verifier.parse(GO_PETER), Verifier.parse(GO_ENOCH)]
    assert keys == [verifier for verifier, _ in signed_by(note, keys)]
    assert keys[:1] == [verifier for verifier, _ in signed_by(note, keys[:1])]
    assert [] == signed_by(note, [])


def test_the_checkpoint_of_the_specification() -> None:
    """The example of tlog-checkpoint is read, and its witness's time with it."""
    note = Note.parse(C2SP_CHECKPOINT)
    checkpoint = Checkpoint.parse(note.text)
    assert ("example.com/behind-the-sofa", 20_852_163) == (checkpoint.origin, checkpoint.size)
    assert note.text == checkpoint.text()
    assert 1_679_315_147 == note.signatures[1].at_seconds


@pytest.mark.parametrize(
    "text",
    [
        GO_TEXT,
        GO_TEXT + "\n",
        GO_TEXT + "\n" + GO_PETER_LINE[:-1],
        "\x01" + GO_TEXT + "\n" + GO_PETER_LINE,
        GO_TEXT + "\r\n" + GO_PETER_LINE,
        GO_TEXT + "\n" + GO_PETER_LINE.replace("PeterNeumann", "Peter Neumann"),
        GO_TEXT + "\n" + GO_PETER_LINE.replace("PeterNeumann", "Peter+Neumann"),
        GO_TEXT + "\n" + GO_PETER_LINE.replace("PeterNeumann", ""),
        GO_TEXT + "\n" + GO_PETER_LINE + "Unexpected line.\n",
        GO_TEXT + "\n" + GO_PETER_LINE.replace("—", "-"),
        GO_TEXT + "\n— PeterNeumann AAAA\n",
        GO_TEXT + "\n— PeterNeumann\n",
        GO_TEXT + "\n" + GO_PETER_LINE.replace("nAM=", "nAN="),
        GO_TEXT + "\n" + GO_PETER_LINE * 101,
        "x" * (2 << 20) + "\n\n" + GO_PETER_LINE,
        "",
    ],
)
def test_what_is_no_note(text: str) -> None:
    """The malformed notes of the reference implementation, and more: none is read."""
    with pytest.raises(ProofInvalid):
        signed_by(Note.parse(text), [Verifier.parse(GO_PETER)])


@UNHURRIED
@given(st.integers(0, len(GO_PETER) - 1), st.integers(1, len(GO_PETER)), st.integers(1, 255))
def test_a_key_that_was_cut_or_changed_is_none(start: int, end: int, by: int) -> None:
    """Every part of a verifier key, and every change of one character, is refused."""
    if (start, end) != (0, len(GO_PETER)):
        with pytest.raises(KeyUnreadable):
            Verifier.parse(GO_PETER[start:end])
    changed = chr((ord(GO_PETER[start]) + by) % 256)
    with pytest.raises(KeyUnreadable):
        Verifier.parse(GO_PETER[:start] + changed + GO_PETER[start + 1 :])


@UNHURRIED
@given(st.integers(0, len(GO_PRIVATE) - 1), st.integers(1, 127))
def test_a_private_key_that_was_changed_is_none_and_never_shown(place: int, by: int) -> None:
    """Every change of one character is refused, and no message repeats the secret part."""
    changed = chr((ord(GO_PRIVATE[place]) + by) % 128)
    with pytest.raises(KeyUnreadable) as caught:
        Signer.parse(GO_PRIVATE[:place] + changed + GO_PRIVATE[place + 1 :])
    assert "GyNhPJEMzD1QIDr" not in str(caught.value) + caught.value.advice
    assert "GyNhPJEMzD1QIDr" not in repr(Signer.parse(GO_PRIVATE))


@pytest.mark.parametrize(
    "key",
    [
        # From the reference implementation: another length, another algorithm, both with a hash that fits.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        GO_PRIVATE,
        "",
        "a+b",
    ],
)
def test_a_key_of_another_kind_is_none(key: str) -> None:
    """A key that is not Ed25519, and a private one where a public one belongs."""
    with pytest.raises(KeyUnreadable):
        Verifier.parse(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb"])
def test_a_name_that_would_be_ambiguous_names_no_key(name: str) -> None:
    """Space, plus sign and line end separate the parts of a line: no name holds one."""
    with pytest.raises(KeyUnreadable):
        Signer.generate(name)


def test_a_checkpoint_says_what_was_signed() -> None:
    """Signed and read: the same origin, size and root, and who signed."""
    note = sign(CHECKPOINT, SIGNER)
    assert CHECKPOINT == read(note, [SIGNER.verifier])
    text = CHECKPOINT.text()
    cosigned = str(Note.parse(note).with_signatures([WITNESS.sign(text, at_seconds=1_700_000_000)]))
    signed = read_signed(cosigned, [SIGNER.verifier, WITNESS.verifier])
    assert SIGNER.verifier == signed.log_key
    assert [(WITNESS.verifier, 1_700_000_000)] == [(key, one.at_seconds) for key, one in signed.witnesses]
    assert () == read_signed(cosigned, [SIGNER.verifier]).witnesses


def test_a_key_that_is_not_listed_is_named() -> None:
    """A checkpoint that another key signed is refused, and the message says which key that was."""
    note = sign(CHECKPOINT, OTHER_SIGNER)
    with pytest.raises(ProofInvalid, match=f"not signed by a key.*{OTHER_SIGNER.verifier.key_id.hex()}"):
        read(note, [SIGNER.verifier])


def test_a_witness_alone_vouches_for_no_checkpoint() -> None:
    """A co-signature is no signature of the log; nor is that of a key of another name."""
    stranger = Signer("example.org/other", 1, bytes(32))
    note = sign(CHECKPOINT, stranger)
    with pytest.raises(ProofInvalid, match="not signed by a key"):
        read(note, [stranger.verifier])
    only = Note(CHECKPOINT.text(), (WITNESS.sign(CHECKPOINT.text(), at_seconds=1),))
    with pytest.raises(ProofInvalid, match="not signed by a key"):
        read(str(only), [WITNESS.verifier])


def test_a_known_witness_whose_line_does_not_fit_spoils_the_note() -> None:
    """As the specification asks: a signature of a known key that does not verify rejects the whole note."""
    other = Checkpoint(ORIGIN, 4712, ROOT)
    line = WITNESS.sign(other.text(), at_seconds=1)
    note = str(Note.parse(sign(CHECKPOINT, SIGNER)).with_signatures([line]))
    with pytest.raises(ProofInvalid, match="does not fit"):
        read(note, [SIGNER.verifier, WITNESS.verifier])
    assert CHECKPOINT == read(note, [SIGNER.verifier])
    short = (
        Note.parse(sign(CHECKPOINT, SIGNER)).text + "\n" + WITNESS.sign("", at_seconds=1).line()[:-9] + "\n"
    )
    with pytest.raises(ProofInvalid):
        read(short, [SIGNER.verifier, WITNESS.verifier])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n5\n",
        f"{ORIGIN}\n05\n{b64(ROOT)}\n",
        f"{ORIGIN}\n-5\n{b64(ROOT)}\n",
        f"{ORIGIN}\n٥\n{b64(ROOT)}\n",  # noqa: RUF001 (an Arabic digit is none here)
        f"{ORIGIN}\n99999999999999999999\n{b64(ROOT)}\n",
        f"\n5\n{b64(ROOT)}\n",
        f"{ORIGIN}\n5\n{b64(ROOT[:-1])}\n",
        f"{ORIGIN}\n5\n{b64(ROOT)[:-1]}\n",
        f"{ORIGIN}\n5\n{b64(ROOT)}",
        f"{ORIGIN}\n5\n{b64(ROOT)}\nextension\n",
        f"{ORIGIN}\n0\n{b64(ROOT)}\n",
    ],
)
def test_what_is_no_checkpoint(text: str) -> None:
    """Another number of lines, another spelling of a number, a root of another length, a root of nothing."""
    with pytest.raises(ProofInvalid):
        Checkpoint.parse(text)


def test_a_checkpoint_of_nothing() -> None:
    """An empty log has one root."""
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert empty == read(sign(empty, SIGNER), [SIGNER.verifier])


def test_any_changed_bit_breaks_a_checkpoint() -> None:
    """Each single bit of a signed checkpoint: never read as if nothing had happened."""
    data = sign(CHECKPOINT, SIGNER).encode()
    for bit in range(len(data) * 8):
        try:
            text = flipped(data, bit).decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(ProofInvalid):
            read(text, [SIGNER.verifier])


def test_a_cosignature_covers_its_time() -> None:
    """Another second in the line, and it does not verify."""
    text = CHECKPOINT.text()
    payload = bytearray(WITNESS.sign(text, at_seconds=1_700_000_000).payload)
    assert WITNESS.verifier.verifies(text, bytes(payload))
    payload[7] ^= 1
    assert not WITNESS.verifier.verifies(text, bytes(payload))
    assert not WITNESS.verifier.verifies(text, b"short")
    assert not SIGNER.verifier.verifies(text, b"short")


def test_the_same_key_as_log_and_as_witness_has_two_ids() -> None:
    """The kind is part of the id, so that a signature of one kind is never taken for the other."""
    as_witness = Verifier(ORIGIN, COSIGNATURE, SIGNER.verifier.public_key)
    assert as_witness.key_id != SIGNER.verifier.key_id
    assert not as_witness.verifies(CHECKPOINT.text(), SIGNER.sign(CHECKPOINT.text()).payload)
