"""Builds the hot modules with mypyc where a C compiler is at hand; elsewhere they run as they stand.

The bytes that the product writes are the same either way; only speed differs. A failed compilation is
told and leaves pure Python behind, never half of each: one compiled module beside an uncompiled one of
the same group would not import.

`NERACA_PURE=1` forces pure Python; `NERACA_PURE=0` makes it an error when nothing can be compiled.

Each build leaves `neraca/compiled.json`: the hashes of the sources that went in, or why none did.
`neraca/compiled.py` compares it with the sources of the moment, because a compiled module shadows the
`.py` file beside it, also after an edit.
"""

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# What is worth compiling: whatever runs once for every action or row.
COMPILED = (
    "audit/archive/rows.py",
    "audit/recorded.py",
    "audit/reexecution.py",
    "audit/rows.py",
    "audit/sequence.py",
    "audit/what_if/causes.py",
    "audit/what_if/differences.py",
    "audit/what_if/given.py",
    "audit/what_if/meaning.py",
    "audit/what_if/overlay.py",
    "audit/what_if/running.py",
    "schemas/action_json.py",
    "schemas/binary.py",
    "schemas/codec.py",
    "schemas/decision_json.py",
    "schemas/framing.py",
    "schemas/hashing.py",
    "schemas/instants.py",
    "schemas/kinds.py",
    "schemas/records.py",
    "schemas/shape.py",
    "ledger/*.py",
    "projections/*.py",
    "consumers/deciding.py",
    "consumers/journal.py",
    "consumers/seen_actions.py",
    "consumers/snapshot.py",
)
# These talk to the database, once per batch.
NOT_COMPILED = (
    "projections/building.py",
    "projections/comparison.py",
    "projections/connecting.py",
    "projections/migrations.py",
    "projections/swapping.py",
    "projections/tables.py",
)

# One shared library holds them all, so that calls between them are C calls. It stands at the root.
GROUP = "neraca"

ROOT = Path(__file__).resolve().parent
RECORD = "neraca/compiled.json"
SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))
# mypyc runs when it is called, not when the extension is built: ask it only if something will be built.
BUILDING = {"bdist_wheel", "build", "build_ext", "editable_wheel", "install"} & set(sys.argv)


def sources() -> list[str]:
    """The files of COMPILED that exist, in one order."""
    found = {
        path.relative_to(ROOT).as_posix()
        for pattern in COMPILED
        for path in ROOT.glob(pattern)
        if path.is_file()
    }
    return sorted(name for name in found - {*NOT_COMPILED} if not name.endswith("/__init__.py"))


def hashes() -> dict[str, str]:
    """The SHA-256 of each source, taken before mypyc reads it: an edit meanwhile shows as stale."""
    return {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in sources()}


def sizes(names: Iterable[str]) -> dict[str, int]:
    """The bytes of each source: with its time, what the command looks at before it reads any."""
    return {name: (ROOT / name).stat().st_size for name in sorted(names)}


def why_pure() -> str | None:
    """What keeps this machine from compiling, or None."""
    # setuptools asks the same two places.
    compiler = shlex.split(os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc"))[0]
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if os.environ.get("NERACA_PURE", "") not in {"", "0"}:
        return "NERACA_PURE is set"
    if not sources():
        return "there is nothing to compile yet"
    if importlib.util.find_spec("mypyc") is None:
        return "mypyc is not installed"
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler})"
    if not header.is_file():
        return "Python's C headers are not installed"
    return None


def failed(error: BaseException) -> str:
    """The reason to record for a compilation that broke; raises when that was forbidden."""
    if os.environ.get("NERACA_PURE") == "0":
        raise error
    return f"compilation failed: {error.__class__.__name__}: {error}"


def remove_built(folder: Path) -> None:
    """Takes away what an earlier build left in `folder`: it would shadow the sources."""
    places = {folder, *(folder / Path(pattern).parent for pattern in COMPILED)}
    for place in places:
        for built in place.glob(f"*{SUFFIX}"):
            built.unlink()
    (folder / RECORD).unlink(missing_ok=True)


class BuildCompiled(build_ext):
    """`build_ext` that is all or nothing, and records what it did."""

    def run(self) -> None:
        """Compiles, or tells why not."""
        target = ROOT if self.inplace else Path(self.build_lib)
        reason = pure_reason
        remove_built(target)
        if reason is None:
            try:
                super().run()
            except Exception as error:  # noqa: BLE001 - whatever broke, pure Python still works
                reason = failed(error)
                remove_built(target)
                self.extensions = []
                self.distribution.ext_modules = []
        record: dict[str, object] = {"suffix": SUFFIX, "sources": {}, "sizes": {}, "pure": reason}
        if reason is None:
            record["sources"] = taken
            record["sizes"] = taken_sizes
            print(f"neraca: compiled {len(taken)} modules with mypyc")
        else:
            print(f"neraca: running as pure Python, slower but byte for byte the same: {reason}")
        (target / RECORD).parent.mkdir(parents=True, exist_ok=True)
        (target / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def get_outputs(self) -> list[str]:
        """What an install has to copy: the extensions and the record."""
        return [*super().get_outputs(), str(Path(self.build_lib) / RECORD)]


os.chdir(ROOT)
taken = hashes()
taken_sizes = sizes(taken)
extensions = []
pure_reason = why_pure()
if BUILDING and pure_reason is None:
    from mypyc.build import mypycify

    try:
        extensions = mypycify(sorted(taken), opt_level="3", debug_level="0", group_name=GROUP)
        for extension in extensions:
            # Nobody replaces a function of ours when it is loaded, so one may be called, or become a part of
            # another, without a look at who it is: some 4 % of a decision.
            extension.extra_compile_args.append("-fno-semantic-interposition")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - mypyc leaves by sys.exit on a type error
        pure_reason = failed(error)
if BUILDING and pure_reason is not None and os.environ.get("NERACA_PURE") == "0":
    sys.exit(f"neraca: NERACA_PURE=0 asks for compiled modules, but {pure_reason}")

# The two libraries name the same class differently.
setup(ext_modules=cast("list[Extension]", extensions), cmdclass={"build_ext": BuildCompiled})
