"""Lines that a candidate must not get: each way to name one, and the refusal that it is aimed at.

A way gives the fields `permit_id` and `line` as JSON, or None where the history so far has no such line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from producers.workload.supply import Permit, Pool, Supply


def wrong_line(supply: Supply, pool: Pool, fraction: float) -> str:
    """The fields of a line that this pool's candidate must not get; `fraction` (0 ≤ fraction < 1) chooses."""
    first = int(fraction * len(_WAYS))
    for way in (*_WAYS[first:], *_WAYS[:first]):
        named = way(supply, pool)
        if named is not None:
            return named
    return _unknown_permit(supply, pool)


def _none_named(supply: Supply, pool: Pool) -> str:  # noqa: ARG001 (a way like the others)
    """LINE_MISSING."""
    return ""


def _unknown_permit(supply: Supply, pool: Pool) -> str:  # noqa: ARG001 (the same)
    """UNKNOWN_PERMIT: a digit too many."""
    return (
        f',"permit_id":"{pool.agency.recent[-1].id}0","line":1'
        if pool.agency.recent
        else (',"permit_id":"SIP-0","line":1')
    )


def _unknown_line(supply: Supply, pool: Pool) -> str | None:  # noqa: ARG001 (the same)
    """UNKNOWN_LINE."""
    recent = pool.agency.recent
    return f',"permit_id":"{recent[-1].id}","line":{len(recent[-1].lines) + 1}' if recent else None


def _other_agency(supply: Supply, pool: Pool) -> str | None:
    """PERMIT_HELD_BY_OTHER: the permit that the head office issued last."""
    permit = supply.last_permit
    return None if permit is None or permit.agency is pool.agency else permit.lines[0].named


def _other_destination(supply: Supply, pool: Pool) -> str | None:  # noqa: ARG001 (the same)
    """DESTINATION_MISMATCH."""
    for permit in pool.agency.recent:
        if permit.destination != pool.destination.code:
            return permit.lines[0].named
    return None


def _other_job(supply: Supply, pool: Pool) -> str | None:  # noqa: ARG001 (the same)
    """LINE_MISMATCH."""
    for permit in pool.agency.recent:
        for line in permit.lines:
            if permit.destination == pool.destination.code and line.position != pool.job.position:
                return line.named
    return None


def _fitting(permit: Permit | None, pool: Pool) -> str | None:
    """The line of a permit that would fit the candidate, if it has one."""
    if permit is None or permit.destination != pool.destination.code:
        return None
    for line in permit.lines:
        if line.position == pool.job.position and line.sex in {"ANY", pool.sex}:
            return line.named
    return None


def _revoked(supply: Supply, pool: Pool) -> str | None:  # noqa: ARG001 (the same)
    """PERMIT_REVOKED."""
    permit = pool.agency.revoked
    return _fitting(permit, pool) if permit is not None and permit.revoked else None


def _expired(supply: Supply, pool: Pool) -> str | None:  # noqa: ARG001 (the same)
    """PERMIT_NOT_VALID."""
    return _fitting(pool.agency.expired, pool)


def _spent(supply: Supply, pool: Pool) -> str | None:  # noqa: ARG001 (the same)
    """QUOTA_EXHAUSTED."""
    return pool.spent.named if pool.spent is not None and pool.spent.available == 0 else None


_WAYS: Final[tuple[Callable[[Supply, Pool], str | None], ...]] = (
    _none_named,
    _unknown_permit,
    _unknown_line,
    _other_agency,
    _other_destination,
    _other_job,
    _revoked,
    _expired,
    _spent,
    _spent,
    _spent,
)
"""Spent lines come most often: what a desk shows as left was taken by another desk."""
