"""`neraca rebuild` on real servers: the same tables again, beside those that are read and written."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from audit.archive.reader import ArchiveSource
from audit.rebuild import (
    Place,
    RebuildRefused,
    RebuildRunning,
    Result,
    SwapBlocked,
    Wish,
    drop_kept,
    rebuild,
    roll_back,
)
from audit.topics import TopicsSource
from consumers import projector
from consumers.projector import ProjectorConfig
from neraca.gateway.journal_at import JournalAt
from producers.gateway.moments import Moment
from producers.gateway.reads import Reads, open_pool
from projections import swapping, tables
from projections.migrations import DatabaseNewer, Migration, RebuildNeeded, load_migrations, migrate
from schemas.codec import decode_decision
from schemas.errors import JournalMismatch
from schemas.topics import DECISIONS
from tests.audit.ledgers import keep, small_ledger
from tests.projections.test_projector import _seq as position
from tests.projections.test_projector import _until, running
from tests.projections.told import apply_all, dump, journal, produce
from tests.running import RunningStack


@pytest.fixture
def place(stack: RunningStack, topic_prefix: str, database: str) -> Place:
    """A journal on its topic, and live tables that the most of it was loaded into."""
    produce(stack.kafka, topic_prefix, journal())
    load(database, journal()[:-50])
    return Place(database, stack.kafka, topic_prefix)


def load(dsn: str, values: list[bytes]) -> None:
    """Bring live tables up to the end of that journal."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, values, 500)


def run(place: Place, wish: Wish | None = None) -> Result:
    """Rebuild from the topics."""
    return rebuild(place, TopicsSource(place.kafka or {}, place.topic_prefix), wish)


def content(dsn: str) -> dict[str, str]:
    """The live tables' digests."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        return dump(connection)


def schemas(dsn: str) -> list[str]:
    """The schemas of tables that there are."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT nspname::text FROM pg_namespace WHERE nspname ~ '^neraca' ORDER BY 1"
        ).fetchall()
    return [str(name) for (name,) in rows]


def execute(dsn: str, statement: str) -> None:
    """Do something to the tables by hand."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_the_same_tables_again(place: Place) -> None:
    """A rebuild equals the live tables, each with rows in it, and takes their place at the same position."""
    before = content(place.postgres_dsn)
    result = run(place)
    assert [] == result.differences
    assert {"decisions", "postings", "registrations", "quota_balances"} <= {
        one.table for one in result.tables if one.live.rows > 0
    }
    assert len(journal()) - 51 == result.seq == result.swapped_at
    assert before == content(place.postgres_dsn)
    assert ["neraca", "neraca_before"] == schemas(place.postgres_dsn)


def test_a_check_leaves_nothing(place: Place) -> None:
    """--check compares, and neither swaps nor leaves a schema behind."""
    result = run(place, Wish(check=True))
    assert ([], None) == (result.differences, result.swapped_at)
    assert ["neraca"] == schemas(place.postgres_dsn)


_CHANGE = """
UPDATE neraca.registrations SET status = 'departed'
WHERE registration_id = (SELECT min(registration_id) FROM neraca.registrations WHERE status = 'open')
"""
_TAKE = """
DELETE FROM neraca.postings
WHERE (seq, position) = (SELECT seq, position FROM neraca.postings ORDER BY seq DESC LIMIT 1)
"""
_ADD = "INSERT INTO neraca.agencies VALUES ('A-nobody', 'active', '2023-01-01Z', 3)"
# What is done by hand; the table, the column, and what either side then says.
BY_HAND = {
    "changed": (_CHANGE, ("registrations", "status", "departed", "open")),
    "gone": (_TAKE, ("postings", None, None, "units ")),
    "added": (_ADD, ("agencies", None, "agency_id A-nobody", None)),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_somebody_did_by_hand_is_named(place: Place, name: str) -> None:
    """A row changed, taken or put in by hand: table, column and both values are told, and nothing swapped."""
    statement, (table, column, live, rebuilt) = BY_HAND[name]
    execute(place.postgres_dsn, statement)
    before = content(place.postgres_dsn)
    result = run(place)
    (different,) = result.differences
    assert different.difference is not None
    found = different.difference
    assert (table, column, 1) == (different.table, found.column, found.rows)
    assert (live is None, rebuilt is None) == (found.live is None, found.rebuilt is None)
    assert (live or "") in (found.live or "")
    assert (rebuilt or "") in (found.rebuilt or "")
    assert result.swapped_at is None
    assert before == content(place.postgres_dsn)
    assert ["neraca"] == schemas(place.postgres_dsn)


def test_accepted_differences_are_swapped_away_and_back(place: Place) -> None:
    """Told to, it swaps although the tables differ; a rollback brings the old ones back, up to date."""
    clean = content(place.postgres_dsn)
    execute(place.postgres_dsn, BY_HAND["added"][0])
    result = run(place, Wish(accept_differences=True))
    assert ["agencies"] == [one.table for one in result.differences]
    assert clean == content(place.postgres_dsn)
    load(place.postgres_dsn, journal()[:-20])
    after = content(place.postgres_dsn)
    back = roll_back(place)
    assert len(journal()) - 21 == back.swapped_at
    again = content(place.postgres_dsn)
    assert {"agencies"} == {table for table in after if after[table] != again[table]}
    assert len(journal()) - 21 == roll_back(place).swapped_at
    assert after == content(place.postgres_dsn)
    assert drop_kept(place)
    assert not drop_kept(place)
    assert ["neraca"] == schemas(place.postgres_dsn)
    with pytest.raises(RebuildRefused, match="no tables are kept"):
        roll_back(place)


def test_one_table_only(place: Place) -> None:
    """--only mends one table and leaves the others, views read what is mended, and it can be undone."""
    clean = content(place.postgres_dsn)
    execute(place.postgres_dsn, BY_HAND["added"][0])
    execute(place.postgres_dsn, "UPDATE neraca.registrations SET departed_late = NOT departed_late")
    damaged = content(place.postgres_dsn)
    result = run(place, Wish(only="registrations", accept_differences=True))
    assert ["registrations"] == [one.table for one in result.tables]
    assert clean | {"agencies": damaged["agencies"]} == content(place.postgres_dsn)
    with psycopg.connect(place.postgres_dsn) as connection:
        late = connection.execute("SELECT sum(departed_late) FROM neraca.cutover_units").fetchone()
        rows = connection.execute("SELECT count(*) FROM neraca.registrations WHERE departed_late").fetchone()
    assert late == rows
    load(place.postgres_dsn, journal())
    roll_back(place)
    assert damaged["agencies"] != clean["agencies"]
    with psycopg.connect(place.postgres_dsn) as connection:
        count = connection.execute(
            "SELECT count(*) FROM neraca.registrations WHERE seq < %s AND status <> 'departed'"
            " AND departed_late",
            (len(journal()) - 51,),
        ).fetchone()
    assert count is not None
    assert count > (0,)
    with pytest.raises(RebuildRefused, match=r"no table registration$"):
        run(place, Wish(only="registration"))


def test_one_table_has_to_fit_the_others(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """One table is not swapped where the others are empty, or stand where the journal does not reach."""
    produce(stack.kafka, topic_prefix, journal()[:150])
    place = Place(database, stack.kafka, topic_prefix)
    load(database, [])
    with pytest.raises(RebuildRefused, match="are empty"):
        run(place, Wish(only="decisions"))
    load(database, journal()[:200])
    before = content(database)
    with pytest.raises(JournalMismatch, match="stand at seq 149, and the live ones at 199"):
        run(place, Wish(only="decisions", accept_differences=True))
    assert before == content(database)


_KILLED = """
import json, os, signal, sys
from audit.rebuild import Place, rebuild
from audit.topics import TopicsSource
place = Place(**json.loads(sys.argv[1]))
class Half(TopicsSource):
    def decisions(self):
        for number, values in enumerate(super().decisions()):
            half = len(values) // 2
            yield values[:half]
            os.kill(os.getpid(), signal.SIGKILL)
def in_its_indexes(what, done, total):
    if what.startswith("index "):
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "half":
    rebuild(place, Half(place.kafka, place.topic_prefix))
else:
    rebuild(place, TopicsSource(place.kafka, place.topic_prefix), tell=in_its_indexes)
"""


# Rows that are not committed go with their session; those that wait for indexes go with the next rebuild.
@pytest.mark.parametrize(("moment", "left"), [("half", []), ("indexes", ["neraca_next"])])
def test_killed_half_way(place: Place, moment: str, left: list[str]) -> None:
    """SIGKILL in the middle leaves the live tables as they are; the next rebuild does it all."""
    before = content(place.postgres_dsn)
    arguments = json.dumps(
        {"postgres_dsn": place.postgres_dsn, "kafka": place.kafka, "topic_prefix": place.topic_prefix}
    )
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, arguments, moment], check=False, capture_output=True
    )
    assert done.returncode == -9, done.stderr.decode()
    assert before == content(place.postgres_dsn)
    _until(lambda: schemas(place.postgres_dsn) == ["neraca", *left])
    result = run(place)
    assert len(journal()) - 51 == result.swapped_at
    assert before == content(place.postgres_dsn)


def test_killed_after_the_build(place: Place) -> None:
    """What a rebuild left that was killed before its swap is removed by the next one."""
    execute(place.postgres_dsn, "CREATE SCHEMA neraca_next")
    execute(place.postgres_dsn, "CREATE TABLE neraca_next.decisions (seq text)")
    assert [] == run(place).differences
    assert ["neraca", "neraca_before"] == schemas(place.postgres_dsn)


def test_two_at_once(place: Place) -> None:
    """The second says that there is a first, and harms nothing."""
    with psycopg.connect(place.postgres_dsn, autocommit=True) as first:
        assert swapping.try_lock_rebuild(first)
        with pytest.raises(RebuildRunning, match="another rebuild"):
            run(place)
    assert [] == run(place).differences


def test_an_open_transaction_holds_the_swap_up(place: Place) -> None:
    """A reader that never ends is named, and nothing is changed; when it ends, the swap goes through."""
    with psycopg.connect(place.postgres_dsn, application_name="a long report") as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = reader.execute("SELECT seq FROM neraca.projection_positions").fetchone()
        with pytest.raises(SwapBlocked, match="a long report"):
            run(place, Wish(swap_seconds_max=0.1))
        assert before == reader.execute("SELECT max(seq) FROM neraca.decisions").fetchone()
        assert ["neraca"] == schemas(place.postgres_dsn)
    assert run(place).swapped_at is not None


def test_what_others_made_stays_right(place: Place) -> None:
    """Grants, an added index, a view outside that reads the tables: all go on with the new tables."""
    role = f"r{place.topic_prefix[1:-1]}"
    dsn = place.postgres_dsn
    execute(dsn, f"CREATE ROLE {role}")
    try:
        execute(dsn, f"GRANT USAGE ON SCHEMA neraca TO {role}")
        execute(dsn, f"GRANT SELECT ON neraca.permits, neraca.cutover_summary TO {role}")
        execute(dsn, "CREATE INDEX by_officer ON neraca.decisions (officer)")
        execute(dsn, "CREATE VIEW public.count_of AS SELECT count(*) AS n FROM neraca.decisions")
        execute(dsn, "CREATE MATERIALIZED VIEW public.once AS SELECT count(*) AS n FROM neraca.permits")
        result = run(place)
        assert (("public.count_of",), ("public.once",)) == (
            result.exchanged.rebound,
            result.exchanged.left_behind,
        )
        load(dsn, journal())
        with psycopg.connect(dsn, autocommit=True) as connection:
            assert connection.execute("SELECT n FROM public.count_of").fetchone() == (len(journal()),)
            assert connection.execute("SELECT to_regclass('neraca.by_officer') IS NULL").fetchone() == (
                False,
            )
            connection.execute(f"SET ROLE {role}".encode())
            connection.execute("SELECT count(*) FROM neraca.permits")
            connection.execute("SELECT * FROM neraca.cutover_summary")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("SELECT count(*) FROM neraca.decisions")
    finally:
        execute(dsn, f"DROP OWNED BY {role}")
        execute(dsn, f"DROP ROLE {role}")


def test_what_others_made_is_never_removed(place: Place) -> None:
    """What reads the kept tables, or was put among them, is named; until it is gone nothing is removed.

    However it looks: with a comment, as ours have, or with a namesake among the live tables.
    """
    dsn = place.postgres_dsn
    execute(dsn, "CREATE MATERIALIZED VIEW public.once AS SELECT count(*) AS n FROM neraca.permits")
    execute(dsn, "CREATE TABLE public.seen (lines neraca.quota_balance_then)")
    execute(dsn, "CREATE TABLE neraca.notes AS SELECT 1 AS n")
    execute(dsn, "COMMENT ON TABLE neraca.notes IS 'What I found out.'")
    execute(dsn, "CREATE FUNCTION neraca.twice(n int) RETURNS int LANGUAGE sql RETURN 2 * n")
    execute(dsn, "CREATE VIEW neraca.mine AS SELECT count(*) AS n FROM neraca.decisions")
    with pytest.raises(RebuildRefused, match="there is no table notes"):
        run(place, Wish(only="notes"))
    run(place)
    execute(dsn, "CREATE TABLE neraca.notes AS SELECT 2 AS n")
    named = "neraca_before.mine, neraca_before.notes, neraca_before.twice, public.once, public.seen$"
    for removing in (lambda: run(place), lambda: drop_kept(place)):
        with pytest.raises(RebuildRefused, match=named):
            removing()
    assert ["neraca", "neraca_before"] == schemas(dsn)
    assert [] == run(place, Wish(check=True)).differences
    execute(dsn, "ALTER TABLE neraca_before.notes SET SCHEMA public; DROP VIEW neraca_before.mine")
    execute(dsn, "DROP FUNCTION neraca_before.twice; DROP TABLE neraca.notes")
    execute(dsn, "DROP MATERIALIZED VIEW public.once; DROP TABLE public.seen")
    run(place)
    assert drop_kept(place)
    with psycopg.connect(dsn) as connection:
        assert [(1,)] == connection.execute("SELECT n FROM public.notes").fetchall()


def test_tables_that_lead_the_journal(stack: RunningStack, topic_prefix: str, database: str) -> None:
    """Live tables that know more than the journal cannot be compared: it says so, and swaps nothing."""
    load(database, journal()[:200])
    produce(stack.kafka, topic_prefix, journal()[:150])
    place = Place(database, stack.kafka, topic_prefix)
    result = run(place)
    assert result.uncompared == "the live tables stand at seq 199, and the journal ends at 149"
    assert (True, None) == (result.is_different, result.swapped_at)
    assert run(place, Wish(accept_differences=True)).swapped_at == 149


def test_into_an_empty_database(place: Place, new_database: Callable[[], str]) -> None:
    """Where no tables are, they are built to the journal's end and are the live ones, from which a projector
    goes on.
    """
    load(place.postgres_dsn, journal())
    fresh = Place(new_database(), place.kafka, place.topic_prefix)
    result = run(fresh)
    assert (len(journal()) - 1, True, False) == (result.swapped_at, result.was_empty, result.is_different)
    assert content(place.postgres_dsn) == content(fresh.postgres_dsn)


def test_live_load_and_readers_through_swaps(
    stack: RunningStack, topic_prefix: str, new_database: Callable[[], str]
) -> None:
    """While decisions come in and readers loop with prepared statements, tables are swapped, and back: no
    reader meets an error, or sees a `seq` go back or tables that disagree, and no decision is lost.
    """
    values = journal()
    live, plain = new_database(), new_database()
    place = Place(live, stack.kafka, topic_prefix)
    produce(stack.kafka, topic_prefix, values[:300])
    readers = [
        Reading(live, snapshot=True),
        Reading(live, snapshot=False),
        GatewayReading(place, values),
    ]
    with running(ProjectorConfig(stack.kafka, topic_prefix, live)):
        _until(lambda: position(live) == 299)
        feed = threading.Thread(target=trickle, args=(stack.kafka, topic_prefix, values, 300))
        feed.start()
        for reader in readers:
            reader.start()
        swapped = [run(place).swapped_at, run(place).swapped_at, roll_back(place).swapped_at]
        feed.join()
        _until(lambda: position(live) == len(values) - 1)
        for reader in readers:
            reader.end()
    assert sorted(map(int, filter(None, swapped))) == swapped
    for reader in readers:
        assert reader.error is None
        assert reader.rounds > 10
    load(plain, values)
    assert content(plain) == content(live)


def trickle(kafka: dict[str, str | int], prefix: str, values: list[bytes], start: int) -> None:
    """Give the rest of the journal a few decisions at a time."""
    for first in range(start, len(values), 10):
        produce(kafka, prefix, values[first : first + 10])


class Reading:
    """A reader that loops as the gateway does, by prepared statements, in snapshots or without."""

    def __init__(self, dsn: str, *, snapshot: bool) -> None:
        self._dsn = dsn
        self._snapshot = snapshot
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.error: BaseException | None = None
        self.rounds = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Stop, and wait for the end."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                last = -1
                while not self._stop.is_set():
                    last = self._look(connection, last)
                    self.rounds += 1
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def _look(self, connection: psycopg.Connection[tuple[object, ...]], last: int) -> int:
        def ask(query: str) -> int:
            row = connection.execute(query.encode(), prepare=True).fetchone()
            assert row is not None
            return int(str(row[0]))

        position = "SELECT seq FROM neraca.projection_positions WHERE projection = 'current'"
        newest = "SELECT max(seq) FROM neraca.decisions"
        if not self._snapshot:
            seq = ask(position)
            assert last <= seq <= ask(newest)
            return seq
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            seq = ask(position)
            assert seq == ask(newest) == ask("SELECT max(seq) FROM neraca.decisions WHERE outcome <> 'x'")
            assert last <= seq
            assert ask("SELECT coalesce(max(seq), -1) FROM neraca.registrations") <= seq
            assert ask("SELECT sum(abs(difference)) FROM neraca.trial_balance") == 0
        return seq


def test_a_definition_changes_by_a_rebuild(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new version that gives rows another content does not touch the old tables; a rebuild makes and swaps
    in the new ones; then it is the old version that does not touch them, and that can go back.
    """
    old = load_migrations()
    text = "-- rebuild: agencies tell their length.\nALTER TABLE neraca.agencies ADD COLUMN length integer;"
    new = [*old, Migration(old[-1].number + 1, "9999_new.sql", text)]
    before = content(place.postgres_dsn)
    config = ProjectorConfig(place.kafka or {}, place.topic_prefix, place.postgres_dsn)
    monkeypatch.setattr("projections.migrations.load_migrations", lambda: new)
    with pytest.raises(RebuildNeeded, match="9999_new") as caught:
        projector.run(config, threading.Event())
    assert "neraca rebuild" in caught.value.advice
    assert before == content(place.postgres_dsn)
    result = run(place)
    assert (("agencies.length",), (), []) == (result.only_rebuilt, result.only_live, result.differences)
    assert result.swapped_at == len(journal()) - 51
    load(place.postgres_dsn, journal()[:-20])
    with pytest.raises(RebuildRefused, match="30 behind, and another version"):
        roll_back(place)
    monkeypatch.setattr("projections.migrations.load_migrations", lambda: old)
    with pytest.raises(DatabaseNewer):
        projector.run(config, threading.Event())
    assert len(journal()) - 21 == roll_back(place).swapped_at
    load(place.postgres_dsn, journal()[:-20])
    assert len(journal()) - 21 == position(place.postgres_dsn)


def test_a_projector_of_another_version_is_ended_by_the_swap(place: Place) -> None:
    """Releases that knew nothing of swaps are out there. Over tables of its own version a projector stays."""
    with psycopg.connect(place.postgres_dsn, autocommit=True) as session:
        assert tables.try_lead(session)
        run(place)
        assert (1,) == session.execute("SELECT 1").fetchone()
        execute(place.postgres_dsn, "UPDATE neraca.schema_migrations SET sha256 = 'older' WHERE number = 6")
        run(place)
        with pytest.raises(psycopg.errors.AdminShutdown):
            session.execute("SELECT 1")
    with psycopg.connect(place.postgres_dsn, autocommit=True) as session:
        assert tables.try_lead(session)


def test_a_projector_of_before_writes_nothing_after_a_swap(place: Place) -> None:
    """A session that was opened on the tables before meets the swap in the middle of its work: its next batch
    is refused as a whole, and a new session goes on at the same decision.
    """
    values = journal()
    with psycopg.connect(place.postgres_dsn, autocommit=True) as session:
        tables.open_session(session)
        apply_all(session, values[:-40], 500)
        run(place)
        after = content(place.postgres_dsn)
        with pytest.raises(tables.PositionMovedError):
            apply_all(session, values, 500)
        assert after == content(place.postgres_dsn)
    load(place.postgres_dsn, values)
    assert len(values) - 1 == position(place.postgres_dsn)


class GatewayReading(Reading):
    """The gateway's own queries, through its pool: a registration and a permit, now and as of an instant."""

    def __init__(self, place: Place, values: list[bytes]) -> None:
        super().__init__(place.postgres_dsn, snapshot=True)
        self._journal = JournalAt(place.kafka or {}, DECISIONS.under(place.topic_prefix))
        known = [one for one in map(decode_decision, values[:300]) if one.registrations]
        self._registration_id = known[0].registrations[0].registration_id
        permits = [permit for one in map(decode_decision, values[:300]) for permit in one.permits]
        self._permit_id = permits[0].permit_id

    def _run(self) -> None:
        try:
            asyncio.run(self._loop())
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self._journal.close()

    async def _loop(self) -> None:
        async with await open_pool(self._dsn) as pool:
            reads = Reads(pool, self._journal, lambda _: None)
            last = -1
            while not self._stop.is_set():
                for at in (Moment(), Moment(known_seq=299)):
                    for seen in (
                        await reads.registration(self._registration_id, at),
                        await reads.permit(self._permit_id, at),
                    ):
                        assert seen.document is not None
                        assert last <= seen.seq
                        last = seen.seq
                self.rounds += 1


@pytest.mark.parametrize("reaches", [400, 700])
def test_from_an_archive(
    stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path, reaches: int
) -> None:
    """An archive of all that the tables hold needs no Kafka; behind a shorter one the topics go on."""
    ledger = small_ledger(700, holes=False)
    values = ledger.values()
    load(database, values[:600])
    keep(ledger.part(0, reaches), tmp_path / "archive", [reaches])
    source = ArchiveSource(tmp_path / "archive")
    alone = rebuild(Place(database, None, topic_prefix), source)
    if reaches < 600:
        assert alone.uncompared == "the live tables stand at seq 599, and the journal ends at 399"
        produce(stack.kafka, topic_prefix, values)
        alone = rebuild(Place(database, stack.kafka, topic_prefix), source)
    assert (min(reaches, 600), 599, []) == (alone.built, alone.swapped_at, alone.differences)
    load(database, values)
    assert position(database) == 699
