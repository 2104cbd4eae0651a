"""The journal beside the actions: each action its decision, each decision its action, byte for byte.

Both are read in order and matched by the action's offset. Must not judge what the journal says of itself:
numbers and hashes are `sequence.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from audit.findings import Difference, Finding, decision_differences
from audit.reexecution import Reexecution
from audit.source import RecordedAction
from schemas.binary import Cursor, MalformedRecordError
from schemas.errors import InvariantViolation
from schemas.framing import FRAME_BYTES
from schemas.hashing import sha256

SHA256_BYTES: Final = 32
# What a change of an earlier decision alone changes in a later one.
FOLLOWING_FIELDS: Final = frozenset({"seq", "previous_sha256", "first_seq"})


class _Head:
    """What identifies a decision's action, read without the rest; offset -1 where it cannot be read."""

    __slots__ = ("action_sha256", "offset", "outcome")

    def __init__(self, value: bytes) -> None:
        cursor = Cursor(value)
        self.offset = -1
        self.action_sha256 = b""
        self.outcome = ""
        try:
            cursor.long()
            cursor.raw(SHA256_BYTES)
            offset = cursor.long()
            self.action_sha256 = cursor.raw(SHA256_BYTES)
            self.outcome = cursor.string()
        except (MalformedRecordError, UnicodeDecodeError):
            return
        self.offset = offset


class Comparison:
    """Takes the journal batch by batch, and fetches the actions that it needs.

    Attributes:
        decisions: How many records of the journal were taken.
        actions: How many records of the action topic have, or should have, their decision.
        following: Decisions that differ from what was expected by numbers and hashes of earlier ones alone.

    """

    def __init__(
        self,
        actions: Iterator[list[RecordedAction]],
        reexecution: Reexecution | None,
        checks: frozenset[str],
        note: Callable[[Finding], None],
    ) -> None:
        """Compare with what those actions give; without a re-execution with the actions' hashes alone."""
        self._batches: Final = actions
        self._reexecution: Reexecution | None = reexecution
        self._checks: Final = checks
        self._note: Final = note
        self._records: list[RecordedAction] = []
        self._expected: list[bytes] = []
        self._at = 0
        self._carried: list[bytes] = []
        self._is_over = False
        self.decisions = 0
        self.actions = 0
        self.following = 0
        self._has_differed = False

    def take(self, values: list[bytes], *, is_last: bool = False) -> None:
        """Take the next records of the journal. The last one is kept back until what follows it is known."""
        values = self._carried + values
        end = len(values) if is_last else len(values) - 1
        at = 0
        while at < end:
            if not self._fill(2):
                at = self._take_without_actions(values, at, end)
                break
            count = min(end - at, len(self._records) - self._at)
            alike = self._alike(values, at, count)
            at += alike
            self._advance(alike)
            self.decisions += alike
            if alike < count:
                self._fill(2)
                at += self._take_unlike(values[at], values[at + 1] if at + 1 < len(values) else None)
        self._carried = values[at:]

    def finish(self) -> int:
        """Take what was kept back; give how many records of the action topic wait for their decision."""
        self.take([], is_last=True)
        waiting = len(self._records) - self._at
        return waiting + sum(len(batch) for batch in self._batches)

    def _fill(self, wanted: int) -> bool:
        """Have so many actions at hand, where there are so many; tell whether there is any."""
        while len(self._records) - self._at < wanted and not self._is_over:
            batch = next(self._batches, None)
            if batch is None:
                self._is_over = True
                break
            rest = self._records[self._at :]
            expected = self._expected[self._at :]
            self._records = rest + batch
            self._expected = expected + self._run(batch)
            self._at = 0
        return self._at < len(self._records)

    def _run(self, batch: list[RecordedAction]) -> list[bytes]:
        """Make the decisions again; nothing where that was not asked for, or cannot go on."""
        if self._reexecution is None:
            return [b""] * len(batch)
        try:
            return self._reexecution.run(batch)
        except InvariantViolation as violation:
            self._reexecution = None
            self._tell(
                Finding(
                    "reexecution",
                    self.decisions,
                    f"the rules break an invariant when they are run again: {violation}",
                    advice="This is a bug of the program: keep the journal and the actions, and report it.",
                )
            )
            return [b""] * len(batch)

    def _alike(self, values: list[bytes], at: int, count: int) -> int:
        """Count how many of so many records from there on are, to the byte, what was expected."""
        if self._reexecution is not None:
            if values[at : at + count] == self._expected[self._at : self._at + count]:
                return count
            for place in range(count):
                if values[at + place] != self._expected[self._at + place]:
                    return place
        for place in range(count):
            head = _Head(values[at + place])
            record = self._records[self._at + place]
            if head.offset != record.offset or head.action_sha256 != _action_sha256(record, head.outcome):
                return place
        return count

    def _advance(self, count: int) -> None:
        self._at += count
        self.actions += count

    def _take_unlike(self, value: bytes, following: bytes | None) -> int:
        """Take a record that is not what was expected; give how many records of the journal that was."""
        record = self._records[self._at]
        head = _Head(value)
        if head.offset == record.offset or self._is_in_its_place(following):
            self._tell_difference(value, head, record)
            self._advance(1)
        elif head.offset > record.offset:
            self._tell(
                Finding(
                    "actions",
                    self.decisions,
                    f"the action at offset {record.offset} has no decision where it is due; "
                    f"the journal goes on with the action at offset {head.offset}",
                    advice="A decision was taken out or put elsewhere. Compare with an archive.",
                )
            )
            self._advance(1)
            return 0
        else:
            self._tell(
                Finding(
                    "actions",
                    self.decisions,
                    f"a decision on the action at offset {head.offset} stands where the one on the action at "
                    f"offset {record.offset} is due: that action was decided before, or there is none",
                    advice="A decision was put in, or stands in the wrong place.",
                )
            )
        self.decisions += 1
        return 1

    def _is_in_its_place(self, following: bytes | None) -> bool:
        """Tell whether the record names a wrong action, by what follows: the next two fit each other."""
        if following is None or self._at + 1 >= len(self._records):
            return False
        return _Head(following).offset == self._records[self._at + 1].offset

    def _tell_difference(self, value: bytes, head: _Head, record: RecordedAction) -> None:
        sha256 = _action_sha256(record, head.outcome)
        if head.action_sha256 != sha256:
            self._tell(
                Finding(
                    "action_sha256",
                    self.decisions,
                    f"the decision holds another hash than that of its action at offset {record.offset}",
                    (Difference("action_sha256", sha256.hex(), head.action_sha256.hex() or "no hash"),),
                    "The action or the decision was changed since. Where the signed checkpoints hold, it was "
                    "the action.",
                )
            )
        if self._reexecution is None:
            return
        differences = decision_differences(self._expected[self._at], value)
        if self._has_differed and all(_only_follows(each) for each in differences):
            self.following += 1
            return
        self._tell(
            Finding(
                "reexecution",
                self.decisions,
                f"the rules give another decision on the action at offset {record.offset} than the journal "
                "holds",
                differences,
                "The journal, the action or the rules were changed since it was decided. `neraca --version` "
                "and another copy of the journal tell which.",
            )
        )

    def _take_without_actions(self, values: list[bytes], at: int, end: int) -> int:
        """Take records of the journal behind the last action."""
        for value in values[at:end]:
            self._tell(
                Finding(
                    "actions",
                    self.decisions,
                    f"a decision on the action at offset {_Head(value).offset}; the actions end before it",
                    advice="The actions were cut short, or a decision was put in.",
                    is_of_the_end=True,
                )
            )
            self.decisions += 1
        return end

    def _tell(self, finding: Finding) -> None:
        self._has_differed = True
        if finding.check in self._checks:
            self._note(finding)


def _only_follows(difference: Difference) -> bool:
    """Tell whether a change of an earlier decision alone explains it."""
    return difference.name in FOLLOWING_FIELDS or ".stage_seqs" in difference.name


def _action_sha256(record: RecordedAction, outcome: str) -> bytes:
    """Give the hash that a decision of that outcome holds of its action."""
    value = record.value or b""
    return sha256(value if outcome == "UNREADABLE" else value[FRAME_BYTES:])
