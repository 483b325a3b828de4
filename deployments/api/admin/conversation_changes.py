"""What PATCH changes about a conversation: one line a field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.dateparse import parse_datetime

from convoship.lib.actors import Actor
from convoship.lib.problems import invalid
from deployments import assigning, snoozing, tagging
from deployments.models import Conversation, Tag
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


def _snooze(actor: Actor, conversation: Conversation, value: str | None) -> None:
    if value is None:
        snoozing.wake(actor, conversation)
        return
    try:
        moment = parse_datetime(value)
        moment = moment.astimezone(dt.UTC) if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise invalid({"snoozed_until": ["A moment such as 2027-01-31T18:00:00Z, or null to bring it back."]})
    snoozing.snooze(actor, conversation, moment)


_TAGS: Schema = {
    "type": "array",
    "items": {
        "type": "string",
        "maxLength": Tag.LONGEST_NAME,
        "pattern": r"\S",
        "x-words": {"pattern": "This must not be empty."},
    },
    "maxItems": tagging.MOST_OF_ONE,
    "description": "All its tags from now on, by name whatever its case; new names make new tags.",
}

# Each field: its schema, and the act on a locked conversation.
FIELDS: Mapping[str, tuple[Schema, Change]] = {
    "assigned_to": (
        {**or_null(UUID), "description": "A member's id: whose conversation it is; null for nobody's."},
        _assign,
    ),
    "tags": (_TAGS, tagging.set_all),
    "snoozed_until": (
        {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "Away from the inbox's list until then; null brings it back.",
        },
        _snooze,
    ),
}

SCHEMA = body({name: schema for name, (schema, _) in FIELDS.items()})


def apply(actor: Actor, conversation: Conversation, wanted: Mapping[str, Any]) -> None:
    """Make the changes that are named, in the order of the table."""
    for name, (_, change) in FIELDS.items():
        if name in wanted:
            change(actor, conversation, wanted[name])
