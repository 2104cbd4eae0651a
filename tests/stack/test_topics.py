"""Topics on a real broker: made as designed, never otherwise, and told apart when they differ."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined] # typed, but not listed as exported
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from neraca.stack.topics import check_topics, ensure_topics
from schemas.errors import BrokerUnavailable, TopicMismatch, TopicMissing
from schemas.topics import ACTIONS, ALL_TOPICS, CHECKPOINTS, DEAD_LETTERS, DECISIONS, Topic
from tests.running import RunningStack


@pytest.fixture
def prefix(stack: RunningStack) -> Iterator[str]:
    """A prefix without topics; what a test makes under it is deleted."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    yield prefix
    client = AdminClient({**stack.kafka, "log_level": 0})
    made = [name for name in client.list_topics(timeout=10).topics if name.startswith(prefix)]
    for future in client.delete_topics(made).values() if made else ():
        future.result()


def settings_of(stack: RunningStack, name: str) -> dict[str, str]:
    """The settings of a topic as the broker tells them."""
    client = AdminClient({**stack.kafka, "log_level": 0})
    (future,) = client.describe_configs([ConfigResource(ResourceType.TOPIC, name)]).values()
    return {entry.name: entry.value for entry in future.result().values()}


@pytest.mark.parametrize("topic", ALL_TOPICS, ids=lambda topic: topic.name)
def test_a_topic_has_its_settings(stack: RunningStack, topic_prefix: str, topic: Topic) -> None:
    """What the design promises is what the broker does: one partition, kept for ever, times by the broker."""
    settings = settings_of(stack, topic.under(topic_prefix))
    assert dict(topic.config) == {name: settings[name] for name in topic.config}
    assert "LogAppendTime" == settings["message.timestamp.type"]
    assert ("-1", "-1") == (settings["retention.ms"], settings["retention.bytes"])


def test_making_topics_twice_changes_nothing(stack: RunningStack, prefix: str) -> None:
    """The first call says what it made; the second makes nothing."""
    assert {topic.under(prefix) for topic in ALL_TOPICS} == set(ensure_topics(stack.kafka, prefix))
    assert [] == ensure_topics(stack.kafka, prefix)


def test_missing_topics_are_named(stack: RunningStack, prefix: str) -> None:
    """A service that starts before the topics exist says which are missing and which command makes them."""
    ensure_topics(stack.kafka, prefix, [ACTIONS])
    with pytest.raises(TopicMissing) as caught:
        check_topics(stack.kafka, prefix)
    absent = [topic.under(prefix) for topic in (DECISIONS, DEAD_LETTERS, CHECKPOINTS)]
    assert absent == caught.value.names
    assert "neraca up" in caught.value.advice


def test_a_wrong_setting_is_named(stack: RunningStack, new_topics: Callable[[], str]) -> None:
    """A topic whose records would be thrown away is reported with both values, and not touched."""
    prefix = new_topics()
    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, DECISIONS.under(prefix), incremental_configs=[entry])
    client = AdminClient({**stack.kafka, "log_level": 0})
    (future,) = client.incremental_alter_configs([resource]).values()
    future.result()
    with pytest.raises(TopicMismatch) as caught:
        ensure_topics(stack.kafka, prefix)
    name = DECISIONS.under(prefix)
    assert [f"{name} has retention.ms=1000 instead of -1"] == caught.value.differences
    assert "1000" == settings_of(stack, name)["retention.ms"]


def test_a_wrong_number_of_partitions_is_named(stack: RunningStack, prefix: str) -> None:
    """Two partitions would be two orders; that is said before a decider starts."""
    client = AdminClient({**stack.kafka, "log_level": 0})
    new = NewTopic(ACTIONS.under(prefix), num_partitions=2, replication_factor=1, config=dict(ACTIONS.config))
    (future,) = client.create_topics([new]).values()
    future.result()
    with pytest.raises(TopicMismatch) as caught:
        ensure_topics(stack.kafka, prefix)
    assert [f"{ACTIONS.under(prefix)} has 2 partitions instead of 1"] == caught.value.differences


def test_no_topic_makes_itself(stack: RunningStack, prefix: str) -> None:
    """A record for a topic that does not exist fails, and the topic still does not exist."""
    errors: list[KafkaError | None] = []
    producer = Producer({**stack.kafka, "topic.metadata.propagation.max.ms": 200, "log_level": 0})
    producer.produce(f"{prefix}typo", b"lost?", on_delivery=lambda error, _: errors.append(error))
    producer.flush(10)
    assert [KafkaError.UNKNOWN_TOPIC_OR_PART] == [error and error.code() for error in errors]
    client = AdminClient({**stack.kafka, "log_level": 0})
    assert f"{prefix}typo" not in client.list_topics(timeout=10).topics


def test_an_absent_broker_is_said(unused_port: int) -> None:
    """Nobody listens: the error names the address and is worth a retry."""
    kafka: dict[str, str | int] = {
        "bootstrap.servers": f"127.0.0.1:{unused_port}",
        "socket.connection.setup.timeout.ms": 1000,
    }
    with pytest.raises(BrokerUnavailable, match=str(unused_port)) as caught:
        check_topics(kafka, "", timeout_seconds=1)
    assert caught.value.retryable
