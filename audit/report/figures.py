"""What the report holds, figure by figure, with its exact definition. Holds no rule and no text of a page.

The people of the report are the SISKOTKLN registrations dated before T_R ([L3]); T_R and T_0 are those of
the policy adopted last. Each of them is in exactly one of these states:

    departed in time     departed, and entered, before T_0
    cancelled            before T_0
    in process at T_0    as far as was known at T_0; each of these is one of
        departed late    departed before T_0, entered at or after it, with evidence
        eligible         neither departed nor ended at T_0, as far as is known now; each of these
            moved        registered again in SIAPKerja, and no late departure voided that
            not moved    still open in SISKOTKLN; *stranded* where it still holds a unit
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

DIMENSIONS: Final = ("agency", "destination", "province", "scheme")
STAGES: Final = (
    "registered",
    "documents_verified",
    "candidate_id_issued",
    "agreement_signed",
    "documents_fulfilled",
    "orientation_completed",
    "biometrics_registered",
)
# Why somebody has not moved, in the order in which they are asked: the first that holds is the reason.
REASONS: Final = (
    "on_hold",
    "refused",
    "other_refused",
    "permit_revoked",
    "permit_not_valid",
    "agency_suspended",
    "destination_closed",
    "line_full",
    "not_come",
)
ANOMALIES: Final = (
    "late_departure",
    "late_after_moving",
    "late_refused",
    "conflicting_departures",
    "entered_in_closed_system",
    "entered_long_after",
    "moved_twice",
    "person_held",
    "refused_on_hold",
    "reassigned",
    "no_unit_left",
    "id_reused",
    "duplicate",
    "unreadable",
)
# How long after it occurred an accepted action was entered to be called late in itself.
LONG_AFTER_DAYS: Final = 7


class Reason(NamedTuple):
    """Why a registration has not moved.

    Attributes:
        name: One of `REASONS`.
        code: Of the refusal, where one is the reason.

    """

    name: str
    code: str | None = None


@dataclass(slots=True)
class Tally:
    """Counts over some of the registrations of the report.

    Attributes:
        registered: All of them.
        departed_in_time: Departed and entered before T_0.
        cancelled: Cancelled.
        departed_late: Departed before T_0, entered from T_0 on.
        voided: Of those: had registered again, which the departure voided.
        moved: Registered again, and not voided.
        not_moved: Still open in SISKOTKLN.
        restored: Units given back at a re-registration, and not used by a late departure since.
        forfeited: Units lost at a re-registration, and not used by a late departure since.
        released: Units freed by a ruling.
        stranded: Units still held by who has not moved, from T_0 on.
        late_units: Units that left with a late departure.
        reasons: Of who has not moved.
        stranded_reasons: The same, of who holds a unit.

    """

    registered: int = 0
    departed_in_time: int = 0
    cancelled: int = 0
    departed_late: int = 0
    voided: int = 0
    moved: int = 0
    not_moved: int = 0
    restored: int = 0
    forfeited: int = 0
    released: int = 0
    stranded: int = 0
    late_units: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    stranded_reasons: Counter[Reason] = field(default_factory=Counter)

    @property
    def eligible(self) -> int:
        """Who may, or might, register again [L3]."""
        return self.moved + self.not_moved

    @property
    def in_process(self) -> int:
        """In process at T_0, as far as was known then: `in_process_at_closure` of the views."""
        return self.eligible + self.departed_late

    @property
    def reregistered(self) -> int:
        """Ever registered again: `reregistered` of the views."""
        return self.moved + self.voided

    @property
    def units_at_closure(self) -> int:
        """Units held at T_0 by who was in process then."""
        return self.restored + self.forfeited + self.released + self.stranded + self.late_units


class Position(NamedTuple):
    """Where in the journal the report stands: whoever reads the same finds the same.

    Attributes:
        source: What was read.
        seq: The last decision taken in; -1: none.
        root: Root of the RFC 6962 tree over the decisions up to it, hexadecimal.
        sha256: Hash of that decision's Avro bytes, hexadecimal.
        journal_at: Latest `entered_at` of an accepted decision: how far the history told reaches.
        policy: Version of the policy adopted last.
        registration_limit: T_R, microseconds since 1970, UTC.
        closure: T_0, the same.

    """

    source: str
    seq: int
    root: str
    sha256: str
    journal_at: int | None
    policy: str
    registration_limit: int
    closure: int

    @property
    def has_closed(self) -> bool:
        """Whether the history told so far has reached T_0."""
        return self.journal_at is not None and self.journal_at >= self.closure


@dataclass(slots=True)
class Day:
    """What happened on one WIB day (days since 1970); by `occurred_at`, but `departed_late` by `entered_at`.

    Attributes:
        day: Days since 1970.
        registered_old: Registrations in SISKOTKLN.
        registered_new: Registrations in SIAPKerja that are no re-registrations.
        reregistered: Re-registrations.
        departed_old: Departures of SISKOTKLN registrations.
        departed_new: Departures of SIAPKerja registrations.
        departed_late: Late departures entered on it.
        restored: Of the day's re-registrations: units given back, and still.
        forfeited: Of the day's re-registrations: units lost, and still.
        voided: Of the day's re-registrations: voided since.
        released: Rulings.

    """

    day: int
    registered_old: int = 0
    registered_new: int = 0
    reregistered: int = 0
    departed_old: int = 0
    departed_new: int = 0
    departed_late: int = 0
    restored: int = 0
    forfeited: int = 0
    voided: int = 0
    released: int = 0


@dataclass(slots=True)
class StageRow:
    """One stage of the funnel at T_0.

    Attributes:
        stage: As in `STAGES`.
        reached: Registrations of the report that passed it before T_0, whatever became of them.
        stood: In process at T_0, and this was the stage decided last.
        departed_late: Of those.
        moved: Of those.
        not_moved: Of those.
        again: Of all that moved: the stage that the new registration has passed by now.

    """

    stage: str
    reached: int = 0
    stood: int = 0
    departed_late: int = 0
    moved: int = 0
    not_moved: int = 0
    again: int = 0


@dataclass(slots=True)
class Move:
    """What a re-registration did with the old unit, judged when it was decided.

    Attributes:
        seq: The decision.
        unit: `restored`, `forfeited`, or None where none was held.
        why: restored: `valid`, or `valid_extended` where the permit's last day as of T_0 had passed;
            forfeited: `revoked`, `expired`, or `policy` where restoration is off.
        taken: Where the new unit was taken: `same_line`, `same_permit`, `same_agency`, `other_agency`, or
            `none`.

    """

    seq: int
    unit: str | None
    why: str | None
    taken: str


class Refused(NamedTuple):
    """How often one code refused, by system and by whether it was entered from T_0 on."""

    code: str
    system: str
    before: int
    after: int


class Event(NamedTuple):
    """One decision that an anomaly names."""

    seq: int
    registration_id: str | None
    system: str | None
    code: str | None
    occurred_at: int | None
    entered_at: int | None


@dataclass(slots=True)
class Anomaly:
    """Something unusual: how often, and the first decisions of it."""

    name: str
    count: int = 0
    events: list[Event] = field(default_factory=list)


class Stranded(NamedTuple):
    """A registration that has not moved; `permit_id` and `line` where it holds a unit."""

    registration_id: str
    scheme: str
    agency_id: str | None
    destination: str
    province: str
    office: str
    stage: str
    registered_at: int
    permit_id: str | None
    line: int | None
    valid_to: int | None
    reason: Reason


@dataclass(frozen=True, slots=True)
class Cutover:
    """Every figure of the report.

    Attributes:
        position: Where in the journal it stands.
        outcomes: Decisions by outcome.
        total: Over all registrations of the report.
        groups: By dimension, then by its value; an agency of None stands for no agency.
        days: The WIB days on which something happened, in order.
        funnel: By stage.
        again: Of who moved, what the new registration is now: its status.
        restored: Units given back, by why; those that a late departure used since are left out.
        forfeited: Units lost, likewise.
        taken: Re-registrations by where the new unit was taken.
        late_paths: Late departures by where their unit came from: `reserved`, `available`, `forfeited`,
            `none`.
        refusals: By code and system.
        anomalies: In the order of `ANOMALIES`.
        held: People on hold now.
        unmoved: Every registration that has not moved: who holds a unit first, then by agency, destination.
        outside: SISKOTKLN registrations dated T_R or later: outside [L3], and in no other figure.
        balances: Lines with granted, available, reserved, departed, forfeited.

    """

    position: Position
    outcomes: dict[str, int]
    total: Tally
    groups: dict[str, dict[str | None, Tally]]
    days: list[Day]
    funnel: list[StageRow]
    again: dict[str, int]
    restored: dict[str, int]
    forfeited: dict[str, int]
    taken: dict[str, int]
    late_paths: dict[str, int]
    refusals: list[Refused]
    anomalies: list[Anomaly]
    held: int
    unmoved: list[Stranded]
    outside: int
    balances: dict[tuple[str, int], tuple[int, int, int, int, int]]
