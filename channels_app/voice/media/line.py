"""The line of one call: a caller's sound on one side, the frames of a relay session on the other.

It stands where Twilio's ConversationRelay stands for other calls, and tells a session the same things: what the caller
said, that they spoke over us and what they had heard by then, which keys they pressed. So everything that makes turns
of these is there once (`relay_session`).

Nothing in it waits but its own tasks: sound is judged as it arrives; engines hear, and speak, beside it. Times are the
event loop's.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from channels_app.voice import relay_frames
from channels_app.voice.engines.base import EngineFailed, FaultKind, Listening, SpeechToText, TextToSpeech
from channels_app.voice.media.endpointer import Edge, Endpointer, TurnEnd
from channels_app.voice.media.events import SILENCE, Audio, Dialect, Event, Frame, Key, Marked
from channels_app.voice.media.interruptions import Interruptions, Verdict
from channels_app.voice.media.playout import Passage, Playout

logger = logging.getLogger(__name__)

# How often what is due by the clock alone is looked at.
LOOK_EVERY = 0.1
# Sound that is made before it is needed.
MADE_AHEAD = 8.0
# Of what an engine had not yet told when it broke off, another one hears so much again.
KEPT_FRAMES = 250
# An engine that fails is tried anew: so often in a call, and after so long.
MOST_FAILURES, AGAIN_AFTER = 3, 0.5
# How often a session is told that somebody is there whom we can't hear.
THERE_EVERY = 1.0
# An engine that says nothing for so long while it should speak has failed.
SPEAKS_WITHIN = 10.0


class Detector(Protocol):
    """Tells speech from other sound (`engines.vad`)."""

    def feed(self, ulaw: bytes, tell: Callable[[float], None]) -> None:
        """Tells the share of speech in each window that this completes: now, or a moment later."""


class Hearer(Protocol):
    """A relay session, as far as a line knows it."""

    def hear(self, frame: relay_frames.Frame) -> None:
        """What the caller did."""

    def sounded(self, milliseconds: int) -> None:
        """The first words of an answer are heard, so long after they were given to the line."""

    def stir(self) -> None:
        """What was said is heard sooner than was thought."""

    def give_up(self, words: str, remedy: str) -> None:
        """The line can't hear, or speak, any more."""


@dataclass
class _Given:
    """Words that a session gave, and when."""

    passage: Passage
    at: float
    is_first: bool


@dataclass(frozen=True)
class Engines:
    """What hears a call and what speaks in it."""

    ear: SpeechToText
    mouth: TextToSpeech
    detector: Detector


class Line:
    """One call's. `send` gives a frame to the far side; `ended` is told what a session's end says."""

    def __init__(
        self,
        dialect: Dialect,
        engines: Engines,
        send: Callable[[Frame], Awaitable[None]],
        ended: Callable[[Mapping[str, Any]], Awaitable[None]],
        *,
        language: str,
        is_interruptible: bool = True,
    ) -> None:
        self.dialect, self.engines = dialect, engines
        self._send, self._ended = send, ended
        self.language = language
        self.playout, self.endpointer = Playout(), Endpointer()
        self.interruptions = Interruptions(is_interruptible)
        self.session: Hearer | None = None
        self._clock = asyncio.get_running_loop().time
        self._out: asyncio.Queue[Frame] = asyncio.Queue()
        self._given: asyncio.Queue[_Given] = asyncio.Queue()
        self._moved = asyncio.Event()
        self._listening: Listening | None = None
        self._making: asyncio.Task[None] | None = None
        self._recent: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        # What is to be said if nobody meant to interrupt.
        self._left: list[str] = []
        # The caller was heard: the next words that are said answer to it.
        self._awaits_answer = True
        self._failures = 0
        self._is_broken = self._is_over = False
        # They put us on hold: since when the session was last told that they are there; None where they did not.
        self._rests_at: float | None = None

    # --- What the session wants -------------------------------------------------------------------------------------

    async def take(self, frame: str) -> None:
        """A frame of the session's (`relay_frames`)."""
        body = json.loads(frame)
        match body["type"]:
            case "text":
                if body["token"]:
                    self._say(body["token"])
            case "language":
                self.language = body["ttsLanguage"]
                await self._listen_anew()
            case "end":
                await self._ended(json.loads(body.get("handoffData") or "{}"))

    def done_at(self) -> float:
        """When the caller will have heard all that was given, by the loop's clock; 0 where nothing is said."""
        now = self._clock()
        if self._left:
            # Held: who interrupts decides.
            return now + 1.0
        return self.playout.done_at(now)

    def rest(self) -> None:
        """The far side put us on hold: nothing is said or heard, and what was not heard is said afterwards."""
        if self._rests_at is None:
            now = self._rests_at = self._clock()
            if not self.interruptions.is_held and self.playout.is_speaking:
                self._hold(now)

    def go_on(self) -> None:
        """They are back."""
        if self._rests_at is not None:
            self._rests_at = None
            if not self.interruptions.is_held:
                self._say_left()

    def _say_left(self) -> None:
        words, self._left = self._left, []
        for one in words:
            self._say(one)

    def _say(self, words: str) -> None:
        if self.interruptions.is_held or self._rests_at is not None:
            self._left.append(words)
            return
        is_first, self._awaits_answer = self._awaits_answer, False
        self._given.put_nowait(_Given(self.playout.begin(words), self._clock(), is_first))

    # --- What the far side tells ------------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """What happened on the call's sound. Never waits."""
        now = self._clock()
        match event:
            case Audio(ulaw=ulaw):
                self._hear_sound(ulaw, now)
            case Key(key=key):
                if key in relay_frames.DIGITS:
                    self._press(key, now)
            case Marked(name=name):
                if self.playout.marked(name, now):
                    self._moved.set()
                    if self.session is not None and not self.playout.is_speaking:
                        self.session.stir()

    def _hear_sound(self, ulaw: bytes, now: float) -> None:
        if self._rests_at is not None:
            if now - self._rests_at >= THERE_EVERY:
                self._rests_at = now
                self._tell(relay_frames.Prompt("", is_last=False))
            return
        if not self.interruptions.is_allowed and self.playout.is_speaking:
            # Who may not interrupt is not heard before we are done.
            ulaw = SILENCE * len(ulaw)
        self._recent.append(ulaw)
        if self._listening is not None:
            self._listening.feed(ulaw)
        self.engines.detector.feed(ulaw, self._hear_share)

    def _hear_share(self, share: float) -> None:
        if self._is_over:
            return
        now = self._clock()
        match self.endpointer.sound(share, now):
            case Edge.BEGAN:
                self._tell(relay_frames.Prompt("", is_last=False))
                self._follow(self.interruptions.began(self.playout.is_speaking, now), now)
            case Edge.PAUSED:
                if self._listening is not None:
                    self._listening.flush()
        self._judge(now)

    def _press(self, key: str, now: float) -> None:
        """A key interrupts as a voice does, and at once."""
        if self.interruptions.is_allowed and (self.playout.is_speaking or self.interruptions.is_held):
            if self.interruptions.began(True, now):
                self._hold(now)
            self.interruptions.is_held = False
            self._give_up()
        self._awaits_answer = True
        self._tell(relay_frames.Digit(key))

    def _judge(self, now: float) -> None:
        """Whether the caller is done."""
        end = self.endpointer.end(now)
        if end is None:
            return
        verdict = self.interruptions.ended(end.text)
        goes_on = verdict == Verdict.RESUME and bool(self._left)
        self._follow(verdict, now)
        if not end.text or goes_on:
            # Nobody answers a “mhm” that was said into our words.
            return
        if self.interruptions.is_allowed and self.playout.is_speaking:
            # These words are older than the answer that is said just now: who said them did not wait for it.
            self.interruptions.held_at = now
            self._hold(now)
            self._give_up()
        self._turn(end)

    def _turn(self, end: TurnEnd) -> None:
        self.playout.settle()
        self._awaits_answer = True
        self._recent.clear()
        self._tell(relay_frames.Prompt(end.text[: relay_frames.LONGEST_PROMPT], is_last=True, waited_ms=end.waited_ms))

    def _tell(self, frame: relay_frames.Frame) -> None:
        if self.session is not None:
            self.session.hear(frame)

    # --- Who speaks over us -----------------------------------------------------------------------------------------

    def _follow(self, verdict: Verdict | None, now: float) -> None:
        match verdict:
            case Verdict.HOLD:
                self._hold(now)
            case Verdict.RESUME:
                self._say_left()
            case Verdict.GIVE_UP:
                self._give_up()

    def _hold(self, now: float) -> None:
        """Be silent, at once."""
        self._left = [passage.words for passage in self.playout.hold(now) if passage.words]
        if self._making is not None:
            self._making.cancel()
        while not self._given.empty():
            self._given.get_nowait()
        while not self._out.empty():
            self._out.get_nowait()
        self._put(self.dialect.clear())

    def _give_up(self) -> None:
        """They meant it: what was not heard is not said."""
        self._left = []
        cut = self.playout.heard(self.interruptions.held_at)
        self.playout.settle()
        self._tell(relay_frames.Interrupt(cut.heard.strip(), cut.after_ms))

    # --- Its tasks --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Hear, speak and send, until cancelled. What fails for good is told to the session."""
        tasks = [
            asyncio.ensure_future(task)
            for task in (self._listen(), self._make_all(), self._pace(), self._write(), self._look())
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            self._is_over = True
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._listening is not None:
                await self._listening.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            now = self._clock()
            self._judge(now)
            was_speaking = self.playout.is_speaking
            self.playout.forget_lost(now)
            if was_speaking and not self.playout.is_speaking and self.session is not None:
                self.session.stir()

    async def _listen(self) -> None:
        """Take words from the ear; where it breaks off, from another one, which hears again what was not told yet."""
        while not self._is_broken:
            listening: Listening | None = None
            try:
                listening = await self.engines.ear.listen(self.language)
                for ulaw in self._recent:
                    listening.feed(ulaw)
                self._listening = listening
                async for told in listening:
                    now, transcript = self._clock(), replace(told, text=relay_frames.clean(told.text))
                    self.endpointer.heard(transcript, now)
                    if transcript.is_final and transcript.text.strip():
                        self._recent.clear()
                    if self.endpointer.words:
                        self._tell(relay_frames.Prompt(self.endpointer.words, is_last=False))
                        self._follow(self.interruptions.heard(self.endpointer.words), now)
                    self._judge(now)
                if self._listening is listening:
                    raise EngineFailed(FaultKind.BROKEN, "The engine stopped listening.")
            except EngineFailed as error:
                self._listening = None
                await self._failed(error, "hears")
            finally:
                # One that broke off holds a socket, and its place at the engine, until then.
                if listening is not None:
                    await listening.close()

    async def _listen_anew(self) -> None:
        """In another language."""
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()

    async def _failed(self, error: EngineFailed, does: str) -> None:
        """Try it again, or give the call up."""
        self._failures += 1
        lasts = error.kind in (FaultKind.KEY, FaultKind.MISSING, FaultKind.NOT_FOUND)
        logger.warning("what %s in a call failed (%s): %s", does, error.kind, error.words)
        if lasts or self._failures > MOST_FAILURES:
            self._is_broken = True
            if self.session is not None:
                self.session.give_up(f"What {does} the caller failed: {error.words}"[:300], error.remedy)
        else:
            await asyncio.sleep(AGAIN_AFTER)

    async def _make_all(self) -> None:
        """Have words spoken, one after the other, while earlier ones are played."""
        while True:
            given = await self._given.get()
            if (ahead := self.playout.made_ahead - MADE_AHEAD) > 0:
                await asyncio.sleep(ahead)
            if not self.playout.has(given.passage):
                # They spoke over it meanwhile.
                continue
            self._making = asyncio.ensure_future(self._make(given))
            try:
                # (`wait` leaves what it waits for alone where the call ends.)
                await asyncio.wait({self._making})
            finally:
                making, self._making = self._making, None
                if not making.done():
                    making.cancel()
                    await asyncio.gather(making, return_exceptions=True)
            if not making.cancelled():
                making.result()

    async def _make(self, given: _Given) -> None:
        passage = given.passage
        for attempt in (1, 2):
            if self._is_broken:
                break
            sound = self.engines.mouth.speak(passage.words, self.language)
            try:
                while True:
                    async with asyncio.timeout(SPEAKS_WITHIN):
                        ulaw = await anext(sound, None)
                    if ulaw is None:
                        break
                    if given.is_first and not passage.made and self.session is not None:
                        self.session.sounded(round((self._clock() - given.at) * 1000))
                    self.playout.add(passage, ulaw)
                    self._moved.set()
                    if passage.is_endless:
                        raise EngineFailed(FaultKind.BROKEN, "The engine gave more sound than its words can last.")
                break
            except (EngineFailed, TimeoutError) as failure:
                error = failure if isinstance(failure, EngineFailed) else _silent()
                if passage.made and attempt == 1:
                    # Its rest is not said again from the middle of a word; the next words are.
                    self._failures += 1
                    break
                await self._failed(error, "speaks to")
            finally:
                await sound.aclose()
        self.playout.end(passage)
        self._moved.set()

    async def _pace(self) -> None:
        """Give the far side sound as it needs it."""
        while True:
            now = self._clock()
            for ulaw, mark in self.playout.due(now):
                self._put(self.dialect.audio(ulaw) if ulaw else self.dialect.mark(mark))
            self._moved.clear()
            next_at = self.playout.next_at(now)
            try:
                async with asyncio.timeout(None if next_at is None else max(0.005, next_at - self._clock())):
                    await self._moved.wait()
            except TimeoutError:
                pass

    async def _write(self) -> None:
        while True:
            await self._send(await self._out.get())

    def _put(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._out.put_nowait(frame)


def _silent() -> EngineFailed:
    return EngineFailed(FaultKind.TIMEOUT, f"The engine said nothing for {SPEAKS_WITHIN:.0f} seconds.")
