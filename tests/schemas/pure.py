"""Runs a module on sources of ours only, also where they are compiled.

python -m tests.schemas.pure pytest tests/schemas
python -m tests.schemas.pure neraca decide actions.jsonl
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


class SourcesOnly:
    """Finds the source of a module of ours before anybody finds the compiled module beside it."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module from its `.py` file, if it is one of those that can be compiled."""
        package, _, module = name.partition(".")
        source = ROOT / package / f"{module}.py"
        if package in {"schemas", "ledger"} and module and source.is_file():
            return spec_from_file_location(name, source)
        return None


def main(arguments: list[str]) -> None:
    """Run the module named first, with the arguments behind it."""
    sys.meta_path.insert(0, SourcesOnly)
    for compiled in ("schemas.codec", "ledger.decide"):
        assert str(importlib.import_module(compiled).__file__).endswith(".py")
    sys.argv = arguments
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
