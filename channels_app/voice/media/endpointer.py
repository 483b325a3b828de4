"""When a caller has begun to speak, and when they are done. Pure: times are given.

Two witnesses: the sound itself (the share of speech in each 32 ms, from a voice activity detector), and the engine that
hears words. An engine that judges itself that somebody is done is believed; else a pause decides, a short one after a
whole sentence, a longer one after anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from channels_app.voice.engines.base import Transcript

# Seconds in one judgement of the detector.
WINDOW = 0.032
# From this share on it is speech; it stays speech until it is below the lower one.
SPEECH, QUIET = 0.5, 0.35
# So many windows of it in a row, and somebody speaks: 96 ms.
OPENS_AFTER = 3
# A pause, of which the engine is told; the end after a sentence, and after words that end in none.
PAUSE, AFTER_SENTENCE, AFTER_WORDS = 0.3, 0.3, 0.7
# Words that the engine owes after a pause are waited for so long.
WORDS_WITHIN = 6.0

# Of what somebody says in one go, in characters: more is nobody's sentence.
LONGEST_TURN = 4000

_SENTENCE_ENDS = (".", "?", "!", "…", "。", "？", "！")


class Edge(StrEnum):
    """What a step of time shows."""

    BEGAN = "began"
    PAUSED = "paused"


@dataclass(frozen=True)
class TurnEnd:
    """What they said, and how long after their last sound that was known."""

    text: str
    waited_ms: int


class Endpointer:
    """Of one call."""

    def __init__(self) -> None:
        self.is_voiced = False
        self._run = 0
        self._has_paused = False
        # When the last sound of speech was; None while nobody has spoken since the last turn.
        self._voice_at: float | None = None
        self._began_at: float | None = None
        self._finals: list[str] = []
        self._partial = ""
        self._is_owed = False
        self._ends_turn = False

    @property
    def words(self) -> str:
        """What was heard by now of what they are saying."""
        return " ".join(filter(None, (*self._finals, self._partial)))

    @property
    def is_idle(self) -> bool:
        """Nobody speaks, nothing was said, and no words are owed."""
        return not self.is_voiced and self._voice_at is None and not self.words

    def sound(self, share: float, now: float) -> Edge | None:
        """The next window's share of speech."""
        if share >= (QUIET if self.is_voiced else SPEECH):
            self._run = self._run + 1 if not self.is_voiced else self._run
            if self.is_voiced:
                self._voice_at = now
                self._has_paused = False
            elif self._run >= OPENS_AFTER:
                self.is_voiced, self._voice_at, self._has_paused = True, now, False
                self._began_at = now - OPENS_AFTER * WINDOW
                self._run, self._ends_turn = 0, False
                return Edge.BEGAN
            return None
        self._run = 0
        if self.is_voiced and self._voice_at is not None and now - self._voice_at >= PAUSE - WINDOW:
            self.is_voiced, self._has_paused, self._is_owed = False, True, True
            return Edge.PAUSED
        return None

    def heard(self, transcript: Transcript, now: float) -> None:
        """Words from the engine."""
        if transcript.is_final:
            if transcript.text.strip() and len(self.words) < LONGEST_TURN:
                self._finals.append(transcript.text.strip()[:LONGEST_TURN])
            self._partial = ""
            # What it owed after a pause; a final in the midst of speech pays nothing.
            self._is_owed = self._is_owed and self.is_voiced
        else:
            self._partial = transcript.text.strip()[:LONGEST_TURN]
        if self.words and self._voice_at is None:
            # The detector missed a soft voice.
            self._voice_at = now
        self._ends_turn = transcript.ends_turn or (self._ends_turn and not self.is_voiced)

    def end(self, now: float) -> TurnEnd | None:
        """What they said, where they are done. With nothing in it: it was no speech, a cough or a noise."""
        if self._voice_at is None or (self.is_voiced and not self._ends_turn):
            return None
        quiet = now - self._voice_at
        if self._ends_turn and not self._is_owed and self._finals:
            return self._take(quiet)
        if self._is_owed:
            return self._take(quiet) if quiet >= WORDS_WITHIN else None
        words = self.words
        if not words:
            return self._take(quiet) if quiet >= AFTER_SENTENCE else None
        wait = AFTER_SENTENCE if words.endswith(_SENTENCE_ENDS) else AFTER_WORDS
        return self._take(quiet) if quiet >= wait else None

    def due_at(self) -> float | None:
        """When to ask for the end next, whatever happens; None while nobody has spoken."""
        if self._voice_at is None or self.is_voiced:
            return None
        if self._is_owed:
            return self._voice_at + WORDS_WITHIN
        return self._voice_at + (
            AFTER_SENTENCE if self.words.endswith(_SENTENCE_ENDS) or not self.words else AFTER_WORDS
        )

    def _take(self, quiet: float) -> TurnEnd:
        taken = TurnEnd(self.words, round(max(0.0, quiet) * 1000))
        self.forget()
        return taken

    def forget(self) -> None:
        """What was heard up to here is nobody's word."""
        self._finals, self._partial = [], ""
        self._voice_at = self._began_at = None
        self.is_voiced = self._is_owed = self._ends_turn = False
        self._run = 0
