"""Downloads end where they were told to, whatever the other side says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from convoship.lib.outbound.downloading import TooLarge, download
from convoship.lib.outbound.http import OutboundError, Refused
from convoship.lib.outbound.sending import InDoubt

pytestmark = pytest.mark.asyncio

Writes = Callable[[asyncio.StreamWriter], Any]


@pytest.fixture(autouse=True)
def may_call_this_machine(settings: Any) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = True


@asynccontextmanager
async def answering_with(writes: Writes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that writes this to whoever asks: (its address, the heads of the requests)."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        with suppress(ConnectionError):
            await writes(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/file", heads
    finally:
        server.close()


async def _endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(1000):
        writer.write(b"x" * 10_000)
        await writer.drain()


async def test_what_does_not_say_how_long_it_is_ends_at_the_cap() -> None:
    async with answering_with(_endless) as (url, _):
        with pytest.raises(TooLarge) as refused:
            await download(url, seconds=10, most=100_000)
    assert refused.value.words == "It is larger than 0.0954 MB."


async def test_what_says_that_it_is_too_long_is_not_read() -> None:
    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    async with answering_with(writes) as (url, _):
        with pytest.raises(TooLarge):
            await download(url, seconds=10, most=100_000)


async def test_what_comes_byte_by_byte_ends_by_the_clock() -> None:
    gone = asyncio.Event()

    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        await writer.drain()
        await gone.wait()

    async with answering_with(writes) as (url, _):
        with pytest.raises(InDoubt, match="did not answer within 0 seconds"):
            await download(url, seconds=0.3, most=100_000)
        gone.set()


async def test_what_is_packed_is_not_unpacked() -> None:
    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
        await writer.drain()

    async with answering_with(writes) as (url, heads):
        with pytest.raises(OutboundError, match="something packed"):
            await download(url, seconds=10, most=100_000)
    assert b"accept-encoding: identity" in heads[0].lower()


async def test_credentials_go_out_by_basic_auth_and_a_redirect_is_only_told_of() -> None:
    async def writes(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 307 Elsewhere\r\nLocation: https://elsewhere.example/x\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with answering_with(writes) as (url, heads):
        answer = await download(url, seconds=10, most=100, auth=("user", "password"))
    assert (answer.status, answer.leads_to) == (307, "https://elsewhere.example/x")
    assert b"authorization: basic dxnlcjpwyxnzd29yza==" in heads[0].lower()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://169.254.169.254/latest", "file:///etc/passwd", "http://a@b/"]
)
async def test_what_may_not_be_called_is_not(settings: Any, url: str) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = False
    with pytest.raises(Refused):
        await download(url, seconds=5, most=100)
