"""`Connect` with `ConversationRelay`: a socket of ours, speech that comes token by token, and what stops it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from channels_app.rehearsal.telephone import forms, frames
from channels_app.rehearsal.telephone.line import Heard, Key, Moved, Next, NoRelay, Over, RelaySocket, Said, Stopped
from channels_app.rehearsal.telephone.twiml import Verb
from channels_app.rehearsal.telephone.voice import PLAYED_SECONDS, words_of

if TYPE_CHECKING:
    from channels_app.rehearsal.telephone.leg import Leg

# What `interruptible` stands for.
_BY_SPEECH = frozenset({"any", "speech", "true"})
_BY_KEYS = frozenset({"any", "dtmf", "true"})


@dataclass
class _Piece:
    """Something to be spoken or played."""

    words: str = ""
    source: str = ""
    lang: str = ""
    can_be_interrupted: bool = True
    can_be_replaced: bool = False
    # The last one of an answer.
    ends: bool = False


@dataclass
class Session:
    """One relay: what waits to be spoken, and how far it was."""

    leg: Leg
    socket: RelaySocket
    noun: Verb
    sid: str
    lang: str
    pieces: deque[_Piece] = field(default_factory=deque)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    # What was spoken of the answer that is under way, since when, and its number on the screen.
    heard: str = ""
    began: float = 0.0
    number: int = 0
    handoff: str | None = None
    tokens: int = 0
    gathered: str = ""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    is_ended: bool = False

    # --- From us ----------------------------------------------------------------------------------------------------

    async def read(self) -> None:
        """Take our frames until the socket is closed, or we end it."""
        while True:
            text = await self.socket.receive()
            if text is None:
                self.closed.set()
                return
            frame, wrong = frames.read(text)
            shown = text if isinstance(text, str) else "(binary)"
            if wrong:
                await self.leg.outside.frame(self.leg.facts, sent=False, text=shown, note=f"Refused: {wrong}")
                await self.leg.outside.fault(self.leg.facts, frames.REFUSED_FRAME, wrong)
                await self.send(frames.error(wrong))
                continue
            await self.take(frame, shown)
            if frame["type"] == "end":
                self.is_ended = True
                self.handoff = frame.get("handoffData")
                self.closed.set()
                return

    async def take(self, frame: dict[str, Any], shown: str) -> None:
        """One frame that Twilio takes."""
        kind = frame["type"]
        if kind == "text":
            await self._token(frame)
            return
        await self.leg.outside.frame(self.leg.facts, sent=False, text=shown)
        if kind == "play":
            flag = bool(frame.get("interruptible", True))
            for _ in range(min(int(frame.get("loop", 1)) or 1, 5)):
                self._put(_Piece(source=frame["source"], can_be_interrupted=flag, ends=True))
        elif kind == "language":
            self.lang = frame.get("transcriptionLanguage", self.lang)
            self.leg.language = frame.get("ttsLanguage", self.leg.language)
            self.leg.outside.show("language", who=self.leg.role, speaks=self.leg.language, hears=self.lang)
        elif kind == "sendDigits":
            self.leg.outside.show("digits", who=self.leg.role, digits=frame["digits"])

    async def _token(self, frame: dict[str, Any]) -> None:
        is_last = bool(frame.get("last", False))
        self.tokens += 1
        self.gathered += frame["token"]
        if is_last:
            note = f"In {self.tokens} pieces." if self.tokens > 1 else ""
            said = {"type": "text", "token": self.gathered, "last": True}
            await self.leg.outside.frame(
                self.leg.facts, sent=False, text=frames.written(said), note=note, many=self.tokens
            )
            self.tokens, self.gathered = 0, ""
        self._put(
            _Piece(
                words=frame["token"],
                lang=frame.get("lang", ""),
                can_be_interrupted=bool(frame.get("interruptible", True)),
                can_be_replaced=bool(frame.get("preemptible", False)),
                ends=is_last,
            )
        )

    def _put(self, piece: _Piece) -> None:
        if self.pieces and self.pieces[-1].ends and self.pieces[0].can_be_replaced:
            # An answer that said of itself that the next one may take its place.
            self.pieces.clear()
        self.pieces.append(piece)
        self.came.set()

    # --- To them ----------------------------------------------------------------------------------------------------

    @property
    def is_speaking(self) -> bool:
        """Whether something is spoken now, or waits to be."""
        return bool(self.pieces)

    async def speak(self) -> None:
        """Speak what comes, word by word, for as long as the session lasts."""
        while True:
            while not self.pieces:
                self.came.clear()
                await self.came.wait()
            piece = self.pieces[0]
            if piece.source:
                self.leg.outside.show("plays", who=self.leg.role, source=piece.source)
                await asyncio.sleep(self.leg.outside.pace.of_wait(PLAYED_SECONDS))
            else:
                await self._speak_words(piece)
            if self.pieces and self.pieces[0] is piece:
                self.pieces.popleft()
                if piece.ends:
                    self._over()

    async def _speak_words(self, piece: _Piece) -> None:
        outside = self.leg.outside
        if not self.number:
            self.number = self.leg.begins("", piece.lang)
            self.began = time.monotonic()
        outside.show("speech_more", id=self.number, text=piece.words, last=piece.ends)
        for word in words_of(piece.words) if piece.words.strip() else (piece.words,):
            await asyncio.sleep(outside.pace.of_words(word))
            if not self.pieces or self.pieces[0] is not piece:
                return
            self.heard += word
            outside.show("spoken", id=self.number, letters=len(self.heard))

    def _over(self) -> None:
        if self.number:
            self.leg.outside.show("speech_over", id=self.number, letters=len(self.heard))
        self.heard, self.number = "", 0

    # --- From them --------------------------------------------------------------------------------------------------

    async def hear(self) -> None:
        """Bring what they say and press to us, for as long as the session lasts."""
        while True:
            heard = await self.leg.heard.get()
            if self.is_speaking:
                if not self._interrupts(heard):
                    if isinstance(heard, Said) and self.noun.get("reportInputDuringAgentSpeech", "none") not in {
                        *("any", "speech")
                    }:
                        self.leg.outside.show("unheard", who=self.leg.role, text=str(heard))
                        continue
                else:
                    await self._interrupt()
            if isinstance(heard, Key):
                if self.noun.is_on("dtmfDetection", otherwise=False):
                    await self.send(frames.dtmf(heard.key))
                else:
                    self.leg.outside.show("unheard", who=self.leg.role, text=str(heard))
                continue
            await self._prompt(heard.words)

    async def _prompt(self, words: str) -> None:
        if self.noun.is_on("partialPrompts", otherwise=False) or self.leg.outside.sends_partials:
            half = words[: len(words) // 2].rpartition(" ")[0]
            if half:
                await self.send(frames.prompt(half, self.lang, last=False))
        await self.send(frames.prompt(words, self.lang, last=True))

    def _interrupts(self, heard: Heard) -> bool:
        if not self.pieces[0].can_be_interrupted:
            return False
        wish = self.noun.get("interruptible", "any").lower()
        return wish in (_BY_SPEECH if isinstance(heard, Said) else _BY_KEYS)

    async def _interrupt(self) -> None:
        heard, seconds = self.heard.strip(), time.monotonic() - self.began if self.number else 0.0
        if self.number:
            self.leg.outside.show("speech_over", id=self.number, letters=len(self.heard))
        self.pieces.clear()
        self.heard, self.number = "", 0
        await self.send(frames.interrupt(heard, round(seconds * 1000)))

    async def send(self, frame: dict[str, Any]) -> None:
        """One frame to us."""
        text = frames.written(frame)
        await self.leg.outside.frame(self.leg.facts, sent=True, text=text)
        await self.socket.send(text)


async def relay(leg: Leg, verb: Verb, noun: Verb, base: str) -> Next | None:
    """Hold a session until somebody ends it; where to go on."""
    outside, began, sid = leg.outside, time.monotonic(), forms.sid("VX")
    hears = noun.get("transcriptionLanguage") or noun.get("language") or "en-US"
    leg.language = noun.get("ttsLanguage") or noun.get("language") or "en-US"
    leg.forget()

    def done(status: str, handoff: str | None = None, code: int = 0, words: str = "") -> dict[str, str]:
        seconds = round(time.monotonic() - began)
        return forms.relay_done(sid, status, seconds, handoff, code, words)

    def onward(form: dict[str, str]) -> Next | None:
        return leg.onward(verb, base, form, "told that the relay is over") if verb.get("action") else None

    try:
        socket = await leg.until(outside.open_relay(leg.facts, noun.get("url")))
    except NoRelay as failed:
        await outside.fault(leg.facts, frames.NO_CONNECTION, failed.words)
        return onward(done("failed", None, frames.NO_CONNECTION, failed.words))
    if socket is None:
        raise AssertionError("a socket is open, or NoRelay was raised")
    session = Session(leg, socket, noun, sid, hears)
    parameters = {one.get("name"): one.get("value") for one in noun.inside if one.name == "Parameter"}
    if greeting := noun.get("welcomeGreeting"):
        wish = noun.get("welcomeGreetingInterruptible", "any").lower()
        session.pieces.append(_Piece(words=greeting, can_be_interrupted=wish not in {"none", "false"}, ends=True))
    is_rude = False
    outside.show("relay", on=True, session=sid)
    try:
        await session.send(frames.setup(sid, leg.facts.form(), parameters))
        work = [asyncio.ensure_future(one) for one in (session.read(), session.speak(), session.hear())]
        leg.is_listened_to = True
        try:
            await leg.until(_first_of(session, work))
        finally:
            leg.is_listened_to = False
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            if session.number:
                outside.show("speech_over", id=session.number, letters=len(session.heard))
    except Moved:
        raise
    except Stopped as stopped:
        is_rude = isinstance(stopped, Over) and stopped.how == "dropped"
        if not is_rude and (after := onward(done("completed"))):
            call = leg.facts.at("completed")
            await outside.tell(call, after.url, after.form, method=after.method, what=after.what)
        raise
    finally:
        outside.show("relay", on=False, session=sid)
        with contextlib.suppress(Exception):
            await socket.close(rudely=is_rude)
    if session.is_ended:
        return onward(done("ended", session.handoff))
    words = "The socket was closed before the session was ended."
    await outside.fault(leg.facts, frames.CUT, words)
    return onward(done("failed", None, frames.CUT, words))


async def _first_of(session: Session, work: list[asyncio.Task[None]]) -> None:
    """Until the session is closed, or a part of it breaks. What was given to be spoken before `end` is spoken."""
    closed = asyncio.ensure_future(session.closed.wait())
    try:
        done, _ = await asyncio.wait({closed, *work}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if task is not closed and task.exception() is not None:
                session.closed.set()
    finally:
        closed.cancel()
