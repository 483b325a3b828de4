"""How much sound comes against the clock. Pure: times are given.

Sound of a call is as long as the time that it takes. What comes faster would have to be judged and heard in no time,
and keep the calls beside it waiting.
"""

from __future__ import annotations

from channels_app.voice.media.events import RATE

# After a stall a sender gives all that it kept: so many seconds may come at once.
MOST_AHEAD = 30.0
# A sender's clock may be faster than ours by this, for ever.
FASTER = 1.2


class Flow:
    """Of one call."""

    def __init__(self, now: float) -> None:
        self._ahead, self._at = 0.0, now

    def is_too_much(self, samples: int, now: float) -> bool:
        """Count what came: whether it is further ahead of time than any stall explains. Then it isn't counted."""
        self._ahead = max(0.0, self._ahead - max(0.0, now - self._at) * FASTER)
        self._at = now
        seconds = samples / RATE
        if self._ahead + seconds > MOST_AHEAD:
            return True
        self._ahead += seconds
        return False
