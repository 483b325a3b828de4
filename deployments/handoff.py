"""When people take over, and how they hand back. The one place that moves `control`.

`assistant` → `waiting` (asked for) → `human` (someone came) → `assistant` (handed back), or `waiting` → `assistant`
when nobody came in time. Each step says so to the visitor. Every function takes a locked conversation inside
`tenant()`.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, Control, Status
from deployments.words import say
from workspaces import audit
from workspaces.models import User

LONGEST_WAIT = dt.timedelta(minutes=5)


def request(conversation: Conversation, reason: str) -> list[Message]:
    """Ask for a person. Asking again while one is asked for or there changes nothing."""
    conversations.require_active(conversation)
    if conversation.control != Control.ASSISTANT:
        return []
    conversation.control = Control.WAITING
    conversation.waiting_since = timezone.now()
    _note_wanted(conversation)
    # Nobody is called to a test.
    conversation.members_told_at = timezone.now() if conversation.is_test else None
    conversation.handoff_reason = reason[:300]
    return [_notice(conversation, _waiting_words(conversation))]


def _note_wanted(conversation: Conversation) -> None:
    """From here on the assistant did not do it alone."""
    conversation.person_wanted_at = conversation.person_wanted_at or timezone.now()
    conversation.if_silent, conversation.silent_at = None, None


def _waiting_words(conversation: Conversation) -> str:
    """What the visitor is told, with the deployment's hours where it names them."""
    hours = conversation.deployment.hours_text if conversation.deployment else ""
    words = say("waiting", conversation.locale)
    return f"{words}\n\n{hours}" if hours else words


def request_by(actor: Actor, conversation: Conversation, reason: str) -> None:
    """The same, asked for by a member or a customer's program instead of the visitor or the assistant."""
    if request(conversation, reason):
        audit.record(actor, "conversation.handoff_requested", conversation, reason=reason[:300])


def join(actor: Actor, user: User, conversation: Conversation) -> None:
    """A member takes the conversation over, from the assistant, from waiting, or from another member."""
    conversations.require_active(conversation)
    if conversation.control == Control.HUMAN and conversation.assigned_to_id == user.id:
        return
    conversation.control = Control.HUMAN
    _note_wanted(conversation)
    conversation.assigned_to = user
    conversation.waiting_since = None
    _notice(conversation, say("joined", conversation.locale, name=user.public_name))
    audit.record(actor, "conversation.taken", conversation)


def reply(actor: Actor, user: User | None, conversation: Conversation, text: str, client_id: str | None) -> Message:
    """Answer as a person (or, by an API key, as the workspace), taking over first. Repeating `client_id` posts once."""
    new = NewMessage(
        author_kind=AuthorKind.AGENT,
        author_name=user.public_name if user else actor.shown_as,
        author_user=user,
        text=text,
        client_id=client_id,
    )
    earlier = conversations.already_posted(conversation, new)
    if earlier is not None:
        return earlier
    conversations.require_active(conversation)
    if user is not None:
        join(actor, user, conversation)
    elif conversation.control != Control.HUMAN:
        conversation.control = Control.HUMAN
        _note_wanted(conversation)
        conversation.waiting_since = None
        _notice(conversation, say("joined", conversation.locale, name=actor.shown_as))
    message = conversations.post_message(conversation, new)
    audit.record(actor, "conversation.answered", conversation, seq=message.seq)
    return message


def give_back(actor: Actor, conversation: Conversation) -> None:
    """Hand the conversation back to the assistant."""
    conversations.require_active(conversation)
    if conversation.control == Control.ASSISTANT:
        raise Problem("conflict", "The assistant has this conversation already.")
    _to_assistant(conversation, say("returned", conversation.locale))
    audit.record(actor, "conversation.returned", conversation)


def resolve(actor: Actor, name: str, conversation: Conversation) -> None:
    """A person ends the conversation. Resolving an ended one changes nothing."""
    if not conversation.is_active:
        return
    words = say("resolved", conversation.locale, name=name)
    conversations.end(conversation, Status.COMPLETED, f"Resolved by {name}.", words)
    audit.record(actor, "conversation.resolved", conversation)


def nobody_came(conversation: Conversation) -> None:
    """The wait is over without a person: the assistant is back, and says so."""
    if conversation.control != Control.WAITING or conversation.waiting_since is None:
        return
    if timezone.now() - conversation.waiting_since < LONGEST_WAIT:
        return
    _to_assistant(conversation, say("nobody_came", conversation.locale))


def _to_assistant(conversation: Conversation, words: str) -> None:
    conversation.control = Control.ASSISTANT
    conversation.assigned_to = None
    conversation.waiting_since = None
    _notice(conversation, words)


def _notice(conversation: Conversation, words: str) -> Message:
    return conversations.post_message(conversation, NewMessage(author_kind=AuthorKind.SYSTEM, text=words))
