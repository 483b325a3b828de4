"""What a visitor may do with a `cst_` token: read their conversation, write in it, ask for a person, end it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from convoship.lib import limiting
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import tenant
from deployments import conversations, deploying, doors, handoff, sessions, turns
from deployments.conversations import NewMessage
from deployments.models import Conversation, Deployment, Message, Turn, VisitorSession
from deployments.models.conversation import AuthorKind, MessageStatus, Status
from deployments.sessions import Caller
from deployments.words import say


@dataclass(frozen=True)
class Visit:
    """An authenticated visitor: the session and all that its token opens."""

    workspace_id: UUID
    session_id: UUID
    deployment_id: UUID
    conversation_id: UUID


@dataclass(frozen=True)
class VisitorMessage:
    """A parsed message of a visitor; `payload` is the value of a tapped button."""

    client_id: str
    text: str
    payload: str = ""


@dataclass(frozen=True)
class Posted:
    """A visitor's message as stored, whether it is new, and the claim to answer it if this process got it."""

    message: Message
    conversation: Conversation
    is_new: bool
    claim: turns.Claim | None


@dataclass(frozen=True)
class Page:
    """Messages, whether there are more, and the conversation they belong to."""

    session: VisitorSession
    conversation: Conversation
    messages: list[Message]
    has_more: bool

    @property
    def next_rev(self) -> int:
        """The rev to ask with next (CONTRACT section 4): the page's last while there is more, else the head's."""
        return self.messages[-1].rev if self.has_more else self.conversation.rev


def resolve(token: str, session_id: UUID) -> Visit:
    """Whose `cst_` token this is; 404 where it belongs to another session than the address names."""
    owner = doors.resolve_session(sessions.check_form(token, "cst"))
    if owner is None:
        raise sessions.unknown_token()
    if owner.session_id != session_id:
        raise not_found()
    return Visit(owner.workspace_id, owner.session_id, owner.deployment_id, owner.conversation_id)


def may_connect(session_id: UUID, caller: Caller) -> bool:
    """Whether a handshake for this session from this origin is worth a hello; its token comes with that."""
    found = doors.locate_session(session_id)
    if found is None:
        return False
    workspace_id, deployment_id = found
    with tenant(workspace_id):
        deployment = Deployment.objects.filter(id=deployment_id).first()
        if deployment is None or deployment.revoked_at is not None:
            return False
        try:
            sessions.check_origin(deployment, caller)
        except Problem:
            return False
    return True


def enter(visit: Visit, caller: Caller, *, lock: bool = False) -> tuple[VisitorSession, Conversation]:
    """The session and its conversation, after the checks: alive, and from an allowed origin. Inside `tenant()`.

    With `lock` the conversation is held, and the deployment with it, until the transaction ends.
    """
    if lock:
        deploying.hold(visit.deployment_id)
    rows = VisitorSession.objects.select_related("deployment", "conversation")
    if lock:
        rows = rows.select_for_update(of=("conversation",))
    session = rows.filter(id=visit.session_id).first()
    if session is None:
        raise sessions.unknown_token()
    if session.deployment.revoked_at is not None:
        raise sessions.revoked_token()
    if session.expires_at <= timezone.now():
        raise Problem("token_expired", "This session was not used for 30 days and is over.", hint="Start a new one.")
    sessions.check_origin(session.deployment, caller)
    sessions.touch(session)
    return session, session.conversation


def post(visit: Visit, caller: Caller, message: VisitorMessage) -> Posted:
    """Post what a visitor says. Committed when this returns; the caller then takes the turn of `claim`."""
    limiting.hit(
        "visitor_messages", str(visit.workspace_id), str(visit.session_id), words="You are sending very quickly"
    )
    for last_try in (False, True):
        try:
            with tenant(visit.workspace_id):
                return _post(visit, caller, message)
        except IntegrityError:
            if last_try:
                raise
    raise AssertionError("unreachable")


def _post(visit: Visit, caller: Caller, message: VisitorMessage) -> Posted:
    _, conversation = enter(visit, caller, lock=True)
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=message.text,
        payload=message.payload,
        client_id=message.client_id,
        status=MessageStatus.RECEIVED,
    )
    earlier = conversations.already_posted(conversation, new)
    if earlier is not None:
        return Posted(earlier, conversation, is_new=False, claim=None)
    conversations.require_active(conversation)
    stored = conversations.post_message(conversation, new)
    return Posted(stored, conversation, is_new=True, claim=turns.open_turn(conversation, stored))


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
        session, conversation = enter(visit, caller)
        messages, has_more = conversations.messages_page(conversation, after=after, rev=rev, limit=limit)
        return Page(session, conversation, messages, has_more)


def resume(visit: Visit, caller: Caller, *, after: int, rev: int | None, limit: int) -> tuple[Page, list[Message]]:
    """A page as `read` gives it, and apart from it every message still being written.

    Saving a text that is being written is no change that counts, so a client may have its `rev` and not its text.
    """
    with tenant(visit.workspace_id):
        page = read(visit, caller, after=after, rev=rev, limit=limit)
        streaming = Message.objects.filter(conversation=page.conversation, status=MessageStatus.STREAMING)
        return page, list(streaming.order_by("seq"))


def ask_for_person(visit: Visit, caller: Caller, reason: str) -> tuple[VisitorSession, Conversation]:
    """The visitor wants a person."""
    with tenant(visit.workspace_id):
        session, conversation = enter(visit, caller, lock=True)
        handoff.request(conversation, reason or "The visitor asked for a person.")
        return session, conversation


def end(visit: Visit, caller: Caller) -> tuple[VisitorSession, Conversation]:
    """The visitor ends the conversation."""
    with tenant(visit.workspace_id):
        session, conversation = enter(visit, caller, lock=True)
        words = say("ended_by_visitor", conversation.locale)
        conversations.end(conversation, Status.COMPLETED, "Ended by the visitor.", words)
        return session, conversation
