"""All that the rules remember: the state that the journal leads to."""

from __future__ import annotations

from typing import Final, final

from librt.strings import read_i64_le
from mypy_extensions import i64, mypyc_attr

from ledger.permits import PermitState
from ledger.timeline import Timeline
from schemas.records import Complaint, Policy, Registration, Training

SEQ_BYTES: Final = 8


@mypyc_attr(allow_interpreted_subclasses=True)
class SeenActions:
    """Every action id ever decided, with the digest of its content and the decision: for ever.

    This one keeps them in memory, for a run over a file. The decider's keeps them on disk, in bounded memory.
    """

    __slots__ = ("_first",)

    def __init__(self) -> None:
        # The digest, and behind it the `seq` in eight bytes: one small object an id, where a pair would be
        # three. Millions of them pass through the processor's caches.
        self._first: dict[bytes, bytes] = {}

    def find(self, action_id: bytes) -> tuple[bytes, int] | None:
        """Give the content digest and the `seq` of the first decision on that id, or None."""
        return first_of(self._first, action_id)

    def remember(self, action_id: bytes, content_digest: bytes, seq: int) -> None:
        """Keep the first decision on that id."""
        self._first[action_id] = content_digest + seq.to_bytes(SEQ_BYTES, "little")

    def __len__(self) -> int:
        """Count the ids."""
        return len(self._first)


def first_of(firsts: dict[bytes, bytes], action_id: bytes) -> tuple[bytes, int] | None:
    """Give what such a dictionary of digest and `seq` says of an id, or None."""
    first = firsts.get(action_id)
    return None if first is None else (first[:-SEQ_BYTES], read_i64_le(first, len(first) - SEQ_BYTES))


@final
class Standing:
    """Whether something is barred, now and as of any moment: a suspended agency, a closed destination.

    Attributes:
        barred: As the last decision left it.
        history: 1 where barred, 0 where not, by moment.

    """

    __slots__ = ("barred", "history")

    def __init__(self) -> None:
        self.barred: bool = False
        self.history: Final = Timeline()

    def change(self, at: i64, *, barred: bool) -> None:
        """Record a change that holds from that moment on."""
        self.barred = barred
        self.history.record(at, 1 if barred else 0)

    def __repr__(self) -> str:
        """Show the standing."""
        return f"Standing(barred={self.barred}, {self.history})"


@final
class State:
    """What the journal has led to so far. Only `evolve` changes it.

    Attributes:
        policy: Adopted last.
        policy_versions: Every version used, the default's among them.
        next_seq: The `seq` of the next decision.
        registrations: By registration id, as they stand, in the order in which they were made.
        latest: Person to the registration made last of those that are the person's now.
        earlier: Registration to the one made before it of the same person's, where there is one.
        held: People in an identity dispute.
        permits: By permit id.
        agencies: By agency id.
        destinations: By country; those that were ever closed.
        trainings: By training id.
        complaints: By complaint id.
        seen: Every action id decided.

    """

    __slots__ = (
        "agencies",
        "complaints",
        "destinations",
        "earlier",
        "held",
        "latest",
        "next_seq",
        "permits",
        "policy",
        "policy_versions",
        "registrations",
        "seen",
        "trainings",
    )

    def __init__(self, policy: Policy, seen: SeenActions) -> None:
        self.policy: Policy = policy
        self.policy_versions: Final[set[str]] = {policy.version}
        self.next_seq: i64 = 0
        self.registrations: Final[dict[str, Registration]] = {}
        self.latest: Final[dict[str, str]] = {}
        self.earlier: Final[dict[str, str]] = {}
        self.held: Final[set[str]] = set()
        self.permits: Final[dict[str, PermitState]] = {}
        self.agencies: Final[dict[str, Standing]] = {}
        self.destinations: Final[dict[str, Standing]] = {}
        self.trainings: Final[dict[str, Training]] = {}
        self.complaints: Final[dict[str, Complaint]] = {}
        self.seen: Final = seen

    def is_agency_suspended(self, agency_id: str, at: i64) -> bool:
        """Tell whether the agency was suspended as of that moment."""
        agency = self.agencies.get(agency_id)
        return agency is not None and agency.history.as_of(at, 0) == 1

    def is_destination_closed(self, destination: str, at: i64) -> bool:
        """Tell whether the destination was closed as of that moment."""
        country = self.destinations.get(destination)
        return country is not None and country.history.as_of(at, 0) == 1

    def add_registration(self, registration: Registration) -> None:
        """Put a registration as it stands now: new, changed, or another person's than before."""
        registration_id = registration.registration_id
        known = self.registrations.get(registration_id)
        self.registrations[registration_id] = registration
        if known is None:
            before = self.latest.get(registration.person_id)
            if before is not None:
                self.earlier[registration_id] = before
            self.latest[registration.person_id] = registration_id
        elif known.person_id != registration.person_id:
            self._take_from(known.person_id, registration_id)
            self._give_to(registration)

    def _take_from(self, person_id: str, registration_id: str) -> None:
        """Take a registration out of the chain of a person's."""
        before = self.earlier.pop(registration_id, None)
        after = self._made_after(person_id, registration_id)
        if after is not None:
            if before is None:
                del self.earlier[after]
            else:
                self.earlier[after] = before
        elif before is None:
            del self.latest[person_id]
        else:
            self.latest[person_id] = before

    def _made_after(self, person_id: str, registration_id: str) -> str | None:
        """Give the next in the chain of a person's registrations, or None where this is the last."""
        after: str | None = None
        each: str | None = self.latest.get(person_id)
        while each is not None and each != registration_id:
            after = each
            each = self.earlier.get(each)
        return after

    def _give_to(self, registration: Registration) -> None:
        """Put a registration into the chain of its person's, at the place at which it was made."""
        registration_id = registration.registration_id
        seq: i64 = registration.registered.seq
        after: str | None = None
        before: str | None = self.latest.get(registration.person_id)
        while before is not None and self.registrations[before].registered.seq > seq:
            after = before
            before = self.earlier.get(before)
        if after is None:
            self.latest[registration.person_id] = registration_id
        else:
            self.earlier[after] = registration_id
        if before is not None:
            self.earlier[registration_id] = before

    def open_registration(self, person_id: str) -> Registration | None:
        """Give the person's open registration; there is at most one.

        It is the one made last, unless one was made the person's since.
        """
        registration_id: str | None = self.latest.get(person_id)
        while registration_id is not None:
            registration = self.registrations[registration_id]
            if registration.status == "open":
                return registration
            registration_id = self.earlier.get(registration_id)
        return None

    def later_registrations(self, registration: Registration) -> list[Registration]:
        """Give those of the same person's registrations that were made after this one, the last first."""
        later: list[Registration] = []
        registration_id: str | None = self.latest.get(registration.person_id)
        while registration_id is not None and registration_id != registration.registration_id:
            later.append(self.registrations[registration_id])
            registration_id = self.earlier.get(registration_id)
        return later

    def __repr__(self) -> str:
        """Show how much there is."""
        return (
            f"State(next_seq={self.next_seq}, policy={self.policy.version}, "
            f"registrations={len(self.registrations)}, permits={len(self.permits)}, seen={len(self.seen)})"
        )
