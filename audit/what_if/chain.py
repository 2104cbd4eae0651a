"""What followed from a difference, and what it followed from: along the causes, and along nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.what_if.differences import Difference, Divergence, Link


@dataclass(frozen=True, slots=True)
class Step:
    """One difference in a chain.

    Attributes:
        difference: What differs.
        because: The difference that it follows from; None: the chain begins here.
        through: The thing that the one left apart and the other met.
        depth: How many steps from the beginning of the chain.

    """

    difference: Difference
    because: Difference | None
    through: Divergence | None
    depth: int


def consequences(differences: Sequence[Difference], root: Difference) -> Iterator[Step]:
    """Give every difference that follows from one, itself first, in the order of the run.

    A difference follows from another if one of its causes is a thing that the other set apart or changed, or
    that one which follows from the other did.
    """
    depths = {root.number: 0}
    met = _Met(depths)
    yield Step(root, None, None, 0)
    for difference in differences[root.number + 1 :]:
        for link in difference.causes:
            maker = met.maker(link)
            if maker is not None:
                depths[difference.number] = depths[maker] + 1
                yield Step(difference, differences[maker], link.divergence, depths[difference.number])
                break


class _Met:
    """Which divergences a difference of the chain has had a part in: each list is looked through once."""

    def __init__(self, chain: dict[int, int]) -> None:
        self._chain = chain
        # By divergence: how far its list was looked through, and the place of the first that is in the chain.
        self._looked: dict[int, tuple[int, int]] = {}

    def maker(self, link: Link) -> int | None:
        """Give a difference of the chain that made the thing what it was for this link, or None."""
        divergence = link.divergence
        made_by, count = divergence.made_by, int(link.made_by_count)
        looked, place = self._looked.get(id(divergence), (0, -1))
        while place < 0 and looked < count:
            if made_by[looked] in self._chain:
                place = looked
            looked += 1
        self._looked[id(divergence)] = (looked, place)
        return made_by[place] if 0 <= place < count else None

    def __repr__(self) -> str:
        """Show how much was looked at."""
        return f"_Met({len(self._chain)} in the chain)"


def reasons(differences: Sequence[Difference], last: Difference) -> list[Step]:
    """Give the way from what was asked for to a difference: one cause of each, the nearest.

    Of several causes the first is followed; where it takes them together, the first that some difference has
    made.
    """
    way: list[tuple[Difference, Divergence | None]] = []
    difference: Difference | None = last
    while difference is not None:
        link = _nearest(difference)
        way.append((difference, None if link is None else link.divergence))
        nearest = -1 if link is None else int(link.nearest())
        difference = None if nearest < 0 else differences[nearest]
    steps: list[Step] = []
    for depth, (each, through) in enumerate(reversed(way)):
        steps.append(Step(each, steps[-1].difference if steps else None, through, depth))
    return steps


def _nearest(difference: Difference) -> Link | None:
    if difference.is_joint:
        for link in difference.causes:
            if link.made_by_count:
                return link
    return difference.causes[0] if difference.causes else None


def heaviest(differences: Sequence[Difference], count_max: int) -> list[tuple[Difference, int]]:
    """Give the differences from which the most others follow, each of these counted under its nearest cause.

    One that only passes on what another began is left out: the beginning stands for it.
    """
    counts = [0] * len(differences)
    parents = [-1] * len(differences)
    for difference in reversed(differences):
        link = _nearest(difference)
        parent = -1 if link is None else int(link.nearest())
        if parent >= 0:
            number = int(difference.number)
            parents[number] = parent
            counts[parent] += counts[number] + 1
    roots = [each for each in differences if parents[each.number] < 0 and counts[each.number]]
    roots.sort(key=lambda each: (-counts[each.number], each.number))
    return [(each, counts[each.number]) for each in roots[:count_max]]
