"""A member takes a call by telephone: their own number is rung, they hear what it is about, and press 1."""

from __future__ import annotations

from django import forms

from channels_app import spending
from channels_app.models import CallTransfer, MemberTelephone
from channels_app.models.call import TransferManner, TransferState
from channels_app.providers import numbers
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import courses, phone_desk, transfers
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import conversations, handoff
from deployments.models import Conversation
from workspaces import audit
from workspaces.models import User


def number_of(user: User) -> str:
    """The number at which the member took a call last; "" for none."""
    return MemberTelephone.objects.filter(member=user).values_list("number", flat=True).first() or ""


def take(actor: Actor, user: User, conversation: Conversation, number: str, *, known: str = "") -> CallTransfer:
    """Have the call of this locked conversation put through to the member; who is rung already is not rung twice.

    At another number they are rung there instead. 422 with `number` for one that may not be rung, or was rung too
    often in this hour (the transaction has to go back then); 409 where there is no call any more, or a colleague has
    it whom the page did not name (`known`).
    """
    conversations.require_active(conversation)
    call = phone_desk.call_of(conversation)
    if call is None:
        raise Problem("conflict", "The call is over.", hint="Call them back.")
    try:
        to = numbers.e164(number)
    except forms.ValidationError as wrong:
        raise invalid({"number": list(wrong.messages)}) from None
    if to == VoiceConfig.of(call.connection.config).number:
        raise invalid({"number": ["That is the number that they called: it would call itself."]})
    if words := phone_desk.refused(call.connection, to):
        raise invalid({"number": [words]})
    if other := handoff.taken_by_other(conversation, user, known):
        raise Problem("conflict", f"{other} has this conversation.", hint="Take it over from them first.")
    going_on = transfers.open_of(call)
    is_rung = going_on is not None and going_on.member_id == user.id
    if going_on is not None and is_rung and (going_on.to == to or going_on.state == TransferState.BRIDGED):
        return going_on
    if refusal := spending.count_ring_of(call.connection, to):
        raise invalid({"number": [f"{refusal.words} {refusal.remedy}"]})
    MemberTelephone.objects.update_or_create(member=user, defaults={"number": to})
    case = handoff.promise(conversation, user)
    transfer = transfers.ask(
        call, case, manner=TransferManner.WARM, to=to, name=user.public_name or user.display_name, member=user
    )
    courses.note_wanted(conversation)
    audit.record(actor, "conversation.call_taken", conversation)
    return transfer
