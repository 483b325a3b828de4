"""Slips of the keyboard: how sure it is that one spelling was meant to be another."""

from __future__ import annotations

from collections import defaultdict

# By the letters of the longer spelling, for one slip.
ONE_SLIP = {3: 0.60, 4: 0.88}
ONE_SLIP_LONG = 0.95
TWO_SLIPS = 0.80
WRONG_FIRST = 0.75
UNLIKELY = 0.85  # a slip that fingers seldom make


def _neighbours() -> dict[str, str]:
    """Keys that a finger may hit instead, on English and on German keyboards."""
    found: defaultdict[str, str] = defaultdict(str)
    for rows in (("qwertyuiop", "asdfghjkl", "zxcvbnm"), ("qwertzuiop", "asdfghjkl", "yxcvbnm")):
        for number, row in enumerate(rows):
            for place, key in enumerate(row):
                found[key] += row[max(0, place - 1) : place] + row[place + 1 : place + 2]
                found[key] += rows[number - 1][place : place + 2] if number else ""
                found[key] += rows[number + 1][max(0, place - 1) : place + 1] if number < 2 else ""
    return dict(found)


_NEIGHBOURS = _neighbours()


def sure_of(form: str, other: str, slips: float) -> float:
    """Of two spellings. A slip weighs more in a short word, and the first letter is seldom wrong."""
    if slips == 0:
        return 1.0
    sure = TWO_SLIPS if slips > 1 else ONE_SLIP.get(max(len(form), len(other)), ONE_SLIP_LONG)
    if slips == 1 and not likely(form, other):
        sure *= UNLIKELY
    return sure * (1.0 if form[0] == other[0] or form[:2] == other[1::-1] else WRONG_FIRST)


def likely(form: str, other: str) -> bool:
    """Whether one slip of fingers makes `form` of `other`: a letter left out, two swapped, a neighbouring key, a letter
    twice, or a neighbour hit as well."""
    if len(form) < len(other):
        return True
    at = next((place for place, (a, b) in enumerate(zip(form, other, strict=False)) if a != b), len(other))
    if len(form) > len(other):
        extra = form[at]
        beside = form[max(0, at - 1) : at] + form[at + 1 : at + 2]
        return extra in beside or any(extra in _NEIGHBOURS.get(char, "") for char in beside)
    return sorted(form) == sorted(other) or form[at] in _NEIGHBOURS.get(other[at], "")
