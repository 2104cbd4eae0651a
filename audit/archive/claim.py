"""Sees to it that one ledger is restored by one process at a time, wherever the second one runs.

What two restores would spoil are topics, so the broker knows who is at it: whoever restores is the member of
a consumer group. A member that was killed is forgotten after its session, and leaves nothing behind that
somebody would have to take away. Must not read or write a record.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from consumers.journal import CLIENT_LOG_LEVEL, PASSING
from schemas.errors import BrokerUnavailable, NeracaError
from schemas.topics import CHECKPOINTS

# The shortest that a broker allows by default: so long a restore that was killed bars the next one.
SESSION_MS: Final = 6_000
# The longest that the client knows: it is not polled while it works, and its heart beats by itself.
_NEVER_MS: Final = 86_400_000
_MARGIN_SECONDS: Final = 2.0
_JOIN_SECONDS: Final = 30.0
_REQUEST_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1


class RestoreRunning(NeracaError):
    """Another process restores into these topics."""

    retryable = True


class Claim:
    """The right to restore into the topics of one prefix; it ends with `close`, or with the process."""

    def __init__(self, kafka: Mapping[str, str | int], topic_prefix: str, admin: AdminClient) -> None:
        """Claim nothing yet."""
        self._prefix: Final = topic_prefix
        self._group: Final = f"{topic_prefix}neraca-restore"
        self._kafka: Final = kafka
        self._admin: Final = admin
        self._member: Consumer | None = None
        self._patient_until: float | None = None

    def take(self) -> None:
        """Claim the topics; nothing where they are claimed by this already.

        Raises:
            RestoreRunning: another process has them.
            BrokerUnavailable: Kafka does not answer.

        """
        if self._member is not None:
            return
        # One that was killed a moment ago is still counted: wait for the end of its session.
        if self._patient_until is None:
            self._patient_until = time.monotonic() + SESSION_MS / 1000 + _MARGIN_SECONDS
        while members_of(self._admin, self._group):
            if time.monotonic() > self._patient_until:
                raise self._running()
            time.sleep(_POLL_SECONDS)
        self._member = self._join()
        # Of two that began in the same moment neither goes on: nothing was written, either may try again.
        if members_of(self._admin, self._group) > 1:
            self.close()
            raise self._running()

    def close(self) -> None:
        """Let the topics go."""
        if self._member is not None:
            self._member.close()
            self._member = None

    def _join(self) -> Consumer:
        joined = []
        member = Consumer(
            {
                "log_level": CLIENT_LOG_LEVEL,
                **self._kafka,
                "group.id": self._group,
                "session.timeout.ms": SESSION_MS,
                "max.poll.interval.ms": _NEVER_MS,
                "enable.auto.commit": False,
            }
        )

        def on_assign(consumer: Consumer, _partitions: object) -> None:
            joined.append(True)
            # It reads nothing.
            consumer.assign([])

        # A topic that a restore neither writes nor makes anew.
        member.subscribe([CHECKPOINTS.under(self._prefix)], on_assign=on_assign)
        deadline = time.monotonic() + _JOIN_SECONDS
        while not joined:
            if time.monotonic() > deadline:
                member.close()
                raise BrokerUnavailable(f"the broker let nobody into the group {self._group} in time")
            member.poll(_POLL_SECONDS)
        return member

    def _running(self) -> RestoreRunning:
        return RestoreRunning(
            f"another `neraca restore` is at work on the topics {self._prefix}placement.*"
            if self._prefix
            else "another `neraca restore` is at work on these topics",
            advice="Let that one end, or stop it; run this one again afterwards, and it goes on behind what "
            "is there.",
        )

    def __repr__(self) -> str:
        """Show for which topics, and whether it is held."""
        return f"Claim({self._group}, {'held' if self._member is not None else 'not held'})"


def members_of(admin: AdminClient, group: str, patience_seconds: float = 60.0) -> int:
    """Count the members of a consumer group; a broker that has just started is asked until it knows.

    Raises:
        BrokerUnavailable: it does not tell.

    """
    deadline = time.monotonic() + patience_seconds
    while True:
        (answer,) = admin.describe_consumer_groups([group], request_timeout=_REQUEST_SECONDS).values()
        try:
            return len(answer.result().members)
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.GROUP_ID_NOT_FOUND:
                return 0
            if code not in PASSING or time.monotonic() > deadline:
                raise BrokerUnavailable(
                    f"the broker does not tell who is in the group {group}: {error.args[0]}"
                ) from error
        time.sleep(_POLL_SECONDS)
