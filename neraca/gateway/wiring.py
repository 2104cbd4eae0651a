"""Makes a gateway of the settings: the one place that knows all of its parts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from ledger.refusals import REFUSALS
from neraca.access import keys
from neraca.access.authenticator import KeyAuthenticator
from neraca.access.records import AccessRecorder
from neraca.gateway.follower import JournalFollower
from neraca.gateway.journal_at import JournalAt
from neraca.gateway.sealing import KeyStoreSealer
from producers.gateway import server
from producers.gateway.ports import Sentence
from projections import connecting
from schemas.ids import load_ids
from schemas.topics import ACTIONS, DECISIONS

if TYPE_CHECKING:
    from neraca.settings import Settings

SENTENCES: Final = {
    code: Sentence(refusal.title, refusal.english, refusal.indonesian) for code, refusal in REFUSALS.items()
}


def run(settings: Settings, host: str, port: int, stop: threading.Event) -> None:
    """Run the gateway until `stop` is set.

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer at the start.
        GatewayFailed: it cannot go on.

    """
    from neraca.cli import version

    kafka: dict[str, str | int] = settings.kafka_config()
    dsn = settings.postgres_dsn()
    with (
        connecting.told("PostgreSQL, where the keys are, does not answer"),
        connecting.connect(dsn, autocommit=True) as connection,
    ):
        keys.migrate(connection)
    journal = JournalAt(kafka, DECISIONS.under(settings.topic_prefix))
    sealer = KeyStoreSealer(settings)
    try:
        server.run(
            server.GatewayConfig(
                kafka=kafka,
                actions_topic=ACTIONS.under(settings.topic_prefix),
                schema_ids=load_ids(None),
                postgres_dsn=dsn,
                sentences=SENTENCES,
                version=version(),
                follower=JournalFollower(kafka, DECISIONS.under(settings.topic_prefix)),
                journal=journal,
                sealer=sealer,
                authenticator=KeyAuthenticator,
                access_records=AccessRecorder,
                host=host,
                port=port,
            ),
            stop,
        )
    finally:
        journal.close()
        sealer.close()
