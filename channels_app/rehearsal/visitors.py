"""The visitor of a desk's rehearsal: talks with the connection's assistant, and is handed over to this desk first.

The conversation is a test and stands nowhere else. Which conversations are whose rehearsal's is kept in `phones`, by
their ids. Inside `tenant()`; the rehearsal's row is held.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from channels_app.models import Rehearsal
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from convoship.lib.times import moment
from deployments import conversations, handoff, people, turns, welcoming
from deployments.conversations import NewMessage
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind, Channel, Control, MessageStatus, Status
from deployments.models.person import IdentityKind
from deployments.safe_text import LONGEST_TEXT
from deployments.variants import Met
from deployments.words import say as words_for
from workspaces import audit

MOST_KEPT = 20
LONGEST_NAME = 60
NAME = "Vera Visitor"


@dataclass(frozen=True)
class Shown:
    """A visitor's conversation as their side of the screen has it."""

    conversation: Conversation
    messages: Sequence[Message]
    handoff: Handoff | None


def shown(rehearsal: Rehearsal) -> Shown | None:
    """The one that began last; None before there is any."""
    conversation = _rows(rehearsal).first()
    if conversation is None:
        return None
    rows = Message.objects.filter(conversation=conversation).order_by("seq")
    last = Handoff.objects.filter(conversation=conversation).order_by("-requested_at").first()
    return Shown(conversation, list(rows), last)


def _rows(rehearsal: Rehearsal) -> QuerySet[Conversation]:
    return Conversation.objects.filter(id__in=[UUID(one) for one in rehearsal.phones]).order_by("-started_at")


def desk_of(conversation: Conversation) -> UUID | None:
    """The rehearsal whose visitor this is: their hand-overs go to its desk first."""
    if not conversation.is_test:
        return None
    rows = Rehearsal.objects.filter(phones__has_key=str(conversation.id))
    return rows.values_list("connection_id", flat=True).first()


def begin(actor: Actor, rehearsal: Rehearsal, name: str) -> Conversation:
    """Somebody comes, and is greeted; 409 where nobody can answer them."""
    connection = rehearsal.connection
    if connection.assistant is None:
        raise Problem("conflict", "No assistant answers on this connection: the one that did is deleted.")
    met, name = Met(connection.assistant.published, {}), name.strip()[:LONGEST_NAME] or NAME
    known_by = [(IdentityKind.BRIDGE, f"{connection.id}:visitor-{uuid.uuid4().hex[:12]}")]
    conversation, _ = conversations.open_conversation(
        connection.assistant,
        met,
        people.person_at(known_by, {"name": name}),
        channel=Channel.WEB,
        context={"is_test": True, "visitor_data": {"name": name}},
        says=welcoming.words(met, Channel.WEB, "", {"name": name}),
    )
    phones = {**rehearsal.phones, str(conversation.id): {"name": name, "wrote_at": moment(timezone.now())}}
    rehearsal.phones = dict(sorted(phones.items(), key=lambda one: str(one[1]["wrote_at"]))[-MOST_KEPT:])
    rehearsal.save(update_fields=["phones"])
    audit.record(actor, "rehearsal.said", connection)
    return conversations.lock(conversation.id)


def current(actor: Actor, rehearsal: Rehearsal, name: str = "") -> Conversation:
    """The locked conversation that goes on; a new one where none does."""
    found = _rows(rehearsal).filter(status=Status.ACTIVE).first()
    return conversations.lock(found.id) if found is not None else begin(actor, rehearsal, name)


def say(actor: Actor, rehearsal: Rehearsal, text: str, payload: str = "", name: str = "") -> turns.Claim | None:
    """They write, or press a button; the right to answer, where that takes time."""
    text = text.replace("\x00", "").strip()[:LONGEST_TEXT]
    if not text and not payload:
        raise invalid({"visitor_text": ["Write something."]})
    conversation = current(actor, rehearsal, name)
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=text,
        payload=payload[:1000],
        client_id=f"rehearsed:{uuid.uuid4()}",
        status=MessageStatus.RECEIVED,
    )
    _, has_unanswered = conversations.standing(conversation, new.client_id or "")
    return turns.take_message(conversation, new, queue=has_unanswered)[2]


def ask(actor: Actor, rehearsal: Rehearsal, name: str = "") -> None:
    """They want a person."""
    conversation = current(actor, rehearsal, name)
    if conversation.control != Control.ASSISTANT:
        raise invalid({"visitor_text": ["A person is asked for already, or is there."]})
    handoff.request(conversation, "They asked for a person in a rehearsal.")


def leave(rehearsal: Rehearsal) -> None:
    """They end the conversation that goes on, if one does."""
    found = _rows(rehearsal).filter(status=Status.ACTIVE).first()
    if found is not None:
        conversation = conversations.lock(found.id)
        words = words_for("ended_by_visitor", conversation.locale)
        conversations.end(conversation, Status.COMPLETED, "Ended by the visitor.", words)
