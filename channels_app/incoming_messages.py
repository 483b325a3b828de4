"""What a person says over a connection: whose conversation it is, and how it reaches the assistant."""

from __future__ import annotations

import hashlib

from django.db import connection as database
from django.utils import timezone

from channels_app import accounts, consents, replies
from channels_app.models import Connection, ConversationLink
from channels_app.providers.base import Capability
from channels_app.providers.events import CallEnded, MessageReceived
from convoship.lib.problems import Problem
from deployments import conversations, people, turns, welcoming
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message, Person, Turn
from deployments.models.conversation import AuthorKind, MessageStatus, Status, TurnStatus
from deployments.models.person import IdentityKind
from deployments.safe_text import LONGEST_TEXT
from deployments.variants import Met

_KIND_OF_IDENTITY = {"sms": IdentityKind.PHONE, "voice": IdentityKind.PHONE}


def take(
    connection: Connection, event: MessageReceived, client_id: str
) -> tuple[Conversation | None, turns.Claim | None, Message | None, str]:
    """Post what they said and see to its answer: (conversation, right to answer, message, words for the event's row).

    Runs in one transaction with the end of the event; `client_id` makes doing it twice do it once.
    """
    if event.wish:
        words = _wish(connection, event)
        conversation = _current(connection, event.address)
        if conversation is not None and event.wish == "stop":
            _end(conversation, Status.COMPLETED, "They opted out.")
        return conversation, None, None, words
    if accounts.kind_of(connection).can(Capability.CONSENT) and consents.is_withdrawn(connection, event.address):
        return _post_unanswered(connection, event, client_id)
    conversation, is_new = conversation_for(connection, event)
    if not (event.text or event.payload):
        return conversation, None, None, "" if is_new else "It says nothing, and the conversation is under way."
    payload = event.payload or replies.payload_of(conversation, event.text)
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=event.text[:LONGEST_TEXT],
        payload=payload,
        client_id=client_id,
        status=MessageStatus.RECEIVED,
    )
    posted_before, has_unanswered = conversations.standing(conversation, client_id)
    if posted_before:
        return conversation, None, conversations.already_posted(conversation, new), ""
    message, _, claim = turns.take_message(conversation, new, queue=has_unanswered)
    return conversation, claim, message, "; ".join(event.left_out)


def conversation_for(connection: Connection, event: MessageReceived) -> tuple[Conversation, bool]:
    """The locked conversation at this address, opened where none goes on; 409 where nobody can answer."""
    _one_at_a_time(connection, event.address)
    current = ConversationLink.objects.filter(connection=connection, address=event.address, is_current=True).first()
    if current is None and accounts.kind_of(connection).can(Capability.CALLS):
        _refuse_ended_call(connection, event.address)
    if current is not None:
        conversation = conversations.lock(current.conversation_id)
        if conversation.is_active:
            _note_turn(current, event)
            return conversation, False
        current.is_current = False
        current.save(update_fields=["is_current"])
    return _open(connection, event), True


def _one_at_a_time(connection: Connection, address: str) -> None:
    """Until the transaction ends, so that two first messages of one address open one conversation."""
    digest = hashlib.sha256(connection.id.bytes + address.encode()).digest()
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])


def _refuse_ended_call(connection: Connection, address: str) -> None:
    """A call's end is final (CONTRACT section 1)."""
    if ConversationLink.objects.filter(connection=connection, address=address).exists():
        raise Problem("conversation_ended", "This call is over, and a call that is over is not taken up again.")


def _note_turn(link: ConversationLink, event: MessageReceived) -> None:
    if event.turn and link.turn != event.turn:
        link.turn = event.turn
        link.save(update_fields=["turn"])


def _open(connection: Connection, event: MessageReceived) -> Conversation:
    assistant = connection.assistant
    if assistant is None:
        raise Problem(
            "conflict",
            "No assistant answers on this connection: the one that did is deleted.",
            hint="Choose an assistant on the connection's page, then retry this event.",
        )
    kind = accounts.kind_of(connection)
    met = Met(assistant.published, {})
    # On a phone the assistant speaks first; elsewhere it answers what was said.
    is_greeted = not (event.text or event.payload)
    says = welcoming.words(met, kind.channel, event.locale, event.user) if is_greeted else []
    conversation, messages = conversations.open_conversation(
        assistant,
        met,
        _person(connection, event),
        channel=kind.channel,
        context={"locale": event.locale[:35], "visitor_data": dict(event.user), "is_test": connection.is_rehearsal},
        says=says,
    )
    ConversationLink.objects.create(
        connection=connection, conversation=conversation, address=event.address, turn=event.turn
    )
    if messages:
        conversations.tell_opened(conversation, messages)
    return conversation


def _person(connection: Connection, event: MessageReceived) -> Person:
    kind = _KIND_OF_IDENTITY.get(accounts.kind_of(connection).channel, IdentityKind.BRIDGE)
    value = event.address if kind == IdentityKind.PHONE else f"{connection.id}:{event.address}"
    return people.person_at(kind, value, event.user)


def _current(connection: Connection, address: str) -> Conversation | None:
    link = ConversationLink.objects.filter(connection=connection, address=address, is_current=True).first()
    return conversations.lock(link.conversation_id) if link else None


def _wish(connection: Connection, event: MessageReceived) -> str:
    """A word about consent: noted in the ledger, answered by nobody (the carrier has answered)."""
    if event.wish == "help":
        return "HELP is answered by the provider; nothing was sent."
    consents.note(
        connection, event.address, withdrawn=event.wish == "stop", source=f"They wrote {event.text.strip()[:40]!r}."
    )
    return "They opted out." if event.wish == "stop" else "They opted in."


def _post_unanswered(
    connection: Connection, event: MessageReceived, client_id: str
) -> tuple[Conversation | None, turns.Claim | None, Message | None, str]:
    """After STOP whatever they write is kept and shown, and nobody answers it."""
    words = "They have opted out, so nothing answers until they write START."
    return _current(connection, event.address), None, None, words


def hang_up(connection: Connection, event: CallEnded) -> Conversation | None:
    """The call is over: so is its conversation. One that ended before stays as it is."""
    conversation = _current(connection, event.address)
    if conversation is not None:
        _end(conversation, Status.COMPLETED, event.what or "They hung up.")
        for turn in Turn.objects.filter(conversation=conversation, status__in=(TurnStatus.QUEUED, TurnStatus.RUNNING)):
            turn.status, turn.reason, turn.finished_at = TurnStatus.DONE, "They hung up.", timezone.now()
            turn.save(update_fields=["status", "reason", "finished_at"])
    return conversation


def _end(conversation: Conversation, status: str, reason: str) -> None:
    conversations.end(conversation, status, reason, "")
