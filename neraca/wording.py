"""English for counts: one of a thing is not many of them. Bahasa Indonesia needs none of it."""

from __future__ import annotations


def counted(count: int, one: str, many: str = "") -> str:
    """Give a count with its words: `1 row`, `2 rows`; `many` where more than an s is other."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
