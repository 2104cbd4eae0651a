"""`sisa_kuota` beside the ledger's count on every line, and each difference explained by rows where they can.

A difference is `sisa_kuota` less what is available in the ledger: below zero, the old system took a unit that
the ledger did not take, or kept one that the ledger gave back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from producers.extract.extract import Extract, QuotaLine
from producers.extract.files import CANDIDATES, FILE_OF_RANK, PERMITS, file_and_line

# Rows named for one explanation: what a person reads through.
ROWS_SHOWN_MAX: Final = 20


class Balance(NamedTuple):
    """The accounts of a line, in units."""

    granted: int
    available: int
    reserved: int
    departed: int
    forfeited: int


NOTHING: Final = Balance(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class RowNamed:
    """A row that explains something: where it stands, the registration it is about, a refusal's code."""

    file: str
    line: int
    registration_id: str | None
    code: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part of a difference.

    Attributes:
        units: Its share of the difference; 0 where it may have one and nobody can tell how much.
        english: A sentence.
        indonesian: The same.
        rows: The rows behind it, at most `ROWS_SHOWN_MAX`.
        rows_count: How many there are.

    """

    units: int
    english: str
    indonesian: str
    rows: tuple[RowNamed, ...]
    rows_count: int


@dataclass(frozen=True, slots=True)
class LineComparison:
    """One line of a permit: both counts.

    Attributes:
        quota: As the extract has it.
        balance: As the ledger has it; zeros where the permit is not in the ledger.
        difference: `sisa_kuota` less available; None where `sisa_kuota` cannot be read.
        explanations: Of a difference that is not zero.

    """

    quota: QuotaLine
    balance: Balance
    difference: int | None
    explanations: tuple[Explanation, ...]

    @property
    def unexplained(self) -> int:
        """What no row explains."""
        return (self.difference or 0) - sum(part.units for part in self.explanations)


def compare(extract: Extract, balances: Mapping[tuple[str, int], Balance]) -> Iterator[LineComparison]:
    """Give every line of the extract in the order of sip2mi_jabatan.csv; call it when all is decided."""
    extract.scratch.db.execute(
        "CREATE INDEX IF NOT EXISTS candidates_by_line ON candidates (permit, permit_line)"
    )
    extract.scratch.db.execute("CREATE INDEX IF NOT EXISTS refusals_by ON refusals (registration)")
    extract.scratch.db.execute("CREATE INDEX IF NOT EXISTS repeats_by ON repeats (registration)")
    extract.scratch.db.execute("CREATE INDEX IF NOT EXISTS defects_by ON defects (registration)")
    extract.scratch.db.execute("CREATE INDEX IF NOT EXISTS defects_at ON defects (file, line)")
    for quota in extract.quota_lines():
        balance = balances.get((quota.permit_id, quota.line), NOTHING)
        difference = None if quota.remaining is None else quota.remaining - balance.available
        explanations: tuple[Explanation, ...] = ()
        if difference:
            if (quota.permit_id, quota.line) in balances:
                explanations = tuple(_explained(extract, quota, difference))
            else:
                explanations = (_not_in_ledger(extract, quota, difference),)
        yield LineComparison(quota, balance, difference, explanations)


def _not_in_ledger(extract: Extract, quota: QuotaLine, difference: int) -> Explanation:
    permit = extract.permits.by_number.get(quota.permit_id)
    line = file_and_line(extract.permits.reported[quota.permit_id])[1] if permit is None else permit.line
    return Explanation(
        difference,
        "The permit is not in the ledger: its row is only reported, or was refused.",
        "SIP2MI tidak ada di neraca: barisnya hanya dilaporkan atau ditolak.",
        (RowNamed(PERMITS.name, line, None),),
        1,
    )


class _Rows:
    """The rows of one line's candidates, by what they do to the difference."""

    def __init__(self) -> None:
        self.left_out: list[RowNamed] = []
        self.refused: list[RowNamed] = []
        self.not_cancelled: list[RowNamed] = []
        self.cancelled: list[RowNamed] = []
        self.twice: list[RowNamed] = []

    def __repr__(self) -> str:
        """Show how many there are of each."""
        return f"_Rows({len(self.left_out)}, {len(self.refused)}, {len(self.cancelled)}, {len(self.twice)})"


def _explained(extract: Extract, quota: QuotaLine, difference: int) -> Iterator[Explanation]:
    rows = _rows(extract, quota)
    rest = difference
    for found, units, english, indonesian in (
        (
            rows.refused,
            -1,
            "The old system took a unit for a registration that the ledger refuses.",
            "Sistem lama mengambil kuota untuk pendaftaran yang ditolak neraca.",
        ),
        (
            rows.left_out,
            -1,
            "The old system took a unit for a registration that is only reported.",
            "Sistem lama mengambil kuota untuk pendaftaran yang hanya dilaporkan.",
        ),
        (
            rows.not_cancelled,
            1,
            "The old system gave a unit back for a cancellation that is refused or only reported.",
            "Sistem lama mengembalikan kuota untuk pembatalan yang ditolak atau hanya dilaporkan.",
        ),
    ):
        if found:
            rest -= units * len(found)
            yield _part(units * len(found), english, indonesian, found)
    # What follows may explain units that are missing, and need not: no more of it than is left to explain.
    for found, english, indonesian in (
        (
            rows.twice,
            "A candidate whose row was exported twice may have been counted twice.",
            "Calon PMI yang barisnya diekspor dua kali mungkin dihitung dua kali.",
        ),
        (
            rows.cancelled,
            "The old system did not give the unit of a cancelled registration back.",
            "Sistem lama tidak mengembalikan kuota pendaftaran yang batal.",
        ),
    ):
        units = min(len(found), -rest) if rest < 0 else 0
        if units:
            rest += units
            which = "" if units == len(found) else f" ({units} of these {len(found)})"
            yang = "" if units == len(found) else f" ({units} dari {len(found)} ini)"
            yield _part(-units, english[:-1] + which + ".", indonesian[:-1] + yang + ".", found)


def _part(units: int, english: str, indonesian: str, rows: list[RowNamed]) -> Explanation:
    return Explanation(units, english, indonesian, tuple(rows[:ROWS_SHOWN_MAX]), len(rows))


def _rows(extract: Extract, quota: QuotaLine) -> _Rows:
    rows = _Rows()
    db = extract.scratch.db
    for registration, line, usable, started, cancelled in db.execute(
        "SELECT c.registration, c.line, c.usable, l.started, l.cancelled_place FROM candidates c"
        " LEFT JOIN lives l ON l.registration = c.registration"
        " WHERE c.permit = ? AND c.permit_line = ? ORDER BY c.line",
        (quota.permit_id, quota.line),
    ).fetchall():
        refused = dict(
            db.execute(
                "SELECT kind, code FROM refusals WHERE registration = ?"
                " AND kind IN ('registered', 'cancelled')",
                (registration,),
            ).fetchall()
        )
        here = RowNamed(CANDIDATES.name, line, registration)
        if cancelled is not None:
            cancel_file, cancel_line = file_and_line(cancelled)
            is_held = db.execute("SELECT 1 FROM held WHERE place = ?", (cancelled,)).fetchone() is not None
            unusable = db.execute(
                "SELECT 1 FROM defects WHERE only_reported = 1 AND file = ? AND line = ?",
                (FILE_OF_RANK.index(cancel_file), cancel_line),
            ).fetchone()
            cancelled_here = RowNamed(cancel_file, cancel_line, registration, refused.get("cancelled", ""))
            is_in = usable and started is not None and "registered" not in refused
            if is_in and ("cancelled" in refused or is_held or unusable is not None):
                rows.not_cancelled.append(cancelled_here)
            elif is_in:
                rows.cancelled.append(cancelled_here)
        elif not usable or started is None:
            rows.left_out.append(here)
        elif "registered" in refused:
            rows.refused.append(RowNamed(CANDIDATES.name, line, registration, refused["registered"]))
        rows.twice += [
            RowNamed(*file_and_line(place), registration)
            for (place,) in db.execute("SELECT place FROM repeats WHERE registration = ?", (registration,))
        ]
        rows.twice += [
            RowNamed(CANDIDATES.name, other, registration)
            for (other,) in db.execute(
                "SELECT line FROM defects WHERE registration = ? AND kind = 'number_used_twice'",
                (registration,),
            )
        ]
    return rows
