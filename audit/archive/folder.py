"""The folder of an archive: what lies where, and how far it goes. Knows no record and no topic.

    archive.json             what this is: the format and the topics it came from
    position.json            how far it goes; replaced in one step, after what it names is on the disk
    decisions/               the journal, by `seq`
    actions/ID/              actions as they were written with schema ID, by offset
    unreadable/              records of the action topic that are no action
    offsets/                 one row for each record of the action topic, by offset
    blocks/…/                the index: one row for each block of the files above
    log/                     the Merkle tree over the decisions, with its signed checkpoints

docs/archive.md tells a stranger how to read it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self

from schemas.errors import ArchiveDamaged, FolderUnusable, NeracaError

FORMAT: Final = 1
ABOUT_FILE: Final = "archive.json"
POSITION_FILE: Final = "position.json"
LOCK_FILE: Final = ".lock"
LOG_FOLDER: Final = "log"
DECISIONS: Final = "decisions"
ACTIONS: Final = "actions"
UNREADABLE: Final = "unreadable"
OFFSETS: Final = "offsets"
BLOCKS: Final = "blocks"
# A block of decisions is a tile of the Merkle log (C2SP tlog-tiles), a segment 256 of them.
BLOCK_RECORDS: Final = 256
SEGMENT_RECORDS: Final = 65_536
SHA256_BYTES: Final = 32
# Offsets and sizes are of 64 bits.
_NUMBER_MAX: Final = 2**63 - 1
_NAME_DIGITS: Final = 12
_SUFFIX: Final = ".avro"
_TAIL_SUFFIX: Final = ".tail.avro"


class ArchiveBusy(NeracaError):
    """Another process writes to this archive."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Tail:
    """The block that is not full yet, in a file of its own.

    Attributes:
        bytes: Of its records together.
        sha256: Of them, in hexadecimal.
        sizes: Bytes of each.

    """

    bytes: int
    sha256: str
    sizes: list[int]


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """How far one series of files goes.

    Attributes:
        records: How many records it has.
        segment: Number of the first record of its last file.
        segment_bytes: Size of that file; 0: there is none yet, only a tail.
        blocks_bytes: Size of the file of the index beside it.
        tail: The block that is not full yet; None: there is none.

    """

    records: int = 0
    segment: int = 0
    segment_bytes: int = 0
    blocks_bytes: int = 0
    tail: Tail | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far an archive goes: what `position.json` says.

    Attributes:
        next_seq: `seq` of the next decision.
        last_sha256: Hash of the last one, in hexadecimal; zeros before the first.
        journal_offset: Where the last one stood on its topic; -1 before the first. A hint, checked when used.
        next_action_offset: Up to where the action topic is kept.
        streams: Each series of files.

    """

    next_seq: int = 0
    last_sha256: str = bytes(SHA256_BYTES).hex()
    journal_offset: int = -1
    next_action_offset: int = 0
    streams: Mapping[str, StreamPosition] = field(default_factory=dict)

    def stream(self, name: str) -> StreamPosition:
        """How far that series goes; an empty one where there is none."""
        return self.streams.get(name, StreamPosition())

    def to_json(self) -> bytes:
        """Write it as the file holds it."""
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes, where: Path) -> Self:
        """Read it back.

        Raises:
            ArchiveDamaged: it is none.

        """
        try:
            raw: dict[str, Any] = json.loads(text)
            streams = {name: _stream_position(one) for name, one in raw.pop("streams").items()}
            position = cls(streams=streams, **raw)
            _require_hash(position.last_sha256)
            numbers = [position.next_seq, position.journal_offset, position.next_action_offset]
            _require_numbers(numbers, -1)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise ArchiveDamaged(f"{where} is not what was written: {error}") from error
        return position


def _stream_position(raw: dict[str, Any]) -> StreamPosition:
    tail = raw.pop("tail")
    position = StreamPosition(tail=None if tail is None else Tail(**tail), **raw)
    numbers = [position.records, position.segment, position.segment_bytes, position.blocks_bytes]
    numbers += [] if position.tail is None else [position.tail.bytes, *position.tail.sizes]
    _require_numbers(numbers, 0)
    if position.tail is not None:
        _require_hash(position.tail.sha256)
    return position


def _require_numbers(found: list[Any], least: int) -> None:
    for number in found:
        if type(number) is not int or not least <= number <= _NUMBER_MAX:
            raise ValueError(f"{number!r} stands where a number belongs")


def _require_hash(found: str) -> None:
    if len(bytes.fromhex(found)) != SHA256_BYTES:
        raise ValueError(f"{found!r} stands where a hash belongs")


@dataclass(frozen=True, slots=True)
class About:
    """What an archive is: what `archive.json` says.

    Attributes:
        format: Of the folder.
        actions_topic: Name of the topic of actions that it was made from.
        decisions_topic: Name of the journal.

    """

    actions_topic: str
    decisions_topic: str
    format: int = FORMAT

    def to_json(self) -> bytes:
        """Write it as the file holds it."""
        return json.dumps({"neraca_archive": self.format, **asdict(self)}, indent=1).encode() + b"\n"


class ArchiveFolder:
    """The paths of one archive, and its two small files."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root

    @property
    def about_file(self) -> Path:
        """What this is."""
        return self.root / ABOUT_FILE

    @property
    def position_file(self) -> Path:
        """How far it goes."""
        return self.root / POSITION_FILE

    @property
    def log(self) -> Path:
        """The Merkle log."""
        return self.root / LOG_FOLDER

    def make(self, about: About) -> None:
        """Make an archive of nothing in an empty folder; an archive that is there stays as it is.

        Raises:
            FolderUnusable: it cannot be written, or holds something else.
            ArchiveDamaged: it is an archive of a format that this program does not know.

        """
        with told(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            if self.about_file.exists():
                self.about()
                return
            found = sorted(path.name for path in self.root.iterdir())
            own = {POSITION_FILE, LOCK_FILE, f".{POSITION_FILE}.new", f".{ABOUT_FILE}.new", "lost+found"}
            if foreign := [name for name in found if name not in own]:
                raise FolderUnusable(
                    f"{self.root} holds {foreign[0]}, and no archive of Neraca",
                    advice="Give a new or empty folder.",
                )
            # The name of the whole comes last: a start that was cut leaves an empty folder, as far as
            # anybody can tell.
            write_atomically(self.position_file, Position().to_json())
            write_atomically(self.about_file, about.to_json())

    def about(self) -> About:
        """What `archive.json` says.

        Raises:
            ArchiveDamaged: it is not there, damaged, or of a format that this program does not know.

        """
        try:
            raw = json.loads(self._read(self.about_file, "it is no archive"))
            number = raw["neraca_archive"]
            about = About(raw["actions_topic"], raw["decisions_topic"], number)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ArchiveDamaged(f"{self.about_file} is not what was written: {error}") from error
        if number != FORMAT:
            raise ArchiveDamaged(
                f"{self.about_file} names format {number!r}; this Neraca knows {FORMAT}",
                advice="Use a newer Neraca.",
            )
        return about

    def position(self) -> Position:
        """What `position.json` says.

        Raises:
            ArchiveDamaged: it is not there, or damaged.

        """
        text = self._read(self.position_file, "nobody can tell how far the archive goes")
        return Position.from_json(text, self.position_file)

    def save(self, position: Position) -> None:
        """Replace `position.json` in one step."""
        with told(self.root):
            write_atomically(self.position_file, position.to_json())

    def segments(self, stream: str) -> list[int]:
        """Give the numbers of the first records of that series' files, in order, tails aside."""
        return sorted(number for number, is_tail in self.files(stream) if not is_tail)

    def files(self, stream: str) -> list[tuple[int, bool]]:
        """Give every file of a series: number of its first record, and whether it is a tail."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in (self.root / stream).iterdir():
                stem, dot, rest = path.name.partition(".")
                if dot + rest in {_SUFFIX, _TAIL_SUFFIX} and stem.isdecimal():
                    found.append((int(stem), dot + rest == _TAIL_SUFFIX))
        return found

    def segment_file(self, stream: str, first: int) -> Path:
        """The file of a series that begins with that record."""
        return self.root / stream / f"{first:0{_NAME_DIGITS}}{_SUFFIX}"

    def tail_file(self, stream: str, first: int) -> Path:
        """The file of the block that begins with that record and is not full yet."""
        return self.root / stream / f"{first:0{_NAME_DIGITS}}{_TAIL_SUFFIX}"

    def shown(self, path: Path) -> str:
        """How a message calls a file of the archive."""
        return f"{self.root.name}/{path.relative_to(self.root).as_posix()}"

    def remove_partial(self, folder: Path) -> None:
        """Take away what a writer that was killed had not finished."""
        for path in folder.glob(".*.new"):
            path.unlink()

    def is_being_written(self) -> bool:
        """Whether a writer is at work on it now."""
        try:
            with (self.root / LOCK_FILE).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def claim(self) -> IO[bytes]:
        """Take the archive for writing; it is let go by closing what comes back, or with the process.

        Raises:
            ArchiveBusy: another process has it.
            FolderUnusable: it cannot be written.

        """
        with told(self.root):
            lock = (self.root / LOCK_FILE).open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ArchiveBusy(
                f"another process writes to the archive {self.root}",
                advice="Is it the home's own archive, which the archiver keeps? Name another folder.",
            ) from None
        return lock

    def _read(self, path: Path, otherwise: str) -> bytes:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise ArchiveDamaged(
                f"{self.root} has no {path.name}: {otherwise}",
                advice="Name the folder that `neraca archive` wrote.",
            ) from None
        except OSError as error:
            raise ArchiveDamaged(f"{path} cannot be read: {error.strerror or error}") from error

    def __repr__(self) -> str:
        """Show where it is."""
        return f"ArchiveFolder({str(self.root)!r})"


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that it is whole or as it was, also after a power cut."""
    partial = path.with_name(f".{path.name}.new")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See to it that the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def told(folder: Path) -> Iterator[None]:
    """Say what the operating system refuses in our terms: no room, no right, a file that is not there."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise FolderUnusable(
                f"no room is left on the disk of the archive {folder}",
                advice="Make room and run it again: it goes on behind the last block that was finished.",
            ) from error
        raise FolderUnusable(
            f"the archive {folder} cannot be written: {error.strerror or error}",
            advice="Give a folder that this user can write, on a disk that works.",
        ) from error
