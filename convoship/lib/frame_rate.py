"""How many frames a socket takes from its other side: counted in its process, so that a flood costs nothing more."""

from __future__ import annotations

import time

# Far more than anybody types, far less than a loop sends.
MOST_FRAMES = 200
WINDOW_SECONDS = 10.0


class FrameRate:
    """Of one socket: so many frames in so many seconds."""

    def __init__(self, most: int | None = None, seconds: float = WINDOW_SECONDS) -> None:
        self.most, self.seconds = most, seconds
        self.window_began, self.frames = time.monotonic(), 0

    def is_too_high(self) -> bool:
        """Count a frame that came: whether there are more of them in these seconds than a socket may send."""
        now = time.monotonic()
        if now - self.window_began > self.seconds:
            self.window_began, self.frames = now, 0
        self.frames += 1
        return self.frames > (MOST_FRAMES if self.most is None else self.most)
