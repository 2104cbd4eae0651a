"""The Makefile keeps what the documents promise of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def bare_path(folder: Path, *programs: str) -> str:
    """A PATH that offers these programs and no other."""
    folder.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found is not None, program
        (folder / program).symlink_to(found)
    return str(folder)


def test_help_names_every_target() -> None:
    """`make` alone tells everything that can be asked of it."""
    told = set(re.findall(r'@echo "make ([a-z]+)', MAKEFILE))
    assert TARGETS - {"help"} == told


def test_documents_name_real_targets() -> None:
    """A `make …` in a document is a target of the Makefile."""
    for document in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("**/*.md")]:
        text = document.read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^|&& )make ([a-z]+)", text, re.MULTILINE))
        assert set() == named - TARGETS, document


def test_old_python_is_told(tmp_path: Path) -> None:
    """Without a Python that is new enough, make says so in a sentence and fails."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("requirements-dev.lock", "pyproject.toml", "setup.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    path = bare_path(tmp_path / "bin", "sh", "make", "touch", "rm")
    done = subprocess.run(
        ["make", "setup"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert 0 != done.returncode
    assert "neraca needs Python 3.11 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_clean_takes_away_what_make_made(tmp_path: Path) -> None:
    """`make clean` leaves the sources and nothing else."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    kept = [
        "Makefile",
        "schemas/codec.py",
        "neraca/cli.py",
        "tests/house/test_make.py",
        "notes/build/mine.txt",
    ]
    made = [
        ".venv/bin/python", "build/x.c", "dist/x.whl", "neraca.egg-info/PKG-INFO", "neraca/compiled.json",
        "schemas/codec.cpython-311.so", "neraca__mypyc.cpython-311.so", "schemas/__pycache__/codec.pyc",
        "tests/house/__pycache__/x.pyc", ".mypy_cache/x", ".ruff_cache/x", ".pytest_cache/x", ".hypothesis/x",
    ]  # fmt: skip
    for name in kept[1:] + made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    binaries = tmp_path / "bin"
    path = bare_path(binaries, "sh", "make")
    (binaries / "python3").symlink_to(Path(sys.base_prefix) / "bin" / Path(sys.executable).resolve().name)

    subprocess.run(["make", "clean"], cwd=tmp_path, env={"PATH": path}, check=True)

    left = {
        str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file() and binaries not in p.parents
    }
    assert set(kept) == left
