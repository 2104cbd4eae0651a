"""Follows the journal from its end in a thread; each accepted decision goes to the gateway's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from consumers.journal import JournalReader
from consumers.journal_end import find_journal_end
from producers.gateway.decisions import DecisionFeed
from producers.gateway.server import Following
from schemas.errors import NeracaError

CONNECT_SECONDS: Final = 15.0
BATCH_DECISIONS_MAX: Final = 2_000
# How soon a stop is noticed; records do not wait for it.
POLL_SECONDS: Final = 0.1


class JournalFollower:
    """One thread around one `JournalReader`."""

    def __init__(self, kafka: Mapping[str, str | int], topic: str) -> None:
        self._kafka: Final = kafka
        self._topic: Final = topic
        self._stopping: Final = threading.Event()
        self._thread: threading.Thread | None = None
        self._reader: JournalReader | None = None
        self._following = Following(at_end=False)

    def __repr__(self) -> str:
        return f"JournalFollower({self._topic}, {self._following!r})"

    def start(self, feed: DecisionFeed) -> None:
        """Begin behind the last decision that the journal holds now.

        Raises:
            BrokerUnavailable: Kafka does not answer.

        """
        end = find_journal_end(self._kafka, self._topic, CONNECT_SECONDS)
        feed.last_seq = end.seq
        self._reader = JournalReader(
            self._kafka, self._topic, last_seq=end.seq, last_sha256=end.sha256, offset=end.offset
        )
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(
            target=self._follow, args=(self._reader, feed, loop), name="journal follower", daemon=True
        )
        self._thread.start()

    def _follow(self, reader: JournalReader, feed: DecisionFeed, loop: asyncio.AbstractEventLoop) -> None:
        try:
            read_ms = 0
            while not self._stopping.is_set():
                entries = reader.poll(BATCH_DECISIONS_MAX, POLL_SECONDS)
                if entries:
                    read_ms = int(entries[-1].timestamp_ms)
                    with contextlib.suppress(RuntimeError):  # The loop is gone: so is whoever waited.
                        loop.call_soon_threadsafe(feed.take, [entry.value for entry in entries])
                self._measure(reader, read_ms)
        except NeracaError as error:
            self._following = replace(self._following, failure=str(error))
        except Exception as error:
            reason = f"{type(error).__name__} while following the journal"
            self._following = replace(self._following, failure=reason)
            raise

    def _measure(self, reader: JournalReader, read_ms: int) -> None:
        """Note how far it is; the client of Kafka is asked by the thread that uses it, and by no other."""
        lag_records = 0 if reader.at_end else max(0, reader.end_offset() - int(reader.next_offset))
        lag_seconds = max(0.0, time.time() - read_ms / 1000) if lag_records and read_ms else 0.0
        self._following = Following(
            self._following.at_end or bool(reader.at_end),
            int(reader.acceptance.last_seq),
            lag_records,
            lag_seconds,
            int(reader.acceptance.passed_over),
            int(reader.acceptance.repeats),
            None,
        )

    def following(self) -> Following:
        """Say how far it is."""
        return self._following

    def close(self) -> None:
        """Stop, and let go of the connection."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._reader is not None:
            self._reader.close()
