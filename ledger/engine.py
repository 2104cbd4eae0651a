"""The ledger as one value: its state, the hash chain over its decisions, and the two ways forward.

`decide` makes the next decision; `follow` takes one that stands in a journal. It must not know where
either comes from or goes to.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from ledger.decide import decide, decide_unreadable
from ledger.evolve import evolve
from ledger.policy import default_policy
from ledger.registrations import shared
from ledger.state import SeenActions, State
from schemas.codec import decode_decision, encode_decision
from schemas.errors import JournalMismatch
from schemas.hashing import sha256
from schemas.records import Action, Decision, Policy

FIRST_PREVIOUS_SHA256: Final = bytes(32)


@final
class Engine:
    """One ledger, at one point of its journal.

    Attributes:
        state: What the journal has led to.
        last_bytes: The Avro bytes of the last decision; empty before the first.
        last_sha256: Their hash; zeros before the first.

    """

    __slots__ = ("last_bytes", "last_sha256", "state")

    def __init__(self, state: State, last_sha256: bytes) -> None:
        self.state: Final = state
        self.last_bytes: bytes = b""
        self.last_sha256: bytes = last_sha256

    @staticmethod
    def start(policy: Policy | None = None, seen: SeenActions | None = None) -> Engine:
        """Give a ledger before its first decision, under that policy or the default one."""
        state = State(
            default_policy() if policy is None else policy,
            SeenActions() if seen is None else seen,
        )
        return Engine(state, FIRST_PREVIOUS_SHA256)

    def decide(
        self,
        action: Action,
        avro: bytes,
        digest: bytes,
        action_offset: i64,
        recorded_at: int | None,
        recorded_offset_minutes: i64,
    ) -> Decision:
        """Decide an action whose shape is right, and go on to the state after it.

        Args:
            action: The action.
            avro: Its Avro bytes as they came, without a frame.
            digest: Digest of its content.
            action_offset: Where it stands on its topic.
            recorded_at: The broker's append time, microseconds since 1970, UTC.
            recorded_offset_minutes: 0, but where there was no broker.

        """
        return self._commit(
            decide(
                self.state,
                action,
                previous_sha256=self.last_sha256,
                action_sha256=sha256(avro),
                content_digest=digest,
                action_offset=action_offset,
                recorded_at=recorded_at,
                recorded_offset_minutes=recorded_offset_minutes,
            )
        )

    def decide_unreadable(
        self, raw: bytes, action_offset: i64, recorded_at: int | None, recorded_offset_minutes: i64
    ) -> Decision:
        """Account for a record that is no action, given as it came."""
        return self._commit(
            decide_unreadable(
                self.state,
                previous_sha256=self.last_sha256,
                action_sha256=sha256(raw),
                action_offset=action_offset,
                recorded_at=recorded_at,
                recorded_offset_minutes=recorded_offset_minutes,
            )
        )

    def follow(self, avro: bytes) -> Decision:
        """Take the next decision of a journal, given as its Avro bytes.

        Raises:
            JournalMismatch: it does not continue this journal.
            InvariantViolation: it speaks of what is not there.

        """
        decision = decode_decision(avro)
        if decision.seq != self.state.next_seq or decision.previous_sha256 != self.last_sha256:
            raise JournalMismatch(
                f"decision {decision.seq} does not continue the journal: next is {self.state.next_seq}"
            )
        evolve(self.state, decision)
        for registration in decision.registrations:
            self.state.registrations[registration.registration_id] = shared(registration)
        self.last_bytes = avro
        self.last_sha256 = sha256(avro)
        return decision

    def _commit(self, decision: Decision) -> Decision:
        avro = encode_decision(decision)
        evolve(self.state, decision)
        self.last_bytes = avro
        self.last_sha256 = sha256(avro)
        return decision

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Engine({self.state!r}, last_sha256={self.last_sha256.hex()})"
