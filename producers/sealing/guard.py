"""Keeps personal data out of fields that are never sealed, as far as it can be told by its form.

A net under the producers, not a promise: a name has no form. Producers refuse with it; a record that came
past them is judged by `schemas/shape.py` alone, so that no journal ever depends on this.
"""

from __future__ import annotations

import re
from typing import Final

from producers.sealing.envelope import is_ours, says_it_is_ours
from schemas.action_json import read_action_line
from schemas.errors import ShapeError
from schemas.framing import ActionRecord
from schemas.records import Action
from schemas.shape import Problem

# Sixteen digits in a row, grouped or not: a place, DDMMYY with 40 added to the day for women, a number.
# In whatever digits: also those of a phone set to Arabic, and the wide ones of an office in Taiwan.
_SIXTEEN: Final = re.compile(r"(?<!\d)\d(?:[ .-]?\d){15}(?!\d)")
# UUIDs, and long hexadecimal numbers with a letter. One random UUID in 340 has sixteen digits in a row: taken
# for a NIK, nobody could ever act for that person, nor erase them.
_MADE_BY_MACHINE: Final = re.compile(
    r"(?<![0-9a-z])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?=\d*[a-f])[0-9a-f]{20,})(?![0-9a-z])",
    re.ASCII | re.IGNORECASE,
)
_NOT_DIGITS: Final = re.compile(r"\D")
_SPACE: Final = re.compile(r"\s")
_PASSPORT: Final = re.compile(r"[A-Za-z]{1,2}\d{6,8}", re.ASCII)
_DATE: Final = re.compile(r"\d{1,4}[/-]\d{1,2}[/-]\d{1,4}", re.ASCII)
_ADVICE: Final = "a person goes by a random id, and a NIK travels sealed: POST /v1/people, or `neraca seal`"


def has_nik(text: str) -> bool:
    """Tell whether a text holds a number that can be a NIK: sixteen digits with a birth date among them."""
    for found in _SIXTEEN.finditer(_MADE_BY_MACHINE.sub("#", text)):
        digits = _NOT_DIGITS.sub("", found[0])
        if 1 <= int(digits[6:8]) % 40 <= 31 and 1 <= int(digits[8:10]) <= 12:
            return True
    return False


def may_identify(text: str) -> bool:
    """Tell whether what should be an opaque id has the form of a NIK, a name, a passport number or a date."""
    return (
        _SIXTEEN.search(_MADE_BY_MACHINE.sub("#", text)) is not None
        or _SPACE.search(text) is not None
        or not any(letter.isdigit() for letter in text)
        or _PASSPORT.fullmatch(text) is not None
        or _DATE.fullmatch(text) is not None
    )


def slipped(action: Action) -> list[Problem]:
    """Give the fields in which a NIK stands in the clear, or that say they are sealed and are not; each once
    and without it.
    """
    texts = (
        ("person_id", action.person_id),
        ("position", action.position),
        ("reason", action.reason),
        ("topic", action.topic),
        ("channel", action.channel),
        ("sealed", action.sealed),
    )
    found = [
        Problem(field, "it holds what looks like a NIK", _ADVICE)
        for field, text in texts
        if text is not None and has_nik(text)
    ]
    sealed = action.sealed
    if not found and sealed is not None and says_it_is_ours(sealed) and not is_ours(sealed):
        found.append(Problem("sealed", "it says that it is sealed, and holds something else", _ADVICE))
    return found


def read_to_send(line: bytes | str) -> ActionRecord:
    """Read one line of JSON as an action that may be sent.

    Raises:
        ShapeError: it breaks the shape, or a NIK stands in it in the clear.

    """
    record = read_action_line(line)
    if found := slipped(record.action):
        first = found[0]
        raise ShapeError(first.reason, field=first.field, advice=first.advice, problems=found)
    return record
