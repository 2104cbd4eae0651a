"""Two ways to have the actions of an extract decided: by the rules alone, or through Kafka.

Both take actions in order, tell each decision, and give the balances at the end. Must not read an extract nor
write a report.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

import psycopg

from consumers.journal import JournalReader
from consumers.journal_end import find_journal_end
from ledger.engine import Engine
from ledger.state import SeenActions
from neraca.stack.topics import check_topics
from producers.extract import ExtractAction
from producers.reconciliation import Balance
from producers.submit import ActionSender
from projections import connecting
from schemas.codec import decode_decision
from schemas.errors import NeracaError
from schemas.framing import read_action_record
from schemas.ids import load_ids
from schemas.records import Decision
from schemas.topics import ACTIONS, DECISIONS

if TYPE_CHECKING:
    from neraca.settings import Settings

# Actions whose decisions are still out: bounds memory.
UNDECIDED_MAX: Final = 50_000
BATCH_DECISIONS_MAX: Final = 5_000
WAIT_SECONDS: Final = 0.05
CONNECT_SECONDS: Final = 10.0
_REFUSED_BEFORE: Final = """
SELECT refused.seq, refused.code
FROM neraca.decisions AS refused
WHERE refused.seq = ANY(%(seqs)s) AND refused.outcome = 'REFUSED' AND NOT EXISTS (
    SELECT FROM neraca.decisions AS later
    WHERE later.registration_id = refused.registration_id AND later.kind = refused.kind
    AND later.outcome = 'ACCEPTED' AND later.seq > refused.seq
) AND NOT EXISTS (
    SELECT FROM neraca.decisions AS later
    WHERE refused.registration_id IS NULL AND later.permit_id = refused.permit_id
    AND later.kind = refused.kind AND later.outcome = 'ACCEPTED' AND later.seq > refused.seq
)
"""
# What cures a refusal has occurred no later: in a first import it would have stood before the row.
_CURED: Final = """
SELECT refused.seq
FROM unnest(%(seqs)s::bigint[], %(sinces)s::bigint[]) AS asked (seq, since)
JOIN neraca.decisions AS refused ON refused.seq = asked.seq
WHERE CASE
    WHEN refused.code IN ('UNKNOWN_REGISTRATION', 'STAGE_OUT_OF_ORDER', 'UNIT_NOT_HELD') THEN EXISTS (
        SELECT FROM neraca.decisions AS cure
        WHERE cure.registration_id = refused.registration_id AND cure.outcome = 'ACCEPTED'
        AND cure.seq > asked.since AND cure.occurred_at <= refused.occurred_at
    )
    WHEN refused.code = 'OPEN_REGISTRATION_EXISTS' THEN EXISTS (
        SELECT FROM neraca.registrations AS other
        JOIN neraca.decisions AS cure ON cure.registration_id = other.registration_id
        WHERE other.person_id = refused.person_id AND cure.outcome = 'ACCEPTED'
        AND cure.kind IN ('cancelled', 'departed')
        AND cure.seq > asked.since AND cure.occurred_at <= refused.occurred_at
    )
    WHEN refused.code IN ('UNKNOWN_PERMIT', 'PERMIT_NOT_VALID', 'PERMIT_REVOKED') THEN EXISTS (
        SELECT FROM neraca.decisions AS cure
        WHERE cure.permit_id = refused.permit_id AND cure.outcome = 'ACCEPTED'
        AND cure.kind IN ('permit_issued', 'permit_extended', 'permit_reinstated')
        AND cure.seq > asked.since AND cure.occurred_at <= refused.occurred_at
    )
    WHEN refused.code = 'QUOTA_EXHAUSTED' THEN EXISTS (
        SELECT FROM neraca.postings AS cure
        WHERE cure.permit_id = refused.permit_id AND cure.to_account = 'available'
        AND cure.seq > asked.since AND cure.occurred_at <= refused.occurred_at
    )
    WHEN refused.code = 'UNKNOWN_AGENCY' THEN EXISTS (
        SELECT FROM neraca.agencies AS cure WHERE cure.seq > asked.since
    )
    ELSE false
END
"""

Tell = Callable[[ExtractAction, Decision], None]


class NoDecision(NeracaError):
    """Actions were sent, and no decision or no row came for too long."""

    retryable = True


class Deciding(Protocol):
    """What takes the actions of an extract."""

    @property
    def start_seq(self) -> int:
        """The last decision before the first action was taken; -1 where there was none."""

    @property
    def last_seq(self) -> int:
        """The last decision on an action that was taken."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, whatever happened."""

    def take(self, action: ExtractAction) -> None:
        """Have the next action decided, now or later."""

    def finish(self) -> None:
        """Wait for every decision."""

    def balances(self) -> dict[tuple[str, int], Balance]:
        """Give the accounts of every line after the last decision."""

    def refused_before(self, seqs: Sequence[int]) -> dict[int, str]:
        """Give the code of those first decisions that refused and still hold."""

    def cured(self, refusals: Sequence[tuple[int, int]]) -> set[int]:
        """Give those refusals whose cause went away after the seq that stands beside each."""


class _NothingSeen(SeenActions):
    """An extract gives each action once (its id is its content): nothing has to be remembered of millions."""

    def remember(self, action_id: bytes, content_digest: bytes, seq: int) -> None:
        """Keep nothing."""


class DryRun:
    """Decides by the rules alone, on a ledger that begins empty."""

    def __init__(self, tell: Tell) -> None:
        self._tell: Final = tell
        self._engine: Final = Engine.start(seen=_NothingSeen())
        self._taken = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""

    def take(self, action: ExtractAction) -> None:
        """Decide the next action."""
        record = read_action_record(action.avro)
        decided = self._engine.decide(
            record.action,
            record.avro,
            record.digest,
            self._taken,
            record.action.entered_at,
            record.action.entered_offset_minutes,
        )
        self._taken += 1
        self._tell(action, decided)

    def finish(self) -> None:
        """Have nothing to wait for."""

    def balances(self) -> dict[tuple[str, int], Balance]:
        """Give the accounts of every line."""
        return {
            (permit_id, number): Balance(
                int(line.granted),
                int(line.available),
                int(line.reserved),
                int(line.departed),
                int(line.forfeited),
            )
            for permit_id, permit in self._engine.state.permits.items()
            for number, line in permit.lines.items()
        }

    @property
    def start_seq(self) -> int:
        """Nothing was decided before."""
        return -1

    @property
    def last_seq(self) -> int:
        """The last decision on an action that was taken."""
        return self._taken - 1

    def refused_before(self, seqs: Sequence[int]) -> dict[int, str]:
        """Give nothing: a ledger that begins empty has no decision before."""
        del seqs
        return {}

    def cured(self, refusals: Sequence[tuple[int, int]]) -> set[int]:
        """Give nothing: every row came in its turn."""
        del refusals
        return set()

    def __repr__(self) -> str:
        """Show how far it is."""
        return f"DryRun({self._taken} decided)"


class ThroughKafka:
    """Sends to the topic of actions and follows the journal; balances come from PostgreSQL once it has them.

    Decisions are matched by the offset that the broker gave each action, in the order sent.
    """

    def __init__(self, settings: Settings, tell: Tell, *, timeout_seconds: float) -> None:
        """Connect.

        Raises:
            NeracaError: Kafka does not answer, or its topics are not there.

        """
        kafka: dict[str, str | int] = {"log_level": 0, **settings.kafka_config()}
        check_topics(kafka, settings.topic_prefix, [ACTIONS, DECISIONS], timeout_seconds=CONNECT_SECONDS)
        journal = DECISIONS.under(settings.topic_prefix)
        # Before the first action is sent, so that no decision on one can be missed.
        end = find_journal_end(kafka, journal, CONNECT_SECONDS)
        self._reader: Final = JournalReader(
            kafka, journal, last_seq=end.seq, last_sha256=end.sha256, offset=end.offset
        )
        self._sender: Final = ActionSender(
            kafka,
            ACTIONS.under(settings.topic_prefix),
            load_ids(None),
            self._acknowledged,
            timeout_seconds=timeout_seconds,
        )
        self._settings: Final = settings
        self._tell: Final = tell
        self._timeout_seconds: Final = timeout_seconds
        self._sent: Final[deque[ExtractAction]] = deque()
        self._awaited: Final[dict[int, ExtractAction]] = {}
        # A decision can be read before the acknowledgement of its action; then it waits here.
        self._early: Final[dict[int, Decision]] = {}
        self._decided = 0
        self._last_seq = self._start_seq = int(end.seq)
        self._moved_at = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give up what is not sent where something went wrong, and close."""
        if kind is not None:
            self._sender.abandon()
        self._reader.close()

    def take(self, action: ExtractAction) -> None:
        """Send the next action, waiting where too many are undecided.

        Raises:
            BrokerUnavailable: Kafka does not take it.
            NoDecision: nobody decides.

        """
        while self._sender.sent - self._decided >= UNDECIDED_MAX:
            self._step(WAIT_SECONDS)
        if self._sender.sent == self._decided:
            # Reading the extract may have taken long: waiting for a decision begins now.
            self._moved_at = time.monotonic()
        self._sent.append(action)
        self._sender.send(read_action_record(action.avro))
        if self._sender.sent % BATCH_DECISIONS_MAX == 0:
            self._step(0)

    def finish(self) -> None:
        """Wait for every decision.

        Raises:
            NoDecision: none came for too long.

        """
        while self._decided < self._sender.sent:
            self._step(WAIT_SECONDS)

    def balances(self) -> dict[tuple[str, int], Balance]:
        """Give the accounts of every line, as PostgreSQL has them after the last decision.

        Raises:
            NoDecision: the projector does not get there.

        """
        with self._database() as database:
            self._wait_for_rows(database)
            rows = database.execute(
                "SELECT permit_id, line, granted, available, reserved, departed, forfeited"
                " FROM neraca.quota_balances"
            )
            return {(row[0], row[1]): Balance(*row[2:]) for row in rows}

    @property
    def start_seq(self) -> int:
        """The last decision before the first action was taken; -1 where there was none."""
        return self._start_seq

    @property
    def last_seq(self) -> int:
        """The last decision on an action that was taken."""
        return self._last_seq

    def refused_before(self, seqs: Sequence[int]) -> dict[int, str]:
        """Give the code of those first decisions that refused and still hold.

        Raises:
            NoDecision: the projector does not get there.

        """
        with self._database() as database:
            self._wait_for_rows(database)
            return dict(database.execute(_REFUSED_BEFORE, {"seqs": list(seqs)}).fetchall())

    def cured(self, refusals: Sequence[tuple[int, int]]) -> set[int]:
        """Give those refusals whose cause went away after the seq that stands beside each.

        Raises:
            NoDecision: the projector does not get there.

        """
        asked = {"seqs": [seq for seq, _ in refusals], "sinces": [since for _, since in refusals]}
        with self._database() as database:
            self._wait_for_rows(database)
            return {row[0] for row in database.execute(_CURED, asked)}

    @contextmanager
    def _database(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with (
            connecting.told(
                "every action is decided, but nothing can be compared, since PostgreSQL does not answer",
                "See `neraca status`. Importing again is safe: it adds nothing.",
            ),
            connecting.connect(self._settings.postgres_dsn(), autocommit=True) as database,
        ):
            yield database

    def _wait_for_rows(self, database: psycopg.Connection[tuple[Any, ...]]) -> None:
        moved_at, last = time.monotonic(), -2
        while True:
            try:
                row = database.execute("SELECT max(seq) FROM neraca.projection_positions").fetchone()
            except psycopg.errors.UndefinedTable:
                row = None
            seq = -1 if row is None or row[0] is None else int(row[0])
            if seq >= self._last_seq:
                return
            now = time.monotonic()
            if seq != last:
                moved_at, last = now, seq
            elif now - moved_at > self._timeout_seconds:
                raise NoDecision(
                    f"every action is decided, but PostgreSQL stands at seq {seq} of {self._last_seq}",
                    advice="See `neraca status`: is a projector running? Importing again is safe.",
                )
            time.sleep(WAIT_SECONDS)

    def _step(self, wait_seconds: float) -> None:
        decided = self._decided
        self._sender.poll(0)
        for entry in self._reader.poll(BATCH_DECISIONS_MAX, wait_seconds):
            decision = decode_decision(entry.value)
            action = self._awaited.pop(int(decision.action_offset), None)
            if action is not None:
                self._take_decision(action, decision)
            elif self._sender.in_flight:
                self._early[int(decision.action_offset)] = decision
        now = time.monotonic()
        if self._decided != decided or self._decided == self._sender.sent:
            self._moved_at = now
        elif now - self._moved_at > self._timeout_seconds:
            raise NoDecision(
                f"no decision came for {self._timeout_seconds:.0f} seconds; {self._decided} of "
                f"{self._sender.sent} actions are decided",
                advice="See `neraca status`: is a decider running? Importing again is safe.",
            )

    def _acknowledged(self, offset: int) -> None:
        self._moved_at = time.monotonic()
        action = self._sent.popleft()
        decision = self._early.pop(offset, None)
        if decision is None:
            self._awaited[offset] = action
        else:
            self._take_decision(action, decision)
        # Acknowledgements come in the order of offsets: what lies before this one is somebody else's.
        for other in [early for early in self._early if early < offset]:
            del self._early[other]

    def _take_decision(self, action: ExtractAction, decision: Decision) -> None:
        self._decided += 1
        self._last_seq = max(self._last_seq, int(decision.seq))
        self._tell(action, decision)

    def __repr__(self) -> str:
        """Show how far it is."""
        return f"ThroughKafka({self._sender.sent} sent, {self._decided} decided)"
