"""A bad network between the services and their servers: slow, cut, or losing what comes back.

Nothing is lost, nothing happens twice, and nobody has to be started again. No test looks at a time.
"""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from projections.tables import read_position
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger, decide_again
from tests.faults.killing import is_beyond, wait_for_tables
from tests.faults.services import crew, eventually
from tests.faults.wire import Commits, Produces, Wire
from tests.projections.told import dump
from tests.running import RunningStack

# Long enough for clients to be refused more than once.
CUT_SECONDS = 2.0
DELAY_SECONDS = 0.1
BYTES_PER_SECOND = 500_000


def bootstrap(wire: Wire) -> str:
    """Where a client of Kafka goes to use that wire."""
    return f"127.0.0.1:{wire.port}"


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
