"""The end of a call whose sound is ours from a gateway, which asks nobody what comes next: last words, and its state.

(Twilio asks, once the socket is closed: `relay_done`.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_app.models import Call
from channels_app.models.call import CallOutcome
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import ending, record, relay_frames, relay_tickets
from channels_app.voice.media.line import Line
from channels_app.voice.relay_acts import Admitted
from channels_app.voice.words import say
from convoship.lib.tenancy import in_tenant

# Last words are waited for no longer than this.
LONGEST_WORDS = 15.0
LOOK_EVERY = 0.1


@dataclass(frozen=True)
class _Last:
    """What is said last, and how the call ends."""

    words: str
    outcome: CallOutcome
    reason: str = ""
    remedy: str = ""


async def finish(line: Line, admitted: Admitted, handed: Mapping[str, Any]) -> None:
    """The session has ended by its own word: say goodbye, and end the call."""
    last = await in_tenant(_last)(admitted.workspace_id, admitted, handed)
    if last is None:
        return
    if last.words:
        await line.take(relay_frames.text(last.words, last=True))
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + LONGEST_WORDS
        while line.done_at() > 0 and loop.time() < ends_at:  # noqa: ASYNC110  (the far side's clock rings no event)
            await asyncio.sleep(LOOK_EVERY)
    await in_tenant(ending.end)(admitted.workspace_id, admitted.call_id, last.outcome, last.reason, last.remedy)


async def hung_up(admitted: Admitted) -> None:
    """The far side ended it."""
    await in_tenant(_hung_up)(admitted.workspace_id, admitted)


async def broke(admitted: Admitted, words: str, remedy: str) -> None:
    """We had to close the socket."""
    await in_tenant(_broke)(admitted.workspace_id, admitted, words, remedy)


def _is_ours(admitted: Admitted) -> bool:
    """Whether the call is there, and has not gone on over another socket meanwhile."""
    call_id = admitted.call_id
    return Call.objects.filter(id=call_id).exists() and relay_tickets.is_last(call_id, admitted.ticket)


def _last(admitted: Admitted, handed: Mapping[str, Any]) -> _Last | None:
    if not _is_ours(admitted):
        return None
    call = record.lock(admitted.call_id)
    config, language = VoiceConfig.of(call.connection.config), call.language
    reason = str(handed.get("reason", ""))
    match handed.get("then"):
        case "too_long":
            remedy = "Raise the longest call in the connection's settings."
            return _Last(say("too_long", language), CallOutcome.TOO_LONG, "The longest call was reached.", remedy)
        case "no_minutes":
            remedy = "Raise the day's minutes in the connection's settings."
            words = "The day's minutes were used up in the call."
            return _Last(say("no_minutes", language), CallOutcome.TOO_LONG, words, remedy)
        case "failed":
            remedy = "What failed stands in the call's story, with what to do."
            return _Last(say("give_up", language), CallOutcome.FAILED, reason, remedy)
    is_silence = handed.get("why") == "silence"
    words = config.goodbye_words or say("silent_goodbye" if is_silence else "goodbye", language)
    return _Last(words, CallOutcome.COMPLETED, reason)


def _hung_up(admitted: Admitted) -> None:
    if _is_ours(admitted):
        ending.over(admitted.call_id)


def _broke(admitted: Admitted, words: str, remedy: str) -> None:
    if _is_ours(admitted):
        ending.end(admitted.call_id, CallOutcome.FAILED, words, remedy)
