"""Members on duty and away: who is away is not called, and who comes finds those who waited for somebody."""

from __future__ import annotations

from convoship.lib.actors import Actor
from deployments import duty_lock, handoff
from workspaces import members
from workspaces.models import Membership


def go_away(actor: Actor, membership: Membership) -> None:
    """From now on this member is not called; what they have they keep."""
    members.set_away(actor, membership, is_away=True)


def come(actor: Actor, membership: Membership) -> int:
    """From now on this member is called: how many conversations that waited for somebody are offered next."""
    duty_lock.hold_alone(membership.workspace_id)
    return handoff.somebody_came() if members.set_away(actor, membership, is_away=False) else 0
