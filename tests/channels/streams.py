"""A caller whose sound is brought to us: a voice speaks, an ear hears, in real time, over the product's own socket.

What they say is flite's, what they hear is kept as it was played. The frames are a vendor's own (`media_senders`),
which refuses what its page does not know.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from channels.testing import WebsocketCommunicator

from channels_app.voice.engines.pocketsphinx_local import hearing as pocketsphinx
from channels_app.voice.media.events import FRAME, SILENCE
from tests.channels.hearing import hearing, spoken
from tests.channels.media_sender import Sender

# In real time: a frame is twenty milliseconds.
STEP = 0.02


@dataclass
class Noted:
    """A piece of our sound as the caller heard it."""

    at: float
    ulaw: bytes


class Line(WebsocketCommunicator):
    """One socket of a call's sound, opened as a sender of this kind does it."""

    all: ClassVar[list[Line]] = []

    def __init__(self, url: str, sender: Sender, headers: dict[str, str] | None = None) -> None:
        from convoship.media import application

        parts = urlsplit(url)
        given = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        subprotocols = [sender.subprotocol] if sender.subprotocol else None
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        super().__init__(application, path, headers=[(b"host", b"127.0.0.1"), *given], subprotocols=subprotocols)
        self.scope["client"] = ["127.0.0.1", 4711]
        self.sender = sender
        self.to_say = bytearray()
        self.heard: list[Noted] = []
        self.close_code: int | None = None
        self.waits_for_close = False
        # When the caller last began to speak.
        self.began_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self.all.append(self)

    async def open(self) -> None:
        """Knock, say the opening frames, and let time go by from here on."""
        accepted, told = await self.connect(timeout=10)
        assert accepted, told
        for frame in self.sender.opening():
            await self._tell(frame)
        self._tasks = [asyncio.ensure_future(task) for task in (self._go_on(), self._listen())]

    async def _tell(self, frame: str | bytes) -> None:
        if self.close_code is None:
            await (self.send_to(text_data=frame) if isinstance(frame, str) else self.send_to(bytes_data=frame))

    async def _go_on(self) -> None:
        """Time goes by: a frame of the caller's each twenty milliseconds, and as much of ours is heard."""
        due, is_speaking = time.monotonic(), False
        while self.close_code is None:
            piece = bytes(self.to_say[:FRAME]).ljust(FRAME, SILENCE)
            self.began_at = time.monotonic() if self.to_say and not is_speaking else self.began_at
            is_speaking = bool(self.to_say)
            del self.to_say[:FRAME]
            for frame in self.sender.audio(piece):
                await self._tell(frame)
            before = len(self.sender.heard)
            for frame in self.sender.play(FRAME):
                await self._tell(frame)
            if played := bytes(self.sender.heard[before:]):
                self.heard.append(Noted(time.monotonic(), played))
                self._changed.set()
            due += STEP
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _listen(self) -> None:
        while True:
            event = await self.receive_output(600)
            if event["type"] == "websocket.close":
                self.close_code = event["code"]
                self._changed.set()
                return
            frame = event.get("text") if event.get("text") is not None else event.get("bytes")
            for answer in self.sender.take(frame):
                await self._tell(answer)

    # --- What the caller does and hears -----------------------------------------------------------------------------

    async def says(self, words: str) -> None:
        """The caller says this, and is done."""
        self.to_say += await spoken(words)
        await self.until(lambda: not self.to_say, 60)

    async def presses(self, keys: str) -> None:
        for key in keys:
            for frame in self.sender.key(key):
                await self._tell(frame)

    async def hangs_up(self) -> None:
        for frame in self.sender.stop():
            await self._tell(frame)
        await self.break_off(1000)

    async def break_off(self, code: int = 1006) -> None:
        await self._stop()
        await self.disconnect(code)

    async def _stop(self) -> None:
        self.close_code = self.close_code if self.close_code is not None else -1
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in self._tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def until(self, holds: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until this holds of what was heard, or the socket's state."""
        async with asyncio.timeout(seconds):
            while not (found := holds()):
                self._check()
                assert self.close_code is None or self.waits_for_close, f"The socket was closed: {self.close_code}"
                self._changed.clear()
                try:
                    async with asyncio.timeout(0.1):
                        await self._changed.wait()
                except TimeoutError:
                    pass
            return found

    def _check(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def closed(self, seconds: float = 20) -> int:
        """The close code."""
        self.waits_for_close = True
        await self.until(lambda: self.close_code is not None, seconds)
        assert self.close_code is not None
        return self.close_code

    async def hears(self, *, since: int = 0, pause: float = 0.8, seconds: float = 30) -> bytes:
        """What is said to the caller from there on until a pause."""

        def is_over() -> bool:
            said = self.heard[since:]
            return bool(said) and time.monotonic() - said[-1].at > pause

        await self.until(is_over, seconds)
        return b"".join(one.ulaw for one in self.heard[since:])

    @property
    def place(self) -> int:
        """Where what is said from now on begins (`since`)."""
        return len(self.heard)


async def words_of(sound: bytes) -> str:
    """What an ear makes of it. It takes its time: not while somebody is on the line who may fall silent."""
    async with hearing(pocketsphinx({}, "")) as ear:
        return await ear.say(sound)


async def let_go() -> None:
    """At the end of a test."""
    for line in Line.all:
        await line._stop()
        await line.wait(0.01)
    Line.all.clear()
