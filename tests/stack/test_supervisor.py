"""The supervisor: restarts what ends, waits longer each time, bounds the logs, stops all."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from neraca.stack import supervisor
from neraca.stack.home import Home

_WAITS = """
import signal, sys, time
signal.signal(15, lambda *_: sys.exit(0))
print('up', flush=True)
time.sleep(600)
"""
_STUBBORN = """
import signal, time
signal.signal(15, signal.SIG_IGN)
print('up', flush=True)
time.sleep(600)
"""


@contextmanager
def supervised(home: Home, programs: dict[str, str]) -> Iterator[None]:
    """Services, each a small Python program, under a supervisor for the length of a block."""
    home.prepare()
    stop = threading.Event()
    commands: dict[str, Sequence[str]] = {
        name: (sys.executable, "-c", program) for name, program in programs.items()
    }
    thread = threading.Thread(target=supervisor.supervise, args=(home, commands, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def said(home: Home) -> dict[str, dict[str, Any]]:
    """What the supervisor last wrote."""
    try:
        document: dict[str, dict[str, Any]] = json.loads(home.services_file.read_bytes())
    except FileNotFoundError:
        return {}
    return document


def wait_for(condition: Callable[[], object], timeout_seconds: float = 20) -> None:
    """Return when it is true; fail when it does not become true."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def log_of(home: Home, name: str) -> str:
    """The log of a service so far."""
    path = home.logs / f"{name}.log"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_what_ends_starts_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that fails is started again and again, pausing longer each time; another is not disturbed."""
    monkeypatch.setattr(supervisor, "_PAUSE_SECONDS_MIN", 0.05)
    home = Home(tmp_path)
    with supervised(home, {"fails": "import sys; sys.exit(3)", "well": _WAITS}):
        wait_for(lambda: said(home).get("fails", {}).get("starts", 0) >= 3)
        services = said(home)
        assert 3 == services["fails"]["exit_code"]
        assert 1 == services["well"]["starts"]
        assert psutil.pid_exists(services["well"]["pid"])
    assert "ended with code 3" in log_of(home, "fails")
    assert not psutil.pid_exists(services["well"]["pid"])


def test_a_killed_service_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL: a new process takes its place."""
    monkeypatch.setattr(supervisor, "_PAUSE_SECONDS_MIN", 0.05)
    home = Home(tmp_path)
    with supervised(home, {"service": _WAITS}):
        wait_for(lambda: said(home).get("service", {}).get("pid"))
        first = said(home)["service"]["pid"]
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: said(home)["service"]["pid"] not in {None, first})
        assert -9 == said(home)["service"]["exit_code"]


def test_who_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that ignores SIGTERM is ended when its time is over, and no sooner."""
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_SECONDS", 0.3)
    home = Home(tmp_path)
    with supervised(home, {"stubborn": _STUBBORN, "well": _WAITS}):
        wait_for(lambda: "up" in log_of(home, "stubborn") and "up" in log_of(home, "well"))
    services = said(home)
    assert {"stubborn": -9, "well": 0} == {name: each["exit_code"] for name, each in services.items()}


def test_logs_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a service prints, its log takes no more than what is allowed; the end is kept."""
    monkeypatch.setattr(supervisor, "_LOG_BYTES_MAX", 10_000)
    home = Home(tmp_path)
    chatty = f"for n in range(5_000): print('line', n)\nprint('end', flush=True)\n{_WAITS}"
    with supervised(home, {"chatty": chatty}):
        wait_for(lambda: "up" in log_of(home, "chatty"))
    files = list(home.logs.glob("chatty.log*"))
    assert supervisor._LOG_FILES_MAX == len(files)
    assert all(file.stat().st_size <= 10_000 for file in files)


def test_sigterm_stops_the_supervisor_and_its_services(tmp_path: Path) -> None:
    """The real process: a service that cannot start is told in its log, SIGTERM ends it with code 0."""
    home = Home(tmp_path / "home")
    home.prepare()
    with subprocess.Popen(
        [sys.executable, "-m", supervisor.MODULE, str(home.folder), "decider=1"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    ) as process:
        wait_for(lambda: said(home).get("decider", {}).get("starts"))
        process.terminate()
        assert 0 == process.wait(30)
    assert said(home)["decider"]["pid"] is None
