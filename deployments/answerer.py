"""A process that gives the answers that wait for a model or a bot (ADR 15), beside the web processes.

A web process takes the message and rings; the turn stands in the database, claimed by nobody. Whoever hears the ring
claims it and writes the answer, as `turns` does anywhere. A ring may be lost: each process looks every second for turns
that nobody has begun, and for those whose process died. So it takes over what another one left, and nothing depends on
Valkey but how soon an answer begins.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from functools import partial
from uuid import UUID, uuid4

import redis
from django.db import InterfaceError, OperationalError

from convoship.lib.database import drop_broken_connections
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import answer_bell, answerer_beats, doors, live, turns
from deployments.answer_bell import Ring

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0
# A ring is waited for so long at a time.
HEAR_SECONDS = 5.0
RETRY_SECONDS = 1.0
# What one process answers at a time; what comes beyond that waits, for another one or for its end.
MOST_ANSWERS = 500
_AWAY = (OperationalError, InterfaceError)


class Answerer:
    """Claims turns that wait, and answers them, until it is to end."""

    def __init__(self) -> None:
        self.id = uuid4()
        self.ends = asyncio.Event()
        self.beat_at = -answerer_beats.BEAT_EVERY_SECONDS
        # By conversation: claimed, or about to be.
        self.answering: dict[UUID, asyncio.Task[None]] = {}
        # Rung for again meanwhile: what came just as the answer ended.
        self.again: dict[UUID, Ring] = {}

    async def run(self) -> None:
        """Answer until `end`; what is under way then is given back, for another process to answer."""
        # Wishes to stop are heard here, and what is told goes out by this loop.
        live.Hub.get()
        hearing = asyncio.get_running_loop().create_task(self._hear())
        try:
            while not self.ends.is_set():
                await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_SECONDS):
                        await self.ends.wait()
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            await turns.let_go_all()
            with suppress(*_AWAY):
                await in_thread(answerer_beats.forget, self.id)

    def end(self) -> None:
        """Take nothing more."""
        self.ends.set()

    async def _look(self) -> None:
        """Find what no ring told of, and say that this process lives."""
        try:
            if free := MOST_ANSWERS - len(self.answering):
                for workspace_id, conversation_id in await in_thread(doors.due_answers, free):
                    self._take(Ring(workspace_id, conversation_id))
            if time.monotonic() - self.beat_at >= answerer_beats.BEAT_EVERY_SECONDS:
                self.beat_at = time.monotonic()
                await in_thread(answerer_beats.note, self.id)
        except _AWAY as error:
            logger.warning("turns that wait could not be looked for, the database does not answer: %s", error)
            await in_thread(drop_broken_connections)
        except Exception:
            logger.exception("turns that wait could not be looked for, it is tried again")

    async def _hear(self) -> None:
        ear = answer_bell.Ear()
        try:
            while True:
                try:
                    # With every place taken others may hear; what nobody takes is found in the database.
                    while len(self.answering) >= MOST_ANSWERS:
                        await asyncio.wait(self.answering.values(), return_when=asyncio.FIRST_COMPLETED)
                    for told in await ear.heard(HEAR_SECONDS):
                        self._take(told, is_rung=True)
                except (redis.RedisError, OSError, ValueError) as error:
                    logger.warning("rings of turns that wait are not heard, they are looked for: %r", error)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            await ear.close()

    def _take(self, told: Ring, *, is_rung: bool = False) -> None:
        conversation_id = told.conversation_id
        if conversation_id in self.answering:
            if is_rung:
                self.again[conversation_id] = told
            return
        task = asyncio.get_running_loop().create_task(_answered(told))
        self.answering[conversation_id] = task
        task.add_done_callback(partial(self._ended, conversation_id))

    def _ended(self, conversation_id: UUID, _: asyncio.Task[None]) -> None:
        del self.answering[conversation_id]
        told = self.again.pop(conversation_id, None)
        if told is not None and not self.ends.is_set():
            self._take(told)


async def _answered(told: Ring) -> None:
    """Claim what waits in a conversation, and answer it; nothing where somebody else has."""
    try:
        claim = await in_tenant(turns.claim_due)(told.workspace_id, told.conversation_id)
        if claim is not None:
            await turns.in_background(claim, is_watched=told.is_watched, types=True)
    except Exception:
        logger.exception("a turn of conversation %s was not answered, it stays due", told.conversation_id)
