"""A measured figure beside what we aim at and what others reach, and the machine that it was measured on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

from neraca.compiled import inspect


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: What was measured.
        values: One a run.
        unit: Of the values.
        aim: Of the design; empty where it has none.
        others: What the alternatives reach on simpler work.

    """

    name: str
    values: Sequence[float]
    unit: str
    aim: str = ""
    others: str = ""

    def __str__(self) -> str:
        """Show median, min and max."""
        middle = _shown(statistics.median(self.values))
        spread = f"{_shown(min(self.values))}–{_shown(max(self.values))}" if len(self.values) > 1 else ""
        return f"| {self.name} | {middle} {self.unit} | {spread} | {self.aim} | {self.others} |"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def print_figures(title: str, figures: Sequence[Figure]) -> None:
    """Print a table in Markdown, to be pasted as it is."""
    print(f"\n### {title}\n")
    print("| what | median | min–max | aim / stretch | alternatives |")
    print("|---|--:|--:|--:|---|")
    for figure in figures:
        print(figure)
    print(flush=True)


def print_machine() -> None:
    """Print what it runs on, and how."""
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("confluent-kafka", "psycopg", "numpy", "librt")
    )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load}; Python {platform.python_version()}")
    print(packages)
    print(f"{inspect()}", flush=True)
