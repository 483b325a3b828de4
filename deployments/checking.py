"""Room for the checks of files: so many at once in a process, so many that wait, and then a word to come again."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, Protocol, TypeVar

from convoship.lib.problems import Problem
from deployments import file_kinds, scanning
from deployments.file_kinds import Checked

P = ParamSpec("P")
R = TypeVar("R")

RETRY_AFTER = 10


class Allowed(Protocol):
    """Which kinds of files are taken, and how large one may be in bytes."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Of `file_kinds.KINDS`."""

    @property
    def max_bytes(self) -> int:
        """As it is stored."""


class Room:
    """Threads with a queue that has an end. `at_once` run, `waiting` wait, of both `of_one` are one sender's.

    `longest`: seconds after which nobody waits for it any more, though it goes on.
    """

    def __init__(self, name: str, *, at_once: int, waiting: int, of_one: int, longest: float | None = None) -> None:
        self._threads = ThreadPoolExecutor(max_workers=at_once, thread_name_prefix=name)
        self._places, self._of_one, self._longest = at_once + waiting, of_one, longest
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def run(self, whose: str, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Do it in a thread when its turn comes; 503 where no place is left, and nothing waits then.

        TimeoutError where it takes too long.
        """
        return await asyncio.wait_for(asyncio.wrap_future(self._begun(whose, act, *args, **kwargs)), self._longest)

    def wait_for(self, whose: str, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `run`, from a thread that may wait itself."""
        return self._begun(whose, act, *args, **kwargs).result(self._longest)

    def _begun(self, whose: str, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
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
        return future

    def _leave(self, whose: str) -> None:
        with self._lock:
            self._inside[whose] -= 1
            if not self._inside[whose]:
                del self._inside[whose]


# An image takes up to 1 GB and eight seconds of a processor, in a process of its own; the others next to nothing.
drawing = Room("drawing", at_once=2, waiting=8, of_one=4)
reading = Room("reading", at_once=2, waiting=30, of_one=10)


# Another machine's work; a callable of the server's owner may take as long as it likes.
scanners = Room("scanning", at_once=4, waiting=30, of_one=10, longest=scanning.LONGEST_SECONDS)


async def check(whose: str, name: str, content: bytes, allowed: Allowed) -> Checked:
    """The file as it may be kept (`file_kinds.check`), in its turn; 503 where too many wait, or it can't be scanned.

    `whose`: who has to share their places, an address or a member. `scanning.Infected` where a virus was found.
    """
    room = _room_for(name, content)
    checked = await room.run(whose, file_kinds.check, name, content, allowed.kinds, allowed.max_bytes)
    if scanning.is_on():
        with scanning.or_away():
            signature = await scanners.run(whose, scanning.signature_of, content)
        scanning.judge(name, signature)
    return checked


def check_waiting(whose: str, name: str, content: bytes, allowed: Allowed) -> Checked:
    """As `check`, from a thread that may wait itself."""
    room = _room_for(name, content)
    checked = room.wait_for(whose, file_kinds.check, name, content, allowed.kinds, allowed.max_bytes)
    if scanning.is_on():
        with scanning.or_away():
            signature = scanners.wait_for(whose, scanning.signature_of, content)
        scanning.judge(name, signature)
    return checked


def _room_for(name: str, content: bytes) -> Room:
    return drawing if file_kinds.is_drawn(name, content) else reading
