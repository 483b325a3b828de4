"""The socket of a call's sound: `/stream` of a connection's address, in processes that do nothing else.

A raw ASGI endpoint: a frame is read, decoded and heard on the event loop, without a thread for it, without the database
and the channel layer. Who connects is judged before they are accepted, as that kind signs; for which call is said by a
ticket, in the opening frame or in the address, good once and for that call alone (RELIABILITY R26, R30).

Close codes: 1000 the session is over, 1008 too many frames or too much sound, 1009 a frame too large, 1012 this process
ends, 1013 we are too busy, 4400 frames that are none, 4401 no call for this ticket, or another socket has it now, 4408
no opening frame.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError

from channels_app.providers.base import Capability
from channels_app.voice import handshakes, relay_acts, relay_tickets
from channels_app.voice.handshakes import Knock
from channels_app.voice.media import dialects, engines_of, speech
from channels_app.voice.media.carrying import Broken, Carrying
from channels_app.voice.media.events import Audio, BadFrame, Dialect, Ear, Event, Frame, Started, Stopped
from channels_app.voice.media.flow import MOST_AHEAD, Flow
from channels_app.voice.media.waiting import MOST_ALIKE, Waiting
from convoship.lib import client_ip
from convoship.lib.database import drop_broken_connections
from convoship.lib.frame_rate import FrameRate
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread

logger = logging.getLogger(__name__)

PART = "stream"
OPENING_SECONDS = 5.0
# Sound comes fifty times a second; a network that stalled gives all of it at once when it is back.
MOST_FRAMES, IN_SECONDS = 1000, 10.0
# Before it is said for which call: Asterisk's sound may overtake its opening.
MOST_OPENING_FRAMES = 300
# Handshakes of one address that are judged at once; the database is asked for each.
MOST_KNOCKING = 50
# How often a connection's page is told of sockets that were closed for others.
TOLD_EVERY = 60.0
LARGEST_FRAME = 128 * 1024
# Frames that can't be read, in a row, until who sends them speaks another language.
MOST_BAD_FRAMES = 20
# A process that ends waits so long for its calls to be written down.
ENDS_WITHIN = 1.8

OVER, RATE, TOO_LARGE, RESTART, OVERLOAD = 1000, 1008, 1009, 1012, 1013
NO_DIALECT, NO_CALL, NO_OPENING = 4400, 4401, 4408

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

# Calls of this process, by connection.
_calls: Counter[UUID] = Counter()
_open: set[_Socket] = set()
# By call.
_carried: dict[UUID, _Socket] = {}
_waiting = Waiting()
# Handshakes, by address.
_knocking: Counter[str] = Counter()
# When a connection's page was told of sockets that had to go.
_told_at: dict[UUID, float] = {}


async def stream(scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
    """One socket, from its handshake to its end."""
    if (await receive())["type"] != "websocket.connect":
        return
    address = client_ip.of_scope(dict(scope))
    knock = await _admitted(scope, address)
    if knock is None:
        # Before it is accepted: the other side sees 403.
        await send({"type": "websocket.close", "code": 4403})
        return
    dialect = dialects.new(speech.dialect_of(knock.config))
    offered = scope.get("subprotocols") or ()
    subprotocol = dialect.subprotocol if dialect.subprotocol in offered else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    await _Socket(knock, address, dialect, receive, send).run()


async def _admitted(scope: Mapping[str, Any], address: str) -> Knock | None:
    if _knocking[address] >= MOST_KNOCKING:
        logger.warning("a call's socket was refused: %s opens %d at once", address, MOST_KNOCKING)
        return None
    _knocking[address] += 1
    try:
        return await handshakes.admitted(scope, PART, Capability.STREAMED, settings.MEDIA_BASE_URL)
    finally:
        _knocking[address] -= 1
        if not _knocking[address]:
            del _knocking[address]


def calls() -> int:
    """How many calls this process carries."""
    return _calls.total()


async def end_all() -> None:
    """This process ends: each call is written down as far as it was heard, and its socket closed, in two seconds."""
    sockets = list(_open)
    for socket in sockets:
        socket.leave()
    if sockets:
        await asyncio.wait({socket.ended for socket in sockets}, timeout=ENDS_WITHIN)


class _Socket:
    """An accepted socket: its limits, its opening frame, and then sound both ways."""

    def __init__(self, knock: Knock, address: str, dialect: Dialect, receive: Receive, send: Send) -> None:
        self.knock, self.address, self.dialect = knock, address, dialect
        self.receive, self.send = receive, send
        self.frame_rate = FrameRate(MOST_FRAMES, IN_SECONDS)
        self.bad, self.bad_words = 0, ""
        self.is_gone = False
        self.close_code = OVER
        # Where the other side broke a limit.
        self.broken: Broken | None = None
        self.early: list[Event] = []
        self.carrying: Carrying | None = None
        self.flow = Flow(asyncio.get_running_loop().time())
        self._opens = asyncio.timeout(OPENING_SECONDS)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def leave(self) -> None:
        """The process ends."""
        self.close_code = RESTART
        _waiting.let_go(self)
        if self.carrying is not None:
            self.carrying.leave()

    def replace(self) -> None:
        """Another socket has this call now: whoever opened this one may be gone without a word."""
        self.close_code = NO_CALL
        if self.carrying is not None:
            self.carrying.leave()

    @property
    def belongs(self) -> Sequence[Hashable]:
        """See `waiting`."""
        return self.knock.connection_id, self.address

    def give_way(self) -> None:
        """It was not said for which call this one is, and others wait."""
        if not self._opens.expired():
            self._opens.reschedule(asyncio.get_running_loop().time())

    @property
    def may_return(self) -> bool:
        """Whether the call goes on without this socket: in another process, or over another one."""
        return self.close_code != OVER

    async def close(self) -> None:
        """The call is over on our side, or this process ends."""
        await self._close(self.close_code)

    async def run(self) -> None:
        """Until either side ends it."""
        _open.add(self)
        try:
            await self._run()
        finally:
            _open.discard(self)
            if not self.ended.done():
                self.ended.set_result(None)

    async def _run(self) -> None:
        try:
            async with self._opens:
                if _waiting.add(self):
                    await self._tell_of_many()
                started = await self._opening()
        except TimeoutError:
            if self.close_code == RESTART:
                await self._close(RESTART)
                return
            words = f"A socket sent nothing that begins a call within {OPENING_SECONDS:.0f} seconds."
            await self._turn_away(NO_OPENING, "no_opening", f"{words} {self.bad_words}".strip())
            return
        finally:
            _waiting.remove(self)
        if started is None:
            return
        connection_id = self.knock.connection_id
        if _calls.total() >= settings.MEDIA_MOST_CALLS or (
            _calls[connection_id] >= settings.MEDIA_MOST_CALLS_PER_CONNECTION
        ):
            logger.warning("a call of connection %s was not taken: this process has as many as it may", connection_id)
            words = "A call was not taken, as this process carries as many as it may (MEDIA_MOST_CALLS)."
            await self._turn_away(OVERLOAD, "too_many_calls", words)
            return
        _calls[connection_id] += 1
        try:
            await self._converse(started)
        finally:
            _calls[connection_id] -= 1
            if not _calls[connection_id]:
                del _calls[connection_id]

    async def _tell_of_many(self) -> None:
        """Say, on the connection's page, that sockets were closed for others."""
        now, knock = time.monotonic(), self.knock
        if now - _told_at.get(knock.connection_id, -TOLD_EVERY) < TOLD_EVERY:
            return
        _told_at[knock.connection_id] = now
        words = (
            f"More than {MOST_ALIKE} sockets were open that had not said for which call they are (the last from "
            f"{self.address}); the oldest were closed. Open a socket once there is a ticket, and say it at once."
        )
        logger.warning("connection %s: %s", knock.connection_id, words)
        await handshakes.refused(knock, PART, "sockets_waiting", words)

    async def _converse(self, started: Started) -> None:
        knock = self.knock
        ticket = started.parameters.get(relay_tickets.PARAMETER, "") or knock.query.get(relay_tickets.PARAMETER, "")
        # Where a dialect's name of the call is none of ours, the ticket alone says which one it is.
        tells = dialects.DIALECTS[speech.dialect_of(knock.config)].tells_call
        named = started.call or None if tells else None
        session_id = (started.stream or started.call)[:64]
        words = engines_of.words_of(knock.config)
        try:
            admitted = await in_tenant(relay_acts.admit_sound)(
                knock.workspace_id, knock.connection_id, ticket, named, session_id, words
            )
            if admitted is None:
                why = await in_tenant(relay_tickets.why_not)(knock.workspace_id, knock.connection_id, named, ticket)
        except (OperationalError, InterfaceError) as error:
            logger.warning("a call's socket was closed, the database does not answer: %s", error)
            await self._close(OVERLOAD)
            await in_thread(drop_broken_connections)
            return
        if admitted is None:
            await self._turn_away(NO_CALL, *why)
            return
        is_asked = speech.is_asked_afterwards(knock.kind)
        self.carrying = Carrying(self, admitted, knock.connection_id, is_asked=is_asked)
        earlier, _carried[admitted.call_id] = _carried.get(admitted.call_id), self
        if earlier is not None:
            earlier.replace()
        if self.close_code != OVER:
            # The process ends, as it began to do while the ticket was looked at.
            self.carrying.leave()
        try:
            await self.carrying.run(self.early)
        finally:
            if _carried.get(admitted.call_id) is self:
                del _carried[admitted.call_id]

    async def _opening(self) -> Started | None:
        """The opening frame; None where the socket is closed before it."""
        read = 0
        while (frame := await self._next()) is not None:
            read += 1
            if read > MOST_OPENING_FRAMES:
                await self._refuse(NO_DIALECT, "None of so many frames said for which call they are.")
                return None
            for event in self._events(frame):
                if isinstance(event, Started):
                    return event
                self.early.append(event)
            if self.bad >= MOST_BAD_FRAMES:
                await self._turn_away(NO_DIALECT, "frames_unreadable", self.bad_words)
        return None

    async def read(self, line: Ear) -> None:
        """Have the line hear until the socket ends. Nothing here waits for anything else than the next frame."""
        loop = asyncio.get_running_loop()
        while (frame := await self._next()) is not None:
            for event in self._events(frame):
                if isinstance(event, Stopped):
                    self.is_gone = True
                    return
                if isinstance(event, Audio) and self.flow.is_too_much(len(event.ulaw), loop.time()):
                    words = f"Sound came faster than time goes by, and was {MOST_AHEAD:.0f} seconds ahead of it."
                    await self._refuse(RATE, words)
                    return
                line.hear(event)
            if self.bad >= MOST_BAD_FRAMES:
                await self._refuse(NO_DIALECT, self.bad_words)

    def _events(self, frame: Frame) -> list[Event]:
        try:
            events = list(self.dialect.read(frame))
        except BadFrame as error:
            self.bad += 1
            words = f"A frame came that can't be read: {error}"
            if self.carrying is not None and words != self.bad_words:
                # Once for each fault: it stands in the call's story, and the call goes on.
                self.carrying.note(words)
            if self.carrying is not None or not self.bad_words:
                # (Before the call the first fault is the one that all others come of.)
                self.bad_words = words
            logger.info("a frame of connection %s can't be read: %s", self.knock.connection_id, error)
            return []
        self.bad = 0
        return events

    async def _next(self) -> Frame | None:
        """The next frame; None once the socket is closed, be it by its limits."""
        while not self.is_gone:
            event = await self.receive()
            if event["type"] == "websocket.disconnect":
                self.is_gone = True
                return None
            if event["type"] != "websocket.receive":
                continue
            text, data = event.get("text"), event.get("bytes")
            frame: Frame = data if data is not None else (text or "")
            if len(frame) > LARGEST_FRAME:
                await self._refuse(TOO_LARGE, f"A frame came that is larger than {LARGEST_FRAME} bytes.")
                return None
            if self.frame_rate.is_too_high():
                await self._refuse(RATE, f"More than {MOST_FRAMES} frames came in {IN_SECONDS:.0f} seconds.")
                return None
            return frame
        return None

    async def put(self, frame: Frame) -> None:
        """Send it."""
        if not self.is_gone:
            await self.send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})

    async def _refuse(self, code: int, words: str) -> None:
        self.broken = Broken(words, "Look at what your gateway sends, and at docs/voice-streams.md.")
        await self._close(code)

    async def _turn_away(self, code: int, reason: str, words: str) -> None:
        """Close a socket that no call came of, and say why on the connection's page."""
        if not self.is_gone:
            await self._close(code)
            await handshakes.refused(self.knock, PART, reason, words)

    async def _close(self, code: int) -> None:
        if not self.is_gone:
            self.is_gone = True
            for frame in self.dialect.hang_up() if code == OVER and self._hangs_up() else ():
                await self.send({"type": "websocket.send", "text" if isinstance(frame, str) else "bytes": frame})
            await self.send({"type": "websocket.close", "code": code})

    def _hangs_up(self) -> bool:
        """Whether a session's end is the call's: where nobody asks us what comes next."""
        return not speech.is_asked_afterwards(self.knock.kind)
