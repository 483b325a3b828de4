"""Conversations that are put away until a time: out of every list but one, until it comes or the visitor writes.

Inside `tenant()`. `conversations.post_messages` wakes the one that the visitor writes to.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import conversations, live
from deployments.models import Conversation
from deployments.models.conversation import Control
from workspaces import audit

LONGEST = dt.timedelta(days=365)
MORNING = dt.time(9)
PRESETS = {
    "hour": "In an hour",
    "afternoon": "In four hours",
    "tomorrow": "Tomorrow at 9:00",
    "monday": "On Monday at 9:00",
}


def snooze(actor: Actor, conversation: Conversation, until: dt.datetime) -> None:
    """Put a locked conversation away; 409 where somebody waits or it is over, 422 for a time that is no good."""
    conversations.require_active(conversation)
    if conversation.control == Control.WAITING:
        raise Problem(
            "conflict", "Somebody waits for a person here.", hint="Take the conversation over, then snooze it."
        )
    now = timezone.now()
    if not now < until <= now + LONGEST:
        words = "That moment is over. Choose one to come." if until <= now else "At most a year from now."
        raise invalid({"snoozed_until": [words]}, words)
    if conversation.snoozed_until != until:
        _set(conversation, until)
        audit.record(actor, "conversation.snoozed", conversation, until=until.isoformat())


def wake(actor: Actor, conversation: Conversation) -> None:
    """Bring a locked conversation back; one that isn't put away stays as it is."""
    if conversation.snoozed_until is not None:
        _set(conversation, None)
        audit.record(actor, "conversation.woken", conversation)


def wake_if_due(conversation: Conversation) -> None:
    """Bring a locked conversation back whose time has come."""
    if conversation.snoozed_until is not None and conversation.snoozed_until <= timezone.now():
        _set(conversation, None)


def _set(conversation: Conversation, until: dt.datetime | None) -> None:
    conversation.snoozed_until = until
    conversation.save(update_fields=["snoozed_until"])
    live.tell_list(conversation)


# --- When -------------------------------------------------------------------------------------------------------------


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(name: str) -> dt.tzinfo:
    """The time zone of this name (IANA); UTC for one that isn't known."""
    return ZoneInfo(name) if name in _zones() else dt.UTC


def preset(name: str, where: dt.tzinfo) -> dt.datetime:
    """The moment of one of `PRESETS`, in UTC, for somebody in this zone; 422 for another name."""
    now = timezone.now()
    here = now.astimezone(where)
    match name:
        case "hour":
            moment = now + dt.timedelta(hours=1)
        case "afternoon":
            moment = now + dt.timedelta(hours=4)
        case "tomorrow":
            moment = _morning(here, 1)
        case "monday":
            moment = _morning(here, 7 - here.weekday())
        case _:
            raise invalid({"until": ["Choose one of the times, or write your own."]})
    return moment.astimezone(dt.UTC)


def _morning(here: dt.datetime, days: int) -> dt.datetime:
    return dt.datetime.combine(here.date() + dt.timedelta(days=days), MORNING, tzinfo=here.tzinfo)


def typed(text: str, where: dt.tzinfo) -> dt.datetime:
    """A browser's field for date and time, read in this zone; 422 for what is no moment."""
    try:
        moment = dt.datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=where)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        words = "Choose a day and a time."
        raise invalid({"until": [words]}, words) from None
