"""A TCP proxy before a real server, which a test makes slow, cuts, or lets lose what comes back.

What it does to a connection is what networks do: nothing arrives out of order or altered. Asserts nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, Self

from neraca.stack import ports

_CHUNK_BYTES: Final = 16 * 1024
# On the way in one direction; a sender that is faster than the wire has to wait.
_CHUNKS_MAX: Final = 64
_PRODUCE: Final = 0
_HEADER_BYTES: Final = 6


class Watch(Protocol):
    """Tells of what a client sends whether the answer to it is one of those that matter."""

    def sees(self, chunk: bytes) -> bool:
        """Whether something that matters is in it."""


class Everything:
    """Every answer matters."""

    def sees(self, chunk: bytes) -> bool:
        """Say yes."""
        return bool(chunk)


class Produces:
    """Kafka's requests to append records: their answers are acknowledgements.

    A request is its length in four bytes, the kind of request in two, and the rest.
    """

    def __init__(self) -> None:
        self._header = b""
        self._rest_bytes = 0

    def sees(self, chunk: bytes) -> bool:
        """Whether such a request begins in it."""
        found = False
        while chunk:
            if self._rest_bytes:
                taken = min(self._rest_bytes, len(chunk))
                self._rest_bytes -= taken
                chunk = chunk[taken:]
                continue
            taken = _HEADER_BYTES - len(self._header)
            self._header += chunk[:taken]
            chunk = chunk[taken:]
            if len(self._header) == _HEADER_BYTES:
                length, kind = struct.unpack(">iH", self._header)
                found = found or kind == _PRODUCE
                self._header, self._rest_bytes = b"", length - 2
        return found


class Commits:
    """PostgreSQL's COMMIT, which goes over the wire as text."""

    def sees(self, chunk: bytes) -> bool:
        """Whether it is in it."""
        return b"COMMIT" in chunk


class _Connection:
    """One client's connection and ours to the server behind it."""

    def __init__(self, watch: Watch, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.watch = watch
        self.client = client
        self.server = server
        # Answers to the watched are lost from the first of them on, as in a stream nothing can follow a gap.
        self.is_deaf = False
        self.has_lost = False

    def reset(self) -> None:
        """End both halves by RST, as a machine does that knows nothing of the connection."""
        for writer in (self.client, self.server):
            end: socket.socket | None = writer.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # type: ignore[union-attr]
            writer.transport.abort()


class Wire:
    """Listens on one port of the loopback address and passes on to another; good until told otherwise.

    Attributes:
        port: Where clients find it.
        lost_bytes: Of answers, so far.

    """

    def __init__(
        self, target_port: int, *, port: int | None = None, watch: Callable[[], Watch] = Everything
    ) -> None:
        self.port: Final = port or ports.choose("a wire", wanted=None, option="", remembered=None, avoid=())
        self.lost_bytes = 0
        self._target_port = target_port
        self._watch = watch
        self._delay_seconds = 0.0
        self._seconds_per_byte = 0.0
        self._loses: Callable[[_Connection], bool] = lambda _: False
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"wire {self.port}", daemon=True)
        self._thread.start()
        self._do(self._listen())

    def __repr__(self) -> str:
        return f"Wire({self.port} -> {self._target_port}, {len(self._connections)} connections)"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def slow(self, *, delay_seconds: float, bytes_per_second: int) -> None:
        """Each byte takes so long, in each direction, and no more of them come through in a second."""
        self._delay_seconds = delay_seconds
        self._seconds_per_byte = 1 / bytes_per_second

    def lose_answers(self, *, of_watched: bool = False) -> None:
        """What clients send arrives, what comes back does not; only what answers the watched, if so told."""
        for connection in list(self._connections):
            connection.is_deaf = False  # What was answered already does not count.
        self._loses = (lambda connection: connection.is_deaf) if of_watched else (lambda _: True)

    def cut(self) -> None:
        """Reset every connection, and refuse new ones."""
        self._do(self._cut())

    def mend(self) -> None:
        """Be a good wire again. Connections that lost something are reset: nobody can go on with them."""
        self._do(self._mend())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(
                self._connect, ports.LOOPBACK, self.port, limit=_CHUNK_BYTES
            )

    async def _cut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._connections):
            connection.reset()

    async def _mend(self) -> None:
        self._delay_seconds = self._seconds_per_byte = 0.0
        self._loses = lambda _: False
        for connection in list(self._connections):
            if connection.has_lost:
                connection.reset()
        await self._listen()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connect(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection(
                ports.LOOPBACK, self._target_port, limit=_CHUNK_BYTES
            )
        except OSError:
            to_client.transport.abort()
            return
        connection = _Connection(self._watch(), to_client, to_server)
        self._connections.add(connection)
        try:
            # Either end of a connection that goes takes the other with it.
            halves = [
                asyncio.create_task(self._carry(from_client, to_server, connection, is_answer=False)),
                asyncio.create_task(self._carry(from_server, to_client, connection, is_answer=True)),
            ]
            _, open_halves = await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
            for half in open_halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)
        finally:
            self._connections.discard(connection)
            for writer in (to_client, to_server):
                writer.close()

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        connection: _Connection,
        *,
        is_answer: bool,
    ) -> None:
        """Carry one direction to its end: taken in as it comes, handed on when its time has come."""
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_MAX)

        async def take_in() -> None:
            while chunk := await source.read(_CHUNK_BYTES):
                await on_the_way.put((time.monotonic() + self._delay_seconds, chunk))
            await on_the_way.put((0.0, b""))

        taking = asyncio.create_task(take_in())
        try:
            while True:
                due, chunk = await on_the_way.get()
                if not chunk:
                    return
                await asyncio.sleep(max(0.0, due - time.monotonic()) + len(chunk) * self._seconds_per_byte)
                if is_answer and self._loses(connection):
                    connection.has_lost = True
                    self.lost_bytes += len(chunk)
                    continue
                if not is_answer and connection.watch.sees(chunk):
                    connection.is_deaf = True
                target.write(chunk)
                await target.drain()
        except OSError:
            return
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)
