"""What an import of the SISKOTKLN extract found, as far as the cutover report tells it.

Read from what `neraca import FOLDER --json` printed (contract §9), or made from a `Reconciliation`. Must not
read an extract.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from neraca.reports.reconciliation import Reconciliation
from producers.extract import KINDS
from schemas.errors import NeracaError

# Lines that differ, kept: as many as an office can look into.
DIFFERING_MAX: Final = 50_000


class ExtractLine(NamedTuple):
    """A permit line whose two counts differ."""

    permit_id: str
    line: int
    sisa_kuota: int | None
    granted: int
    available: int
    reserved: int
    departed: int
    forfeited: int
    difference: int | None


@dataclass(frozen=True, slots=True)
class ExtractSummary:
    """What the report tells of an extract.

    Attributes:
        name: Of the folder or the file.
        is_dry_run: Whether it was decided by the rules alone, for this report.
        actions: How many actions it makes.
        outcomes: Decisions by outcome and code.
        defects: Kind and how many, worst kind first.
        lines: Permit lines compared.
        differing: Those whose counts differ.

    """

    name: str
    is_dry_run: bool
    actions: int
    outcomes: dict[str, int]
    defects: list[tuple[str, int]]
    lines: int
    differing: list[ExtractLine]

    @staticmethod
    def title(kind: str, language: str) -> str:
        """Name a kind of defect; one that is not known stands as it is."""
        known = KINDS.get(kind)
        if known is None:
            return kind
        return known.judul if language == "id" else known.title


def from_json(document: object, name: str) -> ExtractSummary:
    """Take the object of contract §9.

    Raises:
        NeracaError: it is something else.

    """
    try:
        return _from_object(document, name)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NeracaError(
            f"{name} is not what `neraca import FOLDER --json` prints: {type(error).__name__} ({error})",
            advice="Give the folder of the extract, or the JSON of its import.",
        ) from error


def _from_object(document: Any, name: str) -> ExtractSummary:  # noqa: ANN401 - whatever a file holds
    defects = Counter(str(defect["kind"]) for defect in document["defects"])
    lines = [
        ExtractLine(
            str(line["permit_id"]),
            int(line["line"]),
            _optional(line["sisa_kuota"]),
            int(line["granted"]),
            int(line["available"]),
            int(line["reserved"]),
            int(line["departed"]),
            int(line["forfeited"]),
            _optional(line["difference"]),
        )
        for line in document["lines"]
    ]
    return ExtractSummary(
        name=name,
        is_dry_run=False,
        actions=int(document["actions"]),
        outcomes={str(outcome): int(count) for outcome, count in document["outcomes"].items()},
        defects=_worst_first(defects),
        lines=len(lines),
        differing=[line for line in lines if line.difference != 0][:DIFFERING_MAX],
    )


def from_reconciliation(report: Reconciliation) -> ExtractSummary:
    """Take what an import of this process found."""
    defects = Counter(defect.kind for defect in report.defects())
    count = 0
    differing: list[ExtractLine] = []
    for line in report.lines():
        count += 1
        if line.difference != 0 and len(differing) < DIFFERING_MAX:
            quota = line.quota
            balance = line.balance
            differing.append(
                ExtractLine(quota.permit_id, quota.line, quota.remaining, *balance, line.difference)
            )
    return ExtractSummary(
        name=report.folder,
        is_dry_run=report.is_dry_run,
        actions=report.actions,
        outcomes=dict(report.outcomes),
        defects=_worst_first(defects),
        lines=count,
        differing=differing,
    )


def _optional(value: object) -> int | None:
    return None if value is None else int(str(value))


def _worst_first(defects: Counter[str]) -> list[tuple[str, int]]:
    known = [(kind, defects[kind]) for kind in KINDS if defects[kind]]
    return known + sorted((kind, count) for kind, count in defects.items() if kind not in KINDS)
