"""Whose conversation it is among the members."""

from __future__ import annotations

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import handoff
from deployments.models import Conversation
from workspaces import members
from workspaces.models import User


def assign(actor: Actor, conversation: Conversation, user: User | None) -> None:
    """Give a locked conversation to a member who may answer in it, or (None) to nobody. Inside `tenant()`.

    422 `invalid` for who may not answer, 409 where the conversation has ended. What it means for the visitor, who is
    told where they wait or talk with somebody, is the hand-over's to say.
    """
    if user is not None and not members.may(user.id, "conversations.write"):
        raise not_assignable()
    handoff.assign(actor, conversation, user)


def not_assignable() -> Problem:
    """422 for who is no member that may answer."""
    words = "Choose an active member whose role may answer conversations."
    return invalid({"assigned_to": [words]}, detail=words)
