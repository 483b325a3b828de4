"""One call by SIP: what a far side is to `Carrying`, with its dialog and its sound."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable

from aiosipua.incoming_call import IncomingCall

from channels_app.voice.media.carrying import Broken, Carrying
from channels_app.voice.media.events import Dialect, Ear, Frame
from channels_app.voice.sip import offers
from channels_app.voice.sip.offers import Offer
from channels_app.voice.sip.sound import SipDialect, Sound

logger = logging.getLogger(__name__)


class SipCall:
    """A call that is answered. `bye` sends ours until it is answered."""

    may_return = False

    def __init__(
        self, call: IncomingCall, offer: Offer, sound: Sound, host: str, bye: Callable[[IncomingCall], Awaitable[None]]
    ) -> None:
        self.call, self.sound, self.host = call, sound, host
        self.dialect: Dialect = SipDialect()
        self.broken: Broken | None = None
        self.carrying: Carrying | None = None
        self.is_gone = False
        self._bye = bye
        self._offer = offer
        self._line: Ear | None = None
        self._session, self._version = str(secrets.randbits(31)), int(time.time())

    def answer(self) -> None:
        """200, with our side of the offer that stands now. Packets are taken already."""
        self._version += 1
        self.call.accept(offers.answer(self._offer, self.host, self.sound.port, self._session, self._version))
        self.sound.start()
        self._hold(self._offer.is_held)

    def offered(self) -> None:
        """They offer anew (re-INVITE): elsewhere, or on hold, or back. `NotAcceptable`: all stays as it was."""
        request = self.call.invite
        if request.body:
            # What the call speaks, it goes on speaking.
            self._offer = offer = offers.read(request, [self.sound.payload_type])
            if not offer.is_held:
                self.sound.move(offer.remote, (offer.remote[0], self.call.source_addr[0]))
        self.answer()

    def _hold(self, is_held: bool) -> None:
        self.sound.is_held = is_held
        if self._line is not None:
            (self._line.rest if is_held else self._line.go_on)()

    def gone(self, broken: Broken | None = None) -> None:
        """They hung up, or we can't reach them any more."""
        self.is_gone = True
        self.broken = self.broken or broken
        self.sound.events.put_nowait(None)

    def leave(self, broken: Broken) -> None:
        """This process ends: say goodbye, in SIP, at once."""
        self.broken = broken
        if self.carrying is not None:
            self.carrying.leave()
        self.sound.events.put_nowait(None)

    # --- `Far` ------------------------------------------------------------------------------------------------------

    async def put(self, frame: Frame) -> None:
        """To be sent at its pace."""
        if not self.is_gone:
            self.sound.put(frame)

    async def read(self, line: Ear) -> None:
        """Until they hang up."""
        self._line = line
        self._hold(self.sound.is_held)
        while not self.is_gone and (event := await self.sound.events.get()) is not None:
            line.hear(event)

    async def close(self) -> None:
        """Hang up, unless they did."""
        if not self.is_gone:
            self.is_gone = True
            await asyncio.shield(asyncio.ensure_future(self._bye(self.call)))
