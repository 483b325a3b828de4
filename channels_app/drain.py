"""The drain: handles events and sends deliveries of every workspace, many at once and no workspace more than its part.

One `Drain` runs in each worker, on an event loop in a thread of its own. A ring makes it look at once; without any it
looks every few seconds, so that nothing depends on the broker. A call that hangs holds one of its workspace's places.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable
from uuid import UUID

from channels_app import claims, doors, inbound
from channels_app.claims import LONGEST_CALL_SECONDS, Claimed, Outcome
from channels_app.inbound import ClaimedEvent
from channels_app.providers.base import Capability, ProviderError
from convoship.lib.failpoints import failpoint
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import turns

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 5.0
PLACES = 64
# No workspace has more than a quarter of the places, so that one whose provider hangs slows nobody else (R10).
PLACES_OF_ONE = PLACES // 4
WORKSPACES_AT_ONCE = 200


class Drain:
    """Works off what is due until it is stopped."""

    def __init__(self) -> None:
        self.busy: Counter[UUID] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.is_over = False
        # When it last looked, by `time.monotonic`: a worker whose loop hangs is found by that.
        self.looked_at = time.monotonic()

    def ring(self) -> None:
        """Look at once; from any thread."""
        self.loop.call_soon_threadsafe(self.wake.set)

    async def run(self) -> None:
        """Look, start what is due, and wait for a ring, a free place or the clock."""
        while not self.is_over:
            self.wake.clear()
            try:
                await self.look()
            except Exception:
                logger.exception("the drain could not look for work and goes on")
            self.looked_at = time.monotonic()
            try:
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self.wake.wait()
            except TimeoutError:
                continue

    async def look(self) -> int:
        """Start what is due, as far as there are places; answers how much was started."""
        started = 0
        for due in await in_thread(doors.due, WORKSPACES_AT_ONCE):
            free = min(PLACES - len(self.tasks), PLACES_OF_ONE - self.busy[due.workspace_id])
            if free <= 0:
                continue
            if due.kind == "event":
                for event in await in_tenant(inbound.claim)(due.workspace_id, due.workspace_id, free):
                    self._start(due.workspace_id, handle(event))
                    started += 1
            else:
                for claimed in await in_tenant(claims.claim)(due.workspace_id, due.workspace_id, free):
                    self._start(due.workspace_id, deliver(claimed))
                    started += 1
                    if claimed.rest:
                        # A sender with a rate: the next may go then, and nobody else would ring.
                        self.loop.call_later(claimed.rest, self.wake.set)
        return started

    async def idle(self) -> None:
        """Work until nothing is due and nothing under way: for tests and commands."""
        while await self.look() or self.tasks:
            if self.tasks:
                await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)

    async def stop(self, seconds: float = 10.0) -> None:
        """Start nothing more, and give what is under way time to end; what doesn't is found by its lease."""
        self.is_over = True
        self.wake.set()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)

    def _start(self, workspace_id: UUID, work: Awaitable[None]) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:
                logger.exception("work of workspace %s broke off, it stays due", workspace_id)

        task = self.loop.create_task(run())
        self.tasks.add(task)
        self.busy[workspace_id] += 1

        def ended(done: asyncio.Task[None]) -> None:
            self.tasks.discard(done)
            self.busy[workspace_id] -= 1
            if not self.busy[workspace_id]:
                del self.busy[workspace_id]
            self.wake.set()

        task.add_done_callback(ended)


async def handle(event: ClaimedEvent) -> None:
    """Handle an event; an answer that takes time is waited for here, without a connection to the database."""
    turn = await in_tenant(inbound.handle)(event.workspace_id, event)
    if turn is not None:
        await turns.take_turn(turn)


async def deliver(claimed: Claimed) -> None:
    """Send a delivery and write how it ended."""
    began = time.monotonic()
    outcome = await _attempt(claimed)
    failpoint("F4")
    ended = Outcome(
        receipt=outcome.receipt,
        error=outcome.error,
        was_found=outcome.was_found,
        milliseconds=int((time.monotonic() - began) * 1000),
    )
    await in_tenant(claims.finish)(claimed.workspace_id, claimed, ended)


async def _attempt(claimed: Claimed) -> Outcome:
    provider = claimed.provider
    try:
        async with asyncio.timeout(LONGEST_CALL_SECONDS):
            if claimed.is_in_doubt and provider.can(Capability.LOOK_UP):
                found = await provider.look_up(claimed.outgoing)
                if found is not None:
                    return Outcome(receipt=found, was_found=True)
            elif claimed.is_in_doubt and not provider.can(Capability.KEYED):
                words = "The worker was stopped while sending this."
                return Outcome(error=ProviderError(words, "Ask the other side, or replay it.", ambiguous=True))
            failpoint("F3")
            return Outcome(receipt=await provider.send(claimed.outgoing))
    except ProviderError as error:
        return Outcome(error=error)
    except TimeoutError:
        words = f"No answer within {LONGEST_CALL_SECONDS:.0f} seconds."
        return Outcome(error=ProviderError(words, "It is settled or tried again.", ambiguous=True))
    except Exception:
        logger.exception("sending delivery %s broke", claimed.delivery_id)
        words = "Something broke in Convoship while this was sent. It has been logged."
        return Outcome(error=ProviderError(words, "Replay it once that is mended.", ambiguous=True))


# --- In a worker ----------------------------------------------------------------------------------------------------


class DrainThread:
    """The worker's drain, in a thread of its own."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self.drain: Drain | None = None
        self._thread = threading.Thread(target=self._run, name="drain", daemon=True)

    def start(self) -> None:
        """Begin to drain."""
        self._thread.start()
        self._ready.wait(10)

    def _run(self) -> None:
        async def main() -> None:
            self.drain = Drain()
            self._ready.set()
            logger.info("this worker drains as process %s", os.getpid())
            await self.drain.run()

        asyncio.run(main())

    def stop(self) -> None:
        """Let what is under way end."""
        drain = self.drain
        if drain is not None and not drain.loop.is_closed():
            asyncio.run_coroutine_threadsafe(drain.stop(), drain.loop).result(15)
        self._thread.join(15)


_thread: DrainThread | None = None


def start_in_worker() -> DrainThread:
    """Start this worker's drain, once."""
    global _thread
    if _thread is None:
        _thread = DrainThread()
        _thread.start()
    return _thread


def stop_in_worker() -> None:
    """Stop this worker's drain, if it has one."""
    global _thread
    if _thread is not None:
        _thread.stop()
        _thread = None


def ring() -> None:
    """Ring this process' drain, if it has one."""
    if _thread is not None and _thread.drain is not None:
        _thread.drain.ring()
