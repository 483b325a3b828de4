"""Into the outbox: what a conversation's change means for its person, written in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import transaction
from django.utils import timezone

from channels_app import accounts, bell, calls
from channels_app.models import Call, CallCourse, Connection, ConversationLink, Delivery
from channels_app.models.outbound import Purpose
from channels_app.providers.base import Capability, Planned, Provider
from channels_app.voice import courses, hearing
from convoship.lib import rows
from deployments import conversations
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, MessageStatus


def on_message_posted(
    sender: object, *, conversation: Conversation, messages: Sequence[Message], answers: str | None, **kwargs: Any
) -> None:
    """Receiver of `message_posted`: the conversation is locked, and its deliveries are stored with its messages."""
    link, call, course = _carried_by(conversation)
    # (A call that goes on while its connection is set up otherwise is spoken to its end.)
    if link is not None and (call is not None or accounts.is_spoken(link.connection)):
        hearing.on_posted(link, conversation)
        if call is not None:
            call.connection = link.connection
            courses.lead(conversation, call, course, is_answered=answers is not None)
        return
    if link is not None and accounts.kind_of(link.connection).can(Capability.CALLS):
        calls.on_posted(link, conversation, answers)
        return
    outgoing = [message for message in messages if message.author_kind != AuthorKind.VISITOR]
    if link is None:
        _say_unsent(conversation, outgoing)
        return
    provider = accounts.to_plan(link.connection, link.address)
    planned = provider.plan(conversation, outgoing) if outgoing else []
    if conversation.control != link.told_control and conversation.control == "waiting":
        planned += provider.plan_change(conversation, "handoff")
    if conversation.status != link.told_status and not conversation.is_active:
        planned += provider.plan_change(conversation, "ended")
    changed = (conversation.control, conversation.status) != (link.told_control, link.told_status)
    if not conversation.is_active:
        link.is_current = False
    link.told_control, link.told_status = conversation.control, conversation.status
    if planned:
        _write(link, conversation, planned)
    if planned or changed:
        link.save(update_fields=["position", "is_current", "told_control", "told_status"])
    carried = {message.id for plan in planned for message in plan.messages}
    left = [message for message in outgoing if message.id not in carried]
    heard = [message for message in left if provider.is_said_there(message)]
    for message in heard:
        conversations.change_message(conversation, message, status=MessageStatus.DELIVERED, reason="", remedy="")
    _hold_back(conversation, provider, [message for message in left if message not in heard])


def _carried_by(conversation: Conversation) -> tuple[ConversationLink | None, Call | None, CallCourse | None]:
    """What carries it: its link with the connection, and its call with where that was led, if it is one."""
    row = rows.one(_carrying_sql(), [conversation.id])
    if row is None:
        return None, None, None
    link: ConversationLink
    link, link.connection, call, course = rows.read_each(row, ConversationLink, Connection, Call, CallCourse)
    return link, call, course


@cache
def _carrying_sql() -> str:
    columns = ", ".join(
        rows.columns(model, alias)
        for model, alias in ((ConversationLink, "l"), (Connection, "n"), (Call, "k"), (CallCourse, "s"))
    )
    return f"""
        SELECT {columns}
          FROM channels_app_conversationlink l JOIN channels_app_connection n ON n.id = l.connection_id
          LEFT JOIN channels_app_call k ON k.conversation_id = l.conversation_id
          LEFT JOIN channels_app_callcourse s ON s.call_id = k.id
         WHERE l.conversation_id = %s"""  # noqa: S608  (names of columns)


def _say_unsent(conversation: Conversation, messages: Sequence[Message]) -> None:
    """Nothing carries messages of this conversation any more, which must not look as if they were on their way."""
    for message in messages:
        conversations.change_message(
            conversation,
            message,
            status=MessageStatus.FAILED,
            reason="The connection that this conversation ran over is deleted.",
            remedy="Write to them another way.",
        )


def _hold_back(conversation: Conversation, provider: Provider, messages: Sequence[Message]) -> None:
    """What the connection makes no request of would wait for ever: an event that is not chosen, say."""
    for message in messages:
        reason, remedy = provider.why_unsent(message)
        conversations.change_message(
            conversation, message, status=MessageStatus.SUPPRESSED, reason=reason, remedy=remedy
        )


def _write(link: ConversationLink, conversation: Conversation, planned: Sequence[Planned]) -> None:
    deliveries = []
    for plan in planned:
        link.position += 1
        deliveries.append(
            Delivery(
                connection=link.connection,
                conversation=conversation,
                message=plan.messages[-1] if plan.messages else None,
                first_seq=plan.messages[0].seq if plan.messages else None,
                lane=apart(conversation) if plan.is_apart else conversation.id,
                position=link.position,
                address=link.address,
                what=plan.what,
                content=dict(plan.content),
                is_test=conversation.is_test,
                due_at=timezone.now(),
                workspace_id=conversation.workspace_id,
            )
        )
    Delivery.objects.bulk_create(deliveries)
    transaction.on_commit(bell.ring)


def apart(conversation: Conversation) -> UUID:
    """The lane of what goes out beside the conversation's own, in an order of its own."""
    return uuid5(conversation.id, "apart")


def enqueue_alone(
    connection: Connection,
    what: str,
    content: dict[str, Any],
    address: str = "test",
    *,
    purpose: Purpose = Purpose.TEST,
) -> Delivery:
    """Something to be sent that belongs to no conversation: it is tried and shown like anything else."""
    lane: UUID = uuid4()
    delivery = Delivery.objects.create(
        connection=connection,
        lane=lane,
        position=1,
        address=address,
        what=what,
        purpose=purpose,
        content=content,
        is_test=purpose == Purpose.TEST or connection.is_rehearsal,
        due_at=timezone.now(),
    )
    transaction.on_commit(bell.ring)
    return delivery
