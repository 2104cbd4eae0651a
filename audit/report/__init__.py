"""The figures of the cutover, from a whole ledger and nothing else; `neraca.reports` writes them down.

`gather` reads the journal once and gives a `Cutover`. Must not format, translate, or ask a database.
"""

from audit.report.figures import (
    ANOMALIES,
    DIMENSIONS,
    REASONS,
    STAGES,
    Anomaly,
    Cutover,
    Day,
    Move,
    Position,
    Reason,
    Refused,
    StageRow,
    Stranded,
    Tally,
)
from audit.report.gather import Until, gather

__all__ = [
    "ANOMALIES",
    "DIMENSIONS",
    "REASONS",
    "STAGES",
    "Anomaly",
    "Cutover",
    "Day",
    "Move",
    "Position",
    "Reason",
    "Refused",
    "StageRow",
    "Stranded",
    "Tally",
    "Until",
    "gather",
]
