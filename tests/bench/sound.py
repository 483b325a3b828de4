"""Calls whose sound is ours: twenty at once on one processor, who ask, listen, and speak over the answer.

Callers are Twilio's dialect in real time: a frame each twenty milliseconds, and a buffer that is played as it says. The
ear, the model and the mouth take a fixed time each, so what is measured is ours: from the pause that the ear is told of
to the first sound of the answer, less these three; how long our voice goes on when somebody speaks over it; how late
frames reach the ear; how often the buffer runs dry in the midst of words; and what a frame costs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import urllib.request
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench import model
from tests.bench.carrying import as_json
from tests.bench.clients import Broken, SocketLane
from tests.bench.loads import cpu_seconds
from tests.bench.servers import Bench, Server
from tests.bench.speech import FRAME, HEARS_SECONDS, SPEAKS_SECONDS, Hearing, ear

CALLS = int(os.environ.get("SOUNDING_CALLS", 20))
STEP = 0.02
# Half of the time in which who speaks over us has to hear silence.
FRAME_DEADLINE = 0.1
ENGINES_SECONDS = HEARS_SECONDS + model.SHORT_SECONDS + SPEAKS_SECONDS
# An answer is spoken over when so much of it was heard.
SPEAKS_OVER_AFTER = 1.0
THINKS_SECONDS = 0.7
PATIENCE_SECONDS = 30
_SILENCE = base64.b64encode(b"\xff" * FRAME)


@dataclass
class Sounded:
    """What so many calls did in so many seconds."""

    calls: int
    turns: list[float] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)
    frames: int = 0
    late: int = 0
    dry: int = 0
    worst_ms: float = 0.0
    # Of a frame while everybody is silent, and of one processor while they talk.
    cpu_us: float = 0.0
    busy: float = 0.0

    @property
    def overhead_ms(self) -> float:
        """Our own time of a turn, p95."""
        return _share(self.turns, 0.95) * 1000

    @property
    def silence_ms(self) -> float:
        """From the first sound of who speaks over us to our silence, p95."""
        return _share(self.silences, 0.95) * 1000

    def __str__(self) -> str:
        if not self.turns:
            return f"{self.calls} echoes, {self.cpu_us:.0f} us a frame, processor {self.busy:.0%}"
        turns = f"{len(self.turns)} turns, p50 {_share(self.turns, 0.5) * 1000:.0f} p95 {self.overhead_ms:.0f} ms"
        over = f"{len(self.silences)} times silent, p50 {_share(self.silences, 0.5) * 1000:.0f}"
        frames = f"{self.frames} frames, {self.late} late (worst {self.worst_ms:.0f} ms), {self.dry} times dry"
        cost = f"{self.cpu_us:.0f} us a frame, processor {self.busy:.0%}"
        return f"{self.calls} calls, {turns}, {over} p95 {self.silence_ms:.0f} ms, {frames}, {cost}"


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)]


class Caller:
    """One call, in real time."""

    def __init__(self, lane: SocketLane, stream: str, sound: bytes) -> None:
        self.lane, self.stream = lane, stream
        self.found: Sounded | None = None
        self.hearing: Hearing | None = None
        self._says = [base64.b64encode(sound[at : at + FRAME]) for at in range(0, len(sound), FRAME)]
        self._to_say: deque[bytes] = deque()
        self._sent_at: deque[float] = deque()
        self._heard_frames = 0
        # What the far side has to play: bytes of sound, or a mark's name.
        self._buffer: deque[int | str] = deque()
        self._is_midst = False
        self._is_silent = asyncio.Event()
        self._greeted = asyncio.Event()
        # The first sound of the answer that is waited for, and since when it is asked for.
        self._answer: asyncio.Future[float] | None = None
        self._since = 0.0
        self.done_saying = asyncio.Event()
        lane.hears = self._take

    # --- What comes ---------------------------------------------------------------------------------------------------

    def _take(self, frame: bytes) -> None:
        said = json.loads(frame)
        match said["event"]:
            case "media":
                self._greeted.set()
                self._note_sound()
                self._is_silent.clear()
                self._buffer.append(len(said["media"]["payload"]) * 3 // 4)
            case "mark":
                self._buffer.append(said["mark"]["name"])
            case "clear":
                marks = [one for one in self._buffer if isinstance(one, str)]
                self._buffer.clear()
                self._is_midst = False
                self._is_silent.set()
                for mark in marks:
                    self._tell_mark(mark)

    def _note_sound(self) -> None:
        """Of the answer, once the ear was asked for the words: what comes before belongs to what was said before."""
        is_answer = self.hearing is not None and self.hearing.asked_at > self._since
        if is_answer and self._answer is not None and not self._answer.done():
            self._answer.set_result(time.perf_counter())

    def _tell_mark(self, name: str) -> None:
        self.lane.say(as_json(event="mark", streamSid=self.stream, sequenceNumber="1", mark={"name": name}))

    def _play(self) -> None:
        """Twenty milliseconds of the buffer."""
        left = FRAME
        while self._buffer and (left or isinstance(self._buffer[0], str)):
            first = self._buffer.popleft()
            if isinstance(first, str):
                self._is_midst = False
                self._tell_mark(first)
                continue
            self._is_midst = True
            if first > left:
                self._buffer.appendleft(first - left)
            left -= min(left, first)
        if not self._buffer:
            self._is_silent.set()
            if self._is_midst and self.found is not None:
                self.found.dry += 1
                self._is_midst = False

    def _reached_ear(self, frames: int) -> None:
        now = time.perf_counter()
        while self._heard_frames < frames and self._sent_at:
            late = now - self._sent_at.popleft()
            self._heard_frames += 1
            if self.found is not None:
                self.found.late += late > FRAME_DEADLINE
                self.found.worst_ms = max(self.found.worst_ms, late * 1000)

    # --- What goes ----------------------------------------------------------------------------------------------------

    async def go_on(self, until: float, begins_in: float) -> None:
        """Time goes by."""
        await asyncio.sleep(begins_in)
        due, number = time.perf_counter(), 0
        while due < until:
            number += 1
            payload = self._to_say.popleft() if self._to_say else _SILENCE
            if not self._to_say:
                self.done_saying.set()
            self._sent_at.append(time.perf_counter())
            self.lane.say(_media(self.stream, number, payload))
            if self.found is not None:
                self.found.frames += 1
            self._play()
            due += STEP
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    async def says(self) -> None:
        """The caller asks; until they are done."""
        self.done_saying.clear()
        self._to_say.extend(self._says)
        await self.done_saying.wait()

    async def asks(self) -> None:
        """Ask, and wait for the first sound of the answer."""
        saying = asyncio.ensure_future(self.says())
        if not self._is_silent.is_set():
            since = time.perf_counter()
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._is_silent.wait()
            if self.found is not None:
                self.found.silences.append(time.perf_counter() - since)
        self._since = time.perf_counter()
        answer = self._answer = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await saying
            at = await answer
        assert self.hearing is not None
        if self.found is not None:
            self.found.turns.append(at - self.hearing.asked_at - ENGINES_SECONDS)

    async def talk(self, until: float, begins_in: float) -> None:
        """Ask, hear a second of the answer, ask over it, hear the whole of the next."""
        await asyncio.sleep(begins_in)
        while time.perf_counter() < until:
            await self.asks()
            await asyncio.sleep(SPEAKS_OVER_AFTER)
            # (Where it is over by now, this is a question like any other.)
            await self.asks()
            await self.hears_out()
            await asyncio.sleep(THINKS_SECONDS)

    async def hears_out(self) -> None:
        """Hear what is being said to its end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._greeted.wait()
            await self._is_silent.wait()

    def listen(self, hearing: Hearing) -> None:
        """This is where the call is heard."""
        self.hearing = hearing
        hearing.hears = self._reached_ear


def _media(stream: str, number: int, payload: bytes) -> bytes:
    return (
        b'{"event":"media","sequenceNumber":"%d","media":{"track":"inbound","chunk":"%d","timestamp":"%d","payload":"%b"},'
        b'"streamSid":"%b"}' % (number, number, number * 20, payload, stream.encode())
    )


async def _ring(web: int, media: int, about: dict[str, str], place: int) -> Caller:
    """Ask for a ticket, and open the socket with it."""
    path = f"/v1/public/channels/voice_gateway/{about['connection']}"
    call = f"call-{place}-{uuid.uuid4().hex[:8]}"
    ticket = await asyncio.to_thread(_ticket, f"http://127.0.0.1:{web}{path}/ticket", about["secret"], call)
    return await _open(media, f"{path}/stream", call, base64.b64decode(about["sound"]), {"ticket": ticket})


async def _open(port: int, path: str, call: str, sound: bytes, parameters: dict[str, str]) -> Caller:
    stream = f"MZ{uuid.uuid4().hex}"
    caller = Caller(await SocketLane.open(port, path), stream, sound)
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    start = {"accountSid": "AC0", "streamSid": stream, "callSid": call, "tracks": ["inbound"], "mediaFormat": form}
    caller.lane.say(as_json(event="connected", protocol="Call", version="1.0.0"))
    start["customParameters"] = parameters
    caller.lane.say(as_json(event="start", sequenceNumber="1", start=start, streamSid=stream))
    return caller


def _ticket(url: str, secret: str, call: str) -> str:
    body = as_json(call_id=call, nonce=uuid.uuid4().hex)
    stamp = str(int(time.time()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Convoship-Signature": digest, "X-Convoship-Timestamp": stamp, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=PATIENCE_SECONDS) as answer:
        ticket: str = json.load(answer)["ticket"]
    return ticket


async def sounded(bench: Bench, web: Server, about: dict[str, Any], seconds: float) -> Sounded:
    """The product's calls."""
    media = bench.media()
    callers: list[Caller] = []
    try:
        async with ear(bench.ear_port) as opened:
            began = time.perf_counter()
            tasks = []
            until = began + 600
            for place in range(CALLS):
                caller = await _ring(web.port, media.port, about, place)
                callers.append(caller)
                tasks.append(asyncio.ensure_future(caller.go_on(until, 0)))
                async with asyncio.timeout(PATIENCE_SECONDS):
                    caller.listen(await opened.get())
            # What a frame costs, without what turns cost.
            await _unless_broken(asyncio.gather(*(one.hears_out() for one in callers)), tasks)
            quiet = await _measured(media, callers, _unless_broken(asyncio.sleep(seconds / 3), tasks))
            # A turn of each before it counts: what is loaded once is loaded then.
            ends_at = time.perf_counter() + 8 + seconds
            talks = [asyncio.ensure_future(one.talk(ends_at, 0.3 * at)) for at, one in enumerate(callers)]
            await _unless_broken(asyncio.sleep(8), talks + tasks)
            found = await _measured(media, callers, _unless_broken(asyncio.sleep(seconds), talks + tasks))
            found.cpu_us = quiet.cpu_us
            async with asyncio.timeout(2 * PATIENCE_SECONDS):
                await asyncio.gather(*talks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        for caller in callers:
            caller.lane.close()
        media.stop()
    if len(found.turns) < 2 * CALLS or len(found.silences) < CALLS:
        raise Broken(f"{len(found.turns)} turns and {len(found.silences)} silences are too few to say anything")
    return found


async def echoed(bench: Bench, about: dict[str, Any], seconds: float) -> Sounded:
    """The toy's: the same frames, each sent back."""
    media = bench.toy_media()
    sound = base64.b64decode(about["sound"])
    callers = [await _open(media.port, "/", f"call-{place}", sound, {}) for place in range(CALLS)]
    try:
        until = time.perf_counter() + 1 + seconds
        goes = [asyncio.ensure_future(one.go_on(until, STEP * at / CALLS)) for at, one in enumerate(callers)]
        await asyncio.sleep(0.5)
        return await _measured(media, callers, _unless_broken(asyncio.sleep(seconds), goes))
    finally:
        for caller in callers:
            caller.lane.close()
        media.stop()


async def _measured(media: Server, callers: list[Caller], while_: Any) -> Sounded:
    found = Sounded(CALLS)
    for caller in callers:
        caller.found = found
    cpu, began = cpu_seconds(media.pid), time.perf_counter()
    await while_
    cpu = cpu_seconds(media.pid) - cpu
    found.cpu_us, found.busy = cpu / found.frames * 1e6, cpu / (time.perf_counter() - began)
    for caller in callers:
        caller.found = None
    return found


async def _unless_broken(waiting: Any, tasks: Sequence[asyncio.Future[None]]) -> None:
    """Wait, and raise what one of the tasks raises meanwhile."""
    main = asyncio.ensure_future(waiting)
    await asyncio.wait({main, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    if not main.done():
        main.cancel()
    for task in tasks:
        if task.done():
            task.result()
