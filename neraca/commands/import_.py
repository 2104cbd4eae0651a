"""`neraca import`: an extract of SISKOTKLN as actions, decided, with a reconciliation report (§9)."""

import contextlib
import secrets
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from neraca.commands import HomeOption, JsonOption
from neraca.commands.progress import progress

if TYPE_CHECKING:
    from neraca.importing import Deciding
    from neraca.reports.reconciliation import Reconciliation
    from neraca.settings import Settings
    from producers.extract import Extract, ExtractAction, Pseudonyms
    from producers.reconciliation import Refusals
    from producers.sealing import People
    from schemas.records import Decision

# Actions between two looks at the progress.
_ACTIONS_PER_STEP: Final = 1_000
# How often a row may have been refused, each time to be judged anew when a correction brought what it lacked.
_ATTEMPTS_MAX: Final = 32


def import_(
    folder: Annotated[Path, typer.Argument(help="Folder with the seven files of the extract.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide everything by the rules alone; nothing is sent.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the report there, as one HTML file.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    timeout_seconds: Annotated[
        float, typer.Option(min=1, help="How long nothing may happen before that is an error.")
    ] = 60.0,
) -> None:
    """Turn an extract of SISKOTKLN into actions, have them decided, and report what does not fit.

    Defects are no failure: the exit code is 0 with any number of them. A second import adds nothing.

    Example: neraca import extract-2023-07 --dry-run --html report.html
    """
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    if html is not None:
        # Said before anything is sent, and not after.
        with _page(html):
            pass
    with reconciled(folder, settings, dry_run=dry_run, timeout_seconds=timeout_seconds) as report:
        _write(report, html, as_json=as_json)


@contextmanager
def reconciled(
    folder: Path, settings: "Settings", *, dry_run: bool, timeout_seconds: float
) -> "Iterator[Reconciliation]":
    """Have an extract decided and give the report, which lives as long as the block."""
    from ledger.policy import default_policy
    from neraca.importing import DryRun, ThroughKafka
    from producers.extract import Cutover, Extract, Scratch
    from producers.reconciliation import Refusals

    policy = default_policy()
    cutover = Cutover(
        policy.registration_limit.at, policy.closure.at, frozenset(policy.agreement_not_required)
    )
    with (
        _told_what_stopped(),
        Scratch() as scratch,
        _people(settings, is_dry_run=dry_run) as (people, pseudonyms),
    ):
        extract = Extract(folder, pseudonyms, people, cutover, scratch)
        tally = _Tally(Refusals(scratch))
        deciding: Deciding = (
            DryRun(tally.take)
            if dry_run
            else ThroughKafka(settings, tally.take, timeout_seconds=timeout_seconds)
        )
        with deciding:
            with progress("bytes read", extract.bytes_total, beside_output=False) as bar:
                extract.read(lambda: bar.show(extract.bytes_read))
            _decide(extract, deciding, tally)
            report = _report(folder, extract, deciding, tally, is_dry_run=dry_run)
        yield report


@contextmanager
def _told_what_stopped() -> Iterator[None]:
    """Turn what happens to the temporary file, or Ctrl-C, into words."""
    import sqlite3

    from schemas.errors import NeracaError

    try:
        yield
    except sqlite3.Error as error:
        raise NeracaError(
            f"the temporary file cannot be used: {error}",
            advice="Free some space, or name a folder on another disk with TMPDIR. Importing again is safe.",
        ) from error
    except KeyboardInterrupt:
        typer.echo(
            "neraca: stopped. What was sent will be decided; importing again adds only the rest.", err=True
        )
        raise


class _Tally:
    """Counts decisions and keeps the refusals."""

    def __init__(self, refusals: "Refusals") -> None:
        self.actions = 0
        self.outcomes: Counter[str] = Counter()
        self.refusals: Final = refusals
        self.is_again = False

    def take(self, action: "ExtractAction", decision: "Decision") -> None:
        """Take a decision in; one that is made again takes the place of what was taken back."""
        if not self.is_again:
            self.actions += 1
        code, kind = decision.code, decision.kind or ""
        self.outcomes[decision.outcome if code is None else f"{decision.outcome} {code}"] += 1
        if code is not None:
            self.refusals.add(
                action.place, action.sub, code, kind, decision.registration_id, int(decision.seq)
            )
        elif decision.first_seq is not None:
            self.refusals.add_duplicate(
                action.place, action.sub, int(decision.first_seq), kind, decision.registration_id
            )

    def in_order(self) -> dict[str, int]:
        """Give the counts, the largest first within accepted, duplicate, refused."""
        order = {"ACCEPTED": 0, "DUPLICATE": 1}
        return dict(
            sorted((+self.outcomes).items(), key=lambda item: (order.get(item[0], 2), -item[1], item[0]))
        )

    def __repr__(self) -> str:
        return f"_Tally({self.outcomes})"


def _decide(extract: "Extract", deciding: "Deciding", tally: _Tally) -> None:
    with progress("deciding", extract.actions_count(), beside_output=False) as bar:
        for action in extract.actions():
            deciding.take(action)
            if tally.actions % _ACTIONS_PER_STEP == 0:
                bar.show(tally.actions)
        deciding.finish()
        bar.show(tally.actions)
    tally.is_again = True
    if not tally.outcomes["DUPLICATE"]:
        # Nothing of it was ever decided before: each row had all that the extract has for it.
        tally.refusals.report_contradictions()
        return
    for attempt in range(1, _ATTEMPTS_MAX + 1):
        tally.refusals.look_up_duplicates(deciding.refused_before, deciding.start_seq)
        taken_back = tally.refusals.mark_again(deciding.cured, deciding.last_seq)
        if not taken_back:
            break
        tally.outcomes.subtract(taken_back)
        for action in extract.actions_again(attempt):
            deciding.take(action)
        deciding.finish()
    tally.refusals.report_contradictions()


def _report(
    folder: Path, extract: "Extract", deciding: "Deciding", tally: _Tally, *, is_dry_run: bool
) -> "Reconciliation":
    from neraca.reports.reconciliation import Contact, Reconciliation
    from producers.reconciliation import compare

    balances = deciding.balances()
    return Reconciliation(
        folder=folder.resolve().name,
        is_dry_run=is_dry_run,
        actions=tally.actions,
        outcomes=tally.in_order(),
        counts=extract.counts(),
        defects=extract.defects,
        lines=lambda: compare(extract, balances),
        refused_by_code=tally.refusals.count_by_code(),
        refused=tally.refusals.of_code,
        agencies={code: Contact(code, agency.name) for code, agency in extract.agencies.by_code.items()},
    )


def _write(report: "Reconciliation", html: Path | None, *, as_json: bool) -> None:
    if html is not None:
        from neraca.reports.reconciliation_html import write_html

        with _page(html) as target:
            write_html(report, target)
            target.flush()
            Path(target.name).replace(html)
    if as_json:
        from neraca.reports.reconciliation import write_json

        write_json(report, sys.stdout)
        return
    from rich.console import Console

    from neraca.reports.reconciliation_terminal import show

    console = Console()
    show(report, console)
    if html is not None:
        console.print(f"The whole report: {html}", highlight=False)


@contextmanager
def _page(html: Path) -> Iterator[TextIO]:
    """Give a file beside the one asked for, to take its place once it is whole; it is gone afterwards."""
    from schemas.errors import NeracaError

    partial = html.with_name(f"{html.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as target:
            yield target
    except OSError as error:
        raise NeracaError(
            f"{html} cannot be written: {error.strerror}",
            advice="Name a file in a folder that you can write to. Importing again is safe.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


@contextmanager
def _people(settings: "Settings", *, is_dry_run: bool) -> "Iterator[tuple[People, Pseudonyms]]":
    """Give where candidates are found, and the keyed hashes of this run; a dry run leaves nothing behind."""
    from producers.extract import KEY_BYTES, Pseudonyms
    from producers.sealing import Strangers

    if is_dry_run:
        yield Strangers(), Pseudonyms(secrets.token_bytes(KEY_BYTES))
        return
    from neraca.keystore.opening import opened

    with opened(settings) as store:
        yield store, Pseudonyms(store.officers_key())
