"""`prove`, `check-proof`, `witness` and `log-key` as people use them, with files."""

import io
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer

from audit.plain_words import printable, sentences
from audit.tlog.checkpoint import Checkpoint, sign
from audit.tlog.keys import LogKeys
from audit.tlog.note import Signer, Verifier
from audit.tlog.proof import InclusionProof
from audit.tlog.publishing import CheckpointFiles, CheckpointPublisher, CheckpointTopic
from audit.tlog.tiles import TileLog
from ledger.engine import Engine
from ledger.refusals import REFUSALS
from neraca.cli import main
from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.codec import decode_decision
from schemas.framing import frame
from schemas.ids import load_ids
from schemas.topics import DECISIONS
from tests.audit.tlog_logs import SIGNER, flip_in
from tests.commands.console import ROOT, Said
from tests.running import RunningStack

ORIGIN = "example.org/ledger"


def decisions(candidates: int) -> list[bytes]:
    """The decisions on a small history, as Avro bytes; the same each time."""
    engine = Engine.start()
    found = []
    for offset, line in enumerate(actions(seed=1, candidates=candidates)):
        record = read_action_line(line)
        action = record.action
        engine.decide(action, record.avro, record.digest, offset, action.entered_at, 0)
        found.append(engine.last_bytes)
    return found


DATA = decisions(40)
HALF = len(DATA) // 2


@dataclass(frozen=True)
class Ledger:
    """A home with a key, an archive with a log in it, and the log's verifier key."""

    home: Path
    archive: Path
    key: str

    @property
    def log(self) -> Path:
        """The log's folder."""
        return self.archive / "log"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Two checkpoints: half of the decisions, and all."""
    folder = tmp_path_factory.mktemp("prove")
    keys = LogKeys(folder / "home" / "log-keys" / "default")
    keys.create(ORIGIN)
    with TileLog(folder / "archive" / "log") as log:
        publisher = CheckpointPublisher(log, keys)
        for upto in (HALF, len(DATA)):
            log.append(DATA[log.size : upto])
            publisher.publish()
    return Ledger(folder / "home", folder / "archive", str(keys.listed().current))


@pytest.fixture
def ledger(made: Ledger, tmp_path: Path) -> Ledger:
    """A copy of it, to be changed."""
    shutil.copytree(made.archive, tmp_path / "archive")
    shutil.copytree(made.home, tmp_path / "home")
    return Ledger(tmp_path / "home", tmp_path / "archive", made.key)


def run(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Said:
    """Run a command in this process: a start takes longer than what is asked here."""
    written = io.BytesIO()
    out = io.TextIOWrapper(written, encoding="utf-8", write_through=True)
    err = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (environment or {}).items():
            patch.setenv(name, value)
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([str(one) for one in arguments])
    return Said(int(ended.value.code or 0), written.getvalue(), err.getvalue())


def proof_of(ledger: Ledger, out: Path, seq: int = 17) -> Path:
    """A proof in a file."""
    said = run("prove", "--seq", str(seq), "--archive", ledger.archive, "--out", out)
    assert (0, "") == (said.code, said.err)
    return out


def test_a_proof_is_checked_with_the_file_and_the_key_alone(made: Ledger, tmp_path: Path) -> None:
    """No home, no settings, no Kafka, even with a variable that no other command would take: it holds."""
    file = proof_of(made, tmp_path / "17.tlog-proof")
    alone = subprocess.run(
        [sys.executable, "-m", "neraca", "check-proof", file, "--key", made.key],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NERACA_UNKNOWN": "x"},
        timeout=120,
        check=False,
    )
    assert (0, "") == (alone.returncode, alone.stderr)
    first = f"The proof holds: this is decision 17 of the log {ORIGIN}, which had {len(DATA)} decisions then."
    assert alone.stdout.startswith(first)
    for sentence in sentences(decode_decision(DATA[17])):
        assert sentence in alone.stdout
    assert alone.stdout.encode() == run("check-proof", file, "--key", made.key).out


def test_the_file_is_what_standard_output_gets(made: Ledger, tmp_path: Path) -> None:
    """Without --out the same bytes are printed; with --json the proof stands in an object."""
    file = proof_of(made, tmp_path / "proof")
    arguments = ("prove", "--seq", "17", "--archive", made.archive)
    assert file.read_bytes() == run(*arguments).out
    told = json.loads(run(*arguments, "--json").out)
    assert {"seq": 17, "proof": file.read_text()} == told
    told = json.loads(run(*arguments, "--json", "--out", tmp_path / "other").out)
    assert {"seq": 17, "file": str(tmp_path / "other")} == told


def test_a_log_folder_does_as_well_as_an_archive(made: Ledger) -> None:
    """The folder that a web server serves is enough."""
    by_archive, by_log = (
        run("prove", "--seq", "3", "--archive", folder).out for folder in (made.archive, made.log)
    )
    assert by_archive == by_log
    assert DATA[3] == InclusionProof.parse(by_log.decode()).entry


def test_what_was_proved_as_json(made: Ledger, tmp_path: Path) -> None:
    """The decision's fields, who signed, and the words, in one object."""
    said = run("check-proof", proof_of(made, tmp_path / "p"), "--key", made.key, "--json")
    told = json.loads(said.out)
    assert (True, "inclusion", ORIGIN, len(DATA), 17) == (
        told["holds"],
        told["proves"],
        told["origin"],
        told["size"],
        told["seq"],
    )
    assert (17, made.key, []) == (told["decision"]["seq"], told["log_key"], told["witnesses"])
    assert sentences(decode_decision(DATA[17])) == told["in_plain_words"]


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("\nindex 17\n", "\nindex 18\n", "is not decision 18 of the log"),
        (f"\n{len(DATA)}\n", f"\n{len(DATA) + 1}\n", "the signature of example.org/ledger"),
        (f"{ORIGIN}\n", "example.org/other\n", "the signature of example.org/ledger"),
        ("\nextra ", "\nextra AA", "base64|is not decision 17"),
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2", "its first line is not"),
    ],
)
def test_a_changed_proof_is_refused_and_named(
    made: Ledger, tmp_path: Path, was: str, becomes: str, named: str
) -> None:
    """Exit code 1, the part that does not hold, and nothing that looks like a decision."""
    file = proof_of(made, tmp_path / "p")
    text = file.read_text()
    assert was in text
    file.write_text(text.replace(was, becomes, 1))
    said = run("check-proof", file, "--key", made.key)
    assert (1, b"") == (said.code, said.out)
    assert any(one in said.err for one in named.split("|"))
    told = json.loads(run("check-proof", file, "--key", made.key, "--json").out)
    assert told["holds"] is False
    assert any(one in told["problem"] for one in named.split("|"))


def test_a_file_of_any_size_is_not_held_in_memory(made: Ledger, tmp_path: Path) -> None:
    """What is larger than a proof can be is refused for that: its end was not read, nor its middle."""
    file = tmp_path / "p"
    with file.open("wb") as large:
        large.write(b"c2sp.org/tlog-proof@v1\n")
        # A hole on the disk; nobody's memory holds as much.
        large.truncate(1 << 40)
    said = run("check-proof", file, "--key", made.key)
    assert (1, b"") == (said.code, said.out)
    assert "is larger than 1048576 bytes" in said.err


def test_another_key_is_named(made: Ledger, tmp_path: Path) -> None:
    """A checkpoint that was signed again with another key is no checkpoint of this log."""
    file = proof_of(made, tmp_path / "p")
    proof = InclusionProof.parse(file.read_text())
    root = TileLog(made.log).root()
    forged = sign(Checkpoint(ORIGIN, len(DATA), root), SIGNER)
    file.write_text(str(InclusionProof(17, proof.hashes, forged, proof.entry)))
    said = run("check-proof", file, "--key", made.key)
    assert 1 == said.code
    assert f"not signed by a key that is listed: signed by {ORIGIN} (key {SIGNER.verifier.key_id.hex()})" in (
        said.err
    )


def test_an_entry_that_calls_itself_otherwise_is_named(tmp_path: Path) -> None:
    """A log that holds a decision at another place, or something that is none, is not believed."""
    keys = LogKeys(tmp_path / "keys")
    key = str(keys.create(ORIGIN).current)
    log = TileLog(tmp_path / "log")
    log.append([DATA[1], b"no decision"])
    CheckpointPublisher(log, keys).publish()
    for seq, named in ((0, "calls itself decision 1"), (1, "is no decision that this version can read")):
        file = tmp_path / str(seq)
        assert 0 == run("prove", "--seq", str(seq), "--archive", tmp_path / "log", "--out", file).code
        said = run("check-proof", file, "--key", key)
        assert 1 == said.code
        assert named in said.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--key", "nonsense"), "no verifier key"),
        (("--key", "{witness}"), "--key names a key of a witness"),
        (("--key", "{key}", "--witness", "{key}"), "--witness names a key of a log"),
        (("--key", "{key}", "--witnesses-min", "1"), "more than there are --witness keys"),
        ((), "--key"),
    ],
)
def test_bad_arguments_have_exit_code_2(
    made: Ledger, tmp_path: Path, arguments: tuple[str, ...], named: str
) -> None:
    """What the user got wrong is not a proof that does not hold."""
    witness = str(Signer.generate("witness.example/w1", 4).verifier)
    filled = [one.format(key=made.key, witness=witness) for one in arguments]
    said = run("check-proof", proof_of(made, tmp_path / "p"), *filled)
    assert 2 == said.code
    assert named in said.err
    assert 2 == run("check-proof", tmp_path / "none", "--key", made.key).code


def test_the_last_decision_of_a_registration_and_all_of_them(made: Ledger, tmp_path: Path) -> None:
    """One file with the state as it stands, or a folder with the whole life, each of which holds."""
    lives: dict[str, list[int]] = {}
    for seq, avro in enumerate(DATA):
        for registration in decode_decision(avro).registrations:
            lives.setdefault(registration.registration_id, []).append(seq)
    registration_id, seqs = max(lives.items(), key=lambda life: len(life[1]))
    arguments = ("prove", "--registration", registration_id, "--archive", made.archive)
    last = InclusionProof.parse(run(*arguments).out.decode())
    assert seqs[-1] == last.index
    told = json.loads(run(*arguments, "--all", "--out", tmp_path / "life", "--json").out)
    files = [tmp_path / "life" / f"{seq}.tlog-proof" for seq in seqs]
    assert [{"seq": seq, "file": str(file)} for seq, file in zip(seqs, files, strict=True)] == told
    for seq, file in zip(seqs, files, strict=True):
        assert DATA[seq] == InclusionProof.parse(file.read_text()).entry
    assert 0 == run("check-proof", files[0], "--key", made.key).code


def test_what_cannot_be_proved_is_told(made: Ledger) -> None:
    """No such registration, no decision of that number under a checkpoint, no checkpoint of that size."""
    for arguments, named in (
        (("--registration", "R-nobody"), "changed registration R-nobody"),
        (("--seq", str(len(DATA))), "is in no signed checkpoint yet"),
        (("--from-size", "1"), "no signed checkpoint of size 1"),
        (("--seq", "1", "--from-size", "1"), "needs one of"),
        ((), "needs one of"),
        (("--seq", "1", "--all"), "--all goes with"),
        (("--seq", "1", "--to-size", "3"), "--to-size goes with"),
    ):
        said = run("prove", *arguments, "--archive", made.archive)
        assert (2, b"") == (said.code, said.out)
        assert named in said.err
    said = run("prove", "--seq", "1", "--archive", made.home)
    assert 2 == said.code
    assert "holds no transparency log" in said.err


def test_consistency_between_two_checkpoints(made: Ledger, tmp_path: Path) -> None:
    """From the first to the last: it holds; changed, it is named; the other way round it is none."""
    file = tmp_path / "c"
    assert 0 == run("prove", "--from-size", str(HALF), "--archive", made.archive, "--out", file).code
    said = run("check-proof", file, "--key", made.key)
    assert (0, "") == (said.code, said.err)
    assert f"of {len(DATA)} decisions begins with the {HALF} that it had" in said.out.decode()
    told = json.loads(run("check-proof", file, "--key", made.key, "--json").out)
    assert ("consistency", HALF, len(DATA)) == (told["proves"], told["from_size"], told["size"])
    file.write_text(file.read_text().replace(f"\nold {HALF}\n", f"\nold {HALF - 1}\n"))
    said = run("check-proof", file, "--key", made.key)
    assert 1 == said.code
    assert f"begins at size {HALF - 1}" in said.err
    backwards = ("--from-size", str(len(DATA)), "--to-size", str(HALF))
    assert 1 == run("prove", *backwards, "--archive", made.archive).code


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/000", "checkpoint"])
def test_nothing_is_proved_from_a_damaged_log(ledger: Ledger, path: str) -> None:
    """A bit of a tile, a bundle or the checkpoint: exit code 1, the file is named."""
    flip_in(ledger.log / path, 8 * 40)
    said = run("prove", "--seq", "3", "--archive", ledger.archive)
    assert (1, b"") == (said.code, said.out)
    assert path in said.err


def test_a_witness_cosigns_and_its_cosignature_is_asked_for(ledger: Ledger, tmp_path: Path) -> None:
    """Made, co-signing, its line in a proof, and checked; without it the same proof is not enough."""
    state = tmp_path / "w"
    witness = run("witness", "--create", "witness.example/w1", "--state", state).out.decode().strip()
    assert "witness.example/w1" == Verifier.parse(witness).name
    cosigned = tmp_path / "cosigned"
    common = ("--state", state, "--key", ledger.key)
    said = run("witness", ledger.archive, *common, "--out", cosigned)
    assert (0, "") == (said.code, said.err)
    file = tmp_path / "p"
    arguments = ("prove", "--seq", "5", "--archive", ledger.archive)
    assert 0 == run(*arguments, "--checkpoint", cosigned, "--out", file).code
    check = ("check-proof", file, "--key", ledger.key, "--witness", witness)
    assert "co-signed by witness.example/w1 at 20" in run(*check).out.decode()
    other = str(Signer.generate("witness.example/w2", 4).verifier)
    assert 0 == run(*check, "--witness", other, "--witnesses-min", "1").code
    twice = run(*check, "--witness", witness, "--witnesses-min", "2")
    assert (2, True) == (twice.code, "more than there are --witness keys" in twice.err), twice.err
    said = run(*check, "--witness", other)
    assert 1 == said.code
    assert "not witness.example/w2" in said.err
    proof_of(ledger, file, 5)
    assert 1 == run(*check).code


def test_a_witness_refuses_a_log_that_forgot_or_changed(ledger: Ledger, tmp_path: Path) -> None:
    """An older checkpoint, and a log built anew with another decision: exit code 1, evidence kept."""
    state = tmp_path / "w"
    run("witness", "--create", "witness.example/w1", "--state", state)
    common = ("--state", state, "--key", ledger.key)
    old = ledger.log / "checkpoints" / str(HALF)
    assert 0 == run("witness", old, *common).code
    said = run("witness", ledger.log / "checkpoints" / str(len(DATA)), *common)
    assert 1 == said.code
    assert "no proof" in said.err
    file = tmp_path / "c"
    run("prove", "--from-size", str(HALF), "--archive", ledger.archive, "--out", file)
    assert len(DATA) == json.loads(run("witness", file, *common, "--json").out)["size"]
    said = run("witness", old, *common)
    assert 1 == said.code
    assert f"went back: it had {len(DATA)} decisions, now {HALF}" in said.err
    # Whoever holds the log's key signs another history.
    signer = LogKeys(ledger.home / "log-keys" / "default").signer()
    with TileLog(tmp_path / "forged") as forged:
        forged.append([*DATA[:5], DATA[4], *DATA[6:], DATA[0]])
        size = forged.flush()
        note = sign(Checkpoint(ORIGIN, size, forged.root()), signer)
    (tmp_path / "forged" / "checkpoint").write_text(note)
    said = run("witness", tmp_path / "forged", *common)
    assert (1, b"") == (said.code, said.out)
    assert f"does not begin with the {len(DATA)} that it had" in said.err
    assert 2 == len(list((state / "refused").iterdir()))


def test_a_witness_is_told_what_it_needs(made: Ledger, tmp_path: Path) -> None:
    """No key of its own, no log, no key of the log: exit code 2 or 1, never a co-signature."""
    state = tmp_path / "w"
    assert 2 == run("witness", "--state", state).code
    said = run("witness", made.archive, "--state", state, "--key", made.key)
    assert "no key of a witness" in said.err
    run("witness", "--create", "witness.example/w1", "--state", state)
    assert 2 == run("witness", tmp_path / "none", "--state", state, "--key", made.key).code
    stranger = str(SIGNER.verifier)
    said = run("witness", made.archive, "--state", state, "--key", stranger)
    assert 1 == said.code
    assert "not signed by a key that is listed" in said.err
    first, other = tmp_path / "first", tmp_path / "other"
    first.write_text(CheckpointFiles(made.log).at(HALF) or "")
    assert 0 == run("witness", first, "--state", state, "--key", made.key).code
    proved = run("prove", "--from-size", str(len(DATA)), "--archive", made.archive, "--out", other)
    assert 0 == proved.code, proved.err
    said = run("witness", other, "--state", state, "--key", made.key)
    assert (1, b"") == (said.code, said.out)
    assert f"saw the log at size {HALF}, and the proof begins at {len(DATA)}" in said.err
    # The log did nothing wrong: nothing is kept against it.
    assert not (state / "refused").exists()


def test_keys_from_the_command_line(ledger: Ledger, tmp_path: Path) -> None:
    """Created under the name asked for, closed to others; shown; rotated after a checkpoint, not before."""
    home = tmp_path / "new"
    mine = {"NERACA_HOME": str(home), "NERACA_LOG_ORIGIN": "example.org/mine"}
    said = run("log-key", "create", environment=mine)
    assert (0, "") == (said.code, said.err)
    assert said.out.startswith(b"0 example.org/mine+")
    assert 0o700 == stat.S_IMODE(home.stat().st_mode)
    assert said.out == run("log-key", "show", environment=mine).out
    assert 2 == run("log-key", "create", environment=mine).code
    said = run("log-key", "rotate", environment=mine)
    assert 2 == said.code
    assert "has signed nothing yet" in said.err
    other = mine | {"NERACA_LOG_ORIGIN": "example.org/other"}
    assert "NERACA_LOG_ORIGIN" in run("log-key", "show", environment=other).err
    assert 0 == run("log-key", "rotate", "--home", ledger.home).code
    told = json.loads(run("log-key", "show", "--home", ledger.home, "--json").out)
    found = [(key["from_size"], key["signs_now"]) for key in told["keys"]]
    assert [(0, False), (len(DATA) + 1, True)] == found
    assert ledger.key == told["keys"][0]["verifier_key"]


def test_a_made_name_is_nobodys(tmp_path: Path) -> None:
    """Without NERACA_LOG_ORIGIN the name lies below a domain that the Internet does not have."""
    told = json.loads(run("log-key", "create", "--home", tmp_path / "a", "--json").out)
    other = json.loads(run("log-key", "create", "--home", tmp_path / "b", "--json").out)
    assert told["origin"].startswith("neraca.localhost/ledger-")
    assert told["origin"] != other["origin"]
    key_file = tmp_path / "vault"
    key_file.write_text(SIGNER.private_text())
    key_file.chmod(0o600)
    said = run(
        "log-key", "create", "--home", tmp_path / "c", environment={"NERACA_LOG_KEY_FILE": str(key_file)}
    )
    assert f"0 {SIGNER.verifier}\n" == said.out.decode()


@pytest.mark.parametrize("origin", ["a b", "a+b", "", "a\tb"])
def test_a_name_with_a_space_or_a_plus_is_refused(tmp_path: Path, origin: str) -> None:
    """The setting says what is wrong with it."""
    said = run("log-key", "create", "--home", tmp_path, environment={"NERACA_LOG_ORIGIN": origin})
    assert 2 == said.code
    assert "NERACA_LOG_ORIGIN" in said.err


def test_from_the_live_topics(stack: RunningStack, topic_prefix: str, tmp_path: Path) -> None:
    """A home without an archive: the tree comes from the journal, the checkpoint from its topic."""
    ids = load_ids(None)
    producer = Producer({**stack.kafka, "linger.ms": 5})
    for avro in DATA:
        producer.produce(DECISIONS.under(topic_prefix), frame(ids.decision_id, avro))
    producer.flush(10)
    environment = {
        "NERACA_HOME": str(tmp_path / "home"),
        "NERACA_TOPIC_PREFIX": topic_prefix,
        "NERACA_KAFKA_BOOTSTRAP_SERVERS": str(stack.kafka["bootstrap.servers"]),
    }
    said = run("prove", "--seq", "7", environment=environment)
    assert (2, b"") == (said.code, said.out)
    assert "no signed checkpoint yet" in said.err
    keys = LogKeys(tmp_path / "home" / "log-keys" / topic_prefix)
    key = str(keys.create(ORIGIN).current)
    topic = CheckpointTopic(stack.kafka, topic_prefix)
    with TileLog(tmp_path / "elsewhere") as log:
        publisher = CheckpointPublisher(log, keys, topic)
        for upto in (HALF, len(DATA)):
            log.append(DATA[log.size : upto])
            publisher.publish()
        expected = log.inclusion_proof(7, len(DATA))
    said = run("prove", "--seq", "7", environment=environment)
    assert (0, "") == (said.code, said.err)
    proof = InclusionProof.parse(said.out.decode())
    assert (DATA[7], expected, topic.latest()) == (proof.entry, list(proof.hashes), proof.checkpoint)
    file = tmp_path / "c"
    assert 0 == run("prove", "--from-size", str(HALF), "--out", file, environment=environment).code
    assert 0 == run("check-proof", file, "--key", key).code
    # A checkpoint of another history on the topic is not what this journal is.
    forged = sign(Checkpoint(ORIGIN, 5, bytes(32)), keys.signer())
    topic.send(ORIGIN, forged)
    said = run("prove", "--seq", "3", environment=environment)
    assert 1 == said.code
    assert "is not what was signed at size 5" in said.err


def test_words_of_others_cannot_steer_a_terminal() -> None:
    """Control characters in a name are shown as what they are."""
    assert "R-1" == printable("R-1")
    assert "\\x1b[2J" == printable("\x1b[2J")
    assert "Überführung" == printable("Überführung")


def test_every_decision_of_a_history_has_its_words() -> None:
    """Each decision says its number and what became of it; a refusal what to do; a posting its balance."""
    for seq, avro in enumerate(DATA):
        decision = decode_decision(avro)
        text = " ".join(sentences(decision))
        assert text.startswith(f"Decision {seq}: ")
        assert "?" not in text.replace("??", "")
        if decision.code is not None:
            assert REFUSALS[decision.code].english in text
        for registration in decision.registrations:
            assert f"Registration {registration.registration_id} is now {registration.status}" in text
        for posting in decision.postings:
            assert f"went from {posting.from_account} to {posting.to_account}" in text
    outcomes = {decode_decision(avro).outcome for avro in DATA}
    assert {"ACCEPTED", "REFUSED"} <= outcomes
