"""What each address of a call answers, and that a caller never hears the provider's own “application error”.

A request is genuine when it comes here. Whatever goes wrong becomes words: once it is tried again, then the call is put
through to the connection's telephone, or said goodbye to; a step of the call says what it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import InterfaceError, NotSupportedError, OperationalError, transaction
from django.http import HttpResponse
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app import spending
from channels_app.models import Call, CallStep, CallTurn, Connection, InboundEvent
from channels_app.models.call import CallDirection, CallMode, StepKind
from channels_app.models.inbound import EventState
from channels_app.providers.twilio import twiml
from channels_app.voice import (
    consenting,
    ending,
    faults,
    gather,
    record,
    relay_done,
    transfer_parts,
    voicemail,
    ways_out,
)
from channels_app.voice.asked import Asked, Handler
from channels_app.voice.words import say
from convoship.lib.database import drop_broken_connections
from convoship.lib.deadlocks import is_by_chance
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from deployments.models.conversation import Control

logger = logging.getLogger(__name__)

# The provider gives up after 15 seconds.
LONGEST_SECONDS = 12.0
# How often a call may come back from the fallback address before it goes another way.
MOST_FALLBACKS = 2


async def answer(asked: Asked) -> HttpResponse:
    """What the provider is told to do; never an error."""
    handler = PARTS.get(asked.part)
    if handler is None:
        return twiml.nothing()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await _once_more(handler, asked)
    except Problem as problem:
        return await _broken(asked, problem.detail, problem.hint or "")
    except Exception as error:
        logger.exception("a request of a call (%s) of connection %s broke", asked.part, asked.connection_id)
        what = "It took too long." if isinstance(error, TimeoutError) else "It has been logged."
        return await _broken(asked, f"Something broke in Convoship. {what}", "Look at the server's log for that time.")


async def _once_more(handler: Handler, asked: Asked) -> HttpResponse:
    """What was said stands in this request alone, so a database that was away for a moment is asked again at once."""
    try:
        return await handler(asked)
    except (OperationalError, InterfaceError, NotSupportedError) as error:
        if isinstance(error, NotSupportedError) and not is_by_chance(error):
            raise
        logger.warning("a request of a call (%s) is tried once more: %s", asked.part, error)
        await in_thread(drop_broken_connections)
        return await handler(asked)


async def _broken(asked: Asked, words: str, remedy: str) -> HttpResponse:
    if asked.part in REPORTS:
        # Nobody hears the answer; the sweeper asks for what was to be reported.
        return twiml.nothing()
    try:
        await in_tenant(_note_error)(asked.workspace_id, asked, words, remedy)
    except Exception as error:  # noqa: BLE001 (a caller waits, and has to be told something whatever is away)
        logger.error("what went wrong in a call of connection %s could not be noted: %s", asked.connection_id, error)
    response = VoiceResponse()
    if asked.part == "whisper":
        # Of the person, not of the caller, who goes to the next one.
        twiml.said(response, say("give_up", asked.config.language), asked.config)
        response.hangup()
        return twiml.answered(response)
    if "again" in asked.query:
        ways_out.without_call(asked, response, say("give_up", asked.config.language))
    elif asked.part == "turn":
        # A redirect would not have what they said: it would be taken for a silence.
        words, action = say("sorry_again", asked.config.language), asked.url(asked.part, **asked.query, again="1")
        twiml.gathered(response, [words], asked.config, action=action)
    else:
        twiml.said(response, say("sorry", asked.config.language), asked.config)
        response.redirect(asked.url(asked.part, **asked.query, again="1"), method="POST")
    return twiml.answered(response)


def _note_error(asked: Asked, words: str, remedy: str) -> None:
    call = record.find(asked.connection_id, asked.sid)
    if call is not None:
        record.note(call, StepKind.ERROR, words, remedy, part=asked.part)
    elif asked.sid:
        _note_untaken(asked, words, remedy)


def speechless() -> HttpResponse:
    """For a request that could not even be checked, as the database or a key is away: sorry, in words of no one's."""
    response = VoiceResponse()
    response.say(say("give_up", "en"), language="en-US")
    response.hangup()
    return twiml.answered(response)


# --- A call comes in --------------------------------------------------------------------------------------------------


async def incoming(asked: Asked) -> HttpResponse:
    """Somebody calls, or answered a call of ours."""
    opened = await in_tenant(_open)(asked.workspace_id, asked)
    if isinstance(opened, _Untaken):
        response = VoiceResponse()
        ways_out.without_call(asked, response, opened.words, may_dial=opened.may_dial)
        return twiml.answered(response)
    if opened is None:
        response = VoiceResponse()
        response.reject(reason="rejected")
        return twiml.answered(response)
    if not opened.goes_on:
        response = VoiceResponse()
        response.hangup()
        return twiml.answered(response)
    question = await in_tenant(consenting.asked_first)(asked.workspace_id, asked, opened.id)
    if question is not None:
        return twiml.answered(question)
    return await STARTS.get(opened.mode, gather.start)(asked, opened.id)


@dataclass(frozen=True)
class _Untaken:
    """What is said to who is not taken, and whether the connection's telephone may be rung in the assistant's place."""

    words: str
    may_dial: bool = True


def _open(asked: Asked) -> Call | _Untaken | None:
    """The call; words for who is not taken; None for who is blocked."""
    language = asked.config.language
    if not asked.is_open:
        _note_untaken(asked, "The connection is paused, so the call was not taken.", "Enable the connection.")
        return _Untaken(say("closed", language))
    connection = Connection.objects.select_related("assistant__published").get(id=asked.connection_id)
    try:
        return _opened(asked, connection)
    except record.Blocked as blocked:
        _note_untaken(asked, blocked.words, blocked.remedy)
        if blocked.spent_until is None:
            return None
        # (What was noted when it was counted went back with the call.)
        connection.refresh_from_db(fields=["spent_until"])
        spending.note_used_up(connection, blocked.spent_until)
        return _Untaken(say("no_minutes", language), may_dial=False)
    except Problem as problem:
        _note_untaken(asked, problem.detail, problem.hint or "")
        return _Untaken(say("closed", language))


def _opened(asked: Asked, connection: Connection) -> Call:
    form = asked.form
    direction = CallDirection.OUTBOUND if form.get("Direction", "").startswith("outbound") else CallDirection.INBOUND
    with transaction.atomic():
        call = record.open_call(connection, asked.sid, form.get("From", ""), form.get("To", ""), direction)
        if call.goes_on:
            record.sign(call)
    return call


def _note_untaken(asked: Asked, words: str, remedy: str) -> None:
    """A call that was not taken is kept among the connection's events, once, with the reason."""
    now = timezone.now()
    row = InboundEvent(
        connection_id=asked.connection_id,
        key=f"call:{asked.sid}"[:255],
        kind="unknown",
        lane=asked.form.get("From", "")[:255],
        content={"key": f"call:{asked.sid}"[:255], "what": "a call that was not taken"},
        body_digest=b"",
        state=EventState.IGNORED,
        reason=words[:300],
        remedy=remedy[:300],
        due_at=now,
        handled_at=now,
        workspace_id=asked.workspace_id,
    )
    InboundEvent.objects.bulk_create([row], ignore_conflicts=True)


# --- It is reported on ------------------------------------------------------------------------------------------------


async def status(asked: Asked) -> HttpResponse:
    """How the call stands."""
    await in_tenant(_reported)(asked.workspace_id, asked)
    return twiml.nothing()


def _reported(asked: Asked) -> None:
    # Of the leg to a person, say: that is its own address' business.
    if asked.form.get("ParentCallSid"):
        return
    call = record.find(asked.connection_id, asked.sid)
    said = asked.form.get("CallStatus", "")
    if call is None:
        is_ours = asked.form.get("Direction", "").startswith("outbound")
        if not is_ours or not asked.sid:
            return
        # It was faster than the answer to our asking for the call.
        connection = Connection.objects.select_related("assistant__published").get(id=asked.connection_id)
        call = _opened(asked, connection)
    ending.settle(call.id, said, _seconds(asked.form.get("CallDuration", "")), asked.form.get("ErrorCode", ""))


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


# --- Something failed at the provider ---------------------------------------------------------------------------------


async def fallback(asked: Asked) -> HttpResponse:
    """The provider could not use what another address answered: it says so here, and the call goes on if it can."""
    call_id, is_last, spent = await in_tenant(_fallen_back)(asked.workspace_id, asked)
    if spent is not None:
        return twiml.answered(spent)
    response = VoiceResponse()
    if call_id is None and not is_last:
        return await incoming(asked)
    if is_last or call_id is None:
        ways_out.without_call(asked, response, say("give_up", asked.config.language))
        return twiml.answered(response)
    twiml.said(response, say("sorry", asked.config.language), asked.config)
    number = await in_tenant(_turn_of)(asked.workspace_id, call_id)
    if number is None:
        # It failed before anything was said: there is no answer to wait for, and it begins anew.
        return await incoming(asked)
    response.redirect(asked.url("wait", turn=number), method="POST")
    return twiml.answered(response)


def _turn_of(call_id: UUID) -> int | None:
    call = record.lock(call_id)
    return call.turn if CallTurn.objects.filter(call=call, number=call.turn).exists() else None


def _fallen_back(asked: Asked) -> tuple[UUID | None, bool, str | None]:
    """The call, whether it came here too often to be tried again, and what ends it where the day's minutes are gone."""
    code, url = asked.form.get("ErrorCode", ""), asked.form.get("ErrorUrl", "")
    found = record.find(asked.connection_id, asked.sid)
    # The call is held before its connection is written, as everywhere (`record.lock`).
    call = record.lock(found.id) if found is not None else None
    if code:
        faults.note(asked.connection_id, code, call, detail=url)
    if call is None:
        return None, False, None
    is_let = True
    if call.goes_on:
        is_let = record.sign(call) or call.conversation.control != Control.ASSISTANT
        if call.mode != CallMode.GATHER:
            call.mode = CallMode.GATHER
            call.save(update_fields=["mode"])
    before = CallStep.objects.filter(call=call, kind=StepKind.FALLBACK).count()
    record.note(call, StepKind.FALLBACK, "Twilio asked at the fallback address.", code=code[:10], url=url[:300])
    spent = None if is_let else gather.used_up(asked, call)
    return call.id, before >= MOST_FALLBACKS or not call.goes_on, spent


async def errors(asked: Asked) -> HttpResponse:
    """An error that the provider's debugger reports; set in its console, for whoever wants them at once."""
    await in_tenant(_debugged)(asked.workspace_id, asked)
    return twiml.nothing()


def _debugged(asked: Asked) -> None:
    try:
        payload = loads(asked.form.get("Payload", "").encode())
    except BadJSON:
        return
    if isinstance(payload, dict) and asked.form.get("Level", "ERROR").upper() == "ERROR":
        call = record.find(asked.connection_id, str(payload.get("resource_sid") or ""))
        code = str(payload.get("error_code") or "")
        # The debugger tells of the whole account: what names no call of this connection is others' business.
        if call is not None and code:
            faults.note(asked.connection_id, code, record.lock(call.id))


# What answers each part of a connection's address. Others add a line.
PARTS: Mapping[str, Handler] = {
    "": incoming,
    "turn": gather.turn,
    "wait": gather.wait,
    "status": status,
    "fallback": fallback,
    "errors": errors,
    "consent": consenting.part,
    "voicemail": voicemail.done,
    "recording": voicemail.recording,
    "transcript": voicemail.transcript,
    relay_done.PART: relay_done.done,
    relay_done.SOUND_PART: relay_done.done,
    **transfer_parts.PARTS,
}
# Whose answers nobody hears.
REPORTS = frozenset({"status", "errors", "recording", "transcript", "transfer-status"})
# How a call begins, by its mode; one that is not here is heard sentence by sentence.
STARTS: Mapping[str, Callable[[Asked, UUID], Awaitable[HttpResponse]]] = {
    CallMode.GATHER: gather.start,
    CallMode.RELAY: relay_done.start,
    CallMode.STREAM: relay_done.start_sound,
}
