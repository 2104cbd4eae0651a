"""A candidate of the invented history: who they are, and where their registration stands.

What happens to them is in `candidates`, what goes wrong on the way in `slips`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from producers.workload.nation import Destination, Office
    from producers.workload.supply import Line, Pool

IN_SIAPKERJA: Final = frozenset({"documents_verified", "candidate_id_issued", "agreement_signed"})
"""The stages that belong to SIAPKERJA and not to SISKOP2MI."""

Steps = tuple[tuple[str, float], ...]
"""Kinds in their order, each with its share of the time from registration to departure."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """A departure before T_0 that is still to be entered, with the registration and unit it belongs to."""

    registration_id: str
    office: Office
    line: Line | None
    flown_ms: int


class Candidate:
    """One person, and where their current registration stands."""

    __slots__ = (
        "destination",
        "end",
        "held_at",
        "ladder",
        "lead_ms",
        "line",
        "now",
        "occurred_ms",
        "office",
        "person",
        "pool",
        "province_office",
        "registered_ms",
        "registration_id",
        "scheme",
        "stage",
        "system",
        "unseen",
        "wish",
        "withdraws_at",
    )

    destination: Destination
    office: Office
    """Where the person registers."""
    province_office: Office
    """The BP3MI that acts for the province."""
    pool: Pool | None
    """Under `P_TO_P`: what the agency has to offer."""

    def __init__(self) -> None:
        self.person = ""
        self.wish = ""
        """Destination, position and sex, as the fields of `registered`."""
        self.unseen: Unseen | None = None
        self.registration_id = ""
        self.scheme = ""
        self.system = ""
        self.ladder: Steps = ()
        self.stage = 0
        """How many stages of the ladder are done."""
        self.withdraws_at = self.held_at = -1
        """The stage instead of which the candidate gives up; the one before which they are put on hold."""
        self.end = ""
        """How the stages ended; empty before that."""
        self.line: Line | None = None
        """The line on which a unit is held."""
        self.lead_ms = 0
        self.now = 0
        """When something about this registration was entered last."""
        self.occurred_ms = 0
        """When the last thing occurred, or the next one does."""
        self.registered_ms = 0

    def registered_fields(self, named: str) -> str:
        """The fields of `registered`; `named` is the permit and line, or nothing."""
        agency = "" if self.pool is None else f',"agency_id":"{self.pool.agency.id}"'
        return (
            f',"registration_id":"{self.registration_id}","person_id":"{self.person}","scheme":"{self.scheme}"'
            f"{agency}{self.wish}{named}"
        )

    def desk_for(self, kind: str) -> tuple[str, Office]:
        """Which system and office a stage of this registration belongs to."""
        if self.system == "SISKOTKLN":
            return "SISKOTKLN", self.office
        if kind in IN_SIAPKERJA or kind == "cancelled":
            return "SIAPKERJA", self.office
        return "SISKOP2MI", self.province_office

    def __repr__(self) -> str:
        return f"Candidate({self.registration_id} {self.scheme} in {self.system}, at {self.now})"
