"""Calls that nothing is heard of are asked for at the provider, so that none stays open for ever.

A call is due a while after its last sign of life, at its longest, and soon after its conversation was ended elsewhere.
Whoever takes it up says what follows: it goes on, it has ended as it is told, it is hung up, or, where nobody answers
for long, it is lost, which is said with the reason.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app import accounts
from channels_app.models import Call
from channels_app.models.call import CallOutcome, CallState, StepKind
from channels_app.providers.base import CallFacts, Capability, Provider, ProviderError
from channels_app.providers.twilio import twiml
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import ending, hearing, minutes, record
from channels_app.voice.words import say
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=60)
# Where the provider does not answer, it is asked again; after so long without a sign the call is lost.
ASK_AGAIN = dt.timedelta(seconds=60)
LOST_AFTER = dt.timedelta(minutes=15)
_WITH_ASSISTANT = (CallState.RINGING, CallState.ACTIVE, CallState.VOICEMAIL)

_CLAIM = """
    WITH picked AS MATERIALIZED (
        SELECT k.id FROM channels_app_call k
         WHERE k.workspace_id = %(workspace)s AND k.state <> 'ended' AND k.due_at <= now()
           AND (k.leased_until IS NULL OR k.leased_until < now())
         ORDER BY k.due_at
         LIMIT %(limit)s
           FOR NO KEY UPDATE SKIP LOCKED)
    UPDATE channels_app_call AS c
       SET claim = gen_random_uuid(), leased_until = now() + make_interval(secs => %(lease)s)
      FROM picked
     WHERE c.id = picked.id
 RETURNING c.id, c.claim
"""


@dataclass(frozen=True)
class DueCall:
    """A call in hand."""

    workspace_id: UUID
    call_id: UUID
    claim: UUID


@dataclass(frozen=True)
class _Plan:
    """What is asked of the provider: the call as it stands, or with `twiml` that it says this and ends."""

    provider: Provider
    sid: str
    twiml: str = ""
    outcome: str = ""
    words: str = ""
    remedy: str = ""


def claim(workspace_id: UUID, limit: int) -> list[DueCall]:
    """Take up to so many due calls. Inside `tenant()`."""
    wanted: dict[str, Any] = {"workspace": workspace_id, "limit": limit, "lease": LEASE.total_seconds()}
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, wanted)
        return [DueCall(workspace_id, call_id, token) for call_id, token in cursor.fetchall()]


async def run(due: DueCall) -> None:
    """Ask for the call, and bring it to where it stands."""
    workspace_id = due.workspace_id
    plan = await in_tenant(_plan)(workspace_id, due)
    if plan is None:
        return
    if isinstance(plan, ProviderError):
        await in_tenant(_unanswered)(workspace_id, due, plan)
        return
    try:
        if plan.twiml:
            is_told = await plan.provider.tell_call(plan.sid, plan.twiml)
            await in_tenant(_ended)(workspace_id, due, plan, is_told=is_told)
            return
        facts = await plan.provider.fetch_call(plan.sid)
    except ProviderError as error:
        await in_tenant(_unanswered)(workspace_id, due, error)
        return
    await in_tenant(_found)(workspace_id, due, facts)


def _held(due: DueCall) -> Call | None:
    """The call, if it is still in hand and goes on."""
    if not Call.objects.filter(id=due.call_id).exists():
        return None
    call = record.lock(due.call_id)
    return call if call.goes_on and call.claim == due.claim else None


def _plan(due: DueCall) -> _Plan | ProviderError | None:
    call = _held(due)
    if call is None:
        return None
    if not accounts.kind_of(call.connection).can(Capability.SPOKEN):
        _without_provider(call)
        return None
    try:
        provider = accounts.to_send(call.connection)
    except ProviderError as error:
        return error
    config, response = VoiceConfig.of(call.connection.config), VoiceResponse()
    if not call.conversation.is_active:
        for message in hearing.unheard(call):
            twiml.said(response, hearing.speech_of(call, None, message).whole, config, call.language)
        words, why = "", call.conversation.ended_reason or "The conversation was ended."
        outcome, remedy = CallOutcome.COMPLETED, ""
    elif timezone.now() >= call.ends_by + record.ENDS_BY_ITSELF:
        words, why = say("too_long", call.language), "The longest call was reached."
        outcome, remedy = CallOutcome.TOO_LONG, "Raise the longest call in the connection's settings."
    elif call.state in _WITH_ASSISTANT and not _has_minutes(call):
        words, why = say("no_minutes", call.language), "The day's minutes were used up in the call."
        outcome, remedy = CallOutcome.TOO_LONG, "Raise the day's minutes in the connection's settings."
    else:
        _keep(due)
        return _Plan(provider, call.sid)
    _keep(due)
    twiml.said(response, words or config.goodbye_words or say("goodbye", call.language), config, call.language)
    response.hangup()
    return _Plan(provider, call.sid, str(response), outcome, why, remedy)


def _without_provider(call: Call) -> None:
    """A gateway's call, which nobody can be asked about: nothing was heard of its socket for a while."""
    if not call.conversation.is_active:
        ending.end(call.id, CallOutcome.COMPLETED, call.conversation.ended_reason or "The conversation was ended.")
    elif timezone.now() >= call.ends_by + record.ENDS_BY_ITSELF:
        remedy = "Raise the longest call in the connection's settings."
        ending.end(call.id, CallOutcome.TOO_LONG, "The longest call was reached.", remedy)
    else:
        words = "The socket of the call's sound broke, and no other one was opened."
        remedy = "Look at your gateway's log, and at whether Convoship was restarted."
        if call.answered_at is None:
            words = "Its ticket was given, and no socket was opened with it."
            remedy = "Look at your gateway's log, and at Events of the connection, under Refused."
        ending.end(call.id, CallOutcome.LOST, words, remedy)


def _has_minutes(call: Call) -> bool:
    """Whether the day has what the call has begun since; counting it is no sign of life."""
    is_let = minutes.go_on(call, timezone.now())
    call.save(update_fields=["minutes"])
    return is_let


def _keep(due: DueCall) -> None:
    """Still in hand, whatever was written of the call meanwhile."""
    Call.objects.filter(id=due.call_id).update(claim=due.claim, leased_until=timezone.now() + LEASE)


def _ended(due: DueCall, plan: _Plan, *, is_told: bool) -> None:
    """It was told its last words, or was over already."""
    call = _held(due)
    if call is not None:
        is_spoken = is_told and plan.outcome == CallOutcome.COMPLETED
        hearing.give(call, None, hearing.unheard(call) if is_spoken else [])
        ending.end(call.id, plan.outcome, plan.words, plan.remedy)


def _found(due: DueCall, facts: CallFacts | None) -> None:
    call = _held(due)
    if call is None:
        return
    if facts is None:
        ending.end(call.id, CallOutcome.LOST, "Twilio knows no such call.", "Look at the calls in Twilio's console.")
    else:
        ending.settle(call.id, facts.status, facts.seconds)


def _unanswered(due: DueCall, error: ProviderError) -> None:
    """The provider did not say how the call stands."""
    call = _held(due)
    if call is None:
        return
    now = timezone.now()
    if now - call.last_sign_at >= LOST_AFTER or now >= call.ends_by + LOST_AFTER:
        words = f"Nothing was heard of the call any more, and Twilio could not be asked: {error.words}"
        ending.end(call.id, CallOutcome.LOST, words, error.remedy or "Press Test on the connection's page.")
        return
    logger.warning("call %s could not be asked for: %s", call.id, error.words)
    record.note(call, StepKind.ERROR, f"Twilio could not be asked how the call stands: {error.words}", error.remedy)
    Call.objects.filter(id=call.id).update(due_at=now + ASK_AGAIN, claim=None, leased_until=None)
