"""`neraca restore FOLDER`: a whole ledger out of its archive, onto empty topics."""

from pathlib import Path
from typing import Annotated

import typer

from neraca.commands import HomeOption, JsonOption, print_json


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
        typer.echo("Start the services with `neraca up`: the decider goes on behind the last decision.")
