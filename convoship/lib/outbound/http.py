"""The guarded HTTP client: every call out of the product goes through it.

A host is resolved here, every address it has is checked, and the connection is made to an address that was checked,
under the host's own name for TLS and `Host`: so there is no second look-up that could answer otherwise. No proxy of the
environment, no user names in addresses, no cookies, and redirects only where the caller wants them, each checked like
the first address. Time and size have an end.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urljoin

import httpcore
import httpx
from django.conf import settings

from convoship.lib.outbound import charsets, look_ups
from convoship.lib.outbound.addresses import PORTS, Address, is_disguised, is_local_name, is_public, literal

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 5.0
LARGEST_BODY = 1024 * 1024
USER_AGENT = "Convoship"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OutboundError(Exception):
    """The call gave nothing. `words`: what happened, in plain words, fit for who asked for it."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Refused(OutboundError):
    """The address may not be called; nothing was sent to it."""


class Inside(Refused):
    """The address is this machine's own, or in a private network: whoever runs the server may open it by name."""

    def __init__(self, host: str, port: int) -> None:
        opened = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(
            f"{host} is this server's own or in a private network, which can't be called from here. Whoever runs the "
            f"server allows it with CONVOSHIP_PRIVATE_ALLOWLIST={opened}."
        )


class Unreachable(OutboundError):
    """The address may be called, and gave no whole answer."""


@dataclass(frozen=True)
class Fetched:
    """An answer. `url` is the address that gave it, `hops` those that led to it; names of `headers` in lower case."""

    url: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    encoding: str
    hops: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The body as text; what can't be read is replaced."""
        return self.body.decode(self.encoding, errors="replace")

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name.lower()]


class _TimedStream(httpcore.NetworkStream):
    """A connection whose whole life has an end: a server that sends a byte now and then doesn't hold us."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self.inner, self.deadline = inner, deadline

    def _left(self, timeout: float | None) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return min(left, timeout) if timeout is not None else left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self.inner.start_tls(ssl_context, server_hostname, self._left(timeout)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


class GuardedBackend(httpcore.SyncBackend):
    """Connects to addresses that were checked, and to nothing else; what it opened is over by the deadline."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.deadline = time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """As httpcore's, with the host's addresses checked first; the last one's error if none can be reached."""
        problem: Exception | None = None
        for address in permitted(host, port, self._left(None)):
            try:
                stream = super().connect_tcp(str(address), port, self._left(timeout), local_address, socket_options)
                return _TimedStream(stream, self.deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError("no address")

    def _left(self, timeout: float | None) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ConnectTimeout
        return min(left, timeout) if timeout is not None else left

    def connect_unix_socket(self, *_: object, **__: object) -> httpcore.NetworkStream:
        """Never."""
        raise Refused("Only http and https addresses can be called.")


def permitted(host: str, port: int, seconds: float = CONNECT_SECONDS) -> list[Address]:
    """The addresses of a host, every one of them allowed; Refused otherwise.

    Unreachable if the name is unknown, or not resolved within `seconds`.
    """
    found = _before_look_up(host, port)
    if found is None:
        look_up = _begun(host, port)
        try:
            found = _found(host, look_up.result(timeout=max(seconds, 0)))
        except TimeoutError:
            raise _silent(host) from None
    return _allowed(host, port, found)


async def permitted_meanwhile(host: str, port: int, seconds: float = CONNECT_SECONDS) -> list[Address]:
    """`permitted`, for an event loop: no thread that others need waits for a name server."""
    found = _before_look_up(host, port)
    if found is None:
        look_up = asyncio.wrap_future(_begun(host, port))
        try:
            found = _found(host, await asyncio.wait_for(look_up, max(seconds, 0)))
        except TimeoutError:
            raise _silent(host) from None
    return _allowed(host, port, found)


def _before_look_up(host: str, port: int) -> list[Address] | None:
    """The address that a host is; None for a name that may be looked up."""
    host = _plain(host)
    _refuse_at_sight(host, port)
    own = literal(host)
    return [own] if own is not None else None


def _allowed(host: str, port: int, found: list[Address]) -> list[Address]:
    host = _plain(host)
    if not _is_open(host, port) and not all(is_public(address) for address in found):
        raise Inside(host, port)
    return found


def _plain(host: str) -> str:
    return host.strip("[]").lower()


def _refuse_at_sight(host: str, port: int) -> None:
    """What can be said without looking the name up."""
    if is_disguised(host):
        raise Refused(f"{host} is a number, not the name of a site.")
    if _is_open(host, port):
        return
    own = literal(host)
    if own is not None and not is_public(own):
        raise Inside(host, port)
    if port not in PORTS:
        if is_local_name(host):
            raise Inside(host, port)
        raise Refused(f"Port {port} can't be called: only {', '.join(map(str, sorted(PORTS)))}.")


def foreseen(url: str) -> str:
    """Why this address would not be called, in words, as far as its spelling tells; "" where it tells nothing."""
    try:
        target = checked(url)
        host, port = _plain(target.host), target.port or (443 if target.scheme == "https" else 80)
        _refuse_at_sight(host, port)
        if is_local_name(host) and not _is_open(host, port):
            raise Inside(host, port)
    except Refused as refused:
        return refused.words
    return ""


def _is_open(host: str, port: int) -> bool:
    return settings.OUTBOUND_ALLOW_PRIVATE or (host, port) in settings.OUTBOUND_ALLOWLIST


def _begun(host: str, port: int) -> Future[list[str] | None]:
    look_up = look_ups.begun(_plain(host), port)
    if look_up is None:
        raise Unreachable(f"{_plain(host)} could not be looked up: too many names wait for an answer already.")
    return look_up


def _found(host: str, addresses: list[str] | None) -> list[Address]:
    if addresses is None:
        raise Unreachable(f"There is no site called {_plain(host)}: its name can't be resolved.")
    return list(dict.fromkeys(ipaddress.ip_address(address) for address in addresses))


def _silent(host: str) -> Unreachable:
    return Unreachable(f"{_plain(host)} could not be found in time: no name server has answered.")


@cache
def certificates() -> ssl.SSLContext:
    """What certificates are checked with: reading those of the system takes 30 ms, so once, for every thread."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    # httpcore says the same at each connection, and OpenSSL would free the list while another thread copies it.
    context.set_alpn_protocols = _said_already  # type: ignore[assignment,method-assign]
    return context


def _said_already(_protocols: Iterable[str]) -> None:
    """In place of `set_alpn_protocols`."""


class GuardedTransport(httpx.HTTPTransport):
    """httpx's transport on the guarded backend; HTTP/1.1, certificates checked, nothing taken from the environment."""

    def __init__(self, seconds: float = TOTAL_SECONDS) -> None:
        context = certificates()
        # Given to httpx too, which else reads certificates of its own for a pool that nobody uses.
        super().__init__(verify=context, trust_env=False)
        # httpx has no parameter for it: the pool that it made is replaced by one with our backend.
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=10, network_backend=GuardedBackend(seconds)
        )


def client(seconds: float = TOTAL_SECONDS) -> httpx.Client:
    """A client for the calls of the next `seconds`. It follows no redirect, keeps no cookies, reads no environment."""
    return httpx.Client(
        transport=GuardedTransport(seconds),
        timeout=httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
        trust_env=False,
        headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
    )


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    follow: int = 0,
    max_bytes: int = LARGEST_BODY,
    seconds: float = TOTAL_SECONDS,
) -> Fetched:
    """One call, read whole: at most `max_bytes` (unpacked), within `seconds`, over at most `follow` redirects."""
    hops: list[str] = []
    with client(seconds) as open_client:
        while True:
            target = checked(url)
            answer = _once(open_client, method, target, headers or {}, content, max_bytes)
            moved = dict(answer.headers).get("location") if answer.status in _REDIRECTS else None
            if moved is None or follow == 0:
                return Fetched(answer.url, answer.status, answer.headers, answer.body, answer.encoding, hops)
            if len(hops) >= follow:
                raise Unreachable(f"The address leads from one to the next: {follow} redirects, and no end.")
            hops.append(url)
            url = _led_to(target, moved)


def _led_to(target: httpx.URL, moved: str) -> str:
    try:
        return urljoin(str(target), moved)
    except ValueError:
        raise Unreachable(f"{target.host} leads on to what is no address.") from None


def checked(url: str) -> httpx.URL:
    """The address as it will be called; Refused if it is none of http or https, or carries a user name."""
    try:
        target = httpx.URL(url)
        host = target.host  # a name that IDNA can't read is found out here
    except (httpx.InvalidURL, ValueError, TypeError):
        raise Refused("That is not the address of a page, such as https://www.example.com/.") from None
    if target.scheme not in {"http", "https"} or not host:
        raise Refused("Only addresses that begin with https:// or http:// can be called.")
    if target.userinfo:
        raise Refused("The address carries a user name, which is not sent to anyone. Take it out.")
    return target.copy_with(fragment=None)


def _once(
    open_client: httpx.Client,
    method: str,
    target: httpx.URL,
    headers: Mapping[str, str],
    content: bytes | None,
    max_bytes: int,
) -> Fetched:
    host = target.host
    try:
        with open_client.stream(method, target, headers=dict(headers), content=content) as response:
            body = _body(response, max_bytes)
            pairs = [(name.lower(), value) for name, value in response.headers.multi_items()]
            encoding = charsets.named_in(response.headers.get("content-type", "")) or "utf-8"
            return Fetched(str(target), response.status_code, pairs, body, encoding)
    except httpx.TimeoutException:
        raise Unreachable(f"{host} did not answer in time.") from None
    except (httpx.ConnectError, httpcore.ConnectError) as error:
        said = "its certificate can't be trusted" if "CERTIFICATE" in str(error).upper() else "nothing answers there"
        raise Unreachable(f"No connection to {host}: {said}.") from None
    except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable(f"{host} broke off: {type(error).__name__}.") from None


def _body(response: httpx.Response, max_bytes: int) -> bytes:
    """The body, unpacked no further than it may be large."""
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise Unreachable(f"The answer is packed as {packing[:20]}, which was not asked for.")
    unpack = zlib.decompressobj(wbits=47) if packing not in {"", "identity"} else None
    body, received = bytearray(), 0
    for piece in response.iter_raw():
        received += len(piece)
        if unpack and unpack.eof:
            break  # zlib would keep what follows, and copy all of it for each piece
        try:
            body += unpack.decompress(piece, max_bytes + 1 - len(body)) if unpack else piece
        except zlib.error:
            raise Unreachable("The answer can't be unpacked.") from None
        if max(len(body), received) > max_bytes:
            raise Unreachable(f"The answer is larger than {max_bytes // 1024} KB.")
    return bytes(body)
