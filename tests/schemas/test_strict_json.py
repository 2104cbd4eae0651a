"""JSON that two readers would read in the same way: everything else is an error with its own sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from schemas.strict_json import DEPTH_MAX, NotStrictJsonError, compact, load, load_object
from tests.schemas.strategies import JSON_VALUES, patient


@patient
@given(JSON_VALUES)
def test_reads_what_json_holds(value: object) -> None:
    """Every JSON value is read as the standard library reads it, and its compact form holds the same."""
    text = json.dumps(value)
    assert json.loads(text) == load(text) == load(compact(load(text)))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a":1,"a":1}', "the key 'a' is there twice"),
        ('{"o":{"a":1,"b":2,"a":3}}', "the key 'a' is there twice"),
        ('{"a":1,"\\u0061":1}', "the key 'a' is there twice"),
        ('{"a":NaN}', "NaN is no JSON"),
        ('{"a":-Infinity}', "-Infinity is no JSON"),
        ('{"a":1e999}', "too large"),
        ('{"a":' + "9" * 5000 + "}", "thousands of digits"),
        ('{"a":"\\ud800"}', "half a surrogate pair"),
        ('{"\\uDC00":1}', "half a surrogate pair"),
        ("[" * 100_000, "nests deeper"),
        ('{"a":' * 5_000, "nests deeper"),
        ("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "nests deeper"),
        ("{} {}", "something follows"),
        ("{},", "something follows"),
        ('{"a":"\t"}', "Invalid control character"),
        ("{'a':1}", "no JSON"),
        ('{"a":01}', "no JSON"),
        ('{"a":1,}', "no JSON"),
        ("{", "no JSON"),
        ("", "it is empty"),
        ("\ufeff{}", "byte-order mark"),
        ("tru", "no JSON"),
    ],
)
def test_what_is_no_strict_json(text: str, reason: str) -> None:
    """Each thing that could be read in two ways, or in none, has its reason."""
    with pytest.raises(NotStrictJsonError) as caught:
        load(text)
    assert reason in caught.value.reason
    assert caught.value.advice


@pytest.mark.parametrize("text", ["[]", "1", '"a"', "null", "true", "1.5"])
def test_only_an_object_is_an_object(text: str) -> None:
    """A value that is no object is told by its type, never repeated."""
    with pytest.raises(NotStrictJsonError, match="no object"):
        load_object(text)


def test_a_pair_of_surrogates_is_a_character() -> None:
    """A character beyond the first plane may be written as two escapes."""
    assert {"a": "😀"} == load('{"a":"\\ud83d\\ude00"}')


def test_depth_is_counted_and_not_brackets() -> None:
    """Many lists beside each other are not deep."""
    assert [[]] * 1000 == load(json.dumps([[]] * 1000))
    deep = "[" * DEPTH_MAX + "]" * DEPTH_MAX
    assert json.loads(deep) == load(deep)
