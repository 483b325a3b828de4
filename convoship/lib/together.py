"""What many tasks ask of a slow place at about the same time, asked of it together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K", bound=Hashable)
Q = TypeVar("Q")
A = TypeVar("A")


class Together(Generic[K, Q, A]):
    """Questions with the same key that come within `gather()` seconds of the first one are asked in one call.

    `ask(key, questions)` gives an answer for each, in order. What it raises, everybody who asked gets. Who stops
    waiting takes nothing from the others. Each event loop asks for itself.
    """

    def __init__(self, ask: Callable[[K, Sequence[Q]], Awaitable[Sequence[A]]], gather: Callable[[], float]) -> None:
        self._ask = ask
        self._gather = gather
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[K, list[tuple[Q, asyncio.Future[A]]]]]
        self._loops = WeakKeyDictionary()
        self._asking: set[asyncio.Task[None]] = set()

    async def answer(self, key: K, question: Q) -> A:
        """The answer to one question."""
        loop = asyncio.get_running_loop()
        waiting = self._loops.setdefault(loop, {})
        future: asyncio.Future[A] = loop.create_future()
        if key in waiting:
            waiting[key].append((question, future))
        else:
            waiting[key] = [(question, future)]
            task = loop.create_task(self._run(key))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return await future

    async def _run(self, key: K) -> None:
        try:
            await asyncio.sleep(self._gather())
        finally:
            asked = self._loops[asyncio.get_running_loop()].pop(key)
        try:
            answers = await self._ask(key, [question for question, _ in asked])
        except Exception as error:  # noqa: BLE001 (it is theirs who asked)
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(asked, answers, strict=True):
            if not future.done():
                future.set_result(answer)
