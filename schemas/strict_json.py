"""JSON as the contract takes it: RFC 8259, and nothing that two readers could read differently.

A key given twice, `NaN`, a number beyond any float, half a surrogate pair, a nesting without end: each is an
error here, and each with its own sentence. Must know nothing of actions and decisions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from json.scanner import make_scanner
from typing import Final

# No form of ours nests deeper than 4; a sealed object may be as deep as its maker likes, within reason, and
# within what every Python can walk without a deeper stack.
DEPTH_MAX: Final = 32
WHITESPACE: Final = " \t\r\n"


class NotStrictJsonError(ValueError):
    """The text is no JSON that the contract takes.

    Attributes:
        reason: What is wrong.
        advice: What would be right.

    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}; {advice}")
        self.reason = reason
        self.advice = advice


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object of its pairs, none of which may stand twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise NotStrictJsonError(f"{_shown(key)} is there twice", "give each key once")
            seen.add(key)
    return made


def _no_constant(name: str) -> object:
    """Refuse what JavaScript knows and JSON does not."""
    raise NotStrictJsonError(f"{name} is no JSON", "a number, or null")


def _finite(text: str) -> float:
    """Refuse a number that no float can hold."""
    value = float(text)
    if not math.isfinite(value):
        raise NotStrictJsonError("a number is too large", "a number below 1e308")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite
)
# Typeshed describes the scanner's argument as the scanner itself.
_SCAN: Final = make_scanner(_DECODER)  # type: ignore[arg-type]


def load(text: str, depth_max: int = DEPTH_MAX) -> object:
    """Give what a JSON text holds.

    Raises:
        NotStrictJsonError: the text is no JSON, or one that could be read in two ways.

    """
    text = text.strip(WHITESPACE)
    try:
        value, end = _SCAN(text, 0)
    except StopIteration as error:
        raise _no_json(text, int(error.value)) from None
    except json.JSONDecodeError as error:
        raise NotStrictJsonError(
            f"it is no JSON: {error.msg} at character {error.pos + 1}", "one JSON object a line"
        ) from None
    except RecursionError:
        raise NotStrictJsonError(f"it nests deeper than {depth_max}", "a flatter object") from None
    except NotStrictJsonError:
        raise
    except ValueError:
        # The one that is left: Python refuses to read an integer of thousands of digits.
        raise NotStrictJsonError("a number has thousands of digits", "a number") from None
    if end != len(text):
        raise NotStrictJsonError(
            f"something follows the JSON text at character {end + 1}", "one object a line"
        )
    if text.count("{") + text.count("[") > depth_max and _depth_exceeds(value, depth_max):
        raise NotStrictJsonError(f"it nests deeper than {depth_max}", "a flatter object")
    # Only an escape can bring half a pair in: the bytes of a line were decoded as UTF-8 before.
    if "\\ud" in text or "\\uD" in text or not _encodable(text):
        _refuse_surrogates(value)
    return value


def load_object(text: str, depth_max: int = DEPTH_MAX) -> dict[str, object]:
    """Give the object that a JSON text holds.

    Raises:
        NotStrictJsonError: as `load`, or the text holds something else.

    """
    value = load(text, depth_max)
    if not isinstance(value, dict):
        raise NotStrictJsonError(f"it is {kind_of(value)}, no object", "one JSON object, in braces")
    return value


def compact(value: object) -> str:
    """Write a value that `load` gave in the shortest form, on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def kind_of(value: object) -> str:
    """Name the JSON type of a value, with its article."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number with a fraction or exponent"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object"


def _no_json(text: str, position: int) -> NotStrictJsonError:
    if not text:
        return NotStrictJsonError("it is empty", "one JSON object")
    if text[0] == "\ufeff":
        return NotStrictJsonError(
            "it begins with a byte-order mark", "save the file as UTF-8 without byte-order mark"
        )
    return NotStrictJsonError(
        f"it is no JSON: no value begins at character {position + 1}", "one JSON object a line"
    )


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _depth_exceeds(value: object, limit: int) -> bool:
    """Tell whether a value nests deeper than that, without a stack of its own depth."""
    level = [value]
    for _ in range(limit):
        level = [inner for outer in level for inner in _containers(outer)]
        if not level:
            return False
    return True


def _containers(value: object) -> Iterator[object]:
    inner: Iterable[object] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return (one for one in inner if isinstance(one, dict | list))


def _refuse_surrogates(value: object) -> None:
    if not _encodable(json.dumps(value, ensure_ascii=False)):
        raise NotStrictJsonError(
            "a text holds half a surrogate pair", "whole characters, as UTF-8 writes them"
        )


def _shown(key: str) -> str:
    """Name a key, unless it may be a value that slipped: a person's name, or a number."""
    plain = key.replace("_", "")
    is_name = len(key) <= 40 and plain.isascii() and plain.isalpha() and plain[0].islower()
    return f"the key '{key}'" if is_name else "a key"
