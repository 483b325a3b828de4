"""Whose conversation it is among the members."""

from __future__ import annotations

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import handoff
from deployments.handoff_outline import duration
from deployments.models import Conversation
from deployments.models.conversation import Control
from deployments.models.handoff import HandoffState
from workspaces import members
from workspaces.models import User


def assign(actor: Actor, conversation: Conversation, user: User | None) -> None:
    """Give a locked conversation to a member who may answer in it, or (None) to nobody. Inside `tenant()`.

    422 `invalid` for who may not answer, 409 where the conversation has ended. What it means for the visitor, who is
    told where they wait or talk with somebody, is the hand-over's to say. Whom another gives somebody who waits is
    mailed by the sweeper, on duty or not.
    """
    if user is not None and not members.may(user.id, "conversations.write"):
        raise not_assignable()
    is_called = user is not None and actor.id != user.id and conversation.assigned_to_id != user.id
    if is_called and conversation.control == Control.WAITING and not conversation.is_test:
        conversation.members_told_at = None
    handoff.assign(actor, conversation, user)


def warning(conversation: Conversation, user: User | None) -> str:
    """What whoever gave the conversation to this member should know: that they are away; "" where they are not."""
    if user is None or not members.is_away(user.id):
        return ""
    if conversation.control == Control.ASSISTANT:
        return f"{user.display_name} is away. The assistant goes on until somebody answers."
    case = handoff.current(conversation)
    if case is None:
        return f"{user.display_name} is away."
    longest = case.longest_silence if case.state == HandoffState.LIVE else case.longest_wait
    within = duration(int(longest.total_seconds()))
    return f"{user.display_name} is away. If they don't answer within {within}, the others are asked."


def not_assignable() -> Problem:
    """422 for who is no member that may answer."""
    words = "Choose an active member whose role may answer conversations."
    return invalid({"assigned_to": [words]}, detail=words)
