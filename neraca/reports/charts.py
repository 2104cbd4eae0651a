"""Plots as plain SVG: columns over time, lines over time, lying bars. No script; no colour has a meaning.

Ours because there is little of it, and no plotting library writes SVG without megabytes of dependencies,
an id per mark, or a font. Fills are solid, hatched, pale, dotted, empty: apart in black and white. Each plot
comes twice, broad and narrow, and the style sheet shows the one that fits: text keeps its size on a phone.
Must not count anything.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_BROAD: Final = 860
_NARROW: Final = 340
_FONT: Final = 12
_LINE: Final = 16
# The width of a letter beside the size of the font, in wide ones as well.
_EM: Final = 0.62
# Lines across: as many as leave room between their numbers.
_STEPS_MIN: Final = 4
_STEPS_MAX: Final = 6
# Wide enough for `12,345` at the font's size.
_LEFT: Final = 48
_RIGHT: Final = 10
FILLS: Final = ("s1", "s2", "s3", "s4", "s5")


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values, under one name."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Plot:
    """What every plot tells in words.

    Attributes:
        name: Unique on the page.
        title: Above it.
        text: What it shows, for who does not see it; the table beside it has the numbers.
        unit: Of the values.
        number: How a number is written.

    """

    name: str
    title: str
    text: str
    unit: str
    number: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across a plot over time, before the point with that index."""

    index: int
    label: str


def columns(plot: Plot, labels: Sequence[str], series: Sequence[Series], mark: Mark | None) -> str:
    """Give stacked columns, one for each label."""
    return _figure(plot, series, FILLS, lambda width: _columns(plot, labels, series, mark, width))


def lines(plot: Plot, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Give lines over the labels: the first solid, the second dashed."""
    return _figure(plot, series, ("line", "line dashed"), lambda width: _lines(plot, labels, series, width))


def bars(plot: Plot, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Give lying bars, one for each label, the series behind one another."""
    return _figure(plot, series, FILLS, lambda width: _bars(plot, labels, series, width))


def _figure(plot: Plot, series: Sequence[Series], fills: Sequence[str], draw: Callable[[int], str]) -> str:
    legend = ""
    if len(series) > 1:
        items = "".join(
            f"<li>{_swatch(fill)}{escape(one.name)}</li>" for one, fill in zip(series, fills, strict=False)
        )
        legend = f'<ul class="legend">{items}</ul>'
    return (
        f"<figure><figcaption>{escape(plot.title)}</figcaption>{legend}\n"
        f'<div class="broad">{draw(_BROAD)}</div><div class="narrow">{draw(_NARROW)}</div></figure>\n'
    )


def _swatch(fill: str) -> str:
    shape = (
        f'<path class="{fill}" d="M0 8H24"/>'
        if fill.startswith("line")
        else f'<rect class="{fill}" x=".5" y=".5" width="23" height="15"/>'
    )
    return f'<svg viewBox="0 0 24 16" aria-hidden="true">{shape}</svg>'


def _svg(plot: Plot, width: int, height: int, body: list[str]) -> str:
    name = f"{plot.name}-{width}"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-t {name}-d" '
        f'font-size="{_FONT}"><title id="{name}-t">{escape(plot.title)}</title>'
        f'<desc id="{name}-d">{escape(plot.text)}</desc>{"".join(body)}</svg>'
    )


class _Axis:
    """A scale from 0 to a round number, drawn on the left."""

    def __init__(self, plot: Plot, largest: int, top: int, bottom: int, width: int) -> None:
        step = _round_step(largest)
        self.top_value = max(step, math.ceil(largest / step) * step)
        self._top, self._bottom = top, bottom
        self.body = [_text(0, top - 10, plot.unit, "start")]
        for value in range(0, self.top_value + 1, step):
            y = self.y(value)
            kind = "axis" if value == 0 else "grid"
            self.body.append(_line(_LEFT, y, width - _RIGHT, y, kind))
            self.body.append(_text(_LEFT - 6, y + 4, plot.number(value), "end"))

    def y(self, value: int) -> float:
        return self._bottom - (self._bottom - self._top) * value / self.top_value


def _round_step(largest: int) -> int:
    """Give 1, 2 or 5 times a power of ten that makes four to eight steps of it."""
    if largest <= _STEPS_MIN:
        return 1
    power = 10 ** int(math.log10(largest / _STEPS_MIN))
    steps = (power * factor for factor in (1, 2, 5, 10))
    return int(next(step for step in steps if largest / step <= _STEPS_MAX))


def _columns(
    plot: Plot, labels: Sequence[str], series: Sequence[Series], mark: Mark | None, width: int
) -> str:
    top, height = 40, 250
    bottom = height - 24
    sums = [sum(one.values[index] for one in series) for index in range(len(labels))]
    axis = _Axis(plot, max(sums, default=0), top, bottom, width)
    body = axis.body
    slot = (width - _LEFT - _RIGHT) / max(1, len(labels))
    for index in range(len(labels)):
        below = 0
        for one, fill in zip(series, FILLS, strict=False):
            value = one.values[index]
            if value:
                y, foot = axis.y(below + value), axis.y(below)
                body.append(_rect(fill, _LEFT + index * slot + slot * 0.12, y, slot * 0.76, foot - y))
            below += value
    # The week of the mark is the one that a reader looks for: it is labelled.
    body += _time_labels(labels, slot, bottom, 0.5, width, 0 if mark is None else mark.index)
    if mark is not None:
        x = _LEFT + mark.index * slot
        body.append(_line(x, top - 8, x, bottom, "mark"))
        anchor = "end" if x > width * 0.6 else "start"
        body.append(_text(x + (-5 if anchor == "end" else 5), top - 12, mark.label, anchor))
    return _svg(plot, width, height, body)


def _lines(plot: Plot, labels: Sequence[str], series: Sequence[Series], width: int) -> str:
    top, height = 28, 240
    bottom = height - 24
    axis = _Axis(plot, max((max(one.values, default=0) for one in series), default=0), top, bottom, width)
    body = axis.body
    slot = (width - _LEFT - _RIGHT) / max(1, len(labels) - 1)
    for one, kind in zip(series, ("line", "line dashed"), strict=False):
        points = [f"{_LEFT + index * slot:.1f} {axis.y(value):.1f}" for index, value in enumerate(one.values)]
        if points:
            body.append(f'<path class="{kind}" d="M{"L".join(points)}"/>')
    body += _time_labels(labels, slot, bottom, 0, width, 0)
    return _svg(plot, width, height, body)


def _time_labels(
    labels: Sequence[str], slot: float, bottom: int, shift: float, width: int, one: int
) -> list[str]:
    """Label as many as have room, the one with that index among them."""
    room = max((len(label) for label in labels), default=1) * _FONT * _EM + 10
    every = max(1, math.ceil(room / slot))
    body = []
    for index in range(one % every, len(labels), every):
        x = _LEFT + (index + shift) * slot
        body.append(_line(x, bottom, x, bottom + 4, "axis"))
        # Nothing may run out of the picture.
        if room / 2 - 7 < x < width - room / 2 + 7:
            body.append(_text(x, bottom + 18, labels[index], "middle"))
    return body


def _bars(plot: Plot, labels: Sequence[str], series: Sequence[Series], width: int) -> str:
    largest = max((sum(one.values[index] for one in series) for index in range(len(labels))), default=0)
    room = width - 64
    body = [_text(0, 12, plot.unit, "start")]
    y = 20
    for index, label in enumerate(labels):
        for text in _broken(label, width):
            body.append(_text(0, y + 12, text, "start"))
            y += _LINE
        x, total = 0.0, 0
        for one, fill in zip(series, FILLS, strict=False):
            value = one.values[index]
            length = room * value / largest if largest else 0.0
            if value:
                body.append(_rect(fill, x, y + 1, max(length, 1.0), 15))
            x += length
            total += value
        body.append(_text(x + 6, y + 13, plot.number(total), "start"))
        y += 24
    return _svg(plot, width, y + 4, body)


def _broken(label: str, width: int) -> list[str]:
    """Break a label where it would run out of the picture, whatever the font."""
    return textwrap.wrap(label, int(width / (_FONT * _EM)))


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _rect(fill: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{fill}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
