"""A server of HTTP that is lean enough to share two processors with what is measured."""

from __future__ import annotations

import asyncio


class Lean(asyncio.Protocol):
    """One connection, one request after the other. What is asked stands in the head; no body is looked at."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: somebody is there."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._asked = b""

    def data_received(self, data: bytes) -> None:
        """Asyncio's: a piece of a request."""
        self._asked += data
        head, found, body = self._asked.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0].strip()
        if found and len(body) >= int(length or 0):
            self._asked = b""
            self.answer(head)

    def answer(self, head: bytes) -> None:
        """Answer the request with this head, now or later, with `self.transport`."""
        raise NotImplementedError


async def serve(connection: type[Lean], port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()
