"""ElevenLabs' `POST /v1/text-to-speech/{voice}/stream`, as far as the loads need it: any words are the same sound.

python -m tests.bench.mouth PORT. After SPEAKS_SECONDS it sends SOUND_SECONDS of a tone in mu-law, in two pieces.
"""

from __future__ import annotations

import asyncio
import sys

from tests.bench.speech import RATE, SPEAKS_SECONDS

SOUND_SECONDS = 2.5
_SOUND = bytes([0x80, 0x9F, 0xBF, 0xFF, 0x3F, 0x1F, 0x00, 0x10]) * int(SOUND_SECONDS * RATE / 8)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: audio/basic\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_FIRST = _HEAD + _chunk(_SOUND[: RATE // 2])
_REST = _chunk(_SOUND[RATE // 2 :]) + b"0\r\n\r\n"


class Mouth(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: somebody is there."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.asked = b""

    def data_received(self, data: bytes) -> None:
        """Asyncio's: a piece of a request."""
        self.asked += data
        head, found, body = self.asked.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
        if not found or len(body) < int(length or 0):
            return
        self.asked = b""
        asyncio.get_running_loop().call_later(SPEAKS_SECONDS, self._speak)

    def _speak(self) -> None:
        self.transport.write(_FIRST)
        self.transport.write(_REST)


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Mouth, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
