"""Whether anything carries the sound of calls: each such process writes its row every few seconds.

A thread of its own writes it, as the event loop has to wait for no database; that the loop lives is seen by its
counting: a loop that is stuck answers nobody, and its process says nothing more.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import platform
import threading
from collections.abc import Callable
from uuid import UUID, uuid4

from django.db import Error, close_old_connections
from django.utils import timezone

from channels_app.models import MediaBeat

logger = logging.getLogger(__name__)

BEAT_EVERY_SECONDS = 5.0
LONGEST_SILENCE = dt.timedelta(seconds=20)
KEPT = dt.timedelta(days=1)


# How calls come to a process, at the beginning of its name.
SOCKETS, SIP = "sockets", "sip"


def alive(way: str) -> int:
    """How many carry sound that comes this way."""
    living = MediaBeat.objects.filter(looked_at__gte=timezone.now() - LONGEST_SILENCE)
    return living.filter(name__startswith=f"{way} ").count()


def note(beat_id: UUID, calls: int, way: str = SOCKETS) -> None:
    """This process lives, and carries so many calls."""
    now = timezone.now()
    if not MediaBeat.objects.filter(id=beat_id).update(looked_at=now, calls=calls):
        MediaBeat.objects.filter(looked_at__lt=now - KEPT).delete()
        name = f"{way} {platform.node()}:{os.getpid()}"[:100]
        MediaBeat.objects.create(id=beat_id, name=name, looked_at=now, calls=calls)


def forget(beat_id: UUID) -> None:
    """This process ended as it should."""
    MediaBeat.objects.filter(id=beat_id).delete()


class Heart:
    """Of one process. `loop` is the one that carries the calls, `calls` says how many, `way` how they come."""

    def __init__(self, loop: asyncio.AbstractEventLoop, calls: Callable[[], int], way: str = SOCKETS) -> None:
        self.id, self.way = uuid4(), way
        self._loop, self._calls = loop, calls
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="media-heart", daemon=True)

    def start(self) -> None:
        """Begin to beat; the loop may still have to be started."""
        self._thread.start()

    async def stop(self) -> None:
        """The process ends."""
        self._ends.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 1.0)

    def _beat(self) -> None:
        while not self._ends.is_set():
            try:
                note(self.id, self._counted(), self.way)
            except TimeoutError:
                logger.error("the event loop of this process is stuck: it is not said to carry calls")
            except Error as error:
                logger.warning("that this process lives could not be written: %s", error)
            close_old_connections()
            self._ends.wait(BEAT_EVERY_SECONDS)
        try:
            forget(self.id)
        except Error as error:
            logger.warning("that this process ends could not be written: %s", error)
        close_old_connections()

    def _counted(self) -> int:
        async def count() -> int:
            return self._calls()

        return asyncio.run_coroutine_threadsafe(count(), self._loop).result(LONGEST_SILENCE.total_seconds() / 2)
