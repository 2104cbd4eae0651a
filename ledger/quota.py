"""The double-entry accounts of a permit's line, and the taking of a unit (domain §3, contract §3 *take*)."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from ledger.permits import PermitState, is_revoked, is_valid
from ledger.state import State
from schemas.errors import InvariantViolation
from schemas.records import Action, Posting, Registration

GRANTED: Final = "granted"
AVAILABLE: Final = "available"
RESERVED: Final = "reserved"
DEPARTED: Final = "departed"
FORFEITED: Final = "forfeited"


@mypyc_attr(acyclic=True)
@final
class Postings:
    """The movements of one decision, each with the line as it stands after it.

    It reads balances from the state and from the movements before, and changes nothing: a refused
    action's postings are dropped.

    Attributes:
        items: The postings, in order.

    """

    __slots__ = ("_state", "items")

    def __init__(self, state: State) -> None:
        self._state: Final = state
        self.items: Final[list[Posting]] = []

    def available(self, permit_id: str, line: i64) -> i64:
        """Give the units available on that line after the movements so far."""
        last = self._last(permit_id, line)
        if last is not None:
            return last.available
        return self._state.permits[permit_id].lines[line].available

    def move(self, permit_id: str, line: i64, source: str, target: str, units: i64) -> None:
        """Move units from one account to another.

        Raises:
            InvariantViolation: an account would fall below zero, or the accounts would not add up to what
                was granted. A guard should have refused this before: never clamp.

        """
        granted: i64 = 0
        available: i64 = 0
        reserved: i64 = 0
        departed: i64 = 0
        forfeited: i64 = 0
        last = self._last(permit_id, line)
        if last is not None:
            granted = last.granted
            available = last.available
            reserved = last.reserved
            departed = last.departed
            forfeited = last.forfeited
        else:
            permit = self._state.permits.get(permit_id)
            if permit is not None:
                now = permit.lines[line]
                granted = now.granted
                available = now.available
                reserved = now.reserved
                departed = now.departed
                forfeited = now.forfeited
        if source == AVAILABLE:
            available -= units
        elif source == RESERVED:
            reserved -= units
        elif source == FORFEITED:
            forfeited -= units
        elif source == GRANTED:
            granted += units
        else:
            raise InvariantViolation(f"nothing ever leaves the account {source} ({permit_id}/{line})")
        if target == AVAILABLE:
            available += units
        elif target == RESERVED:
            reserved += units
        elif target == DEPARTED:
            departed += units
        elif target == FORFEITED:
            forfeited += units
        else:
            granted -= units
        if available < 0 or reserved < 0 or departed < 0 or forfeited < 0:
            raise InvariantViolation(
                f"{permit_id}/{line}: moving {units} from {source} to {target} leaves available {available}, "
                f"reserved {reserved}, departed {departed}, forfeited {forfeited}"
            )
        if available + reserved + departed + forfeited != granted:
            raise InvariantViolation(
                f"{permit_id}/{line}: the accounts add up to {available + reserved + departed + forfeited}, "
                f"granted are {granted}"
            )
        self.items.append(
            Posting(permit_id, line, source, target, units, granted, available, reserved, departed, forfeited)
        )

    def _last(self, permit_id: str, line: i64) -> Posting | None:
        for number in range(len(self.items) - 1, -1, -1):
            posting = self.items[number]
            if posting.line == line and posting.permit_id == permit_id:
                return posting
        return None


def holds_unit(registration: Registration) -> bool:
    """Tell whether the registration has a unit reserved."""
    unit = registration.unit
    return unit is not None and unit.state == "held"


def refuse_take(
    state: State, postings: Postings, action: Action, permit_id: str, line: i64, wanted: Registration
) -> str | None:
    """Give the code that refuses a unit of that line to that registration at `occurred_at`, or None.

    Args:
        state: What is known.
        postings: What the same decision has moved already: a unit given back in it can be taken in it.
        action: The action that takes; its `occurred_at` is the moment that is judged.
        permit_id: The permit named.
        line: The line named.
        wanted: Whose agency, destination, position and sex must fit.

    """
    at: i64 = action.occurred_at
    permit = state.permits.get(permit_id)
    if permit is None:
        return "UNKNOWN_PERMIT"
    on = permit.lines.get(line)
    if on is None:
        return "UNKNOWN_LINE"
    if permit.agency_id != wanted.agency_id:
        return "PERMIT_HELD_BY_OTHER"
    if permit.destination != wanted.destination:
        return "DESTINATION_MISMATCH"
    if on.position != wanted.position or on.sex not in ("ANY", wanted.sex):
        return "LINE_MISMATCH"
    if is_revoked(permit, at):
        return "PERMIT_REVOKED"
    if not is_valid(permit, at):
        return "PERMIT_NOT_VALID"
    if state.is_agency_suspended(permit.agency_id, at):
        return "AGENCY_SUSPENDED"
    if state.is_destination_closed(permit.destination, at):
        return "DESTINATION_CLOSED"
    if postings.available(permit_id, line) < 1:
        return "QUOTA_EXHAUSTED"
    return None


def permit_of(state: State, permit_id: str) -> PermitState:
    """Give a permit that a registration's unit names; there is no unit without its permit."""
    permit = state.permits.get(permit_id)
    if permit is None:
        raise InvariantViolation(f"a unit is held on permit {permit_id}, which does not exist")
    return permit
