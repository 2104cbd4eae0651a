"""The archive, wired to the settings: from which topics, signed with whose key, in which folder."""

from __future__ import annotations

from pathlib import Path

from audit.archive.folder import About
from audit.archive.writer import ArchiveWriter
from neraca.settings import Settings
from neraca.stack.home import Home
from neraca.transparency import publisher
from schemas.ids import load_ids
from schemas.topics import ACTIONS, DECISIONS


def home_archive(settings: Settings) -> Path:
    """Give the folder of this home's own archive, which the archiver keeps, whether it is there or not."""
    return Home(settings.home).service_folder("archiver") / (settings.topic_prefix or "default")


def open_archive(settings: Settings, root: Path, *, to_topic: bool) -> ArchiveWriter:
    """Open an archive of this ledger for writing; it is made where there is none.

    Args:
        settings: Which ledger, and whose key signs the log.
        root: The folder.
        to_topic: Whether the checkpoints also go to their topic, as those of the archiver do.

    Raises:
        ArchiveBusy: another process writes to it.
        ArchiveDamaged: less is there than it says of itself, or its log is another's.
        FolderUnusable: the folder cannot be written, or holds something else.
        LogKeyUnusable: the key of the log cannot be used.

    """
    about = About(ACTIONS.under(settings.topic_prefix), DECISIONS.under(settings.topic_prefix))
    return ArchiveWriter(root, about, load_ids(None), lambda log: publisher(settings, log, to_topic=to_topic))
