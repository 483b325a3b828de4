"""The pace of a call: how long words take to be spoken, and how waits are shortened where nobody has to listen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A voice on the telephone: about 150 words a minute.
LETTERS_A_SECOND = 15.0
_WORD = re.compile(r"\S+\s*")
# Music and recordings have no length here: so long is one taken to be.
PLAYED_SECONDS = 3.0


@dataclass(frozen=True)
class Pace:
    """`speech`: by how much faster than a voice words are spoken. `waits`: what part of a wait is waited."""

    speech: float = 1.0
    waits: float = 1.0

    def of_words(self, words: str) -> float:
        """How many seconds it takes to say them."""
        return len(words) / (LETTERS_A_SECOND * self.speech)

    def of_wait(self, seconds: float) -> float:
        """How many seconds are waited for so many of Twilio's."""
        return seconds * self.waits


def words_of(text: str) -> Iterator[str]:
    """A text word by word, each with the space behind it."""
    for found in _WORD.finditer(text):
        yield found[0]
