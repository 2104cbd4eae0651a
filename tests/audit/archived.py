"""Archives of small ledgers, written as the archiver writes them, with a signed log."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from audit.archive.folder import LOG_FOLDER, About
from audit.archive.writer import ArchiveWriter
from audit.tlog.keys import LogKeys
from audit.tlog.note import Verifier
from audit.tlog.publishing import CheckpointPublisher
from consumers.action_topic import TopicRecord
from consumers.archiver import KeptDecision
from schemas.framing import frame
from schemas.ids import built_in_ids
from tests.audit.tampering import Ledger, small_ledger

ABOUT = About("placement.actions.v1", "placement.decisions.v1")
ORIGIN = "example.org/ledger"
SIZES = (500, 1000, len(small_ledger().journal))


@dataclass(frozen=True)
class Archived:
    """An archive in a folder, and the keys that signed its log."""

    root: Path
    keys: LogKeys

    @property
    def log(self) -> Path:
        """The folder of its log."""
        return self.root / LOG_FOLDER

    @property
    def key(self) -> Verifier:
        """The public half of the key that signs."""
        return self.keys.listed().current


def append(writer: ArchiveWriter, ledger: Ledger, start: int, end: int) -> None:
    """Archive that part of a ledger."""
    head = built_in_ids().decision_id
    records = [
        TopicRecord(one.offset, one.recorded_at_ms, one.value, None, None)
        for one in ledger.records[start:end]
    ]
    decisions = [
        KeptDecision(seq, frame(head, value), hashlib.sha256(value).digest(), seq)
        for seq, value in enumerate(ledger.journal[start:end], start)
    ]
    writer.keep_actions(records, records[-1].offset + 1)
    writer.keep_decisions(decisions)


def archive(ledger: Ledger, folder: Path, keys: LogKeys | None = None, first: int = 0) -> Archived:
    """Archive a ledger from decision `first` on; signed at each of `SIZES`, and at its end."""
    if keys is None:
        keys = LogKeys(folder / "keys")
        keys.create(ORIGIN)
    made = keys
    root = folder / "archive"
    ends = [size for size in SIZES if first < size < len(ledger.journal)] + [len(ledger.journal)]
    with ArchiveWriter(root, ABOUT, built_in_ids(), lambda log: CheckpointPublisher(log, made)) as writer:
        for end in ends:
            append(writer, ledger, first, end)
            writer.commit()
            writer.checkpoint()
            first = end
    return Archived(root, keys)
