"""Whether two shares differ or only seem to, in plain words: Newcombe's interval for the difference of two proportions.

It is built from Wilson's interval of each, so it holds for small numbers and for shares near 0 and 100 % too, where the
schoolbook's one is wrong (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Z = 1.959964  # 95 %
ENOUGH = 30  # conversations on each side; below, nothing is said


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """0 to 1; 0 of nothing is 0."""
        return self.hits / self.of if self.of else 0.0


@dataclass(frozen=True)
class Verdict:
    """What may be said of a difference. `low` and `high`: where the true one lies, b less a, -1 to 1."""

    level: Literal["few", "chance", "better", "worse"]
    words: str
    low: float | None = None
    high: float | None = None


def wilson(share: Share) -> tuple[float, float]:
    """Where the true share lies, with 95 % confidence."""
    if not share.of:
        return 0.0, 1.0
    p, n, zz = share.value, share.of, Z * Z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = Z * math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def difference(a: Share, b: Share) -> tuple[float, float]:
    """Where the true difference b - a lies, with 95 % confidence."""
    (low_a, high_a), (low_b, high_b) = wilson(a), wilson(b)
    found = b.value - a.value
    low = found - math.hypot(b.value - low_b, high_a - a.value)
    high = found + math.hypot(high_b - b.value, a.value - low_a)
    return max(-1.0, low), min(1.0, high)


def judge(a: Share, b: Share, *, more_is_better: bool, things: str = "conversations", tried: str = "b") -> Verdict:
    """What may be said of the difference between what stands and what is `tried`; `things` are what is counted."""
    if min(a.of, b.of) < ENOUGH:
        return Verdict("few", f"Too few {things} to say: {a.of} and {b.of}, and about {ENOUGH} of each are needed.")
    low, high = difference(a, b)
    if low <= 0 <= high:
        return Verdict("chance", f"Could be chance: the true difference lies {_between(low, high)}.", low, high)
    is_better = (low > 0) == more_is_better
    level: Literal["better", "worse"] = "better" if is_better else "worse"
    words = f"Hardly chance: {tried} is {level}, the true difference lies {_between(low, high)}."
    return Verdict(level, words, low, high)


def _between(low: float, high: float) -> str:
    return f"between {_points(low)} and {_points(high)} points"


def _points(value: float) -> str:
    points = round(value * 100, 1)
    if points == 0:
        return "0"
    sign = "+" if points > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(points):g}"
