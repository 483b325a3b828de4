"""What a visitor may do with a `cst_` token: read their conversation, write in it, ask for a person, end it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from django.db import IntegrityError

from convoship.lib import limiting
from convoship.lib.deadlocks import once_more
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import tenant
from deployments import (
    admission,
    answer_bell,
    answerer_beats,
    attachments,
    conversations,
    doors,
    file_settings,
    handoff,
    live,
    narrowing,
    people,
    stopping,
    turns,
    waiting,
)
from deployments.admission import Caller
from deployments.answer_bell import Ring
from deployments.conversations import NewMessage
from deployments.entering import Visit, changing, enter
from deployments.models import Conversation, Deployment, Message, Turn
from deployments.models.conversation import AuthorKind, Control, MessageStatus, Status, Stop
from deployments.words import say

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class VisitorMessage:
    """A parsed message of a visitor; `payload` is the value of a tapped button, `attachments` are files' ids."""

    client_id: str
    text: str
    payload: str = ""
    attachments: tuple[UUID, ...] = ()


@dataclass(frozen=True)
class Posted:
    """A visitor's message as stored, and whether it is new.

    `replies` are its answer where that was stored with it; `claim` is the right to answer it where this process has to;
    `left` says what was told of it where another process does (`left_answers`).
    """

    message: Message
    conversation: Conversation
    is_new: bool
    replies: list[Message]
    claim: turns.Claim | None
    left: Ring | None = None


@dataclass(frozen=True)
class Page:
    """Messages, whether there are more, the conversation they belong to, and until when it may be read at most."""

    conversation: Conversation
    messages: list[Message]
    has_more: bool
    access_rev: int
    shuts_at: dt.datetime

    @property
    def next_rev(self) -> int:
        """The rev to ask with next (CONTRACT section 4): the page's last while there is more, else the head's."""
        return self.messages[-1].rev if self.has_more else self.conversation.rev


def resolve(token: str, session_id: UUID) -> Visit:
    """Whose `cst_` token this is; 404 where it belongs to another session than the address names."""
    owner = doors.resolve_session(admission.check_form(token, "cst"))
    if owner is None:
        raise admission.unknown_token()
    if owner.session_id != session_id:
        raise not_found()
    return Visit(owner.workspace_id, owner.session_id, owner.deployment_id, owner.conversation_id)


def by_token(
    act: Callable[Concatenate[Visit, P], R], token: str, session_id: UUID, *args: P.args, **kwargs: P.kwargs
) -> tuple[Visit, R]:
    """Resolve the token and do something with the visit, in one go."""
    visit = resolve(token, session_id)
    return visit, act(visit, *args, **kwargs)


def post(visit: Visit, caller: Caller, message: VisitorMessage, *, is_watched: bool = False) -> Posted:
    """Post what a visitor says. Committed when this returns; the caller then takes the turn of `claim`.

    `is_watched`: they have a window open, and want no answer any more once they have left.
    """
    limiting.hit(
        "visitor_messages", str(visit.workspace_id), str(visit.session_id), words="You are sending very quickly"
    )
    narrowing.hit_message(visit.workspace_id, visit.deployment_id, visit.session_id)
    for last_try in (False, True):
        try:
            posted = _post(visit, caller, message)
            if posted.left is None:
                return posted
            left = replace(posted.left, is_watched=is_watched)
            answer_bell.ring(left)
            return replace(posted, left=left)
        except IntegrityError:
            if last_try:
                raise
    raise AssertionError("unreachable")


@once_more
def _post(visit: Visit, caller: Caller, message: VisitorMessage) -> Posted:
    with changing(visit):
        return _post_inside(visit, caller, message)


def _post_inside(visit: Visit, caller: Caller, message: VisitorMessage) -> Posted:
    conversation, standing = enter(visit, caller, lock=True)
    narrowing.check_length(standing.limits, message.text)
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=message.text,
        payload=message.payload,
        attachments=[{"id": str(file_id)} for file_id in message.attachments],
        client_id=message.client_id,
        status=MessageStatus.RECEIVED,
    )
    posted_before, has_unanswered = conversations.standing(conversation, message.client_id)
    earlier = conversations.already_posted(conversation, new) if posted_before else None
    if earlier is not None:
        return Posted(earlier, conversation, is_new=False, replies=[], claim=None)
    conversations.require_active(conversation)
    if message.attachments:
        if not file_settings.of(standing.files).on:
            raise invalid({"attachments": ["This chat takes no files."]}, hint="Send the message without its files.")
        new = replace(new, attachments=attachments.found(conversation, message.attachments, AuthorKind.VISITOR))
    left: list[Ring] = []

    def leave() -> None:
        left.append(Ring(visit.workspace_id, visit.conversation_id))

    are_left = answerer_beats.are_wanted()
    taken = turns.take_message(conversation, new, queue=has_unanswered, leave=leave if are_left else None)
    stored, replies, claim = taken
    if message.attachments:
        attachments.bind(stored)
    return Posted(stored, conversation, True, replies, claim, left[0] if left else None)


def answer_to(visit: Visit, message: Message) -> tuple[bool, list[Message]]:
    """For a message that was sent before: whether its answer is still pending, and what has been answered since."""
    with tenant(visit.workspace_id):
        pending = Turn.objects.filter(message=message, status__in=("queued", "running")).exists()
        later = Message.objects.filter(conversation_id=visit.conversation_id, seq__gt=message.seq).order_by("seq")
        answers: list[Message] = []
        for reply in later[:20]:
            if reply.author_kind == AuthorKind.VISITOR:
                break
            answers.append(reply)
        return pending, answers


def read(visit: Visit, caller: Caller, *, after: int = 0, rev: int | None = None, limit: int = 50) -> Page:
    """A page of the conversation."""
    with tenant(visit.workspace_id):
        conversation, standing = enter(visit, caller)
        messages, has_more = conversations.messages_page(conversation, after=after, rev=rev, limit=limit)
        shuts_at = standing.session_ends_at
        if standing.ends_at is not None and not conversation.is_test:
            shuts_at = min(shuts_at, standing.ends_at)
        waiting.note(conversation)
        return Page(conversation, messages, has_more, standing.access_rev, shuts_at)


def resume(visit: Visit, caller: Caller, *, after: int, rev: int | None, limit: int) -> tuple[Page, list[Message]]:
    """A page as `read` gives it, and apart from it every message still being written.

    Saving a text that is being written is no change that counts, so a client may have its `rev` and not its text.
    """
    with tenant(visit.workspace_id):
        page = read(visit, caller, after=after, rev=rev, limit=limit)
        streaming = Message.objects.filter(conversation=page.conversation, status=MessageStatus.STREAMING)
        return page, list(streaming.order_by("seq"))


@once_more
def identify(visit: Visit, caller: Caller, user: Mapping[str, Any], user_token: str) -> Conversation:
    """Say who the visitor is, with proof or without (`people.identify`)."""
    with changing(visit):
        conversation, _ = enter(visit, caller, lock=True)
        conversations.require_active(conversation)
        deployment = Deployment.objects.get(id=visit.deployment_id)
        verified = people.verified_of(deployment, user, user_token)
        if people.identify(conversation, user, verified):
            live.tell_change(conversation, [])
        waiting.note(conversation)
        return conversation


def ask_for_person(visit: Visit, caller: Caller, reason: str) -> Conversation:
    """The visitor wants a person; 409 where the rules leave that to others, 429 where they ask all the time."""
    words = "You are asking for a person very often"
    limiting.hit("visitor_handoffs", str(visit.workspace_id), str(visit.session_id), words=words)
    return _ask_for_person(visit, caller, reason)


@once_more
def _ask_for_person(visit: Visit, caller: Caller, reason: str) -> Conversation:
    with changing(visit):
        conversation, _ = enter(visit, caller, lock=True)
        if conversation.control == Control.ASSISTANT and not handoff.rules_of(conversation).on_request:
            raise Problem("conflict", "A person can't be asked for in this chat.", hint="Write your question instead.")
        handoff.request(conversation, reason or "The visitor asked for a person.")
        waiting.note(conversation)
        return conversation


@once_more
def end(visit: Visit, caller: Caller) -> Conversation:
    """The visitor ends the conversation."""
    with changing(visit):
        conversation, _ = enter(visit, caller, lock=True)
        words = say("ended_by_visitor", conversation.locale)
        conversations.end(conversation, Status.COMPLETED, "Ended by the visitor.", words)
        return conversation


@once_more
def stop(visit: Visit, caller: Caller, message_id: UUID | None) -> Conversation:
    """The visitor wants no more of the answer under way; where there is none (any more), nothing happens.

    With `message_id` only while this very message is being written.
    """
    with changing(visit):
        conversation, _ = enter(visit, caller, lock=True)
        stopping.want(conversation, Stop.VISITOR, message_id)
        waiting.note(conversation)
        return conversation
