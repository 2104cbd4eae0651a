"""Two ledgers compared: from records and changes to the finished run."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.what_if.changes import Changes
from audit.what_if.given import SeenBeside
from audit.what_if.running import Incoming, Run, action_ids_of
from consumers.seen_actions import StoredSeenActions
from ledger.policy import DEFAULT_VERSION, default_policy
from ledger.state import State
from schemas.records import Policy


@dataclass(frozen=True, slots=True)
class Asked:
    """What to compare.

    Attributes:
        changes: What would be otherwise.
        has_journal: Whether the ledger that is has its decisions; else it is decided beside.
        first_policy: What the ledger that is began with.
        explained_seq: The difference to explain; None: by registration, or the first.
        explained_registration: The registration whose first difference to explain.

    """

    changes: Changes
    has_journal: bool
    first_policy: Policy | None = None
    explained_seq: int | None = None
    explained_registration: str | None = None


def compare(
    asked: Asked, batches: Iterable[list[Incoming]], advance: Callable[[int], None] | None = None
) -> Run:
    """Run both ledgers to the end, and give what was found.

    Args:
        asked: What to compare.
        batches: The records of the ledger that is.
        advance: Called now and then with the records taken so far.

    Raises:
        BadChange: a change names what is not there.
        JournalMismatch: the journal is not one of these records.

    """
    changes = asked.changes
    began_with = default_policy() if asked.first_policy is None else asked.first_policy
    would_begin_with = changes.policy_with_settings(changes.policy or began_with)
    apart_ids = changes.given.ids()
    with tempfile.TemporaryDirectory(prefix="neraca-what-if-") as folder, _no_search_for_cycles():
        stored = StoredSeenActions(Path(folder))
        state = _state(would_begin_with, began_with, SeenBeside(stored, apart_ids))
        base = None if asked.has_journal else State(began_with, SeenBeside(stored, apart_ids))
        run = Run(
            base,
            state,
            began_with,
            changes.given,
            apart_ids,
            changes.policy_with_settings if changes.settings else None,
            -1 if asked.explained_seq is None else asked.explained_seq,
            asked.explained_registration,
        )
        # Told under its own name.
        run.policies_after[0] = (-1, would_begin_with)
        for batch in batches:
            stored.prefetch(action_ids_of(batch))
            run.take(batch)
            if stored.is_full:
                # A temporary file of ids: nobody asks which journal it belongs to.
                stored.set_aside(int(run.records) - 1, bytes(32))
            stored.store(int(run.records) - 1)
            if advance is not None:
                advance(int(run.records))
        run.finish()
        stored.close()
    changes.check_met(int(run.records))
    return run


def _state(policy: Policy, began_with: Policy, seen: SeenBeside) -> State:
    """Give the ledger that would be, before its first record.

    Its first policy goes under the name of the one that it replaces: then a decision that does not differ is
    the same to the byte. The names that count as used are those that would be.
    """
    state = State(
        Policy(
            began_with.version,
            policy.registration_limit,
            policy.closure,
            policy.unit_taken_at,
            policy.biometrics_not_required,
            policy.agreement_not_required,
            policy.restore_if_valid_at,
            policy.restoration,
            policy.late_departures,
            policy.clock_skew_seconds,
        ),
        seen,
    )
    if began_with.version != DEFAULT_VERSION:
        state.policy_versions.discard(began_with.version)
    state.policy_versions.add(policy.version)
    return state


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Count references only: nothing here refers back to what refers to it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
