"""Whether an engine is in use: one that nobody has used for a while is closed, with its pools (`registry`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Used:
    """Counts who uses an engine now: calls that it hears, clauses that it speaks."""

    def __init__(self) -> None:
        self.users = 0
        self._since = time.monotonic()

    def begin(self) -> None:
        """One more uses it."""
        self.users += 1

    def end(self) -> None:
        """One fewer does."""
        self.users -= 1
        self._since = time.monotonic()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """`begin` and `end` around a block."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def idle_seconds(self) -> float:
        """For how long nobody has used it; 0 while somebody does."""
        return 0.0 if self.users else time.monotonic() - self._since

    def touch(self) -> None:
        """Somebody is about to use it."""
        self._since = time.monotonic()
