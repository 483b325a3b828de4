"""A caller for engines: what flite says in sound, what an ear makes of it, and how long the loop was held up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from channels_app.voice.engines.base import Listening, SpeechToText, TextToSpeech, Transcript
from channels_app.voice.engines.flite_local import Flite
from channels_app.voice.media.events import FRAME, RATE, SILENCE

# Sentences that pocketsphinx understands when flite says them.
BOOKING = "Hello, I would like to book a table for two tomorrow evening."
HOURS = "What are your opening hours?"
QUIET = SILENCE * (RATE // 2)
# Seconds that the loop may compute in one go, on a machine half as fast as usual. An engine's own work takes several
# times as long.
LOOP_HELD = 0.12


async def spoken(words: str, engine: TextToSpeech | None = None, language: str = "en") -> bytes:
    """All the sound of these words."""
    return b"".join([piece async for piece in (engine or Flite("rms")).speak(words, language)])


def feed(ear: Listening, ulaw: bytes) -> None:
    """As a call does: in frames of 20 ms, here without waiting between them."""
    for at in range(0, len(ulaw), FRAME):
        ear.feed(ulaw[at : at + FRAME])


async def flow(ear: Listening, ulaw: bytes) -> None:
    """As `feed`, with a turn of the loop after each frame, only quicker than a call does."""
    for at in range(0, len(ulaw), FRAME):
        ear.feed(ulaw[at : at + FRAME])
        await asyncio.sleep(0.002)


@dataclass
class Ear:
    """What was heard on one call so far."""

    inner: Listening
    transcripts: list[Transcript] = field(default_factory=list)

    async def say(self, ulaw: bytes) -> str:
        """Feed it, pause, and what was heard by the next final."""
        await flow(self.inner, QUIET + ulaw + QUIET)
        self.inner.flush()
        return (await self.final()).text

    async def final(self) -> Transcript:
        """The next final one that comes."""
        async for transcript in self.inner:
            self.transcripts.append(transcript)
            if transcript.is_final:
                return transcript
        raise AssertionError("The ear was closed before it told anything final.")

    @property
    def partials(self) -> list[str]:
        return [transcript.text for transcript in self.transcripts if not transcript.is_final]


@asynccontextmanager
async def hearing(engine: SpeechToText, language: str = "en-US") -> AsyncIterator[Ear]:
    """One call's ear, closed at the end; its engine goes on."""
    listening = await engine.listen(language)
    try:
        yield Ear(listening)
    finally:
        await listening.close()


def share_heard(said: str, heard: str) -> float:
    """Which share of the words said stands among those heard, 0 to 1."""

    def words(text: str) -> list[str]:
        return "".join(letter for letter in text.lower() if letter.isalnum() or letter == " ").split()

    found = words(heard)
    return sum(word in found for word in words(said)) / len(words(said))


@dataclass
class HeldUp:
    """The longest that the event loop itself computed between two of its turns, in seconds of this thread's time."""

    longest: float = 0.0


@contextmanager
def loop_watched() -> Iterator[HeldUp]:
    """By the thread's own processor time: on a busy machine the clock also counts what others compute."""
    found = HeldUp()

    async def watch() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            found.longest = max(found.longest, time.thread_time() - last)
            last = time.thread_time()

    task = asyncio.get_running_loop().create_task(watch())
    try:
        yield found
    finally:
        task.cancel()
