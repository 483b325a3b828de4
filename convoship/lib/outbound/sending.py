"""Sending to other people's servers: the asynchronous guarded client, and what is known when a call fails.

A failed call either never left (`NotSent`, it is safe to try again) or may have arrived (`InDoubt`). The guard is that
of `outbound/http.py`: addresses are checked at every connection that is made, and the connection goes to one of them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar, cast

import anyio
import h11
import httpcore
import httpx

from convoship.lib.outbound.http import (
    CONNECT_SECONDS,
    USER_AGENT,
    OutboundError,
    Refused,
    certificates,
    checked,
    permitted_meanwhile,
)

R = TypeVar("R")

MOST_CONNECTIONS = 200
# httpcore looks through all of a pool's connections for each request, and asks each that rests whether it is still
# there: with 64 of them in one pool that costs more than the request. So there are small pools, and a call takes the
# first that has room: few calls share the first one's kept connections, many go to further ones.
PLACES_IN_POOL = 8
MOST_POOLS = MOST_CONNECTIONS // PLACES_IN_POOL
# Of an answer no more is read: receipts are short, and a page of HTML explains nothing.
LARGEST_ANSWER = 64 * 1024
# Of an answer that an SDK reads as it comes: some thousand pieces, each with what a provider says of it.
LARGEST_STREAM = 8 * 1024 * 1024
# Of one line in it: an event with a piece of an answer, and at most with a whole one.
LONGEST_LINE = 256 * 1024


class NotSent(OutboundError):
    """The other side got nothing."""


class InDoubt(OutboundError):
    """The request left, and no answer came: it may have been taken."""


@dataclass(frozen=True)
class Answered:
    """An answer: the first bytes of its body, names of `headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text; what can't be read is replaced."""
        return self.body.decode("utf-8", errors="replace")

    @property
    def is_success(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Streamed:
    """An answer whose body is read as it comes, and by nobody to its end; names of `headers` in lower case."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class _LeanStream(httpcore.AsyncNetworkStream):
    """httpcore's stream over AnyIO, read without the scope of cancellation that it opens for each read.

    That scope was a third of what reading a piece of an answer cost. Its errors are httpcore's, as before.
    """

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self.inner = inner
        self.bytes: anyio.abc.ByteStream = inner._stream  # type: ignore[attr-defined]  # (it has no other door)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 (httpcore's own)
        try:
            async with asyncio.timeout(timeout):
                return await self.bytes.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except TimeoutError as error:
            raise httpcore.ReadTimeout(error) from error
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore.ReadError(error) from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 (httpcore's own)
        await self.inner.write(buffer, timeout)

    async def aclose(self) -> None:
        await self.inner.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's own)
    ) -> httpcore.AsyncNetworkStream:
        return _LeanStream(await self.inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


class _GuardedBackend(httpcore.AnyIOBackend):
    """Connects to addresses that were checked, and to nothing else."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's own signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        problem: Exception | None = None
        seconds = CONNECT_SECONDS if timeout is None else min(timeout, CONNECT_SECONDS)
        for address in await permitted_meanwhile(host, port, seconds):
            try:
                stream = await super().connect_tcp(str(address), port, timeout, local_address, socket_options)
                return _LeanStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError("no address")

    async def connect_unix_socket(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
        raise Refused("Only http and https addresses can be called.")


class GuardedAsyncTransport(httpx.AsyncHTTPTransport):
    """httpx's transport on the guarded backend; HTTP/1.1, certificates checked, nothing taken from the environment."""

    def __init__(self) -> None:
        context = certificates()
        super().__init__(verify=context, trust_env=False)
        # As in `GuardedTransport`: httpx has no parameter for the backend.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MOST_CONNECTIONS,
            max_keepalive_connections=PLACES_IN_POOL,
            keepalive_expiry=30,
            network_backend=_GuardedBackend(),
        )


def new_client() -> httpx.AsyncClient:
    """A client that follows no redirect, keeps no cookies and reads no environment. For one event loop."""
    return httpx.AsyncClient(
        transport=GuardedAsyncTransport(),
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        trust_env=False,
        # Takes no cookie of any site: one tenant's must not go out with another's call.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
    )


@dataclass
class _Pool:
    """A client, and how many calls are under way with it."""

    client: httpx.AsyncClient
    calls: int = 0


_pools: dict[asyncio.AbstractEventLoop, list[_Pool]] = {}


@contextmanager
def _room() -> Iterator[httpx.AsyncClient]:
    """A client for one call: of the first pool with room, a new one where none has."""
    pools = _pools.setdefault(asyncio.get_running_loop(), [])
    pool = next((one for one in pools if one.calls < PLACES_IN_POOL), None)
    if pool is None and len(pools) < MOST_POOLS:
        pool = _Pool(new_client())
        pools.append(pool)
    if pool is None:
        pool = min(pools, key=lambda one: one.calls)
    pool.calls += 1
    try:
        yield pool.client
    finally:
        pool.calls -= 1


def to_its_end(work: Awaitable[R]) -> R:
    """Await this from a thread without a loop, in one of its own, to its end: also where who asked has left meanwhile.

    What was begun at a provider is then known and kept. (`async_to_sync` would break it off.)
    """
    return asyncio.run(_with_its_clients(work))


async def _with_its_clients(work: Awaitable[R]) -> R:
    """In a loop that ends with this: so do its clients, with what they kept open."""
    try:
        return await work
    finally:
        for pool in _pools.pop(asyncio.get_running_loop(), []):
            await pool.client.aclose()


class _Measured(httpx.AsyncByteStream):
    """A body that ends in `Refused` where it is too large: whoever reads it may keep all of it.

    That of an error ends by itself after `LARGEST_ANSWER` bytes: what matters of it stands at its beginning.
    `in_lines`: the body is read line by line, each of which is kept until it ends.
    """

    def __init__(self, body: httpx.AsyncByteStream, *, is_error: bool, in_lines: bool) -> None:
        self.body, self.is_error = body, is_error
        self.lines = _Lines() if in_lines else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        async for piece in self.body:
            read += len(piece)
            if self.is_error and read >= LARGEST_ANSWER:
                yield piece[: len(piece) - (read - LARGEST_ANSWER)]
                return
            if read > LARGEST_STREAM:
                raise Refused(f"It answered with more than {LARGEST_STREAM // 1024 // 1024} MB.")
            if self.lines and not self.is_error:
                self.lines.measure(piece)
            yield piece

    async def aclose(self) -> None:
        await self.body.aclose()


class _Lines:
    """Measures the line that is being read, wherever pieces end."""

    def __init__(self) -> None:
        self.length = 0

    def measure(self, piece: bytes) -> None:
        """`Refused` where a line is longer than one may be."""
        ends = [at for mark in b"\n\r" if (at := piece.find(mark)) >= 0]
        self._add(min(ends, default=len(piece)))
        if ends:
            self.length = 0
            self._add(len(piece) - 1 - max(piece.rfind(b"\n"), piece.rfind(b"\r")))

    def _add(self, length: int) -> None:
        self.length += length
        if self.length > LONGEST_LINE:
            raise Refused(f"It answered with a line of more than {LONGEST_LINE // 1024} KB.")


class _MeasuredTransport(httpx.AsyncBaseTransport):
    """Another client's connections, with measured bodies, none of them packed; closing it closes nothing."""

    def __init__(self, client: httpx.AsyncClient, *, in_lines: bool) -> None:
        self.inner, self.in_lines = client._transport, in_lines

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # An SDK's own client would name what httpx can unpack.
        request.headers["Accept-Encoding"] = "identity"
        answer = await self.inner.handle_async_request(request)
        body = cast("httpx.AsyncByteStream", answer.stream)
        if answer.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            # It would have to be unpacked before anybody knew how large it is.
            await body.aclose()
            raise Refused("It answered with something packed, which was not asked for.")
        answer.stream = _Measured(body, is_error=not answer.is_success, in_lines=self.in_lines)
        return answer


def measured(client: httpx.AsyncClient, *, in_lines: bool) -> httpx.AsyncClient:
    """This client for an SDK that reads answers itself: it sets the times, and its errors are its own.

    A body of more than `LARGEST_STREAM` ends in `Refused`, and so does one that is packed; where it is read line by
    line (`in_lines`), one with a line of more than `LONGEST_LINE` as well. Of an error's body no more than
    `LARGEST_ANSWER` is read. Who gets it doesn't close it.
    """
    return httpx.AsyncClient(
        transport=_MeasuredTransport(client, in_lines=in_lines),
        timeout=client.timeout,
        trust_env=False,
        cookies=client.cookies.jar,
        headers=client.headers,
    )


@asynccontextmanager
async def streaming_client(*, in_lines: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """A `measured` client, by default of answers that come line by line. Its connections are shared in this loop."""
    with _room() as client:
        yield measured(client, in_lines=in_lines)


async def send(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    auth: tuple[str, str] | None = None,
    largest: int = LARGEST_ANSWER,
) -> Answered:
    """One call within `seconds`, no redirect followed. `Refused`, `NotSent` or `InDoubt` where there is no answer.

    Of the answer's body no more than `largest` bytes are read.
    """
    target = checked(url)
    basic = httpx.BasicAuth(*auth) if auth else None
    async with (
        answering(target, seconds) as client,
        client.stream(method, target, headers=dict(headers or {}), content=content, auth=basic) as answer,
    ):
        body = bytearray()
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) >= largest:
                break
        pairs = {name.lower(): value for name, value in answer.headers.items()}
        return Answered(answer.status_code, pairs, bytes(body[:largest]))


@asynccontextmanager
async def streaming(
    method: str, url: str, *, seconds: float, headers: Mapping[str, str] | None = None, content: bytes | None = None
) -> AsyncIterator[Streamed]:
    """One call as `send` makes it, whose answer is read within the block: leaving that closes the connection.

    Who reads bounds what is read. What goes wrong while reading leaves the block as `InDoubt`.
    """
    target = checked(url)
    async with (
        answering(target, seconds) as client,
        client.stream(method, target, headers=dict(headers or {}), content=content) as answer,
    ):
        pairs = {name.lower(): value for name, value in answer.headers.items()}
        yield Streamed(answer.status_code, pairs, answer.aiter_raw())


@asynccontextmanager
async def answering(target: httpx.URL, seconds: float) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one call that ends within `seconds`; what goes wrong as `NotSent` or `InDoubt`."""
    try:
        with _room() as client:
            async with asyncio.timeout(seconds):
                yield client
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        raise NotSent(f"{target.host} could not be reached in time.") from None
    except (httpx.ConnectError, httpcore.ConnectError) as error:
        said = "its certificate can't be trusted" if "CERTIFICATE" in str(error).upper() else "nothing answers there"
        raise NotSent(f"No connection to {target.host}: {said}.") from None
    except TimeoutError:
        raise InDoubt(f"{target.host} did not answer within {seconds:.0f} seconds.") from None
    except (httpx.LocalProtocolError, h11.LocalProtocolError):
        # httpcore gives on what h11 says of a body as it is (of one that its Content-Length doesn't fit, for example).
        raise InDoubt(f"What was to be sent to {target.host} is no valid request. Check its headers.") from None
    except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise InDoubt(f"{target.host} broke off the connection ({type(error).__name__}).") from None
