"""Checkpoints on a schedule: flush the tiles, sign what is on disk, keep the file, then tell the topic.

A checkpoint never speaks of tiles that are not on disk, and never contradicts one that was signed before: the
log would rather say nothing. Whoever calls `publish` chooses when.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from audit.tlog.checkpoint import Checkpoint, SignedCheckpoint, sign
from audit.tlog.files import read_text, write_durably
from audit.tlog.keys import KeyList, LogKeys, document_paths, read_listed
from audit.tlog.tiles import CHECKPOINT_FILE, TileLog, number_path
from consumers.journal import CLIENT_LOG_LEVEL
from schemas.errors import BrokerUnavailable, ProofInvalid
from schemas.topics import CHECKPOINTS

CHECKPOINTS_FOLDER: Final = "checkpoints"
KEYS_FOLDER: Final = "keys"
ANSWER_SECONDS_MAX: Final = 30.0


class Checkpoints(Protocol):
    """Where signed checkpoints are found."""

    def latest(self) -> str | None:
        """Give the last one's note; None where there is none."""
        ...

    def at(self, size: int) -> str | None:
        """Give the note of that size; None where there is none."""
        ...

    def sizes(self) -> list[int]:
        """Give the sizes of which there are checkpoints, rising."""
        ...


class CheckpointFiles:
    """The signed checkpoints in a log's folder: the last one, and each by its size."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder

    def latest(self) -> str | None:
        """Give the last one's note; None where nothing was signed yet."""
        path = self.folder / CHECKPOINT_FILE
        return read_text(path) if path.exists() else None

    def at(self, size: int) -> str | None:
        """Give the note of that size; None where there is none."""
        path = self._path(size)
        return read_text(path) if path.exists() else None

    def sizes(self) -> list[int]:
        """Give the sizes of which there are checkpoints, rising."""
        root = self.folder / CHECKPOINTS_FOLDER
        paths = (
            path.relative_to(root) for path in root.rglob("*") if path.name.isdecimal() and path.is_file()
        )
        return sorted(int("".join(path.parts).replace("x", "")) for path in paths)

    def write(self, size: int, note: str) -> None:
        """Keep a checkpoint: under its size, then as the last one."""
        write_durably(self._path(size), note.encode())
        write_durably(self.folder / CHECKPOINT_FILE, note.encode())

    def _path(self, size: int) -> Path:
        return self.folder / CHECKPOINTS_FOLDER / number_path(size)


class CheckpointTopic:
    """The topic of checkpoints: text, keyed by the log's name."""

    def __init__(
        self,
        kafka: Mapping[str, str | int],
        topic_prefix: str,
        *,
        timeout_seconds: float = ANSWER_SECONDS_MAX,
    ) -> None:
        self._timeout_seconds: Final = timeout_seconds
        self._kafka: Final = dict(kafka)
        self.name: Final = CHECKPOINTS.under(topic_prefix)
        self._producer: Final = Producer(
            {
                "log_level": CLIENT_LOG_LEVEL,
                **self._kafka,
                "acks": "all",
                "enable.idempotence": True,
                "message.timeout.ms": int(timeout_seconds * 1000),
            }
        )

    def send(self, origin: str, note: str) -> None:
        """Append a checkpoint; it is there when this returns.

        Raises:
            BrokerUnavailable: it is not, in time.

        """
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        self._producer.produce(self.name, note.encode(), origin.encode(), on_delivery=delivered)
        left = self._producer.flush(self._timeout_seconds)
        if failures or left:
            why = failures[0].str() if failures else "it does not answer in time"
            raise BrokerUnavailable(f"the checkpoint was not taken by the topic {self.name}: {why}")

    def latest(self) -> str | None:
        """Give the last checkpoint on the topic; None where there is none.

        Raises:
            BrokerUnavailable: Kafka does not answer in time.

        """
        found = list(self._read(1))
        return found[-1] if found else None

    def notes(self) -> Iterator[str]:
        """Give every checkpoint on the topic, the oldest first.

        Raises:
            BrokerUnavailable: Kafka does not answer in time.
            ProofInvalid: a record is no text.

        """
        return self._read(None)

    def at(self, size: int) -> str | None:
        """Give the checkpoint of that size; None where there is none."""
        return next((note for note in self.notes() if size_of(note) == size), None)

    def sizes(self) -> list[int]:
        """Give the sizes of which there are checkpoints, rising."""
        return sorted({size_of(note) for note in self.notes()})

    def _read(self, last_records: int | None) -> Iterator[str]:
        consumer = Consumer(
            {
                "log_level": CLIENT_LOG_LEVEL,
                **self._kafka,
                "group.id": "neraca-checkpoints",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
            }
        )
        partition = TopicPartition(self.name, 0)
        try:
            first, end = consumer.get_watermark_offsets(partition, timeout=self._timeout_seconds)
            offset = first if last_records is None else max(first, end - last_records)
            consumer.assign([TopicPartition(self.name, 0, offset)])
            while offset < end:
                message = consumer.poll(self._timeout_seconds)
                if message is None:
                    raise BrokerUnavailable(f"the topic {self.name} gave nothing in time")
                if (error := message.error()) is not None:
                    raise BrokerUnavailable(f"the topic {self.name} cannot be read: {error.str()}")
                offset = (message.offset() or 0) + 1
                yield _text(message.value(), self.name)
        except KafkaException as error:
            raise BrokerUnavailable(
                f"the topic {self.name} cannot be read: {error.args[0].str()}",
                advice="Does Kafka run (`neraca status`), and is the topic there? `neraca up` makes one that "
                "is missing; what stood on it lies in the log's folder as well.",
            ) from error
        finally:
            consumer.close()


class CheckpointPublisher:
    """Signs and publishes checkpoints of one log."""

    def __init__(self, log: TileLog, keys: LogKeys, topic: CheckpointTopic | None = None) -> None:
        """Publish to the files in the log's folder, and to the topic where one is given."""
        self._log: Final = log
        self._keys: Final = keys
        self._topic: Final = topic
        self.files: Final = CheckpointFiles(log.folder)
        # The last one may have been kept as a file and not have reached the topic.
        self._told: str | None = None

    def publish(self) -> SignedCheckpoint | None:
        """Make durable what was appended, sign it if it is more than was signed, and tell.

        None where the log is still behind what was signed of it elsewhere. Called again after an error it
        goes on where it stopped.

        Raises:
            FolderUnusable: the tiles or the checkpoint cannot be written: nothing was signed.
            LogKeyMissing: there is no key.
            ProofInvalid: the log contradicts a checkpoint that was signed: nothing is signed any more.
            BrokerUnavailable: the topic did not take it: the next call sends it again.

        """
        size = self._log.flush()
        with self._keys.locked():
            listed = self._keys.listed()
            self._copy_documents()
            signed = self._last_of_folder(listed)
            ever = self._keys.last_signed(listed)
            if ever is not None and ever.checkpoint.size <= size:
                self._check_holds(ever.checkpoint)
            if signed is None or signed.checkpoint.size < size:
                if ever is not None and ever.checkpoint.size > size:
                    return None
                signed = self._sign(listed, size)
        self._tell(signed)
        return signed

    def _sign(self, listed: KeyList, size: int) -> SignedCheckpoint:
        checkpoint = Checkpoint(listed.origin, size, self._log.root(size))
        note = sign(checkpoint, self._keys.signer())
        self._keys.remember(note)
        self.files.write(size, note)
        return read_listed(note, listed)

    def _last_of_folder(self, listed: KeyList) -> SignedCheckpoint | None:
        """Read the last checkpoint of the log's folder, and see that the log still holds what it says."""
        note = self.files.latest()
        if note is None:
            return None
        last = read_listed(note, listed)
        if last.checkpoint.size > self._log.durable_size:
            raise ProofInvalid(
                f"the log in {self._log.folder} has {self._log.durable_size} decisions, but a checkpoint of "
                f"{last.checkpoint.size} was signed: it forgot some",
                advice="Nothing is signed until they are back. Restore the log from another copy.",
            )
        self._check_holds(last.checkpoint)
        return last

    def _check_holds(self, said: Checkpoint) -> None:
        if self._log.root(said.size) != said.root:
            raise ProofInvalid(
                f"the log in {self._log.folder} is not the one whose checkpoint was signed at size "
                f"{said.size}: a decision before it was changed",
                advice="Nothing is signed until that is cleared up. `neraca verify` names the decision.",
            )

    def _copy_documents(self) -> None:
        """Lay the documents of the keys beside the tiles, where the public finds them."""
        for path in document_paths(self._keys.folder):
            copy = self._log.folder / KEYS_FOLDER / path.name
            if not copy.exists():
                write_durably(copy, path.read_bytes())

    def _tell(self, signed: SignedCheckpoint) -> None:
        note = str(signed.note)
        if self._topic is None or self._told == note:
            return
        if self._told is not None or self._topic.latest() != note:
            self._topic.send(signed.checkpoint.origin, note)
        self._told = note

    def __repr__(self) -> str:
        """Show what it publishes."""
        return f"CheckpointPublisher({self._log!r})"


def size_of(note: str) -> int:
    """Give the size that a note speaks of, before anybody verified it."""
    lines = note.split("\n")
    return int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else -1


def _text(value: bytes | None, topic: str) -> str:
    try:
        return (value or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProofInvalid(f"a record of the topic {topic} is no text") from error
