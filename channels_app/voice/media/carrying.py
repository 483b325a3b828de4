"""One admitted call, carried: the line and the session between a far side and the assistant.

However sound comes and goes (a socket's frames, `socket`; packets, `sip`), a call begins, is led and ends alike.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from channels_app.voice import relay_acts
from channels_app.voice.engines import registry
from channels_app.voice.engines.base import EngineFailed
from channels_app.voice.media import finishing, speech
from channels_app.voice.media.consent import Asking
from channels_app.voice.media.events import Dialect, Ear, Event, Frame
from channels_app.voice.media.line import Line
from channels_app.voice.media.taping import Taping
from channels_app.voice.relay_acts import Admitted
from channels_app.voice.relay_frames import Fault
from channels_app.voice.relay_session import Session
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Broken:
    """We broke the far side off, in words for the call's page."""

    words: str
    remedy: str


_FAULT = Broken("A fault of this server's ended the call.", "Whoever runs the server finds the fault in its log.")


class Far(Protocol):
    """How a call's sound comes and goes."""

    dialect: Dialect
    # Why we had to break it off; None while we have not.
    broken: Broken | None

    @property
    def may_return(self) -> bool:
        """Whether this process ends, and the same call may come again to another one."""

    async def put(self, frame: Frame) -> None:
        """Give a frame to it; nothing once it is gone."""

    async def read(self, line: Ear) -> None:
        """Have the line hear until this side is gone."""

    async def close(self) -> None:
        """Let it go, unless it is gone."""


class Carrying:
    """Of one call. `is_asked`: whether the provider asks what comes next once the sound is over (`speech`)."""

    def __init__(self, far: Far, admitted: Admitted, connection_id: UUID, *, is_asked: bool) -> None:
        self.far, self.admitted, self.connection_id = far, admitted, connection_id
        self.is_asked = is_asked
        self.session: Session | None = None
        # Where a call is recorded by whom it came over, that is asked and done there.
        self._records = admitted.config.records and not is_asked
        self._asking: Asking | None = None
        self._is_handed = self._is_left = False

    def note(self, words: str) -> None:
        """The far side said something that can't be read; the call goes on."""
        if self.session is not None:
            self.session.hear(Fault(words))

    def leave(self) -> None:
        """This side is over, as where its process ends: it is written down how far the call was heard."""
        self._is_left = True
        if self._asking is not None:
            self._asking.close()
        if self.session is not None:
            self.session.close()

    async def run(self, early: Sequence[Event] = ()) -> None:
        """Until either side ends it. `early`: what was told before the call was admitted."""
        admitted = self.admitted
        try:
            engines = await speech.engines(admitted.workspace_id, self.connection_id)
        except EngineFailed as error:
            await in_tenant(relay_acts.gave_up)(admitted.workspace_id, admitted.call_id, error.words, error.remedy)
            if self.is_asked:
                await self._hand({"then": "failed", "reason": error.words[:300]})
            else:
                await finishing.broke(admitted, error.words, error.remedy)
            await self.far.close()
            return
        taping = Taping(admitted, self.far.dialect) if self._records else None
        line = Line(
            taping or self.far.dialect,
            engines,
            self.far.put,
            lambda handed: self._ends(line, handed),
            language=admitted.language,
            is_interruptible=admitted.config.barge_in,
        )
        session = self.session = Session(admitted, line.take, line.done_at)
        line.session = session
        if taping is not None:
            line.session = self._asking = Asking(admitted, session)
        if self._is_left:
            # While its engines were being made.
            self.leave()
        for event in early:
            line.hear(event)
        with registry.in_use(engines.ear, engines.mouth):
            await self._carry(line, session, taping)

    async def _carry(self, line: Line, session: Session, taping: Taping | None) -> None:
        """Sound one way and the other, until one of them ends."""
        loop = asyncio.get_running_loop()
        conducting = loop.create_task(self._lead(line, session, taping))
        reading = loop.create_task(self.far.read(line if taping is None else taping.over(line)))
        carrying = loop.create_task(line.run())
        try:
            await asyncio.wait({conducting, reading, carrying}, return_when=asyncio.FIRST_COMPLETED)
            if not conducting.done():
                self.leave()
                # It writes down how far it was heard.
                await asyncio.wait({conducting}, timeout=10)
        finally:
            for task in (conducting, reading, carrying):
                task.cancel()
            await asyncio.gather(conducting, reading, carrying, return_exceptions=True)
        faults = [task.exception() for task in (conducting, reading, carrying) if not task.cancelled()]
        for fault in filter(None, faults):
            logger.error("the sound of call %s broke", self.admitted.call_id, exc_info=fault)
        if not self._is_handed and not self.is_asked:
            await self._note_end(_FAULT if any(faults) else self.far.broken)
        await asyncio.gather(self.far.close(), *([taping.close()] if taping is not None else ()))

    async def _lead(self, line: Line, session: Session, taping: Taping | None) -> None:
        """The call; before anything else is said in it, whether it may be recorded, where it is to be."""
        if taping is not None and self._asking is not None:
            recording_id = await self._asking.run(line)
            if recording_id is not None:
                taping.begin(recording_id)
            line.session, self._asking = session, None
            session.stir()
        await session.conduct()

    async def _ends(self, line: Line, handed: Mapping[str, Any]) -> None:
        """The session is over by its own word."""
        self._is_handed = True
        if self.is_asked:
            await self._hand(handed)
        else:
            await finishing.finish(line, self.admitted, handed)
        if self.session is not None:
            self.session.close()

    async def _note_end(self, broken: Broken | None) -> None:
        """Nobody asks us about such a call afterwards, and it ends with its sound."""
        if self.far.may_return:
            # With another ticket, to another process; else the call is lost before long.
            return
        if broken is not None:
            await finishing.broke(self.admitted, broken.words, broken.remedy)
        else:
            await finishing.hung_up(self.admitted)

    async def _hand(self, handed: Mapping[str, Any]) -> None:
        """Whoever asks what comes next finds what the session said of its end."""
        admitted = self.admitted
        await in_tenant(relay_acts.hand)(admitted.workspace_id, admitted.call_id, admitted.session, handed)
