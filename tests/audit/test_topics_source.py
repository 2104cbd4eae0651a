"""The live topics, read whole for audit."""

from confluent_kafka import Producer

from audit.topics import TopicsSource
from consumers.journal import FRAME_BYTES
from schemas.topics import ACTIONS
from tests.running import RunningStack


def test_empty_topics_end_at_once(stack: RunningStack, topic_prefix: str) -> None:
    """A ledger before its first action has no decisions and no actions, and reading it ends.

    It is called by its topics, without a word of any language: pages in two languages name it.
    """
    source = TopicsSource(stack.kafka, topic_prefix)
    assert f"{topic_prefix}placement.actions.v1, {topic_prefix}placement.decisions.v1" == source.name
    assert ([], []) == (list(source.decisions()), list(source.actions()))


def test_reads_up_to_the_end_that_it_saw(stack: RunningStack, topic_prefix: str) -> None:
    """Records come in their order with their append times; what is appended after opening is not read."""
    producer = Producer({**stack.kafka, "linger.ms": 0})
    for number in range(3):
        producer.produce(ACTIONS.under(topic_prefix), bytes(FRAME_BYTES) + bytes([number]))
    producer.flush(10)
    source = TopicsSource(stack.kafka, topic_prefix)
    producer.produce(ACTIONS.under(topic_prefix), b"later")
    producer.flush(10)
    records = [record for batch in source.actions() for record in batch]
    assert [bytes(FRAME_BYTES) + bytes([number]) for number in range(3)] == [one.value for one in records]
    assert [0, 1, 2] == [one.offset for one in records]
    assert all(one.recorded_at_ms > 0 for one in records)
