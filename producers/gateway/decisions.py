"""The newest decisions, kept in memory: who waits for one gets it, who asks again gets it again.

Fed by whoever follows the journal (`DecisionFeed.take`, in the event loop); reads nothing itself. Bounded in
count and in bytes: what lies further back is read from the journal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final

from schemas.binary import Cursor

SHA256_BYTES: Final = 32
# A minute and a half at 500 a second: longer than any client waits before it asks again.
DECISIONS_MAX: Final = 50_000
BYTES_MAX: Final = 64 * 1024 * 1024


def seq_and_offset(avro: bytes) -> tuple[int, int]:
    """Give `seq` and `action_offset` of a decision without decoding the rest."""
    cursor = Cursor(avro)
    seq: int = cursor.long()
    cursor.raw(SHA256_BYTES)
    offset: int = cursor.long()
    return seq, offset


class DecisionFeed:
    """The last decisions by `seq` and by the offset of their action, and who waits for the next ones.

    Attributes:
        last_seq: The newest decision taken; -1 before the first.

    """

    def __init__(
        self, last_seq: int = -1, *, decisions_max: int = DECISIONS_MAX, bytes_max: int = BYTES_MAX
    ) -> None:
        self.last_seq = last_seq
        self._decisions_max: Final = decisions_max
        self._bytes_max: Final = bytes_max
        self._bytes = 0
        self._seqs: Final[deque[tuple[int, int]]] = deque()
        self._by_seq: Final[dict[int, bytes]] = {}
        self._by_offset: Final[dict[int, int]] = {}
        self._waiting: Final[dict[int, set[asyncio.Future[bytes]]]] = {}

    def __len__(self) -> int:
        return len(self._by_seq)

    @property
    def waiting(self) -> int:
        """How many offsets somebody waits for."""
        return len(self._waiting)

    def take(self, decisions: Iterable[bytes]) -> None:
        """Take the next decisions of the journal, in order."""
        for avro in decisions:
            seq, offset = seq_and_offset(avro)
            self.last_seq = seq
            self._by_seq[seq] = avro
            self._by_offset[offset] = seq
            self._seqs.append((seq, offset))
            self._bytes += len(avro)
            for future in self._waiting.pop(offset, ()):
                if not future.done():
                    future.set_result(avro)
        while self._seqs and (len(self._seqs) > self._decisions_max or self._bytes > self._bytes_max):
            seq, offset = self._seqs.popleft()
            self._bytes -= len(self._by_seq.pop(seq))
            del self._by_offset[offset]

    def by_seq(self, seq: int) -> bytes | None:
        """Give a decision by its number, if it is still here."""
        return self._by_seq.get(seq)

    def by_offset(self, offset: int) -> bytes | None:
        """Give the decision on the action at that offset, if it is still here."""
        seq = self._by_offset.get(offset)
        return None if seq is None else self._by_seq[seq]

    async def wait(self, offset: int, timeout_seconds: float) -> bytes | None:
        """Give the decision on the action at that offset as soon as it is there; None where it is not in
        time.
        """
        known = self.by_offset(offset)
        if known is not None or timeout_seconds <= 0:
            return known
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(offset, set()).add(future)
        try:
            async with asyncio.timeout(timeout_seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            others = self._waiting.get(offset)
            if others is not None:
                others.discard(future)
                if not others:
                    del self._waiting[offset]
