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
from collections import Counter, defaultdict
from collections.abc import Awaitable
from contextlib import suppress
from uuid import UUID, uuid4

from django.db import InterfaceError, OperationalError

from channels_app import beats, claims, desk_looks, doors, inbound, inbound_media, receipts, settling, template_sync
from channels_app.claims import LONGEST_CALL_SECONDS
from channels_app.in_hand import Claimed
from channels_app.inbound import ClaimedEvent
from channels_app.providers.base import Capability, ProviderError
from channels_app.settling import Outcome
from channels_app.voice import audio, leading, sweeping
from convoship.lib.database import drop_broken_connections
from convoship.lib.failpoints import failpoint
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments import turns

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 5.0
# While the database is away, and while the end of what was sent waits for it.
ASK_AGAIN_SECONDS = 0.5
STOP_SECONDS = 10.0
_AWAY = (OperationalError, InterfaceError)
PLACES = 64
# No workspace has more than a quarter of the places, so that one whose provider hangs slows nobody else (R10).
PLACES_OF_ONE = PLACES // 4
WORKSPACES_AT_ONCE = 200


class Drain:
    """Works off what is due until it is stopped."""

    def __init__(self) -> None:
        self.busy: Counter[UUID] = Counter()
        # Cases at desks that are being looked at.
        self.looking: Counter[UUID] = Counter()
        self.tasks: set[asyncio.Task[None]] = set()
        self.wake = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.is_over = False
        self.receipts = Receipts()
        # Under way, of those that workers died with: one at a time.
        self.suspects = 0
        # Files under way, each of which is in memory.
        self.fetching = 0
        # Its row among the signs of life (`beats`), and whether it began or ended something since that was written.
        self.id = uuid4()
        self.worked = False
        self.beat_at = -beats.BEAT_EVERY_SECONDS

    def ring(self) -> None:
        """Look at once; from any thread."""
        self.loop.call_soon_threadsafe(self.wake.set)

    async def run(self) -> None:
        """Look, start what is due, and wait for a ring, a free place or the clock."""
        while not self.is_over:
            self.wake.clear()
            pause = LOOK_EVERY_SECONDS
            try:
                await self.look()
                await self._beat()
            except _AWAY as error:
                logger.warning("the drain could not look for work, the database does not answer: %s", error)
                pause = ASK_AGAIN_SECONDS
                # After a restart every connection that the pool kept is dead: one each look would take minutes.
                await in_thread(drop_broken_connections)
            except Exception:
                logger.exception("the drain could not look for work and goes on")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.wake.wait()

    async def _beat(self) -> None:
        now = time.monotonic()
        if now - self.beat_at >= beats.BEAT_EVERY_SECONDS:
            worked, self.worked, self.beat_at = self.worked, False, now
            await in_thread(beats.note, self.id, worked=worked)

    async def look(self) -> int:
        """Start what is due, as far as there are places; answers how much was started, or settled on the way."""
        started = 0
        for due in await in_thread(doors.due, WORKSPACES_AT_ONCE):
            free = min(PLACES - len(self.tasks), PLACES_OF_ONE - self.busy[due.workspace_id])
            if free <= 0:
                continue
            try:
                started += await self._take(due, free)
            except _AWAY:
                raise
            except Exception:
                # One workspace whose rows can't be read must not hold up those behind it.
                logger.exception("what is due in workspace %s could not be claimed", due.workspace_id)
        return started + await self._lead_calls() + await self._look_at_cases()

    async def _look_at_cases(self) -> int:
        """Cases at desks outside of which something may have been said."""
        started = 0
        for workspace_id in await in_thread(doors.due_cases, WORKSPACES_AT_ONCE):
            # Apart from what a workspace sends: in a campaign people at desks are still heard.
            free = min(PLACES - len(self.tasks), desk_looks.AT_ONCE - self.looking[workspace_id])
            if free <= 0:
                continue
            try:
                looks = await in_tenant(desk_looks.claim)(workspace_id, workspace_id, free)
            except _AWAY:
                raise
            except Exception:
                logger.exception("cases of workspace %s could not be claimed", workspace_id)
                continue
            self.looking[workspace_id] += len(looks)
            for look in looks:
                self._start(workspace_id, self._looked(look))
            started += len(looks)
        return started

    async def _looked(self, look: desk_looks.ClaimedLook) -> None:
        try:
            await desk_looks.run(look)
        finally:
            self.looking[look.workspace_id] -= 1
            if not self.looking[look.workspace_id]:
                del self.looking[look.workspace_id]

    async def _lead_calls(self) -> int:
        """Calls whose conversation is people's, and which have to be led there: few, short, and somebody listens."""
        started = 0
        for workspace_id in await in_thread(doors.due_courses, WORKSPACES_AT_ONCE):
            for course in await in_tenant(leading.claim)(workspace_id, workspace_id, PLACES_OF_ONE):
                self._start(workspace_id, leading.lead(course))
                started += 1
        return started

    async def _take(self, due: doors.Due, free: int) -> int:
        """Claim up to so much of a workspace's work, and start it."""
        suspects = 0 if self.suspects else 1
        if due.kind == "templates":
            syncs = await in_tenant(template_sync.claim)(due.workspace_id, due.workspace_id, free)
            for sync in syncs:
                self._start(due.workspace_id, template_sync.run(sync))
            return len(syncs)
        if due.kind == "call":
            found = await in_tenant(sweeping.claim)(due.workspace_id, due.workspace_id, free)
            for call in found:
                self._start(due.workspace_id, sweeping.run(call))
            return len(found)
        if due.kind == "media":
            return await self._fetch(due.workspace_id, min(free, inbound_media.AT_ONCE - self.fetching))
        if due.kind == "recording":
            return await self._fetch_audio(due.workspace_id, min(free, inbound_media.AT_ONCE - self.fetching))
        if due.kind == "event":
            events = await in_tenant(inbound.claim)(due.workspace_id, due.workspace_id, free, suspects=suspects)
            for event in events:
                self._start(due.workspace_id, handle(event), is_suspect=event.is_suspect)
            return len(events)
        deliveries = await in_tenant(claims.claim)(due.workspace_id, due.workspace_id, free, suspects=suspects)
        for claimed in deliveries:
            self._start(due.workspace_id, deliver(claimed, self.receipts), is_suspect=claimed.is_suspect)
            if claimed.rest:
                # A sender with a rate: the next may go then, and nobody else would ring.
                self.loop.call_later(claimed.rest, self.wake.set)
        if deliveries.settled:
            # Held back or parked, not sent: work all the same, behind which there may be more.
            self.worked = True
            self.wake.set()
        return len(deliveries) + deliveries.settled

    async def _fetch(self, workspace_id: UUID, free: int) -> int:
        """Claim up to so many files, and begin to fetch them."""
        found = await in_tenant(inbound_media.claim)(workspace_id, workspace_id, free) if free > 0 else []
        self.fetching += len(found)
        for one in found:
            self._start(workspace_id, self._fetched(inbound_media.run(one)))
        return len(found)

    async def _fetch_audio(self, workspace_id: UUID, free: int) -> int:
        """Claim up to so many recordings of calls, and begin to fetch them, or to delete them at their provider."""
        found = await in_tenant(audio.claim)(workspace_id, workspace_id, free) if free > 0 else []
        self.fetching += len(found)
        for one in found:
            self._start(workspace_id, self._fetched(audio.run(one)))
        return len(found)

    async def _fetched(self, fetching: Awaitable[None]) -> None:
        try:
            await fetching
        finally:
            self.fetching -= 1
            # One that was not there yet is due again before the clock looks.
            for wait in inbound_media.SOON:
                self.loop.call_later(wait.total_seconds() + 0.1, self.wake.set)

    async def idle(self) -> None:
        """Work until nothing is due and nothing under way: for tests and commands."""
        while True:
            # What ends while it looks may leave work that this look has not seen.
            was_busy = bool(self.tasks)
            if not await self.look() and not was_busy and not self.tasks:
                return
            if self.tasks:
                await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)

    def end(self) -> None:
        """Start nothing more."""
        self.is_over = True
        self.wake.set()

    async def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Start nothing more, and give what is under way time to end; what doesn't is found by its lease."""
        self.end()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)

    def _start(self, workspace_id: UUID, work: Awaitable[None], *, is_suspect: bool = False) -> None:
        async def run() -> None:
            try:
                await work
            except Exception:
                logger.exception("work of workspace %s broke off, it stays due", workspace_id)

        task = self.loop.create_task(run())
        self.tasks.add(task)
        self.busy[workspace_id] += 1
        self.suspects += is_suspect
        self.worked = True

        def ended(done: asyncio.Task[None]) -> None:
            self.tasks.discard(done)
            self.busy[workspace_id] -= 1
            self.suspects -= is_suspect
            self.worked = True
            if not self.busy[workspace_id]:
                del self.busy[workspace_id]
            self.wake.set()

        task.add_done_callback(ended)


async def handle(event: ClaimedEvent) -> None:
    """Handle an event; an answer that takes time is waited for here, without a connection to the database."""
    turn = await in_tenant(inbound.handle)(event.workspace_id, event)
    if turn is not None:
        await turns.take_turn(turn)


class Receipts:
    """Writes receipts of one workspace together: those that came while the ones before were being written."""

    def __init__(self) -> None:
        self.waiting: dict[UUID, list[tuple[Claimed, Outcome, asyncio.Future[bool]]]] = defaultdict(list)
        self.writing: dict[UUID, asyncio.Task[None]] = {}

    async def write(self, claimed: Claimed, ended: Outcome) -> bool:
        """Whether its receipt is written; if not, `settling.finish` has to see to it."""
        future = asyncio.get_running_loop().create_future()
        self.waiting[claimed.workspace_id].append((claimed, ended, future))
        if claimed.workspace_id not in self.writing:
            task = asyncio.get_running_loop().create_task(self._write_all(claimed.workspace_id))
            self.writing[claimed.workspace_id] = task
        return await future

    async def _write_all(self, workspace_id: UUID) -> None:
        try:
            while batch := self.waiting.pop(workspace_id, []):
                written: set[UUID] = set()
                try:
                    ended = [(claimed, outcome) for claimed, outcome, _ in batch]
                    written = await in_tenant(receipts.write)(workspace_id, ended)
                except Exception as error:  # noqa: BLE001 (each is tried by itself then, and says what is wrong)
                    logger.warning("%s receipts could not be written together: %s", len(batch), error)
                for claimed, _, future in batch:
                    if not future.done():
                        future.set_result(claimed.delivery_id in written)
        finally:
            del self.writing[workspace_id]


async def deliver(claimed: Claimed, together: Receipts | None = None) -> None:
    """Send a delivery and write how it ended, with others' receipts where they are written `together`."""
    began = time.monotonic()
    try:
        outcome = await _attempt(claimed)
    except Overslept:
        logger.warning("delivery %s was claimed too long ago and is left to who claims it next", claimed.delivery_id)
        return
    failpoint("F4")
    ended = Outcome(
        receipt=outcome.receipt,
        error=outcome.error,
        was_found=outcome.was_found,
        keeps_doubt=outcome.keeps_doubt,
        milliseconds=int((time.monotonic() - began) * 1000),
    )
    if together is not None and ended.receipt is not None and await together.write(claimed, ended):
        return
    while True:
        try:
            await in_tenant(settling.finish)(claimed.workspace_id, claimed, ended)
        except _AWAY as error:
            # It has been sent: whoever claims it anew has to ask, or to send it again.
            if time.monotonic() >= claimed.good_until:
                raise
            logger.warning("the end of delivery %s waits for the database: %s", claimed.delivery_id, error)
            await in_thread(drop_broken_connections)
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        else:
            return


class Overslept(Exception):
    """The process stood still between the claim and the call: the delivery may be somebody else's by now."""


def _go(claimed: Claimed) -> None:
    """Nothing leaves unless a whole call fits into what is left of the lease (R7)."""
    if claimed.good_until - time.monotonic() < LONGEST_CALL_SECONDS:
        raise Overslept


async def _attempt(claimed: Claimed) -> Outcome:
    provider = claimed.provider
    # Until a look-up has answered, its failing says nothing of what was sent before.
    is_open = claimed.is_in_doubt and provider.can(Capability.LOOK_UP)
    try:
        async with asyncio.timeout(LONGEST_CALL_SECONDS):
            _go(claimed)
            if is_open:
                found = await provider.look_up(claimed.outgoing)
                if found is not None:
                    return Outcome(receipt=found, was_found=True)
                is_open = False
            elif claimed.is_in_doubt and not provider.can(Capability.KEYED):
                words = "The worker was stopped while sending this."
                return Outcome(error=ProviderError(words, "Ask the other side, or replay it.", ambiguous=True))
            failpoint("F3")
            _go(claimed)
            return Outcome(receipt=await provider.send(claimed.outgoing))
    except Overslept:
        raise
    except ProviderError as error:
        return Outcome(error=error, keeps_doubt=is_open)
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
            # Whatever is under way when this returns is cut off.
            await self.drain.stop()
            with suppress(*_AWAY):
                await in_thread(beats.forget, self.drain.id)

        asyncio.run(main())

    @property
    def is_alive(self) -> bool:
        """Whether it drains, or is about to."""
        return self._thread.is_alive()

    def end(self) -> None:
        """Start nothing more; returns at once."""
        drain = self.drain
        if drain is not None:
            with suppress(RuntimeError):  # its loop has ended already
                drain.loop.call_soon_threadsafe(drain.end)

    def stop(self) -> None:
        """Let what is under way end."""
        self.end()
        self._thread.join(STOP_SECONDS + 5)


_thread: DrainThread | None = None


def start_in_worker() -> DrainThread:
    """Start this worker's drain, where none is running."""
    global _thread
    if _thread is None or not _thread.is_alive:
        _thread = DrainThread()
        _thread.start()
    return _thread


def end_in_worker() -> None:
    """This worker's drain starts nothing more."""
    if _thread is not None:
        _thread.end()


def stop_in_worker() -> None:
    """Stop this worker's drain, if it has one."""
    global _thread
    if _thread is not None:
        _thread.stop()
        _thread = None


def ring() -> None:
    """Ring this process' drain, if it has one."""
    if _thread is not None and _thread.drain is not None:
        with suppress(RuntimeError):  # it is ending
            _thread.drain.ring()
