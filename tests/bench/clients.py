"""Lanes: connections that say one thing at a time and know when it is answered. Plain asyncio: it runs everywhere."""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from collections.abc import Callable, Sequence
from typing import Protocol

Answered = Callable[[bool], None]
Headers = Sequence[tuple[str, str]]

DEFLATE = ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")  # offered by every browser


class Broken(Exception):
    """A server did not do what it should: figures taken from it would mean nothing."""


class Lane(Protocol):
    """Something that can be asked again and again."""

    def ask(self, answered: Answered) -> None:
        """Send one request and call `answered` with whether its answer was a good one."""

    def close(self) -> None:
        """Let the connection go."""


def _head(method: str, path: str, port: int, headers: Headers) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


def request(method: str, path: str, port: int, headers: Headers = (), body: bytes = b"") -> bytes:
    """A whole HTTP request."""
    if method != "GET":
        headers = [*headers, ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return _head(method, path, port, headers) + body


class HttpLane(asyncio.Protocol):
    """Keep-alive HTTP; `make` gives the bytes of the next request."""

    def __init__(self, make: Callable[[], bytes], expected: int) -> None:
        self.make, self.expected = make, f" {expected} ".encode()
        self.buffer = b""
        self.answered: Answered | None = None
        self.last_head = self.last_body = b""

    @classmethod
    async def open(cls, port: int, make: Callable[[], bytes], expected: int = 200) -> HttpLane:
        """Connect."""
        _, lane = await asyncio.get_running_loop().create_connection(lambda: cls(make, expected), "127.0.0.1", port)
        return lane

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: there is a connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, answered: Answered) -> None:
        """Send the next request."""
        self.answered, self.buffer = answered, b""
        self.transport.write(self.make())

    def data_received(self, data: bytes) -> None:
        """Asyncio's: a piece of the answer."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or not _is_whole(head.lower(), body):
            return
        self.last_head, self.last_body = head, body
        answered, self.answered = self.answered, None
        if answered:
            answered(self.expected in head[:16])

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's: an answer that will never come is a bad one."""
        answered, self.answered = self.answered, None
        if answered:
            answered(False)

    def close(self) -> None:
        """Let the connection go."""
        self.answered = None
        self.transport.close()


def _is_whole(head: bytes, body: bytes) -> bool:
    if b"transfer-encoding: chunked" in head:
        return body.endswith(b"0\r\n\r\n")
    _, found, rest = head.partition(b"content-length:")
    return not found or len(body) >= int(rest.partition(b"\r\n")[0])


class SocketLane(asyncio.Protocol):
    """A websocket: `make` gives the next text frame, `is_answer` recognises the frame that answers it."""

    def __init__(self, make: Callable[[], bytes], is_answer: Callable[[bytes], bool]) -> None:
        self.make, self.is_answer = make, is_answer
        self.buffer = b""
        self.upgraded = self.closed = False
        self.answered: Answered | None = None
        self.hears: Callable[[bytes], None] | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(
        cls,
        port: int,
        path: str,
        make: Callable[[], bytes] = lambda: b"",
        is_answer: Callable[[bytes], bool] = lambda _frame: True,
        headers: Headers = (),
    ) -> SocketLane:
        """Connect and shake hands."""
        _, lane = await asyncio.get_running_loop().create_connection(lambda: cls(make, is_answer), "127.0.0.1", port)
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
        lane.transport.write(_head("GET", path, port, [*upgrade, ("Sec-WebSocket-Key", key), *headers]))
        async with asyncio.timeout(20):
            await lane.ready
        return lane

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's: there is a connection."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def say(self, text: bytes) -> None:
        """Send a text frame. It is masked with zeros, which the protocol allows and costs the client nothing."""
        length = len(text)
        size = struct.pack("!B", 0x80 | length) if length < 126 else struct.pack("!BH", 0x80 | 126, length)
        self.transport.write(b"\x81" + size + b"\0\0\0\0" + text)

    async def converse(self, text: bytes, until: bytes) -> bytes:
        """Say something and wait for the frame that contains `until`."""
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def hear(frame: bytes) -> None:
            if until in frame and not heard.done():
                heard.set_result(frame)

        self.hears = hear
        self.say(text)
        async with asyncio.timeout(20):
            frame = await heard
        self.hears = None
        return frame

    def ask(self, answered: Answered) -> None:
        """Send the next frame."""
        if self.closed:
            answered(False)
            return
        self.answered = answered
        self.say(self.make())

    def data_received(self, data: bytes) -> None:
        """Asyncio's: pieces of the handshake, then of frames."""
        self.buffer += data
        if not self.upgraded:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head[:16]:
                self.ready.set_exception(Broken(f"a handshake was refused: {head[:200]!r}"))
                return
            self.upgraded, self.buffer = True, rest
            self.ready.set_result(None)
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == 9:
                self.transport.write(b"\x8a" + struct.pack("!B", 0x80 | len(payload)) + b"\0\0\0\0" + payload)
            elif opcode == 8:
                self.transport.close()
            elif self.hears:
                self.hears(payload)
            elif self.answered and self.is_answer(payload):
                answered, self.answered = self.answered, None
                answered(True)

    def _next_frame(self) -> tuple[int, bytes] | None:
        buffer = self.buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(buffer) < start:
                return None
            length = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + length:
            return None
        self.buffer = buffer[start + length :]
        return buffer[0] & 0x0F, buffer[start : start + length]

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's: an answer that will never come is a bad one."""
        self.closed = True
        if not self.ready.done():
            self.ready.set_exception(Broken("a handshake was cut off"))
        answered, self.answered = self.answered, None
        if answered:
            answered(False)

    def close(self) -> None:
        """Let the connection go."""
        self.answered = None
        self.transport.close()
