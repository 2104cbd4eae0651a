"""What followed from a difference, and what it followed from: along the causes, and along nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audit.what_if.differences import LINE, Difference, Divergence, Link


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
        self._looked: dict[int, tuple[int, int | None]] = {}

    def maker(self, link: Link) -> int | None:
        """Give a difference of the chain that made the thing what it was for this link, or None."""
        divergence = link.divergence
        looked, found = self._looked.get(id(divergence), (0, None))
        if found is not None and divergence.made_by.index(found) < link.made_by_count:
            return found
        for number in divergence.made_by[looked : link.made_by_count]:
            if number in self._chain:
                found = number
                break
        self._looked[id(divergence)] = (max(looked, int(link.made_by_count)), found)
        return found

    def __repr__(self) -> str:
        """Show how much was looked at."""
        return f"_Met({len(self._chain)} in the chain)"


def reasons(differences: Sequence[Difference], last: Difference) -> list[Step]:
    """Give the way from what was asked for to a difference: one cause of each, the nearest.

    Of several causes the first is followed; where it takes them together, the first that some difference has
    made. Of a line it is the difference that changed it last, of all else the one that set it apart.
    """
    way: list[tuple[Difference, Divergence | None]] = []
    difference: Difference | None = last
    while difference is not None:
        link = _nearest(difference)
        way.append((difference, None if link is None else link.divergence))
        made_by = [] if link is None else link.made_by()
        if not made_by or link is None:
            break
        difference = differences[made_by[-1] if link.divergence.kind == LINE else made_by[0]]
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
