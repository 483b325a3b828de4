"""Who knocks at a socket of a call, before it is accepted: for which connection, and whether signed as it has to be."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.db import InterfaceError, OperationalError

from channels_app import accounts, doors, health, inbound
from channels_app.models import Connection
from channels_app.providers.base import Capability, InboundRequest, SignatureInvalid
from channels_app.providers.registry import PROVIDERS
from convoship.lib.database import drop_broken_connections
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Knock:
    """Somebody who may come in. `query` is that of the handshake, one value a name."""

    workspace_id: UUID
    connection_id: UUID
    kind: str
    config: Mapping[str, Any]
    query: Mapping[str, str]


async def admitted(scope: Mapping[str, Any], part: str, can: Capability, base_url: str) -> Knock | None:
    """Who knocks at this part of a connection's address; None where they are to be refused."""
    try:
        return await in_thread(admit, scope, part, can, base_url)
    except (OperationalError, InterfaceError) as error:
        logger.warning("a call's socket was refused, the database does not answer: %s", error)
        await in_thread(drop_broken_connections)
        return None


def admit(scope: Mapping[str, Any], part: str, can: Capability, base_url: str) -> Knock | None:
    """The same, in a thread. `base_url`: where the outside finds this socket, which is what was signed."""
    arguments = scope["url_route"]["kwargs"]
    try:
        connection_id = UUID(arguments["connection_id"])
    except ValueError:
        return None
    owner = doors.resolve_connection(connection_id)
    if owner is None or owner.kind != arguments["kind"] or not PROVIDERS[owner.kind].can(can):
        return None
    request = _request(scope, part, base_url)
    with tenant(owner.workspace_id):
        connection = Connection.objects.get(id=connection_id)
        provider = accounts.to_receive(connection)
        try:
            provider.validate_handshake(request)
        except SignatureInvalid as why:
            if provider.account.unreadable:
                health.note_unreadable(connection, provider.account.unreadable[0])
            else:
                inbound.refuse(connection, request, why)
            return None
        health.note_readable(connection)
    return Knock(owner.workspace_id, connection_id, owner.kind, connection.config, request.query)


async def refused(knock: Knock, part: str, reason: str, words: str) -> None:
    """Count a socket that was closed before it carried anything, on its connection's page, as forged requests are."""
    try:
        await in_thread(_note_refusal, knock, part, reason, words)
    except (OperationalError, InterfaceError) as error:
        logger.warning("a socket that was closed is not counted, the database does not answer: %s", error)
        await in_thread(drop_broken_connections)


def _note_refusal(knock: Knock, part: str, reason: str, words: str) -> None:
    request = InboundRequest(method="GET", url="", part=part, query={}, headers={}, content_type="", body=b"")
    with tenant(knock.workspace_id):
        connection = Connection.objects.filter(id=knock.connection_id).first()
        if connection is not None:
            inbound.refuse(connection, request, SignatureInvalid(reason, words))


def _request(scope: Mapping[str, Any], part: str, base_url: str) -> InboundRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    raw_path = scope.get("raw_path")
    path = raw_path.decode("latin-1").partition("?")[0] if raw_path else scope["path"]
    query = scope.get("query_string", b"").decode("latin-1")
    # As for webhooks: what was signed is the outside address.
    address = f"{base_url}{path}" + (f"?{query}" if query else "")
    return InboundRequest(
        method="GET",
        url="ws" + address.removeprefix("http"),
        part=part,
        query={name: values[-1] for name, values in parse_qs(query).items()},
        headers=headers,
        content_type="",
        body=b"",
    )
