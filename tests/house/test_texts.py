"""What may stand in a committed file: no place that exists on one machine only, no loose ends."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written in halves, so that this file passes its own test.
MACHINE_PATHS = re.compile(r"(?<![\w.-])/(?:wo" r"rk|ro" r"ot|home/[a-z][\w-]*)/")
INDEX_HOSTS = re.compile(
    r"(?:\bpypi\.o"
    r"rg|pythonhosted\.o"
    r"rg|registry\.npmjs\.o"
    r"rg|repo1?\.maven|maven\.apache\.o"
    r"rg|crates\.i"
    r"o\b|proxy\.golang\.o"
    r"rg|deb\.debian\.o"
    r"rg)"
)
LOOSE_ENDS = re.compile(
    r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|mark\.sk" r"ip|pytest\.sk" r"ip\(|NotImplemented" r"Error"
)


def committed() -> list[Path]:
    """Every text file that git tracks, or is about to."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Where `pattern` stands, as file:line: text."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_machine_path() -> None:
    """A committed file works on every machine: it names no folder of the one where it was written."""
    assert [] == found(MACHINE_PATHS, committed())


def test_no_index_host() -> None:
    """No committed file says where packages come from; that is for whoever installs to choose."""
    assert [] == found(INDEX_HOSTS, committed())


def test_no_loose_ends() -> None:
    """Nothing is left for later in the code, and no test is skipped: what is missing stands in an issue."""
    assert [] == found(LOOSE_ENDS, [path for path in committed() if path.suffix in {".py", ".sql", ".avsc"}])


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_holds_no_address(name: str) -> None:
    """A lock file pins by version and hash alone."""
    assert [] == found(re.compile(r"://|--(?:extra-)?index|--find-links|--trusted-host"), [ROOT / name])


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_has_hashes(name: str) -> None:
    """Every pinned package carries at least one hash, so that pip takes nothing else."""
    text = (ROOT / name).read_text(encoding="utf-8")
    pins = re.split(r"\n(?=\S)", text.strip())
    assert [] == [pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin]


def test_no_module_named_by_pattern() -> None:
    """A module is named by its concept: whoever looks for a rule finds it by its name."""
    shunned = {
        "utils.py",
        "util.py",
        "helpers.py",
        "helper.py",
        "manager.py",
        "base.py",
        "common.py",
        "misc.py",
    }
    assert [] == [str(path.relative_to(ROOT)) for path in committed() if path.name in shunned]
