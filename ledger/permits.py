"""Permits (SIP2MI): their lines, and their validity as a property of time (domain §3)."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64

from ledger.timeline import Timeline
from schemas.records import Permit, PermitLine

DAY_MICROS: Final[i64] = 86_400_000_000
WIB_OFFSET_MICROS: Final[i64] = 7 * 3_600_000_000
# Before any version of a permit there is no last day of validity: no day is at or before it.
NEVER: Final[i64] = -(1 << 40)


@final
class LineState:
    """A permit's line and its accounts, in units."""

    __slots__ = ("available", "departed", "forfeited", "granted", "position", "reserved", "sex")

    def __init__(self, position: str, sex: str) -> None:
        self.position: Final = position
        self.sex: Final = sex
        self.granted: i64 = 0
        self.available: i64 = 0
        self.reserved: i64 = 0
        self.departed: i64 = 0
        self.forfeited: i64 = 0

    def __repr__(self) -> str:
        """Show the accounts."""
        return (
            f"LineState({self.position}, {self.sex}, granted={self.granted}, available={self.available}, "
            f"reserved={self.reserved}, departed={self.departed}, forfeited={self.forfeited})"
        )


@final
class PermitState:
    """A permit with its whole history.

    Attributes:
        permit_id: Opaque.
        agency_id: Its holder; a permit cannot be transferred (Act 18/2017 art. 59).
        destination: Its one country.
        valid_from: First day, WIB, in days since 1970.
        valid_to: Last day that the last decision left.
        revoked: Whether the last decision left it revoked.
        lines: Line number to line.
        last_days: `valid_to` by moment: the version as of t.
        revocations: 1 where revoked, 0 where not, by moment.

    """

    __slots__ = (
        "agency_id",
        "destination",
        "last_days",
        "lines",
        "permit_id",
        "revocations",
        "revoked",
        "valid_from",
        "valid_to",
    )

    def __init__(
        self, permit_id: str, agency_id: str, destination: str, valid_from: i64, valid_to: i64
    ) -> None:
        self.permit_id: Final = permit_id
        self.agency_id: Final = agency_id
        self.destination: Final = destination
        self.valid_from: Final[i64] = valid_from
        self.valid_to: i64 = valid_to
        self.revoked: bool = False
        self.lines: Final[dict[int, LineState]] = {}
        self.last_days: Final = Timeline()
        self.revocations: Final = Timeline()

    def __repr__(self) -> str:
        """Show the permit and its lines."""
        return (
            f"PermitState({self.permit_id}, {self.agency_id}, {self.destination}, valid {self.valid_from} to "
            f"{self.valid_to}, revoked={self.revoked}, lines={self.lines})"
        )


def wib_day(at: i64) -> i64:
    """Give the date in WIB (UTC+7) of an instant, in days since 1970."""
    return (at + WIB_OFFSET_MICROS) // DAY_MICROS


def is_valid(permit: PermitState, at: i64) -> bool:
    """Tell whether the WIB date of that instant lies within the version as of that instant, ends included."""
    day: i64 = wib_day(at)
    return permit.valid_from <= day <= permit.last_days.as_of(at, NEVER)


def is_revoked(permit: PermitState, at: i64) -> bool:
    """Tell whether the permit was revoked at or before that instant and not reinstated since."""
    return permit.revocations.as_of(at, 0) == 1


def permit_after(permit: PermitState, *, valid_to: i64, revoked: bool, line: i64, granted: i64) -> Permit:
    """Give the permit as a decision carries it.

    Args:
        permit: As it stands before.
        valid_to: Its last day after.
        revoked: Whether it is revoked after.
        line: The line whose grant changes; 0: none.
        granted: The units granted on that line after.

    """
    lines = []
    for number, state in permit.lines.items():
        units: i64 = state.granted
        if number == line:
            units = granted
        lines.append(PermitLine(number, state.position, state.sex, units))
    return Permit(
        permit.permit_id, permit.agency_id, permit.destination, permit.valid_from, valid_to, revoked, lines
    )
