"""Whose conversation it is among the members."""

from __future__ import annotations

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import conversations, live
from deployments.models import Conversation
from workspaces import audit, members
from workspaces.models import User


def assign(actor: Actor, conversation: Conversation, user: User | None) -> None:
    """Give a locked conversation to a member who may answer in it, or (None) to nobody. Inside `tenant()`.

    422 `invalid` for who may not answer, 409 where the conversation has ended. The visitor is not told: nobody has
    joined by that.
    """
    conversations.require_active(conversation)
    if user is not None and not members.may(user.id, "conversations.write"):
        raise not_assignable()
    if conversation.assigned_to_id == (user.id if user else None):
        return
    conversation.assigned_to = user
    conversation.save(update_fields=["assigned_to"])
    audit.record(actor, "conversation.assigned", conversation, to=str(user.id) if user else None)
    live.tell_change(conversation, [])


def not_assignable() -> Problem:
    """422 for who is no member that may answer."""
    words = "Choose an active member whose role may answer conversations."
    return invalid({"assigned_to": [words]}, detail=words)
