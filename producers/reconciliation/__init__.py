"""What the old system counted beside what the ledger counts, and why they differ.

Gets balances and refusals from whoever has the decisions; knows neither Kafka nor the rules.
"""

from producers.reconciliation.lines import Balance, Explanation, LineComparison, compare
from producers.reconciliation.refusals import Refusals, Refused

__all__ = ["Balance", "Explanation", "LineComparison", "Refusals", "Refused", "compare"]
