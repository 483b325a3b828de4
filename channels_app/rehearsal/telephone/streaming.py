"""`Connect` with `Stream`: the caller's sound goes to us as Twilio's Media Streams write it, and ours comes back.

Microphone and loudspeaker are the page's. It can't sign a handshake as Twilio does, so the line stands between: it
opens the socket, names the call, numbers the frames, and lets sound through both ways.

Source of the frames: twilio.com/docs/voice/media-streams/websocket-messages, of the errors twilio.com/docs/api/errors.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from channels_app.rehearsal.telephone import forms
from channels_app.rehearsal.telephone.line import Key, NoRelay, Over, RelaySocket, Stopped
from channels_app.rehearsal.telephone.twiml import Verb
from convoship.lib.parsers import BadJSON, loads

if TYPE_CHECKING:
    from channels_app.rehearsal.telephone.leg import Leg

# Twilio's errors of streams: the handshake failed, and a message that it doesn't take.
NO_CONNECTION, REFUSED_MESSAGE = 31920, 31951
# Of the page's frames: half a second of sound at most, and so many that wait for a socket that doesn't take them.
LONGEST_PAYLOAD, MOST_WAITING = 5_500, 250
LONGEST_MARK = 64
FRAME_MS = 20


@dataclass
class Stream:
    """One stream of a line."""

    leg: Leg
    socket: RelaySocket
    sid: str
    parameters: Mapping[str, str]
    sent: int = 0
    chunks: int = 0
    heard: int = 0
    is_warned: bool = False
    waiting: asyncio.Queue[tuple[str, dict[str, Any]]] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    # --- From the page ----------------------------------------------------------------------------------------------

    def bring(self, payload: str) -> None:
        """20 ms of the microphone. What the socket doesn't take in time is lost, as on a network."""
        if len(payload) > LONGEST_PAYLOAD or not _is_base64(payload):
            return
        with contextlib.suppress(asyncio.QueueFull):
            self.waiting.put_nowait(("media", {"media": {"track": "inbound", "payload": payload}}))

    def played(self, mark: str) -> None:
        """The loudspeaker has played what came before this mark, or threw it away."""
        with contextlib.suppress(asyncio.QueueFull):
            self.waiting.put_nowait(("mark", {"mark": {"name": mark[:LONGEST_MARK]}}))

    async def send(self) -> None:
        """Bring it to us, for as long as the stream lasts."""
        while True:
            event, more = await self.waiting.get()
            if event == "media":
                self.chunks += 1
                more["media"] |= {"chunk": str(self.chunks), "timestamp": str(FRAME_MS * self.chunks)}
            await self.tell(event, **more)

    async def listen(self) -> None:
        """Keys go over the socket. Written words nobody hears: they have no sound."""
        while True:
            heard = await self.leg.heard.get()
            if isinstance(heard, Key):
                await self.tell("dtmf", dtmf={"track": "inbound_track", "digit": heard.key})
            else:
                self.leg.outside.show("unheard", who=self.leg.role, text=str(heard))

    async def begin(self) -> None:
        """Twilio's first two messages."""
        await self.socket.send(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        start = {
            "accountSid": self.leg.facts.account,
            "streamSid": self.sid,
            "callSid": self.leg.facts.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": dict(self.parameters),
        }
        await self.tell("start", start=start)

    async def tell(self, event: str, **more: Any) -> None:
        """One message to us; of sound itself and of marks the log has no line."""
        self.sent += 1
        text = json.dumps({"event": event, "sequenceNumber": str(self.sent), **more, "streamSid": self.sid})
        if event not in {"media", "mark"}:
            await self.leg.outside.frame(self.leg.facts, sent=True, text=text)
        await self.socket.send(text)

    # --- From us ----------------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """Let our sound through to the page until the socket is closed."""
        while (text := await self.socket.receive()) is not None:
            wrong = await self._take(text)
            if wrong and not self.is_warned:
                # Twilio says it once a stream.
                self.is_warned = True
                await self.leg.outside.fault(self.leg.facts, REFUSED_MESSAGE, f"Invalid message: {wrong}")

    async def _take(self, text: str | bytes) -> str:
        """What is wrong with one of our messages; "" where Twilio takes it."""
        try:
            message = loads(text)
        except BadJSON:
            return "no JSON."
        if not isinstance(message, dict) or message.get("streamSid") != self.sid:
            return "it does not name the stream."
        show, part = self.leg.outside.show, _part(message)
        match message.get("event"):
            case "media" if isinstance(part.get("payload"), str) and _is_base64(part["payload"]):
                self.heard += 1
                show("sound", payload=part["payload"])
            case "mark" if isinstance(part.get("name"), str):
                show("sound_mark", name=part["name"])
            case "clear":
                await self.leg.outside.frame(self.leg.facts, sent=False, text=json.dumps(message))
                show("sound_clear")
            case other:
                return f"{str(other)[:40]!r} is none, or lacks what it has to have."
        return ""


def _part(message: Mapping[str, Any]) -> Mapping[str, Any]:
    found = message.get(str(message.get("event")))
    return found if isinstance(found, dict) else {}


def _is_base64(payload: str) -> bool:
    try:
        base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


async def stream(leg: Leg, noun: Verb) -> None:
    """Carry sound until somebody ends it; then the document goes on behind `Connect`."""
    outside = leg.outside
    leg.forget()
    try:
        socket = await leg.until(outside.open_relay(leg.facts, noun.get("url")))
    except NoRelay as failed:
        await outside.fault(leg.facts, NO_CONNECTION, failed.words)
        return
    if socket is None:
        raise AssertionError("a socket is open, or NoRelay was raised")
    parameters = {one.get("name"): one.get("value") for one in noun.inside if one.name == "Parameter"}
    found = leg.stream = Stream(leg, socket, forms.sid("MZ"), parameters)
    is_rude = False
    outside.show("stream", on=True)
    try:
        await found.begin()
        await leg.until(_carried(found))
    except Stopped as stopped:
        is_rude = isinstance(stopped, Over) and stopped.how == "dropped"
        if not is_rude:
            with contextlib.suppress(Exception):
                await found.tell("stop", stop={"accountSid": leg.facts.account, "callSid": leg.facts.sid})
        raise
    finally:
        leg.stream = None
        outside.show("stream", on=False, sent=found.chunks, heard=found.heard)
        with contextlib.suppress(Exception):
            await socket.close(rudely=is_rude)


async def _carried(found: Stream) -> None:
    """Until our side closes the socket, or it breaks."""
    work = [asyncio.ensure_future(one) for one in (found.read(), found.send(), found.listen())]
    found.leg.is_listened_to = True
    try:
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    finally:
        found.leg.is_listened_to = False
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
