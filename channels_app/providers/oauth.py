"""Bearer tokens by client credentials (RFC 6749, 4.4), kept by each process for most of their life."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from channels_app.providers.base import ProviderError
from convoship.lib.outbound.sending import Answered

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


async def asked(name: str, fetch: Fetch, ask: Callable[[str], Awaitable[Answered]]) -> Answered:
    """What `ask` is answered with a token; one that was taken back before its time is got anew, once."""
    answer = await ask(await token(name, fetch))
    if answer.status == 401:
        _kept.pop(name, None)
        answer = await ask(await token(name, fetch))
    return answer


def granted(found: Mapping[str, Any], service: str, life: float) -> tuple[str, float]:
    """The token of a sign-in's answer and its life in seconds: `{access_token, expires_in}`, else `life`."""
    value, told = found.get("access_token"), str(found.get("expires_in", ""))
    if not isinstance(value, str) or not value:
        raise ProviderError(f"{service} answered the sign-in without a token.", http_status=200)
    return value, float(told) if told.isdigit() and int(told) else life


def refused(client: str, said: str, remedy: str, status: int) -> ProviderError:
    """The client is not known, or may not sign in: RFC 6749, 5.2, answers so with 400 or 401."""
    words = f"{client}. {said}".strip()
    return ProviderError(words, remedy, permanent=True, stops=True, blame="connection", http_status=status)
