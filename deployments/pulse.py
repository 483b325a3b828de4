"""The pulse: every few seconds one query for all sockets of this process.

What live events may lose (they are best effort, and none come while Valkey is away) is found here: a head that moved, a
hand-over, a revoked deployment. One query a process, not one a socket, so ten thousand idle visitors cost one query.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol
from uuid import UUID

from convoship.lib.threads import in_thread
from deployments import doors
from deployments.doors import SessionPulse

logger = logging.getLogger(__name__)

EVERY_SECONDS = 3.0
BATCH = 2000


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
        while self.patients:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.take()
            except Exception:
                logger.exception("the pulse could not be taken, it is tried again in %s s", EVERY_SECONDS)

    async def take(self) -> None:
        """Take the pulse of all sockets now."""
        patients = list(self.patients)
        for start in range(0, len(patients), BATCH):
            batch = patients[start : start + BATCH]
            ids = list({patient.session_id for patient in batch})
            found = await in_thread(doors.pulse, ids)
            for patient in batch:
                patient.on_pulse(found.get(patient.session_id))
