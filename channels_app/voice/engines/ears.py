"""What the ears of all engines have in common: what was heard waits to be taken, and every end is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from channels_app.voice.engines.base import EngineFailed, FaultKind, Transcript
from channels_app.voice.engines.use import Used

logger = logging.getLogger(__name__)


class Ear:
    """One call's ear: `hear` works until it is closed; what it raises ends the iteration."""

    def __init__(self, label: str, engine: Used) -> None:
        self.label, self._engine = label, engine
        self._heard: asyncio.Queue[Transcript | EngineFailed | None] = asyncio.Queue()
        self._is_closed = False
        engine.begin()
        self._task = asyncio.create_task(self._work())

    def tell(self, text: str, *, is_final: bool, ends_turn: bool = False) -> None:
        """Something was heard."""
        self._heard.put_nowait(Transcript(text, is_final, ends_turn))

    async def hear(self) -> None:
        """Hear, for ever. Raises `EngineFailed` where that is over."""
        raise NotImplementedError

    async def let_go(self) -> None:
        """What is left to do once nothing is heard any more."""

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while (heard := await self._heard.get()) is not None:
            if isinstance(heard, EngineFailed):
                raise heard
            yield heard

    async def close(self) -> None:
        """Hear no more."""
        if self._is_closed:
            return
        self._is_closed = True
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self.let_go()
        finally:
            self._heard.put_nowait(None)
            self._engine.end()

    async def _work(self) -> None:
        try:
            await self.hear()
        except EngineFailed as failed:
            self._heard.put_nowait(failed)
        except Exception:
            # A bug of ours: the call must not wait for words that never come.
            logger.exception("Hearing with %s broke off", self.label)
            words = f"Hearing with {self.label} broke off by a fault of this server's."
            remedy = "Try again; whoever runs the server finds the fault in its log."
            self._heard.put_nowait(EngineFailed(FaultKind.BROKEN, words, remedy))
