"""One party's line: the documents that run on it, what is spoken into it, and what they say and press.

Everything that waits goes through `until`, so that a line that is hung up, cut or sent elsewhere stops at once.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar
from urllib.parse import urljoin

from channels_app.rehearsal.telephone import dialling, gathering, recording, relaying, streaming, telling, twiml
from channels_app.rehearsal.telephone.forms import FINAL, Facts
from channels_app.rehearsal.telephone.line import (
    Heard,
    Key,
    Moved,
    Next,
    Outside,
    Over,
    Reply,
    Said,
    Stopped,
)
from channels_app.rehearsal.telephone.twiml import Document, Unreadable, Verb
from channels_app.rehearsal.telephone.voice import PLAYED_SECONDS, words_of

R = TypeVar("R")
Role = Literal["caller", "person"]

NO_ANSWER = 11200
APPLICATION_ERROR = "We're sorry. An application error has occurred. Goodbye."
# What is spoken has a number, for screens.
_speeches = itertools.count(1)
# Documents can lead to each other for ever; a call has an end.
MOST_DOCUMENTS = 2000
MOST_LOOPS = 1000


@dataclass
class Spoken:
    """How far something was spoken: what of it they heard, for how long, and what stopped it."""

    heard: str = ""
    seconds: float = 0.0
    stopped_by: Heard | None = None


@dataclass
class Leg:
    """A line. `role`: who is at its end; `fallback`: where Twilio asks when a document fails."""

    outside: Outside
    facts: Facts
    role: Role = "caller"
    fallback: str = ""
    heard: asyncio.Queue[Heard] = field(default_factory=asyncio.Queue)
    # Who hears what they say while no document does: the line that this one is joined with.
    partner: Leg | None = None
    # Set where a star parts them again (`hangupOnStar`).
    star: asyncio.Event | None = None
    language: str = "en-US"
    # Where their sound goes while it goes anywhere.
    stream: streaming.Stream | None = None
    _stop: asyncio.Future[Stopped] | None = None
    _answered_at: float | None = None
    # Whether somebody listens to what is said or pressed now.
    is_listened_to: bool = False
    # Keys that would have ended a recording that is over: who presses one then has lost nothing.
    late_keys: str = ""

    # --- Waiting ----------------------------------------------------------------------------------------------------

    @property
    def stopped(self) -> asyncio.Future[Stopped]:
        """Done once the line is over, or is to go on elsewhere."""
        if self._stop is None:
            self._stop = asyncio.get_running_loop().create_future()
        return self._stop

    def stop(self, why: Stopped) -> None:
        """End what runs, wherever it waits. What is over stays over."""
        if not self.stopped.done():
            self.stopped.set_result(why)
        elif isinstance(self.stopped.result(), Moved):
            self._stop = None
            self.stopped.set_result(why)

    @property
    def is_over(self) -> bool:
        """Whether nobody is at its end any more."""
        return self.stopped.done() and isinstance(self.stopped.result(), Over)

    async def until(self, work: Awaitable[R], seconds: float | None = None, *, keeps: bool = False) -> R | None:
        """What the work gives; None after so many seconds. `Stopped` where the line is stopped before.

        `keeps`: what it gave is not lost to a line that was stopped in the same moment.
        """
        task = asyncio.ensure_future(work)
        stopped = self.stopped
        both: set[asyncio.Future[Any]] = {task, stopped}
        try:
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if stopped.done() and not (keeps and not task.cancelled()):
            raise stopped.result()
        return None if task.cancelled() else task.result()

    async def pause(self, seconds: float) -> None:
        """Wait for so many of Twilio's seconds; what is said meanwhile is heard by nobody."""
        await self.until(asyncio.sleep(self.outside.pace.of_wait(seconds)))
        self.forget()

    async def listen(self, seconds: float) -> Heard | None:
        """What they say or press next; None where they did neither for so many seconds as they pass here."""
        self.is_listened_to, self.late_keys = True, ""
        try:
            if not self.heard.empty():
                return self.heard.get_nowait()
            return await self.until(self.heard.get(), seconds, keeps=True)
        finally:
            self.is_listened_to = False

    def forget(self) -> None:
        """What was said or pressed while nobody listened is lost, and the screen says so."""
        while not self.heard.empty():
            heard = self.heard.get_nowait()
            if not (isinstance(heard, Key) and heard.key in self.late_keys):
                self.outside.show("unheard", who=self.role, text=str(heard))

    def say(self, words: str) -> None:
        """They say this."""
        self._hear(Said(words))

    def press(self, key: str) -> None:
        """They press this key."""
        self._hear(Key(key))

    def _hear(self, heard: Heard) -> None:
        if self.partner is not None:
            self.outside.show("bridged", who=self.role, text=str(heard))
            if self.star is not None and heard == Key("*"):
                self.star.set()
        else:
            self.heard.put_nowait(heard)

    # --- Documents --------------------------------------------------------------------------------------------------

    async def run(self, first: Next) -> None:
        """Run documents from this one on, until there is nothing more to do or the line is over (`Over`)."""
        onward: Next | None = first
        for _ in range(MOST_DOCUMENTS):
            if onward is None:
                return
            try:
                document = await self.fetched(onward)
                if document is None:
                    await self.speak(APPLICATION_ERROR)
                    return
                onward = await self.perform(document, onward.url)
            except Moved as moved:
                self._stop = None
                onward = moved.onward

    async def fetched(self, onward: Next) -> Document | None:
        """The document; that of the fallback address where it fails; None where neither can be run."""
        document, code, words = await self._document(onward)
        if document is None and self.fallback and onward.url != self.fallback:
            self.outside.show("trouble", who=self.role, code=code, text=f"{words} Twilio asks the fallback address.")
            again = replace(onward, url=self.fallback, method="POST", twiml="")
            again.form.update({"ErrorCode": str(code), "ErrorUrl": onward.url})
            document, code, words = await self._document(again)
        if document is None:
            self.outside.show("trouble", who=self.role, code=code, text=words)
        return document

    async def _document(self, onward: Next) -> tuple[Document | None, int, str]:
        if onward.twiml:
            reply = Reply(200, "text/xml", onward.twiml)
        else:
            asked = self.outside.ask(self.facts, onward.url, onward.form, method=onward.method, what=onward.what)
            reply = await self.until(asked) or Reply()
        if not reply.is_good:
            return None, NO_ANSWER, reply.words
        try:
            document = twiml.read(reply.body, reply.content_type)
        except Unreadable as unreadable:
            return None, unreadable.code, unreadable.words
        for warning in document.warnings:
            self.outside.show("trouble", who=self.role, code=twiml.UNKNOWN, text=warning)
        self.outside.show("document", who=self.role, verbs=[verb.name for verb in document.verbs])
        return document, 0, ""

    async def perform(self, document: Document, base: str, *, is_inner: bool = False) -> Next | None:
        """Run its verbs in order; where to go on, or None at its end. `is_inner`: it is run within another one."""
        verbs = document.verbs
        if not is_inner and self.role == "caller" and self._answered_at is None:
            if verbs and verbs[0].name == "Reject":
                raise Over("busy" if verbs[0].get("reason") == "busy" else "no-answer")
            if verbs and verbs[0].name == "Hangup":
                raise Over("hung_up_on")
            await self.answer()
        for verb in verbs:
            if verb.name == "Leave" and is_inner:
                return LEAVE
            onward = await _VERBS.get(verb.name, _nothing)(self, verb, base)
            if onward is not None:
                return onward
        return None

    async def answer(self) -> None:
        """The line is up."""
        if self._answered_at is None:
            self._answered_at = time.monotonic()
            await self.becomes("in-progress")

    async def becomes(self, status: str) -> None:
        """The call is further along: its row knows, and whoever asked for it is told."""
        self.facts = self.facts.at(status)
        seconds = self.seconds if status in FINAL else None
        self.outside.show("status", who=self.role, sid=self.facts.sid, status=status)
        await self.outside.changed(self.facts, seconds)

    @property
    def seconds(self) -> int:
        """For how long it is up, in seconds begun."""
        return 0 if self._answered_at is None else max(1, round(time.monotonic() - self._answered_at))

    def at(self, base: str, address: str) -> str:
        """An address as it stands in a document that came from `base`."""
        return urljoin(base, address) if address else base

    def onward(self, verb: Verb, base: str, form: Mapping[str, str], what: str) -> Next:
        """Where a verb's `action` leads; without one to the same document again."""
        return Next(self.at(base, verb.get("action")), verb.get("method", "POST").upper(), dict(form), what)

    # --- Speaking ---------------------------------------------------------------------------------------------------

    async def speak(self, text: str, stops: Callable[[Heard], bool] | None = None) -> Spoken:
        """Speak word by word; `stops` says what of theirs ends it. Without it they can say what they like."""
        spoken = Spoken()
        number = self.begins(text)
        began = time.monotonic()
        try:
            for word in words_of(text):
                spoken.stopped_by = await self.speak_word(word, stops)
                if spoken.stopped_by is not None:
                    break
                spoken.heard += word
                self.outside.show("spoken", id=number, letters=len(spoken.heard))
        finally:
            spoken.seconds = time.monotonic() - began
            self.outside.show("speech_over", id=number, letters=len(spoken.heard))
        return spoken

    def begins(self, text: str, lang: str = "") -> int:
        """Something begins to be spoken: its number on the screen."""
        number = next(_speeches)
        self.outside.show("speech", who=self.role, id=number, text=text, lang=lang or self.language)
        return number

    async def speak_word(self, word: str, stops: Callable[[Heard], bool] | None) -> Heard | None:
        """One word, or what they did that stopped it."""
        ends = time.monotonic() + self.outside.pace.of_words(word)
        while (left := ends - time.monotonic()) > 0:
            if stops is None:
                await self.until(asyncio.sleep(left))
                self.forget()
                continue
            heard = await self.listen(left)
            if heard is None:
                continue
            if stops(heard):
                return heard
            self.outside.show("unheard", who=self.role, text=str(heard))
        return None

    async def say_verb(self, verb: Verb, base: str, stops: Callable[[Heard], bool] | None = None) -> Spoken:
        """`Say`, `Play` or `Pause`, once for each of its loops."""
        spoken = Spoken()
        if verb.name == "Pause":
            pace = self.outside.pace
            if stops is None:
                await self.pause(verb.whole("length", 1))
            else:
                spoken.stopped_by = await self._silence(pace.of_wait(verb.whole("length", 1)), stops)
            return spoken
        loops = verb.whole("loop", 1) or MOST_LOOPS
        language, self.language = self.language, verb.get("language") or self.language
        try:
            for _ in range(loops):
                if verb.name == "Play":
                    spoken = await self.play(self.at(base, verb.text), stops)
                else:
                    spoken = await self.speak(verb.text, stops)
                if spoken.stopped_by is not None:
                    break
        finally:
            self.language = language
        return spoken

    async def play(self, source: str, stops: Callable[[Heard], bool] | None = None) -> Spoken:
        """A recording or music: the screen names it, and it takes a few seconds."""
        self.outside.show("plays", who=self.role, source=source)
        seconds = self.outside.pace.of_wait(PLAYED_SECONDS)
        if stops is None:
            await self.pause(PLAYED_SECONDS)
            return Spoken()
        return Spoken(stopped_by=await self._silence(seconds, stops))

    async def _silence(self, seconds: float, stops: Callable[[Heard], bool]) -> Heard | None:
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            heard = await self.listen(left)
            if heard is not None and stops(heard):
                return heard
        return None


LEAVE = Next("leave:")


# --- Verbs ----------------------------------------------------------------------------------------------------------


async def _nothing(leg: Leg, verb: Verb, base: str) -> Next | None:
    return None


async def _spoken(leg: Leg, verb: Verb, base: str) -> Next | None:
    await leg.say_verb(verb, base)
    return None


async def _redirect(leg: Leg, verb: Verb, base: str) -> Next | None:
    url = leg.at(base, verb.text)
    return Next(url, verb.get("method", "POST").upper(), {}, telling.asked_at(url))


async def _hangup(leg: Leg, verb: Verb, base: str) -> Next | None:
    raise Over("hung_up_on")


async def _connect(leg: Leg, verb: Verb, base: str) -> Next | None:
    relay = next((one for one in verb.inside if one.name == "ConversationRelay"), None)
    if relay is not None:
        return await relaying.relay(leg, verb, relay, base)
    noun = next((one for one in verb.inside if one.name == "Stream"), None)
    if noun is not None:
        # It has no action: what stands behind `Connect` follows.
        await streaming.stream(leg, noun)
    return None


async def _start(leg: Leg, verb: Verb, base: str) -> Next | None:
    for one in verb.inside:
        if one.name == "Recording":
            callback = leg.at(base, one.get("recordingStatusCallback")) if one.get("recordingStatusCallback") else ""
            await leg.outside.start_recording(leg.facts, callback)
    return None


_VERBS: Mapping[str, Callable[[Leg, Verb, str], Awaitable[Any]]] = {
    "Say": _spoken,
    "Play": _spoken,
    "Pause": _spoken,
    "Gather": gathering.gather,
    "Redirect": _redirect,
    "Hangup": _hangup,
    "Reject": _hangup,
    "Record": recording.record,
    "Dial": dialling.dial,
    "Enqueue": dialling.enqueue,
    "Connect": _connect,
    "Start": _start,
}
