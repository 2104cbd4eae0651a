"""Reads one series of container files, block by block, and checks that each is what was written.

It names file, block and byte of the first thing that is not. What the records mean is for others to check.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from audit.archive.container import SYNC_BYTES, Header, block_head
from audit.archive.folder import BLOCK_RECORDS, BLOCKS, ArchiveFolder, StreamPosition, Tail
from audit.archive.rows import BLOCKS_SCHEMA, Block, cut, decode_block
from audit.archive.stream_writer import (
    FIRST_KEY,
    FROM_A_COPY,
    STREAM_KEY,
    header_in,
    read_tail,
    schema_id_in,
    tail_damaged,
)
from schemas.binary import Cursor, MalformedRecordError
from schemas.errors import ArchiveDamaged

_BUFFER_BYTES: Final = 1024 * 1024
STRAY: Final = (
    "A writer that was killed leaves such a thing behind, and takes it away when it goes on "
    "(`neraca archive`); if that is not it, somebody added it."
)


@dataclass(frozen=True, slots=True)
class StoredBlock:
    """One block as it was read.

    Attributes:
        first: Number of its first record in the series.
        records: The records.
        schema_id: Id that their frames had; None where they had no frame.
        path: Its file.
        number: Which block of that file it is, from 0.
        byte: Where its first record begins in the file.
        sha256: Of its records' bytes, as the index has it.

    """

    first: int
    records: list[bytes]
    sha256: bytes
    schema_id: int | None
    path: Path
    number: int
    byte: int


# Asked where the bytes of a block are not what was written: what is known of the record that is wrong.
Explain = Callable[[StoredBlock], str]


class StreamReader:
    """One series of files, as far as the position says.

    Attributes:
        name: Of the series.
        records: How many records it has.

    """

    def __init__(
        self,
        folder: ArchiveFolder,
        name: str,
        at: StreamPosition,
        *,
        schemas: Collection[str] | None = None,
        is_hashed: bool = True,
        explain: Explain | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            folder: The archive.
            name: Of the series.
            at: How far it goes.
            schemas: What its files may name as their schema; None: anything.
            is_hashed: Whether the hash of each block is compared; not where the records tell by themselves.
            explain: Asked about a block whose bytes are not what was written.

        """
        self.name: Final = name
        self.records: Final = at.records
        self._folder: Final = folder
        self._at: Final = at
        self._schemas: Final = schemas
        self._is_hashed: Final = is_hashed
        self._explain: Final = explain

    def check_files(self) -> None:
        """See to it that the folder of the series holds its files and no others, if nobody writes to it.

        Raises:
            ArchiveDamaged: one is missing, or there is one that nobody wrote.

        """
        segments = self._segments()
        tail = self._first_of_tail()
        for stream in (self.name, f"{BLOCKS}/{self.name}"):
            wanted = {(first, False) for first in segments}
            if stream == self.name and self._at.tail is not None:
                wanted.add((tail, True))
            found = set(self._folder.files(stream))
            if found != wanted and self._goes_on():
                return
            for first, is_tail in sorted(wanted - found):
                path = self._folder.tail_file if is_tail else self._folder.segment_file
                raise _damaged(f"{self._folder.shown(path(stream, first))} is not there")
            for first, is_tail in sorted(found - wanted):
                path = self._folder.tail_file if is_tail else self._folder.segment_file
                raise ArchiveDamaged(
                    f"{self._folder.shown(path(stream, first))} is no part of the archive, which has "
                    f"{self.records} records in {self.name}",
                    advice=STRAY,
                )

    def blocks(self, first: int = 0) -> Iterator[StoredBlock]:
        """Give the blocks from the one on that holds record `first`.

        Raises:
            ArchiveDamaged: one is not what was written.

        """
        segments = self._segments()
        for number, segment in enumerate(segments):
            is_last = number + 1 == len(segments)
            end = self._first_of_tail() if is_last else segments[number + 1]
            if end > first:
                yield from self._segment_blocks(segment, end, first, is_last=is_last)
        if self._at.tail is not None and self.records > first:
            yield self._tail_block(self._at.tail)

    def _segments(self) -> list[int]:
        """The numbers of the first records of the files that there must be."""
        found = [one for one in self._folder.segments(self.name) if one <= self._at.segment]
        if self._at.segment_bytes == 0:
            found = [one for one in found if one < self._at.segment]
        elif not found or found[-1] != self._at.segment:
            missing = self._folder.segment_file(self.name, self._at.segment)
            raise _damaged(f"{self._folder.shown(missing)} is not there")
        if (found and found[0] != 0) or (not found and self._at.segment > 0):
            raise _damaged(f"{self._folder.shown(self._folder.segment_file(self.name, 0))} is not there")
        return found

    def _first_of_tail(self) -> int:
        return self.records - (0 if self._at.tail is None else len(self._at.tail.sizes))

    def _segment_blocks(self, segment: int, end: int, first: int, *, is_last: bool) -> Iterator[StoredBlock]:
        """Give the blocks of one file, which holds the records from `segment` to before `end`."""
        path = self._folder.segment_file(self.name, segment)
        rows, blocks_path = self._rows(segment, is_last=is_last)
        try:
            file = path.open("rb", buffering=_BUFFER_BYTES)
        except OSError as error:
            raise _damaged(f"{self._folder.shown(path)} cannot be read: {error.strerror}") from error
        with file:
            header = self._header(path, file.read(_BUFFER_BYTES), self.name, segment)
            file.seek(len(header.data))
            next_first, byte = segment, len(header.data)
            for number, row in enumerate(rows):
                if (row.first, row.byte) != (next_first, byte) or not _is_possible(row.sizes):
                    raise _damaged(
                        f"{self._folder.shown(blocks_path)}: row {number} tells of record {row.first} at "
                        f"byte {row.byte}, and block {number} begins with record {next_first} at byte {byte}"
                    )
                next_first += len(row.sizes)
                size = sum(row.sizes)
                head = block_head(len(row.sizes), size)
                if next_first <= first:
                    byte += len(head) + size + SYNC_BYTES
                    file.seek(byte)
                    continue
                yield self._block(file, header, row, number, path)
                byte += len(head) + size + SYNC_BYTES
            self._check_end(file, path, next_first, byte, end, is_last=is_last)

    def _block(self, file: IO[bytes], header: Header, row: Block, number: int, path: Path) -> StoredBlock:
        """Read one block and compare it with its row."""
        size = sum(row.sizes)
        head = block_head(len(row.sizes), size)
        byte = int(row.byte)
        length = len(head) + size + SYNC_BYTES
        # Asked first: a size that is nonsense must not be allocated.
        left = os.fstat(file.fileno()).st_size - byte
        whole = file.read(min(length, max(left, 0)))
        shown = f"{self._folder.shown(path)}: block {number}, from byte {byte} on"
        first = int(row.first)
        if len(whole) < length:
            raise _damaged(
                f"{shown}, has {len(whole)} bytes of {length}: the end of the file was cut off, and with it "
                f"the records from {first} on"
            )
        start, data = len(head), whole[len(head) : -SYNC_BYTES]
        records = cut(data, row.sizes)
        wrong = ""
        if not whole.startswith(head):
            wrong = f"does not hold the {len(row.sizes)} records of {size} bytes that it should"
            start, records = _behind_its_own_head(whole)
        elif whole[-SYNC_BYTES:] != header.sync:
            wrong = f"does not end with the sync marker of its file, at byte {byte + start + size}"
        elif self._is_hashed and hashlib.sha256(data).digest() != row.sha256:
            wrong = "is not what was written: its SHA-256 is another than its row in blocks/ says"
        block = StoredBlock(first, records, row.sha256, schema_id_in(header), path, number, byte + start)
        if wrong:
            raise _damaged(f"{shown}, {wrong}{self._explained(block)}")
        return block

    def _check_end(
        self, file: IO[bytes], path: Path, next_first: int, byte: int, end: int, *, is_last: bool
    ) -> None:
        """See to it that the file ends where its blocks do, and holds all records that it should."""
        shown = self._folder.shown(path)
        size = self._at.segment_bytes if is_last else byte
        if next_first != end or byte != size:
            raise _damaged(
                f"{shown} goes up to record {next_first} at byte {byte}, and should go to {end}: "
                "blocks are missing at its end, or rows of blocks/ about them"
            )
        if (found := file.seek(0, 2)) > byte and not (is_last and self._goes_on()):
            raise ArchiveDamaged(f"{shown} ends at byte {byte}, and {found - byte} follow", advice=STRAY)

    def _rows(self, segment: int, *, is_last: bool) -> tuple[list[Block], Path]:
        """Read the index of one file."""
        stream = f"{BLOCKS}/{self.name}"
        path = self._folder.segment_file(stream, segment)
        shown = self._folder.shown(path)
        try:
            whole = path.read_bytes()
        except OSError as error:
            raise _damaged(f"{shown} cannot be read: {error.strerror}") from error
        header = self._header(path, whole, stream, segment)
        end = self._at.blocks_bytes if is_last else len(whole)
        if len(whole) < end:
            raise _damaged(f"{shown} has {len(whole)} bytes of {end}: its end was cut off")
        if len(whole) > end and not self._goes_on():
            raise ArchiveDamaged(f"{shown} ends at byte {end}, and {len(whole) - end} follow", advice=STRAY)
        rows: list[Block] = []
        cursor = Cursor(whole[:end])
        cursor.at = len(header.data)
        try:
            while cursor.at < end:
                byte = int(cursor.at)
                count, size = int(cursor.long()), int(cursor.long())
                behind = int(cursor.at) + size
                rows.append(decode_block(cursor))
                if count != 1 or cursor.at != behind or cursor.raw(SYNC_BYTES) != header.sync:
                    raise _damaged(f"{shown}: row {len(rows) - 1}, from byte {byte} on, is not whole")
        except MalformedRecordError as error:
            raise _damaged(f"{shown}: row {len(rows)} cannot be read: {error}") from error
        return rows, path

    def _header(self, path: Path, data: bytes, stream: str, first: int) -> Header:
        header = header_in(self._folder, path, data)
        names = header.metadata.get(STREAM_KEY), header.metadata.get(FIRST_KEY)
        if names != (stream.encode(), str(first).encode()):
            raise _damaged(f"{self._folder.shown(path)} is another file of an archive, moved here")
        schemas = self._schemas if stream == self.name else (BLOCKS_SCHEMA,)
        # Whoever reads with a tool of others sees what this says the bytes are, and nothing else does.
        if schemas is not None and header.schema_json not in schemas:
            raise _damaged(f"{self._folder.shown(path)} names another schema than records of {stream} have")
        return header

    def _tail_block(self, tail: Tail) -> StoredBlock:
        """Read the block that is not full yet; where its file is gone by now, from the full one."""
        first = self._first_of_tail()
        path = self._folder.tail_file(self.name, first)
        if not path.exists() and self._goes_on():
            return self._grown_tail(tail, first)
        header, start, data = read_tail(self._folder, self.name, first, tail)
        self._header(path, header.data, self.name, first)
        sha256 = bytes.fromhex(tail.sha256)
        block = StoredBlock(first, cut(data, tail.sizes), sha256, schema_id_in(header), path, 0, start)
        if self._is_hashed and hashlib.sha256(data).digest() != sha256:
            raise tail_damaged(self._folder, self.name, first, start, self._explained(block))
        return block

    def _grown_tail(self, tail: Tail, first: int) -> StoredBlock:
        """The block was filled since the position was read, and stands behind the others in its file."""
        path = self._folder.segment_file(self.name, self._at.segment)
        with path.open("rb") as file:
            header = self._header(path, file.read(_BUFFER_BYTES), self.name, self._at.segment)
            file.seek(self._at.segment_bytes or len(header.data))
            cursor = Cursor(file.read(tail.bytes + 2 * SYNC_BYTES))
        cursor.long()
        cursor.long()
        data = cursor.raw(tail.bytes)
        if hashlib.sha256(data).hexdigest() != tail.sha256:
            raise _damaged(
                f"{self._folder.shown(path)}: the records from {first} on are others than they were"
            )
        sha256 = bytes.fromhex(tail.sha256)
        return StoredBlock(first, cut(data, tail.sizes), sha256, schema_id_in(header), path, 0, 0)

    def _goes_on(self) -> bool:
        """Whether somebody writes to the series now, or has since its position was read."""
        return self._folder.is_being_written() or self._folder.position().stream(self.name) != self._at

    def _explained(self, block: StoredBlock) -> str:
        known = "" if self._explain is None else self._explain(block)
        return f"; {known}" if known else ""

    def __repr__(self) -> str:
        """Show what it reads."""
        return f"StreamReader({self.name}, records={self.records})"


def _behind_its_own_head(whole: bytes) -> tuple[int, list[bytes]]:
    """Give where the records of a block begin by what it says of itself, and them as one piece."""
    cursor = Cursor(whole)
    try:
        cursor.long()
        cursor.long()
    except MalformedRecordError:
        return 0, [whole]
    return int(cursor.at), [whole[int(cursor.at) : -SYNC_BYTES]]


def _is_possible(sizes: list[int]) -> bool:
    """Whether so many records of such sizes may stand in one block."""
    return 0 < len(sizes) <= BLOCK_RECORDS and min(sizes) >= 0


def _damaged(message: str) -> ArchiveDamaged:
    return ArchiveDamaged(message, advice=FROM_A_COPY)
