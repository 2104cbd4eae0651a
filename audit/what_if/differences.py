"""Where two ledgers differ: decisions that are not alike, and things that do not stand alike.

A difference is one pair of decisions. A divergence is one thing (a registration, the units free on a line)
from the difference that set the two ledgers apart to the one that brought them together again. Data only.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

# What a decision is on the side that has none.
ABSENT: Final = ""
DROPPED: Final = "dropped"
INSERTED: Final = "inserted"
CHANGED: Final = "changed"

POLICY: Final = "policy"
ACTION: Final = "action"
REGISTRATION: Final = "registration"
PERSON: Final = "person"
LINE: Final = "line"
PERMIT: Final = "permit"
AGENCY: Final = "agency"
DESTINATION: Final = "destination"
TRAINING: Final = "training"
COMPLAINT: Final = "complaint"


@final
class Divergence:
    """One thing that does not stand alike in the two ledgers, while it does not.

    Attributes:
        kind: What sort of thing: one of the constants above.
        key: Which one; a line is `permit/line`, an action its UUID without dashes.
        made_by: Numbers of the differences that made it or changed it, in order; none for the policy that was
            asked for.

    """

    __slots__ = ("key", "kind", "made_by")

    def __init__(self, kind: str, key: str) -> None:
        self.kind: Final = kind
        self.key: Final = key
        self.made_by: Final[list[int]] = []

    def __repr__(self) -> str:
        """Show the thing and what made it."""
        return f"Divergence({self.kind} {self.key}, made by {self.made_by})"


@final
class Link:
    """Why a decision differs: a thing that did not stand alike at that moment.

    Attributes:
        divergence: The thing.
        made_by_count: How many of the divergence's `made_by` had happened by then.

    """

    __slots__ = ("divergence", "made_by_count")

    def __init__(self, divergence: Divergence) -> None:
        self.divergence: Final = divergence
        self.made_by_count: Final[i64] = len(divergence.made_by)

    def nearest(self) -> i64:
        """Give the difference to name for it; -1: it is the policy that was asked for.

        Of a line that is the one which changed it last, of all else the one that set it apart.
        """
        if self.made_by_count == 0:
            return -1
        divergence = self.divergence
        return divergence.made_by[self.made_by_count - 1 if divergence.kind == LINE else 0]

    def made_by(self) -> list[int]:
        """Give the numbers of the differences that had made the thing what it was at that moment."""
        return self.divergence.made_by[: self.made_by_count]

    def __repr__(self) -> str:
        """Show the thing as it was then."""
        return f"Link({self.divergence.kind} {self.divergence.key}, made by {self.made_by()})"


@final
class Difference:
    """One pair of decisions on one action that are not alike; or one decision that only one side has.

    Attributes:
        number: From 0, in the order of the run.
        seq: The decision's number in the ledger that is; of an inserted action, the one that it came before.
        given: `dropped`, `inserted` or `changed` where this is what was asked for; else empty.
        before: Outcome in the ledger that is, with the code of a refusal; `ABSENT` where there is none.
        after: The same in the ledger that would be.
        effects: Where both are accepted: what they do differently, in words.
        action_id: Of the action; empty where it is no action.
        kind: Kind of the action.
        system: Who acted.
        occurred_at: Microseconds since 1970, UTC.
        occurred_offset_minutes: Its local reading.
        registration_id: What the action is about, where it names one.
        person_id: The same.
        permit_id: Permit whose unit the action moves or asks for.
        line: Its line; 0: none.
        causes: The things that explain it; empty where `given`, or where nothing does.
        is_joint: Whether it takes all of `causes` together; else each of them alone explains it.

    """

    __slots__ = (
        "action_id",
        "after",
        "before",
        "causes",
        "effects",
        "given",
        "is_joint",
        "kind",
        "line",
        "number",
        "occurred_at",
        "occurred_offset_minutes",
        "permit_id",
        "person_id",
        "registration_id",
        "seq",
        "system",
    )

    def __init__(self, number: i64, seq: i64, given: str, before: str, after: str, effects: str) -> None:
        self.number: Final[i64] = number
        self.seq: Final[i64] = seq
        self.given: Final = given
        self.before: Final = before
        self.after: Final = after
        self.effects: Final = effects
        self.action_id: bytes = b""
        self.kind: str = ""
        self.system: str = ""
        self.occurred_at: i64 = 0
        self.occurred_offset_minutes: i64 = 0
        self.registration_id: str | None = None
        self.person_id: str | None = None
        self.permit_id: str | None = None
        self.line: i64 = 0
        self.causes: list[Link] = []
        self.is_joint: bool = False

    def __repr__(self) -> str:
        """Show what became of what, and why."""
        return (
            f"Difference({self.number}, seq={self.seq}, {self.given or self.kind} {self.registration_id}: "
            f"{self.before or 'none'} -> {self.after or 'none'} {self.effects}, because of {self.causes})"
        )
