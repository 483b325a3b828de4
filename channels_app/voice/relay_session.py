"""One call over ConversationRelay: what the caller says becomes turns, what is answered becomes frames.

The reader of the socket hands frames over (`hear`), which is where a caller who speaks over us silences us, at once.
All else happens in one task, one event after the other (`conduct`): so there is one turn at a time, and what is written
down is so in the order in which it happened. Answers are written by the turn engine in this process, and said while
they are written (`relay_voice.Answering`).

Turns have numbers. What an earlier turn still has to say when a later one begins is said no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from channels_app.voice import relay_acts, relay_frames, relay_rest, speaking
from channels_app.voice.relay_acts import Admitted, Glance, Said, Standing, Told
from channels_app.voice.relay_frames import Digit, Fault, Frame, Interrupt, Prompt
from channels_app.voice.relay_keys import Keys
from channels_app.voice.relay_ledger import Heard
from channels_app.voice.relay_manners import Manners
from channels_app.voice.relay_voice import Answering, Stamps, Voice
from convoship.lib.tenancy import in_tenant
from convoship.lib.together import Together
from deployments import live, turns
from deployments.models import Message
from deployments.models.conversation import AuthorKind, Status, Stop

logger = logging.getLogger(__name__)

# Until a caller is asked to hold on while nothing is answered, and until they are asked again.
HOLD_AFTER, HOLD_AGAIN = 1.5, 10.0
# An answer that is whole sooner is written down as a whole.
NOTES_AFTER = 0.7
# How often the database is asked how the call stands, whether or not a bell rang.
LOOK_EVERY = 1.5
# In which sessions that look are gathered.
GATHER_SECONDS = 0.2
# How often it is written down that the provider is there.
SIGN_EVERY = 15.0
# Somebody who has begun to speak is left to it for so long.
SPEAKS_FOR = 2.0
# A key interrupts at once: one that comes later after an interruption is no part of it.
KEY_WITHIN = 1.0
# How long an answer that was stopped may take to end.
STOPS_WITHIN = 4.0
# What was said last is heard to its end before the session is ended; no voice is waited for longer than this.
AFTER_LAST_WORD, LONGEST_LAST_WORDS = 0.4, 60.0
# Of a call that has reached its longest time, what is being said may go on for so long.
CUT_AFTER = 3.0
# Twilio closes the socket after `end`; where it doesn't, we do.
CLOSES_WITHIN = 3.0
MOST_FAILURES = 2
# How often who waits for an answer of another process is asked to hold on: about two minutes.
MOST_HOLDS = 12
MOST_WAITING = 1000


@dataclass(frozen=True)
class _Said:
    """The caller said or pressed something whole."""

    text: str
    keys: str
    language: str
    heard: float
    heard_at: datetime
    waited_ms: int | None = None


@dataclass(frozen=True)
class _Interrupted:
    heard: list[Heard]
    words: str
    after_ms: int | None
    # The answer that was under way, if one was.
    answering: Answering | None


@dataclass(frozen=True)
class _ByKey:
    """It was a key that interrupted, not a voice."""


@dataclass(frozen=True)
class _Speaks:
    answering: Answering


@dataclass(frozen=True)
class _Answered:
    answering: Answering


@dataclass(frozen=True)
class _Faulted:
    words: str


@dataclass(frozen=True)
class _Sounded:
    """The first words of the turn's answer are heard, so long after they were sent."""

    milliseconds: int


@dataclass(frozen=True)
class _Stirred:
    """The voice is done sooner than was reckoned."""


@dataclass(frozen=True)
class _GaveUp:
    words: str
    remedy: str


@dataclass(frozen=True)
class _Changed:
    pass


@dataclass(frozen=True)
class _Gone:
    pass


_Event = (
    _Said | _Interrupted | _ByKey | _Speaks | _Answered | _Faulted | _Sounded | _Stirred | _GaveUp | _Changed | _Gone
)


async def _glance(workspace_id: UUID, calls: Sequence[UUID]) -> list[Glance | None]:
    return await in_tenant(relay_acts.glance)(workspace_id, calls)


# Sessions of a workspace look together.
_glances: Together[UUID, UUID, Glance | None] = Together(_glance, lambda: GATHER_SECONDS)


class Session:
    """One session. `put` sends a frame; `done_at` is asked when all that was said is heard, where that is known."""

    def __init__(
        self,
        admitted: Admitted,
        put: Callable[[str], Awaitable[None]],
        done_at: Callable[[], float] | None = None,
    ) -> None:
        self.call_id, self.workspace_id = admitted.call_id, admitted.workspace_id
        self.conversation_id, self.config = admitted.conversation_id, admitted.config
        self.language, self.turn = admitted.language, admitted.turn
        self.ends_at = time.monotonic() + (admitted.ends_by - timezone.now()).total_seconds()
        self.session = admitted.session
        self._send = put
        self.frames: asyncio.Queue[str] = asyncio.Queue()
        self.events: asyncio.Queue[_Event] = asyncio.Queue()
        self.voice = Voice(self._say_frame, self._spoken, self._readable, done_at)
        self.keys = Keys(self.config.menu)
        self.answering: Answering | None = None
        self.task: asyncio.Task[list[Message]] | None = None
        # Messages that were said by us: events that tell of them are no news.
        self.known: set[str] = set()
        self.wanted_language = ""
        self.control = "assistant"
        self.life = time.monotonic()
        self.speaks_until = 0.0
        # Twilio says that somebody interrupts, and then with what: when it did, while nothing was heard or said since.
        self.interrupted_at: float | None = None
        # What was written down of the last interruption.
        self.interruption: UUID | None = None
        self.hold_at: float | None = None
        self.sign_at = time.monotonic() + SIGN_EVERY
        self.holds = self.failures = 0
        # What was heard of an answer that another process gives anew; None: nobody else answers.
        self.elsewhere: str | None = None
        # Why the session is to end, as the hand-over's data, and by when at the latest.
        self.then: Mapping[str, Any] | None = None
        self.then_by = 0.0
        self.is_over = self.is_gone = self.is_ended = False

    @property
    def manners(self) -> Manners:
        """What it says by itself."""
        return Manners(self.config, self.language)

    def _say_frame(self, frame: str) -> None:
        self.interrupted_at = None
        self.frames.put_nowait(frame)

    def _spoken(self, text: str, blocks: Sequence[Any]) -> str:
        return speaking.spoken(Message(text=text, blocks=list(blocks)), self.language)

    def _readable(self, words: str) -> str:
        return speaking.readable(words, self.language)

    # --- What the reader hands over -----------------------------------------------------------------------------

    def hear(self, frame: Frame) -> None:
        """One frame of Twilio's. Never waits."""
        now = time.monotonic()
        match frame:
            case Prompt(is_last=False):
                # No answer to half a sentence; but somebody is there, and speaks.
                self.interrupted_at = None
                self.life, self.speaks_until = now, now + SPEAKS_FOR
            case Prompt(text=text, language=language, waited_ms=waited_ms):
                self.life, self.speaks_until, self.interrupted_at = now, 0.0, None
                if text.strip():
                    self._silence()
                    self._add(_Said(text.strip(), "", language, now, timezone.now(), waited_ms))
            case Digit(key=key):
                self.life = now
                if self.interrupted_at is not None and now - self.interrupted_at <= KEY_WITHIN:
                    self.speaks_until = 0.0
                    self._add(_ByKey())
                self.interrupted_at = None
                self._add_keys(self.keys.press(key, now))
                # What was pressed may be whole with a pause, which nothing else tells.
                self._add(_Stirred())
            case Interrupt(heard=words, after_ms=after_ms):
                self.life, self.speaks_until, self.interrupted_at = now, now + SPEAKS_FOR, now
                answering = self.answering if self.answering and not self.answering.is_over else None
                heard = self.voice.interrupted(words, after_ms)
                self._silence()
                self._drop_unsent()
                self._add(_Interrupted(heard, words, after_ms, answering))
            case Fault(words=words):
                self._add(_Faulted(words))

    def sounded(self, milliseconds: int) -> None:
        """The first words of an answer are heard, so long after they were sent."""
        self._add(_Sounded(milliseconds))

    def stir(self) -> None:
        """The voice is done: what waits for that is due, and from here on it is the caller's turn."""
        self.life = time.monotonic()
        self._add(_Stirred())

    def give_up(self, words: str, remedy: str) -> None:
        """Nothing is heard, or said, over this session any more."""
        self._add(_GaveUp(words, remedy))

    def close(self) -> None:
        """The socket is gone."""
        self.is_gone = True
        if self.answering is not None:
            self.answering.is_muted = True
        self._add(_Gone())

    def _silence(self) -> None:
        """What is being answered is wanted no more."""
        if self.answering is not None:
            self.answering.stop(Stop.VISITOR)

    def _drop_unsent(self) -> None:
        """Words that are not on their way yet would be said after the interruption."""
        kept = []
        while not self.frames.empty():
            frame = self.frames.get_nowait()
            self.frames.task_done()
            if not relay_frames.has_words(frame):
                kept.append(frame)
        for frame in kept:
            self.frames.put_nowait(frame)

    def _add(self, event: _Event) -> None:
        if self.events.qsize() > MOST_WAITING:
            self.is_over = True
        self.events.put_nowait(event)

    def _add_keys(self, pressed: str) -> None:
        if pressed:
            self._silence()
            self._add(_Said("", pressed, "", time.monotonic(), timezone.now()))

    # --- The one task -------------------------------------------------------------------------------------------

    async def conduct(self) -> None:
        """The session, from its setup to its end."""
        group = live.conversation_group(self.workspace_id, self.conversation_id)
        live.Hub.get().listen(group, self._ring)
        loop = asyncio.get_running_loop()
        beside = [loop.create_task(self._write()), loop.create_task(self._watch())]
        self._add(_Changed())
        try:
            while not self.is_over:
                event = await self._next()
                if event is not None:
                    await self._safely(self._on(event), speaks=isinstance(event, _Said | _Answered))
                if not self.is_gone and not self.is_over:
                    await self._safely(self._tick())
            if self.is_ended:
                await self._safely(self._ended_elsewhere())
            # What was put is sent before the socket is closed.
            async with asyncio.timeout(CLOSES_WITHIN):
                await self.frames.join()
        except TimeoutError:
            pass
        finally:
            live.Hub.get().leave(group, self._ring)
            for task in beside:
                task.cancel()

    async def _watch(self) -> None:
        """Look now and then whether others have changed something, in case that no bell told so."""
        seen: Glance | None = None
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                glance = await _glances.answer(self.workspace_id, self.call_id)
            except Exception as error:  # noqa: BLE001 (a database that is away is looked at again)
                logger.warning("nobody looks after call %s for a moment: %s", self.call_id, error)
                continue
            has_news = glance is None or (glance.has_unsaid and self.answering is None)
            # That something is unsaid while an answer is given comes and goes with each.
            glance = glance and replace(glance, has_unsaid=False)
            if has_news or glance != seen or time.monotonic() >= self.sign_at:
                self._add(_Changed())
            seen = glance

    def _ring(self, event: Mapping[str, Any]) -> None:
        """Others changed something. What our own answer changes is looked at once it is stored."""
        if event["type"] != "change" or (self.answering is not None and event.get("status") == Status.ACTIVE):
            return
        if event.get("control") == self.control and event.get("status") == Status.ACTIVE:
            new = [one for one in event["messages"] if one["id"] not in self.known]
            if all(one["author"]["kind"] == AuthorKind.VISITOR for one in new):
                return
        self._add(_Changed())

    async def _write(self) -> None:
        while True:
            frame = await self.frames.get()
            try:
                if not self.is_gone:
                    await self._send(frame)
            finally:
                self.frames.task_done()

    async def _next(self) -> _Event | None:
        """What happened, or None when it is time for something."""
        seconds = max(0.0, self._due() - time.monotonic())
        try:
            async with asyncio.timeout(seconds):
                return await self.events.get()
        except TimeoutError:
            return None

    async def _safely(self, act: Awaitable[None], *, speaks: bool = False) -> None:
        """A database that is away for a moment ends no call: whoever waits for an answer is told so (`speaks`).

        Where it stays away the call goes on without the socket, or is put through.
        """
        try:
            await act
            return
        except Exception:
            logger.exception("something in call %s did not work", self.call_id)
        self.life = time.monotonic()
        if self.is_gone or self.then is not None:
            self.is_over = self.is_over or self.is_gone
            return
        if speaks:
            self.failures += 1
            if self.failures > MOST_FAILURES:
                self._finish("failed", reason="The server could not go on.")
            else:
                self.voice.say(self.turn, self.manners.trouble)

    async def _on(self, event: _Event) -> None:
        match event:
            case _Said():
                if self.then is None:
                    await self._take(event)
                else:
                    await self._act(relay_acts.went_on, event.text or event.keys)
            case _Interrupted():
                await self._cut(event)
            case _ByKey():
                if self.interruption is not None:
                    await self._act(relay_acts.interrupted_by_key, self.interruption)
            case _Speaks():
                await self._act(relay_acts.speaks, event.answering.turn, event.answering.stamps.spoken_at)
            case _Answered():
                await self._answered(event.answering)
            case _Faulted():
                await self._act(relay_acts.fault, event.words)
            case _Sounded():
                await self._act(relay_acts.sounded, self.turn, event.milliseconds)
            case _GaveUp():
                self._silence()
                # First of all, as writing it down may fail, and nobody hears them any more.
                self._finish("failed", reason=event.words)
                self.then_by = time.monotonic() + CUT_AFTER
                await self._act(relay_acts.gave_up, event.words, event.remedy)
            case _Changed():
                await self._look()
            case _Gone():
                await self._leave()

    async def _act(self, act: Callable[..., Any], *values: Any) -> Any:
        return await in_tenant(act)(self.workspace_id, self.call_id, *values)

    # --- Turns --------------------------------------------------------------------------------------------------

    async def _take(self, said: _Said) -> None:
        """What the caller said or pressed is answered."""
        if said.keys:
            await self._act(relay_acts.pressed, said.keys, self.manners.action(said.keys))
        await self._end_answer()
        self.voice.settle()
        if action := self.manners.action(said.keys):
            self._finish(action, reason=f"The caller pressed {said.keys}.")
            return
        await self._listen_in(said.language)
        self.turn += 1
        text = said.text or self.manners.told(said.keys)
        asked: relay_acts.Asked = await self._act(relay_acts.take, self.turn, text, said.keys)
        self.failures = self.holds = 0
        stamps = Stamps(said.heard_at, endpoint_ms=said.waited_ms)
        if asked.claim is None:
            self._tell(asked.standing.told)
            self._apply(asked.standing)
            await self._stamp_at_once(stamps, said, bool(asked.standing.told))
            return
        answering = Answering(
            self.voice, self.turn, stamps, said.heard, self._has_word, self._is_spoken, self._is_answered
        )
        self.answering = answering
        self.hold_at = said.heard + HOLD_AFTER
        self.task = turns.in_background(asked.claim, ear=answering)

    def _has_word(self, answering: Answering) -> None:
        if answering is self.answering:
            self.hold_at = None

    def _is_spoken(self, answering: Answering) -> None:
        """Where the answer takes longer, it is written down that the caller hears it, should this process die."""

        def note() -> None:
            if not answering.is_over and not self.is_over:
                self._add(_Speaks(answering))

        asyncio.get_running_loop().call_later(NOTES_AFTER, note)

    def _is_answered(self, answering: Answering) -> None:
        self._add(_Answered(answering))

    async def _end_answer(self) -> None:
        """One turn at a time: wait until the one that was stopped is stored, and write down what was heard of it."""
        answering = self.answering
        if answering is None:
            return
        answering.stop(Stop.VISITOR)
        if self.task is not None:
            await asyncio.wait({self.task}, timeout=STOPS_WITHIN)
        await self._answered(answering)

    async def _answered(self, answering: Answering) -> None:
        """The answer is stored: write down what was said of it, and say what the house added to it."""
        if answering is not self.answering:
            return
        self.answering, self.task, self.hold_at = None, None, None
        answering.match()
        self.known.update(str(message.id) for message in answering.posted)
        said: list[Said] = []
        for utterance in answering.utterances:
            if utterance.message_id is None:
                continue
            heard = answering.cut.get(utterance.key) if answering.cut is not None else None
            whole = utterance.whole or utterance.sent
            said.append(Said.of(heard) if heard is not None else Said(utterance.message_id, whole, utterance.sent))
        if answering.is_muted:
            left = answering.posted[len(answering.utterances) :]
            said += [Said(message.id, words, "") for message in left if (words := self._of(message))]
        self.life = time.monotonic()
        standing: Standing = await self._act(
            relay_acts.said, answering.turn, said, answering.stamps, answering.interruption
        )
        if answering.is_lost:
            # What comes of it is found in the database, and said without what was heard already.
            self.elsewhere, self.hold_at = answering.heard_of_it, time.monotonic() + HOLD_AFTER
        self._tell(standing.told)
        self._apply(standing)
        await self._speak_as_asked()

    async def _stamp_at_once(self, stamps: Stamps, said: _Said, has_words: bool) -> None:
        """An answer that was there at once; none where a person answers."""
        stamps.finished_at = timezone.now()
        if has_words:
            stamps.asked_at = stamps.first_word_at = stamps.spoken_at = stamps.finished_at
            stamps.responder_ms, stamps.platform_ms = 0, round((time.monotonic() - said.heard) * 1000)
        await self._act(relay_acts.stamp, self.turn, stamps)
        await self._speak_as_asked()

    def _tell(self, told: Sequence[Told]) -> None:
        """Say whole messages, which are written down as said."""
        for one in told:
            self.known.add(str(one.message_id))
            words = one.words
            if self.elsewhere is not None:
                words, rest = relay_rest.left_of_one(words, self.elsewhere)
                self.elsewhere, self.hold_at = rest or None, None
            if words:
                self.voice.say(self.turn, words, one.message_id)

    def _of(self, message: Message) -> str:
        return self._spoken(message.text, message.blocks)

    async def _cut(self, event: _Interrupted) -> None:
        """They spoke over it: what is stored is cut to what they heard, now or once it is stored."""
        self.interruption, interrupted = None, None
        if event.answering is not None and event.answering is self.answering and event.answering.cut is None:
            event.answering.cut = {one.utterance.key: one for one in event.heard if one.utterance.is_message}
            interrupted = event.answering
            # (Those of earlier turns, or of others, are in the database already.)
            earlier = [one for one in event.heard if one.utterance.turn != event.answering.turn]
        else:
            earlier = event.heard
        said = [Said.of(one) for one in earlier if one.utterance.message_id is not None]
        self.interruption = await self._act(relay_acts.interrupted, self.turn, said, event.words, event.after_ms)
        if interrupted is not None:
            interrupted.interruption = self.interruption

    async def _listen_in(self, tag: str) -> None:
        """Speak the caller's language, where it has become another one."""
        if tag and relay_frames.is_other_language(tag, self.language):
            self.language = tag
            self.frames.put_nowait(relay_frames.language(tag))
            await self._act(relay_acts.speak, tag, True)

    # --- What others do meanwhile -------------------------------------------------------------------------------

    async def _look(self) -> None:
        """How the call stands, and what others have said in it."""
        now = time.monotonic()
        signs = now >= self.sign_at
        if signs:
            self.sign_at = now + SIGN_EVERY
        says = self.answering is None and self.then is None
        standing: Standing | None = await self._act(relay_acts.look, says, signs)
        if standing is None:
            # The connection was deleted, say: nothing of the call is there any more.
            if self.then is None:
                self._silence()
                self.voice.say(self.turn, self.manners.gone)
                self._finish("gone", reason="The call was deleted.")
            return
        self._tell(standing.told)
        self._apply(standing)
        await self._speak_as_asked()

    def _apply(self, standing: Standing) -> None:
        self.control, self.wanted_language = standing.control, standing.language
        if standing.is_ended:
            self.is_over = self.is_ended = True
        elif standing.is_spent:
            self._silence()
            self._finish("no_minutes", reason="The day's minutes are used up.")
        elif self.answering is None and standing.then:
            self._finish(standing.then, reason=standing.reason)

    async def _speak_as_asked(self) -> None:
        """The language of the conversation, where somebody else than the caller has changed it."""
        tag = self.wanted_language
        if tag and relay_frames.is_other_language(tag, self.language) and not self.is_over:
            self.language = tag
            self.frames.put_nowait(relay_frames.language(tag))
            await self._act(relay_acts.speak, tag, False)

    # --- The clock ----------------------------------------------------------------------------------------------

    def _due(self) -> float:
        """When something is to be done next, whatever happens."""
        times = [self.ends_at]
        if self.then is not None:
            times.append(min(self.then_by, self._last_word_at()))
        if self.hold_at is not None:
            times.append(self.hold_at)
        if self.keys.due_at is not None:
            times.append(self.keys.due_at)
        if (silent_at := self._silent_at()) is not None:
            times.append(silent_at)
        return min(times)

    def _silent_at(self) -> float | None:
        """When nobody has said anything for too long; None while it isn't the caller's turn."""
        is_answered = self.answering is None and self.elsewhere is None
        is_theirs = is_answered and self.then is None and self.control == "assistant"
        if not is_theirs or self.keys.due_at is not None:
            return None
        return max(self.life, self.voice.done_at, self.speaks_until) + self.config.silence_seconds

    def _last_word_at(self) -> float:
        return self.voice.done_at + AFTER_LAST_WORD if self.voice.done_at else 0.0

    async def _tick(self) -> None:
        now = time.monotonic()
        if self.keys.due_at is not None and now >= self.keys.due_at:
            self._add_keys(self.keys.take())
        if self.then is not None:
            if now >= min(self.then_by, self._last_word_at()):
                await self._end()
            return
        if now >= self.ends_at:
            self._silence()
            self._finish("too_long", reason="The longest call was reached.")
            # It is not heard to its end, as nobody may talk for longer: a goodbye follows.
            self.then_by = now + CUT_AFTER
            return
        if self.hold_at is not None and now >= self.hold_at:
            await self._hold(now)
        silent_at = self._silent_at()
        if silent_at is not None and now >= silent_at:
            await self._silent()

    async def _hold(self, now: float) -> None:
        """Nothing is answered yet: say so, unless the caller speaks."""
        self.hold_at = now + HOLD_AGAIN
        if self.elsewhere is not None and self.holds >= MOST_HOLDS:
            self.elsewhere = self.hold_at = None
            return
        if now >= self.speaks_until and not self.voice.is_speaking:
            self.voice.say(self.turn, self.manners.still if self.holds else self.manners.hold)
            self.holds += 1
            await self._act(relay_acts.held)

    async def _silent(self) -> None:
        """Nobody says anything: ask whether they are there, and in the end do what is to be done then."""
        self.life = time.monotonic()
        count: int = await self._act(relay_acts.silent, self.manners.silence, self.config.most_silences)
        if count >= self.config.most_silences:
            self._finish(self.config.then, reason="The caller said nothing more.", why="silence")
        else:
            self.voice.say(self.turn, self.manners.silence)

    # --- The end ------------------------------------------------------------------------------------------------

    def _finish(self, then: str, *, reason: str = "", why: str = "") -> None:
        """End the session once what was said is heard; `then` says what the call goes on with."""
        if self.then is None:
            self.then = {"then": then, "turn": self.turn, "reason": reason[:300], "why": why}
            self.then_by = time.monotonic() + LONGEST_LAST_WORDS

    async def _end(self) -> None:
        if self.voice.is_speaking:
            # It is we who don't let it come to its end.
            said, _ = await self._stop_speaking()
            await self._act(relay_acts.stopped, self.turn, said)
        else:
            await self._end_answer()
            self.voice.settle()
        self.frames.put_nowait(relay_frames.end(self.then))
        await self.frames.join()
        ends_at = time.monotonic() + CLOSES_WITHIN
        while not self.is_gone and time.monotonic() < ends_at:
            try:
                async with asyncio.timeout(max(0.0, ends_at - time.monotonic())):
                    await self.events.get()
            except TimeoutError:
                break
        self.is_over = True

    async def _ended_elsewhere(self) -> None:
        """The call is over, and word of that came before the socket's end: write down how far it was heard."""
        said, unstored = await self._stop_speaking()
        await self._act(relay_acts.broke, self.session, self.turn, said, unstored)

    async def _stop_speaking(self) -> tuple[list[Said], str]:
        """Nothing more is heard: how far each message was, and what was of an answer that is not stored."""
        heard = self.voice.broke()
        if self.answering is not None and self.answering.cut is None:
            self.answering.cut = {one.utterance.key: one for one in heard if one.utterance.is_message}
        await self._end_answer()
        said = [Said.of(one) for one in heard if one.utterance.message_id is not None]
        unstored = "".join(one.heard for one in heard if one.utterance.is_message and one.utterance.message_id is None)
        return said, unstored

    async def _leave(self) -> None:
        """The socket is gone without our doing: write down how far it was heard. Who was answering goes on.

        What of that answer was said is kept by its turn, as its messages are yet to be stored.
        """
        self.is_over = True
        heard = self.voice.broke()
        said = [Said.of(one) for one in heard if one.utterance.message_id is not None]
        of_turn = "".join(one.heard for one in heard if one.utterance.is_message and one.utterance.turn == self.turn)
        await self._act(relay_acts.broke, self.session, self.turn, said, of_turn)
