"""Limits with numbers, counted atomically in Valkey, by the `limits` library's moving window (one Lua script a hit).

While Valkey is away each process counts for itself in memory: a limit then holds per process, and no visitor is turned
away because our counter is down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter

from convoship.lib.problems import Problem

logger = logging.getLogger(__name__)

REDIS_PAUSE_SECONDS = 2.0
SOCKET_LEASE_SECONDS = 60

# Counts a visitor's open sockets: drops expired leases, then takes one if there is room. Returns 1 or 0.
_TAKE_SOCKET = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZSCORE', KEYS[1], ARGV[3]) == false and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""


class _Counter:
    """Valkey while it answers, this process' memory while it doesn't."""

    def __init__(self, url: str) -> None:
        options: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
        self.client = redis.Redis.from_url(url, **options)
        self.shared = MovingWindowRateLimiter(RedisStorage(url, key_prefix="convoship:limit", **options))
        self.local = MovingWindowRateLimiter(MemoryStorage())
        self.take_socket = self.client.register_script(_TAKE_SOCKET)
        self.paused_until = 0.0
        self.local_sockets: dict[str, set[str]] = {}

    def available(self) -> bool:
        return time.monotonic() >= self.paused_until

    def pause(self, error: Exception) -> None:
        self.paused_until = time.monotonic() + REDIS_PAUSE_SECONDS
        logger.warning("limits are counted in this process only, Valkey does not answer: %s", error)


@lru_cache(maxsize=1)
def _counter() -> _Counter:
    return _Counter(settings.REDIS_URL)


@lru_cache(maxsize=1024)
def _item(value: str) -> RateLimitItem:
    amount, seconds = value.split("/")
    return RateLimitItemPerSecond(int(amount), int(seconds))


def hit(name: str, *bucket: str, words: str, limit: str = "") -> None:
    """Count one; raise `rate_limited` with `Retry-After` once `limit` (by default settings.LIMITS[name]) is used up.

    `bucket` starts with the workspace id, or with the client's address where no workspace is known yet.
    """
    item = _item(limit or settings.LIMITS[name])
    counter = _counter()
    if counter.available():
        try:
            if counter.shared.hit(item, name, *bucket):
                return
            _refuse(counter.shared, item, name, bucket, words)
        except redis.RedisError as error:
            counter.pause(error)
    if not counter.local.hit(item, name, *bucket):
        _refuse(counter.local, item, name, bucket, words)


def check(name: str, *bucket: str, words: str, limit: str = "") -> None:
    """Raise what `hit` would raise now, and count nothing: for what is counted only once it has succeeded."""
    item = _item(limit or settings.LIMITS[name])
    counter = _counter()
    if counter.available():
        try:
            if not counter.shared.test(item, name, *bucket):
                _refuse(counter.shared, item, name, bucket, words)
            return
        except redis.RedisError as error:
            counter.pause(error)
    if not counter.local.test(item, name, *bucket):
        _refuse(counter.local, item, name, bucket, words)


def _refuse(
    limiter: MovingWindowRateLimiter, item: RateLimitItem, name: str, bucket: tuple[str, ...], words: str
) -> None:
    reset_at = limiter.get_window_stats(item, name, *bucket).reset_time
    wait = max(1, int(reset_at - time.time()) + 1)
    raise Problem(
        "rate_limited",
        f"{words}: at most {item.amount} in {item.multiples} seconds. Try again in {wait} s.",
        retry_after=wait,
    )


def take_socket(workspace_id: str, visitor: str, socket_id: str, *, seconds: int = SOCKET_LEASE_SECONDS) -> bool:
    """Take (or renew) one of a visitor's sockets; False when all of settings.LIMITS["visitor_sockets"] are in use."""
    most = settings.LIMITS["visitor_sockets"]
    counter = _counter()
    key = f"convoship:sockets:{workspace_id}:{visitor}"
    if counter.available():
        try:
            now = time.time()
            arguments = [now, now + seconds, socket_id, most, SOCKET_LEASE_SECONDS * 1000]
            return bool(counter.take_socket(keys=[key], args=arguments))
        except redis.RedisError as error:
            counter.pause(error)
    held = counter.local_sockets.setdefault(key, set())
    if socket_id not in held and len(held) >= most:
        return False
    held.add(socket_id)
    return True


def count_sockets(visitors: Sequence[tuple[str, str]]) -> list[int | None]:
    """How many sockets of each (workspace id, visitor) are open, on all processes; None while Valkey is away."""
    counter = _counter()
    if counter.available():
        try:
            asked = counter.client.pipeline(transaction=False)
            now = time.time()
            for workspace_id, visitor in visitors:
                asked.zcount(f"convoship:sockets:{workspace_id}:{visitor}", now, "+inf")
            return [int(many) for many in asked.execute()]
        except redis.RedisError as error:
            counter.pause(error)
    return [None] * len(visitors)


def release_socket(workspace_id: str, visitor: str, socket_id: str) -> None:
    """Give the socket back; a process that was killed gives its back by the lease's end."""
    counter = _counter()
    key = f"convoship:sockets:{workspace_id}:{visitor}"
    held = counter.local_sockets.get(key)
    if held is not None:
        held.discard(socket_id)
        if not held:
            del counter.local_sockets[key]
    if counter.available():
        try:
            counter.client.zrem(key, socket_id)
        except redis.RedisError as error:
            counter.pause(error)
