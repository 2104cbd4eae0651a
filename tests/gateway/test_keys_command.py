"""`neraca keys` as an operator uses it."""

import json
import subprocess
import sys

import pytest

from tests.gateway.desk import Desk, Running


def neraca(running: Running, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `neraca keys …` against the ledger of this folder."""
    done = subprocess.run(
        [sys.executable, "-m", "neraca", "keys", *arguments],
        env=running.crew.settings.child_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert status == done.returncode, done.stderr
    return done


def test_the_life_of_a_key(running: Running, word: str) -> None:
    """Made, used, listed without its secret, rotated, revoked: with JSON and without."""
    made = neraca(running, "create", word, "--officer", "o-1", "--read", "decisions", "--days", "3")
    key = made.stdout.strip()
    key_id = key.split("_")[1]
    assert key_id in made.stderr
    assert 200 == Desk(running.desk.port, key).get("/v1/decisions/0").status_code
    listed = neraca(running, "list")
    assert word in listed.stdout
    assert key not in listed.stdout + neraca(running, "list", "--json").stdout
    rotated = json.loads(neraca(running, "rotate", key_id, "--grace-hours", "1", "--json").stdout)
    assert (key_id, 2) == (rotated["key_id"], rotated["secrets_valid"])
    for valid in (key, rotated["key"]):
        assert 200 == Desk(running.desk.port, valid).get("/v1/decisions/0").status_code
    assert "revoked" in neraca(running, "revoke", key_id).stdout
    told = {one["key_id"]: one for one in json.loads(neraca(running, "list", "--json").stdout)}
    assert told[key_id]["revoked_at"]
    assert "revoked" in neraca(running, "rotate", key_id, status=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("create", "x"),
        ("create", "x", "--officer", "o"),
        ("create", "x", "--officer", "o", "--system", "SIAPKERJA"),
        ("create", "x", "--officer", "o", "--system", "SIAP", "--office", "HQ:*"),
        ("create", "x", "--officer", "o", "--system", "BP2MI", "--office", "HQ"),
        ("create", "x", "--officer", "o", "--read", "everything"),
        ("create", "x", "--officer", "3501014503901234", "--read", "all"),
        ("create", "x", "--officer", "a\udcff", "--read", "all"),
        ("create", "x", "--officer", "o", "--system", "BP2MI", "--office", "HQ:\udcff"),
        ("revoke", "nobody"),
        ("revoke", "\udcff"),
        ("rotate", "nobody"),
    ],
)
def test_what_cannot_be(running: Running, arguments: tuple[str, ...]) -> None:
    """A key that nobody knows, or that could do nothing, is said so in words, with exit code 2."""
    said = neraca(running, *arguments, status=2).stderr
    assert said.startswith("neraca: ")
    assert 2 == len(said.strip().splitlines())
