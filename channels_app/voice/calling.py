"""*Call me*: a test call to a number that a member gives, bounded as everything is that costs money (R44).

What may be called is counted before the provider is asked, in a transaction of its own; nothing waits for the network
inside one.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django import forms
from django.db import transaction

from channels_app import accounts, connections, spending
from channels_app.models import Call, Connection
from channels_app.models.call import CallDirection
from channels_app.models.connection import ConnectionState
from channels_app.providers import numbers
from channels_app.providers.base import CallFacts, Capability, Provider, ProviderError
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import ending, record
from convoship.lib import limiting
from convoship.lib.actors import Actor
from convoship.lib.outbound import sending
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import tenant
from workspaces import audit

# What the provider's table of codes says of messages, in the words of a call.
_OF_CALLS: Mapping[str, tuple[str, str]] = {
    "21211": ("Twilio says that this is no number that can be called.", "Check the number, then call again."),
}


def calls_people(connection: Connection) -> bool:
    """Whether a test call can be made over it."""
    return accounts.kind_of(connection).can(Capability.SPOKEN)


def is_of_countries(connection: Connection, to: str) -> bool:
    """Whether the connection's list of countries is why it doesn't call what was typed."""
    try:
        refusal = spending.call_refused(connection, numbers.e164(to))
    except forms.ValidationError:
        return False
    return refusal is not None and refusal.is_of_country


def call(actor: Actor, workspace_id: UUID, connection_id: UUID, to: str) -> Call:
    """Have the connection call this number; 422 for one that may not be called, 409 where the provider refuses
    or does not say.

    Outside `tenant()`: it waits for the provider.
    """
    with tenant(workspace_id):
        provider, number, longest = _prepared(actor, connection_id, to)
    limiting.hit("connection_tests", str(workspace_id), words="Too many tests")
    try:
        facts = sending.to_its_end(provider.start_call(number, longest_seconds=longest * 60))
    except ProviderError as error:
        raise _not_made(error) from None
    with tenant(workspace_id):
        return _started(connection_id, facts, str(provider.account.config.get("from_number", "")), number)


def _not_made(error: ProviderError) -> Problem:
    """What became of a call that the provider did not say yes to. Nobody tries it again but who asked for it."""
    if error.ambiguous:
        hint = "The phone may ring all the same. Look in Calls before you try again."
        return Problem("conflict", f"It is not known whether the call was made. {error.words}", hint=hint)
    words, remedy = _OF_CALLS.get(error.code, (error.words, error.remedy_once))
    return Problem("conflict", f"The call was not made. {words}", hint=remedy or "Try again in a moment.")


def _prepared(actor: Actor, connection_id: UUID, to: str) -> tuple[Provider, str, int]:
    """What the provider is asked with, once the call is counted."""
    connection = connections.held(connection_id)
    if not calls_people(connection):
        raise not_found()
    if connection.state != ConnectionState.ACTIVE:
        raise Problem("conflict", "The connection is paused.", hint="Enable it, then call.")
    if connection.assistant is None or connection.assistant.published_id is None:
        raise Problem("conflict", "No assistant answers on this connection.", hint="Choose a published assistant.")
    try:
        number = numbers.e164(to)
    except forms.ValidationError as wrong:
        raise invalid({"to": list(wrong.messages)}) from None
    config = VoiceConfig.of(connection.config)
    if number == config.number:
        raise invalid({"to": ["That is the connection's own number: it would call itself."]})
    with transaction.atomic():
        refusal = spending.count_call_to(connection, number) or spending.count_of_day(connection, 1)
        if refusal is not None:
            transaction.set_rollback(True)
    if refusal is not None:
        raise invalid({"to": [f"{refusal.words} {refusal.remedy}"]})
    try:
        provider = accounts.to_send(connection)
    except ProviderError as error:
        raise Problem("conflict", error.words, hint=error.remedy) from None
    audit.record(actor, "connection.test_call_made", connection)
    return provider, number, config.longest_call


def _started(connection_id: UUID, facts: CallFacts, caller: str, called: str) -> Call:
    """The call's row, unless the provider's own requests have made it already."""
    connection = Connection.objects.select_related("assistant__published").get(id=connection_id)
    made = record.open_call(connection, facts.sid, caller, called, CallDirection.OUTBOUND)
    return ending.settle(made.id, facts.status, facts.seconds) if facts.is_over else made
