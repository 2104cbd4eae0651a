"""The figures once the last decision was taken in: every registration of the report, counted once.

Must not read a journal: it sees the ledger's state and what was noted on the way.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from audit.report.figures import (
    DIMENSIONS,
    STAGES,
    Anomaly,
    Cutover,
    Day,
    Move,
    Position,
    Reason,
    Refused,
    StageRow,
    Stranded,
    Tally,
)
from audit.report.provinces import province_of
from ledger.engine import Engine
from ledger.permits import is_revoked, is_valid, wib_day
from ledger.registrations import STAGES as ALL_STAGES
from ledger.state import State
from schemas.records import Registration, Stage


class Noted:
    """What was noted on the way, beside the ledger's own state.

    Attributes:
        journal_at: Latest `entered_at` of an accepted decision.
        offices: Of each SISKOTKLN registration, the code of the office that made it.
        moves: Of each that was registered again, what that did.
        late: Registrations that departed late.
        late_paths: Late departures by the account that their unit left.
        attempts: Of each person, the code that refused the last registration in SIAPKerja from T_0 on.
        others: Of each registration, the code that refused the last SISKOTKLN action entered from T_0 on.

    """

    def __init__(self) -> None:
        self.journal_at: int | None = None
        self.offices: Final[dict[str, str]] = {}
        self.moves: Final[dict[str, Move]] = {}
        self.late: Final[set[str]] = set()
        self.late_paths: Final[Counter[str]] = Counter()
        self.attempts: Final[dict[str, str]] = {}
        self.others: Final[dict[str, str]] = {}

    def __repr__(self) -> str:
        """Show how much there is."""
        return f"Noted({len(self.offices)} registrations, {len(self.moves)} moves)"


class _Settling:
    """Counts the registrations of the report."""

    def __init__(self, state: State, noted: Noted, position: Position, days: dict[int, Day]) -> None:
        self.state: Final = state
        self.noted: Final = noted
        self.position: Final = position
        self.days: Final = days
        self.total: Final = Tally()
        self.groups: Final[dict[str, dict[str | None, Tally]]] = {name: {} for name in DIMENSIONS}
        self.funnel: Final = {stage: StageRow(stage) for stage in STAGES}
        self.again: Final[Counter[str]] = Counter()
        self.restored: Final[Counter[str]] = Counter()
        self.forfeited: Final[Counter[str]] = Counter()
        self.taken: Final[Counter[str]] = Counter()
        self.unmoved: Final[list[Stranded]] = []
        self.outside = 0

    def count(self, r: Registration) -> None:
        """Count one SISKOTKLN registration."""
        if r.registered.at >= self.position.registration_limit:
            self.outside += 1
            return
        office = self.noted.offices.get(r.registration_id, "")
        is_late = r.registration_id in self.noted.late
        stage = _last_stage(r, is_late=is_late)
        reason = self._unmoved(r, stage, office) if r.status == "open" else None
        keys = (r.agency_id, r.destination, province_of(office), r.scheme)
        for name, key in zip(DIMENSIONS, keys, strict=True):
            group = self.groups[name]
            if key not in group:
                group[key] = Tally()
            self._add(group[key], r, reason, is_late=is_late)
        self._add(self.total, r, reason, is_late=is_late)
        self._count_stages(r, stage, is_late=is_late)
        if r.status == "reregistered":
            self._count_move(r)
        if r.registration_id in self.noted.moves:
            self._count_day(r)

    def _add(self, tally: Tally, r: Registration, reason: Reason | None, *, is_late: bool) -> None:
        tally.registered += 1
        if is_late:
            tally.departed_late += 1
            tally.voided += r.reregistered_as is not None
            tally.late_units += r.unit is not None
        elif r.status == "departed":
            tally.departed_in_time += 1
        elif r.status == "cancelled":
            tally.cancelled += 1
        elif r.status == "reregistered":
            tally.moved += 1
        else:
            tally.not_moved += 1
        unit = r.unit.state if r.unit is not None else None
        tally.restored += unit == "restored"
        tally.forfeited += unit == "forfeited"
        tally.released += unit == "released"
        if reason is not None:
            tally.reasons[reason] += 1
            if unit == "held":
                tally.stranded += 1
                tally.stranded_reasons[reason] += 1

    def _unmoved(self, r: Registration, stage: str, office: str) -> Reason | None:
        """Say why a registration has not moved; before T_0 nobody can have."""
        if not self.position.has_closed:
            return None
        reason = self._reason(r)
        holds = r.unit is not None and r.unit.state == "held"
        unit = r.unit if holds else None
        permit = self.state.permits.get(unit.permit_id) if unit is not None else None
        self.unmoved.append(
            Stranded(
                r.registration_id,
                r.scheme,
                r.agency_id,
                r.destination,
                province_of(office),
                office,
                stage,
                r.registered.at,
                unit.permit_id if unit is not None else None,
                int(unit.line) if unit is not None else None,
                int(permit.valid_to) if permit is not None else None,
                reason,
            )
        )
        return reason

    def _reason(self, r: Registration) -> Reason:
        """Give the first of `REASONS` that holds, judged at `journal_at` on the unit's own line."""
        if r.person_id in self.state.held:
            return Reason("on_hold")
        if (code := self.noted.attempts.get(r.person_id)) is not None:
            return Reason("refused", code)
        if (code := self.noted.others.get(r.registration_id)) is not None:
            return Reason("other_refused", code)
        return Reason(self._obstacle(r) or "not_come")

    def _obstacle(self, r: Registration) -> str | None:
        """Say what would refuse the candidate on the old line, or cost the unit, at `journal_at`."""
        unit, at = r.unit, self.position.journal_at
        if unit is None or at is None or r.scheme != "P_TO_P":
            return None
        permit = self.state.permits[unit.permit_id]
        # Who still holds the unit brings the one that will be taken.
        is_full = unit.state != "held" and permit.lines[int(unit.line)].available < 1
        for name, stands in (
            ("permit_revoked", is_revoked(permit, at)),
            ("permit_not_valid", not is_valid(permit, at)),
            ("agency_suspended", self.state.is_agency_suspended(permit.agency_id, at)),
            ("destination_closed", self.state.is_destination_closed(permit.destination, at)),
            ("line_full", is_full),
        ):
            if stands:
                return name
        return None

    def _count_stages(self, r: Registration, stage: str, *, is_late: bool) -> None:
        closure = self.position.closure
        for name in STAGES:
            passed: Stage | None = getattr(r, name)
            if passed is not None and passed.at < closure:
                self.funnel[name].reached += 1
        if not is_late and r.status not in {"reregistered", "open"}:
            return
        row = self.funnel[stage]
        row.stood += 1
        if is_late:
            row.departed_late += 1
        elif r.status == "reregistered":
            row.moved += 1
            self._count_again(r)
        else:
            row.not_moved += 1

    def _count_again(self, r: Registration) -> None:
        new = self.state.registrations[r.reregistered_as or ""]
        self.again[new.status] += 1
        for name in STAGES:
            if getattr(new, name) is not None:
                self.funnel[name].again += 1

    def _count_move(self, r: Registration) -> None:
        move = self.noted.moves[r.registration_id]
        self.taken[move.taken] += 1
        if move.unit == "restored":
            self.restored[move.why or ""] += 1
        elif move.unit == "forfeited":
            self.forfeited[move.why or ""] += 1

    def _count_day(self, r: Registration) -> None:
        new = self.state.registrations[r.reregistered_as or ""]
        day = self.days[int(wib_day(new.registered.at))]
        day.voided += new.status == "voided"
        state = r.unit.state if r.unit is not None else None
        day.restored += state == "restored"
        day.forfeited += state == "forfeited"


def settle(
    engine: Engine,
    noted: Noted,
    *,
    source: str,
    root: str,
    outcomes: dict[str, int],
    days: dict[int, Day],
    anomalies: list[Anomaly],
    refusals: list[Refused],
) -> Cutover:
    """Give every figure as the ledger stands."""
    state = engine.state
    position = Position(
        source,
        int(state.next_seq) - 1,
        root,
        engine.last_sha256.hex(),
        noted.journal_at,
        state.policy.version,
        int(state.policy.registration_limit.at),
        int(state.policy.closure.at),
    )
    settling = _Settling(state, noted, position, days)
    for registration in state.registrations.values():
        if registration.system == "SISKOTKLN":
            settling.count(registration)
    return Cutover(
        position=position,
        outcomes=outcomes,
        total=settling.total,
        groups=settling.groups,
        days=[days[number] for number in sorted(days)],
        funnel=list(settling.funnel.values()),
        again=dict(settling.again),
        restored=dict(settling.restored),
        forfeited=dict(settling.forfeited),
        taken=dict(settling.taken),
        late_paths=dict(noted.late_paths),
        refusals=refusals,
        anomalies=anomalies,
        held=len(state.held),
        unmoved=sorted(
            settling.unmoved,
            key=lambda one: (
                one.permit_id is None,
                one.agency_id or "",
                one.destination,
                one.registration_id,
            ),
        ),
        outside=settling.outside,
        balances={
            (permit_id, number): (
                int(line.granted),
                int(line.available),
                int(line.reserved),
                int(line.departed),
                int(line.forfeited),
            )
            for permit_id, permit in state.permits.items()
            for number, line in permit.lines.items()
        },
    )


def _last_stage(r: Registration, *, is_late: bool) -> str:
    """Give the stage decided last, a late departure aside: where it stood at T_0."""
    last, seq = "registered", -1
    for name in ALL_STAGES:
        passed: Stage | None = getattr(r, name)
        if passed is not None and passed.seq > seq and not (is_late and name == "departed"):
            last, seq = name, int(passed.seq)
    return last
