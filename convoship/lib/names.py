"""Names and lines that other people tell us: what of them is to be seen, and when two names are the same."""

from __future__ import annotations

import unicodedata

# They join letters and pictures, and mean something between them (Persian, Indic scripts, emoji).
_JOINERS = "\u200c\u200d"
# Letters and signs that show nothing: the fillers of Hangul, and the blank of Braille.
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"


def line(text: str) -> str:
    """A text in one line, without control and direction characters: it can't look like another line, or turn one."""
    kept = "".join(c for c in text if c in _JOINERS or c.isspace() or not _is_control(c))
    return " ".join(kept.split())


def shown(raw: str) -> str:
    """A name: as `line` has it, in composed letters; "" where nothing would be seen."""
    tidy = line(unicodedata.normalize("NFC", raw)).strip(_JOINERS)
    return tidy if any(_is_seen(c) for c in tidy) else ""


def are_same(one: str, other: str) -> bool:
    """Whether a reader takes both for one name: capitals, spaces and what isn't seen make no other."""
    return _key(one) == _key(other)


def _key(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in plain if not c.isspace() and not _is_control(c))


def _is_control(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def _is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK
