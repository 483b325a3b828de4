"""An answer that is still being written, clause by clause as a voice says it. Pure.

A responder writes Markdown, in pieces cut anywhere. A voice wants whole clauses without marks: the first one soon, so
that the caller hears something, the others by sentences, whose tune a voice then knows. Nothing is cut within a mark,
a link, a number or an abbreviation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from deployments import channel_forms

# The first clause is said from so many characters on; a later one ends with its sentence, or here.
FIRST_CLAUSE, LONG_CLAUSE = 12, 160
# A text that has no end anywhere is cut between words.
LONGEST = 600

_ENDS = re.compile(r"[.!?\u2026]+[\"'\u201d\u2019)\]*_~`]*(?=\s)|[\u3002\uff01\uff1f]+[\"'\u201d\u2019\u300d)]*|\n")
_PAUSES = re.compile("[,;:\u2013\u2014]\\s|[\uff0c\u3001\uff1b\uff1a]")
_SHORT = (
    "dr mr mrs ms prof st no nr vs etc e.g i.e z.b d.h u.a usw bzw ca inkl tel str approx dept inc ltd co jr sr"
    " jan feb mar apr jun jul aug sep sept oct okt nov dec dez mo di mi do fr sa so art abs vgl p.m a.m"
)
_ABBREVIATIONS = frozenset(_SHORT.split())
_LIST_NUMBER = re.compile(r"\s*\d{1,3}$")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)


class Clauses:
    """Takes the pieces of one text, and gives what can be said of it."""

    def __init__(self) -> None:
        self._text = ""
        self._has_begun = False

    def take(self, piece: str) -> Iterator[str]:
        """Whole clauses, each with the space that parts it from the next."""
        self._text += piece
        while (end := self._end()) is not None:
            clause, self._text = self._text[:end], self._text[end:]
            if words := spoken(clause):
                self._has_begun = True
                yield words

    def rest(self) -> str:
        """What is left at the end of the text."""
        clause, self._text = self._text, ""
        return spoken(clause)

    @property
    def waiting(self) -> str:
        """What was written and not yet given."""
        return spoken(self._text)

    def _end(self) -> int | None:
        text = self._text
        if not text.strip():
            return None
        for found in _ENDS.finditer(text):
            if self._may_end(found.start(), found.end()):
                return found.end()
        if not self._has_begun or len(text) > LONG_CLAUSE:
            least = LONG_CLAUSE if self._has_begun else FIRST_CLAUSE
            for found in _PAUSES.finditer(text):
                if found.end() >= least and _is_closed(text[: found.end()]):
                    return found.end()
        if len(text) > LONGEST:
            at = text.rfind(" ", 0, LONGEST)
            return at + 1 if at > 0 else LONGEST
        return None

    def _may_end(self, at: int, end: int) -> bool:
        before = self._text[:at]
        if not before.strip() or not _is_closed(self._text[:end]):
            return False
        if self._text[at] != ".":
            return True
        if _LIST_NUMBER.fullmatch(before.rpartition("\n")[2]):
            return False  # "1. First": the number of an item
        word = re.split(r"\s", before)[-1].strip("(\"'*_[").casefold()
        return not (word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha()))


def _is_closed(text: str) -> bool:
    """Whether no mark of Markdown that was opened in it waits for its other half."""
    if len(_FENCE.findall(text)) % 2:
        return False
    if text.count("`") % 2 or text.count("**") % 2 or text.count("~~") % 2:
        return False
    opened = text.rfind("[")
    if opened < 0:
        return True
    closes = text.find("]", opened)
    if closes < 0:
        # A bracket that nothing closes soon is one of the writer's own.
        return len(text) - opened > LONGEST
    if text[closes + 1 : closes + 2] == "(":
        return ")" in text[closes:]
    return True


def spoken(markdown: str) -> str:
    """A clause as a voice says it, with a space after it; "" where it has nothing to be said.

    One that ends with its line ends as a sentence does: nobody hears where a line ends.
    """
    words = channel_forms.said(markdown)
    if not any(character.isalnum() or unicodedata.category(character) == "Sc" for character in words):
        return ""
    words = " ".join(words.split("\n"))
    if markdown.rstrip(" ").endswith("\n"):
        words = channel_forms.ended(words)
    return f"{words} "
