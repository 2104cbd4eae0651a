"""Creates the topics with their settings on any Kafka, and says exactly what is wrong with those that exist.

Never changes or deletes a topic: a setting that was wrong may have cost records already, and that is for
people to judge.
"""

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # typed, but not listed as exported
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from schemas.errors import BrokerUnavailable, TopicMismatch, TopicMissing
from schemas.topics import ALL_TOPICS, Topic

KafkaConfig = Mapping[str, str | int]
# Three copies survive the loss of one machine while another is under repair.
_REPLICAS_MAX = 3
_REQUEST_TIMEOUT_SECONDS = 15
_VISIBLE_TIMEOUT_SECONDS = 15


def ensure_topics(kafka: KafkaConfig, prefix: str, topics: Sequence[Topic] = ALL_TOPICS) -> list[str]:
    """Create what is missing and check the rest; the names that were created.

    Raises:
        BrokerUnavailable: Kafka does not answer, or refuses to create.
        TopicMismatch: a topic that exists differs from its design.

    """
    client = _client(kafka)
    metadata = _metadata(client, kafka)
    replicas = min(_REPLICAS_MAX, len(metadata.brokers))
    absent = [topic for topic in topics if topic.under(prefix) not in metadata.topics]
    new = [
        NewTopic(
            topic.under(prefix),
            num_partitions=topic.partitions,
            replication_factor=replicas,
            config={**topic.config, "min.insync.replicas": str(max(1, replicas - 1))},
        )
        for topic in absent
    ]
    created = []
    if new:
        for name, future in client.create_topics(new, request_timeout=_REQUEST_TIMEOUT_SECONDS).items():
            try:
                future.result()
                created.append(name)
            except KafkaException as error:
                # Another command was quicker; what it made is checked below like any other.
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise BrokerUnavailable(
                        f"Kafka at {_where(kafka)} did not create {name}: {error.args[0].str()}",
                        advice="Does this user have the right to create topics there?",
                    ) from error
    deadline = time.monotonic() + _VISIBLE_TIMEOUT_SECONDS
    while True:
        try:
            check_topics(kafka, prefix, topics, client=client)
        except TopicMissing:
            # A topic is visible to everybody a moment after it was created.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return created


def check_topics(
    kafka: KafkaConfig,
    prefix: str,
    topics: Sequence[Topic] = ALL_TOPICS,
    *,
    client: AdminClient | None = None,
    timeout_seconds: float = _REQUEST_TIMEOUT_SECONDS,
) -> None:
    """Return when every topic exists as designed.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        TopicMissing: some do not exist.
        TopicMismatch: some differ from their design.

    """
    client = client or _client(kafka)
    found = _metadata(client, kafka, timeout_seconds).topics
    if absent := [topic.under(prefix) for topic in topics if topic.under(prefix) not in found]:
        raise TopicMissing(
            absent, where=_where(kafka), advice="Run `neraca up`, which creates topics with their settings."
        )
    differences = []
    resources = [ConfigResource(ResourceType.TOPIC, topic.under(prefix)) for topic in topics]
    answers = client.describe_configs(resources, request_timeout=_REQUEST_TIMEOUT_SECONDS)
    settings = {}
    for resource, future in answers.items():
        try:
            settings[resource.name] = future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise TopicMissing(
                    [resource.name], where=_where(kafka), advice="Run `neraca up` to create it."
                ) from error
            raise _unavailable(kafka, error) from error
    for topic in topics:
        name = topic.under(prefix)
        if (partitions := len(found[name].partitions)) != topic.partitions:
            differences.append(f"{name} has {partitions} partitions instead of {topic.partitions}")
        for setting, wanted in topic.config.items():
            value = settings[name][setting].value
            if value != wanted:
                differences.append(f"{name} has {setting}={value} instead of {wanted}")
    if differences:
        raise TopicMismatch(
            differences,
            where=_where(kafka),
            advice="Set them right with kafka-configs --alter, after judging what the wrong setting "
            "did to the records; a number of partitions is mended only by a new topic.",
        )


def _client(kafka: KafkaConfig) -> AdminClient:
    # log_level 0: what goes wrong is told once, by us.
    return AdminClient({"log_level": 0, **kafka})


def _metadata(
    client: AdminClient, kafka: KafkaConfig, timeout_seconds: float = _REQUEST_TIMEOUT_SECONDS
) -> ClusterMetadata:
    try:
        return client.list_topics(timeout=timeout_seconds)
    except KafkaException as error:
        raise _unavailable(kafka, error) from error


def _unavailable(kafka: KafkaConfig, error: KafkaException) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"Kafka at {_where(kafka)} does not answer: {error.args[0].str()}",
        advice="Is it running (`neraca status`), and are address, TLS and SASL settings right?",
    )


def _where(kafka: KafkaConfig) -> str:
    return str(kafka.get("bootstrap.servers", "?"))
