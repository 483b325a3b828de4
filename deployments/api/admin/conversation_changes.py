"""What PATCH changes about a conversation: one line a field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from convoship.lib.actors import Actor
from deployments import assigning
from deployments.models import Conversation
from workspaces.api.ids import parsed_id
from workspaces.api.schema import UUID, Schema, body, or_null
from workspaces.models import User

Change = Callable[[Actor, Conversation, Any], None]


def _assign(actor: Actor, conversation: Conversation, value: str | None) -> None:
    user = None
    if value is not None:
        member_id = parsed_id(value)
        user = User.objects.filter(id=member_id).first() if member_id else None
        if user is None:
            raise assigning.not_assignable()
    assigning.assign(actor, conversation, user)


# Each field: its schema, and the act on a locked conversation.
FIELDS: Mapping[str, tuple[Schema, Change]] = {
    "assigned_to": (
        {**or_null(UUID), "description": "A member's id: whose conversation it is; null for nobody's."},
        _assign,
    ),
}

SCHEMA = body({name: schema for name, (schema, _) in FIELDS.items()})


def apply(actor: Actor, conversation: Conversation, wanted: Mapping[str, Any]) -> None:
    """Make the changes that are named, in the order of the table."""
    for name, (_, change) in FIELDS.items():
        if name in wanted:
            change(actor, conversation, wanted[name])
