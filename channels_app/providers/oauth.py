"""Bearer tokens by client credentials (RFC 6749, 4.4), kept by each process for most of their life."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence

# Of its life a token is used for so much: clocks differ, and a call takes time.
USED_FOR = 0.8
MOST_KEPT = 1000

_kept: dict[str, tuple[str, float]] = {}

Fetch = Callable[[], Awaitable[tuple[str, float]]]


def name_of(parts: Sequence[str]) -> str:
    """What a token is kept under: a digest of where it is good, and of all that it was got with."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def token(name: str, fetch: Fetch) -> str:
    """The token that is kept, or a new one. `fetch` answers with one and its life in seconds."""
    found = _kept.get(name)
    if found is not None and found[1] > time.monotonic():
        return found[0]
    value, life = await fetch()
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[name] = value, time.monotonic() + life * USED_FOR
    return value


def forget(name: str) -> None:
    """It was refused: the next call gets another."""
    _kept.pop(name, None)
