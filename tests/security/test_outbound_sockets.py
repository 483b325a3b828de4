"""Sockets out of the product are guarded as every other call: an address that may be called, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from convoship.lib import outbound
from convoship.lib.outbound import sockets
from tests.security.test_sending import INSIDE

pytestmark = pytest.mark.asyncio


class End:
    """A server of sockets on this machine."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closed: list[tuple[int | None, str]] = []
        self.is_closed = asyncio.Event()
        self.server: Server | None = None

    async def take(self, connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for message in connection:
                await connection.send(str(message) + "!")
        self.closed.append((connection.close_code, connection.close_reason or ""))
        self.is_closed.set()

    def look(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if request.path == "/refused":
            return connection.respond(403, "no")
        if request.path == "/moved":
            return Response(302, "Found", Headers({"Location": "/"}), b"")
        return None

    @property
    def port(self) -> int:
        assert self.server is not None
        return int(next(iter(self.server.sockets)).getsockname()[1])


@pytest.fixture
async def end(settings: Any) -> AsyncIterator[End]:
    found = End()
    async with serve(found.take, "127.0.0.1", 0, process_request=found.look) as server:
        found.server = server
        yield found


@pytest.fixture
def is_open(end: End, settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", end.port)})


@pytest.mark.parametrize("host", INSIDE)
async def test_no_spelling_of_an_address_inside_is_connected_to(
    end: End, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convoship.lib.outbound.http.PORTS", frozenset({end.port}))
    with pytest.raises(outbound.OutboundError):
        await sockets.open_socket(f"ws://{host}:{end.port}/", headers={})
    assert end.requests == []


@pytest.mark.parametrize(
    "url", ["https://convoship.example/", "ftp://convoship.example/", "wss://a:b@convoship.example/"]
)
async def test_what_is_no_address_of_a_socket_is_refused(url: str) -> None:
    with pytest.raises(outbound.Refused):
        await sockets.open_socket(url, headers={})


@pytest.mark.usefixtures("is_open")
async def test_frames_go_both_ways_and_headers_along(end: End) -> None:
    socket = await sockets.open_socket(f"ws://127.0.0.1:{end.port}/a?b=c", headers={"X-Twilio-Signature": "s"})
    await socket.send("hello")
    assert await socket.receive() == "hello!"
    assert (end.requests[0].path, end.requests[0].headers["X-Twilio-Signature"]) == ("/a?b=c", "s")
    await socket.close()
    await asyncio.wait_for(end.is_closed.wait(), 5)
    assert end.closed[0][0] == 1000
    assert await socket.receive() is None
    with pytest.raises(outbound.Unreachable):
        await socket.send("more")


@pytest.mark.usefixtures("is_open")
async def test_a_socket_is_cut_without_a_word(end: End) -> None:
    socket = await sockets.open_socket(f"ws://127.0.0.1:{end.port}/", headers={})
    await socket.close(rudely=True)
    await asyncio.wait_for(end.is_closed.wait(), 5)
    assert end.closed[0][0] in {None, 1006}


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize(("path", "status"), [("/refused", 403), ("/moved", 302)])
async def test_an_answer_that_is_no_socket_is_told_and_no_redirect_followed(end: End, path: str, status: int) -> None:
    with pytest.raises(sockets.TurnedAway) as turned:
        await sockets.open_socket(f"ws://127.0.0.1:{end.port}{path}", headers={})
    assert turned.value.status == status
    assert len(end.requests) == 1
