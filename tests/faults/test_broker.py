"""The broker killed, restarted and frozen under load: nothing is lost, nothing happens twice, nobody has to
help.
"""

import signal
import time
from pathlib import Path

import psutil
import pytest

from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.home import Home
from neraca.stack.topics import ensure_topics
from tests.faults.journals import Ledger
from tests.faults.load import Load
from tests.faults.services import crew, eventually

# Longer than the session of a decider, so that the broker wakes up and finds both of them dead.
FROZEN_SECONDS = 7.0


@pytest.mark.slow
def test_the_broker_killed_and_frozen_under_load(
    new_home: Path, tmp_path: Path, history_values: list[bytes]
) -> None:
    """SIGKILL and a start, then SIGSTOP for longer than the session: the deciders go on by themselves."""
    settings = Settings(home=new_home)
    stack = EmbeddedStack(settings)
    stack.up(services=(), with_topics=False)
    kafka = settings.kafka_config()
    ensure_topics(kafka, "")
    ledger = Ledger(str(kafka["bootstrap.servers"]), "")
    load = Load(ledger, history_values[:6_000], seconds=10)
    with crew(str(kafka["bootstrap.servers"]), "", tmp_path) as deciders:
        first = deciders.start()
        second = deciders.start()
        load.start()
        eventually("decisions", lambda: ledger.end(ledger.decisions_topic) > 500)
        broker = broker_of(new_home)
        broker.kill()
        # Gone for good, so that the next one listens where the deciders look for it.
        broker.wait(30)
        stack.up(services=(), with_topics=False)
        before = ledger.end(ledger.decisions_topic)
        eventually("decisions after the kill", lambda: ledger.end(ledger.decisions_topic) > before + 500)
        broker = broker_of(new_home)
        broker.send_signal(signal.SIGSTOP)
        assert None is first.has_ended()
        time.sleep(FROZEN_SECONDS)
        broker.send_signal(signal.SIGCONT)
        load.finish()
        eventually("all is decided", ledger.is_decided)
        verdict = ledger.judge()
        assert len(ledger.read(ledger.actions_topic)) == len(verdict.decisions)
        # The processes of the beginning did it: nobody had to start them again.
        assert [None, None] == [first.has_ended(), second.has_ended()]
    ledger.close()


def broker_of(home: Path) -> psutil.Process:
    """The broker's process."""
    pid = Home(home).load().kafka.pid
    assert pid is not None
    return psutil.Process(pid)
