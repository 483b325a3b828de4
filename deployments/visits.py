"""What a visitor may do with a `cst_` token: read their conversation, write in it, ask for a person, end it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from convoship.lib import limiting, rows
from convoship.lib.deadlocks import once_more
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import tenant
from deployments import (
    admission,
    attachments,
    conversations,
    deploying,
    doors,
    file_settings,
    handoff,
    live,
    narrowing,
    people,
    sessions,
    turns,
    waiting,
)
from deployments.admission import Caller
from deployments.conversations import NewMessage
from deployments.models import Conversation, Deployment, Message, Turn
from deployments.models.conversation import AuthorKind, Control, MessageStatus, Status
from deployments.words import say

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Visit:
    """An authenticated visitor: the session and all that its token opens."""

    workspace_id: UUID
    session_id: UUID
    deployment_id: UUID
    conversation_id: UUID


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

    `replies` are its answer where that was stored with it; `claim` is the right to answer it where this process has to.
    """

    message: Message
    conversation: Conversation
    is_new: bool
    replies: list[Message]
    claim: turns.Claim | None


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


def may_connect(session_id: UUID, caller: Caller) -> bool:
    """Whether a handshake for this session from this origin is worth a hello; its token comes with that."""
    found = doors.locate_session(session_id)
    if found is None:
        return False
    workspace_id, deployment_id = found
    with tenant(workspace_id):
        row = rows.one(_enter_sql(), [session_id])
        if row is None:
            return False
        try:
            _admit(workspace_id, deployment_id, *_read(row), caller)
        except Problem:
            return False
    return True


class Standing(NamedTuple):
    """What is checked at every step of a visitor: their session's end, and how the deployment stands."""

    session_ends_at: dt.datetime
    continued_at: dt.datetime | None
    revoked_at: dt.datetime | None
    paused_at: dt.datetime | None
    ends_at: dt.datetime | None
    allowed_origins: Sequence[str]
    allow_server_callers: bool
    limits: Mapping[str, int]
    files: Mapping[str, Any]
    access_rev: int


def enter(visit: Visit, caller: Caller, *, lock: bool = False) -> tuple[Conversation, Standing]:
    """The conversation, after the checks: session alive, deployment live, allowed origin. Inside `tenant()`.

    With `lock` the conversation is held until the transaction ends; `_changing` holds the deployment.
    """
    row = rows.one(_enter_sql() + (" FOR UPDATE OF c" if lock else ""), [visit.session_id])
    if row is None:
        raise admission.unknown_token()
    standing, conversation = _read(row)
    _admit(visit.workspace_id, visit.deployment_id, standing, conversation, caller)
    if not conversation.is_test:
        sessions.touch(visit.session_id, standing.session_ends_at)
    narrowing.learn(visit.deployment_id, standing.limits)
    return conversation, standing


def _read(row: Sequence[Any]) -> tuple[Standing, Conversation]:
    size = len(Standing._fields)
    standing = Standing(*row[:size])
    parsed = standing._replace(limits=json.loads(row[size - 3]), files=json.loads(row[size - 2]))
    return parsed, rows.read(Conversation, row[size:])


def _admit(
    workspace_id: UUID, deployment_id: UUID, standing: Standing, conversation: Conversation, caller: Caller
) -> None:
    """Raise what keeps the visitor out. A test goes on while its deployment is paused or over, for an hour."""
    if standing.revoked_at is not None:
        raise admission.revoked_token()
    if standing.session_ends_at <= timezone.now():
        words = "This test is over." if conversation.is_test else "This session was not used for 30 days and is over."
        raise Problem("token_expired", words, hint="Start a new one.")
    if not conversation.is_test:
        admission.check_end(standing.ends_at)
    try:
        is_continued = standing.continued_at is not None
        admission.check_origin(standing, caller, is_ours=conversation.is_test, is_continued=is_continued)
    except Problem as problem:
        raise admission.counted(workspace_id, deployment_id, caller, problem) from None
    if standing.paused_at is not None and not conversation.is_test:
        raise admission.paused_deployment()


@cache
def _enter_sql() -> str:
    return f"""
        SELECT s.expires_at, s.continued_at, d.revoked_at, d.paused_at, d.expires_at, d.allowed_origins,
               d.allow_server_callers, d.limits, d.files, d.access_rev, {rows.columns(Conversation, "c")}
          FROM deployments_visitorsession s
          JOIN deployments_deployment d ON d.id = s.deployment_id
          JOIN deployments_conversation c ON c.id = s.conversation_id
         WHERE s.id = %s"""  # noqa: S608  (names of columns)


def _changing(visit: Visit) -> AbstractContextManager[None]:
    """The visit's workspace, with the deployment held as it is: what changes a conversation happens in here."""
    return tenant(visit.workspace_id, shared_lock=deploying.lock_key(visit.deployment_id))


def post(visit: Visit, caller: Caller, message: VisitorMessage) -> Posted:
    """Post what a visitor says. Committed when this returns; the caller then takes the turn of `claim`."""
    limiting.hit(
        "visitor_messages", str(visit.workspace_id), str(visit.session_id), words="You are sending very quickly"
    )
    narrowing.hit_message(visit.workspace_id, visit.deployment_id, visit.session_id)
    for last_try in (False, True):
        try:
            return _post(visit, caller, message)
        except IntegrityError:
            if last_try:
                raise
    raise AssertionError("unreachable")


@once_more
def _post(visit: Visit, caller: Caller, message: VisitorMessage) -> Posted:
    with _changing(visit):
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
        new = replace(new, attachments=attachments.found(conversation, message.attachments))
    stored, replies, claim = turns.take_message(conversation, new, queue=has_unanswered)
    if message.attachments:
        attachments.bind(stored)
    return Posted(stored, conversation, is_new=True, replies=replies, claim=claim)


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
    with _changing(visit):
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
    with _changing(visit):
        conversation, _ = enter(visit, caller, lock=True)
        if conversation.control == Control.ASSISTANT and not handoff.rules_of(conversation).on_request:
            raise Problem("conflict", "A person can't be asked for in this chat.", hint="Write your question instead.")
        handoff.request(conversation, reason or "The visitor asked for a person.")
        waiting.note(conversation)
        return conversation


@once_more
def end(visit: Visit, caller: Caller) -> Conversation:
    """The visitor ends the conversation."""
    with _changing(visit):
        conversation, _ = enter(visit, caller, lock=True)
        words = say("ended_by_visitor", conversation.locale)
        conversations.end(conversation, Status.COMPLETED, "Ended by the visitor.", words)
        return conversation
