"""Actions that keep coming while a test does harm."""

import time
from threading import Thread

from tests.faults.journals import Ledger

CHUNK_ACTIONS = 100


class Load(Thread):
    """Sends actions at a steady pace, beside the test."""

    def __init__(self, ledger: Ledger, values: list[bytes], seconds: float) -> None:
        super().__init__(name="load")
        self.actions = len(values)
        self._ledger = ledger
        self._values = values
        self._pause_seconds = seconds * CHUNK_ACTIONS / len(values)
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Send, piece by piece."""
        try:
            for start in range(0, len(self._values), CHUNK_ACTIONS):
                self._ledger.send(self._values[start : start + CHUNK_ACTIONS])
                time.sleep(self._pause_seconds)
        except BaseException as error:  # noqa: BLE001 - told by `finish`
            self.failure = error

    def finish(self) -> None:
        """Wait until all was sent."""
        self.join()
        if self.failure is not None:
            raise self.failure
