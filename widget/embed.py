"""`GET /embed/v1.js`, answered from memory before Django: the one file whose request rate counts.

Every page of every customer asks for it, so it is kept with its compressed forms and its ETag. Readable from any
origin; five minutes fresh and a day while revalidating (CONTRACT section 5). `/embed/v1.<fingerprint>.js` is the same
script for pages that pin it with `integrity`: never other bytes, and still there after the next release.
"""

from __future__ import annotations

import gzip
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import brotli

from deployments import embed_build

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]

CACHE_CONTROL = b"public, max-age=300, stale-while-revalidate=86400"
PINNED_CACHE_CONTROL = b"public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Script:
    """The built loader in each encoding, and its ETag."""

    etag: bytes
    encodings: dict[bytes, bytes]


@cache
def script() -> Script:
    """The committed build of the loader, read once a process, and kept for the pages that pin it."""
    try:
        embed_build.keep()
    except OSError as error:
        logger.warning("the loader can't be kept for pages that pin it; after the next release they lose it: %s", error)
    return _packed(embed_build.build().loader)


_pinned: dict[str, Script] = {}


def pinned(mark: str) -> Script | None:
    """The loader with this fingerprint; None where it never was served from here."""
    if mark == embed_build.build().mark:
        return script()
    if mark not in _pinned:
        found = embed_build.kept(mark)
        if found is None:
            return None
        _pinned[mark] = _packed(found)
    return _pinned[mark]


def _packed(plain: bytes) -> Script:
    etag = b'"' + embed_build.mark_of(plain).encode() + b'"'
    return Script(etag, {b"": plain, b"gzip": gzip.compress(plain, 9, mtime=0), b"br": brotli.compress(plain)})


def answers_embed_script(inner: Application) -> Application:
    """The application with `/embed/v1.js` and its pinned names answered in front of it."""

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        path = scope["path"]
        if path == embed_build.LOADER:
            await _answer(scope, send, script(), CACHE_CONTROL)
        elif (mark := embed_build.pinned_mark(path)) and (found := pinned(mark)):
            await _answer(scope, send, found, PINNED_CACHE_CONTROL)
        else:
            await inner(scope, receive, send)

    return application


async def _answer(scope: Scope, send: Any, found: Script, cache_control: bytes) -> None:
    if scope["method"] not in {"GET", "HEAD"}:
        headers = [(b"allow", b"GET, HEAD"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 405, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    asked = dict(scope["headers"])
    encoding = _encoding(asked.get(b"accept-encoding", b""))
    headers = [
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"cache-control", cache_control),
        (b"etag", found.etag),
        (b"vary", b"Accept-Encoding"),
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if found.etag in (tag.strip().removeprefix(b"W/") for tag in asked.get(b"if-none-match", b"").split(b",")):
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    body = found.encodings[encoding]
    headers.append((b"content-length", str(len(body)).encode()))
    if encoding:
        headers.append((b"content-encoding", encoding))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _encoding(accepted: bytes) -> bytes:
    """The best encoding that the browser takes; one with `q=0` is not taken."""
    taken = set()
    for part in accepted.lower().split(b","):
        name, _, quality = part.partition(b";")
        if quality.strip().replace(b" ", b"") not in {b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"}:
            taken.add(name.strip())
    return next((encoding for encoding in (b"br", b"gzip") if encoding in taken), b"")
