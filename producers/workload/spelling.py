"""How an operator writes dates, times, numbers and countries: in all the ways that the contract allows.

Draws its choices from the random numbers handed in. Must not write anything wrong: `mishaps` does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

EPOCH: Final = date(1970, 1, 1)
COUNTRY_NAMES: Final = MappingProxyType(
    {
        "TW": ("TAIWAN", "Taiwan", "TW"),
        "MY": ("MALAYSIA", "Malaysia", "MY"),
        "HK": ("HONGKONG", "Hong Kong", "HK"),
        "KR": ("KOREA SELATAN", "South Korea", "KR"),
        "JP": ("JEPANG", "Japan", "JP"),
        "SG": ("SINGAPURA", "Singapore", "SG"),
        "SA": ("ARAB SAUDI", "Saudi Arabia", "SA"),
        "IT": ("ITALIA", "Italy", "IT"),
        "BN": ("BRUNEI DARUSSALAM", "BRUNAI", "BN"),
        "TR": ("TURKI", "Turkey", "TR"),
        "PL": ("POLANDIA", "Poland", "PL"),
        "AE": ("UNI EMIRAT ARAB", "United Arab Emirates", "UEA"),
        "MV": ("MALADEWA", "Maldives", "MV"),
        "QA": ("QATAR", "Qatar", "QA"),
        "NZ": ("SELANDIA BARU", "New Zealand", "NZ"),
        "JO": ("YORDANIA", "Jordan", "JO"),
    }
)
SCHEME_NAMES: Final = MappingProxyType(
    {
        "P_TO_P": "P TO P",
        "G_TO_G": "G TO G",
        "G_TO_P": "G TO P",
        "UKPS": "UKPS",
        "INDIVIDUAL": "PERSEORANGAN",
    }
)


class Spelling:
    """Writes values, each time in another of the ways that are in use."""

    __slots__ = ("_random",)

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random

    def day(self, day: int) -> str:
        """A date, given as days since 1970."""
        on = EPOCH + timedelta(days=day)
        chance = self._random()
        if chance < 0.6:
            return f"{on.day:02d}/{on.month:02d}/{on.year}"
        if chance < 0.8:
            return f"{on.day:02d}-{on.month:02d}-{on.year}"
        return on.isoformat()

    def time(self, second_of_day: int) -> str:
        """A time of day; 86,400 is the midnight at its end."""
        hour, rest = divmod(second_of_day, 3600)
        minute, second = divmod(rest, 60)
        chance = self._random()
        mark = "." if chance < 0.7 else ":"
        if second or chance < 0.1:
            return f"{hour:02d}{mark}{minute:02d}{mark}{second:02d}"
        return f"{hour:02d}{mark}{minute:02d}"

    def country(self, code: str) -> str:
        """A country, by one of its names or its code."""
        names = COUNTRY_NAMES[code]
        name = names[int(self._random() * len(names))]
        return name.lower() if self._random() < 0.05 else name

    def number(self, text: str) -> str:
        """A long number, now and then in groups."""
        if self._random() < 0.03:
            return " ".join(text[begin : begin + 4] for begin in range(0, len(text), 4))
        return text

    def __repr__(self) -> str:
        return "Spelling()"
