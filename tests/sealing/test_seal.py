"""`neraca seal`, and what is sealed for whoever hands over personal data in the clear."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from neraca.keystore.store import KeyStore
from neraca.settings import Settings
from producers.sealing import open_fields
from producers.sealing.clear import clear_of, seal_all
from producers.sealing.guard import has_nik, may_identify, read_to_send
from schemas.errors import ShapeError
from tests.commands.console import lines_of, neraca
from tests.sealing.test_envelope import REGISTERED, SITI

UNSEALED = {name: value for name, value in REGISTERED.items() if name != "person_id"} | {"personal": SITI}


def test_actions_come_out_sealed_and_ready_to_send(
    settings: Settings, open_store: Callable[[], KeyStore]
) -> None:
    """The same person for the same NIK, however written; the rest of the action, and others, as it was."""
    spaced = UNSEALED | {"action_id": str(uuid.UUID(int=7)), "personal": {"nik": "3501 0145 0390 0001"}}
    other = dict(REGISTERED)
    said = neraca("seal", "-", stdin=lines_of([UNSEALED, spaced, other]), settings=settings)
    assert (0, "") == (said.code, said.err)
    first, second, third = said.decisions
    store = open_store()
    (person,) = store.of_niks([SITI["nik"]])
    assert person.person_id == first["person_id"] == second["person_id"]
    assert person.key is not None
    assert SITI == open_fields(person.key, uuid.UUID(int=1).bytes, json.dumps(first.pop("sealed")))
    assert {"nik": SITI["nik"]} == open_fields(
        person.key, uuid.UUID(int=7).bytes, json.dumps(second["sealed"])
    )
    assert REGISTERED | {"person_id": person.person_id} == first
    assert other == third
    read_to_send(json.dumps(second))


def test_lines_that_cannot_be_sealed_are_told_without_their_values(settings: Settings) -> None:
    """By line and field; the others are sealed; exit code 2."""
    bad: list[Any] = [
        UNSEALED | {"personal": SITI | {"nik": "350101"}},
        UNSEALED | {"personal": SITI | {"birth_date": "05/03/1990"}},
        UNSEALED | {"personal": {"name": "Siti Rahasia"}},
        UNSEALED | {"personal": {"phone": "0812345678"}},
        UNSEALED | {"personal": "Siti Rahasia"},
        UNSEALED | {"person_id": str(uuid.uuid4())},
        UNSEALED | {"kind": "Siti Rahasia"},
        {"personal": SITI},
        b'{"personal": "Siti',
    ]
    said = neraca("seal", "-", stdin=lines_of([*bad, UNSEALED]), settings=settings)
    assert (2, 1) == (said.code, len(said.decisions))
    for number in range(1, len(bad) + 1):
        assert f"line {number}: " in said.err
    assert f"{len(bad)} lines were left out" in said.err
    for value in (*SITI.values(), "Siti", "0812345678", "05/03/1990"):
        assert value not in said.err


def test_nothing_is_sealed_for_whom_was_erased(store: KeyStore) -> None:
    """The id stays what it was, so the action means the same; the data is not taken again."""
    (person,) = store.of_niks([SITI["nik"]])
    store.ask_erasure(person.person_id, "o-1", "r")
    store.destroy(person.person_id, 1)
    (sealing,) = seal_all(store, [clear_of(UNSEALED)])
    assert (person.person_id, None, None) == (sealing.person_id, sealing.sealed, sealing.problem)


def test_a_known_person_needs_no_nik(store: KeyStore) -> None:
    """With the id alone, other fields are sealed under the same key; an id that nobody has is a problem."""
    (person,) = store.of_niks([SITI["nik"]])
    named = UNSEALED | {"person_id": person.person_id, "personal": {"passport": "B1"}}
    stranger = named | {"person_id": str(uuid.uuid4())}
    known, unknown = seal_all(store, [clear_of(named), clear_of(stranger)])
    assert known.sealed is not None
    assert person.key is not None
    assert {"passport": "B1"} == open_fields(person.key, uuid.UUID(int=1).bytes, known.sealed)
    assert unknown.problem is not None
    assert "person_id" == unknown.problem.field


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3501014503900001", True),
        ("NIK 3501 0145 0390 0001.", True),
        ("3501.0145.0390.0001", True),
        ("3501010503900001", True),
        ("9999999999999999", False),
        ("35010145039000012", False),
        ("774bb89b-9ba2-4acb-8505-175111440117", False),
        ("P-22762295-0132-4178-8A91-78EB192FC9E0", False),
        ("6512bd43d9caa6e02c990b0a82652dca3501014503900001", False),
        ("22762295-0132-4178-8a91-78eb192fc9e0, NIK3501014503900001", True),
        ("3501-0145-0390-0001-aaaa", True),
        ("file 12/2026", False),
        # In wide digits, and in Arabic ones.
        ("NIK " + "".join(chr(0xFF10 + int(digit)) for digit in "3501014503900001"), True),
        ("".join(chr(0x0660 + int(digit)) for digit in "3501014503900001"), True),
    ],
)
def test_a_nik_is_told_by_its_form(text: str, expected: bool) -> None:  # noqa: FBT001 (a column of the table)
    """Sixteen digits with a birth date among them; a random id that happens to hold some is no NIK."""
    assert expected == has_nik(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R-1", False),
        ("3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1", False),
        ("22762295-0132-4178-8a91-78eb192fc9e0", False),
        ("20230217-0001", False),
        ("Siti Rahasia", True),
        ("Siti", True),
        ("3501014503900001", True),
        ("B1234567", True),
        ("1990-03-05", True),
    ],
)
def test_what_may_identify_somebody(text: str, expected: bool) -> None:  # noqa: FBT001 (the same)
    """Names, NIKs, passports and dates; ids are left alone."""
    assert expected == may_identify(text)


@pytest.mark.parametrize(
    "change",
    [
        {"person_id": "3501014503900001"},
        {"sealed": {"nik": "3501014503900001"}},
        {"evidence": [], "sealed": {"deep": [{"x": "lahir 3501-0145-0390-0001"}]}},
    ],
)
def test_a_nik_in_the_clear_is_not_sent(change: dict[str, Any]) -> None:
    """The field is named, the number is not."""
    with pytest.raises(ShapeError, match="looks like a NIK") as caught:
        read_to_send(json.dumps(REGISTERED | change))
    assert "0390" not in str(caught.value) + caught.value.advice


@pytest.mark.parametrize("name", ["Siti Rahasia", "SitiRahasia1234567", 7])
def test_what_says_it_is_sealed_must_be(name: object) -> None:
    """A name that stands where an envelope belongs is not sent, nor repeated; other forms are let through."""
    with pytest.raises(ShapeError, match="says that it is sealed") as caught:
        read_to_send(json.dumps(REGISTERED | {"sealed": {"v": 1, "name": name}}))
    assert "Siti" not in str(caught.value) + caught.value.advice
    read_to_send(json.dumps(REGISTERED | {"sealed": {"v": 2, "jws": "abc"}}))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"registration_id": "R-3501014503900001"}, "registration_id"),
        ({"registration_id": "3501.0145.0390.0001"}, "registration_id"),
        ({"position": "perawat b-0000001"}, "position"),
        ({"evidence": [{"type": "ktp", "reference": "SITI  rahasia.pdf"}]}, "evidence"),
        ({"office": {"type": "LTSA", "code": "1990-03-05"}}, "office"),
    ],
)
def test_what_is_sealed_does_not_stand_beside_it(
    change: dict[str, Any], field: str, settings: Settings
) -> None:
    """The line is left out, and said by its field."""
    personal = SITI | {"name": "Siti Rahasia"}
    said = neraca(
        "seal", "-", stdin=lines_of([UNSEALED | change | {"personal": personal}]), settings=settings
    )
    assert (2, []) == (said.code, said.decisions)
    assert f"line 1: {field}: it holds what is to be sealed" in said.err
    assert all(value not in said.err for value in (*personal.values(), "Siti"))
