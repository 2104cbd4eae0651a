"""What an accepted action changes, gathered while it is judged: nothing of it holds if it is refused."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import mypyc_attr

from ledger.quota import Postings
from ledger.state import State
from schemas.records import Agency, Complaint, Destination, Permit, Person, Policy, Registration, Training

# Most decisions change none of these: they share one list that stays empty. A rule that changes one puts a
# list of its own in its place, and never adds to what is there.
_NO_PERMITS: Final[list[Permit]] = []
_NO_AGENCIES: Final[list[Agency]] = []
_NO_DESTINATIONS: Final[list[Destination]] = []
_NO_PEOPLE: Final[list[Person]] = []
_NO_TRAININGS: Final[list[Training]] = []
_NO_COMPLAINTS: Final[list[Complaint]] = []
_NO_POLICIES: Final[list[Policy]] = []


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
        self.permits = _NO_PERMITS
        self.agencies = _NO_AGENCIES
        self.destinations = _NO_DESTINATIONS
        self.people = _NO_PEOPLE
        self.trainings = _NO_TRAININGS
        self.complaints = _NO_COMPLAINTS
        self.policies = _NO_POLICIES

    def __repr__(self) -> str:
        """Show what moves."""
        return f"Effects({self.registrations}, {self.postings.items})"
