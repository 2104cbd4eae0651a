"""Puts a history together: one seed, its sub-seeds, and the lines that come out."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from producers.workload.candidates import Candidates
from producers.workload.nonsense import with_nonsense
from producers.workload.profile import Profile
from producers.workload.records import Records
from producers.workload.slips import Slips
from producers.workload.supply import Supply
from producers.workload.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator


def actions(seed: int, candidates: int, profile: Profile | None = None) -> Iterator[str]:
    """A history of `candidates` people as actions (contract §1), one line of JSON each, by `entered_at`.

    The same seed, number and profile give the same bytes, on every machine: of Python's generators only
    `random` and `getrandbits` are used, whose sequence Python keeps. Lines are made as they are taken; what
    is held is the candidates and permits under way, about one kilobyte each. Raises `ValueError` when
    `candidates` is below one.
    """
    if candidates < 1:
        raise ValueError(f"candidates must be at least 1, not {candidates}")
    return _lines(seed, candidates, profile or Profile())


def _lines(seed: int, candidates: int, profile: Profile) -> Iterator[str]:
    def sub_seeded(part: str) -> Random:
        # A string seeds through SHA-512, the same everywhere; one generator each, so that a change in one
        # part of
        # the workload leaves the draws of the others alone.
        return Random(f"{seed}/{part}")

    records = Records(sub_seeded("records"))
    timeline = Timeline(records)
    supply = Supply(profile, candidates, sub_seeded("supply"), records, timeline)
    slips = Slips(sub_seeded("slips"), records, supply)
    supply.begin()
    Candidates(profile, sub_seeded("candidates"), records, supply, slips, timeline).begin(candidates)
    if profile.nonsense:
        return with_nonsense(timeline.lines(), profile.nonsense, sub_seeded("nonsense"))
    return timeline.lines()
