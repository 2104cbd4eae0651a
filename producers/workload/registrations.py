"""What an extract is made of, before it is written: people, permits, registrations with their rows.

Plain records. All people are invented.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from producers.workload.nation import Destination, Job, Office
from producers.workload.spelling import EPOCH


def day_of(year: int, month: int, day: int) -> int:
    """Days since 1970 of a date."""
    return (date(year, month, day) - EPOCH).days


CLOSURE: Final = day_of(2023, 7, 17)
"""T_0, as a day in WIB."""


@dataclass(slots=True)
class Line:
    """A line of a permit, and what the old system counted on it."""

    number: int
    position: str
    sex: str
    units: int
    taken: int = 0
    returned: int = 0
    miscounted: int = 0
    """Units that the old system took off without reason, or forgot to give back."""
    unseen: int = 0
    """Units that mishaps keep the ledger from taking; the old system took them."""

    @property
    def remaining(self) -> int:
        """`sisa_kuota`."""
        return self.units - self.taken + self.returned - self.miscounted


@dataclass(slots=True)
class Permit:
    """A permit of an agency for one destination."""

    number: str
    agency: str
    country: str
    issued: int
    revoked: int | None = None
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Person:
    """Somebody who does not exist."""

    nik: str
    name: str
    born: int
    sex: str
    passport: str


@dataclass(slots=True)
class Stage:
    """A row of tahapan.csv: local readings at its office, days since 1970 and seconds of the day."""

    name: str
    day: int
    second: int
    entered_day: int
    entered_second: int
    office: Office
    evidence: str = ""
    text: str = ""
    spelled: dict[str, str] = field(default_factory=dict)
    """Cells that replace what would be written."""


@dataclass(slots=True)
class Life:
    """A registration with its rows."""

    registration: str
    person: Person
    destination: Destination
    scheme: str
    job: Job
    office: Office
    permit: Permit | None = None
    line: Line | None = None
    stages: list[Stage] = field(default_factory=list)
    training: tuple[str, int, int | None] | None = None
    spelled: dict[str, str] = field(default_factory=dict)
    is_return: bool = False
    """Whether the person had a registration before."""


@dataclass(slots=True)
class Truth:
    """What a reader of the extract must find, no more and no less."""

    actions: int = 0
    repeated: int = 0
    defects: list[tuple[str, int, str, str]] = field(default_factory=list)
    """File, line, column, kind."""
    refused: Counter[str] = field(default_factory=Counter)
    """Codes of the actions that the ledger refuses."""
