"""Who may call by SIP, and the call that is opened for them: synchronous, what the database knows.

The tenant is the user of the request's address: a connection's id. What is refused is counted on that connection's
page as forged requests are (`inbound.refuse`), in words for its owner; the caller learns nothing from it.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from channels_app import accounts, doors, health, inbound
from channels_app.models import Call, Connection
from channels_app.providers import sip_fields
from channels_app.providers.base import InboundRequest, SignatureInvalid
from channels_app.providers.voice_gateway import phone_number
from channels_app.voice import ending, relay_acts, relay_tickets, taking
from channels_app.voice.media import dialects, engines_of, frames, gateway_tickets, speech
from channels_app.voice.relay_acts import Admitted
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant

# A call's id at its provider has this length (`Call.sid`).
LONGEST_SID = 64


@dataclass(frozen=True)
class Door:
    """A connection that takes calls by SIP. `passwords`: empty where none was chosen, or none can be read.

    `needs_password`: one was chosen.
    """

    workspace_id: UUID
    connection_id: UUID
    config: Mapping[str, Any]
    networks: Sequence[sip_fields.Network]
    passwords: Sequence[str]
    needs_password: bool

    @property
    def most_calls(self) -> int:
        """At once, in this process."""
        return int(self.config.get(sip_fields.MOST) or sip_fields.MOST_CALLS)

    def may_call_from(self, host: str) -> bool:
        """Whether calls may come from this address."""
        return not self.networks or any(ipaddress.ip_address(host) in one for one in self.networks)


@dataclass(frozen=True)
class Opened:
    """A call that may be answered."""

    call_id: UUID
    sid: str
    ticket: str


def door(user: str) -> Door | None:
    """The connection that this user of an address is; None where none takes calls by SIP under it."""
    try:
        connection_id = UUID(user)
    except ValueError:
        return None
    owner = doors.resolve_connection(connection_id)
    if owner is None:
        return None
    with tenant(owner.workspace_id):
        connection = Connection.objects.filter(id=connection_id).first()
        if connection is None:
            return None
        config = connection.config
        if config.get("mode") != "stream" or speech.dialect_of(config) != dialects.SIP:
            return None
        account = accounts.to_receive(connection).account
        password = account.credentials.get(sip_fields.SIP_PASSWORD, "")
        if account.unreadable:
            health.note_unreadable(connection, account.unreadable[0])
        return Door(
            workspace_id=owner.workspace_id,
            connection_id=connection_id,
            config=config,
            networks=sip_fields.networks(str(config.get(sip_fields.ALLOWED) or "")),
            passwords=(password,) if password else (),
            needs_password=sip_fields.SIP_PASSWORD in connection.credentials,
        )


def refuse(connection_id: UUID, reason: str, words: str) -> None:
    """Count a call that was refused, on the connection's page. Inside `tenant()`."""
    connection = Connection.objects.filter(id=connection_id).first()
    if connection is not None:
        request = InboundRequest(
            method="INVITE", url="sip:", part="sip", query={}, headers={}, content_type="", body=b""
        )
        inbound.refuse(connection, request, SignatureInvalid(reason, words))


def sid_of(call_id: str) -> str:
    """The call's name with us: its Call-ID, or where that is too long, or can't be shown, what stands for it."""
    if len(call_id) <= LONGEST_SID and call_id.isprintable():
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "surrogatepass")).hexdigest()


def open_call(connection_id: UUID, call_id: str, caller: str, called: str) -> Opened | Problem | None:
    """Open the call of this Call-ID with its first turn; why it is not taken; None where it was here before.

    Inside `tenant()`. (A `Problem` is given and not raised: that the day is used up is kept.)
    """
    connection = Connection.objects.get(id=connection_id)
    try:
        gateway_tickets.require_stream(connection)
    except Problem as problem:
        return problem
    sid = sid_of(call_id)
    if Call.objects.filter(connection=connection, sid=sid).exists():
        return None
    # As strangers write it, but for what can't be kept or shown.
    caller, called = phone_number(caller) or frames.word(caller, 64), frames.word(called, 64)
    call = gateway_tickets.opened(connection, sid, caller, called)
    if isinstance(call, Problem):
        return call
    ticket = relay_tickets.issue(call)
    taking.take(call.id, call.turn, "")
    return Opened(call.id, sid, ticket)


def admit(connection_id: UUID, opened: Opened, config: Mapping[str, Any]) -> Admitted | None:
    """The call is answered. None where it is over already. Inside `tenant()`."""
    return relay_acts.admit_sound(connection_id, opened.ticket, opened.sid, opened.sid, engines_of.words_of(config))


def abandoned(call_id: UUID) -> None:
    """They hung up before they were answered. Inside `tenant()`."""
    if Call.objects.filter(id=call_id).exists():
        ending.over(call_id)
