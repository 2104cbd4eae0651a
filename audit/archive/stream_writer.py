"""Appends records to one series of container files: in blocks, in files of a fixed number of records.

What a file holds depends on the records alone, never on how they came: blocks end at multiples of 256
records, files at multiples of 65,536 and where the contract changes. The block that is not full yet stands in
a small file of its own, which is replaced as it grows. So nothing that was finished is ever written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import IO, Final

from audit.archive.container import (
    ContainerDamagedError,
    Header,
    block_head,
    read_header,
    write_header,
)
from audit.archive.folder import (
    BLOCK_RECORDS,
    BLOCKS,
    SEGMENT_RECORDS,
    ArchiveFolder,
    StreamPosition,
    Tail,
    sync_folder,
    told,
    write_atomically,
)
from audit.archive.rows import BLOCKS_SCHEMA, cut, encode_block
from schemas.binary import Cursor, MalformedRecordError
from schemas.errors import ArchiveDamaged

STREAM_KEY: Final = "neraca.stream"
FIRST_KEY: Final = "neraca.first"
SCHEMA_ID_KEY: Final = "neraca.schema_id"
FROM_A_COPY: Final = "Take this file from a copy of the archive, or make the archive anew."
_BUFFER_BYTES: Final = 1024 * 1024


class AppendOnlyFile:
    """A file that only grows, and whose new bytes are read back from the disk before they count.

    Attributes:
        path: Where it is.
        size: Its bytes, those not written yet included.

    """

    def __init__(self, path: Path, size: int) -> None:
        """Open it to go on at that size; what an earlier writer left behind it is cut off."""
        self.path: Final = path
        self.size = size
        self._file: Final = path.open("r+b" if size else "w+b", _BUFFER_BYTES)
        self._file.truncate(size)
        self._file.seek(size)
        self._checked = size
        self._sha256 = hashlib.sha256()

    def append(self, data: bytes) -> None:
        """Put bytes behind the others."""
        self._file.write(data)
        self._sha256.update(data)
        self.size += len(data)

    def sync(self) -> None:
        """See to it that everything is on the disk as it was meant.

        Raises:
            OSError: it is not: what came back are other bytes.

        """
        if self._checked == self.size:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        read_back(self._file, self._checked, self.size, self._sha256.digest(), self.path)
        self._checked = self.size
        self._sha256 = hashlib.sha256()

    def close(self) -> None:
        """Let go of it, whatever was not synced: it counts for nothing, and a full disk would not take it."""
        with contextlib.suppress(OSError):
            self._file.close()


def read_back(file: IO[bytes], start: int, end: int, sha256: bytes, path: Path) -> None:
    """Read bytes that were just written, from the disk and not from memory, and compare their hash.

    Raises:
        OSError: they are others.

    """
    os.posix_fadvise(file.fileno(), start, end - start, os.POSIX_FADV_DONTNEED)
    found = hashlib.sha256()
    at = start
    while at < end:
        piece = os.pread(file.fileno(), min(_BUFFER_BYTES, end - at), at)
        if not piece:
            break
        found.update(piece)
        at += len(piece)
    if found.digest() != sha256:
        raise OSError(0, f"{path} gives back other bytes than were written, from byte {start} on")


class StreamWriter:
    """One series of files, open for more.

    Attributes:
        name: Of the series, which is its folder.
        records: How many records it has, those not committed included.
        schema_id: Id that the frames of what comes next have; None where they have no frame.

    """

    def __init__(
        self, folder: ArchiveFolder, name: str, schema_json: str, schema_id: int | None, at: StreamPosition
    ) -> None:
        """Go on where the position says; what an earlier writer left behind it is taken away.

        Raises:
            ArchiveDamaged: less is there than the position says, or the tail is another.
            FolderUnusable: the folder cannot be written.

        """
        self.name: Final = name
        self.records = at.records
        self._folder: Final = folder
        self._schema_json = schema_json
        self.schema_id = schema_id
        self._segment_first = at.segment
        self._segment: AppendOnlyFile | None = None
        self._blocks: AppendOnlyFile | None = None
        nothing = Header(b"", b"", {})
        self._header = nothing
        self._blocks_header = nothing
        self._block: list[bytes] = []
        self._tail_written: Path | None = None
        self._stale_tail: Path | None = None
        self._finished_bytes = 0
        self._has_new_names = False
        try:
            with told(folder.root):
                self._resume(at)
        except BaseException:
            self.close()
            raise

    def extend(self, records: list[bytes]) -> None:
        """Append records."""
        start = 0
        while start < len(records):
            room = BLOCK_RECORDS - self.records % BLOCK_RECORDS
            piece = records[start : start + room]
            self._block += piece
            self.records += len(piece)
            start += len(piece)
            if self.records % BLOCK_RECORDS == 0:
                self._finish_block()
            if self.records % SEGMENT_RECORDS == 0:
                self._finish_segment()

    def change_schema(self, schema_json: str, schema_id: int) -> None:
        """Write what comes next under another contract, and so into a new file, if it is another."""
        if schema_id == self.schema_id:
            return
        if self._block:
            self._finish_block()
        if self.records != self._segment_first:
            self._finish_segment()
        self._schema_json, self.schema_id = schema_json, schema_id

    def commit(self) -> StreamPosition:
        """Put everything on the disk and give how far the series goes then, for `position.json`."""
        self._sync_files()
        tail = self._write_tail()
        return StreamPosition(
            records=self.records,
            segment=self._segment_first,
            segment_bytes=0 if self._segment is None else self._segment.size,
            blocks_bytes=0 if self._blocks is None else self._blocks.size,
            tail=tail,
        )

    @property
    def size_bytes(self) -> int:
        """Bytes of its files and of the index beside them, the block that is not full yet aside."""
        opened = sum(file.size for file in (self._segment, self._blocks) if file is not None)
        return self._finished_bytes + opened

    def tidy(self) -> None:
        """Take away a tail whose records stand in a full block now; after the position was saved."""
        if self._stale_tail is not None:
            self._stale_tail.unlink(missing_ok=True)
            self._stale_tail = None

    def close(self) -> None:
        """Let go of the files."""
        for file in (self._segment, self._blocks):
            if file is not None:
                file.close()

    # -- blocks and files ------------------------------------------------------------------------------------

    def _finish_block(self) -> None:
        block, self._block = self._block, []
        data = b"".join(block)
        first = self.records - len(block)
        segment, blocks, header, blocks_header = self._open_segment()
        row = encode_block(first, segment.size, hashlib.sha256(data).digest(), [len(one) for one in block])
        segment.append(b"".join([block_head(len(block), len(data)), data, header.sync]))
        blocks.append(b"".join([block_head(1, len(row)), row, blocks_header.sync]))
        if self._tail_written is not None:
            self._stale_tail = self._tail_written
            self._tail_written = None

    def _open_segment(self) -> tuple[AppendOnlyFile, AppendOnlyFile, Header, Header]:
        if self._segment is None or self._blocks is None:
            blocks = f"{BLOCKS}/{self.name}"
            self._header = self._header_of(self._segment_first)
            self._segment = self._create(self.name)
            self._segment.append(self._header.data)
            about = {STREAM_KEY: blocks, FIRST_KEY: str(self._segment_first)}
            self._blocks_header = write_header(BLOCKS_SCHEMA, about)
            self._blocks = self._create(blocks)
            self._blocks.append(self._blocks_header.data)
        return self._segment, self._blocks, self._header, self._blocks_header

    def _create(self, stream: str) -> AppendOnlyFile:
        path = self._folder.segment_file(stream, self._segment_first)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._has_new_names = True
        return AppendOnlyFile(path, 0)

    def _sync_files(self) -> None:
        for file in (self._segment, self._blocks):
            if file is not None:
                file.sync()
                if self._has_new_names:
                    sync_folder(file.path.parent)
        self._has_new_names = False

    def _finish_segment(self) -> None:
        self._sync_files()
        self._finished_bytes = self.size_bytes
        self.close()
        self._segment = self._blocks = None
        self._segment_first = self.records

    def _header_of(self, first: int) -> Header:
        about = {STREAM_KEY: self.name, FIRST_KEY: str(first)}
        if self.schema_id is not None:
            about[SCHEMA_ID_KEY] = str(self.schema_id)
        return write_header(self._schema_json, about)

    def _write_tail(self) -> Tail | None:
        if not self._block:
            return None
        data = b"".join(self._block)
        first = self.records - len(self._block)
        path = self._folder.tail_file(self.name, first)
        header = self._header_of(first)
        whole = b"".join([header.data, block_head(len(self._block), len(data)), data, header.sync])
        if not path.exists() or path.stat().st_size != len(whole):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, whole)
            with path.open("r+b") as file:
                read_back(file, 0, len(whole), hashlib.sha256(whole).digest(), path)
        self._tail_written = path
        return Tail(len(data), hashlib.sha256(data).hexdigest(), [len(one) for one in self._block])

    # -- going on --------------------------------------------------------------------------------------------

    def _resume(self, at: StreamPosition) -> None:
        self._folder.remove_partial(self._folder.root / self.name)
        first_of_tail = at.records - (len(at.tail.sizes) if at.tail is not None else 0)
        for stream, size in ((self.name, at.segment_bytes), (f"{BLOCKS}/{self.name}", at.blocks_bytes)):
            for first, is_tail in self._folder.files(stream):
                kept = first == first_of_tail and at.tail is not None if is_tail else first < at.segment
                if not is_tail and first == at.segment and size > 0:
                    kept = True
                path = (self._folder.tail_file if is_tail else self._folder.segment_file)(stream, first)
                if not kept:
                    path.unlink()
                elif first < at.segment:
                    self._finished_bytes += path.stat().st_size
        if at.segment_bytes:
            self._reopen(at)
        if at.tail is not None:
            header, start, data = read_tail(self._folder, self.name, first_of_tail, at.tail)
            if hashlib.sha256(data).hexdigest() != at.tail.sha256:
                raise tail_damaged(self._folder, self.name, first_of_tail, start)
            self._block = cut(data, at.tail.sizes)
            self._take_schema(header)
            self._tail_written = self._folder.tail_file(self.name, first_of_tail)

    def _reopen(self, at: StreamPosition) -> None:
        self._segment, self._header = self._reopen_file(self.name, at.segment, at.segment_bytes)
        self._take_schema(self._header)
        self._blocks, self._blocks_header = self._reopen_file(
            f"{BLOCKS}/{self.name}", at.segment, at.blocks_bytes
        )

    def _reopen_file(self, stream: str, first: int, size: int) -> tuple[AppendOnlyFile, Header]:
        path = self._folder.segment_file(stream, first)
        found = path.stat().st_size if path.exists() else 0
        if found < size:
            raise ArchiveDamaged(
                f"{self._folder.shown(path)} has {found} bytes of {size}: its end was cut off",
                advice=FROM_A_COPY,
            )
        with path.open("rb") as file:
            header = header_in(self._folder, path, file.read(_BUFFER_BYTES))
        return AppendOnlyFile(path, size), header

    def _take_schema(self, header: Header) -> None:
        """Go on under the contract that the last file was written with."""
        self._schema_json, self.schema_id = header.schema_json, schema_id_in(header)

    def __repr__(self) -> str:
        """Show how far it goes."""
        return f"StreamWriter({self.name}, records={self.records}, in block {len(self._block)})"


def read_tail(folder: ArchiveFolder, stream: str, first: int, tail: Tail) -> tuple[Header, int, bytes]:
    """Give the records of a block that is not full yet as one piece, unjudged, and where they begin in their
    file, whose header comes first.

    The file may have grown since the position was saved, and never shrinks: the records that the position
    names are the first ones in it.

    Raises:
        ArchiveDamaged: the file is not there, or no such block is in it.

    """
    path = folder.tail_file(stream, first)
    shown = folder.shown(path)
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        raise ArchiveDamaged(
            f"{shown} is not there, and it holds the last {len(tail.sizes)} records of {stream}",
            advice=FROM_A_COPY,
        ) from None
    except OSError as error:
        raise ArchiveDamaged(f"{shown} cannot be read: {error.strerror}", advice=FROM_A_COPY) from error
    header = header_in(folder, path, whole)
    cursor = Cursor(whole)
    cursor.at = len(header.data)
    try:
        count, size = int(cursor.long()), int(cursor.long())
        start = int(cursor.at)
        data = cursor.raw(size)
        sync = cursor.raw(len(header.sync))
        cursor.end()
    except MalformedRecordError as error:
        raise ArchiveDamaged(f"{shown}: its one block cannot be read: {error}", advice=FROM_A_COPY) from error
    kept = data[: tail.bytes]
    wrong = ""
    if sync != header.sync:
        wrong = f"its block does not end with the sync marker, at byte {start + size}"
    elif count < len(tail.sizes) or len(kept) < tail.bytes:
        wrong = f"it has {count} records of {size} bytes, and had {len(tail.sizes)} of {tail.bytes}"
    elif sum(tail.sizes) != tail.bytes:
        wrong = f"position.json tells of records of {sum(tail.sizes)} bytes, {tail.bytes} together"
    if wrong:
        raise ArchiveDamaged(f"{shown}: {wrong}", advice=FROM_A_COPY)
    return header, start, kept


def tail_damaged(
    folder: ArchiveFolder, stream: str, first: int, start: int, explained: str = ""
) -> ArchiveDamaged:
    """Say that a block that is not full yet holds other records than it did."""
    return ArchiveDamaged(
        f"{folder.shown(folder.tail_file(stream, first))}: the records from {first} on, from byte {start} "
        f"on, are not what was written: their SHA-256 is another than position.json says{explained}",
        advice=FROM_A_COPY,
    )


def header_in(folder: ArchiveFolder, path: Path, data: bytes) -> Header:
    """Give the header of a file, of which these are the first bytes.

    Raises:
        ArchiveDamaged: it is none.

    """
    try:
        return read_header(data)
    except ContainerDamagedError as error:
        raise ArchiveDamaged(f"{folder.shown(path)}: {error}", advice=FROM_A_COPY) from error


def schema_id_in(header: Header) -> int | None:
    """Give the schema id that the records of a file had in their frames; None where they had no frame."""
    known = header.metadata.get(SCHEMA_ID_KEY)
    return None if known is None else int(known)
