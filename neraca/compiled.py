"""Tells whether the compiled modules were made from the sources that stand here now.

A module compiled by mypyc shadows the `.py` file beside it, also when that file was edited since. The build
(`setup.py`) records the hash of each source that it compiled; this module compares. It compiles nothing and
imports none of the modules that it judges.

    python -m neraca.compiled        exits 1 when something is stale

The command `neraca` asks `refuse_stale` at every start: it looks at times and sizes, and reads the sources
only where these say that one may have changed.
"""

import contextlib
import importlib.machinery
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from schemas.errors import StaleBuild

ROOT = Path(__file__).resolve().parent.parent
_RECORD = Path("neraca", "compiled.json")
_ADVICE = "run `make compile`"
# Of a pull that changed much, the first few say enough.
_PROBLEMS_TOLD_MAX = 3


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
    import hashlib

    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    try:
        record = _read_record(str(root / _RECORD))
    except FileNotFoundError:
        record = {"suffix": suffix, "sources": {}, "pure": "never built here"}
    except ValueError:
        return Compiled("stale", problems=(f"{_RECORD}, their record, is damaged",))
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
    for package in ("schemas", "ledger", "projections", "consumers", "audit"):
        strangers = sorted(set((root / package).glob(f"**/*{suffix}")) - known)
        problems.extend(f"{library.relative_to(root)} is in no record" for library in strangers)

    if problems:
        return Compiled("stale", tuple(sorted(recorded)), tuple(problems))
    if not recorded:
        return Compiled("pure", reason=record["pure"] or f"built for another Python ({record['suffix']})")
    return Compiled("compiled", tuple(sorted(recorded)))


def refuse_stale(root: Path = ROOT) -> None:
    """Return when no compiled module hides a newer source; a millisecond where nothing changed.

    Raises:
        StaleBuild: some do: after `git pull` without `make setup`, half of the program would be the old one.

    """
    looked_at_ns = time.time_ns()
    record_path = str(root / _RECORD)
    try:
        built_ns = os.stat(record_path).st_mtime_ns  # noqa: PTH116 - pathlib costs more than the look itself
    except FileNotFoundError:
        return  # Nothing was ever compiled here.
    if _looks_as_built(str(root), record_path, built_ns):
        return
    state = inspect(root)
    if state.kind == "stale":
        told = "; ".join(state.problems[:_PROBLEMS_TOLD_MAX])
        more = len(state.problems) - _PROBLEMS_TOLD_MAX
        raise StaleBuild(
            "the compiled modules are not those of the sources here: "
            + (f"{told}; and {more} more" if more > 0 else told),
            advice="Run `make setup` in the checkout, or install the package again; then start this again.",
        )
    # Other times and the same bytes, as after a copy: said once, so that the next start need not read them.
    with contextlib.suppress(OSError):
        os.utime(record_path, ns=(looked_at_ns, looked_at_ns))


def _looks_as_built(root: str, record_path: str, built_ns: int) -> bool:
    """Whether every source has the size that was compiled and is no younger than the build."""
    try:
        record = _read_record(record_path)
    except ValueError:
        return False
    if record["suffix"] != importlib.machinery.EXTENSION_SUFFIXES[0]:
        return True  # Made for another Python, which is not the one that would load it.
    sizes: dict[str, int] | None = record.get("sizes")
    if sizes is None:
        return False
    try:
        for name, size_bytes in sizes.items():
            found = os.stat(f"{root}/{name}")  # noqa: PTH116 - as above
            if found.st_size != size_bytes or found.st_mtime_ns > built_ns:
                return False
    except FileNotFoundError:
        return False
    return True


def _read_record(path: str) -> dict[str, Any]:
    """Read what the build recorded.

    Raises:
        FileNotFoundError: nothing was ever built here.
        ValueError: it is not whole: a build was cut, or the disk was full.

    """
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs more than the look itself
        record = json.load(file)
    if not isinstance(record, dict) or not {"suffix", "sources", "pure"} <= record.keys():
        raise ValueError(path)
    return record


def _library(source: Path, suffix: str) -> Path:
    return source.with_name(source.stem + suffix)


def main() -> int:
    """Prints the state; 1 when stale."""
    state = inspect()
    print(f"neraca: {state}")  # noqa: T201 - its output is its purpose
    return 1 if state.kind == "stale" else 0


if __name__ == "__main__":
    sys.exit(main())
