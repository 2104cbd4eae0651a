"""What officers and their clients get wrong: each slip is one action that the ledger refuses, written on
purpose.

A slip changes nothing in the life that it happens to: the right action follows a few minutes later. Which
code the ledger gives is for the ledger to say; each slip names the one that it is aimed at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from producers.workload.candidate import IN_SIAPKERJA, Candidate
from producers.workload.nation import HEAD_OFFICE, Office, Shares
from producers.workload.records import Records, instant
from producers.workload.supply import Line, Supply
from producers.workload.timetable import CLOSURE_MS, DAY_MS, HOUR_MS, LIMIT_MS
from producers.workload.wrong_lines import wrong_line


def entered_again(line: str, entered_ms: int, office: Office) -> str:
    """The same action with a later `entered_at`: still the same, for that field is no part of its content."""
    before, _, rest = line.partition('"entered_at":"')
    return f'{before}"entered_at":"{instant(entered_ms, office)}"{rest.partition(chr(34))[2]}'


@dataclass(slots=True)
class _Try:
    """An action about to be written: right, until a slip changes it."""

    kind: str
    system: str
    office: Office
    occurred_ms: int
    entered_ms: int
    fields: str
    line: Line | None = None


_Slip = Callable[[Candidate, _Try], bool]


class Slips:
    """Writes wrong actions. A slip that does not apply says so, and an easier one takes its place."""

    __slots__ = ("_last_registration", "_of_registrations", "_of_stages", "_random", "_records", "_supply")

    def __init__(self, random: Random, records: Records, supply: Supply) -> None:
        self._random = random.random
        self._records = records
        self._supply = supply
        self._last_registration = ""
        # How often each slip is made, relative to the others: invented.
        self._of_registrations: Shares[_Slip] = Shares(
            (
                (self._wrong_office, 0.12),
                (self._in_future, 0.10),
                (self._other_system, 0.26),
                (self._id_taken, 0.12),
                (self._at_departures, 0.05),
                (self._wrong_line, 0.35),
            )
        )
        self._of_stages: Shares[_Slip] = Shares(
            (
                (self._wrong_office, 0.10),
                (self._in_future, 0.08),
                (self._at_other_desk, 0.12),
                (self._unknown_registration, 0.10),
                (self._too_early, 0.06),
                (self._once_more, 0.16),
                (self._too_far, 0.14),
                (self._agreement, 0.18),
                (self._ruling, 0.06),
            )
        )

    def __repr__(self) -> str:
        return f"Slips(last registration {self._last_registration})"

    def registration(self, candidate: Candidate, line: Line | None) -> None:
        """Write one wrong try to register this candidate."""
        fields = candidate.registered_fields("" if line is None else line.named)
        wrong = _Try(
            "registered",
            candidate.system,
            candidate.office,
            candidate.occurred_ms,
            candidate.now,
            fields,
            line=line,
        )
        if not self._of_registrations.at(self._random())(candidate, wrong):
            self._wrong_office(candidate, wrong)
        self._last_registration = candidate.registration_id
        self._write(wrong)

    def stage(self, candidate: Candidate, kind: str) -> None:
        """Write one wrong try at a stage, before the right one."""
        system, office = candidate.desk_for(kind)
        own = f',"registration_id":"{candidate.registration_id}"'
        wrong = _Try(kind, system, office, candidate.occurred_ms, candidate.now, own)
        if not self._of_stages.at(self._random())(candidate, wrong):
            self._unknown_registration(candidate, wrong)
        if wrong.kind == "candidate_id_issued":
            wrong.fields += ',"candidate_id":"ID-typed-by-hand"'
        elif wrong.kind == "biometrics_registered":
            wrong.fields += ',"reference":"FP-typed-by-hand"'
        self._write(wrong)

    def same_id(self, candidate: Candidate, kind: str, fields: str) -> None:
        """Write another action under the id of the one before it, as a broken client does:
        ACTION_ID_REUSED.
        """
        system, office = candidate.desk_for(kind)
        self._records.write(
            kind,
            system,
            office,
            candidate.occurred_ms + 61_000,
            candidate.now,
            fields,
            action_id=self._records.last_id,
        )

    def _write(self, wrong: _Try) -> None:
        self._records.write(
            wrong.kind, wrong.system, wrong.office, wrong.occurred_ms, wrong.entered_ms, wrong.fields
        )

    # --- of both; each gives whether it applies ---

    def _wrong_office(self, candidate: Candidate, wrong: _Try) -> bool:  # noqa: ARG002 (called like all)
        """WRONG_OFFICE: the head office does not serve candidates."""
        wrong.office = HEAD_OFFICE
        return True

    def _in_future(self, candidate: Candidate, wrong: _Try) -> bool:  # noqa: ARG002 (called like all)
        """OCCURRED_IN_FUTURE: what is planned, entered as done."""
        wrong.occurred_ms = wrong.entered_ms + int((0.2 + 30 * self._random()) * HOUR_MS)
        return True

    # --- of a registration ---

    def _other_system(self, candidate: Candidate, wrong: _Try) -> bool:
        """SYSTEM_NOT_OPEN before T_R; REGISTERED_AFTER_LIMIT, then SYSTEM_CLOSED, after it."""
        wrong.system = "SIAPKERJA" if candidate.system == "SISKOTKLN" else "SISKOTKLN"
        return True

    def _id_taken(self, candidate: Candidate, wrong: _Try) -> bool:
        """REGISTRATION_EXISTS: the number of somebody else."""
        if not self._last_registration:
            return False
        wrong.fields = wrong.fields.replace(candidate.registration_id, self._last_registration, 1)
        return True

    def _at_departures(self, candidate: Candidate, wrong: _Try) -> bool:
        """WRONG_SYSTEM, or SYSTEM_NOT_OPEN before T_R: SISKOP2MI registers nobody."""
        wrong.system, wrong.office = "SISKOP2MI", candidate.province_office
        return True

    def _wrong_line(self, candidate: Candidate, wrong: _Try) -> bool:
        """Whatever can be wrong with a line, from UNKNOWN_PERMIT to QUOTA_EXHAUSTED."""
        if wrong.line is None or candidate.pool is None:
            return False
        wrong.fields = candidate.registered_fields(wrong_line(self._supply, candidate.pool, self._random()))
        return True

    # --- of a stage ---

    def _at_other_desk(self, candidate: Candidate, wrong: _Try) -> bool:
        """WRONG_SYSTEM; SYSTEM_NOT_OPEN or SYSTEM_CLOSED where that system was not open."""
        if candidate.system == "SIAPKERJA":
            wrong.system, wrong.office = "SISKOTKLN", candidate.office
        elif wrong.kind in IN_SIAPKERJA:
            wrong.system, wrong.office = "SIAPKERJA", candidate.office
        else:
            wrong.system, wrong.office = "SISKOP2MI", candidate.province_office
        return True

    def _unknown_registration(self, candidate: Candidate, wrong: _Try) -> bool:
        """UNKNOWN_REGISTRATION: a digit too many."""
        wrong.fields = f',"registration_id":"{candidate.registration_id}7"'
        return True

    def _too_early(self, candidate: Candidate, wrong: _Try) -> bool:
        """OCCURRED_BEFORE_REGISTRATION: the wrong month."""
        wrong.occurred_ms = candidate.registered_ms - int((1 + 30 * self._random()) * DAY_MS)
        return candidate.system == "SISKOTKLN" or wrong.occurred_ms >= LIMIT_MS

    def _once_more(self, candidate: Candidate, wrong: _Try) -> bool:
        """STAGE_ALREADY_PASSED: the stage before."""
        if candidate.stage == 0:
            return False
        wrong.kind = candidate.ladder[candidate.stage - 1][0]
        wrong.system, wrong.office = candidate.desk_for(wrong.kind)
        return True

    def _too_far(self, candidate: Candidate, wrong: _Try) -> bool:
        """STAGE_OUT_OF_ORDER: the departure, before the papers are complete."""
        if wrong.kind not in IN_SIAPKERJA and wrong.kind != "documents_fulfilled":
            return False
        wrong.kind = "departed"
        wrong.system, wrong.office = candidate.desk_for(wrong.kind)
        return True

    def _agreement(self, candidate: Candidate, wrong: _Try) -> bool:
        """What can be wrong with the agreement's line; UNIT_HELD_ELSEWHERE where a unit is held already."""
        if wrong.kind != "agreement_signed" or candidate.pool is None:
            return self._once_more(candidate, wrong)
        named = wrong_line(self._supply, candidate.pool, self._random())
        wrong.fields += named
        # Naming none is right where a unit is held.
        return named != "" or candidate.line is None

    def _ruling(self, candidate: Candidate, wrong: _Try) -> bool:
        """NOT_STRANDED: a ruling on a registration that SISKOTKLN never knew."""
        if candidate.system == "SISKOTKLN" or candidate.line is None or wrong.entered_ms < CLOSURE_MS:
            return self._too_far(candidate, wrong)
        wrong.kind, wrong.system, wrong.office = "unit_released", "BP2MI", HEAD_OFFICE
        wrong.occurred_ms = wrong.entered_ms // 1000 * 1000
        wrong.fields += ',"second_officer":"o-hq-ruling-1","reason":"said to be stranded"'
        return True
