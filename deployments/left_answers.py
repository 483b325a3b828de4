"""What a web process leaves to those that give answers (`answerer`), and gives itself where nobody does.

A turn that nobody has begun after a few seconds, with no process alive that would, is answered here: slower for those
who share this process, and better than not at all. Where one lives, it or the sweeper comes to it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from uuid import UUID

from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import answerer_beats, doors, turns
from deployments.answer_bell import Ring

logger = logging.getLogger(__name__)

# A turn is begun within a tenth of a second by who is well, and within two by who found no ring.
PATIENCE_SECONDS = 3.0
LOOK_EVERY_SECONDS = 1.0
# What is looked at together; the rest is looked at a second later.
BATCH = 200


class LeftAnswers:
    """What one process has left to others (of one event loop)."""

    _instance: LeftAnswers | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        # By conversation: since when, and what was told.
        self.waiting: dict[UUID, tuple[float, Ring]] = {}
        self.looking: asyncio.Task[None] | None = None
        self.is_alone = False

    @classmethod
    def get(cls) -> LeftAnswers:
        """Those of the running loop."""
        loop = asyncio.get_running_loop()
        if cls._instance is None or cls._instance.loop is not loop:
            cls._instance = cls(loop)
        return cls._instance

    def add(self, told: Ring) -> None:
        """This was left just now."""
        self.waiting[told.conversation_id] = (time.monotonic(), told)
        if self.looking is None or self.looking.done():
            self.looking = self.loop.create_task(self._look())

    async def _look(self) -> None:
        while self.waiting:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                await self.look()
            except Exception:
                logger.exception("what was left to others could not be looked for, it is tried again")

    async def look(self) -> None:
        """Take on what nobody does."""
        now = time.monotonic()
        late = [told for since, told in self.waiting.values() if now - since >= PATIENCE_SECONDS][:BATCH]
        if not late:
            return
        if await in_thread(answerer_beats.alive):
            self.is_alone = False
            begun = late
        else:
            due = {conversation_id for _, conversation_id in await in_thread(doors.due_answers, BATCH)}
            begun = [told for told in late if told.conversation_id not in due]
            await self._take_on([told for told in late if told.conversation_id in due])
        for told in begun:
            self.waiting.pop(told.conversation_id, None)

    async def _take_on(self, late: list[Ring]) -> None:
        if late and not self.is_alone:
            self.is_alone = True
            logger.error("no process gives answers (manage.py answers): this web process gives them meanwhile")
        for told in late:
            del self.waiting[told.conversation_id]
            claim = await in_tenant(turns.claim_due)(told.workspace_id, told.conversation_id)
            if claim is not None:
                turns.in_background(claim, is_watched=told.is_watched, types=True)
