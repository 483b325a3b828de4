"""Which conversations the inbox's filters leave: conditions for the pages and the API alike. Inside `tenant()`."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from deployments import handoff_history, searching
from deployments.desks import INBOX
from deployments.models import Conversation, ConversationTag, Handoff, Message
from deployments.models.conversation import AuthorKind, Control, Status
from workspaces.models import User

# A search over the API goes through so many of the newest matches.
MOST_FOUND = 1000

WAITING = Q(control=Control.WAITING, status=Status.ACTIVE)
ACTIVE = Q(status=Status.ACTIVE)


def snoozed() -> Q:
    """Put away until a time that has yet to come."""
    return Q(snoozed_until__gt=timezone.now())


def awake() -> Q:
    """Not put away, or no longer."""
    return Q(snoozed_until=None) | Q(snoozed_until__lte=timezone.now())


def shown(name: str, user: User) -> Q:
    """What one of the inbox's main filters leaves to this member."""
    match name:
        case "mine":
            return awake() & ACTIVE & Q(assigned_to=user)
        case "unassigned":
            return awake() & unassigned()
        case "waiting":
            return awake() & WAITING
        case "active":
            return awake() & ACTIVE
        case "snoozed":
            return snoozed()
        case "missed":
            return awake() & handoff_history.missed()
        case "ended":
            return ~ACTIVE
        case _:
            return awake()


def unassigned() -> Q:
    """Somebody has to come, and nobody has it. What the assistant does alone needs no one; a desk has its people."""
    at_desk = Handoff.objects.filter(conversation=OuterRef("pk"), ended_at=None, is_at_desk=True).exclude(desk=INBOX)
    has_someone = Q(Exists(at_desk), control=Control.HUMAN)
    return ACTIVE & Q(assigned_to=None) & ~Q(control=Control.ASSISTANT) & ~has_someone


def tagged(tag_id: UUID | str) -> Exists:
    """Those that have the tag."""
    return Exists(ConversationTag.objects.filter(conversation=OuterRef("pk"), tag_id=tag_id))


def unread() -> Exists:
    """Those in which the visitor wrote what no member has read yet."""
    return Exists(
        Message.objects.filter(
            conversation=OuterRef("pk"), seq__gt=OuterRef("agent_read_seq"), author_kind=AuthorKind.VISITOR
        )
    )


def found(rows: QuerySet[Conversation], text: str) -> QuerySet[Conversation]:
    """Those of the rows that have the words, among the newest `MOST_FOUND` that do."""
    return rows.filter(id__in=[hit.conversation_id for hit in searching.hits(text, limit=MOST_FOUND)])
