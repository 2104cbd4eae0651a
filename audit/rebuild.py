"""Every projection again from the journal, beside the live tables: built, compared, swapped, swapped back.

Nothing stops meanwhile: the projector goes on, and readers read. What is built is invisible until the swap;
a rebuild that was killed leaves at most a schema that the next one removes before it begins anew.
The order of things lies here; how tables are built, compared and exchanged lies in `projections/`.
Must not judge the journal: `neraca verify` does.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final, Self

import psycopg

from audit.source import Source
from consumers.journal import FRAME_BYTES, Entry, JournalReader
from projections import comparison, connecting, swapping, tables
from projections.batch import Batch, unreadable
from projections.building import NEXT, Building
from projections.comparison import Content, Definitions, RowDifference
from projections.migrations import LIVE, is_of_this_program, migrate, own_names
from projections.swapping import ASIDE, KEPT, Exchanged, Reader
from projections.tables import Position, PositionMovedError
from schemas.binary import MalformedRecordError
from schemas.errors import BrokerUnavailable, JournalMismatch, NeracaError
from schemas.hashing import sha256
from schemas.topics import DECISIONS

FOLLOW_DECISIONS_MAX: Final = 20_000
POLL_SECONDS: Final = 0.2
# A decision that the live tables hold is on the topic; if it does not come in this time, it never will.
SILENCE_SECONDS_MAX: Final = 15.0
# The swap begins when the new tables are so near that the projector waits for milliseconds.
NEAR_DECISIONS: Final = 2_000
# How long the projector is held while readers of an older snapshot end, and how often that is looked at.
SNAPSHOTS_SECONDS_MAX: Final = 1.0
SNAPSHOTS_LOOK_SECONDS: Final = 0.002
SWAP_PAUSE_SECONDS: Final = 0.25
SWAP_SECONDS_MAX: Final = 60.0

Session = psycopg.Connection[tuple[object, ...]]
# What is being done, how much of it is done, and how much there is (0: nobody knows).
Tell = Callable[[str, int, int], None]

_GIVES_WAY: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
)


class RebuildRunning(NeracaError):
    """Another rebuild of this database is at work."""

    retryable = True


class RebuildRefused(NeracaError):
    """What was asked cannot be done with the tables that there are."""


class SwapBlocked(NeracaError):
    """Somebody read for so long that the tables could not be swapped; nothing was changed."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are: the database, and the topics behind its live tables.

    Attributes:
        postgres_dsn: Connection string of the database.
        kafka: Client settings that reach the broker; None: there is none, and the source has to be enough.
        topic_prefix: Put before every topic's name.

    """

    postgres_dsn: str = field(repr=False)
    kafka: Mapping[str, str | int] | None = field(repr=False)
    topic_prefix: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted.

    Attributes:
        only: The one table to rebuild; None: all.
        check: Compare only.
        accept_differences: Swap although the tables differ.
        swap_seconds_max: How long readers may keep the swap waiting.

    """

    only: str | None = None
    check: bool = False
    accept_differences: bool = False
    swap_seconds_max: float = SWAP_SECONDS_MAX


@dataclass(frozen=True, slots=True)
class TableResult:
    """One table on both sides; `difference` where their contents are not the same."""

    table: str
    live: Content
    rebuilt: Content
    difference: RowDifference | None


@dataclass(slots=True)
class Result:
    """What a rebuild found and did.

    Attributes:
        seq: The decision that the tables were compared at, or built up to where there was nothing to compare.
        built: How many decisions the tables were built from, before they followed.
        tables: Each table on both sides; empty where there was nothing to compare.
        uncompared: Why nothing was compared; None where it was.
        was_empty: Whether there was nothing to compare with.
        only_live: Tables and columns that the live side alone has.
        only_rebuilt: Tables and columns that the new side alone has.
        swapped_at: The decision that both sides stood at when they were exchanged; None where they were not.
        exchanged: What else the swap touched.
        seconds: How long each step took.
        held_ms: How long the projector waited for the swap that succeeded.

    """

    seq: int = -1
    built: int = 0
    tables: list[TableResult] = field(default_factory=list)
    uncompared: str | None = None
    was_empty: bool = False
    only_live: tuple[str, ...] = ()
    only_rebuilt: tuple[str, ...] = ()
    swapped_at: int | None = None
    exchanged: Exchanged = field(default_factory=Exchanged)
    seconds: dict[str, float] = field(default_factory=dict)
    held_ms: float = 0.0

    @property
    def differences(self) -> list[TableResult]:
        """The tables whose contents differ."""
        return [one for one in self.tables if one.live != one.rebuilt]

    @property
    def is_different(self) -> bool:
        """Whether anything differs, or could not be compared although it is there."""
        return bool(self.differences) or (self.uncompared is not None and not self.was_empty)


def _quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def rebuild(place: Place, source: Source, wish: Wish | None = None, tell: Tell = _quiet) -> Result:
    """Build the tables anew from a source, compare them with the live ones, and swap them.

    Raises:
        RebuildRunning: another one is at work.
        RebuildRefused: the live tables belong to somebody else, or `only` names none.
        SwapBlocked: readers did not let go in time.
        JournalMismatch: the journal does not lead to where the live tables stand.
        BrokerUnavailable, DatabaseUnavailable: one of them does not answer.

    """
    with _Rebuilding(place, wish or Wish(), tell) as work:
        return work.rebuild(source)


def roll_back(place: Place, wish: Wish | None = None, tell: Tell = _quiet) -> Result:
    """Swap the tables that were kept for the live ones, after bringing them up to date.

    Raises:
        RebuildRefused: none are kept, or another version of neraca made them.
        RebuildRunning, SwapBlocked, JournalMismatch, BrokerUnavailable, DatabaseUnavailable: as `rebuild`.

    """
    with _Rebuilding(place, wish or Wish(), tell) as work:
        return work.roll_back()


def drop_kept(place: Place) -> bool:
    """Remove the tables that were kept; False where none are.

    Raises:
        RebuildRefused: something that is not ours would go with them.
        RebuildRunning, DatabaseUnavailable: as `rebuild`.

    """
    with _Rebuilding(place, Wish(), _quiet) as work:
        return work.drop_kept()


class _Rebuilding:
    """One run: a session that swaps, and one that builds."""

    def __init__(self, place: Place, wish: Wish, tell: Tell) -> None:
        self._place: Final = place
        self._wish: Final = wish
        self._tell: Final = tell
        self._topic: Final = DECISIONS.under(place.topic_prefix)
        self._open: Final = contextlib.ExitStack()
        self._result: Final = Result()

    def __enter__(self) -> Self:
        with _database_errors():
            self._control = self._connect("neraca rebuild")
            if not swapping.try_lock_rebuild(self._control):
                self._open.close()
                raise RebuildRunning(
                    "another rebuild of these tables is at work, or a projector's first fill",
                    advice="Wait for its end; it holds its place by its connection, so a dead one has none.",
                )
            # What a killed one left.
            swapping.drop(self._control, NEXT)
            swapping.drop(self._control, ASIDE)
        return self

    def __exit__(self, *_: object) -> None:
        # With the connections goes whatever was not committed.
        self._open.close()

    def _connect(self, name: str) -> Session:
        connection = connecting.connect(
            self._place.postgres_dsn,
            autocommit=True,
            application_name=name,
            options="-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0",
        )
        self._open.callback(connection.close)
        return connection

    def rebuild(self, source: Source) -> Result:
        with _database_errors():
            self._prepare()
            builder = self._connect("neraca rebuild")
            try:
                self._rebuild(builder, source)
            finally:
                # A build that did not end goes with its connection, one that was not wanted goes here.
                builder.close()
                with contextlib.suppress(psycopg.Error):
                    swapping.drop(self._control, NEXT)
        return self._result

    def _prepare(self) -> None:
        if (owner := swapping.owner_of(self._control, LIVE)) is not None:
            raise RebuildRefused(
                f"the tables belong to {owner}, and what is built here would belong to somebody else",
                advice=f"Connect as {owner}: NERACA_POSTGRES_DSN.",
            )
        if not swapping.schema_exists(self._control, LIVE):
            migrate(self._control)
        if not self._wish.check:
            # A swap removes what the one before kept.
            self._refuse_to_remove_of_others()
        only = self._wish.only
        if only is None:
            return
        found, own = swapping.tables_of(self._control, LIVE), own_names()
        known = [name for name in found if name in own and name not in comparison.NOT_CONTENT]
        if only not in known:
            raise RebuildRefused(f"there is no table {only}", advice=f"The tables are: {', '.join(known)}.")
        if tables.read_position(self._control).seq < 0:
            raise RebuildRefused(
                "the tables are empty, so there is nothing that one alone would fit",
                advice="Rebuild all of them: leave out --only.",
            )
        if not is_of_this_program(self._control, LIVE):
            raise RebuildRefused(
                "the tables were made by another version of neraca, so one alone cannot be exchanged",
                advice="Rebuild all of them: leave out --only.",
            )

    def _refuse_to_remove_of_others(self) -> None:
        others = swapping.of_others(self._control, KEPT)
        if others:
            raise RebuildRefused(
                f"with the tables that the last swap kept, in {KEPT}, would go what is not of neraca: "
                + ", ".join(others),
                advice="What reads them from outside: drop it and make it again, on the tables in neraca. "
                f"What was put beside them: ALTER TABLE {KEPT}.… SET SCHEMA …, or drop it.",
            )

    def _rebuild(self, builder: Session, source: Source) -> None:
        wish, result = self._wish, self._result
        live = tables.read_position(self._control)
        built = self._build(builder, source, None if live.seq < 0 else live.seq)
        result.seq, result.built, result.was_empty = built.seq, built.seq + 1, live.seq < 0
        names = None if wish.only is None else [wish.only]
        follower = _Follower(builder, NEXT, names, self._place.kafka, self._topic, built)
        self._open.callback(follower.close)
        if live.seq < 0:
            result.uncompared = "the live tables were empty"
        else:
            with self._step("comparing"):
                self._compare(builder, follower)
        if wish.check or (result.is_different and not wish.accept_differences):
            return
        with self._step("swapping"):
            self._swap(follower, NEXT, names, may_lead=live.seq < 0, may_lag=wish.accept_differences)

    def _build(self, builder: Session, source: Source, last_seq: int | None) -> Position:
        """Build up to that decision, or to the end of the source, and commit."""
        only = None if self._wish.only is None else {self._wish.only}
        building = Building(builder, only=only)
        same = is_of_this_program(self._control, LIVE)
        with contextlib.ExitStack() as opened, _no_search_for_cycles():
            with self._step("building"), contextlib.ExitStack() as transaction:
                transaction.enter_context(builder.transaction())
                # Whatever happens, nobody uses the connection any more when the transaction ends.
                transaction.callback(building.close)
                position = self._load(building, source, last_seq)
            with self._step("indexing"):
                helper = self._connect("neraca rebuild")
                opened.callback(helper.close)
                for what in building.finish(
                    position.sha256, position.offset, helpers=[helper], like=LIVE if same else None
                ):
                    self._tell(what, 0, 0)
        return position

    def _load(self, building: Building, source: Source, last_seq: int | None) -> Position:
        """Give the decisions of a source to the tables under construction; answers where they end."""
        total = source.extent().decisions if last_seq is None else last_seq + 1
        building.begin()
        last = b""
        for values in source.decisions():
            wanted = values if last_seq is None else values[: last_seq + 1 - building.next_seq]
            if not wanted:
                break
            try:
                building.add(wanted)
            except MalformedRecordError as error:
                raise unreadable(building.next_seq, error) from error
            last = wanted[-1]
            self._tell("building", building.next_seq, total)
        building.complete()
        position = Position(building.next_seq - 1, sha256(last) if last else bytes(32), -1)
        return replace(position, offset=self._offset_of(position))

    def _offset_of(self, position: Position) -> int:
        """Say where on the topic a decision stands; if nobody can tell, where it would without gaps."""
        if position.seq < 0:
            return -1
        live = tables.read_position(self._control)
        if (live.seq, live.sha256) == (position.seq, position.sha256):
            return live.offset
        if self._place.kafka is None:
            return position.seq
        try:
            found = _find_offset(self._place.kafka, self._topic, position)
        except BrokerUnavailable:
            found = None
        return position.seq if found is None else found

    def _compare(self, builder: Session, follower: _Follower) -> None:
        result = self._result
        reader = self._connect("neraca rebuild")
        with reader.transaction():
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            live = tables.read_position(reader)
            self._tell("following", follower.position.seq, live.seq)
            follower.follow_to(live.seq)
            ours = follower.position.seq
            result.seq = ours
            if ours != live.seq:
                result.uncompared = f"the live tables stand at seq {live.seq}, and the journal ends at {ours}"
                return
            with builder.transaction():
                builder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                definitions = comparison.compare_definitions(reader, LIVE, builder, NEXT)
                self._compare_tables(reader, builder, definitions)
            if follower.position.sha256 != live.sha256:
                result.tables.append(_other_journal(live, follower.position))
        reader.close()

    def _compare_tables(self, live: Session, rebuilt: Session, definitions: Definitions) -> None:
        result, only = self._result, self._wish.only
        if only is None:
            result.only_live, result.only_rebuilt = definitions.only_live, definitions.only_rebuilt
        shapes = [shape for shape in definitions.shapes if only is None or shape.table == only]
        with ThreadPoolExecutor(max_workers=2, thread_name_prefix="rebuild compare") as side:

            def contents(session: Session, schema: str) -> Iterator[Content]:
                """Each in its turn: a session answers one question at a time."""
                return iter([comparison.content_of(session, schema, shape) for shape in shapes])

            ours = side.submit(contents, live, LIVE)
            theirs = side.submit(contents, rebuilt, NEXT)
            pairs = list(zip(shapes, ours.result(), theirs.result(), strict=True))
        for number, (shape, one, other) in enumerate(pairs):
            self._tell(f"comparing {shape.table}", number, len(pairs))
            difference = (
                None if one == other else comparison.first_difference(live, LIVE, rebuilt, NEXT, shape)
            )
            result.tables.append(TableResult(shape.table, one, other, difference))

    def roll_back(self) -> Result:
        with _database_errors():
            if not swapping.schema_exists(self._control, KEPT):
                raise RebuildRefused(
                    "no tables are kept from before",
                    advice="A swap of `neraca rebuild` keeps those before it.",
                )
            kept = swapping.tables_of(self._control, KEPT)
            names = (
                None
                if "schema_migrations" in kept
                else [name for name in kept if name != "projection_positions" and name in own_names()]
            )
            position = tables.read_position(self._control, schema=KEPT)
            own = is_of_this_program(self._control, KEPT if names is None else LIVE)
            if not own and not (self._wish.accept_differences and names is None):
                behind = tables.read_position(self._control).seq - position.seq
                raise RebuildRefused(
                    f"the tables that are kept stand at seq {position.seq}, {behind:,} behind, and another "
                    "version of neraca made them",
                    advice="Run that version's `neraca rebuild --rollback`, which can bring them up to date. "
                    "Or --accept-differences: they are swapped as they are, and its projector goes on there.",
                )
            builder = self._connect("neraca rebuild")
            follower = _Follower(builder, KEPT, names, self._place.kafka, self._topic, position)
            self._open.callback(follower.close)
            if own:
                follower.open()
                live = tables.read_position(self._control)
                with self._step("following"):
                    follower.follow_to(live.seq, lambda seq: self._tell("following", seq, live.seq))
            self._result.uncompared = "a rollback compares nothing"
            with self._step("swapping"):
                self._swap(follower, KEPT, names, may_lead=False, may_lag=self._wish.accept_differences)
            self._result.seq = follower.position.seq
        return self._result

    def drop_kept(self) -> bool:
        with _database_errors():
            if not swapping.schema_exists(self._control, KEPT):
                return False
            self._refuse_to_remove_of_others()
            swapping.drop(self._control, KEPT)
        return True

    def _swap(
        self,
        follower: _Follower,
        incoming: str,
        names: Collection[str] | None,
        *,
        may_lead: bool,
        may_lag: bool,
    ) -> None:
        deadline = time.monotonic() + self._wish.swap_seconds_max
        pause = SWAP_PAUSE_SECONDS
        while True:
            self._tell("swapping", 0, 0)
            self._come_near(follower)
            blocked: list[Reader] = []
            try:
                if self._try_swap(follower, incoming, names, blocked, may_lead=may_lead, may_lag=may_lag):
                    swapping.drop(self._control, ASIDE)
                    return
            except _GIVES_WAY as error:
                reason = type(error).__name__
            else:
                reason = "; ".join(map(str, blocked))
            if time.monotonic() > deadline:
                raise SwapBlocked(
                    f"readers kept the swap waiting for {self._wish.swap_seconds_max:.0f} seconds: {reason}",
                    advice="Nothing was changed. End the transaction that stays open, and run it again.",
                )
            # The projector has its turn, and readers end.
            time.sleep(pause)
            pause = min(pause * 2, 4.0)

    def _come_near(self, follower: _Follower) -> None:
        """Follow until little is left to do while the projector waits."""
        while follower.is_open:
            live = tables.read_position(self._control)
            distance = live.seq - follower.position.seq
            if distance <= 0 or not follower.follow_to(live.seq) or distance <= NEAR_DECISIONS:
                return

    def _try_swap(
        self,
        follower: _Follower,
        incoming: str,
        names: Collection[str] | None,
        blocked: list[Reader],
        *,
        may_lead: bool,
        may_lag: bool,
    ) -> bool:
        """Exchange the tables, or change nothing and tell who reads."""
        control = self._control
        with control.transaction() as transaction:
            started = time.perf_counter()
            swapping.hold_projector(control)
            live = tables.read_position(control)
            follower.follow_to(live.seq)
            here = follower.position
            # One table alone has to stand where the others do.
            may_lag = may_lag and names is None
            if (here.seq < live.seq and not may_lag) or (here.seq > live.seq and not may_lead):
                raise JournalMismatch(
                    f"the tables to swap in stand at seq {here.seq}, and the live ones at {live.seq}",
                    seq=here.seq,
                    advice="The journal does not lead from one to the other: see `neraca verify`.",
                )
            blocked += self._older_readers(follower)
            if blocked:
                raise psycopg.Rollback(transaction)
            swapping.lock_readers_out(control)
            if not is_of_this_program(control, LIVE):
                tables.end_leader(control)
            if names is None:
                self._result.exchanged = swapping.exchange(control, incoming)
            else:
                self._result.exchanged = swapping.exchange_tables(control, incoming, names)
        if blocked:
            return False
        self._result.held_ms = (time.perf_counter() - started) * 1000
        self._result.swapped_at = here.seq
        return True

    def _older_readers(self, follower: _Follower) -> list[Reader]:
        """Wait for the snapshots that there are now; gives those that did not end in time."""
        own = [self._control.info.backend_pid, follower.backend_pid]
        before = set(swapping.older_snapshots(self._control, own))
        deadline = time.monotonic() + SNAPSHOTS_SECONDS_MAX
        while before and time.monotonic() < deadline:
            time.sleep(SNAPSHOTS_LOOK_SECONDS)
            now = {(one.pid, one.began) for one in swapping.older_snapshots(self._control, own)}
            before = {one for one in before if (one.pid, one.began) in now}
        return sorted(before, key=lambda one: one.pid)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - started
            self._result.seconds[name] = self._result.seconds.get(name, 0.0) + took


class _Follower:
    """Brings tables that are not live up to a `seq` of the live ones, from the topic."""

    def __init__(
        self,
        connection: Session,
        schema: str,
        only: Collection[str] | None,
        kafka: Mapping[str, str | int] | None,
        topic: str,
        position: Position,
    ) -> None:
        self._connection: Final = connection
        self._schema: Final = schema
        self._only: Final = only
        self._kafka: Final[Mapping[str, str | int] | None] = kafka
        self._topic: Final = topic
        self._reader: JournalReader | None = None
        self._waiting: list[Entry] = []
        self.is_open = schema == NEXT
        self.position = position

    @property
    def backend_pid(self) -> int:
        """The process of PostgreSQL that works for it."""
        return self._connection.info.backend_pid

    def open(self) -> None:
        """Prepare the connection for loading; the one that built is."""
        tables.open_session(self._connection, schema=self._schema, only=self._only)
        self.is_open = True

    def follow_to(self, seq: int, tell: Callable[[int], None] | None = None) -> bool:
        """Apply the decisions up to that one; False where the journal does not have them all."""
        if self.position.seq >= seq or not self.is_open or self._kafka is None:
            return self.position.seq >= seq
        if self._reader is None:
            self._reader = JournalReader(
                self._kafka,
                self._topic,
                last_seq=self.position.seq,
                last_sha256=self.position.sha256,
                offset=self.position.offset + 1,
            )
        silent_since = time.monotonic()
        while self.position.seq < seq:
            if not self._waiting:
                self._waiting = self._reader.poll(FOLLOW_DECISIONS_MAX, POLL_SECONDS)
            if self._waiting:
                silent_since = time.monotonic()
                wanted = seq - self.position.seq
                self._apply(self._waiting[:wanted])
                self._waiting = self._waiting[wanted:]
                if tell is not None:
                    tell(self.position.seq)
            elif self._reader.at_end:
                return False
            elif time.monotonic() - silent_since > SILENCE_SECONDS_MAX:
                raise BrokerUnavailable(
                    f"the journal {self._topic} gave nothing behind seq {self.position.seq} for "
                    f"{SILENCE_SECONDS_MAX:.0f} seconds",
                    advice="Is the broker up (`neraca status`)?",
                )
        return True

    def _apply(self, entries: list[Entry]) -> None:
        batch = Batch(self.position.seq + 1)
        try:
            batch.add_values([entry.value for entry in entries])
        except MalformedRecordError as error:
            raise unreadable(batch.next_seq, error) from error
        prepared = tables.prepare(batch, entries[-1].offset)
        try:
            tables.apply(self._connection, prepared, schema=self._schema, only=self._only)
        except PositionMovedError as error:
            raise RebuildRefused(
                f"somebody else writes to the schema {self._schema}: it does not stand where it was left",
                advice="Nothing but `neraca rebuild` may write there.",
            ) from error
        self.position = prepared.position

    def close(self) -> None:
        """Let go of the topic."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _find_offset(kafka: Mapping[str, str | int], topic: str, position: Position) -> int | None:
    """Find a decision on the topic by its hash: it stands at an offset not below its `seq`."""
    reader = JournalReader(kafka, topic, last_seq=-1, last_sha256=bytes(32), offset=position.seq)
    silent_since = time.monotonic()
    try:
        while not reader.at_end and time.monotonic() - silent_since < SILENCE_SECONDS_MAX:
            for message in reader.messages(1_000, POLL_SECONDS):
                silent_since = time.monotonic()
                value = message.value() or b""
                if sha256(value[FRAME_BYTES:]) == position.sha256:
                    return message.offset()
    except JournalMismatch:
        return None
    finally:
        reader.close()
    return None


def _other_journal(live: Position, rebuilt: Position) -> TableResult:
    """Say as a difference of the positions that both sides stand at one `seq` of two journals."""
    difference = RowDifference(
        {"projection": tables.PROJECTION},
        "decision_sha256",
        live.sha256.hex(),
        rebuilt.sha256.hex(),
        1,
    )
    return TableResult(
        "projection_positions", Content(1, live.sha256.hex()), Content(1, rebuilt.sha256.hex()), difference
    )


@contextlib.contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Count references only: what is kept makes no cycles, and the collector would walk through all of it."""
    import gc  # noqa: PLC0415

    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _database_errors() -> contextlib.AbstractContextManager[None]:
    """Name a database that does not answer as such."""
    return connecting.told(
        "PostgreSQL does not answer, or went away",
        "The live tables are as they were. See `neraca status`, and run it again.",
    )
