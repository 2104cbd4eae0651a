"""`neraca decide`: any lines in, one decision each out, streamed, without Kafka."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.action_json import read_action_line
from schemas.codec import encode_decision
from schemas.decision_reader import parse_decision
from tests.commands.console import ROOT, Said, lines_of, neraca
from tests.schemas.test_action_json import ENVELOPE, POLICY, REGISTERED

LICENSED: dict[str, Any] = ENVELOPE | {
    "action_id": "018952d4-0c1a-7000-8000-00000000000a",
    "kind": "agency_licensed",
    "system": "BP2MI",
    "office": {"type": "HQ", "code": "HQ"},
    "occurred_at": "2022-01-01T09:00:00+07:00",
    "entered_at": "2022-01-01T09:00:00+07:00",
    "agency_id": "A-1",
}
BAD_LINES = [b"nonsense", b"[1]", b'{"kind":"registered","kind":"departed"}', b"\xff\xfe", b"[" * 10_000]


def test_each_record_has_one_decision() -> None:
    """Bad lines become UNREADABLE with a `seq`, blank ones are no records, and the run goes on."""
    rows = [LICENSED, *BAD_LINES, REGISTERED | {"line": "1"}, b"", b"  \t", LICENSED]
    said = neraca("decide", "-", stdin=lines_of(rows).rstrip(b"\n"))
    assert said.code == 0
    outcomes = ["ACCEPTED", *["UNREADABLE"] * 6, "DUPLICATE"]
    assert outcomes == [decision["outcome"] for decision in said.decisions]
    assert list(range(8)) == [decision["seq"] for decision in said.decisions]
    assert list(range(8)) == [decision["action_offset"] for decision in said.decisions]
    assert said.decisions[7]["first_seq"] == 0
    assert "line 7: line: it is a text, no whole number" in said.err


def test_the_journal_proves_itself() -> None:
    """Each decision has the hash of the one before it, and of its action: of its Avro, or of the bad line."""
    said = neraca("decide", "-", stdin=lines_of([LICENSED, b"nonsense\r", REGISTERED]))
    previous = bytes(32).hex()
    sources = [
        read_action_line(json.dumps(LICENSED)).avro,
        b"nonsense",
        read_action_line(json.dumps(REGISTERED)).avro,
    ]
    for line, decision, source in zip(said.out.splitlines(), said.decisions, sources, strict=True):
        assert previous == decision["previous_sha256"]
        assert hashlib.sha256(source).hexdigest() == decision["action_sha256"]
        previous = hashlib.sha256(encode_decision(parse_decision(line.decode()))).hexdigest()


def test_recorded_at_is_entered_at() -> None:
    """There is no broker: `entered_at` stands in, as it was written; a bad line has none."""
    first, second = neraca("decide", "-", stdin=lines_of([REGISTERED, b"{"])).decisions
    assert REGISTERED["entered_at"] == first["recorded_at"] == first["entered_at"]
    assert second["recorded_at"] is None


def test_line_ends_and_files_make_no_difference(tmp_path: Path) -> None:
    """Standard input, a file, a file with CRLF and one without a last line end give the same bytes."""
    text = lines_of([LICENSED, REGISTERED, b"nonsense", REGISTERED])
    expected = neraca("decide", "-", stdin=text).out
    for number, spelling in enumerate((text, text.replace(b"\n", b"\r\n"), text.rstrip(b"\n"))):
        file = tmp_path / f"{number}.jsonl"
        file.write_bytes(spelling)
        assert expected == neraca("decide", file, "--check").out


def test_out_writes_a_file(tmp_path: Path) -> None:
    """`--out` gives the same bytes in a file, prints nothing, and leaves nothing beside it."""
    expected = neraca("decide", "-", stdin=lines_of([LICENSED])).out
    out = tmp_path / "decisions.jsonl"
    said = neraca("decide", "-", "--out", out, stdin=lines_of([LICENSED]))
    assert (0, b"", "") == (said.code, said.out, said.err)
    assert expected == out.read_bytes()
    assert [out] == list(tmp_path.iterdir())


def test_a_file_can_be_replaced_by_its_own_decisions(tmp_path: Path) -> None:
    """`--out` with the name of the input does not read what it writes."""
    file = tmp_path / "both.jsonl"
    file.write_bytes(lines_of([LICENSED, REGISTERED]))
    expected = neraca("decide", file).out
    assert neraca("decide", file, "--out", file).code == 0
    assert expected == file.read_bytes()


def test_a_policy_of_one_s_own(tmp_path: Path) -> None:
    """`--policy` judges from the first decision on: with an earlier T_R the registration is refused."""
    policy = tmp_path / "policy.json"
    policy.write_text(
        json.dumps(POLICY | {"registration_limit": "2023-02-16T00:00:00+07:00"}), encoding="utf-8"
    )
    (decision,) = neraca("decide", "-", "--policy", policy, stdin=lines_of([REGISTERED])).decisions
    assert ("REFUSED", "REGISTERED_AFTER_LIMIT", "P-2") == (
        decision["outcome"], decision["code"], decision["policy"],
    )  # fmt: skip


# Arguments that cannot work, and words that the message must have; T stands for a temporary folder.
CANNOT_WORK = {
    "a file that is not there": (["T/none.jsonl"], "none.jsonl cannot be read"),
    "a folder": (["T"], "is a folder"),
    "a policy that is not there": (["-", "--policy", "T/none.json"], "the policy cannot be read"),
    "a policy that is none": (["-", "--policy", "T/empty.json"], "version: it is missing"),
    "a place that cannot be written": (["-", "--out", "T/none/out.jsonl"], "cannot be written"),
}


@pytest.mark.parametrize("what", CANNOT_WORK)
def test_what_cannot_work_is_told(what: str, tmp_path: Path) -> None:
    """Code 2, no decision, what is wrong in one line and what to do in another."""
    (tmp_path / "empty.json").write_text("{}", encoding="utf-8")
    arguments, words = CANNOT_WORK[what]
    in_place = [argument.replace("T", str(tmp_path), 1) for argument in arguments]
    said = neraca("decide", *in_place, stdin=lines_of([LICENSED]))
    assert (2, b"") == (said.code, said.out)
    assert words in said.err
    assert len(said.err.splitlines()) == 2


def test_decisions_come_as_actions_are_written() -> None:
    """Whoever writes a line and waits gets its decision before writing the next."""
    command = [sys.executable, "-m", "neraca", "decide", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        for seq in range(3):
            run.stdin.write(lines_of([LICENSED]))
            run.stdin.flush()
            assert seq == json.loads(run.stdout.readline())["seq"]
        run.stdin.close()
        assert run.stdout.read() == b""
    assert run.returncode == 0


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`neraca decide - | head -1` ends without a trace."""
    text = lines_of([LICENSED] * 3000)
    command = f"{sys.executable} -m neraca decide - | head -n 1"
    run = subprocess.run(["sh", "-c", command], input=text, capture_output=True, cwd=ROOT, check=False)
    assert (1, b"") == (len(run.stdout.splitlines()), run.stderr)


def test_neither_kafka_nor_postgresql_is_needed() -> None:
    """Deciding a file imports no client of either: it works where they cannot be installed."""
    program = (
        "import sys; from neraca.cli import main\n"
        "try: main(['decide', '-'])\n"
        "finally: print(sorted({'confluent_kafka', 'psycopg'} & set(sys.modules)), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        input=lines_of([LICENSED]),
        capture_output=True,
        cwd=ROOT,
        check=False,
    )
    assert (0, b"[]") == (run.returncode, run.stderr.strip())


def test_help_has_an_example() -> None:
    """`--help` shows how it is used."""
    said: Said = neraca("decide", "--help")
    assert said.code == 0
    assert b"Example: neraca workload" in said.out
