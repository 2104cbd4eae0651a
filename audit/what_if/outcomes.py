"""What became of whom: registrations, lines, agencies and destinations at the end of both ledgers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from audit.what_if.overlay import Accounts, Overlay, accounts_of
from audit.what_if.running import Run
from schemas.records import Policy, Registration

NOT_REGISTERED: Final = "not registered"
NOTHING: Final[Accounts] = (0, 0, 0, 0, 0)
ACCOUNTS: Final = ("granted", "available", "reserved", "departed", "forfeited")


@dataclass(frozen=True, slots=True)
class End:
    """By what the end of one ledger is judged: its policy, and how far its history reaches."""

    policy: Policy
    journal_at: int


def _is_stranded(registration: Registration, end: End) -> bool:
    """As the view `stranded_units` has it."""
    return (
        registration.system == "SISKOTKLN"
        and registration.status == "open"
        and registration.registered.at < end.policy.registration_limit.at
        and end.journal_at >= end.policy.closure.at
        and registration.unit is not None
        and registration.unit.state == "held"
    )


def _unit(state: str) -> Callable[[Registration, End], bool]:
    return lambda registration, _: registration.unit is not None and registration.unit.state == state


def _status(status: str) -> Callable[[Registration, End], bool]:
    return lambda registration, _: registration.status == status


# What is counted, in the order told. A unit is counted by what it was last, as in the table `registrations`.
FIGURES: Final[dict[str, Callable[[Registration, End], bool]]] = {
    "registrations": lambda _, __: True,
    "open": _status("open"),
    "departed": _status("departed"),
    "cancelled": _status("cancelled"),
    "voided": _status("voided"),
    "reregistered": lambda registration, _: registration.reregistered_as is not None,
    "units_held": _unit("held"),
    "units_restored": _unit("restored"),
    "units_forfeited": _unit("forfeited"),
    "units_released": _unit("released"),
    "units_stranded": _is_stranded,
}


@dataclass(slots=True)
class Group:
    """The figures of one agency or destination, or of all, in both ledgers.

    Attributes:
        before: In the ledger that is.
        after: In the ledger that would be.
        changed: Registrations that stand otherwise at the end.
        units_before: The accounts of its lines.
        units_after: The same.

    """

    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    changed: int = 0
    units_before: Counter[str] = field(default_factory=Counter)
    units_after: Counter[str] = field(default_factory=Counter)

    @property
    def differs(self) -> bool:
        """Whether anything of it is otherwise."""
        return bool(self.changed) or self.before != self.after or self.units_before != self.units_after


@dataclass(frozen=True, slots=True)
class ChangedRegistration:
    """A registration that stands otherwise at the end.

    Attributes:
        before: As it is; None: it is not there.
        after: As it would be; None: it would not be there.
        made_by: Numbers of the differences that led there.

    """

    before: Registration | None
    after: Registration | None
    made_by: tuple[int, ...]

    @property
    def known(self) -> Registration:
        """One of the two, for what does not change."""
        known = self.before or self.after
        if known is None:
            raise AssertionError("a registration that neither ledger has does not stand otherwise")
        return known


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """A line whose accounts are otherwise at the end."""

    permit_id: str
    line: int
    agency_id: str
    destination: str
    before: Accounts
    after: Accounts

    @property
    def difference(self) -> tuple[int, ...]:
        """What each account would have more."""
        return tuple(after - before for before, after in zip(self.before, self.after, strict=True))


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Everything at the end.

    Attributes:
        registrations: Those that stand otherwise, in the order made.
        lines: Those whose accounts are otherwise, by permit and line.
        total: All together.
        agencies: By agency; only those where anything is otherwise.
        destinations: The same by destination.
        turns: How many registrations turn from what into what.

    """

    registrations: list[ChangedRegistration]
    lines: list[ChangedLine]
    total: Group
    agencies: dict[str, Group]
    destinations: dict[str, Group]
    turns: list[tuple[str, str, int]]


def standing(registration: Registration | None) -> str:
    """Give in a few words how a registration stands: its status, and its unit."""
    if registration is None:
        return NOT_REGISTERED
    unit = registration.unit
    return registration.status if unit is None else f"{registration.status}, unit {unit.state}"


def outcomes(run: Run) -> Outcomes:
    """Gather what became of whom, after the run."""
    overlay = run.overlay
    before, after = End(overlay.policy, int(run.journal_at)), End(run.state.policy, int(run.journal_at))
    total = Group()
    agencies: dict[str, Group] = {}
    destinations: dict[str, Group] = {}
    changed: list[ChangedRegistration] = []
    turns: Counter[tuple[str, str]] = Counter()
    for is_now, would_be in _registrations(overlay):
        other = is_now if is_now is would_be else None
        is_changed = other is None
        for registration, end, counts in ((is_now, before, "before"), (would_be, after, "after")):
            if registration is None:
                continue
            groups = _groups(registration, total, agencies, destinations)
            for name, holds in FIGURES.items():
                if holds(registration, end):
                    for group in groups:
                        (group.before if counts == "before" else group.after)[name] += 1
        if is_changed:
            key = (would_be or is_now).registration_id  # type: ignore[union-attr] # one of them is there
            made_by = overlay.registrations[key].divergence.made_by
            entry = ChangedRegistration(is_now, would_be, tuple(made_by))
            changed.append(entry)
            turns[standing(is_now), standing(would_be)] += 1
            for group in _groups(entry.known, total, agencies, destinations):
                group.changed += 1
    lines = _lines(overlay, total, agencies, destinations)
    return Outcomes(
        changed,
        lines,
        total,
        dict(sorted((key, group) for key, group in agencies.items() if group.differs)),
        dict(sorted((key, group) for key, group in destinations.items() if group.differs)),
        [(was, becomes, count) for (was, becomes), count in turns.most_common()],
    )


def _groups(
    registration: Registration, total: Group, agencies: dict[str, Group], destinations: dict[str, Group]
) -> list[Group]:
    found = [total, _group(destinations, registration.destination)]
    if registration.agency_id is not None:
        found.append(_group(agencies, registration.agency_id))
    return found


def _group(groups: dict[str, Group], key: str) -> Group:
    group = groups.get(key)
    if group is None:
        group = groups[key] = Group()
    return group


def _registrations(overlay: Overlay) -> Iterator[tuple[Registration | None, Registration | None]]:
    """Give every registration of either ledger in both; the same object twice where it stands alike."""
    apart = overlay.registrations
    for key, registration in overlay.state.registrations.items():
        other = apart.get(key)
        yield (registration if other is None else other.is_now), registration
    for key, other in apart.items():
        if key not in overlay.state.registrations:
            yield other.is_now, None


def _lines(
    overlay: Overlay, total: Group, agencies: dict[str, Group], destinations: dict[str, Group]
) -> list[ChangedLine]:
    changed: list[ChangedLine] = []
    permits = {*overlay.state.permits, *overlay.permits}
    for permit_id in sorted(permits):
        permit = overlay.state.permits.get(permit_id) or overlay.permit(permit_id)
        is_now = overlay.permit(permit_id)
        if permit is None:
            continue
        numbers = {*permit.lines, *(is_now.lines if is_now is not None else ())}
        groups = [total, _group(agencies, permit.agency_id), _group(destinations, permit.destination)]
        for line in sorted(numbers):
            before = overlay.accounts(permit_id, line) or NOTHING
            after = accounts_of(overlay.state, permit_id, line) or NOTHING
            for group in groups:
                for name, was, becomes in zip(ACCOUNTS, before, after, strict=True):
                    group.units_before[name] += was
                    group.units_after[name] += becomes
            if before != after:
                changed.append(
                    ChangedLine(permit_id, line, permit.agency_id, permit.destination, before, after)
                )
    return changed
