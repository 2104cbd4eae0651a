"""Two deciders that both believe they are active: one journal, and every reader accepts the same one."""

from pathlib import Path

import pytest

from consumers.decider import BATCH_ACTIONS_MAX
from consumers.deciding import Deciding
from consumers.journal import JournalReader
from consumers.seen_actions import StoredSeenActions
from ledger.engine import Engine
from ledger.policy import default_policy
from schemas.codec import decode_decision
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.faults.journals import Ledger, Verdict
from tests.faults.other_rules import VERSION, start_with_other_rules
from tests.faults.services import Crew, eventually


def rest_of(reader: JournalReader, timeout_seconds: float = 15.0) -> list[bytes]:
    """Read on to the end of the journal as it is now: the decisions that this reader accepts."""
    values: list[bytes] = []
    reader.ask_end(timeout_seconds)

    def read() -> bool:
        values.extend(entry.value for entry in reader.poll(1_000, 0.1))
        return reader.at_end

    eventually("a reader is at the end", read, timeout_seconds)
    return values


def readers_agree(ledger: Ledger, verdict: Verdict, first: JournalReader, first_values: list[bytes]) -> None:
    """One that read all along, one that begins in the middle and one that begins now accept the same."""
    values = verdict.values
    assert values == first_values + rest_of(first)
    middle = len(values) // 2
    offset, avro = ledger.accepted()[middle]
    assert values[middle] == avro
    engine_sha = decode_decision(values[middle + 1]).previous_sha256
    late = ledger.reader(last_seq=middle, last_sha256=engine_sha, offset=offset)
    fresh = ledger.reader()
    assert values[middle + 1 :] == rest_of(late)
    assert values == rest_of(fresh)
    for reader in (first, late, fresh):
        assert reader.acceptance.last_sha256 == fresh.acceptance.last_sha256
        reader.close()


@pytest.mark.slow
def test_a_decider_that_slept_through_its_replacement(
    ledger: Ledger, deciders: Crew, history_values: list[bytes]
) -> None:
    """SIGSTOP for longer than the session, takeover, SIGCONT: the sleeper's writes change nothing, it stands
    by.
    """
    sleeper = deciders.start()
    ledger.send(history_values[:500])
    eventually("the first decides", lambda: ledger.end(ledger.decisions_topic) >= 500)
    all_along = ledger.reader()
    read_all_along = rest_of(all_along)
    second = deciders.start()
    ledger.send(history_values[500:3_000])
    eventually("the first is at work", lambda: ledger.end(ledger.decisions_topic) > 600)
    sleeper.freeze()
    ledger.send(history_values[3_000:5_000])
    eventually("the second takes over", lambda: second.is_active)
    eventually("the second decides all", ledger.is_decided)
    sleeper.thaw()
    ledger.send(history_values[5_000:6_000])
    eventually("the first notices", lambda: sleeper.metric("neraca_decider_restarts_total") >= 1)
    sleeper.wait_ready()
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert 6_000 == len(verdict.decisions)
    assert 0 == verdict.passed_over
    readers_agree(ledger, verdict, all_along, read_all_along)
    assert second.is_active
    assert not sleeper.is_active
    # It stands by in earnest: it follows, and goes on when the second is gone.
    assert 0 == second.stop()
    ledger.send(history_values[6_000:6_100])
    eventually("the first takes over again", ledger.is_decided)
    assert 6_100 == len(ledger.judge().decisions)


class Zombie:
    """A decider without an election: it decides what it is given, and writes whatever anybody says."""

    def __init__(self, ledger: Ledger, folder: Path, engine: Engine) -> None:
        self._ledger = ledger
        seen = StoredSeenActions(folder)
        reader = ledger.reader()
        self.deciding = Deciding(
            engine, seen, built_in_ids(), reader.acceptance, next_action_offset=0, last_offset=-1
        )
        reader.close()

    def decide(self, start: int, end: int) -> list[bytes]:
        """Decide the actions of these offsets, without writing."""
        records = self._ledger.read(self._ledger.actions_topic)[start:end]
        return self.deciding.decide([_Message(r.offset, r.timestamp_ms, r.value) for r in records]).values


class _Message:
    """A record as the client gives it."""

    def __init__(self, offset: int, timestamp_ms: int, value: bytes | None) -> None:
        self._offset = offset
        self._timestamp_ms = timestamp_ms
        self._value = value

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return (2, self._timestamp_ms)

    def value(self) -> bytes | None:
        return self._value


def test_a_decider_that_ignores_the_election(
    ledger: Ledger, deciders: Crew, history_values: list[bytes], tmp_path: Path
) -> None:
    """Whether it writes first, second or long after: its decisions are the same bytes, so nothing happens
    twice.
    """
    ledger.send(history_values[:1_000])
    zombie = Zombie(ledger, tmp_path / "zombie", Engine.start())
    first = zombie.decide(0, 400)
    # It was first: the elected one finds a journal that goes on where it wanted to begin.
    ledger.forge(first)
    active = deciders.start()
    all_along = ledger.reader()
    eventually("the rest is decided", ledger.is_decided)
    read_all_along = rest_of(all_along)
    # Long after, and again.
    ledger.forge(zombie.decide(400, 1_000))
    ledger.forge(first)
    ledger.send(history_values[1_000:1_500])
    # Beside each other.
    ledger.forge(zombie.decide(1_000, 1_200))
    ledger.send(history_values[1_500:2_000])
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert 2_000 == len(verdict.decisions)
    assert (1_200, 0) == (verdict.repeats, verdict.passed_over)
    readers_agree(ledger, verdict, all_along, read_all_along)
    assert active.is_active
    assert 0 == active.metric("neraca_decider_restarts_total")
    # Readers that began before each record, the active decider among them, tell a repeat from a stranger.
    eventually("repeats are counted", lambda: active.metric("neraca_journal_repeats_total") >= 1_000)


def test_the_same_decision_in_another_frame_is_no_stranger(
    ledger: Ledger, deciders: Crew, history_values: list[bytes], tmp_path: Path
) -> None:
    """Two deciders whose schema ids differ write the same Avro bytes: hashes cover these, so neither is
    disturbed.
    """
    ledger.send(history_values[:300])
    zombie = Zombie(ledger, tmp_path / "zombie", Engine.start())
    ledger.forge([frame(4_711, value[5:]) for value in zombie.decide(0, 300)])
    decider = deciders.start()
    eventually("it is active", lambda: decider.is_active)
    ledger.send(history_values[300:400])
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge()
    assert 400 == len(verdict.decisions)
    assert 0 == verdict.passed_over


@pytest.mark.slow
def test_a_decider_with_other_rules_that_comes_second_is_passed_over(
    ledger: Ledger, deciders: Crew, history_values: list[bytes]
) -> None:
    """It wakes up with actions in its hands, decides them its way: no reader takes it, it notices and starts
    again.
    """
    other = deciders.start("--other-rules")
    all_along = ledger.reader()
    ledger.send(history_values[:500])
    eventually("it decides alone", ledger.is_decided)
    other.freeze()
    # Fewer than the session timeout later it goes on, with a backlog so long that it has not decided it all,
    # however fast it is, before it is frozen again: the same actions sent again count as well.
    ledger.send([*history_values[500:], *history_values, *history_values, *history_values])
    other.thaw()
    eventually("it is at work", lambda: ledger.end(ledger.decisions_topic) > 1_000)
    other.freeze()
    alone = ledger.end(ledger.decisions_topic)
    read_all_along = rest_of(all_along)
    honest = deciders.start()
    eventually("the honest one takes over", lambda: honest.is_active)
    eventually("the honest one decides the rest", ledger.is_decided)
    other.thaw()
    eventually("the other notices", lambda: other.metric("neraca_decider_restarts_total") >= 1)
    other.wait_ready()
    verdict = ledger.judge(rules_hold=False)
    assert 4 * len(history_values) == len(verdict.decisions)
    policies = [decision.policy for decision in verdict.decisions]
    assert [VERSION] * alone == policies[:alone]
    # What was on its way to the broker when it was frozen stands as well.
    assert VERSION not in policies[alone + 2 * BATCH_ACTIONS_MAX :]
    assert verdict.passed_over > 0
    readers_agree(ledger, verdict, all_along, read_all_along)
    assert honest.is_active
    assert not other.is_active


def test_a_decider_with_other_rules_that_comes_first_is_followed(
    ledger: Ledger, deciders: Crew, history_values: list[bytes], tmp_path: Path
) -> None:
    """Acceptance proves order and nothing more: its record stands, the honest one drops its own and goes on
    behind.

    That the record breaks the rules is for a re-execution to show, which it does.
    """
    honest = deciders.start()
    all_along = ledger.reader()
    ledger.send(history_values[:500])
    eventually("the honest one decides", ledger.is_decided)
    other = Zombie(ledger, tmp_path / "zombie", start_with_other_rules())
    for offset, avro in ledger.accepted():
        other.deciding.follow(avro, offset)
    read_all_along = rest_of(all_along)
    honest.freeze()
    ledger.send(history_values[500:1_000])
    ledger.forge(other.decide(500, 503))
    honest.thaw()
    eventually("the honest one notices", lambda: honest.metric("neraca_decider_restarts_total") >= 1)
    eventually("all is decided", ledger.is_decided)
    verdict = ledger.judge(rules_hold=False)
    assert 1_000 == len(verdict.decisions)
    assert [VERSION] * 3 == [decision.policy for decision in verdict.decisions[500:503]]
    assert {default_policy().version} == {
        decision.policy for decision in verdict.decisions[:500] + verdict.decisions[503:]
    }
    readers_agree(ledger, verdict, all_along, read_all_along)
    with pytest.raises(AssertionError, match="decision 500 is not what its action gives"):
        ledger.judge()
