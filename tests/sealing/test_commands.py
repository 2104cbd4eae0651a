"""`neraca reveal`, `erase` and `keystore` on a real ledger: what they show, leave behind, and never touch."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from audit.reexecution import Reexecution
from audit.tlog.merkle import KeptTree, inclusion_proof, leaf_hash, verify_consistency, verify_inclusion
from audit.tlog.merkle import consistency_proof as consistency_of
from audit.topics import TopicsSource
from neraca.settings import Settings
from producers.sealing import seal_fields
from schemas.codec import decode_decision
from schemas.ids import load_ids
from tests.commands.console import Said, lines_of, neraca
from tests.extract.small import SmallExtract
from tests.faults.services import Crew, Service, crew, eventually
from tests.running import RunningStack

BY = ("--officer", "o-7", "--reason", "file 12/2026")
SITI = {
    "nik": "3501014503900001",
    "name": "Siti Rahasia 1",
    "birth_date": "1990-03-05",
    "passport": "B0000001",
}


@pytest.fixture
def busy(stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path) -> Iterator[Crew]:
    """A ledger with two imported candidates, of whom the second has departed."""
    with crew(stack.bootstrap, topic_prefix, tmp_path / "crew", database) as made:
        made.start()
        made.start_projector()
        extract = SmallExtract.ready()
        extract.life(1, stages=1)
        extract.life(2)
        said = neraca("import", extract.write(tmp_path / "extract"), "--json", settings=made.settings)
        assert (0, "") == (said.code, said.err)
        yield made


def query(settings: Settings, text: str) -> list[tuple[Any, ...]]:
    """What PostgreSQL says."""
    with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
        return connection.execute(text.encode()).fetchall()


def person_of(settings: Settings, nik: str) -> str:
    """The id that the command gives for a NIK."""
    said = neraca("keystore", "find", *BY, stdin=f"{nik[:6]} {nik[6:]}\n".encode(), settings=settings)
    assert (0, "") == (said.code, said.err)
    return said.out.decode().strip()


def journal(settings: Settings) -> list[bytes]:
    """Every decision of the ledger, as its exact bytes."""
    source = TopicsSource(settings.kafka_config(), settings.topic_prefix)
    return [value for batch in source.decisions() for value in batch]


def executed_again(settings: Settings) -> list[bytes]:
    """The decisions that the same actions give anew."""
    again = Reexecution(load_ids(None))
    source = TopicsSource(settings.kafka_config(), settings.topic_prefix)
    return [value for batch in source.actions() for value in again.run(batch)]


def tree_of(values: Sequence[bytes]) -> KeptTree:
    """The log over decisions."""
    tree = KeptTree()
    for value in values:
        tree.append(leaf_hash(value))
    return tree


def fields_of(said: Said) -> list[Any]:
    """The fields that `reveal --json` shows, action by action."""
    return [action["fields"] for action in json.loads(said.out)["actions"]]


def test_a_person_is_revealed_erased_and_the_ledger_stands(busy: Crew, tmp_path: Path) -> None:
    """Each look is on record before it shows anything; after the erasure nothing opens, everything proves."""
    settings = busy.settings
    person, other = person_of(settings, SITI["nik"]), person_of(settings, "3501014503900002")
    said = neraca("reveal", person, *BY, "--json", settings=settings)
    assert (0, [SITI], "") == (said.code, fields_of(said), said.err)
    said = neraca("reveal", person, *BY, "--field", "name", settings=settings)
    assert "Siti Rahasia 1" in said.out.decode()
    assert "3501" not in said.out.decode()
    records = query(
        settings,
        "SELECT key_id, officer, kind, subject_id, status, parameters"
        " FROM neraca_access.access_records ORDER BY number",
    )
    assert [
        ("neraca", "o-7", kind, subject, 200)
        for kind, subject in (
            ("find", person),
            ("find", other),
            ("reveal", person),
            ("reveal", person),
        )
    ] == [record[:5] for record in records]
    assert ["nik name birth_date passport", "name"] == [record[5]["fields"] for record in records[2:]]
    assert {"file 12/2026"} == {record[5]["reason"] for record in records}

    before = journal(settings)
    log = tree_of(before)
    seq = next(number for number, value in enumerate(before) if decode_decision(value).person_id == person)
    proof = inclusion_proof(seq, len(before), log.node)

    for spelling in (person, person.upper(), person.replace("-", "")):
        refused = neraca("erase", spelling, *BY, "--yes", settings=settings)
        assert (2, True) == (refused.code, "registration R-1 of this person is open" in refused.err)
        assert 0 == neraca("reveal", spelling, *BY, settings=settings).code
    assert {(person,)} == set(
        query(settings, "SELECT subject_id FROM neraca_access.access_records WHERE kind = 'reveal'")
    )
    unsure = neraca("erase", person, *BY, "--while-open", settings=settings)
    assert (2, True) == (unsure.code, "Give --yes" in unsure.err)
    said = neraca("erase", person, *BY, "--yes", "--while-open", "--json", settings=settings)
    assert (0, "") == (said.code, said.err)
    erased = json.loads(said.out)
    assert (person, True, len(before)) == (erased["person_id"], erased["is_new"], erased["seq"])
    again = json.loads(neraca("erase", person, *BY, "--json", settings=settings).out)
    assert erased | {"is_new": False} == again

    said = neraca("reveal", person, *BY, settings=settings)
    assert (1, True) == (said.code, b"was erased by o-7" in said.out)
    assert 410 == query(settings, "SELECT status FROM neraca_access.access_records ORDER BY number")[-1][0]
    said = neraca("reveal", other, *BY, "--json", settings=settings)
    assert (0, "Siti Rahasia 2") == (said.code, fields_of(said)[0]["name"])

    # The journal goes on where it stood; what was proved is proved; the same actions give the same bytes.
    after = journal(settings)
    assert before == after[: len(before)]
    last = decode_decision(after[-1])
    assert (len(before) + 1, "person_erased", "ACCEPTED") == (len(after), last.kind, last.outcome)
    grown = tree_of(after)
    assert verify_inclusion(leaf_hash(before[seq]), seq, len(before), proof, grown.root(len(before)))
    consistency = consistency_of(len(before), len(after), grown.node)
    assert verify_consistency(len(before), len(after), log.root(), grown.root(), consistency)
    assert after == executed_again(settings)

    # The extract still holds the person; the ledger takes nothing of it back.
    keys = query(settings, "SELECT wrapped_key IS NULL FROM neraca_keys.people ORDER BY 1")
    assert [(False,), (True,)] == keys
    said = neraca("import", tmp_path / "extract", "--json", settings=settings)
    assert {"DUPLICATE"} == set(json.loads(said.out)["outcomes"])
    assert person == person_of(settings, SITI["nik"])
    said = neraca("reveal", person, *BY, "--json", settings=settings)
    assert (1, []) == (said.code, fields_of(said))


def test_a_seal_that_does_not_open_hides_no_other(busy: Crew) -> None:
    """Whoever may send actions can put one there: it is told by its field, and the others are shown. So is
    what the same action held before it was sent again.
    """
    settings = busy.settings
    person = person_of(settings, SITI["nik"])
    cancelled = {
        "action_id": str(uuid.UUID(int=77)),
        "kind": "cancelled",
        "system": "SISKOTKLN",
        "office": {"type": "LTSA", "code": "LTSA-1"},
        "officer": "o-1",
        "occurred_at": "2022-12-01T09:00:00+07:00",
        "entered_at": "2022-12-01T09:00:00+07:00",
        "registration_id": "R-1",
        "reason": "x",
        "sealed": json.loads(seal_fields(bytes(32), bytes(16), {"name": "Siti Rahasia 1"})),
    }
    held = {name: value for name, value in cancelled.items() if name not in {"sealed", "registration_id"}} | {
        "action_id": str(uuid.UUID(int=78)),
        "kind": "person_held",
        "system": "BP2MI",
        "office": {"type": "HQ", "code": "BP2MI"},
        "person_id": person,
    }
    later = [held | {"personal": {"name": name}} for name in ("Siti Lain", "Siti Lain", "Siti Lagi")]
    sealed = neraca("seal", "-", stdin=lines_of(later), settings=settings).decisions
    assert 0 == neraca("submit", "-", stdin=lines_of([cancelled, *sealed]), settings=settings).code
    eventually("its rows are there", lambda: len(query(settings, _SENT_HERE)) == 4, 20)
    said = neraca("reveal", person, *BY, "--json", settings=settings)
    names = [{"name": "Siti Lain"}, {"name": "Siti Lagi"}]
    assert (0, [SITI, None, *names], "") == (said.code, fields_of(said), said.err)
    told = json.loads(said.out)["actions"]
    assert [None, "name", None, None] == [action["broken"] for action in told]
    assert [False, False, False, True] == [action["sent_again"] for action in told]
    assert b"name does not open" in neraca("reveal", person, *BY, settings=settings).out


_SENT_HERE = "SELECT seq FROM neraca.decisions WHERE kind IN ('cancelled', 'person_held')"


def test_a_cut_erasure_is_finished_and_a_refused_one_destroys_nothing(busy: Crew) -> None:
    """While nobody decides, the key stays and the wish is kept; a hold bars it until its release."""
    settings = busy.settings
    decider: Service = busy._started[0]
    person, held = person_of(settings, "3501014503900002"), person_of(settings, SITI["nik"])
    decider.kill()
    said = neraca("erase", person, *BY, "--yes", "--timeout-seconds", "1", settings=settings)
    assert (2, True) == (said.code, "no decision came" in said.err)
    assert 0 == neraca("reveal", person, *BY, settings=settings).code
    busy.start()
    other = ("--officer", "o-8", "--reason", "another reason")
    said = neraca("erase", person, *other, "--yes", "--json", settings=settings)
    assert (0, "o-7", "file 12/2026") == (
        said.code,
        *(json.loads(said.out)[name] for name in ("officer", "reason")),
    )
    assert 1 == neraca("reveal", person, *BY, settings=settings).code

    def hold(kind: str, number: int) -> None:
        action = {
            "action_id": f"00000000-0000-0000-0000-{number:012}",
            "kind": kind,
            "system": "BP2MI",
            "office": {"type": "HQ", "code": "HQ"},
            "officer": "o-1",
            "occurred_at": "2026-01-01T00:00:00+07:00",
            "entered_at": "2026-01-01T00:00:00+07:00",
            "person_id": held,
            "reason": "identity in dispute",
        }
        assert "ACCEPTED" in neraca("submit", "-", stdin=lines_of([action]), settings=settings).out.decode()

    hold("person_held", 1)
    arguments = ("erase", held, *BY, "--yes", "--while-open")
    for _ in range(2):
        said = neraca(*arguments, settings=settings)
        assert (1, True) == (said.code, "refuses it with PERSON_ON_HOLD" in said.err)
    assert 0 == neraca("reveal", held, *BY, settings=settings).code
    hold("person_released", 2)
    assert 0 == neraca(*arguments, settings=settings).code
    assert executed_again(settings) == journal(settings)

    # A backup from before brings both keys back; the ledger knows better.
    with psycopg.connect(settings.keystore_dsn(), autocommit=True) as connection:
        connection.execute("DELETE FROM neraca_keys.erasures")
        connection.execute(
            "UPDATE neraca_keys.people SET wrapped_key = '', master_key_id = '', erased_at = NULL"
        )
    eventually(
        "the tables have both",
        lambda: (
            [(2,)]
            == query(
                settings,
                "SELECT count(*) FROM neraca.decisions WHERE kind = 'person_erased' AND outcome = 'ACCEPTED'",
            )
        ),
    )
    said = neraca("keystore", "reconcile", "--json", settings=settings)
    assert (0, {"erased_again": 2}) == (said.code, json.loads(said.out))
    status = json.loads(neraca("keystore", "status", "--json", settings=settings).out)
    assert (2, 2, 0) == (status["people"], status["people_erased"], status["erasures_unfinished"])


@pytest.mark.parametrize(
    ("arguments", "said_to"),
    [
        (("reveal", "p-1", "--officer", "o", "--reason", " "), "--reason is empty"),
        (("reveal", "p-1", "--officer", "o", "--reason", "r\udcff"), "--reason is no UTF-8 text"),
        (("erase", "p-1", "--officer", "o\udcff", "--reason", "r", "--yes"), "--officer is no UTF-8 text"),
        (("reveal", "p-1\udcff", "--officer", "o", "--reason", "r"), "PERSON is no person's id"),
        (("reveal", "p-1", "--officer", "o", "--reason", "NIK 3501 0145 0390 0001"), "what looks like a NIK"),
        (("reveal", "p-1", "--officer", "o", "--reason", "r", "--field", "phone"), "--field names something"),
        (
            ("erase", "p-1", "--officer", "3501014503900001", "--reason", "r", "--yes"),
            "what looks like a NIK",
        ),
        (("reveal", "3501014503900001", "--officer", "o", "--reason", "r"), "PERSON is no person's id"),
        (("erase", "Siti 0390", "--officer", "o", "--reason", "r", "--yes"), "PERSON is no person's id"),
        (("keystore", "find"), "--officer is empty"),
    ],
)
def test_bad_words_are_refused(arguments: tuple[str, ...], said_to: str, settings: Settings) -> None:
    """With exit code 2, and without repeating what was given."""
    said = neraca(*arguments, settings=settings, stdin=b"3501014503900001\n")
    assert (2, b"") == (said.code, said.out)
    assert said_to in said.err
    assert "0390" not in said.err


def test_somebody_is_made_for_a_correction(settings: Settings) -> None:
    """Who was never met gets an id when asked, once, and on record; never for what is no NIK."""
    find = ("keystore", "find", *BY)
    said = neraca(*find, "--make", stdin=b"35010145039\n", settings=settings)
    assert (2, b"", True) == (said.code, said.out, "no NIK of 16 digits" in said.err)
    made = neraca(*find, "--make", stdin=b"3501 0145 0390 0001\n", settings=settings)
    again = neraca(*find, "--make", stdin=b"3501014503900001\n", settings=settings)
    known = neraca(*find, stdin=b"3501014503900001\n", settings=settings)
    assert [0, 0, 0] == [each.code for each in (made, again, known)]
    assert made.out == again.out == known.out
    assert [("find", 201), ("find", 200), ("find", 200)] == query(
        settings, "SELECT kind, status FROM neraca_access.access_records ORDER BY 1, 2 DESC"
    )


def test_whom_nobody_knows(settings: Settings) -> None:
    """Exit code 1 where there is nothing to show, 2 where there is nobody to erase; and it is on record."""
    said = neraca("keystore", "find", *BY, stdin=b"3501014503900001\n", settings=settings)
    assert (1, b"", True) == (said.code, said.out, "ever met" in said.err)
    said = neraca("erase", "3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1", *BY, "--yes", settings=settings)
    assert (2, True) == (said.code, "has no such person" in said.err)
    assert [("find", "", 404)] == query(
        settings, "SELECT kind, subject_id, status FROM neraca_access.access_records"
    )
