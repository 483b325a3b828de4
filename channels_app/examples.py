"""Test events and test messages: sent over a connection as anything else is, and shown among its deliveries."""

from __future__ import annotations

from django import forms

from channels_app import accounts, consents, enqueueing, spending
from channels_app.models import Connection, Delivery
from channels_app.providers import numbers
from channels_app.providers.base import Capability
from convoship.lib.actors import Actor
from convoship.lib.problems import invalid
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind
from workspaces import audit

TEXT = "This is a test message from Convoship. The connection works."


def types_of(connection: Connection) -> list[str]:
    """The types of events that can be tried."""
    return [planned.what for planned in accounts.to_plan(connection).examples()]


def send(actor: Actor, connection: Connection, what: str = "") -> list[Delivery]:
    """Queue a test event of this type, or of every type; 422 for a type that the connection hasn't."""
    planned = [one for one in accounts.to_plan(connection).examples() if what in ("", one.what)]
    if not planned:
        raise invalid({"what": ["There is no such event to try."]})
    sent = [enqueueing.enqueue_alone(connection, one.what, dict(one.content)) for one in planned]
    audit.record(actor, "connection.test_events_sent", connection, events=[one.what for one in planned])
    return sent


def writes_to_people(connection: Connection) -> bool:
    """Whether a test message can be sent over it: to whom it may be sent at all is known by consent."""
    return accounts.kind_of(connection).can(Capability.CONSENT)


def send_message(actor: Actor, connection: Connection, address: str) -> list[Delivery]:
    """Queue a test message to this phone number; 422 for what is none, or has opted out."""
    if not writes_to_people(connection):
        raise invalid({"address": ["Over this connection nobody can be written to first."]})
    try:
        number = numbers.e164(address)
    except forms.ValidationError as wrong:
        raise invalid({"address": list(wrong.messages)}) from None
    if consents.is_withdrawn(connection, number, lock=True):
        raise invalid({"address": ["They have opted out, so nothing can be sent to them until they write START."]})
    refused = spending.country_of_a_test(connection, number)
    if refused is not None:
        raise invalid({"address": [f"{refused.words} {refused.remedy}"]})
    message = Message(author_kind=AuthorKind.ASSISTANT, text=TEXT)
    planned = accounts.to_plan(connection).plan(Conversation(), [message])
    sent = [enqueueing.enqueue_alone(connection, one.what, dict(one.content), number) for one in planned]
    audit.record(actor, "connection.test_message_sent", connection, deliveries=[str(one.id) for one in sent])
    return sent
