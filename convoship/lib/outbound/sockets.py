"""Sockets out of the product: a WebSocket to an address that was checked as every other (`outbound/http.py`).

The library speaks the protocol; who may be connected to is decided here, and the connection is made to an address that
was checked. No redirect is followed, nothing of the environment is read, and no ping of ours is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from convoship.lib.outbound.http import (
    USER_AGENT,
    OutboundError,
    Refused,
    Unreachable,
    certificates,
    checked,
    permitted_meanwhile,
)

OPEN_SECONDS = 10.0
LARGEST_FRAME = 256 * 1024
_HTTP = {"ws": "http", "wss": "https"}


class TurnedAway(OutboundError):
    """The address answered the handshake with something else than a socket. `status`: with what.

    `headers` of that answer, names in lower case: some say in one of them why.
    """

    def __init__(self, words: str, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(words)
        self.status, self.headers = status, headers


class OpensTooSlowly(Unreachable):
    """The address may be called, and had opened no socket in time."""


class _Connect(connect):
    """The library's, which follows no redirect."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """What the handshake failed with."""
        return exc


class OpenSocket:
    """A socket that is open."""

    def __init__(self, inner: ClientConnection) -> None:
        self._inner = inner

    async def send(self, frame: str | bytes) -> None:
        """One frame: of text, or binary for bytes. `Unreachable` where the socket is closed."""
        try:
            await self._inner.send(frame)
        except ConnectionClosed:
            raise Unreachable("The socket is closed.") from None

    async def receive(self) -> str | bytes | None:
        """The next frame; None once the socket is closed, however that happened."""
        try:
            return await self._inner.recv()
        except ConnectionClosed:
            return None

    @property
    def closed_with(self) -> tuple[int, str]:
        """Once it is closed: the code and the reason that the other side gave (RFC 6455, 7.4); (1006, "") for none."""
        code, reason = self._inner.close_code, self._inner.close_reason
        return (1006 if code is None else code, reason or "")

    async def close(self, *, rudely: bool = False) -> None:
        """Close it; `rudely`: cut the connection, without a word of the protocol."""
        if rudely:
            self._inner.transport.abort()
        else:
            await self._inner.close()


async def open_socket(url: str, *, headers: Mapping[str, str], seconds: float = OPEN_SECONDS) -> OpenSocket:
    """A socket to a `ws` or `wss` address. `Refused`, `TurnedAway` or `Unreachable` where there is none."""
    scheme, _, rest = url.partition("://")
    if scheme not in _HTTP:
        raise Refused("Only addresses that begin with wss:// or ws:// have a socket.")
    target = checked(f"{_HTTP[scheme]}://{rest}")
    port = target.port or (443 if scheme == "wss" else 80)
    problem: Exception | None = None
    try:
        async with asyncio.timeout(seconds):
            for address in await permitted_meanwhile(target.host, port, seconds):
                try:
                    return OpenSocket(await _opened(url, str(address), port, headers, is_tls=scheme == "wss"))
                except OSError as error:
                    problem = error
    except TimeoutError:
        raise OpensTooSlowly(f"{target.host} did not open a socket in time.") from None
    except InvalidStatus as error:
        status = error.response.status_code
        headers = {name.lower(): value for name, value in error.response.headers.raw_items()}
        raise TurnedAway(f"{target.host} answered {status} and opened no socket.", status, headers) from None
    except (InvalidHandshake, WebSocketException) as error:
        raise Unreachable(f"{target.host} opened no socket ({type(error).__name__}).") from None
    said = "its certificate can't be trusted" if "CERTIFICATE" in str(problem).upper() else "nothing answers there"
    raise Unreachable(f"No connection to {target.host}: {said}.")


async def _opened(url: str, address: str, port: int, headers: Mapping[str, str], *, is_tls: bool) -> ClientConnection:
    more: dict[str, Any] = {"ssl": certificates()} if is_tls else {}
    return await _Connect(
        url,
        host=address,
        port=port,
        additional_headers=dict(headers),
        user_agent_header=USER_AGENT,
        proxy=None,
        compression=None,
        open_timeout=None,
        ping_interval=None,
        max_size=LARGEST_FRAME,
        **more,
    )
