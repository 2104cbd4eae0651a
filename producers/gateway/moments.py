"""An instant on two axes: when it was true (`as_of`), and what was known (`known_at`). Pure.

What was known is bounded by a decision's `seq`, by when the source's officer entered it, or by when the
broker recorded it. The tables answer for such a moment (projections/migrations/0007_as_of.sql).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.instants import BadInstantError, parse_instant
from schemas.records import Decision
from schemas.shape import INSTANT_MAX, INSTANT_MIN

RECORDED: Final = "recorded:"
FOR_EVER: Final = "infinity"
BEFORE_ALL: Final = "-infinity"
SEQ_MAX: Final = 2**63 - 1
_SEQ_DIGITS_MAX: Final = 18
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Moment:
    """The last instants, microseconds since 1970, and the last `seq` that count; None: all up to now."""

    as_of_us: int | None = None
    entered_us: int | None = None
    recorded_us: int | None = None
    known_seq: int | None = None

    @property
    def is_now(self) -> bool:
        """Whether every axis is open."""
        return (self.as_of_us, self.entered_us, self.recorded_us, self.known_seq) == (None,) * 4

    def includes(self, decision: Decision) -> bool:
        """Whether a decision had happened, and was known, by then."""
        recorded_us = decision.entered_at if decision.recorded_at is None else decision.recorded_at
        return (
            _by(decision.occurred_at, self.as_of_us)
            and _by(decision.entered_at, self.entered_us)
            and _by(recorded_us, self.recorded_us)
            and (self.known_seq is None or decision.seq <= self.known_seq)
        )

    def bounds(self) -> dict[str, datetime | int | str]:
        """The same as parameters of the functions in PostgreSQL."""
        return {
            "true_at": _at(self.as_of_us),
            "known_seq": SEQ_MAX if self.known_seq is None else self.known_seq,
            "entered_by": _at(self.entered_us),
            "recorded_by": _at(self.recorded_us),
        }


def _by(us: int | None, bound: int | None) -> bool:
    return bound is None or (us is not None and us <= bound)


def _at(us: int | None) -> datetime | str:
    # No action lies outside these (schemas/shape.py), and Python's datetime does not go as far as an offset.
    if us is None or us > INSTANT_MAX:
        return FOR_EVER
    return BEFORE_ALL if us < INSTANT_MIN else _EPOCH + timedelta(microseconds=us)


def moment(as_of: str | None, known_at: str | None) -> Moment:
    """Read the two axes as texts.

    `as_of` is an instant as RFC 3339 writes it. `known_at` is one for what was entered by then, one behind
    `recorded:` for what the broker had recorded by then, or a `seq`.

    Raises:
        BadInstantError: one of them is none of these.

    """
    as_of_us = None if as_of is None else _instant(as_of)
    if known_at is None:
        return Moment(as_of_us)
    if known_at.isascii() and known_at.isdigit():
        if len(known_at) > _SEQ_DIGITS_MAX:
            raise BadInstantError(f"a seq has at most {_SEQ_DIGITS_MAX} digits", "a seq, or an instant")
        return Moment(as_of_us, known_seq=int(known_at))
    if known_at.startswith(RECORDED):
        return Moment(as_of_us, recorded_us=_instant(known_at.removeprefix(RECORDED)))
    return Moment(as_of_us, entered_us=_instant(known_at))


def _instant(text: str) -> int:
    # In a query, a plus that was not escaped arrives as a space.
    return parse_instant(text.replace(" ", "+"))[0]
