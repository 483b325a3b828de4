"""What it costs to draw a conversation as a PDF, known before it is begun.

Whoever opens a chat chooses what stands in it, and somebody waits while it is drawn. So everything that is drawn is
weighed, in characters of plain text: what goes right to left has to be put in order and joined letter by letter, and a
line costs something however short it is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

# About a second's work on one of today's cores.
LARGEST_PDF = 300_000
MOST_IN_PDF = 5_000  # messages and notes
OF_ENTRY, OF_LINE, OF_COMPLEX_LINE, OF_COMPLEX = 30, 20, 250, 16


def weight(entries: Iterable[tuple[str, ...]], most: int) -> int:
    """What these entries weigh, each given as the texts that are drawn of it; once it is over `most` it is no more."""
    total = 0
    for texts in entries:
        total += OF_ENTRY
        for text in texts:
            if total + len(text) > most:
                return total + len(text)
            total += sum(map(_of_paragraph, text.split("\n")))
    return total


def _of_paragraph(text: str) -> int:
    return OF_COMPLEX_LINE + OF_COMPLEX * len(text) if is_complex(text) else OF_LINE + len(text)


def is_complex(text: str) -> bool:
    """Whether the text has to be put in order or joined: it goes right to left, or has combining marks."""
    return any(unicodedata.bidirectional(it) in {"R", "AL", "AN", "NSM"} for it in text if it > "\u02ff")


def goes_left(text: str) -> bool:
    """Whether its first letter does (UAX 9, P2 and P3)."""
    strong = next((it for it in _directions(text) if it in {"L", "R", "AL"}), "L")
    return strong != "L"


def _directions(text: str) -> Iterator[str]:
    return map(unicodedata.bidirectional, text)
