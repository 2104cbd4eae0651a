"""Sends actions to their topic: durable, in order, each once, and never more than the broker keeps up with.

Imports no rule and waits for no decision; whoever wants them follows the journal and matches by offset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.errors import BrokerUnavailable
from schemas.framing import ActionRecord, frame_action
from schemas.ids import SchemaIds

# On their way to the broker at once: some 20 MB, and a fraction of a second's work for it.
IN_FLIGHT_MAX: Final = 20_000
# How long one look at the acknowledgements may wait while there is no room.
POLL_SECONDS: Final = 0.1


class ActionSender:
    """Sends actions, and tells the offset of each when the broker has it for good.

    Attributes:
        sent: Actions handed over so far.
        acknowledged: Those of them that every replica that counts has.

    """

    def __init__(
        self,
        kafka: Mapping[str, str | int],
        topic: str,
        ids: SchemaIds,
        on_acknowledged: Callable[[int], None],
        *,
        timeout_seconds: float = 60.0,
    ) -> None:
        """Make a producer.

        `on_acknowledged` gets the offset of each action, in the order sent, within a call of this object.
        `timeout_seconds` is how long the broker may stay silent before that is an error.
        """
        self.topic: Final = topic
        self.sent = 0
        self.acknowledged = 0
        self._ids: Final = ids
        self._on_acknowledged: Final = on_acknowledged
        self._failure: KafkaError | None = None
        self._producer: Final = Producer(
            {
                # What goes wrong is told once, by us.
                "log_level": 0,
                "linger.ms": 2,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 2 * IN_FLIGHT_MAX,
                **kafka,
                # Each action once and in order, also when an acknowledgement is lost on the way.
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": int(timeout_seconds * 1000),
            }
        )

    @property
    def in_flight(self) -> int:
        """Actions that are not acknowledged yet."""
        return self.sent - self.acknowledged

    def send(self, record: ActionRecord) -> None:
        """Hand one action over, waiting where too many are on their way.

        Raises:
            BrokerUnavailable: the broker did not take an action, this one or one before.

        """
        while self.in_flight >= IN_FLIGHT_MAX:
            self.poll(POLL_SECONDS)
        value = frame_action(record, self._ids)
        while not self._produce(value):
            self.poll(POLL_SECONDS)
        self.sent += 1

    def _produce(self, value: bytes) -> bool:
        """Hand a record to the client; False when it has no room, which large records can bring about."""
        try:
            self._producer.produce(self.topic, value, partition=0, on_delivery=self._delivered)
        except BufferError:
            return False
        except KafkaException as error:
            raise self._unavailable(error.args[0]) from error
        return True

    def poll(self, timeout_seconds: float) -> None:
        """Take acknowledgements in, waiting for the first so long.

        Raises:
            BrokerUnavailable: the broker did not take an action.

        """
        self._producer.poll(timeout_seconds)
        if self._failure is not None:
            raise self._unavailable(self._failure)

    def flush(self) -> None:
        """Wait until every action is acknowledged.

        Raises:
            BrokerUnavailable: the broker did not take one.

        """
        while self.in_flight:
            self.poll(POLL_SECONDS)

    def abandon(self) -> None:
        """Give up what was not sent yet, and wait a moment for what was: after an error or Ctrl-C."""
        self._producer.purge(in_queue=True, in_flight=False, blocking=False)
        self._producer.flush(2)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.acknowledged += 1
            self._on_acknowledged(message.offset() or 0)
        elif self._failure is None:
            self._failure = error

    def _unavailable(self, error: KafkaError) -> BrokerUnavailable:
        return BrokerUnavailable(
            f"Kafka did not take an action for {self.topic}: {error.str()}; "
            f"{self.acknowledged} of {self.sent} are acknowledged",
            advice="Sending the same actions again is safe: what is decided is answered as DUPLICATE.",
        )

    def __repr__(self) -> str:
        """Show how far it is."""
        return f"ActionSender({self.topic}, sent={self.sent}, acknowledged={self.acknowledged})"
