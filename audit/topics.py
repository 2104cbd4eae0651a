"""A ledger read from its live topics. Reads beside whoever writes; must not commit, produce, or judge."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from audit.source import Extent, RecordedAction
from consumers.action_topic import ActionReader, end_of
from consumers.journal import SHA256_BYTES, Entry, JournalReader
from schemas.errors import BrokerUnavailable
from schemas.topics import ACTIONS, DECISIONS

BATCH_RECORDS: Final = 5_000
WAIT_SECONDS: Final = 1.0
# What the client may fetch ahead of its reader.
QUEUE_KIB_MAX: Final = 32_768
# With nothing read and no end in sight for so long, something is wrong that waiting does not mend.
SILENCE_SECONDS_MAX: Final = 30.0


class Strangers(NamedTuple):
    """What stands on the journal's topic and is no accepted decision.

    Attributes:
        repeats: Records identical to an accepted one: a retry.
        passed_over: Records that no reader accepts: foreign ones, or another decider's.
        behind_last: How many of those stand behind the last accepted decision.
        behind_last_offset: The offset of the first of them; -1: there is none.

    """

    repeats: int = 0
    passed_over: int = 0
    behind_last: int = 0
    behind_last_offset: int = -1


class TopicsSource:
    """The live topics up to where they end now.

    Attributes:
        name: The names of both topics.
        strangers: What was passed over; complete once `decisions` has been read to its end.

    """

    def __init__(
        self, kafka: Mapping[str, str | int], topic_prefix: str, *, timeout_seconds: float = 15.0
    ) -> None:
        """Ask both topics where they end.

        Raises:
            BrokerUnavailable: Kafka does not answer in time.

        """
        # Two topics are read at once by one process, which is never faster than this lasts.
        self._kafka: Final = {**kafka, "queued.max.messages.kbytes": QUEUE_KIB_MAX}
        self._actions: Final = ACTIONS.under(topic_prefix)
        self._decisions: Final = DECISIONS.under(topic_prefix)
        # No word of any language: the report is in two.
        self.name: Final = f"{self._actions}, {self._decisions}"
        self.strangers = Strangers()
        # Decisions first: every one of them then has its action within the other end.
        self._decisions_end: Final = end_of(kafka, self._decisions, timeout_seconds)
        self._actions_end: Final = end_of(kafka, self._actions, timeout_seconds)

    def extent(self) -> Extent:
        """How many records both topics hold, markers of transactions included."""
        return Extent(decisions=self._decisions_end, actions=self._actions_end)

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions that every reader of the journal accepts, up to its end when this was opened."""
        reader = JournalReader(
            self._kafka, self._decisions, last_seq=-1, last_sha256=bytes(SHA256_BYTES), offset=0
        )
        acceptance = reader.acceptance
        silent_since = time.monotonic()
        try:
            while reader.next_offset < self._decisions_end:
                before = reader.next_offset
                values = reader.take(BATCH_RECORDS, WAIT_SECONDS, self._decisions_end)
                self.strangers = Strangers(
                    int(acceptance.repeats),
                    int(acceptance.passed_over),
                    int(acceptance.passed_over - reader.passed_before),
                    int(reader.behind_offset),
                )
                if reader.next_offset != before:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                    raise _silent(self._decisions, before)
                if values:
                    yield values
        finally:
            reader.close()

    def entries(self) -> Iterator[list[Entry]]:
        """The same, with where they stand."""
        reader = JournalReader(
            self._kafka, self._decisions, last_seq=-1, last_sha256=bytes(SHA256_BYTES), offset=0
        )
        acceptance = reader.acceptance
        silent_since = time.monotonic()
        # Passed over up to the last accepted decision, and the first record behind it that was.
        passed_before, behind_offset = 0, -1
        try:
            while reader.next_offset < self._decisions_end:
                before = reader.next_offset
                batch = []
                for message in reader.messages(BATCH_RECORDS, WAIT_SECONDS):
                    offset = message.offset() or 0
                    if offset >= self._decisions_end:
                        break
                    passed = int(acceptance.passed_over)
                    value = acceptance.offer(message.value())
                    if value is not None:
                        batch.append(Entry(value, offset, message.timestamp()[1]))
                        passed_before, behind_offset = passed, -1
                    elif acceptance.passed_over > passed and behind_offset < 0:
                        behind_offset = offset
                self.strangers = Strangers(
                    int(acceptance.repeats),
                    int(acceptance.passed_over),
                    int(acceptance.passed_over) - passed_before,
                    behind_offset,
                )
                if reader.next_offset != before:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                    raise _silent(self._decisions, before)
                if batch:
                    yield batch
        finally:
            reader.close()

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The records of the action topic, up to its end when this was opened."""
        reader = ActionReader(self._kafka, self._actions, offset=0)
        silent_since = time.monotonic()
        try:
            while reader.next_offset < self._actions_end:
                before = reader.next_offset
                found = reader.messages(BATCH_RECORDS, WAIT_SECONDS)
                if reader.next_offset != before:
                    silent_since = time.monotonic()
                elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                    raise _silent(self._actions, before)
                batch = [RecordedAction(one.offset() or 0, one.timestamp()[1], one.value()) for one in found]
                if batch := [action for action in batch if action.offset < self._actions_end]:
                    yield batch
        finally:
            reader.close()

    def __repr__(self) -> str:
        """Show the topics and where they end."""
        return f"TopicsSource({self.name}, ends={self._decisions_end}, {self._actions_end})"


def _silent(topic: str, offset: int) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"the topic {topic} gave nothing at offset {offset} for {SILENCE_SECONDS_MAX:.0f} seconds",
        advice="Is the broker up, and has every transaction on the topic ended?",
    )
