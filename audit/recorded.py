"""A record of the action topic as audit reads it. Made once for every action, so mypyc compiles it."""

from __future__ import annotations

from typing import Final, final

from mypy_extensions import i64


@final
class RecordedAction:
    """One record of the action topic, as the broker keeps it.

    Attributes:
        offset: Where it stands on the topic; markers of transactions leave holes.
        recorded_at_ms: When the broker appended it, milliseconds since 1970, UTC.
        value: Its bytes with their frame; None where the record has no value.

    """

    __slots__ = ("offset", "recorded_at_ms", "value")

    def __init__(self, offset: i64, recorded_at_ms: i64, value: bytes | None) -> None:
        self.offset: Final[i64] = offset
        self.recorded_at_ms: Final[i64] = recorded_at_ms
        self.value: Final = value

    def __repr__(self) -> str:
        """Show where it stands, never what it holds."""
        size = "no value" if self.value is None else f"{len(self.value)} bytes"
        return f"RecordedAction(offset={self.offset}, {size})"
