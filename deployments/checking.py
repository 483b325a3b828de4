"""Room for the checks of files: so many at once in a process, so many that wait, and then a word to come again."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from convoship.lib.problems import Problem
from deployments import file_kinds
from deployments.file_kinds import Checked
from deployments.file_settings import FileSettings

P = ParamSpec("P")
R = TypeVar("R")

RETRY_AFTER = 10


class Room:
    """Threads with a queue that has an end. `at_once` run, `waiting` wait, of both `of_one` are one address's."""

    def __init__(self, name: str, *, at_once: int, waiting: int, of_one: int) -> None:
        self._threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix=name)
        self._places, self._of_one = at_once + waiting, of_one
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, whose: str, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it in a thread when its turn comes; 503 where no place is left, and nothing waits then."""
        with self._lock:
            if self._inside.total() >= self._places or self._inside[whose] >= self._of_one:
                raise Problem(
                    "unavailable",
                    "Many files are being looked at just now.",
                    hint=f"Send it again in {RETRY_AFTER} seconds.",
                    retry_after=RETRY_AFTER,
                    is_expected=True,
                )
            self._inside[whose] += 1
        future = self._threads.submit(act, *args, **kwargs)
        # When it is over, not when somebody stops waiting for it.
        future.add_done_callback(lambda _: self._leave(whose))
        return await asyncio.wrap_future(future)

    def _leave(self, whose: str) -> None:
        with self._lock:
            self._inside[whose] -= 1
            if not self._inside[whose]:
                del self._inside[whose]


# An image takes up to 1 GB and eight seconds of a processor, in a process of its own; the others next to nothing.
drawing = Room("drawing", at_once=2, waiting=8, of_one=4)
reading = Room("reading", at_once=2, waiting=30, of_one=10)


async def check(whose: str, name: str, content: bytes, allowed: FileSettings) -> Checked:
    """The file as it may be kept (`file_kinds.check`), in its turn; 503 where too many wait. `whose`: an address."""
    room = drawing if file_kinds.is_drawn(name, content) else reading
    return await room.run(whose, file_kinds.check, name, content, allowed.kinds, allowed.max_bytes)
