"""An ear for engines that hear an utterance at a time: it keeps what is speech, and has it heard at each pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.ears import Ear
from channels_app.voice.engines.use import Used
from channels_app.voice.engines.utterances import Gate

# Utterances that wait for the one before.
_MOST_WAITING = 4


class BatchListening(Ear):
    """One call's. `recognize` makes words of an utterance's sound."""

    def __init__(self, recognize: Callable[[bytes], Awaitable[str]], label: str, engine: Used) -> None:
        self._recognize = recognize
        self._gate = Gate()
        self._utterance = bytearray()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        super().__init__(label, engine)

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

    async def hear(self) -> None:
        """One utterance after the other."""
        while True:
            utterance = await self._waiting.get()
            if self._waiting.qsize() > _MOST_WAITING:
                words = f"{self.label} can't hear as fast as the caller speaks."
                raise EngineFailed(FaultKind.TIMEOUT, words, "Choose another engine, or a quicker model.")
            text = await self._recognize(utterance) if utterance else ""
            self.tell(text.strip(), is_final=True)
