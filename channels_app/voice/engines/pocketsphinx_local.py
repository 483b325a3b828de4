"""English heard on this machine by CMU pocketsphinx (pypi.org/project/pocketsphinx, whose wheel carries the model).

It is there to try calls without a key: it hears simple sentences said clearly, and gets much else wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from channels_app.voice.engines import hearing_pool, installed
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.ears import Ear
from channels_app.voice.engines.languages import require_language
from channels_app.voice.engines.use import Used
from channels_app.voice.engines.utterances import Gate
from channels_app.voice.media.events import RATE

LABEL = "pocketsphinx"
# The sound of so many seconds goes to the process at once: partial transcripts come as often.
_PIECE = RATE // 2
# A caller whose sound is heard so much later than it was said is not heard.
_MOST_BEHIND = 60 * RATE


def hearing(_config: Mapping[str, str], _key: str) -> PocketSphinx:
    """The engine; there is nothing to choose. Raises `EngineFailed` where it is not installed."""
    installed.require("pocketsphinx", LABEL)
    return PocketSphinx()


class PocketSphinx(Used):
    """Hears in processes of its own, as many as this machine has cores; an utterance waits for a free one."""

    def __init__(self, most: int | None = None) -> None:
        super().__init__()
        self._pool = hearing_pool.Pool("channels_app.voice.engines.pocketsphinx_process", LABEL, most)

    async def listen(self, language: str) -> PocketSphinxListening:
        """Begin to hear one call."""
        require_language(LABEL, language, ("en",))
        self._pool.warm()
        return PocketSphinxListening(self._pool, self)

    async def close(self) -> None:
        """End its processes."""
        await self._pool.close()


class PocketSphinxListening(Ear):
    """One call's ear."""

    def __init__(self, pool: hearing_pool.Pool, engine: Used) -> None:
        self._pool = pool
        self._gate = Gate()
        # Sound, or None for the end of an utterance.
        self._pieces: list[bytes | None] = []
        self._is_behind = 0
        self._there = asyncio.Event()
        super().__init__(LABEL, engine)

    def feed(self, ulaw: bytes) -> None:
        """The next of the caller's sound."""
        sound = self._gate.feed(ulaw)
        if sound:
            self._pieces.append(sound)
            self._is_behind += len(sound)
            self._there.set()
        if self._gate.is_over:
            self.flush()

    def flush(self) -> None:
        """The caller paused."""
        self._gate.close()
        self._pieces.append(None)
        self._there.set()

    async def hear(self) -> None:
        """One utterance after the other."""
        while True:
            await self._there.wait()
            await self._utterance()

    async def _utterance(self) -> None:
        """One, to its end; all that is asked of it is done in order."""
        if self._pieces and self._pieces[0] is None:
            self._take()
            self.tell("", is_final=True)
            return
        told = ""
        async with self._pool.process() as process:
            while (sound := await self._next()) is not None:
                text = await process.asked(b"S", sound)
                if text and text != told:
                    told = text
                    self.tell(text, is_final=False)
            self.tell(await process.asked(b"F", b""), is_final=True)

    async def _next(self) -> bytes | None:
        """A piece of the utterance's sound; None where it ends."""
        if self._is_behind > _MOST_BEHIND:
            raise EngineFailed(
                FaultKind.TIMEOUT,
                "This server can't hear as fast as callers speak: too many calls for its processor.",
                "Choose an engine for hearing that does not run on this server, such as Deepgram.",
            )
        await self._there.wait()
        return self._take()

    def _take(self) -> bytes | None:
        first = self._pieces.pop(0)
        sound = bytearray(first or b"")
        while first is not None and self._pieces and self._pieces[0] is not None and len(sound) < _PIECE:
            sound += self._pieces.pop(0) or b""
        self._is_behind -= len(sound)
        if not self._pieces:
            self._there.clear()
        return bytes(sound) if first is not None else None
