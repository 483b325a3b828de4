"""Allowed origins: which web pages may talk to a deployment, and the words for those that may not.

An allowed origin is `scheme://host[:port]` as a browser writes it: lower case, no path, no trailing slash, no default
port, punycode (CONTRACT 4). `null` never is one. `https://*.example.com` stands for sub-domains of any depth, not for
the apex, and never stands directly on a public suffix. What is stored has passed `parse_allowed`; what a request
brings is compared byte for byte by `matches`, without any repair. How the spelling is taken apart: `origin_forms.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

from deployments.origin_forms import DEFAULT_PORTS, WILDCARD, OriginRefused, Parts, parse, port_of

__all__ = ["OriginRefused", "Refusal", "explain", "kept_address", "matches", "of_url", "parse_allowed"]

LONGEST_ORIGIN = 300  # "https://" + 253 + ":65535" and some air
_LABELS = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an origin was not let in: the words of the 403 (CONTRACT 3).

    `seen`: the origin, printable and cut short. `rule`: a word that never changes meaning. `detail`: what was seen and
    what it failed. `hint`: what the site's owner can do. `nearest`: the one allowed origin with the same host, if any.
    """

    seen: str
    rule: str
    detail: str
    hint: str
    nearest: str | None


def parse_allowed(value: object) -> str:
    """`value` itself if it is an allowed origin in normal form; else OriginRefused, with the corrected value if any."""
    if not isinstance(value, str) or not value.strip():
        raise OriginRefused("Type the address of the site, such as https://www.example.com.")
    parts = parse(value)
    if parts.faults:
        raise OriginRefused(f"{' '.join(parts.faults)} Use {parts.origin} instead.", parts.origin)
    return value


def matches(origin: object, allowed: Sequence[str]) -> bool:
    """Whether an `Origin` header, byte for byte, is one of the allowed origins or under a wildcard. Never raises."""
    if not isinstance(origin, str) or len(origin) > LONGEST_ORIGIN or "*" in origin or "://" not in origin:
        return False
    if origin in allowed:
        return True
    return any(_under(origin, wildcard) for wildcard in allowed if wildcard.startswith(WILDCARD))


def explain(origin: str, allowed: Sequence[str]) -> Refusal:
    """Why `matches(origin, allowed)` is False. Tells of at most one allowed origin: the one with the same host.

    Rules: `null`, `not_an_origin`, `trailing_slash`, `not_normal_form`, `no_origins_listed`, `scheme_differs`,
    `port_differs`, `scheme_and_port_differ`, `wildcard_excludes_apex`, `host_not_listed`.
    """
    seen = _shown(origin)
    if origin == "null":
        return Refusal(
            seen,
            "null",
            "The page has no origin of its own (the browser sent “null”), and “null” is never allowed.",
            "Open the page from a web server, not as a file, and without a sandboxed frame around it.",
            None,
        )
    try:
        parts = parse(origin)
    except OriginRefused:
        return _not_an_origin(seen, ipv6=of_url(origin) == origin)
    if "*" in parts.host:
        return _not_an_origin(seen)
    if parts.faults:
        clean = parts.origin
        nearest = clean if matches(clean, allowed) else _nearest(parts, allowed)
        slash = origin == f"{clean}/"
        return Refusal(
            seen,
            "trailing_slash" if slash else "not_normal_form",
            f"{seen} ends in a slash, which an origin never does."
            if slash
            else f"{seen} is not written as a browser writes an origin. {' '.join(parts.faults)}",
            f"Browsers send {clean}. A program that sets the Origin header itself has to send it like that.",
            nearest,
        )
    if not allowed:
        return Refusal(
            seen,
            "no_origins_listed",
            f"{seen} was refused because this deployment has no allowed origins yet.",
            f"If this is your site, add {seen} to the allowed origins on the Deploy page.",
            None,
        )
    nearest = _nearest(parts, allowed)
    if nearest is not None:
        return _differs(seen, parts, parse(nearest))
    if f"{WILDCARD}{parts.host}" in allowed:
        return Refusal(
            seen,
            "wildcard_excludes_apex",
            f"Sub-domains of {parts.host} are allowed, {parts.host} itself is not: a wildcard leaves it out.",
            f"If this is your site, add {seen} to the allowed origins on the Deploy page, beside the wildcard.",
            None,
        )
    return Refusal(
        seen,
        "host_not_listed",
        f"The host {parts.host} is not among the allowed origins of this deployment.",
        f"If this is your site, add {seen} to the allowed origins on the Deploy page. Every host counts as its own, "
        "also with and without “www.”.",
        None,
    )


def of_url(url: object) -> str | None:
    """The origin of an http or https address in normal form, or None if it has none (or carries a user name).

    For our own `PUBLIC_BASE_URL` and for addresses of pages; unlike `parse_allowed` it knows IPv6 addresses.
    """
    if not isinstance(url, str) or not re.match(r"https?://", url, re.IGNORECASE):
        return None
    if ipv6 := re.fullmatch(r"(https?)://\[([0-9a-f:.]+)\](?::([0-9]{0,5}))?(?:[/?#].*)?", url, re.IGNORECASE):
        scheme = ipv6[1].lower()
        try:
            host = IPv6Address(ipv6[2]).compressed
            port = port_of(ipv6[3] or "", scheme)
        except ValueError:
            return None
        return f"{scheme}://[{host}]" + (f":{port}" if port else "")
    scheme, rest = url.split("://", 1)
    try:
        parts = parse(f"{scheme}://" + re.split(r"[/?#]", rest, maxsplit=1)[0])
    except OriginRefused:
        return None
    return None if "*" in parts.host else parts.origin


def _under(origin: str, wildcard: str) -> bool:
    apex = wildcard[len(WILDCARD) - 1 :]  # ".example.com"
    start = len("https://")
    return (
        origin.startswith("https://")
        and origin.endswith(apex)
        and _LABELS.fullmatch(origin[start : len(origin) - len(apex)]) is not None
    )


def _nearest(seen: Parts, allowed: Sequence[str]) -> str | None:
    """The allowed origin with the host that was seen which differs least: in scheme, then in port, then in both."""
    covered = f"https://{seen.host}"
    same = [covered] if matches(covered, allowed) else []
    same += [value for value in allowed if value.split("://", 1)[-1].partition(":")[0] == seen.host]
    rank = min(
        (
            (part.port != seen.port, part.scheme != seen.scheme, part.origin)
            for part in _readable(same)
            if not part.faults
        ),
        default=None,
    )
    return rank[2] if rank else None


def _readable(values: Iterable[str]) -> Iterator[Parts]:
    for value in values:
        try:
            yield parse(value)
        except OriginRefused:  # not stored by parse_allowed: then it allows nothing, and is nobody's neighbour
            continue


def _differs(seen: str, parts: Parts, nearest: Parts) -> Refusal:
    scheme, port = parts.scheme != nearest.scheme, parts.port != nearest.port
    rule = "scheme_and_port_differ" if scheme and port else "scheme_differs" if scheme else "port_differs"
    said = []
    if scheme:
        said.append(f"the page came by {parts.scheme}, allowed is {nearest.scheme}")
    if port:
        said.append(f"the page's port is {_spoken(parts)}, allowed is {_spoken(nearest)}")
    return Refusal(
        seen,
        rule,
        f"{seen} is not {nearest.origin}, which is allowed: {'; '.join(said)}.",
        f"Open the page as {nearest.origin}, or add {seen} to the allowed origins on the Deploy page.",
        nearest.origin,
    )


def _spoken(parts: Parts) -> str:
    return parts.port or f"{DEFAULT_PORTS[parts.scheme]} (that of {parts.scheme})"


def _not_an_origin(seen: str, ipv6: bool = False) -> Refusal:
    if ipv6:
        return Refusal(
            seen,
            "host_not_listed",
            f"{seen} is an IPv6 address.",
            "Open the page by a host name: that can be listed.",
            None,
        )
    return Refusal(
        seen,
        "not_an_origin",
        f"“{seen}” is not an origin of a web page." if seen else "The Origin header is empty.",
        "Browsers send an origin such as https://www.example.com by themselves; a program has to send one like that.",
        None,
    )


def _shown(origin: str) -> str:
    text = re.sub(r"[^\x21-\x7e]", "\N{REPLACEMENT CHARACTER}", str(origin)[:201])
    return text if len(text) <= 200 else f"{text[:199]}…"


def kept_address(address: str) -> str:
    """A page's address as it is kept: without credentials and fragment, at most 2,000 characters; "" if it is none.

    Browsers write control characters as %xx, so an address that holds one (NUL, which no row can) is none.
    """
    if not address.isprintable():
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return ""
    host = parts.netloc.rpartition("@")[2]
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{host}{parts.path}{query}"[:2000]
