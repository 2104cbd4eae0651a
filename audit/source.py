"""Where a ledger can be read whole, from its first record on: the live topics, or an archive folder.

The port that verify, what-if, proofs and reports read through. It must not judge: what the journal ought to
hold is the reader's question.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from audit.recorded import RecordedAction

__all__ = ["Extent", "RecordedAction", "Source"]


class Extent(NamedTuple):
    """How far a source goes: fixed when it is opened, whatever is appended meanwhile.

    Attributes:
        decisions: How many decisions there may be, for a progress bar: an upper bound.
        actions: How many records of the action topic there may be: an upper bound.

    """

    decisions: int
    actions: int


class Source(Protocol):
    """A ledger at rest: its actions and its decisions up to where they ended when it was opened.

    Each call of `actions` or `decisions` starts anew; both may be read at once, and each goes batch by batch,
    so that memory stays bounded.
    """

    @property
    def name(self) -> str:
        """What a message calls it: the topics' names, or the folder."""
        ...

    def extent(self) -> Extent:
        """How much there is.

        Raises:
            BrokerUnavailable: Kafka does not answer.
            ArchiveDamaged: the folder is no archive, or a part of it cannot be read.

        """
        ...

    def decisions(self) -> Iterator[list[bytes]]:
        """The accepted decisions' Avro bytes, exactly as produced, without frame, by `seq` from 0.

        Raises:
            BrokerUnavailable: Kafka does not answer.
            JournalMismatch: the journal's beginning is gone.
            ArchiveDamaged: a part of the folder cannot be read.

        """
        ...

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The records of the action topic, by offset.

        Raises:
            BrokerUnavailable: Kafka does not answer.
            ArchiveDamaged: a part of the folder cannot be read.

        """
        ...
