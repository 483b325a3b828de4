"""What a person says over a connection: whose conversation it is, and how it reaches the assistant."""

from __future__ import annotations

import datetime as dt
import hashlib
from uuid import UUID

from django.db import connection as database

from channels_app import accounts, calls, confirming, consents, inbound_media, replies, unheard
from channels_app.models import Connection, ConversationLink, Delivery, InboundEvent
from channels_app.providers.base import Capability
from channels_app.providers.events import CallEnded, MessageReceived
from convoship.lib import language_tags, same_number
from convoship.lib.problems import Problem
from deployments import blocking, conversations, people, turns, welcoming
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message, Person
from deployments.models.conversation import LONGEST_PAYLOAD, AuthorKind, MessageStatus, Status
from deployments.models.person import IdentityKind
from deployments.safe_text import LONGEST_TEXT
from deployments.variants import Met

# Channels whose addresses are telephone numbers, proved by the network that carries them.
_BY_PHONE = ("sms", "whatsapp")
OVER = "The call was over already, and a call that is over is not taken up again."


def take(
    connection: Connection, event: MessageReceived, client_id: str, said_at: dt.datetime
) -> tuple[Conversation | None, turns.Claim | None, Message | None, str]:
    """Post what they said and see to its answer: (conversation, right to answer, message, words for the event's row).

    Runs in one transaction with the end of the event; `client_id` makes doing it twice do it once.
    """
    asks_for_consent = accounts.kind_of(connection).can(Capability.CONSENT)
    is_out = asks_for_consent and consents.is_withdrawn(connection, event.address)
    # Who did not opt out has nothing to take back: START, or "yes", is said to the assistant and agrees to nothing.
    if event.wish and (event.wish != "start" or is_out):
        words = _wish(connection, event, said_at)
        conversation = _current(connection, event.address)
        if conversation is not None and event.wish == "stop":
            _end(conversation, Status.COMPLETED, "They opted out.")
        return conversation, None, None, words
    if is_out:
        # Kept with its event, and shown with them (`unheard`).
        return _current(connection, event.address), None, None, unheard.OPTED_OUT
    if is_blocked(connection, event):
        return _current(connection, event.address), None, None, unheard.BLOCKED
    conversation, is_new = conversation_for(connection, event)
    if conversation is None:
        return None, None, None, OVER
    with conversations.one_answer(conversation, client_id):
        claim, message, words = _said(connection, conversation, event, client_id, is_new=is_new)
    return conversation, claim, message, words


def _said(
    connection: Connection, conversation: Conversation, event: MessageReceived, client_id: str, *, is_new: bool
) -> tuple[turns.Claim | None, Message | None, str]:
    if not conversation.is_active:
        return None, None, OVER
    if not (event.text or event.payload or event.media):
        is_greeted = is_new or not conversation.visitor_messages
        return None, None, "" if is_greeted else "It says nothing, and the conversation is under way."
    payload, text, words = event.payload or replies.payload_of(conversation, event.text), event.text, ""
    if len(payload) > LONGEST_PAYLOAD:
        # No button of ours stands for so much.
        words = f"What the button stands for was left out: {len(payload)} characters, and {LONGEST_PAYLOAD} are kept."
        payload, text = "", text or payload
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=text[:LONGEST_TEXT],
        payload=payload,
        client_id=client_id,
        status=MessageStatus.RECEIVED,
        reply_to=_replied_to(conversation, event.reply_to),
        attachments=inbound_media.shown(event, client_id),
    )
    posted_before, has_unanswered = conversations.standing(conversation, client_id)
    if posted_before:
        return None, conversations.already_posted(conversation, new), ""
    message, _, claim = turns.take_message(conversation, new, queue=has_unanswered)
    if event.media:
        inbound_media.enrol(connection, message, event)
    return claim, message, words


def _replied_to(conversation: Conversation, provider_id: str) -> int | None:
    """The `seq` of the message that the provider knows by this id, theirs or ours; None where it is of another time."""
    if not provider_id:
        return None
    ours = Delivery.objects.filter(conversation=conversation, provider_id=provider_id, message__isnull=False)
    seq: int | None = ours.values_list("message__seq", flat=True).first()
    if seq is None:
        theirs = InboundEvent.objects.filter(conversation=conversation, key=provider_id, message__isnull=False)
        seq = theirs.values_list("message__seq", flat=True).first()
    return seq


def conversation_for(connection: Connection, event: MessageReceived) -> tuple[Conversation | None, bool]:
    """The locked conversation at this address, opened where none goes on; 409 where nobody can answer.

    A call's end is final (CONTRACT section 1): of one that is over it is the ended conversation, None where it was
    hung up before anything was said.
    """
    one_at_a_time(connection, event.address)
    current = _link_at(connection, event.address)
    is_call = accounts.kind_of(connection).can(Capability.CALLS)
    if current is None and is_call:
        ended = latest_at(connection, event.address)
        if ended is not None:
            return conversations.lock(ended), False
        if calls.is_over(connection, event.address):
            return None, False
    if current is not None:
        conversation = conversations.lock(current.conversation_id)
        if conversation.is_active or is_call:
            if current.address != event.address:
                # It was begun at another form of their number: they are answered at the one that they write from.
                _let_go_of(connection, event.address, besides=current)
                current.address = event.address
                current.save(update_fields=["address"])
            return conversation, False
        _let_go_of(connection, event.address)
    return open_at(connection, event), True


def one_at_a_time(connection: Connection, address: str) -> None:
    """Until the transaction ends, so that two first messages of one address open one conversation."""
    digest = hashlib.sha256(connection.id.bytes + same_number.key(address).encode()).digest()
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])


def _let_go_of(connection: Connection, address: str, besides: ConversationLink | None = None) -> None:
    """No other conversation at this address, in any form of the number, is the one that goes on there."""
    rows = ConversationLink.objects.filter(connection=connection, address__in=same_number.forms(address))
    rows = rows.exclude(id=besides.id) if besides is not None else rows
    rows.filter(is_current=True).update(is_current=False)


def latest_at(connection: Connection, address: str) -> UUID | None:
    """The last conversation at this address, whether or not it goes on."""
    here = ConversationLink.objects.filter(connection=connection, address__in=same_number.forms(address))
    link = here.select_related("conversation").order_by("-is_current", "-conversation__started_at").first()
    return link.conversation_id if link else None


def open_at(connection: Connection, event: MessageReceived) -> Conversation:
    """A new conversation at the address of what they said, or are told first; 409 where nobody can answer."""
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
    is_greeted = not (event.text or event.payload or event.media)
    locale = language_tags.kept(event.locale)
    says = welcoming.words(met, kind.channel, locale, event.user) if is_greeted else []
    conversation, messages = conversations.open_conversation(
        assistant,
        met,
        _person(connection, event),
        channel=kind.channel,
        context={"locale": locale, "visitor_data": dict(event.user), "is_test": connection.is_rehearsal},
        says=says,
    )
    ConversationLink.objects.create(connection=connection, conversation=conversation, address=event.address)
    # In a call the welcome is the answer to its first turn, and told with that.
    if messages and not kind.can(Capability.CALLS):
        conversations.tell_opened(conversation, messages)
    return conversation


def _person(connection: Connection, event: MessageReceived) -> Person:
    return people.person_at(identities_of(connection, event), event.user)


def is_blocked(connection: Connection, event: MessageReceived) -> bool:
    """Whether who says this is blocked."""
    return blocking.is_blocked_at(identities_of(connection, event))


def identities_of(connection: Connection, event: MessageReceived) -> list[tuple[IdentityKind, str]]:
    """By what its person is known, the surest first.

    A phone number is the same person over each channel that proves it; so is a handle.
    """
    is_phone = accounts.kind_of(connection).channel in _BY_PHONE and event.address.startswith("+")
    phone = event.person_address or (event.address if is_phone else "")
    known_by: list[tuple[IdentityKind, str]] = []
    # Nobody of flesh and blood is at the other end of a rehearsal, whatever number it plays.
    if not connection.is_rehearsal:
        known_by += [(IdentityKind.WHATSAPP, event.handle)] if event.handle else []
        known_by += [(IdentityKind.PHONE, phone)] if phone else []
    return known_by or [(IdentityKind.BRIDGE, f"{connection.id}:{event.address}")]


def _current(connection: Connection, address: str) -> Conversation | None:
    link = _link_at(connection, address)
    return conversations.lock(link.conversation_id) if link else None


def _link_at(connection: Connection, address: str) -> ConversationLink | None:
    """That of the conversation that goes on at this address, in whichever form of the number it is kept."""
    rows = ConversationLink.objects.filter(connection=connection, address__in=same_number.forms(address))
    return rows.filter(is_current=True).order_by("-conversation__started_at").first()


def _wish(connection: Connection, event: MessageReceived, said_at: dt.datetime) -> str:
    """A word about consent: noted in the ledger, and never the assistant's to answer."""
    if event.wish == "help":
        return "HELP is answered by the provider; nothing was sent."
    _note_wish(connection, event, said_at)
    return "They opted out." if event.wish == "stop" else "They opted in."


def _note_wish(connection: Connection, event: MessageReceived, said_at: dt.datetime) -> None:
    is_stop = event.wish == "stop"
    source = consents.wrote(event.text)
    is_new = consents.note(connection, event.address, withdrawn=is_stop, source=source, said_at=said_at)
    # A STOP was noted, and confirmed, when it came in.
    if is_new and not is_stop:
        confirming.confirm(connection, event.address, "start")


def hang_up(connection: Connection, event: CallEnded) -> Conversation | None:
    """The call is over: so is its conversation. One that ended before stays as it is."""
    one_at_a_time(connection, event.address)
    link = _link_at(connection, event.address)
    if link is None:
        ended = latest_at(connection, event.address)
        return conversations.lock(ended) if ended else None
    conversation = conversations.lock(link.conversation_id)
    if conversation.is_active:
        calls.hang_up(link, conversation, event.what or "They hung up.")
    return conversation


def _end(conversation: Conversation, status: str, reason: str) -> None:
    conversations.end(conversation, status, reason, "")
