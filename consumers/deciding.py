"""The decider's inner loop: records in, framed decisions out, and the comparison of what comes back.

Pure but for the ledger that it carries: it talks to no broker. mypyc compiles it.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, final

from mypy_extensions import i64, mypyc_attr

from consumers.journal import Acceptance
from consumers.seen_actions import StoredSeenActions
from ledger.engine import Engine
from schemas.errors import NeracaError, UnreadableRecord
from schemas.framing import ActionRecord, decode_action_value, frame
from schemas.ids import SchemaIds


# What it inherits is not compiled.
@mypyc_attr(native_class=False)
class Superseded(NeracaError):
    """Another decider's record took a place in the journal that this one had decided for."""

    retryable = True


@final
class DeadLetter:
    """A record that could not be read.

    Attributes:
        value: As it came; None: it had no value.
        reason: Why.
        action_offset: Where it stands on the action topic.
        seq: The decision that accounts for it.

    """

    __slots__ = ("action_offset", "reason", "seq", "value")

    def __init__(self, value: bytes | None, reason: str, action_offset: i64, seq: i64) -> None:
        self.value: Final = value
        self.reason: Final = reason
        self.action_offset: Final[i64] = action_offset
        self.seq: Final[i64] = seq

    def __repr__(self) -> str:
        """Show where it stands, and why; never what it holds."""
        return f"DeadLetter(seq={self.seq}, action_offset={self.action_offset}, {self.reason})"


@final
class Written:
    """A decision that was handed to the broker and has not come back yet."""

    __slots__ = ("recorded_at", "seq", "sha256", "value")

    def __init__(self, value: bytes, seq: i64, sha256: bytes, recorded_at: i64) -> None:
        self.value: Final = value
        self.seq: Final[i64] = seq
        self.sha256: Final = sha256
        self.recorded_at: Final[i64] = recorded_at


@final
class Decided:
    """What became of one batch.

    Attributes:
        values: Framed decisions, in order.
        dead_letters: Records of the batch that could not be read.
        outcomes: Count by outcome and code, as "OUTCOME" or "REFUSED CODE".

    """

    __slots__ = ("dead_letters", "outcomes", "values")

    def __init__(self) -> None:
        self.values: Final[list[bytes]] = []
        self.dead_letters: Final[list[DeadLetter]] = []
        self.outcomes: Final[dict[str, int]] = {}


@final
class Deciding:
    """A ledger at work on the two topics.

    Attributes:
        engine: The ledger; ahead of the journal by what is in `pending`.
        acceptance: What the journal has accepted.
        pending: Decisions written and not read back, the oldest first.
        next_action_offset: The action to decide next.
        last_offset: Where the last accepted decision stands on the journal's topic; -1: nowhere yet.
        confirmed_at: `recorded_at` of the last accepted decision; 0 before the first.

    """

    def __init__(
        self,
        engine: Engine,
        seen: StoredSeenActions,
        ids: SchemaIds,
        acceptance: Acceptance,
        *,
        next_action_offset: i64,
        last_offset: i64,
    ) -> None:
        self.engine: Final = engine
        self.seen: Final = seen
        self.acceptance: Final = acceptance
        self.pending: Final[deque[Written]] = deque()
        self.next_action_offset: i64 = next_action_offset
        self.last_offset: i64 = last_offset
        self.confirmed_at: i64 = 0
        self._ids: Final = ids

    def follow(self, avro: bytes, offset: i64) -> None:
        """Take a decision that the journal has accepted, whoever made it."""
        decision = self.engine.follow(avro)
        self.next_action_offset = decision.action_offset + 1
        self.last_offset = offset
        if decision.recorded_at is not None:
            self.confirmed_at = decision.recorded_at

    def decide(self, messages: list[Any]) -> Decided:
        """Decide a batch of records of the action topic, given as the client's messages.

        One that was decided before is left out: the client may give it again after a new assignment.
        """
        decided = Decided()
        read: list[tuple[Any, ActionRecord | None, str]] = []
        action_ids: list[bytes] = []
        for message in messages:
            if message.offset() < self.next_action_offset:
                continue
            try:
                record = decode_action_value(message.value(), self._ids)
            except UnreadableRecord as error:
                read.append((message, None, str(error)))
            else:
                action_ids.append(record.action.action_id)
                read.append((message, record, ""))
        self.seen.prefetch(action_ids)
        engine = self.engine
        outcomes = decided.outcomes
        head = frame(self._ids.decision_id, b"")
        for message, readable, reason in read:
            offset: i64 = message.offset()
            timestamp_ms: i64 = message.timestamp()[1]
            recorded_at: i64 = timestamp_ms * 1000
            if readable is not None:
                decision = engine.decide(
                    readable.action, readable.avro, readable.digest, offset, recorded_at, 0
                )
            else:
                value: bytes | None = message.value()
                decision = engine.decide_unreadable(b"" if value is None else value, offset, recorded_at, 0)
                decided.dead_letters.append(DeadLetter(value, reason, offset, decision.seq))
            code = decision.code
            outcome = decision.outcome if code is None else "REFUSED " + code
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            framed = head + engine.last_bytes
            decided.values.append(framed)
            self.pending.append(Written(framed, decision.seq, engine.last_sha256, recorded_at))
            self.next_action_offset = offset + 1
        return decided

    def read_back(self, messages: list[Any]) -> int:
        """Compare records of the journal with what was written; give how many of ours came back.

        Raises:
            Superseded: a record that is not ours was accepted.

        """
        confirmed = 0
        pending = self.pending
        for message in messages:
            value: bytes | None = message.value()
            if pending and value == pending[0].value:
                written = self._confirm(message)
                self.acceptance.accept(written.seq, written.sha256)
                confirmed += 1
            elif self.acceptance.offer(value) is not None:
                if not pending or self.acceptance.last_sha256 != pending[0].sha256:
                    raise Superseded(
                        f"decision {self.acceptance.last_seq} in the journal is another decider's",
                        advice="It starts again from the journal; see that all run the same version.",
                    )
                # The same decision in another frame: from a decider whose schema ids are others.
                self._confirm(message)
                confirmed += 1
        return confirmed

    def _confirm(self, message: Any) -> Written:  # noqa: ANN401 - the client's message
        """Take the oldest decision that was pending as one that stands in the journal."""
        written = self.pending.popleft()
        self.confirmed_at = written.recorded_at
        self.last_offset = message.offset()
        return written

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Deciding({self.engine!r}, pending={len(self.pending)}, {self.acceptance!r})"
