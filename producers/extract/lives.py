"""The life of each registration, put together from its rows: order, dependence, beginning and end.

Judges by the rows alone, as a person would who reads the extract: a stage is out of order when what it needs
stands later or nowhere. What the ledger makes of it is the ledger's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from producers.extract.candidates import Candidates
from producers.extract.files import CANDIDATES, STAGES, file_and_line, place_of
from producers.extract.identity import ACTION_ID_BYTES
from producers.extract.sink import Sink
from producers.extract.stages import (
    AGREED,
    CANCELLED,
    DEPARTED,
    FINGERPRINTED,
    FULFILLED,
    IDENTIFIED,
    NAMES,
    ORIENTED,
    REGISTERED,
    VERIFIED,
    Cutover,
)

# What stands before a stage (contract §3, 11); the agreement only under some schemes.
_NEEDS: Final = MappingProxyType(
    {
        VERIFIED: (),
        AGREED: (VERIFIED,),
        IDENTIFIED: (VERIFIED,),
        FULFILLED: (IDENTIFIED, AGREED),
        ORIENTED: (FULFILLED,),
        FINGERPRINTED: (FULFILLED,),
        DEPARTED: (ORIENTED,),
        CANCELLED: (),
    }
)


class _Row:
    """A row of tahapan.csv; without `action_id` it is only reported. `office` is that of a REGISTRASI."""

    __slots__ = ("action_id", "occurred", "office", "place", "rank")

    def __init__(
        self, rank: int, occurred: int | None, place: int, office: str | None, action_id: bytes | None
    ) -> None:
        self.rank = rank
        self.occurred = occurred
        self.place = place
        self.office = office
        self.action_id = action_id


class Lives:
    """Judges every registration, one after the other."""

    def __init__(self, sink: Sink, candidates: Candidates, cutover: Cutover) -> None:
        self._sink: Final = sink
        self._candidates: Final = candidates
        self._cutover: Final = cutover

    def judge(self) -> None:
        """Report stages out of order, hold back what depends on rows that are only reported."""
        self._sink.flush()
        db = self._sink.scratch.db
        for registration, rows in self._registrations():
            self._judge(registration, rows)
        db.execute(
            "INSERT INTO lives SELECT c.registration, NULL, NULL, NULL, NULL, NULL FROM candidates c"
            " WHERE NOT EXISTS (SELECT 1 FROM lives l WHERE l.registration = c.registration)"
        )
        missing = db.cursor().execute(
            "SELECT c.registration, c.line FROM candidates c JOIN lives l ON l.registration = c.registration"
            " WHERE c.usable = 1 AND l.started IS NULL AND l.blocked_by IS NULL"
        )
        for registration, line in missing:
            self._sink.report(
                CANDIDATES,
                line,
                "no_registrasi",
                "registration_missing",
                "tahapan.csv has no REGISTRASI of it",
                is_only_reported=True,
                registration_id=registration,
            )

    def _registrations(self) -> Iterator[tuple[str, list[_Row]]]:
        # The bytes of an action begin with its id.
        found = self._sink.scratch.db.cursor().execute(
            f"SELECT registration, rank, occurred, place, office, substr(avro, 1, {ACTION_ID_BYTES})"  # noqa: S608
            f" FROM actions WHERE rank BETWEEN {REGISTERED} AND {CANCELLED}"
            " UNION ALL SELECT registration, rank, NULL, place, NULL, NULL FROM unusable_stages"
            " ORDER BY 1, 3, 2, 4"
        )
        for registration, rows in groupby(found, key=itemgetter(0)):
            yield registration, [_Row(*row[1:]) for row in rows]

    def _judge(self, registration: str, rows: list[_Row]) -> None:
        candidate = self._candidates.find(registration)
        usable = [row for row in rows if row.action_id is not None]
        unusable = {row.rank: row.place for row in rows if row.action_id is None}
        first = next((row for row in usable if row.rank == REGISTERED), None)
        is_exempt = (
            candidate is not None
            and candidate.wish is not None
            and candidate.wish.scheme in self._cutover.agreement_not_required
        )
        blocked_by: int | None = None
        if first is None:
            # The row that is to be corrected, not one that waits for it.
            if candidate is not None and not candidate.is_usable:
                blocked_by = place_of(CANDIDATES, candidate.line)
            else:
                blocked_by = unusable.get(REGISTERED)
            if blocked_by is None and candidate is None and usable:
                file, line = file_and_line(usable[0].place)
                self._sink.report(
                    STAGES,
                    line,
                    "no_registrasi",
                    "reference_missing",
                    f"neither cpmi.csv nor a REGISTRASI in {file} has this registration",
                    is_only_reported=False,
                    registration_id=registration,
                )
        elif unusable.get(REGISTERED) is not None:
            del unusable[REGISTERED]
        cancelled = next((row.place for row in rows if row.rank == CANCELLED), None)
        usable = self._without_held(registration, usable, unusable, blocked_by, is_exempt=is_exempt)
        if candidate is not None or first is not None:
            self._tell_order(registration, usable, is_exempt=is_exempt)
        self._keep(registration, first, usable, blocked_by, cancelled)

    def _without_held(
        self,
        registration: str,
        rows: list[_Row],
        unusable: dict[int, int],
        blocked_by: int | None,
        *,
        is_exempt: bool,
    ) -> list[_Row]:
        """Hold back the rows that depend on one that is only reported; give the others."""
        if blocked_by is None and not unusable:
            return rows
        # By what each stage is kept from going in: the place of a row that is only reported.
        gone: dict[int, int] = {}
        for rank in NAMES:
            stages = [row for row in rows if row.rank == rank]
            on = blocked_by
            if on is None:
                on = next((gone[need] for need in _needs(rank, is_exempt=is_exempt) if need in gone), None)
            if on is not None:
                for row in stages:
                    self._hold(registration, row, on)
                if stages:
                    gone[rank] = stages[0].place
                    continue
            if rank in unusable and (on is not None or not stages):
                gone[rank] = unusable[rank]
        if blocked_by is not None:
            return []
        return [row for row in rows if row.rank not in gone]

    def _hold(self, registration: str, row: _Row, on: int) -> None:
        db = self._sink.scratch.db
        db.execute("INSERT OR IGNORE INTO held VALUES (?)", (row.place,))
        _, line = file_and_line(row.place)
        self._sink.depends(STAGES, line, "no_registrasi", on, registration_id=registration)

    def _tell_order(self, registration: str, rows: list[_Row], *, is_exempt: bool) -> None:
        """Report each row that stands out of order, and none that is so only because another is."""
        seen: dict[int, _Row] = {}
        ranks = {row.rank for row in rows}
        has_registration = REGISTERED in ranks
        ended: int | None = None
        ids: set[bytes | None] = set()
        for row in rows:
            if row.action_id in ids:
                continue
            ids.add(row.action_id)
            rank = row.rank
            reason = ""
            is_dated_wrong = True
            if rank != REGISTERED and REGISTERED not in seen:
                # Without any REGISTRASI the row of cpmi.csv is reported, and not each stage.
                reason = "it is dated before the REGISTRASI" if has_registration else ""
            elif ended is not None:
                reason = f"it follows {NAMES[ended]}, which ends a registration"
            elif rank in seen:
                _, line = file_and_line(seen[rank].place)
                is_dated_wrong = False
                reason = f"line {line} is {NAMES[rank]} of the same registration already"
            else:
                lacking = [need for need in _needs(rank, is_exempt=is_exempt) if need not in seen]
                if lacking:
                    is_dated_wrong = all(need in ranks for need in lacking)
                    reason = (
                        f"{' and '.join(NAMES[need] for need in lacking)} must stand before it, and does not"
                    )
            if reason:
                _, line = file_and_line(row.place)
                # Dated wrong where the row that it needs is there; otherwise one is missing or too many.
                column = "tanggal" if is_dated_wrong else "tahap"
                self._sink.report(
                    STAGES,
                    line,
                    column,
                    "stage_out_of_order",
                    reason,
                    is_only_reported=False,
                    registration_id=registration,
                )
            seen.setdefault(rank, row)
            if rank in {DEPARTED, CANCELLED} and ended is None and REGISTERED in seen:
                ended = rank

    def _keep(
        self,
        registration: str,
        first: _Row | None,
        rows: list[_Row],
        blocked_by: int | None,
        cancelled: int | None,
    ) -> None:
        started = None if first is None else first.occurred
        ended = None
        if started is not None and first is not None:
            ends = [
                row.occurred
                for row in rows
                if row.rank in {DEPARTED, CANCELLED} and row.occurred is not None and row.occurred >= started
            ]
            ended = min(ends, default=None)
        self._sink.scratch.db.execute(
            "INSERT OR REPLACE INTO lives VALUES (?,?,?,?,?,?)",
            (registration, started, ended, None if first is None else first.office, blocked_by, cancelled),
        )

    def __repr__(self) -> str:
        """Show what it judges."""
        return f"Lives({self._sink!r})"


def _needs(rank: int, *, is_exempt: bool) -> tuple[int, ...]:
    needs = _NEEDS.get(rank, ())
    return tuple(need for need in needs if need != AGREED) if is_exempt else needs
