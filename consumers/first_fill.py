"""The first fill: a long journal becomes tables where there are none yet, built as `neraca rebuild` does.

A database without the schema `neraca` has no reader whom to keep waiting, and nothing to lose. So the tables
are built in the schema of a rebuild, without the log and with their indexes made last, and get their name in
one transaction: until then they are not there, and from then on they are whole. A projector that is killed
meanwhile begins again from nothing; what it left, the next one removes.
Must not touch tables that are there, nor decide whether this projector is the active one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import psycopg

from consumers.action_topic import end_of
from consumers.journal import JournalReader
from projections import swapping
from projections.batch import unreadable
from projections.building import NEXT, Building
from projections.migrations import LIVE, hold_migrations, try_lock
from projections.tables import Position
from schemas.binary import MalformedRecordError
from schemas.hashing import sha256

# A shorter journal is followed as usual: it takes a second or two, and what is there can be seen at once.
DECISIONS_MIN: Final = 100_000

_POLL_RECORDS_MAX: Final = 4_096
_POLL_SECONDS: Final = 0.1
_KAFKA_TIMEOUT_SECONDS: Final = 15.0
_STANDBY_SECONDS: Final = 0.2
# Held by the session that builds, and gone with it.
_BUILDER_LOCK: Final = "neraca first fill"

Session = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class FirstFill:
    """What a first fill needs: both sides, and whom to tell.

    Attributes:
        kafka: Client settings that reach the broker.
        topic: The journal's topic.
        connect: Opens another session of the database.
        stop: Set when it is to end early.
        tell: Called with the reader now and then, and between the steps behind its end.
        before_commit: Called before the tables get their name; tests end the process there.

    """

    kafka: Mapping[str, str | int]
    topic: str
    connect: Callable[[], Session]
    stop: threading.Event
    tell: Callable[[JournalReader], None]
    before_commit: Callable[[], None] | None = None

    def is_worth_it(self, session: Session, decisions_min: int) -> bool:
        """Whether there are no tables, and a long journal.

        Raises:
            BrokerUnavailable: Kafka does not answer.

        """
        return (
            not swapping.schema_exists(session, LIVE)
            and end_of(self.kafka, self.topic, _KAFKA_TIMEOUT_SECONDS) >= decisions_min
        )

    def run(self, session: Session) -> Position | None:
        """Build the tables from the journal as it is now.

        `session` is the one by which this projector is the active one, and holds the place of a rebuild. It
        is idle meanwhile and may be lost alone, or fall sooner than what a killed projector had under way: so
        whoever builds waits until nobody else does, and goes by the session that builds.

        None where told to stop, where a rebuild is at work, or where somebody else made tables meanwhile.

        Raises:
            JournalMismatch: a decision cannot be read, or the journal's beginning is gone.
            BrokerUnavailable: Kafka does not answer, for good.
            psycopg.Error: as the database says.

        """
        if not swapping.try_lock_rebuild(session):
            return None
        try:
            with ExitStack() as opened:
                builder, helper = self.connect(), self.connect()
                opened.callback(builder.close)
                opened.callback(helper.close)
                if not self._wait_to_build(builder) or swapping.schema_exists(builder, LIVE):
                    return None
                swapping.drop(builder, NEXT)
                end = end_of(self.kafka, self.topic, _KAFKA_TIMEOUT_SECONDS)
                reader = JournalReader(self.kafka, self.topic, last_seq=-1, last_sha256=bytes(32), offset=0)
                opened.callback(reader.close)
                position = self._build(builder, helper, reader, end)
                return position if position is not None and self._name(builder) else None
        finally:
            # Nothing is there when it has its name, and no session when it is gone.
            if not session.closed:
                swapping.drop(session, NEXT)
                swapping.unlock_rebuild(session)

    def _wait_to_build(self, builder: Session) -> bool:
        """Wait until no other session builds; False when told to stop before."""
        while not self.stop.is_set():
            if try_lock(builder, _BUILDER_LOCK):
                return True
            self.stop.wait(_STANDBY_SECONDS)
        return False

    def _build(self, builder: Session, helper: Session, reader: JournalReader, end: int) -> Position | None:
        building = Building(builder)
        last = b""
        with ExitStack() as transaction:
            under_way = transaction.enter_context(builder.transaction())
            # Whatever happens, nobody uses the connection any more when the transaction ends.
            transaction.callback(building.close)
            building.begin()
            while reader.next_offset < end:
                if self.stop.is_set():
                    raise psycopg.Rollback(under_way)
                values = reader.take(_POLL_RECORDS_MAX, _POLL_SECONDS, end)
                if values:
                    try:
                        building.add(values)
                    except MalformedRecordError as error:
                        raise unreadable(building.next_seq, error) from error
                    last = values[-1]
                self.tell(reader)
            building.complete()
        if not last or self.stop.is_set():
            return None
        position = Position(building.next_seq - 1, sha256(last), reader.last_offset)
        for _ in building.finish(position.sha256, position.offset, helpers=[helper]):
            self.tell(reader)
            if self.stop.is_set():
                return None
        return position

    def _name(self, session: Session) -> bool:
        with session.transaction():
            hold_migrations(session)
            if swapping.schema_exists(session, LIVE):
                return False
            swapping.rename(session, NEXT, LIVE)
            if self.before_commit is not None:
                self.before_commit()
        return True
