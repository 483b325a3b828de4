"""What many tasks ask of a slow place at about the same time, asked of it together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")

Waiting: TypeAlias = dict[K, list[tuple[Q, asyncio.Future[A]]]]


class Together(Generic[K, Q, A]):
    """Questions with the same key that come within `gather()` seconds of the first one are asked in one call.

    `ask(key, questions)` gives an answer for each, in order. What it raises, everybody who asked gets. Who stops
    waiting takes nothing from the others. Each event loop asks for itself.
    """

    def __init__(self, ask: Callable[[K, Sequence[Q]], Awaitable[Sequence[A]]], gather: Callable[[], float]) -> None:
        self._ask = ask
        self._gather = gather
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting[K, Q, A]] = WeakKeyDictionary()
        self._asking: set[asyncio.Task[None]] = set()

    async def answer(self, key: K, question: Q) -> A:
        """The answer to one question."""
        loop = asyncio.get_running_loop()
        waiting = self._loops.setdefault(loop, {})
        future: asyncio.Future[A] = loop.create_future()
        if key in waiting:
            waiting[key].append((question, future))
        else:
            asked = waiting[key] = [(question, future)]
            task = loop.create_task(self._run(key, waiting))
            self._asking.add(task)
            task.add_done_callback(partial(self._ended, key, waiting, asked))
        return await future

    async def _run(self, key: K, waiting: Waiting[K, Q, A]) -> None:
        await asyncio.sleep(self._gather())
        asked = waiting.pop(key)
        answers = await self._ask(key, [question for question, _ in asked])
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)

    def _ended(
        self, key: K, waiting: Waiting[K, Q, A], asked: list[tuple[Q, asyncio.Future[A]]], task: asyncio.Task[None]
    ) -> None:
        """Tell those who were told nothing, also where the call was stopped before it was made."""
        self._asking.discard(task)
        if waiting.get(key) is asked:
            del waiting[key]
        error = None if task.cancelled() else task.exception()
        for _, future in asked:
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.cancel()
