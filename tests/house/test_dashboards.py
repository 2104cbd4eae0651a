"""Every panel of every dashboard asks a question that the real system answers."""

import json
import math
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from confluent_kafka import Producer
from psycopg.conninfo import make_conninfo

from deploy.grafana.generate import FOLDER, rendered
from neraca.stack import ports
from producers.workload import Profile, actions
from schemas.action_json import parse_action
from schemas.framing import action_record, frame
from schemas.ids import built_in_ids
from schemas.topics import ACTIONS
from tests.gateway.desk import HQ, Desk, action, new_key
from tests.house import prometheus_server
from tests.running import RunningStack

ROOT = Path(__file__).resolve().parents[2]
SEED = 1
CANDIDATES = 400
SERVICES = ("decider", "projector", "gateway", "archiver")
READER_PASSWORD = "reader-of-one-test"  # noqa: S105 - of a role that lives as long as the test
TIMEOUT_SECONDS = 120


def queries(kind: str) -> list[tuple[str, str]]:
    """Title and query of each panel's targets: `rawSql` for PostgreSQL, `expr` for Prometheus."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))]
    return [
        (panel["title"], target[kind])
        for board in boards
        for panel in board["panels"]
        for target in panel.get("targets", [])
        if kind in target
    ]


def test_files_are_what_the_script_makes() -> None:
    """Nobody edits a dashboard in the browser and checks that in: the script is the source."""
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert rendered() == found, "run `python -m deploy.grafana.generate`"


def test_data_sources_are_provisioned() -> None:
    """Each panel reads from a data source that the container files set up."""
    file = ROOT / "deploy/grafana/provisioning/datasources/neraca.yaml"
    provisioned = {
        source["uid"] for source in yaml.safe_load(file.read_text(encoding="utf-8"))["datasources"]
    }
    used = set(re.findall(r'"uid": "([^"]+)"', "".join(rendered().values()))) - {"neraca-cutover"}
    assert provisioned == used


def test_every_panel_explains_itself() -> None:
    """A panel has a title and a sentence that says what is counted, and no title stands twice."""
    for name, text in rendered().items():
        panels = [panel for panel in json.loads(text)["panels"] if panel["type"] != "row"]
        titles = [panel["title"] for panel in panels]
        assert len(set(titles)) == len(titles), name
        assert [] == [panel["title"] for panel in panels if not panel.get("description")], name


@pytest.mark.slow
def test_every_query_is_answered(
    stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path
) -> None:
    """After a small cutover, each SQL query gives rows to the role that Grafana uses, which cannot write.

    The services run as in production, and serve every metric that a panel names. Where Prometheus is
    installed, it scrapes them as in the container files, and each PromQL expression gives numbers.
    """
    home = tmp_path / "home"
    home.mkdir()
    with reading_role(database) as reader, services(stack, topic_prefix, database, home) as targets:
        lines = list(actions(SEED, CANDIDATES, Profile(nonsense=0.002)))
        desk = Desk(int(targets[SERVICES.index("gateway")].partition(":")[2]), new_key(database))
        if prometheus_server.installed() is None:
            send(stack, topic_prefix, lines)
            ask(desk)
            wait_until(lambda: seq(targets) == len(lines), "all services follow the journal")
        else:
            with prometheus_server.scraping(targets, tmp_path) as prometheus:
                # A rate is seen between two scrapes, so actions arrive before and after one.
                send(stack, topic_prefix, lines[: len(lines) // 2])
                ask(desk)
                prometheus.wait_for_scrapes(2)
                send(stack, topic_prefix, lines[len(lines) // 2 :])
                ask(desk)
                wait_until(lambda: seq(targets) == len(lines) + 1, "all services follow the journal")
                wait_until(
                    lambda: answered(prometheus, "min(neraca_seq)") == [len(lines) + 1],
                    "Prometheus saw the end",
                )
                for title, expression in queries("expr"):
                    numbers = answered(prometheus, expression)
                    assert numbers, f"{title}: {expression} gives no series"
                    assert not any(map(math.isnan, numbers)), f"{title}: {expression} gives {numbers}"
                # Rules are evaluated once a second, and have to see what was just scraped.
                wait_until(lambda: {} == unwell(prometheus), "every alert is as it should be")
        expressions = [expression for _, expression in queries("expr")]
        named = set(re.findall(r"neraca_\w+", " ".join(expressions + alert_expressions())))
        assert set() == named - served(targets)

        with psycopg.connect(reader) as connection:
            for title, query in queries("rawSql"):
                rows = connection.execute(query.encode()).fetchall()
                assert rows, f"{title}: {query} gives no rows"
                assert [] == [row for row in rows if row[-1] is None], f"{title}: {query} gives {rows}"
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("DELETE FROM neraca.decisions")
            connection.rollback()
            connection.execute("SET default_transaction_read_only = off")
            connection.commit()
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM neraca.decisions")


@contextmanager
def reading_role(database: str) -> Iterator[str]:
    """What deploy/postgres/reader.sql makes, in the database of one test: the DSN of Grafana's role."""
    script = (ROOT / "deploy/postgres/reader.sql").read_text(encoding="utf-8")
    # The two things that only psql knows: a variable from the environment, and its use as a literal.
    statements = re.sub(r"^\\getenv .*$", "", script, flags=re.MULTILINE)
    statements = statements.replace(":'reader_password'", f"'{READER_PASSWORD}'")
    # Roles belong to the whole server, which other tests share.
    role = f"reader_{uuid.uuid4().hex[:10]}"
    statements = statements.replace("neraca_reader", role)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(statements.encode())
        try:
            yield make_conninfo(database, user=role, password=READER_PASSWORD)
        finally:
            connection.execute(f"DROP OWNED BY {role}".encode())
            connection.execute(f"DROP ROLE {role}".encode())


@contextmanager
def services(stack: RunningStack, topic_prefix: str, database: str, home: Path) -> Iterator[list[str]]:
    """Every service as a process of its own: host:port where each serves its metrics."""
    environment = {
        **stack.settings.child_environment(),
        "NERACA_HOME": str(home),
        "NERACA_KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap,
        "NERACA_TOPIC_PREFIX": topic_prefix,
        "NERACA_POSTGRES_DSN": database,
    }
    chosen: list[int] = []
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name in SERVICES:
            chosen.append(
                ports.choose(
                    f"the {name} of a test", wanted=None, option="", remembered=None, avoid=set(chosen)
                )
            )
            command = [sys.executable, "-m", "neraca", "run", name, "--metrics-port", str(chosen[-1])]
            running.append(subprocess.Popen(command, env=environment))
        targets = [f"127.0.0.1:{port}" for port in chosen]
        wait_until(lambda: all(get(target, "/health/ready") for target in targets), f"{SERVICES} are ready")
        yield targets
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def send(stack: RunningStack, topic_prefix: str, lines: list[str]) -> None:
    """Puts actions on the topic; a line that is none goes as it is, for the decider to call unreadable."""
    producer = Producer({**stack.kafka, "acks": "all", "enable.idempotence": True, "linger.ms": 5})
    schema_id = built_in_ids().action_id
    for line in lines:
        try:
            value = frame(schema_id, action_record(parse_action(line)).avro)
        except Exception:  # noqa: BLE001 - the workload's broken lines break in every way
            value = line.encode()
        producer.produce(ACTIONS.under(topic_prefix), value)
        producer.poll(0)
    assert 0 == producer.flush(30)


def ask(desk: Desk) -> None:
    """One action and one reading over HTTP, so that the gateway has something to tell of each."""
    moment = {"occurred_at": "2022-01-01T09:00:00+07:00"}
    seq = desk.accept(action("agency_licensed", **HQ, agency_id=f"A-{uuid.uuid4().hex}") | moment)
    assert 200 == desk.get(f"/v1/decisions/{seq}", min_seq=seq).status_code


def alert_expressions() -> list[str]:
    """The expression of each alert that is deployed."""
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
    return [rule["expr"] for group in alerts["groups"] for rule in group["rules"]]


def unwell(prometheus: prometheus_server.Prometheus) -> dict[str, str]:
    """The alerts that cannot be evaluated, or that fire although all is well; what is on its way, by design.

    The workload has records that nobody can read, and each of them asks for a look.
    """
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(alert_expressions()) == len(rules)
    return {
        rule["name"]: rule.get("lastError") or rule["state"]
        for rule in rules
        if rule["health"] != "ok" or (rule["state"] == "firing") != (rule["name"] == "DeadLetters")
    }


def get(target: str, path: str) -> str | None:
    """What a service answers; None while it does not, or not with 200."""
    try:
        with urllib.request.urlopen(f"http://{target}{path}", timeout=5) as answer:
            body: bytes = answer.read()
            return body.decode()
    except (OSError, urllib.error.HTTPError):
        return None


def seq(targets: list[str]) -> float:
    """The last decision that every service has handled."""
    found = [
        re.search(r"^neraca_seq\{.*\} (\S+)$", get(target, "/metrics") or "", re.MULTILINE)
        for target in targets
    ]
    return min(float(match[1]) if match else -1 for match in found)


def served(targets: list[str]) -> set[str]:
    """The names of all metrics that the services serve."""
    return {
        match
        for target in targets
        for match in re.findall(r"^(neraca_\w+)", get(target, "/metrics") or "", re.MULTILINE)
    }


def answered(prometheus: prometheus_server.Prometheus, expression: str) -> list[float]:
    """The numbers that an expression gives now."""
    series: list[dict[str, Any]] = prometheus.query(expression)
    return [float(each["value"][1]) for each in series]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Waits for a condition; says what did not come true in time."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {TIMEOUT_SECONDS} s: {what}"
        time.sleep(0.2)
