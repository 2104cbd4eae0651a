"""`neraca prove`: a text file that shows that a decision is in the log, or that the log forgot nothing."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import HomeOption, JsonOption, print_json
from neraca.commands.progress import progress

if TYPE_CHECKING:
    from audit.tlog.keys import KeyList
    from audit.tlog.proving import ProvingLog, Wanted
    from audit.tlog.publishing import Checkpoints
    from neraca.settings import Settings

SUFFIX = ".tlog-proof"


def prove(
    seq: Annotated[int | None, typer.Option(min=0, help="The decision of that number.", metavar="N")] = None,
    registration: Annotated[
        str | None, typer.Option(help="The last decision that changed that registration.", metavar="R")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="With --registration: every decision that changed it.")
    ] = False,
    from_size: Annotated[
        int | None,
        typer.Option(min=0, help="That the log continues its checkpoint of that size.", metavar="A"),
    ] = None,
    to_size: Annotated[
        int | None, typer.Option(min=0, help="With --from-size: up to that one, not the last.", metavar="B")
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="From this archive, or this log's folder, without Kafka.", metavar="FOLDER"),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Under this checkpoint, for example one with co-signatures.", metavar="FILE"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write it there; with --all: a folder.", metavar="F")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a proof that a decision is in the log: a text file that `neraca check-proof` checks.

    With --from-size: that one signed checkpoint continues another, so that nothing was forgotten or changed.

    Example: neraca prove --seq 4711 --out 4711.tlog-proof
    """
    from audit.tlog import proving
    from neraca.commands.holding import exit_1_where_broken
    from neraca.settings import Settings
    from schemas.errors import SettingsError

    if [seq, registration, from_size].count(None) != 2:  # noqa: PLR2004 (one of the three is given)
        raise SettingsError("prove needs one of --seq, --registration and --from-size")
    if every and (registration is None or out is None):
        raise SettingsError("--all goes with --registration and --out FOLDER")
    if to_size is not None and from_size is None:
        raise SettingsError("--to-size goes with --from-size")
    wanted = _wanted(seq, registration)
    settings = Settings.read(home=home)
    with exit_1_where_broken(), _open(settings, archive, wanted) as ledger:
        newest = ledger.note(checkpoint, to_size)
        if from_size is not None:
            proof = proving.consistency(ledger.log, ledger.at(from_size), newest, ledger.keys)
            _write([_File(f"{from_size}.consistency-proof", str(proof))], out, as_json=as_json)
            return
        decisions = _decisions(ledger.log, newest, seq, wanted, registration)
        if not every:
            decisions = decisions[-1:]
        proofs = list(proving.inclusion(ledger.log, newest, ledger.keys, decisions))
    files = [_File(f"{one.index}{SUFFIX}", str(one), one.index) for one in proofs]
    if every and out is not None:
        _write_all(files, out, as_json=as_json)
    else:
        _write(files, out, as_json=as_json)


def _wanted(seq: int | None, registration: str | None) -> "Wanted":
    from audit.tlog.proving import changing, nothing, with_seq

    if seq is not None:
        return with_seq(seq)
    return nothing if registration is None else changing(registration)


def _decisions(
    log: "ProvingLog", note: str, seq: int | None, wanted: "Wanted", registration: str | None
) -> list[tuple[int, bytes]]:
    from audit.tlog.publishing import size_of
    from schemas.errors import NeracaError

    size = size_of(note)
    if seq is None:
        if found := list(log.found(wanted, size)):
            return found
        raise NeracaError(
            f"no decision up to the last checkpoint (size {size}) changed registration {registration}",
            advice="Is the number right? Actions that were refused change nothing.",
        )
    if seq >= size:
        raise NeracaError(
            f"decision {seq} is in no signed checkpoint yet: the last one is of {size} decisions",
            advice="The archiver signs one a minute (`neraca status`), `neraca archive FOLDER` at once.",
        )
    return [(seq, log.entry(seq))]


@dataclass(frozen=True, slots=True)
class _Ledger:
    """A log, the keys that are known of it, its checkpoints, and the last of them.

    The last one was read before the log was opened, which may grow meanwhile: it is never ahead of the log.
    """

    log: "ProvingLog"
    keys: "KeyList | None"
    checkpoints: "Checkpoints"
    last: str | None

    def note(self, file: Path | None, size: int | None) -> str:
        """Give the checkpoint that the proof leads to."""
        from audit.tlog.files import read_text
        from schemas.errors import NeracaError

        if file is not None:
            return read_text(file)
        if size is not None:
            return self.at(size)
        if self.last is None:
            raise NeracaError(
                f"{self.log.name} has no signed checkpoint yet",
                advice="The archiver signs them: `neraca up`, or `neraca run archiver`.",
            )
        return self.last

    def at(self, size: int) -> str:
        """Give the checkpoint of that size."""
        from schemas.errors import NeracaError

        if (note := self.checkpoints.at(size)) is not None:
            return note
        sizes = self.checkpoints.sizes()
        below = [one for one in sizes if one < size][-1:]
        above = [one for one in sizes if one > size][:1]
        near = " and ".join(map(str, below + above)) or "none"
        raise NeracaError(
            f"{self.log.name} has no signed checkpoint of size {size}", advice=f"The next to it: {near}."
        )


@contextmanager
def _open(settings: "Settings", archive: Path | None, wanted: "Wanted") -> Iterator[_Ledger]:
    from audit.tlog.proving import LogInMemory, LogOnDisk
    from audit.tlog.publishing import CheckpointFiles, CheckpointTopic
    from audit.tlog.tiles import TileLog
    from audit.topics import TopicsSource
    from neraca import transparency

    folder = transparency.log_folder_in(archive) if archive is not None else transparency.own_log(settings)
    if folder is not None:
        files = CheckpointFiles(folder)
        last = files.latest()
        log = TileLog(folder)
        keys = transparency.listed_beside(folder)
        with progress("reading decisions", log.size, beside_output=True) as bar:
            yield _Ledger(LogOnDisk(log, bar.advance), keys, files, last)
        return
    topic = CheckpointTopic(settings.kafka_config(), settings.topic_prefix)
    last = topic.latest()
    source = TopicsSource(settings.kafka_config(), settings.topic_prefix)
    own = transparency.log_keys(settings)
    keys = own.listed() if own.made() else None
    with progress("reading decisions", source.extent().decisions, beside_output=True) as bar:
        log_in_memory = LogInMemory(source.name, source.decisions(), wanted, bar.advance)
        yield _Ledger(log_in_memory, keys, topic, last)


@dataclass(frozen=True, slots=True)
class _File:
    """A proof: the name of its file where it has none yet, and its text."""

    name: str
    text: str
    seq: int | None = None

    def as_json(self, path: Path | None) -> dict[str, object]:
        described: dict[str, object] = {} if self.seq is None else {"seq": self.seq}
        return described | ({"proof": self.text} if path is None else {"file": str(path)})


def _write(files: Sequence[_File], out: Path | None, *, as_json: bool) -> None:
    from audit.tlog.files import write_durably

    (file,) = files
    if out is not None:
        write_durably(out, file.text.encode())
    if as_json:
        print_json(file.as_json(out))
    elif out is None:
        sys.stdout.buffer.write(file.text.encode())
    else:
        typer.echo(f"{out} written; it is checked by: neraca check-proof {out} --key VERIFIER_KEY")


def _write_all(files: Sequence[_File], folder: Path, *, as_json: bool) -> None:
    from audit.tlog.files import write_durably

    for file in files:
        write_durably(folder / file.name, file.text.encode())
    if as_json:
        print_json([file.as_json(folder / file.name) for file in files])
    else:
        typer.echo(f"{len(files)} proofs written to {folder}, one a decision")
