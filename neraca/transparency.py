"""The journal as a transparency log, wired to the settings: which keys sign it, and where its tiles lie."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from audit.tlog.keys import KeyList, LogKeys, read_documents
from audit.tlog.publishing import KEYS_FOLDER, CheckpointPublisher, CheckpointTopic
from audit.tlog.tiles import CHECKPOINT_FILE, TREE_FILE, TileLog
from neraca.settings import Settings
from neraca.stack.home import Home
from schemas.errors import SettingsError

LOG_FOLDER: Final = "log"
# A name that can be nobody's on the Internet (RFC 6761), made unique below it.
_MADE_ORIGIN: Final = "neraca.localhost/ledger-"
_MADE_BYTES: Final = 4


def log_keys(settings: Settings) -> LogKeys:
    """Give the keys of this deployment's log, whether there are any yet or not."""
    folder = Home(settings.home).log_keys_folder(settings.topic_prefix or "default")
    return LogKeys(folder, settings.log_key_file)


def ensure_log_keys(settings: Settings) -> LogKeys:
    """Give the keys; the first one is made if there is none.

    Raises:
        SettingsError: NERACA_LOG_ORIGIN is not the name that the keys are of.
        LogKeyUnusable: they cannot be used.

    """
    keys = log_keys(settings)
    if keys.made():
        check_origin(settings, keys.listed())
    else:
        create_log_keys(settings)
    return keys


def create_log_keys(settings: Settings) -> KeyList:
    """Make the first key, under the name of the setting or a made one.

    Raises:
        LogKeyUnusable: there are keys already, or the key file is of another log.

    """
    made = _MADE_ORIGIN + secrets.token_hex(_MADE_BYTES)
    asked = settings.log_origin
    # Closed, as `neraca up` makes it: passwords and personal data come to lie there.
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return log_keys(settings).create(asked or made, is_asked_for=asked is not None)


def check_origin(settings: Settings, listed: KeyList) -> None:
    """Raise SettingsError when the setting names another log than the keys."""
    if settings.log_origin not in (None, listed.origin):
        raise SettingsError(
            f"NERACA_LOG_ORIGIN is {settings.log_origin}, but the keys are of {listed.origin}",
            advice="A log keeps its name for ever. Unset the variable, or use another home for another log.",
        )


def publisher(settings: Settings, log: TileLog, *, to_topic: bool = True) -> CheckpointPublisher:
    """Give what signs and publishes the checkpoints of a log; makes the first key if there is none.

    Call its `publish()` on a schedule, after appending.
    """
    topic = CheckpointTopic(settings.kafka_config(), settings.topic_prefix) if to_topic else None
    return CheckpointPublisher(log, ensure_log_keys(settings), topic)


def own_log(settings: Settings) -> Path | None:
    """Give the folder of this home's log, which the archiver keeps; None where it keeps none."""
    archive = Home(settings.home).service_folder("archiver") / (settings.topic_prefix or "default")
    folder = archive / LOG_FOLDER
    return folder if (folder / CHECKPOINT_FILE).exists() else None


def log_folder_in(folder: Path) -> Path:
    """Give the log's folder: the one that an archive holds, or the folder itself where it is one.

    Raises:
        SettingsError: there is none.

    """
    for candidate in (folder / LOG_FOLDER, folder):
        if any((candidate / name).exists() for name in (TREE_FILE, CHECKPOINT_FILE)):
            return candidate
    raise SettingsError(
        f"{folder} holds no transparency log",
        advice="Name an archive folder, or the folder of a log in C2SP tlog-tiles form.",
    )


def listed_beside(folder: Path) -> KeyList | None:
    """Give the keys whose documents lie in a log's folder; None where there are none."""
    documents = folder / KEYS_FOLDER
    return read_documents(documents) if documents.is_dir() else None
