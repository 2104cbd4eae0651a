"""What an import holds on disk while it runs: candidates, actions to be sorted, defects, refusals.

SQLite sorts more rows than fit into memory, and finds one of millions. The file is private, is removed at the
end whatever happens, and holds nothing personal in the clear: keyed hashes, and what is sealed (`people.py`).
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from producers.extract.defects import SEVERITY, Defect
from producers.extract.files import FILE_OF_RANK

# What SQLite may hold before it goes to disk, in KiB: pages of lookups, and as much again for each sort.
CACHE_KIB: Final = 48 * 1024
_RANK_OF_FILE: Final = {name: rank for rank, name in enumerate(FILE_OF_RANK)}

_TABLES: Final = """
CREATE TABLE candidates (
    registration TEXT PRIMARY KEY, line INTEGER NOT NULL, row BLOB NOT NULL, usable INTEGER NOT NULL,
    person BLOB, passport BLOB, marks BLOB, scheme TEXT, agency TEXT, destination TEXT, permit TEXT,
    permit_line INTEGER, position TEXT, sex TEXT, kept BLOB
) WITHOUT ROWID;
CREATE TABLE people (person BLOB PRIMARY KEY, person_id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lives (
    registration TEXT PRIMARY KEY, started INTEGER, ended INTEGER, office TEXT,
    blocked_by INTEGER, cancelled_place INTEGER
) WITHOUT ROWID;
CREATE TABLE actions (
    occurred INTEGER NOT NULL, rank INTEGER NOT NULL, place INTEGER NOT NULL, sub INTEGER NOT NULL,
    registration TEXT, office TEXT, avro BLOB NOT NULL
);
CREATE TABLE unusable_stages (registration TEXT NOT NULL, rank INTEGER NOT NULL, place INTEGER NOT NULL);
CREATE TABLE held (place INTEGER PRIMARY KEY);
CREATE TABLE repeats (place INTEGER PRIMARY KEY, registration TEXT);
CREATE TABLE defects (
    severity INTEGER NOT NULL, file INTEGER NOT NULL, line INTEGER NOT NULL, col TEXT NOT NULL,
    kind TEXT NOT NULL, reason TEXT NOT NULL, only_reported INTEGER NOT NULL,
    registration TEXT, permit TEXT, agency TEXT
);
CREATE TABLE refusals (
    place INTEGER NOT NULL, sub INTEGER NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL, registration TEXT,
    seq INTEGER NOT NULL, since INTEGER, was_duplicate INTEGER NOT NULL
);
CREATE TABLE duplicates (
    first_seq INTEGER NOT NULL, place INTEGER NOT NULL, sub INTEGER NOT NULL, kind TEXT NOT NULL,
    registration TEXT
);
CREATE TABLE again (place INTEGER NOT NULL, sub INTEGER NOT NULL, PRIMARY KEY (place, sub)) WITHOUT ROWID;
"""


class Scratch:
    """The file and its tables."""

    def __init__(self, folder: Path | None = None) -> None:
        """Make it in a folder of its own below `folder`, or below the system's temporary one."""
        self._folder = tempfile.TemporaryDirectory(prefix="neraca-import-", dir=folder)
        # Not shared between threads, no journal: it lives no longer than this object.
        self.db = sqlite3.connect(Path(self._folder.name) / "scratch.db", isolation_level=None)
        for pragma in (
            "journal_mode=OFF",
            "synchronous=OFF",
            "locking_mode=EXCLUSIVE",
            f"cache_size=-{CACHE_KIB}",
            "temp_store=FILE",
        ):
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(_TABLES)
        self.db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything."""
        self.db.close()
        with contextlib.suppress(OSError):
            self._folder.cleanup()

    def report(self, defect: Defect) -> None:
        """Keep a defect."""
        self.db.execute(
            "INSERT INTO defects VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                SEVERITY[defect.kind],
                _RANK_OF_FILE[defect.file],
                defect.line,
                defect.column,
                defect.kind,
                defect.reason,
                int(defect.is_only_reported),
                defect.registration_id,
                defect.permit_id,
                defect.agency_id,
            ),
        )

    def defects(self) -> Iterator[Defect]:
        """Give every defect, worst first; each with its agency, as far as the extract tells."""
        rows = self.db.cursor().execute(
            "SELECT d.file, d.line, d.col, d.kind, d.reason, d.only_reported, d.registration,"
            " coalesce(d.permit, c.permit), coalesce(d.agency, c.agency)"
            " FROM defects d LEFT JOIN candidates c ON c.registration = d.registration"
            " ORDER BY d.severity, d.file, d.line, d.col"
        )
        for file, line, column, kind, reason, only, registration, permit, agency in rows:
            yield Defect(
                FILE_OF_RANK[file], line, column, kind, reason, bool(only), registration, permit, agency
            )

    def __repr__(self) -> str:
        """Show where it is."""
        return f"Scratch({self._folder.name})"
