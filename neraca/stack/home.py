"""The home folder of one embedded stack: where things lie, what is remembered, who may change it.

Must not start or stop anything. Everything in `stack.json` can be lost without losing data: it holds ports
and process ids, never records or rows.
"""

import contextlib
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import FolderUnusable, HalfMadeFolder, StackBusy

FORMAT = 1
# Kafka refuses writes and PostgreSQL stops when the disk is full; below this a start is not worth trying.
_FREE_BYTES_MIN = 512 * 1024 * 1024
# What a home may hold before `stack.json` is written: by a start that was cut, `neraca demo` (a marker)
# or `neraca import` (keys); and what a disk of its own holds from the beginning.
_OWN_NAMES = frozenset(
    {"kafka", "postgres", "logs", "services", "services.json", "stack.json", "lock", ".write-test"}
    | {"made-by-neraca-demo", "person-ids.key", "master.key", "log-keys", "lost+found"}
)


class PartState(BaseModel):
    """What is remembered of one process: its ports, and the process that ran last."""

    model_config = ConfigDict(extra="ignore")

    port: int | None = None
    # Kafka's controller listens as well.
    controller_port: int | None = None
    version: str = ""
    # None after `neraca down`; else who ran last, whether or not it still does.
    pid: int | None = None
    # How long its log was when that process started: what stands before is of older ones.
    log_bytes: int = 0


class StackState(BaseModel):
    """The contents of `stack.json`."""

    model_config = ConfigDict(extra="ignore")

    format: int = FORMAT
    kafka: PartState = Field(default_factory=PartState)
    postgres: PartState = Field(default_factory=PartState)
    supervisor: PartState = Field(default_factory=PartState)
    # Service name -> port of its metrics.
    metrics_ports: dict[str, int] = Field(default_factory=dict)


class Home:
    """The folder of one stack."""

    def __init__(self, folder: Path) -> None:
        # One folder, one name: processes are found again by it, whatever link or `..` leads there.
        self.folder = Path(os.path.realpath(folder.expanduser()))

    def __repr__(self) -> str:
        return f"Home({str(self.folder)!r})"

    @property
    def kafka_data(self) -> Path:
        """Kafka's log folder."""
        return self.folder / "kafka" / "data"

    @property
    def postgres_data(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "postgres" / "data"

    @property
    def postgres_password_file(self) -> Path:
        """The generated password of the database user, readable by the owner only."""
        return self.folder / "postgres" / "password"

    @property
    def logs(self) -> Path:
        """Where every part writes its log."""
        return self.folder / "logs"

    @property
    def state_file(self) -> Path:
        """Ports and process ids."""
        return self.folder / "stack.json"

    @property
    def services_file(self) -> Path:
        """What the supervisor last said of its services."""
        return self.folder / "services.json"

    def service_folder(self, name: str) -> Path:
        """Where a service may keep what it can rebuild, such as snapshots."""
        return self.folder / "services" / name

    def log_keys_folder(self, name: str) -> Path:
        """Where the keys of a journal's transparency log lie."""
        return self.folder / "log-keys" / name

    def refuse_file(self) -> None:
        """See that the home can be a folder, whether it is there or not.

        Raises:
            FolderUnusable: a file stands in its place, or above it.

        """
        for path in (self.folder, *self.folder.parents):
            # What is not there, or not to be seen, is for the one above to tell.
            with contextlib.suppress(OSError):
                if stat.S_ISDIR(path.stat().st_mode):
                    return
                raise FolderUnusable(
                    f"{path} is a file, and cannot be the folder of a stack",
                    advice="Give a folder with --home or NERACA_HOME; one that is not there yet is made.",
                )

    def prepare(self) -> list[Path]:
        """Make the folder if need be, and see that it can be used; what was made, for `tidy`.

        Raises:
            FolderUnusable: not writable, not ours, or nearly full.

        """
        made: list[Path] = []
        try:
            self._make(made)
        except OSError as error:
            self.tidy(made)
            raise FolderUnusable(
                f"cannot write in {self.folder}: {error.strerror or error}",
                advice="Give another folder with --home or NERACA_HOME.",
            ) from error
        except FolderUnusable:
            self.tidy(made)
            raise
        return made

    def _make(self, made: list[Path]) -> None:
        for folder in reversed([self.folder, *self.folder.parents]):
            if not folder.exists():
                # Passwords and personal data lie below the last one.
                folder.mkdir(mode=0o700 if folder == self.folder else 0o777, exist_ok=True)
                made.append(folder)
        self.check_owner()
        self.check_is_ours()
        lock = self.folder / "lock"
        if not lock.exists():
            made.append(lock)
        # Closed each, because a folder that was there before stays as open as it was.
        for part in ("kafka", "postgres", "logs", "services"):
            if not (self.folder / part).exists():
                (self.folder / part).mkdir(mode=0o700, exist_ok=True)
                made.append(self.folder / part)
        probe = self.folder / ".write-test"
        probe.write_bytes(b"x")
        probe.unlink()
        if full := self.disk_is_full():
            raise FolderUnusable(
                f"{full} of {self.folder}; {_FREE_BYTES_MIN // 2**20} MiB are needed",
                advice="Free some space, or give a folder on another disk with --home.",
            )

    def disk_is_full(self) -> str:
        """How little room is left, where it is too little to work; else nothing."""
        free_bytes = shutil.disk_usage(self.folder).free
        return f"only {free_bytes // 2**20} MiB free on the disk" if free_bytes < _FREE_BYTES_MIN else ""

    def tidy(self, made: list[Path]) -> None:
        """Remove what `prepare` made and nobody has used since; only while nobody else holds the lock."""
        lock = self.folder / "lock"
        for path in reversed(made):
            with contextlib.suppress(OSError):
                if path != lock:
                    path.rmdir()
                elif not self.state_file.exists():
                    path.unlink()

    def check_is_ours(self) -> None:
        """Raise FolderUnusable when the folder holds other things and no stack: it is somebody's by mistake.

        An empty folder is taken as a new home.
        """
        if self._was_started():
            return
        foreign = sorted(
            entry.name
            for entry in self.folder.iterdir()
            if entry.name not in _OWN_NAMES and not entry.name.startswith((".stack.json.", ".services.json."))
        )
        if foreign:
            more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
            raise FolderUnusable(
                f"{self.folder} holds {foreign[0]}{more}, and no stack of Neraca",
                advice="Give a new or empty folder with --home or NERACA_HOME.",
            )

    def _was_started(self) -> bool:
        if self.postgres_password_file.exists():
            return True
        try:
            state = json.loads(self.state_file.read_bytes())
        except (OSError, ValueError):
            return False
        return isinstance(state, dict) and isinstance(state.get("format"), int)

    def check_owner(self) -> None:
        """Raise FolderUnusable when the folder is another's:

        root would leave files that its owner cannot read.
        """
        if (owner := self.folder.stat().st_uid) != os.geteuid():
            raise FolderUnusable(
                f"{self.folder} belongs to user {owner}, this command runs as user {os.geteuid()}",
                advice="Run it as the owner, or give another folder with --home.",
            )

    def load(self) -> StackState:
        """The remembered state; a fresh one where there is none.

        Raises:
            HalfMadeFolder: the file is damaged, or a newer version wrote it.
            FolderUnusable: it cannot be read.

        """
        try:
            text = self.state_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return StackState()
        except OSError as error:
            raise FolderUnusable(
                f"cannot read {self.state_file}: {error.strerror or error}",
                advice="Run as the user who owns the folder.",
            ) from error
        try:
            raw = json.loads(text)
            found = raw.get("format") if isinstance(raw, dict) else None
            if isinstance(found, int) and found > FORMAT:
                raise HalfMadeFolder(
                    f"{self.folder} was made by a newer Neraca (format {found}, this one knows {FORMAT})",
                    advice="Use that newer version, or another folder with --home.",
                )
            return StackState.model_validate(raw)
        except (ValueError, ValidationError) as error:
            raise HalfMadeFolder(
                f"{self.state_file} is damaged",
                advice="Remove that one file and run `neraca up` again: it holds only ports and process ids.",
            ) from error

    def save(self, state: StackState) -> None:
        """Replace the state in one step, so that a reader never sees half of it."""
        write_atomically(self.state_file, state.model_dump_json(indent=2).encode())

    @contextmanager
    def locked(self) -> Iterator[Self]:
        """Hold the folder alone. The lock goes with the process, so a killed command leaves none behind.

        Raises:
            StackBusy: another command holds it.

        """
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderUnusable(
                f"cannot write in {self.folder}: {error.strerror or error}",
                advice="Free some space, or give another folder with --home.",
            ) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StackBusy(
                    f"another neraca command is starting or stopping the stack in {self.folder}",
                    advice="Wait until it is done, then run this again.",
                ) from error
            if not _is_at(descriptor, self.folder / "lock"):
                # Removed by a start that failed, in the moment before we had it.
                raise StackBusy(
                    f"another neraca command has just left {self.folder}", advice="Run this again."
                )
            yield self
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a small file so that it is whole or absent, also after a power cut."""
    # The name carries the process id: two writers never share a half-written file.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
