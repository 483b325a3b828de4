"""A client that reaches nobody: what it would send is given to a function of ours, which answers in the server's place.

For stand-ins of rehearsals, which take the way of a real call up to the connection.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

Client = httpx.AsyncClient


@dataclass(frozen=True)
class Given:
    """What a stand-in answers: a status, the type of the body, and the body in parts as they come."""

    status: int
    content_type: str
    parts: AsyncIterator[bytes]


@asynccontextmanager
async def answered_by(answer: Callable[[bytes], Awaitable[Given]]) -> AsyncIterator[Client]:
    """A client whose calls are answered by this function of their bodies."""
    async with httpx.AsyncClient(transport=_Transport(answer)) as made:
        yield made


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, answer: Callable[[bytes], Awaitable[Given]]) -> None:
        self.answer = answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        given = await self.answer(await request.aread())
        headers = {"Content-Type": given.content_type}
        return httpx.Response(given.status, headers=headers, stream=_Parts(given.parts))


class _Parts(httpx.AsyncByteStream):
    def __init__(self, parts: AsyncIterator[bytes]) -> None:
        self.parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self.parts:
            yield part
