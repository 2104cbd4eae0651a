"""A small ledger in memory: what stood on both topics, made by the rules, and an archive of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Producer

from audit.archive.folder import About
from audit.archive.writer import ArchiveWriter
from consumers.action_topic import TopicRecord
from consumers.archiver import KeptDecision
from ledger.engine import Engine
from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.errors import UnreadableRecord
from schemas.framing import decode_action_value, frame
from schemas.ids import built_in_ids
from schemas.topics import ACTIONS, DECISIONS

ABOUT = About("placement.actions.v1", "placement.decisions.v1")
FIRST_RECORDED_AT_MS = 1_700_000_000_000


@dataclass(frozen=True)
class SmallLedger:
    """Records of both topics."""

    actions: list[TopicRecord]
    decisions: list[KeptDecision]

    def values(self) -> list[bytes]:
        """The decisions' Avro bytes."""
        return [decision.value[5:] for decision in self.decisions]

    def before(self, decisions: int) -> SmallLedger:
        """The same ledger at an earlier time."""
        return self.part(0, decisions)

    def part(self, start: int, end: int) -> SmallLedger:
        """What came between two of its decisions."""
        return SmallLedger(self.actions[start:end], self.decisions[start:end])


def small_ledger(number: int, *, every_nth_is_no_action: int = 17, holes: bool = True) -> SmallLedger:
    """A history: actions of two versions, records that are none, keys, headers, and holes in the offsets."""
    ids = built_in_ids()
    lines = actions(1, max(50, number // 6))
    engine = Engine.start()
    records: list[TopicRecord] = []
    decisions: list[KeptDecision] = []
    offset = 0
    for place in range(number):
        # Of these kinds both versions of the contract have the same bytes.
        schema_id = ids.action_id_of(1 if place % 10 == 0 else 2)
        value: bytes | None = frame(schema_id, read_action_line(next(lines)).avro)
        key, headers = None, None
        if place % every_nth_is_no_action == 1:
            value = [b"", None, b"\x00\x00\x00\x00\x09nobody", b"no frame"][place // 17 % 4]
            key, headers = b"a key", [("name", b"value"), ("name", None)]
        elif place % 50 == 3:
            key, headers = b"of an action", [("source", b"elsewhere")]
        record = TopicRecord(offset, FIRST_RECORDED_AT_MS + place // 3, value, key, headers)
        records.append(record)
        try:
            read = decode_action_value(value, ids)
        except UnreadableRecord:
            engine.decide_unreadable(value or b"", offset, record.recorded_at_ms * 1000, 0)
        else:
            engine.decide(read.action, read.avro, read.digest, offset, record.recorded_at_ms * 1000, 0)
        made = frame(ids.decision_id, engine.last_bytes)
        decisions.append(KeptDecision(place, made, hashlib.sha256(engine.last_bytes).digest(), 2 * place))
        offset += 3 if holes and place % 100 == 0 else 1
    return SmallLedger(records, decisions)


def keep(ledger: SmallLedger, root: Path, batches: Sequence[int] = (1000,), *, commit: bool = True) -> None:
    """Archive what is not archived yet, in batches of those sizes, over and over."""
    with ArchiveWriter(root, ABOUT, built_in_ids()) as writer:
        turn = 0
        done = writer.kept.next_seq
        while done < len(ledger.decisions):
            end = done + batches[turn % len(batches)]
            records = ledger.actions[done:end]
            writer.keep_actions(records, records[-1].offset + 1)
            writer.keep_decisions(ledger.decisions[done:end])
            done = writer.kept.next_seq
            turn += 1
            if commit:
                writer.commit()
        writer.commit()


def put(kafka: Mapping[str, str | int], topic_prefix: str, ledger: SmallLedger) -> None:
    """Append both to their topics; the broker stamps the actions anew."""
    producer = Producer({**kafka, "enable.idempotence": True, "linger.ms": 5})
    for record in ledger.actions:
        headers: list[tuple[str, str | bytes | None]] = [*record.headers]
        producer.produce(
            ACTIONS.under(topic_prefix), record.value, record.key, partition=0, headers=headers or None
        )
    assert 0 == producer.flush(30)
    for decision in ledger.decisions:
        producer.produce(DECISIONS.under(topic_prefix), decision.value, partition=0)
    assert 0 == producer.flush(30)


def files(root: Path) -> dict[str, bytes]:
    """Every file of an archive but locks, and tiles of the log that were not full when they were signed:

    which of those there are tells when somebody signed.
    """
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".lock" and not path.parent.name.endswith(".p")
    }
