"""Hosts that hear and speak, as far as the loads need it: nothing is understood, and each takes a fixed time.

The ear is Deepgram's socket, in the process of the callers, who so know by one clock when it was asked for words. The
mouth is ElevenLabs' request, a lean process of its own (`tests.bench.mouth`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

QUESTION = "Where is my order?"
# From a pause, of which the ear is told, to its words; and from words to the first of their sound.
HEARS_SECONDS, SPEAKS_SECONDS = 0.1, 0.1
# Of mu-law.
RATE, FRAME = 8000, 160
# Below this a sample is silence.
_QUIET = 0x28
_LOUD = [(~byte & 0x7F) > _QUIET for byte in range(256)]


def without_silence(ulaw: bytes) -> bytes:
    """From its first loud sample to its last, in whole frames: so it is known when somebody begins, and ends."""
    loud = [at for at, byte in enumerate(ulaw) if _LOUD[byte]]
    kept = ulaw[loud[0] : loud[-1]]
    return kept[: len(kept) // FRAME * FRAME]


def is_loud(ulaw: bytes) -> bool:
    """Whether a tenth of it is no silence."""
    return sum(map(_LOUD.__getitem__, ulaw)) * 10 > len(ulaw)


class Hearing:
    """One call's socket at the ear."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        # Bytes of sound, and when they came: the last of each frame.
        self.bytes = 0
        self.hears: Callable[[int], None] = lambda _frames: None
        # When it was last told of a pause.
        self.asked_at = 0.0
        self._is_speaking = False
        self._answers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the socket closes."""
        try:
            async for frame in self.socket:
                if isinstance(frame, bytes):
                    self.bytes += len(frame)
                    self.hears(self.bytes // FRAME)
                    if not self._is_speaking and is_loud(frame):
                        # As its users ask for (`interim_results`): the first words, while the others are said.
                        self._is_speaking = True
                        self._tell_later(_results(QUESTION.split()[0], is_final=False))
                elif json.loads(frame)["type"] == "Finalize":
                    self.asked_at = time.perf_counter()
                    self._is_speaking = False
                    self._tell_later(_results(QUESTION, is_final=True))
        except ConnectionClosed:
            pass

    def _tell_later(self, results: str) -> None:
        answer = asyncio.ensure_future(self._tell(time.perf_counter() + HEARS_SECONDS, results))
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)

    async def _tell(self, due: float, results: str) -> None:
        await asyncio.sleep(due - time.perf_counter())
        await self.socket.send(results)


def _results(text: str, *, is_final: bool) -> str:
    """A frame of words: developers.deepgram.com/reference/speech-to-text/listen-streaming."""
    return json.dumps({
        "type": "Results",
        "channel_index": [0, 1],
        "duration": 1.0,
        "start": 0.0,
        "is_final": is_final,
        "speech_final": False,
        "from_finalize": is_final,
        "channel": {"alternatives": [{"transcript": text, "confidence": 0.9, "words": []}]},
        "metadata": {
            "request_id": "00000000-0000-0000-0000-000000000000",
            "model_info": {"name": "general", "version": "1", "arch": "nova"},
            "model_uuid": "00000000-0000-0000-0000-000000000000",
        },
    })  # fmt: skip


@asynccontextmanager
async def ear(port: int) -> AsyncIterator[asyncio.Queue[Hearing]]:
    """The sockets that are opened, in their order."""
    opened: asyncio.Queue[Hearing] = asyncio.Queue()

    async def hear(socket: ServerConnection) -> None:
        hearing = Hearing(socket)
        opened.put_nowait(hearing)
        await hearing.run()

    async with serve(hear, "127.0.0.1", port, compression=None, ping_interval=None):
        yield opened
