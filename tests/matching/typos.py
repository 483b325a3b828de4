"""What fingers make of a sentence: the same slips for the same seed, on any machine.

Of the words with four letters or more about every third has one slip, and each sentence that has such a word has one
slip at least: a neighbouring key, a letter too few or twice, two letters swapped, a space in the word or none behind
it, an umlaut or accent left out or written as two letters. Now and then a whole sentence is in small letters or
capitals.
"""

from __future__ import annotations

import re
import unicodedata
from random import Random

_WORD = re.compile(r"[^\W\d_]+")
_ROWS = {"qwerty": ("qwertyuiop", "asdfghjkl", "zxcvbnm"), "qwertz": ("qwertzuiopü", "asdfghjklöä", "yxcvbnm")}
_PAIRS = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"}
_KINDS = ("neighbour", "drop", "swap", "double", "split", "join", "plain")
_OFTEN = (5, 5, 4, 4, 1, 2, 4)  # `plain` falls to a neighbour where a word has no accent


def _neighbours(layout: str) -> dict[str, str]:
    """Keys that a finger may hit instead: beside, and in the rows above and below."""
    rows = _ROWS[layout]
    found: dict[str, str] = {}
    for number, row in enumerate(rows):
        for place, key in enumerate(row):
            beside = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            above = rows[number - 1][place : place + 2] if number else ""
            below = rows[number + 1][max(0, place - 1) : place + 1] if number + 1 < len(rows) else ""
            found[key] = beside + above + below
    return found


_KEYS = {layout: _neighbours(layout) for layout in _ROWS}


def typed(text: str, seed: int, *, layout: str = "qwerty") -> str:
    """`text` with slips. `layout` is `qwerty` or `qwertz`."""
    random = Random(f"{seed} {layout} {text}")
    words = [match.span() for match in _WORD.finditer(text) if match.end() - match.start() >= 4]
    slipped = [span for span in words if random.random() < 1 / 3]
    if words and not slipped:
        slipped = [random.choice(words)]
    for start, end in reversed(slipped):
        text = _slip(text, start, end, random, _KEYS[layout])
    dice = random.random()
    if dice < 0.2:
        return text.lower()
    return text.upper() if dice > 0.95 else text


def _slip(text: str, start: int, end: int, random: Random, keys: dict[str, str]) -> str:
    word = text[start:end]
    (kind,) = random.choices(_KINDS, _OFTEN)
    at = 0 if random.random() < 0.05 else random.randrange(1, len(word) - 1)  # the first letter is seldom wrong
    accented = [place for place, char in enumerate(word) if not char.isascii()]
    if kind == "plain" and accented:
        at = random.choice(accented)
        char = word[at]
        pair = _PAIRS.get(char.lower(), "")
        bare = unicodedata.normalize("NFD", char)[0] if pair != "ss" else "s"
        word = word[:at] + (pair if pair and random.random() < 0.5 else bare) + word[at + 1 :]
    elif kind == "drop":
        word = word[:at] + word[at + 1 :]
    elif kind == "double":
        word = word[: at + 1] + word[at:]
    elif kind == "swap":
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == "split" and len(word) >= 6:
        at = random.randrange(2, len(word) - 2)
        word = f"{word[:at]} {word[at:]}"
    elif kind == "join" and text[end : end + 1] == " ":
        end += 1
    else:
        word = word[:at] + random.choice(keys.get(word[at].lower(), word[at])) + word[at + 1 :]
    return text[:start] + word + text[end:]
