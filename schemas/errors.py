"""Every error that Neraca raises on purpose. Holds no logic: what went wrong, where, and what to do about it.

    NeracaError
    ├── SettingsError            a NERACA_ variable or an option is missing, unknown or wrong
    ├── StaleBuild               compiled modules that are not those of the sources beside them
    ├── StackError               the embedded Kafka or PostgreSQL cannot be started, stopped or used
    │   ├── PortTaken            another program listens where a part should
    │   ├── FolderUnusable       the home or cache folder cannot be written, is full, or is someone else's
    │   ├── HalfMadeFolder       data that is neither absent nor complete, or made by a newer version
    │   ├── DownloadFailed       the jars of Kafka could not be fetched or are not the expected bytes
    │   ├── StackBusy            another command holds the home folder
    │   └── StackNotRunning      the home has no running stack
    ├── BrokerUnavailable        Kafka does not answer
    ├── DatabaseUnavailable      PostgreSQL does not answer
    ├── TopicMissing             a topic that a service needs does not exist
    ├── TopicMismatch            a topic exists with settings that would break a promise
    ├── ShapeError               an action or a policy breaks the shape of the contract
    ├── UnreadableRecord         bytes on a topic that are no record of ours
    ├── InvariantViolation       a balance or a count that cannot be: a bug, never a refusal
    ├── JournalMismatch          the journal is not what the same actions give
    ├── ArchiveDamaged           an archive folder, or a file in it, is not what was written
    └── ProofInvalid             a proof, a checkpoint or a signature that does not hold

A refusal is no error: it is a decision, returned and never raised. Nobody matches on the text of a message;
what a program needs to know stands in the class and its attributes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from schemas.shape import Problem


class NeracaError(Exception):
    """What a user can be told: one sentence on what went wrong and where, one on what to do (`advice`).

    `retryable`: the same call may succeed later with nothing changed.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return self.message


class SettingsError(NeracaError):
    """A `NERACA_…` variable or an option that is missing, unknown or wrong; the message names it."""


class StaleBuild(NeracaError):
    """Compiled modules were made from other sources than stand beside them: neither can be trusted."""


class StackError(NeracaError):
    """The embedded Kafka or PostgreSQL cannot be started, stopped or used."""


class PortTaken(StackError):
    """Another program listens on the port that a part was told to use.

    `port` is the number, `part` who wanted it.
    """

    def __init__(self, port: int, part: str, *, holder: str = "", asked_by: str, advice: str) -> None:
        by = f" by {holder}" if holder else ""
        super().__init__(f"port {port} on 127.0.0.1, {asked_by} for {part}, is taken{by}", advice=advice)
        self.port = port
        self.part = part


class FolderUnusable(StackError):
    """A folder cannot be written, has no room left, or belongs to someone else."""


class HalfMadeFolder(StackError):
    """Data that is neither absent nor complete, or that a newer version made. Nothing of it was touched."""


class DownloadFailed(StackError):
    """The jars of Kafka could not be fetched, or what came is not what the lock file says."""

    retryable = True


class StackBusy(StackError):
    """Another `neraca up` or `neraca down` is at work in the same home folder."""

    retryable = True


class StackNotRunning(StackError):
    """The home folder has no running stack to talk to."""


class BrokerUnavailable(NeracaError):
    """Kafka does not answer within the time given."""

    retryable = True


class DatabaseUnavailable(NeracaError):
    """PostgreSQL does not answer within the time given."""

    retryable = True


class TopicMissing(NeracaError):
    """Topics that a service needs do not exist. They are never created by the way; `names` lists them."""

    def __init__(self, names: list[str], *, where: str, advice: str) -> None:
        what = "topic" if len(names) == 1 else "topics"
        super().__init__(f"missing {what} on {where}: {', '.join(names)}", advice=advice)
        self.names = names


class TopicMismatch(NeracaError):
    """Topics exist with settings that would break a promise. `differences` has one sentence for each."""

    def __init__(self, differences: list[str], *, where: str, advice: str) -> None:
        super().__init__(f"topics on {where} are not as designed: {'; '.join(differences)}", advice=advice)
        self.differences = differences


class ShapeError(NeracaError):
    """An action or a policy breaks the shape of the contract (§1).

    `field` is the path of what is wrong (empty: the whole record), `reason` says what is wrong, `advice` what
    would be right, `line` is the 1-based line of the file, where there is one. `problems` has everything that
    is wrong, the first of which the other attributes repeat.
    """

    def __init__(
        self,
        reason: str,
        *,
        field: str = "",
        line: int | None = None,
        advice: str = "",
        problems: "Sequence[Problem]" = (),
    ) -> None:
        super().__init__(reason, advice=advice)
        self.reason = reason
        self.field = field
        self.line = line
        self.problems = tuple(problems)

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.field}: {self.reason}" if self.field else f"{where}{self.reason}"


class UnreadableRecord(NeracaError):
    """Bytes that are no record of ours: no frame, unknown schema id, cut short, or of a broken shape.

    `reason` is short and stable enough to count by; `offset` says where, when it is known.
    """

    def __init__(self, reason: str, *, offset: int | None = None, advice: str = "") -> None:
        where = f" at offset {offset}" if offset is not None else ""
        super().__init__(f"unreadable record{where}: {reason}", advice=advice)
        self.reason = reason
        self.offset = offset


class InvariantViolation(NeracaError):
    """A broken invariant of contract §4: a bug of ours or a damaged state, never something that a user did.

    The message names both numbers.
    """


class JournalMismatch(NeracaError):
    """The journal is not what the same actions give, or does not follow itself.

    `seq` is the first decision that differs.
    """

    def __init__(self, message: str, *, seq: int | None = None, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.seq = seq


class ArchiveDamaged(NeracaError):
    """An archive folder, or a file in it, is not what was written: cut short, changed, or no archive at all.

    The message names the file and the place in it. `seq` is the first decision that it concerns, where known.
    """

    def __init__(self, message: str, *, seq: int | None = None, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.seq = seq


class ProofInvalid(NeracaError):
    """A proof, a checkpoint or a signature that does not hold; the message says which part, and why."""
