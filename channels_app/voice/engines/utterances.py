"""What of a caller's sound is speech: engines that compute, or are paid by the second, hear nothing else.

Whisper and its relatives write words where nobody speaks, and pocketsphinx computes through silence as through speech.
"""

from __future__ import annotations

from channels_app.voice.engines.vad import QUIET, WINDOW_SECONDS, Detector
from channels_app.voice.media.events import RATE

# How probable speech has to be to begin; how much of the sound before belongs to it.
LOUD = 0.5
BEFORE_SECONDS = 0.4
# It ends by itself after so long a quiet, where nobody has ended it before; and after so much speech.
AFTER_SECONDS = 1.2
MOST_SECONDS = 30.0


class Gate:
    """One call's: closed while the caller is quiet."""

    def __init__(self) -> None:
        self._detector = Detector()
        self._held = bytearray()
        self._quiet = 0.0
        self._passed = 0
        self.is_open = False

    def feed(self, ulaw: bytes) -> bytes:
        """What to hear of these, with what came just before where somebody begins to speak; else nothing."""
        probabilities = self._detector.feed(ulaw)
        for probability in probabilities:
            self._quiet = self._quiet + WINDOW_SECONDS if probability < QUIET else 0.0
        if not self.is_open:
            self._held += ulaw
            if not any(probability > LOUD for probability in probabilities):
                del self._held[: -int(BEFORE_SECONDS * RATE)]
                return b""
            self.is_open, ulaw = True, bytes(self._held)
            self._held.clear()
        self._passed += len(ulaw)
        return ulaw

    @property
    def is_over(self) -> bool:
        """Whether an utterance has ended by itself."""
        return self.is_open and (self._quiet >= AFTER_SECONDS or self._passed >= MOST_SECONDS * RATE)

    def close(self) -> None:
        """The utterance is over; the next begins with speech."""
        self.is_open, self._passed, self._quiet = False, 0, 0.0
