"""The doorbell of answers that wait: tells one of the processes that give them of one more.

A list in Valkey: whoever is free takes the next ring, and no two take the same. It may ring twice or not at all: the
turn stands in the database, where those processes look every few seconds.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast
from uuid import UUID

import redis
import redis.asyncio
from django.conf import settings

logger = logging.getLogger(__name__)

KEY = "convoship:answers"
# Rings that nobody takes are forgotten: the database knows better.
KEPT_SECONDS = 30
MOST_KEPT = 10_000
PAUSE_SECONDS = 2.0
# How many one process takes at a time, so that others have theirs.
MOST_AT_ONCE = 8


@dataclass(frozen=True)
class Ring:
    """A conversation with a turn that waits. `is_watched`: its visitor has a window open."""

    workspace_id: UUID
    conversation_id: UUID
    is_watched: bool = False


@lru_cache(maxsize=1)
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)


_paused_until = 0.0


def ring(told: Ring) -> None:
    """Ring, after COMMIT, from any thread that may wait a moment."""
    global _paused_until
    if time.monotonic() < _paused_until:
        return
    words = json.dumps([told.workspace_id.hex, told.conversation_id.hex, told.is_watched])
    try:
        asked = _client(settings.REDIS_URL).pipeline(transaction=False)
        asked.rpush(KEY, words)
        asked.ltrim(KEY, -MOST_KEPT, -1)
        asked.expire(KEY, KEPT_SECONDS)
        asked.execute()
    except (redis.RedisError, OSError) as error:
        _paused_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("a turn that waits was not told, it is found in the database: %r", error)


class Ear:
    """Hears the rings, in one event loop."""

    def __init__(self) -> None:
        self._client: redis.asyncio.Redis = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2.0)

    async def heard(self, seconds: float) -> Sequence[Ring]:
        """The next rings, none where none came within so many seconds; raises what keeps them off."""
        found = await self._client.blmpop(seconds, 1, KEY, direction="LEFT", count=MOST_AT_ONCE)
        rings = cast("list[bytes]", found[1]) if found else []
        return [_read(words) for words in rings]

    async def close(self) -> None:
        """Hear no more."""
        await self._client.aclose()


def _read(words: bytes) -> Ring:
    workspace, conversation, is_watched = json.loads(words)
    return Ring(UUID(workspace), UUID(conversation), bool(is_watched))
