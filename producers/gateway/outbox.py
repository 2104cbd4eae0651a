"""Actions on their way to Kafka, seen from an event loop: hand one over, get the offset that the broker gave
it.

A thread of its own takes acknowledgements in. It knows nothing of decisions. A broker that does not answer is
noticed before the next action is handed over, so that a client hears "nothing was recorded" and not
"unknown".
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.framing import ActionRecord, frame_action
from schemas.ids import SchemaIds

# What the broker has not taken by then is given up; the client hears "unknown" a little later.
MESSAGE_TIMEOUT_MS: Final = 4_000
POLL_SECONDS: Final = 0.05
PROBE_TIMEOUT_SECONDS: Final = 1.0
PROBE_EVERY_SECONDS: Final = 0.25
FLUSH_SECONDS: Final = 10.0


class OutboxFull(Exception):
    """The producer holds as many actions as it may."""


class NotSent(Exception):
    """Kafka does not answer, and nothing was handed over."""


class NotAcknowledged(Exception):
    """The action was handed over, and nobody can say whether the broker has it."""


class Outbox:
    """The producer of one gateway.

    Attributes:
        acknowledged: Actions that the broker has for good.
        failed: Actions whose end is unknown.

    """

    def __init__(self, kafka: Mapping[str, str | int], topic: str, ids: SchemaIds) -> None:
        self.topic: Final = topic
        self.acknowledged = 0
        self.failed = 0
        self._ids: Final = ids
        self._loop = asyncio.get_running_loop()
        self._unreachable = False
        self._fatal: KafkaError | None = None
        self._doubtful: Final = threading.Event()
        self._stopping: Final = threading.Event()
        self._producer: Final = Producer(
            {
                "log_level": 0,
                # One request, one action: there is nothing to wait for.
                "linger.ms": 0,
                "queue.buffering.max.messages": 20_000,
                "socket.nagle.disable": True,
                "retry.backoff.ms": 50,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 1_000,
                **kafka,
                "enable.idempotence": True,
                "acks": "all",
                "message.timeout.ms": MESSAGE_TIMEOUT_MS,
                "error_cb": self._on_error,
            }
        )
        self._thread: Final = threading.Thread(target=self._poll, name="gateway outbox", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"Outbox({self.topic}, {len(self._producer)} on their way, acknowledged={self.acknowledged})"

    @property
    def is_reachable(self) -> bool:
        """Whether the broker answered when it was last asked."""
        return not self._unreachable

    @property
    def fatal(self) -> str | None:
        """Why this producer can never send again, if so."""
        return None if self._fatal is None else self._fatal.str()

    def hand_over(self, record: ActionRecord) -> asyncio.Future[int]:
        """Hand one action over; the future gives its offset, or `NotAcknowledged`.

        Raises:
            NotSent: Kafka does not answer; nothing was handed over.
            OutboxFull: too many are on their way.

        """
        if self._unreachable or self._fatal is not None:
            raise NotSent
        future: asyncio.Future[int] = self._loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is gone: so is whoever waited.
                self._loop.call_soon_threadsafe(self._settle, future, error, message.offset())

        try:
            self._producer.produce(
                self.topic, frame_action(record, self._ids), partition=0, on_delivery=delivered
            )
        except BufferError:
            raise OutboxFull from None
        except KafkaException as error:
            raise NotSent from error
        return future

    def _settle(self, future: asyncio.Future[int], error: KafkaError | None, offset: int | None) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self.failed += 1
        if future.done():
            return
        if error is None:
            future.set_result(offset or 0)
        else:
            self._doubtful.set()
            future.set_exception(NotAcknowledged())

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        self._doubtful.set()

    def _poll(self) -> None:
        """Take acknowledgements in; ask the broker whether it is there whenever that is in doubt."""
        while not self._stopping.is_set():
            self._producer.poll(POLL_SECONDS)
            if self._doubtful.is_set():
                self._doubtful.clear()
                self._unreachable = not self._answers()
            elif self._unreachable:
                self._stopping.wait(PROBE_EVERY_SECONDS)
                self._unreachable = not self._answers()

    def _answers(self) -> bool:
        try:
            self._producer.list_topics(self.topic, timeout=PROBE_TIMEOUT_SECONDS)
        except KafkaException:
            return False
        return True

    async def close(self) -> None:
        """Wait for what is on its way, then stop."""
        await asyncio.to_thread(self._producer.flush, FLUSH_SECONDS)
        self._stopping.set()
        await asyncio.to_thread(self._thread.join)
