"""What becomes of our voice when a caller speaks over it. Pure: times are given.

We fall silent as soon as somebody may be speaking, as nothing else feels like being heard. Whether it was speech is
known only later: words make it an interruption; a cough, a noise or a “mhm” does not, and we go on from where we
stopped.
"""

from __future__ import annotations

import re
from enum import StrEnum

# Sounds of somebody who only listens. None of them is a word that could be an answer: a "yes" is never dropped.
_LISTENING = re.compile(r"(?:(?:m+|m+-?h+m+|h+m+|uh-?huh|uh|um|ah|aha|oh|okay|ok)[\s,.!]*){1,3}", re.IGNORECASE)


class Verdict(StrEnum):
    """What to do with our voice."""

    HOLD = "hold"
    RESUME = "resume"
    GIVE_UP = "give_up"


class Interruptions:
    """Of one call."""

    def __init__(self, is_allowed: bool) -> None:
        self.is_allowed = is_allowed
        self.is_held = False
        self.held_at = 0.0

    def began(self, is_speaking: bool, now: float) -> Verdict | None:
        """Somebody begins to speak."""
        if not self.is_allowed or self.is_held or not is_speaking:
            return None
        self.is_held, self.held_at = True, now
        return Verdict.HOLD

    def heard(self, words: str) -> Verdict | None:
        """Words so far, of what they are saying."""
        if not self.is_held or not words.strip() or is_listening(words):
            return None
        self.is_held = False
        return Verdict.GIVE_UP

    def ended(self, words: str) -> Verdict | None:
        """They are done: with these words, or none."""
        if not self.is_held:
            return None
        self.is_held = False
        return Verdict.GIVE_UP if words.strip() and not is_listening(words) else Verdict.RESUME


def is_listening(words: str) -> bool:
    """Whether these are the sounds of somebody who only listens."""
    return _LISTENING.fullmatch(words.strip()) is not None
