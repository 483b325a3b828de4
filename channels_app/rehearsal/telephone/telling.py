"""What goes over the wire, told in a few words for the log. Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

# So much of what was said stands in the log, and so much of a line of it.
LONGEST_QUOTE, LONGEST = 160, 300
_ENDS = frozenset(".!?\N{HORIZONTAL ELLIPSIS}")
# What we are asked with by a part of our address.
_ASKED = {
    "": "asked what follows",
    "wait": "asked whether the answer is there (wait)",
    "turn": "asked what follows, as nothing was said (turn)",
}


def cut(text: str, most: int) -> str:
    """At most so many characters, cut where a word ends."""
    text = text.strip()
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    if not text[most - 1].isspace() and " " in kept:
        kept = kept.rpartition(" ")[0]
    return f"{kept.rstrip(' ,;:')}\N{HORIZONTAL ELLIPSIS}"


def quoted(words: Any) -> str:
    """Words of somebody, between marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{cut(str(words), LONGEST_QUOTE)}\N{RIGHT DOUBLE QUOTATION MARK}"


def sentence(before: str, words: Any) -> str:
    """Somebody's words at a sentence's end, which is theirs where they have one."""
    told = quoted(words)
    return f"{before} {told}{'' if told[-2] in _ENDS else '.'}"


def asked_at(url: str) -> str:
    """What a document that goes on to this address has Twilio ask."""
    part = part_of(url)
    return _ASKED.get(part) or f"{_ASKED['']} ({part})"


def sent_by_the_api(url: str) -> str:
    """As `asked_at`, of a call that we moved by the API."""
    part = part_of(url)
    return f"asked where Convoship had sent the call by the API{f' ({part})' if part else ''}"


def part_of(url: str) -> str:
    """Which of a connection's addresses this is; "" for the first of them."""
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return "" if last.count("-") == 4 else last[:40]
