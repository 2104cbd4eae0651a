"""Runs `neraca` as a user does, in a process of its own, and keeps what it said."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neraca.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """The exit code, and both outputs."""

    code: int
    out: bytes
    err: str

    @property
    def decisions(self) -> list[dict[str, Any]]:
        """Standard output, read as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def neraca(
    *arguments: str | Path,
    stdin: bytes = b"",
    settings: Settings | None = None,
    timeout_seconds: float = 120,
) -> Said:
    """Run one command to its end."""
    run = subprocess.run(
        [sys.executable, "-m", "neraca", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env=None if settings is None else settings.child_environment(),
        timeout=timeout_seconds,
        check=False,
    )
    return Said(run.returncode, run.stdout, run.stderr.decode())


def lines_of(actions: Iterable[object]) -> bytes:
    """Actions as JSON lines; bytes stand for themselves."""
    rows = [action if isinstance(action, bytes) else json.dumps(action).encode() for action in actions]
    return b"".join(row + b"\n" for row in rows)
