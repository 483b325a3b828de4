"""Members on duty and away: who is away is not called, and who comes finds those who waited for somebody."""

from __future__ import annotations

from convoship.lib.actors import Actor
from deployments import conversations, handoff
from deployments.models import Handoff
from deployments.models.handoff import HandoffState
from workspaces import members
from workspaces.models import Membership

MOST_OFFERED = 200


def go_away(actor: Actor, membership: Membership) -> None:
    """From now on this member is not called; what they have they keep."""
    members.set_away(actor, membership, is_away=True)


def come(actor: Actor, membership: Membership) -> int:
    """From now on this member is called: how many conversations that waited for somebody were looked at for them."""
    if not members.set_away(actor, membership, is_away=False):
        return 0
    waiting = Handoff.objects.filter(state=HandoffState.REQUESTED, form_left=[]).order_by("conversation_id")
    ids = list(waiting.values_list("conversation_id", flat=True)[:MOST_OFFERED])
    for conversation_id in ids:
        handoff.somebody_came(conversations.lock(conversation_id))
    return len(ids)
