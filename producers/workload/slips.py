"""What officers and their clients get wrong: each slip is one action that the ledger refuses, written on purpose.

A slip changes nothing in the life that it happens to: the right action follows a few minutes later. Which code the
ledger gives is for the ledger to say; the comments name the one aimed at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from producers.workload.nation import HEAD_OFFICE
from producers.workload.records import instant
from producers.workload.timetable import CLOSURE_MS, DAY_MS, HOUR_MS, LIMIT_MS

if TYPE_CHECKING:
    from random import Random

    from producers.workload.candidates import Candidate
    from producers.workload.nation import Office
    from producers.workload.profile import Profile
    from producers.workload.records import Records
    from producers.workload.supply import Line, Supply


def entered_again(line: str, entered_ms: int, office: Office) -> str:
    """The same action with a later `entered_at`: still the same action, for that field is no part of its content."""
    before, _, rest = line.partition('"entered_at":"')
    return f'{before}"entered_at":"{instant(entered_ms, office)}"{rest.partition(chr(34))[2]}'


class Slips:
    """Writes wrong actions."""

    __slots__ = ("_last_registration", "_profile", "_random", "_records", "_supply")

    def __init__(self, profile: Profile, random: Random, records: Records, supply: Supply) -> None:
        self._profile = profile
        self._random = random.random
        self._records = records
        self._supply = supply
        self._last_registration = ""

    def __repr__(self) -> str:
        return f"Slips(rate {self._profile.slips})"

    def registration(self, candidate: Candidate, line: Line | None) -> None:
        """One wrong try to register this candidate."""
        chance = self._random()
        system, office = candidate.system, candidate.office
        occurred, entered = candidate.occurred_ms, candidate.now
        fields = candidate.registered_fields("" if line is None else line.named)
        if chance < 0.12:  # WRONG_OFFICE
            office = HEAD_OFFICE
        elif chance < 0.22:  # OCCURRED_IN_FUTURE
            occurred = entered + int((0.2 + 30 * self._random()) * HOUR_MS)
        elif chance < 0.34 and self._last_registration:  # REGISTRATION_EXISTS
            fields = fields.replace(candidate.registration_id, self._last_registration, 1)
        elif chance < 0.6:
            # SYSTEM_NOT_OPEN before T_R; REGISTERED_AFTER_LIMIT, then SYSTEM_CLOSED, after it.
            system = "SIAPKERJA" if system == "SISKOTKLN" else "SISKOTKLN"
        elif line is not None and candidate.pool is not None:
            fields = candidate.registered_fields(self._supply.wrong_line(candidate.pool, self._random()))
        elif candidate.system == "SIAPKERJA" and occurred < CLOSURE_MS:
            system = "SISKOTKLN"  # REGISTERED_AFTER_LIMIT
        else:
            system = "SISKOP2MI"  # WRONG_SYSTEM
            office = candidate.province_office
        self._records.write("registered", system, office, occurred, entered, fields)
        self._last_registration = candidate.registration_id

    def stage(self, candidate: Candidate, kind: str, done: str) -> None:
        """One wrong try at a stage, before the right one; `done` is the stage before it, empty for the first."""
        chance = self._random()
        siskotkln = candidate.system == "SISKOTKLN"
        early = kind in ("documents_verified", "candidate_id_issued", "agreement_signed")
        if siskotkln:
            system, office = "SISKOTKLN", candidate.office
        elif early:
            system, office = "SIAPKERJA", candidate.office
        else:
            system, office = "SISKOP2MI", candidate.province_office
        occurred, entered = candidate.occurred_ms, candidate.now
        own = f',"registration_id":"{candidate.registration_id}"'
        fields = own
        if chance < 0.10:  # WRONG_OFFICE
            office = HEAD_OFFICE
        elif chance < 0.22:  # WRONG_SYSTEM, or SYSTEM_NOT_OPEN, SYSTEM_CLOSED where that system had its own window
            system, office = ("SIAPKERJA", candidate.office) if early else ("SISKOP2MI", candidate.province_office)
            if not siskotkln:
                system = "SISKOTKLN"
        elif chance < 0.30:  # OCCURRED_IN_FUTURE
            occurred = entered + int((0.2 + 30 * self._random()) * HOUR_MS)
        elif chance < 0.42:  # UNKNOWN_REGISTRATION
            fields = f',"registration_id":"{candidate.registration_id}7"'
        elif chance < 0.48:  # OCCURRED_BEFORE_REGISTRATION, or SYSTEM_NOT_OPEN
            occurred = candidate.registered_ms - int((1 + 20 * self._random()) * DAY_MS)
        elif chance < 0.70 and done:  # STAGE_ALREADY_PASSED
            kind = done
            if not siskotkln and done in ("documents_verified", "candidate_id_issued", "agreement_signed"):
                system, office = "SIAPKERJA", candidate.office
        elif kind == "agreement_signed" and candidate.pool is not None:
            # LINE_MISSING or what is wrong with the line; UNIT_HELD_ELSEWHERE where a unit is held already.
            fields = own + self._supply.wrong_line(candidate.pool, self._random())
        elif chance < 0.76 and candidate.line is not None and not siskotkln and entered >= CLOSURE_MS:
            # NOT_STRANDED: a ruling on a registration that SISKOTKLN never knew.
            fields = f'{own},"second_officer":"o-hq-ruling-1","reason":"said to be stranded"'
            self._records.write("unit_released", "BP2MI", HEAD_OFFICE, entered // 1000 * 1000, entered, fields)
            return
        elif early or kind == "documents_fulfilled":  # STAGE_OUT_OF_ORDER
            kind = "departed"
            if not siskotkln:
                system, office = "SISKOP2MI", candidate.province_office
        else:  # UNKNOWN_REGISTRATION
            fields = f',"registration_id":"{candidate.registration_id}0"'
        if kind == "candidate_id_issued":
            fields += ',"candidate_id":"ID-typed-by-hand"'
        elif kind == "biometrics_registered":
            fields += ',"reference":"FP-typed-by-hand"'
        if siskotkln and occurred < LIMIT_MS and system == "SIAPKERJA" and not early:
            system = "SISKOP2MI"
        self._records.write(kind, system, office, occurred, entered, fields)

    def same_id(self, candidate: Candidate, kind: str, fields: str) -> None:
        """A broken client: another action under the id of the one before it (ACTION_ID_REUSED)."""
        office = candidate.office
        self._records.write(
            kind,
            candidate.system,
            office,
            candidate.occurred_ms + 61_000,
            candidate.now,
            fields,
            action_id=self._records.last_id,
        )
