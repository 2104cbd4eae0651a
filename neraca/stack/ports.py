"""Ports on the loopback address: remembered ones first, free ones else, clear words where one is taken."""

import contextlib
import random
import socket
import time
from collections.abc import Collection

import psutil

from schemas.errors import PortTaken, StackError

LOOPBACK = "127.0.0.1"
# Below the range that Linux, macOS and the BSDs give to outgoing connections, so that a remembered port is
# likely to be free at the next start as well.
_CHOICES = range(20_000, 32_000)
_TRIES_MAX = 200
# A process that was killed holds its port until the kernel has taken it apart; its clients remember the port.
_LETTING_GO_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.05


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Java and PostgreSQL do: connections in TIME_WAIT are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _becomes_free(port: int) -> bool:
    """Whether a server can listen there, if need be after a moment."""
    deadline = time.monotonic() + _LETTING_GO_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
    return True


def answers(port: int, timeout_seconds: float = 0.5) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((LOOPBACK, port), timeout_seconds).close()
    except OSError:
        return False
    return True


def choose(
    part: str, *, wanted: int | None, option: str, remembered: int | None, avoid: Collection[int | None]
) -> int:
    """The port for a part: the one asked for, else the one it had last, else a free one.

    Raises:
        PortTaken: the port that the user asked for is in use. A remembered one gives way silently.

    """
    if wanted is not None:
        if wanted in avoid or not is_free(wanted):
            raise PortTaken(
                wanted,
                part,
                holder=_holder(wanted),
                asked_by=f"asked for with {option}",
                advice=f"Stop that program, give another port with {option}, or leave the option out.",
            )
        return wanted
    if remembered is not None and remembered not in avoid and _becomes_free(remembered):
        return remembered
    source = random.SystemRandom()
    for _ in range(_TRIES_MAX):
        port = source.choice(_CHOICES)
        if port not in avoid and is_free(port):
            return port
    raise StackError(
        f"no free port between {_CHOICES.start} and {_CHOICES.stop} for {part}",
        advice=f"Give one with {option}.",
    )


def _holder(port: int) -> str:
    """Who listens there, where the system tells us."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("inet"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and port in connection.laddr:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""
