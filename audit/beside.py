"""Work beside the reader: batches of decisions handed to other processes, or done in this one.

The journal is read once; whoever needs every decision gets the same bytes through a pipe, which costs less
than to read them again and leaves no doubt that all saw the same. Must not know what the work is.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import traceback
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final, Protocol

from audit.findings import Found
from schemas.errors import NeracaError

_LENGTH_TYPE: Final = "I"
_COUNT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one task found.

    Attributes:
        name: The task.
        found: What is wrong.
        facts: What the report says of it: names to numbers, texts, lists.

    """

    name: str
    found: Found
    facts: dict[str, Any] = field(default_factory=dict)


class Task(Protocol):
    """Something done with every decision of a journal, in order."""

    def take(self, values: list[bytes]) -> None:
        """Take the next decisions."""
        ...

    def finish(self) -> Outcome:
        """Say what was found."""
        ...


class TaskPlan(Protocol):
    """How to begin a task, in whichever process: plain data, since it travels."""

    def begin(self) -> Task:
        """Begin."""
        ...


class WorkerFailedError(NeracaError):
    """A process that checked beside the reader ended without an answer."""


class Beside:
    """Tasks spread over processes; with none, they are done here."""

    def __init__(self, plans: Sequence[TaskPlan], processes: int) -> None:
        """Begin every task: in so many other processes, at most one a task."""
        self._here: list[Task] = []
        self._workers: list[tuple[Any, Connection]] = []
        if processes < 1:
            self._here = [plan.begin() for plan in plans]
            return
        # Not forked: the Kafka client and the database driver run threads, which a fork would cut off.
        context = multiprocessing.get_context("spawn")
        for number in range(min(processes, len(plans))):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, list(plans[number::processes])), daemon=True
            )
            process.start()
            theirs.close()
            self._workers.append((process, ours))

    def take(self, values: list[bytes]) -> None:
        """Hand the next decisions to every task."""
        for task in self._here:
            task.take(values)
        if self._workers and values:
            packed = _pack(values)
            for process, pipe in self._workers:
                try:
                    pipe.send_bytes(packed)
                except OSError:
                    raise _failure(process, pipe) from None

    def finish(self) -> list[Outcome]:
        """End every task and collect what it found.

        Raises:
            NeracaError: a task could not go on.

        """
        outcomes = [task.finish() for task in self._here]
        for _, pipe in self._workers:
            with contextlib.suppress(OSError):
                pipe.send_bytes(b"")
        for process, pipe in self._workers:
            try:
                answer = pipe.recv()
            except (EOFError, OSError):
                raise WorkerFailedError(f"a checking process ended: {process.exitcode}") from None
            if isinstance(answer, BaseException):
                raise answer
            outcomes += answer
        self.close()
        return outcomes

    def close(self) -> None:
        """End the processes, also where they are not done."""
        for process, pipe in self._workers:
            pipe.close()
            process.join(5)
            if process.is_alive():
                process.terminate()
                process.join()
        self._workers = []

    def __repr__(self) -> str:
        """Show how many do what where."""
        return f"Beside(here={self._here!r}, processes={len(self._workers)})"


def _failure(process: Any, pipe: Connection) -> BaseException:  # noqa: ANN401 - multiprocessing's own class
    """Give what a process that reads no more has said."""
    try:
        answer = pipe.recv()
    except (EOFError, OSError):
        answer = None
    if isinstance(answer, BaseException):
        return answer
    return WorkerFailedError(f"a checking process ended: {process.exitcode}")


def _pack(values: list[bytes]) -> bytes:
    lengths = array(_LENGTH_TYPE, [len(value) for value in values])
    return b"".join((len(values).to_bytes(_COUNT_BYTES, "little"), lengths.tobytes(), *values))


def _unpack(packed: bytes) -> list[bytes]:
    count = int.from_bytes(packed[:_COUNT_BYTES], "little")
    lengths = array(_LENGTH_TYPE)
    at = _COUNT_BYTES + count * lengths.itemsize
    lengths.frombytes(packed[_COUNT_BYTES:at])
    values = []
    for length in lengths:
        values.append(packed[at : at + length])
        at += length
    return values


def _work(pipe: Connection, plans: list[TaskPlan]) -> None:
    """Run in a process of its own: batches in, outcomes out."""
    # Nothing here makes cycles, and to look for some among many small objects takes long.
    gc.disable()
    try:
        tasks = [plan.begin() for plan in plans]
        while packed := pipe.recv_bytes():
            values = _unpack(packed)
            for task in tasks:
                task.take(values)
        answer: object = [task.finish() for task in tasks]
    except NeracaError as error:
        answer = error
    except (EOFError, KeyboardInterrupt):
        return  # The reader has gone.
    except Exception:  # noqa: BLE001 - told where somebody sees it
        answer = WorkerFailedError(f"a checking process failed:\n{traceback.format_exc()}")
    with contextlib.suppress(OSError):
        pipe.send(answer)
