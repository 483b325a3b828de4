"""The pulse: every few seconds a few queries for all sockets of this process.

What live events may lose (they are best effort, and none come while Valkey is away) is found here: a head that moved, a
hand-over, a revoked deployment. Queries are a process's, not a socket's, so ten thousand idle visitors cost ten. The
sockets take turns, spread over the seconds: all of them at once would be a moment in which nobody is answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from convoship.lib.threads import in_thread
from deployments import doors
from deployments.doors import SessionPulse

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3.0
# In as many turns: each socket has its own, by its session's id.
TURNS = 10


class Patient(Protocol):
    """A socket whose pulse is taken."""

    session_id: UUID

    def on_pulse(self, pulse: SessionPulse | None) -> None:
        """The session's state, None where it is gone. Must not block."""


class Pulse:
    """The pulse of one process (of one event loop)."""

    _instance: Pulse | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.patients: set[Patient] = set()
        self.beating: asyncio.Task[None] | None = None

    @classmethod
    def get(cls) -> Pulse:
        """The pulse of the running loop."""
        loop = asyncio.get_running_loop()
        if cls._instance is None or cls._instance.loop is not loop:
            cls._instance = cls(loop)
        return cls._instance

    def watch(self, patient: Patient) -> None:
        """Take this socket's pulse from now on."""
        self.patients.add(patient)
        if self.beating is None or self.beating.done():
            self.beating = self.loop.create_task(self._beat())

    def leave(self, patient: Patient) -> None:
        """Stop."""
        self.patients.discard(patient)

    async def _beat(self) -> None:
        turn = 0
        while self.patients:
            await asyncio.sleep(EVERY_SECONDS / TURNS)
            turn = (turn + 1) % TURNS
            try:
                await self._take_of([one for one in self.patients if one.session_id.int % TURNS == turn])
            except Exception:
                logger.exception("the pulse could not be taken, it is tried again in %s s", EVERY_SECONDS)

    async def take(self) -> None:
        """Take the pulse of all sockets now."""
        await self._take_of(list(self.patients))

    async def _take_of(self, patients: Sequence[Patient]) -> None:
        if not patients:
            return
        found = await in_thread(doors.pulse, list({patient.session_id for patient in patients}))
        for patient in patients:
            patient.on_pulse(found.get(patient.session_id))
