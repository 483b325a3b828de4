"""The beginning of a session over a socket, and what comes after its end: the address that is asked then.

Where Twilio listens and speaks (ConversationRelay), that is the action of `<Connect>`; where we do (Media Streams), the
verb that stands behind it, which tells nothing of the session: what it said of its end is kept beside its ticket.

A session ends by our `end` frame, with a word about what comes next in `HandoffData`; by the caller, who hung up; or it
fails, as the socket could not be opened or broke (our process may have died). Then the call goes on sentence by
sentence, at once, with what was not heard yet; a second failure puts it through, or says goodbye.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app import calls
from channels_app.models import Call, CallSpeech, CallStep, CallTurn
from channels_app.models.call import CallMode, CallOutcome, SpeechState, StepKind
from channels_app.providers.twilio import relay_twiml, twiml
from channels_app.providers.twilio.voice_codes import fault_of
from channels_app.providers.twilio.voice_config import WAYS
from channels_app.voice import (
    ending,
    faults,
    gather,
    hearing,
    record,
    relay_rest,
    relay_tickets,
    taking,
    ways_out,
)
from channels_app.voice.asked import Asked
from channels_app.voice.engines.base import EngineFailed
from channels_app.voice.media import engines_of, speech
from channels_app.voice.relay_ledger import Ledger
from channels_app.voice.words import say
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.tenancy import in_tenant
from deployments import conversations, handoff, turns
from deployments.models import Message, Turn
from deployments.models.conversation import AuthorKind, Control, MessageStatus, TurnStatus
from deployments.models.handoff import HandoffCause

PART, SOUND_PART = "relay-done", "stream-done"
SOCKET = "relay"
FALLBACKS = "relay_failed"


# --- The beginning ----------------------------------------------------------------------------------------------------


async def start(asked: Asked, call_id: UUID) -> HttpResponse:
    """Have the call listened to word by word. What is to be said first is said over the socket."""
    return twiml.answered(await in_tenant(_connect)(asked.workspace_id, asked, call_id))


def _connect(asked: Asked, call_id: UUID) -> str:
    call = record.lock(call_id)
    record.answered(call)
    taking.take(call_id, call.turn, "")
    response = VoiceResponse()
    relay_twiml.relayed(
        response,
        asked.config,
        # https becomes wss; on a machine of one's own http becomes ws.
        url="ws" + asked.url(SOCKET).removeprefix("http"),
        action=asked.url(PART),
        parameters={relay_tickets.PARAMETER: relay_tickets.issue(call)},
        language=call.language,
    )
    return str(response)


async def start_sound(asked: Asked, call_id: UUID) -> HttpResponse:
    """Have the call's sound brought to us. Where what hears or speaks isn't there, Twilio listens after all."""
    absent = engines_of.missing(asked.provider.account.config)
    if absent is not None:
        await in_tenant(_without_speech)(asked.workspace_id, call_id, absent)
        return await gather.start(asked, call_id)
    return twiml.answered(await in_tenant(_connect_sound)(asked.workspace_id, asked, call_id))


def _without_speech(call_id: UUID, absent: EngineFailed) -> None:
    call = record.lock(call_id)
    call.mode = CallMode.GATHER
    call.save(update_fields=["mode"])
    words = f"{absent.words} The call goes on sentence by sentence."
    record.note(call, StepKind.FALLBACK, words, absent.remedy, **{FALLBACKS: True})


def _connect_sound(asked: Asked, call_id: UUID) -> str:
    call = record.lock(call_id)
    record.answered(call)
    taking.take(call_id, call.turn, "")
    response = VoiceResponse()
    relay_twiml.streamed(
        response,
        url=speech.socket_url(asked.provider.account.inbound_url),
        action=asked.url(SOUND_PART),
        parameters={relay_tickets.PARAMETER: relay_tickets.issue(call)},
    )
    return str(response)


# --- The end ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ended:
    """How a session ended: what it said of it, or (`is_failed`) what is known of why it did not."""

    is_failed: bool
    handed: Mapping[str, Any]
    session: str = ""
    code: str = ""
    detail: str = ""
    words: str = "Word by word failed, and Twilio does not say why."


@dataclass(frozen=True)
class _Next:
    """What comes next: TwiML, or (`waits`) the answer to the turn that the call is in, as `gather` gives it.

    `claim`: the right to answer that turn, where nobody does any more.
    """

    twiml: str = ""
    waits: bool = False
    claim: turns.Claim | None = None
    call_id: UUID | None = None
    turn: int = 0


async def done(asked: Asked) -> HttpResponse:
    """The session is over."""
    following = await in_tenant(_done)(asked.workspace_id, asked)
    if following is None:
        return await gather.lost(asked)
    if following.claim is not None:
        turns.in_background(following.claim)
    if following.waits and following.call_id is not None:
        return await gather.answered(asked, following.call_id, following.turn)
    return twiml.answered(following.twiml)


def _done(asked: Asked) -> _Next | None:
    known = record.find(asked.connection_id, asked.sid)
    if known is None:
        return None
    call = record.lock(known.id)
    status = asked.form.get("SessionStatus", "").lower()
    is_over = asked.form.get("CallStatus", "").lower()
    if is_over == "completed" or (status == "completed" and is_over != "in-progress"):
        # They hung up.
        ending.over(call.id)
        return _Next(_hung_up())
    if not call.goes_on:
        return _Next(_hung_up())
    is_let = record.sign(call)
    if not is_let and call.conversation.is_active and call.conversation.control == Control.ASSISTANT:
        return _Next(gather.used_up(asked, call))
    if not status and "again" in asked.query:
        # It broke here, and what the session said of its end is lost with the first request.
        return _ended(asked, call, "", {})
    end = _end_of_sound(call) if asked.part == SOUND_PART else _end_of_relay(asked)
    then = str(end.handed.get("then", ""))
    if not end.is_failed and then and then != "failed":
        return _ended(asked, call, then, end.handed)
    return _failed(asked, call, then, end)


def _end_of_relay(asked: Asked) -> _Ended:
    form = asked.form
    handed, is_ended = _handed(form.get("HandoffData", "")), form.get("SessionStatus", "").lower() == "ended"
    code, detail = form.get("ErrorCode", ""), form.get("ErrorMessage", "")
    return _Ended(not is_ended, handed, form.get("SessionId", "")[:64], code if code != "0" else "", detail)


def _end_of_sound(call: Call) -> _Ended:
    session, handed = relay_tickets.handed(call)
    if handed is not None:
        return _Ended(False, handed, session)
    words = "The socket of the call's sound broke." if session else "The socket of the call's sound was not opened."
    return _Ended(True, {}, session, words=words)


def _handed(text: str) -> Mapping[str, Any]:
    """What our `end` frame gave along; {} where it isn't ours."""
    try:
        found = loads(text) if text else {}
    except BadJSON:
        return {}
    return found if isinstance(found, dict) else {}


def _hung_up() -> str:
    response = VoiceResponse()
    response.hangup()
    return str(response)


# --- As it was to end -------------------------------------------------------------------------------------------------


def _ended(asked: Asked, call: Call, then: str, handed: Mapping[str, Any]) -> _Next:
    """Go on as the session said. What was said in it is heard: nothing of it is said again."""
    why = str(handed.get("reason", ""))[:200] or "The call goes on otherwise."
    is_overtaken = not call.conversation.is_active or call.conversation.control != "assistant"
    response = VoiceResponse()
    if then == "too_long":
        words, remedy = say("too_long", call.language), "Raise the longest call in the connection's settings."
        ways_out.goodbye(asked, call, response, why, words=words, outcome=CallOutcome.TOO_LONG, remedy=remedy)
    elif then == "no_minutes":
        return _Next(gather.used_up(asked, call))
    elif then in WAYS and not is_overtaken:
        if then == "goodbye" and handed.get("why") == "silence":
            words = asked.config.goodbye_words or say("silent_goodbye", call.language)
            ways_out.goodbye(asked, call, response, why, words=words, outcome=CallOutcome.COMPLETED)
        else:
            cause = HandoffCause.SILENCE if handed.get("why") == "silence" else HandoffCause.VISITOR
            ways_out.take(asked, call, response, then, why, cause=cause)
    else:
        # What the conversation wants is gather's to tell, as in every other request of a call.
        heard = CallSpeech.objects.filter(call=call, turn__number=call.turn).order_by("message__seq")
        words = "".join(heard.values_list("whole", flat=True))
        relay_rest.note(call, StepKind.MODE, "Word by word has ended.", "", words)
        _reopen(call)
        return _Next(waits=True, call_id=call.id, turn=call.turn)
    return _Next(str(response))


def _reopen(call: Call) -> None:
    """What was posted since the session said its last is told with the turn's answer, as its rest."""
    finished_at = None if hearing.unheard(call) else timezone.now()
    CallTurn.objects.filter(call=call, number=call.turn).update(finished_at=finished_at)


# --- It failed --------------------------------------------------------------------------------------------------------


def _failed(asked: Asked, call: Call, then: str, end: _Ended) -> _Next:
    """The socket could not be opened, broke, or we could not go on: sentence by sentence from here."""
    code = end.code
    fault = fault_of(code) if code else None
    if fault:
        # Of the connection's health; in the call's own story it stands once, with how the call went on.
        faults.note(asked.connection_id, code)
    words = faults.words_of(code) if fault else end.words
    remedy = fault.remedy if fault else "Look at the server's log and Twilio's error log for that time."
    if then == "failed":
        # (What failed of our own hearing and speaking stands in the call's story already.)
        words = str(end.handed.get("reason") or "The server could not go on word by word.")
        remedy = "Look at the server's log for that time."
    response = VoiceResponse()
    before = CallStep.objects.filter(call=call, kind=StepKind.FALLBACK, **{f"data__{FALLBACKS}": True}).count()
    data = {FALLBACKS: True, "code": code[:10], "session": end.session, "detail": end.detail[:300]}
    if before:
        relay_rest.note(call, StepKind.FALLBACK, f"{words} It was the second time.", remedy, None, **data)
        goes_on = handoff.is_somebody_there(call.conversation)
        twiml.said(response, say("sorry" if goes_on else "give_up", call.language), asked.config, call.language)
        cause = HandoffCause.FAILURES
        ways_out.take(asked, call, response, "transfer", words, outcome=CallOutcome.FAILED, cause=cause)
        return _Next(str(response))
    call.mode = CallMode.GATHER
    call.save(update_fields=["mode"])
    lost = _lost(call, str(data["session"]))
    heard = lost.data.get("heard", "") if lost is not None else _heard_by_now(call)
    _take_back(call, lost)
    note = f"{words} The call goes on sentence by sentence."
    relay_rest.note(call, StepKind.FALLBACK, note, remedy, heard, **data)
    twiml.said(response, say("relay_lost", call.language), asked.config, call.language)
    response.redirect(asked.url("wait", turn=call.turn), method="POST")
    # Our process wrote down how far it came, so it lives, and goes on with its answer; else nobody does.
    claim = None if lost is not None else _take_over(call)
    return _Next(str(response), claim=claim)


def _lost(call: Call, session: str) -> CallStep | None:
    """What the process that held the socket wrote down about its end; None where it was not able to."""
    steps = CallStep.objects.filter(call=call, kind=StepKind.RELAY_LOST, data__session=session, data__turn=call.turn)
    return steps.order_by("-at").first()


def _heard_by_now(call: Call) -> str:
    """What was heard of this turn's answer, by how long a voice takes for it: what was sent, and what is written."""
    turn = CallTurn.objects.filter(call=call, number=call.turn).first()
    if turn is None or turn.spoken_at is None:
        return ""
    ledger = Ledger()
    rows = CallSpeech.objects.filter(call=call, turn=turn, state=SpeechState.SPOKEN).order_by("message__seq")
    texts = [row.whole for row in rows]
    texts += [_spoken(message, call.language) for message in _under_way(call)]
    for text in texts:
        ledger.sent(ledger.begin(turn.number), f"{text} ", 0.0)
    elapsed = (timezone.now() - turn.spoken_at).total_seconds()
    return "".join(one.heard for one in ledger.broke(max(0.0, elapsed)))


def _under_way(call: Call) -> list[Message]:
    """The assistant's texts of which more was written than noted as said."""
    rows = Message.objects.filter(conversation=call.conversation, author_kind=AuthorKind.ASSISTANT, speech=None)
    return list(rows.filter(status__in=(MessageStatus.STREAMING, MessageStatus.QUEUED)).order_by("seq"))


def _spoken(message: Message, language: str) -> str:
    from channels_app.voice.speaking import spoken

    return spoken(message, language)


def _take_back(call: Call, lost: CallStep | None) -> None:
    """What was cut as the socket broke is said after all."""
    ids = lost.data.get("cut", []) if lost is not None else []
    for row in CallSpeech.objects.filter(call=call, message_id__in=ids).select_related("message"):
        row.state, row.heard = SpeechState.SPOKEN, row.whole
        row.save(update_fields=["state", "heard"])
        changes: dict[str, Any] = {"text": row.whole.strip(), "status": MessageStatus.DELIVERED, "reason": ""}
        conversations.change_message(call.conversation, row.message, **changes)


def _take_over(call: Call) -> turns.Claim | None:
    """The right to answer what nobody answers any more: whoever did can write nothing more with this."""
    number = call.turn
    if not calls.has_open_turn(call.conversation, taking.client_id(call.sid, number)):
        return None
    running = Turn.objects.filter(conversation=call.conversation, status=TurnStatus.RUNNING)
    running.update(leased_until=timezone.now())
    heard = _under_way(call)
    claim = turns.claim_due(call.conversation_id)
    turn = CallTurn.objects.filter(call=call, number=number).first()
    CallSpeech.objects.bulk_create(
        [
            CallSpeech(
                call=call,
                turn=turn,
                message=message,
                state=SpeechState.CUT,
                whole=words,
                heard=words,
                workspace_id=call.workspace_id,
            )
            for message in heard
            if message.status == MessageStatus.STREAMING and (words := _spoken(message, call.language))
        ],
        ignore_conflicts=True,
    )
    return claim
