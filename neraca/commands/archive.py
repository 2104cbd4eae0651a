"""`neraca archive FOLDER`: the ledger as files, brought up to where its topics end now."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from audit.archive.folder import Position

# The archiver signs on a schedule and may be ahead by what came meanwhile.
_CHECKPOINT_TRIES_MAX = 3


def archive(
    folder: Annotated[
        Path, typer.Argument(help="A new or empty folder, or an archive of this ledger.", metavar="FOLDER")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep actions and decisions as Avro files with their exact bytes, an index and a signed checkpoint.

    What is there already is left as it is; the rest is added, read back from the disk, and only then counts.
    Stopped at any moment, it goes on when run again. `neraca restore` makes the ledger out of it again.

    Example: neraca archive /mnt/backup/ledger
    """
    from audit.archive.folder import ArchiveFolder, Position
    from consumers import archiver
    from neraca.archiving import open_archive
    from neraca.commands.progress import progress_by_step
    from neraca.settings import Settings
    from neraca.stack.topics import check_topics

    settings = Settings.read(home=home)
    kafka = settings.kafka_config()
    check_topics(kafka, settings.topic_prefix)
    started = time.monotonic()
    before = Position()
    if ArchiveFolder(folder).about_file.exists():
        before = ArchiveFolder(folder).position()
    with open_archive(settings, folder, to_topic=False) as kept, progress_by_step() as tell:
        for _ in range(_CHECKPOINT_TRIES_MAX):
            archiver.catch_up(
                kafka, settings.topic_prefix, kept, advance=lambda done, total: tell("archiving", done, total)
            )
            if checkpoint := kept.checkpoint():
                break
        root = kept.log.root(checkpoint).hex() if checkpoint else None
        bytes_kept = kept.size_bytes
    result = {
        "folder": str(folder),
        **_counts(before, ArchiveFolder(folder).position()),
        "bytes": bytes_kept,
        "checkpoint": {"size": checkpoint, "root": root} if checkpoint else None,
    }
    if as_json:
        print_json(result)
    else:
        _show(result, time.monotonic() - started)


def _counts(before: "Position", after: "Position") -> dict[str, int]:
    from audit.archive.folder import DECISIONS, OFFSETS, UNREADABLE

    counts = {}
    for name, stream in (("decisions", DECISIONS), ("actions", OFFSETS), ("unreadable", UNREADABLE)):
        counts[name] = after.stream(stream).records
        counts[f"{name}_added"] = after.stream(stream).records - before.stream(stream).records
    return counts


def _show(result: dict[str, Any], seconds: float) -> None:
    """Say for a person what there is now."""
    typer.echo(f"{result['folder']}: {result['bytes'] / 1e6:,.1f} MB, up to date in {seconds:.1f} s")
    for name, what in (
        ("decisions", "decisions"),
        ("actions", "records of the action topic"),
        ("unreadable", "of them are no actions"),
    ):
        typer.echo(f"{result[name]:>12,} {what} ({result[name + '_added']:,} added)")
    if (checkpoint := result["checkpoint"]) is not None:
        typer.echo(f"checkpoint of {checkpoint['size']:,} decisions, root {checkpoint['root']}")
    else:
        typer.echo("no checkpoint yet: more was signed elsewhere than is here; run it again")
