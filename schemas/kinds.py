"""The table of contract §1: which kinds of action there are, who may send them, and which fields they carry.

With the two kinds of docs/corrections.md. Data only: `shape.py` judges an action's fields by it, `ledger/`
judges system and office.
"""

from __future__ import annotations

from typing import Final, final

ANY_BUT_HQ: Final[tuple[str, ...]] = ("LTSA", "DINAS", "BP3MI")
SERVICE_OFFICES: Final[tuple[str, ...]] = ("LTSA", "DINAS", "BP3MI")
BP3MI_ONLY: Final[tuple[str, ...]] = ("BP3MI",)
BP3MI_AND_HQ: Final[tuple[str, ...]] = ("BP3MI", "HQ")
HQ_ONLY: Final[tuple[str, ...]] = ("HQ",)

# Optional fields of an action's record, each with a bit: a kind's fields are then two masks.
FIELDS: Final = (
    "registration_id",
    "person_id",
    "scheme",
    "agency_id",
    "destination",
    "position",
    "sex",
    "permit_id",
    "line",
    "valid_from",
    "valid_to",
    "lines",
    "units",
    "policy",
    "reason",
    "second_officer",
    "candidate_id",
    "reference",
    "training_id",
    "provider_id",
    "provider_type",
    "complaint_id",
    "topic",
    "channel",
)
BITS: Final = {name: 1 << number for number, name in enumerate(FIELDS)}


@final
class KindOfAction:
    """One row of the table.

    Attributes:
        name: The kind.
        offices: System to the office types that may act there.
        required: Fields that must be there, beside the envelope.
        optional: Fields that may be there; `evidence` and `sealed` may always.
        required_mask: `required` as bits.
        allowed_mask: `required` and `optional` as bits.

    """

    __slots__ = ("allowed_mask", "name", "offices", "optional", "required", "required_mask")

    def __init__(
        self,
        name: str,
        offices: dict[str, tuple[str, ...]],
        required: tuple[str, ...],
        optional: tuple[str, ...] = (),
    ) -> None:
        self.name: Final = name
        self.offices: Final = offices
        self.required: Final = required
        self.optional: Final = optional
        self.required_mask: Final[int] = sum(BITS[field] for field in required)
        self.allowed_mask: Final[int] = self.required_mask + sum(BITS[field] for field in optional)

    def __repr__(self) -> str:
        """Show the row."""
        return f"KindOfAction({self.name}: {self.offices}, {self.required}, {self.optional})"


_BP2MI: Final[dict[str, tuple[str, ...]]] = {"BP2MI": HQ_ONLY}
_SISKOTKLN: Final[dict[str, tuple[str, ...]]] = {"SISKOTKLN": ANY_BUT_HQ}
_AGREEMENT_SIDE: Final[dict[str, tuple[str, ...]]] = {"SISKOTKLN": ANY_BUT_HQ, "SIAPKERJA": SERVICE_OFFICES}
_DEPARTURE_SIDE: Final[dict[str, tuple[str, ...]]] = {"SISKOTKLN": ANY_BUT_HQ, "SISKOP2MI": BP3MI_ONLY}
_EVERY_STAGE: Final[dict[str, tuple[str, ...]]] = {
    "SISKOTKLN": ANY_BUT_HQ,
    "SIAPKERJA": SERVICE_OFFICES,
    "SISKOP2MI": BP3MI_ONLY,
}
_COMPLAINTS: Final[dict[str, tuple[str, ...]]] = {"SISKOP2MI": BP3MI_AND_HQ}
_TRAINING: Final = ("training_id", "provider_id", "provider_type", "person_id")

_ROWS: Final = (
    KindOfAction("agency_licensed", _BP2MI, ("agency_id",)),
    KindOfAction("agency_suspended", _BP2MI, ("agency_id",)),
    KindOfAction("agency_reinstated", _BP2MI, ("agency_id",)),
    KindOfAction("destination_closed", _BP2MI, ("destination",)),
    KindOfAction("destination_opened", _BP2MI, ("destination",)),
    KindOfAction(
        "permit_issued", _BP2MI, ("permit_id", "agency_id", "destination", "valid_from", "valid_to", "lines")
    ),
    KindOfAction("permit_extended", _BP2MI, ("permit_id", "valid_to")),
    KindOfAction("permit_revoked", _BP2MI, ("permit_id",)),
    KindOfAction("permit_reinstated", _BP2MI, ("permit_id",)),
    KindOfAction("quota_raised", _BP2MI, ("permit_id", "line", "units")),
    KindOfAction("quota_lowered", _BP2MI, ("permit_id", "line", "units")),
    KindOfAction("policy_adopted", _BP2MI, ("policy",)),
    KindOfAction("person_held", _BP2MI, ("person_id", "reason")),
    KindOfAction("person_released", _BP2MI, ("person_id", "reason")),
    KindOfAction("unit_released", _BP2MI, ("registration_id", "second_officer", "reason")),
    KindOfAction(
        "registered",
        _AGREEMENT_SIDE,
        ("registration_id", "person_id", "scheme", "destination", "position", "sex"),
        ("agency_id", "permit_id", "line"),
    ),
    KindOfAction("documents_verified", _AGREEMENT_SIDE, ("registration_id",)),
    KindOfAction("candidate_id_issued", _AGREEMENT_SIDE, ("registration_id", "candidate_id")),
    KindOfAction("agreement_signed", _AGREEMENT_SIDE, ("registration_id",), ("permit_id", "line")),
    KindOfAction("documents_fulfilled", _DEPARTURE_SIDE, ("registration_id",)),
    KindOfAction("orientation_completed", _DEPARTURE_SIDE, ("registration_id",)),
    KindOfAction("biometrics_registered", _DEPARTURE_SIDE, ("registration_id", "reference")),
    KindOfAction("departed", _DEPARTURE_SIDE, ("registration_id",)),
    KindOfAction("cancelled", _EVERY_STAGE, ("registration_id", "reason")),
    KindOfAction("training_requested", _SISKOTKLN, _TRAINING),
    KindOfAction("training_completed", _SISKOTKLN, _TRAINING),
    KindOfAction(
        "complaint_received", _COMPLAINTS, ("complaint_id", "topic", "channel"), ("registration_id",)
    ),
    KindOfAction("complaint_answered", _COMPLAINTS, ("complaint_id",)),
    # Not the contract's: docs/corrections.md.
    KindOfAction(
        "registration_reassigned", _BP2MI, ("registration_id", "person_id", "second_officer", "reason")
    ),
    KindOfAction("person_erased", _BP2MI, ("person_id", "reason")),
)

KINDS: Final[dict[str, KindOfAction]] = {row.name: row for row in _ROWS}
SYSTEMS: Final[tuple[str, ...]] = ("SISKOTKLN", "SIAPKERJA", "SISKOP2MI", "BP2MI")
OFFICE_TYPES: Final[tuple[str, ...]] = ("LTSA", "DINAS", "BP3MI", "HQ")
SCHEMES: Final[tuple[str, ...]] = ("P_TO_P", "G_TO_G", "G_TO_P", "UKPS", "INDIVIDUAL")
SEXES: Final[tuple[str, ...]] = ("F", "M")
LINE_SEXES: Final[tuple[str, ...]] = ("F", "M", "ANY")
PROVIDER_TYPES: Final[tuple[str, ...]] = ("LPK", "BLKLN", "OTHER")
UNIT_TAKEN_AT: Final[tuple[str, ...]] = ("registration", "agreement")
RESTORE_IF_VALID_AT: Final[tuple[str, ...]] = ("reregistration", "closure")
