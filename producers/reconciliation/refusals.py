"""The rows that the ledger refused, kept on disk: by code, and by the registration that they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from producers.extract.defects import Defect
from producers.extract.files import FILE_OF_RANK, file_and_line
from producers.extract.scratch import Scratch

# What a refusal says when the row tells something else than what was decided before.
CONTRADICTIONS: Final = (
    "ACTION_ID_REUSED",
    "REGISTRATION_EXISTS",
    "STAGE_ALREADY_PASSED",
    "REGISTRATION_ENDED",
    "UNIT_HELD_ELSEWHERE",
    "PERMIT_EXISTS",
    "TRAINING_EXISTS",
)
# Refusals that another row may undo by going in, however the refused row reads: all others are its own fault.
CURABLE: Final = (
    "UNKNOWN_AGENCY",
    "UNKNOWN_PERMIT",
    "PERMIT_NOT_VALID",
    "PERMIT_REVOKED",
    "QUOTA_EXHAUSTED",
    "OPEN_REGISTRATION_EXISTS",
    "UNKNOWN_REGISTRATION",
    "STAGE_OUT_OF_ORDER",
    "UNIT_NOT_HELD",
)
# First decisions looked up at once.
_LOOKED_UP_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was refused, and the agency that it concerns where the extract tells."""

    code: str
    kind: str
    file: str
    line: int
    registration_id: str | None
    agency_id: str | None


class Refusals:
    """Takes refusals while decisions come in, and gives them for the report."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch: Final = scratch

    def add(self, place: int, sub: int, code: str, kind: str, registration_id: str | None, seq: int) -> None:
        """Keep one: where its row stands, why it was refused, what it was, and by which decision."""
        self._scratch.db.execute(
            "INSERT INTO refusals VALUES (?,?,?,?,?,?,NULL,0)", (place, sub, code, kind, registration_id, seq)
        )

    def add_duplicate(
        self, place: int, sub: int, first_seq: int, kind: str, registration_id: str | None
    ) -> None:
        """Keep an action that was decided before, to look up whether it was refused."""
        self._scratch.db.execute(
            "INSERT INTO duplicates VALUES (?,?,?,?,?)", (first_seq, place, sub, kind, registration_id)
        )

    def look_up_duplicates(self, look_up: Callable[[Sequence[int]], dict[int, str]], start_seq: int) -> None:
        """Keep the refusals of those that were refused before this import, which began after `start_seq`.

        `look_up` gives the code of those decisions that refused.
        """
        db = self._scratch.db
        found = db.cursor().execute("SELECT first_seq, place, sub, kind, registration FROM duplicates")
        while rows := found.fetchmany(_LOOKED_UP_AT_ONCE):
            refused = look_up([row[0] for row in rows])
            db.executemany(
                "INSERT INTO refusals VALUES (?,?,?,?,?,?,?,1)",
                [
                    (place, sub, refused[seq], kind, registration_id, seq, start_seq)
                    for seq, place, sub, kind, registration_id in rows
                    if seq in refused
                ],
            )
        db.execute("DELETE FROM duplicates")

    def mark_again(
        self, look_up: Callable[[Sequence[tuple[int, int]]], set[int]], last_seq: int
    ) -> Counter[str]:
        """Take out those to be decided again, and give how they had ended; `last_seq` ends this pass.

        `look_up` gives, of pairs of a refusal and the end of the pass that it came from, the refusals whose
        cause went away after that end. Within a pass rows go in by when they occurred: what came in after a
        row there, came too late for it.
        """
        db = self._scratch.db
        db.execute("UPDATE refusals SET since = ? WHERE since IS NULL", (last_seq,))
        db.execute("DELETE FROM again")
        marks = ",".join("?" for _ in CURABLE)
        found = db.cursor().execute(
            "SELECT place, sub, seq, since, code, was_duplicate FROM refusals"  # noqa: S608 (marks alone)
            f" WHERE code IN ({marks}) AND since < ?",
            (*CURABLE, last_seq),
        )
        ended: Counter[str] = Counter()
        while rows := found.fetchmany(_LOOKED_UP_AT_ONCE):
            cured = look_up([(row[2], row[3]) for row in rows])
            for place, sub, seq, _, code, was_duplicate in rows:
                if seq in cured:
                    db.execute("INSERT OR IGNORE INTO again VALUES (?,?)", (place, sub))
                    ended["DUPLICATE" if was_duplicate else f"REFUSED {code}"] += 1
        db.execute(
            "DELETE FROM refusals WHERE EXISTS"
            " (SELECT 1 FROM again n WHERE n.place = refusals.place AND n.sub = refusals.sub)"
        )
        return ended

    def report_contradictions(self) -> None:
        """Report the refused rows that tell something else than what was decided, once each."""
        marks = ",".join("?" for _ in CONTRADICTIONS)
        rows = self._scratch.db.execute(
            "SELECT DISTINCT r.place, r.code, r.registration FROM refusals r"  # noqa: S608
            f" WHERE r.code IN ({marks})",
            CONTRADICTIONS,
        ).fetchall()
        for place, code, registration_id in rows:
            file, line = file_and_line(place)
            known = self._scratch.db.execute(
                "SELECT 1 FROM defects WHERE file = ? AND line = ? AND kind = 'stage_out_of_order'",
                (FILE_OF_RANK.index(file), line),
            ).fetchone()
            if known is None:
                self._scratch.report(
                    Defect(
                        file,
                        line,
                        "",
                        "contradicts_decided",
                        f"something else about it was decided before: {code}",
                        is_only_reported=False,
                        registration_id=registration_id,
                    )
                )

    def count_by_code(self) -> list[tuple[str, int]]:
        """Give how many there are of each code, the most first."""
        return self._scratch.db.execute(
            "SELECT code, count(*) FROM refusals GROUP BY code ORDER BY 2 DESC, 1"
        ).fetchall()

    def of_code(self, code: str, at_most: int) -> Iterator[Refused]:
        """Give the first ones of a code, in the order of the extract."""
        rows = self._scratch.db.cursor().execute(
            "SELECT r.code, r.kind, r.place, r.registration, c.agency FROM refusals r"
            " LEFT JOIN candidates c ON c.registration = r.registration"
            " WHERE r.code = ? ORDER BY r.place, r.sub LIMIT ?",
            (code, at_most),
        )
        for found, kind, place, registration, agency in rows:
            file, line = file_and_line(place)
            yield Refused(found, kind, file, line, registration, agency)

    def __repr__(self) -> str:
        """Show where they are."""
        return f"Refusals({self._scratch!r})"
