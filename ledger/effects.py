"""What an accepted action changes, gathered while it is judged: nothing of it holds if it is refused."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from ledger.quota import Postings
from ledger.state import State
from schemas.codec import (
    NO_AGENCY,
    NO_COMPLAINT,
    NO_DESTINATION,
    NO_PERMIT,
    NO_PERSON,
    NO_POLICY,
    NO_TRAINING,
)
from schemas.records import Registration


@mypyc_attr(acyclic=True)
@final
class Effects:
    """The lists of a decision, in the order of contract §2."""

    __slots__ = (
        "agencies",
        "complaints",
        "destinations",
        "people",
        "permits",
        "policies",
        "postings",
        "registrations",
        "trainings",
    )

    def __init__(self, state: State) -> None:
        self.registrations: Final[list[Registration]] = []
        self.postings: Final = Postings(state)
        # Most decisions change none of these: they share the codec's lists, which stay empty. A rule that
        # changes one puts a list of its own in its place, and never adds to what is there.
        self.permits = NO_PERMIT
        self.agencies = NO_AGENCY
        self.destinations = NO_DESTINATION
        self.people = NO_PERSON
        self.trainings = NO_TRAINING
        self.complaints = NO_COMPLAINT
        self.policies = NO_POLICY

    def __repr__(self) -> str:
        """Show what moves."""
        return f"Effects({self.registrations}, {self.postings.items})"
