"""The people of an extract: found in the key store, and their fields sealed into the actions that go out.

Between the row of cpmi.csv and the action lie other files and a sort on disk. Meanwhile a row's fields stand
in the scratch file, sealed under a key that only this object has; it ends with the import.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from producers.extract.scratch import Scratch
from producers.sealing import KEY_BYTES, People, open_bytes, seal_bytes, seal_of

# People asked for, and actions looked at, at once: some milliseconds of the key store, and a megabyte.
BATCH: Final = 1_000


class Row:
    """An action on its way out: file and line, which action of that row, and the registration that it makes.

    Attributes:
        avro: Its Avro bytes, not sealed.
        registration: Of a `registered`, which carries what is sealed; None for any other kind.

    """

    __slots__ = ("avro", "place", "registration", "sub")

    def __init__(self, avro: bytes, place: int, sub: int, registration: str | None) -> None:
        self.avro = avro
        self.place = place
        self.sub = sub
        self.registration = registration


class PeopleOfExtract:
    """Asks the key store in batches."""

    def __init__(self, scratch: Scratch, people: People, run_key: bytes) -> None:
        if len(run_key) < KEY_BYTES:
            raise ValueError(f"a key has at least {KEY_BYTES} bytes")
        self._scratch: Final = scratch
        self._people: Final = people
        self._run_key: Final = run_key[:KEY_BYTES]

    def kept(self, registration: str, fields: Mapping[str, str]) -> bytes:
        """Give the fields of a row as the scratch file may hold them."""
        data = json.dumps(dict(fields), separators=(",", ":")).encode("utf-8")
        return seal_bytes(self._run_key, data, registration.encode("utf-8"))

    def find_all(self, advance: Callable[[], None]) -> None:
        """Have the key store give everybody an id whose row can be used."""
        db = self._scratch.db
        rows = db.cursor().execute("SELECT person, registration, kept FROM candidates WHERE usable = 1")
        while batch := list(islice(rows, BATCH)):
            persons = {
                person: self._opened(registration, kept)["nik"] for person, registration, kept in batch
            }
            found = self._people.of_niks(list(persons.values()))
            db.executemany(
                "INSERT OR IGNORE INTO people VALUES (?,?)",
                [(person, one.person_id) for person, one in zip(persons, found, strict=True)],
            )
            advance()

    def sealed(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Give actions in their order, those that make a registration with its candidate's fields sealed.

        An erased person's fields stay out, whatever the extract still holds.
        """
        find = self._scratch.db.cursor()
        while batch := list(islice(rows, BATCH)):
            owners: dict[str, tuple[str, bytes]] = {}
            for row in batch:
                if row.registration is not None:
                    owners[row.registration] = find.execute(
                        "SELECT p.person_id, c.kept FROM candidates c JOIN people p ON p.person = c.person"
                        " WHERE c.registration = ?",
                        (row.registration,),
                    ).fetchone()
            people = self._people.of_ids(list({person_id for person_id, _ in owners.values()}))
            for row in batch:
                if row.registration is not None:
                    person_id, kept = owners[row.registration]
                    key = people[person_id].key
                    if key is not None:
                        row.avro = seal_of(row.avro, key, self._opened(row.registration, kept))
                yield row

    def _opened(self, registration: str, kept: bytes) -> dict[str, str]:
        data = open_bytes(self._run_key, kept, registration.encode("utf-8"))
        if data is None:
            raise ValueError("a row of the scratch file was changed")
        fields: dict[str, str] = json.loads(data)
        return fields

    def __repr__(self) -> str:
        """Show nothing of them."""
        return f"PeopleOfExtract({self._people!r})"
