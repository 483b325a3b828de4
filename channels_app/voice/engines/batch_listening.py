"""An ear for engines that hear an utterance at a time: it keeps what is speech, and has it heard at each pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from channels_app.voice.engines.base import EngineFailed, FaultKind, Transcript
from channels_app.voice.engines.use import Used
from channels_app.voice.engines.utterances import Gate

# Utterances that wait for the one before.
_MOST_WAITING = 4


class BatchListening:
    """One call's. `hear` makes words of an utterance's sound."""

    def __init__(self, hear: Callable[[bytes], Awaitable[str]], label: str, engine: Used) -> None:
        self._hear, self._label, self._engine = hear, label, engine
        self._gate = Gate()
        self._utterance = bytearray()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._heard: asyncio.Queue[Transcript | EngineFailed | None] = asyncio.Queue()
        self._is_closed = False
        engine.begin()
        self._task = asyncio.create_task(self._work())

    def feed(self, ulaw: bytes) -> None:
        """The next of the caller's sound."""
        self._utterance += self._gate.feed(ulaw)
        if self._gate.is_over:
            self.flush()

    def flush(self) -> None:
        """The caller paused."""
        self._gate.close()
        self._waiting.put_nowait(bytes(self._utterance))
        self._utterance.clear()

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
        self._heard.put_nowait(None)
        self._engine.end()

    async def _work(self) -> None:
        try:
            while True:
                utterance = await self._waiting.get()
                if self._waiting.qsize() > _MOST_WAITING:
                    words = f"{self._label} can't hear as fast as the caller speaks."
                    raise EngineFailed(FaultKind.TIMEOUT, words, "Choose another engine, or a quicker model.")
                text = await self._hear(utterance) if utterance else ""
                self._heard.put_nowait(Transcript(text.strip(), is_final=True))
        except EngineFailed as failed:
            self._heard.put_nowait(failed)
