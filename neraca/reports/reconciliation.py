"""The reconciliation report of an import: what it holds, and as the one JSON object of contract §9."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from producers.extract import Defect, FileCount
from producers.reconciliation import LineComparison, Refused


@dataclass(frozen=True, slots=True)
class Contact:
    """An agency as a person who phones it needs it."""

    agency_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Everything that is told of an import; what is many comes as functions that give it anew.

    Attributes:
        folder: Name of the folder, without the path to it.
        is_dry_run: Whether nothing was sent.
        actions: How many actions the extract makes.
        outcomes: How many of each outcome; refusals by code, as `REFUSED` and the code.
        counts: What became of the rows of each file.
        defects: Worst first.
        lines: In the order of sip2mi_jabatan.csv.
        refused_by_code: The most first.
        refused: The first rows of a code, at most so many.
        agencies: By code.

    """

    folder: str
    is_dry_run: bool
    actions: int
    outcomes: dict[str, int]
    counts: list[FileCount]
    defects: Callable[[], Iterator[Defect]]
    lines: Callable[[], Iterator[LineComparison]]
    refused_by_code: list[tuple[str, int]]
    refused: Callable[[str, int], Iterator[Refused]]
    agencies: dict[str, Contact]


def write_json(report: Reconciliation, target: TextIO) -> None:
    """Write the one object, piece by piece: the defects may be a million."""
    target.write(f'{{"actions": {report.actions}, "outcomes": {json.dumps(report.outcomes)},\n "defects": [')
    separator = "\n  "
    for defect in report.defects():
        target.write(separator + json.dumps(_defect(defect), ensure_ascii=False))
        separator = ",\n  "
    target.write('],\n "lines": [')
    separator = "\n  "
    for line in report.lines():
        target.write(separator + json.dumps(_line(line), ensure_ascii=False))
        separator = ",\n  "
    target.write("]}\n")


def _defect(defect: Defect) -> dict[str, object]:
    return {
        "file": defect.file,
        "line": defect.line,
        "column": defect.column,
        "kind": defect.kind,
        "reason": defect.reason,
        "advice": defect.advice,
    }


def _line(line: LineComparison) -> dict[str, object]:
    return {
        "permit_id": line.quota.permit_id,
        "line": line.quota.line,
        "sisa_kuota": line.quota.remaining,
        **line.balance._asdict(),
        "difference": line.difference,
    }
