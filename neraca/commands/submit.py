"""`neraca submit`: actions as JSON lines to the topic, and each decision as the decider makes it.

The journal is followed from its end, and decisions are matched by the offset of their action: nothing is
asked of the decider itself, so this works the same with any number of them, anywhere.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final, Self

import typer

from neraca.commands import HomeOption, JsonOption

if TYPE_CHECKING:
    from neraca.commands.lines import Lines
    from neraca.settings import Settings
    from schemas.records import Decision

# Actions whose decisions are still out: bounds memory, and keeps a file of millions from running far ahead.
UNDECIDED_MAX: Final = 50_000
BATCH_DECISIONS_MAX: Final = 5_000
WAIT_SECONDS: Final = 0.05
CONNECT_SECONDS: Final = 10.0
LINES_TOLD_MAX: Final = 50


def submit(
    file: Annotated[str, typer.Argument(help="Actions, one JSON object a line; - is standard input.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the decisions, or only for the broker.")
    ] = True,
    timeout_seconds: Annotated[
        float, typer.Option(min=1, help="How long nothing may happen before that is an error.")
    ] = 60.0,
) -> None:
    """Send actions through Kafka and print each decision.

    A file is checked whole before its first line is sent; standard input is sent as it comes, up to the first
    line that is no action. In a pipe, or with --json, each decision is one line of JSON.

    Example: neraca submit actions.jsonl
    """
    from neraca.commands.lines import open_lines
    from neraca.commands.progress import progress_of
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    with open_lines(file) as lines:
        if lines.is_seekable:
            _check(lines)
            lines.rewind()
        shown = _Shown(is_json=as_json or not sys.stdout.isatty())
        with (
            _Submission(settings, shown, is_waiting=wait, timeout_seconds=timeout_seconds) as submission,
            progress_of(lines, "submitting", beside_output=True) as advance,
        ):
            is_whole = submission.send(lines, advance)
            submission.finish()
    shown.summary(submission.acknowledged, is_waiting=wait)
    if not is_whole:
        raise typer.Exit(2)


def _check(lines: "Lines") -> None:
    """Read the whole file and tell every line that is no action; nothing is sent then."""
    from neraca.commands.lines import told
    from neraca.commands.progress import progress_of
    from producers.sealing.guard import read_to_send
    from schemas.errors import ShapeError

    broken = 0
    with progress_of(lines, "checking", beside_output=False) as advance:
        for piece in lines.pieces():
            for number, line in piece:
                try:
                    read_to_send(line)
                except ShapeError as error:
                    broken += 1
                    if broken <= LINES_TOLD_MAX:
                        for problem in told(error):
                            typer.echo(f"{lines.name}: line {number}: {problem}", err=True)
            advance()
    if broken:
        more = f", of which {LINES_TOLD_MAX} are told" if broken > LINES_TOLD_MAX else ""
        typer.echo(f"neraca: {broken} lines break the shape{more}; nothing was sent", err=True)
        raise typer.Exit(2)


class _Shown:
    """Prints decisions, as JSON or for a person, and counts them."""

    def __init__(self, *, is_json: bool) -> None:
        self._is_json = is_json
        self._counts: Counter[str] = Counter()

    def decisions(self, decisions: "list[Decision]") -> None:
        """Print decisions in their order."""
        from schemas.decision_json import decision_json

        for decision in decisions:
            name = decision.outcome if decision.code is None else f"{decision.outcome} {decision.code}"
            self._counts[name] += 1
        texts = [decision_json(one) if self._is_json else _sentence(one) for one in decisions]
        sys.stdout.buffer.write("".join([text + "\n" for text in texts]).encode("utf-8"))
        sys.stdout.buffer.flush()

    def summary(self, acknowledged: int, *, is_waiting: bool) -> None:
        """Print what came of it all, for a person."""
        if self._is_json:
            if not is_waiting:
                typer.echo(f'{{"acknowledged":{acknowledged}}}')
            return
        typer.echo(f"{acknowledged} actions acknowledged")
        for name, count in sorted(self._counts.items()):
            typer.echo(f"{count:>9} {name}")


def _sentence(decision: "Decision") -> str:
    """Write a decision for a person: its number, its end, and what it was about."""
    about = decision.registration_id or decision.permit_id or decision.person_id or ""
    name = decision.outcome if decision.code is None else f"{decision.outcome} {decision.code}"
    if decision.first_seq is not None:
        name += f" of {decision.first_seq}"
    return f"{int(decision.seq):>9}  {decision.kind or '':<22} {about:<20} {name}"


class _Submission:
    """One run: actions out, decisions in, matched by the offset that the broker gave each action."""

    def __init__(
        self, settings: "Settings", shown: _Shown, *, is_waiting: bool, timeout_seconds: float
    ) -> None:
        from consumers.journal import JournalReader
        from consumers.journal_end import find_journal_end
        from neraca.stack.topics import check_topics
        from producers.submit import ActionSender
        from schemas.codec import decode_decision
        from schemas.ids import load_ids
        from schemas.topics import ACTIONS, DECISIONS

        kafka: dict[str, str | int] = {"log_level": 0, **settings.kafka_config()}
        topics = [ACTIONS, DECISIONS] if is_waiting else [ACTIONS]
        check_topics(kafka, settings.topic_prefix, topics, timeout_seconds=CONNECT_SECONDS)
        self._decode: Final = decode_decision
        self._shown: Final = shown
        self._timeout_seconds: Final = timeout_seconds
        self._reader: JournalReader | None = None
        if is_waiting:
            # Before the first action is sent, so that no decision on one can be missed.
            journal = DECISIONS.under(settings.topic_prefix)
            end = find_journal_end(kafka, journal, CONNECT_SECONDS)
            self._reader = JournalReader(
                kafka, journal, last_seq=end.seq, last_sha256=end.sha256, offset=end.offset
            )
        self._sender: Final = ActionSender(
            kafka,
            ACTIONS.under(settings.topic_prefix),
            load_ids(None),
            self._take_acknowledgement,
            timeout_seconds=timeout_seconds,
        )
        self._awaited: Final[set[int]] = set()
        # A decision can be read before the acknowledgement of its action; then it waits here.
        self._early: Final[dict[int, Decision]] = {}
        self._ready: list[Decision] = []
        self._decided = 0
        self._progress_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        if kind is not None:
            self._sender.abandon()
        if self._reader is not None:
            self._reader.close()
        if kind is KeyboardInterrupt:
            decided = "" if self._reader is None else f", {self._decided} of them decided"
            typer.echo(
                f"neraca: stopped; {self.acknowledged} actions are acknowledged{decided}. Sending the same "
                "actions again is safe: what is decided is answered as DUPLICATE.",
                err=True,
            )
            raise typer.Exit(130)

    @property
    def acknowledged(self) -> int:
        """How many actions the broker has for good."""
        return self._sender.acknowledged

    def send(self, lines: "Lines", advance: Callable[[], None]) -> bool:
        """Send every line as it comes; False when one is no action, which ends it."""
        from neraca.commands.lines import told
        from producers.sealing.guard import read_to_send
        from schemas.errors import ShapeError

        for piece in lines.pieces(self._step):
            for number, line in piece:
                try:
                    record = read_to_send(line)
                except ShapeError as error:
                    for problem in told(error):
                        typer.echo(f"{lines.name}: line {number}: {problem}", err=True)
                    sent = self._sender.sent
                    typer.echo(f"neraca: stopped at line {number}; {sent} actions were sent", err=True)
                    return False
                while self._outstanding >= UNDECIDED_MAX:
                    self._step()
                self._sender.send(record)
            self._step(0)
            advance()
        return True

    def finish(self) -> None:
        """Wait for every acknowledgement, and for every decision where they are waited for."""
        while self._outstanding:
            self._step()

    @property
    def _outstanding(self) -> int:
        return self._sender.in_flight if self._reader is None else self._sender.sent - self._decided

    def _step(self, wait_seconds: float = WAIT_SECONDS) -> None:
        """Take in what came from the broker and print it."""
        outstanding = self._outstanding
        self._sender.poll(wait_seconds if self._reader is None else 0)
        if self._reader is not None:
            for entry in self._reader.poll(BATCH_DECISIONS_MAX, wait_seconds):
                self._take_decision(self._decode(entry.value))
        if self._ready:
            self._decided += len(self._ready)
            self._shown.decisions(self._ready)
            self._ready = []
        now = time.monotonic()
        if self._outstanding != outstanding or not outstanding:
            self._progress_at = now
        elif now - self._progress_at > self._timeout_seconds:
            self._tell_stalled()
            raise typer.Exit(1)

    def _take_acknowledgement(self, offset: int) -> None:
        self._progress_at = time.monotonic()
        if self._reader is None:
            return
        decision = self._early.pop(offset, None)
        if decision is None:
            self._awaited.add(offset)
        else:
            self._ready.append(decision)
        # Acknowledgements come in the order of offsets: what lies before this one is somebody else's.
        for other in [early for early in self._early if early < offset]:
            del self._early[other]

    def _take_decision(self, decision: "Decision") -> None:
        offset = int(decision.action_offset)
        if offset in self._awaited:
            self._awaited.remove(offset)
            self._ready.append(decision)
        elif self._sender.in_flight:
            self._early[offset] = decision

    def _tell_stalled(self) -> None:
        seconds = f"{self._timeout_seconds:.0f} seconds"
        sent = self._sender.sent
        if self._sender.in_flight:
            # Then it is the broker who is silent, and nobody can say that the actions are safe there.
            typer.echo(
                f"neraca: Kafka acknowledged nothing for {seconds}; {self.acknowledged} of {sent} before\n"
                "  Is it running, with room on its disk? See `neraca status`. Then send all of them again: "
                "what is decided is answered as DUPLICATE.",
                err=True,
            )
            return
        typer.echo(
            f"neraca: no decision came for {seconds}; {self._decided} of {sent} are decided\n"
            "  Is a decider running? See `neraca status`, or run `neraca run decider`. The actions are "
            "on their topic and will be decided.",
            err=True,
        )
