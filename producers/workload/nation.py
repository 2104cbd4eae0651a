"""Who goes where, under which scheme, in which job, from which province and office: the numbers, and only
they.

Shares marked [S] are from the sources (2023; `docs/workload.md` names them). Everything else is invented,
and chosen so that the totals of the sources come out. The sources count placements; the history applies
their shares to the people who register.
"""

from __future__ import annotations

from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from producers.workload.timetable import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class Shares(Generic[T]):
    """Things to draw from, each with its share; shares need not add up to one."""

    __slots__ = ("_bounds", "things")

    def __init__(self, shares: Iterable[tuple[T, float]]) -> None:
        pairs = tuple(shares)
        total = sum(share for _, share in pairs)
        self.things: tuple[T, ...] = tuple(thing for thing, _ in pairs)
        # The last bound is left out: whatever the sums round to, every fraction below one finds a thing.
        self._bounds = tuple(bound / total for bound in accumulate(share for _, share in pairs[:-1]))

    def at(self, fraction: float) -> T:
        """The thing that a fraction (0 ≤ fraction < 1) falls on."""
        return self.things[bisect(self._bounds, fraction)]

    def __repr__(self) -> str:
        return f"Shares({', '.join(map(str, self.things))})"


@dataclass(frozen=True, slots=True)
class Job:
    """A position in one destination, and the share of women in it."""

    position: str
    women: float
    wish_of_women: str
    """Destination, position and sex as the fields of `registered` hold them; made once, shared by all
    candidates.
    """
    wish_of_men: str


@dataclass(frozen=True, slots=True)
class Destination:
    """A country, the days from registration to departure (median, log-normal), and what people do there."""

    code: str
    lead_days: int
    schemes: Shares[str]
    jobs: Shares[Job]


@dataclass(frozen=True, slots=True)
class Office:
    """An office that acts, in its own zone; `desks` are its officers, written as the action holds them."""

    type: str
    code: str
    zone_ms: int
    zone: str
    desks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Province:
    """A province and its offices."""

    code: str
    offices: Shares[Office]
    bp3mi: Office


def _office(kind: str, code: str, zone_hours: int, officers: int) -> Office:
    desks = tuple(
        f'"office":{{"type":"{kind}","code":"{code}"}},"officer":"o-{code.lower()}-{number}"'
        for number in range(1, officers + 1)
    )
    return Office(kind, code, zone_hours * HOUR_MS, f"+{zone_hours:02d}:00", desks)


HEAD_OFFICE: Final = _office("HQ", "HQ", 7, 12)
"""BP2MI's head office in Jakarta."""


def _province(code: str, zone_hours: int, ltsa: int, dinas: int) -> Province:
    bp3mi = _office("BP3MI", f"BP3MI-{code}", zone_hours, 8)
    shares = [(bp3mi, 0.22)]
    # A one-stop service takes more people than one of many district offices.
    shares += [(_office("LTSA", f"LTSA-{code}-{n}", zone_hours, 5), 0.38 / ltsa) for n in range(1, ltsa + 1)]
    shares += [
        (_office("DINAS", f"DINAS-{code}-{n}", zone_hours, 4), 0.40 / dinas) for n in range(1, dinas + 1)
    ]
    return Province(code, Shares(shares), bp3mi)


PROVINCES: Final[Shares[Province]] = Shares(
    (
        (_province("JATIM", 7, 6, 14), 24.8),  # [S]
        (_province("JATENG", 7, 5, 14), 21.5),  # [S]
        (_province("JABAR", 7, 5, 12), 19.3),  # [S]
        (_province("NTB", 8, 3, 8), 12.3),  # [S], WITA
        (_province("LAMPUNG", 7, 2, 7), 7.8),  # [S]
        (_province("SUMUT", 7, 2, 5), 3.8),  # [S]
        (_province("BALI", 8, 1, 5), 3.4),  # [S], WITA
        (_province("BANTEN", 7, 1, 4), 1.2),  # [S]
        # The sources give the rest as one number, 5.9. Its split is invented; with it WITA has one in six.
        (_province("JAKARTA", 7, 1, 3), 1.1),
        (_province("NTT", 8, 1, 4), 0.9),
        (_province("KALBAR", 7, 1, 3), 0.8),
        (_province("DIY", 7, 1, 2), 0.8),
        (_province("SUMSEL", 7, 1, 3), 0.7),
        (_province("SULSEL", 8, 1, 3), 0.6),
        (_province("SUMBAR", 7, 1, 2), 0.4),
        (_province("SULUT", 8, 1, 2), 0.3),
        (_province("MALUKU", 9, 1, 2), 0.2),  # WIT
        (_province("PAPUA", 9, 1, 2), 0.1),  # WIT
    )
)


def _destination(
    code: str, lead_days: int, schemes: dict[str, float], jobs: Iterable[tuple[str, float, float]]
) -> Destination:
    def job(position: str, women: float) -> Job:
        wish = f',"destination":"{code}","position":"{position}","sex":'
        return Job(position, women, f'{wish}"F"', f'{wish}"M"')

    agency = 1.0 - sum(schemes.values())
    return Destination(
        code,
        lead_days,
        Shares((("P_TO_P", agency), *schemes.items())),
        Shares((job(position, women), share) for position, share, women in jobs),
    )


# Lead times: Malaysia about 4 months and Taiwan 12 or more are from the sources, the others are invented.
# Schemes and jobs inside one destination are invented so that the national totals come out: INDIVIDUAL 6.9 %,
# G_TO_G 4.4 % (nearly all Korea), UKPS a few hundred; house maid 25.7 %, caregiver 19.4 %, plantation 9.5 %,
# worker 7.9 %, construction 4.6 %, women 61 %.
DESTINATIONS: Final[Shares[Destination]] = Shares(
    (
        (
            _destination(
                "TW",
                380,
                {"INDIVIDUAL": 0.015},
                (
                    ("caregiver", 0.600, 0.985),
                    ("manufacturing operator", 0.230, 0.30),
                    ("fisherman", 0.100, 0.0),
                    ("worker", 0.050, 0.30),
                    ("construction", 0.010, 0.0),
                    ("nursing home attendant", 0.010, 0.95),
                ),
            ),
            30.3,  # [S]
        ),
        (
            _destination(
                "MY",
                120,
                {"INDIVIDUAL": 0.02, "UKPS": 0.004},
                (
                    ("plantation", 0.360, 0.12),
                    ("electronics operator", 0.200, 0.78),
                    ("worker", 0.170, 0.50),
                    ("construction", 0.140, 0.0),
                    ("cleaning service", 0.070, 0.70),
                    ("restaurant staff", 0.055, 0.60),
                    ("house maid", 0.005, 1.0),
                ),
            ),
            26.3,  # [S]
        ),
        (
            _destination(
                "HK",
                200,
                {"INDIVIDUAL": 0.035},
                (("house maid", 0.985, 0.995), ("caregiver", 0.010, 0.97), ("driver", 0.005, 0.0)),
            ),
            24.0,  # [S]
        ),
        (
            _destination(
                "KR",
                300,
                {"G_TO_G": 0.92, "INDIVIDUAL": 0.075},
                (("manufacturing operator", 0.480, 0.10), ("fisherman", 0.270, 0.0), ("worker", 0.250, 0.10)),
            ),
            4.6,  # [S]
        ),
        (
            _destination(
                "JP",
                270,
                {"INDIVIDUAL": 0.38, "G_TO_G": 0.035},
                (
                    ("caregiver", 0.200, 0.75),
                    ("food processing", 0.250, 0.50),
                    ("worker", 0.150, 0.25),
                    ("farm hand", 0.220, 0.35),
                    ("welder", 0.180, 0.0),
                ),
            ),
            3.5,  # [S]
        ),
        (
            _destination(
                "SG",
                120,
                {"INDIVIDUAL": 0.10},
                (("house maid", 0.700, 1.0), ("caregiver", 0.100, 0.97), ("seafarer", 0.200, 0.05)),
            ),
            2.9,  # [S]
        ),
        (
            _destination(
                "SA",
                150,
                {"INDIVIDUAL": 0.20, "UKPS": 0.01},
                (
                    ("driver", 0.330, 0.0),
                    ("cleaning service", 0.250, 0.60),
                    ("construction", 0.100, 0.0),
                    ("nurse", 0.120, 0.80),
                    ("restaurant staff", 0.200, 0.40),
                ),
            ),
            2.3,  # [S]
        ),
        (
            _destination(
                "IT",
                120,
                {"INDIVIDUAL": 0.60},
                (("cruise ship crew", 0.800, 0.15), ("spa therapist", 0.200, 0.90)),
            ),
            1.3,  # [S]
        ),
        (
            _destination(
                "BN",
                150,
                {"INDIVIDUAL": 0.20, "UKPS": 0.01},
                (
                    ("house maid", 0.300, 1.0),
                    ("construction", 0.300, 0.0),
                    ("worker", 0.150, 0.15),
                    ("restaurant staff", 0.250, 0.55),
                ),
            ),
            1.0,  # [S]
        ),
        (
            _destination(
                "TR",
                120,
                {"INDIVIDUAL": 0.50},
                (("spa therapist", 0.700, 0.98), ("restaurant staff", 0.300, 0.50)),
            ),
            0.8,  # [S]
        ),
        # The rest is one number in the sources, 3.1. Its countries are invented.
        *(
            (
                _destination(
                    code,
                    160,
                    {"INDIVIDUAL": 0.40, "G_TO_P": 0.02},
                    (
                        ("worker", 0.050, 0.15),
                        ("farm hand", 0.420, 0.15),
                        ("spa therapist", 0.230, 0.85),
                        ("welder", 0.300, 0.0),
                    ),
                ),
                share,
            )
            for code, share in (("PL", 1.1), ("AE", 0.7), ("MV", 0.5), ("QA", 0.4), ("NZ", 0.2), ("JO", 0.2))
        ),
    )
)
