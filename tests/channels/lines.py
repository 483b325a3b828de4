"""A line on a clock that leaps: minutes of a call pass in milliseconds, in the order in which they would.

The event loop's time jumps to the next timer whenever nothing else is left to do. So nothing sleeps, and nothing
depends on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from channels_app.voice import relay_frames
from channels_app.voice.engines.base import EngineFailed, Transcript
from channels_app.voice.media.events import FRAME, RATE, Audio, Event, Frame, Marked
from channels_app.voice.media.line import Engines, Line


class _Leaping(selectors.BaseSelector):
    """Never waits: where nothing is ready, the clock leaps by what would be waited for."""

    def __init__(self) -> None:
        self._inner = selectors.DefaultSelector()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> Any:
        ready = self._inner.select(0)
        if not ready and timeout:
            self.now += timeout
        return ready

    def register(self, *values: Any) -> Any:
        return self._inner.register(*values)

    def unregister(self, *values: Any) -> Any:
        return self._inner.unregister(*values)

    def modify(self, *values: Any) -> Any:
        return self._inner.modify(*values)

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Any:
        return self._inner.get_map()


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time leaps."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def leap(story: Callable[[], Awaitable[None]]) -> None:
    """Run it on such a loop."""
    loop = LeapingLoop()
    try:
        loop.run_until_complete(asyncio.wait_for(story(), 600))
    finally:
        loop.close()


class Detector:
    """Takes 0x01 bytes for speech."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, ulaw: bytes, tell: Callable[[float], None]) -> None:
        self._rest += ulaw
        while len(self._rest) >= 256:
            window, self._rest = self._rest[:256], self._rest[256:]
            tell(0.9 if window.count(1) > 128 else 0.02)


class Listening:
    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.queue: asyncio.Queue[Transcript | EngineFailed | None] = asyncio.Queue()
        self.fed = bytearray()
        self.is_closed = False

    def feed(self, ulaw: bytes) -> None:
        self.fed += ulaw

    def flush(self) -> None:
        """Tells the next of what the ear was made to hear."""
        words = self.ear.script.pop(0) if self.ear.script else ""
        if isinstance(words, str):
            asyncio.get_running_loop().call_later(self.ear.takes, self.queue.put_nowait, Transcript(words, True))
        else:
            self.queue.put_nowait(words)

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        while (told := await self.queue.get()) is not None:
            if isinstance(told, EngineFailed):
                raise told
            yield told

    async def close(self) -> None:
        self.is_closed = True
        self.queue.put_nowait(None)


class Ear:
    """Hears what it is told to, a little after each pause."""

    def __init__(self, *script: str | EngineFailed, takes: float = 0.1) -> None:
        self.script: list[str | EngineFailed] = list(script)
        self.takes = takes
        self.listenings: list[Listening] = []
        self.languages: list[str] = []

    async def listen(self, language: str) -> Listening:
        self.languages.append(language)
        self.listenings.append(Listening(self))
        return self.listenings[-1]

    async def close(self) -> None:
        pass


class Mouth:
    """Speaks a fifteenth of a second for each character."""

    def __init__(self, *, begins_after: float = 0.1) -> None:
        self.begins_after = begins_after
        self.spoken: list[str] = []
        self.closed = 0
        self.failures: list[EngineFailed] = []

    async def speak(self, words: str, language: str) -> AsyncGenerator[bytes]:
        self.spoken.append(words)
        try:
            await asyncio.sleep(self.begins_after)
            if self.failures:
                raise self.failures.pop(0)
            for character in words:
                yield bytes([ord(character) & 0x7F | 2]) * (RATE // 15)
                await asyncio.sleep(0.001)
        finally:
            self.closed += 1

    async def close(self) -> None:
        pass


class FarSide:
    """A dialect, and who plays what it says: at its own pace, marks after what stands before them."""

    subprotocol = ""

    def __init__(self, *, marks: bool = True) -> None:
        self.marks = marks
        self.line: Line | None = None
        self.played: list[tuple[float, bytes]] = []
        self.cleared_at: list[float] = []
        self._buffer: list[tuple[str, bytes]] = []
        self._free_at = 0.0

    def read(self, frame: Frame) -> Sequence[Event]:
        return ()

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        return (b"a" + ulaw,)

    def mark(self, name: str) -> Sequence[Frame]:
        return (b"m" + name.encode(),)

    def clear(self) -> Sequence[Frame]:
        return (b"c",)

    def hang_up(self) -> Sequence[Frame]:
        return (b"h",)

    async def take(self, frame: Frame) -> None:
        assert isinstance(frame, bytes)
        loop = asyncio.get_running_loop()
        now = loop.time()
        if frame[:1] == b"a":
            begins = max(now, self._free_at)
            self._free_at = begins + (len(frame) - 1) / RATE
            self.played.append((begins, frame[1:]))
        elif frame[:1] == b"m" and self.marks:
            name = frame[1:].decode()
            loop.call_at(max(now, self._free_at), self._reached, name)
        elif frame[:1] == b"c":
            self.cleared_at.append(now)
            # What had not begun to be played by now never is.
            self.played = [(at, ulaw[: max(0, round((now - at) * RATE))]) for at, ulaw in self.played if at < now]
            self._free_at = now

    def _reached(self, name: str) -> None:
        if self.line is not None:
            self.line.hear(Marked(name))

    @property
    def seconds_played(self) -> float:
        return sum(len(ulaw) for _, ulaw in self.played) / RATE


class Session:
    """Keeps what the line tells."""

    def __init__(self) -> None:
        self.told: list[relay_frames.Frame] = []
        self.sounds: list[int] = []
        self.given_up: list[tuple[str, str]] = []
        self.stirred = 0

    def hear(self, frame: relay_frames.Frame) -> None:
        self.told.append(frame)

    def sounded(self, milliseconds: int) -> None:
        self.sounds.append(milliseconds)

    def stir(self) -> None:
        self.stirred += 1

    def give_up(self, words: str, remedy: str) -> None:
        self.given_up.append((words, remedy))

    @property
    def prompts(self) -> list[str]:
        return [one.text for one in self.told if isinstance(one, relay_frames.Prompt) and one.is_last]

    @property
    def interrupts(self) -> list[str]:
        return [one.heard for one in self.told if isinstance(one, relay_frames.Interrupt)]


class Call:
    """A line with a session on one side and a caller on the other."""

    def __init__(
        self, ear: Ear, mouth: Mouth | None = None, *, marks: bool = True, is_interruptible: bool = True
    ) -> None:
        self.ear, self.mouth = ear, mouth or Mouth()
        self.far = FarSide(marks=marks)
        self.session = Session()
        self.ended: list[Any] = []
        engines = Engines(self.ear, self.mouth, Detector())
        self.line = Line(
            self.far, engines, self.far.take, self._end, language="en-US", is_interruptible=is_interruptible
        )
        self.line.session = self.session
        self.far.line = self.line
        self._running: asyncio.Task[None] | None = None

    async def _end(self, handed: Any) -> None:
        self.ended.append(handed)

    async def __aenter__(self) -> Call:
        self._running = asyncio.ensure_future(self.line.run())
        await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._running is not None
        if self._running.done():
            self._running.result()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    async def says(self, seconds: float) -> None:
        """The caller makes the sound of speech for so long."""
        await self._sound(b"\x01", seconds)

    async def is_quiet(self, seconds: float) -> None:
        await self._sound(b"\xff", seconds)

    async def _sound(self, sample: bytes, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            self.line.hear(Audio(sample * FRAME))
            await asyncio.sleep(0.02)

    async def is_told(self, *words: str) -> None:
        for one in words:
            await self.line.take(relay_frames.text(one, last=False))
