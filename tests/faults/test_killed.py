"""Decider and projector killed at any moment, with a standby and without: the journal is whole, the tables
are right.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.faults.journals import Ledger, Verdict
from tests.faults.killing import kill_again_and_again, wait_for_tables
from tests.faults.load import Load
from tests.faults.services import crew
from tests.projections.told import dump
from tests.running import RunningStack

# With a standby; without one, a restart waits as long until Kafka gives the dead one up.
KILLS_WITH_STANDBY = 4
KILLS_AND_RESTARTS = 3


@pytest.mark.slow
def test_killed_at_random_moments(
    stack: RunningStack,
    new_topics: Callable[[], str],
    new_database: Callable[[], str],
    tmp_path: Path,
    history_values: list[bytes],
) -> None:
    """SIGKILL under load: one decision an action, the same bytes again; the tables are those of a rebuild."""
    live, rebuilt = new_database(), new_database()

    def run(prefix: str, kills: int, *, standby: bool) -> Verdict:
        ledger = Ledger(stack.bootstrap, prefix)
        with crew(stack.bootstrap, prefix, tmp_path / prefix, live if standby else None) as services:
            load = Load(ledger, history_values, seconds=6.0 * kills)
            kill_again_and_again(
                ledger, services, load, kills=kills, seed=kills, standby=standby, projector=standby
            )
            if standby:
                wait_for_tables(live, len(history_values) - 1)
        if standby:
            with crew(stack.bootstrap, prefix, tmp_path / "rebuilt", rebuilt) as services:
                services.start_projector()
                wait_for_tables(rebuilt, len(history_values) - 1)
        verdict = ledger.judge()
        ledger.close()
        return verdict

    # Both at once: most of the time goes into waiting for Kafka to notice that a member is dead.
    with ThreadPoolExecutor() as pool:
        with_standby = pool.submit(run, new_topics(), KILLS_WITH_STANDBY, standby=True)
        restarted = pool.submit(run, new_topics(), KILLS_AND_RESTARTS, standby=False)
        verdicts = [with_standby.result(), restarted.result()]
    for verdict in verdicts:
        assert len(history_values) == len(verdict.decisions)
        # What a killed decider had written and its follower wrote again, is the same and not a stranger.
        assert 0 == verdict.passed_over
    with psycopg.connect(live) as one, psycopg.connect(rebuilt) as other:
        assert dump(one) == dump(other)
