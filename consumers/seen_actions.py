"""Every action id ever decided, on disk: memory stays bounded however long the journal grows.

A sorted-run store: new ids gather in memory, are written as one sorted, checksummed file, and files of like
size are merged. Files are mapped, not read: the operating system keeps of them what it has room for. All of
it can be made again from the journal, so nothing here is the truth. It must not decide anything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from pathlib import Path
from typing import IO, Any, Final, final

import numpy as np
from mypy_extensions import mypyc_attr

from ledger.state import SeenActions, first_of

# Columns of a run, one after the other: the mixed key that it is sorted by, the action id, the content
# digest, the seq. Columns and not rows, so that a binary search touches keys only.
COLUMNS: Final = (("mixed", "<u8"), ("id", "S16"), ("digest", "S16"), ("seq", "<i8"))
# At about 200 bytes an id this bounds the ids in memory to some 26 MB, twice that while a file is written.
FRESH_IDS_MAX: Final = 131_072
# So many times as many may gather while a file is written; then whoever decides waits for the disk.
FRESH_WHILE_WRITING_TIMES: Final = 2
# Runs of one size class are merged when there are so many: each id is rewritten some log4(n) times.
RUNS_OF_A_SIZE: Final = 4
COPY_BYTES: Final = 1024 * 1024
FORMAT: Final = 1
# A file: the hash of all behind it, the header's length in four bytes, the header, the columns, the filter.
SHA256_BYTES: Final = 32
HEADER_START: Final = SHA256_BYTES + 4
_ID_BYTES: Final = 16
_MIX_HIGH: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_LOW: Final = np.uint64(0xC2B2AE3D27D4EB4F)


# A Bloom filter of one 64-bit word for four ids, four bits an id: of a hundred new ids, some two are looked
# for in vain. Without it, each new id costs a binary search in every run.
IDS_OF_A_WORD: Final = 4


class DamagedRunError(Exception):
    """A file of the store is not what was written; the store is to be made again from the journal."""


def _mixed(ids: Any) -> Any:
    """Spread ids, which sources may count up, over 64 bits: pairs of big-endian halves in, one number each
    out.
    """
    halves = ids.view(">u8").reshape(-1, 2).astype(np.uint64)
    spread = (halves[:, 0] * _MIX_HIGH) ^ (halves[:, 1] * _MIX_LOW)
    return spread ^ (spread >> np.uint64(29))


def _filter_bits(mixed: Any) -> Any:
    """Give the four bits of each id within its word."""
    one = np.uint64(1)
    bits = np.zeros(len(mixed), dtype=np.uint64)
    for shift in (0, 6, 12, 18):
        bits |= one << ((mixed >> np.uint64(shift)) & np.uint64(63))
    return bits


def _filter_words(mixed: Any, words: int) -> Any:
    """Give the number of each id's word, of a power of two words."""
    return ((mixed >> np.uint64(24)) & np.uint64(words - 1)).astype(np.int64)


def _words(ids: int) -> int:
    """Give how many words the filter of so many ids has: a power of two."""
    return 1 << (ids // IDS_OF_A_WORD).bit_length()


def _filter(mixed: Any) -> Any:
    """Make the filter of a run."""
    words = _words(len(mixed))
    made = np.zeros(words, dtype="<u8")
    np.bitwise_or.at(made, _filter_words(mixed, words), _filter_bits(mixed))
    return made


def _whole(value: Any) -> bytes:
    """Give back the zeros that numpy cuts off the end of a byte string."""
    return bytes(value).ljust(_ID_BYTES, b"\0")


class Run:
    """One immutable file, sorted by the mixed key."""

    def __init__(self, path: Path) -> None:
        """Map a file and check that it is whole.

        Raises:
            DamagedRunError: it is not.

        """
        self.path: Final = path
        if path.stat().st_size <= SHA256_BYTES:  # An empty file cannot be mapped.
            raise DamagedRunError(f"{path.name} is cut short")
        raw = np.memmap(path, dtype=np.uint8, mode="r")
        # The hash covers the header as well: a flipped bit there would misplace every id.
        if hashlib.sha256(raw[SHA256_BYTES:].data).digest() != raw[:SHA256_BYTES].tobytes():
            raise DamagedRunError(f"{path.name} is not what was written")
        header_end = HEADER_START + int.from_bytes(raw[SHA256_BYTES:HEADER_START].tobytes(), "big")
        header = json.loads(raw[HEADER_START:header_end].tobytes())
        if header["format"] != FORMAT:
            raise DamagedRunError(f"{path.name} has format {header['format']}, this program reads {FORMAT}")
        payload = raw[header_end:]
        self.first_seq: Final[int] = header["first_seq"]
        self.last_seq: Final[int] = header["last_seq"]
        self.last_sha256: Final = bytes.fromhex(header["last_sha256"])
        self.columns: Final[dict[str, Any]] = {}
        start = 0
        for name, kind in COLUMNS:
            end = start + header["ids"] * np.dtype(kind).itemsize
            self.columns[name] = payload[start:end].view(kind)
            start = end
        self.filter: Final[Any] = payload[start:].view("<u8")

    def __len__(self) -> int:
        """Count the ids."""
        return len(self.columns["mixed"])

    def __repr__(self) -> str:
        """Show what it covers."""
        return f"Run({self.first_seq} to {self.last_seq}, {len(self)} ids)"


def _header(ids: int, first_seq: int, last_seq: int, last_sha256: bytes) -> bytes:
    """Give the header with its length before it, such that the columns behind it start aligned."""
    header = json.dumps(
        {
            "format": FORMAT,
            "ids": ids,
            "first_seq": first_seq,
            "last_seq": last_seq,
            "last_sha256": last_sha256.hex(),
        }
    ).encode()
    header = header.ljust(len(header) + (-(HEADER_START + len(header))) % 16)
    return len(header).to_bytes(HEADER_START - SHA256_BYTES, "big") + header


def write_run(
    folder: Path, columns: dict[str, Any], *, first_seq: int, last_seq: int, last_sha256: bytes
) -> Run:
    """Write a run whole or not at all, and open it.

    Raises:
        OSError: the folder cannot be written, or is full.

    """
    order = np.argsort(columns["mixed"], kind="stable")
    sorted_columns = [columns[name][order] for name, _ in COLUMNS]
    sorted_columns.append(_filter(columns["mixed"]))
    header = _header(len(order), first_seq, last_seq, last_sha256)
    digest = hashlib.sha256(header)
    for column in sorted_columns:
        digest.update(column.view(np.uint8).data)
    path = folder / f"{first_seq:020d}-{last_seq:020d}.ids"
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(digest.digest())
            file.write(header)
            for column in sorted_columns:
                file.write(column.view(np.uint8).data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        unfinished.unlink(missing_ok=True)  # Half a file would only take the room that is missing.
        raise
    unfinished.replace(path)
    return Run(path)


def merge_runs(folder: Path, runs: list[Run], slice_ids: int) -> Run:
    """Write one run of several that follow each other, slice by slice: memory does not grow with their size.

    Raises:
        OSError: the folder cannot be written, or is full.

    """
    first_seq, last = runs[0].first_seq, runs[-1]
    ids = sum(len(run) for run in runs)
    header = _header(ids, first_seq, last.last_seq, last.last_sha256)
    path = folder / f"{first_seq:020d}-{last.last_seq:020d}.ids"
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("w+b") as file:
            file.write(bytes(SHA256_BYTES) + header)
            _merge_columns(file, SHA256_BYTES + len(header), ids, runs, slice_ids)
            file.seek(SHA256_BYTES)
            digest = hashlib.sha256()
            while piece := file.read(COPY_BYTES):
                digest.update(piece)
            file.seek(0)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    unfinished.replace(path)
    return Run(path)


def _merge_columns(file: IO[bytes], start: int, ids: int, runs: list[Run], slice_ids: int) -> None:
    """Write the columns and the filter from that place on, in equal ranges of the keys, which are spread."""
    starts: dict[str, int] = {}
    end = start
    for name, kind in COLUMNS:
        starts[name] = end
        end += ids * np.dtype(kind).itemsize
    words = _words(ids)
    # Written before it is mapped: on a full disk that is an error, where the mapping would end the process.
    file.seek(end)
    for written in range(0, 8 * words, COPY_BYTES):
        file.write(bytes(min(COPY_BYTES, 8 * words - written)))
    file.flush()
    made = np.memmap(file, dtype="<u8", mode="r+", offset=end, shape=(words,))
    slices = max(1, ids // slice_ids)
    bounds = np.array([number * (2**64 // slices) for number in range(1, slices)], dtype=np.uint64)
    edges = [[0, *np.searchsorted(run.columns["mixed"], bounds).tolist(), len(run)] for run in runs]
    done = 0
    for number in range(slices):
        ranges = [slice(places[number], places[number + 1]) for places in edges]
        keys = np.concatenate([run.columns["mixed"][each] for run, each in zip(runs, ranges, strict=True)])
        order = np.argsort(keys, kind="stable")
        np.bitwise_or.at(made, _filter_words(keys, words), _filter_bits(keys))
        for name, kind in COLUMNS:
            values = np.concatenate([run.columns[name][each] for run, each in zip(runs, ranges, strict=True)])
            file.seek(starts[name] + done * np.dtype(kind).itemsize)
            file.write(values[order].view(np.uint8).data)
        done += len(keys)
    file.flush()
    made.flush()


# Compiled, it would be laid out over the fields of the thread that it inherits.
@mypyc_attr(native_class=False)
class Merge(threading.Thread):
    """Makes one run of several, beside the decider: sorting, hashing and writing hold no lock of Python's.

    Attributes:
        runs: What it merges.
        merged: What it made; None until it is done, or when it failed.

    """

    def __init__(self, folder: Path, runs: list[Run], slice_ids: int) -> None:
        super().__init__(name="neraca-merge", daemon=True)
        self._folder: Final = folder
        self._slice_ids: Final = slice_ids
        self.runs: Final = runs
        self.merged: Run | None = None

    def run(self) -> None:
        """Merge. A failure (no space left) leaves the runs as they are, to be tried again."""
        with contextlib.suppress(OSError):
            self.merged = merge_runs(self._folder, self.runs, self._slice_ids)


@final
class Aside:
    """Ids that are put aside to become a file, and what the file says of itself.

    Attributes:
        firsts: By action id: the content digest, and behind it the `seq` in eight bytes.
        first_seq: The first decision that it covers.
        last_seq: The last one.
        last_sha256: The hash of that one.

    """

    def __init__(self, firsts: dict[bytes, bytes], first_seq: int, last_seq: int, last_sha256: bytes) -> None:
        self.firsts: Final = firsts
        self.first_seq: Final = first_seq
        self.last_seq: Final = last_seq
        self.last_sha256: Final = last_sha256

    def write(self, folder: Path) -> Run:
        """Write the file whole or not at all, and open it.

        Raises:
            OSError: the folder cannot be written, or is full.

        """
        ids = np.frombuffer(b"".join(self.firsts), dtype=np.uint8)
        firsts = np.frombuffer(b"".join(self.firsts.values()), dtype=[("digest", "S16"), ("seq", "<i8")])
        columns = {
            "mixed": _mixed(ids),
            "id": ids.view("S16"),
            "digest": np.ascontiguousarray(firsts["digest"]),
            "seq": np.ascontiguousarray(firsts["seq"]),
        }
        return write_run(
            folder,
            columns,
            first_seq=self.first_seq,
            last_seq=self.last_seq,
            last_sha256=self.last_sha256,
        )

    def __repr__(self) -> str:
        """Show what it covers."""
        return f"Aside({self.first_seq} to {self.last_seq}, {len(self.firsts)} ids)"


# As above.
@mypyc_attr(native_class=False)
class Writing(threading.Thread):
    """Writes ids that are aside, beside the decider.

    Attributes:
        written: What it made; None until it is done, or when it failed.
        error: Why it failed; None where it did not.

    """

    def __init__(self, folder: Path, aside: Aside) -> None:
        super().__init__(name="neraca-ids", daemon=True)
        self._folder: Final = folder
        self._aside: Final = aside
        self.written: Run | None = None
        self.error: OSError | None = None

    def run(self) -> None:
        """Write."""
        try:
            self.written = self._aside.write(self._folder)
        except OSError as error:
            self.error = error


def forget_stored_ids(folder: Path) -> None:
    """Remove the store of that folder, whole or damaged: it is to be made again from the journal."""
    for pattern in ("*.ids", "*.unfinished"):
        for path in folder.glob(pattern):
            path.unlink()


class StoredSeenActions(SeenActions):
    """The store: ids in memory that are fresh, and sorted files for all before.

    Fresh ids go their way in three steps, none of which whoever decides waits for: `set_aside` when they are
    many, a file once the journal has their decisions for good, and that file in the place of the memory.

    Attributes:
        fresh_ids_max: Of how many ids on it is time to put them aside.
        stored_seq: The ids of every decision up to this one stand in files; -1: none does.

    """

    def __init__(self, folder: Path, fresh_ids_max: int = FRESH_IDS_MAX) -> None:
        """Open the store in that folder, which is made if it is not there.

        Raises:
            DamagedRunError: a file is damaged or one is missing in the middle.

        """
        super().__init__()
        folder.mkdir(parents=True, exist_ok=True)
        self.fresh_ids_max: Final = fresh_ids_max
        self._full_at = fresh_ids_max
        self._folder: Final = folder
        for unfinished in folder.glob("*.unfinished"):
            unfinished.unlink()
        self._runs: list[Run] = []
        self._found: dict[bytes, tuple[bytes, int]] = {}
        self._aside: Aside | None = None
        self._writing: Writing | None = None
        self._merging: Merge | None = None
        runs = [Run(path) for path in folder.glob("*.ids")]
        for run in sorted(runs, key=lambda run: (run.first_seq, -run.last_seq)):
            if run.last_seq <= self.stored_seq:
                # Merged into the run before it, by a process that ended before it tidied up.
                run.path.unlink()
                continue
            if run.first_seq != self.stored_seq + 1:
                raise DamagedRunError(f"ids of the decisions from {self.stored_seq + 1} on are missing")
            self._runs.append(run)

    @property
    def stored_seq(self) -> int:
        """Give the `seq` up to which ids stand in files."""
        return self._runs[-1].last_seq if self._runs else -1

    @property
    def stored_sha256(self) -> bytes:
        """Give the hash of the decision `stored_seq`: which journal the files belong to."""
        return self._runs[-1].last_sha256 if self._runs else bytes(32)

    @property
    def is_full(self) -> bool:
        """Tell whether it is time to put the fresh ids aside."""
        return len(self._first) >= self._full_at and self._aside is None

    def find(self, action_id: bytes) -> tuple[bytes, int] | None:
        """Give the content digest and first `seq` of an id that is fresh or was looked up by `prefetch`."""
        found = super().find(action_id)
        if found is None and self._aside is not None:
            found = first_of(self._aside.firsts, action_id)
        if found is None and self._found:
            found = self._found.get(action_id)
        return found

    def prefetch(self, action_ids: list[bytes]) -> None:
        """Look up a batch of ids in the files at once: `find` answers for these, and for fresh ones, until
        the next.

        Almost every id is new, so this is the cost of not finding: one word of each file's filter.
        """
        self._found.clear()
        if not self._runs or not action_ids:
            return
        ids = np.frombuffer(b"".join(action_ids), dtype=np.uint8)
        mixed = _mixed(ids)
        bits = _filter_bits(mixed)
        for run in self._runs:
            words = run.filter[_filter_words(mixed, len(run.filter))]
            likely = np.flatnonzero((words & bits) == bits)
            if len(run) == 0 or len(likely) == 0:
                continue
            keys = run.columns["mixed"]
            places = np.searchsorted(keys, mixed[likely])
            for number, place in zip(likely.tolist(), places.tolist(), strict=True):
                self._look(run, place, mixed[number], action_ids[number])

    def _look(self, run: Run, place: int, mixed: Any, action_id: bytes) -> None:
        """Compare the whole id at the places where the mixed key is the same."""
        columns = run.columns
        while place < len(run) and columns["mixed"][place] == mixed:
            if _whole(columns["id"][place]) == action_id:
                self._found[action_id] = (_whole(columns["digest"][place]), int(columns["seq"][place]))
                return
            place += 1

    def remember(self, action_id: bytes, content_digest: bytes, seq: int) -> None:
        """Keep the first decision on an id; what a file holds already is not kept twice."""
        if seq > self.stored_seq:
            super().remember(action_id, content_digest, seq)

    def set_aside(self, last_seq: int, last_sha256: bytes) -> None:
        """Put the fresh ids aside, of every decision up to that one, which has that hash."""
        if self._aside is None and last_seq > self.stored_seq:
            self._aside = Aside(self._first, self.stored_seq + 1, last_seq, last_sha256)
            self._first = {}
            self._full_at = self.fresh_ids_max

    def store(self, accepted_seq: int) -> None:
        """Write what is aside once the journal has its decisions, in a thread; take what is written.

        Every decision up to `accepted_seq` must be in the journal for good.

        Raises:
            OSError: the folder cannot be written, or is full. The ids are fresh again, and it is time to try
                again when as many more are there.

        """
        writing = self._writing
        if writing is not None:
            if writing.is_alive():
                if len(self._first) < FRESH_WHILE_WRITING_TIMES * self.fresh_ids_max:
                    return
                writing.join()
            self._take_written()
        aside = self._aside
        if aside is not None and accepted_seq >= aside.last_seq:
            self._writing = Writing(self._folder, aside)
            self._writing.start()

    def flush(self, last_seq: int, last_sha256: bytes) -> None:
        """Write all ids to files, and wait for it. Every decision up to that one must stand in the journal.

        Raises:
            OSError: as `store`.

        """
        self._write_aside()
        self.set_aside(last_seq, last_sha256)
        self._write_aside()

    def _write_aside(self) -> None:
        """Write what is aside, if anything is, and wait for it.

        Raises:
            OSError: as `store`.

        """
        if self._aside is not None:
            writing = self._writing
            if writing is None:
                writing = self._writing = Writing(self._folder, self._aside)
                writing.start()
            writing.join()
            self._take_written()

    def _take_written(self) -> None:
        """Put a written file in the place of the ids that were aside.

        Raises:
            OSError: it could not be written.

        """
        writing = self._writing
        aside = self._aside
        if writing is None or aside is None:
            return
        self._writing = None
        self._aside = None
        written = writing.written
        if written is None:
            self._first = aside.firsts | self._first
            self._full_at = len(self._first) + self.fresh_ids_max
            raise OSError("the ids were not written") if writing.error is None else writing.error
        self._runs.append(written)
        self._take_merged()
        self._start_merge()

    def _start_merge(self) -> None:
        """Merge the newest runs, beside, while there are enough of one size."""
        if self._merging is not None or len(self._runs) < RUNS_OF_A_SIZE:
            return
        for start in range(len(self._runs) - RUNS_OF_A_SIZE, -1, -1):
            group = self._runs[start : start + RUNS_OF_A_SIZE]
            if max(len(run) for run in group) <= 2 * max(
                min(len(run) for run in group), self.fresh_ids_max // 2
            ):
                self._merging = Merge(self._folder, group, max(1, self.fresh_ids_max // 2))
                self._merging.start()
                return

    def _take_merged(self) -> None:
        """Put a finished merge in the place of what it merged."""
        merging = self._merging
        if merging is None or merging.is_alive():
            return
        self._merging = None
        merged = merging.merged
        if merged is None:
            return
        start = self._runs.index(merging.runs[0])
        self._runs[start : start + len(merging.runs)] = [merged]
        for run in merging.runs:
            with contextlib.suppress(FileNotFoundError):
                run.path.unlink()

    def close(self) -> None:
        """Wait for files under way: whoever opens the folder next must not find them coming and going."""
        if self._writing is not None:
            self._writing.join()
        if self._merging is not None:
            self._merging.join()
        self._take_merged()

    def __len__(self) -> int:
        """Count the ids."""
        aside = 0 if self._aside is None else len(self._aside.firsts)
        return len(self._first) + aside + sum(len(run) for run in self._runs)

    def __repr__(self) -> str:
        """Show how much is where."""
        runs = [len(run) for run in self._runs]
        return f"StoredSeenActions({len(self._first)} fresh, {self._aside} aside, runs of {runs})"
