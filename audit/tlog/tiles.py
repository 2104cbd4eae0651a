"""The log on disk in the C2SP tlog-tiles layout, which public tools read: tiles of hashes and of entries.

Appends in order, and makes what was appended durable when told (`flush`): tiles first, then the file `tree`
that says how far they count. Whatever lies beyond it, after a crash, counts for nothing and is written again.
What is read is checked against the root, upwards from the tile, before anybody gets it. Must not sign.
"""

from __future__ import annotations

import base64
import errno
import fcntl
import os
import shutil
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from audit.tlog import merkle
from audit.tlog.checkpoint import Checkpoint, decimal
from audit.tlog.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hashes, perfect_root
from audit.tlog.note import Note, decoded_base64
from schemas.errors import ArchiveDamaged, FolderUnusable, NeracaError, ProofInvalid

TILE_LEVELS: Final = 8
TILE_WIDTH: Final = 1 << TILE_LEVELS
ENTRY_BYTES_MAX: Final = 65_535
LENGTH_BYTES: Final = 2
# 8 KiB each; a proof in a log of any size touches fewer.
TILES_KEPT: Final = 256
# A disk takes several files at once in hardly more time than one: 330 a second one after the other, 1,360 by
# four, 1,400 by sixteen, on a disk that others use as well.
WRITERS: Final = 4
# Tiles on their way to the disk; a bundle of decisions is some 150 KB.
WRITES_WAITING_MAX: Final = 32
TREE_FILE: Final = "tree"
CHECKPOINT_FILE: Final = "checkpoint"
_LOCK_FILE: Final = ".lock"
_ENTRIES: Final = "entries"
_TREE_LINES: Final = 2
_MEND: Final = "Take that file from another copy of the log, or build the log anew."


class EntryTooLarge(NeracaError):
    """A decision that no bundle can hold. Nothing of it was appended."""


def number_path(number: int) -> str:
    """Give a number as folders of three digits: 1234067 is x001/x234/067."""
    digits = str(number)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    return "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])


def tile_path(level: int | None, number: int, width: int = TILE_WIDTH) -> str:
    """Give the path of a tile, below the log's folder or address; level None is that of the entries."""
    path = f"tile/{_ENTRIES if level is None else level}/{number_path(number)}"
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


class TileLog:
    """The log in one folder. Any number of programs may read it while one appends.

    Attributes:
        folder: Where it lies: what a web server would serve.
        size: How many decisions were appended.
        durable_size: How many of them are on disk for good: what a checkpoint may speak of.

    """

    def __init__(self, folder: Path) -> None:
        """Open the log as far as it is durable; a folder that is not there is an empty log.

        Raises:
            ArchiveDamaged: the tiles at its right edge are not there, or not what the root says.

        """
        self.folder: Final = folder
        self._kept: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()
        self._lock_descriptor: int | None = None
        self._broken: OSError | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._writes: Final[deque[Future[None]]] = deque()
        # Folders with new names in them, and partial tiles that full ones replace: for the next flush.
        self._changed_folders: Final[set[Path]] = set()
        self._outgrown: Final[list[Path]] = []
        self._load()

    def _load(self) -> None:
        self._kept.clear()
        size, root = self._read_tree_file()
        self.size = self.durable_size = size
        # The hashes of the last tile of each level, as far as it is not full.
        self._edge: list[list[bytes]] = []
        self._bundle: list[bytes] = []
        for level in range(_levels(size)):
            count = size >> (TILE_LEVELS * level)
            number, width = divmod(count, TILE_WIDTH)
            self._edge.append(self._read_hashes(level, number, width) if width else [])
        if merkle.root_at(size, self.node) != root:
            raise self._edge_damage()
        if size % TILE_WIDTH:
            self._bundle = self._read_bundle(size // TILE_WIDTH, size % TILE_WIDTH)
            self._check_bundle(size // TILE_WIDTH, self._bundle, self._edge[0])

    def append(self, entries: Sequence[bytes]) -> None:
        """Take the next decisions, in order. They count for good only after `flush`.

        Raises:
            EntryTooLarge: one of them fits no bundle; none was taken.
            FolderUnusable: the disk is full or fails. The log must be opened anew.

        """
        for place, entry in enumerate(entries):
            if len(entry) > ENTRY_BYTES_MAX:
                raise EntryTooLarge(
                    f"decision {self.size + place} has {len(entry)} bytes; an entry of the log has at most "
                    f"{ENTRY_BYTES_MAX}",
                    advice="The shape of actions should make this impossible: please report it.",
                )
        with self._writing():
            start = 0
            while start < len(entries):
                room = TILE_WIDTH - len(self._bundle)
                self._take(entries[start : start + room])
                start += room

    def _take(self, entries: Sequence[bytes]) -> None:
        """Take no more entries than the last bundle has room for."""
        if not self._edge:
            self._edge.append([])
        self._bundle.extend(entries)
        self._edge[0].extend(leaf_hashes(entries))
        self.size += len(entries)
        if len(self._bundle) == TILE_WIDTH:
            number = self.size // TILE_WIDTH - 1
            self._write(tile_path(None, number), _joined(self._bundle))
            self._outgrown.append(self.folder / f"{tile_path(None, number)}.p")
            self._bundle = []
            self._fill(0, number)

    def _fill(self, level: int, number: int) -> None:
        """Write the last tile of a level, which is full, and go on in the level above."""
        hashes = self._edge[level]
        path = tile_path(level, number)
        self._write(path, b"".join(hashes))
        self._outgrown.append(self.folder / f"{path}.p")
        self._edge[level] = []
        if level + 1 == len(self._edge):
            self._edge.append([])
        above = self._edge[level + 1]
        above.append(perfect_root(hashes))
        if len(above) == TILE_WIDTH:
            self._fill(level + 1, number // TILE_WIDTH)

    def flush(self) -> int:
        """Make everything durable that was appended; its size, of which a checkpoint may now speak.

        Raises:
            FolderUnusable: the disk is full or fails. What was durable before still is; the log must be
                opened anew.

        """
        if self.size == self.durable_size:
            return self.size
        with self._writing():
            if self._bundle:
                number = self.size // TILE_WIDTH
                self._write(tile_path(None, number, len(self._bundle)), _joined(self._bundle))
            for level, hashes in enumerate(self._edge):
                if hashes:
                    number = (self.size >> (TILE_LEVELS * level)) // TILE_WIDTH
                    self._write(tile_path(level, number, len(hashes)), b"".join(hashes))
            self._wait_for_writes(0)
            for folder in sorted(self._changed_folders):
                _sync(folder)
            self._changed_folders.clear()
            root = base64.b64encode(self.root()).decode("ascii")
            _write_file(self.folder / TREE_FILE, f"{self.size}\n{root}\n".encode())
            _sync(self.folder)
            self.durable_size = self.size
        for partial in self._outgrown:
            shutil.rmtree(partial, ignore_errors=True)
        self._outgrown.clear()
        return self.size

    def root(self, size: int | None = None) -> bytes:
        """Give the root of the first `size` decisions; of all, where none is given.

        Raises:
            ArchiveDamaged: a tile that it needs is damaged.
            ProofInvalid: the log is not as long.

        """
        wanted = self.size if size is None else size
        self._check_size(wanted)
        return merkle.root_at(wanted, self.node)

    def inclusion_proof(self, seq: int, size: int) -> list[bytes]:
        """Give the hashes that lead from a decision to the root of `size`.

        Raises:
            ArchiveDamaged: a tile that it needs is damaged.
            ProofInvalid: there is no such decision in a log of that size.

        """
        self._check_size(size)
        if not 0 <= seq < size:
            raise ProofInvalid(f"there is no decision {seq} in a log of {size}")
        return merkle.inclusion_proof(seq, size, self.node)

    def consistency_proof(self, old_size: int, new_size: int) -> list[bytes]:
        """Give the hashes that show the log at one size to be the beginning of the log at another.

        Raises:
            ArchiveDamaged: a tile that it needs is damaged.
            ProofInvalid: the log is not as long, or the sizes stand the wrong way round.

        """
        self._check_size(new_size)
        if not 0 <= old_size <= new_size:
            raise ProofInvalid(f"a log of {old_size} decisions is not the beginning of one of {new_size}")
        return merkle.consistency_proof(old_size, new_size, self.node)

    def entries(self, first: int, count: int) -> list[bytes]:
        """Give decisions by `seq`, each checked against the root.

        Raises:
            ArchiveDamaged: a bundle or a tile that it needs is damaged.
            ProofInvalid: the log is not as long.

        """
        end = first + count
        self._check_size(end)
        found: list[bytes] = []
        while first < end:
            number, place = divmod(first, TILE_WIDTH)
            taken = self._checked_bundle(number)[place : place + end - first]
            found += taken
            first += len(taken)
        return found

    def verify(self, size: int | None = None) -> Iterator[int]:
        """Read every bundle and tile up to `size`; gives, as it rises, how many decisions are in order.

        Raises:
            ArchiveDamaged: the first that is not, with its tile and its first decision.

        """
        end = self.durable_size if size is None else size
        self._check_size(end)
        for number in range(-(-end // TILE_WIDTH)):
            self._checked_bundle(number)
            yield min(end, (number + 1) * TILE_WIDTH)

    def node(self, level: int, index: int) -> bytes:
        """Give the hash of a perfect subtree, for `merkle`."""
        tile_level, height = divmod(level, TILE_LEVELS)
        number, place = divmod(index << height, TILE_WIDTH)
        return perfect_root(self._tile(tile_level, number)[place : place + (1 << height)])

    def close(self) -> None:
        """Let another program append. What was not flushed is lost."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        if self._lock_descriptor is not None:
            os.close(self._lock_descriptor)
            self._lock_descriptor = None

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Show where it lies and how far it goes."""
        return f"TileLog({str(self.folder)!r}, size={self.size}, durable_size={self.durable_size})"

    # Reading

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ProofInvalid(f"the log in {self.folder} has {self.size} decisions, not {size}")

    def _read_tree_file(self) -> tuple[int, bytes]:
        """Tell how far the tiles count: by our file, or by the checkpoint of a copy that has only that."""
        try:
            text = (self.folder / TREE_FILE).read_text("utf-8")
        except FileNotFoundError:
            return self._read_checkpoint_file()
        except (OSError, UnicodeDecodeError) as error:
            raise ArchiveDamaged(f"{self.folder / TREE_FILE} cannot be read: {error}") from error
        try:
            return _size_and_root(text)
        except ProofInvalid as error:
            raise ArchiveDamaged(
                f"{self.folder / TREE_FILE} is damaged: {error}",
                advice="Remove the log's folder and let the archiver build it anew from the journal.",
            ) from error

    def _read_checkpoint_file(self) -> tuple[int, bytes]:
        try:
            note = (self.folder / CHECKPOINT_FILE).read_text("utf-8")
        except FileNotFoundError:
            return 0, EMPTY_ROOT
        except (OSError, UnicodeDecodeError) as error:
            raise ArchiveDamaged(f"{self.folder / CHECKPOINT_FILE} cannot be read: {error}") from error
        try:
            checkpoint = Checkpoint.parse(Note.parse(note).text)
        except ProofInvalid as error:
            raise ArchiveDamaged(f"{self.folder / CHECKPOINT_FILE} is damaged: {error}") from error
        return checkpoint.size, checkpoint.root

    def _tile(self, level: int, number: int) -> list[bytes]:
        """Give the hashes of a tile that is checked against the root."""
        if number == (self.size >> (TILE_LEVELS * level)) // TILE_WIDTH:
            return self._edge[level]
        if (known := self._kept.get((level, number))) is not None:
            self._kept.move_to_end((level, number))
            return known
        hashes = self._read_hashes(level, number, TILE_WIDTH)
        above, place = divmod(number, TILE_WIDTH)
        if perfect_root(hashes) != self._tile(level + 1, above)[place]:
            raise self._tile_damage(level, number, hashes)
        self._kept[level, number] = hashes
        if len(self._kept) > TILES_KEPT:
            self._kept.popitem(last=False)
        return hashes

    def _checked_bundle(self, number: int) -> list[bytes]:
        if number == self.size // TILE_WIDTH:
            return self._bundle
        hashes = self._tile(0, number)
        bundle = self._read_bundle(number, TILE_WIDTH)
        self._check_bundle(number, bundle, hashes)
        return bundle

    def _check_bundle(self, number: int, bundle: list[bytes], hashes: list[bytes]) -> None:
        for place, (made, expected) in enumerate(zip(leaf_hashes(bundle), hashes, strict=True)):
            if made != expected:
                seq = number * TILE_WIDTH + place
                raise ArchiveDamaged(
                    f"{tile_path(None, number, len(bundle))} in {self.folder} is damaged: "
                    f"decision {seq} is not the one that the log holds",
                    seq=seq,
                    advice=_MEND,
                )

    def _read_hashes(self, level: int, number: int, width: int) -> list[bytes]:
        data, found_width = self._read(level, number, width)
        wanted = found_width * HASH_BYTES
        if len(data) != wanted:
            raise ArchiveDamaged(
                f"{tile_path(level, number, found_width)} in {self.folder} is damaged: "
                f"it has {len(data)} bytes, not {wanted}",
                seq=number * TILE_WIDTH ** (level + 1),
                advice=_MEND,
            )
        return [data[start : start + HASH_BYTES] for start in range(0, width * HASH_BYTES, HASH_BYTES)]

    def _read_bundle(self, number: int, width: int) -> list[bytes]:
        data, found_width = self._read(None, number, width)
        found: list[bytes] = []
        start = 0
        while start < len(data):
            end = start + LENGTH_BYTES + int.from_bytes(data[start : start + LENGTH_BYTES], "big")
            if end > len(data):
                break
            found.append(data[start + LENGTH_BYTES : end])
            start = end
        if len(found) != found_width or start != len(data):
            seq = number * TILE_WIDTH + min(len(found), found_width)
            raise ArchiveDamaged(
                f"{tile_path(None, number, found_width)} in {self.folder} is damaged: "
                f"it does not hold {found_width} decisions; it can be read up to decision {seq}",
                seq=seq,
                advice=_MEND,
            )
        return found[:width]

    def _read(self, level: int | None, number: int, width: int) -> tuple[bytes, int]:
        """Read a tile, with its width: where a partial one is gone, a full one begins with the same."""
        for found_width in dict.fromkeys((width, TILE_WIDTH)):
            path = self.folder / tile_path(level, number, found_width)
            try:
                return path.read_bytes(), found_width
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ArchiveDamaged(f"{path} cannot be read: {error.strerror}") from error
        raise ArchiveDamaged(
            f"{tile_path(level, number, width)} is missing in {self.folder}",
            seq=number * TILE_WIDTH ** (1 if level is None else level + 1),
            advice=_MEND,
        )

    # What is wrong, when something is

    def _tile_damage(self, level: int, number: int, hashes: list[bytes]) -> ArchiveDamaged:
        """Say which hash of a tile is wrong: its root is not what the tile above says."""
        span = TILE_WIDTH**level
        for place, expected in enumerate(hashes):
            if self._hash_from_below(level, number * TILE_WIDTH + place) != expected:
                first = (number * TILE_WIDTH + place) * span
                what = f"decision {first}" if level == 0 else f"decisions {first} to {first + span - 1}"
                return ArchiveDamaged(
                    f"{tile_path(level, number, len(hashes))} in {self.folder} is damaged: "
                    f"its hash of {what} is wrong",
                    seq=first,
                    advice=_MEND,
                )
        first = number * TILE_WIDTH * span
        return ArchiveDamaged(
            f"{tile_path(level, number, len(hashes))} in {self.folder} and what lies below it fit each "
            f"other, but not the root: decisions from {first} on were replaced",
            seq=first,
        )

    def _edge_damage(self) -> ArchiveDamaged:
        """Say which tile at the right edge is wrong: together they do not make the root."""
        for level in reversed(range(len(self._edge))):
            hashes = self._edge[level]
            number = (self.size >> (TILE_LEVELS * level)) // TILE_WIDTH
            for place, expected in enumerate(hashes):
                if self._hash_from_below(level, number * TILE_WIDTH + place) != expected:
                    return self._tile_damage(level, number, hashes)
        return ArchiveDamaged(
            f"the tiles in {self.folder} fit each other, but do not make the root that {TREE_FILE} or "
            f"{CHECKPOINT_FILE} states for {self.size} decisions",
            advice="The log was replaced, or that file was changed: see checkpoints kept elsewhere.",
        )

    def _hash_from_below(self, level: int, index: int) -> bytes | None:
        """Compute a hash of a tile from what lies below it, unchecked; None where that is unreadable."""
        try:
            if level == 0:
                number, place = divmod(index, TILE_WIDTH)
                width = min(TILE_WIDTH, self.size - number * TILE_WIDTH)
                return merkle.leaf_hash(self._read_bundle(number, width)[place])
            return perfect_root(self._read_hashes(level - 1, index, TILE_WIDTH))
        except ArchiveDamaged:
            return None

    # Writing

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the folder alone, and stop for good when the disk fails: what it holds is then unknown."""
        if self._broken is not None:
            raise _unusable(self.folder, self._broken)
        try:
            self._lock()
            yield
        except OSError as error:
            self._broken = error
            raise _unusable(self.folder, error) from error

    def _lock(self) -> None:
        if self._lock_descriptor is not None:
            return
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            _sync(self.folder.parent)
        descriptor = os.open(self.folder / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise FolderUnusable(
                f"another program appends to the log in {self.folder}",
                advice="Stop that one first; reading needs no lock.",
            ) from error
        self._lock_descriptor = descriptor
        if self._read_tree_file()[0] != self.durable_size:
            # Somebody appended between our opening and our lock.
            self._load()

    def _write(self, name: str, data: bytes) -> None:
        """Send a file to the disk; it is there once `_wait_for_writes` has returned."""
        path = self.folder / name
        self._make_folder(path.parent)
        self._changed_folders.add(path.parent)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="tiles")
        self._writes.append(self._pool.submit(_write_file, path, data))
        self._wait_for_writes(WRITES_WAITING_MAX)

    def _wait_for_writes(self, left_max: int) -> None:
        while len(self._writes) > left_max:
            self._writes.popleft().result()

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            self._make_folder(folder.parent)
            folder.mkdir(exist_ok=True)
            self._changed_folders.add(folder.parent)


def _size_and_root(text: str) -> tuple[int, bytes]:
    """Read the file `tree`."""
    lines = text.split("\n")
    if len(lines) != _TREE_LINES + 1 or lines[-1]:
        raise ProofInvalid("it does not have its two lines")
    return decimal(lines[0], "the size"), decoded_base64(lines[1], "the root")


def _levels(size: int) -> int:
    """Give how many levels of tiles a log of this size has."""
    levels = 0
    while size:
        size >>= TILE_LEVELS
        levels += 1
    return levels


def _joined(entries: Sequence[bytes]) -> bytes:
    return b"".join([len(entry).to_bytes(LENGTH_BYTES, "big") + entry for entry in entries])


def _write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is whole or absent, and durable once its folder is."""
    partial = path.with_name(f".{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(folder: Path, error: OSError) -> FolderUnusable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FolderUnusable(
            f"no room is left for the log in {folder}",
            advice="Make room, then start again: it goes on behind what is on disk. Nothing else was signed.",
        )
    return FolderUnusable(
        f"the log in {folder} cannot be written: {error.strerror or error}",
        advice="See to the disk, then start again: it goes on behind what is on disk.",
    )
