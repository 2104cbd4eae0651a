"""The workload's actions as values of the action topic, kept in memory."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import Producer

from producers.workload import actions
from schemas.action_json import read_action_line
from schemas.framing import frame_action
from schemas.ids import built_in_ids
from schemas.topics import ACTIONS

CHUNK = 5_000


def action_values(seed: int, candidates: int) -> list[bytes]:
    """Every action of that history, framed."""
    ids = built_in_ids()
    return [frame_action(read_action_line(line), ids) for line in actions(seed, candidates)]


def produce_actions(kafka: Mapping[str, str | int], prefix: str, values: list[bytes]) -> float:
    """Put them on the topic, durable; give the seconds that it took."""
    producer = Producer(
        {
            **kafka,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 10 * len(values) + CHUNK,
        }
    )
    started = time.perf_counter()
    for start in range(0, len(values), CHUNK):
        chunk = [{"value": value} for value in values[start : start + CHUNK]]
        taken = producer.produce_batch(ACTIONS.under(prefix), chunk, partition=0)
        assert taken == len(chunk), "the client's queue is full"
        producer.poll(0)
    producer.flush()
    return time.perf_counter() - started
