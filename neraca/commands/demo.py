"""`neraca demo`: a whole cutover on a real Kafka and PostgreSQL, and what an official asks about it."""

import contextlib
import fcntl
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import typer

from neraca.commands import JsonOption, print_json

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from neraca.settings import Settings
    from neraca.stack.embedded import EmbeddedStack

# In the folder of a demo: nothing else is ever removed.
MARKER: Final = "made-by-neraca-demo"
CANDIDATES: Final = 20_000
SEED: Final = 1
# How many actions are handed to the client between two looks at the progress.
CHUNK_ACTIONS: Final = 1_000
# No decision or row for so long: something is broken, and waiting longer helps nobody.
STALLED_SECONDS: Final = 60.0
LOOK_EVERY_SECONDS: Final = 0.2
CLOSURE_DATE: Final = "2023-07-17"
# The report in the folder of a demo that is kept.
PAGE: Final = "cutover.html"


def demo(
    candidates: Annotated[
        int, typer.Option(min=1, max=5_000_000, help="How many candidates the history has.")
    ] = CANDIDATES,
    seed: Annotated[int, typer.Option(help="The same seed gives the same history.")] = SEED,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            help="Folder of the demo's own stack; else beside the usual one. A former demo there is removed.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        bool | None,
        typer.Option(
            "--keep/--stop",
            help="Leave the stack running, or remove it. On a terminal it is kept, elsewhere removed.",
            show_default=False,
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Write the whole report there, as one HTML file; else into the demo's folder, where that is "
            "kept.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a whole cutover through a real Kafka and a real PostgreSQL, and report it.

    Example: neraca demo --candidates 20000
    """
    from rich.console import Console

    from neraca.settings import Settings
    from neraca.stack.embedded import EmbeddedStack

    console = Console()
    progress = Console(stderr=True, quiet=not sys.stderr.isatty())
    settings = Settings.read(home=home or Settings.read().home.parent / "neraca-demo")
    stack = EmbeddedStack(settings)
    lock = _make_room(settings.home, stack)
    is_kept = sys.stdout.isatty() if keep is None else keep
    try:
        with progress.status("starting Kafka and PostgreSQL") as status:
            stack.up(say=lambda what: status.update(f"starting: {what}"))
        run = _run(settings, progress, seed=seed, candidates=candidates)
        report = _report(settings, run)
        page = page or (settings.home / PAGE if is_kept else None)
        if page is not None:
            with progress.status("writing the report"):
                _write_page(settings, page)
    except BaseException:
        stack.down()
        lock.close()
        raise
    if as_json:
        print_json(report)
    else:
        _show(console, report)
        if page is not None:
            console.print(f"The whole report: {page}", highlight=False, markup=False, soft_wrap=True)
    if is_kept:
        if not as_json:
            _tell_what_next(console, settings.home, run)
    else:
        stack.down()
        shutil.rmtree(settings.home, ignore_errors=True)
    lock.close()
    if any(row["difference"] for row in report["trial_balance"]):
        raise typer.Exit(1)


def _make_room(home: Path, stack: "EmbeddedStack") -> IO[bytes]:
    """Remove a former demo, mark the folder as this one's, and give the lock that says that it runs.

    The mark comes first of all: whatever interrupts the demo, the next one knows the folder as its own.

    Raises:
        FolderUnusable: something else is there, or a demo runs there.

    """
    from schemas.errors import FolderUnusable

    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            raise FolderUnusable(
                f"{home} holds something that no demo made", advice="Name an empty folder with --home."
            )
        with (home / MARKER).open("ab") as former:
            _claim(former, home)
            stack.down()
            shutil.rmtree(home)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = (home / MARKER).open("ab")
    _claim(lock, home)
    return lock


def _claim(lock: IO[bytes], home: Path) -> None:
    from schemas.errors import FolderUnusable

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FolderUnusable(
            f"a demo is running in {home}",
            advice="Wait until it is done, or name another folder with --home.",
        ) from None


@dataclass(frozen=True, slots=True)
class _Run:
    """What was measured while the history went through."""

    seed: int
    candidates: int
    actions: int
    seconds: float


def _run(settings: "Settings", console: "Console", *, seed: int, candidates: int) -> _Run:
    """Send the history, and wait until every decision stands in PostgreSQL."""
    import psycopg
    from confluent_kafka import Consumer, Producer, TopicPartition
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from consumers.journal import CLIENT_LOG_LEVEL
    from producers.workload import actions
    from schemas.topics import DECISIONS

    topic = DECISIONS.under(settings.topic_prefix)
    # What matters comes as an error of a call; the client's own lines are not for who watches a demo.
    kafka = {"log_level": CLIENT_LOG_LEVEL, **settings.kafka_config()}
    producer = Producer({**kafka, "enable.idempotence": True, "acks": "all", "linger.ms": 5})
    watcher = Consumer({**kafka, "group.id": "neraca-demo", "enable.auto.commit": False})
    columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    started = time.monotonic()
    with (
        contextlib.closing(watcher),
        psycopg.connect(settings.postgres_dsn(), autocommit=True) as database,
        Progress(*columns, console=console) as bar,
    ):
        sent_bar = bar.add_task("sent", total=None)
        decided_bar = bar.add_task("decided, durable in the journal", total=None)
        visible_bar = bar.add_task("visible in PostgreSQL", total=None)
        sent = 0
        visible = -1
        moved_at = looked_at = started

        def look() -> None:
            nonlocal visible, moved_at, looked_at
            looked_at = time.monotonic()
            _, decided = watcher.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
            bar.update(decided_bar, completed=decided)
            now_visible = _visible(database)
            if now_visible != visible:
                visible, moved_at = now_visible, looked_at
                bar.update(visible_bar, completed=visible)
            elif looked_at - moved_at > STALLED_SECONDS:
                _stalled(settings, visible, sent)

        for day, chunk in _chunks(actions(seed, candidates)):
            taken = producer.produce_batch(
                _actions_topic(settings), [{"value": value} for value in chunk], partition=0
            )
            if taken != len(chunk):
                producer.flush()
                producer.produce_batch(
                    _actions_topic(settings), [{"value": value} for value in chunk[taken:]], partition=0
                )
            sent += len(chunk)
            producer.poll(0)
            closed = ": SISKOTKLN is closed" if day >= CLOSURE_DATE else ""
            bar.update(sent_bar, completed=sent, description=f"sent, up to {day}{closed}")
            if time.monotonic() - looked_at > LOOK_EVERY_SECONDS:
                look()
        producer.flush()
        for task in (sent_bar, decided_bar, visible_bar):
            bar.update(task, total=sent)
        while visible < sent:
            look()
            time.sleep(LOOK_EVERY_SECONDS / 4)
    return _Run(seed, candidates, sent, time.monotonic() - started)


def _actions_topic(settings: "Settings") -> str:
    from schemas.topics import ACTIONS

    return ACTIONS.under(settings.topic_prefix)


def _chunks(lines: Iterator[str]) -> Iterator[tuple[str, list[bytes]]]:
    """Give the actions as topic values, some at a time, with the day on which the last was entered."""
    from schemas.action_json import read_action_line
    from schemas.framing import frame_action
    from schemas.ids import built_in_ids

    ids = built_in_ids()
    chunk: list[bytes] = []
    line = ""
    for line in lines:
        chunk.append(frame_action(read_action_line(line), ids))
        if len(chunk) == CHUNK_ACTIONS:
            yield json.loads(line)["entered_at"][:10], chunk
            chunk = []
    if chunk:
        yield json.loads(line)["entered_at"][:10], chunk


def _visible(database: "Connection[Any]") -> int:
    """Count the decisions that stand in PostgreSQL."""
    import psycopg

    try:
        row = database.execute("SELECT max(seq) + 1 FROM neraca.projection_positions").fetchone()
    except psycopg.errors.UndefinedTable:
        return 0  # The projector is still making its tables.
    return int(row[0] or 0) if row else 0


def _stalled(settings: "Settings", visible: int, sent: int) -> None:
    from schemas.errors import StackError

    raise StackError(
        f"{visible} of {sent} decisions are visible, and none came for {STALLED_SECONDS:.0f} seconds",
        advice=f"Look into the logs in {settings.home / 'logs'}.",
    )


def _report(settings: "Settings", run: _Run) -> dict[str, Any]:
    """Ask PostgreSQL what an official asks."""
    import psycopg
    from psycopg.rows import dict_row

    from ledger.refusals import REFUSALS

    with psycopg.connect(settings.postgres_dsn(), row_factory=dict_row) as database:

        def rows(query: str) -> list[dict[str, Any]]:
            return database.execute(query).fetchall()

        summary = rows("SELECT * FROM neraca.cutover_summary")[0]
        refusals = rows(
            "SELECT code, count(*) AS actions FROM neraca.decisions WHERE outcome = 'REFUSED' "
            "GROUP BY code ORDER BY actions DESC, code"
        )
        return {
            "seed": run.seed,
            "candidates": run.candidates,
            "actions": run.actions,
            "seconds": round(run.seconds, 1),
            "summary": {
                name: value.isoformat() if hasattr(value, "isoformat") else value
                for name, value in summary.items()
            },
            "outcomes": rows(
                "SELECT outcome, count(*) AS actions FROM neraca.decisions GROUP BY outcome ORDER BY outcome"
            ),
            "refusals": [{**row, "title": REFUSALS[row["code"]].title} for row in refusals],
            "stranded_by_destination": rows(
                "SELECT destination, count(*) AS units FROM neraca.stranded_units "
                "GROUP BY destination ORDER BY units DESC, destination LIMIT 5"
            ),
            "trial_balance": rows("SELECT * FROM neraca.trial_balance ORDER BY account"),
        }


def _write_page(settings: "Settings", page: Path) -> None:
    """Write the whole report, counted from the journal alone."""
    import io

    from audit.report import gather
    from audit.topics import TopicsSource
    from neraca.commands.output import output
    from neraca.reports.cutover_html import write_html

    with output(page) as target:
        text = io.TextIOWrapper(target, encoding="utf-8", newline="\n")
        source = TopicsSource({"log_level": 0, **settings.kafka_config()}, settings.topic_prefix)
        write_html(gather(source), "en", text)
        text.flush()
        text.detach()


def _show(console: "Console", report: dict[str, Any]) -> None:
    from rich.table import Table

    s = report["summary"]
    console.print()
    cutover = Table(title="The cutover of 17 July 2023, 00:00 WIB", show_header=False, title_justify="left")
    cutover.add_column(justify="left")
    cutover.add_column(justify="right")
    for text, value in (
        ("candidates in process in SISKOTKLN at the closure", s["in_process_at_closure"]),
        ("  registered again in SIAPKerja", s["reregistered"]),
        ("  departed before the closure, entered after it", s["departed_late"]),
        ("    of these after they had registered again", s["departed_late_after_reregistering"]),
        ("  not moved", s["not_moved"]),
        ("units restored to a valid permit [L4]", s["units_restored"]),
        ("units forfeited: the permit was no longer valid", s["units_forfeited"]),
        ("units released by a ruling", s["units_released"]),
        ("units stranded: still held by who has not moved", s["units_stranded"]),
    ):
        cutover.add_row(text, f"{value:,}")
    console.print(cutover)
    stranded = ", ".join(
        f"{row['destination']} {row['units']:,}" for row in report["stranded_by_destination"]
    )
    console.print(f"stranded units by destination: {stranded or 'none'}\n")

    outcomes = ", ".join(f"{row['outcome'].lower()} {row['actions']:,}" for row in report["outcomes"])
    console.print(f"{report['actions']:,} actions, each with one decision: {outcomes}")
    refusals = Table(title="Refused, by code", title_justify="left")
    refusals.add_column("code")
    refusals.add_column("actions", justify="right")
    refusals.add_column("why")
    for row in report["refusals"][:12]:
        refusals.add_row(row["code"], f"{row['actions']:,}", row["title"])
    rest = report["refusals"][12:]
    if rest:
        refusals.add_row(f"{len(rest)} other codes", f"{sum(row['actions'] for row in rest):,}", "")
    console.print(refusals)

    balance = Table(title="Trial balance, in units", title_justify="left")
    balance.add_column("account")
    for name in ("balances", "postings", "difference"):
        balance.add_column(name, justify="right")
    for row in report["trial_balance"]:
        balance.add_row(
            row["account"], *(f"{row[name]:,}" for name in ("balances", "postings", "difference"))
        )
    total = sum(row["balances"] for row in report["trial_balance"])
    balance.add_row("sum", f"{total:,}", f"{sum(row['postings'] for row in report['trial_balance']):,}", "0")
    console.print(balance)
    console.print(
        f"seed {report['seed']}, {report['candidates']:,} candidates, {report['seconds']} s "
        "from the first action sent to the last row visible"
    )


def _tell_what_next(console: "Console", home: Path, run: _Run) -> None:
    neraca = _how_it_was_called()
    console.print(
        "\nThe stack is running. Try:\n"
        f"  {neraca} status --home {home}\n"
        f"  {neraca} report cutover --home {home} --language id --out laporan.html\n"
        "  # a part of the history once more: every action is a duplicate of its first decision\n"
        f"  {neraca} workload --seed {run.seed} --candidates {run.candidates} | head -n 1000"
        f" | {neraca} submit - --home {home} | tail -n 1\n"
        f"  {neraca} down --home {home}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _how_it_was_called() -> str:
    """Give a command that works in the user's shell: by its name where PATH has it, else by its path."""
    if shutil.which("neraca"):
        return "neraca"
    program = Path(sys.argv[0])
    return str(program) if program.name == "neraca" else f"{sys.executable} -m neraca"
