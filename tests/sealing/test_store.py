"""The key store, on a real PostgreSQL: one person for one NIK, keys only for whoever has the master key."""

from __future__ import annotations

import stat
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from neraca.access.keys import migrate as migrate_access
from neraca.keystore.master_keys import MasterKeyFile, MasterKeyMissing
from neraca.keystore.opening import opened
from neraca.keystore.store import KeyStore, PersonUnknown
from neraca.settings import Settings
from producers.extract import Pseudonyms
from producers.extract.identity import uuid_of
from producers.sealing import Person

NIKS = [f"35010145039{number:05d}" for number in range(50)]


def dump(connection: psycopg.Connection[tuple[object, ...]], schema: str = "neraca_keys") -> str:
    """Every value of every table of a schema, as text."""
    tables = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", (schema,)
    ).fetchall()
    assert tables
    texts = []
    for (table,) in tables:
        query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, str(table)))
        texts += [f"{table} {row[0]}" for row in connection.execute(query).fetchall()]
    return "\n".join(texts)


def test_one_nik_one_person(store: KeyStore, open_store: Callable[[], KeyStore]) -> None:
    """In any order, in one batch twice, and through another connection: random ids, one key each."""
    people = store.of_niks([*NIKS, NIKS[0]])
    assert people[0] == people[-1]
    assert 50 == len({one.person_id for one in people}) == len({one.key for one in people})
    assert {4} == {uuid.UUID(one.person_id).version for one in people}
    assert people[:50][::-1] == open_store().of_niks(NIKS[::-1])
    assert {one.person_id: one for one in people} == store.of_ids([one.person_id for one in people])
    assert {} == store.of_ids([str(uuid.uuid4()), "no id at all", ""])
    assert [] == store.of_niks([])


def test_many_at_once_make_one_person_of_one_nik(open_store: Callable[[], KeyStore]) -> None:
    """Eight callers, the same people in different orders and batches; nobody is left over."""
    stores = [open_store() for _ in range(8)]
    found: list[dict[str, Person]] = [{} for _ in stores]
    start = threading.Barrier(len(stores))

    def ask(number: int) -> None:
        niks = NIKS[number:] + NIKS[:number]
        start.wait()
        for begin in range(0, len(niks), 7 + number):
            batch = niks[begin : begin + 7 + number]
            found[number] |= dict(zip(batch, stores[number].of_niks(batch), strict=True))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(stores))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[0]] * len(stores) == found
    count = stores[0].connection.execute("SELECT count(*) FROM neraca_keys.people").fetchone()
    assert (50,) == count


def test_nothing_stands_in_the_clear(store: KeyStore, settings: Settings) -> None:
    """Neither a NIK nor a key; the master key is its owner's alone, and elsewhere."""
    people = store.of_niks(NIKS)
    text = dump(store.connection)
    for nik, person in zip(NIKS, people, strict=True):
        assert nik not in text
        assert nik.encode().hex() not in text
        assert person.key is not None
        assert person.key.hex() not in text
        assert person.key.hex() not in repr(person)
    path = settings.home / "master.key"
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert path.read_text().split()[-1] not in text
    assert path.read_text().split()[-1] not in repr(store)


def test_an_erased_person_keeps_the_id_and_has_no_key(store: KeyStore) -> None:
    """What was asked for first counts; who is not known is not erased; the others keep their keys."""
    person, other = store.of_niks(NIKS[:2])
    asked = store.ask_erasure(person.person_id, "o-1", "asked for it")
    assert ("o-1", "asked for it", None, None) == (asked.officer, asked.reason, asked.seq, asked.erased_at)
    assert asked == store.ask_erasure(person.person_id, "o-2", "again")
    assert [person, other] == store.of_niks(NIKS[:2])
    store.destroy(person.person_id, 7)
    erased = store.erasure_of(person.person_id)
    assert erased is not None
    assert (7, True) == (erased.seq, erased.erased_at is not None)
    store.withdraw_erasure(person.person_id)
    assert erased == store.erasure_of(person.person_id)
    assert [Person(person.person_id, None), other] == store.of_niks(NIKS[:2])
    assert Person(person.person_id, None) == store.of_ids([person.person_id])[person.person_id]
    assert Person(person.person_id, None) == store.find(NIKS[0])
    store.clean_up()
    assert store.erasure_of(other.person_id) is None
    for unknown in (str(uuid.uuid4()), "nobody"):
        with pytest.raises(PersonUnknown):
            store.ask_erasure(unknown, "o-1", "asked for it")


def test_an_erasure_that_was_refused_is_forgotten(store: KeyStore) -> None:
    """The next try is another action: a refused one would be answered with its refusal for ever."""
    (person,) = store.of_niks(NIKS[:1])
    first = store.ask_erasure(person.person_id, "o-1", "asked for it")
    store.withdraw_erasure(person.person_id)
    assert store.erasure_of(person.person_id) is None
    assert first.action_id != store.ask_erasure(person.person_id, "o-1", "asked for it").action_id


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b""), "is no file of master keys"),
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "is no file of master keys"),
        (lambda path: path.write_text(path.read_text()[:-20] + "A" * 20), "is no file of master keys"),
        (lambda path: path.chmod(0o640), "can be read by others"),
    ],
    ids=["gone", "empty", "cut", "changed", "open"],
)
def test_without_the_master_key_nothing_goes_on(
    store: KeyStore,
    settings: Settings,
    damage: Callable[[Path], object],
    said: str,
) -> None:
    """A key that is lost or damaged is never replaced: what it wrapped would be lost for good."""
    store.of_niks(NIKS[:1])
    path = settings.home / "master.key"
    key = path.read_text().split()[-1]
    damage(path)
    with pytest.raises(MasterKeyMissing, match=said) as caught, opened(settings):
        pass
    assert key not in str(caught.value) + caught.value.advice
    assert path.exists() == (said != "cannot be read")


def test_the_master_key_of_another_store_opens_nothing(store: KeyStore, settings: Settings) -> None:
    """It is told which key is missing."""
    store.of_niks(NIKS[:1])
    path = settings.home / "master.key"
    path.unlink()
    MasterKeyFile.make(path)
    with opened(settings) as wrong, pytest.raises(MasterKeyMissing, match="does not hold master key"):
        wrong.of_niks(NIKS[:1])


def test_a_wrapped_key_opens_for_no_other_person(store: KeyStore) -> None:
    """Rows exchanged in the database are noticed."""
    first, second = store.of_niks(NIKS[:2])
    store.connection.execute(
        "UPDATE neraca_keys.people SET wrapped_key = (SELECT wrapped_key FROM neraca_keys.people"
        " WHERE person_id = %s) WHERE person_id = %s",
        (first.person_id, second.person_id),
    )
    with pytest.raises(MasterKeyMissing, match="was changed, or belongs to another row"):
        store.of_ids([second.person_id])


def test_homes_from_before_the_key_store_keep_their_people(settings: Settings) -> None:
    """Ids and officers are what they were, so that an extract imported before adds nothing now either."""
    former = bytes(range(32))
    settings.home.mkdir()
    (settings.home / "person-ids.key").write_bytes(former)
    with opened(settings) as store:
        found = [one.person_id for one in store.of_niks(NIKS)]
        officer = Pseudonyms(store.officers_key()).officer("budi")
    pseudonyms = Pseudonyms(former, former)
    assert [str(uuid.UUID(bytes=uuid_of(pseudonyms.person(nik)))) for nik in NIKS] == found
    assert pseudonyms.officer("budi") == officer


def test_who_reads_the_projections_reads_no_keys(settings: Settings, database: str) -> None:
    """Privileges that a deployment gives on every new table reach neither keys nor access records."""
    role = f"reader_{uuid.uuid4().hex}"
    name = sql.Identifier(role)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        try:
            for what in ("USAGE ON SCHEMAS", "SELECT ON TABLES"):
                grant = sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} TO {}").format(sql.SQL(what), name)
                connection.execute(grant)
            with opened(settings) as store:
                store.of_niks(NIKS[:1])
            migrate_access(connection)
            connection.execute(sql.SQL("SET ROLE {}").format(name))
            for table in ("neraca_keys.people", "neraca_access.access_records"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"SELECT FROM {table}".encode())
        finally:
            connection.execute("RESET ROLE")
            connection.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))
