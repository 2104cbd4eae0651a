"""The broker takes no decision: the decider neither goes on past it nor loses it, and says what to do."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # typed, but not listed as exported
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from neraca.stack.topics import ensure_topics
from schemas.topics import DECISIONS
from tests.faults.journals import Ledger
from tests.faults.services import Crew, Service, eventually
from tests.running import RunningStack


@pytest.fixture
def administrator(stack: RunningStack) -> AdminClient:
    """Someone who may change topics, and should not."""
    return AdminClient({**stack.kafka, "log_level": 0})


def set_limit(administrator: AdminClient, topic: str, max_message_bytes: int) -> None:
    """Alter the topic while it is in use."""
    entry = ConfigEntry(
        "max.message.bytes", str(max_message_bytes), incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in administrator.incremental_alter_configs([resource]).values():
        future.result()


def says(service: Service, *words: str) -> Callable[[], bool]:
    """Whether the service tells, on its page of readiness, why it does nothing."""
    return lambda: all(word in (service.why_not_ready() or "") for word in words)


def test_a_topic_that_was_made_too_narrow(
    ledger: Ledger, deciders: Crew, administrator: AdminClient, history_values: list[bytes]
) -> None:
    """What is refused is undecided, and so is all behind it, smaller or not; mended, everything goes on."""
    decider = deciders.start()
    ledger.send(history_values[:300])
    eventually("some are decided", ledger.is_decided)
    set_limit(administrator, ledger.decisions_topic, 2_000)
    ledger.send(history_values[300:900])
    told = f"{ledger.decisions_topic} does not take decision 3"
    wanted = f"max.message.bytes back to {DECISIONS.config['max.message.bytes']}"
    eventually("it says what and why", says(decider, told, "too large", wanted))
    # What fits would be taken; behind a decision that is missing it would only be in everybody's way.
    for value in history_values[900:910]:
        ledger.send([value])
    before = decider.metric("neraca_decider_restarts_total")
    eventually("it tries again", lambda: decider.metric("neraca_decider_restarts_total") > before)
    assert len(ledger.accepted()) == ledger.end(ledger.decisions_topic)
    set_limit(administrator, ledger.decisions_topic, int(DECISIONS.config["max.message.bytes"]))
    eventually("all is decided", ledger.is_decided)
    assert None is decider.has_ended()
    verdict = ledger.judge()
    assert (910, 0, 0) == (len(verdict.decisions), verdict.repeats, verdict.passed_over)


def test_a_topic_that_was_deleted(
    stack: RunningStack,
    ledger: Ledger,
    deciders: Crew,
    administrator: AdminClient,
    history_values: list[bytes],
) -> None:
    """It says that the topic is gone; once there is one again the same journal is made again, to the byte."""
    decider = deciders.start()
    ledger.send(history_values[:300])
    eventually("some are decided", ledger.is_decided)
    values = ledger.judge().values
    for future in administrator.delete_topics([ledger.decisions_topic]).values():
        future.result()
    ledger.send(history_values[300:320])
    eventually("it says so", says(decider, ledger.decisions_topic, "The topic is gone"))

    def is_made() -> bool:
        try:
            return ledger.decisions_topic in ensure_topics(stack.kafka, ledger.topic_prefix)
        except KafkaException:
            return False

    eventually("the topic is made again", is_made)
    eventually("all is decided", lambda: ledger.end(ledger.decisions_topic) >= 320)
    verdict = ledger.judge()
    assert (320, values) == (len(verdict.decisions), verdict.values[:300])
    assert None is decider.has_ended()
