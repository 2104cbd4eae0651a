"""What is changed in the history: records inserted, dropped, changed; and who has seen which action id.

Data and two lookups, plain enough to be compiled. Must not read files.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from ledger.state import SeenActions
from schemas.framing import ActionRecord


@final
class Given:
    """What was asked for, and how much of it has been met so far.

    An action is its id and its content: dropping or changing it concerns every record of that id with the
    content of the first, so that a record sent twice does not slip in by its repetition. A record that used
    the same id for something else is another action, and stays.

    Attributes:
        before_seq: Actions to insert, by the number of the record that they come before.
        by_entered: Actions to insert before the first record that was entered after them, the earliest first.
        at_end: Actions to insert after the last record.
        drop_seqs: Numbers of records to drop.
        drop_ids: Ids of actions to drop.
        change_seqs: What to put in the place of a record, by its number.
        change_ids: What to put in the place of an action, by its id.
        contents: Id to the content of its first record, of the ids to drop and to change, once it was met.
        met_seqs: Numbers of records that were dropped or changed.
        met_ids: Ids of actions that were.

    """

    __slots__ = (
        "at_end",
        "before_seq",
        "by_entered",
        "change_ids",
        "change_seqs",
        "contents",
        "drop_ids",
        "drop_seqs",
        "met_ids",
        "met_seqs",
    )

    def __init__(self) -> None:
        self.before_seq: Final[dict[int, list[ActionRecord]]] = {}
        self.by_entered: Final[list[ActionRecord]] = []
        self.at_end: Final[list[ActionRecord]] = []
        self.drop_seqs: Final[set[int]] = set()
        self.drop_ids: Final[set[bytes]] = set()
        self.change_seqs: Final[dict[int, ActionRecord]] = {}
        self.change_ids: Final[dict[bytes, ActionRecord]] = {}
        self.contents: Final[dict[bytes, bytes]] = {}
        self.met_seqs: Final[set[int]] = set()
        self.met_ids: Final[set[bytes]] = set()

    def concerns(self, seq: int, action_id: bytes) -> bool:
        """Tell whether a record may be dropped or changed; nearly none is."""
        return (
            action_id in self.drop_ids
            or action_id in self.change_ids
            or seq in self.drop_seqs
            or seq in self.change_seqs
        )

    def ids(self) -> set[bytes]:
        """Give the action ids that the two ledgers may not have seen alike."""
        found = self.drop_ids | set(self.change_ids)
        for records in self.before_seq.values():
            found.update([record.action.action_id for record in records])
        found.update([record.action.action_id for record in self.by_entered])
        found.update([record.action.action_id for record in self.at_end])
        found.update([record.action.action_id for record in self.change_seqs.values()])
        return found

    def __repr__(self) -> str:
        """Show how much is asked for."""
        inserted = sum(map(len, self.before_seq.values())) + len(self.by_entered) + len(self.at_end)
        return (
            f"Given({inserted} to insert, {len(self.drop_seqs) + len(self.drop_ids)} to drop, "
            f"{len(self.change_seqs) + len(self.change_ids)} to change)"
        )


@mypyc_attr(allow_interpreted_subclasses=True)
class SeenBeside(SeenActions):
    """The ids that one of the two ledgers has seen: one store for both, but for the ids that were given.

    Which ids a ledger has seen follows from its records alone, whatever it decides. So both share a store,
    and each keeps only what it alone has seen.
    """

    __slots__ = ("_apart", "_common")

    def __init__(self, common: SeenActions, apart: set[bytes]) -> None:
        super().__init__()
        self._common: Final = common
        self._apart: Final = apart

    def find(self, action_id: bytes) -> tuple[bytes, int] | None:
        """Give the content digest and the `seq` of the first decision on that id, or None."""
        if action_id in self._apart:
            found = super().find(action_id)
            if found is not None:
                return found
        return self._common.find(action_id)

    def remember(self, action_id: bytes, content_digest: bytes, seq: int) -> None:
        """Keep the first decision on that id."""
        if action_id in self._apart:
            super().remember(action_id, content_digest, seq)
        else:
            self._common.remember(action_id, content_digest, seq)
