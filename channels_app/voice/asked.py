"""A genuine request of the provider's in a call, which is answered while it waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse

from channels_app.models import Connection
from channels_app.models.connection import ConnectionState
from channels_app.providers.base import InboundRequest, Provider
from channels_app.providers.twilio.voice_config import VoiceConfig


@dataclass(frozen=True)
class Asked:
    """What was asked, with all that an answer needs of its connection: no handler has to read it again.

    `provider` has the credentials, so that a handler may call the provider. `is_open`: the connection is active.
    """

    workspace_id: UUID
    connection_id: UUID
    part: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    provider: Provider
    config: VoiceConfig
    is_open: bool

    @property
    def sid(self) -> str:
        """The provider's id of the call."""
        return self.form.get("CallSid", "")

    def url(self, part: str = "", **query: str | int) -> str:
        """The address of a part of this connection, as it is given to the provider and signed by it."""
        base = self.provider.account.inbound_url
        address = f"{base}/{part}" if part else base
        return f"{address}?{urlencode(query)}" if query else address

    def number(self, name: str, default: int = 0) -> int:
        """A whole number of the query; `default` for anything else."""
        given = self.query.get(name, "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else default


# Answers one part of a call's address.
Handler = Callable[[Asked], Awaitable[HttpResponse]]


def asked(connection: Connection, provider: Provider, request: InboundRequest) -> Asked:
    """What a genuine request asks."""
    return Asked(
        workspace_id=connection.workspace_id,
        connection_id=connection.id,
        part=request.part,
        query=request.query,
        form=provider.call_form(request),
        provider=provider,
        config=VoiceConfig.of(connection.config),
        is_open=connection.state == ConnectionState.ACTIVE,
    )
