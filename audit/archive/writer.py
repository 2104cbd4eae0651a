"""Keeps a ledger in a folder: decisions and the records of the action topic, in the order in which they come.

Nothing counts before it was read back from the disk and `position.json` names it; whoever was killed before
that goes on behind what the file names. Beside the records grows the Merkle log over the decisions, which
follows the archive and never leads it. Must not know a topic: who reads one gives the records here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, Self

from audit.archive.contracts import written_with
from audit.archive.folder import (
    ACTIONS,
    DECISIONS,
    OFFSETS,
    UNREADABLE,
    About,
    ArchiveFolder,
    Position,
    told,
)
from audit.archive.rows import OFFSETS_SCHEMA, UNREADABLE_SCHEMA, sort_records
from audit.archive.stream_reader import StreamReader
from audit.archive.stream_writer import FROM_A_COPY, StreamWriter
from audit.tlog.checkpoint import SignedCheckpoint
from audit.tlog.tiles import TileLog
from consumers.action_topic import TopicRecord
from consumers.archiver import Kept, KeptDecision
from schemas.errors import ArchiveDamaged
from schemas.framing import FRAME_BYTES
from schemas.ids import SchemaIds


class Publisher(Protocol):
    """What makes the log durable, signs it, and tells."""

    def publish(self) -> SignedCheckpoint | None:
        """Give the last checkpoint; None where more was signed elsewhere than is here."""
        ...


class ArchiveWriter:
    """One archive, open for more. Only one process has it at a time.

    Attributes:
        log: The Merkle log over its decisions.

    """

    def __init__(
        self,
        root: Path,
        about: About,
        ids: SchemaIds,
        publisher_of: Callable[[TileLog], Publisher] | None = None,
    ) -> None:
        """Make the archive where there is none, and go on behind what counts.

        Args:
            root: The folder.
            about: What the archive says of itself, where it is new.
            ids: Schema ids of the deployment.
            publisher_of: Gives what signs the log; None: nobody does.

        Raises:
            ArchiveBusy: another process writes to it.
            ArchiveDamaged: less is there than it says of itself, or its log is another's.
            FolderUnusable: the folder cannot be written, or holds something else.

        """
        self._folder: Final = ArchiveFolder(root)
        self._ids: Final = ids
        self._folder.make(about)
        self._lock: Final = self._folder.claim()
        self._streams: Final[dict[str, StreamWriter]] = {}
        try:
            self._folder.remove_partial(root)
            self._position = self._folder.position()
            for name in self._position.streams:
                self._stream(name)
            self.log: Final = TileLog(self._folder.log)
            self._bring_log_up_to_date()
            self._publisher: Final = None if publisher_of is None else publisher_of(self.log)
        except BaseException:
            self.close()
            raise
        self._next_seq = self._position.next_seq
        self._last_sha256 = bytes.fromhex(self._position.last_sha256)
        self._journal_offset = self._position.journal_offset
        self._next_action_offset = self._position.next_action_offset

    @property
    def kept(self) -> Kept:
        """How far it goes, what was not committed included."""
        return Kept(self._next_seq, self._last_sha256, self._journal_offset, self._next_action_offset)

    @property
    def size_bytes(self) -> int:
        """Bytes of its files of records, with the index beside them."""
        return sum(stream.size_bytes for stream in self._streams.values())

    def keep_decisions(self, decisions: Sequence[KeptDecision]) -> None:
        """Append decisions, which must follow the last one.

        Raises:
            FolderUnusable: the disk is full or fails. Open the archive anew then.

        """
        start = 0
        with told(self._folder.root):
            while start < len(decisions):
                head = decisions[start].value[:FRAME_BYTES]
                end = start + 1
                while end < len(decisions) and decisions[end].value.startswith(head):
                    end += 1
                values = [decision.value[FRAME_BYTES:] for decision in decisions[start:end]]
                self._decisions_in(int.from_bytes(head, "big")).extend(values)
                # It counts only once it is flushed, which is done after what it speaks of is committed.
                self.log.append(values)
                start = end
        if decisions:
            last = decisions[-1]
            self._next_seq = last.seq + 1
            self._last_sha256 = last.sha256
            self._journal_offset = last.offset

    def keep_actions(self, records: list[TopicRecord], next_offset: int) -> None:
        """Append records of the action topic; `next_offset` is behind them and their markers.

        Raises:
            FolderUnusable: the disk is full or fails. Open the archive anew then.

        """
        done = sort_records(records, self._ids)
        with told(self._folder.root):
            for schema_id, values in done.actions.items():
                self._stream(f"{ACTIONS}/{schema_id}").extend(values)
            if done.unreadable:
                self._stream(UNREADABLE).extend(done.unreadable)
            if done.offsets:
                self._stream(OFFSETS).extend(done.offsets)
        self._next_action_offset = next_offset

    def commit(self) -> None:
        """Put everything on the disk, read it back, and only then say that it is there.

        Raises:
            FolderUnusable: the disk is full or fails. Open the archive anew then.

        """
        with told(self._folder.root):
            streams = {name: stream.commit() for name, stream in sorted(self._streams.items())}
            position = Position(
                next_seq=self._next_seq,
                last_sha256=self._last_sha256.hex(),
                journal_offset=self._journal_offset,
                next_action_offset=self._next_action_offset,
                streams=streams,
            )
            if position != self._position:
                self._folder.save(position)
                self._position = position
            for stream in self._streams.values():
                stream.tidy()

    def checkpoint(self) -> int:
        """Sign the log as far as the archive was committed; of how many decisions the last checkpoint speaks.

        Raises:
            FolderUnusable: the disk is full or fails. Open the archive anew then.
            ProofInvalid: the log contradicts what was signed before.
            BrokerUnavailable: the checkpoint is signed, and could not be told to the topic.

        """
        if self._next_seq != self._position.next_seq:
            self.commit()
        if self._publisher is None:
            return self.log.flush()
        signed = self._publisher.publish()
        return 0 if signed is None else signed.checkpoint.size

    def close(self) -> None:
        """Let go of the archive. What was not committed is taken away by whoever opens it next."""
        for stream in self._streams.values():
            stream.close()
        if hasattr(self, "log"):
            self.log.close()
        self._lock.close()

    def __enter__(self) -> Self:
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _bring_log_up_to_date(self) -> None:
        """Append to the log what was committed after it was last flushed."""
        if self.log.size > self._position.next_seq:
            raise ArchiveDamaged(
                f"{self._folder.shown(self._folder.log)} has {self.log.size} decisions, and the archive "
                f"{self._position.next_seq}: it has lost some, or position.json is an old one",
                seq=self._position.next_seq,
                advice=FROM_A_COPY,
            )
        at = self._position.stream(DECISIONS)
        for block in StreamReader(self._folder, DECISIONS, at).blocks(self.log.size):
            self.log.append(block.records[max(0, self.log.size - block.first) :])

    def _decisions_in(self, schema_id: int) -> StreamWriter:
        """Give the journal's files, ready for decisions that were written with that schema."""
        if (stream := self._streams.get(DECISIONS)) is None:
            stream = self._open(DECISIONS, written_with(self._ids, schema_id), schema_id)
        elif stream.schema_id != schema_id:
            stream.change_schema(written_with(self._ids, schema_id), schema_id)
        return stream

    def _stream(self, name: str) -> StreamWriter:
        if (stream := self._streams.get(name)) is not None:
            return stream
        if name == OFFSETS:
            return self._open(name, OFFSETS_SCHEMA, None)
        if name == UNREADABLE:
            return self._open(name, UNREADABLE_SCHEMA, None)
        schema_id = self._ids.decision_id if name == DECISIONS else int(name.removeprefix(f"{ACTIONS}/"))
        return self._open(name, written_with(self._ids, schema_id), schema_id)

    def _open(self, name: str, schema_json: str, schema_id: int | None) -> StreamWriter:
        at = self._position.stream(name)
        self._streams[name] = StreamWriter(self._folder, name, schema_json, schema_id, at)
        return self._streams[name]

    def __repr__(self) -> str:
        """Show how far it goes."""
        return f"ArchiveWriter({str(self._folder.root)!r}, next_seq={self._next_seq})"
