"""Every refusal code, in every kind of action where it can arise: given, when, then, one row each."""

from __future__ import annotations

import pytest

from ledger.refusals import REFUSALS
from schemas.kinds import KINDS
from tests.ledger.ladders import LADDERS, SCENES, Row, Scene, code_of
from tests.ledger.story import Story

ALL_SCENES = [(kind, scene) for kind, scenes in SCENES.items() for scene in scenes]
ROWS = [(kind, scene, row) for kind, scene in ALL_SCENES for row in scene.rows]


def test_table_covers_the_closed_list() -> None:
    """The ladders hold exactly the codes that the ledger can give; every kind has its ladder and scenes."""
    assert set(REFUSALS) == {code_of(rung) for ladder in LADDERS.values() for rung in ladder}
    assert set(KINDS) == set(LADDERS)
    assert set(KINDS) == set(SCENES)


@pytest.mark.parametrize("kind", LADDERS)
def test_every_rung_has_a_row(kind: str) -> None:
    """No check of a kind is without a row that makes it fail; no row speaks of a check that is not there."""
    assert set(LADDERS[kind]) == {row.rung for scene in SCENES[kind] for row in scene.rows}


@pytest.mark.parametrize(
    ("kind", "scene"), ALL_SCENES, ids=[f"{kind} {scene.name}".strip() for kind, scene in ALL_SCENES]
)
def test_scene_without_a_row_is_accepted(kind: str, scene: Scene) -> None:
    """What a row is laid over is in order, so that the row alone is what is refused."""
    given, when = scene.laid_over()
    assert kind == when["kind"]
    assert "ACCEPTED" == Story(*given).tell(when)["outcome"]


@pytest.mark.parametrize(
    ("kind", "scene", "row"), ROWS, ids=[f"{kind} {scene.name}: {row.rung}" for kind, scene, row in ROWS]
)
def test_row_is_refused_with_its_code(kind: str, scene: Scene, row: Row) -> None:
    """The one check that fails gives its code, and nothing changes."""
    given, when = scene.laid_over(row)
    assert kind == when["kind"]
    story = Story(*given)
    before = story.known(), story.balances()
    decision = story.tell(when)
    assert code_of(row.rung) == decision["code"]
    assert "REFUSED" == decision["outcome"]
    assert before == (story.known(), story.balances())
