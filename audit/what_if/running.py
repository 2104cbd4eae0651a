"""Two ledgers side by side, record by record: the loop that runs once for every action.

The ledger that is comes from its journal, as it stands, or is decided beside where there is no journal. The
ledger that would be is decided in memory. Each record has the same number in both, also where records were
dropped or inserted, so that both speak of the same decision by the same `seq`. Must not read or write
anything; mypyc compiles it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from mypy_extensions import i64

from audit.source import RecordedAction
from audit.what_if.causes import causes_of
from audit.what_if.differences import (
    ABSENT,
    ACTION,
    CHANGED,
    DROPPED,
    INSERTED,
    Difference,
    Divergence,
)
from audit.what_if.given import Given
from audit.what_if.meaning import (
    Effect,
    changes_only_registrations,
    effects_of,
    label,
    same_movements,
    same_registration,
    told,
)
from audit.what_if.overlay import Overlay
from ledger.decide import decide, decide_unreadable
from ledger.evolve import evolve
from ledger.state import State
from schemas.codec import decode_decision, encode_decision
from schemas.errors import JournalMismatch, UnreadableRecord
from schemas.framing import ActionRecord, decode_action_value
from schemas.hashing import sha256
from schemas.ids import SchemaIds
from schemas.records import Action, Decision, Policy, Registration

_NO_HASH: Final = bytes(32)
# How a decision begins: its seq as a varint, each byte of which but the last has the high bit, then the hash.
_HIGH_BIT: Final = 128
_HASH_BYTES: Final = 32


@final
class Incoming:
    """One record of the ledger that is.

    Attributes:
        record: The action; None: the record is none.
        raw: The record as it came, where it is no action.
        offset: Where it stands on its topic.
        recorded_at: When it was recorded, microseconds since 1970; None: there was no broker.
        decision: Avro bytes of the decision in the journal; None: there is no journal.

    """

    __slots__ = ("decision", "offset", "raw", "record", "recorded_at")

    def __init__(
        self,
        record: ActionRecord | None,
        raw: bytes,
        offset: i64,
        recorded_at: int | None,
        decision: bytes | None,
    ) -> None:
        self.record: Final = record
        self.raw: Final = raw
        self.offset: Final[i64] = offset
        self.recorded_at: Final = recorded_at
        self.decision: Final = decision


@final
class Shown:
    """One difference with both decisions in full, to be shown field by field.

    Attributes:
        difference: What it is.
        action: The action in the ledger that is; None: it is not there, or is no action.
        changed: The action in the ledger that would be, where it is another.
        before: The decision that is.
        after: The decision that would be.

    """

    __slots__ = ("action", "after", "before", "changed", "difference")

    def __init__(
        self,
        difference: Difference,
        action: Action | None,
        changed: Action | None,
        before: Decision | None,
        after: Decision | None,
    ) -> None:
        self.difference: Final = difference
        self.action: Final = action
        self.changed: Final = changed
        self.before: Final = before
        self.after: Final = after


@final
class Run:
    """Both ledgers on their way.

    Attributes:
        overlay: Where they stand apart at the moment.
        differences: Every pair of decisions that is not alike, in order.
        outcomes_before: How many decisions of each outcome and code the ledger that is has.
        outcomes_after: The same of the ledger that would be.
        shown: The first difference, and the one that is to be explained.
        journal_at: The latest moment at which an action of the ledger that is was entered; 0: none was.
        policies_before: Policies adopted in the ledger that is, with the number of the decision.
        policies_after: The same in the ledger that would be.
        records: How many records of the ledger that is were taken.

    """

    __slots__ = (
        "_apart_ids",
        "_base",
        "_explained_registration",
        "_explained_seq",
        "_given",
        "_inserted_by_entered",
        "_policy_change",
        "differences",
        "explained",
        "first",
        "journal_at",
        "outcomes_after",
        "outcomes_before",
        "overlay",
        "policies_after",
        "policies_before",
        "records",
        "state",
    )

    def __init__(
        self,
        base: State | None,
        state: State,
        policy: Policy,
        given: Given,
        apart_ids: set[bytes],
        policy_change: Callable[[Policy], Policy] | None,
        explained_seq: i64,
        explained_registration: str | None,
    ) -> None:
        """Begin before the first record.

        Args:
            base: The ledger that is, to be decided; None: its decisions come from a journal.
            state: The ledger that would be.
            policy: In force at the beginning of the ledger that is.
            given: What is changed in the history.
            apart_ids: The ids that the two ledgers may not have seen alike; more are put in on the way.
            policy_change: What becomes of a policy adopted in the ledger that would be; None: nothing.
            explained_seq: The difference to keep in full; -1: none by its number.
            explained_registration: The registration whose first difference to keep in full; None: none.

        """
        self.state: Final = state
        self.overlay: Final = Overlay(state, policy)
        self.differences: Final[list[Difference]] = []
        self.outcomes_before: Final[dict[str, int]] = {}
        self.outcomes_after: Final[dict[str, int]] = {}
        self.first: Shown | None = None
        self.explained: Shown | None = None
        self.journal_at: i64 = 0
        self.policies_before: Final[list[tuple[int, Policy]]] = [(-1, policy)]
        self.policies_after: Final[list[tuple[int, Policy]]] = [(-1, state.policy)]
        self.records: i64 = 0
        self._base: Final = base
        self._given: Final = given
        self._apart_ids: Final = apart_ids
        self._policy_change: Final = policy_change
        self._explained_seq: Final[i64] = explained_seq
        self._explained_registration: Final = explained_registration
        self._inserted_by_entered: i64 = 0

    def take(self, batch: list[Incoming]) -> None:
        """Carry both ledgers on by these records.

        Raises:
            JournalMismatch: a decision is not that of the record beside it.

        """
        for incoming in batch:
            self._insert_before(incoming)
            record = incoming.record
            if record is None:
                self._take_unreadable(incoming)
            elif self._given.concerns(self.records, record.action.action_id):
                self._take_given(incoming, record)
            else:
                self._take_same(incoming, record)
            self.records += 1

    def finish(self) -> None:
        """Insert what comes after the last record."""
        given = self._given
        waiting: list[ActionRecord] = []
        while self._inserted_by_entered < len(given.by_entered):
            waiting.append(given.by_entered[self._inserted_by_entered])
            self._inserted_by_entered += 1
        waiting.extend(given.before_seq.pop(self.records, []))
        waiting.extend(given.at_end)
        for record in waiting:
            self._insert(record)

    def _insert_before(self, incoming: Incoming) -> None:
        given = self._given
        if given.before_seq:
            for record in given.before_seq.pop(self.records, []):
                self._insert(record)
        place = self._inserted_by_entered
        if place < len(given.by_entered):
            record_now = incoming.record
            if record_now is None:
                return
            entered_at: i64 = record_now.action.entered_at
            while place < len(given.by_entered) and given.by_entered[place].action.entered_at < entered_at:
                self._insert(given.by_entered[place])
                place += 1
            self._inserted_by_entered = place

    def _take_unreadable(self, incoming: Incoming) -> None:
        """Account for a record that is no action, unless an action is put in its place."""
        seq: i64 = self.records
        is_now: Decision | None = None
        decision = incoming.decision
        if decision is not None:
            is_now = self._read(decision, incoming, sha256(incoming.raw))
        else:
            base = self._base
            if base is not None:
                base.next_seq += 1
        if is_now is None or is_now.outcome != "UNREADABLE":
            is_now_label = "UNREADABLE" if is_now is None else label(is_now)
        else:
            is_now_label = "UNREADABLE"
        _count(self.outcomes_before, is_now_label)
        mended = self._given.change_seqs.get(seq)
        if seq in self._given.drop_seqs or mended is not None or is_now_label != "UNREADABLE":
            unreadable = self._unreadable(incoming, seq)
            before = unreadable if is_now is None else is_now
            self._given.met_seqs.add(int(seq))
            if mended is not None:
                self._apart_ids.add(mended.action.action_id)
                self._pair(seq, CHANGED, None, mended, before, self._decide(mended, incoming, seq))
            elif seq in self._given.drop_seqs:
                self._pair(seq, DROPPED, None, None, before, None)
            else:
                self._pair(seq, "", None, None, before, unreadable)
                _count(self.outcomes_after, "UNREADABLE")
        else:
            _count(self.outcomes_after, "UNREADABLE")
        self.state.next_seq = seq + 1

    def _unreadable(self, incoming: Incoming, seq: i64) -> Decision:
        self.state.next_seq = seq
        return decide_unreadable(
            self.state,
            previous_sha256=_NO_HASH,
            action_sha256=sha256(incoming.raw),
            action_offset=incoming.offset,
            recorded_at=incoming.recorded_at,
            recorded_offset_minutes=0,
        )

    def _take_same(self, incoming: Incoming, record: ActionRecord) -> None:
        """Decide a record that both ledgers have."""
        seq: i64 = self.records
        avro = incoming.decision
        is_now: Decision
        if avro is not None:
            digest = sha256(record.avro)
            would_be = self._decide_like(record, incoming, seq, digest, _previous_sha256(avro))
            if encode_decision(would_be) == avro:
                # Byte for byte the same: by far the most common, and nothing has to be decoded.
                self._take_alike(would_be)
                return
            is_now = self._read(avro, incoming, digest)
        else:
            would_be = self._decide(record, incoming, seq)
            is_now = self._decide_base(record, incoming)
        self._pair(seq, "", record, record, is_now, would_be)

    def _take_alike(self, decision: Decision) -> None:
        """Carry the ledger that would be on by a decision that both have to the byte."""
        said = label(decision)
        _count(self.outcomes_before, said)
        _count(self.outcomes_after, said)
        self._note_entered(decision)
        overlay = self.overlay
        if decision.outcome == "ACCEPTED" and overlay.is_anything_apart():
            overlay.before(decision, decision, -1)
            evolve(self.state, decision)
            overlay.after(decision, -1)
        else:
            evolve(self.state, decision)
        if decision.policies:
            self._note_policies(decision, decision, -1)

    def _take_given(self, incoming: Incoming, record: ActionRecord) -> None:
        """Decide a record that is to be dropped or changed, if its content is the one that was meant."""
        seq: i64 = self.records
        given = self._given
        action_id = record.action.action_id
        changed = given.change_seqs.get(seq)
        is_dropped = seq in given.drop_seqs
        if changed is None and not is_dropped:
            if given.contents.setdefault(action_id, record.digest) == record.digest:
                changed = given.change_ids.get(action_id)
                is_dropped = action_id in given.drop_ids
                given.met_ids.add(action_id)
        else:
            given.met_seqs.add(int(seq))
        if changed is None and not is_dropped:
            self._take_same(incoming, record)
            return
        self._apart_ids.add(action_id)
        avro = incoming.decision
        if avro is not None:
            is_now = self._read(avro, incoming, sha256(record.avro))
        else:
            is_now = self._decide_base(record, incoming)
        if is_dropped:
            self.state.next_seq = seq
            self._pair(seq, DROPPED, record, None, is_now, None)
            self.state.next_seq = seq + 1
        elif changed is not None:
            self._apart_ids.add(changed.action.action_id)
            self._pair(seq, CHANGED, record, changed, is_now, self._decide(changed, incoming, seq))

    def _insert(self, record: ActionRecord) -> None:
        """Decide an action that only the ledger that would be has, before the next record."""
        seq: i64 = self.records
        action = record.action
        self.state.next_seq = seq
        would_be = decide(
            self.state,
            action,
            previous_sha256=_NO_HASH,
            action_sha256=sha256(record.avro),
            content_digest=record.digest,
            action_offset=-1,
            recorded_at=action.entered_at,
            recorded_offset_minutes=action.entered_offset_minutes,
        )
        self._pair(seq, INSERTED, None, record, None, would_be)
        self.state.next_seq = seq

    def _decide(self, record: ActionRecord, incoming: Incoming, seq: i64) -> Decision:
        return self._decide_like(record, incoming, seq, _NO_HASH, _NO_HASH)

    def _decide_like(
        self, record: ActionRecord, incoming: Incoming, seq: i64, action_sha256: bytes, previous_sha256: bytes
    ) -> Decision:
        """Decide in the ledger that would be, with what the journal says of where the record stands."""
        self.state.next_seq = seq
        return decide(
            self.state,
            record.action,
            previous_sha256=previous_sha256,
            action_sha256=action_sha256,
            content_digest=record.digest,
            action_offset=incoming.offset,
            recorded_at=incoming.recorded_at,
            recorded_offset_minutes=0,
        )

    def _decide_base(self, record: ActionRecord, incoming: Incoming) -> Decision:
        """Decide in the ledger that is, where there is no journal; it is carried on with the pair."""
        base = self._base
        if base is None:
            raise JournalMismatch(f"record {self.records} has no decision", seq=int(self.records))
        return decide(
            base,
            record.action,
            previous_sha256=_NO_HASH,
            action_sha256=_NO_HASH,
            content_digest=record.digest,
            action_offset=incoming.offset,
            recorded_at=incoming.recorded_at,
            recorded_offset_minutes=0,
        )

    def _read(self, avro: bytes, incoming: Incoming, action_sha256: bytes) -> Decision:
        """Read a decision of the journal, and see that it is the one on this record.

        Raises:
            JournalMismatch: it is not.

        """
        decision = decode_decision(avro)
        seq: i64 = self.records
        if (
            decision.seq != seq
            or decision.action_offset != incoming.offset
            or decision.action_sha256 != action_sha256
        ):
            raise JournalMismatch(
                f"decision {decision.seq} is not on the action at offset {incoming.offset}, "
                f"whose turn it was at {seq}",
                seq=int(seq),
                advice="Run `neraca verify`: it says what is wrong with this journal.",
            )
        return decision

    def _pair(
        self,
        seq: i64,
        given: str,
        record: ActionRecord | None,
        changed: ActionRecord | None,
        is_now: Decision | None,
        would_be: Decision | None,
    ) -> None:
        """Compare two decisions, note how they differ and why, and carry both ledgers on.

        Args:
            seq: Their number.
            given: Whether the record was dropped, inserted or changed; empty: it is the same in both.
            record: The action that is.
            changed: The action that would be; the same one where nothing was given.
            is_now: The decision that is.
            would_be: The decision that would be.

        """
        # In a ledger without this action nothing happens.
        before = _nothing(self.state) if is_now is None else is_now
        after = _nothing(self.state) if would_be is None else would_be
        if is_now is not None:
            if record is not None:
                _count(self.outcomes_before, label(is_now))
            self._note_entered(is_now)
        if would_be is not None and not (record is None and given == ""):
            _count(self.outcomes_after, label(would_be))
        number: i64 = -1
        if given or not self._are_alike(before, after):
            number = self._note_difference(seq, given, record, changed, is_now, would_be)
        overlay = self.overlay
        overlay.before(before, after, number)
        if would_be is not None:
            evolve(self.state, would_be)
        base = self._base
        if base is not None and is_now is not None and record is not None:
            evolve(base, is_now)
        overlay.after(before, number)
        if before.policies or after.policies:
            self._note_policies(before, after, number)

    def _note_difference(
        self,
        seq: i64,
        given: str,
        record: ActionRecord | None,
        changed: ActionRecord | None,
        is_now: Decision | None,
        would_be: Decision | None,
    ) -> i64:
        """Compare two decisions effect by effect; give the number of the difference, or -1: there is none."""
        before = _nothing(self.state) if is_now is None else is_now
        after = _nothing(self.state) if would_be is None else would_be
        expected = effects_of(before, self._registrations_before(before))
        actual = effects_of(after, self._registrations_after(after))
        if not given and expected == actual:
            return -1
        number: i64 = len(self.differences)
        difference = self._difference(number, seq, given, is_now, would_be, expected, actual)
        self._describe(difference, record, changed, before, after)
        if not given and record is not None:
            asked = causes_of(self.overlay, record.action, record.digest, before, after, expected)
            difference.causes = asked.links
            difference.is_joint = asked.is_joint
        self.differences.append(difference)
        self._show(difference, record, changed, is_now, would_be)
        if given:
            self._note_given(record, changed, number)
        return number

    def _are_alike(self, before: Decision, after: Decision) -> bool:
        """Tell quickly whether two decisions are alike; False: only effect by effect can tell."""
        if before.outcome != after.outcome or before.code != after.code or before.late != after.late:
            return False
        if before.outcome != "ACCEPTED":
            return True
        if not (
            len(before.registrations) == len(after.registrations)
            and same_movements(before.postings, after.postings)
            and changes_only_registrations(before)
            and changes_only_registrations(after)
        ):
            return False
        apart = self.overlay.registrations
        for number, registration in enumerate(before.registrations):
            if not same_registration(registration, after.registrations[number]):
                return False
            if registration.registration_id in apart:
                return False
        return True

    def _registrations_before(self, decision: Decision) -> dict[str, Registration | None]:
        found: dict[str, Registration | None] = {}
        for registration in decision.registrations:
            key = registration.registration_id
            found[key] = self.overlay.registration(key)
        return found

    def _registrations_after(self, decision: Decision) -> dict[str, Registration | None]:
        found: dict[str, Registration | None] = {}
        for registration in decision.registrations:
            key = registration.registration_id
            found[key] = self.state.registrations.get(key)
        return found

    def _difference(
        self,
        number: i64,
        seq: i64,
        given: str,
        is_now: Decision | None,
        would_be: Decision | None,
        expected: list[Effect],
        actual: list[Effect],
    ) -> Difference:
        before = ABSENT if is_now is None else label(is_now)
        after = ABSENT if would_be is None else label(would_be)
        effects = told(expected, actual) if before == "ACCEPTED" and after == "ACCEPTED" else ""
        return Difference(number, seq, given, before, after, effects)

    def _describe(
        self,
        difference: Difference,
        record: ActionRecord | None,
        changed: ActionRecord | None,
        before: Decision,
        after: Decision,
    ) -> None:
        """Say what the action is about."""
        shown = changed if record is None else record
        if shown is not None:
            action = shown.action
            difference.action_id = action.action_id
            difference.kind = action.kind
            difference.system = action.system
            difference.occurred_at = action.occurred_at
            difference.occurred_offset_minutes = action.occurred_offset_minutes
            difference.registration_id = action.registration_id
            difference.person_id = action.person_id
            difference.permit_id = action.permit_id
            line = action.line
            difference.line = 0 if line is None else line
        for decision in (before, after):
            for registration in decision.registrations:
                if difference.person_id is None:
                    difference.person_id = registration.person_id
            for posting in decision.postings:
                if difference.permit_id is None:
                    difference.permit_id = posting.permit_id
                    difference.line = posting.line
        if difference.person_id is None and difference.registration_id is not None:
            known = self.state.registrations.get(difference.registration_id)
            if known is None:
                known = self.overlay.registration(difference.registration_id)
            if known is not None:
                difference.person_id = known.person_id

    def _show(
        self,
        difference: Difference,
        record: ActionRecord | None,
        changed: ActionRecord | None,
        is_now: Decision | None,
        would_be: Decision | None,
    ) -> None:
        """Keep in full the first difference, and the one to be explained."""
        is_first = self.first is None
        is_explained = self.explained is None and self._is_to_be_explained(difference, is_now, would_be)
        if not is_first and not is_explained:
            return
        shown = Shown(
            difference,
            None if record is None else record.action,
            None if changed is None or changed is record else changed.action,
            is_now,
            would_be,
        )
        if is_first:
            self.first = shown
        if is_explained:
            self.explained = shown

    def _is_to_be_explained(
        self, difference: Difference, is_now: Decision | None, would_be: Decision | None
    ) -> bool:
        if self._explained_seq >= 0:
            return difference.seq == self._explained_seq
        wanted = self._explained_registration
        if wanted is None:
            return False
        if difference.registration_id == wanted:
            return True
        for decision in (is_now, would_be):
            if decision is not None:
                for registration in decision.registrations:
                    if registration.registration_id == wanted:
                        return True
        return False

    def _note_given(self, record: ActionRecord | None, changed: ActionRecord | None, number: i64) -> None:
        """Note that the two ledgers have not the same action of these ids."""
        for each in (record, changed):
            if each is None:
                continue
            action_id = each.action.action_id
            divergence = self.overlay.actions.get(action_id)
            if divergence is None:
                divergence = Divergence(ACTION, action_id.hex())
                self.overlay.actions[action_id] = divergence
            if number not in divergence.made_by:
                divergence.made_by.append(int(number))

    def _note_entered(self, decision: Decision) -> None:
        entered_at = decision.entered_at
        if entered_at is not None and entered_at > self.journal_at:
            self.journal_at = entered_at

    def _note_policies(self, before: Decision, after: Decision, number: i64) -> None:
        change = self._policy_change
        for policy in before.policies:
            self.policies_before.append((int(self.records), policy))
        for policy in after.policies:
            if change is not None:
                self.state.policy = change(policy)
            self.policies_after.append((int(self.records), self.state.policy))
        self.overlay.settle_policy(before, number)

    def __repr__(self) -> str:
        """Show how far it is."""
        return f"Run({self.records} records, {len(self.differences)} differences, {self.overlay!r})"


def read_beside(actions: list[RecordedAction], decisions: list[bytes], ids: SchemaIds) -> list[Incoming]:
    """Read as many records as there are decisions, each beside its own."""
    found: list[Incoming] = []
    for place, decision in enumerate(decisions):
        action = actions[place]
        value: bytes | None = action.value
        record: ActionRecord | None = None
        raw = b""
        try:
            record = decode_action_value(value, ids)
        except UnreadableRecord:
            raw = b"" if value is None else value
        recorded_at: int = action.recorded_at_ms * 1_000
        found.append(Incoming(record, raw, action.offset, recorded_at, decision))
    return found


def action_ids_of(batch: list[Incoming]) -> list[bytes]:
    """Give the ids of the actions among these records."""
    return [each.record.action.action_id for each in batch if each.record is not None]


def _nothing(state: State) -> Decision:
    """Give a decision that says nothing and does nothing, for the side that has none."""
    return decide_unreadable(
        state,
        previous_sha256=_NO_HASH,
        action_sha256=_NO_HASH,
        action_offset=-1,
        recorded_at=None,
        recorded_offset_minutes=0,
    )


def _previous_sha256(avro: bytes) -> bytes:
    """Give the hash of the decision before, as it stands in a decision's bytes behind its number."""
    place: i64 = 0
    end: i64 = len(avro)
    while place < end and avro[place] >= _HIGH_BIT:
        place += 1
    return avro[place + 1 : place + 1 + _HASH_BYTES]


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1
