"""The default policy of contract §5: what holds until an action adopts another."""

from __future__ import annotations

from typing import Final

from schemas.records import Instant, Policy, UnitTakenAt

WIB_OFFSET_MINUTES = 7 * 60
DEFAULT_VERSION: Final = "B.662-2023"


def default_policy() -> Policy:
    """Give policy `B.662-2023`, after the letter of that number; B-185 of 16 February 2023 set T_R."""
    return Policy(
        version=DEFAULT_VERSION,
        registration_limit=Instant(1_676_566_800_000_000, WIB_OFFSET_MINUTES),  # 2023-02-17 00:00 WIB [L3]
        closure=Instant(1_689_526_800_000_000, WIB_OFFSET_MINUTES),  # 2023-07-17 00:00 WIB [L1]
        unit_taken_at=UnitTakenAt("registration", "agreement"),
        biometrics_not_required=["SISKOTKLN"],
        agreement_not_required=["INDIVIDUAL", "UKPS"],
        restore_if_valid_at="reregistration",  # [L4]
        restoration=True,  # [L4]
        late_departures=True,
        clock_skew_seconds=300,
    )
