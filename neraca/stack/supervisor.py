"""The small process that keeps the services of one home running: `neraca run decider` and the like.

Starts each in its own process, starts it again when it ends (after a pause that doubles), keeps its log
within bounds, and stops all of them on SIGTERM. Knows nothing of what they do. Run as `python -m
neraca.stack.supervisor`.
"""

import json
import logging
import logging.handlers
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from neraca.stack.home import Home, write_atomically

MODULE = "neraca.stack.supervisor"
_PAUSE_SECONDS_MIN = 1.0
_PAUSE_SECONDS_MAX = 30.0
# Who ran this long was well; its next failure starts with the short pause again.
_WELL_AFTER_SECONDS = 60.0
# Enough for a decider to write its snapshot and leave its group.
STOP_TIMEOUT_SECONDS = 20.0
_LOG_BYTES_MAX = 5 * 1024 * 1024
_LOG_FILES_MAX = 3
_LINE_BYTES_MAX = 64 * 1024


def service_arguments(name: str, home: Path, metrics_port: int) -> list[str]:
    """How a service is started."""
    return [
        *(sys.executable, "-m", "neraca"),
        *service_marker(name, home),
        *("--metrics-port", str(metrics_port)),
    ]


def service_marker(name: str, home: Path) -> tuple[str, ...]:
    """By which a service's process is known."""
    return ("run", name, "--home", str(home))


class Service:
    """One service: its process, if it runs, and when it may start again."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path) -> None:
        self.name = name
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._started_at = 0.0
        self._due_at = 0.0
        self._pause_seconds = _PAUSE_SECONDS_MIN
        self._starts = 0
        self._exit_code: int | None = None
        self._log = logging.handlers.RotatingFileHandler(
            log, maxBytes=_LOG_BYTES_MAX, backupCount=_LOG_FILES_MAX - 1, encoding="utf-8"
        )
        self._log.setFormatter(logging.Formatter("%(message)s"))

    def __repr__(self) -> str:
        return f"Service({self.name!r}, pid={self._process and self._process.pid}, starts={self._starts})"

    def tend(self, now: float) -> bool:
        """Start it when it is due, notice when it ended; whether anything changed."""
        if self._process is None:
            if now < self._due_at:
                return False
            self._start(now)
            return True
        code = self._process.poll()
        if code is None:
            return False
        self._exit_code = code
        self._process = None
        if now - self._started_at >= _WELL_AFTER_SECONDS:
            self._pause_seconds = _PAUSE_SECONDS_MIN
        self._due_at = now + self._pause_seconds
        self._write(f"supervisor: ended with code {code}, starts again in {self._pause_seconds:.0f} s")
        self._pause_seconds = min(_PAUSE_SECONDS_MAX, self._pause_seconds * 2)
        return True

    def ask_to_stop(self) -> None:
        """Send SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def end(self, deadline: float) -> None:
        """Wait until the deadline, then end it by SIGKILL."""
        if self._process is not None:
            try:
                self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._exit_code = self._process.returncode
            self._process = None
        if self._reader is not None:
            # The last words; a grandchild that keeps the pipe open must not keep us.
            self._reader.join(timeout=2)
        self._log.close()

    def status(self) -> dict[str, Any]:
        """For `neraca status`."""
        return {
            "pid": self._process.pid if self._process is not None else None,
            "starts": self._starts,
            "exit_code": self._exit_code,
        }

    def _start(self, now: float) -> None:
        self._started_at = now
        self._starts += 1
        self._process = subprocess.Popen(
            self._arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        if self._process.stdout is not None:
            self._reader = threading.Thread(target=self._copy, args=(self._process.stdout,), daemon=True)
            self._reader.start()

    def _copy(self, output: IO[bytes]) -> None:
        with output:
            # A line without an end must not fill the memory.
            while line := output.readline(_LINE_BYTES_MAX):
                self._write(line.decode(errors="replace").rstrip("\n"))

    def _write(self, line: str) -> None:
        self._log.handle(logging.LogRecord(self.name, logging.INFO, "", 0, line, None, None))


def supervise(home: Home, commands: Mapping[str, Sequence[str]], stop: threading.Event) -> None:
    """Keep the services (name -> arguments) running until `stop` is set, then stop them."""
    services = []
    for name, arguments in commands.items():
        home.service_folder(name).mkdir(parents=True, exist_ok=True)
        services.append(Service(name, arguments, home.logs / f"{name}.log"))
    while not stop.is_set():
        now = time.monotonic()
        changes = [service.tend(now) for service in services]
        if any(changes):
            _tell(home, services)
        stop.wait(0.2)
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    for service in services:
        service.ask_to_stop()
    for service in services:
        service.end(deadline)
    _tell(home, services)


def _tell(home: Home, services: Sequence[Service]) -> None:
    document = {service.name: service.status() for service in services}
    write_atomically(home.services_file, json.dumps(document).encode())


def main() -> None:
    """Arguments: the home folder, then NAME=METRICS_PORT for each service."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    home = Home(Path(sys.argv[1]))
    pairs = (argument.split("=", 1) for argument in sys.argv[2:])
    supervise(home, {name: service_arguments(name, home.folder, int(port)) for name, port in pairs}, stop)


if __name__ == "__main__":
    main()
