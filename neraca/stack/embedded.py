"""Starts, stops and describes the embedded stack of one home: Kafka, PostgreSQL, and the services over them.

Starting what runs already changes nothing; stopping touches only what carries this home's marker.
"""

import contextlib
import functools
import json
import shlex
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

import psutil

from neraca.settings import Settings
from neraca.stack import kafka as kafka_part
from neraca.stack import ports, postgres, processes, supervisor, topics
from neraca.stack.home import Home, PartState, StackState
from neraca.stack.jars import KAFKA_VERSION, Progress, class_path
from neraca.stack.kafka import EmbeddedKafka
from neraca.stack.postgres import EmbeddedPostgres, PostgresAccess
from schemas.errors import HalfMadeFolder, StackError

SERVICES = ("decider", "projector", "gateway", "archiver")
# Somebody else may take a port between our look and the start of the server.
_PORT_TRIES_MAX = 3
_SERVICES_TIMEOUT_SECONDS = 30.0
# A service answers before it has looked at its topics and tables.
_SETTLING_SECONDS = 5.0
# A line of a log may hold a whole record.
_LAST_WORDS_CHARACTERS_MAX = 400

Condition = Literal["running", "starting", "not ready", "not answering", "stopped", "elsewhere"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part as it is now."""

    name: str
    condition: Condition
    pid: int | None = None
    port: int | None = None
    uptime_seconds: float | None = None
    memory_mb: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The stack as it is now."""

    home: Path
    kafka: str
    parts: tuple[PartStatus, ...]
    # None: it stands elsewhere, or was never started.
    postgres: PostgresAccess | None = None
    # What `up` found: servers that had ended without `down`, and why.
    found_ended: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether Kafka and PostgreSQL both answer (or stand elsewhere)."""
        return all(part.condition in {"running", "elsewhere"} for part in self.parts[:2])

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "home": str(self.home),
            "kafka": self.kafka,
            "postgres": self.postgres.as_json() if self.postgres is not None else None,
            "running": self.running,
            "found_ended": list(self.found_ended),
            "parts": [asdict(part) for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Stopped:
    """What `down` did to one part."""

    name: str
    pid: int
    when_asked: bool


class _Part(Protocol):
    """What the two servers have in common."""

    @property
    def log(self) -> Path: ...

    def find(self, pid: int | None) -> psutil.Process | None: ...

    def log_bytes(self) -> int: ...

    def last_words(self, after_bytes: int) -> str: ...

    def wait_ready(self, process: psutil.Process, port: int) -> None: ...

    def stop(self, process: psutil.Process) -> bool: ...


@dataclass(slots=True)
class _Server:
    """One server while `up` works on it."""

    name: str
    state: PartState
    wanted: int | None
    option: str
    part: _Part
    start: Callable[[], psutil.Process]
    process: psutil.Process | None = None

    def running(self) -> psutil.Process:
        if self.process is None:
            raise StackError(
                f"{self.name} was not started", advice="Please report this: it should not happen."
            )
        return self.process

    def stop(self) -> None:
        self.part.stop(self.running())
        self.state.pid = None


def _silent(_: str) -> None:
    pass


class EmbeddedStack:
    """The stack of the home that the settings name."""

    def __init__(
        self, settings: Settings, *, further_kafka_listeners: Mapping[int, int] = MappingProxyType({})
    ) -> None:
        """Know the stack of that home; start nothing. `further_kafka_listeners`: see `EmbeddedKafka`."""
        self._settings = settings
        self._home = Home(settings.home)
        self._kafka = EmbeddedKafka(
            self._home,
            heap_mb=settings.kafka_heap_mb,
            java_options=shlex.split(settings.kafka_java_options),
            further_listeners=further_kafka_listeners,
        )
        self._postgres = EmbeddedPostgres(self._home)
        self._supervisor_marker = (supervisor.MODULE, str(self._home.folder))

    def __repr__(self) -> str:
        return f"EmbeddedStack({self._home!r})"

    @property
    def home(self) -> Home:
        """Its folder."""
        return self._home

    def up(
        self,
        *,
        services: Sequence[str] = SERVICES,
        with_topics: bool = True,
        kafka_port: int | None = None,
        postgres_port: int | None = None,
        progress: Progress | None = None,
        say: Say = _silent,
    ) -> StackStatus:
        """Start what does not run, in the order in which one needs the other, and wait until it answers.

        Without topics there can be no services; a test makes topics under prefixes of its own.

        What this call started is stopped again when it cannot finish; what ran before stays.

        Raises:
            StackError: with the part, the reason and what to do; see its subclasses.

        """
        made = self._home.prepare()
        with self._home.locked():
            state = self._home.load()
            if _newer(state.kafka.version, KAFKA_VERSION):
                raise HalfMadeFolder(
                    f"the topics in {self._home.folder} were written by Kafka {state.kafka.version}, "
                    f"this Neraca brings {KAFKA_VERSION}",
                    advice="Use the newer Neraca, or another folder with --home.",
                )
            started: list[Callable[[], object]] = []
            found_ended: tuple[str, ...] = ()
            try:
                servers = self._servers(state, kafka_port, postgres_port)
                found_ended = self._found_ended(servers)
                if self._settings.kafka_is_embedded:
                    say("fetching Kafka")
                    self._jars(progress)
                self._start_servers(state, servers, say, started)
                if with_topics:
                    say("topics")
                    topics.ensure_topics(self._settings.kafka_config(), self._settings.topic_prefix)
                if services and with_topics:
                    say("services")
                    self._start_services(state, services, started)
            except BaseException:
                for undo in reversed(started):
                    undo()
                if started:
                    # What was stopped here did not end by itself.
                    with contextlib.suppress(OSError):
                        self._home.save(state)
                self._home.tidy(made)
                raise
        return replace(self.status(), found_ended=found_ended)

    def down(self, *, say: Say = _silent) -> list[Stopped]:
        """Stop services, then Kafka, then PostgreSQL; what was running and how it went."""
        if not self._home.folder.is_dir():
            return []
        done: list[Stopped] = []
        self._home.check_owner()
        self._home.check_is_ours()
        with self._home.locked():
            try:
                state = self._home.load()
            except HalfMadeFolder:
                # Processes are found by their command line, so a damaged file is no reason to leave them
                # running.
                state = StackState()
            say("services")
            for name, process in self._service_processes(state):
                # The supervisor stops its services first, so by their turn they are commonly gone.
                if processes.is_running(process):
                    patience = supervisor.STOP_TIMEOUT_SECONDS + 5
                    asked = processes.stop(process, polite=signal.SIGTERM, timeout_seconds=patience)
                    done.append(Stopped(name, process.pid, asked))
            self._home.services_file.unlink(missing_ok=True)
            say(kafka_part.NAME)
            if broker := self._kafka.find(state.kafka.pid):
                done.append(Stopped("kafka", broker.pid, self._kafka.stop(broker)))
            say(postgres.NAME)
            if server := self._postgres.find(state.postgres.pid):
                done.append(Stopped("postgres", server.pid, self._postgres.stop(server)))
            for part in (state.kafka, state.postgres, state.supervisor):
                part.pid = None
            self._home.save(state)
        return done

    def status(self) -> StackStatus:
        """What runs, found by looking and not by what was written down."""
        state = self._home.load()
        settings = self._settings
        if settings.kafka_is_embedded:
            process = self._kafka.find(state.kafka.pid)
            port = state.kafka.port
            healthy = process is not None and port is not None and self._kafka.healthy(port)
            note = f"Kafka {KAFKA_VERSION}" if healthy else self._why_down(self._kafka, state.kafka)
            broker = _describe("kafka", process, port, healthy=healthy, note=note)
            address = f"{ports.LOOPBACK}:{port}" if port is not None else ""
        else:
            address = settings.kafka_bootstrap_servers or ""
            broker = PartStatus("kafka", "elsewhere", note=address)
        access: PostgresAccess | None = None
        if settings.postgres_is_embedded:
            process = self._postgres.find(state.postgres.pid)
            port = state.postgres.port
            healthy = process is not None and port is not None and self._postgres.healthy(port)
            note = f"PostgreSQL {postgres.MAJOR_VERSION}"
            note = note if healthy else self._why_down(self._postgres, state.postgres)
            database = _describe("postgres", process, port, healthy=healthy, note=note)
            access = self._postgres.access(port) if port is not None else None
        else:
            database = PartStatus("postgres", "elsewhere")
        parts = (broker, database, *self._service_statuses(state))
        return StackStatus(self._home.folder, address, parts, access)

    def _why_down(self, part: _Part, state: PartState) -> str:
        """What is known of a server that should answer and does not; nothing of one that nobody started."""
        if state.pid is None:
            return ""
        ended = "" if part.find(state.pid) is not None else "ended without `neraca down`"
        reasons = [ended, part.last_words(state.log_bytes)[:_LAST_WORDS_CHARACTERS_MAX]]
        with contextlib.suppress(OSError):
            reasons.append(self._home.disk_is_full())
        return "; ".join([*(reason for reason in reasons if reason), f"see {part.log}"])

    def _found_ended(self, servers: Sequence[_Server]) -> tuple[str, ...]:
        """Before a start: what is known of servers that ended without anybody's asking."""
        return tuple(
            f"{server.name}: {self._why_down(server.part, server.state)}"
            for server in servers
            if server.state.pid is not None and server.part.find(server.state.pid) is None
        )

    def _servers(self, state: StackState, kafka_port: int | None, postgres_port: int | None) -> list[_Server]:
        """The servers of this home that do not stand elsewhere."""
        servers = []
        if self._settings.postgres_is_embedded:
            servers.append(
                _Server(
                    postgres.NAME,
                    state.postgres,
                    wanted=postgres_port,
                    option="--postgres-port",
                    part=self._postgres,
                    start=lambda: self._postgres.start(port=_known(state.postgres.port)),
                )
            )
        if self._settings.kafka_is_embedded:
            servers.append(
                _Server(
                    kafka_part.NAME,
                    state.kafka,
                    wanted=kafka_port,
                    option="--kafka-port",
                    part=self._kafka,
                    start=lambda: self._kafka.start(
                        self._jars(),
                        port=_known(state.kafka.port),
                        controller_port=_known(state.kafka.controller_port),
                    ),
                )
            )
        return servers

    def _start_servers(
        self, state: StackState, servers: Sequence[_Server], say: Say, started: list[Callable[[], object]]
    ) -> None:
        """Look and choose for all, prepare all, then start all at once:

        what cannot be is said before a start.
        """
        to_start = []
        for server in servers:
            running = server.part.find(server.state.pid)
            if running is None:
                to_start.append(server)
            elif server.state.port is None:
                # The state file was lost; nobody knows its ports any more.
                say(f"stopping {server.name}")
                server.part.stop(running)
                to_start.append(server)
            elif server.wanted not in {None, server.state.port}:
                raise StackError(
                    f"{server.name} of {self._home.folder} runs already, on port {server.state.port} "
                    f"and not {server.wanted}",
                    advice="Run `neraca down` first, or leave the port out.",
                )
            else:
                server.process = running
                self._remember(state, server)
        for server in to_start:
            self._choose_ports(state, server)
        for server in to_start:
            say(f"preparing {server.name}")
            if server.part is self._kafka:
                self._kafka.format(self._jars())
            else:
                self._postgres.format()
        for server in to_start:
            say(f"starting {server.name}")
            server.state.log_bytes = server.part.log_bytes()
            server.process = server.start()
            started.append(server.stop)
            self._remember(state, server)
        for server in servers:
            say(f"waiting for {server.name}")
            self._wait(state, server)

    def _jars(self, progress: Progress | None = None) -> list[Path]:
        return class_path(
            self._settings.jar_cache, repository=self._settings.jar_repository, progress=progress
        )

    def _choose_ports(self, state: StackState, server: _Server) -> None:
        taken = {state.kafka.port, state.kafka.controller_port, state.postgres.port}
        server.state.port = ports.choose(
            server.name,
            wanted=server.wanted,
            option=server.option,
            remembered=server.state.port,
            avoid=taken - {server.state.port},
        )
        if server.part is self._kafka:
            server.state.version = KAFKA_VERSION
            server.state.controller_port = ports.choose(
                "Kafka's controller",
                wanted=None,
                option=server.option,
                remembered=server.state.controller_port,
                avoid={state.kafka.port, state.postgres.port},
            )

    def _wait(self, state: StackState, server: _Server) -> None:
        """Until it answers; again with other ports when another program was quicker to take one."""
        for attempt in range(1, _PORT_TRIES_MAX + 1):
            try:
                server.part.wait_ready(server.running(), _known(server.state.port))
            except StackError:
                own = {server.state.port, server.state.controller_port} - {None}
                lost = not processes.is_running(server.running()) and not all(
                    ports.is_free(_known(port)) for port in own
                )
                if not lost or server.wanted is not None or attempt == _PORT_TRIES_MAX:
                    raise
                self._choose_ports(state, server)
                server.process = server.start()
                self._remember(state, server)
            else:
                return

    def _remember(self, state: StackState, server: _Server) -> None:
        """Written at once, so that a command killed in the next moment leaves a trail."""
        server.state.pid = server.running().pid
        self._home.save(state)

    def _start_services(
        self, state: StackState, names: Sequence[str], started: list[Callable[[], object]]
    ) -> None:
        for name in names:
            taken = {*state.metrics_ports.values(), state.kafka.port, state.postgres.port} - {None}
            if name not in state.metrics_ports:
                state.metrics_ports[name] = ports.choose(
                    name, wanted=None, option="", remembered=None, avoid={port for port in taken if port}
                )
        running = processes.find(self._supervisor_marker, state.supervisor.pid)
        said = self._said_by_supervisor()
        if running is not None and (
            # An older version's, or started for fewer services.
            not _supervises(running, names)
            # What they need was away: one is about to fail, or waits for its next try, which may be long.
            or started
            or any(said.get(name, {}).get("pid") is None for name in names)
        ):
            _stop_supervisor(running)
            running = None
        old_logs_bytes: dict[str, int] | None = None
        if running is None:
            # A supervisor that was killed leaves its services without a reader of their logs.
            for _, process in self._service_processes(state):
                processes.stop(
                    process, polite=signal.SIGTERM, timeout_seconds=supervisor.STOP_TIMEOUT_SECONDS
                )
            for name in names:
                if not ports.is_free(state.metrics_ports[name]):
                    state.metrics_ports[name] = ports.choose(
                        name, wanted=None, option="", remembered=None, avoid=state.metrics_ports.values()
                    )
            self._home.services_file.unlink(missing_ok=True)
            old_logs_bytes = {name: processes.size_bytes(self._service_log(name)) for name in names}
            running = processes.start(
                [
                    *(sys.executable, "-m", *self._supervisor_marker),
                    *(f"{name}={state.metrics_ports[name]}" for name in names),
                ],
                log=self._home.logs / "supervisor.log",
                environment=self._settings.child_environment(),
                folder=self._home.folder,
            )
            started.append(functools.partial(_stop_supervisor, running))
        state.supervisor.pid = running.pid
        self._home.save(state)
        self._wait_for_services(state, names, running, old_logs_bytes)

    def _service_log(self, name: str) -> Path:
        return self._home.logs / f"{name}.log"

    def _wait_for_services(
        self,
        state: StackState,
        names: Sequence[str],
        running: psutil.Process,
        old_logs_bytes: Mapping[str, int] | None,
    ) -> None:
        """Until all are ready, or answer and have had a moment to fail: a long journal is read on later.

        `old_logs_bytes`: how long the logs were before this start; None: the services were running already.
        """
        deadline = time.monotonic() + _SERVICES_TIMEOUT_SECONDS
        all_answer_since: float | None = None
        while True:
            said = self._said_by_supervisor()
            waiting = [name for name in names if why_not_ready(state.metrics_ports[name]) != ""]
            silent = [name for name in waiting if not ports.answers(state.metrics_ports[name])]
            if silent:
                all_answer_since = None
            elif all_answer_since is None:
                all_answer_since = time.monotonic()
            if not waiting:
                return
            if all_answer_since is not None and time.monotonic() - all_answer_since > _SETTLING_SECONDS:
                return
            # What ended under a supervisor that runs for long may have been well again since.
            suspects = waiting if old_logs_bytes is not None else silent
            failed = [name for name in suspects if said.get(name, {}).get("exit_code") is not None]
            if failed or not processes.is_running(running) or (silent and time.monotonic() > deadline):
                first = (failed or silent or waiting)[0]
                log = self._service_log(first)
                end = processes.tail(log, after_bytes=(old_logs_bytes or {}).get(first, 0))
                end = end or processes.tail(self._home.logs / "supervisor.log")
                raise StackError(
                    f"the service {first} does not come up:\n{end}",
                    advice=f"See {log}. Kafka and PostgreSQL alone: `neraca up --no-services`.",
                )
            time.sleep(0.1)

    def _said_by_supervisor(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            said = json.loads(self._home.services_file.read_bytes())
        except (OSError, ValueError):
            return {}
        return said if isinstance(said, dict) else {}

    def _service_processes(self, state: StackState) -> list[tuple[str, psutil.Process]]:
        """The supervisor first: once it is gone, nothing starts the others again."""
        found = []
        if process := processes.find(self._supervisor_marker, state.supervisor.pid):
            found.append(("supervisor", process))
        said = self._said_by_supervisor()
        for name in {*SERVICES, *state.metrics_ports}:
            marker = supervisor.service_marker(name, self._home.folder)
            if process := processes.find(marker, said.get(name, {}).get("pid")):
                found.append((name, process))
        return found

    def _service_statuses(self, state: StackState) -> list[PartStatus]:
        said = self._said_by_supervisor()
        statuses = []
        for name, port in state.metrics_ports.items():
            marker = supervisor.service_marker(name, self._home.folder)
            process = processes.find(marker, said.get(name, {}).get("pid"))
            starts = said.get(name, {}).get("starts", 0)
            note = f"restarted {starts - 1} times" if process and starts > 1 else ""
            if process is None:
                if (code := said.get(name, {}).get("exit_code")) is not None:
                    note = f"ended with code {code}; see {self._home.logs / name}.log"
                statuses.append(PartStatus(name, "stopped", port=port, note=note))
                continue
            because = why_not_ready(port)
            if because:
                note = "; ".join(filter(None, (because, note)))
            otherwise: Condition = "starting" if because is None else "not ready"
            statuses.append(_describe(name, process, port, healthy=because == "", note=note, else_=otherwise))
        return statuses


def _stop_supervisor(process: psutil.Process) -> bool:
    """Stop it and its services; True when it stopped by itself."""
    patience = supervisor.STOP_TIMEOUT_SECONDS + 5
    return processes.stop(process, polite=signal.SIGTERM, timeout_seconds=patience)


def _describe(
    name: str,
    process: psutil.Process | None,
    port: int | None,
    *,
    healthy: bool,
    note: str,
    else_: Condition = "not answering",
) -> PartStatus:
    if process is None:
        return PartStatus(name, "stopped", port=port, note=note)
    uptime_seconds = memory_mb = None
    with contextlib.suppress(psutil.Error):
        uptime_seconds = round(time.time() - process.create_time(), 1)
        family = [process, *process.children(recursive=True)]
        # What children share with their parent is counted once, where the system tells it apart.
        memory_mb = round(sum(_private_bytes(each) for each in family) / 2**20, 1)
    condition: Condition = "running" if healthy else else_
    return PartStatus(name, condition, process.pid, port, uptime_seconds, memory_mb, note)


def _private_bytes(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error, AttributeError):
        info = process.memory_info()
        return int(info.rss - getattr(info, "shared", 0))
    return 0


def why_not_ready(port: int) -> str | None:
    """Why a service says that it does not do its job; empty: it does; None: it does not answer yet."""
    try:
        with urllib.request.urlopen(f"http://{ports.LOOPBACK}:{port}/health/ready", timeout=2):
            return ""
    except urllib.error.HTTPError as error:
        with contextlib.suppress(OSError, ValueError, AttributeError):
            if because := json.loads(error.read()).get("because"):
                return str(because)
        return f"it answers with {error.code}"
    except OSError:
        return None


def _supervises(process: psutil.Process, names: Sequence[str]) -> bool:
    with contextlib.suppress(psutil.Error):
        return {argument.partition("=")[0] for argument in process.cmdline()} >= set(names)
    return False


def _known(port: int | None) -> int:
    if port is None:
        raise StackError("no port was chosen", advice="Please report this: it should not happen.")
    return port


def _newer(version: str, than: str) -> bool:
    if not version:
        return False
    return [int(part) for part in version.split(".")] > [int(part) for part in than.split(".")]
