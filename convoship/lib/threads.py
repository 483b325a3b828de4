"""The one way from asynchronous code to a synchronous act."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings

P = ParamSpec("P")
R = TypeVar("R")

# As many as there are connections to the database, for which an act waits most of its time. An event loop's own threads
# are four more than the machine has processors, so that a few slow commits would keep everybody waiting.
_threads = ThreadPoolExecutor(settings.DATABASE_POOL_SIZE, thread_name_prefix="act")


async def in_thread(fn: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the act in a thread; its database connection goes back to the pool when it is done.

    Not thread-sensitive: one slow query must not queue every socket of the process behind it. A plain `sync_to_async`
    would keep the connection with the thread, and a handful of threads would empty the pool.
    """
    return await database_sync_to_async(fn, thread_sensitive=False, executor=_threads)(*args, **kwargs)
