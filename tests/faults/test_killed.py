"""The decider killed at any moment, with a standby and without: the journal is whole."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.faults.deciders import Crew, Decider, crew, eventually
from tests.faults.journals import Ledger, Verdict
from tests.faults.load import Load
from tests.running import RunningStack

def kill_again_and_again(
    ledger: Ledger, deciders: Crew, load: Load, *, kills: int, running: int, seed: int
) -> Verdict:
    """Kill whoever decides, so many times, each at a random moment after it began; judge the journal."""
    moments = random.Random(seed)
    crew_now = [deciders.start(wait_ready=False) for _ in range(running)]
    load.start()

    def active() -> Decider | None:
        return next((decider for decider in crew_now if decider.is_active), None)

    for _ in range(kills):
        before = ledger.end(ledger.decisions_topic)
        more = moments.randint(1, 400)
        eventually(f"decisions after {before}", lambda: ledger.end(ledger.decisions_topic) >= before + more)
        time.sleep(moments.random() * 0.2)
        victim = active() or moments.choice(crew_now)
        victim.kill()
        crew_now.remove(victim)
        crew_now.append(deciders.start(wait_ready=False))
    load.finish()
    eventually("all is decided", ledger.is_decided)
    return ledger.judge()


def test_the_decider_killed_at_random_moments_leaves_a_whole_journal(
    stack: RunningStack, new_topics: Callable[[], str], tmp_path: Path, history_values: list[bytes]
) -> None:
    """SIGKILL during a load, with a standby and with a restart: one decision an action, the same bytes again."""

    def run(running: int, kills: int) -> Verdict:
        # Both at once: most of the time goes into waiting for Kafka to notice that a member is dead.
        prefix = new_topics()
        ledger = Ledger(stack.bootstrap, prefix)
        with crew(stack.bootstrap, prefix, tmp_path / f"{running}") as deciders:
            load = Load(ledger, history_values, seconds=6.0 * kills)
            verdict = kill_again_and_again(ledger, deciders, load, kills=kills, running=running, seed=running)
        ledger.close()
        return verdict

    with ThreadPoolExecutor() as pool:
        with_standby = pool.submit(run, 2, 5)
        restarted = pool.submit(run, 1, 4)
        verdicts = [with_standby.result(), restarted.result()]
    for verdict in verdicts:
        assert len(history_values) == len(verdict.decisions)
        # What a killed decider had written and its follower wrote again, is the same and not a stranger.
        assert 0 == verdict.passed_over
