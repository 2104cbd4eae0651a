"""Random histories: the ledger decides as the oracle does, its books balance, its journal can be made again.

The actions share few ids and lie on the edges of the rules, so that they collide; Hypothesis shrinks
a difference to the shortest history that shows it. `play.py` looks longer than a test run may.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from schemas.codec import decode_decision
from schemas.decision_json import decision_json
from tests.ledger import histories
from tests.ledger.play import check_journal, play
from tests.ledger.readable import readable
from tests.ledger.story import Story


class Histories(RuleBasedStateMachine):
    """One history, action by action; `Story.tell` compares each decision with the oracle's."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()

    @initialize(data=st.data())
    def begins(self, data: st.DataObject) -> None:
        """Begin with what most histories begin with, some under another first policy."""
        pick = _pick(data)
        if pick((True, False, False, False, False)):
            self.story = Story(policy=histories.any_policy(pick, "P-0"))
        self._tell(histories.beginning(pick))

    @rule(data=st.data())
    def head_office_rules(self, data: st.DataObject) -> None:
        """Rule on agencies, destinations, permits, quota, holds."""
        self._tell([histories.ruling(_pick(data))])

    @rule(data=st.data())
    def policy_changes(self, data: st.DataObject) -> None:
        """Adopt a policy in the middle."""
        self._tell([histories.policy_adopted(_pick(data))])

    @rule(data=st.data())
    def somebody_registers(self, data: st.DataObject) -> None:
        """Register in either system."""
        self._tell([histories.registered(_pick(data))])

    @rule(data=st.data())
    def a_step_is_taken(self, data: st.DataObject) -> None:
        """Take a step of a registration."""
        self._tell([histories.taken_step(_pick(data), self.story.known())])

    @rule(data=st.data())
    def a_service_is_recorded(self, data: st.DataObject) -> None:
        """Record a training or a complaint."""
        self._tell([histories.service(_pick(data))])

    @rule(data=st.data())
    def an_action_comes_again(self, data: st.DataObject) -> None:
        """Send an earlier action again, the same or not."""
        self._tell(histories.repeated(_pick(data), self.story.told))

    @rule(data=st.data())
    def candidates_cross_over(self, data: st.DataObject) -> None:
        """Re-register, go on, depart late."""
        self._tell(histories.cutover(_pick(data), self.story.known()))

    @rule(data=st.data())
    def an_identity_is_settled(self, data: st.DataObject) -> None:
        """Hold, move registrations to another person, release, erase."""
        self._tell(histories.corrected(_pick(data), self.story.known()))

    @rule()
    def a_record_is_unreadable(self) -> None:
        """Account for a record that is no action."""
        self.story.tell_unreadable()

    def teardown(self) -> None:
        """Check the journal that the history has led to."""
        check_journal(self.story)

    def _tell(self, actions: Sequence[dict[str, Any]]) -> None:
        for action in actions:
            self.story.tell(action)


def _pick(data: st.DataObject) -> histories.Pick:
    return lambda options: data.draw(st.sampled_from(options))


TestHistories = Histories.TestCase
TestHistories.__doc__ = "Whatever is told, ledger and oracle decide alike, and the journal can be made again."
TestHistories.settings = settings(
    max_examples=70,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def test_long_histories_are_decided_alike() -> None:
    """Long histories of seeded dice, which Hypothesis would not grow to, hold as well."""
    for seed in range(60):
        play(seed)


def test_json_says_what_the_record_says() -> None:
    """Contract §2 as the product writes it holds the same values as the record read field by field."""
    for avro in play(7).journal:
        decision = decode_decision(avro)
        written = {"code": None, "first_seq": None, **json.loads(decision_json(decision))}
        for registration in written["registrations"]:
            registration.pop("stage_seqs")
        expected = readable(decision)
        assert expected == {name: written[name] for name in expected}
