"""Personal data in the clear, as a source hands it over to be sealed: read, judged, sealed for one action.

What is wrong is told by field, never by value.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from producers.sealing.envelope import FIELD_BYTES_MAX, FIELDS, seal_fields
from producers.sealing.people import People, Person
from schemas.errors import ShapeError
from schemas.instants import BadInstantError, parse_date
from schemas.shape import ID_BYTES_MAX, Problem

# The object beside the fields of an action; it ends where `sealed` begins.
PERSONAL: Final = "personal"
NIK_DIGITS: Final = 16
_SPACES: Final = re.compile(r"\s+")
_NOT_ALNUM: Final = re.compile(r"[\W_]+")
_GROUPING: Final = re.compile(r"[ ._/-]")
# A shorter number stands in many a text by chance.
_NUMBER_MIN: Final = 6
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clear:
    """What is to be sealed.

    Attributes:
        action_id: For which action, and for no other.
        person_id: Whose it is, where the source knows; else the NIK tells.
        fields: By name, of `FIELDS`.

    """

    action_id: bytes
    person_id: str | None
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sealing:
    """What became of it.

    Attributes:
        person_id: Whose it is.
        sealed: The text of `sealed`; None where the person was erased, and nothing is sealed any more.
        problem: Why it was not sealed, where it was not; then nothing else holds.

    """

    person_id: str
    sealed: str | None
    problem: Problem | None = None


def plain_nik(cell: str) -> str:
    """Give a NIK without the spaces, dots and dashes, and the apostrophe of a spreadsheet."""
    return _SPACES.sub("", cell).lstrip("'").replace("-", "").replace(".", "")


def clear_of(value: Mapping[str, object]) -> Clear:
    """Read `action_id`, `person_id` and the object `personal` of a request or a line.

    Raises:
        ShapeError: something of it cannot be; `problems` has everything that is wrong.

    """
    found: list[Problem] = []
    action_id = value.get("action_id")
    if not isinstance(action_id, str) or _UUID.fullmatch(action_id) is None:
        found.append(Problem("action_id", "it is no UUID", "the id of the action that will carry it"))
        action_id = ""
    person_id = value.get("person_id")
    if person_id is not None and not (
        isinstance(person_id, str) and 0 < len(person_id.encode("utf-8", "replace")) <= ID_BYTES_MAX
    ):
        found.append(Problem("person_id", "it is no id", "leave it out: the NIK tells whose it is"))
        person_id = None
    fields = _fields(found, value.get(PERSONAL))
    if "nik" not in fields and person_id is None and not found:
        found.append(Problem(f"{PERSONAL}.nik", "it is missing", "the NIK, or person_id, tells whose it is"))
    if found:
        first = found[0]
        raise ShapeError(first.reason, field=first.field, advice=first.advice, problems=found)
    return Clear(uuid.UUID(action_id).bytes, person_id, fields)


def slipped_beside(value: Mapping[str, object], fields: Mapping[str, str]) -> list[Problem]:
    """Give the fields of an action in which something stands in the clear that is to be sealed in it.

    Whoever seals knows what to look for: NIK and passport number however they are grouped, the date as it is
    sealed, and a name of two words or more. `value` is the action without what is sealed.
    """
    return [
        Problem(
            name, f"it holds what is to be sealed as {what}", "leave it out: it stays in the clear for good"
        )
        for name, text in _texts(value)
        for what in FIELDS
        if what in fields and _holds(text, what, fields[what])
    ]


def _texts(value: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, found in value.items():
        if isinstance(found, str):
            yield name, found
            continue
        for inner in found if isinstance(found, list) else [found]:
            if isinstance(inner, Mapping):
                yield from ((name, text) for _, text in _texts(inner))


def _holds(text: str, what: str, sealed: str) -> bool:
    words = _NOT_ALNUM.sub(" ", sealed.casefold()).split()
    if what == "name":
        return len(words) > 1 and f" {' '.join(words)} " in f" {_NOT_ALNUM.sub(' ', text.casefold())} "
    if what == "birth_date":
        return sealed in text
    number = "".join(words)
    return len(number) >= _NUMBER_MIN and number in _GROUPING.sub("", text.casefold())


def seal_all(people: People, given: Sequence[Clear]) -> list[Sealing]:
    """Seal each for its action, under the key of its person; who is new gets an id and a key."""
    by_nik = [one for one in given if "nik" in one.fields]
    owners = dict(zip(map(id, by_nik), people.of_niks([one.fields["nik"] for one in by_nik]), strict=True))
    named = people.of_ids([one.person_id for one in given if one.person_id is not None])
    return [_sealing(one, owners.get(id(one)), named) for one in given]


def _sealing(one: Clear, owner: Person | None, named: Mapping[str, Person]) -> Sealing:
    if owner is None:
        owner = named.get(one.person_id or "")
        if owner is None:
            return _wrong("person_id", "the key store has no such person", "send the NIK as well")
    elif one.person_id is not None and one.person_id != owner.person_id:
        return _wrong(
            "person_id", "it is not the owner of this NIK", "leave it out, or see docs/corrections.md"
        )
    if owner.key is None:
        return Sealing(owner.person_id, None)
    return Sealing(owner.person_id, seal_fields(owner.key, one.action_id, one.fields))


def _wrong(field_: str, reason: str, advice: str) -> Sealing:
    return Sealing("", None, Problem(field_, reason, advice))


def _fields(found: list[Problem], personal: object) -> dict[str, str]:
    if not isinstance(personal, dict) or not personal:
        found.append(Problem(PERSONAL, "it is no object with fields", f"some of {', '.join(FIELDS)}"))
        return {}
    if any(name not in FIELDS for name in personal):
        found.append(Problem(PERSONAL, "it has a field that is not sealed", f"some of {', '.join(FIELDS)}"))
    fields = {}
    for name in FIELDS:
        value = personal.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not value.strip():
            found.append(Problem(f"{PERSONAL}.{name}", "it is no text, or an empty one", "a text, in quotes"))
        elif any("\ud800" <= letter <= "\udfff" for letter in value):
            found.append(Problem(f"{PERSONAL}.{name}", "it holds half a character", "whole characters"))
        elif len(value.encode("utf-8")) > FIELD_BYTES_MAX:
            found.append(Problem(f"{PERSONAL}.{name}", "it is too long", f"at most {FIELD_BYTES_MAX} bytes"))
        else:
            fields[name] = value.strip()
    _check_forms(found, fields)
    return fields


def _check_forms(found: list[Problem], fields: dict[str, str]) -> None:
    if "nik" in fields:
        fields["nik"] = plain_nik(fields["nik"])
        if not (len(fields["nik"]) == NIK_DIGITS and fields["nik"].isascii() and fields["nik"].isdigit()):
            found.append(Problem(f"{PERSONAL}.nik", "it is no NIK", "sixteen digits"))
    if "birth_date" in fields:
        try:
            parse_date(fields["birth_date"])
        except BadInstantError as error:
            found.append(Problem(f"{PERSONAL}.birth_date", error.reason, error.advice))
