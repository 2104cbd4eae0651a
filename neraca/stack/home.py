"""The home folder of one embedded stack: where things lie, what is remembered, who may change it.

Must not start or stop anything. Everything in `stack.json` can be lost without losing data: it holds ports
and process ids, never records or rows.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import FolderUnusable, HalfMadeFolder, StackBusy

FORMAT = 1
# Kafka refuses writes and PostgreSQL stops when the disk is full; below this a start is not worth trying.
_FREE_BYTES_MIN = 512 * 1024 * 1024


class PartState(BaseModel):
    """What is remembered of one process: its ports, and the process that ran last."""

    model_config = ConfigDict(extra="ignore")

    port: int | None = None
    # Kafka's controller listens as well.
    controller_port: int | None = None
    version: str = ""
    pid: int | None = None


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
        self.folder = folder.expanduser().absolute()

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

    def prepare(self) -> None:
        """Make the folder if need be, and see that it can be used.

        Raises:
            FolderUnusable: not writable, not ours, or nearly full.

        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.check_owner()
            # Passwords and personal data live below.
            self.folder.chmod(0o700)
            for part in (self.kafka_data.parent, self.postgres_data.parent, self.logs):
                part.mkdir(exist_ok=True)
            probe = self.folder / ".write-test"
            probe.write_bytes(b"x")
            probe.unlink()
            free_bytes = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise FolderUnusable(
                f"cannot write in {self.folder}: {error.strerror or error}",
                advice="Give another folder with --home or NERACA_HOME.",
            ) from error
        if free_bytes < _FREE_BYTES_MIN:
            raise FolderUnusable(
                f"only {free_bytes // 2**20} MiB free on the disk of {self.folder}; "
                f"{_FREE_BYTES_MIN // 2**20} MiB are needed",
                advice="Free some space, or give a folder on another disk with --home.",
            )

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
            yield self
        finally:
            os.close(descriptor)


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
