"""The knobs of a history: every rate that is a guess, in one record, with the reason for its value.

Shares and rates are fractions from 0 to 1. What the sources give as fixed numbers stands in `nation`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Profile:
    """How this history behaves. Raises `ValueError` when a rate is no fraction or a count is below one."""

    withdrawals: float = 0.15
    """Share of registrations that their candidate gives up at some stage. Unknown outside; to sweep
    0.05–0.30.
    """

    late_records: float = 0.02
    """Share of the SISKOTKLN departures between T_R and T_0 that are entered only after T_0. Sources:
    0.01–0.03.
    """

    nonsense: float = 0.0
    """Broken lines inserted for each good one: for demonstrations of dead letters, and tests."""

    agencies: int = 424
    """Licensed agencies, as in 2024. A small history takes fewer, so that each still has candidates to
    place.
    """

    permit_units: int = 20
    """Median of the units of one permit (log-normal): permits are slices of job orders."""

    permit_extended: float = 0.45
    """Share of permits that are extended when they run out (invented); one in eight of these after a gap."""

    permit_revoked: float = 0.01
    """Share of permits revoked at some time (invented); some of them come back."""

    overbooked: float = 0.35
    """Share of the candidates for whom nothing is left to promise and no permit asked for (invented)."""

    agencies_suspended: float = 0.06
    """Share of agencies suspended once for two to four months (invented)."""

    trainings: float = 0.5
    """Share of SISKOTKLN registrations with a training recorded there (invented)."""

    complaints: float = 0.04
    """Share of registrations alive after T_R about which someone complains in SISKOP2MI (invented)."""

    never_reregister: float = 0.13
    """Share of the candidates open at T_0 who never register again (unknown outside): the stranded."""

    wave_days: float = 22.0
    """Mean of the days from T_0 to a re-registration (invented): most come in the first weeks, some months
    later.
    """

    slips: float = 0.013
    """Share of actions before which an officer sends a wrong one (invented): each kind of refusal gets a
    share.
    """

    double_clicks: float = 0.005
    """Share of actions sent twice, word for word or but for `entered_at` (invented)."""

    ids_reused: float = 0.0002
    """Share of actions followed by another one under the same id (invented): a broken client."""

    holds: float = 0.003
    """Share of registrations during which their person is put on hold for some weeks (invented)."""

    rulings: float = 0.06
    """Share of the stranded who lose their unit by a ruling of two officers before the year ends
    (invented).
    """

    habit: float = 0.05
    """Share of the candidates open at T_0 whose office still tries SISKOTKLN afterwards (invented)."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in {"agencies", "permit_units"}:
                if value < 1:
                    raise ValueError(f"{field.name} must be at least 1, not {value}")
            elif field.name == "wave_days":
                if not 0 < value <= 365:
                    raise ValueError(f"{field.name} must lie above 0 and up to 365, not {value}")
            elif not 0 <= value <= 1:
                raise ValueError(f"{field.name} must lie between 0 and 1, not {value}")
