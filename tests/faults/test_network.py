"""A bad network between the services and their servers: slow, cut, or losing what comes back.

Nothing is lost, nothing happens twice, and nobody has to be started again. No test looks at a time.
"""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from projections.tables import read_position
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger, decide_again
from tests.faults.killing import is_beyond, wait_for_tables
from tests.faults.services import crew, eventually
from tests.faults.wire import Commits, Produces, Wire
from tests.gateway.desk import HQ, Desk, action, new_key, start_gateway
from tests.gateway.test_faults import SENDERS, Traffic, judge
from tests.projections.told import dump
from tests.running import RunningStack

# Long enough for clients to be refused more than once.
CUT_SECONDS = 2.0
# In each direction: an answer takes 100 ms.
DELAY_SECONDS = 0.05
BYTES_PER_SECOND = 500_000


def bootstrap(wire: Wire) -> str:
    """Where a client of Kafka goes to use that wire."""
    return f"127.0.0.1:{wire.port}"


@pytest.mark.slow
def test_a_decider_on_a_bad_network(
    stack: RunningStack, ledger: Ledger, tmp_path: Path, history_values: list[bytes]
) -> None:
    """Slow, then cut, then acknowledgements lost, then all answers, with a standby: one journal, each alive.

    A decision that was written and not acknowledged is sent again, and stands on the topic once.
    """
    with (
        Wire(stack.far_port, port=stack.wire_port, watch=Produces) as wire,
        crew(bootstrap(wire), ledger.topic_prefix, tmp_path / "far") as far,
        crew(stack.bootstrap, ledger.topic_prefix, tmp_path / "near") as near,
    ):
        first = far.start()
        sent = 0

        def send(actions: int) -> None:
            nonlocal sent
            ledger.send(history_values[sent : sent + actions])
            sent += actions

        wire.slow(delay_seconds=DELAY_SECONDS, bytes_per_second=BYTES_PER_SECOND)
        send(1_500)
        eventually("all is decided on a slow wire", ledger.is_decided)

        send(1_500)
        eventually("it is at work", lambda: is_beyond(ledger, 1_501))
        wire.cut()
        send(500)
        time.sleep(CUT_SECONDS)
        wire.mend()
        eventually("all is decided after the cut", ledger.is_decided)

        wire.lose_answers(of_watched=True)
        send(1_500)
        eventually("decisions stand there", lambda: is_beyond(ledger, 3_501) and wire.lost_bytes > 0)
        wire.mend()
        eventually("all is decided after lost acknowledgements", ledger.is_decided)
        assert sent == ledger.end(ledger.decisions_topic)

        second = near.start()
        wire.lose_answers(of_watched=True)
        send(1_500)
        eventually("decisions stand there", lambda: is_beyond(ledger, sent - 1_499))
        wire.lose_answers()
        send(500)
        eventually("the second takes over", lambda: second.is_active)
        eventually("the second decides the rest", ledger.is_decided)
        wire.mend()
        first.wait_ready()
        assert first.metric("neraca_decider_restarts_total") > 0
        assert second.is_active
        assert 0 == second.stop()
        send(500)
        eventually("the first takes over again", ledger.is_decided)
        assert None is first.has_ended()
    verdict = ledger.judge()
    assert sent == len(verdict.decisions)
    assert 0 == verdict.passed_over


def far_dsn(dsn: str, wire: Wire) -> str:
    """The same database over that wire."""
    return make_conninfo(dsn, port=wire.port)


@pytest.mark.slow
def test_a_projector_on_a_bad_network(
    stack: RunningStack,
    ledger: Ledger,
    new_database: Callable[[], str],
    tmp_path: Path,
    history_values: list[bytes],
) -> None:
    """Both its networks slow, then cut, the answer to a COMMIT lost: the tables are those of a rebuild."""
    ledger.send(history_values[:4_000])
    values = [
        frame(built_in_ids().decision_id, avro) for avro in decide_again(ledger.read(ledger.actions_topic))
    ]
    live, rebuilt = new_database(), new_database()
    postgres_port = int(str(conninfo_to_dict(live)["port"]))
    written = 0

    def write(decisions: int) -> None:
        nonlocal written
        ledger.forge(values[written : written + decisions])
        written += decisions

    def stands() -> int:
        with psycopg.connect(live) as connection:
            return read_position(connection).seq

    with (
        Wire(stack.far_port, port=stack.wire_port) as kafka,
        Wire(postgres_port, watch=Commits) as postgres,
        crew(bootstrap(kafka), ledger.topic_prefix, tmp_path / "far", far_dsn(live, postgres)) as services,
    ):
        projector = services.start_projector()
        write(100)
        wait_for_tables(live, written - 1, projector)
        for wire in (kafka, postgres):
            wire.slow(delay_seconds=DELAY_SECONDS, bytes_per_second=BYTES_PER_SECOND)
        write(900)
        wait_for_tables(live, written - 1, projector)

        write(1_000)
        for wire in (postgres, kafka):
            wire.cut()
        write(100)
        time.sleep(CUT_SECONDS)
        for wire in (postgres, kafka):
            wire.mend()
        wait_for_tables(live, written - 1, projector)

        before = stands()
        postgres.lose_answers(of_watched=True)
        write(500)
        eventually("a commit that nobody was told of", lambda: stands() > before)
        kafka.lose_answers()
        write(500)
        postgres.mend()
        kafka.mend()
        wait_for_tables(live, written - 1, projector)
        write(len(values) - written)
        wait_for_tables(live, written - 1, projector)
        assert None is projector.has_ended()
        assert postgres.lost_bytes > 0
    with crew(stack.bootstrap, ledger.topic_prefix, tmp_path / "near", rebuilt) as services:
        wait_for_tables(rebuilt, written - 1, services.start_projector())
    with psycopg.connect(live) as one, psycopg.connect(rebuilt) as other:
        assert dump(one) == dump(other)


@pytest.mark.slow
def test_a_gateway_on_a_bad_network(
    stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path
) -> None:
    """Kafka, PostgreSQL and its clients behind bad wires: whoever asks again learns the one decision.

    Cut off from Kafka it says that nothing was recorded; where an acknowledgement is lost, that nobody knows;
    and no action is ever accepted twice.
    """
    postgres_port = int(str(conninfo_to_dict(database)["port"]))
    with (
        Wire(stack.far_port, port=stack.wire_port, watch=Produces) as kafka,
        Wire(postgres_port) as postgres,
        crew(stack.bootstrap, topic_prefix, tmp_path / "near", database) as near,
        crew(bootstrap(kafka), topic_prefix, tmp_path / "far", far_dsn(database, postgres)) as far,
    ):
        near.start(wait_ready=False)
        near.start_projector()
        gateway = start_gateway(far)
        with Wire(gateway.port) as http:
            desk = Desk(http.port, new_key(database))
            desk.accept(
                action("agency_licensed", **HQ, agency_id="A-TEST")
                | {"occurred_at": "2022-01-01T09:00:00+07:00"}
            )
            with Traffic(lambda: desk) as traffic:

                def goes_on(what: str) -> None:
                    before = traffic.sent()
                    eventually(f"traffic {what}", lambda: traffic.sent() > before + 2 * SENDERS)

                goes_on("on good wires")
                for wire in (kafka, postgres, http):
                    wire.slow(delay_seconds=DELAY_SECONDS, bytes_per_second=BYTES_PER_SECOND)
                goes_on("on slow wires")
                for wire in (kafka, postgres, http):
                    wire.mend()

                kafka.cut()
                eventually("somebody hears that nothing was recorded", lambda: traffic.heard[503] > 0)
                kafka.mend()
                goes_on("after Kafka was cut off")

                before = traffic.heard[504]
                kafka.lose_answers(of_watched=True)
                eventually("somebody hears unknown", lambda: traffic.heard[504] > before)
                kafka.mend()
                goes_on("after acknowledgements were lost")

                postgres.cut()
                goes_on("without PostgreSQL")
                eventually("reading says so", lambda: desk.get("/v1/permits/none").status_code == 503)
                postgres.mend()
                eventually("reading again", lambda: desk.get("/v1/permits/none").status_code == 404)

                http.lose_answers()
                eventually("answers are lost", lambda: http.lost_bytes > 0)
                http.mend()
                http.cut()
                time.sleep(CUT_SECONDS)
                http.mend()
                goes_on("after answers were lost")
            assert None is gateway.has_ended()
            judge(database, traffic)
            # Some were told only when they asked again, and then what had been decided the first time.
            assert traffic.last[200] > 0
