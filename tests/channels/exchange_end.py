"""A world outside a rehearsed line: documents by address, a socket in the test's hands, and all that the line told."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.rehearsal.telephone.forms import Facts, sid
from channels_app.rehearsal.telephone.leg import Leg
from channels_app.rehearsal.telephone.line import Next, NoRelay, Over, Queue, RelaySocket, Reply, Ringing, Stopped
from channels_app.rehearsal.telephone.voice import Pace

BASE = "https://convoship.example/voice"
CALLER, NUMBER, PERSON = "+14155550123", "+14155552671", "+14155550199"
FAST = Pace(speech=200.0, waits=0.02)
# Fast, and with words that last long enough to be interrupted.
SPOKEN = Pace(speech=4.0, waits=0.02)
Document: TypeAlias = VoiceResponse | str | Reply | Callable[[Mapping[str, str]], Any]


@dataclass
class Asked:
    """A request to our webhook."""

    url: str
    form: Mapping[str, str]
    is_told: bool

    def __getitem__(self, name: str) -> str:
        return self.form[name]


class Socket:
    """The relay's end of a socket."""

    def __init__(self) -> None:
        self.to_us: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_us: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.was_rude: bool | None = None

    async def send(self, text: str) -> None:
        self.to_us.put_nowait(json.loads(text))

    async def receive(self) -> str | bytes | None:
        return await self.from_us.get()

    async def close(self, *, rudely: bool = False) -> None:
        self.was_rude = rudely

    def says(self, **frame: Any) -> None:
        """We send this frame."""
        self.from_us.put_nowait(json.dumps(frame))

    async def hears(self, kind: str) -> dict[str, Any]:
        """The next frame of this kind that Twilio sends."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.to_us.get()
                if frame["type"] == kind:
                    return frame


@dataclass
class World:
    """Documents by what stands behind `BASE`; a list gives its next one at each request."""

    documents: dict[str, Document | list[Document]]
    pace: Pace = FAST
    queues: dict[str, Queue] = field(default_factory=dict)
    sends_partials: bool = False
    asked: list[Asked] = field(default_factory=list)
    shown: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    rings: asyncio.Queue[Ringing] = field(default_factory=asyncio.Queue)
    socket: Socket = field(default_factory=Socket)
    has_relay: bool = True
    relay_urls: list[str] = field(default_factory=list)
    frames: list[tuple[bool, str]] = field(default_factory=list)
    recorded: list[str] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str) -> Reply:
        self.asked.append(Asked(url.removeprefix(BASE), {**call.form(), **form}, False))
        self.seen.set()
        found = self.documents.get(url.removeprefix(BASE), Reply(404, words="no such document"))
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        if callable(found):
            found = found({**call.form(), **form})
        return found if isinstance(found, Reply) else Reply(200, "text/xml; charset=utf-8", str(found))

    async def tell(self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str) -> None:
        self.asked.append(Asked(url.removeprefix(BASE), {**call.form(), **form}, True))
        self.seen.set()

    async def changed(self, call: Facts, seconds: int | None) -> None:
        self.statuses.append(f"{call.direction}:{call.status}")

    async def open_relay(self, call: Facts, url: str) -> RelaySocket:
        self.relay_urls.append(url)
        if not self.has_relay:
            raise NoRelay("Nothing answers there.")
        return self.socket

    async def frame(self, call: Facts, *, sent: bool, text: str, note: str = "", many: int = 1) -> None:
        self.frames.append((sent, text))

    async def fault(self, call: Facts, code: int, words: str) -> None:
        self.faults.append((code, words))

    def show(self, kind: str, **what: Any) -> None:
        self.shown.append((kind, what))
        self.seen.set()

    async def ring(self, parent: Leg, to: str, caller: str, callback: str, events: str) -> Ringing:
        facts = Facts(sid("CA"), parent.facts.account, caller, to, "outbound-dial", "ringing", parent.facts.sid)
        found = Ringing(Leg(self, facts, role="person"), asyncio.get_running_loop().create_future())
        self.rings.put_nowait(found)
        return found

    async def start_recording(self, call: Facts, callback: str) -> None:
        self.recorded.append(callback)

    def now(self) -> dt.datetime:
        return timezone.now()

    async def keep_recording(self, call: Facts, seconds: int, words: str) -> tuple[str, str]:
        self.recorded.append(words)
        return "RE" + "1" * 32, f"{BASE}/Recordings/RE{'1' * 32}"

    # --- What a test does -----------------------------------------------------------------------------------------

    def leg(self, **more: Any) -> Leg:
        """A caller's line."""
        return Leg(self, Facts(sid("CA"), "AC" + "0" * 32, CALLER, NUMBER, "inbound", "ringing"), **more)

    def calls(self, **more: Any) -> tuple[Leg, asyncio.Task[str]]:
        """Somebody calls: their line, and how it ends."""
        leg = self.leg(**more)
        return leg, asyncio.ensure_future(self._run(leg))

    async def _run(self, leg: Leg) -> str:
        async with asyncio.timeout(20):
            try:
                await leg.run(Next(BASE))
            except Over as over:
                leg.stop(over)
                return over.how
            except Stopped as stopped:  # pragma: no cover
                raise AssertionError("a line that moved goes on") from stopped
            leg.stop(Over("hung_up_on"))
            return "done"

    async def until(self, kind: str, **what: Any) -> dict[str, Any]:
        """Wait until the screen was shown this."""
        async with asyncio.timeout(5):
            while True:
                for shown, values in self.shown:
                    if shown == kind and all(values.get(name) == value for name, value in what.items()):
                        return values
                self.seen.clear()
                await self.seen.wait()

    def spoken(self) -> list[str]:
        """What was said to them, as far as they heard it."""
        texts: dict[int, str] = {}
        heard: dict[int, int] = {}
        for kind, what in self.shown:
            if kind == "speech":
                texts[what["id"]] = what["text"]
            elif kind == "speech_more":
                texts[what["id"]] += what["text"]
            elif kind in {"spoken", "speech_over"}:
                heard[what["id"]] = what["letters"]
        return [texts[number][: heard.get(number, 0)].strip() for number in texts]

    def only(self, path: str) -> Asked:
        """The one request to this address."""
        (found,) = [one for one in self.asked if one.url == path]
        return found
