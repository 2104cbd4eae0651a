"""Single decisions out of a journal that holds more than decisions: repeats, strangers, markers."""

import asyncio
import hashlib
import random

import pytest
from confluent_kafka import Producer

from neraca.gateway.journal_at import JournalAt
from schemas.errors import JournalMismatch
from schemas.topics import DECISIONS
from tests.gateway.test_limits import decision
from tests.running import RunningStack

FRAME = bytes(5)


def test_among_strangers_and_markers(stack: RunningStack, topic_prefix: str) -> None:
    """Each decision is found by `seq` and hash, however much stands between, in any order and number."""
    dice = random.Random(3)
    topic = DECISIONS.under(topic_prefix)
    producer = Producer(
        {
            **stack.kafka,
            "transactional.id": topic_prefix,
            "log_level": 0,
            "linger.ms": 5,
            "enable.idempotence": True,
        }
    )
    producer.init_transactions(30)
    told: list[bytes] = []

    def send(value: bytes) -> None:
        producer.produce(topic, FRAME + value, partition=0)

    for part in range(6):
        producer.begin_transaction()
        for _ in range(150):
            told.append(decision(len(told), len(told), dice.randrange(200)))
            send(told[-1])
            if dice.random() < 0.1:
                send(dice.choice(told))
            if dice.random() < 0.1:
                # A second decider that goes on beside the accepted journal, and what is no decision.
                send(decision(len(told) + dice.randrange(3), len(told), 7))
                send(b"")
        if part == 3:
            for _ in range(400):
                send(dice.choice(told))
        producer.commit_transaction(30)
    journal = JournalAt(stack.kafka, topic)
    try:
        for count in (1, 1, 1, 1, 5, 20, 60):
            seqs = dice.sample(range(len(told)), count)
            wanted = [(seq, hashlib.sha256(told[seq]).digest()) for seq in seqs]
            assert [told[seq] for seq in seqs] == asyncio.run(journal.read(wanted))
        last = len(told) - 1
        assert [told[last]] == asyncio.run(journal.read([(last, hashlib.sha256(told[last]).digest())]))
        with pytest.raises(JournalMismatch):
            asyncio.run(journal.read([(17, bytes(32))]))
        with pytest.raises(JournalMismatch):
            asyncio.run(journal.read([(10**6, bytes(32))]))
    finally:
        journal.close()
