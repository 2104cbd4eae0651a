"""Tells whether the compiled modules were made from the sources that stand here now.

A module compiled by mypyc shadows the `.py` file beside it, also when that file was edited since. The build
(`setup.py`) records the hash of each source that it compiled; this module compares. It compiles nothing and
imports none of the modules that it judges.

    python -m neraca.compiled        exits 1 when something is stale
"""

import hashlib
import importlib.machinery
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parent.parent
_ADVICE = "run `make compile`"


@dataclass(frozen=True)
class Compiled:
    """What runs here: `compiled` modules, `pure` Python, or `stale` modules that must not be trusted.

    `modules` are the compiled sources; `problems` say what is stale; `reason` says why nothing is compiled.
    """

    kind: Literal["compiled", "pure", "stale"]
    modules: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    reason: str = ""

    def __str__(self) -> str:
        """One line for a person."""
        if self.kind == "stale":
            return f"stale, {_ADVICE}: {'; '.join(self.problems)}"
        if self.kind == "pure":
            return f"pure Python: {self.reason}"
        return f"compiled: {len(self.modules)} modules"


def inspect(root: Path = ROOT) -> Compiled:
    """Compares the record of the last build under `root` with the sources and libraries there."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    record_path = root / "neraca" / "compiled.json"
    if record_path.is_file():
        record = json.loads(record_path.read_text(encoding="utf-8"))
    else:
        record = {"suffix": suffix, "sources": {}, "pure": "never built here"}
    recorded: dict[str, str] = record["sources"] if record["suffix"] == suffix else {}

    problems = []
    for name, sha256 in sorted(recorded.items()):
        source = root / name
        if not _library(source, suffix).is_file():
            problems.append(f"{name} lost its library")
        elif not source.is_file():
            problems.append(f"{name} is gone, its library is not")
        elif hashlib.sha256(source.read_bytes()).hexdigest() != sha256:
            problems.append(f"{name} was edited")
    known = {_library(root / name, suffix) for name in recorded}
    for package in ("schemas", "ledger", "projections", "consumers"):
        strangers = sorted(set((root / package).glob(f"*{suffix}")) - known)
        problems.extend(f"{library.relative_to(root)} is in no record" for library in strangers)

    if problems:
        return Compiled("stale", tuple(sorted(recorded)), tuple(problems))
    if not recorded:
        return Compiled("pure", reason=record["pure"] or f"built for another Python ({record['suffix']})")
    return Compiled("compiled", tuple(sorted(recorded)))


def _library(source: Path, suffix: str) -> Path:
    return source.with_name(source.stem + suffix)


def main() -> int:
    """Prints the state; 1 when stale."""
    state = inspect()
    print(f"neraca: {state}")  # noqa: T201 - its output is its purpose
    return 1 if state.kind == "stale" else 0


if __name__ == "__main__":
    sys.exit(main())
