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

# Records that are read before the first of them is decided: what they become in memory, some two kilobytes
# each, stays in a processor's own cache. With 2,000 deciding costs a tenth more.
DECIDED_AT_ONCE: Final = 500


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


@mypyc_attr(acyclic=True)
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
        if self.seen.is_full:
            self.seen.set_aside(int(decision.seq), self.engine.last_sha256)
        self.next_action_offset = decision.action_offset + 1
        self.last_offset = offset
        if decision.recorded_at is not None:
            self.confirmed_at = decision.recorded_at

    def decide(self, messages: list[Any]) -> Decided:
        """Decide a batch of records of the action topic, given as the client's messages.

        One that was decided before is left out: the client may give it again after a new assignment.
        """
        decided = Decided()
        for start in range(0, len(messages), DECIDED_AT_ONCE):
            self._decide(messages[start : start + DECIDED_AT_ONCE], decided)
        return decided

    def _decide(self, messages: list[Any], decided: Decided) -> None:
        """Read these records, look their ids up together, and decide them."""
        read: list[Any] = []
        records: list[ActionRecord | None] = []
        reasons: list[str] = []
        action_ids: list[bytes] = []
        for message in messages:
            if message.offset() < self.next_action_offset:
                continue
            try:
                record = decode_action_value(message.value(), self._ids)
            except UnreadableRecord as error:
                records.append(None)
                reasons.append(str(error))
            else:
                records.append(record)
                action_ids.append(record.action.action_id)
            read.append(message)
        self.seen.prefetch(action_ids)
        engine = self.engine
        outcomes = decided.outcomes
        head = frame(self._ids.decision_id, b"")
        unreadable: i64 = 0
        for number, message in enumerate(read):
            offset: i64 = message.offset()
            timestamp_ms: i64 = message.timestamp()[1]
            recorded_at: i64 = timestamp_ms * 1000
            readable = records[number]
            if readable is not None:
                decision = engine.decide(
                    readable.action, readable.avro, readable.digest, offset, recorded_at, 0
                )
            else:
                value: bytes | None = message.value()
                decision = engine.decide_unreadable(b"" if value is None else value, offset, recorded_at, 0)
                decided.dead_letters.append(DeadLetter(value, reasons[unreadable], offset, decision.seq))
                unreadable += 1
            code = decision.code
            outcome = decision.outcome if code is None else "REFUSED " + code
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            framed = head + engine.last_bytes
            decided.values.append(framed)
            self.pending.append(Written(framed, decision.seq, engine.last_sha256, recorded_at))
            self.next_action_offset = offset + 1
        if self.seen.is_full:
            self.seen.set_aside(int(engine.state.next_seq) - 1, engine.last_sha256)

    def read_back(self, messages: list[Any]) -> int:
        """Compare records of the journal with what was written; give how many of ours came back.

        Raises:
            Superseded: a record that is not ours was accepted.

        """
        confirmed = 0
        pending = self.pending
        acceptance = self.acceptance
        last: Written | None = None
        for message in messages:
            value: bytes | None = message.value()
            if pending and value == pending[0].value:
                last = pending.popleft()
                acceptance.accept(last.seq, last.sha256)
            elif acceptance.offer(value) is not None:
                if not pending or acceptance.last_sha256 != pending[0].sha256:
                    raise Superseded(
                        f"decision {acceptance.last_seq} in the journal is another decider's",
                        advice="It starts again from the journal; see that all run the same version.",
                    )
                # The same decision in another frame: from a decider whose schema ids are others.
                last = pending.popleft()
            else:
                continue
            confirmed += 1
            last_message = message
        if last is not None:
            self.confirmed_at = last.recorded_at
            self.last_offset = last_message.offset()
        return confirmed

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Deciding({self.engine!r}, pending={len(self.pending)}, {self.acceptance!r})"
