"""Attempts to put a call through: asked for, rung, taken, failed, over. Rows alone; each inside `tenant()`.

Whoever calls these holds the conversation's lock. What an attempt means for the hand-over is told to the state machine
(`deployments.handoff`) here and nowhere else, so that call, attempt and hand-over move in one transaction.

    asked ──► ringing ──► whispering ──► bridged ──► ended      they talked, and one of them hung up
      │          │             └──────────────────► failed      nobody took it: the next desk, or the assistant
      │          └── in a queue: back to asked, and rung again  ended without it: the caller or the case went elsewhere
"""

from __future__ import annotations

import datetime as dt
import math

from django.utils import timezone

from channels_app import spending
from channels_app.models import Call, CallStep, CallTransfer
from channels_app.models.call import CallState, StepKind, TransferManner, TransferState
from channels_app.voice import transfer_failures
from channels_app.voice.transfer_failures import Why
from convoship.lib.actors import Actor
from deployments import handoff
from deployments.desks import Case
from deployments.handoff_outline import duration
from deployments.models import Conversation, Handoff
from deployments.models.handoff import HandoffState
from workspaces.models import User

# In a queue the telephone is rung again so long after nobody took a call.
RING_AGAIN = dt.timedelta(seconds=15)
# What is told of who took a call at a member's telephone.
_BY_TELEPHONE = "by telephone"


def open_of(call: Call) -> CallTransfer | None:
    """The attempt that goes on."""
    return CallTransfer.objects.filter(call=call, ended_at=None).select_related("handoff", "member").first()


def going_on(conversation: Conversation, call: Call) -> CallTransfer | None:
    """The same, of a locked conversation: one to a member who doesn't have it any more is over with this."""
    found = open_of(call)
    if found is not None and not found.key and found.state != TransferState.BRIDGED:
        case = handoff.current(conversation)
        if case is None or case.holder_id != found.member_id:
            _end(found, TransferState.FAILED, transfer_failures.OVERTAKEN)
            return None
    return found


def ask(
    call: Call,
    case: Handoff,
    *,
    manner: TransferManner,
    to: str,
    name: str,
    key: str = "",
    member: User | None = None,
) -> CallTransfer:
    """Begin an attempt: nothing is rung yet. An open one to somebody else is over with this."""
    earlier = open_of(call)
    if earlier is not None:
        _end(earlier, TransferState.ENDED, transfer_failures.OVERTAKEN)
    transfer = CallTransfer.objects.create(
        call=call, handoff=case, manner=manner, to=to, name=name[:100], key=key, member=member
    )
    note(call, StepKind.TRANSFER, f"To be put through to {whom(transfer)}.", transfer, manner=manner)
    return transfer


def ring(transfer: CallTransfer) -> None:
    """The provider is told to ring."""
    transfer.dialled_at, transfer.ring_at = timezone.now(), None
    transfer.rings += 1
    transfer.state = TransferState.DIALLING
    transfer.save(update_fields=["dialled_at", "ring_at", "rings", "state"])
    note(transfer.call, StepKind.TRANSFER, f"Ringing {whom(transfer)}.", transfer, ring=transfer.rings)


def picked_up(transfer: CallTransfer, child_sid: str) -> None:
    """Somebody, or a voicemail box, picked up, and hears what it is about."""
    transfer.child_sid = child_sid[:64] or transfer.child_sid
    if transfer.state == TransferState.DIALLING:
        transfer.state = TransferState.WHISPERING
    transfer.save(update_fields=["child_sid", "state"])


def bridged(conversation: Conversation, transfer: CallTransfer) -> None:
    """The person is there. Told again, it changes nothing."""
    if transfer.ended_at is not None or transfer.state == TransferState.BRIDGED:
        return
    case = handoff.current(conversation)
    if case is None or not _serves(transfer, case, conversation):
        return
    transfer.state, transfer.bridged_at = TransferState.BRIDGED, timezone.now()
    transfer.save(update_fields=["state", "bridged_at"])
    Call.objects.filter(id=transfer.call_id).exclude(state=CallState.ENDED).update(state=CallState.WITH_PERSON)
    note(transfer.call, StepKind.BRIDGED, f"Put through to {whom(transfer)}.", transfer)
    if transfer.member is not None:
        handoff.join(actor_of(transfer.member), transfer.member, conversation, is_told=False)
        handoff.talks(conversation)
    else:
        handoff.joined_at_desk(conversation, case, name=transfer.name)


def failed(conversation: Conversation, transfer: CallTransfer, why: Why) -> None:
    """Nobody took it: in a queue it is rung again, elsewhere the next desk is asked. Told again, it changes nothing."""
    if transfer.ended_at is not None:
        return
    is_again = is_rung_again(transfer, why)
    why = why if transfer.member_id is None else transfer_failures.for_member(why)
    words = f"{whom(transfer)}: {why.words}"
    note(transfer.call, StepKind.TRANSFER_FAILED, words, transfer, why.remedy, code=why.code)
    if is_again:
        transfer.state, transfer.dialled_at = TransferState.DIALLING, None
        transfer.reason, transfer.remedy = why.words, why.remedy
        transfer.ring_at = timezone.now() + RING_AGAIN
        transfer.save(update_fields=["state", "dialled_at", "ring_at", "reason", "remedy"])
        return
    _end(transfer, TransferState.FAILED, why)
    case = handoff.current(conversation)
    if case is None or not _serves(transfer, case, conversation):
        return
    words = f"{why.words} {why.remedy}".strip()
    if transfer.member is not None and case.state == HandoffState.LIVE:
        return  # they are there already, and go on in words
    if transfer.member is not None:
        handoff.not_reached(conversation, case, f"{transfer.name}, {_BY_TELEPHONE}: {words}")
    else:
        handoff.unavailable(conversation, case, words)


def is_rung_again(transfer: CallTransfer, why: Why) -> bool:
    """Whether a queue keeps the call and rings again, which helps where nobody was free."""
    nobody_free = (transfer_failures.BUSY, transfer_failures.NO_ANSWER, transfer_failures.REFUSED)
    return transfer.manner == TransferManner.QUEUE and is_number(transfer.to) and why in nobody_free


def is_number(to: str) -> bool:
    """Whether it is a telephone that is rung, and not a queue that others take calls from."""
    return to.startswith("+")


def talked(conversation: Conversation, transfer: CallTransfer, seconds: int | None) -> str:
    """They have talked, and the person hung up: how long, in words. Told again, it changes nothing."""
    if transfer.seconds is None and seconds and is_rung_by_us(transfer):
        # The leg to the person is billed beside the caller's, and counts among the minutes of the day.
        spending.count_of_day(transfer.call.connection, math.ceil(seconds / 60), is_forced=True)
    transfer.seconds = seconds if seconds is not None else transfer.seconds
    transfer.save(update_fields=["seconds"])
    words = talk_words(conversation, transfer, whom(transfer))
    if transfer.ended_at is None:
        _end(transfer, TransferState.ENDED, None)
        note(transfer.call, StepKind.TRANSFER, words, transfer, seconds=seconds)
    return words


def talk_words(conversation: Conversation, transfer: CallTransfer, who: str) -> str:
    """To whom they talked, and how long as far as that is known."""
    lasted = duration(transfer.seconds, conversation.locale) if transfer.seconds else ""
    return f"They talked to {who}{f' for {lasted}' if lasted else ''}."


def whom(transfer: CallTransfer) -> str:
    """Who is rung, for the workspace's own people: the member, or the desk's number or queue.

    A desk's name is its connection's, which is the number that was called, so it would not tell who was talked to.
    """
    if transfer.member_id is not None:
        return transfer.name
    return transfer.to if is_number(transfer.to) else f"the queue “{transfer.to}”"


def closed(case: Case, words: str) -> None:
    """The desk doesn't have the case any more: an attempt that was not taken is over."""
    found = CallTransfer.objects.filter(key=case.key, ended_at=None).select_related("call").first()
    if found is None:
        return
    is_bridged = found.state == TransferState.BRIDGED
    _end(found, TransferState.ENDED if is_bridged else TransferState.FAILED, None, words)


def is_rung_by_us(transfer: CallTransfer) -> bool:
    """Whether we rang them: who takes a call from a queue rang Twilio themselves."""
    return is_number(transfer.to)


def note(call: Call, kind: StepKind, words: str, transfer: CallTransfer, remedy: str = "", **data: object) -> CallStep:
    """A line of the call's story about an attempt."""
    return CallStep.objects.create(
        call=call,
        at=timezone.now(),
        kind=kind,
        words=words[:500],
        remedy=remedy[:300],
        data={"transfer": str(transfer.id), **data},
    )


def _serves(transfer: CallTransfer, case: Handoff, conversation: Conversation) -> bool:
    """Whether the attempt is still what the hand-over waits for."""
    if transfer.key:
        return case.is_at_desk and Case(case, conversation).key == transfer.key
    return transfer.handoff_id == case.id and transfer.member is not None


def _end(transfer: CallTransfer, state: TransferState, why: Why | None, words: str = "") -> None:
    transfer.state, transfer.ended_at = state, timezone.now()
    if why is not None:
        transfer.reason, transfer.remedy = why.words, why.remedy
    elif words:
        transfer.reason = words[:300]
    transfer.save(update_fields=["state", "ended_at", "reason", "remedy"])


def actor_of(user: User) -> Actor:
    """The member who pressed 1, for the audit log."""
    return Actor(kind="user", id=user.id, label=user.email, permissions=frozenset())
