"""A passage of the assistant's knowledge as an answer: the sentences that fit what was said, quoted, with their source.

A passage was written by whoever wrote the page, so in a message, which is Markdown, it stands for itself and nothing
else. Nothing is put in other words: what is shown is what stands there.
"""

from __future__ import annotations

import re
from itertools import pairwise

from deployments.responders.base import Block, Passage, Say
from deployments.responders.form_words import language_of
from deployments.responders.placeholders import plain
from deployments.responders.reading import forms

ENOUGH = 0.6  # a passage with this much of what was asked is an answer
LONGEST_QUOTE = 480  # characters
LONGEST_TITLE = 200

_INTRODUCED = {"en": "This is what I found:", "de": "Das habe ich dazu gefunden:"}
_QUOTES = {"en": ("“", "”"), "de": ("„", "“")}
_SENTENCE = re.compile(r"(?<=[.!?\u2026\u3002\uff01\uff1f])\s+|\n+")


def quoted(passage: Passage, asked: str, locale: str | None) -> Say:
    """The message."""
    language = language_of(locale)
    opening, closing = _QUOTES[language]
    lines = [plain(line) for line in excerpt(passage.text, asked).split("\n")]
    return Say(f"{_INTRODUCED[language]}\n\n{opening}{chr(10).join(lines)}{closing}", (_source(passage),))


def _source(passage: Passage) -> Block:
    item = {"title": passage.title[:LONGEST_TITLE] or passage.url[:LONGEST_TITLE] or "…"}
    if passage.url.startswith(("https://", "http://")):
        item["url"] = passage.url
    return {"type": "list", "items": [item]}


def excerpt(text: str, asked: str, most: int = LONGEST_QUOTE) -> str:
    """The passage, or of a longer one the run of whole sentences that has most of the words asked for."""
    if len(text) <= most:
        return text
    places = [0, *(found.end() for found in _SENTENCE.finditer(text)), len(text)]
    wanted = {form for form in forms(asked) if len(form) > 2}
    shared = [
        len({form for form in forms(text[begin:end]) if _is_wanted(form, wanted)}) for begin, end in pairwise(places)
    ]
    best, chosen = -1.0, (0, most)
    for first in range(len(shared)):
        last, said = first, 0
        while last < len(shared) and places[last + 1] - places[first] <= most:
            said += shared[last]
            last += 1
        if last > first and said > best:
            best, chosen = said, (places[first], places[last])
    begin, end = chosen
    found = text[begin:end].strip()
    return ("… " if begin > 0 else "") + found + (" …" if end < len(text) else "")


def _is_wanted(form: str, wanted: set[str]) -> bool:
    """Whether a word is one of those, in another form perhaps."""
    return any(form == one or (len(one) > 4 and form[:5] == one[:5]) for one in wanted)
