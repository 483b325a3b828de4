"""Where an address leads, as our own client would read it: so that what is checked and what is called are the same."""

from __future__ import annotations

import httpx


def host_of(url: str) -> str:
    """The host as it is looked up, in lower case and ASCII (RFC 5891); "" where the address has none."""
    try:
        return httpx.URL(url).raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, ValueError, TypeError):
        return ""


def origin_of(url: str) -> str:
    """`scheme://host[:port]`, the port where it isn't the scheme's own; "" where the address has no host."""
    host = host_of(url)
    if not host:
        return ""
    target = httpx.URL(url)
    return f"{target.scheme}://{host}" + (f":{target.port}" if target.port is not None else "")
