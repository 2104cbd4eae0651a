"""The reference of fields is what the contracts say today."""

from __future__ import annotations

from schemas.kinds import KINDS
from schemas.reference import PAGE, page


def test_the_committed_page_is_today_s() -> None:
    """`docs/actions.md` is what `python -m schemas.reference` writes."""
    assert page() == PAGE.read_text(encoding="utf-8")


def test_every_kind_stands_there() -> None:
    """Each kind has its row, with each of its fields."""
    kinds, _, _ = page().partition("## An action")
    rows = {line.split("|")[1].strip(): line for line in kinds.splitlines() if line.startswith("|")}
    for kind in KINDS.values():
        row = rows[f"`{kind.name}`"]
        assert all(f"`{name}`" in row for name in (*kind.required, *kind.optional))
