"""A pass over the journal: what has to be noted while it goes by, beside the ledger's own state.

Memory grows with the registrations, as the decider's does, and not with the decisions. Must not hold a rule
of its own: what a permit's validity or a bar is, `ledger/` says.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from audit.report.figures import ANOMALIES, LONG_AFTER_DAYS, Anomaly, Cutover, Day, Event, Move, Refused
from audit.report.standing import Noted, settle
from audit.source import Source
from audit.tlog.merkle import Tree, leaf_hash
from ledger.engine import Engine
from ledger.permits import DAY_MICROS, NEVER, PermitState, is_revoked, is_valid, wib_day
from ledger.state import SeenActions, State
from schemas.codec import decode_decision
from schemas.errors import NeracaError
from schemas.records import Decision, Policy, Registration

# Decisions kept of one anomaly: what an official looks through. The count goes on.
EVENTS_MAX: Final = 1_000

_sha256: Final = hashlib.sha256


class _NothingSeen(SeenActions):
    """Whoever only follows a journal looks no action id up: millions of them need not be kept."""

    def remember(self, action_id: bytes, content_digest: bytes, seq: int) -> None:
        """Keep nothing."""


class _RefusalKey(NamedTuple):
    code: str
    system: str
    is_after: bool


class Until(NamedTuple):
    """Where the report stops: after that decision, or before the first that the broker recorded later.

    Attributes:
        seq: The last decision to take in.
        recorded_at: Microseconds since 1970, UTC.

    """

    seq: int | None = None
    recorded_at: int | None = None


class WrongFirstPolicy(NeracaError):
    """The journal began under another policy than the one that is assumed."""


class Gathering:
    """Takes decisions in, one after the other."""

    def __init__(self, policy: Policy | None = None, closure: int | None = None) -> None:
        """Begin under that policy, or the default one.

        Args:
            policy: The one that the journal began with.
            closure: The T_0 that counts, where it is known; else that of the policy in force at each refusal.

        """
        self._closure: Final = closure
        # Each T_0 by which a refusal was counted: a policy that came later may have moved it.
        self._closures: Final[set[int]] = set()
        self._engine: Final = Engine.start(policy, seen=_NothingSeen())
        self._tree: Final = Tree()
        self._noted: Final = Noted()
        self._outcomes: Final[Counter[str]] = Counter()
        self._refusals: Final[Counter[_RefusalKey]] = Counter()
        self._days: Final[dict[int, Day]] = {}
        self._anomalies: Final = {name: Anomaly(name) for name in ANOMALIES}

    def take(self, avro: bytes) -> None:
        """Take the next decision in.

        Raises:
            JournalMismatch: it does not continue the journal.
            WrongFirstPolicy: the journal began under another policy.

        """
        first = self._engine.state.policy.version if self._engine.state.next_seq == 0 else None
        decision = self._engine.follow(avro)
        if first is not None and decision.policy != first:
            raise WrongFirstPolicy(
                f"the journal began under policy {decision.policy}, not {first}",
                advice="Give the policy that it began with: --policy FILE.",
            )
        self._tree.append(leaf_hash(avro))
        self._outcomes[decision.outcome] += 1
        if decision.outcome == "ACCEPTED":
            self._accepted(decision)
        elif decision.outcome == "REFUSED":
            self._refused(decision)
        else:
            self._anomaly(decision.outcome.lower(), decision)

    @property
    def seq(self) -> int:
        """The last decision taken in; -1: none."""
        return int(self._engine.state.next_seq) - 1

    @property
    def closure(self) -> int:
        """T_0 of the policy adopted last."""
        return int(self._engine.state.policy.closure.at)

    @property
    def is_by_another_closure(self) -> bool:
        """Whether a refusal was counted by another T_0 than that of the policy adopted last."""
        return not self._closures <= {self.closure}

    def finish(self, source: str) -> Cutover:
        """Give the figures after the last decision taken in."""
        refusals: dict[tuple[str, str], list[int]] = {}
        for (code, system, is_after), count in self._refusals.items():
            refusals.setdefault((code, system), [0, 0])[is_after] += count
        return settle(
            self._engine,
            self._noted,
            source=source,
            root=self._tree.root().hex(),
            outcomes=dict(self._outcomes),
            days=self._days,
            anomalies=list(self._anomalies.values()),
            refusals=[
                Refused(code, system, before, after)
                for (code, system), (before, after) in sorted(refusals.items())
            ],
        )

    def _accepted(self, decision: Decision) -> None:
        noted = self._noted
        entered_at, occurred_at = decision.entered_at or 0, decision.occurred_at or 0
        if noted.journal_at is None or entered_at > noted.journal_at:
            noted.journal_at = entered_at
        if entered_at - occurred_at > LONG_AFTER_DAYS * DAY_MICROS:
            self._anomaly("entered_long_after", decision)
        kind = decision.kind
        if kind == "registered":
            self._registered(decision, occurred_at)
        elif kind == "departed":
            self._departed(decision, occurred_at, entered_at)
        elif kind == "unit_released":
            self._day(occurred_at).released += 1
        elif kind == "person_held":
            self._anomaly("person_held", decision)
        elif kind == "registration_reassigned":
            self._anomaly("reassigned", decision)

    def _registered(self, decision: Decision, occurred_at: int) -> None:
        new = decision.registrations[-1]
        day = self._day(occurred_at)
        if new.system == "SISKOTKLN":
            day.registered_old += 1
            office = sys.intern(decision.office_code or "")
            self._noted.offices[new.registration_id] = office
        elif new.reregistered_from is None:
            day.registered_new += 1
        else:
            day.reregistered += 1
            old = decision.registrations[0]
            self._noted.moves[old.registration_id] = judge_move(
                self._engine.state, old, new, occurred_at, int(decision.seq)
            )

    def _departed(self, decision: Decision, occurred_at: int, entered_at: int) -> None:
        departed = decision.registrations[-1]
        day = self._day(occurred_at)
        if departed.system == "SISKOTKLN":
            day.departed_old += 1
        else:
            day.departed_new += 1
        if not decision.late:
            return
        self._noted.late.add(departed.registration_id)
        self._day(entered_at).departed_late += 1
        self._anomaly("late_departure", decision)
        if departed.registration_id in self._noted.moves:
            self._anomaly("late_after_moving", decision)
        leaving = [posting for posting in decision.postings if posting.to_account == "departed"]
        self._noted.late_paths[leaving[0].from_account if leaving else "none"] += 1

    def _refused(self, decision: Decision) -> None:
        code, system = decision.code or "", decision.system or ""
        closure = self.closure if self._closure is None else self._closure
        self._closures.add(closure)
        entered_at, occurred_at = decision.entered_at or 0, decision.occurred_at or 0
        self._refusals[_RefusalKey(code, system, entered_at >= closure)] += 1
        is_attempt = decision.kind == "registered" and system == "SIAPKERJA" and occurred_at >= closure
        if is_attempt and decision.person_id is not None:
            self._noted.attempts[decision.person_id] = sys.intern(code)
        elif system == "SISKOTKLN" and entered_at >= closure and decision.registration_id is not None:
            self._noted.others[decision.registration_id] = sys.intern(code)
        for name, of_code in _ANOMALY_CODES:
            if code == of_code:
                self._anomaly(name, decision)
        if system == "SISKOTKLN" and decision.kind == "departed" and occurred_at < closure <= entered_at:
            self._anomaly("late_refused", decision)
        if is_attempt and code == "OPEN_REGISTRATION_EXISTS":
            self._anomaly("moved_twice", decision)
        if is_attempt and code == "QUOTA_EXHAUSTED":
            self._anomaly("no_unit_left", decision)

    def _day(self, at: int) -> Day:
        number = int(wib_day(at))
        found = self._days.get(number)
        if found is None:
            found = self._days[number] = Day(number)
        return found

    def _anomaly(self, name: str, decision: Decision) -> None:
        anomaly = self._anomalies[name]
        anomaly.count += 1
        if len(anomaly.events) < EVENTS_MAX:
            anomaly.events.append(
                Event(
                    int(decision.seq),
                    decision.registration_id,
                    decision.system,
                    decision.code,
                    decision.occurred_at,
                    decision.entered_at,
                )
            )

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Gathering({self._engine!r})"


_ANOMALY_CODES: Final = (
    ("conflicting_departures", "CONFLICTING_DEPARTURES"),
    ("entered_in_closed_system", "SYSTEM_CLOSED"),
    ("refused_on_hold", "PERSON_ON_HOLD"),
    ("id_reused", "ACTION_ID_REUSED"),
)


def judge_move(state: State, old: Registration, new: Registration, occurred_at: int, seq: int) -> Move:
    """Say what a re-registration did, and why, by the permit's history as known when it was decided."""
    unit = old.unit
    outcome = unit.state if unit is not None and unit.state in {"restored", "forfeited"} else None
    why = None
    if unit is not None and outcome is not None:
        policy = state.policy
        judged_at = policy.closure.at if policy.restore_if_valid_at == "closure" else occurred_at
        permit = state.permits[unit.permit_id]
        if outcome == "restored":
            last_day_at_closure = permit.last_days.as_of(policy.closure.at, NEVER)
            why = "valid_extended" if wib_day(judged_at) > last_day_at_closure else "valid"
        else:
            why = _why_forfeited(permit, judged_at)
    return Move(seq, outcome, why, _where_taken(state, old, new))


def _why_forfeited(permit: PermitState, at: int) -> str:
    if is_revoked(permit, at):
        return "revoked"
    # A unit was taken of it, so its validity had begun.
    return "policy" if is_valid(permit, at) else "expired"


def _where_taken(state: State, old: Registration, new: Registration) -> str:
    before, now = old.unit, new.unit
    if now is None:
        return "none"
    if before is not None and now.permit_id == before.permit_id:
        return "same_line" if now.line == before.line else "same_permit"
    agency_id = old.agency_id
    return "same_agency" if state.permits[now.permit_id].agency_id == agency_id else "other_agency"


def gather(
    source: Source,
    *,
    until: Until = Until(),  # noqa: B008 - a tuple: nobody can change it
    policy: Policy | None = None,
    advance: Callable[[int], None] | None = None,
) -> Cutover:
    """Read a ledger's journal and give the figures.

    Once; a second time where a policy moved T_0 after refusals that were counted by another one.

    Args:
        source: The ledger.
        until: Where to stop; else at the end.
        policy: The one that the journal began with, if not the default one.
        advance: Told now and then how many decisions were taken in.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        ArchiveDamaged: a part of the archive cannot be read.
        JournalMismatch: the journal does not hold together.
        WrongFirstPolicy: the journal began under another policy.

    """
    gathering = _gathered(source, Gathering(policy), until, advance)
    if gathering.is_by_another_closure:
        known = Gathering(policy, gathering.closure)
        gathering = _gathered(source, known, Until(seq=gathering.seq), advance)
    return gathering.finish(source.name)


def _gathered(
    source: Source, gathering: Gathering, until: Until, advance: Callable[[int], None] | None
) -> Gathering:
    """Have the journal taken in, from its first decision to the place to stop at."""
    for batch in source.decisions():
        wanted = _wanted(batch, gathering.seq + 1, until)
        for avro in batch[:wanted]:
            gathering.take(avro)
        if advance is not None:
            advance(gathering.seq + 1)
        if wanted < len(batch):
            break
    return gathering


def _wanted(batch: list[bytes], first_seq: int, until: Until) -> int:
    """Say how many decisions of a batch lie before the place to stop at."""
    wanted = len(batch)
    if until.seq is not None:
        wanted = max(0, min(wanted, until.seq + 1 - first_seq))
    if until.recorded_at is not None:
        for index in range(wanted):
            recorded_at = decode_decision(batch[index]).recorded_at
            if recorded_at is not None and recorded_at > until.recorded_at:
                return index
    return wanted
