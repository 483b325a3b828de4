"""Texts as SMS carry them: cut on the bounds of sentences, and counted in segments.

A segment holds 160 characters of GSM 03.38 or 70 UTF-16 units; of several, 153 or 67 each, for each has a header
(3GPP TS 23.040). What is not in the GSM alphabet makes the whole message UCS-2.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Twilio takes 1,600 characters in one message (twilio.com/docs/api/errors/21617); carriers like less.
LONGEST, MOST = 1500, 1600

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# These take an escape before them.
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")

# Where a text may be cut, the best first: paragraphs, lines, sentences, words. A sentence may end in a mark that is yet
# to be written (`channel_forms.whatsapp`).
_BOUNDS = (
    re.compile(r"\n\s*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]\ufdd0-\ufdd9]*\s+|(?<=[\u3002\uff01\uff1f])\s*"),
    re.compile(r"\s+"),
)


@dataclass(frozen=True)
class Count:
    """What a text takes: `units` are septets of GSM-7, or UTF-16 units of UCS-2."""

    encoding: str
    units: int
    segments: int


def count(text: str) -> Count:
    """How many segments this text is."""
    if all(one in _GSM or one in _GSM_EXTENDED for one in text):
        widths = [2 if one in _GSM_EXTENDED else 1 for one in text]
        return Count("GSM-7", sum(widths), _segments(widths, 160, 153))
    widths = [units(one) for one in text]
    return Count("UCS-2", sum(widths), _segments(widths, 70, 67))


def _segments(widths: list[int], alone: int, joined: int) -> int:
    """No character is divided between two segments."""
    if sum(widths) <= alone:
        return 1
    segments, room = 1, joined
    for width in widths:
        if width > room:
            segments, room = segments + 1, joined
        room -= width
    return segments


def units(text: str) -> int:
    """UTF-16 units: what lengths are counted in."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, longest: int = LONGEST) -> list[str]:
    """The text in pieces of at most `longest` UTF-16 units, in order; cut at a sentence's end where one is near."""
    pieces = []
    rest = text.strip()
    while units(rest) > longest:
        cut, after = _cut(rest, longest)
        pieces.append(rest[:cut].rstrip())
        rest = rest[after:].lstrip()
    if rest:
        pieces.append(rest)
    return pieces


def _cut(text: str, longest: int) -> tuple[int, int]:
    """Where the first piece ends, and where the next begins."""
    reach = _reach(text, longest)
    for bound in _BOUNDS:
        # A piece should carry at least half of what it may, or a line at the top would stand alone.
        ends = [found for found in bound.finditer(text, 0, min(len(text), reach + 1)) if found.start() >= reach // 2]
        if ends:
            last = ends[-1]
            kept = last.start() + len(last[0].rstrip())
            return (kept if kept <= reach else last.start()), last.end()
    # One word without an end: letters stay with their marks.
    cut = reach
    while cut > reach - 40 and cut > 1 and _belongs_to_what_precedes(text, cut):
        cut -= 1
    return cut, cut


def _reach(text: str, longest: int) -> int:
    """How many characters fit."""
    taken = 0
    for at, one in enumerate(text):
        taken += 2 if ord(one) > 0xFFFF else 1
        if taken > longest:
            return at
    return len(text)


def _belongs_to_what_precedes(text: str, at: int) -> bool:
    return bool(unicodedata.combining(text[at])) or text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d"
