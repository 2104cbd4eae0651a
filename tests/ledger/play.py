"""Histories drawn by a seed, told to ledger and oracle, and made again: for as long as one likes.

To look longer than a test run may: `python -m tests.ledger.play FIRST_SEED HISTORIES`. It ends with the hash
of the last journal, which must depend on the seed alone.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

from tests.ledger import histories
from tests.ledger.dump import dump
from tests.ledger.story import Story

ACTIONS_MAX = 80


def check_journal(story: Story) -> None:
    """Run the story's actions again, and follow its journal without them: the same bytes, the same state."""
    again = story.told_again()
    assert story.journal == again.journal
    assert dump(story.engine) == dump(again.engine)
    assert dump(story.engine) == dump(story.followed())


def play(seed: int) -> Story:
    """Tell one history drawn by a seed, and check its journal."""
    dice = random.Random(seed)

    def pick(options: Sequence[Any]) -> Any:
        return options[dice.randrange(len(options))]

    story = Story(policy=histories.any_policy(pick, "P-0") if dice.random() < 0.2 else None)
    for action in histories.beginning(pick) if dice.random() < 0.9 else []:
        story.tell(action)
    makers: list[tuple[int, Callable[[], list[dict[str, Any]]]]] = [
        (18, lambda: [histories.ruling(pick)]),
        (3, lambda: [histories.policy_adopted(pick)]),
        (15, lambda: [histories.registered(pick)]),
        (34, lambda: [histories.taken_step(pick, story.known())]),
        (6, lambda: [histories.service(pick)]),
        (7, lambda: histories.repeated(pick, story.told)),
        (17, lambda: histories.cutover(pick, story.known())),
        (6, lambda: histories.corrected(pick, story.known())),
    ]
    while len(story.told) < ACTIONS_MAX:
        if dice.random() < 0.01:
            story.tell_unreadable()
        (maker,) = dice.choices([maker for _, maker in makers], [weight for weight, _ in makers])
        for action in maker():
            story.tell(action)
    check_journal(story)
    return story


def main() -> None:
    """Play as many histories as asked for, and say which seeds fail."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    actions = 0
    last_sha256 = b""
    for seed in range(first, first + count):
        try:
            story = play(seed)
        except AssertionError:
            print(f"seed {seed} fails")  # noqa: T201 - what it is run for
            raise
        actions += len(story.told)
        last_sha256 = story.engine.last_sha256
    print(f"{count} histories, {actions} actions: no difference; {last_sha256.hex()}")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
