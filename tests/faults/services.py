"""Real services in processes of their own, which a test may kill, freeze and thaw, and what they tell of
themselves.

Decides nothing and asserts nothing: `journals.py` says what must hold afterwards.
"""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from neraca.settings import Settings
from neraca.stack import ports

# Kafka's session timeout (6 s), an election, and a start on a busy machine.
TAKEOVER_SECONDS = 45.0
_SAMPLE = re.compile(r"^(\w+)(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
_SPECIAL = Path(__file__).with_name("special_decider.py")


def eventually(what: str, holds: Callable[[], bool], timeout_seconds: float = TAKEOVER_SECONDS) -> None:
    """Wait until something holds; fail with `what` when it never does."""
    deadline = time.monotonic() + timeout_seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_seconds:.0f} seconds: {what}")
        time.sleep(0.02)


class Service:
    """One process: `python -m neraca run …`, or the special decider with small limits or other rules."""

    def __init__(self, settings: Settings, log: Path, command: Sequence[str]) -> None:
        self._port = ports.choose("a service", wanted=None, option="", remembered=None, avoid=())
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *command, "--metrics-port", str(self._port)],
                env=settings.child_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def __repr__(self) -> str:
        return f"Service(pid={self._process.pid}, code={self._process.poll()}, {self.log()[-2000:]})"

    @property
    def port(self) -> int:
        """Where it serves its metrics, and a gateway everything."""
        return self._port

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Wait until it has read the journal and takes part."""
        eventually(f"{self!r} is ready", lambda: self._get("/health/ready") is not None)

    def why_not_ready(self) -> str | None:
        """Why it does not do its job, as it tells; None while it does, or cannot be asked."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=2):
                return None
        except urllib.error.HTTPError as error:
            return str(json.loads(error.read())["because"])
        except OSError:
            return None

    def metrics(self) -> Mapping[str, float]:
        """Its metrics by name, summed over labels; empty while it cannot be asked."""
        found: dict[str, float] = {}
        for name, value in _SAMPLE.findall(self._get("/metrics") or ""):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    def metric(self, name: str) -> float:
        """One metric; -1 while it cannot be asked."""
        return self.metrics().get(name, -1.0)

    @property
    def is_active(self) -> bool:
        """Whether it decides."""
        return self.metric("neraca_decider_active") == 1.0

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop it by SIGSTOP: it notices nothing until it is continued."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue it by SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        """Ask it to stop, as an operator does, and give its exit code."""
        self._process.terminate()
        return self._process.wait(60)

    def has_ended(self) -> int | None:
        """Give its exit code, if it ended by itself."""
        return self._process.poll()

    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=2) as answer:
                text: str = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return None
        return text


class Crew:
    """Starts the services of one ledger, which share a home, and ends those that still run."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.folder = folder
        self._started: list[Service] = []

    def __repr__(self) -> str:
        return f"Crew({self._started!r})"

    @property
    def state_folder(self) -> Path:
        """Where special deciders keep snapshots and seen ids."""
        return self.folder / "state"

    def start(self, *special: str, wait_ready: bool = True) -> Service:
        """Start a decider: the plain one, or the special one when given arguments."""
        if special:
            return self._start(
                [str(_SPECIAL), "--state", str(self.state_folder), *special], wait_ready=wait_ready
            )
        return self._start(["-m", "neraca", "run", "decider"], wait_ready=wait_ready)

    def start_projector(self) -> Service:
        """Start a projector."""
        return self._start(["-m", "neraca", "run", "projector"], wait_ready=False)

    def start_archiver(self) -> Service:
        """Start an archiver, and wait until it follows the topics."""
        return self._start(["-m", "neraca", "run", "archiver"], wait_ready=True)

    def _start(self, command: Sequence[str], *, wait_ready: bool) -> Service:
        log = self.folder / f"service-{len(self._started)}.log"
        service = Service(self.settings, log, command)
        self._started.append(service)
        if wait_ready:
            service.wait_ready()
        return service

    def close(self) -> None:
        """End all of them."""
        for service in self._started:
            service.kill()


@contextlib.contextmanager
def crew(bootstrap: str, topic_prefix: str, folder: Path, dsn: str | None = None) -> Iterator[Crew]:
    """A crew for the ledger of that prefix, with its home in that folder and its tables in that database."""
    home = folder / "home"
    home.mkdir(parents=True)
    settings = Settings(
        home=home,
        kafka_bootstrap_servers=bootstrap,
        topic_prefix=topic_prefix,
        outside_postgres_dsn=None if dsn is None else SecretStr(dsn),
    )
    made = Crew(settings, folder)
    try:
        yield made
    finally:
        made.close()
