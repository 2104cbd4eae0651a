"""Parts of a ledger killed and stopped under a gateway in use: a clear answer, and asking again tells the
truth.
"""

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
import pytest
import requests

from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from neraca.stack.home import Home
from neraca.stack.topics import ensure_topics
from tests.faults.services import Crew, crew, eventually
from tests.gateway.desk import HQ, Desk, Running, action, registered, start_gateway

# Told to be safe to ask again: nothing was recorded, or nobody knows.
AGAIN = {429, 503, 504}
SENDERS = 8


class Traffic:
    """Registrations sent by several clients until they are stopped; each asks again until it knows."""

    def __init__(self, desk: Callable[[], Desk]) -> None:
        self._desk = desk
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        self.heard: Counter[int] = Counter()
        self.last: Counter[int] = Counter()
        self.told: dict[str, dict[str, Any]] = {}
        self.acknowledged: list[tuple[str, int]] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        while not self._stop.is_set():
            sent = registered(f"R-{uuid.uuid4().hex[:12]}", str(uuid.uuid4()))
            status, told = self._ask(sent)
            deadline = time.monotonic() + 60
            while status in AGAIN | {0} and time.monotonic() < deadline:
                time.sleep(0.3)
                status, told = self._ask(sent)
            self.last[status] += 1
            self.told[sent["action_id"]] = told

    def _ask(self, sent: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """0 where the connection broke: then, too, nobody knows."""
        with contextlib.suppress(requests.RequestException):
            answer = self._desk().post(sent, Prefer="wait=2")
            self.heard[answer.status_code] += 1
            if answer.status_code in {200, 201}:
                self.acknowledged.append((sent["action_id"], answer.json()["seq"]))
            return answer.status_code, answer.json()
        return 0, {}

    def sent(self) -> int:
        """How many have an end."""
        return sum(self.last.values())


def judge(dsn: str, traffic: Traffic) -> None:
    """Every acknowledged action is in the journal where it was said to be, and accepted once."""
    assert traffic.acknowledged
    last = max(seq for _, seq in traffic.acknowledged)
    with psycopg.connect(dsn, autocommit=True) as connection:

        def position() -> int:
            row = connection.execute("SELECT max(seq) FROM neraca.projection_positions").fetchone()
            return -1 if row is None else int(row[0])

        eventually("the tables follow", lambda: position() >= last)
        rows = connection.execute("SELECT seq, action_id::text, outcome FROM neraca.decisions").fetchall()
    decided = {seq: (action_id, outcome) for seq, action_id, outcome in rows}
    for action_id, seq in traffic.acknowledged:
        assert (action_id, "ACCEPTED") == decided[seq]
    accepted = Counter(action_id for action_id, outcome in decided.values() if outcome == "ACCEPTED")
    assert [] == [action_id for action_id, count in accepted.items() if count > 1]
    assert set(traffic.last) <= {200, 201}, traffic.last


@pytest.mark.slow
def test_the_decider_killed(running: Running) -> None:
    """Clients hear "unknown" for a while; then every one of them learns the one decision on its action."""
    services = running.crew
    with Traffic(lambda: running.desk) as traffic:
        eventually("traffic", lambda: traffic.sent() > 50)
        running.decider.kill()
        eventually("somebody hears unknown", lambda: traffic.heard[504] > 0)
        services.start(wait_ready=False)
        before = traffic.sent()
        eventually("traffic again", lambda: traffic.sent() > before + 50)
    judge(running.dsn, traffic)


@pytest.mark.slow
def test_the_gateway_stopped_and_killed(running: Running) -> None:
    """Stopped, it answers what is open and ends well; killed, clients ask the next one; nothing is lost."""
    services = running.crew
    desks = [running.desk]

    def other() -> Desk:
        gateway = start_gateway(services)
        desks.append(Desk(gateway._port, running.desk.key))
        gateways.append(gateway)
        return desks[-1]

    gateways = [running.gateway]
    second = other()
    desks.remove(running.desk)
    desks.insert(0, second)
    with Traffic(lambda: desks[-1]) as traffic:
        eventually("traffic", lambda: traffic.sent() > 50)
        third = other()
        assert 0 == gateways[1].stop()
        assert third is desks[-1]
        before = traffic.sent()
        eventually("traffic through the next", lambda: traffic.sent() > before + 50)
        other()
        gateways[2].kill()
        before = traffic.sent()
        eventually("traffic through the last", lambda: traffic.sent() > before + 50)
    judge(running.dsn, traffic)


@pytest.fixture
def own(new_home: Path, tmp_path: Path) -> Iterator[tuple[EmbeddedStack, Crew, Running]]:
    """A ledger on a Kafka and a PostgreSQL of its own, which a test may stop."""
    settings = Settings(home=new_home)
    stack = EmbeddedStack(settings)
    stack.up(services=(), with_topics=False)
    kafka = settings.kafka_config()
    ensure_topics(kafka, "")
    with crew(str(kafka["bootstrap.servers"]), "", tmp_path, settings.postgres_dsn()) as services:
        made = Running.start(services, settings.postgres_dsn())
        made.desk.accept(
            action("agency_licensed", **HQ, agency_id="A-TEST") | {"occurred_at": "2022-01-01T09:00:00+07:00"}
        )
        yield stack, services, made


@pytest.mark.slow
def test_kafka_and_postgres_stopped(own: tuple[EmbeddedStack, Crew, Running], new_home: Path) -> None:
    """Without Kafka: "not recorded", or "unknown". Without PostgreSQL: no reading, and actions go on."""
    stack, _, made = own
    state = Home(new_home).load()
    with Traffic(lambda: made.desk) as traffic:
        eventually("traffic", lambda: traffic.sent() > 50)
        psutil.Process(state.kafka.pid).kill()
        eventually("somebody hears that nothing was recorded", lambda: traffic.heard[503] > 0)
        stack.up(services=(), with_topics=False)
        before = traffic.sent()
        eventually("traffic again", lambda: traffic.sent() > before + 50)
        psutil.Process(state.postgres.pid).kill()
        before = traffic.sent()
        eventually("traffic without PostgreSQL", lambda: traffic.sent() > before + 50)
        eventually("reading says so", lambda: made.desk.get("/v1/permits/none").status_code == 503)
        stack.up(services=(), with_topics=False)
        eventually("reading again", lambda: made.desk.get("/v1/permits/none").status_code == 404)
    judge(made.dsn, traffic)
