"""`neraca restore FOLDER`: a whole ledger out of its archive, onto empty topics."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from neraca.settings import Settings


def restore(
    folder: Annotated[
        Path, typer.Argument(help="An archive folder, as `neraca archive` wrote it.", metavar="FOLDER")
    ],
    home: HomeOption = None,
    start_over: Annotated[
        bool,
        typer.Option("--start-over", help="Delete what an interrupted restore left, and begin again."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a ledger back: every decision byte for byte, every action at its offset with its append time.

    The archive is checked whole before anything is written, and both topics are read back and compared at the
    end. Kafka is started where it does not run; the topics must be empty. Interrupted, it goes on when run
    again. Then start the services (`neraca up`): the decider goes on behind the last decision.

    Example: neraca restore /mnt/backup/ledger --home /srv/neraca
    """
    from audit.archive.reader import ArchiveSource
    from audit.archive.restore import Restore
    from neraca.commands.progress import progress_by_step
    from neraca.settings import Settings
    from neraca.stack.embedded import EmbeddedStack
    from neraca.stack.topics import ensure_topics
    from schemas.errors import TopicMismatch
    from schemas.topics import ACTIONS, ALL_TOPICS

    settings = Settings.read(home=home)
    source = ArchiveSource(folder)
    if settings.kafka_is_embedded:
        EmbeddedStack(settings).up(services=(), with_topics=False)
    kafka = settings.kafka_config()
    try:
        ensure_topics(kafka, settings.topic_prefix)
    except TopicMismatch:
        # The topic of actions stands as an interrupted restore left it; the restore will judge.
        ensure_topics(kafka, settings.topic_prefix, [topic for topic in ALL_TOPICS if topic != ACTIONS])
    with progress_by_step() as tell:
        work = Restore(source, kafka, settings.topic_prefix, tell)
        try:
            if start_over:
                work.start_over()
                ensure_topics(kafka, settings.topic_prefix)
            done = work.run()
        finally:
            work.close()
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "decisions": done.decisions,
                "actions": done.actions,
                "decisions_found": done.decisions_found,
                "actions_found": done.actions_found,
                "holes": done.holes,
            }
        )
    else:
        typer.echo(f"restored from {folder}, read back and compared")
        typer.echo(f"{done.decisions:>12,} decisions ({done.decisions_found:,} were there)")
        typer.echo(f"{done.actions:>12,} records of the action topic ({done.actions_found:,} were there)")
        for line in next_steps(settings, source.log_folder):
            typer.echo(line)


def next_steps(settings: "Settings", log_folder: Path) -> list[str]:
    """Say what comes behind a restore: the log's keys first, if they are not here, then the services."""
    from neraca.transparency import listed_beside, log_keys
    from schemas.errors import ProofInvalid

    up = "Start the services with `neraca up`: the decider goes on behind the last decision."
    try:
        listed = listed_beside(log_folder)
        own = log_keys(settings)
        if listed is None or (own.made() and own.listed().origin == listed.origin):
            return [up]
    except ProofInvalid:
        # Whether the documents hold is for `verify` to tell.
        return [up]
    return [
        f"First put the keys of the log {listed.origin} back, into {own.folder}: without them `neraca up`",
        "begins another log under another name, and nothing of it is signed with the key that people have.",
        up,
    ]
