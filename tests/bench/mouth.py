"""ElevenLabs' `POST /v1/text-to-speech/{voice}/stream`, as far as the loads need it: any words are the same sound.

python -m tests.bench.mouth PORT. After SPEAKS_SECONDS it sends SOUND_SECONDS of a tone in mu-law, in two pieces.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bench.lean import Lean, serve
from tests.bench.speech import RATE, SPEAKS_SECONDS

SOUND_SECONDS = 2.5
_SOUND = bytes([0x80, 0x9F, 0xBF, 0xFF, 0x3F, 0x1F, 0x00, 0x10]) * int(SOUND_SECONDS * RATE / 8)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/basic\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_FIRST = _HEAD + _chunk(_SOUND[: RATE // 2])
_REST = _chunk(_SOUND[RATE // 2 :]) + b"0\r\n\r\n"


class Mouth(Lean):
    """One connection."""

    def answer(self, head: bytes) -> None:
        """Speak, after a while."""
        asyncio.get_running_loop().call_later(SPEAKS_SECONDS, self._speak)

    def _speak(self) -> None:
        self.transport.write(_FIRST)
        self.transport.write(_REST)


if __name__ == "__main__":
    asyncio.run(serve(Mouth, int(sys.argv[1])))
