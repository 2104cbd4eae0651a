"""A whole ledger checked without trust in whoever wrote it (issue 5, point 3).

The actions run through the rules again in this process, and the journal is compared byte for byte; what else
needs every decision goes to other processes. Must not write anywhere but in the scratch folder, and must not
repair: it names what is wrong, the first thing first.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from audit.archive.folder import LOG_FOLDER
from audit.archive.reader import ArchiveSource
from audit.beside import Beside, TaskPlan
from audit.comparison import Comparison
from audit.findings import CHECKS, Finding, Found, in_words
from audit.journal_tasks import BooksPlan, SequencePlan
from audit.reexecution import Reexecution
from audit.roots_check import RootsPlan, collect
from audit.source import RecordedAction, Source
from audit.tlog.note import Verifier
from audit.topics import Strangers, TopicsSource
from consumers.journal import Entry
from consumers.seen_actions import StoredSeenActions
from schemas.errors import ArchiveDamaged, JournalMismatch
from schemas.ids import SchemaIds
from schemas.records import Policy

FINDINGS_MAX: Final = 20
ALL_CHECKS: Final = frozenset(CHECKS)
_KIB: Final = 1024
_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Request:
    """What to check, and with what.

    Attributes:
        ids: The schema ids that the actions are framed with.
        scratch: A folder for the action ids; what is written there is of no use afterwards.
        policy: In force before the first decision; None: the default one.
        checks: Which of `CHECKS`; what has nothing to compare with is left out by itself.
        plans: What else to do with every decision: the tables, the signed roots.
        processes: How many processes may work beside this one.
        findings_max: How many findings of each check are told one by one.

    """

    ids: SchemaIds
    scratch: Path
    policy: Policy | None = None
    checks: frozenset[str] = ALL_CHECKS
    plans: Sequence[TaskPlan] = ()
    processes: int = 1
    findings_max: int = FINDINGS_MAX


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A decision around the first thing that is wrong.

    Attributes:
        place: Its number in the journal.
        words: What it says.
        where: Where it stands: an offset, or a file with block, record and byte.

    """

    place: int
    words: str
    where: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        source: What was read.
        decisions: How many decisions the journal holds.
        actions: How many records of the action topic they are on.
        waiting: Records of the action topic behind those: not decided yet, or not compared where it `is_cut`.
        findings: The first of each check's, by place in the journal.
        found: How many things are wrong, by check.
        is_cut: Whether reading it stopped before its end.
        following: Decisions that differ only because an earlier one does.
        neighbours: The decisions around the first finding.
        facts: What each check counted, by task.
        strangers: What readers of the live topics pass over: news, no fault.
        seconds: How long it took.
        peak_bytes: The most memory that this process, and the largest of the others, held.
        processor_seconds: What this process, and the others together, took of the processors.

    """

    source: str
    decisions: int
    actions: int
    waiting: int
    findings: list[Finding]
    found: dict[str, int]
    is_cut: bool
    following: int
    neighbours: list[Neighbour]
    facts: dict[str, dict[str, Any]]
    strangers: Strangers | None
    seconds: float
    peak_bytes: tuple[int, int]
    processor_seconds: tuple[float, float]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.found


def _no_progress(decisions: int) -> None:
    """Tell nobody."""


def verify(source: Source, request: Request, progress: Callable[[int], None] = _no_progress) -> Report:
    """Check a ledger; `progress` is called with the number of decisions read so far.

    Raises:
        BrokerUnavailable: Kafka does not answer.
        DatabaseUnavailable: PostgreSQL does not answer, or no more.

    """
    started = time.perf_counter()
    checks = request.checks
    reader = _Reader(source)
    found = reader.found
    beside = Beside(_plans(request), request.processes)
    try:
        comparison = Comparison(reader.actions(), _reexecution(request), checks, found.note)
        for values in reader.decisions():
            beside.take(values)
            comparison.take(values)
            progress(comparison.decisions)
        waiting = comparison.finish()
        outcomes = beside.finish()
    finally:
        beside.close()
    for outcome in outcomes:
        found.add(outcome.found)
    strangers = source.strangers if isinstance(source, TopicsSource) else None
    if strangers is not None and strangers.behind_last and waiting:
        found.note(_stopped(strangers, comparison.decisions, waiting))
    # Where reading stopped short, that is the finding, and not what the rest of it would have said.
    told = found.of(checks, with_the_end=not reader.is_cut)
    findings = told.findings
    ours, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return Report(
        source=source.name,
        decisions=comparison.decisions,
        actions=comparison.actions,
        waiting=waiting,
        findings=findings,
        found=told.by_check(),
        is_cut=reader.is_cut,
        following=comparison.following,
        neighbours=_neighbours(source, findings[0]) if findings else [],
        facts={outcome.name: outcome.facts for outcome in outcomes},
        strangers=strangers,
        seconds=time.perf_counter() - started,
        peak_bytes=(ours.ru_maxrss * _KIB, theirs.ru_maxrss * _KIB),
        processor_seconds=(ours.ru_utime + ours.ru_stime, theirs.ru_utime + theirs.ru_stime),
    )


def _plans(request: Request) -> list[TaskPlan]:
    plans: list[TaskPlan] = [*request.plans]
    if request.checks & {"numbering", "chain"}:
        plans.append(SequencePlan(request.checks, request.findings_max))
    if "books" in request.checks:
        plans.append(BooksPlan())
    return plans


def _reexecution(request: Request) -> Reexecution | None:
    if "reexecution" not in request.checks:
        return None
    return Reexecution(request.ids, request.policy, StoredSeenActions(request.scratch))


def open_archive(
    root: Path, checks: frozenset[str], trusted: Sequence[Verifier] = (), findings_max: int = FINDINGS_MAX
) -> tuple[Source, list[TaskPlan]]:
    """Open an archive, and what its log has to compare with.

    Raises:
        ArchiveDamaged: a file is missing or added, or what the archive says of itself does not hold.

    """
    plans: list[TaskPlan] = []
    log = root / LOG_FOLDER
    if checks & {"checkpoints", "tiles"}:
        # A log that was taken away is told, too: without it nobody vouches for anything.
        stated = collect(checks, log if log.is_dir() else None, None, trusted=trusted)
        plans.append(RootsPlan(stated, findings_max))
    return ArchiveSource(root), plans


def unreadable(name: str, damage: ArchiveDamaged) -> Report:
    """Report an archive that cannot even be opened."""
    finding = Finding("source", 0 if damage.seq is None else damage.seq, str(damage), advice=damage.advice)
    return Report(name, 0, 0, 0, [finding], {"source": 1}, True, 0, [], {}, None, 0.0, (0, 0), (0, 0))  # noqa: FBT003 - it is cut


class _Reader:
    """Reads both sides of a ledger as far as they can be read; what stops it is a finding.

    Attributes:
        found: What is wrong with what was read from.
        is_cut: Whether something stopped it.

    """

    def __init__(self, source: Source) -> None:
        self._source: Final = source
        self.found: Final = Found(FINDINGS_MAX)
        self.is_cut = False

    def actions(self) -> Iterator[list[RecordedAction]]:
        """The records of the action topic."""
        return self._read(self._source.actions(), "actions")

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions as they stand, unjudged: the checks judge them, and go on behind what is wrong."""
        source = self._source
        decisions = self._archived(source) if isinstance(source, ArchiveSource) else source.decisions()
        return self._read(decisions, "journal")

    def _read(self, batches: Iterator[list[_Record]], what: str) -> Iterator[list[_Record]]:
        taken = 0
        try:
            for records in batches:
                taken += len(records)
                yield records
        except (ArchiveDamaged, JournalMismatch) as error:
            self.is_cut = True
            place = taken if error.seq is None else error.seq
            self.found.note(Finding("source", place, f"reading the {what}: {error}", advice=error.advice))

    def _archived(self, source: ArchiveSource) -> Iterator[list[bytes]]:
        last = b""
        for block in source.unjudged_blocks():
            if sha256(b"".join(block.records)).digest() != block.sha256:
                where = source.place_in(block, block.first)
                self._note_hash(
                    block.first + len(block.records) - 1, f"{where}: blocks/ has another hash of this block"
                )
            last = block.records[-1]
            yield block.records
        if last and sha256(last).hexdigest() != source.position.last_sha256:
            self._note_hash(
                source.position.next_seq - 1, "position.json has another hash of the last decision"
            )

    def _note_hash(self, place: int, what: str) -> None:
        advice = "A decision was changed, or the hash of it: the other findings tell which."
        self.found.note(Finding("source", place, what, advice=advice))


def _stopped(strangers: Strangers, decisions: int, waiting: int) -> Finding:
    """Say that the journal ends although there are records behind its end."""
    return Finding(
        "source",
        decisions,
        f"the journal stops behind decision {decisions - 1}: {strangers.behind_last} records follow on its "
        f"topic, from offset {strangers.behind_last_offset} on, and no reader accepts them, while {waiting} "
        "actions wait",
        advice="While one decider takes over from another this passes: verify again. If it stays, decision "
        f"{decisions - 1} or the one behind it was changed; a decider that is started will write them anew.",
    )


def _neighbours(source: Source, finding: Finding) -> list[Neighbour]:
    """Read the journal once more, up to the finding, for what stands before it, there, and behind."""
    first, last = finding.place - 1, finding.place + 1
    found: list[Neighbour] = []
    at = 0
    try:
        for values, where in _placed(source):
            places = range(max(first, at), min(last + 1, at + len(values)))
            found += [Neighbour(each, in_words(values[each - at]), where(each)) for each in places]
            at += len(values)
            if at > last:
                break
    except (ArchiveDamaged, JournalMismatch):
        pass  # Told already: it is the finding, or lies behind it.
    return found


def _placed(source: Source) -> Iterator[tuple[list[bytes], Callable[[int], str]]]:
    """Give the journal again, and with each batch what tells where a decision of it stands."""
    if isinstance(source, ArchiveSource):
        for block in source.unjudged_blocks():
            yield block.records, partial(source.place_in, block)
    elif isinstance(source, TopicsSource):
        first = 0
        for entries in source.entries():
            yield [entry.value for entry in entries], partial(_offset, entries, first)
            first += len(entries)
    else:
        for values in source.decisions():
            yield values, lambda _: ""


def _offset(entries: list[Entry], first: int, place: int) -> str:
    return f"offset {entries[place - first].offset}"
