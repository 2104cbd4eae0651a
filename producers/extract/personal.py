"""Personal cells, judged while they are read and never kept: NIK, birth date, sex, passport, name.

Gives keyed hashes and verdicts. Also keeps out of texts what somebody typed into the wrong column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from producers.extract.identity import HASH_BYTES, Pseudonyms
from producers.extract.moments import parse_day
from producers.sealing.clear import plain_nik
from schemas.instants import format_date

NIK_DIGITS: Final = 16
_NIK_SLIP_MAX: Final = 4
REMOVED: Final = "[…]"
_SPACES: Final = re.compile(r"\s+")
# Sixteen digits in a row, however they are grouped, and no digit beside them.
_NIK_IN_TEXT: Final = re.compile(r"(?<!\d)\d(?:[ .-]?\d){15}(?!\d)", re.ASCII)
_PASSPORT: Final = re.compile(r"[A-Za-z]{1,2}\d{6,8}", re.ASCII)
# Two words side by side: no code of an officer looks like this. Nor is a word without a digit one: many an
# Indonesian has one name.
# From the last letter of the one to the first of the other: whole words would be read again from each letter.
_WORDS: Final = re.compile(r"[^\W\d_][.,]*\s+[^\W\d_]")
# A NIK, or the number of a civil servant (NIP), which begins with the birth date.
_LONG_NUMBER: Final = re.compile(r"\d(?:[ .-]?\d){15,}", re.ASCII)
_PASSPORT_IN_TEXT: Final = re.compile(r"(?<![^\W_])[A-Za-z]{1,2}[ .-]{0,2}\d{6,8}(?!\d)", re.ASCII)
# Dates in a text, with more between their parts than a cell of dates may have, or nothing.
_DATE_IN_TEXT: Final = re.compile(
    r"(?<!\d)(?:(\d{1,2})[ ./-]{0,2}(\d{1,2}|[a-z]{3,9})[ ./-]{0,2}(\d{4})"
    r"|(\d{4})([ ./-]?)(\d{2})\5(\d{2}))(?!\d)",
    re.ASCII | re.IGNORECASE,
)
# Months by their first three letters, in Indonesian and English.
_MONTHS: Final = MappingProxyType(
    {
        name: number
        for number, names in enumerate(
            (
                "jan",
                "feb peb",
                "mar",
                "apr",
                "mei may",
                "jun",
                "jul",
                "agu aug ags",
                "sep",
                "okt oct",
                "nov nop",
                "des dec",
            ),
            start=1,
        )
        for name in names.split()
    }
)
_WORD: Final = re.compile(r"[^\s,;:()\[\]\"'|=]+")
_NOT_LETTERS: Final = re.compile(r"[\W_]+")
# Words of a name that are looked for in texts; more has hardly anybody.
_NAME_WORDS_MAX: Final = 12


def has_nik(text: str) -> bool:
    """Tell whether a text holds sixteen digits in a row, however they are grouped."""
    return _NIK_IN_TEXT.search(text) is not None


def may_be_nik(text: str) -> bool:
    """Tell whether a number has the form of a NIK: it is not kept unless known for something else."""
    nik = plain_nik(text)
    return len(nik) == NIK_DIGITS and nik.isascii() and nik.isdigit()


def may_be_personal(text: str) -> bool:
    """Tell whether what should be an identifier may be a name, a NIK, a passport number or a birth date.

    In a row that is wrong the columns may have shifted; then it is better not to repeat it.
    """
    return (
        may_be_nik(text)
        or not any(letter.isdigit() for letter in text)
        or _SPACES.search(text) is not None
        or _PASSPORT.fullmatch(text) is not None
        or parse_day(text) is not None
    )


def misplaced(text: str, cells: Mapping[str, str]) -> bool:
    """Tell whether an identifier has the form of personal data whose own cell holds something else.

    So where two cells changed places: then nothing in the row tells whose NIK or name this is. `cells` are
    the row's personal cells, by column.
    """
    nik, name = plain_nik(cells["nik"]), cells["nama"]
    passport, born = plain_passport(cells["no_paspor"]), cells["tgl_lahir"]
    # A digit too many or too few is a slip, and no number of something else.
    is_nik = nik.isdigit() and abs(len(nik) - NIK_DIGITS) <= _NIK_SLIP_MAX
    return (
        (not is_nik and has_nik(text))
        or (passport != "" and not _PASSPORT.fullmatch(passport) and _PASSPORT.fullmatch(text) is not None)
        or (born != "" and parse_day(born) is None and parse_day(text) is not None)
        # A name is no number: it has words, or no digit.
        or (is_number(name) and not is_number(text))
    )


def is_number(text: str) -> bool:
    """Tell whether a text looks like the number of something: a digit in it, and no space."""
    return any(letter.isdigit() for letter in text) and _SPACES.search(text) is None


def officer_of(pseudonyms: Pseudonyms, cell: str) -> str:
    """Give an officer as an opaque text: a code as it stands, a keyed hash where it may be a name or NIK."""
    if (
        not any(letter.isdigit() for letter in cell)
        or _WORDS.search(cell) is not None
        or _LONG_NUMBER.search(cell) is not None
        or may_be_nik(cell)
    ):
        return f"officer-{pseudonyms.officer(' '.join(plain_name(cell)) or plain_nik(cell)).hex()}"
    return cell


def is_rounded(nik: str) -> bool:
    """Tell whether a spreadsheet made the number `3,2E+15`: nobody knows any more whose it was."""
    return "E+" in nik.upper()


def contradiction(nik: str, birth_day: int | None, sex: str) -> str:
    """Tell what a NIK contradicts, as a part of a sentence; empty for nothing.

    Its digits 7 to 12 are the birth date as DDMMYY, with 40 added to the day for women (domain §2).
    """
    if len(nik) != NIK_DIGITS or not (nik.isascii() and nik.isdigit()):
        return "its form: it has not sixteen digits"
    day, month, year = int(nik[6:8]), int(nik[8:10]), int(nik[10:12])
    contradicts = []
    if birth_day is not None:
        born = format_date(birth_day)
        if (day - 40 if day > 40 else day, month, year) != (int(born[8:]), int(born[5:7]), int(born[2:4])):
            contradicts.append("the birth date")
    if sex and (day > 40) != (sex == "F"):
        contradicts.append("the sex")
    return " and ".join(contradicts)


def plain_passport(cell: str) -> str:
    """Give a passport number without case, and without what stands between its letters and digits."""
    return _NOT_LETTERS.sub("", cell).upper()


def plain_name(cell: str) -> list[str]:
    """Give the words of a name, as they are compared."""
    return _NOT_LETTERS.sub(" ", cell.casefold()).split()[:_NAME_WORDS_MAX]


def marks_of(pseudonyms: Pseudonyms, name: str, passport: bytes | None, birth_day: int | None) -> bytes:
    """Give hashes by which this person's data would be known again in a text."""
    words = plain_name(name)
    return b"".join(
        (
            bytes([len(words)]),
            pseudonyms.name(" ".join(words)) if words else bytes(HASH_BYTES),
            passport or bytes(HASH_BYTES),
            bytes(HASH_BYTES) if birth_day is None else pseudonyms.birth(birth_day),
        )
    )


def is_personal(
    text: str, pseudonyms: Pseudonyms, person: bytes | None, marks: bytes | None, *, is_trade: bool = False
) -> bool:
    """Tell whether an identifier has this person's NIK, name, passport number or birth date in it.

    So where columns have shifted, or somebody typed into the wrong one. A name of one word may be an ordinary
    word of a trade (`is_trade`), and is not taken for a name there.
    """
    if is_trade and marks is not None and marks[0] == 1:
        marks = bytes(1) + marks[1:]
    return without_personal_data(text, pseudonyms, person, marks, is_free=False) != text


def without_personal_data(
    text: str, pseudonyms: Pseudonyms, person: bytes | None, marks: bytes | None, *, is_free: bool
) -> str:
    """Give a text with every NIK, and this person's name, passport number and birth date, taken out.

    Where the text is not free but an identifier (`is_free` false), sixteen digits are taken out only if they
    are this person's NIK: a reference may have as many.
    """

    def nik(match: re.Match[str]) -> str:
        if is_free or pseudonyms.person(plain_nik(match[0])) == person:
            return REMOVED
        return match[0]

    text = _NIK_IN_TEXT.sub(nik, text)
    if marks is None:
        return text
    count = marks[0]
    name, passport, birth = (
        marks[1 + number * HASH_BYTES : 1 + (number + 1) * HASH_BYTES] for number in range(3)
    )
    spans = [
        match.span()
        for match in _PASSPORT_IN_TEXT.finditer(text)
        if pseudonyms.passport(plain_passport(match[0])) == passport
    ]
    spans += [
        match.span()
        for match in _DATE_IN_TEXT.finditer(text)
        if (day := _day_of(match)) is not None and pseudonyms.birth(day) == birth
    ]
    # A passport number of another form, as a word of its own.
    spans += [
        word.span()
        for word in _WORD.finditer(text)
        if pseudonyms.passport(plain_passport(word[0])) == passport
    ]
    if count:
        parts = [(match[0].casefold(), match.start(), match.end()) for match in re.finditer(r"[^\W_]+", text)]
        for begin in range(len(parts) - count + 1):
            run = parts[begin : begin + count]
            if pseudonyms.name(" ".join(part[0] for part in run)) == name:
                spans.append((run[0][1], run[-1][2]))
    return _without(text, spans)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Give a text with pieces taken out; pieces may overlap."""
    kept, at = [], 0
    for begin, end in sorted(spans):
        if begin >= at:
            kept += [text[at:begin], REMOVED]
        at = max(at, end)
    return "".join((*kept, text[at:]))


def _day_of(match: re.Match[str]) -> int | None:
    """Give the days since 1970 of a date found in a text, or None where there is no such day."""
    day, month, year = (match[1], match[2], match[3]) if match[1] else (match[7], match[6], match[4])
    number = int(month) if month.isdigit() else _MONTHS.get(month[:3].lower())
    return None if number is None else parse_day(f"{day}-{number}-{year}")
