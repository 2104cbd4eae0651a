"""An extract of SISKOTKLN as actions (contract §9): read, judged, and put in the order of what happened.

Knows nothing of Kafka or of the rules; whoever has the decisions compares them (`producers/reconciliation`).
"""

from producers.extract.csv_rows import ExtractUnusable
from producers.extract.defects import KINDS, Defect, DefectKind
from producers.extract.extract import Extract, ExtractAction, FileCount, QuotaLine
from producers.extract.identity import KEY_BYTES, Pseudonyms
from producers.extract.scratch import Scratch
from producers.extract.stages import Cutover

__all__ = [
    "KEY_BYTES",
    "KINDS",
    "Cutover",
    "Defect",
    "DefectKind",
    "Extract",
    "ExtractAction",
    "ExtractUnusable",
    "FileCount",
    "Pseudonyms",
    "QuotaLine",
    "Scratch",
]
