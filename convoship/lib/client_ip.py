"""The client's address: the peer's own, or what a trusted proxy says it was.

X-Forwarded-For is believed only from addresses in TRUSTED_PROXIES, read from the right, so that a visitor can't choose
an address to escape a limit.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(proxy, strict=False) for proxy in proxies)


def _is_trusted(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


def resolve(peer: str, forwarded_for: str) -> str:
    """The client's address for this peer and X-Forwarded-For header."""
    if not forwarded_for or not _is_trusted(peer):
        return peer
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    for hop in reversed(hops):
        if not _is_trusted(hop):
            return _valid_or(hop, peer)
    return _valid_or(hops[0], peer)


def _valid_or(address: str, fallback: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return fallback


def of_request(request: HttpRequest) -> str:
    """The client's address of a Django request."""
    return resolve(request.META.get("REMOTE_ADDR") or "0.0.0.0", request.META.get("HTTP_X_FORWARDED_FOR", ""))  # noqa: S104


def of_scope(scope: dict[str, object]) -> str:
    """The client's address of an ASGI scope."""
    client = scope.get("client")
    peer = str(client[0]) if isinstance(client, Sequence) and client else "0.0.0.0"  # noqa: S104
    headers: Sequence[tuple[bytes, bytes]] = scope.get("headers", [])  # type: ignore[assignment]
    forwarded = ",".join(v.decode("latin-1") for k, v in headers if k == b"x-forwarded-for")
    return resolve(peer, forwarded)


def bucket(address: str) -> str:
    """What a limit counts: an IPv4 address, or the /64 of an IPv6 one (one subscriber has a whole /64)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)
    return address
