"""`neraca submit`: the same actions through a real Kafka and a real decider, and each decision back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from neraca.settings import Settings
from neraca.stack.home import Home
from neraca.stack.topics import ensure_topics
from producers.workload import actions
from schemas.topics import ACTIONS, ALL_TOPICS
from tests.commands.console import ROOT, lines_of, neraca
from tests.commands.test_decide import LICENSED
from tests.faults.services import Crew, crew
from tests.running import RunningStack

# What Kafka adds: when the broker appended the action, and the hashes that cover it.
OF_THE_BROKER = {"recorded_at", "previous_sha256"}


@pytest.fixture(scope="module")
def busy(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """A ledger with a decider at work, shared by the tests here: each brings actions of its own."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    ensure_topics(stack.kafka, prefix)
    with crew(stack.bootstrap, prefix, tmp_path_factory.mktemp("submit")) as made:
        made.start()
        yield made
    names = [topic.under(prefix) for topic in ALL_TOPICS]
    client = AdminClient({**stack.kafka, "log_level": 0})
    for future in client.delete_topics(names).values():
        future.result()


@pytest.fixture
def idle(stack: RunningStack, topic_prefix: str, tmp_path: Path) -> Iterator[Crew]:
    """An empty ledger where nobody decides yet."""
    with crew(stack.bootstrap, topic_prefix, tmp_path) as made:
        yield made


def actions_on_topic(settings: Settings) -> int:
    """How many records the action topic holds."""
    consumer = Consumer({**settings.kafka_config(), "group.id": "a-test"})
    _, high = consumer.get_watermark_offsets(
        TopicPartition(ACTIONS.under(settings.topic_prefix), 0), timeout=10
    )
    consumer.close()
    end: int = high
    return end


def licences(name: str, number: int) -> list[dict[str, Any]]:
    """Actions that stand for themselves: each licenses an agency of its own."""
    return [
        LICENSED | {"action_id": str(uuid.uuid4()), "agency_id": f"{name}-{each}"} for each in range(number)
    ]


def test_the_same_decisions_as_without_kafka(idle: Crew, tmp_path: Path) -> None:
    """But for when they were recorded; and sent again, each is a duplicate of its first."""
    file = tmp_path / "actions.jsonl"
    file.write_text("".join(line + "\n" for line in actions(7, 60)), encoding="utf-8")
    idle.start()
    said = neraca("submit", file, settings=idle.settings)
    assert (0, "") == (said.code, said.err)
    expected = neraca("decide", file).decisions
    assert [_comparable(each) for each in expected] == [_comparable(each) for each in said.decisions]
    again = neraca("submit", file, "--json", settings=idle.settings)
    assert again.code == 0
    assert [("DUPLICATE", each.get("first_seq", each["seq"])) for each in expected] == [
        (each["outcome"], each["first_seq"]) for each in again.decisions
    ]


def _comparable(decision: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in decision.items() if name not in OF_THE_BROKER}


def test_a_file_with_a_bad_line_is_not_sent(busy: Crew, tmp_path: Path) -> None:
    """Not one action of it: each bad line is told with its number and field, and the code is 2."""
    file = tmp_path / "actions.jsonl"
    good = licences("A", 3)
    file.write_bytes(lines_of([good[0], b"", good[1] | {"line": 1, "officer": 7}, b"nonsense", good[2]]))
    before = actions_on_topic(busy.settings)
    said = neraca("submit", file, settings=busy.settings)
    assert (2, b"") == (said.code, said.out)
    assert f"{file}: line 3: officer: it is a whole number, no text" in said.err
    assert f"{file}: line 3: line: agency_licensed has no such field" in said.err
    assert f"{file}: line 4: it is no JSON" in said.err
    assert before == actions_on_topic(busy.settings)


def test_standard_input_is_sent_up_to_its_bad_line(busy: Crew) -> None:
    """What came before is sent and decided, and nothing behind."""
    before = actions_on_topic(busy.settings)
    text = lines_of([*licences("B", 2), b"nonsense", *licences("C", 2)])
    said = neraca("submit", "-", stdin=text, settings=busy.settings)
    assert said.code == 2
    assert ["ACCEPTED"] * 2 == [decision["outcome"] for decision in said.decisions]
    assert "stopped at line 3; 2 actions were sent" in said.err
    assert before + 2 == actions_on_topic(busy.settings)


def test_decisions_come_while_standard_input_is_open(busy: Crew) -> None:
    """Whoever writes a line and waits gets its decision before writing the next."""
    command = [sys.executable, "-m", "neraca", "submit", "-"]
    environment = busy.settings.child_environment()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        for action in licences("D", 3):
            run.stdin.write(lines_of([action]))
            run.stdin.flush()
            assert action["action_id"] == json.loads(run.stdout.readline())["action_id"]
        run.stdin.close()
    assert run.returncode == 0


def test_each_submitter_gets_its_own_decisions(busy: Crew, tmp_path: Path) -> None:
    """Two that send at once: each prints the decisions on its own actions, in its own order."""
    sent = {name: licences(name, 400) for name in ("E", "F")}
    said: dict[str, list[str]] = {}

    def run(name: str) -> None:
        file = tmp_path / f"{name}.jsonl"
        file.write_bytes(lines_of(sent[name]))
        decisions = neraca("submit", file, settings=busy.settings).decisions
        said[name] = [decision["action_id"] for decision in decisions]

    _together(lambda: run("E"), lambda: run("F"))
    assert {name: [action["action_id"] for action in sent[name]] for name in sent} == said


def _together(*calls: Callable[[], None]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_without_waiting_the_broker_answers(idle: Crew) -> None:
    """`--no-wait` ends when every action is on its topic, whether anybody decides or not."""
    said = neraca("submit", "-", "--no-wait", stdin=lines_of(licences("G", 5)), settings=idle.settings)
    assert (0, {"acknowledged": 5}) == (said.code, json.loads(said.out))
    assert actions_on_topic(idle.settings) == 5


def test_nobody_decides(idle: Crew) -> None:
    """No decision in time: code 1, what happened and what to do; the actions are safe on their topic."""
    text = lines_of(licences("H", 3))
    said = neraca("submit", "-", "--timeout-seconds", "2", stdin=text, settings=idle.settings)
    assert (1, b"") == (said.code, said.out)
    assert "no decision came for 2 seconds; 0 of 3 are decided" in said.err
    assert "neraca run decider" in said.err
    idle.start()
    again = neraca("submit", "-", stdin=text, settings=idle.settings)
    assert [("DUPLICATE", seq) for seq in range(3)] == [
        (each["outcome"], each["first_seq"]) for each in again.decisions
    ]


def test_a_broker_that_falls_silent(stack: RunningStack, idle: Crew) -> None:
    """It is named, not the decider, and nobody says that actions lie safe that it never acknowledged."""
    command = [sys.executable, "-m", "neraca", "submit", "-", "--timeout-seconds", "2"]
    pid = Home(stack.home).load().kafka.pid
    assert pid is not None
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=idle.settings.child_environment(),
    ) as run:
        assert run.stdin is not None
        run.stdin.write(lines_of(licences("J", 1)))
        run.stdin.flush()
        while actions_on_topic(idle.settings) < 1:
            assert run.poll() is None
        os.kill(pid, signal.SIGSTOP)
        try:
            _, said = run.communicate(lines_of(licences("K", 2)), timeout=30)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert run.returncode == 1
    assert "Kafka acknowledged nothing for 2 seconds" in said.decode()
    assert "of 3 before" in said.decode()
    assert "decider" not in said.decode()


def test_ctrl_c_tells_how_far_it_came(idle: Crew) -> None:
    """Code 130, how many actions are acknowledged, and that sending them again is safe."""
    command = [sys.executable, "-m", "neraca", "submit", "-"]
    environment = idle.settings.child_environment()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
    ) as run:
        assert run.stdin is not None
        assert run.stderr is not None
        run.stdin.write(lines_of(licences("I", 4)))
        run.stdin.flush()
        while actions_on_topic(idle.settings) < 4:
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        told = run.stderr.read().decode()
    assert run.returncode == 130
    assert "4 actions are acknowledged, 0 of them decided" in told
    assert "is safe" in told
    assert "Traceback" not in told


def test_kafka_that_is_not_there() -> None:
    """Code 2, the address, and what to check."""
    said = neraca("submit", "-", settings=Settings(kafka_bootstrap_servers="127.0.0.1:1"))
    assert said.code == 2
    assert "Kafka at 127.0.0.1:1 does not answer" in said.err
    assert len(said.err.splitlines()) == 2


def test_topics_that_are_not_there(stack: RunningStack) -> None:
    """Code 2, and their names: they are never created by the way."""
    settings = Settings(kafka_bootstrap_servers=stack.bootstrap, topic_prefix="nobodys.")
    said = neraca("submit", "-", settings=settings)
    assert said.code == 2
    assert "nobodys.placement.actions.v1" in said.err
    assert "neraca up" in said.err
