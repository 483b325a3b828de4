"""`open_conversation` and `post_message`: the only way a conversation or a message is born.

Every function here runs inside `tenant()`. What changes a conversation holds its row lock (`lock()`), so `seq` has no
holes and `rev` counts every change once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.dispatch import Signal
from django.utils import timezone

from convoship.lib import rows
from convoship.lib.problems import Problem, not_found
from deployments import attachments, live
from deployments.models import Assistant, Conversation, Deployment, Message, Person
from deployments.models.conversation import AuthorKind, Channel, Control, MessageStatus
from deployments.variants import Met
from workspaces.models import User

PREVIEW_LENGTH = 200

# Sent inside the transaction that changes a conversation of another channel than the web, with `conversation` and the
# `messages` that were posted (none where only its state changed): what carries messages out writes its rows here, so
# that they are stored together or not at all. `answers` is the `client_id` of the message that has its whole answer
# with these (`one_answer`), None where they answer nothing. The only signal of the product.
message_posted = Signal()

_gathered: ContextVar[list[Message] | None] = ContextVar("convoship_one_answer", default=None)


@dataclass(frozen=True)
class NewMessage:
    """A message about to be posted. `client_id` makes posting it twice post it once."""

    author_kind: str
    text: str
    author_name: str = ""
    author_user: User | None = None
    payload: str = ""
    blocks: Sequence[Mapping[str, Any]] = ()
    # Its files: [{id, name, size, content_type}].
    attachments: Sequence[Mapping[str, Any]] = ()
    client_id: str | None = None
    status: str = MessageStatus.SENT
    reason: str = ""
    # The `seq` of the message that it replies to.
    reply_to: int | None = None
    # What it goes out as, where that is a template: {sid, name, variables}.
    template: Mapping[str, Any] | None = None

    @property
    def body_digest(self) -> bytes:
        """What makes two posts under one `client_id` the same message."""
        parts: list[Any] = [self.text, self.payload]
        if self.attachments:
            parts.append([item["id"] for item in self.attachments])
        if self.template:
            parts.append(dict(self.template))
        return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).digest()


def open_conversation(
    assistant: Assistant,
    met: Met,
    person: Person,
    *,
    channel: str,
    context: Mapping[str, Any],
    deployment: Deployment | None = None,
    says: Sequence[NewMessage] = (),
) -> tuple[Conversation, list[Message]]:
    """A new conversation with the version that its visitor meets, and what is said in it at once.

    `context` may hold `locale`, `page_url`, `page_title`, `referrer`, `origin`, `visitor_data`, `proved_as`, `is_test`.
    What is said in one of another channel than the web is told by `tell_opened`, once what carries it out knows the
    conversation.
    """
    if met.version is None:
        raise Problem(
            "conflict",
            f"The assistant {assistant.name!r} has not been published yet, so nothing can answer.",
            hint="Open the assistant in Convoship and press Publish.",
        )
    conversation = Conversation(
        workspace_id=assistant.workspace_id,
        assistant=assistant,
        version_id=met.version.id,
        deployment=deployment,
        person=person,
        channel=channel,
        rollout_id=met.rollout.id if met.rollout else None,
        variant=met.variant,
        **context,
    )
    messages = _line_up(conversation, says)
    rows.insert([conversation])
    if messages:
        rows.insert(messages)
        live.tell_change(conversation, messages)
    return conversation, messages


def tell_opened(conversation: Conversation, messages: list[Message]) -> None:
    """Have what was said when the conversation was opened carried out to its person."""
    _tell(conversation, messages)


@contextmanager
def one_answer(conversation: Conversation, client_id: str | None) -> Iterator[None]:
    """What is posted inside to this locked conversation is told at the end, as one: the answer to this message.

    It is told where nothing was posted, too: that is an answer without words.
    """
    if conversation.channel == Channel.WEB:
        yield
        return
    messages: list[Message] = []
    token = _gathered.set(messages)
    try:
        yield
    finally:
        _gathered.reset(token)
    _tell(conversation, messages, answers=client_id)


def _tell(conversation: Conversation, messages: Sequence[Message], answers: str | None = None) -> None:
    gathered = _gathered.get()
    if gathered is not None:
        gathered += messages
    else:
        message_posted.send(Conversation, conversation=conversation, messages=list(messages), answers=answers)


def lock(conversation_id: UUID) -> Conversation:
    """The conversation, held until the transaction ends; 404 where this workspace has none by that id."""
    return lock_where("c.id = %s", [conversation_id])


def lock_where(condition: str, values: Sequence[Any]) -> Conversation:
    """The same of the one conversation `c` of which this (written-out) condition is true."""
    # No key: rows that only refer to it are written meanwhile by who doesn't hold it, and must not wait for us.
    columns = rows.columns(Conversation, "c")
    sql = f"SELECT {columns} FROM deployments_conversation c WHERE {condition} FOR NO KEY UPDATE"  # noqa: S608  (names)
    row = rows.one(sql, values)
    if row is None:
        raise not_found()
    return rows.read(Conversation, row)


def lock_those_free(wanted: Any) -> dict[UUID, Conversation]:
    """Those of these conversations (ids, or a query of them) that nobody holds, held until the transaction ends."""
    rows = Conversation.objects.select_for_update(no_key=True, skip_locked=True).filter(id__in=wanted)
    return {conversation.id: conversation for conversation in rows}


def post_message(conversation: Conversation, new: NewMessage) -> Message:
    """Post one message to a locked conversation and tell it after COMMIT."""
    return post_messages(conversation, [new])[0]


def post_messages(conversation: Conversation, news: Iterable[NewMessage]) -> list[Message]:
    """Post messages in order to a locked conversation: one INSERT, one UPDATE, one event."""
    messages = _line_up(conversation, news)
    rows.insert(messages)
    save(conversation, messages, posted=messages)
    for message in messages:
        if message.author_kind == AuthorKind.AGENT:
            for told in _on_person:
                told(conversation, message)
    return messages


_on_person: list[Callable[[Conversation, Message], None]] = []


def register_person(told: Callable[[Conversation, Message], None]) -> None:
    """Have this called with each message of a person, in the transaction that stores it."""
    _on_person.append(told)


def _line_up(conversation: Conversation, news: Iterable[NewMessage]) -> list[Message]:
    """The messages with their places, and the conversation as they leave it; nothing is written."""
    messages = []
    for new in news:
        conversation.head_seq += 1
        conversation.rev += 1
        conversation.visitor_messages += new.author_kind == AuthorKind.VISITOR
        messages.append(
            Message(
                workspace_id=conversation.workspace_id,
                conversation=conversation,
                seq=conversation.head_seq,
                rev=conversation.rev,
                author_kind=new.author_kind,
                author_name=new.author_name[:100],
                author_user=new.author_user,
                text=new.text,
                payload=new.payload,
                blocks=list(new.blocks),
                attachments=list(new.attachments),
                reply_to=new.reply_to,
                template=dict(new.template) if new.template else None,
                client_id=new.client_id,
                body_digest=new.body_digest if new.client_id else None,
                status=outgoing_status(conversation) if _goes_out(conversation, new) else new.status,
                reason=new.reason,
                created_at=timezone.now(),
            )
        )
    if any(message.author_kind == AuthorKind.VISITOR for message in messages):
        conversation.snoozed_until = None
    said = [
        words
        for message in messages
        if message.author_kind != AuthorKind.SYSTEM
        and (words := message.text or attachments.preview(message.attachments))
    ]
    if said:
        conversation.last_text = said[-1][:PREVIEW_LENGTH]
    conversation.last_activity_at = timezone.now()
    return messages


def outgoing_status(conversation: Conversation) -> str:
    """What a message to the person is once it is stored: on the web it is there; elsewhere it has yet to be sent."""
    return MessageStatus.SENT if conversation.channel == Channel.WEB else MessageStatus.QUEUED


def _goes_out(conversation: Conversation, new: NewMessage) -> bool:
    """Whether somebody has to carry the message to the person; words about a failure are for them as well."""
    is_whole = new.status != MessageStatus.STREAMING
    return conversation.channel != Channel.WEB and new.author_kind != AuthorKind.VISITOR and is_whole


def change_message(
    conversation: Conversation, message: Message, *, is_posting: bool = False, **changes: Any
) -> Message:
    """Change a message of a locked conversation: its `rev` moves to the head, and listeners are told.

    `is_posting` says that only now it is whole, and can be carried out.
    """
    conversation.rev += 1
    for name, value in changes.items():
        setattr(message, name, value)
    message.rev = conversation.rev
    rows.update(message, (*changes, "rev"))
    save(conversation, [message], posted=[message] if is_posting else [])
    return message


def tell_statuses(changes: Sequence[tuple[Conversation, Message, MessageStatus]]) -> None:
    """Give one message each of these locked conversations a status: `change_message` for many, by two statements.

    The conversations are as they were read: nothing about them changes but `rev`, so nothing new is to be carried out.
    """
    changed = []
    for conversation, message, status in changes:
        if (message.status, message.reason, message.remedy) != (status, "", ""):
            conversation.rev += 1
            message.status, message.reason, message.remedy, message.rev = status, "", "", conversation.rev
            changed.append((conversation, message))
    if not changed:
        return
    ids, revs = [message.id for _, message in changed], [message.rev for _, message in changed]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE deployments_message AS m SET status = t.status, reason = '', remedy = '', rev = t.rev"
            " FROM unnest(%s::uuid[], %s::text[], %s::int[]) AS t(id, status, rev) WHERE m.id = t.id",
            [ids, [str(message.status) for _, message in changed], revs],
        )
        cursor.execute(
            "UPDATE deployments_conversation AS c SET rev = t.rev"
            " FROM unnest(%s::uuid[], %s::int[]) AS t(id, rev) WHERE c.id = t.id",
            [[conversation.id for conversation, _ in changed], revs],
        )
    for conversation, message in changed:
        live.tell_change(conversation, [message])


def save(conversation: Conversation, messages: list[Message], *, posted: Sequence[Message] = ()) -> None:
    """Write the locked conversation back and tell its change after COMMIT.

    `posted`: which of the changed `messages` have yet to be carried out to the person.
    """
    if conversation.control == Control.WAITING or not conversation.is_active:
        # Where somebody waits, or nothing can come any more, nothing is put away.
        conversation.snoozed_until = None
    rows.update(conversation, _CHANGING_FIELDS)
    if conversation.channel != Channel.WEB:
        _tell(conversation, posted)
    live.tell_change(conversation, messages)


_CHANGING_FIELDS = (
    "head_seq",
    "rev",
    "visitor_messages",
    "status",
    "control",
    "flow_state",
    "if_silent",
    "silent_at",
    "person_wanted_at",
    "misses",
    "failures",
    "assigned_to",
    "waiting_since",
    "handoff_reason",
    "members_told_at",
    "ended_reason",
    "ended_at",
    "last_text",
    "last_activity_at",
    "snoozed_until",
)


def standing(conversation: Conversation, client_id: str) -> tuple[bool, bool]:
    """Of a locked conversation: whether it has a message of this `client_id`, and whether one of its turns is open."""
    row = rows.one(
        "SELECT EXISTS (SELECT FROM deployments_message WHERE conversation_id = %s AND client_id = %s),"
        " EXISTS (SELECT FROM deployments_turn WHERE conversation_id = %s AND status IN ('queued', 'running'))",
        [conversation.id, client_id, conversation.id],
    )
    has_message, has_open_turn = row or (False, False)
    return has_message, has_open_turn


def already_posted(conversation: Conversation, new: NewMessage) -> Message | None:
    """The message that this `client_id` already made; 409 where it made another one."""
    if new.client_id is None:
        return None
    earlier = Message.objects.filter(conversation=conversation, client_id=new.client_id).first()
    if earlier is not None and bytes(earlier.body_digest or b"") != new.body_digest:
        raise Problem(
            "idempotency_conflict",
            "This client_id was already used for a message with another text.",
            hint="Use a fresh random client_id for each message; use it again only to repeat the same message.",
        )
    return earlier


def require_active(conversation: Conversation) -> None:
    """409 `conversation_ended` unless the conversation goes on."""
    if not conversation.is_active:
        raise Problem(
            "conversation_ended",
            f"This conversation is {conversation.status} and takes no more messages.",
            hint="Start a new session.",
        )


_on_end: list[Callable[[Conversation], None]] = []


def register_end(told: Callable[[Conversation], None]) -> None:
    """Have this called with each locked conversation that ends, in the transaction that ends it."""
    _on_end.append(told)


def end(conversation: Conversation, status: str, reason: str, words: str) -> None:
    """End a locked conversation, saying so in it. Ending an ended one changes nothing."""
    if not conversation.is_active:
        return
    conversation.status = status
    conversation.ended_reason = reason
    conversation.ended_at = timezone.now()
    conversation.waiting_since = None
    conversation.if_silent, conversation.silent_at = None, None
    for told in _on_end:
        told(conversation)
    if conversation.control == "waiting":
        conversation.control = "assistant"
    if words:
        post_message(conversation, NewMessage(author_kind=AuthorKind.SYSTEM, text=words))
    else:
        save(conversation, [])


def messages_page(conversation: Conversation, *, after: int, rev: int | None, limit: int) -> tuple[list[Message], bool]:
    """A page of messages and whether there are more: by `rev` where it is given, else by `seq` (CONTRACT section 4)."""
    if limit == 0:
        return [], False
    messages = Message.objects.filter(conversation=conversation)
    if rev is None:
        messages = messages.filter(seq__gt=after).order_by("seq")
    else:
        messages = messages.filter(rev__gt=rev).order_by("rev")
    found = list(messages[: limit + 1])
    return found[:limit], len(found) > limit
