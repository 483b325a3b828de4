"""Whether a call whose sound is ours may be recorded is asked over its line, before anything else is said.

It stands where the call's session stands later, and keeps what was said to it as every call does (`consenting`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import consenting, own_recordings, record, relay_acts, relay_frames
from channels_app.voice.media.interruptions import is_listening
from channels_app.voice.media.line import Line
from channels_app.voice.relay_acts import Admitted
from channels_app.voice.relay_frames import Digit, Frame, Prompt
from channels_app.voice.relay_session import SIGN_EVERY, SPEAKS_FOR, Session
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

# Who makes sounds for so long, and says nothing that can be understood, has given no answer.
LONGEST_ANSWER = 120.0
# Where a key was pressed into a question that can't be interrupted, its rest is said first.
LONGEST_REST = 15.0
LOOK_EVERY = 0.25


class Asking:
    """Of one call; `session` is the one that follows. To the line it is a `Hearer`."""

    def __init__(self, admitted: Admitted, session: Session) -> None:
        self._admitted, self._session = admitted, session
        self._line: Line | None = None
        self._answers: asyncio.Queue[Mapping[str, str] | None] = asyncio.Queue()
        self._clock = asyncio.get_running_loop().time
        self._life = 0.0
        self._is_audible = self._is_over = False

    # --- What the line tells ----------------------------------------------------------------------------------------

    def hear(self, frame: Frame) -> None:
        """What the caller did."""
        match frame:
            case Prompt(is_last=False):
                self._life = self._clock() + SPEAKS_FOR
            case Prompt(text=text) if self._is_audible and not (self._is_asking and is_listening(text)):
                self._answers.put_nowait({"SpeechResult": text})
            case Digit(key=key) if self._is_audible:
                self._answers.put_nowait({"Digits": key})

    @property
    def _is_asking(self) -> bool:
        """Whether the question is still being said: an “okay” in the middle of it agrees to nothing."""
        return self._line is not None and self._line.playout.is_speaking

    def sounded(self, milliseconds: int) -> None:
        """The question begins to be heard: what was said before answers nothing."""
        self._is_audible = True

    def stir(self) -> None:
        """The question was heard: from here on it is the caller's turn."""
        self._life = max(self._life, self._clock())

    def give_up(self, words: str, remedy: str) -> None:
        """The line can't hear, or speak, any more."""
        self._session.give_up(words, remedy)
        self.close()

    def close(self) -> None:
        """Nobody is there any more to be asked."""
        self._is_over = True
        self._answers.put_nowait(None)

    # --- What is asked ----------------------------------------------------------------------------------------------

    async def run(self, line: Line) -> UUID | None:
        """Ask, if they are still to be asked: the recording that begins, None where the call goes on without one."""
        self._line = line
        try:
            recording_id = await self._ask(line)
            await self._said(line)
            return recording_id
        except Exception:
            # The call matters more. Nothing is recorded without a yes that is written down.
            logger.exception("whether call %s may be recorded could not be asked", self._admitted.call_id)
        words = "Whether the call may be recorded could not be asked: it goes on without a recording."
        try:
            await self._act(relay_acts.gave_up, words, "The server's log says more.")
        except Exception:
            logger.exception("nor could that be written on call %s", self._admitted.call_id)
        return None

    async def _ask(self, line: Line) -> UUID | None:
        config = self._admitted.config
        is_due, recording_id = await self._act(_begins, config)
        for times in range(1, consenting.MOST_ASKED + 1):
            if not is_due:
                break
            await line.take(relay_frames.text(consenting.words_of(config, self._admitted.language), last=True))
            answer = await self._answer(line)
            if answer is None:
                return None
            is_due, recording_id = await self._act(_answered, answer, config, times >= consenting.MOST_ASKED)
        return recording_id

    async def _said(self, line: Line) -> None:
        """Nothing of the question is taken for a part of what the call says: who may not interrupt hears its end."""
        until = self._clock() + LONGEST_REST
        while line.playout.is_speaking and not self._is_over and self._clock() < until:  # noqa: ASYNC110 (no event)
            await asyncio.sleep(LOOK_EVERY)
        line.playout.settle()

    async def _answer(self, line: Line) -> Mapping[str, str] | None:
        """What they say or press; nothing where they are silent for too long, None where the call ends meanwhile."""
        began = asked_until = self._life = self._clock()
        sign_at = began + SIGN_EVERY
        silence = self._admitted.config.silence_seconds
        while not self._is_over:
            now = self._clock()
            if now >= sign_at:
                sign_at = now + SIGN_EVERY
                if not await self._act(_goes_on):
                    return None
            asked_until = max(asked_until, line.done_at())
            if now >= min(max(self._life, asked_until) + silence, began + LONGEST_ANSWER):
                return {}
            try:
                async with asyncio.timeout(LOOK_EVERY):
                    return await self._answers.get()
            except TimeoutError:
                continue
        return None

    async def _act(self, act: Callable[..., Any], *values: Any) -> Any:
        return await in_tenant(act)(self._admitted.workspace_id, self._admitted.call_id, *values)


def _begins(call_id: UUID, config: VoiceConfig) -> tuple[bool, UUID | None]:
    """Whether to ask; and where they agreed over an earlier socket, the recording that begins."""
    call = record.lock(call_id)
    if consenting.is_due(call, config):
        return True, None
    return False, own_recordings.begin(call) if call.goes_on and own_recordings.is_agreed(call) else None


def _goes_on(call_id: UUID) -> bool:
    """Whether there is anybody to be asked; if so, they are there."""
    call = record.lock(call_id)
    if not call.goes_on or not call.conversation.is_active:
        return False
    record.sign(call)
    return True


def _answered(call_id: UUID, answer: Mapping[str, str], config: VoiceConfig, is_last: bool) -> tuple[bool, UUID | None]:
    """Whether to ask once more; and the recording that begins with a yes."""
    call, asks_again, agreed = consenting.answered(call_id, answer, config, is_last=is_last)
    return asks_again, own_recordings.begin(call) if agreed else None
