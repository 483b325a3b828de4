"""Sentence by sentence: what a caller says is posted, its answer is spoken in the response, or asked for again.

A response is never late: what takes longer than a caller likes is bridged with words and a redirect that waits, so
that the provider's own 15 seconds never pass. The key of everything is the call and its turn: the same request again,
or late, changes nothing and is answered with the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.models import Call, CallTurn
from channels_app.models.call import CallOutcome, StepKind
from channels_app.providers.twilio import twiml
from channels_app.providers.twilio.voice_config import WAYS
from channels_app.voice import handing_over, hearing, record, taking, ways_out
from channels_app.voice.asked import Asked
from channels_app.voice.taking import Answer
from channels_app.voice.words import say
from convoship.lib.tenancy import in_tenant
from deployments import turns
from deployments.models.handoff import HandoffCause

# A caller takes a silence of this length for thinking.
ANSWER_WITHIN = 2.0
# And so long one more request waits; twice that is still far from the provider's 15 seconds.
WAIT_SECONDS = 8.0
FIRST_PAUSE, LONGEST_PAUSE = 0.04, 0.25
# An answer that is not there after so many waits will not come: responders have less time than that.
MOST_WAITS = 15
# Every so many waits there are words again.
WORDS_EVERY = 2


@dataclass(frozen=True)
class Heard:
    """What became of a turn: its call, who answers it, and where it leads instead, if it does."""

    call_id: UUID
    claim: turns.Claim | None
    answer: str | None = None


async def start(asked: Asked, call_id: UUID) -> HttpResponse:
    """Greet, and listen."""
    await in_tenant(_greeted)(asked.workspace_id, call_id)
    return await answered(asked, call_id, 0, within=ANSWER_WITHIN)


def _greeted(call_id: UUID) -> None:
    record.answered(record.lock(call_id))
    taking.take(call_id, 0, "")


async def turn(asked: Asked) -> HttpResponse:
    """What was said or pressed, or that nothing was."""
    number = max(asked.number("turn", 1), 1)
    heard = await in_tenant(_hear)(asked.workspace_id, asked, number)
    if heard is None:
        return await lost(asked)
    if heard.claim is not None:
        turns.in_background(heard.claim)
    if heard.answer is not None:
        return twiml.answered(heard.answer)
    return await answered(asked, heard.call_id, number, within=ANSWER_WITHIN)


async def wait(asked: Asked) -> HttpResponse:
    """The answer to a turn that was not there yet."""
    call = await in_tenant(_going_on)(asked.workspace_id, asked)
    if call is None:
        return await lost(asked)
    return await answered(
        asked, call, asked.number("turn"), within=WAIT_SECONDS, waits=asked.number("waits") + 1, goes_on=True
    )


async def lost(asked: Asked) -> HttpResponse:
    """A call that nobody knows here: its first request never arrived."""
    response = VoiceResponse()
    twiml.said(response, say("sorry", asked.config.language), asked.config)
    response.redirect(asked.url(), method="POST")
    return twiml.answered(response)


def _going_on(asked: Asked) -> UUID | None:
    call = record.find(asked.connection_id, asked.sid)
    return call.id if call else None


def _hear(asked: Asked, number: int) -> Heard | None:
    """Take the turn, in one transaction."""
    known = record.find(asked.connection_id, asked.sid)
    if known is None:
        return None
    call = record.lock(known.id)
    if not call.goes_on:
        return Heard(call.id, None, _over(asked, call))
    is_let = record.sign(call)
    record.answered(call)
    said, keys = asked.form.get("SpeechResult", "").strip(), asked.form.get("Digits", "").strip()[:64]
    text = said or keys
    # Options that the assistant offers are spoken without numbers, so a key of the menu is the menu's.
    chosen = "" if said else asked.config.menu.get(keys, "")
    if chosen and chosen not in WAYS:
        text = chosen
    confidence = _share(asked.form.get("Confidence", ""))
    way = chosen if chosen in WAYS else ""
    if keys and (number > call.turn or record.turn_of(call.id, number) is None):
        # Before it is taken: its answer may be written with that.
        record.note(call, StepKind.DTMF, f"They pressed {keys}.", keys=keys)
    taken = taking.take(call.id, number, "" if way else text, keys=keys, confidence=confidence)
    call = record.lock(call.id)
    if way:
        response = VoiceResponse()
        ways_out.take(asked, call, response, way, f"They pressed {keys}.")
        return Heard(call.id, None, str(response))
    if taken.is_new and not text:
        record.note(call, StepKind.SILENCE, f"They said nothing ({call.silences} in a row).", turn=number)
    if not is_let:
        return Heard(call.id, taken.claim, used_up(asked, call))
    return Heard(call.id, taken.claim)


def _share(text: str) -> float | None:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return None


def _over(asked: Asked, call: Call) -> str:
    """To a request of a call that has ended here: its answer was lost, or comes late."""
    response = VoiceResponse()
    ways_out.say_goodbye(asked, response, call.language)
    return str(response)


def used_up(asked: Asked, call: Call) -> str:
    """The day's minutes are used up in a call that goes on: put through, or goodbye."""
    response = VoiceResponse()
    words = say("no_minutes", call.language)
    why = "The day's minutes were used up in the call."
    remedy = "Raise the day's minutes in the connection's settings."
    if asked.config.transfer_to:
        twiml.said(response, words, asked.config, call.language)
        ways_out.take(asked, call, response, "transfer", why, outcome=CallOutcome.TOO_LONG, cause=HandoffCause.FAILURES)
    else:
        twiml.said(response, words, asked.config, call.language)
        ways_out.goodbye(asked, call, response, why, outcome=CallOutcome.TOO_LONG, remedy=remedy)
    return str(response)


async def answered(
    asked: Asked, call_id: UUID, number: int, *, within: float = ANSWER_WITHIN, waits: int = 0, goes_on: bool = False
) -> HttpResponse:
    """The answer to a turn if it is there in that time; else words, and a redirect that waits for it."""
    clock = asyncio.get_running_loop().time
    ends_at, pause = clock() + within, FIRST_PAUSE
    while True:
        spoken, claim = await in_tenant(_speak)(asked.workspace_id, asked, call_id, number, goes_on=goes_on)
        if claim is not None:
            # Whoever answered it is dead, and nobody else has taken it up yet.
            turns.in_background(claim)
        if spoken is not None:
            return twiml.answered(spoken)
        left = ends_at - clock()
        if left <= 0:
            break
        await asyncio.sleep(min(pause, left))
        pause, goes_on = min(pause * 1.5, LONGEST_PAUSE), False
    return twiml.answered(await in_tenant(_hold)(asked.workspace_id, asked, call_id, number, waits))


def _speak(asked: Asked, call_id: UUID, number: int, *, goes_on: bool = False) -> tuple[str | None, turns.Claim | None]:
    """What is said to a turn, if its answer is whole; with `goes_on` the right to answer it where nobody does."""
    call = record.lock(call_id)
    answer = taking.answer_of(call_id, number)
    if answer is None:
        return None, turns.claim_due(call.conversation_id) if goes_on else None
    turn = CallTurn.objects.get(call=call, number=number)
    return _told(asked, record.lock(call_id), turn, answer), None


def _told(asked: Asked, call: Call, turn: CallTurn, answer: Answer) -> str:
    """The answer as TwiML, with what comes after it."""
    response, config = VoiceResponse(), asked.config
    is_silence = turn.number > 0 and turn.message_id is None and not turn.keys
    words = list(answer.words)
    if answer.is_over or not call.goes_on:
        for one in words:
            twiml.said(response, one, config, call.language)
        ways_out.say_goodbye(asked, response, call.language)
        hearing.last_words(call, words)
        return str(response)
    if answer.wants_person:
        for one in words:
            twiml.said(response, one, config, call.language)
        # A turn that is asked again is answered with what it was, and goes where the call belongs by now.
        handing_over.add_to(response, call)
        return str(response)
    if turn.number == call.turn and _is_vain(asked, call, response, words):
        return str(response)
    if timezone.now() >= call.ends_by:
        for one in words:
            twiml.said(response, one, config, call.language)
        said, remedy = say("too_long", call.language), "Raise the longest call in the connection's settings."
        why = "The longest call was reached."
        ways_out.goodbye(asked, call, response, why, words=said, outcome=CallOutcome.TOO_LONG, remedy=remedy)
        return str(response)
    if is_silence:
        silences = _silences_up_to(call, turn)
        if silences >= config.most_silences:
            _after_silences(asked, call, response, silences)
            return str(response)
        asks = config.silence_words or say("silence", call.language)
        words.append(asks)
        _note_asked(call, turn, asks)
    is_first = bool(config.menu) and not _has_said(call, turn)
    action = asked.url("turn", turn=turn.number + 1)
    twiml.gathered(response, words, config, action=action, language=call.language, one_key=is_first)
    return str(response)


def _note_asked(call: Call, turn: CallTurn, words: str) -> None:
    """With which words they were asked at this silence; once, however often the request comes."""
    step = call.steps.filter(kind=StepKind.SILENCE, data__turn=turn.number).first()
    if step is not None and "asked" not in step.data:
        step.words = f"{step.words} They were asked: “{words}”"[:500]
        step.data["asked"] = words[:500]
        step.save(update_fields=["words", "data"])


def _is_vain(asked: Asked, call: Call, response: VoiceResponse, words: Sequence[str]) -> bool:
    """Whether nobody was there for who asked, and the call goes on with a message or a goodbye."""
    then = VoiceResponse()
    if not ways_out.after_vain(asked, call, then):
        return False
    for one in words:
        twiml.said(response, one, asked.config, call.language)
    for verb in then.verbs:
        response.append(verb)
    return True


def _silences_up_to(call: Call, turn: CallTurn) -> int:
    """How many silences in a row end with this turn; the same whenever it is asked."""
    rows = CallTurn.objects.filter(call=call, number__gt=0, number__lte=turn.number).order_by("-number")
    count = 0
    for message_id, keys in rows.values_list("message_id", "keys"):
        if message_id is not None or keys:
            break
        count += 1
    return count


def _has_said(call: Call, turn: CallTurn) -> bool:
    return CallTurn.objects.filter(call=call, number__lte=turn.number, message__isnull=False).exists()


def _after_silences(asked: Asked, call: Call, response: VoiceResponse, silences: int) -> None:
    why = f"They said nothing {silences} times in a row."
    way = asked.config.then
    if way == "goodbye":
        words = asked.config.goodbye_words or say("silent_goodbye", call.language)
        ways_out.goodbye(asked, call, response, why, words=words, outcome=CallOutcome.COMPLETED)
    else:
        ways_out.take(asked, call, response, way, why, cause=HandoffCause.SILENCE)


def _hold(asked: Asked, call_id: UUID, number: int, waits: int) -> str:
    """Words while it thinks, and where to ask again; after too long the call goes another way."""
    response, call = VoiceResponse(), record.lock(call_id)
    if not call.goes_on:
        response.hangup()
        return str(response)
    if not record.sign(call):
        return used_up(asked, call)
    if waits >= MOST_WAITS or timezone.now() >= call.ends_by:
        twiml.said(response, say("give_up", call.language), asked.config, call.language)
        why = "The assistant had no answer in time."
        ways_out.take(asked, call, response, "transfer", why, outcome=CallOutcome.FAILED, cause=HandoffCause.FAILURES)
        return str(response)
    turn = CallTurn.objects.filter(call=call, number=number).first()
    if turn is not None:
        taking.first_given(turn)
    if waits % WORDS_EVERY == 0:
        words = asked.config.hold_words if not waits else ""
        words = words or say("still" if waits else "hold", call.language)
        twiml.said(response, words, asked.config, call.language)
        record.note(call, StepKind.HOLD, f"They were asked to wait: “{words}”")
    response.redirect(asked.url("wait", turn=number, waits=waits), method="POST")
    return str(response)
