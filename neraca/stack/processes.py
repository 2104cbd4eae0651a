"""Processes that outlive the command that started them: start, find again, stop, and only ours.

A process is ours when its command line holds the marker of its part and home, so a number that the system
gave to another program since is not taken for it, and a process whose number was lost is found again.
"""

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

# What Java and PostgreSQL get: the user's own PGPORT, CLASSPATH or JAVA_TOOL_OPTIONS must not reach them.
BARE_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

_POLL_SECONDS = 0.05
_SEARCHED_BYTES_MAX = 4 * 2**20


class _Outliving(subprocess.Popen[bytes]):
    """A child that is meant to live on when we end, so there is nothing to warn of when we let go of it."""

    def __del__(self) -> None:
        pass


def start(
    arguments: Sequence[str], *, log: Path, environment: Mapping[str, str] | None, folder: Path
) -> psutil.Process:
    """Start a process in a session of its own, so that neither Ctrl-C nor a closed terminal reaches it.

    What it prints goes to `log`, which starts anew. `environment` None passes on the caller's.
    """
    with log.open("wb") as output:
        child = _Outliving(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    return psutil.Process(child.pid)


def find(marker: Sequence[str], pid: int | None) -> psutil.Process | None:
    """The running process whose arguments contain `marker` in a row, looked for at `pid` first."""
    if pid is not None:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            if _carries(process, marker):
                return process
    matches = [process for process in psutil.process_iter() if _carries(process, marker)]
    pids = {process.pid for process in matches}
    for process in matches:
        # A child in the moment between fork and its own name looks like its parent.
        with contextlib.suppress(psutil.Error):
            if process.ppid() not in pids:
                return process
    return None


def _carries(process: psutil.Process, marker: Sequence[str]) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        arguments = process.cmdline()
    except psutil.Error:
        return False
    width = len(marker)
    return any(arguments[at : at + width] == list(marker) for at in range(len(arguments) - width + 1))


def is_running(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie waiting to be collected does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def stop(process: psutil.Process, *, polite: signal.Signals, timeout_seconds: float) -> bool:
    """Ask it to stop, wait, and end it (with its children) by SIGKILL when it has not.

    True: it stopped when asked.
    """
    children: list[psutil.Process] = []
    with contextlib.suppress(psutil.Error):
        children = process.children(recursive=True)
    with contextlib.suppress(psutil.Error):
        process.send_signal(polite)
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        if not is_running(process):
            _collect(process)
            return True
        time.sleep(_POLL_SECONDS)
    for each in (process, *children):
        with contextlib.suppress(psutil.Error):
            each.kill()
    psutil.wait_procs([process, *children], timeout=5)
    return False


def _collect(process: psutil.Process) -> None:
    """Take a child's exit status, so that no zombie stays while a long test run goes on."""
    with contextlib.suppress(psutil.Error):
        process.wait(timeout=1)


def tail(path: Path, lines_max: int = 15, *, after_bytes: int = 0) -> str:
    """The last lines of a log, for an error message; of what follows the first `after_bytes`."""
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            # A shorter file was begun anew since.
            start = after_bytes if after_bytes <= size else 0
            # Enough for a Java stack trace, bounded whatever the log holds.
            file.seek(max(start, size - 16_384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines_max:])


def last_line_with(words: Sequence[bytes], path: Path, *, after_bytes: int = 0) -> str:
    """The last line of a log that holds one of the words, of what follows the first `after_bytes`.

    Read from its end, so that stack traces of any length are passed by; at most 4 MiB.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            # A shorter file was begun anew since.
            start = after_bytes if after_bytes <= size else 0
            file.seek(max(start, size - _SEARCHED_BYTES_MAX))
            lines = file.read().splitlines()
    except OSError:
        return ""
    for line in reversed(lines):
        if any(word in line for word in words):
            return line.decode(errors="replace").strip()
    return ""


def size_bytes(path: Path) -> int:
    """How long a log is by now; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
