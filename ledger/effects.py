"""What an accepted action changes, gathered while it is judged: nothing of it holds if it is refused."""

from __future__ import annotations

from typing import Final, final

from ledger.quota import Postings
from ledger.state import State
from schemas.records import Agency, Complaint, Destination, Permit, Person, Policy, Registration, Training


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
        self.permits: Final[list[Permit]] = []
        self.agencies: Final[list[Agency]] = []
        self.destinations: Final[list[Destination]] = []
        self.people: Final[list[Person]] = []
        self.trainings: Final[list[Training]] = []
        self.complaints: Final[list[Complaint]] = []
        self.policies: Final[list[Policy]] = []

    def __repr__(self) -> str:
        """Show what moves."""
        return f"Effects({self.registrations}, {self.postings.items})"
