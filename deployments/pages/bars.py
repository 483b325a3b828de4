"""Small charts of bars as they are drawn: where each stands in an SVG of `HEIGHT` units, and what it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEIGHT = 100
STEP, WIDTH = 10, 8  # from bar to bar, and of a bar
LEAST = 2  # what isn't nothing can be seen


@dataclass(frozen=True)
class Bar:
    """One bar, from its upper left corner."""

    x: int
    y: float
    height: float
    words: str


@dataclass(frozen=True)
class Bars:
    """A chart. `words` is what it shows, for who can't see it; `first` and `last` name its ends."""

    bars: Sequence[Bar]
    words: str
    first: str
    last: str
    width: int


def drawn(name: str, values: Iterable[tuple[dt.datetime, float | None, str]], *, hourly: bool, top: float = 0) -> Bars:
    """The chart of a series: moment, value, its words. `top` is what fills the height, where that isn't the most."""
    series = list(values)
    most = top or max((value or 0 for _, value, _ in series), default=0)
    bars = [
        _bar(place, value or 0, most, f"{moment_words(at, hourly=hourly)}: {words}")
        for place, (at, value, words) in enumerate(series)
    ]
    return Bars(bars, _summary(name, series, hourly=hourly), *_ends(series, hourly=hourly), width=STEP * len(bars))


def _bar(place: int, value: float, most: float, words: str) -> Bar:
    height = max(value / most * HEIGHT, LEAST) if value else 0
    return Bar(place * STEP + (STEP - WIDTH) // 2, round(HEIGHT - height, 2), round(height, 2), words)


def _summary(name: str, series: Sequence[tuple[dt.datetime, float | None, str]], *, hourly: bool) -> str:
    unit = "hour" if hourly else "day"
    told = [entry for entry in series if entry[1]]
    if not told:
        return f"{name} by {unit}: none"
    at, _, words = max(told, key=lambda entry: entry[1] or 0)
    return f"{name} by {unit}, the most {words} ({moment_words(at, hourly=hourly)})"


def _ends(series: Sequence[tuple[dt.datetime, float | None, str]], *, hourly: bool) -> tuple[str, str]:
    if not series:
        return "", ""
    return moment_words(series[0][0], hourly=hourly), moment_words(series[-1][0], hourly=hourly)


def moment_words(at: dt.datetime, *, hourly: bool) -> str:
    """`24 Nov` for a day, `24 Nov, 15:00` for an hour."""
    return f"{at:%-d %b, %H:%M}" if hourly else f"{at:%-d %b}"
