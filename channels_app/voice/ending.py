"""The end of a call. Reports, the relay, hang-ups, the longest call and the sweeper agree: the first one stands."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.utils import timezone

from channels_app import calls
from channels_app.models import Call, CallTransfer, ConversationLink, RelayTicket
from channels_app.models.call import CallOutcome, CallState, StepKind, TransferManner, TransferState
from channels_app.providers.twilio.voice_codes import fault_of
from channels_app.voice import faults, hearing, minutes, record, transfers
from deployments import handoff
from deployments.models.conversation import Control, Status

# For messages that were never spoken.
NEVER_SAID = "The call was over before this was said."
_SAYS = {
    CallOutcome.COMPLETED: "The call was completed.",
    CallOutcome.HUNG_UP: "They hung up.",
    CallOutcome.TRANSFERRED: "It was put through, and ended with a person.",
    CallOutcome.VOICEMAIL: "They left a message.",
    CallOutcome.NO_ANSWER: "Nobody answered.",
    CallOutcome.BUSY: "The line was busy.",
    CallOutcome.FAILED: "The call failed.",
    CallOutcome.CANCELED: "It was given up before it was answered.",
    CallOutcome.TOO_LONG: "The longest call was reached.",
    CallOutcome.LOST: "Nothing was heard of the call any more.",
}
# The provider's words for ends.
_ENDS: Mapping[str, CallOutcome] = {
    "busy": CallOutcome.BUSY,
    "no-answer": CallOutcome.NO_ANSWER,
    "failed": CallOutcome.FAILED,
    "canceled": CallOutcome.CANCELED,
}
_DONE = {CallOutcome.COMPLETED, CallOutcome.TRANSFERRED}


def end(call_id: UUID, outcome: str, reason: str = "", remedy: str = "", *, is_done: bool | None = None) -> Call:
    """End a call with its conversation. One that has ended stays as it is.

    `is_done`: whether the conversation counts as completed; left out, the outcome says so.
    """
    call = record.lock(call_id)
    if not call.goes_on:
        return call
    found = CallOutcome(outcome)
    words = reason or _SAYS[found]
    hearing.give_up(call)
    call.state, call.outcome, call.ended_at = CallState.ENDED, found, timezone.now()
    call.reason, call.remedy, call.claim, call.leased_until = words[:300], remedy[:300], None, None
    minutes.settle(call)
    call.save()
    record.note(call, StepKind.ENDED, words, remedy, outcome=found.value)
    _let_go(call)
    done = found in _DONE if is_done is None else is_done
    link = ConversationLink.objects.select_related("connection").get(conversation=call.conversation_id)
    status = Status.COMPLETED if done else Status.ABANDONED
    calls.hang_up(link, call.conversation, words, status, NEVER_SAID)
    faults.note_success(call)
    return call


def over(call_id: UUID, *, seconds: int | None = None) -> Call:
    """The provider says that the call is over: how it ended is told by how it stood."""
    call = record.lock(call_id)
    if seconds is not None and call.seconds is None:
        call.seconds = seconds
        minutes.settle(call)
        call.save(update_fields=["seconds", "minutes"])
    if not call.goes_on:
        return call
    talk = transfers.open_of(call)
    if talk is not None and talk.bridged_at is not None:
        # The caller hung up first: how long they talked, and that it counts, is told by nobody else.
        words = transfers.talked(call.conversation, talk, (timezone.now() - talk.bridged_at).seconds)
        handoff.talk_over(call.conversation, words)
        return end(call_id, CallOutcome.TRANSFERRED, words)
    if call.state == CallState.WITH_PERSON:
        return end(call_id, CallOutcome.TRANSFERRED)
    if call.state == CallState.VOICEMAIL:
        return _without_message(call)
    if call.conversation.status == Status.COMPLETED:
        return end(call_id, CallOutcome.COMPLETED)
    if call.conversation.control == Control.WAITING and not _is_in_queue_of_others(talk):
        words = "They hung up while they waited for a person."
        return end(call_id, CallOutcome.NO_ANSWER, words, call_back(call))
    if call.state == CallState.RINGING:
        return end(call_id, CallOutcome.CANCELED, "They hung up before anything was said.")
    return end(call_id, CallOutcome.HUNG_UP)


def _is_in_queue_of_others(talk: CallTransfer | None) -> bool:
    """Whether people elsewhere may have taken the call out of their own queue, which is told later."""
    return talk is not None and talk.manner == TransferManner.QUEUE and not transfers.is_number(talk.to)


def _without_message(call: Call) -> Call:
    """They hung up where they were asked for a message: before the tone, or with one that is still to be told of."""
    words = "They were asked for a message and hung up."
    handoff.missed(call.conversation, words)
    return end(call.id, CallOutcome.NO_ANSWER, words, call_back(call))


def correct(call_id: UUID, outcome: str, reason: str) -> None:
    """A call that ended without anybody ended otherwise, as is known now."""
    call = record.lock(call_id)
    if call.outcome in (CallOutcome.NO_ANSWER, CallOutcome.HUNG_UP):
        call.outcome, call.reason = CallOutcome(outcome), reason[:300]
        call.save(update_fields=["outcome", "reason"])


def call_back(call: Call) -> str:
    """What is to be done about somebody who was missed."""
    return f"Call them back at {call.other_end}." if call.other_end.startswith("+") else ""


def settle(call_id: UUID, said: str, seconds: int | None, code: str = "") -> Call:
    """Bring a call to where the provider says that it stands, in its words. Whoever hears it first writes it."""
    if said == "completed":
        return over(call_id, seconds=seconds)
    if said in _ENDS:
        fault = fault_of(code) if said == "failed" and code else None
        return end(call_id, _ENDS[said], fault.words if fault else "", fault.remedy if fault else "")
    call = record.lock(call_id)
    if call.goes_on:
        record.sign(call)
    return call


def _let_go(call: Call) -> None:
    """What still stood open of it."""
    now = timezone.now()
    RelayTicket.objects.filter(call=call, spent_at=None, expires_at__gt=now).update(expires_at=now)
    for transfer in CallTransfer.objects.filter(call=call, ended_at=None):
        if transfer.state in (TransferState.DIALLING, TransferState.WHISPERING):
            transfer.state, transfer.reason = TransferState.FAILED, "The caller hung up before it was put through."
        else:
            transfer.state = TransferState.ENDED
        transfer.ended_at = now
        transfer.save(update_fields=["state", "reason", "ended_at"])
