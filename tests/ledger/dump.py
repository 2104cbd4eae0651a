"""The whole state of a ledger as plain values, to compare two of them to the last entry.

It walks whatever attributes there are, so that a field added to the state is compared from its first day.
"""

from __future__ import annotations

from ledger.engine import Engine


def dump(engine: Engine) -> object:
    """Give everything that an engine remembers; equal dumps mean that nothing tells the two apart."""
    return {
        "state": _plain(engine.state),
        "last_bytes": engine.last_bytes,
        "last_sha256": engine.last_sha256,
    }


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | str | bytes):
        return value
    if isinstance(value, dict):
        return [
            (_plain(key), _plain(inner))
            for key, inner in sorted(value.items(), key=lambda item: repr(item[0]))
        ]
    if isinstance(value, set | frozenset):
        return sorted(_plain(inner) for inner in value)  # type: ignore[type-var]
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    names = [name for name in dir(value) if not name.startswith("__") and not callable(getattr(value, name))]
    return [type(value).__name__, [(name, _plain(getattr(value, name))) for name in names]]
