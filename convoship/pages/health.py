"""Is the process alive, and can it work?"""

from __future__ import annotations

import logging
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels_app import beats
from deployments import answerer_beats, scanning

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_SECONDS = 1.0


@require_safe
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """`/healthz`: the process answers. Asks nobody, so that a database outage restarts no web server."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """`/readyz`: what is needed for work, each named; 503 when one is away.

    And how that stands without which the rest goes on: the scanner of files, and the processes that give answers.
    """
    checks = {"database": _check("database", _database), "redis": _check("redis", _redis), **_work()}
    is_ready = all(answer == "ok" for answer in checks.values())
    told = {"status": "ready" if is_ready else "not ready", "checks": checks}
    if scanning.is_on():
        # Without it no file is taken, and all else goes on.
        told["scanner"] = scanning.standing()
    if answerer_beats.are_wanted():
        # Where none is running, answers begin seconds later, and slow down who shares the web process.
        told["answers"] = _answers()
    return JsonResponse(told, status=200 if is_ready else 503)


@require_safe
@never_cache
def worker(request: HttpRequest) -> JsonResponse:
    """`/healthz/worker`: `works`, or 503 with `stuck` (restart it), `away` (start one) or `unknown` (no database)."""
    try:
        found = beats.standing()
    except DatabaseError as error:
        logger.warning("nobody knows how the worker stands: %s", error)
        return JsonResponse({"status": "unknown"}, status=503)
    told = {"status": found.state, "workers": found.workers, "oldest_seconds": int(found.oldest.total_seconds())}
    return JsonResponse(told, status=200 if found.state == "works" else 503)


def _work() -> dict[str, str]:
    try:
        found = beats.standing()
    except DatabaseError:
        return {"worker": "nobody knows", "outbox": "nobody knows"}
    worker = {"works": "ok", "stuck": "does nothing", "away": "is not running"}[found.state]
    waits = f"the oldest waits for {int(found.oldest.total_seconds())} s"
    return {"worker": worker, "outbox": waits if found.is_behind else "ok"}


def _answers() -> str:
    try:
        return "ok" if answerer_beats.alive() else "none is running, web servers give answers in their place"
    except DatabaseError:
        return "nobody knows"


def _check(name: str, ask: Callable[[], None]) -> str:
    try:
        ask()
    except (DatabaseError, redis.RedisError, OSError) as error:
        # The reason goes to the log: it may name hosts, and this page is open to all.
        logger.warning("not ready, %s does not answer: %s", name, error)
        return "does not answer"
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_SECONDS, socket_connect_timeout=REDIS_TIMEOUT_SECONDS
    )
    try:
        client.ping()
    finally:
        client.close()
