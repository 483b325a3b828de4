"""Blocking a person: nothing they write is answered or handed over, and nothing is sent to them, until it is undone.

What goes on with them ends. What they write on a channel afterwards is kept with its event, which says why nothing came
of it; on the web no further session opens. Every function runs inside `tenant()`.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments import conversations
from deployments.known_by import identities_of
from deployments.models import Conversation, Identity, Person
from deployments.models.conversation import Channel, Status
from deployments.words import say
from workspaces import audit

LONGEST_REASON = 300
# For the row of what they sent, and of what was to be sent to them.
UNANSWERED = "They are blocked, so nothing answers them."
HELD_BACK = "They are blocked, so nothing is sent to them."
REMEDY = "Unblock them on their page under People, then send it again."


def block(actor: Actor, person: Person, reason: str = "") -> None:
    """Block them. What is under way with them ends. Blocking a blocked one changes the reason alone."""
    reason = reason.strip()
    if len(reason) > LONGEST_REASON:
        raise invalid({"reason": [f"At most {LONGEST_REASON} characters."]})
    held = _held(person)
    is_new = held.blocked_at is None
    if not is_new and held.blocked_reason == reason:
        return
    held.blocked_at, held.blocked_reason = held.blocked_at or timezone.now(), reason
    held.save(update_fields=["blocked_at", "blocked_reason"])
    person.blocked_at, person.blocked_reason = held.blocked_at, held.blocked_reason
    ended = end_all(held, f"{actor.label} blocked the person.") if is_new else 0
    audit.record(actor, "person.blocked", held, has_reason=bool(reason), conversations_ended=ended)


def unblock(actor: Actor, person: Person) -> None:
    """Let them in again. What was ended stays ended; unblocking one who isn't blocked changes nothing."""
    held = _held(person)
    if held.blocked_at is None:
        return
    held.blocked_at, held.blocked_reason = None, ""
    held.save(update_fields=["blocked_at", "blocked_reason"])
    person.blocked_at, person.blocked_reason = None, ""
    audit.record(actor, "person.unblocked", held)


def _held(person: Person) -> Person:
    """The person as they are now. Whoever takes a message holds its identity first, then conversations, then them."""
    list(Identity.objects.select_for_update(no_key=True).filter(person=person).order_by("id"))
    list(_active(person).select_for_update(no_key=True).order_by("id").values_list("id"))
    return Person.objects.select_for_update(no_key=True).get(id=person.id)


def _active(person: Person) -> QuerySet[Conversation]:
    return Conversation.objects.filter(person=person, status=Status.ACTIVE)


def end_all(person: Person, why: str) -> int:
    """End what is under way with a blocked person, whose rows are held: how many conversations that were."""
    rows = list(_active(person).select_for_update(no_key=True).order_by("id"))
    for conversation in rows:
        # Elsewhere than on the web words would have to be sent, and nothing is.
        words = say("ended_by_flow", conversation.locale) if conversation.channel == Channel.WEB else ""
        conversations.end(conversation, Status.COMPLETED, why[:300], words)
    return len(rows)


def require_free(person: Person) -> None:
    """403 `channel_not_allowed` for who is blocked, in words that don't say so."""
    if person.blocked_at is not None:
        raise Problem(
            "channel_not_allowed",
            "This chat is not available.",
            hint="Reach the people of this site in another way.",
        )


def is_blocked_at(known_by: Sequence[tuple[str, str]]) -> bool:
    """Whether who is known by one of these is blocked. They can't be until the transaction ends if they are not."""
    return any(known.person.blocked_at is not None for known in identities_of(known_by, lock=True))


def blocked_at(known_by: Sequence[tuple[str, str]]) -> Person | None:
    """Who of those known by one of these is blocked, for a page; None where nobody is."""
    found = (known.person for known in identities_of(known_by))
    return next((person for person in found if person.blocked_at is not None), None)
