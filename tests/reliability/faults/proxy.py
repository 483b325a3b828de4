"""A TCP proxy that misbehaves on demand: between a worker and a provider, and between our processes and Valkey."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from contextlib import suppress
from typing import Literal

Toxic = Literal["none", "latency", "down", "black_hole", "reset", "swallow_reply"]
PIECE = 64 * 1024


class Proxy:
    """Forwards to `target`, but for what `toxic` says:

    `latency` holds each piece back for `seconds`; `down` refuses connections and cuts those there are; `black_hole`
    takes everything and passes nothing on; `reset` cuts a connection at its first byte; `swallow_reply` passes the
    request on and cuts the connection in place of the answer, which is what makes duplicates.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.toxic: Toxic = "none"
        self.seconds = 0.05
        # How often each toxic did something: a fault that met nobody proves nothing.
        self.met: Counter[str] = Counter()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen; on the same port again after `down`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def set(self, toxic: Toxic, seconds: float = 0.05) -> None:
        """Misbehave in this way from now on."""
        was, self.toxic, self.seconds = self.toxic, toxic, seconds
        if toxic == "down":
            if self._server is not None:
                self._server.close()
                self._server = None
            self.met["down"] += len(self._open)
            self.cut()
        elif was == "down" and self._server is None:
            await self.start()

    def cut(self) -> None:
        """Reset what is open."""
        for writer in list(self._open):
            _reset(writer)

    async def close(self) -> None:
        """Stop listening."""
        await self.set("down")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                from_there, there = await asyncio.open_connection("127.0.0.1", self.target)
                self._open.add(there)
                await asyncio.gather(
                    self._pipe(reader, there, writer, answers=False),
                    self._pipe(from_there, writer, there, answers=True),
                )
        finally:
            for end in (writer, there):
                if end is not None:
                    self._open.discard(end)
                    end.close()

    async def _pipe(
        self, reader: asyncio.StreamReader, to: asyncio.StreamWriter, other: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                match self.toxic:
                    case "black_hole":
                        self.met["black_hole"] += 1
                        continue
                    case "reset":
                        self.met["reset"] += 1
                        _reset(to)
                        _reset(other)
                        return
                    case "swallow_reply" if answers:
                        self.met["swallow_reply"] += 1
                        _reset(to)
                        _reset(other)
                        return
                    case "latency":
                        self.met["latency"] += 1
                        await asyncio.sleep(self.seconds)
                to.write(piece)
                await to.drain()
        with suppress(OSError, RuntimeError):
            to.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, as a crashed machine's successor would."""
    about = writer.get_extra_info("socket")
    if about is not None:
        with suppress(OSError):
            about.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
