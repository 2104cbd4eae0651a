"""Both kinds of key can be changed under a living store: nobody becomes somebody else, and old copies open
nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from neraca.keystore.master_keys import MasterKeyFile, MasterKeyMissing
from neraca.keystore.rotating import rotate_lookup, rotate_master
from neraca.keystore.store import KeyStore
from neraca.settings import Settings
from producers.sealing import Person

NIKS = [f"35010145039{number:05d}" for number in range(30)]


def nothing(_: int) -> None:
    """Draw no progress."""


def lookups(store: KeyStore) -> dict[bytes, int]:
    """The versions by hash."""
    rows = store.connection.execute("SELECT nik_hmac, version FROM neraca_keys.lookups").fetchall()
    return {bytes(row[0]): row[1] for row in rows}


class Cut(Exception):
    """What ends a rotation half-way."""


def cut_after(count: int) -> Callable[[int], None]:
    """Progress that ends everything once so many are done."""

    def advance(done: int) -> None:
        if done >= count:
            raise Cut

    return advance


def test_another_master_key(store: KeyStore, open_store: Callable[[], KeyStore], settings: Settings) -> None:
    """Same people, same keys, for this store and for one that was open meanwhile; the old key is gone."""
    path = settings.home / "master.key"
    before, old_file = store.of_niks(NIKS), settings.home / "old.key"
    shutil.copy(path, old_file)
    old_rows = store.connection.execute("SELECT * FROM neraca_keys.people ORDER BY person_id").fetchall()
    meanwhile = open_store()
    assert before == meanwhile.of_niks(NIKS)
    assert 30 == rotate_master(open_store(), nothing).changed
    assert before == store.of_niks(NIKS) == open_store().of_niks(NIKS)
    assert 1 == path.read_text().count("neraca-master-key-1")
    assert old_file.read_text() != path.read_text()
    # Whoever made people while the key changed does so under the new one.
    assert meanwhile.of_niks(["3501014503990001"]) == store.of_niks(["3501014503990001"])
    # A copy of the rows from before, as a backup has it, does not open any more.
    person_id, _, master_key_id, wrapped, _ = old_rows[0]
    with pytest.raises(MasterKeyMissing, match="does not hold master key"):
        store.unwrapped(person_id, bytes(master_key_id), bytes(wrapped))
    assert store.officers_key() == open_store().officers_key()


def test_a_cut_change_of_the_master_key_goes_on(
    store: KeyStore, open_store: Callable[[], KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both keys are there until everything is wrapped anew; the next run makes no third one."""
    monkeypatch.setattr("neraca.keystore.rotating.BATCH", 10)
    before = store.of_niks(NIKS)
    with pytest.raises(Cut):
        rotate_master(open_store(), cut_after(10))
    assert before == open_store().of_niks(NIKS)
    assert 20 == rotate_master(open_store(), nothing).changed
    assert before == open_store().of_niks(NIKS)
    rows = store.connection.execute("SELECT retired_at IS NULL FROM neraca_keys.master_keys").fetchall()
    assert [(False,), (True,)] == sorted(rows)


def test_another_lookup_key(store: KeyStore, open_store: Callable[[], KeyStore]) -> None:
    """Everybody is found as before, under hashes of which none is the same; the old key is destroyed."""
    before, hashes = store.of_niks(NIKS), lookups(store)
    assert (30, 0) == ((done := rotate_lookup(open_store(), nothing)).changed, done.left)
    assert before == store.of_niks(NIKS) == open_store().of_niks(NIKS)
    assert {2} == set(lookups(store).values())
    assert not hashes.keys() & lookups(store).keys()
    assert [2] == list(store.lookup_keys())


def test_a_cut_change_of_the_lookup_key_goes_on(
    store: KeyStore, open_store: Callable[[], KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In between both keys are looked up, and who comes new is found under the new one."""
    monkeypatch.setattr("neraca.keystore.rotating.BATCH", 10)
    before = store.of_niks(NIKS)
    with pytest.raises(Cut):
        rotate_lookup(open_store(), cut_after(10))
    assert [2, 1] == list(store.lookup_keys())
    assert before == store.of_niks(NIKS)
    new = store.of_niks(["3501014503990001"])
    assert 20 == rotate_lookup(open_store(), nothing).changed
    assert [*before, *new] == open_store().of_niks([*NIKS, "3501014503990001"])
    assert [2] == list(store.lookup_keys())


def test_the_erased_stay_known_until_they_are_forgotten(
    store: KeyStore, open_store: Callable[[], KeyStore]
) -> None:
    """Their NIK cannot be hashed anew: the old key stays for them, and goes when they are to be forgotten."""
    erased, *others = store.of_niks(NIKS)
    store.ask_erasure(erased.person_id, "o-1", "asked for it")
    store.destroy(erased.person_id, 7)
    assert (29, 1) == ((done := rotate_lookup(store, nothing)).changed, done.left)
    assert [Person(erased.person_id, None), *others] == open_store().of_niks(NIKS)
    assert [2, 1] == list(store.lookup_keys())
    forgotten = rotate_lookup(store, nothing, is_forgetting_erased=True)
    assert (0, 0) == (forgotten.changed, forgotten.left)
    assert [2] == list(store.lookup_keys())
    assert store.find(NIKS[0]) is None
    again = store.of_niks(NIKS)
    assert others == again[1:]
    assert erased.person_id != again[0].person_id


def test_a_file_that_others_rotated_is_read_again(settings: Settings) -> None:
    """A store that was opened before the key file changed finds the new key there."""
    path = settings.home / "master.key"
    first = MasterKeyFile.make(path)
    second = MasterKeyFile(path)
    added = first.add()
    wrapped = first.wrap(added, bytes(32), b"x")
    assert bytes(32) == second.unwrap(added, wrapped, b"x")
    kept: Any = first.newest_id()
    assert kept == added
    first.keep_only(added)
    assert [added] == [second.newest_id()]
