"""Reads the console sessions in documents and runs them.

A session is a fenced block of the language `console`. A line that starts with `$ ` is a command (continued
while it ends in a backslash); the lines under it are what it prints, where `...` stands for any text. A
session that needs the embedded stack says so: `console stack`. Blocks of other languages are not touched.
"""

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Command:
    """One command of a session, where it stands, and the lines that it should print (none: not compared)."""

    place: str
    text: str
    expected: list[str] = field(default_factory=list)


def documents() -> list[Path]:
    """Every document whose sessions are promises."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def commands(document: Path, *, stack: bool) -> list[Command]:
    """The commands of a document's sessions, in order: those that need the stack, or those that do not."""
    text = document.read_text(encoding="utf-8")
    found: list[Command] = []
    for block in _FENCE.finditer(text):
        if block["info"].split() != (["console", "stack"] if stack else ["console"]):
            continue
        first_line = text.count("\n", 0, block.start("body")) + 1
        for number, line in enumerate(block["body"].splitlines(), first_line):
            if found and found[-1].text.endswith("\\") and not found[-1].expected:
                found[-1].text += "\n" + line
            elif line.startswith("$ "):
                found.append(Command(f"{document.relative_to(ROOT)}:{number}", line[2:]))
            else:
                found[-1].expected.append(line)
    return found


def matches(expected: list[str], printed: str) -> bool:
    """Whether a command printed what the document shows; `...` stands for any text, trailing blanks aside."""
    pattern = "\n".join(line.rstrip() for line in expected)
    shown = "\n".join(line.rstrip() for line in printed.rstrip().splitlines())
    return re.fullmatch(re.escape(pattern).replace(r"\.\.\.", "(?s:.*)"), shown) is not None


def prepare(folder: Path) -> None:
    """Makes `folder` look like a checkout, so that what a session writes stays out of the real one."""
    for entry in ROOT.iterdir():
        if entry.name not in {".git", ".venv", "build"}:
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)


def with_curl(folder: Path, path: str) -> str:
    """The same PATH, with a stand-in for curl in the folder where it leads to none: it is no part of us."""
    if shutil.which("curl", path=path) is not None:
        return path
    script = folder / "stand-ins" / "curl"
    script.parent.mkdir()
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / 'tests' / 'house' / 'curl.py'))}"
    script.write_text(f'#!/bin/sh\nexec {command} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return f"{script.parent}:{path}"


def run(command: Command, folder: Path, environment: dict[str, str]) -> str:
    """Runs one command in `folder` and gives what it printed; fails the test when the command does."""
    done = subprocess.run(
        ["sh", "-c", command.text],
        cwd=folder,
        env={"HOME": str(folder), "COLUMNS": "110", "NO_COLOR": "1", "LC_ALL": "C.UTF-8"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert 0 == done.returncode, f"{command.place}: {command.text}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_document(document: Path, folder: Path, environment: dict[str, str], *, stack: bool) -> None:
    """Runs a document's sessions from top to bottom and compares what they show."""
    prepare(folder)
    environment = environment | {"PATH": with_curl(folder, environment["PATH"])}
    for command in commands(document, stack=stack):
        printed = run(command, folder, environment)
        if command.expected:
            assert matches(command.expected, printed), f"{command.place}: {command.text}\nprinted\n{printed}"
