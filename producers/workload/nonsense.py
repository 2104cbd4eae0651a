"""Breaks lines on purpose: what no producer should ever send, for trying out dead letters.

Each broken line is made from a good one, so that it looks like an accident. None of them passes the shape of
contract §1; the good lines around them stay the same bytes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random


def broken(line: str, random: Random) -> str:
    """A broken copy of a good line."""
    way = int(random.random() * 8)
    if way == 0:
        return line[: 1 + int(random.random() * (len(line) - 2))]  # cut off
    if way == 1:
        return "no JSON at all"
    if way == 2:
        return f"[{line}]"  # an array around it
    action = json.loads(line)
    if way == 3:
        action["phase"] = 3  # a field that the kind does not name
    elif way == 4:
        action["kind"] = f"{action['kind']}_again"  # a kind that is not there
    elif way == 5:
        action["entered_at"] = None  # null counts as absent
    elif way == 6:
        action["occurred_at"] = action["occurred_at"][:19]  # no offset
    else:
        action["office"] = {"type": "KANTOR", "code": action["office"]["code"]}  # an unknown type
    return json.dumps(action, separators=(",", ":"))


def with_nonsense(lines: Iterator[str], rate: float, random: Random) -> Iterator[str]:
    """The good lines as they are, and after some of them (`rate` of one) a broken copy."""
    for line in lines:
        yield line
        if random.random() < rate:
            yield broken(line, random)
