"""The invariants of contract §4, checked by a second set of books that reads decisions only.

It shares no code with the rules: it keeps its own balances, its own count of held units and of open
registrations, and compares them with what each decision says.
"""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from schemas.errors import InvariantViolation
from schemas.records import Decision, Posting, Registration

ACCOUNTS: Final = ("available", "reserved", "departed", "forfeited")


@final
class Books:
    """An auditor's books, carried from decision to decision.

    Attributes:
        balances: Line to units granted and in the four accounts.
        held: Line to the registrations that hold a unit on it.
        open_of: Person to the open registration.
        units: Registration to what its unit was last: line and state.
        restored: Registrations whose unit was restored, ever.
        people: Registration to person, as they stand.

    """

    __slots__ = ("balances", "held", "next_seq", "open_of", "people", "restored", "units")

    def __init__(self) -> None:
        self.next_seq: i64 = 0
        self.balances: Final[dict[tuple[str, int], list[int]]] = {}
        self.held: Final[dict[tuple[str, int], int]] = {}
        self.open_of: Final[dict[str, str]] = {}
        self.units: Final[dict[str, tuple[str, int, str]]] = {}
        self.restored: Final[set[str]] = set()
        self.people: Final[dict[str, str]] = {}

    def check(self, decision: Decision) -> None:
        """Enter a decision and check every invariant that it can touch.

        Raises:
            InvariantViolation: the first that is broken, with both numbers.

        """
        seq = decision.seq
        if seq != self.next_seq:
            raise InvariantViolation(f"seq {seq} where {self.next_seq} was due")
        self.next_seq += 1
        if decision.outcome != "ACCEPTED" and _changes_something(decision):
            raise InvariantViolation(f"seq {seq} is {decision.outcome} and yet changes something")
        touched: list[tuple[str, int]] = []
        for posting in decision.postings:
            self._post(seq, posting)
            touched.append((posting.permit_id, posting.line))
        for registration in decision.registrations:
            # The line of the unit before as well as that after: a unit may not vanish either.
            before = self.units.get(registration.registration_id)
            if before is not None:
                touched.append((before[0], before[1]))
            self._enter(seq, registration, decision.kind == "registration_reassigned")
            unit = registration.unit
            if unit is not None:
                touched.append((unit.permit_id, unit.line))
        for line in touched:
            self._compare(seq, line)

    def _post(self, seq: i64, posting: Posting) -> None:
        line = (posting.permit_id, int(posting.line))
        books = self.balances.setdefault(line, [0, 0, 0, 0, 0])
        units: int = posting.units
        if units < 1:
            raise InvariantViolation(f"seq {seq} moves {units} units on {line}")
        if posting.from_account == "granted":
            books[0] += units
        else:
            books[_place(seq, posting.from_account)] -= units
        if posting.to_account == "granted":
            books[0] -= units
        else:
            books[_place(seq, posting.to_account)] += units
        said = [posting.granted, posting.available, posting.reserved, posting.departed, posting.forfeited]
        if said != books:
            raise InvariantViolation(f"seq {seq} says {said} on {line}, the postings add up to {books}")
        if min(books) < 0:
            raise InvariantViolation(f"seq {seq} leaves an account of {line} below zero: {books}")
        if sum(books[1:]) != books[0]:
            raise InvariantViolation(
                f"seq {seq}: accounts of {line} add up to {sum(books[1:])} of {books[0]}"
            )

    def _enter(self, seq: i64, registration: Registration, is_reassigned: bool) -> None:  # noqa: FBT001 - the kind
        registration_id = registration.registration_id
        self._enter_unit(seq, registration)
        person = registration.person_id
        person_before = self.people.get(registration_id, person)
        self.people[registration_id] = person
        if person_before != person:
            if not is_reassigned:
                raise InvariantViolation(f"seq {seq} gives {registration_id} to another person")
            if (self.open_of.get(person_before) == registration_id) != (registration.status == "open"):
                raise InvariantViolation(f"seq {seq} opens or ends {registration_id} by giving it away")
            self._close(person_before, registration_id)
        open_now = self.open_of.get(person)
        if registration.status == "open":
            if open_now is not None and open_now != registration_id:
                raise InvariantViolation(
                    f"seq {seq} opens {registration_id} beside {open_now}, of one person"
                )
            self.open_of[person] = registration_id
        else:
            self._close(person, registration_id)

    def _close(self, person: str, registration_id: str) -> None:
        """The person has that registration open no longer."""
        if self.open_of.get(person) == registration_id:
            del self.open_of[person]

    def _enter_unit(self, seq: i64, registration: Registration) -> None:
        registration_id = registration.registration_id
        before = self.units.get(registration_id)
        if before is not None and before[2] == "held":
            self.held[(before[0], before[1])] -= 1
        unit = registration.unit
        if unit is not None:
            line = (unit.permit_id, int(unit.line))
            if unit.state == "held":
                self.held[line] = self.held.get(line, 0) + 1
            if unit.state == "restored" and (before is None or before[2] != "restored"):
                if registration_id in self.restored:
                    raise InvariantViolation(
                        f"seq {seq} restores the unit of {registration_id} a second time"
                    )
                self.restored.add(registration_id)
            self.units[registration_id] = (line[0], line[1], unit.state)
        elif before is not None:
            del self.units[registration_id]

    def _compare(self, seq: i64, line: tuple[str, int]) -> None:
        books = self.balances.get(line)
        if books is None:
            raise InvariantViolation(f"seq {seq} speaks of a unit on {line}, on which none was ever granted")
        reserved = books[2]
        held = self.held.get(line, 0)
        if reserved != held:
            raise InvariantViolation(
                f"seq {seq}: {reserved} units are reserved on {line}, {held} registrations hold one"
            )

    def __repr__(self) -> str:
        """Show how far they go."""
        return f"Books(next_seq={self.next_seq}, lines={len(self.balances)}, open={len(self.open_of)})"


def _place(seq: i64, account: str) -> int:
    """Give the place of an account in a line's balances."""
    if account not in ACCOUNTS:
        raise InvariantViolation(f"seq {seq} posts to or from {account}, which is no account")
    return 1 + ACCOUNTS.index(account)


def _changes_something(decision: Decision) -> bool:
    return bool(
        decision.registrations
        or decision.postings
        or decision.permits
        or decision.agencies
        or decision.destinations
        or decision.people
        or decision.trainings
        or decision.complaints
        or decision.policies
    )
