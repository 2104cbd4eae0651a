"""The rules, run once more over the records of an action topic: what the journal ought to hold.

Runs for every action of a ledger, so mypyc compiles it. Must not read a journal, nor judge one: `verify` and
`what-if` compare what this gives with what is there.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from audit.recorded import RecordedAction
from consumers.seen_actions import StoredSeenActions
from ledger.engine import Engine
from schemas.errors import UnreadableRecord
from schemas.framing import ActionRecord, decode_action_value
from schemas.ids import SchemaIds
from schemas.records import Decision, Policy

_MICROS_PER_MS: Final = 1_000


@final
class Reexecution:
    """A ledger that is told the actions again, from the first one on.

    Attributes:
        engine: The ledger as the actions given so far have left it.

    """

    __slots__ = ("_ids", "_seen", "engine")

    def __init__(
        self, ids: SchemaIds, policy: Policy | None = None, seen: StoredSeenActions | None = None
    ) -> None:
        """Begin before the first action.

        Args:
            ids: The schema ids that the actions are framed with.
            policy: In force before the first decision; None: the default one.
            seen: Where action ids are kept; None: in memory, some 250 bytes each.

        """
        self._ids: Final = ids
        self._seen: Final = seen
        self.engine: Final = Engine.start(policy, seen)

    def run(self, records: list[RecordedAction]) -> list[bytes]:
        """Decide the next records: the Avro bytes of one decision each.

        Raises:
            InvariantViolation: a rule has left what cannot be.

        """
        engine = self.engine
        made: list[bytes] = []
        for record, readable in self._read(records):
            self._decide(record, readable)
            made.append(engine.last_bytes)
        return made

    def decisions(self, records: list[RecordedAction]) -> list[Decision]:
        """Decide the next records, as `run`, and give the decisions themselves."""
        return [self._decide(record, readable) for record, readable in self._read(records)]

    def _read(self, records: list[RecordedAction]) -> list[tuple[RecordedAction, ActionRecord | None]]:
        """Decode the records, None where one is no action, and look all their ids up at once."""
        read: list[tuple[RecordedAction, ActionRecord | None]] = []
        action_ids: list[bytes] = []
        for record in records:
            try:
                readable = decode_action_value(record.value, self._ids)
            except UnreadableRecord:
                read.append((record, None))
            else:
                action_ids.append(readable.action.action_id)
                read.append((record, readable))
        seen = self._seen
        if seen is not None:
            if seen.is_full:
                seen.set_aside(int(self.engine.state.next_seq) - 1, self.engine.last_sha256)
            seen.store(int(self.engine.state.next_seq) - 1)
            seen.prefetch(action_ids)
        return read

    def _decide(self, record: RecordedAction, readable: ActionRecord | None) -> Decision:
        recorded_at: i64 = record.recorded_at_ms * _MICROS_PER_MS
        if readable is not None:
            return self.engine.decide(
                readable.action, readable.avro, readable.digest, record.offset, recorded_at, 0
            )
        value = record.value
        return self.engine.decide_unreadable(b"" if value is None else value, record.offset, recorded_at, 0)

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Reexecution({self.engine!r})"
