"""A call whose sound is ours is recorded: both sides are overheard on their way, and written in parts beside the call.

On the event loop sound is only noted (`recorder`); every few seconds a task of its own hands what there is to a thread,
which writes it (`own_recordings`). Nothing that goes wrong with it ends the call, or is kept from its page.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from channels_app.voice import own_recordings
from channels_app.voice.media.events import Audio, Dialect, Ear, Event, Frame, Marked
from channels_app.voice.media.recorder import Recorder
from channels_app.voice.relay_acts import Admitted
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

P = ParamSpec("P")

# How often what was recorded is written: a process that dies loses so much, and what was not certain yet.
WRITES_EVERY = 5.0
# While the database is away, parts wait: so many bytes of a call, ten minutes of it.
MOST_WAITING = 600 * own_recordings.SECOND
# A call that has reached its longest time says goodbye; by then it is over.
BEYOND = 60.0
# When the call is over its end waits no longer for the last part; that one is written all the same.
CLOSES_WITHIN = 1.5
AGAIN_AFTER, MOST_AGAIN = 2.0, 60

_writing: set[asyncio.Task[None]] = set()


class Taping:
    """Of one call. To its line it is the far side's dialect, and to the far side the line (`over`)."""

    def __init__(self, admitted: Admitted, dialect: Dialect) -> None:
        self._workspace_id, self._dialect, self.subprotocol = admitted.workspace_id, dialect, dialect.subprotocol
        self._most_seconds = (admitted.ends_by - timezone.now()).total_seconds() + BEYOND
        self._clock = asyncio.get_running_loop().time
        self._recorder: Recorder | None = None
        self._recording_id: UUID | None = None
        # What is to be written, the first part first, and its number.
        self._parts: deque[bytes] = deque()
        self._number = 0
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # What of the call is not recorded, in words.
        self._missing = ""

    def begin(self, recording_id: UUID) -> None:
        """Record from now on."""
        self._recording_id, self._recorder = recording_id, Recorder(self._clock())
        self._task = asyncio.get_running_loop().create_task(self._keep(recording_id))
        _writing.add(self._task)
        self._task.add_done_callback(_writing.discard)

    async def close(self) -> None:
        """The call is over."""
        if self._task is not None:
            self._over.set()
            await asyncio.wait({self._task}, timeout=CLOSES_WITHIN)

    # --- What goes by -----------------------------------------------------------------------------------------------

    def over(self, line: Ear) -> Ear:
        """The line, as the far side hears of it: what it is told is overheard."""
        return _Overheard(line, self)

    def hear(self, event: Event) -> None:
        """The far side tells this."""
        match event:
            case Audio(ulaw=ulaw):
                self._note(Recorder.heard, ulaw, self._clock())
            case Marked(name=name):
                self._note(Recorder.marked, name, self._clock())

    def _note(self, what: Callable[Concatenate[Recorder, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
        """A fault of the recorder's is no fault of the call's."""
        if self._recorder is None:
            return
        try:
            what(self._recorder, *args, **kwargs)
        except Exception:
            logger.exception("recording %s broke", self._recording_id)
            self._stop("The rest was not recorded: something broke in Convoship.")

    def read(self, frame: Frame) -> Sequence[Event]:
        return self._dialect.read(frame)

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        self._note(Recorder.said, ulaw, self._clock())
        return self._dialect.audio(ulaw)

    def mark(self, name: str) -> Sequence[Frame]:
        self._note(Recorder.marks, name)
        return self._dialect.mark(name)

    def clear(self) -> Sequence[Frame]:
        self._note(Recorder.cleared, self._clock())
        return self._dialect.clear()

    def hang_up(self) -> Sequence[Frame]:
        return self._dialect.hang_up()

    # --- What is written --------------------------------------------------------------------------------------------

    async def _keep(self, recording_id: UUID) -> None:
        """Write it, part by part, until the call is over; then say that it is whole."""
        while not self._over.is_set() and self._recorder is not None:
            try:
                async with asyncio.timeout(WRITES_EVERY):
                    await self._over.wait()
            except TimeoutError:
                pass
            self._collect()
            await self._write(recording_id)
        self._collect()
        for _ in range(MOST_AGAIN):
            if await self._write(recording_id) and await self._said_over(recording_id):
                return
            await asyncio.sleep(AGAIN_AFTER)
        # (What was written is found by the worker, which says that it broke off.)
        logger.error("the end of recording %s could not be written", recording_id)

    def _collect(self) -> None:
        """What is certain of it by now becomes its next part."""
        recorder = self._recorder
        if recorder is None:
            return
        is_last = self._over.is_set()
        if part := recorder.take(self._clock(), is_last=is_last):
            self._parts.append(part)
        if is_last:
            self._recorder = None
        elif recorder.seconds >= self._most_seconds:
            self._stop("The recording ends here: it is as long as a call of this connection may be.")
        elif sum(len(one) for one in self._parts) > MOST_WAITING:
            self._stop("The rest was not recorded: the database was away for too long.")

    def _stop(self, missing: str) -> None:
        self._recorder, self._missing = None, missing
        logger.warning("recording %s stops: %s", self._recording_id, missing)

    async def _write(self, recording_id: UUID) -> bool:
        """Whether nothing is left to be written."""
        while self._parts:
            try:
                is_wanted = await in_tenant(own_recordings.add)(
                    self._workspace_id, recording_id, self._number, self._parts[0]
                )
            except (OperationalError, InterfaceError) as error:
                logger.warning("a part of recording %s waits for the database: %s", recording_id, error)
                return False
            if not is_wanted:
                # It was erased meanwhile, or was taken to have broken off, which its call's page says.
                logger.warning("recording %s is not wanted any more", recording_id)
                self._recorder = None
                self._parts.clear()
                return True
            self._parts.popleft()
            self._number += 1
        return True

    async def _said_over(self, recording_id: UUID) -> bool:
        try:
            await in_tenant(own_recordings.end)(self._workspace_id, recording_id, self._missing)
        except (OperationalError, InterfaceError) as error:
            logger.warning("the end of recording %s waits for the database: %s", recording_id, error)
            return False
        return True


class _Overheard:
    """A line, beside which somebody listens."""

    def __init__(self, line: Ear, taping: Taping) -> None:
        self._line, self._taping = line, taping
        self.rest, self.go_on = line.rest, line.go_on

    def hear(self, event: Event) -> None:
        self._taping.hear(event)
        self._line.hear(event)
