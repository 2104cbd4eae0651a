"""The decider's own snapshot: the ledger's state at one decision, so that a start need not read the whole
journal.

It is a convenience, never the truth: it names the decision it was made after, by `seq`, hash and offset;
whoever loads it finds that decision in the journal first. A snapshot that does not fit is thrown away, and
the journal read from its beginning.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final, final

from librt.strings import BytesWriter
from mypy_extensions import i64

from ledger.permits import LineState, PermitState
from ledger.registrations import shared
from ledger.state import SeenActions, Standing, State
from ledger.timeline import Timeline
from schemas.binary import Cursor, MalformedRecordError, write_long, write_string
from schemas.codec import (
    read_complaint,
    read_policy,
    read_registration,
    read_training,
    write_complaint,
    write_policy,
    write_registration,
    write_training,
)

# Changed with every change of what follows: a snapshot of another form is thrown away.
MAGIC: Final = b"neraca-snapshot-1\n"
SHA256_BYTES: Final = 32


class DamagedSnapshotError(Exception):
    """The file is not what was written, or of another form."""


@final
class Snapshot:
    """A state, and the decision that it stands after.

    Attributes:
        state: The state; its `seen` is the store that the loader was given.
        last_sha256: Hash of the decision `state.next_seq - 1`.
        offset: Where that decision stands on the journal's topic.
        action_offset: Of its action; -1 before the first.

    """

    __slots__ = ("action_offset", "last_sha256", "offset", "state")

    def __init__(self, state: State, last_sha256: bytes, offset: i64, action_offset: i64) -> None:
        self.state: Final = state
        self.last_sha256: Final = last_sha256
        self.offset: Final[i64] = offset
        self.action_offset: Final[i64] = action_offset

    def __repr__(self) -> str:
        """Show where it stands."""
        return f"Snapshot({self.state!r}, offset={self.offset})"


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot whole or not at all.

    Raises:
        OSError: the folder cannot be written, or is full.

    """
    out = BytesWriter()
    out.write(MAGIC)
    out.write(snapshot.last_sha256)
    write_long(out, snapshot.offset)
    write_long(out, snapshot.action_offset)
    _write_state(out, snapshot.state)
    body = out.getvalue()
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(body)
            file.write(hashlib.sha256(body).digest())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        unfinished.unlink(missing_ok=True)  # Half a file would only take the room that is missing.
        raise
    unfinished.replace(path)


def read_snapshot(path: Path, seen: SeenActions) -> Snapshot:
    """Read a snapshot; the ids that were seen stay in their own store.

    Raises:
        DamagedSnapshotError: the file is not whole, or of another form.
        OSError: it cannot be read.

    """
    data = path.read_bytes()
    body = data[:-SHA256_BYTES]
    if not body.startswith(MAGIC) or hashlib.sha256(body).digest() != data[-SHA256_BYTES:]:
        raise DamagedSnapshotError(f"{path.name} is not what was written")
    c = Cursor(body)
    try:
        c.raw(len(MAGIC))
        last_sha256 = c.raw(SHA256_BYTES)
        offset: i64 = c.long()
        action_offset: i64 = c.long()
        state = _read_state(c, seen)
        c.end()
    except MalformedRecordError as error:
        raise DamagedSnapshotError(f"{path.name} cannot be read: {error}") from error
    return Snapshot(state, last_sha256, offset, action_offset)


def _write_state(out: BytesWriter, state: State) -> None:
    write_long(out, state.next_seq)
    write_policy(out, state.policy)
    write_long(out, len(state.policy_versions))
    for version in sorted(state.policy_versions):
        write_string(out, version)
    write_long(out, len(state.registrations))
    # In the order that they were made in, which the chain of a person's registrations follows from.
    for registration in state.registrations.values():
        write_registration(out, registration)
    write_long(out, len(state.held))
    for person_id in sorted(state.held):
        write_string(out, person_id)
    write_long(out, len(state.permits))
    for permit in state.permits.values():
        _write_permit(out, permit)
    _write_standings(out, state.agencies)
    _write_standings(out, state.destinations)
    write_long(out, len(state.trainings))
    for training in state.trainings.values():
        write_training(out, training)
    write_long(out, len(state.complaints))
    for complaint in state.complaints.values():
        write_complaint(out, complaint)


def _read_state(c: Cursor, seen: SeenActions) -> State:
    next_seq: i64 = c.long()
    state = State(read_policy(c), seen)
    state.next_seq = next_seq
    for _ in range(c.long()):
        state.policy_versions.add(c.string())
    for _ in range(c.long()):
        state.add_registration(shared(read_registration(c)))
    for _ in range(c.long()):
        state.held.add(c.string())
    for _ in range(c.long()):
        permit = _read_permit(c)
        state.permits[permit.permit_id] = permit
    _read_standings(c, state.agencies)
    _read_standings(c, state.destinations)
    for _ in range(c.long()):
        training = read_training(c)
        state.trainings[training.training_id] = training
    for _ in range(c.long()):
        complaint = read_complaint(c)
        state.complaints[complaint.complaint_id] = complaint
    return state


def _write_permit(out: BytesWriter, permit: PermitState) -> None:
    write_string(out, permit.permit_id)
    write_string(out, permit.agency_id)
    write_string(out, permit.destination)
    write_long(out, permit.valid_from)
    write_long(out, permit.valid_to)
    out.append(1 if permit.revoked else 0)
    write_long(out, len(permit.lines))
    for number, line in permit.lines.items():
        write_long(out, number)
        write_string(out, line.position)
        write_string(out, line.sex)
        write_long(out, line.granted)
        write_long(out, line.available)
        write_long(out, line.reserved)
        write_long(out, line.departed)
        write_long(out, line.forfeited)
    _write_timeline(out, permit.last_days)
    _write_timeline(out, permit.revocations)


def _read_permit(c: Cursor) -> PermitState:
    permit_id = c.string()
    agency_id = c.string()
    destination = c.string()
    valid_from: i64 = c.long()
    valid_to: i64 = c.long()
    permit = PermitState(permit_id, agency_id, destination, valid_from, valid_to)
    permit.revoked = c.boolean()
    for _ in range(c.long()):
        number: i64 = c.long()
        position = c.string()
        line = LineState(position, c.string())
        line.granted = c.long()
        line.available = c.long()
        line.reserved = c.long()
        line.departed = c.long()
        line.forfeited = c.long()
        permit.lines[number] = line
    _read_timeline(c, permit.last_days)
    _read_timeline(c, permit.revocations)
    return permit


def _write_standings(out: BytesWriter, standings: dict[str, Standing]) -> None:
    write_long(out, len(standings))
    for name, standing in standings.items():
        write_string(out, name)
        out.append(1 if standing.barred else 0)
        _write_timeline(out, standing.history)


def _read_standings(c: Cursor, standings: dict[str, Standing]) -> None:
    for _ in range(c.long()):
        name = c.string()
        standing = Standing()
        standing.barred = c.boolean()
        _read_timeline(c, standing.history)
        standings[name] = standing


def _write_timeline(out: BytesWriter, timeline: Timeline) -> None:
    write_long(out, len(timeline.moments))
    for place in range(len(timeline.moments)):
        write_long(out, timeline.moments[place])
        write_long(out, timeline.values[place])


def _read_timeline(c: Cursor, timeline: Timeline) -> None:
    for _ in range(c.long()):
        timeline.moments.append(c.long())
        timeline.values.append(c.long())
