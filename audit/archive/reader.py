"""A ledger read from an archive folder, with no Kafka: checked as it is read, bounded in memory.

It names file, block, record and byte of the first thing that is not what was written. Whether the decisions
are what the actions give is for `verify` to ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from audit.archive.container import encode_long
from audit.archive.contracts import released
from audit.archive.folder import (
    ACTIONS,
    DECISIONS,
    OFFSETS,
    SHA256_BYTES,
    UNREADABLE,
    About,
    ArchiveFolder,
    Position,
)
from audit.archive.rows import NO_SCHEMA, OFFSETS_SCHEMA, UNREADABLE_SCHEMA, decode_places, decode_unreadable
from audit.archive.stream_reader import STRAY, StoredBlock, StreamReader
from audit.archive.stream_writer import FROM_A_COPY
from audit.source import Extent, RecordedAction
from consumers.action_topic import TopicRecord
from schemas.binary import Cursor, MalformedRecordError
from schemas.codec import read_decision
from schemas.errors import ArchiveDamaged
from schemas.framing import frame
from schemas.hashing import sha256

# Offsets that one transaction may have left out: who restores makes them again. A changed number must not
# fill a disk.
HOLE_MAX: Final = 10_000_000


class ArchiveSource:
    """The archive in one folder, as far as it went when this was opened.

    Attributes:
        name: What a message calls it: the folder.
        position: How far it goes.
        about: What it says of itself.

    """

    def __init__(self, root: Path) -> None:
        """Read how far it goes, and see that its files are there.

        Raises:
            ArchiveDamaged: the folder is no archive, or a file of it is missing or added.

        """
        self._folder: Final = ArchiveFolder(root)
        self.name: Final = str(root)
        self.about: Final[About] = self._folder.about()
        self.position: Final[Position] = self._folder.position()
        self._decision_contracts: Final = released("Decision")
        self._action_contracts: Final = released("Action")
        self._check_counts()
        self._check_files()

    @property
    def log_folder(self) -> Path:
        """Where the Merkle log over the decisions lies."""
        return self._folder.log

    def extent(self) -> Extent:
        """How much there is, exactly."""
        return Extent(
            decisions=self.position.stream(DECISIONS).records, actions=self.position.stream(OFFSETS).records
        )

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions' Avro bytes, block by block: numbered without gaps, each with the last one's hash."""
        for block in self.decision_blocks():
            yield block.records

    def decision_blocks(self, first_seq: int = 0) -> Iterator[StoredBlock]:
        """The same with their places, from the block on that holds `first_seq`.

        Raises:
            ArchiveDamaged: a block, or a decision in it, is not what was written.

        """
        previous: bytes | None = bytes(SHA256_BYTES) if first_seq == 0 else None
        block: StoredBlock | None = None
        before: StoredBlock | None = None
        for block in self._stream(DECISIONS).blocks(first_seq):
            if previous is None:
                # Begun in the middle: what came before the first record is its own word.
                previous = _previous_in(block.records[0])
            seq = block.first
            for record in block.records:
                if not record.startswith(encode_long(seq) + previous):
                    raise self._broken_chain(block, before, seq, previous)
                previous = sha256(record)
                seq += 1
            yield block
            before = block
        if block is not None and previous != bytes.fromhex(self.position.last_sha256):
            raise self._damaged_decision(
                block, len(block.records) - 1, "it is not what was written: position.json has another hash"
            )

    def unjudged_blocks(self) -> Iterator[StoredBlock]:
        """The blocks of decisions as they lie there, whatever those say: `verify` judges them itself.

        Raises:
            ArchiveDamaged: a block cannot be cut into records.

        """
        yield from self._stream(DECISIONS).blocks()

    def place_in(self, block: StoredBlock, seq: int) -> str:
        """Say where in its file a decision of that block lies."""
        number = seq - block.first
        byte = block.byte + sum(len(one) for one in block.records[:number])
        return f"{self._folder.shown(block.path)}: block {block.number}, record {number}, byte {byte}"

    def decision(self, seq: int) -> bytes | None:
        """Give one decision's Avro bytes by its number; None where the archive does not go as far.

        Raises:
            ArchiveDamaged: its block is not what was written.

        """
        if not 0 <= seq < self.position.next_seq:
            return None
        block = next(self.decision_blocks(seq))
        number = seq - block.first
        if sha256(b"".join(block.records)) != block.sha256:
            # The chain was followed within the block only: what is wrong lies at one of its ends.
            raise self._damaged_decision(block, number, "its block is not what was written")
        return block.records[number]

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The records of the action topic, by offset, with their frames."""
        for batch in self.records():
            yield [RecordedAction(one.offset, one.recorded_at_ms, one.value) for one in batch]

    def records(self) -> Iterator[list[TopicRecord]]:
        """The records of the action topic with everything that the broker kept of them.

        Raises:
            ArchiveDamaged: a block, or a row in it, is not what was written.

        """
        kept: dict[int, Iterator[bytes]] = {}
        heads: dict[int, bytes] = {}
        unreadable = self._each(UNREADABLE)
        last_offset = -1
        for block in self._stream(OFFSETS).blocks():
            try:
                places = decode_places(block.records)
            except MalformedRecordError as error:
                raise self._damaged(block, 0, f"a row cannot be read: {error}") from error
            batch: list[TopicRecord] = []
            for number, place in enumerate(places):
                schema_id = int(place.schema_id)
                if wrong := _no_successor(last_offset, int(place.offset)):
                    raise self._damaged(block, number, wrong)
                last_offset = int(place.offset)
                if schema_id == NO_SCHEMA:
                    batch.append(self._unreadable(block, number, next(unreadable, None), last_offset))
                    continue
                if schema_id not in kept:
                    kept[schema_id] = self._each(f"{ACTIONS}/{schema_id}")
                    heads[schema_id] = frame(schema_id, b"")
                if (avro := next(kept[schema_id], None)) is None:
                    raise self._damaged(block, number, f"actions/{schema_id} has no record for it any more")
                value = heads[schema_id] + avro
                batch.append(
                    TopicRecord(last_offset, int(place.recorded_at_ms), value, place.key, place.headers)
                )
            yield batch
        self._check_used_up(kept, unreadable)
        # Markers of transactions may stand behind the last record, so it may be more.
        if wrong := _no_successor(last_offset, self.position.next_action_offset):
            raise ArchiveDamaged(
                f"{self._folder.shown(self._folder.position_file)} says how far the action topic is kept: "
                f"{wrong}",
                advice=FROM_A_COPY,
            )

    # -- files -----------------------------------------------------------------------------------------------

    def _stream(self, name: str) -> StreamReader:
        at = self.position.stream(name)
        if name == OFFSETS:
            return StreamReader(self._folder, name, at, schemas=(OFFSETS_SCHEMA,))
        if name == UNREADABLE:
            return StreamReader(self._folder, name, at, schemas=(UNREADABLE_SCHEMA,))
        if name == DECISIONS:
            # Each decision has the hash of the one before: that says more than the hash of a block.
            return StreamReader(
                self._folder,
                name,
                at,
                schemas=self._decision_contracts,
                is_hashed=False,
                explain=self._which_decision,
            )
        return StreamReader(
            self._folder, name, at, schemas=self._action_contracts, explain=self._which_action
        )

    def _each(self, name: str) -> Iterator[bytes]:
        for block in self._stream(name).blocks():
            if name.startswith(f"{ACTIONS}/") and block.schema_id != int(name.removeprefix(f"{ACTIONS}/")):
                raise self._damaged(block, 0, f"its file names schema {block.schema_id}")
            yield from block.records

    def _action_folders(self) -> list[str]:
        folder = self._folder.root / ACTIONS
        return sorted(f"{ACTIONS}/{path.name}" for path in folder.iterdir()) if folder.is_dir() else []

    def _check_files(self) -> None:
        """See to it that every file is there, and no other."""
        for name in self.position.streams:
            self._stream(name).check_files()
        for folder in (DECISIONS, UNREADABLE, OFFSETS, *self._action_folders()):
            is_stray = folder not in self.position.streams and self._folder.files(folder)
            if is_stray and not self._folder.is_being_written() and self._folder.position() == self.position:
                raise ArchiveDamaged(
                    f"{self._folder.root.name}/{folder} is no part of the archive, which knows nothing of it",
                    advice=STRAY,
                )

    def _check_counts(self) -> None:
        """See to it that position.json agrees with itself."""
        counts = {name: stream.records for name, stream in self.position.streams.items()}
        actions = sum(count for name, count in counts.items() if name.startswith(ACTIONS))
        if counts.get(DECISIONS, 0) != self.position.next_seq:
            raise ArchiveDamaged(
                f"{self._folder.shown(self._folder.position_file)} names {self.position.next_seq} decisions, "
                f"and {counts.get(DECISIONS, 0)} records of them",
                advice=FROM_A_COPY,
            )
        if counts.get(OFFSETS, 0) != actions + counts.get(UNREADABLE, 0):
            raise ArchiveDamaged(
                f"{self._folder.shown(self._folder.position_file)} names {counts.get(OFFSETS, 0)} records of "
                f"the action topic, and {actions} actions and {counts.get(UNREADABLE, 0)} that are none",
                advice=FROM_A_COPY,
            )

    def _check_used_up(self, kept: dict[int, Iterator[bytes]], unreadable: Iterator[bytes]) -> None:
        """Read what is left of each series, so that its end is checked as well; there must be nothing."""
        rest = {f"{ACTIONS}/{schema_id}": records for schema_id, records in kept.items()}
        for name in self.position.streams:
            if name.startswith(f"{ACTIONS}/") and name not in rest:
                rest[name] = self._each(name)
        rest[UNREADABLE] = unreadable
        for name, records in rest.items():
            for _ in records:
                raise ArchiveDamaged(
                    f"{self._folder.root.name}/{name} has more records than offsets/ tells of",
                    advice=FROM_A_COPY,
                )

    # -- what is wrong, when something is --------------------------------------------------------------------

    def _unreadable(self, block: StoredBlock, number: int, row: bytes | None, offset: int) -> TopicRecord:
        if row is None:
            raise self._damaged(block, number, "unreadable/ has no record for it any more")
        try:
            record = decode_unreadable(row)
        except MalformedRecordError as error:
            raise self._damaged(block, number, f"its row in unreadable/ cannot be read: {error}") from error
        if record.offset != offset:
            raise self._damaged(block, number, f"the next row in unreadable/ is of offset {record.offset}")
        return TopicRecord(offset, int(record.recorded_at_ms), record.value, record.key, record.headers)

    def _broken_chain(
        self, block: StoredBlock, before: StoredBlock | None, seq: int, previous: bytes
    ) -> ArchiveDamaged:
        """Say which decision is wrong where one does not continue the one before."""
        number = seq - block.first
        try:
            cursor = Cursor(block.records[number])
            found = int(cursor.long())
            named = cursor.raw(SHA256_BYTES)
        except MalformedRecordError as error:
            return self._damaged_decision(block, number, f"it cannot be read: {error}")
        if found != seq:
            return self._damaged_decision(block, number, f"decision {found} stands in its place")
        # Where what follows goes on from this one, this one is as it was, and the one before is not.
        if self._named_behind(block, number) == sha256(block.records[number]):
            why = f"it is not what was written: decision {seq} names another hash of it"
            if number > 0:
                return self._damaged_decision(block, number - 1, why)
            if before is not None:
                return self._damaged_decision(before, len(before.records) - 1, why)
        return self._damaged_decision(
            block,
            number,
            f"it is not what was written: it names {named.hex()[:16]}… as the hash of decision {seq - 1}, "
            f"which has {previous.hex()[:16]}…",
        )

    def _named_behind(self, block: StoredBlock, number: int) -> bytes:
        """Give the hash that is named of a decision by what follows it: the next one, or position.json."""
        if number + 1 < len(block.records):
            return _previous_in(block.records[number + 1])
        next_first = block.first + len(block.records)
        try:
            behind = next(self._stream(DECISIONS).blocks(next_first), None)
        except ArchiveDamaged:
            return b""
        return bytes.fromhex(self.position.last_sha256) if behind is None else _previous_in(behind.records[0])

    def _damaged_decision(self, block: StoredBlock, number: int, why: str) -> ArchiveDamaged:
        seq = block.first + number
        error = self._damaged(block, number, f"decision {seq}: {why}")
        error.seq = seq
        return error

    def _damaged(self, block: StoredBlock, number: int, why: str) -> ArchiveDamaged:
        byte = block.byte + sum(len(one) for one in block.records[:number])
        return ArchiveDamaged(
            f"{self._folder.shown(block.path)}: block {block.number}, record {number}, from byte {byte} on: "
            f"{why}",
            advice=FROM_A_COPY,
        )

    def _which_decision(self, block: StoredBlock) -> str:
        """Say which record of a damaged block of decisions is the first wrong one."""
        data = b"".join(block.records)
        cursor = Cursor(data)
        seq, start, previous = block.first, 0, b""
        while start < len(data):
            place = f"record {seq - block.first}, from byte {block.byte + start} on"
            try:
                decision = read_decision(cursor)
            except MalformedRecordError as error:
                return f"{place}, cannot be read as decision {seq}: {error}"
            if decision.seq != seq:
                return f"{place}, is decision {decision.seq}, and {seq} belongs there"
            if previous not in (b"", decision.previous_sha256):
                return f"{place}, does not follow decision {seq - 1}"
            previous = sha256(data[start : int(cursor.at)])
            seq, start = seq + 1, int(cursor.at)
        return f"its decisions from {block.first} to {seq - 1} can be read and follow each other"

    def _which_action(self, block: StoredBlock) -> str:
        """Say which action of a damaged block is wrong: the one whose hash no decision names."""
        wanted = {sha256(record): number for number, record in enumerate(block.records)}
        try:
            for batch in self.decisions():
                for decision in batch:
                    cursor = Cursor(decision)
                    cursor.long()
                    cursor.raw(SHA256_BYTES)
                    cursor.long()
                    wanted.pop(cursor.raw(SHA256_BYTES), None)
        except (ArchiveDamaged, MalformedRecordError):
            return ""
        if len(wanted) != 1:
            return ""
        (number,) = wanted.values()
        byte = block.byte + sum(len(one) for one in block.records[:number])
        return f"it is record {number}, from byte {byte} on: no decision names its hash"

    def __repr__(self) -> str:
        """Show the folder and how far it goes."""
        return f"ArchiveSource({self.name!r}, decisions={self.position.next_seq})"


def _no_successor(last_offset: int, offset: int) -> str:
    """Say why one offset cannot follow another; nothing where it can."""
    if offset <= last_offset:
        return f"offset {offset} follows {last_offset}: they must rise"
    if offset - last_offset > HOLE_MAX:
        left_out = offset - last_offset - 1
        return f"{left_out:,} offsets are left out before {offset}: no transaction is that large"
    return ""


def _previous_in(decision: bytes) -> bytes:
    """Give the hash that a decision names of the one before it; nothing where it names none."""
    cursor = Cursor(decision)
    try:
        cursor.long()
        return cursor.raw(SHA256_BYTES)
    except MalformedRecordError:
        return b""
