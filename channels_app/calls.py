"""What is said in a call: every turn has one answer, whole and maybe without words, and a call that is over stays so.

Messages of a call wait in their conversation (`queued`) until their answer is whole. Then all that has not been told
yet becomes one delivery: sent to the gateway, or parked where the answer was wanted in the response.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from channels_app import accounts, bell, ladder, settling
from channels_app.models import Connection, ConversationLink, Delivery, InboundEvent
from channels_app.models.connection import ConnectionState
from channels_app.models.inbound import EventState
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Outgoing, Planned
from channels_app.providers.events import CallEnded
from convoship.lib.problems import Problem
from deployments import conversations, stopping, writing
from deployments.models import Conversation, Message, Turn
from deployments.models.conversation import AuthorKind, MessageStatus, Status, Stop, TurnStatus

HUNG_UP = "They hung up before this was said."
_ON_ITS_WAY = (DeliveryStatus.QUEUED, DeliveryStatus.PARKED)


def on_posted(link: ConversationLink, conversation: Conversation, answers: str | None) -> None:
    """Something was posted to a call, or its state changed; `answers`: to whose message that is the whole answer."""
    if conversation.is_active and has_open_turn(conversation, answers):
        return  # whoever finishes that turn tells all of it
    event = InboundEvent.objects.filter(id=answers, delivery=None).first() if answers else None
    is_end = not conversation.is_active and link.told_status != conversation.status
    left, position = list(unsaid(link, conversation)), link.position
    if event is not None:
        _tell(link, conversation, left, echo=event.content["echo"], event=event)
    elif (left or is_end) and not accounts.to_plan(link.connection).is_fetched:
        _tell(link, conversation, left, echo={}, event=None)
    stands = (conversation.is_active, conversation.control, conversation.status)
    if position == link.position and stands == (link.is_current, link.told_control, link.told_status):
        return
    link.is_current, link.told_control, link.told_status = stands
    link.save(update_fields=["position", "is_current", "told_seq", "told_control", "told_status"])


def has_open_turn(conversation: Conversation, answers: str | None) -> bool:
    """Whether the answer to this message is still being made; without one, whether any is.

    What was said since, and waits for its own turn, does not hold back the answer that is whole.
    """
    rows = Turn.objects.filter(conversation=conversation, status__in=(TurnStatus.QUEUED, TurnStatus.RUNNING))
    return (rows.filter(message__client_id=answers) if answers else rows).exists()


def unsaid(link: ConversationLink, conversation: Conversation) -> QuerySet[Message]:
    """What waits to be told in a call, in order."""
    rows = Message.objects.filter(conversation=conversation, seq__gt=link.told_seq, status=MessageStatus.QUEUED)
    return rows.exclude(author_kind=AuthorKind.VISITOR).order_by("seq")


def _tell(
    link: ConversationLink,
    conversation: Conversation,
    messages: list[Message],
    *,
    echo: Mapping[str, Any],
    event: InboundEvent | None,
) -> None:
    is_inline = event is not None and bool(event.content["is_inline"])
    rows = [
        _delivery(link, conversation, plan, echo, DeliveryStatus.PARKED if is_inline else DeliveryStatus.QUEUED)
        for plan in accounts.to_plan(link.connection).plan(conversation, messages)
    ]
    Delivery.objects.bulk_create(rows)
    link.told_seq = conversation.head_seq
    if event is not None and rows:
        InboundEvent.objects.filter(id=event.id).update(delivery=rows[-1])
    if not is_inline:
        transaction.on_commit(bell.ring)


def _delivery(
    link: ConversationLink, conversation: Conversation, plan: Planned, echo: Mapping[str, Any], status: DeliveryStatus
) -> Delivery:
    link.position += 1
    return Delivery(
        connection=link.connection,
        conversation=conversation,
        message=plan.messages[-1] if plan.messages else None,
        first_seq=plan.messages[0].seq if plan.messages else None,
        lane=conversation.id,
        position=link.position,
        address=link.address,
        what=plan.what,
        content={**plan.content, **echo},
        status=status,
        is_test=conversation.is_test,
        due_at=timezone.now(),
        workspace_id=conversation.workspace_id,
    )


# --- The end ----------------------------------------------------------------------------------------------------------


def hang_up(
    link: ConversationLink, conversation: Conversation, why: str, status: Status = Status.ABANDONED, said: str = HUNG_UP
) -> None:
    """End a locked conversation whose call is over, and what was not said yet is said to nobody (`said` tells why).

    One that has ended already keeps how it did.
    """
    stopping.ended(conversation)
    for turn in Turn.objects.filter(conversation=conversation, status__in=(TurnStatus.QUEUED, TurnStatus.RUNNING)):
        turn.status, turn.reason, turn.finished_at = TurnStatus.DONE, "They hung up.", timezone.now()
        turn.save(update_fields=["status", "reason", "finished_at"])
    # Whoever wrote it can't end it any more, as its turn is over.
    writing.cut_streaming(conversation, Stop.LEFT)
    waiting_to_be_said = list(unsaid(link, conversation))
    link.told_seq = conversation.head_seq
    link.save(update_fields=["told_seq"])
    waiting = Delivery.objects.filter(conversation=conversation, status__in=_ON_ITS_WAY, claim=None)
    for delivery in waiting.select_related("message").select_for_update(of=("self",)):
        settling.end(delivery, DeliveryStatus.SUPPRESSED, reason=said)
    conversation = conversations.lock(conversation.id)  # as ending deliveries left it
    for message in waiting_to_be_said:
        conversations.change_message(conversation, message, status=MessageStatus.SUPPRESSED, reason=said)
    link.refresh_from_db()
    link.told_status = status if conversation.is_active else conversation.status
    link.is_current = False
    link.save(update_fields=["told_status", "is_current"])
    conversations.end(conversation, status, why, "")


def is_over(connection: Connection, address: str) -> bool:
    """Whether somebody has hung up a call at this address that nothing else was heard of."""
    return InboundEvent.objects.filter(connection=connection, key=CallEnded.key_of(address)).exists()


# --- An answer that is asked for --------------------------------------------------------------------------------------


def take_answer(event_id: UUID) -> Outgoing | None:
    """The whole answer to an event, which counts as delivered with this; None while there is none.

    A `Problem` (503) where there will be none soon. The same event asked again gives the same answer.
    """
    event = InboundEvent.objects.select_related("connection").get(id=event_id)
    if event.state == EventState.RECEIVED:
        _check_it_comes(event)
        return None
    if event.state == EventState.FAILED:
        raise _no_answer(event.reason)
    conversation = conversations.lock(event.conversation_id) if event.conversation_id else None
    is_over = conversation is None or not conversation.is_active
    if event.delivery_id is None:
        if not is_over:
            return None
        return Outgoing(
            key=str(event.id), address=event.lane, content={"text": "", **event.content["echo"]}, is_over=True
        )
    delivery = Delivery.objects.select_for_update(of=("self",)).select_related("message").get(id=event.delivery_id)
    if delivery.status in _ON_ITS_WAY and delivery.claim is None:
        delivery.accepted_at = timezone.now()
        settling.end(delivery, DeliveryStatus.DELIVERED)
        ladder.note_success(event.connection, timezone.now())
    return Outgoing(
        key=str(delivery.id),
        address=delivery.address,
        content=delivery.content,
        position=delivery.position,
        is_over=is_over,
        is_test=delivery.is_test,
    )


def _check_it_comes(event: InboundEvent) -> None:
    if event.connection.state != ConnectionState.ACTIVE:
        raise _no_answer(event.connection.state_reason or "The connection is paused.")
    if event.reason and event.claim is None:
        raise _no_answer(event.reason)


def _no_answer(why: str) -> Problem:
    return Problem("unavailable", f"There is no answer now. {why}", hint="Repeat the same request.", retry_after=5)
