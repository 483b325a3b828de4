"""The engines of a connection's calls, and how its sound comes here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings

from channels_app import accounts
from channels_app.models import Connection
from channels_app.providers.base import Capability
from channels_app.providers.registry import PROVIDERS
from channels_app.voice.engines import registry, vad
from channels_app.voice.media import dialects
from channels_app.voice.media.dialects import DialectKind
from channels_app.voice.media.engines_of import STT_KEY, TTS_KEY, part_of
from channels_app.voice.media.line import Engines
from convoship.lib.tenancy import in_tenant


def dialect_of(config: Mapping[str, Any]) -> str:
    """The name of the dialect that this connection's far side speaks (`dialects`)."""
    return str(config.get("dialect") or dialects.DEFAULT)


def is_asked_afterwards(kind: str) -> bool:
    """Whether the provider asks what comes next once a socket is closed; else the call is over with it."""
    return PROVIDERS[kind].can(Capability.SPOKEN)


def socket_url(inbound_url: str) -> str:
    """The address of the socket of a connection's sound: where media processes listen."""
    # https becomes wss; on a machine of one's own http becomes ws.
    url = f"{settings.MEDIA_BASE_URL}{inbound_url.removeprefix(settings.PUBLIC_BASE_URL)}/stream"
    return "ws" + url.removeprefix("http")


def socket_url_of(connection: Connection) -> str:
    """The same of a connection."""
    return socket_url(accounts.inbound_url(connection))


def frames_of(connection: Connection) -> DialectKind | None:
    """How a gateway sends the sound of its calls; None of connections that are called otherwise."""
    kind = accounts.kind_of(connection)
    streams = kind.can(Capability.STREAMED) and not kind.can(Capability.SPOKEN)
    return dialects.DIALECTS[dialect_of(connection.config)] if streams and accounts.is_spoken(connection) else None


def addresses(connection: Connection) -> list[tuple[str, str, str]]:
    """Where a gateway that streams calls us: (id, what it is, address)."""
    if dialects.DIALECTS[dialect_of(connection.config)].has_socket:
        return [
            ("ticket-url", "Address for tickets", accounts.inbound_url(connection, "ticket")),
            ("socket-url", "Socket of a call's sound", socket_url_of(connection)),
        ]
    host = settings.SIP_PUBLIC_HOST or settings.SIP_HOST
    # Unless it was said otherwise the edge listens where nobody outside finds it.
    host = "ADDRESS_OF_THE_EDGE" if host in {"127.0.0.1", "0.0.0.0"} else host  # noqa: S104
    return [("sip-url", "Address for your trunk", f"sip:{connection.id}@{host}:{settings.SIP_PORT};transport=udp")]


async def engines(workspace_id: UUID, connection_id: UUID) -> Engines:
    """The engines of a call. Raises `EngineFailed` where one can't be had: a package or a key is missing."""
    config, keys = await in_tenant(_asked_for)(workspace_id, connection_id)
    ear = registry.speech_to_text(part_of(config, "stt"), keys.get(STT_KEY, ""))
    mouth = registry.text_to_speech(part_of(config, "tts"), keys.get(TTS_KEY, ""))
    await vad.load()
    return Engines(ear, mouth, vad.JointDetector())


def _asked_for(connection_id: UUID) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    connection = Connection.objects.get(id=connection_id)
    return connection.config, accounts.to_receive(connection).account.credentials
